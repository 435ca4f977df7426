# SPDX-License-Identifier: Apache-2.0
"""What we upload, others load: runs of every kind go to a stand-in of the hub in each of its modes; huggingface_hub fetches
them, and the answers from its cache, without a request, are the run's. peft and transformers go on with the same text.
usage: hub_models.py LUDWIG STAND_IN.py MODELS: a folder with tiny/llama and encoders/electra"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/../hub")
import hubs  # noqa: E402

ludwig, script, models = map(os.path.abspath, sys.argv[1:])
tmp = tempfile.mkdtemp(prefix="ludwig-peers-models-")
TOKEN, with_token, failed = "hf_a", True, 0
AUTH = ("--token", TOKEN + ":alice:write")
MODES = {"plain": AUTH, "in parts": (*AUTH, "--multipart-chunk", "20000", "--lfs-threshold", "10000"),
         "relative redirects, gzip, pages, xet": (*AUTH, "--resolve-cache", "--gzip", "--xet-headers", "--page-size", "2",
                                                  "--cdn-host", "localhost"),
         # Its signed addresses take no token, and huggingface_hub cannot read their answers.
         "one origin, anonymous": ("--no-cdn",)}
LANGUAGE = {"model_type": "llm", "base_model": "alice/llama", "input_features": [{"name": "q", "type": "text"}],
            "output_features": [{"name": "a", "type": "text"}], "generation": {"max_new_tokens": 4, "do_sample": False},
            "trainer": {"type": "finetune", "epochs": 2, "batch_size": 4, "learning_rate": 0.01}, "backend": {"precision": "fp32"}}
LORA = {"type": "lora", "r": 4}


def predictive(**encoder):
    return {"input_features": [{"name": "q", "type": "text", "encoder": {
        "type": "auto_transformer", "pretrained_model_name_or_path": "alice/electra", **encoder}}, {"name": "n", "type": "number"}],
        "output_features": [{"name": "a", "type": "category"}], "trainer": {"epochs": 2, "batch_size": 4}}


RUNS = {"adapter": {**LANGUAGE, "adapter": LORA}, "full": {**LANGUAGE, "adapter": None},
        "merged": {**LANGUAGE, "adapter": {**LORA, "postprocessor": {"merge_adapter_into_base_model": True}}},
        "frozen": predictive(trainable=False), "lora": predictive(trainable=True, adapter=LORA), "tuned": predictive(trainable=True),
        "folder": predictive(trainable=False, pretrained_model_name_or_path=models + "/encoders/electra")}
OTHERS = """
import sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
kind, name, prompts = sys.argv[1], sys.argv[2], sys.argv[3:]
model = AutoModelForCausalLM.from_pretrained("alice/llama" if kind == "adapter" else name, dtype=torch.float32)
if kind == "adapter":
    model = PeftModel.from_pretrained(model, name)
tokenizer = AutoTokenizer.from_pretrained(name)
for prompt in prompts:
    ids = torch.tensor([tokenizer(prompt).input_ids])
    out = model.eval().generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=0)
    print(repr(tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True, clean_up_tokenization_spaces=False)))
"""
PROMPTS = ["what is 3", "def f(x):", "Once upon a time", "1, 2, 3,"]


def report(what, good, note=""):
    global failed
    failed += not good
    print(f"{what}: {'pass' if good else f'FAILED {note}'}", flush=True)


def environment(home, **more):
    return {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": home, "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **({"HF_TOKEN": TOKEN} if with_token else {}),
            **more}


def run(home, *command, **more):
    r = subprocess.run(command, env=environment(home, **more), text=True, capture_output=True, cwd=tmp)
    if r.returncode:
        print(command[:4], r.stderr[-500:], file=sys.stderr)
    return r.stdout if r.returncode == 0 else None


def predict(home, model, **more):
    out = tmp + "/p.csv"
    good = run(home, ludwig, "predict", "-m", model, "--dataset", tmp + "/rows.csv", "-o", out, "-q", **more) is not None
    return open(out).read() if good else None


def fetch_all(home, names):
    code = ("import sys; from huggingface_hub import snapshot_download\n"
            "for name in sys.argv[1:]: print(snapshot_download(name))")
    return (run(home, sys.executable, "-c", code, "alice/llama", "alice/electra", *names) or "").split()


def in_mode(mode, names):
    home, theirs, ours = (tempfile.mkdtemp(dir=tmp) for _ in range(3))
    for kind, name in names.items():
        if run(home, ludwig, "upload", "hf_hub", "-r", name, "-m", f"{tmp}/experiment_{kind}", HF_TOKEN=TOKEN) is None:
            return report(f"{mode}: upload of {kind}", False)
    if with_token:
        folders = fetch_all(theirs, names.values())
        hub.faults()
        same = [k for k in RUNS if predict(theirs, names[k], HF_HUB_OFFLINE="1") == answers[k]]
        report(f"{mode}: {len(RUNS)} kinds of runs, fetched by huggingface_hub, answer from its cache as the run does",
               len(folders) == len(RUNS) + 2 and len(same) == len(RUNS) and not hub.log(), same)
    same = [k for k in RUNS if predict(ours, names[k]) == answers[k]]
    report(f"{mode}: {len(RUNS)} kinds of runs, fetched by us into an empty cache, answer as the run does", len(same) == len(RUNS), same)
    report(f"{mode}: the token at its own origin alone", not [e for e in hub.log() if e["auth"] and e["listener"] == "cdn"])
    return theirs


def put_bases():
    for name, folder in (("llama", "tiny/llama"), ("electra", "encoders/electra")):
        files = {f: open(f"{models}/{folder}/{f}", "rb").read() for f in os.listdir(f"{models}/{folder}")}
        hub.put("alice/" + name, files, TOKEN, large=10000)


def train_all():
    for kind, config in RUNS.items():
        run(home, ludwig, "train", "-cs", json.dumps(config), "--dataset", tmp + "/rows.csv", "-od", tmp, "--model_name", kind, "-q")
        answers[kind] = predict(home, f"{tmp}/experiment_{kind}")


def go_on(kind, name, cache):
    options = '{"max_new_tokens": 8, "do_sample": false}'
    ours = [run(home, ludwig, "generate", "-m", name, "-p", p, "-gc", options, "-q") for p in PROMPTS]
    theirs = (run(cache, sys.executable, "-c", OTHERS, kind, name, *PROMPTS) or "").splitlines()
    report(f"{'peft' if kind == 'adapter' else 'transformers'} loads '{kind}' by name: the same greedy texts",
           [repr(t[:-1]) for t in ours if t] == theirs, f"{ours} {theirs}")


with open(tmp + "/rows.csv", "w") as f:
    f.write("q,n,a\n" + "".join(f"what is {i},{i},{'odd' if i % 2 else 'even'}\n" for i in range(24)))
home, answers = tmp + "/home", {}
for number, (mode, options) in enumerate(MODES.items()):
    hub, with_token = hubs.StandIn(script, tmp + "/store", *options), options[:2] == AUTH
    try:
        if number == 0:
            put_bases()
            train_all()
        names = {kind: f"alice/{kind}{number}" for kind in RUNS}
        cache = in_mode(mode, names)
        for kind in ("adapter", "full", "merged") if number == 0 else ():
            go_on(kind, names[kind], cache)
    finally:
        hub.stop()
shutil.rmtree(tmp)
sys.exit(failed > 0)
