/* SPDX-License-Identifier: Apache-2.0
 * Products with weights in strips. Few rows: the weight is read once, at the speed of memory, and its values exist in
 * registers alone. Many rows: panels are made for the tiles of gemm.c. Both follow the order of gemm.h with the values
 * that the file stands for, so the results have the bits that the same weight has in fp32. */
#include "gemm.h"
#include "transpose.h"
#include "unpack.h"

enum {
    VECTORS = STRIP_ROWS / VW,          /* in a strip */
    SIDE = VW == 16 ? PANEL_STRIPS : 1, /* strips that are worked on side by side: they hide each other's latency */
    WIDE = SIDE * VECTORS
};

/* ---- Few rows ---- */
typedef struct few {
    const gemm *g;
    const float *a; /* first row */
    float *c;       /* first row, first column */
    const float *bias;
    const char *block; /* columns 0 of the first strip */
    int64_t step;      /* to the next columns */
    int64_t left;      /* rows of the weight from the first one on */
} few;

/* Rows v * VW and up of the weight, at most n_vec * VW of them; one chain for each element from column k0 to k1. */
ALWAYS_INLINE void few_chain(const few *f, const int kind, const int rows, const int n_vec, int64_t k0, int64_t k1,
                             vf acc[WIDE][CPU_FEW_ROWS]) {
    const int64_t bytes = strip_block_bytes(kind), a_row = f->g->a_row;
    for (int v = 0; v < n_vec; v++)
        for (int t = 0; t < rows; t++)
            acc[v][t] = vf_zero();
    for (int64_t k = k0; k < k1; k += STRIP_COLS) {
        const char *block = f->block + k / STRIP_COLS * f->step;
        strip_scale s[WIDE];
        for (int v = 0; v < n_vec; v++)
            s[v] = strip_scale_of(kind, block + v / VECTORS * bytes, v % VECTORS * VW);
        for (int64_t i = 0; i < n_vec / VECTORS * bytes; i += CPU_LINE)
            __builtin_prefetch(block + i + STRIPS_AHEAD, 0, 0); /* past the caches, which hold what is read again */
        for (int64_t j = 0; j < STRIP_COLS / 8; j++) {
            const float *a = f->a + k + 8 * j;
            UNROLL
            for (int i = 0; i < 8; i++) {
                vf x[CPU_FEW_ROWS];
                UNROLL
                for (int t = 0; t < rows; t++)
                    x[t] = vf_set1(a[t * a_row + i]);
                UNROLL
                for (int v = 0; v < n_vec; v++) {
                    vf w = strip_value(kind, block + v / VECTORS * bytes, v % VECTORS * VW, j, i, s[v]);
                    UNROLL
                    for (int t = 0; t < rows; t++)
                        acc[v][t] = vf_fma(x[t], w, acc[v][t]);
                }
            }
        }
    }
}

ALWAYS_INLINE void few_run(const few *f, const int kind, const int rows, const int n_vec) {
    int64_t step = gemm_k_step(f->g->k);
    vf sum[WIDE][CPU_FEW_ROWS], acc[WIDE][CPU_FEW_ROWS];
    few_chain(f, kind, rows, n_vec, 0, CPU_MIN(step, f->g->k), sum);
    for (int64_t k = step; k < f->g->k; k += step) {
        few_chain(f, kind, rows, n_vec, k, CPU_MIN(k + step, f->g->k), acc);
        for (int v = 0; v < n_vec; v++)
            for (int t = 0; t < rows; t++)
                sum[v][t] = sum[v][t] + acc[v][t];
    }
    for (int v = 0; v < n_vec && v * VW < f->left; v++) {
        int64_t left = f->left - v * VW;
        for (int t = 0; t < rows; t++)
            vf_store_upto(f->c + t * f->g->ldc + v * VW,
                          f->bias ? sum[v][t] + vf_load_upto(f->bias + v * VW, left) : sum[v][t], left);
    }
}

/* As many strips side by side as there are, and registers for. */
ALWAYS_INLINE int64_t few_step(few *f, const int kind, const int rows, int64_t strips) {
    const int most = rows <= 2 ? SIDE : (SIDE + 1) / 2;
    if (most >= 6 && strips >= 6) return few_run(f, kind, rows, CPU_MIN(6 * VECTORS, WIDE)), 6;
    if (most >= 5 && strips >= 5) return few_run(f, kind, rows, CPU_MIN(5 * VECTORS, WIDE)), 5;
    if (most >= 4 && strips >= 4) return few_run(f, kind, rows, CPU_MIN(4 * VECTORS, WIDE)), 4;
    if (most >= 3 && strips >= 3) return few_run(f, kind, rows, CPU_MIN(3 * VECTORS, WIDE)), 3;
    if (most >= 2 && strips >= 2) return few_run(f, kind, rows, CPU_MIN(2 * VECTORS, WIDE)), 2;
    return few_run(f, kind, rows, VECTORS), 1;
}

typedef int64_t few_fn(few *, int64_t strips);
#define FEW(kind, rows)                                                                                                \
    static int64_t few_##kind##_##rows(few *f, int64_t strips) {                                                       \
        return few_step(f, STRIPS_##kind, rows, strips);                                                               \
    }
STRIP_KINDS(FEW, 1)
STRIP_KINDS(FEW, 2)
STRIP_KINDS(FEW, 3)
STRIP_KINDS(FEW, 4)

