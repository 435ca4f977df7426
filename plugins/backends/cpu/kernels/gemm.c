/* SPDX-License-Identifier: Apache-2.0
 * The matrix product: packing, register tiles, blocking, sharing out. See gemm.h for the invariant. */
#include "gemm.h"
#include "transpose.h"

/* ---- Packing ---- */

enum {
    LINE_FLOATS = 16,
    AHEAD = 12
}; /* rows of b to fetch early: pieces of rows are too short for the hardware to run ahead of them */

/* One strip of VW columns: src rows [0, n) (n <= VW) to dst[k][PN]. */
ALWAYS_INLINE void pack_strip(float *dst, const float *src, int64_t ld, int64_t n, int64_t k) {
    vf r[VW];
    int64_t p = 0;
    if (n == VW) {
        for (; p + VW <= k; p += VW) {
            UNROLL
            for (int i = 0; i < VW; i++)
                r[i] = vf_load(src + i * ld + p);
            transpose(r);
            UNROLL
            for (int i = 0; i < VW; i++)
                vf_store(dst + (p + i) * PN, r[i]);
        }
    }
    for (; p < k; p++) {
        for (int64_t i = 0; i < VW; i++)
            dst[p * PN + i] = i < n ? src[i * ld + p] : 0.0f;
    }
}

void FN(gemm_pack_rows)(float *dst, const float *src, int64_t ld, int64_t n, int64_t k) {
    for (int64_t j = 0; j < n; j += PN) {
        for (int v = 0; v < NV; v++) {
            int64_t first = j + v * VW, left = CPU_MAX(n - first, 0);
            pack_strip(dst + j * k + v * VW, src + (left ? first * ld : 0), ld, CPU_MIN(left, VW), k);
        }
    }
}

void FN(gemm_pack_cols)(float *dst, const float *src, int64_t ld, int64_t n, int64_t k) {
    int64_t full = n / PN * PN;
    for (int64_t p = 0; p < k; p++) {
        const float *row = src + p * ld;
        for (int64_t j = 0; j < full; j += PN) {
            __builtin_prefetch(row + AHEAD * ld + j);
            UNROLL
            for (int v = 0; v < NV; v++)
                vf_store(dst + j * k + p * PN + v * VW, vf_load(row + j + v * VW));
        }
        for (int64_t j = full; j < n; j += PN) {
            for (int v = 0; v < NV; v++) {
                int64_t left = CPU_MIN(CPU_MAX(n - j - v * VW, 0), VW);
                vf_store(dst + j * k + p * PN + v * VW, vf_load_n(row + j + v * VW, left));
            }
        }
    }
}

/* ---- Register tiles ---- */
typedef struct tile {
    const float *a;
    int64_t a_row, a_col;
    const float *panel;
    float *c;
    int64_t ldc;
    const float *bias;
    int64_t n, k; /* n <= PN: columns that exist */
    bool load;
} tile;

ALWAYS_INLINE void tile_begin(const int mr, vf acc[MR][NV]) {
    UNROLL
    for (int i = 0; i < mr; i++) {
        UNROLL
        for (int v = 0; v < NV; v++)
            acc[i][v] = vf_zero();
    }
}

ALWAYS_INLINE void tile_end(const tile *t, const int mr, vf acc[MR][NV]) {
    UNROLL
    for (int v = 0; v < NV; v++) {
        int64_t left = CPU_MIN(CPU_MAX(t->n - v * VW, 0), VW);
        vf b = t->bias ? vf_load_upto(t->bias + v * VW, left) : vf_zero();
        UNROLL
        for (int i = 0; i < mr; i++) {
            float *c = t->c + i * t->ldc + v * VW;
            vf x = t->load ? vf_load_upto(c, left) + acc[i][v] : acc[i][v];
            vf_store_upto(c, t->bias ? x + b : x, left);
        }
    }
}

