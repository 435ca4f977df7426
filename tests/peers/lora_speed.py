# SPDX-License-Identifier: Apache-2.0
"""PEFT on the same rows, in the same order of work as a user has it: padded batches, labels -100 on the prompt.
Prints real tokens per second and the peak memory in MiB."""
import json
import resource
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

base, data, steps, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(1)
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4)
template = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
rows = []
for r in json.load(open(data)):
    p = tokenizer(template.format(**r)).input_ids
    ids = (p + tokenizer(r["output"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id])[:512]
    rows.append((ids, min(len(p), len(ids))))
order = torch.randperm(len(rows)).tolist()
tokens, seconds = 0, 0.0
for step in range(steps + 1):
    part = [rows[i] for i in order[step * batch:(step + 1) * batch]]
    width = max(len(ids) for ids, _ in part)
    ids = torch.full((len(part), width), 0)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for k, (row, n) in enumerate(part):
        ids[k, :len(row)] = torch.tensor(row)
        mask[k, :len(row)] = 1
        labels[k, n:len(row)] = torch.tensor(row[n:])
    begin = time.perf_counter()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    optimizer.zero_grad()
    if step:  # the first step warms up
        seconds += time.perf_counter() - begin
        tokens += sum(len(row) for row, _ in part)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{tokens / seconds:.1f} {peak}")
