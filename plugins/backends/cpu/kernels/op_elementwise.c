/* SPDX-License-Identifier: Apache-2.0
 * ADD, MUL (b broadcast from the right), SCALE, ACC. Results may lie over an input of the same size. */
#include "ops.h"

ALWAYS_INLINE vf combine(bool mul, vf a, vf b) {
    return mul ? a * b : a + b;
}

/* out[i] = a[i] op b[i], n elements */
ALWAYS_INLINE void pairs(bool mul, const float *a, const float *b, float *out, int64_t n) {
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        vf_store(out + i, combine(mul, vf_load(a + i), vf_load(b + i)));
    for (; i < n; i++)
        out[i] = mul ? a[i] * b[i] : a[i] + b[i];
}

ALWAYS_INLINE void with_one(bool mul, const float *a, float b, float *out, int64_t n) {
    vf bv = vf_set1(b);
    int64_t i = 0;
    for (; i + VW <= n; i += VW)
        vf_store(out + i, combine(mul, vf_load(a + i), bv));
    for (; i < n; i++)
        out[i] = mul ? a[i] * b : a[i] + b;
}

/* a[begin, end) with b repeating every nb elements. */
ALWAYS_INLINE void broadcast(bool mul, const float *a, const float *b, float *out, int64_t begin, int64_t end,
                             int64_t nb) {
    if (nb == 1) {
        with_one(mul, a + begin, b[0], out + begin, end - begin);
        return;
    }
    for (int64_t i = begin; i < end;) {
        int64_t at = i % nb, n = CPU_MIN(nb - at, end - i);
        pairs(mul, a + i, b + at, out + i, n);
        i += n;
    }
}

static void add_i32(const int32_t *a, const int32_t *b, int32_t *out, int64_t begin, int64_t end, int64_t nb) {
    for (int64_t i = begin; i < end; i++)
        out[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i % nb]);
}

void FN(add)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_count(w, &s->out[0]), nb = cpu_count(w, &s->in[1]);
    cpu_ranges r = cpu_ranges_start(w, s, 0, nb ? n : 0, ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        if (s->out[0].t->dtype == LUD_I32)
            add_i32(cpu_in_i32(s, 0), cpu_in_i32(s, 1), s->out[0].ptr, r.begin, r.end, nb);
        else
            broadcast(false, cpu_in(s, 0), cpu_in(s, 1), cpu_out(s, 0), r.begin, r.end, nb);
    }
}

void FN(mul)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_count(w, &s->out[0]), nb = cpu_count(w, &s->in[1]);
    cpu_ranges r = cpu_ranges_start(w, s, 0, nb ? n : 0, ELEMENT_GRAIN);
    while (cpu_ranges_next(&r))
        broadcast(true, cpu_in(s, 0), cpu_in(s, 1), cpu_out(s, 0), r.begin, r.end, nb);
}

void FN(scale)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_scale *at = s->attr;
    const float *x = cpu_in(s, 0);
    float *y = cpu_out(s, 0);
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        int64_t i = r.begin;
        for (; i + VW <= r.end; i += VW)
            vf_store(y + i, at->mul * vf_load(x + i) + at->add);
        for (; i < r.end; i++)
            y[i] = at->mul * x[i] + at->add;
    }
}

/* acc (n) += x (n), in place */
void FN(acc)(cpu_worker *w, const cpu_step *s) {
    cpu_ranges r = cpu_ranges_start(w, s, 0, cpu_count(w, &s->in[1]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&r)) {
        float *a = (float *)s->in[0].ptr + r.begin;
        pairs(false, a, cpu_in(s, 1) + r.begin, a, r.end - r.begin);
    }
}
