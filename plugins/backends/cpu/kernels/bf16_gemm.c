/* SPDX-License-Identifier: Apache-2.0
 * The bf16 product: register tiles, blocking, sharing out. See bf16.h for the layouts and the invariant. */
#include "bf16.h"
#include "vec.h"

enum { MR = 12, NV = BF16_N / VW, ROWS_MAX = 128 };

typedef struct tile {
    const uint16_t *a, *b; /* at the first k of the block */
    float *c;
    const float *bias;
    int64_t lda, ldc, n, pairs; /* n <= BF16_N: columns that exist */
    bool load;
} tile;

ALWAYS_INLINE __m512bh pair_of(const uint16_t *p) {
    int32_t both;
    memcpy(&both, p, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}
ALWAYS_INLINE __m512bh pairs_at(const uint16_t *p) {
    return (__m512bh)_mm512_loadu_si512(p);
}

ALWAYS_INLINE void tile_end(const tile *t, const int mr, __m512 acc[MR][NV]) {
    UNROLL
    for (int v = 0; v < NV; v++) {
        int64_t left = CPU_MIN(CPU_MAX(t->n - v * VW, 0), VW);
        __mmask16 mask = (__mmask16)((1u << left) - 1);
        __m512 b = t->bias ? _mm512_maskz_loadu_ps(mask, t->bias + v * VW) : _mm512_setzero_ps();
        UNROLL
        for (int i = 0; i < mr; i++) {
            float *c = t->c + i * t->ldc + v * VW;
            __m512 x = acc[i][v];
            if (t->load) x = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, c), x);
            if (t->bias) x = _mm512_add_ps(x, b);
            _mm512_mask_storeu_ps(c, mask, x);
        }
    }
}

ALWAYS_INLINE void tile_run(const tile *t, const int mr) {
    __m512 acc[MR][NV];
    UNROLL
    for (int i = 0; i < mr; i++) {
        UNROLL
        for (int v = 0; v < NV; v++)
            acc[i][v] = _mm512_setzero_ps();
    }
    const uint16_t *a = t->a, *b = t->b;
    const int64_t lda = t->lda;
    for (int64_t p = 0; p < t->pairs; p++, a += BF16_PAIR, b += BF16_N * BF16_PAIR) {
        __m512bh bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++)
            bv[v] = pairs_at(b + v * VW * BF16_PAIR);
        UNROLL
        for (int i = 0; i < mr; i++) {
            __m512bh x = pair_of(a + i * lda);
            UNROLL
            for (int v = 0; v < NV; v++)
                acc[i][v] = _mm512_dpbf16_ps(acc[i][v], x, bv[v]);
        }
    }
    tile_end(t, mr, acc);
}

#define TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define TILE_FN(rows)                                                                                                  \
    static void tile_##rows(const tile *t) {                                                                           \
        tile_run(t, rows);                                                                                             \
    }
#define TILE_NAME(rows) tile_##rows,
TILES(TILE_FN)
static void (*const tiles[MR])(const tile *) = {TILES(TILE_NAME)};

/* Tiles of nearly equal height: a low last one would wait for the latency of its few chains. */
static void panel_run(tile t, int64_t rows) {
    int64_t n = cpu_ceil_div(rows, MR);
    for (int64_t i = 0; i < n; i++) {
        int64_t height = rows / n + (i < rows % n);
        tiles[height - 1](&t);
        t.a += height * t.lda;
        t.c += height * t.ldc;
    }
}

/* Rows [t0, t1), panels [j0, j1), all of K. */
static void block(const bf16_product *p, int64_t t0, int64_t t1, int64_t j0, int64_t j1) {
    int64_t step = bf16_k_step(p->k), pairs = cpu_ceil_div(p->k, BF16_PAIR);
    for (int64_t k = 0; k == 0 || k < p->k; k += step) {
        int64_t left = CPU_MIN(step / BF16_PAIR, pairs - k / BF16_PAIR);
        for (int64_t j = j0; j < j1; j++) {
            int64_t n = j * BF16_N;
            panel_run((tile){.a = p->a + t0 * p->lda + k,
                             .b = p->panels + (j * pairs + k / BF16_PAIR) * BF16_N * BF16_PAIR,
                             .c = p->c + t0 * p->ldc + n,
                             .bias = p->bias && k + step >= p->k ? p->bias + n : NULL,
                             .lda = p->lda,
                             .ldc = p->ldc,
                             .n = CPU_MIN(p->n - n, BF16_N),
                             .pairs = left,
                             .load = p->accumulate || k > 0},
                      t1 - t0);
        }
    }
}

void FN(bf16_product_alone)(const bf16_product *p) {
    block(p, 0, p->rows, 0, cpu_ceil_div(p->n, BF16_N));
}

/* Pieces are [panel group][row chunk]: nothing is packed here, so they are small, and neighbours share a panel. Where K
 * is long, a piece is all panels, so that a block of A is read once. */
void FN(bf16_product)(cpu_worker *w, const cpu_step *s, uint32_t number, const bf16_product *p) {
    int64_t panels = cpu_ceil_div(p->n, BF16_N), chunks = CPU_MAX(cpu_ceil_div(p->rows, ROWS_MAX), 1);
    if (p->rows >= MR * w->size) chunks = cpu_round_up(chunks, w->size);
    int64_t chunk = cpu_ceil_div(p->rows, chunks), group = p->k > 2 * BF16_K ? panels : 1;
    int64_t groups = cpu_ceil_div(panels, group);
    cpu_loop loop = cpu_loop_start(w, s, number, p->rows > 0 ? chunks * groups : 0);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i % chunks * chunk, j0 = i / chunks * group;
        if (t0 < p->rows) block(p, t0, CPU_MIN(t0 + chunk, p->rows), j0, CPU_MIN(j0 + group, panels));
    }
}
