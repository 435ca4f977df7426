# SPDX-License-Identifier: Apache-2.0
"""The head 384 -> 256 -> 77 on the vectors of embed.py (batch 128, adam, 30 epochs). usage: head.py VECTORS sklearn|torch
Prints one JSON object: rows per second, training accuracy."""
import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
d, epochs, batch = np.load(sys.argv[1]), 30, 128
x, labels = d["x"], d["y"]
classes, y = np.unique(labels, return_inverse=True)


def with_sklearn():
    from sklearn.neural_network import MLPClassifier

    mlp = MLPClassifier((256,), solver="adam", batch_size=batch, max_iter=epochs, tol=0, n_iter_no_change=10**6)
    begin = time.perf_counter()
    mlp.fit(x, y)
    return time.perf_counter() - begin, mlp.score(x, y)


def with_torch():
    import torch

    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 256), torch.nn.ReLU(), torch.nn.Linear(256, len(classes)))
    optimizer = torch.optim.Adam(net.parameters())
    xs, ys = torch.from_numpy(x), torch.from_numpy(y)
    begin = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(xs))
        for k in range(0, len(xs), batch):
            part = order[k:k + batch]
            loss = torch.nn.functional.cross_entropy(net(xs[part]), ys[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    took = time.perf_counter() - begin
    return took, (net(xs).argmax(1) == ys).float().mean().item()


took, accuracy = {"sklearn": with_sklearn, "torch": with_torch}[sys.argv[2]]()
print(json.dumps({"rate": epochs * len(x) / took, "accuracy": accuracy}))
