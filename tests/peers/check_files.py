# SPDX-License-Identifier: Apache-2.0
"""What we write, peft and transformers load, and what peft writes, we load: logits of the same text within 1e-3.
usage: check_files.py LOGITS GGUF HF_FOLDER ADAPTER FULL TEMP: our program that writes logits; the base model as a file
and as a folder; folders that we wrote: of an adapter, of a fully tuned model."""
import subprocess
import sys

import numpy
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

LIMIT = 1e-3
program, gguf, folder, adapter, full, temp = sys.argv[1:]
texts = ["### Instruction:\nSay hello.\n\n### Input:\n\n\n### Response:\nHello there!",
         "def f(x):\n    return x ** 12345  # \u00e4\u4e16\u754c\U0001f600, it's"]
failed = 0


def ours(base, adapter_folder, text):
    subprocess.run([program, base, adapter_folder, text, temp + "/logits"], check=True)
    return numpy.fromfile(temp + "/logits", dtype=numpy.float32)


def theirs(model, tokenizer, text):
    with torch.no_grad():
        return model(torch.tensor([tokenizer(text).input_ids])).logits[0].float().numpy()


def compare(what, model, tokenizer, base, adapter_folder):
    global failed
    worst = 0.0
    for text in texts:
        want = theirs(model.eval(), tokenizer, text)
        got = ours(base, adapter_folder, text)
        worst = max(worst, float(abs(got.reshape(want.shape) - want).max()) if got.size == want.size else float("inf"))
    good = worst <= LIMIT
    failed += not good
    print(f"{what}: largest difference of logits {worst:.2g}, wanted {LIMIT:g}: {'pass' if good else 'FAILED'}")


def load(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)


compare("base model", load(folder), AutoTokenizer.from_pretrained(folder), gguf, "")
compare("our adapter folder in peft", PeftModel.from_pretrained(load(folder), adapter),
        AutoTokenizer.from_pretrained(adapter), gguf, adapter)
compare("our model folder in transformers", load(full), AutoTokenizer.from_pretrained(full), full, "")
torch.manual_seed(1)
peft = get_peft_model(load(folder), LoraConfig(r=4, lora_alpha=12, target_modules=["q_proj", "v_proj", "down_proj"],
                                               init_lora_weights=False, task_type="CAUSAL_LM"))
peft.save_pretrained(temp + "/peft")
compare("peft's adapter folder in ours", peft, AutoTokenizer.from_pretrained(folder), gguf, temp + "/peft")
sys.exit(failed > 0)
