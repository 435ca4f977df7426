# SPDX-License-Identifier: Apache-2.0
"""Embeddings of all texts of a CSV file, the best of the batch sizes 32 and 128: sentence-transformers, which sorts by
length itself, and transformers on texts sorted by their number of tokens. usage: embed.py FOLDER fp32|bf16 CSV OUT
Keeps the vectors (x) and labels (y) in OUT. Prints one JSON object: texts per second of the better one."""
import csv
import json
import sys
import time

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

folder, precision, data, out = sys.argv[1:]
dtype = torch.bfloat16 if precision == "bf16" else torch.float32
rows = list(csv.DictReader(open(data, encoding="utf-8")))
texts = [r["text"] for r in rows]


def sentence_transformers():
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": dtype})
    model = SentenceTransformer(modules=list(model)[:2], device="cpu")  # transformer, mean pooling; no normalization
    return lambda some, batch: model.encode(some, batch_size=batch, show_progress_bar=False)


def transformers():
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=dtype).eval()

    @torch.inference_mode()
    def encode(some, batch):
        ids = tokenizer(some, truncation=True, max_length=256).input_ids
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        vectors = [None] * len(ids)
        for k in range(0, len(ids), batch):
            part = order[k:k + batch]
            padded = tokenizer.pad({"input_ids": [ids[i] for i in part]}, return_tensors="pt")
            hidden = model(**padded).last_hidden_state.float()
            mask = padded["attention_mask"][..., None]
            for i, v in zip(part, (hidden * mask).sum(1) / mask.sum(1)):
                vectors[i] = v.numpy()
        return np.stack(vectors)

    return encode


best, vectors = None, None
for make in (sentence_transformers, transformers):
    encode = make()
    encode(texts[:64], 32)
    for batch in (32, 128):
        begin = time.perf_counter()
        vectors = encode(texts, batch)
        took = time.perf_counter() - begin
        best = min(best or took, took)
np.savez(out, x=np.asarray(vectors, dtype=np.float32), y=np.array([r["category"] for r in rows]))
print(json.dumps({"rate": len(texts) / best}))
