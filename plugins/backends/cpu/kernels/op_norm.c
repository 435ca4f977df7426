/* SPDX-License-Identifier: Apache-2.0
 * RMS_NORM and its gradients. The sum over a row adds in VW lanes and then in a tree: the same for every row. */
#include "ops.h"

enum { NORM_GRAIN = 16 };

static float offset_of(const cpu_step *s) {
    return ((const lud_attr_norm *)s->attr)->weight_offset;
}

ALWAYS_INLINE vf factor(const float *wt, float offset, int64_t i, int64_t left) {
    return wt ? vf_load_upto(wt + i, left) + offset : vf_set1(1.0f);
}

/* x (N,C), w (C) or absent -> y (N,C), r (N) */
void FN(rms_norm)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *wt = cpu_in(s, 1), eps = ((const lud_attr_norm *)s->attr)->eps, offset = offset_of(s);
    float *rs = cpu_count(w, &s->out[1]) ? cpu_out(s, 1) : NULL;
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, NORM_GRAIN);
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * c;
            float *y = cpu_out(s, 0) + t * c;
            vf sum = vf_zero();
            for (int64_t i = 0; i < c; i += VW) {
                vf v = vf_load_upto(x + i, c - i);
                sum = vf_fma(v, v, sum);
            }
            float r = 1.0f / sqrtf(vf_sum(sum) / (float)c + eps);
            for (int64_t i = 0; i < c; i += VW)
                vf_store_upto(y + i, vf_load_upto(x + i, c - i) * r * factor(wt, offset, i, c - i), c - i);
            if (rs) rs[t] = r;
        }
    }
}

/* One row: dx = r (f dy) - x r^3 / C sum(f dy x), f = w + offset; added to what is there if `more`. */
ALWAYS_INLINE void grad_row(const float *x, const float *dy, const float *wt, float offset, float r, float *dx,
                            int64_t c, bool more) {
    vf sum = vf_zero();
    for (int64_t i = 0; i < c; i += VW) {
        vf g = vf_load_upto(dy + i, c - i) * factor(wt, offset, i, c - i);
        sum = vf_fma(g, vf_load_upto(x + i, c - i), sum);
    }
    float k = vf_sum(sum) * r * r * r / (float)c;
    for (int64_t i = 0; i < c; i += VW) {
        vf g = vf_load_upto(dy + i, c - i) * factor(wt, offset, i, c - i);
        vf d = g * r - vf_load_upto(x + i, c - i) * k;
        vf_store_upto(dx + i, more ? vf_load_upto(dx + i, c - i) + d : d, c - i);
    }
}

/* The same in double: in a narrow row the two terms nearly cancel. */
static void grad_narrow(const float *x, const float *dy, const float *wt, float offset, double r, float *dx, int64_t c,
                        bool more) {
    double sum = 0;
    for (int64_t i = 0; i < c; i++)
        sum += (double)dy[i] * (wt ? (double)(wt[i] + offset) : 1.0) * (double)x[i];
    sum *= r * r / (double)c;
    for (int64_t i = 0; i < c; i++)
        dx[i] = (more ? dx[i] : 0.0f) +
                (float)(r * ((double)dy[i] * (wt ? (double)(wt[i] + offset) : 1.0) - (double)x[i] * sum));
}

/* x, w or absent, r (N), dy -> dx, which may lie over dy or x. */
void FN(rms_norm_grad)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *wt = cpu_in(s, 1), offset = offset_of(s);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, NORM_GRAIN);
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * c, *dy = cpu_in(s, 3) + t * c, r = cpu_in(s, 2)[t];
            if (c < 8)
                grad_narrow(x, dy, wt, offset, (double)r, cpu_out(s, 0) + t * c, c, s->accumulates);
            else
                grad_row(x, dy, wt, offset, r, cpu_out(s, 0) + t * c, c, s->accumulates);
        }
    }
}

/* x (N,C), r (N), dy (N,C) -> dw (C) = sum over rows of dy x r, in increasing order. Overwrites. */
void FN(rms_norm_grad_weight)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *x = cpu_in(s, 0), *r = cpu_in(s, 1), *dy = cpu_in(s, 2);
    cpu_ranges it = cpu_ranges_start(w, s, 0, c, 64);
    while (cpu_ranges_next(&it)) {
        for (int64_t j = it.begin; j < it.end; j += VW) {
            int64_t left = it.end - j;
            vf sum = vf_zero();
            for (int64_t t = 0; t < n; t++) {
                vf v = vf_load_upto(x + t * c + j, left) * r[t];
                sum = vf_fma(v, vf_load_upto(dy + t * c + j, left), sum);
            }
            vf_store_upto(cpu_out(s, 0) + j, sum, left);
        }
    }
}
