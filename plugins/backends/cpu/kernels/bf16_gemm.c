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

/* Panels beside each other at one block of K, `apart` numbers apart. */
typedef struct side {
    const uint16_t *first;
    int64_t apart;
} side;

/* Panels [j0, j1) from k on: there already, or made. */
static side side_of(const cpu_bf16 *set, const bf16_product *p, int64_t j0, int64_t j1, int64_t k, int64_t k1) {
    int64_t whole = cpu_round_up(p->k, BF16_PAIR) * BF16_N, apart = (k1 - k) * BF16_N;
    if (p->panels) return (side){p->panels + j0 * whole + k * BF16_N, whole};
    for (int64_t j = j0; j < j1; j++)
        set->strips_panel(p->made + (j - j0) * apart, &p->weight, j, k, k1);
    return (side){p->made, apart};
}

/* Rows [t0, t1), panels [j0, j1), all of K. Some panels beside each other meet some rows while both are in the caches.
 */
static void block(const cpu_bf16 *set, const bf16_product *p, int64_t t0, int64_t t1, int64_t j0, int64_t j1) {
    int64_t step = bf16_k_step(p->k), k_end = cpu_round_up(p->k, BF16_PAIR);
    for (int64_t k = 0; k == 0 || k < p->k; k += step) {
        int64_t k1 = CPU_MIN(k + step, k_end);
        for (int64_t j = j0; j < j1; j += BF16_SIDE) {
            int64_t end = CPU_MIN(j + BF16_SIDE, j1);
            side b = side_of(set, p, j, end, k, k1);
            for (int64_t i = 0; i < (t1 - t0 + ROWS_MAX - 1) / ROWS_MAX * (end - j); i++) {
                int64_t t = t0 + i / (end - j) * ROWS_MAX, n = (j + i % (end - j)) * BF16_N;
                panel_run((tile){.a = p->a + t * p->lda + k,
                                 .b = b.first + i % (end - j) * b.apart,
                                 .c = p->c + t * p->ldc + n,
                                 .bias = p->bias && k + step >= p->k ? p->bias + n : NULL,
                                 .lda = p->lda,
                                 .ldc = p->ldc,
                                 .n = CPU_MIN(p->n - n, BF16_N),
                                 .pairs = (k1 - k) / BF16_PAIR,
                                 .load = p->accumulate || k > 0},
                          CPU_MIN(t1 - t, ROWS_MAX));
            }
        }
    }
}

void FN(bf16_product_alone)(const bf16_product *p) {
    block(NULL, p, 0, p->rows, 0, cpu_ceil_div(p->n, BF16_N));
}

/* Panels in a piece that makes them: at most 3 % of the time may be lost to threads that have a piece less. */
static int64_t group_of(int64_t panels, int64_t threads) {
    for (int64_t group = BF16_SIDE; group > 1; group--)
        if (32 * cpu_ceil_div(cpu_ceil_div(panels, group), threads) * threads * group <= 33 * panels) return group;
    return 1;
}

/* Pieces are [panel group][row chunk], and small, and neighbours share a panel. Where K is long, a piece has many
 * panels, so that a block of A is read once; where a piece makes its panels, it has all rows. */
void FN(bf16_product)(cpu_worker *w, const cpu_step *s, uint32_t number, const bf16_product *p) {
    int64_t panels = cpu_ceil_div(p->n, BF16_N), chunks = CPU_MAX(cpu_ceil_div(p->rows, ROWS_MAX), 1);
    bool long_k = p->k > 2 * BF16_K, makes = !p->panels && panels >= 2 * w->size;
    if (makes)
        chunks = 1;
    else if (p->rows >= MR * w->size)
        chunks = cpu_round_up(chunks, w->size);
    int64_t group = makes && long_k ? cpu_ceil_div(panels, w->size) : makes ? group_of(panels, w->size) : 1;
    if (!makes && long_k) group = panels;
    int64_t chunk = cpu_ceil_div(p->rows, chunks), groups = cpu_ceil_div(panels, group);
    cpu_loop loop = cpu_loop_start(w, s, number, p->rows > 0 ? chunks * groups : 0);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i % chunks * chunk, j0 = i / chunks * group;
        if (t0 < p->rows) block(w->bf16, p, t0, CPU_MIN(t0 + chunk, p->rows), j0, CPU_MIN(j0 + group, panels));
    }
}
