/* SPDX-License-Identifier: Apache-2.0
 * Weights in strips (../strips.h), their values rounded in registers: the product for a few rows, which reads the
 * weight once, in the order of bf16_gemm.c and so with its bits; and panels for the product of many. */
#include "bf16.h"
#include "unpack.h"

enum { ROWS = BF16_FEW_ROWS, WIDE = PANEL_STRIPS, AHEAD = 8192 };

typedef struct few {
    const bf16_product *p;
    const char *block; /* columns 0 of the first strip */
    int64_t step;      /* to the next columns */
    int64_t n;         /* the first row of the weight: a column of C */
} few;

/* Words 0, 16, 1, 17 ...: of two vectors of bf16 side by side the pairs. */
ALWAYS_INLINE __m512bh weave(__m512i two) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (__m512bh)_mm512_permutexvar_epi16(order, two);
}

/* Columns 8 j + i and the next one, of the 16 rows of a strip. */
ALWAYS_INLINE __m512bh pair_of(const int kind, const char *block, int64_t j, int i, strip_scale s) {
    if (kind == STRIPS_BF16) return weave(_mm512_loadu_si512(block + (8 * j + i) * STRIP_ROWS * 2));
    vf lo = strip_value(kind, block, 0, j, i, s), hi = strip_value(kind, block, 0, j, i + 1, s);
    return weave((__m512i)_mm512_cvtne2ps_pbh((__m512)hi, (__m512)lo));
}

ALWAYS_INLINE void chain(const few *f, const int kind, const int rows, const int strips, int64_t k0, int64_t k1,
                         __m512 acc[WIDE][ROWS]) {
    const int64_t bytes = strip_block_bytes(kind);
    for (int v = 0; v < strips; v++)
        for (int t = 0; t < rows; t++)
            acc[v][t] = _mm512_setzero_ps();
    for (int64_t k = k0; k < k1; k += STRIP_COLS) {
        const char *block = f->block + k / STRIP_COLS * f->step;
        strip_scale s[WIDE];
        for (int v = 0; v < strips; v++)
            s[v] = strip_scale_of(kind, block + v * bytes, 0);
        for (int64_t i = 0; i < strips * bytes; i += CPU_LINE)
            __builtin_prefetch(block + i + AHEAD, 0, 0); /* past the caches, which hold what is read again */
        for (int64_t j = 0; j < STRIP_COLS / 8; j++) {
            UNROLL
            for (int i = 0; i < 8; i += BF16_PAIR) {
                __m512bh x[ROWS];
                UNROLL
                for (int t = 0; t < rows; t++) {
                    int32_t both;
                    memcpy(&both, f->p->a + t * f->p->lda + k + 8 * j + i, sizeof both);
                    x[t] = (__m512bh)_mm512_set1_epi32(both);
                }
                UNROLL
                for (int v = 0; v < strips; v++) {
                    __m512bh w = pair_of(kind, block + v * bytes, j, i, s[v]);
                    UNROLL
                    for (int t = 0; t < rows; t++)
                        acc[v][t] = _mm512_dpbf16_ps(acc[v][t], x[t], w);
                }
            }
        }
    }
}

ALWAYS_INLINE void run(const few *f, const int kind, const int rows, const int strips) {
    const bf16_product *p = f->p;
    int64_t step = bf16_k_step(p->k);
    __m512 sum[WIDE][ROWS], acc[WIDE][ROWS];
    chain(f, kind, rows, strips, 0, CPU_MIN(step, p->k), sum);
    for (int64_t k = step; k < p->k; k += step) {
        chain(f, kind, rows, strips, k, CPU_MIN(k + step, p->k), acc);
        for (int v = 0; v < strips; v++)
            for (int t = 0; t < rows; t++)
                sum[v][t] = _mm512_add_ps(sum[v][t], acc[v][t]);
    }
    for (int v = 0; v < strips; v++) {
        int64_t n = f->n + v * VW, left = CPU_MIN(p->n - n, VW);
        __mmask16 mask = (__mmask16)((1u << left) - 1);
        for (int t = 0; t < rows; t++) {
            __m512 x = sum[v][t];
            if (p->bias) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, p->bias + n));
            _mm512_mask_storeu_ps(p->c + t * p->ldc + n, mask, x);
        }
    }
}

