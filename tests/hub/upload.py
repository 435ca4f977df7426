#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs to a hub: one commit or none, whatever fails; nothing twice; no token and no place of this machine leaves.
usage: upload.py LUDWIG SOURCE_DIR (exit 77: LUDWIG_SHARED, or ../shared beside the source, has no stand-in)"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import hubs
from hubs import check

ludwig, source = sys.argv[1:]
script = os.environ.get("LUDWIG_SHARED", source + "/../shared") + "/tools/hub_server.py"
if not os.path.exists(script):
    print("no stand-in for the hub: skipped")
    sys.exit(77)
tmp = tempfile.mkdtemp(prefix="ludwig-upload-")
SENTINEL, READER = "hf_SENTINELwriter", "hf_SENTINELreader"
data = source + "/tests/golden/data"

LANGUAGE = """
model_type: llm
base_model: %s
input_features: [{name: question, type: text}]
output_features: [{name: answer, type: text}]
adapter: %s
generation: {max_new_tokens: 3, do_sample: false}
trainer: {type: finetune, epochs: 2, batch_size: 4, learning_rate: 0.01}
"""
PREDICTIVE = """
input_features:
  - {name: question, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: %s}}
  - {name: "odd|`name", type: number}
output_features: [{name: answer, type: category}]
trainer: {epochs: 1, batch_size: 4}
"""


