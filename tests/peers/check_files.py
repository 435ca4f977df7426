# SPDX-License-Identifier: Apache-2.0
"""The folders that we write load in peft and transformers and give our logits: nll of one text within 1e-3."""
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

base, adapter_run, full_run = sys.argv[1:4]


def nll(model, tokenizer, prompt, target):
    p = tokenizer(prompt).input_ids
    t = tokenizer(target, add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
    ids = torch.tensor([p + t])
    with torch.no_grad():
        logits = model(ids).logits[0].float()
    logp = torch.log_softmax(logits, -1)
    return -sum(logp[i - 1, ids[0, i]].item() for i in range(len(p), len(p) + len(t))) / len(t)


prompt, target = sys.argv[4], sys.argv[5]
ours_adapter, ours_full = float(sys.argv[6]), float(sys.argv[7])
weights = adapter_run + "/model/model_weights"
tokenizer = AutoTokenizer.from_pretrained(weights)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
theirs = nll(PeftModel.from_pretrained(model, weights).eval(), tokenizer, prompt, target)
print(f"adapter folder: {len(load_file(weights + '/adapter_model.safetensors'))} tensors, "
      f"loss ours {ours_adapter:.6f}, peft {theirs:.6f}")
bad = abs(theirs - ours_adapter) > 1e-3
weights = full_run + "/model/model_weights"
model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32).eval()
theirs = nll(model, AutoTokenizer.from_pretrained(weights), prompt, target)
print(f"full folder: loss ours {ours_full:.6f}, transformers {theirs:.6f}")
sys.exit(bad or abs(theirs - ours_full) > 1e-3)
