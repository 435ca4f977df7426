# SPDX-License-Identifier: Apache-2.0
"""One cache for two: what huggingface_hub has fetched, we take without a request, and the other way round.
usage: hub.py LUDWIG STAND_IN.py"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/../hub")
import hubs  # noqa: E402

ludwig, script = sys.argv[1:]
tmp = tempfile.mkdtemp(prefix="ludwig-peers-hub-")
hub = hubs.StandIn(script, tmp + "/store", "--token", "hf_a:alice:write")
os.environ.update(HF_ENDPOINT=hub.endpoint, HF_TOKEN="hf_a", HF_HUB_DISABLE_XET="1", HF_HOME=tmp + "/home",
                  HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
failed = 0


def check(what, good, note=""):
    global failed
    failed += not good
    print(f"{what}: {'pass' if good else 'FAILED ' + str(note)}")


def theirs(cache, offline=False, **more):
    code = ("import json,sys; from huggingface_hub import snapshot_download, __version__;"
            "print(snapshot_download('alice/m', **json.loads(sys.argv[1])))")
    r = subprocess.run([sys.executable, "-c", code, json.dumps({"cache_dir": cache, **more})], text=True,
                       env={**os.environ, **({"HF_HUB_OFFLINE": "1"} if offline else {})}, capture_output=True)
    return r.stdout.strip() or r.stderr[-400:]


def ours(cache, reference="alice/m", offline=False):
    r = subprocess.run([ludwig, "download", reference, "-q"], text=True, capture_output=True,
                       env={**os.environ, "HF_HUB_CACHE": cache, **({"HF_HUB_OFFLINE": "1"} if offline else {})})
    return r.stdout.strip() or r.stderr[-400:]


def requests():
    return [e["path"] for e in hub.log() if "harness" not in e["path"]]


def tree(cache):
    found = {}
    for folder, _, files in os.walk(cache + "/models--alice--m"):
        for f in files:
            path = os.path.join(folder, f)
            found[os.path.relpath(path, cache)] = os.readlink(path) if os.path.islink(path) else open(path, "rb").read()
    return found


files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": os.urandom(11 << 20)}
commit = hub.put("alice/m", files, "hf_a")
ignore = [".gitattributes"]
try:
    import huggingface_hub
    print("huggingface_hub", huggingface_hub.__version__)
    a, b = tmp + "/a", tmp + "/b"
    place = theirs(a, ignore_patterns=ignore)
    check("their folder is found by us, offline", ours(a, offline=True) == os.path.realpath(place))
    hub.faults()
    check("by the commit without a request", ours(a, "alice/m@" + commit) == os.path.realpath(place) and not requests(),
          requests())
    check("by the branch without a file", ours(a) == os.path.realpath(place)
          and not [p for p in requests() if "/resolve/" in p], requests())
    ours(b)
    hub.faults()
    check("our folder is found by them, offline", theirs(b, offline=True, ignore_patterns=ignore) == ours(b, offline=True),
          theirs(b, offline=True, ignore_patterns=ignore))
    check("without a request", not requests(), requests())
    one, two = tree(a), tree(b)
    check("the same files, links and references", one.keys() == two.keys() and all(
        json.loads(one[k]) == json.loads(two[k]) if "/trees/" in k else one[k] == two[k] for k in one),
        [k for k in one.keys() | two.keys() if one.get(k) != two.get(k)])
finally:
    hub.stop()
sys.exit(failed > 0)