def run(endpoint, *arguments, token=SENTINEL, timeout=120, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "http", "HTTP", "TRANSFORMERS_"))}
    env.update(HOME=tmp, HF_ENDPOINT=endpoint, HF_HOME=tmp + "/hf", HF_HUB_DOWNLOAD_TIMEOUT="3", **more)
    if token:
        env["HF_TOKEN"] = token
    r = subprocess.run([ludwig, *arguments], env=env, text=True, timeout=timeout, cwd=tmp, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    check("no crash", 0 <= r.returncode < 9, f"{arguments}: {r.returncode} {r.stderr[-400:]}")
    check("no token in what is printed", "SENTINEL" not in r.stdout + r.stderr, arguments)
    return r


def train(endpoint, name, config, *more):
    with open(f"{tmp}/{name}.yaml", "w") as f:
        f.write(config)
    r = run(endpoint, "train", "-c", f"{tmp}/{name}.yaml", "--dataset", tmp + "/rows.csv", "--output_directory", tmp,
            "--model_name", name, "-q", *more)
    check(f"train {name}", r.returncode == 0, r.stderr[-400:])
    return f"{tmp}/experiment_{name}"


def tree(hub, repo):
    entries = hubs.call(f"{hub.endpoint}/api/models/{repo}/tree/main?recursive=true", token=SENTINEL)
    return {e["path"]: e.get("lfs", e) for e in entries if e["type"] == "file"}


def commits(hub, repo):
    try:
        return hubs.call(f"{hub.endpoint}/api/models/{repo}/commits/main", token=SENTINEL)
    except OSError:
        return []


def fetch(hub, repo, path):
    request = hubs.urllib.request.Request(f"{hub.endpoint}/{repo}/resolve/main/{path}")
    request.add_unredirected_header("Authorization", "Bearer " + SENTINEL)
    with hubs.urllib.request.urlopen(request) as answer:
        return answer.read()


def upload(hub, run_dir, repo, *more, **env):
    return run(hub.endpoint, "upload", "hf_hub", "-r", repo, "-m", run_dir, *more, **env)


def clean(hub, repo):
    """Every file that left, looked through."""
    for path in tree(hub, repo):
        content = fetch(hub, repo, path)
        check("no token leaves", b"SENTINEL" not in content, path)
        if not path.endswith((".safetensors", "tokenizer.json", "vocab.txt")):
            for place in (tmp, source, os.path.expanduser("~"), "/tmp/"):
                check("no place leaves", place.encode() not in content, f"{path}: {place}")


def test_adapter(hub, run_dir):
    hub.faults()
    r = upload(hub, run_dir, "alice/new", "--dry_run")
    check("dry run", r.returncode == 0 and "adapter_model.safetensors" in r.stdout and "README.md" in r.stdout, r.stderr)
    check("dry run asks nobody", not hub.log(), hub.log())
    r = upload(hub, run_dir, "alice/new", "--private", "--commit_message", "First <go>", "--commit_description", "why")
    check("upload", r.returncode == 0 and "/alice/new/commit/" in r.stdout, r.stderr)
    check("a base model that nobody has", "only who has 'llama'" in r.stderr, r.stderr)
    log = hub.log()
    check("one commit", len([e for e in log if "/commit/" in e["path"]]) == 1)
    check("no token at the other origin", not any(e["auth"] for e in log if e["listener"] == "cdn"))
    files = tree(hub, "alice/new")
    want = {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md",
            "ludwig_config.json", "training_set_metadata.json"}
    check("files", want == set(files) - {".gitattributes"}, sorted(files))
    first = commits(hub, "alice/new")[0]
    check("message", first["title"] == "First <go>" and "why" in first.get("message", ""), first)
    info = hubs.call(f"{hub.endpoint}/api/models/alice/new", token=SENTINEL)
    check("private", info["private"] is True)
    clean(hub, "alice/new")
    card = fetch(hub, "alice/new", "README.md").decode()
    for part in ("library_name: peft\n", "pipeline_tag: text-generation\n", "- lora\n", "rows.csv", "| training |",
                 "| answer | loss |", "PeftModel.from_pretrained"):
        check("card", part in card, part)
    check("card: no name that the hub does not know", "base_model:" not in card.split("---")[1])
    before = len(commits(hub, "alice/new"))
    r = upload(hub, run_dir + "/model", "alice/new")
    check("again: nothing to do", r.returncode == 0 and len(commits(hub, "alice/new")) == before, r.stderr)


def test_whole(hub, run_dir, repo):
    r = upload(hub, run_dir, repo)
    check("whole model", r.returncode == 0, r.stderr)
    card = fetch(hub, repo, "README.md").decode()
    check("whole model: card", "library_name: transformers\n" in card and "AutoModelForCausalLM" in card)
    ours = run(hub.endpoint, "generate", "-m", run_dir, "-p", "what", "-q").stdout
    theirs = run(hub.endpoint, "generate", "-m", "hf://" + repo, "-p", "what", "-q").stdout
    check("whole model: the same text from the hub", ours == theirs and ours, f"{ours!r} {theirs!r}")


def test_predictive(hub, run_dir):
    r = upload(hub, run_dir, "alice/predictive")
    check("predictive", r.returncode == 0, r.stderr)
    files = tree(hub, "alice/predictive")
    check("predictive: files", {"handler.py", "model.safetensors", "encoder/config.json", "encoder/model.safetensors"}
          <= set(files), sorted(files))
    clean(hub, "alice/predictive")
    compile(fetch(hub, "alice/predictive", "handler.py"), "handler.py", "exec")
    card = fetch(hub, "alice/predictive", "README.md").decode()
    check("predictive: card", "pipeline_tag: text-classification\n" in card and "EndpointHandler" in card)
    check("predictive: odd names stay in their cell", "`odd  name`" in card, re.findall(".*odd.*", card)[:1])
    for where, out in ((run_dir, "a.csv"), ("hf://alice/predictive", "b.csv")):
        r = run(hub.endpoint, "predict", "-m", where, "--dataset", tmp + "/rows.csv", "-o", f"{tmp}/{out}", "-q")
        check("predictive: predict", r.returncode == 0, r.stderr)
    with open(tmp + "/a.csv") as a, open(tmp + "/b.csv") as b:
        check("predictive: the same answers from the hub", a.read() == b.read())


def test_base_on_hub(hub):
    folder = data + "/tiny/llama"
    commit = hub.put("alice/base", {n: open(f"{folder}/{n}", "rb").read() for n in os.listdir(folder)}, SENTINEL)
    run_dir = train(hub.endpoint, "named", LANGUAGE % ("alice/base", "{type: lora, r: 2}"))
    r = upload(hub, run_dir, "alice/named")
    check("named base", r.returncode == 0 and "only who has" not in r.stderr, r.stderr)
    card, config = fetch(hub, "alice/named", "README.md").decode(), json.loads(fetch(hub, "alice/named", "adapter_config.json"))
    check("named base: card", "base_model: alice/base\nbase_model_relation: adapter\n" in card, card[:300])
    check("named base: peft finds it", config["base_model_name_or_path"] == "alice/base" and config["revision"] == commit,
          config)
    ours = run(hub.endpoint, "generate", "-m", run_dir, "-p", "what", "-q").stdout
    theirs = run(hub.endpoint, "generate", "-m", "hf://alice/named", "-p", "what", "-q").stdout
    check("named base: the same text from the hub", ours == theirs and ours, f"{ours!r} {theirs!r}")


def test_refusals(hub, run_dir):
    hub.faults()
    for repo in ("new", "alice/..", "alice/a b", "/x", "alice/", ""):
        check(f"name {repo!r}", upload(hub, run_dir, repo).returncode == 2)
    check("no request for a wrong name", not hub.log())
    check("type", upload(hub, run_dir, "alice/x", "--repo_type", "thing").returncode == 2)
    check("no run", upload(hub, tmp + "/none", "alice/x").returncode == 5)
    r = upload(hub, run_dir, "alice/x", token=None)
    check("no token", r.returncode == 7 and "HF_TOKEN" in r.stderr, r.stderr)
    check("reader", upload(hub, run_dir, "alice/x", token=READER).returncode == 7)
    check("stranger", upload(hub, run_dir, "alice/x", token="hf_SENTINELnobody").returncode == 7)
    check("offline", upload(hub, run_dir, "alice/x", HF_HUB_OFFLINE="1").returncode == 7)
    check("no such hub", run(hub.endpoint, "upload", "predibase", "-r", "a/b", "-m", run_dir).returncode == 4)
    check("nothing was made", not commits(hub, "alice/x"))


def test_faults(hub):
    """What passes is tried again; what stays leaves the repository as it was."""
    passing = [dict(kind="status", code=503, match="preupload", method="POST"),
               dict(kind="status", code=429, retry_after=1, match="preupload", method="POST"),
               dict(kind="status", code=500, match="objects/batch", method="POST"),
               dict(kind="status", code=500, match="_cdn/", method="PUT", listener="cdn"),
               dict(kind="close", match="_cdn/", method="PUT", listener="cdn"),
               dict(kind="status", code=502, match="objects/verify", method="POST"),
               dict(kind="status", code=503, match="/commit/", method="POST")]
    fresh = [train(hub.endpoint, f"seed{i}", LANGUAGE % (data + "/tiny/llama", "{type: lora, r: 4}"), "-rs", str(i + 1))
             for i in range(12)]  # what the store has already is not sent
    for i, fault in enumerate(passing):
        hub.faults({**fault, "times": 1})
        r = upload(hub, fresh.pop(), f"alice/fault{i}")
        check(f"passing fault {i}: met", len([e for e in hub.log() if e["status"] not in (200, 201)]) > 0, fault)
        check(f"passing fault {i}", r.returncode == 0 and len(tree(hub, f"alice/fault{i}")) >= 7, f"{fault} {r.stderr[-300:]}")
    staying = [dict(kind="status", code=403, match="/commit/", method="POST"),
               dict(kind="status", code=400, match="_cdn/", method="PUT", listener="cdn"),
               dict(kind="rejectput", match="_cdn/", method="PUT", listener="cdn"),
               dict(kind="status", code=413, match="/commit/", method="POST")]
    for i, fault in enumerate(staying):
        run_dir = fresh.pop()
        hub.faults({**fault, "times": -1})
        r = upload(hub, run_dir, f"alice/stay{i}", timeout=200)
        hub.faults()
        check(f"staying fault {i}", r.returncode == 7 and "error" in r.stderr, f"{fault} {r.returncode} {r.stderr[-300:]}")
        check(f"staying fault {i}: nothing shows", set(tree(hub, f"alice/stay{i}")) <= {".gitattributes"})
        check(f"staying fault {i}: then all of it", upload(hub, run_dir, f"alice/stay{i}").returncode == 0)


def main():
    with open(tmp + "/rows.csv", "w") as f:
        f.write("question,odd|`name,answer\n")
        f.writelines(f"what is {i},{i},{'odd' if i % 2 else 'even'}\n" for i in range(40))
    tokens = ("--token", SENTINEL + ":alice:write", "--token", READER + ":bob:read", "--lfs-threshold", "4000000")
    for kind, more in (("basic", ()), ("parts", ("--multipart-chunk", "3000"))):
        hub = hubs.StandIn(script, f"{tmp}/store_{kind}", *tokens, *more)
        try:
            lora = train(hub.endpoint, "lora_" + kind, LANGUAGE % (data + "/tiny/llama", "{type: lora, r: 4}"))
            test_adapter(hub, lora)
            whole = train(hub.endpoint, "whole_" + kind, LANGUAGE % (data + "/tiny/llama", "null"))
            test_whole(hub, whole, "alice/whole_" + kind)
            if kind == "basic":
                test_predictive(hub, train(hub.endpoint, "predictive", PREDICTIVE % (data + "/encoders/electra")))
                test_base_on_hub(hub)
                test_refusals(hub, lora)
                test_faults(hub)
        finally:
            hub.stop()
    shutil.rmtree(tmp)
    hubs.finish()


main()
