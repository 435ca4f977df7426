/* SPDX-License-Identifier: Apache-2.0
 * The bf16 product for a few rows and a weight in strips (../strips.h): the weight is read once, its values are rounded
 * in registers. The order is that of bf16_gemm.c, and so are the bits. */
#include "bf16.h"
#include "unpack.h"

enum { ROWS = BF16_FEW_ROWS, WIDE = PANEL_STRIPS };

typedef struct few {
    const bf16_product *p;
    const char *block; /* columns 0 of the first strip */
    int64_t step;      /* to the next columns */
    int64_t n;         /* the first row of the weight: a column of C */
    const char *end;   /* of the panel */
    int64_t jump;      /* from there to the panel that is read then */
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
        const char *ahead = block + STRIPS_AHEAD;
        if (ahead >= f->end) ahead += f->jump;
        for (int64_t i = 0; i < strips * bytes; i += CPU_LINE)
            __builtin_prefetch(ahead + i, 0, 0); /* past the caches, which hold what is read again */
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
#define SOME(n)                                                                                                        \
    if (most >= n && strips >= n) return run(f, kind, rows, n), n;
    SOME(6)
    SOME(5)
    SOME(4)
    SOME(3) SOME(2)
#undef SOME
        return run(f, kind, rows, 1),
        1;
}

typedef int64_t some_fn(const few *, int64_t strips);
#define SOME_OF(kind, rows)                                                                                            \
    static int64_t some_##kind##_##rows(const few *f, int64_t strips) {                                                \
        return some(f, STRIPS_##kind, rows, strips);                                                                   \
    }
#define SOME_KINDS(rows)                                                                                               \
    SOME_OF(BF16, rows) SOME_OF(F16, rows) SOME_OF(Q4_0, rows) SOME_OF(Q4_1, rows) SOME_OF(Q8_0, rows)
#define SOME_NAMES(rows) some_BF16_##rows, some_F16_##rows, some_Q4_0_##rows, some_Q4_1_##rows, some_Q8_0_##rows
SOME_KINDS(1)
SOME_KINDS(2)
SOME_KINDS(3)
SOME_KINDS(4)

static some_fn *const some_of[ROWS][STRIPS_KINDS - STRIPS_BF16] = {
    {SOME_NAMES(1)}, {SOME_NAMES(2)}, {SOME_NAMES(3)}, {SOME_NAMES(4)}};

void FN(bf16_strips)(cpu_worker *w, const cpu_step *s, uint32_t number, const bf16_product *p, const void *weight,
                     int32_t kind) {
    some_fn *fn = p->rows > 0 ? some_of[p->rows - 1][kind - STRIPS_BF16] : NULL;
    const int64_t panels = cpu_panels(p->n);
    cpu_ranges it = cpu_ranges_start(w, s, number, fn ? panels : 0, 1);
    while (cpu_ranges_next(&it)) {
        const char *next = cpu_panel_at(weight, kind, p->n, p->k, cpu_panel_next(w, panels, it.begin));
        const int64_t begin = cpu_panel_begin(p->n, it.begin), end = cpu_panel_begin(p->n, it.end);
        for (int64_t at = begin, done; at < end; at += done) {
            const int64_t n = at * STRIP_ROWS;
            const cpu_strip strip = cpu_strip_of(weight, kind, p->n, p->k, n);
            few f = {.p = p, .block = strip.first, .step = strip.step, .n = n, .end = strip.end};
            f.jump = next - strip.end;
            done = fn(&f, strip.left);
        }
    }
}
