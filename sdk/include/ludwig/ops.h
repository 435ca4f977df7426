/* SPDX-License-Identifier: Apache-2.0
 * The closed set of graph operations. Opcode numbers are permanent and never reused; gaps are reserved for their
 * neighbours. *_GRAD operations have no vector-Jacobian product (VJP) of their own.
 *
 * Letters: T packed tokens, S segments, N rows, C width, V vocabulary, H query heads, G key/value heads (G divides H),
 * D head size. Tensors are row-major and dense. "real" is the float type that the program was compiled for.
 * An optional input that is absent is passed as id 0. An optional result that was not asked for has shape [0].
 *
 * The row rule: row t of a result depends bitwise only on row t (its segment) of the inputs and on whole parameters:
 * not on T, on the position in the batch or on the number of threads. Sums over rows (SUM_TO, *_GRAD_WEIGHT,
 * EMBEDDING_GRAD, SUMSQ) add in an order that depends on the shape alone.
 */
#ifndef LUDWIG_OPS_H
#define LUDWIG_OPS_H

#include <stdint.h>

/* X(name, opcode, inputs, results, attribute struct) */
#define LUD_OP_MAP(X)                                                                                                  \
    X(ADD, 1, 2, 1, lud_attr_none)                                                                                     \
    X(MUL, 2, 2, 1, lud_attr_none)                                                                                     \
    X(SCALE, 3, 1, 1, lud_attr_scale)                                                                                  \
    X(ACT, 4, 1, 1, lud_attr_act)                                                                                      \
    X(ACT_GRAD, 5, 2, 1, lud_attr_act)                                                                                 \
    X(GLU, 6, 2, 1, lud_attr_act)                                                                                      \
    X(GLU_GRAD, 7, 3, 2, lud_attr_act)                                                                                 \
    X(SUM_TO, 8, 1, 1, lud_attr_shape)                                                                                 \
    X(RESHAPE, 9, 1, 1, lud_attr_shape)                                                                                \
    X(SLICE, 10, 1, 1, lud_attr_slice)                                                                                 \
    X(SLICE_GRAD, 11, 1, 1, lud_attr_slice)                                                                            \
    X(GATHER_ROWS, 12, 2, 1, lud_attr_none)                                                                            \
    X(SCATTER_ADD_ROWS, 13, 2, 1, lud_attr_rows)                                                                       \
    X(CONCAT, 14, 2, 1, lud_attr_none)                                                                                 \
    X(ROW_SUM, 15, 1, 1, lud_attr_none)                                                                                \
    X(LINEAR, 16, 3, 1, lud_attr_none)                                                                                 \
    X(LINEAR_GRAD_INPUT, 17, 2, 1, lud_attr_none)                                                                      \
    X(LINEAR_GRAD_WEIGHT, 18, 2, 1, lud_attr_none)                                                                     \
    X(ROW_SPREAD, 19, 1, 1, lud_attr_width)                                                                            \
    X(EMBEDDING, 20, 2, 1, lud_attr_none)                                                                              \
    X(EMBEDDING_GRAD, 21, 2, 1, lud_attr_rows)                                                                         \
    X(SEGMENT_UNFOLD, 22, 2, 1, lud_attr_window)                                                                       \
    X(SEGMENT_UNFOLD_GRAD, 23, 2, 1, lud_attr_window)                                                                  \
    X(RMS_NORM, 24, 2, 2, lud_attr_norm)                                                                               \
    X(RMS_NORM_GRAD, 25, 4, 1, lud_attr_norm)                                                                          \
    X(RMS_NORM_GRAD_WEIGHT, 26, 3, 1, lud_attr_norm)                                                                   \
    X(ROPE, 28, 3, 1, lud_attr_rope)                                                                                   \
    X(LAYER_NORM, 29, 3, 3, lud_attr_norm)                                                                             \
    X(LAYER_NORM_GRAD, 30, 5, 1, lud_attr_norm)                                                                        \
    X(LAYER_NORM_GRAD_WEIGHT, 31, 4, 2, lud_attr_norm)                                                                 \
    X(ATTENTION, 32, 5, 2, lud_attr_attention)                                                                         \
    X(ATTENTION_GRAD, 33, 8, 3, lud_attr_attention)                                                                    \
    X(ATTENTION_CACHED, 34, 9, 1, lud_attr_attention)                                                                  \
    X(SEGMENT_POOL, 35, 2, 2, lud_attr_pool)                                                                           \
    X(SEGMENT_POOL_GRAD, 36, 3, 1, lud_attr_pool)                                                                      \
    X(SEGMENT_ATTEND, 37, 3, 2, lud_attr_rows)                                                                         \
    X(SEGMENT_ATTEND_GRAD, 38, 5, 2, lud_attr_none)                                                                    \
    X(CROSS_ENTROPY, 40, 2, 2, lud_attr_xent)                                                                          \
    X(CROSS_ENTROPY_GRAD, 41, 3, 1, lud_attr_xent)                                                                     \
    X(LINEAR_CROSS_ENTROPY, 42, 4, 2, lud_attr_xent)                                                                   \
    X(LINEAR_CROSS_ENTROPY_GRAD, 43, 5, 3, lud_attr_xent)                                                              \
    X(LINEAR_CROSS_ENTROPY_JOINED, 44, 5, 5, lud_attr_xent)                                                            \
    X(ELEMENT_LOSS, 45, 2, 1, lud_attr_loss)                                                                           \
    X(ELEMENT_LOSS_GRAD, 46, 3, 1, lud_attr_loss)                                                                      \
    X(DROPOUT, 48, 3, 1, lud_attr_dropout)                                                                             \
    X(PACK, 49, 1, 1, lud_attr_none)                                                                                   \
    X(UNPACK, 50, 1, 1, lud_attr_none)                                                                                 \
    X(ACC, 52, 2, 1, lud_attr_none)                                                                                    \
    X(SUMSQ, 53, 1, 1, lud_attr_none)                                                                                  \
    X(SGD_STEP, 56, 4, 1, lud_attr_none)                                                                               \
    X(ADAM_STEP, 57, 5, 1, lud_attr_none)