/* A whole panel, or strip by strip what the last one has. */
ALWAYS_INLINE void panel(const few *f, const int kind, const int rows, int64_t strips) {
    if (strips == WIDE) {
        run(f, kind, rows, WIDE);
        return;
    }
    for (int64_t v = 0; v < strips; v++) {
        few one = *f;
        one.block += v * strip_block_bytes(kind);
        one.n += v * STRIP_ROWS;
        run(&one, kind, rows, 1);
    }
}

typedef void panel_fn(const few *, int64_t strips);
#define PANEL(kind, rows)                                                                                              \
    static void panel_##kind##_##rows(const few *f, int64_t strips) {                                                  \
        panel(f, STRIPS_##kind, rows, strips);                                                                         \
    }
#define PANEL_KINDS(rows) PANEL(BF16, rows) PANEL(F16, rows) PANEL(Q4_0, rows) PANEL(Q4_1, rows) PANEL(Q8_0, rows)
#define PANEL_NAMES(rows) panel_BF16_##rows, panel_F16_##rows, panel_Q4_0_##rows, panel_Q4_1_##rows, panel_Q8_0_##rows
PANEL_KINDS(1)
PANEL_KINDS(2)
PANEL_KINDS(3)
PANEL_KINDS(4)

static panel_fn *const panels[ROWS][STRIPS_KINDS - STRIPS_BF16] = {
    {PANEL_NAMES(1)}, {PANEL_NAMES(2)}, {PANEL_NAMES(3)}, {PANEL_NAMES(4)}};

/* ---- Panels ---- */
ALWAYS_INLINE void fill_panel(const int kind, uint16_t *out, const void *weight, int64_t n, int64_t k, int64_t first) {
    for (int64_t v = 0; v < BF16_N; v += STRIP_ROWS) {
        const bool there = first + v < n;
        const cpu_strip strip = cpu_strip_of(weight, kind, n, k, there ? first + v : 0);
        for (int64_t at = 0; at < k; at += STRIP_COLS) {
            const char *block = strip.first + at / STRIP_COLS * strip.step;
            const strip_scale s = strip_scale_of(kind, block, 0);
            UNROLL
            for (int i = 0; i < STRIP_COLS; i += BF16_PAIR) {
                const __m512bh pairs = there ? pair_of(kind, block, i / 8, i % 8, s) : (__m512bh)_mm512_setzero_si512();
                memcpy(out + (at + i) * BF16_N + v * BF16_PAIR, &pairs, sizeof pairs);
            }
        }
    }
}

typedef void fill_fn(uint16_t *out, const void *weight, int64_t n, int64_t k, int64_t first);
#define FILL(kind)                                                                                                     \
    static void fill_##kind(uint16_t *out, const void *weight, int64_t n, int64_t k, int64_t first) {                  \
        fill_panel(STRIPS_##kind, out, weight, n, k, first);                                                           \
    }
FILL(BF16)
FILL(F16)
FILL(Q4_0)
FILL(Q4_1)
FILL(Q8_0)

void FN(bf16_strips_panel)(uint16_t *out, const void *weight, int32_t kind, int64_t n, int64_t k, int64_t panel) {
    static fill_fn *const fills[] = {fill_BF16, fill_F16, fill_Q4_0, fill_Q4_1, fill_Q8_0};
    fills[kind - STRIPS_BF16](out, weight, n, k, panel * BF16_N);
}

/* ---- The product ---- */
void FN(bf16_strips)(cpu_worker *w, const cpu_step *s, uint32_t number, const bf16_product *p, const void *weight,
                     int32_t kind) {
    enum { PIECES = 8 }; /* for each thread */
    int64_t n = cpu_ceil_div(p->n, STRIP_ROWS * PANEL_STRIPS), grain = CPU_MAX(n / (PIECES * w->size), 1);
    cpu_ranges it = cpu_ranges_start(w, s, number, p->rows > 0 ? n : 0, grain);
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin; i < it.end; i++) {
            int64_t first = i * STRIP_ROWS * PANEL_STRIPS;
            cpu_strip strip = cpu_strip_of(weight, kind, p->n, p->k, first);
            few f = {.p = p, .block = strip.first, .step = strip.step, .n = first};
            int64_t left = cpu_ceil_div(p->n - first, STRIP_ROWS);
            panels[p->rows - 1][kind - STRIPS_BF16](&f, CPU_MIN(left, PANEL_STRIPS));
        }
    }
}