static few_fn *const few_of[CPU_FEW_ROWS][STRIPS_KINDS - STRIPS_BF16] = {STRIP_NAMES(few, 1), STRIP_NAMES(few, 2),
                                                                         STRIP_NAMES(few, 3), STRIP_NAMES(few, 4)};

void FN(strips_gemv)(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1) {
    few_fn *run = few_of[t1 - t0 - 1][g->strips - STRIPS_BF16];
    for (int64_t n = n0, done; n < n1; n += done * STRIP_ROWS) {
        cpu_strip s = cpu_strip_of(g->b, g->strips, g->n, g->k, n);
        few f = {.g = g,
                 .a = g->a + t0 * g->a_row,
                 .c = g->c + t0 * g->ldc + n,
                 .bias = g->bias ? g->bias + n : NULL,
                 .block = s.first,
                 .step = s.step,
                 .left = n1 - n};
        done = run(&f, CPU_MIN(s.left, cpu_strips(n1 - n)));
    }
}

/* ---- Panels ---- */
ALWAYS_INLINE void pack_rows(const int kind, float *dst, const gemm *g, int64_t n0, int64_t n, int64_t k0, int64_t kc) {
    for (int64_t j = 0; j < n; j += PN) {
        for (int64_t v = 0; v < NV; v++) {
            int64_t row = n0 + j + v * VW, lane = row % STRIP_ROWS;
            float *to = dst + j * kc + v * VW;
            bool there = row < g->n;
            cpu_strip strip = cpu_strip_of(g->b, g->strips, g->n, g->k, there ? row : 0);
            for (int64_t k = 0; k < kc; k += STRIP_COLS) {
                const char *block = strip.first + (k0 + k) / STRIP_COLS * strip.step;
                strip_scale s = strip_scale_of(kind, block, lane);
                UNROLL
                for (int i = 0; i < STRIP_COLS; i++)
                    vf_store(to + (k + i) * PN, there ? strip_value(kind, block, lane, i / 8, i % 8, s) : vf_zero());
            }
        }
    }
}

/* The weight's columns n0 .. are the panels' columns, its rows k0 .. the order of the sum. */
ALWAYS_INLINE void pack_cols(const int kind, float *dst, const gemm *g, int64_t n0, int64_t n, int64_t k0, int64_t kc) {
    for (int64_t r = 0; r < kc; r += VW) {
        cpu_strip strip = cpu_strip_of(g->b, g->strips, g->k, g->n, k0 + r);
        int64_t lane = (k0 + r) % STRIP_ROWS, there = CPU_MIN(kc - r, VW);
        for (int64_t col = 0; col < n; col += VW) {
            const char *block = strip.first + (n0 + col) / STRIP_COLS * strip.step;
            float *to = dst + col / PN * PN * kc + r * PN + col % PN;
            strip_scale s = strip_scale_of(kind, block, lane);
            const int at = (int)((n0 + col) % STRIP_COLS);
            vf square[VW];
            UNROLL
            for (int i = 0; i < VW; i++)
                square[i] = strip_value(kind, block, lane, (at + i) / 8, (at + i) % 8, s);
            transpose(square);
            for (int i = 0; i < there; i++)
                vf_store(to + i * PN, square[i]);
        }
    }
}

/* Each kind has its own copy of the loops. */
#define BY_KIND(kind, call, ...)                                                                                       \
    switch (kind) {                                                                                                    \
    case STRIPS_BF16:                                                                                                  \
        call(STRIPS_BF16, __VA_ARGS__);                                                                                \
        break;                                                                                                         \
    case STRIPS_F16:                                                                                                   \
        call(STRIPS_F16, __VA_ARGS__);                                                                                 \
        break;                                                                                                         \
    case STRIPS_Q4_0:                                                                                                  \
        call(STRIPS_Q4_0, __VA_ARGS__);                                                                                \
        break;                                                                                                         \
    case STRIPS_Q4_1:                                                                                                  \
        call(STRIPS_Q4_1, __VA_ARGS__);                                                                                \
        break;                                                                                                         \
    default:                                                                                                           \
        call(STRIPS_Q8_0, __VA_ARGS__);                                                                                \
    }

void FN(strips_pack)(float *dst, const gemm *g, int64_t n0, int64_t n, int64_t k0, int64_t kc) {
    if (g->b_rows) {
        BY_KIND(g->strips, pack_rows, dst, g, n0, n, k0, kc)
    } else {
        BY_KIND(g->strips, pack_cols, dst, g, n0, n, k0, kc)
    }
}

/* ---- Rows ---- */
ALWAYS_INLINE void unpack_row(const int kind, float *dst, cpu_strip strip, int64_t lane, int64_t cols) {
    const int64_t first = lane / VW * VW;
    for (int64_t k = 0; k < cols; k += STRIP_COLS) {
        const char *block = strip.first + k / STRIP_COLS * strip.step;
        strip_scale s = strip_scale_of(kind, block, first);
        for (int i = 0; i < STRIP_COLS; i++)
            dst[k + i] = strip_value(kind, block, first, i / 8, i % 8, s)[lane % VW];
    }
}

void FN(strips_row)(float *dst, const cpu_ref *table, int64_t row) {
    const int32_t kind = cpu_weight_strips(table);
    const int64_t cols = table->t->dim[1];
    cpu_strip strip = cpu_strip_of(cpu_weight_rows(table), kind, table->t->dim[0], cols, row);
    BY_KIND(kind, unpack_row, dst, strip, row % STRIP_ROWS, cols)
}
