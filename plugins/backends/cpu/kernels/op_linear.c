/* SPDX-License-Identifier: Apache-2.0
 * LINEAR and its gradients. Rows are independent (gemm.h); GRAD_WEIGHT sums over rows in an order that depends on the
 * shape alone. All add to their result where the step says so. */
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
              .k = k,
              .accumulate = s->accumulates};
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
              .k = m,
              .accumulate = s->accumulates};
    if (s->bf16) FN(bf16_shared)
    (w, s, 0, &g, (bf16_parts){.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, false), .room = w->shared});
    else FN(gemm_shared)(w, s, 0, &g);
}

void FN(grad_weight)(cpu_worker *w, const cpu_step *s, uint32_t number, const grad_weight *g) {
    if (w->blas->sgemm && !s->bf16 && FN(blas_grad_weight)(w, s, number, g)) return;
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
                    .k = k,
                    .accumulate = s->accumulates});
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
