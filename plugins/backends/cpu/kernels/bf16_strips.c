/* SPDX-License-Identifier: Apache-2.0
 * The bf16 product with a weight in strips (../strips.h), whose values are rounded in registers. Few rows: the weight
 * is read once. Many rows: panels are made for bf16_gemm.c, whose order, and so whose bits, both have. */
#include "bf16.h"
#include "transpose.h"
#include "unpack.h"

enum { ROWS = CPU_FEW_ROWS, WIDE = PANEL_STRIPS };

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
            __builtin_prefetch(block + i + STRIPS_AHEAD, 0, 0); /* past the caches, which hold what is read again */
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

/* As many strips side by side as there are, and registers for. */
ALWAYS_INLINE int64_t some(const few *f, const int kind, const int rows, int64_t strips) {
    const int most = rows <= 2 ? WIDE : WIDE / 2;
    if (most >= 6 && strips >= 6) return run(f, kind, rows, 6), 6;
    if (most >= 5 && strips >= 5) return run(f, kind, rows, 5), 5;
    if (most >= 4 && strips >= 4) return run(f, kind, rows, 4), 4;
    if (most >= 3 && strips >= 3) return run(f, kind, rows, 3), 3;
    if (most >= 2 && strips >= 2) return run(f, kind, rows, 2), 2;
    return run(f, kind, rows, 1), 1;
}

typedef int64_t some_fn(const few *, int64_t strips);
#define SOME_OF(kind, rows)                                                                                            \
    static int64_t some_##kind##_##rows(const few *f, int64_t strips) {                                                \
        return some(f, STRIPS_##kind, rows, strips);                                                                   \
    }
STRIP_KINDS(SOME_OF, 1)
STRIP_KINDS(SOME_OF, 2)
STRIP_KINDS(SOME_OF, 3)
STRIP_KINDS(SOME_OF, 4)

static some_fn *const some_of[ROWS][STRIPS_KINDS - STRIPS_BF16] = {STRIP_NAMES(some, 1), STRIP_NAMES(some, 2),
                                                                   STRIP_NAMES(some, 3), STRIP_NAMES(some, 4)};

void FN(bf16_strips)(const cpu_worker *w, const bf16_product *p) {
    const bf16_weight *b = &p->weight;
    some_fn *fn = p->rows > 0 ? some_of[p->rows - 1][b->kind - STRIPS_BF16] : NULL;
    const cpu_stretch at = cpu_stretch_of(w, p->n);
    for (int64_t n = at.begin, done; fn && n < at.end; n += done * STRIP_ROWS) {
        const cpu_strip strip = cpu_strip_of(b->strips, b->kind, p->n, p->k, n);
        done = fn(&(few){.p = p, .block = strip.first, .step = strip.step, .n = n}, strip.left);
    }
}

/* ---- Panels ---- */
/* Columns of B are rows of the weight: a strip fills half a panel. */
ALWAYS_INLINE void panel_of_rows(const int kind, uint16_t *out, const bf16_weight *b, int64_t panel, int64_t k0,
                                 int64_t k1) {
    for (int64_t half = 0; half < BF16_N / STRIP_ROWS; half++) {
        int64_t row = panel * BF16_N + half * STRIP_ROWS;
        bool there = row < b->rows;
        cpu_strip strip = cpu_strip_of(b->strips, kind, b->rows, b->cols, there ? row : 0);
        uint16_t *to = out + half * STRIP_ROWS * BF16_PAIR;
        for (int64_t k = k0; k < k1; k += STRIP_COLS) {
            const char *block = strip.first + k / STRIP_COLS * strip.step;
            strip_scale s = strip_scale_of(kind, block, 0);
            UNROLL
            for (int i = 0; i < STRIP_COLS; i += BF16_PAIR) {
                __m512bh pairs = pair_of(kind, block, i / 8, i % 8, s);
                _mm512_storeu_si512(to + (k - k0 + i) * BF16_N, there ? (__m512i)pairs : _mm512_setzero_si512());
            }
        }
    }
}

/* Columns of B are those of a block: its strips' rows are the order of the sum. */
ALWAYS_INLINE void panel_of_cols(const int kind, uint16_t *out, const bf16_weight *b, int64_t panel, int64_t k0,
                                 int64_t k1) {
    for (int64_t row = k0; row < k1; row += STRIP_ROWS) {
        cpu_strip strip = cpu_strip_of(b->strips, kind, b->rows, b->cols, row);
        const char *block = strip.first + panel * strip.step;
        strip_scale s = strip_scale_of(kind, block, 0);
        vf pairs[VW]; /* of columns c and c + 16: eight pairs of rows each */
        UNROLL
        for (int c = 0; c < VW; c++) {
            vf lo = strip_value(kind, block, 0, c / 8, c % 8, s), hi = strip_value(kind, block, 0, 2 + c / 8, c % 8, s);
            pairs[c] = (vf)_mm512_cvtne2ps_pbh((__m512)hi, (__m512)lo);
        }
        transpose(pairs);
        int64_t there = CPU_MIN(cpu_ceil_div(k1 - row, BF16_PAIR), VW / 2);
        uint16_t *to = out + (row - k0) * BF16_N;
        for (int64_t p = 0; p < there; p++, to += BF16_N * BF16_PAIR) {
            memcpy(to, &pairs[p], sizeof pairs[p]);
            memcpy(to + BF16_N, &pairs[VW / 2 + p], sizeof pairs[p]);
        }
    }
}

typedef void make_fn(uint16_t *, const bf16_weight *, int64_t panel, int64_t k0, int64_t k1);
#define MAKE(kind)                                                                                                     \
    static void make_##kind(uint16_t *out, const bf16_weight *b, int64_t panel, int64_t k0, int64_t k1) {              \
        if (b->by_k)                                                                                                   \
            panel_of_cols(STRIPS_##kind, out, b, panel, k0, k1);                                                       \
        else                                                                                                           \
            panel_of_rows(STRIPS_##kind, out, b, panel, k0, k1);                                                       \
    }
MAKE(BF16)
MAKE(F16)
MAKE(Q4_0)
MAKE(Q4_1)
MAKE(Q8_0)

void FN(bf16_strips_panel)(uint16_t *out, const bf16_weight *b, int64_t panel, int64_t k0, int64_t k1) {
    static make_fn *const make[] = {make_BF16, make_F16, make_Q4_0, make_Q4_1, make_Q8_0};
    make[b->kind - STRIPS_BF16](out, b, panel, k0, k1);
}
