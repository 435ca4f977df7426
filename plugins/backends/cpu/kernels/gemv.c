/* SPDX-License-Identifier: Apache-2.0
 * x w^T for a few rows of x, as in decoding: w is read once at the speed of memory, turned in registers. Each element
 * follows the same order of operations as in gemm.c, so one row gives the bits that it has in a large batch. */
#include "gemm.h"
#include "transpose.h"

enum { LINE_FLOATS = 16 };

typedef struct strip {
    const float *a; /* rows of A at k = 0 */
    int64_t a_row;
    const float *b; /* PN rows of b */
    int64_t ldb, k;
} strip;

/* k = p .. p + VW - 1 of VW columns, all rows of A. */
ALWAYS_INLINE void block(const strip *s, const int rows, const float *b, int64_t p, vf acc[CPU_FEW_ROWS]) {
    vf r[VW];
    UNROLL
    for (int i = 0; i < VW; i++)
        r[i] = vf_load(b + i * s->ldb + p);
    transpose(r);
    UNROLL
    for (int i = 0; i < VW; i++) {
        UNROLL
        for (int t = 0; t < rows; t++)
            acc[t] = vf_fma(vf_set1(s->a[t * s->a_row + p + i]), r[i], acc[t]);
    }
}

ALWAYS_INLINE void tail(const strip *s, const int rows, const float *b, int64_t p, int64_t end, vf acc[CPU_FEW_ROWS]) {
    for (; p < end; p++) {
        float column[VW];
        for (int i = 0; i < VW; i++)
            column[i] = b[i * s->ldb + p];
        for (int t = 0; t < rows; t++)
            acc[t] = vf_fma(vf_set1(s->a[t * s->a_row + p]), vf_load(column), acc[t]);
    }
}

/* Two panels on, one line after the other: hardware loses the stream at each short row. */
ALWAYS_INLINE void look_ahead(const strip *s, int64_t p) {
    const char *next = (const char *)(s->b + 2 * PN * s->k + p * PN);
    UNROLL
    for (int i = 0; i < VW * PN / LINE_FLOATS; i++)
        __builtin_prefetch(next + i * LINE_FLOATS * (int)sizeof(float));
}

/* k in [p, end) from zero. */
ALWAYS_INLINE void chain(const strip *s, const int rows, int64_t p, int64_t end, vf acc[NV][CPU_FEW_ROWS]) {
    UNROLL
    for (int v = 0; v < NV; v++) {
        UNROLL
        for (int t = 0; t < rows; t++)
            acc[v][t] = vf_zero();
    }
    for (; p + VW <= end; p += VW) {
        look_ahead(s, p);
        UNROLL
        for (int v = 0; v < NV; v++)
            block(s, rows, s->b + v * VW * s->ldb, p, acc[v]);
    }
    for (int v = 0; v < NV; v++)
        tail(s, rows, s->b + v * VW * s->ldb, p, end, acc[v]);
}

ALWAYS_INLINE void panel_rows(const strip *s, const int rows, const gemm *g, float *c, const float *bias) {
    int64_t step = gemm_k_step(s->k);
    for (int64_t p = 0; p == 0 || p < s->k; p += step) {
        vf acc[NV][CPU_FEW_ROWS];
        bool last = p + step >= s->k;
        chain(s, rows, p, CPU_MIN(p + step, s->k), acc);
        UNROLL
        for (int v = 0; v < NV; v++) {
            UNROLL
            for (int t = 0; t < rows; t++) {
                float *to = c + t * g->ldc + v * VW;
                vf x = p > 0 || g->accumulate ? vf_load(to) + acc[v][t] : acc[v][t];
                vf_store(to, last && bias ? x + vf_load(bias + v * VW) : x);
            }
        }
    }
}

void FN(gemv_block)(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1) {
    for (int64_t n = n0; n < n1; n += PN) {
        strip s = {g->a + t0 * g->a_row, g->a_row, g->b + n * g->ldb, g->ldb, g->k};
        float *c = g->c + t0 * g->ldc + n;
        const float *bias = g->bias ? g->bias + n : NULL;
        switch (t1 - t0) {
        case 1:
            panel_rows(&s, 1, g, c, bias);
            break;
        case 2:
            panel_rows(&s, 2, g, c, bias);
            break;
        case 3:
            panel_rows(&s, 3, g, c, bias);
            break;
        default:
            panel_rows(&s, 4, g, c, bias);
            break;
        }
    }
}
