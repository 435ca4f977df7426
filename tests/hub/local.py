#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uploads to the hub `local`: a folder appears whole or not at all, what was not uploaded stays, and a model is read back.
usage: local.py LUDWIG SOURCE_DIR"""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

import hubs
from hubs import check

ludwig, source = map(os.path.abspath, sys.argv[1:])
tmp = tempfile.mkdtemp(prefix="ludwig-local-")
root = tmp + "/root"
CONFIG = {"input_features": [{"name": "q", "type": "text", "encoder": {"type": "embed"}}],
          "output_features": [{"name": "a", "type": "category"}], "trainer": {"epochs": 1, "batch_size": 4}}


def run(*arguments, where=root, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env.update(HOME=tmp, HF_ENDPOINT="http://127.0.0.1:1", HF_HOME=tmp + "/hf", **more)
    env.update({"LUDWIG_PRETRAINED_MODELS_DIR": where} if where else {})
    r = subprocess.run([ludwig, *arguments], env=env, text=True, timeout=120, cwd=tmp, capture_output=True)
    check("no crash", 0 <= r.returncode < 9, f"{arguments}: {r.returncode} {r.stderr[-400:]}")
    return r


def train(seed):
    r = run("train", "-cs", json.dumps(CONFIG), "--dataset", tmp + "/rows.csv", "-od", tmp, "--model_name", seed, "-rs", seed, "-q")
    check("train", r.returncode == 0, r.stderr)
    return f"{tmp}/experiment_{seed}"


def upload(run_dir, repo, *more, **env):
    return run("upload", "local", "-r", repo, "-m", run_dir, *more, **env)


def tree(folder):
    return {os.path.relpath(os.path.join(d, f), folder): open(os.path.join(d, f), "rb").read()
            for d, _, files in os.walk(folder) for f in files}


def answers(model):
    r = run("predict", "-m", model, "--dataset", tmp + "/rows.csv", "-o", tmp + "/p.csv", "-q")
    check("predict " + model, r.returncode == 0, r.stderr)
    return open(tmp + "/p.csv").read() if r.returncode == 0 else model


def test_new(first):
    r = upload(first, "org/new", "--dry_run")
    check("dry run", r.returncode == 0 and "model.safetensors" in r.stdout and not os.path.exists(root), r.stderr)
    r = upload(first, "org/new", HF_HUB_OFFLINE="1")
    check("new", r.returncode == 0 and r.stdout.strip() == root + "/org/new", r.stderr)
    check("files", {"model.safetensors", "ludwig_config.json", "training_set_metadata.json"} <= set(tree(root + "/org/new")))
    check("nothing beside it", os.listdir(root + "/org") == ["new"])
    check("the same answers", answers(first) == answers("local://org/new") == answers("org/new"))
    before = os.stat(root + "/org/new")
    r = upload(first, "org/new")
    check("again: nothing to do", r.returncode == 0 and os.stat(root + "/org/new") == before and "0.0 MB" in r.stderr, r.stderr)
    check("private", upload(first, "org/mine", "--private").returncode == 0 and os.stat(root + "/org/mine").st_mode & 0o77 == 0)


def test_replaced(first, second):
    folder = root + "/org/new"
    os.makedirs(folder + "/kept/deep")
    os.symlink("deep", folder + "/kept/link")
    with open(folder + "/kept/deep/note", "w") as f:
        f.write("by hand")
    os.makedirs(root + "/org/.new.upload/kept/deep")  # a killed upload
    open(root + "/org/.new.upload/kept/deep/note", "w").close()
    with open(folder + "/model.safetensors", "rb") as opened:
        r = upload(second, "org/new")
        check("replaced", r.returncode == 0, r.stderr)
        check("who reads keeps the old file", opened.read() == tree(first + "/model/model_weights")["model.safetensors"])
    check("what stays", tree(folder)["kept/deep/note"] == b"by hand" and os.readlink(folder + "/kept/link") == "deep")
    check("nothing beside the new one", sorted(os.listdir(root + "/org")) == ["mine", "new"])
    check("the new answers", answers(second) == answers("org/new"))
    os.symlink(folder, root + "/org/alias")
    check("through a link", upload(first, "org/alias").returncode == 0 and os.path.islink(root + "/org/alias")
          and answers(first) == answers("org/new"))


def test_refused(first):
    before = tree(root + "/org/new")
    for what, code, word, r in (
            ("no root", 7, "LUDWIG_PRETRAINED_MODELS_DIR", upload(first, "org/x", where=None)),
            ("a revision", 7, "no revisions", upload(first, "org/x@v2")),
            ("a wrong name", 2, "", upload(first, "org/..")), ("a file", 2, "organization/model", upload(first, "org/x/y")),
            ("no run", 5, "", upload(tmp + "/none", "org/x")),
            ("root is a file", 5, "rows.csv", upload(first, "org/x", where=tmp + "/rows.csv")),
            ("no such hub", 4, "", run("upload", "none", "-r", "org/x", "-m", first)),
            ("the mirror is not the hub", 7, "HF_TOKEN", run("upload", "hf_hub", "-r", "org/new", "-m", first))):
        check(what, r.returncode == code and word in r.stderr, f"{r.returncode} {r.stderr}")
    open(root + "/org/plain", "w").close()
    check("a file where the folder should be", upload(first, "org/plain").returncode == 5)
    os.makedirs(root + "/org/clash/model.safetensors/inside")
    check("a folder where a file should be", upload(first, "org/clash").returncode == 5)
    check("nothing is left or changed", not [f for f in os.listdir(root + "/org") if f.startswith(".")]
          and tree(root + "/org/new") == before, os.listdir(root + "/org"))


def test_two_at_once(second):
    os.mkdir(root + "/org/.new.upload")
    lock = os.open(root + "/org/.new.upload", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Timer(1.5, os.close, [lock]).start()
    r = upload(second, "org/new", "-l", "debug")
    check("it waits for another", r.returncode == 0 and "under way" in r.stderr and answers(second) == answers("org/new"), r.stderr)


def main():
    with open(tmp + "/rows.csv", "w") as f:
        f.write("q,a\n" + "".join(f"what is {i},{'odd' if i % 2 else 'even'}\n" for i in range(20)))
    first, second = train("1"), train("2")
    test_new(first)
    test_replaced(first, second)
    test_refused(first)
    test_two_at_once(second)
    shutil.rmtree(tmp)
    hubs.finish()


main()
