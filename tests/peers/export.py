# SPDX-License-Identifier: Apache-2.0
"""What `ludwig export` writes, others read: peft and transformers go on with the same greedy text, the package gguf finds
its own blocks byte by byte, and base + adapter is the merged model.
usage: export.py LUDWIG RUN BASE_FOLDER BASE_GGUF TEMP: a run with a LoRA adapter over that base"""
import json
import subprocess
import sys

import numpy
import torch
from gguf import GGMLQuantizationType, GGUFReader, quants
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

program, run, folder, base_gguf, temp = sys.argv[1:]
PROMPTS = ["The capital of France is", "def add(a, b):", "Once upon a time", "### Instruction:\nSay hello.\n\n### Response:\n",
           "1, 2, 3,", "I can't", "{\"name\":", "Dear Sir or Madam,"]
TOKENS = 16
failed = 0


def report(what, good, detail=""):
    global failed
    failed += not good
    print(f"{what}: {detail}{': ' if detail else ''}{'pass' if good else 'FAILED'}")


def export(kind, name, *more):
    subprocess.run([program, "export", "-m", run, "--format", kind, "-o", f"{temp}/{name}", "-q", *more], check=True)
    return f"{temp}/{name}"


def ours(prompt):
    options = json.dumps({"max_new_tokens": TOKENS, "do_sample": False})
    return subprocess.run([program, "generate", "-m", run, "-p", prompt, "-gc", options, "-q"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout[:-1]


def theirs(model, tokenizer, prompt):
    ids = torch.tensor([tokenizer(prompt).input_ids])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False,
                             pad_token_id=0)
    return tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True, clean_up_tokenization_spaces=False)


def texts(what, model, where):
    tokenizer = AutoTokenizer.from_pretrained(where)
    same = sum(theirs(model.eval(), tokenizer, p) == ours(p) for p in PROMPTS)
    report(what, same == len(PROMPTS), f"{same} of {len(PROMPTS)} greedy texts")


def load(where, **more):
    return AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **more)


def tensors(path):
    return {t.name: t for t in GGUFReader(path).tensors}


def plain(t):
    return quants.dequantize(t.data, t.tensor_type)


adapter = export("peft", "peft")
texts("peft goes on from our export", PeftModel.from_pretrained(load(folder), adapter), adapter)
merged = export("merged", "merged")
texts("transformers goes on from our export", load(merged), merged)

exact = tensors(export("gguf", "f32.gguf", "--type", "F32"))
for kind in ("F16", "BF16", "Q8_0", "Q4_0"):
    read = tensors(export("gguf", kind + ".gguf", "--type", kind))
    bad = [n for n, t in read.items() if t.tensor_type != GGMLQuantizationType.F32
           and quants.quantize(plain(exact[n]), t.tensor_type).tobytes() != t.data.tobytes()]
    report(f"gguf reads {kind}", not bad and read.keys() == exact.keys(), f"{len(read)} tensors, {len(bad)} differ")

lora, base = tensors(export("gguf_adapter", "adapter.gguf")), tensors(base_gguf)
alpha = GGUFReader(temp + "/adapter.gguf").fields["adapter.lora.alpha"].contents()
worst = 0.0
for name in [n.removesuffix(".lora_a") for n in lora if n.endswith(".lora_a")]:
    a, b = lora[name + ".lora_a"].data, lora[name + ".lora_b"].data
    worst = max(worst, float(numpy.abs(plain(base[name]) + alpha / len(a) * b @ a - plain(exact[name])).max()))
report("base and adapter of two GGUF files", worst < 1e-5, f"{len(lora) // 2} pairs, largest difference {worst:.2g}")
sys.exit(failed > 0)
