/* SPDX-License-Identifier: Apache-2.0
 * LAYER_NORM and its gradients. Sums over a row add in VW lanes and then in a tree: the same for every row. The mean is
 * corrected by the mean of what is left of it, so that a row far from 0 keeps its digits (Chan et al. 1983). */
#include "ops.h"

enum { NORM_GRAIN = 16, NARROW = 8, SUM_BLOCK = 64 };

typedef struct row_stats {
    float mean, rstd;
} row_stats;

ALWAYS_INLINE row_stats wide_stats(const float *x, int64_t c, float eps) {
    vf sum = vf_zero(), rest = vf_zero(), square = vf_zero();
    for (int64_t i = 0; i < c; i += VW)
        sum += vf_load_upto(x + i, c - i);
    float mean = vf_sum(sum) / (float)c;
    for (int64_t i = 0; i < c; i += VW) {
        vf d = vf_load_upto(x + i, c - i) - mean;
        if (c - i < VW) d = vf_select(vi_first(c - i), d, vf_zero());
        rest += d;
        square = vf_fma(d, d, square);
    }
    float r = vf_sum(rest) / (float)c, variance = vf_sum(square) / (float)c - r * r;
    return (row_stats){mean + r, 1.0f / sqrtf((variance < 0.0f ? 0.0f : variance) + eps)};
}

/* In double: in a narrow row x - mean loses digits. */
static row_stats narrow_stats(const float *x, int64_t c, float eps, const float *wt, const float *b, float *y) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < c; i++)
        mean += (double)x[i] / (double)c;
    for (int64_t i = 0; i < c; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)c;
    double rstd = 1.0 / sqrt(variance + (double)eps);
    for (int64_t i = 0; i < c; i++)
        y[i] = (float)(((double)x[i] - mean) * rstd * (wt ? (double)wt[i] : 1.0) + (b ? (double)b[i] : 0.0));
    return (row_stats){(float)mean, (float)rstd};
}

ALWAYS_INLINE vf factor(const float *wt, int64_t i, int64_t left) {
    return wt ? vf_load_upto(wt + i, left) : vf_set1(1.0f);
}

/* x (N,C), w (C) or absent, b (C) or absent -> y (N,C), mean (N), rstd (N); y may lie over x. */
void FN(layer_norm)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *wt = cpu_in(s, 1), *b = cpu_in(s, 2), eps = ((const lud_attr_norm *)s->attr)->eps;
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, NORM_GRAIN);
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * c;
            float *y = cpu_out(s, 0) + t * c;
            row_stats r = c < NARROW ? narrow_stats(x, c, eps, wt, b, y) : wide_stats(x, c, eps);
            for (int64_t i = 0; c >= NARROW && i < c; i += VW) {
                vf v = (vf_load_upto(x + i, c - i) - r.mean) * r.rstd * factor(wt, i, c - i);
                vf_store_upto(y + i, b ? v + vf_load_upto(b + i, c - i) : v, c - i);
            }
            cpu_out(s, 1)[t] = r.mean;
            cpu_out(s, 2)[t] = r.rstd;
        }
    }
}

/* One row: dx = rstd (g - mean(g) - n mean(g n)), g = w dy, n = (x - mean) rstd. */
ALWAYS_INLINE void grad_row(const float *x, const float *dy, const float *wt, row_stats r, float *dx, int64_t c) {
    vf sum_g = vf_zero(), sum_gx = vf_zero();
    for (int64_t i = 0; i < c; i += VW) {
        vf g = vf_load_upto(dy + i, c - i) * factor(wt, i, c - i); /* 0 in lanes that are not there */
        sum_g += g;
        sum_gx = vf_fma(g, vf_load_upto(x + i, c - i) - r.mean, sum_gx);
    }
    float mean_g = vf_sum(sum_g) / (float)c, k = vf_sum(sum_gx) * r.rstd * r.rstd / (float)c;
    for (int64_t i = 0; i < c; i += VW) {
        vf g = vf_load_upto(dy + i, c - i) * factor(wt, i, c - i);
        vf_store_upto(dx + i, (g - mean_g - (vf_load_upto(x + i, c - i) - r.mean) * k) * r.rstd, c - i);
    }
}

/* The same in double: in a narrow row the terms nearly cancel. */
static void grad_narrow(const float *x, const float *dy, const float *wt, row_stats r, float *dx, int64_t c) {
    double mean = (double)r.mean, rstd = (double)r.rstd, sum_g = 0, sum_gn = 0;
    for (int64_t i = 0; i < c; i++) {
        double g = (double)dy[i] * (wt ? (double)wt[i] : 1.0);
        sum_g += g / (double)c;
        sum_gn += g * ((double)x[i] - mean) * rstd / (double)c;
    }
    for (int64_t i = 0; i < c; i++) {
        double g = (double)dy[i] * (wt ? (double)wt[i] : 1.0);
        dx[i] = (float)(rstd * (g - sum_g - ((double)x[i] - mean) * rstd * sum_gn));
    }
}

/* x, w or absent, mean (N), rstd (N), dy -> dx, which may lie over dy or x. */
void FN(layer_norm_grad)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *wt = cpu_in(s, 1);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, NORM_GRAIN);
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * c, *dy = cpu_in(s, 4) + t * c;
            row_stats r = {cpu_in(s, 2)[t], cpu_in(s, 3)[t]};
            if (c < NARROW)
                grad_narrow(x, dy, wt, r, cpu_out(s, 0) + t * c, c);
            else
                grad_row(x, dy, wt, r, cpu_out(s, 0) + t * c, c);
        }
    }
}

/* x (N,C), mean (N), rstd (N), dy (N,C) -> dw (C), db (C): sums over rows of dy n and of dy, in blocks of SUM_BLOCK. */
void FN(layer_norm_grad_weight)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    const float *x = cpu_in(s, 0), *mean = cpu_in(s, 1), *rstd = cpu_in(s, 2), *dy = cpu_in(s, 3);
    cpu_ranges it = cpu_ranges_start(w, s, 0, c, 64);
    while (cpu_ranges_next(&it)) {
        for (int64_t j = it.begin; j < it.end; j += VW) {
            int64_t left = it.end - j;
            vf dw = vf_zero(), db = vf_zero();
            for (int64_t t0 = 0; t0 < n; t0 += SUM_BLOCK) {
                vf sum_w = vf_zero(), sum_b = vf_zero();
                for (int64_t t = t0; t < CPU_MIN(t0 + SUM_BLOCK, n); t++) {
                    vf d = vf_load_upto(dy + t * c + j, left);
                    sum_w = vf_fma((vf_load_upto(x + t * c + j, left) - mean[t]) * rstd[t], d, sum_w);
                    sum_b += d;
                }
                dw += sum_w, db += sum_b;
            }
            vf_store_upto(cpu_out(s, 0) + j, dw, left);
            vf_store_upto(cpu_out(s, 1) + j, db, left);
        }
    }
}
