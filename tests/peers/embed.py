# SPDX-License-Identifier: Apache-2.0
"""Embeddings of sentence-transformers (it sorts by length itself), fp32: seconds for all texts of the CSV files, the
best of the batch sizes 32 and 128. Keeps vectors and labels for head.py."""
import csv
import sys
import time

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

folder, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
model = SentenceTransformer(folder, device="cpu")
model = SentenceTransformer(modules=list(model)[:2], device="cpu")  # transformer and mean pooling, no normalization
rows = [(r["text"], r["category"], i) for i, f in enumerate(files) for r in csv.DictReader(open(f, encoding="utf-8"))]
texts = [r[0] for r in rows if r[2] == 0]
model.encode(texts[:64])
best = None
for batch in (32, 128):
    begin = time.perf_counter()
    vectors = model.encode(texts, batch_size=batch, show_progress_bar=False)
    took = time.perf_counter() - begin
    best = min(best or took, took)
parts = {"x0": vectors, "y0": np.array([r[1] for r in rows if r[2] == 0])}
if len(files) > 1:
    parts["x1"] = model.encode([r[0] for r in rows if r[2] == 1], batch_size=128, show_progress_bar=False)
    parts["y1"] = np.array([r[1] for r in rows if r[2] == 1])
np.savez(out, **parts)
print(f"{best:.3f} {torch.get_num_threads()}")