enum {
#define LUD_OP_ENUM(name, code, n_in, n_out, attr) LUD_OP_##name = (code),
    LUD_OP_MAP(LUD_OP_ENUM)
#undef LUD_OP_ENUM
};

/* ---- What each operation computes ---------------------------------------------------------------------------
 * ADD(a, b), MUL(a, b): elementwise; b has a's shape, or the trailing dimensions of it, or one element. Result: a's
 *   shape. ADD also takes I32 (both).
 * SCALE(x): mul * x + add.
 * ACT(x), ACT_GRAD(x, dy): f(x) and dy * f'(x).
 * GLU(gate, up): f(gate) * up. GLU_GRAD(gate, up, dy) -> dgate, dup.
 * SUM_TO(x): attr.shape is a suffix of x's shape, or one element: sums over the leading dimensions.
 * RESHAPE(x): the same elements, same count; only dimension 0 or a constant multiple of it may be an extent. A view.
 * SLICE(x): columns [start, start + len) of the last axis. SLICE_GRAD(dy): `total` columns, dy at start, else zero.
 * GATHER_ROWS(x[T,...], index I32[N]) -> [N,...]; x real or I32. SCATTER_ADD_ROWS(dy[N,...], index[N]) ->
 *   [attr.rows,...]: zeros, then row index[n] += dy[n], in increasing n.
 * CONCAT(a[...,M], b[...,N]) -> [...,M+N]: the leading dimensions are equal.
 * ROW_SUM(x[...,K]) -> [...]: sums over the last axis. ROW_SPREAD(x[...]) -> [...,attr.width]: each element repeated.
 *   Each one is the VJP of the other.
 * LINEAR(x[T,K], w[M,K], b[M] or 0) -> x w^T + b, [T,M]. LINEAR_GRAD_INPUT(dy[T,M], w[M,K]) -> dy w.
 *   LINEAR_GRAD_WEIGHT(x[T,K], dy[T,M]) -> dy^T x, [M,K].
 * EMBEDDING(w[V,C], ids I32[T]) -> [T,C]; EMBEDDING_GRAD(dy[T,C], ids) -> [attr.rows = V, C]. 0 <= id < V.
 * RMS_NORM(x[...,C], w[C] or 0) -> y = x * r * (w + offset), and r = 1/sqrt(mean(x^2) + eps), shape x without its last
 *   axis. Without w the factor is 1. RMS_NORM_GRAD(x, w or 0, r, dy) -> dx. RMS_NORM_GRAD_WEIGHT(x, r, dy) -> dw[C].
 *   (Zhang and Sennrich 2019, arXiv 1910.07467.)
 * LAYER_NORM(x[...,C], w[C] or 0, b[C] or 0) -> y = (x - mean) rstd w + b, mean, and rstd = 1/sqrt(variance + eps),
 *   both of x's shape without its last axis; the variance is the biased one; weight_offset is not used.
 *   LAYER_NORM_GRAD(x, w or 0, mean, rstd, dy) -> dx. LAYER_NORM_GRAD_WEIGHT(x, mean, rstd, dy) -> dw[C], db[C].
 *   (Ba et al. 2016, arXiv 1607.06450.)
 * ROPE(x[T,H,D], positions I32[T], inv_freq real[rotary_dim/2]): the first rotary_dim components of each head are
 *   rotated by the angle position * inv_freq[i]: pairs (i, i + rotary_dim/2), or (2i, 2i+1) if interleaved; cosine and
 *   sine are multiplied by attention_factor; inverse != 0 rotates back (the VJP: transposed, same factor). The rest is
 *   copied. (Su et al. 2021, arXiv 2104.09864; rotate-half form as in transformers.) The angle is computed in fp32.
 * ATTENTION(q[T,H,D], k[T,G,D], v[T,G,D], seg_offsets I32[S+1], slopes[H] or 0) -> out[T,H,D], lse[T,H]. Token t of
 *   segment s attends to keys j of the same segment with  j <= t if causal;  t - j <= left if left >= 0;
 *   j - t <= right if right >= 0. score = scale * q.k; with softcap c > 0: c * tanh(score / c); with slopes:
 *   + slope[h] * (j - t) (ALiBi, Press et al. 2022, arXiv 2108.12409; by distance, so that far positions keep their
 *   digits). lse = natural log of the sum of exp(score) (for a row without keys: -infinity and out = 0). Keys are added
 *   in blocks counted from the segment's first key. (Dao et al. 2022, arXiv 2205.14135.)
 *   ATTENTION_GRAD(q, k, v, seg_offsets, out, lse, dout, slopes or 0) -> dq, dk, dv.
 * ATTENTION_CACHED(q, k, v, seg_offsets I32[S+1], positions I32[T], page_table I32[S,P], k_pool[B,G,D,Z],
 *   v_pool[B,G,Z,D], slopes[H] or 0) -> out[T,H,D]. First writes k and v of each token into the pools (role KV, changed
 *   in place) at page page_table[s][position / Z], slot position % Z; then attends to the cached keys 0..position of
 *   segment s (window by `left`). A token's bits do not depend on how its segment was cut into runs. With LUD_OP_BF16 a
 *   backend may fill the pools' memory in a way of its own: only this operation reads it.
 * SEGMENT_POOL(x[T,C], seg_offsets I32[S+1]) -> y[S,C], index I32[S,C]: one row for each segment: LUD_POOL_MEAN, SUM,
 *   MAX (index: the token chosen, counted from the segment's first; lowest on ties), FIRST, LAST. attr.rows is S (an
 *   extent). index exists for MAX only. An empty segment gives 0.
 *   SEGMENT_POOL_GRAD(dy[S,C], index or 0, seg_offsets) -> dx[T,C]; attr.rows is T.
 * SEGMENT_ATTEND(x[T,C], score[T], seg_offsets) -> y[S,C], weights[T]: weights = softmax of score inside the segment,
 *   y = sum of weights * x. attr.rows is S. An empty segment gives 0.
 *   SEGMENT_ATTEND_GRAD(x, weights, y, seg_offsets, dy[S,C]) -> dx[T,C], dscore[T].
 * SEGMENT_UNFOLD(x[T,C], seg_offsets) -> [T,(left+1+right)*C]: row t holds the rows t-left .. t+right of its segment
 *   beside each other, 0 outside it. SEGMENT_UNFOLD_GRAD(dy, seg_offsets) -> dx[T,C].
 * CROSS_ENTROPY(logits[N,V], target I32[N]) -> nll[N], argmax I32[N]. Of z = logit_scale * logits, soft-capped:
 *   nll = lse(z) - (1 - e) z[target] - e mean(z), e = smoothing. argmax: lowest index on ties, before smoothing.
 *   CROSS_ENTROPY_GRAD(logits, target, g[N]) -> dlogits = g * d nll / d logits.
 * LINEAR_CROSS_ENTROPY(x[N,C], w[V,C], b[V] or 0, target I32[N]) -> nll[N], argmax I32[N]: CROSS_ENTROPY of
 *   LINEAR(x, w, b) without a tensor of N x V. LINEAR_CROSS_ENTROPY_GRAD(x, w, b, target, g[N]) -> dx, dw, db, and
 *   LINEAR_CROSS_ENTROPY_JOINED(x, w, b, target, g[N]) -> nll, argmax, dx, dw, db: forward and gradient in one pass
 *   over the logits. dx, dw, db exist as attr.want says. (Chunks of rows as in Liger Kernel, arXiv 2410.10989.)
 * ELEMENT_LOSS(pred, target) of one shape -> elementwise, d = pred - target; targets get no cotangent:
 *   SQUARED d^2;  ABSOLUTE |d|;  ABSOLUTE_PERCENTAGE |d| / max(|target|, a);  HUBER 0.5 d^2 where |d| <= a, else
 *   a (|d| - 0.5 a);  of logits and targets in [0, 1], p = sigmoid(pred):  BINARY_CROSS_ENTROPY
 *   -(a target log p + (1 - target) log(1 - p));  FOCAL a' (1 - p')^b times the same with a = 1, where p' = p target +
 *   (1 - p)(1 - target) and a' = a target + (1 - a)(1 - target), or 1 if a < 0 (Lin et al. 2017, arXiv 1708.02002).
 *   ELEMENT_LOSS_GRAD(pred, target, dy) -> dpred. Where |d| has a corner its derivative is 0.
 * DROPOUT(x[T,...], row_keys I32[T,2], positions I32[T]): keeps x / (1 - p) where lud_uniform(lud_token_key(row key,
 *   position, op.stream), c) >= p, c counting the elements of a row; else 0. See random.h. Its VJP is itself.
 * PACK(x[...,K]) -> I32 [...,K/2], K even: word i of a row holds x[i] (low half) and x[K/2+i], rounded to bf16 (to
 *   nearest, ties to even; a NaN stays one). UNPACK: the way back. Neither has a VJP: core keeps so what the backward
 *   pass reads, where LUD_OP_BF16 counts.
 * ACC(acc, x): acc += x, in place (the result is an alias of acc).
 * SUMSQ(x) -> [1]: sum of squares.
 * SGD_STEP(param[n], grad[n], velocity[n] or 0, s[8]), ADAM_STEP(param[n], grad[n], m[n], v[n], s[8]): one optimizer
 *   step in place, result = alias of param. s is an input so that a program need not be rebuilt:
 *   s[0] learning rate, s[1] factor on the gradient (clipping), s[2] weight decay, s[3] decoupled (0: added to the
 *   gradient as L2, 1: param -= lr * decay * param first), s[4] beta1 or momentum, s[5] beta2, s[6] epsilon,
 *   s[7] step number from 1 (bias correction), for SGD: nesterov 0/1.
 *   SGD as torch.optim.SGD (dampening 0), ADAM as torch.optim.Adam / AdamW (arXiv 1412.6980, 1711.05101). */

