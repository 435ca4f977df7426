# SPDX-License-Identifier: Apache-2.0
"""transformers + PEFT up to the start of the first training step. usage: start.py FOLDER ROWS"""
import json
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

base, data = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4)
rows = [json.loads(line) for line in open(data, encoding="utf-8")]
ids = [tokenizer(r["instruction"] + r["output"], truncation=True, max_length=512).input_ids for r in rows]
