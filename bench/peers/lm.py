# SPDX-License-Identifier: Apache-2.0
"""transformers (+ PEFT) on rows of JSON Lines {"instruction", "output"}, as a user has it: padded batches, labels -100
on the prompt. usage: lm.py FOLDER ROWS STEPS BATCH LENGTH fp32|bf16|autocast lora|full
Prints one JSON object: real tokens per second without the first step, peak memory in MiB, the loss of each step."""
import contextlib
import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

base, data, steps, batch, length, precision, kind = sys.argv[1:]
steps, batch, length = int(steps), int(batch), int(length)
torch.manual_seed(1)
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
if kind == "lora":
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"],
                                             task_type="CAUSAL_LM"))
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=5e-4 if kind == "lora" else 2e-5, weight_decay=0)
half = torch.autocast("cpu", torch.bfloat16) if precision == "autocast" else contextlib.nullcontext()
rows = []
for line in open(data, encoding="utf-8"):
    r = json.loads(line)
    prompt = tokenizer(r["instruction"]).input_ids
    answer = tokenizer(r["output"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
    rows.append(((prompt + answer)[:length], min(len(prompt), length)))
tokens, seconds, losses = 0, 0.0, []
for step in range(steps):
    part = [rows[(step * batch + i) % len(rows)] for i in range(batch)]
    width = max(len(ids) for ids, _ in part)
    ids = torch.zeros((batch, width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for k, (row, n) in enumerate(part):
        ids[k, :len(row)] = torch.tensor(row)
        mask[k, :len(row)] = 1
        labels[k, n:len(row)] = torch.tensor(row[n:])
    begin = time.perf_counter()
    with half:
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 0.5)
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss.item())
    if step:
        seconds += time.perf_counter() - begin
        tokens += sum(len(row) for row, _ in part)
print(json.dumps({"rate": tokens / seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
                  "losses": losses}))
