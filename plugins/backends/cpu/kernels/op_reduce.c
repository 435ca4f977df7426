/* SPDX-License-Identifier: Apache-2.0
 * SUM_TO, ROW_SUM, ROW_SPREAD and SUMSQ. The order of the additions depends on the shape alone: rows in blocks of
 * SUM_BLOCK, block sums in increasing order; elements in blocks of SQ_BLOCK, each in SUMS * VW lanes. */
#include "ops.h"

enum { SUM_BLOCK = 64, SQ_BLOCK = 16384 };

void FN(column_sums)(const float *x, int64_t n, int64_t c, int64_t j0, int64_t j1, float *out, bool accumulate) {
    for (int64_t j = j0; j < j1; j += VW) {
        int64_t left = j1 - j;
        vf total = accumulate ? vf_load_upto(out + j, left) : vf_zero();
        for (int64_t t0 = 0; t0 < n; t0 += SUM_BLOCK) {
            vf sum = vf_zero();
            for (int64_t t = t0; t < CPU_MIN(t0 + SUM_BLOCK, n); t++)
                sum += vf_load_upto(x + t * c + j, left);
            total += sum;
        }
        vf_store_upto(out + j, total, left);
    }
}

/* Sum of n elements (of their squares): block sums in fp32, their total in double. Several chains: one waits for its
 * own last sum. */
static float block_sum(const float *x, int64_t n, bool square) {
    enum { SUMS = 4 };
    vf sum[SUMS] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
    for (int64_t i = 0; i < n; i += SUMS * VW) {
        UNROLL
        for (int k = 0; k < SUMS; k++) {
            vf v = vf_load_upto(x + i + k * VW, CPU_MAX(n - i - k * VW, 0));
            sum[k] = square ? vf_fma(v, v, sum[k]) : sum[k] + v;
        }
    }
    return vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* x (..., suffix) -> sums over the leading dimensions */
void FN(sum_to)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_count(w, &s->in[0]), c = cpu_count(w, &s->out[0]);
    if (c == 1) { /* one number: in one go, it is rare and small */
        cpu_loop one = cpu_loop_start(w, s, 0, 1);
        for (int64_t i; cpu_loop_next(&one, &i);) {
            double total = 0;
            for (int64_t at = 0; at < n; at += 1024)
                total += (double)block_sum(cpu_in(s, 0) + at, CPU_MIN(n - at, 1024), false);
            cpu_out(s, 0)[0] = (float)total + (s->accumulates ? cpu_out(s, 0)[0] : 0.0f);
        }
        return;
    }
    cpu_ranges it = cpu_ranges_start(w, s, 0, c, 64);
    while (cpu_ranges_next(&it))
        FN(column_sums)(cpu_in(s, 0), n / c, c, it.begin, it.end, cpu_out(s, 0), s->accumulates);
}

/* x (N,K) -> (N) */
void FN(row_sum)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), k = cpu_cols(w, &s->in[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, ELEMENT_GRAIN / k);
    while (cpu_ranges_next(&it))
        for (int64_t t = it.begin; t < it.end; t++)
            cpu_out(s, 0)[t] = block_sum(cpu_in(s, 0) + t * k, k, false);
}

/* x (N) -> (N,K) */
void FN(row_spread)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_count(w, &s->in[0]), k = cpu_cols(w, &s->out[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, ELEMENT_GRAIN / k);
    while (cpu_ranges_next(&it))
        for (int64_t t = it.begin; t < it.end; t++)
            for (int64_t i = 0; i < k; i++)
                cpu_out(s, 0)[t * k + i] = cpu_in(s, 0)[t];
}

void FN(sumsq_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    need->shared = (size_t)cpu_ceil_div(cpu_count(w, &s->in[0]), SQ_BLOCK) * sizeof(float);
    need->loops = 1;
}

/* x (n) -> [1] */
void FN(sumsq)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_count(w, &s->in[0]);
    float *partial = (float *)(void *)w->shared;
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, SQ_BLOCK);
    while (cpu_ranges_next(&it))
        partial[it.begin / SQ_BLOCK] = block_sum(cpu_in(s, 0) + it.begin, it.end - it.begin, true);
    cpu_barrier(w);
    if (w->rank == 0) {
        double total = 0;
        for (int64_t i = 0; i < cpu_ceil_div(n, SQ_BLOCK); i++)
            total += (double)partial[i];
        cpu_out(s, 0)[0] = (float)total;
    }
}
