/* SPDX-License-Identifier: Apache-2.0
 * What the kernels share and what does not depend on the element type: activations, losses of one element, checks of
 * ids and offsets, the window of attention, one row of cross entropy. All arithmetic is in double. */
#include "ref.h"
#include <math.h>
#include <string.h>

uint32_t ref_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}

size_t ref_dtype_size(int32_t dtype) {
    return dtype == LUD_F64 ? 8 : 4; /* exec.c lets F32, F64 and I32 through */
}

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* d/dx of x * sigmoid(a x). */
static double swish_grad(double a, double x) {
    double s = sigmoid(a * x);
    return s * (1.0 + a * x * (1.0 - s));
}

/* Hendrycks and Gimpel 2016, arXiv 1606.08415: erf form, and the tanh form with the constants of the paper. */
static const double sqrt_half = 0.70710678118654752440, inv_sqrt_2pi = 0.39894228040143267794;
static const double gelu_a = 0.79788456080286535588, gelu_b = 0.044715;

static double gelu_tanh_grad(double x) {
    double t = tanh(gelu_a * (x + gelu_b * x * x * x));
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * gelu_a * (1.0 + 3.0 * gelu_b * x * x);
}

double ref_act(int32_t act, double x) {
    switch (act) {
    case LUD_ACT_GELU_ERF:
        return 0.5 * x * (1.0 + erf(x * sqrt_half));
    case LUD_ACT_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(gelu_a * (x + gelu_b * x * x * x)));
    case LUD_ACT_RELU:
        return x < 0 ? 0 : x;
    case LUD_ACT_RELU2:
        return x < 0 ? 0 : x * x;
    case LUD_ACT_SILU:
        return x * sigmoid(x);
    case LUD_ACT_QUICK_GELU:
        return x * sigmoid(1.702 * x);
    case LUD_ACT_TANH:
        return tanh(x);
    default:
        return sigmoid(x);
    }
}

double ref_act_grad(int32_t act, double x) {
    switch (act) {
    case LUD_ACT_GELU_ERF:
        return 0.5 * (1.0 + erf(x * sqrt_half)) + x * inv_sqrt_2pi * exp(-0.5 * x * x);
    case LUD_ACT_GELU_TANH:
        return gelu_tanh_grad(x);
    case LUD_ACT_RELU:
        return x > 0 ? 1 : 0;
    case LUD_ACT_RELU2:
        return x > 0 ? 2 * x : 0;
    case LUD_ACT_SILU:
        return swish_grad(1.0, x);
    case LUD_ACT_QUICK_GELU:
        return swish_grad(1.702, x);
    case LUD_ACT_TANH:
        return 1.0 - tanh(x) * tanh(x);
    default:
        return sigmoid(x) * (1.0 - sigmoid(x));
    }
}

/* log(1 + exp(x)) */
static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

/* Weight a' (1 - p')^b of the focal loss, and its derivative by the logit x. */
static double focal_weight(const lud_attr_loss *l, double x, double t, double *grad) {
    double away = sigmoid(x) * (1.0 - t) + sigmoid(-x) * t;
    double alpha = l->a >= 0 ? (double)l->a * t + (1.0 - (double)l->a) * (1.0 - t) : 1.0;
    double slope = l->b > 0 && away > 0 ? (double)l->b * pow(away, (double)l->b - 1.0) : 0.0;
    *grad = alpha * slope * sigmoid(x) * sigmoid(-x) * (1.0 - 2.0 * t);
    return alpha * pow(away, (double)l->b);
}

double ref_loss(const lud_attr_loss *l, double p, double t) {
    double d = p - t, slope, a = (double)l->a;
    switch (l->kind) {
    case LUD_LOSS_SQUARED:
        return d * d;
    case LUD_LOSS_ABSOLUTE:
        return fabs(d);
    case LUD_LOSS_ABSOLUTE_PERCENTAGE:
        return fabs(d) / fmax(fabs(t), a);
    case LUD_LOSS_HUBER:
        return fabs(d) <= a ? 0.5 * d * d : a * (fabs(d) - 0.5 * a);
    case LUD_LOSS_BINARY_CROSS_ENTROPY:
        return (1.0 - t) * p + (1.0 + (a - 1.0) * t) * softplus(-p);
    default:
        return focal_weight(l, p, t, &slope) * ((1.0 - t) * p + softplus(-p));
    }
}

