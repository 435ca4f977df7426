# SPDX-License-Identifier: Apache-2.0
"""transformers answers prompts row by row, as a user has it: greedy, at most 8 new tokens. usage: predict.py FOLDER
PROMPTS ROWS; PROMPTS: JSON Lines {"prompt"}. Prints one JSON object: rows per second, the answers."""
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

base, data, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
prompts = [json.loads(line)["prompt"] for line in open(data, encoding="utf-8")][:n]


@torch.inference_mode()
def answer(prompt):
    ids = tokenizer(prompt, return_tensors="pt")
    out = model.generate(**ids, do_sample=False, max_new_tokens=8)[0, ids.input_ids.shape[1]:]
    return tokenizer.decode(out, skip_special_tokens=True)


answer(prompts[0])
begin = time.perf_counter()
answers = [answer(p) for p in prompts]
print(json.dumps({"rate": n / (time.perf_counter() - begin), "answers": answers}))
