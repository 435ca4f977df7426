# SPDX-License-Identifier: Apache-2.0
"""scikit-learn on the vectors of embed.py: rows per second of MLPClassifier(256, adam, batch 128), and the test
accuracy of it and of logistic regression."""
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
d, epochs = np.load(sys.argv[1]), int(sys.argv[2])
mlp = MLPClassifier((256,), solver="adam", batch_size=128, max_iter=epochs, tol=0, n_iter_no_change=10**6)
begin = time.perf_counter()
mlp.fit(d["x0"], d["y0"])
rate = epochs * len(d["y0"]) / (time.perf_counter() - begin)
accuracy = mlp.score(d["x1"], d["y1"])
logistic = LogisticRegression(C=10, max_iter=1000).fit(d["x0"], d["y0"]).score(d["x1"], d["y1"])
print(f"{rate:.0f} {accuracy:.4f} {logistic:.4f}")
