/* SPDX-License-Identifier: Apache-2.0
 * The bf16 product with a weight in strips (../strips.h), whose values are rounded in registers. Few rows: the weight
 * is read once. Many rows: panels are made for bf16_gemm.c, whose order, and so whose bits, both have. */
#include "bf16.h"
#include "transpose.h"
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

/* ---- Panels ---- */
/* Columns of B are rows of the weight: a strip fills half a panel. */
ALWAYS_INLINE void panel_of_rows(const int kind, uint16_t *out, const bf16_weight *b, int64_t panel) {
    for (int64_t half = 0; half < BF16_N / STRIP_ROWS; half++) {
        int64_t row = panel * BF16_N + half * STRIP_ROWS;
        bool there = row < b->rows;
        cpu_strip strip = cpu_strip_of(b->strips, kind, b->rows, b->cols, there ? row : 0);
        uint16_t *to = out + half * STRIP_ROWS * BF16_PAIR;
        for (int64_t k = 0; k < b->cols; k += STRIP_COLS) {
            const char *block = strip.first + k / STRIP_COLS * strip.step;
            strip_scale s = strip_scale_of(kind, block, 0);
            UNROLL
            for (int i = 0; i < STRIP_COLS; i += BF16_PAIR) {
                __m512bh pairs = pair_of(kind, block, i / 8, i % 8, s);
                _mm512_storeu_si512(to + (k + i) * BF16_N, there ? (__m512i)pairs : _mm512_setzero_si512());
            }
        }
    }
}

/* Columns of B are those of a block: its strips' rows are the order of the sum. */
ALWAYS_INLINE void panel_of_cols(const int kind, uint16_t *out, const bf16_weight *b, int64_t panel) {
    for (int64_t row = 0; row < b->rows; row += STRIP_ROWS) {
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
        int64_t there = CPU_MIN(cpu_ceil_div(b->rows - row, BF16_PAIR), VW / 2);
        uint16_t *to = out + row * BF16_N;
        for (int64_t p = 0; p < there; p++, to += BF16_N * BF16_PAIR) {
            memcpy(to, &pairs[p], sizeof pairs[p]);
            memcpy(to + BF16_N, &pairs[VW / 2 + p], sizeof pairs[p]);
        }
    }
}

#define PANEL_OF(kind)                                                                                                 \
    static void panel_of_##kind(uint16_t *out, const bf16_weight *b, int64_t panel) {                                  \
        if (b->by_k)                                                                                                   \
            panel_of_cols(STRIPS_##kind, out, b, panel);                                                               \
        else                                                                                                           \
            panel_of_rows(STRIPS_##kind, out, b, panel);                                                               \
    }
PANEL_OF(BF16)
PANEL_OF(F16)
PANEL_OF(Q4_0)
PANEL_OF(Q4_1)
PANEL_OF(Q8_0)

void FN(bf16_strips_panel)(uint16_t *out, const bf16_weight *b, int64_t panel) {
    static void (*const make[])(uint16_t *, const bf16_weight *, int64_t) = {panel_of_BF16, panel_of_F16, panel_of_Q4_0,
                                                                             panel_of_Q4_1, panel_of_Q8_0};
    int64_t k = cpu_round_up(b->by_k ? b->rows : b->cols, BF16_PAIR);
    make[b->kind - STRIPS_BF16](out + panel * BF16_N * k, b, panel);
}
