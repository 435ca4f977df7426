/* SPDX-License-Identifier: Apache-2.0
 * SEGMENT_ATTEND and its gradient: the softmax of scores inside a segment weights its rows. One thread has a whole
 * segment; its tokens add in increasing order. */
#include "segments.h"
#include "vmath.h"

/* score[n] -> w[n]. A NaN makes all weights NaN. */
static void soften(const float *score, int64_t n, float *w) {
    vf top = vf_set1(-INFINITY), sum = vf_zero();
    for (int64_t i = 0; i < n; i += VW) {
        vf v = vf_load_upto(score + i, n - i);
        top = vf_max(top, vf_select(vi_first(n - i), v, vf_set1(-INFINITY)));
    }
    float most = vf_hmax(top);
    for (int64_t i = 0; i < n; i += VW) {
        vf e = vf_exp(vf_load_upto(score + i, n - i) - most);
        e = vf_select(vi_first(n - i), e, vf_zero());
        sum += e;
        vf_store_upto(w + i, e, n - i);
    }
    float total = vf_sum(sum);
    for (int64_t i = 0; i < n; i += VW)
        vf_store_upto(w + i, vf_load_upto(w + i, n - i) / total, n - i);
}

static void zero(float *p, int64_t from, int64_t to) {
    memset(p + from, 0, (size_t)(to - from) * sizeof(float));
}

/* x (T,C), score (T), seg_offsets (S+1) -> y (S,C), weights (T) */
void FN(segment_attend)(cpu_worker *w, const cpu_step *s) {
    int64_t c = cpu_dim(w, &s->in[0], 1);
    float *weights = cpu_out(s, 1);
    segments g;
    if (!segments_of(w, s, 2, cpu_dim(w, &s->in[0], 0), &s->out[0], &g)) return;
    if (w->rank == 0) {
        zero(weights, 0, g.offsets[0]);
        zero(weights, g.offsets[g.n], g.tokens);
    }
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.n, segment_grain(&g, c));
    while (cpu_ranges_next(&it)) {
        for (int64_t at = it.begin; at < it.end; at++) {
            int64_t first = g.offsets[at], end = g.offsets[at + 1];
            soften(cpu_in(s, 1) + first, end - first, weights + first);
            for (int64_t j = 0; j < c; j += VW) {
                vf sum = vf_zero();
                for (int64_t t = first; t < end; t++)
                    sum = vf_fma(vf_set1(weights[t]), vf_load_upto(cpu_in(s, 0) + t * c + j, c - j), sum);
                vf_store_upto(cpu_out(s, 0) + at * c + j, sum, c - j);
            }
        }
    }
}

/* x (T,C), weights (T), y (S,C), seg_offsets (S+1), dy (S,C) -> dx (T,C) = weight dy, dscore (T) = weight dy.(x - y) */
void FN(segment_attend_grad)(cpu_worker *w, const cpu_step *s) {
    int64_t c = cpu_dim(w, &s->in[0], 1);
    segments g;
    if (!segments_of(w, s, 3, cpu_dim(w, &s->in[0], 0), &s->in[2], &g)) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.tokens, ELEMENT_GRAIN / CPU_MAX(c, 1));
    while (cpu_ranges_next(&it)) {
        int64_t at = segment_seek(&g, it.begin);
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * c;
            float *dx = cpu_out(s, 0) + t * c;
            at = segment_at(&g, t, at);
            if (!segment_has(&g, at, t)) {
                zero(dx, 0, c);
                cpu_out(s, 1)[t] = 0.0f;
                continue;
            }
            const float *y = cpu_in(s, 2) + at * c, *dy = cpu_in(s, 4) + at * c, weight = cpu_in(s, 1)[t];
            vf sum = vf_zero();
            for (int64_t j = 0; j < c; j += VW) {
                vf d = vf_load_upto(dy + j, c - j);
                sum = vf_fma(d, vf_load_upto(x + j, c - j) - vf_load_upto(y + j, c - j), sum);
                vf_store_upto(dx + j, d * weight, c - j);
            }
            cpu_out(s, 1)[t] = weight * vf_sum(sum);
        }
    }
}