ALWAYS_INLINE void tile_run(const tile *t, const int mr, const bool unit_col) {
    vf acc[MR][NV];
    tile_begin(mr, acc);
    const float *a = t->a, *b = t->panel;
    const int64_t a_row = unit_col ? t->a_row : 1, a_col = unit_col ? 1 : t->a_col;
    for (int64_t p = 0; p < t->k; p++) {
        vf bv[NV];
        UNROLL
        for (int v = 0; v < NV; v++)
            bv[v] = vf_load(b + p * PN + v * VW);
        UNROLL
        for (int i = 0; i < mr; i++) {
            vf x = vf_set1(a[i * a_row + p * a_col]);
            UNROLL
            for (int v = 0; v < NV; v++)
                acc[i][v] = vf_fma(x, bv[v], acc[i][v]);
        }
    }
    tile_end(t, mr, acc);
}

/* One function per number of rows, so that the accumulators live in registers. */
#define TILES(unit, X)                                                                                                 \
    X(unit, 1)                                                                                                         \
    X(unit, 2)                                                                                                         \
    X(unit, 3) X(unit, 4) X(unit, 5) X(unit, 6) X(unit, 7) X(unit, 8) X(unit, 9) X(unit, 10) X(unit, 11) X(unit, 12)
#define TILE_FN(unit, rows)                                                                                            \
    static void tile_##unit##_##rows(const tile *t) {                                                                  \
        tile_run(t, (rows) <= MR ? (rows) : 1, unit);                                                                  \
    }
#define TILE_NAME(unit, rows) tile_##unit##_##rows,
TILES(1, TILE_FN)
TILES(0, TILE_FN)
static void (*const tiles[2][12])(const tile *) = {{TILES(0, TILE_NAME)}, {TILES(1, TILE_NAME)}};

/* Rows [0, rows) of one panel. A has unit columns or unit rows. */
static void panel_run(tile t, int64_t rows) {
    void (*const *run)(const tile *) = tiles[t.a_col == 1];
    for (int64_t i = 0; i < rows; i += MR) {
        run[CPU_MIN(rows - i, MR) - 1](&t);
        t.a += MR * t.a_row;
        t.c += MR * t.ldc;
    }
}

void FN(gemm_packed)(const float *a, int64_t a_row, int64_t a_col, const float *panels, float *c, int64_t ldc,
                     const float *bias, int64_t rows, int64_t n, int64_t k, bool load) {
    for (int64_t j = 0; j < n; j += PN) {
        panel_run((tile){.a = a,
                         .a_row = a_row,
                         .a_col = a_col,
                         .panel = panels + j * k,
                         .c = c + j,
                         .ldc = ldc,
                         .bias = bias ? bias + j : NULL,
                         .n = CPU_MIN(n - j, PN),
                         .k = k,
                         .load = load},
                  rows);
    }
}

/* ---- Blocking ---- */

/* Columns [n0, n1) that fit the pack buffer, all of K. */
static void block_columns(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1, float *pack) {
    int64_t step = gemm_k_step(g->k);
    for (int64_t k0 = 0; k0 == 0 || k0 < g->k; k0 += step) {
        int64_t kc = CPU_MIN(step, g->k - k0), n = n1 - n0;
        if (g->strips)
            FN(strips_pack)(pack, g, n0, n, k0, kc);
        else if (g->b_rows)
            FN(gemm_pack_rows)(pack, g->b + n0 * g->ldb + k0, g->ldb, n, kc);
        else
            FN(gemm_pack_cols)(pack, g->b + k0 * g->ldb + n0, g->ldb, n, kc);
        const float *bias = g->bias && k0 + kc >= g->k ? g->bias + n0 : NULL;
        for (int64_t t = t0; t < t1; t += ROW_BLOCK)
            FN(gemm_packed)
        (g->a + t * g->a_row + k0 * g->a_col, g->a_row, g->a_col, pack, g->c + t * g->ldc + n0, g->ldc, bias,
         CPU_MIN(t1 - t, ROW_BLOCK), n, kc, g->accumulate || k0 > 0);
    }
}

