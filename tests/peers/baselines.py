# SPDX-License-Identifier: Apache-2.0
"""Baselines on frozen vectors. usage: baselines.py ridge ENCODER TRAIN.csv TEST.csv: R2 of Ridge (the best alpha of a
few by the training rows) on sentence vectors. baselines.py logistic MODEL_FOLDER TRAIN.tsv TEST.tsv: accuracy of
logistic regression on a causal model's last-token states."""
import csv
import sys

import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV, RidgeCV

kind, folder, *files = sys.argv[1:]


def rows(path, target):
    with open(path, encoding="utf-8", newline="") as f:
        if path.endswith(".tsv"):
            lines = [line.rstrip("\n").split("\t") for line in f][1:]
            return [a for a, _ in lines], [b for _, b in lines]
        read = list(csv.DictReader(f))
        return [r["text"] for r in read], [float(r[target]) for r in read]


(train, y), (test, z) = rows(files[0], "score"), rows(files[1], "score")
if kind == "ridge":
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    model = SentenceTransformer(modules=list(model)[:2], device="cpu")
    encode = lambda texts: model.encode(texts, batch_size=128, show_progress_bar=False)  # noqa: E731
    print(f"{RidgeCV(np.logspace(-2, 3, 12)).fit(encode(train), y).score(encode(test), z):.4f}")
else:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    def encode(texts):
        with torch.no_grad():
            return np.stack([model(**tokenizer(t, return_tensors="pt")).last_hidden_state[0, -1].numpy() for t in texts])

    x, w = encode(train), encode(test)
    mean, std = x.mean(0), x.std(0)
    fit = LogisticRegressionCV(Cs=8, max_iter=2000).fit((x - mean) / std, y)
    print(f"{fit.score((w - mean) / std, z):.4f}")
