#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program against a hub that fails in every way, lies, redirects, and asks for tokens.
usage: server.py LUDWIG SOURCE_DIR (exit 77: LUDWIG_SHARED, or ../shared beside the source, has no stand-in)"""
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

import hubs
from hubs import check

ludwig, source = map(os.path.abspath, sys.argv[1:])
model = source + "/tests/golden/data/tiny/llama"
script = os.environ.get("LUDWIG_SHARED", source + "/../shared") + "/tools/hub_server.py"
if not os.path.exists(script):
    print("no stand-in for the hub: skipped")
    sys.exit(77)
tmp = tempfile.mkdtemp(prefix="ludwig-hub-")
ALICE, BOB, SENTINEL = "hf_alice", "hf_bob", "hf_SENTINEL"
MODEL = {"config.json": b'{"model_type":"x"}', "tokenizer.json": b"{}", "README.md": b"# x", "pytorch_model.bin": b"no",
         "model.safetensors": random.Random(1).randbytes(50_000_000)}
BIG = hashlib.sha256(MODEL["model.safetensors"]).hexdigest()


def environment(endpoint, home, token=BOB, **more):
    ours = ("HF_", "HUGGING", "http", "HTTP", "TRANSFORMERS_", "CURL_CA", "REQUESTS_CA", "SSL_CERT")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    env.update(HF_ENDPOINT=endpoint, HF_HOME=home, HF_HUB_DOWNLOAD_TIMEOUT="2", HF_HUB_ETAG_TIMEOUT="2", **more)
    if token:
        env["HF_TOKEN"] = token
    env.setdefault("ASAN_OPTIONS", "detect_leaks=0")  # its tracer may crash at the exit of a program that had threads
    return env


def run(endpoint, home, *arguments, timeout=60, **more):
    result = subprocess.run([ludwig, *arguments], env=environment(endpoint, home, **more), text=True, timeout=timeout,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp)
    check("no crash", result.returncode in range(0, 9), f"{arguments}: {result.returncode} {result.stderr[-400:]}")
    return result


def blobs(home, repo="alice--m"):
    folder = f"{home}/hub/models--{repo}/blobs"
    return {f: os.path.getsize(f"{folder}/{f}") for f in os.listdir(folder)} if os.path.isdir(folder) else {}


def whole(home):
    """The blob is right, or not there."""
    path = f"{home}/hub/models--alice--m/blobs/{BIG}"
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return f.read() == MODEL["model.safetensors"]


def fresh():
    return tempfile.mkdtemp(dir=tmp)


def test_download(hub, commit):
    home = fresh()
    hub.faults()
    r = run(hub.endpoint, home, "download", "alice/m")
    folder = r.stdout.strip()
    check("download", r.returncode == 0 and folder.endswith(commit), r.stderr)
    check("only what is needed", sorted(os.listdir(folder)) == ["config.json", "model.safetensors", "tokenizer.json"])
    check("links", os.readlink(folder + "/model.safetensors") == "../../blobs/" + BIG and whole(home))
    with open(f"{home}/hub/models--alice--m/refs/main") as f:
        check("ref", f.read() == commit)
    log = hub.log()
    check("token at the hub", all(e["auth"] for e in log if e["listener"] == "hub"))
    check("no token at the other origin", [e["auth"] for e in log if e["listener"] == "cdn"] == [False])
    hub.faults()
    run(hub.endpoint, home, "download", "hf://alice/m@main")
    check("second time: no file is asked for", not [e for e in hub.log() if "/resolve/" in e["path"]], hub.log())
    hub.faults()
    check("a commit needs no request", run(hub.endpoint, home, "download", "alice/m@" + commit).returncode == 0
          and not hub.log())
    check("offline", run(hub.endpoint, home, "download", "alice/m", HF_HUB_OFFLINE="1").stdout.strip() == folder
          and not hub.log())
    r = run(hub.endpoint, fresh(), "download", "alice/m", HF_HUB_OFFLINE="1")
    check("offline and not there", r.returncode == 7 and "HF_HUB_OFFLINE" in r.stderr and not hub.log(), r.stderr)
    r = run("http://127.0.0.1:1", home, "download", "alice/m")
    check("unreachable: as before", r.returncode == 0 and "as it was fetched before" in r.stderr, r.stderr)
    check("unreachable and not there", run("http://127.0.0.1:1", fresh(), "download", "alice/m").returncode == 7)
    r = run(hub.endpoint, fresh(), "download", "hf://alice/m/config.json")
    check("one file", r.returncode == 0 and r.stdout.endswith("/config.json\n"))
    home = fresh()
    r = run(hub.endpoint, home, "download", "hf://alice/m/none.json")
    check("no such file", r.returncode == 7 and "none.json" in r.stderr)
    check("which is remembered", os.path.exists(f"{home}/hub/models--alice--m/.no_exist/{commit}/none.json"))
    check("no such revision", run(hub.endpoint, home, "download", "alice/m@zz").returncode == 7)
    check("no such repository", run(hub.endpoint, home, "download", "alice/none").returncode == 7)
    check("no such hub", run(hub.endpoint, home, "download", "zz://alice/none").returncode == 4)
    check("no reference", run(hub.endpoint, home, "download", "hf://alice/../m").returncode == 2)


def test_other_modes():
    """A hub that redirects at home, compresses where it may, pages its lists, and tells of Xet; shards; a moved name."""
    hub = hubs.StandIn(script, fresh(), "--token", ALICE + ":alice:write", "--token", BOB + ":bob:read", "--resolve-cache",
                       "--gzip", "--page-size", "2", "--xet-headers", "--cdn-host", "localhost")
    shards = {"model-00001-of-00002.safetensors": b"1" * 2_000_000, "other.safetensors": b"2" * 2_000_000}
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "other.safetensors"}}
    files = {"config.json": b"{}" * 1000, "tokenizer.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode(),
             "consolidated.safetensors": b"3" * 2_000_000, **shards}
    hub.put("alice/shards", files, ALICE)
    home = fresh()
    hub.faults()
    r = run(hub.endpoint, home, "download", "alice/shards")
    got = {f: open(os.path.join(r.stdout.strip(), f), "rb").read() for f in os.listdir(r.stdout.strip() or ".")}
    del files["consolidated.safetensors"]
    check("shards", r.returncode == 0 and got == files, r.stderr)
    check("nothing but the token's own origin has it", not [e for e in hub.log() if e["auth"] and e["listener"] == "cdn"]
          and len([e for e in hub.log() if "/tree/" in e["path"]]) > 2)
    hubs.call(hub.endpoint + "/api/repos/move", {"fromRepo": "alice/shards", "toRepo": "alice/new", "type": "model"},
              token=ALICE)
    check("a moved repository", run(hub.endpoint, fresh(), "download", "alice/shards").returncode == 0)
    hub.stop()


def test_parallel(hub):
    """A file that stalls does not keep the others waiting."""
    files = {f"model-{i}.safetensors": bytes([i]) * 2_000_000 for i in range(3)}
    index = {"weight_map": {f"t{i}": name for i, name in enumerate(files)}}
    hub.put("alice/parts", {"config.json": b"{}", "model.safetensors.index.json": json.dumps(index).encode(), **files}, ALICE)
    hub.faults({"match": "/_cdn/blob", "method": "GET", "kind": "stall", "at": 1000, "sec": 1.5})
    r = run(hub.endpoint, fresh(), "download", "alice/parts")
    ended = ["stall" in e["faults"] for e in hub.log() if e["listener"] == "cdn"]
    check("files at the same time", r.returncode == 0 and ended == [False, False, True], f"{ended} {r.stderr}")


def test_cuts(hub):
    get = {"match": "/_cdn/blob", "method": "GET"}
    for kind in ("truncate", "drop"):
        home = fresh()
        hub.faults({**get, "kind": kind, "bytes": 5_000_000, "times": 9})
        r = run(hub.endpoint, home, "download", "alice/m")
        starts = [int(e["range"][6:-1]) if e["range"] else 0 for e in hub.log() if e["listener"] == "cdn"]
        check(kind + " at every tenth", r.returncode == 0 and whole(home), r.stderr)
        check(kind + ": nothing twice", starts == sorted(set(starts)) and len(starts) == 10, starts)


def test_faults(hub):
    get = {"match": "/_cdn/blob", "method": "GET"}
    api = {"match": "/api/models", "method": "GET"}
    cut = {**get, "kind": "truncate", "bytes": 30_000_000}
    good = {
        "503 twice on a file": [{**get, "kind": "status", "code": 503, "times": 2}],
        "500 at the hub": [{**api, "kind": "status", "code": 500}],
        "429 with Retry-After": [{**get, "kind": "status", "code": 429, "retry_after": 0}],
        "429 with RateLimit": [{**api, "kind": "status", "code": 429, "ratelimit": 0}],
        "closed without an answer": [{**get, "kind": "close"}, {**api, "kind": "close"}],
        "a short body": [{**get, "kind": "short", "bytes": 1000}],
        "a flipped byte": [{**get, "kind": "corrupt", "at": 5}],
        "Range ignored": [cut, {**get, "kind": "norange", "times": -1}],
        "the wrong range": [cut, {**get, "kind": "badrange", "times": 1}],
        "no length": [{**get, "kind": "nolength"}],
        "a page of HTML": [{**api, "kind": "badjson"}],
        "an expired link": [{**get, "kind": "expired"}],
        "a stall": [{**get, "kind": "stall", "at": 20_000_000, "sec": 6}],
        "a drip": [{**api, "kind": "slow", "bps": 10}],
        "a late answer": [{**api, "kind": "delay", "sec": 1}],
        "408, 502, 504": [{**api, "kind": "status", "code": 408}, {**get, "kind": "status", "code": 502, "times": 1},
                          {**get, "kind": "status", "code": 504, "skip": 1}],
        "400 of another origin": [{**get, "kind": "status", "code": 400}],
        "a list that ends early": [{"match": "/tree/", "kind": "truncate", "bytes": 60}],
        "a list that is cut": [{"match": "/tree/", "kind": "drop", "bytes": 60}],
        "no commit in the header": [{"match": "/resolve/", "kind": "noheader", "name": "X-Repo-Commit", "times": -1}],
        "another ETag": [{"match": "/resolve/", "kind": "setheader", "name": "ETag", "value": "../../x", "times": -1}],
        "a stall of the list": [{"match": "/tree/", "kind": "stall", "at": 20, "sec": 4}],
        "an empty token of the other side": [{**get, "kind": "setheader", "name": "X-Error-Code", "value": "\x1b[2J"}],
    }
    for name, faults in good.items():
        home = fresh()
        hub.faults(*faults)
        r = run(hub.endpoint, home, "download", "alice/m")
        check(name, r.returncode == 0 and whole(home), r.stderr)
        check(name + ": no token elsewhere", not [e for e in hub.log() if e["listener"] == "cdn" and e["auth"]])
    bad = {
        "always damaged": [{**get, "kind": "corrupt", "at": 5, "times": -1}],
        "a redirect to itself": [{**api, "kind": "redirect", "to": "self", "times": -1}],
        "a list of files that is none": [{**api, "match": "/tree/", "kind": "badjson", "times": -1}],
        "403 for ever": [{**api, "kind": "status", "code": 403, "times": -1}],
        "closed for ever": [{**api, "kind": "close", "times": -1}],
        "a listed file that is gone": [{"match": "/resolve/", "kind": "status", "code": 404, "times": -1}],
        "a list of HTML pages, not found": [{"match": "/tree/", "kind": "status", "code": 404, "times": -1}],
        "no way out of redirects": [{"match": "/resolve/", "kind": "redirect", "to": "self", "times": -1}],
    }
    for name, faults in bad.items():
        home = fresh()
        hub.faults(*faults)
        r = run(hub.endpoint, home, "download", "alice/m")
        check(name, r.returncode == 7 and r.stderr.count("error:") == 1 and whole(home) is None, r.stderr)
        check(name + ": nothing is left that looks whole", not [b for b in blobs(home) if b == BIG])
        check(name + ": no token elsewhere", not [e for e in hub.log() if e["listener"] == "cdn" and e["auth"]])


def with_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def started(endpoint, home):
    return subprocess.Popen([ludwig, "download", "alice/m", "-q"], env=environment(endpoint, home), cwd=home,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=with_core)


def part_size(home):
    return blobs(home).get(BIG + ".incomplete", 0)


def wait_for_part(home, size):
    end = time.time() + 30
    while part_size(home) < size and time.time() < end:
        time.sleep(0.02)


def test_killed(hub):
    for how, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGABRT, -6)):
        home = fresh()
        hub.faults({"match": "/_cdn/blob", "kind": "slow", "bps": 20_000_000})
        p = started(hub.endpoint, home)
        wait_for_part(home, 5_000_000)
        p.send_signal(how)
        check(f"signal {how}", p.wait(20) == code, p.stderr.read())
        kept = part_size(home)
        check(f"signal {how}: the part stays", kept >= 5_000_000 and whole(home) is None)
        hub.faults()
        r = run(hub.endpoint, home, "download", "alice/m")
        ranges = [e["range"] for e in hub.log() if e["listener"] == "cdn"]
        check(f"signal {how}: no core file with the token", not [f for f in os.listdir(home) if f.startswith("core")])
        check(f"signal {how}: goes on", r.returncode == 0 and whole(home) and ranges[-1:] == [f"bytes={kept}-"], ranges)


def test_two_at_once(hub):
    home = fresh()
    hub.faults({"match": "/_cdn/blob", "kind": "slow", "bps": 50_000_000})
    both = [started(hub.endpoint, home) for _ in range(2)]
    check("two processes", [p.wait(60) for p in both] == [0, 0] and whole(home))
    check("one transfer", len([e for e in hub.log() if e["listener"] == "cdn"]) == 1)


def test_permissions(hub):
    def said(repo, token, *words):
        r = run(hub.endpoint, fresh(), "download", repo, token=token)
        check(f"{repo} with {token}", r.returncode == 7 and all(w in r.stderr for w in words), r.stderr)

    hub.faults()
    said("alice/gated", None, "restricted", "HF_TOKEN")
    said("alice/gated", BOB, "restricted", "ask for it")
    said("alice/private", None, "private", "HF_TOKEN")
    said("alice/private", BOB, "private")
    said("alice/m", "hf_unknown", "does not know the token")
    check("whom it belongs to", run(hub.endpoint, fresh(), "download", "alice/private", token=ALICE).returncode == 0)
    home = fresh()
    with open(home + "/token", "w") as f:
        f.write(ALICE + "\n")
    r = run(hub.endpoint, home, "download", "alice/private", token=None)
    check("token file", r.returncode == 0 and "chmod 600" in r.stderr, r.stderr)


def test_token_stays(hub):
    """Redirects to other origins: same host and other port, other name, a way back."""
    other = hubs.Liar(lambda path, headers: (200, {}, b"{}"))
    back = hubs.Liar(lambda path, headers: (302, {"Location": hub.endpoint + "/api/models/alice/m"}, b""))
    for to in (other.endpoint, other.endpoint.replace("127.0.0.1", "localhost"), back.endpoint):
        hub.faults({"match": "/revision/", "kind": "redirect", "to": to + "/x", "times": -1})
        r = run(hub.endpoint, fresh(), "download", "alice/m", "-l", "debug", token=SENTINEL + "_x")
        check("the redirect", r.returncode == (0 if to == back.endpoint else 7), r.stderr)
    seen = other.seen + back.seen
    check("was followed", len(seen) >= 3)
    check("without the token", not [h for _, h in seen if "Authorization" in h], seen)
    check("also after the way back", not [e for e in hub.log() if e["path"] == "/api/models/alice/m" and e["auth"]])
    hub.faults({"match": "/revision/", "kind": "redirect", "to": "file:///etc/passwd"})
    check("no file:", run(hub.endpoint, fresh(), "download", "alice/m").returncode == 7)
    echo = hubs.Liar(lambda p, h: (403, {}, json.dumps({"error": str(h) + "\x1b[2J"}).encode()))
    home = fresh()
    r = run(echo.endpoint, home, "download", "alice/m", "-l", "debug", token=SENTINEL)
    check("an echo is not shown", r.returncode == 7 and SENTINEL not in r.stderr + r.stdout and "\x1b" not in r.stderr,
          r.stderr)
    check("nor kept", not [f for f in hubs.snapshot(home) if SENTINEL in open(f, errors="replace").read()])
    r = run("http://hub.example", fresh(), "download", "alice/m")
    check("no plain http elsewhere", r.returncode == 7 and "not encrypted" in r.stderr, r.stderr)
    for s in (other, back, echo):
        s.stop()


def test_tls():
    if not shutil.which("openssl"):
        return
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp + "/key", "-out",
                    tmp + "/cert", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp + "/cert", tmp + "/key")
    plain = hubs.Liar(lambda path, headers: (200, {}, b"{}"))
    secure = hubs.Liar(lambda path, headers: (302, {"Location": plain.endpoint + "/x"}, b""), context)
    r = run(secure.endpoint, fresh(), "download", "alice/m")
    check("an unknown certificate", r.returncode == 7 and "certificate" in r.stderr and not secure.seen, r.stderr)
    r = run(secure.endpoint, fresh(), "download", "alice/m", SSL_CERT_FILE=tmp + "/cert")
    check("no way from https to http", r.returncode == 7 and "from https" in r.stderr and not plain.seen, r.stderr)
    check("it was trusted", len(secure.seen) == 1)
    r = run(secure.endpoint.replace("127.0.0.1", "localhost"), fresh(), "download", "a/m", SSL_CERT_FILE=tmp + "/cert")
    check("a certificate of another name", r.returncode == 7 and len(secure.seen) == 1, r.stderr)
    plain.stop()
    secure.stop()


NAMES = ["../x", "../../../../x", "/tmp/ludwig-x", "a/../../x", "a/..", "..", ".", "./x", "", "a//b", "a/", "C:\\x", "C:x",
         "\\\\h\\s", "a\\..\\..\\x", "nul\0byte", "new\nline", "esc\x1b[2J", "\u202egpj", "\u2066x", "con", "NUL.txt",
         "COM1", "x" * 300, "d/" * 600 + "x", "a:stream", "end.", "end ", "\x7f", "\ufeffx"]


def test_names():
    fine = {"-rf": b"1", ".hidden": b"2", "a b+#\u00e9.txt": b"3", "sub/deep/f": b"4", "\u4e16\u754c": b"5"}
    entries = [hubs.entry(n, b"evil") for n in NAMES] + [hubs.entry(n, c) for n, c in fine.items()]
    hub = hubs.liar_of(entries, fine)
    home = fresh()
    before = hubs.snapshot(tmp)
    r = run(hub.endpoint, home, "download", "hf://datasets/alice/d")
    folder = r.stdout.strip()
    check("hostile names are left out", r.returncode == 0 and r.stderr.count("left out") >= 25 and "\x1b" not in r.stderr,
          r.stderr)
    got = {os.path.relpath(f, folder) for f in hubs.snapshot(folder)}
    check("the others are there", got == set(fine), got)
    new = hubs.snapshot(tmp) - before
    check("nothing outside", all(f.startswith(home + "/hub/") for f in new) and not os.path.exists("/tmp/ludwig-x"))
    check("no hostile content", not [f for f in new if open(f, "rb").read() == b"evil"])
    hub.stop()
    hostile = {"case twins": [hubs.entry("a.csv", b"1"), hubs.entry("A.csv", b"2")],
               "a file that is a folder too": [hubs.entry("a", b"1"), hubs.entry("a/b", b"2")],
               "no hash": [{"type": "file", "path": "a", "size": 1}], "a negative size": [{**hubs.entry("a", b""), "size": -1}],
               "a hash that is a path": [{**hubs.entry("a", b"1"), "oid": "../../../../x"}],
               "more bytes than said": [{**hubs.entry("long", b"12345"), "size": 2}],
               "a huge file": [{**hubs.entry("a", b"1"), "size": 1 << 60}]}
    for name, files in hostile.items():
        hub = hubs.liar_of(files, {"a": b"1", "a/b": b"2", "long": b"12345"})
        r = run(hub.endpoint, fresh(), "download", "hf://datasets/alice/d")
        check(name, r.returncode in (5, 7), f"{r.returncode} {r.stderr}")
        hub.stop()


def test_by_name(hub):
    """A run that names everything by repository; then the run itself in one."""
    def folder_files(folder):
        return {os.path.relpath(f, folder): open(f, "rb").read() for f in hubs.snapshot(folder)}

    rows = "".join(f"a good day {i},yes\na bad day {i},no\n" for i in range(20))
    commit = hub.put("alice/tiny", folder_files(model), ALICE)
    hub.put("alice/data", {"train.csv": ("text,label\n" + rows).encode(), "README.md": b"#"}, ALICE, "dataset")
    hub.put("alice/two", {"a.csv": b"text,label\n", "b.csv": b"text,label\n"}, ALICE, "dataset")
    config = {"model_type": "llm", "base_model": "alice/tiny", "input_features": [{"name": "text", "type": "text"}],
              "output_features": [{"name": "label", "type": "text"}], "adapter": {"type": "lora", "r": 2},
              "generation": {"max_new_tokens": 2}, "trainer": {"type": "finetune", "epochs": 1, "batch_size": 8}}
    home, data = fresh(), "hf://datasets/alice/data/train.csv"
    out = home + "/out"
    hub.faults()
    r = run(hub.endpoint, home, "train", "-cs", json.dumps(config), "--dataset", data, "-od", out)
    check("training by name", r.returncode == 0, r.stderr)
    run_folder = out + "/experiment_run"
    saved = json.load(open(run_folder + "/model/model_hyperparameters.json"))
    adapter = json.load(open(run_folder + "/model/model_weights/adapter_config.json"))
    check("the commit is kept", saved["base_model"] == "alice/tiny@" + commit)
    check("as peft wants it", (adapter["base_model_name_or_path"], adapter["revision"]) == ("alice/tiny", commit))
    r = run(hub.endpoint, home, "train", "-cs", json.dumps(config), "--dataset", "hf://datasets/alice/two", "-od", out)
    check("two tables", r.returncode == 2 and "hf://datasets/alice/two/FILE" in r.stderr, r.stderr)
    hub.faults()
    answers = []
    files = folder_files(run_folder + "/model/model_weights")
    files["ludwig_config.json"] = json.dumps(saved).encode()
    for name in ("training_set_metadata.json",):
        files[name] = open(f"{run_folder}/model/{name}", "rb").read()
    hub.put("alice/run", files, ALICE)
    for where, data in ((run_folder, data), ("alice/run", data), ("hf://alice/run@main", "hf://datasets/alice/data")):
        r = run(hub.endpoint, home, "predict", "-m", where, "--dataset", data, "-o", home + "/p.csv")
        check("predicting with " + where, r.returncode == 0, r.stderr)
        answers.append(open(home + "/p.csv").read() if r.returncode == 0 else where)
    check("all the same", len(set(answers)) == 1)
    hub.faults()
    config["adapter"] = {"type": "lora", "pretrained_adapter_weights": "hf://alice/run"}
    r = run(hub.endpoint, home, "train", "-cs", json.dumps(config), "--dataset", data, "-od", out)
    check("an adapter to start from", r.returncode == 0, r.stderr)
    os.makedirs(home + "/mirror/my")
    shutil.copytree(model, home + "/mirror/my/tiny")
    hub.faults()
    config.update(base_model="my/tiny", adapter={"type": "lora"})
    with open(home + "/rows.csv", "w") as f:
        f.write("text,label\n" + rows)
    r = run(hub.endpoint, home, "train", "-cs", json.dumps(config), "--dataset", home + "/rows.csv", "-od", out,
            LUDWIG_PRETRAINED_MODELS_DIR=home + "/mirror")
    check("a mirror of folders", r.returncode == 0 and not hub.log(), r.stderr)
    newest = max((f for f in hubs.snapshot(out) if f.endswith("hyperparameters.json")), key=os.path.getmtime)
    check("whose place is kept", json.load(open(newest))["base_model"] == os.path.realpath(home + "/mirror/my/tiny"))


def main():
    hub = hubs.StandIn(script, fresh(), "--token", ALICE + ":alice:write", "--token", BOB + ":bob:read", "--token",
                       SENTINEL + "_x:bob:read")
    try:
        commit = hub.put("alice/m", MODEL, ALICE)
        for repo in ("alice/gated", "alice/private"):
            hub.put(repo, {"config.json": b"{}", "model.safetensors": b"x"}, ALICE)
        hub.settings("alice/gated", ALICE, gated="manual")
        hub.settings("alice/private", ALICE, private=True)
        test_download(hub, commit)
        test_other_modes()
        test_parallel(hub)
        test_cuts(hub)
        test_faults(hub)
        test_killed(hub)
        test_two_at_once(hub)
        test_permissions(hub)
        test_token_stays(hub)
        test_tls()
        test_names()
        test_by_name(hub)
    finally:
        hub.stop()
        shutil.rmtree(tmp, ignore_errors=True)
    hubs.finish()


main()
