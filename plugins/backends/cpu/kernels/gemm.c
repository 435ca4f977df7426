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
    int64_t a_tile; /* from tile to tile of packed rows, 0: rows lie as in a_row */
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
    UNROLL
    for (int i = 0; i < mr; i++) { /* so that the end does not wait for C */
        __builtin_prefetch(t->c + i * t->ldc, 1);
        __builtin_prefetch(t->c + i * t->ldc + PN - 1, 1);
    }
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

static int64_t tile_height(int64_t rows, int64_t tiles, int64_t i) {
    return rows / tiles + (i < rows % tiles);
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

/* Rows [0, rows) of one panel, in tiles of nearly equal height: a low last one would wait for the latency of its few
 * chains. A has unit columns or unit rows. */
static void panel_run(tile t, int64_t rows) {
    void (*const *run)(const tile *) = tiles[t.a_col == 1];
    int64_t n = cpu_ceil_div(rows, MR);
    for (int64_t i = 0; i < n; i++) {
        int64_t height = tile_height(rows, n, i);
        run[height - 1](&t);
        t.a += t.a_tile ? t.a_tile : height * t.a_row;
        t.c += height * t.ldc;
    }
}

/* Columns [0, n) with panels side by side; t is the first tile. */
static void panels_run(tile t, int64_t rows, int64_t n) {
    for (int64_t j = 0; j < n; j += PN) {
        t.n = CPU_MIN(n - j, PN);
        panel_run(t, rows);
        t.panel += PN * t.k, t.c += PN;
        if (t.bias) t.bias += PN;
    }
}

void FN(gemm_packed)(const float *a, int64_t a_row, int64_t a_col, const float *panels, float *c, int64_t ldc,
                     const float *bias, int64_t rows, int64_t n, int64_t k, bool load) {
    panels_run((tile){.a = a,
                      .a_row = a_row,
                      .a_col = a_col,
                      .panel = panels,
                      .c = c,
                      .ldc = ldc,
                      .bias = bias,
                      .k = k,
                      .load = load},
               rows, n);
}

/* ---- Blocking ---- */

/* Columns of A that lie apart, to tiles [tile][k][MR]. */
static void pack_a(float *dst, const float *a, int64_t a_col, int64_t rows, int64_t k) {
    int64_t n = cpu_ceil_div(rows, MR), height;
    bool full = rows == n * MR;
    for (int64_t p = 0; p < k; p++, a += a_col) {
        const float *from = a;
        for (int64_t i = 0; i < n; i++, from += height) {
            float *to = dst + (i * k + p) * MR;
            __builtin_prefetch(from + AHEAD * a_col);
            height = full ? MR : tile_height(rows, n, i);
            if (full)
                memcpy(to, from, MR * sizeof *to);
            else
                memcpy(to, from, (size_t)height * sizeof *to);
        }
    }
}

/* The panels of columns [n0, n1), k0 <= k < k0 + kc: there already, or made in room. */
static const float *panels_of(const gemm *g, int64_t n0, int64_t n1, int64_t k0, int64_t kc, float *room) {
    if (g->panels) return g->panels + k0 * cpu_round_up(g->n, PN) + n0 * kc;
    if (g->strips)
        FN(strips_pack)(room, g, n0, n1 - n0, k0, kc);
    else if (g->b_rows)
        FN(gemm_pack_rows)(room, g->b + n0 * g->ldb + k0, g->ldb, n1 - n0, kc);
    else
        FN(gemm_pack_cols)(room, g->b + k0 * g->ldb + n0, g->ldb, n1 - n0, kc);
    return room;
}

/* Columns [n0, n1) that fit the pack buffer, one block of K. */
static void block_columns(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1, int64_t k0, float *pack) {
    int64_t kc = CPU_MIN(gemm_k_step(g->k), g->k - k0);
    bool across = g->a_col != 1;
    tile first = {.a_row = across ? 1 : g->a_row,
                  .a_col = across ? MR : 1,
                  .a_tile = across ? MR * kc : 0,
                  .panel = panels_of(g, n0, n1, k0, kc, pack),
                  .ldc = g->ldc,
                  .bias = g->bias && k0 + kc >= g->k ? g->bias + n0 : NULL,
                  .k = kc,
                  .load = g->accumulate || k0 > 0};
    for (int64_t t = t0; t < t1; t += ROW_BLOCK) {
        int64_t rows = CPU_MIN(t1 - t, ROW_BLOCK);
        first.a = g->a + t * g->a_row + k0 * g->a_col;
        first.c = g->c + t * g->ldc + n0;
        if (across) {
            pack_a(pack + PANEL_FLOATS, first.a, g->a_col, rows, kc);
            first.a = pack + PANEL_FLOATS;
        }
        panels_run(first, rows, n1 - n0);
    }
}

/* Panels that are packed at once. */
static int64_t group_max(const gemm *g) {
    return PANEL_FLOATS / (PN * gemm_k_step(g->k));
}

void FN(gemm_block)(const gemm *g, int64_t t0, int64_t t1, int64_t n0, int64_t n1, float *pack) {
    bool few = !g->panels && g->b_rows && t1 - t0 <= CPU_FEW_ROWS && t1 > t0;
    if (few && g->strips && !g->accumulate) {
        FN(strips_gemv)(g, t0, t1, n0, n1);
        return;
    }
    if (few && !g->strips) {
        int64_t whole = n0 + (n1 - n0) / PN * PN;
        FN(gemv_block)(g, t0, t1, n0, whole);
        n0 = whole;
    }
    /* Few rows: the panel is used at once, while the first-level cache holds it. */
    int64_t width = t1 - t0 <= MR ? PN : group_max(g) * PN;
    for (int64_t k0 = 0; k0 == 0 || k0 < g->k; k0 += gemm_k_step(g->k)) {
        for (int64_t n = n0; n < n1; n += width)
            block_columns(g, t0, t1, n, CPU_MIN(n + width, n1), k0, pack);
    }
}

void FN(gemm_pack)(float *panels, const float *w, int64_t n, int64_t k, int64_t n0, int64_t n1) {
    int64_t step = gemm_k_step(k), width = cpu_round_up(n, PN);
    for (int64_t k0 = 0; k0 < k; k0 += step) {
        int64_t kc = CPU_MIN(step, k - k0);
        FN(gemm_pack_rows)(panels + k0 * width + n0 * kc, w + n0 * k + k0, k, n1 - n0, kc);
    }
}

/* ---- Sharing out ---- */

enum { PACKED_ROWS = 192, ROWS_MAX = 512, LONG_K = 4096 };

/* Panels in a piece: as many as fit, but at least four pieces for each thread, and at most 3 % of the time lost to
 * threads that have a piece less than others. As many as can be where K is long, so that A is read a few times only. */
static int64_t group_of(const gemm *g, int64_t panels, int64_t chunks, int64_t threads) {
    bool long_k = g->k > LONG_K, across = g->a_col != 1 && !g->panels; /* each piece packs its rows of A anew */
    int64_t least = threads > 1 && !long_k && !across ? 4 * threads : threads;
    for (int64_t group = long_k ? panels : CPU_MIN(group_max(g), panels); group > 1; group--) {
        int64_t pieces = chunks * cpu_ceil_div(panels, group), rounds = cpu_ceil_div(pieces, threads);
        if (pieces >= least && 32 * rounds * threads * group <= 33 * panels * chunks) return group;
    }
    return 1;
}

/* Rows of a piece: with their columns of one block of K they stay in the second-level cache; where panels are made
 * here, there are enough of them to keep that below 3 % of the work. */
static int64_t chunk_of(const gemm *g, int64_t threads) {
    int64_t chunks = CPU_MAX(cpu_ceil_div(g->rows, g->panels ? PACKED_ROWS : ROWS_MAX), 1);
    if (g->panels || g->a_col != 1 || g->n < 4 * PN * threads) chunks = cpu_round_up(chunks, threads);
    return cpu_ceil_div(g->rows, chunks);
}

/* Pieces are [row chunk][panel group]. */
void FN(gemm_shared)(cpu_worker *w, const cpu_step *s, uint32_t number, const gemm *g) {
    if (g->rows == 0) return;
    if (g->strips && g->b_rows && !g->accumulate && g->rows <= CPU_FEW_ROWS) {
        const cpu_stretch at = cpu_stretch_of(w, g->n);
        FN(strips_gemv)(g, 0, g->rows, at.begin, at.end);
        return;
    }
    int64_t panels = cpu_ceil_div(g->n, PN), chunk = chunk_of(g, w->size), chunks = cpu_ceil_div(g->rows, chunk);
    int64_t group = group_of(g, panels, chunks, w->size);
    if (g->strips) group = cpu_round_up(group, CPU_MAX(STRIP_ROWS / PN, 1));
    int64_t groups = cpu_ceil_div(panels, group);
    cpu_loop loop = cpu_loop_start(w, s, number, chunks * groups);
    loop.back = w->rank & 1; /* as cpu_ranges: most of the same rows in the same core's cache */
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i / groups * chunk, n0 = i % groups * group * PN;
        FN(gemm_block)
        (g, t0, CPU_MIN(t0 + chunk, g->rows), n0, CPU_MIN(n0 + group * PN, g->n), (float *)(void *)w->scratch);
    }
}
