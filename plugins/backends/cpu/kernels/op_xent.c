/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of one row of logits, forward and backward, and the CROSS_ENTROPY operations over stored logits. */
#include "ops.h"
#include "vmath.h"

/* Exponentials add up in 16 fp32 lanes, each in increasing order, as in PyTorch's log_softmax (AVX-512). Beside a large
 * exponential a lane loses the smallest ones: the log-sum-exp of 49152 logits comes out about 1e-5 low, and so does
 * everybody's who compares. An exact sum is as fast, but ten steps of AdamW then end 1.3e-3 away from PyTorch's fp32.
 */
enum { SUM_LANES = 16, SUM_VECTORS = SUM_LANES / VW };

ALWAYS_INLINE vf z_of(const lud_attr_xent *a, vf x) {
    vf z = a->logit_scale * x;
    return a->softcap > 0.0f ? a->softcap * vf_tanh(z / a->softcap) : z;
}
/* Lanes that do not exist become -infinity. */
ALWAYS_INLINE vf z_load(const lud_attr_xent *a, const float *x, int64_t left) {
    if (left >= VW) return z_of(a, vf_load(x));
    return vf_select(vi_first(left), z_of(a, vf_load_n(x, left)), vf_set1(-INFINITY));
}

static int32_t first_of(const lud_attr_xent *a, const float *x, int64_t v, float top) {
    for (int64_t i = 0; i < v; i += VW) {
        vi hit = z_load(a, x + i, v - i) == top;
        if (!vi_any(hit)) continue;
        for (int j = 0; j < VW; j++)
            if (hit[j]) return (int32_t)i + j;
    }
    return 0;
}

static double sum_exp(const lud_attr_xent *a, const float *x, int64_t v, float top) {
    vf sum[SUM_VECTORS];
    for (int k = 0; k < SUM_VECTORS; k++)
        sum[k] = vf_zero();
    for (int64_t i = 0; i < v; i += SUM_LANES)
        for (int k = 0; k < SUM_VECTORS && i + k * VW < v; k++)
            sum[k] += vf_exp(z_load(a, x + i + k * VW, v - i - k * VW) - top);
    for (int half = SUM_VECTORS / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            sum[k] += sum[k + half];
    return (double)vf_sum(sum[0]);
}

static double mean_z(const lud_attr_xent *a, const float *x, int64_t v) {
    double total = 0;
    for (int64_t i = 0; i < v; i += VW)
        total += (double)vf_sum(z_of(a, vf_load_upto(x + i, v - i)));
    return total / (double)v;
}

static xent_row forward(const lud_attr_xent *at, const float *logits, int64_t v, int32_t target, bool want_arg) {
    lud_attr_xent a = *at;
    vf top = vf_set1(-INFINITY);
    for (int64_t i = 0; i < v; i += VW)
        top = vf_max(top, z_load(&a, logits + i, v - i));
    float m = vf_hmax(top);
    xent_row r = {.argmax = want_arg ? first_of(&a, logits, v, m) : 0};
    double log_sum = log(sum_exp(&a, logits, v, m)), z = (double)z_of(&a, vf_set1(logits[target]))[0];
    r.top = m, r.log_sum = (float)log_sum;
    double lse = (double)m + log_sum, smooth = (double)a.smoothing;
    r.nll = (float)(lse - (1.0 - smooth) * z - (smooth != 0 ? smooth * mean_z(&a, logits, v) : 0));
    return r;
}
xent_row FN(xent_forward)(const lud_attr_xent *a, const float *logits, int64_t v, int32_t target) {
    return forward(a, logits, v, target, true);
}

void FN(xent_backward)(const lud_attr_xent *at, const float *logits, int64_t v, int32_t target, xent_row r, float g,
                       float *out) {
    lud_attr_xent a = *at;
    float uniform = a.smoothing / (float)v, factor = g * a.logit_scale;
    float zt = z_of(&a, vf_set1(logits[target]))[0];
    for (int64_t i = 0; i < v; i += VW) {
        vf z = z_of(&a, vf_load_upto(logits + i, v - i));
        vf d = (vf_exp((z - r.top) - r.log_sum) - uniform) * factor;
        if (a.softcap > 0.0f) d = d * (1.0f - (z / a.softcap) * (z / a.softcap));
        vf_store_upto(out + i, d, v - i);
    }
    float hot = (vf_exp(vf_set1((zt - r.top) - r.log_sum))[0] - uniform - (1.0f - a.smoothing)) * factor;
    out[target] = a.softcap > 0.0f ? hot * (1.0f - (zt / a.softcap) * (zt / a.softcap)) : hot;
}

bool FN(xent_target_ok)(cpu_worker *w, const cpu_step *s, int64_t row, int32_t target, int64_t v) {
    if (target >= 0 && target < v) return true;
    cpu_fail(w, s, "target %d of row %lld is not in [0, %lld)", target, (long long)row, (long long)v);
    return false;
}

/* A scale of 0 in the attribute means 1. */
static lud_attr_xent attr_of(const cpu_step *s) {
    lud_attr_xent a = *(const lud_attr_xent *)s->attr;
    if (a.logit_scale == 0.0f) a.logit_scale = 1.0f;
    return a;
}

/* Rows in pieces of about 1024 logits. */
static cpu_ranges pieces(const cpu_worker *w, const cpu_step *s, int64_t v) {
    return cpu_ranges_start(w, s, 0, cpu_rows(w, &s->in[0]), 1024 / v);
}

/* logits (N,V), target (N) -> nll (N), argmax (N) */
void FN(cross_entropy)(cpu_worker *w, const cpu_step *s) {
    lud_attr_xent a = attr_of(s);
    int64_t v = cpu_cols(w, &s->in[0]);
    bool want_nll = cpu_count(w, &s->out[0]) > 0, want_arg = cpu_count(w, &s->out[1]) > 0;
    cpu_ranges it = pieces(w, s, v);
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin; i < it.end; i++) {
            int32_t target = cpu_in_i32(s, 1)[i];
            if (!FN(xent_target_ok)(w, s, i, target, v)) continue;
            xent_row r = forward(&a, cpu_in(s, 0) + i * v, v, target, want_arg);
            if (want_nll) cpu_out(s, 0)[i] = r.nll;
            if (want_arg) ((int32_t *)s->out[1].ptr)[i] = r.argmax;
        }
    }
}

/* logits (N,V), target (N), g (N) -> dlogits (N,V). Overwrites. */
void FN(cross_entropy_grad)(cpu_worker *w, const cpu_step *s) {
    lud_attr_xent a = attr_of(s);
    int64_t v = cpu_cols(w, &s->in[0]);
    cpu_ranges it = pieces(w, s, v);
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin; i < it.end; i++) {
            int32_t target = cpu_in_i32(s, 1)[i];
            if (!FN(xent_target_ok)(w, s, i, target, v)) continue;
            const float *x = cpu_in(s, 0) + i * v;
            xent_row r = forward(&a, x, v, target, false);
            FN(xent_backward)(&a, x, v, target, r, cpu_in(s, 2)[i], cpu_out(s, 0) + i * v);
        }
    }
}
