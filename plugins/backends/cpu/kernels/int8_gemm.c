/* SPDX-License-Identifier: Apache-2.0
 * The int8 product of some rows with one panel (int8.h): a register tile sums a group in integers and adds it to C in
 * fp32. Compiled once per instruction set, and once more with VPDPBUSD, which is the same in one instruction. */
#include "int8.h"
#include "vec.h"

#if defined(__AVX512VNNI__)
enum { MR = 12 };
#define PANEL cpu_int8_panel_vnni
#else
enum { MR = 4 };
#define PANEL FN(int8_panel)
#endif
enum { NV = 2, COLS = NV * VW };

typedef struct tile {
    const uint8_t *x;
    const int8_t *w;                   /* the panel's first column of the tile; a quad is INT8_N * INT8_QUAD bytes */
    const float *steps, *sums, *scale; /* of the first row; of the tile's columns */
    const float *bias;
    float *c;
    int64_t ldx, ld_steps, ldc, n, k; /* n <= COLS: columns that exist */
} tile;

/* acc + the products of four neighbours in k: of x, the same in all lanes, without sign; of w, with sign. */
ALWAYS_INLINE vi dot(vi acc, const uint8_t *x, vi w) {
#if defined(__AVX512VNNI__)
    int32_t quad;
    memcpy(&quad, x, sizeof quad);
    return (vi)_mm512_dpbusd_epi32((__m512i)acc, _mm512_set1_epi32(quad), (__m512i)w);
#else
    acc += (w << 24 >> 24) * (int32_t)x[0];
    acc += (w << 16 >> 24) * (int32_t)x[1];
    acc += (w << 8 >> 24) * (int32_t)x[2];
    return acc + (w >> 24) * (int32_t)x[3];
#endif
}

ALWAYS_INLINE vi words_at(const int8_t *p) {
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* C (+)= step * (sum - zero * the weight's sum): every term in the bracket is an integer below 2^24. */
ALWAYS_INLINE void group_end(const tile *t, const int mr, int64_t group, vi acc[MR][NV]) {
    UNROLL
    for (int i = 0; i < mr; i++) {
        const float *step = t->steps + i * t->ld_steps + 2 * group;
        vf scale = vf_set1(step[0]), zero = vf_set1(-step[1]);
        UNROLL
        for (int v = 0; v < NV; v++) {
            int64_t left = CPU_MAX(t->n - v * VW, 0);
            float *c = t->c + i * t->ldc + v * VW;
            vf y = vf_fma(zero, vf_load(t->sums + group * INT8_N + v * VW), vf_from_int(acc[i][v])) * scale;
            if (group) y = vf_load_upto(c, left) + y;
            vf_store_upto(c, y, left);
        }
    }
}

ALWAYS_INLINE void tile_end(const tile *t, const int mr) {
    UNROLL
    for (int v = 0; v < NV; v++) {
        int64_t left = CPU_MAX(t->n - v * VW, 0);
        vf scale = vf_load(t->scale + v * VW), bias = t->bias ? vf_load_upto(t->bias + v * VW, left) : vf_zero();
        UNROLL
        for (int i = 0; i < mr; i++) {
            float *c = t->c + i * t->ldc + v * VW;
            vf y = vf_load_upto(c, left) * scale;
            vf_store_upto(c, t->bias ? y + bias : y, left);
        }
    }
}

ALWAYS_INLINE void tile_run(const tile *from, const int mr) {
    const tile copy = *from, *t = &copy; /* stores to C cannot change it */
    const int64_t ldx = t->ldx;
    for (int64_t k0 = 0; k0 < t->k; k0 += INT8_GROUP) {
        int64_t k1 = CPU_MIN(k0 + INT8_GROUP, t->k);
        vi acc[MR][NV];
        UNROLL
        for (int i = 0; i < mr; i++) {
            UNROLL
            for (int v = 0; v < NV; v++)
                acc[i][v] = (vi){0};
        }
        const uint8_t *x = t->x + k0;
        const int8_t *w = t->w + k0 * INT8_N;
        for (int64_t k = k0; k < k1; k += INT8_QUAD, x += INT8_QUAD, w += INT8_QUAD * INT8_N) {
            vi wv[NV];
            UNROLL
            for (int v = 0; v < NV; v++)
                wv[v] = words_at(w + v * VW * INT8_QUAD);
            UNROLL
            for (int i = 0; i < mr; i++) {
                UNROLL
                for (int v = 0; v < NV; v++)
                    acc[i][v] = dot(acc[i][v], x + i * ldx, wv[v]);
            }
        }
        group_end(t, mr, k0 / INT8_GROUP, acc);
    }
    tile_end(t, mr);
}

#if defined(__AVX512VNNI__)
#define TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define TILES(X) X(1) X(2) X(3) X(4)
#endif
#define TILE_FN(rows)                                                                                                  \
    static void tile_##rows(const tile *t) {                                                                           \
        tile_run(t, rows);                                                                                             \
    }
#define TILE_NAME(rows) tile_##rows,
TILES(TILE_FN)
static void (*const tiles[MR])(const tile *) = {TILES(TILE_NAME)};

cpu_int8_panel PANEL;
void PANEL(const cpu_int8_product *p, int64_t t0, int64_t t1, int64_t panel) {
    const int64_t groups = int8_groups(p->k), count = cpu_ceil_div(t1 - t0, MR);
    for (int64_t col = 0; col < INT8_N && panel * INT8_N + col < p->n; col += COLS) {
        const int64_t n = panel * INT8_N + col;
        tile t = {.x = p->x + t0 * int8_ld(p->k),
                  .w = (const int8_t *)p->weight + panel * int8_panel_bytes(p->k) + col * INT8_QUAD,
                  .steps = p->steps + t0 * groups * 2,
                  .sums = int8_sums(p->weight, p->n, p->k) + panel * groups * INT8_N + col,
                  .scale = int8_scales(p->weight, p->n, p->k) + n,
                  .bias = p->bias ? p->bias + n : NULL,
                  .c = p->c + t0 * p->n + n,
                  .ldx = int8_ld(p->k),
                  .ld_steps = groups * 2,
                  .ldc = p->n,
                  .n = CPU_MIN(p->n - n, COLS),
                  .k = p->k};
        for (int64_t i = 0; i < count; i++) { /* of nearly equal height, as in bf16_gemm.c */
            int64_t height = (t1 - t0) / count + (i < (t1 - t0) % count);
            tiles[height - 1](&t);
            t.x += height * t.ldx;
            t.steps += height * t.ld_steps;
            t.c += height * t.ldc;
        }
    }
}
