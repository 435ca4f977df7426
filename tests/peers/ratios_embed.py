# SPDX-License-Identifier: Apache-2.0
"""Medians and ratios of the part `embed`, against what is wanted."""
import statistics
import sys

rounds = [[float(x) for x in line.split()] for line in open(sys.argv[1])]
mine, theirs, head, head_theirs, mlp, logistic = (statistics.median(c) for c in zip(*rounds))
cached, frozen2, tuned1, tokens, rate, rows = (float(x) for x in open(sys.argv[2]).read().split())
n = 10003
bad = 0


def line(what, value, wanted):
    global bad
    bad |= value < wanted
    print(f"{what}: {value:.2f} (wanted {wanted}) {'ok' if value >= wanted else 'MISSED'}")


print(f"scikit-learn on the same vectors: MLP {mlp:.4f}, logistic regression {logistic:.4f} test accuracy")
line("embedding fp32, sentence-transformers / ours", theirs / mine, 2)
line("head training, ours / MLPClassifier", head / head_theirs, 2.5)
line("training part of an epoch, not cached / cached", (tokens / rate) / (n / rows), 200)
line("50 epochs with evaluation, frozen anew each epoch / cached", 25 * frozen2 / cached, 35)
line("50 epochs with evaluation, whole encoder tuned / cached", 50 * tuned1 / cached, 100)
sys.exit(bad)
