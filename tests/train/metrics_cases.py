#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes metrics_cases.inc.h: small random predictions and their metrics, from numpy formulas that share nothing with
core/train (every pair of rows compared for roc_auc, one-hot matrices for counts). Run: metrics_cases.py > file."""
import numpy as np

rng = np.random.default_rng(20)
cases = []


def number(v):
    return "NAN" if v is None or np.isnan(v) else str(np.float32(v)) + "f"


def case(kind, feature, scores, targets, want):
    scores, targets = np.asarray(scores, np.float32), np.asarray(targets)
    cases.append((kind, feature, scores, targets, want))


def ratio(a, b):
    return a / b if b else None


def auc(score, positive):
    s, p = np.asarray(score, np.float64), np.asarray(positive, bool)
    d = s[p][:, None] - s[~p][None, :]
    return ((d > 0).sum() + 0.5 * (d == 0).sum()) / d.size if d.size else None


def mean(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def confusion_stats(target, pred, width):
    m = np.zeros((width, width))
    np.add.at(m, (target, pred), 1)
    tp, support, given = np.diag(m), m.sum(1), m.sum(0)
    with np.errstate(all="ignore"):
        precision, recall = np.nan_to_num(tp / given), np.nan_to_num(tp / support)
        f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
    seen, n = (support + given) > 0, m.sum()
    chance = (support * given).sum() / n ** 2
    want = {"overall_stats.token_accuracy": tp.sum() / n, "overall_stats.kappa_score": (tp.sum() / n - chance) / (1 - chance)}
    for name, v in (("precision", precision), ("recall", recall), ("f1_score", f1)):
        want["overall_stats.avg_%s_macro" % name] = v[seen].mean()
        want["overall_stats.avg_%s_micro" % name] = tp.sum() / n
        want["overall_stats.avg_%s_weighted" % name] = (v * support).sum() / n
    for i in range(width):
        for j in range(width):
            want["confusion_matrix.%d.%d" % (i, j)] = m[i, j]
    k = width - 1
    a, b, c = tp[k], given[k] - tp[k], support[k] - tp[k]
    d = n - a - b - c
    label = "per_class_stats.c%d." % k
    want.update({label + "true_negatives": d, label + "specificity": ratio(d, d + b), label + "precision": ratio(a, a + b),
                 label + "miss_rate": ratio(c, a + c), label + "f1_score": ratio(2 * a, 2 * a + b + c),
                 label + "negative_predictive_value": ratio(d, d + c), label + "accuracy": (a + d) / n,
                 label + "matthews_correlation_coefficient": ratio(
                     a * d - b * c, float(np.sqrt((a + b) * (a + c) * (d + b) * (d + c))))})
    return want


def category(n, width, top_k, missing, unused=(), details=False):
    scores = rng.integers(0, 9, (n, width)) / 8  # eighths: many ties
    allowed = [k for k in range(width) if k not in unused]
    target = rng.choice(allowed, n)
    lost = rng.random(n) < missing
    s, t = scores[~lost], target[~lost]
    order = np.argsort(-s, axis=1, kind="stable")
    want = {"accuracy": (order[:, 0] == t).mean(), "accuracy_micro": (order[:, 0] == t).mean(),
            "hits_at_k": (order[:, :top_k] == t[:, None]).any(1).mean(),
            "roc_auc": mean([auc(s[:, k], t == k) for k in range(width)])}
    if details:
        want.update(confusion_stats(t, order[:, 0], width))
    case("category", '{"top_k": %d}' % top_k, scores, np.where(lost, -1, target), want)


def binary(n, threshold, missing, details=False):
    score = np.float32(rng.integers(0, 11, n) / 10)
    target = (rng.random(n) < score * 0.8).astype(np.float64)
    lost = rng.random(n) < missing
    s, t = score[~lost], target[~lost] > 0
    yes = s >= np.float32(threshold)
    want = {"accuracy": (yes == t).mean(), "precision": ratio((yes & t).sum(), yes.sum()),
            "recall": ratio((yes & t).sum(), t.sum()), "specificity": ratio((~yes & ~t).sum(), (~t).sum()),
            "f1": ratio(2 * (yes & t).sum(), yes.sum() + t.sum()), "roc_auc": auc(s, t)}
    if details:
        want.update(confusion_stats(t.astype(int), yes.astype(int), 2))
    case("binary", '{"threshold": %s}' % threshold, score, np.where(lost, np.nan, target), want)


def reals(kind, n, width, missing):
    target = np.float32(rng.normal(3, 2, (n, width)))
    target[0, 0] = 0
    scores = np.float32(target + rng.normal(0, 0.5, (n, width)))
    lost = rng.random(n) < missing
    t, p = target[~lost].astype(np.float64), scores[~lost].astype(np.float64)
    off = p - t
    want = {"mean_squared_error": (off ** 2).mean(), "mean_absolute_error": np.abs(off).mean(),
            "root_mean_squared_error": np.sqrt((off ** 2).mean()),
            "mean_absolute_percentage_error": (np.abs(off) / np.maximum(np.abs(t), 1.17e-6)).mean(),
            "root_mean_squared_percentage_error": np.sqrt(((off / np.where(t == 0, 1e-4, t)) ** 2).mean()),
            "r2": (1 - (off ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)).mean()}
    target[lost, 0] = np.nan
    case(kind, "{}", scores, target, want)


def a_set(n, width, threshold, missing):
    scores = np.float32(rng.integers(0, 11, (n, width)) / 10)
    target = (rng.random((n, width)) < 0.4).astype(np.float64)
    lost = rng.random(n) < missing
    yes, t = (scores >= np.float32(threshold))[~lost], target[~lost] > 0
    rows = [ratio((a & b).sum(), (a | b).sum()) for a, b in zip(yes, t)]
    target[lost, 0] = np.nan
    case("set", '{"threshold": %s}' % threshold, scores, target, {"jaccard": mean(rows)})


category(12, 3, 2, 0.0, details=True)
category(14, 5, 3, 0.3, unused=(0, 4))
category(5, 2, 1, 0.0, unused=(1,))
binary(16, 0.7, 0.25, details=True)
binary(12, 0.3, 0.0)
reals("number", 9, 1, 0.2)
reals("vector", 6, 3, 0.2)
a_set(7, 4, 0.5, 0.2)
a_set(5, 3, 0.9, 0.0)

print("/* SPDX-License-Identifier: Apache-2.0\n * Written by metrics_cases.py; do not edit. */")
table = []
for i, (kind, feature, scores, targets, want) in enumerate(cases):
    width = scores.shape[1] if scores.ndim == 2 else 1
    print("static const float scores_%d[] = {%s};" % (i, ", ".join(number(v) for v in scores.ravel())))
    if kind == "category":
        print("static const int32_t targets_%d[] = {%s};" % (i, ", ".join(str(v) for v in targets)))
    else:
        print("static const float targets_%d[] = {%s};" % (i, ", ".join(number(v) for v in targets.ravel())))
    shown = ", ".join('{"%s", %s}' % (k, "NAN" if v is None else "%.15g" % v) for k, v in want.items())
    print("static const want_value want_%d[] = {%s};" % (i, shown))
    table.append('{"%s", "%s", %d, %d, scores_%d, %s, want_%d, %d}' % (
        kind, feature.replace('"', '\\"'), len(scores), width, i,
        ("targets_%d, NULL" if kind == "category" else "NULL, targets_%d") % i, i, len(want)))
print("static const metric_case cases[] = {%s};" % ",\n".join(table))
