#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes known_values.inc.h: small results of operations, computed from the formulas in ludwig/ops.h and from the
algorithms of torch.optim with Python's math module, independently of every backend. Run: known_values.py > file."""
import math

NAMES = ["GELU_ERF", "GELU_TANH", "RELU", "RELU2", "SILU", "QUICK_GELU", "TANH", "SIGMOID"]
X = [-3.0, -0.75, -0.125, 0.0, 0.5, 1.25, 4.0]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


ACTS = {
    "GELU_ERF": lambda x: x * (1 - 0.5 * math.erfc(x / math.sqrt(2))),
    "GELU_TANH": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "RELU": lambda x: max(x, 0.0),
    "RELU2": lambda x: max(x, 0.0) ** 2,
    "SILU": lambda x: x * sigmoid(x),
    "QUICK_GELU": lambda x: x * sigmoid(1.702 * x),
    "TANH": math.tanh,
    "SIGMOID": sigmoid,
}


def show(name, values):
    print("static const double %s[] = {%s};" % (name, ", ".join(repr(float(v)) for v in values)))


def rms_norm(x, w, eps, offset):
    r = (sum(v * v for v in x) / len(x) + eps) ** -0.5
    return [v * r * (k + offset) for v, k in zip(x, w)], r


def layer_norm(x, w, b, eps):
    mean = sum(x) / len(x)
    rstd = (sum((v - mean) ** 2 for v in x) / len(x) + eps) ** -0.5
    return [(v - mean) * rstd * k + c for v, k, c in zip(x, w, b)], mean, rstd


def rope(x, position, freq, interleaved, factor):
    out = list(x)
    for i, f in enumerate(freq):
        a, b = (2 * i, 2 * i + 1) if interleaved else (i, i + len(freq))
        turned = complex(x[a], x[b]) * complex(math.cos(position * f), math.sin(position * f)) * factor
        out[a], out[b] = turned.real, turned.imag
    return out


def attention(q, k, v, heads, groups, size, scale, cap, left, causal, slopes=(0,) * 4):
    """One segment; q[t][h], k[t][g], v[t][g] are lists of `size` numbers."""
    out, lse = [], []
    for t in range(len(q)):
        for h in range(heads):
            g = h * groups // heads
            keys = [j for j in range(len(q)) if (not causal or j <= t) and (left < 0 or t - j <= left)]
            scores = [scale * sum(a * b for a, b in zip(q[t][h], k[j][g])) for j in keys]
            if cap:
                scores = [cap * math.tanh(s / cap) for s in scores]
            scores = [s + slopes[h] * (j - t) for s, j in zip(scores, keys)]
            total = sum(math.exp(s) for s in scores)
            lse.append(math.log(total))
            out += [sum(math.exp(s) / total * v[j][g][d] for s, j in zip(scores, keys)) for d in range(size)]
    return out + lse


def cross_entropy(logits, target, scale, cap, smoothing):
    z = [scale * x for x in logits]
    if cap:
        z = [cap * math.tanh(x / cap) for x in z]
    total = sum(math.exp(x) for x in z)
    log_p = [x - math.log(total) for x in z]
    return -sum((smoothing / len(z) + (1 - smoothing) * (i == target)) * p for i, p in enumerate(log_p))


SEGMENTS = [0, 2, 2, 5]


def attend(x, scores):
    """Softmax of scores inside each segment; rows of x (two columns) weighted by it."""
    weights, out = [], []
    for a, b in zip(SEGMENTS, SEGMENTS[1:]):
        part = [math.exp(s) / sum(math.exp(z) for z in scores[a:b]) for s in scores[a:b]]
        weights += part
        out += [sum(w * row[k] for w, row in zip(part, x[a:b])) for k in range(2)]
    return out + weights


def unfold(x, left, right):
    out = []
    for a, b in zip(SEGMENTS, SEGMENTS[1:]):
        for t in range(a, b):
            for j in range(t - left, t + right + 1):
                out += x[j] if a <= j < b else [0, 0]
    return out


def binary(x, t, weight):
    return -weight * t * math.log(sigmoid(x)) - (1 - t) * math.log(1 - sigmoid(x))


def focal(x, t, alpha, gamma):
    """torchvision.ops.sigmoid_focal_loss from its paper."""
    p = sigmoid(x) * t + (1 - sigmoid(x)) * (1 - t)
    return (alpha * t + (1 - alpha) * (1 - t)) * (1 - p) ** gamma * binary(x, t, 1)


LOSSES = {
    "SQUARED": lambda x, t: (x - t) ** 2,
    "ABSOLUTE": lambda x, t: abs(x - t),
    "PERCENTAGE": lambda x, t: abs(x - t) / max(abs(t), 0.375),
    "HUBER": lambda x, t: 0.5 * (x - t) ** 2 if abs(x - t) <= 0.75 else 0.75 * (abs(x - t) - 0.375),
    "BINARY": lambda x, t: binary(x, t, 2.5),
    "FOCAL": lambda x, t: focal(x, t, 0.25, 1.5),
}


