/* SPDX-License-Identifier: Apache-2.0
 * ACT, GLU and their gradients: f(x) and f'(x) of eight activations. Tails run through the same vector code, so an
 * element's bits do not depend on where it lies. Results may lie over an input. */
#include "ops.h"
#include "vmath.h"

#define GELU_A 0.7978845608f /* sqrt(2 / pi) */
#define GELU_B 0.044715f

ALWAYS_INLINE vf act_f(int32_t act, vf x) {
    switch (act) {
    case LUD_ACT_GELU_ERF:
        return x * vf_normal(x);
    case LUD_ACT_GELU_TANH:
        return 0.5f * x * (1.0f + vf_tanh(GELU_A * (x + GELU_B * x * x * x)));
    case LUD_ACT_RELU:
        return vf_max(vf_zero(), x);
    case LUD_ACT_RELU2:
        return vf_max(vf_zero(), x) * vf_max(vf_zero(), x);
    case LUD_ACT_SILU:
        return x * vf_sigmoid(x);
    case LUD_ACT_QUICK_GELU:
        return x * vf_sigmoid(1.702f * x);
    case LUD_ACT_TANH:
        return vf_tanh(x);
    default:
        return vf_sigmoid(x);
    }
}

/* f'(x), and f(x) on the way */
ALWAYS_INLINE vf act_df(int32_t act, vf x, vf *f) {
    vf s, t;
    switch (act) {
    case LUD_ACT_GELU_ERF:
        s = vf_normal(x);
        *f = x * s;
        return s + x * 0.3989422804f * vf_exp(-0.5f * x * x);
    case LUD_ACT_GELU_TANH:
        t = vf_tanh(GELU_A * (x + GELU_B * x * x * x));
        *f = 0.5f * x * (1.0f + t);
        return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * GELU_A * (1.0f + 3.0f * GELU_B * x * x);
    case LUD_ACT_RELU:
        *f = vf_max(vf_zero(), x);
        return vf_select(x > 0.0f, vf_set1(1.0f), vf_zero());
    case LUD_ACT_RELU2:
        t = vf_max(vf_zero(), x), *f = t * t;
        return 2.0f * t;
    case LUD_ACT_SILU:
        s = vf_sigmoid(x), *f = x * s;
        return s * (1.0f + x * (1.0f - s));
    case LUD_ACT_QUICK_GELU:
        s = vf_sigmoid(1.702f * x), *f = x * s;
        return s * (1.0f + 1.702f * x * (1.0f - s));
    case LUD_ACT_TANH:
        t = vf_tanh(x), *f = t;
        return 1.0f - t * t;
    default:
        s = vf_sigmoid(x), *f = s;
        return s * (1.0f - s);
    }
}

ALWAYS_INLINE void act_range(int32_t act, const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW)
        vf_store_upto(y + i, act_f(act, vf_load_upto(x + i, n - i)), n - i);
}
ALWAYS_INLINE void act_grad_range(int32_t act, const float *x, const float *dy, float *dx, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) {
        vf f, d = act_df(act, vf_load_upto(x + i, n - i), &f);
        vf_store_upto(dx + i, vf_load_upto(dy + i, n - i) * d, n - i);
    }
}
ALWAYS_INLINE void glu_range(int32_t act, const float *gate, const float *up, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW)
        vf_store_upto(y + i, act_f(act, vf_load_upto(gate + i, n - i)) * vf_load_upto(up + i, n - i), n - i);
}
ALWAYS_INLINE void glu_grad_range(int32_t act, const float *const in[3], float *const out[2], int64_t i0, int64_t i1) {
    for (int64_t i = i0; i < i1; i += VW) {
        vf f, d = act_df(act, vf_load_upto(in[0] + i, i1 - i), &f);
        vf up = vf_load_upto(in[1] + i, i1 - i), dy = vf_load_upto(in[2] + i, i1 - i);
        if (out[0]) vf_store_upto(out[0] + i, dy * up * d, i1 - i);
        if (out[1]) vf_store_upto(out[1] + i, dy * f, i1 - i);
    }
}

/* Runs `call` with the activation as a constant, so that each loop holds one formula. */
#define EACH_ACT(act, call)                                                                                            \
    switch (act) {                                                                                                     \
    case LUD_ACT_GELU_ERF:                                                                                             \
        call(LUD_ACT_GELU_ERF);                                                                                        \
        break;                                                                                                         \
    case LUD_ACT_GELU_TANH:                                                                                            \
        call(LUD_ACT_GELU_TANH);                                                                                       \
        break;                                                                                                         \
    case LUD_ACT_RELU:                                                                                                 \
        call(LUD_ACT_RELU);                                                                                            \
        break;                                                                                                         \
    case LUD_ACT_RELU2:                                                                                                \
        call(LUD_ACT_RELU2);                                                                                           \
        break;                                                                                                         \
    case LUD_ACT_SILU:                                                                                                 \
        call(LUD_ACT_SILU);                                                                                            \
        break;                                                                                                         \
    case LUD_ACT_QUICK_GELU:                                                                                           \
        call(LUD_ACT_QUICK_GELU);                                                                                      \
        break;                                                                                                         \
    case LUD_ACT_TANH:                                                                                                 \
        call(LUD_ACT_TANH);                                                                                            \
        break;                                                                                                         \
    default:                                                                                                           \
        call(LUD_ACT_SIGMOID);                                                                                         \
        break;                                                                                                         \
    }

static int32_t act_of(const cpu_step *s) {
    return ((const lud_attr_act *)s->attr)->act;
}

void FN(act)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
#define CALL(a) act_range(a, cpu_in(s, 0) + r.begin, cpu_out(s, 0) + r.begin, r.end - r.begin)
        EACH_ACT(act_of(s), CALL)
#undef CALL
    }
}

void FN(act_grad)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        const float *x = cpu_in(s, 0) + r.begin, *dy = cpu_in(s, 1) + r.begin;
        float *dx = cpu_out(s, 0) + r.begin;
#define CALL(a) act_grad_range(a, x, dy, dx, r.end - r.begin)
        EACH_ACT(act_of(s), CALL)
#undef CALL
    }
}

void FN(glu)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        const float *gate = cpu_in(s, 0) + r.begin, *up = cpu_in(s, 1) + r.begin;
        float *y = cpu_out(s, 0) + r.begin;
#define CALL(a) glu_range(a, gate, up, y, r.end - r.begin)
        EACH_ACT(act_of(s), CALL)
#undef CALL
    }
}

void FN(glu_grad)(cpu_worker *w, const cpu_step *s) {
    const float *const in[3] = {cpu_in(s, 0), cpu_in(s, 1), cpu_in(s, 2)};
    float *const out[2] = {cpu_count(w, &s->out[0]) ? cpu_out(s, 0) : NULL,
                           cpu_count(w, &s->out[1]) ? cpu_out(s, 1) : NULL};
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->in[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
#define CALL(a) glu_grad_range(a, in, out, r.begin, r.end)
        EACH_ACT(act_of(s), CALL)
#undef CALL
    }
}
