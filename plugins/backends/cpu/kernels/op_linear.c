/* SPDX-License-Identifier: Apache-2.0
 * LINEAR and its gradients. Rows are independent (gemm.h); GRAD_WEIGHT sums over rows in an order that depends on the
 * shape alone. Nothing here accumulates into a result: all overwrite. */
#include "ops.h"

/* x (T,K), w (M,K), b (M) or absent -> y (T,M) */
void FN(linear)(cpu_worker *w, const cpu_step *s) {
    if (s->int8) {
        FN(linear_int8)(w, s);
        return;
    }
    int64_t m = cpu_dim(w, &s->in[1], 0), k = cpu_dim(w, &s->in[1], 1);
    gemm g = {.a = cpu_in(s, 0),
              .a_row = k,
              .a_col = 1,
              .b = cpu_weight_rows(&s->in[1]),
              .panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_F32, true),
              .ldb = k,
              .b_rows = true,
              .strips = cpu_weight_strips(&s->in[1]),
              .c = cpu_out(s, 0),
              .ldc = m,
              .bias = cpu_in(s, 2),
              .rows = cpu_rows(w, &s->out[0]),
              .n = m,
              .k = k};
    if (s->bf16) FN(bf16_shared)
    (w, s, 0, &g, (bf16_parts){.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, true), .room = w->shared});
    else FN(gemm_shared)(w, s, 0, &g);
}

/* dy (T,M), w (M,K) -> dx (T,K) */
void FN(linear_grad_input)(cpu_worker *w, const cpu_step *s) {
    int64_t m = cpu_dim(w, &s->in[1], 0), k = cpu_dim(w, &s->in[1], 1);
    gemm g = {.a = cpu_in(s, 0),
              .a_row = m,
              .a_col = 1,
              .b = cpu_weight_rows(&s->in[1]),
              .ldb = k,
              .strips = cpu_weight_strips(&s->in[1]),
              .c = cpu_out(s, 0),
              .ldc = k,
              .rows = cpu_rows(w, &s->out[0]),
              .n = k,
              .k = m};
    if (s->bf16) FN(bf16_shared)
    (w, s, 0, &g, (bf16_parts){.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, false), .room = w->shared});
    else FN(gemm_shared)(w, s, 0, &g);
}

/* OpenBLAS wins where dy is wide: it packs dy^T, whose rows lie far apart (measured: 85 % of the peak against 67 %).
 * Where it is not, as in a head, ours wins. Tiles are chosen by the shape alone, and so are the bits. */
enum {
    BLAS_M = 384,
    BLAS_K = 288,
    BLAS_MIN = 96,
    BLAS_WIDE = 512,
    BLAS_TILES = 8,
    ROW_MAJOR = 101,
    NO_TRANS = 111,
    TRANS = 112
};

static bool blas_wins(const cpu_worker *w, int64_t t, int64_t m, int64_t k) {
    return w->blas->sgemm && t >= 32 && m >= BLAS_WIDE && k >= BLAS_MIN && t < INT32_MAX && m < INT32_MAX / 8 &&
           k < INT32_MAX;
}

/* Tiles of equal size, and several of them where the result is that of a small layer: work for all threads. */
static void blas_tile(int64_t m, int64_t k, int64_t *tile_m, int64_t *tile_k) {
    int64_t rows = cpu_ceil_div(m, BLAS_M), cols = cpu_ceil_div(k, BLAS_K);
    while (rows * cols < BLAS_TILES && CPU_MAX(m / rows, k / cols) >= 2 * BLAS_MIN) {
        if (m / rows >= k / cols)
            rows++;
        else
            cols++;
    }
    *tile_m = cpu_round_up(cpu_ceil_div(m, rows), 16);
    *tile_k = cpu_round_up(cpu_ceil_div(k, cols), 16);
}

static void blas_grad_weight(cpu_worker *w, const cpu_step *s, uint32_t number, const grad_weight *g) {
    int64_t tile_m, tile_k;
    blas_tile(g->m, g->k, &tile_m, &tile_k);
    int64_t cols = cpu_ceil_div(g->k, tile_k);
    cpu_loop loop = cpu_loop_start(w, s, number, cpu_ceil_div(g->m, tile_m) * cols);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t m0 = i / cols * tile_m, k0 = i % cols * tile_k;
        w->blas->sgemm(ROW_MAJOR, TRANS, NO_TRANS, (int)CPU_MIN(g->m - m0, tile_m), (int)CPU_MIN(g->k - k0, tile_k),
                       (int)g->t, 1.0f, g->dy + m0, (int)g->ld_dy, g->x + k0, (int)g->k, g->accumulate ? 1.0f : 0.0f,
                       g->dw + m0 * g->k + k0, (int)g->k);
    }
}

void FN(grad_weight)(cpu_worker *w, const cpu_step *s, uint32_t number, const grad_weight *g) {
    if (!s->bf16 && blas_wins(w, g->t, g->m, g->k)) {
        blas_grad_weight(w, s, number, g);
        return;
    }
    gemm product = {.a = g->dy,
                    .a_row = 1,
                    .a_col = g->ld_dy,
                    .b = g->x,
                    .ldb = g->k,
                    .c = g->dw,
                    .ldc = g->k,
                    .rows = g->m,
                    .n = g->k,
                    .k = g->t,
                    .accumulate = g->accumulate};
    if (s->bf16)
        FN(bf16_shared)(w, s, number, &product, (bf16_parts){.room = g->room});
    else
        FN(gemm_shared)(w, s, number, &product);
}

/* x (T,K), dy (T,M) -> dw (M,K) */
void FN(linear_grad_weight)(cpu_worker *w, const cpu_step *s) {
    int64_t m = cpu_dim(w, &s->out[0], 0), k = cpu_dim(w, &s->out[0], 1), t = cpu_rows(w, &s->in[0]);
    FN(grad_weight)
    (w, s, 0,
     &(grad_weight){.x = cpu_in(s, 0),
                    .dy = cpu_in(s, 1),
                    .dw = cpu_out(s, 0),
                    .room = w->shared,
                    .ld_dy = m,
                    .t = t,
                    .m = m,
                    .k = k});
}

void FN(gemm_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    if (s->int8) {
        FN(int8_need)(w, s, need);
        return;
    }
    need->scratch += PACK_FLOATS * sizeof(float);
    need->loops = 1;
    if (s->bf16) FN(bf16_need)(w, s, need);
}