enum {
    LUD_ACT_GELU_ERF = 1,
    LUD_ACT_GELU_TANH,
    LUD_ACT_RELU,
    LUD_ACT_RELU2,
    LUD_ACT_SILU,
    LUD_ACT_QUICK_GELU,
    LUD_ACT_TANH,
    LUD_ACT_SIGMOID
};

typedef struct {
    int32_t reserved;
} lud_attr_none;
typedef struct {
    float mul, add;
} lud_attr_scale;
typedef struct {
    int32_t act;
} lud_attr_act; /* LUD_ACT_* */
typedef struct {
    int32_t rank, reserved;
    int64_t dim[8];
} lud_attr_shape; /* dim < 0: extent -dim */
typedef struct {
    int64_t start, len, total;
} lud_attr_slice;
typedef struct {
    int64_t rows;
} lud_attr_rows; /* < 0: extent -rows */
typedef struct {
    int64_t width;
} lud_attr_width;
typedef struct {
    float eps, weight_offset;
} lud_attr_norm;
typedef struct {
    int32_t rotary_dim, interleaved, inverse;
    float attention_factor;
} lud_attr_rope;
typedef struct {
    float scale, softcap; /* softcap 0 = none */
    int32_t causal;
    int32_t left, right; /* inclusive reach in keys; -1 = unlimited */
    int32_t cache_slot;  /* unique per attention layer, from 0; -1 = has no cache */
} lud_attr_attention;
enum { LUD_POOL_MEAN = 1, LUD_POOL_SUM, LUD_POOL_MAX, LUD_POOL_FIRST, LUD_POOL_LAST };
typedef struct {
    int64_t rows;           /* < 0: extent -rows */
    int32_t kind, reserved; /* LUD_POOL_* */
} lud_attr_pool;
typedef struct {
    int32_t left, right;
} lud_attr_window;
enum { LUD_XENT_WANT_DX = 1, LUD_XENT_WANT_DW = 2, LUD_XENT_WANT_DB = 4 };
typedef struct {
    float logit_scale, softcap, smoothing;
    int32_t want;
} lud_attr_xent;
enum {
    LUD_LOSS_SQUARED = 1,
    LUD_LOSS_ABSOLUTE,
    LUD_LOSS_ABSOLUTE_PERCENTAGE,
    LUD_LOSS_HUBER,
    LUD_LOSS_BINARY_CROSS_ENTROPY,
    LUD_LOSS_FOCAL
};
typedef struct {
    int32_t kind; /* LUD_LOSS_* */
    float a, b;
} lud_attr_loss;
typedef struct {
    float p;
} lud_attr_dropout;

#endif