double ref_loss_grad(const lud_attr_loss *l, double p, double t) {
    double d = p - t, sign = d > 0 ? 1 : d < 0 ? -1 : d, a = (double)l->a, weight, slope;
    switch (l->kind) {
    case LUD_LOSS_SQUARED:
        return 2.0 * d;
    case LUD_LOSS_ABSOLUTE:
        return sign;
    case LUD_LOSS_ABSOLUTE_PERCENTAGE:
        return sign / fmax(fabs(t), a);
    case LUD_LOSS_HUBER:
        return fabs(d) > a ? a * sign : d;
    case LUD_LOSS_BINARY_CROSS_ENTROPY:
        return (1.0 - t) * sigmoid(p) - a * t * sigmoid(-p);
    default:
        weight = focal_weight(l, p, t, &slope);
        return weight * ((1.0 - t) * sigmoid(p) - t * sigmoid(-p)) + slope * ((1.0 - t) * p + softplus(-p));
    }
}

lud_status ref_check_ids(const ref_call *c, const ref_view *ids, int64_t bound, const char *what) {
    const int32_t *id = ids->ptr;
    for (int64_t i = 0; i < ids->n; i++)
        if (id[i] < 0 || id[i] >= bound)
            return ref_fail(c->err, LUD_E_INVALID, "reference: opcode %u: %s %lld is %d, must be 0 to %lld",
                            c->op->opcode, what, (long long)i, (int)id[i], (long long)bound - 1);
    return LUD_OK;
}

lud_status ref_check_segments(const ref_call *c, const ref_view *offsets, int64_t tokens) {
    const int32_t *o = offsets->ptr;
    for (int64_t i = 0; i < offsets->n; i++) {
        int64_t low = i ? o[i - 1] : 0;
        if (o[i] < low || o[i] > tokens)
            return ref_fail(c->err, LUD_E_INVALID,
                            "reference: opcode %u: segment offset %lld is %d, must be %lld to %lld", c->op->opcode,
                            (long long)i, (int)o[i], (long long)low, (long long)tokens);
    }
    return LUD_OK;
}

lud_status ref_check_pooled(const ref_call *c, const ref_view *offsets, int64_t tokens, const ref_view *rows) {
    if (offsets->n != rows->dim[0] + 1)
        return ref_fail(c->err, LUD_E_INVALID, "reference: opcode %u: %lld segment offsets, but %lld rows",
                        c->op->opcode, (long long)offsets->n, (long long)rows->dim[0]);
    return ref_check_segments(c, offsets, tokens);
}

ref_range ref_attention_range(const lud_attr_attention *a, int64_t t, int64_t len) {
    ref_range r = {0, len};
    if (a->left >= 0 && t - a->left > 0) r.lo = t - a->left;
    if (a->causal && t + 1 < r.hi) r.hi = t + 1;
    if (a->right >= 0 && t + a->right + 1 < r.hi) r.hi = t + a->right + 1;
    return r;
}

ref_xent_sum ref_xent_row(const lud_attr_xent *a, double *z, int64_t v, int32_t target) {
    ref_xent_sum r = {0};
    double sum = 0, mean = 0;
    for (int64_t i = 0; i < v; i++) {
        z[i] *= (double)a->logit_scale;
        if (a->softcap > 0) z[i] = (double)a->softcap * tanh(z[i] / (double)a->softcap);
        if (z[i] > z[r.argmax]) r.argmax = (int32_t)i;
        mean += z[i] / (double)v;
    }
    for (int64_t i = 0; i < v; i++)
        sum += exp(z[i] - z[r.argmax]);
    r.lse = z[r.argmax] + log(sum);
    r.nll = r.lse - (1.0 - (double)a->smoothing) * z[target] - (double)a->smoothing * mean;
    return r;
}

void ref_xent_row_grad(const lud_attr_xent *a, double *z, int64_t v, int32_t target, double lse, double g) {
    double uniform = (double)a->smoothing / (double)v;
    for (int64_t i = 0; i < v; i++) {
        double cap = a->softcap > 0 ? 1.0 - (z[i] / (double)a->softcap) * (z[i] / (double)a->softcap) : 1.0;
        double hot = i == target ? 1.0 - (double)a->smoothing : 0.0;
        z[i] = g * (exp(z[i] - lse) - hot - uniform) * cap * (double)a->logit_scale;
    }
}
