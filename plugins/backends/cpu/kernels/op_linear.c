/* SPDX-License-Identifier: Apache-2.0
 * LINEAR and its gradients. Rows are independent (gemm.h); GRAD_WEIGHT sums over rows in an order that depends on the
 * shape alone. Nothing here accumulates into a result: all overwrite. */
#include "ops.h"

/* x (T,K), w (M,K), b (M) or absent -> y (T,M) */
void FN(linear)(cpu_worker *w, const cpu_step *s) {
    int64_t m = cpu_dim(w, &s->in[1], 0), k = cpu_dim(w, &s->in[1], 1);
    gemm g = {.a = cpu_in(s, 0),
              .a_row = k,
              .a_col = 1,
              .b = cpu_in(s, 1),
              .ldb = k,
              .b_rows = true,
              .c = cpu_out(s, 0),
              .ldc = m,
              .bias = cpu_in(s, 2),
              .rows = cpu_rows(w, &s->out[0]),
              .n = m,
              .k = k};
    FN(gemm_shared)(w, s, 0, &g);
}

/* dy (T,M), w (M,K) -> dx (T,K) */
void FN(linear_grad_input)(cpu_worker *w, const cpu_step *s) {
    int64_t m = cpu_dim(w, &s->in[1], 0), k = cpu_dim(w, &s->in[1], 1);
    gemm g = {.a = cpu_in(s, 0),
              .a_row = m,
              .a_col = 1,
              .b = cpu_in(s, 1),
              .ldb = k,
              .c = cpu_out(s, 0),
              .ldc = k,
              .rows = cpu_rows(w, &s->out[0]),
              .n = k,
              .k = m};
    FN(gemm_shared)(w, s, 0, &g);
}

/* c (M,K) = dy^T x (+ c): rows [0, t) in increasing order. */
void FN(grad_weight)(cpu_worker *w, const cpu_step *s, uint32_t number, const float *x, const float *dy, float *c,
                     int64_t t, int64_t m, int64_t k, bool accumulate) {
    gemm g = {.a = dy,
              .a_row = 1,
              .a_col = m,
              .b = x,
              .ldb = k,
              .c = c,
              .ldc = k,
              .rows = m,
              .n = k,
              .k = t,
              .accumulate = accumulate};
    FN(gemm_shared)(w, s, number, &g);
}

/* x (T,K), dy (T,M) -> dw (M,K) */
void FN(linear_grad_weight)(cpu_worker *w, const cpu_step *s) {
    int64_t m = cpu_dim(w, &s->out[0], 0), k = cpu_dim(w, &s->out[0], 1), t = cpu_rows(w, &s->in[0]);
    FN(grad_weight)(w, s, 0, cpu_in(s, 0), cpu_in(s, 1), cpu_out(s, 0), t, m, k, false);
}

void FN(gemm_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    (void)w, (void)s;
    need->scratch += PACK_FLOATS * sizeof(float);
    need->loops = 1;
}