def sgd(p, grads, lr, decay, momentum, nesterov):
    """torch.optim.SGD from its documentation, dampening 0."""
    buf = None
    for t, g in enumerate(grads):
        g = g + decay * p
        buf = g if t == 0 else momentum * buf + g
        p = p - lr * (g + momentum * buf if nesterov else buf)
    return p, buf


def adam(p, grads, lr, decay, b1, b2, eps, decoupled):
    """torch.optim.Adam and AdamW from their documentation."""
    m = v = 0.0
    for t, g in enumerate(grads, 1):
        if decoupled:
            p = p - lr * decay * p
        else:
            g = g + decay * p
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        p = p - lr * (m / (1 - b1 ** t)) / (math.sqrt(v / (1 - b2 ** t)) + eps)
    return p, m, v


def mix(x):
    mask = 2 ** 64 - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def dropout(x, row_key, position, stream, p):
    key = mix(mix(row_key ^ stream) ^ position)
    return [v / (1 - p) if (mix(key ^ c) >> 40) / 2 ** 24 >= p else 0.0 for c, v in enumerate(x)]


def main():
    print("/* SPDX-License-Identifier: Apache-2.0\n * Written by known_values.py; do not edit. */")
    show("known_x", X)
    for name in NAMES:
        show("known_" + name, [ACTS[name](x) for x in X])
    norm_x, norm_w = [0.5, -1.5, 2.0, 0.25], [1.0, 0.5, -0.75, 2.0]
    y, r = rms_norm(norm_x, norm_w, 0.0009765625, 1.0)
    show("known_norm_x", norm_x)
    show("known_norm_w", norm_w)
    show("known_norm", y + [r])
    norm_b = [0.5, -0.25, 1.0, 0.0]
    y, mean, rstd = layer_norm(norm_x, norm_w, norm_b, 0.0009765625)
    show("known_norm_b", norm_b)
    show("known_layer_norm", y + [mean, rstd])
    head, freq = [1.0, -0.5, 0.25, 2.0, -1.0], [1.0, 0.125]
    show("known_head", head)
    show("known_freq", freq)
    show("known_rope_half", rope(head, 3, freq, False, 1.0))
    show("known_rope_pairs", rope(head, 3, freq, True, 1.25))
    numbers = [((i * 7 + 3) % 16 - 8) / 8 for i in range(64)]
    q = [[numbers[8 * t + 2 * h: 8 * t + 2 * h + 2] for h in range(4)] for t in range(3)]
    k = [[numbers[24 + 4 * t + 2 * g: 24 + 4 * t + 2 * g + 2] for g in range(2)] for t in range(3)]
    v = [[numbers[36 + 4 * t + 2 * g: 36 + 4 * t + 2 * g + 2] for g in range(2)] for t in range(3)]
    show("known_q", [x for t in q for h in t for x in h])
    show("known_k", [x for t in k for h in t for x in h])
    show("known_v", [x for t in v for h in t for x in h])
    show("known_attention", attention(q, k, v, 4, 2, 2, 1.5, 0, -1, True))
    show("known_attention_capped", attention(q, k, v, 4, 2, 2, 1.5, 0.5, 1, True))
    show("known_attention_both", attention(q, k, v, 4, 2, 2, 1.5, 0, -1, False))
    show("known_slopes", [0.5, 0.25, -1.0, 0.0])
    show("known_attention_alibi", attention(q, k, v, 4, 2, 2, 1.5, 0.5, -1, True, [0.5, 0.25, -1.0, 0.0]))
    rows, scores = [[1, -2], [3, -4], [-1, 8], [5, 8], [2, -6]], [0.5, -1.0, 2.0, 0.25, 1.0]
    show("known_rows", [x for row in rows for x in row])
    show("known_scores", scores)
    show("known_attend", attend(rows, scores))
    show("known_unfold", unfold(rows, 1, 2))
    targets = [0.0, 1.0, 0.25, 1.0, 0.0, 0.75, 1.0]
    show("known_targets", targets)
    for name, loss in LOSSES.items():
        show("known_loss_" + name, [loss(x, t) for x, t in zip(X, targets)])
    logits = [0.5, -1.0, 2.5, 0.0, 1.75]
    show("known_logits", logits)
    show("known_nll", [cross_entropy(logits, 3, 1, 0, 0)])
    show("known_nll_smooth", [cross_entropy(logits, 3, 0.75, 2.0, 0.125)])
    grads = [0.5, -0.25, 1.0]
    show("known_sgd", sgd(1.5, grads, 0.125, 0.25, 0.75, False))
    show("known_nesterov", sgd(1.5, grads, 0.125, 0.25, 0.75, True))
    show("known_adam", adam(1.5, grads, 0.125, 0.25, 0.75, 0.875, 0.0009765625, False))
    show("known_adamw", adam(1.5, grads, 0.125, 0.25, 0.75, 0.875, 0.0009765625, True))
    show("known_dropout", dropout([1.0] * 16, 0xFEDCBA9876543210, 9, 77, 0.25))


if __name__ == "__main__":
    main()