void FN(gemm_block)(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1, float *pack) {
    if (g->strips && g->b_rows && !g->accumulate && t1 > t0 && t1 - t0 <= GEMV_ROWS) {
        FN(strips_gemv)(g, t0, t1, n0, n1);
        return;
    }
    if (!g->strips && g->b_rows && t1 - t0 <= GEMV_ROWS) {
        int64_t whole = n0 + (n1 - n0) / PN * PN;
        FN(gemv_block)(g, t0, t1, n0, whole);
        n0 = whole;
    }
    /* Few rows: the panel is used at once, while the first-level cache holds it. */
    int64_t width = t1 - t0 <= MR ? PN : PANELS_MAX * PN;
    for (int64_t n = n0; n < n1; n += width)
        block_columns(g, t0, t1, n, CPU_MIN(n + width, n1), pack);
}

void FN(gemm_pack)(float *panels, const float *w, int64_t n, int64_t k, int64_t n0, int64_t n1) {
    int64_t step = gemm_k_step(k), width = cpu_round_up(n, PN);
    for (int64_t k0 = 0; k0 < k; k0 += step) {
        int64_t kc = CPU_MIN(step, k - k0);
        FN(gemm_pack_rows)(panels + k0 * width + n0 * kc, w + n0 * k + k0, k, n1 - n0, kc);
    }
}

/* Rows [t0, t1) of one panel, all of K: the rows of C stay in the first-level cache from block to block. */
static void block_packed(const gemm *g, int64_t t0, int64_t t1, int64_t n0) {
    int64_t step = gemm_k_step(g->k), width = cpu_round_up(g->n, PN);
    for (int64_t k0 = 0; k0 == 0 || k0 < g->k; k0 += step) {
        int64_t kc = CPU_MIN(step, g->k - k0);
        panel_run((tile){.a = g->a + t0 * g->a_row + k0 * g->a_col,
                         .a_row = g->a_row,
                         .a_col = g->a_col,
                         .panel = g->panels + k0 * width + n0 * kc,
                         .c = g->c + t0 * g->ldc + n0,
                         .ldc = g->ldc,
                         .bias = g->bias && k0 + kc >= g->k ? g->bias + n0 : NULL,
                         .n = CPU_MIN(g->n - n0, PN),
                         .k = kc,
                         .load = g->accumulate || k0 > 0},
                  t1 - t0);
    }
}

/* ---- Sharing out ---- */

/* Pieces are [panel][row block]: nothing is packed, so they are small, and neighbours share a panel. */
static void packed_shared(cpu_worker *w, const cpu_step *s, uint32_t number, const gemm *g) {
    int64_t blocks = CPU_MAX(cpu_ceil_div(g->rows, ROW_BLOCK), 1);
    cpu_loop loop = cpu_loop_start(w, s, number, g->rows > 0 ? blocks * cpu_ceil_div(g->n, PN) : 0);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i % blocks * ROW_BLOCK;
        block_packed(g, t0, CPU_MIN(t0 + ROW_BLOCK, g->rows), i / blocks * PN);
    }
}

/* Pieces are [row chunk][panel group]. Chunks of up to 512 rows keep packing below 3 % of the work; groups shrink until
 * there are four pieces for each thread. */
void FN(gemm_shared)(cpu_worker *w, const cpu_step *s, uint32_t number, const gemm *g) {
    if (g->panels) {
        packed_shared(w, s, number, g);
        return;
    }
    int64_t panels = cpu_ceil_div(g->n, PN), chunks = CPU_MAX(cpu_ceil_div(g->rows, 512), 1);
    int64_t chunk = cpu_round_up(cpu_ceil_div(g->rows, chunks), MR);
    int64_t want = cpu_ceil_div(w->size > 1 ? 4 * w->size : 1, chunks);
    int64_t group = CPU_MIN(CPU_MAX(panels / want, 1), 4 * PANELS_MAX);
    if (g->strips) group = cpu_round_up(group, PANEL_STRIPS * STRIP_ROWS / PN);
    int64_t groups = cpu_ceil_div(panels, group);
    cpu_loop loop = cpu_loop_start(w, s, number, g->rows > 0 ? chunks * groups : 0);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i / groups * chunk, n0 = i % groups * group * PN;
        FN(gemm_block)
        (g, t0, CPU_MIN(t0 + chunk, g->rows), n0, CPU_MIN(n0 + group * PN, g->n), (float *)(void *)w->scratch);
    }
}
