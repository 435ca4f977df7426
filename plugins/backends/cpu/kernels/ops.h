/* SPDX-License-Identifier: Apache-2.0
 * The operations of one instruction set, for the table in set.c, and the pieces that op files share. */
#ifndef CPU_OPS_H
#define CPU_OPS_H

#include "../cpu.h"
#include "gemm.h"
#include "vec.h"

/* X(opcode name, function, function for scratch or 0) */
#define CPU_KERNEL_MAP(X)                                                                                              \
    X(ADD, add, 0)                                                                                                     \
    X(MUL, mul, 0)                                                                                                     \
    X(SCALE, scale, 0)                                                                                                 \
    X(ACT, act, 0)                                                                                                     \
    X(ACT_GRAD, act_grad, 0)                                                                                           \
    X(GLU, glu, 0)                                                                                                     \
    X(GLU_GRAD, glu_grad, 0)                                                                                           \
    X(SUM_TO, sum_to, 0)                                                                                               \
    X(RESHAPE, reshape, 0)                                                                                             \
    X(SLICE, slice, 0)                                                                                                 \
    X(SLICE_GRAD, slice_grad, 0)                                                                                       \
    X(GATHER_ROWS, gather_rows, 0)                                                                                     \
    X(SCATTER_ADD_ROWS, scatter_add_rows, 0)                                                                           \
    X(CONCAT, concat, 0)                                                                                               \
    X(ROW_SUM, row_sum, 0)                                                                                             \
    X(LINEAR, linear, gemm_need)                                                                                       \
    X(LINEAR_GRAD_INPUT, linear_grad_input, gemm_need)                                                                 \
    X(LINEAR_GRAD_WEIGHT, linear_grad_weight, gemm_need)                                                               \
    X(ROW_SPREAD, row_spread, 0)                                                                                       \
    X(EMBEDDING, embedding, 0)                                                                                         \
    X(EMBEDDING_GRAD, scatter_add_rows, 0)                                                                             \
    X(SEGMENT_UNFOLD, segment_unfold, 0)                                                                               \
    X(SEGMENT_UNFOLD_GRAD, segment_unfold_grad, 0)                                                                     \
    X(RMS_NORM, rms_norm, 0)                                                                                           \
    X(RMS_NORM_GRAD, rms_norm_grad, 0)                                                                                 \
    X(RMS_NORM_GRAD_WEIGHT, rms_norm_grad_weight, 0)                                                                   \
    X(ROPE, rope, rope_need)                                                                                           \
    X(LAYER_NORM, layer_norm, 0)                                                                                       \
    X(LAYER_NORM_GRAD, layer_norm_grad, 0)                                                                             \
    X(LAYER_NORM_GRAD_WEIGHT, layer_norm_grad_weight, 0)                                                               \
    X(ATTENTION, attention, attention_need)                                                                            \
    X(ATTENTION_GRAD, attention_grad, attention_grad_need)                                                             \
    X(ATTENTION_CACHED, attention_cached, attention_cached_need)                                                       \
    X(SEGMENT_POOL, segment_pool, 0)                                                                                   \
    X(SEGMENT_POOL_GRAD, segment_pool_grad, 0)                                                                         \
    X(SEGMENT_ATTEND, segment_attend, 0)                                                                               \
    X(SEGMENT_ATTEND_GRAD, segment_attend_grad, 0)                                                                     \
    X(CROSS_ENTROPY, cross_entropy, 0)                                                                                 \
    X(CROSS_ENTROPY_GRAD, cross_entropy_grad, 0)                                                                       \
    X(LINEAR_CROSS_ENTROPY, linear_xent, linear_xent_need)                                                             \
    X(LINEAR_CROSS_ENTROPY_GRAD, linear_xent_grad, linear_xent_need)                                                   \
    X(LINEAR_CROSS_ENTROPY_JOINED, linear_xent_joined, linear_xent_need)                                               \
    X(ELEMENT_LOSS, element_loss, 0)                                                                                   \
    X(ELEMENT_LOSS_GRAD, element_loss_grad, 0)                                                                         \
    X(DROPOUT, dropout, 0)                                                                                             \
    X(PACK, pack, 0)                                                                                                   \
    X(UNPACK, unpack, 0)                                                                                               \
    X(ACC, acc, 0)                                                                                                     \
    X(SUMSQ, sumsq, sumsq_need)                                                                                        \
    X(SGD_STEP, sgd_step, 0)                                                                                           \
    X(ADAM_STEP, adam_step, 0)

#define CPU_DECLARE_RUN(opcode, run, need) void FN(run)(cpu_worker *, const cpu_step *);
CPU_KERNEL_MAP(CPU_DECLARE_RUN)
#undef CPU_DECLARE_RUN

void FN(gemm_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(rope_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(attention_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(attention_cached_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(attention_grad_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(linear_xent_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(sumsq_need)(const cpu_worker *, const cpu_step *, cpu_need *);

/* ---- Shared pieces ---- */
/* gemm_shared with rounded factors, for steps with `bf16`: BF16_LOOPS loops (op_linear_bf16.c). panels: B's, left: A's
 * rows, lda apart; NULL: rounded here, into `room` (bf16_room bytes). strips: B is a weight in strips; no room for it.
 */
enum { BF16_LOOPS = 3 };
typedef struct bf16_parts {
    const uint16_t *panels, *left;
    int64_t lda;
    char *room;
    bool strips;
} bf16_parts;
void FN(bf16_shared)(cpu_worker *, const cpu_step *, uint32_t number, const gemm *, bf16_parts);
size_t FN(bf16_room)(int64_t rows, int64_t n, int64_t k, const bf16_parts *);
size_t FN(bf16_scratch)(int64_t k); /* beside, for each thread */
void FN(bf16_need)(const cpu_worker *, const cpu_step *, cpu_need *);
/* LINEAR of steps with `int8`, and their weights (op_linear_int8.c, int8_gemm.c). */
void FN(linear_int8)(cpu_worker *, const cpu_step *);
void FN(int8_need)(const cpu_worker *, const cpu_step *, cpu_need *);
cpu_int8_panel FN(int8_panel);
void FN(int8_pack)(void *room, const float *w, int64_t n, int64_t k, int64_t panel);
/* dw (M,K) = dy (T,M)^T x (T,K) (+ dw), rows of dy ld_dy apart, as loop `number` (op_linear.c). */
typedef struct grad_weight {
    const float *x, *dy;
    float *dw;
    char *room; /* for rounded factors, if the step has `bf16` */
    int64_t ld_dy, t, m, k;
    bool accumulate;
} grad_weight;
void FN(grad_weight)(cpu_worker *, const cpu_step *, uint32_t number, const grad_weight *);
/* The same by OpenBLAS, which must be there (op_linear_blas.c); false: nothing done, not for this shape. */
bool FN(blas_grad_weight)(cpu_worker *, const cpu_step *, uint32_t number, const grad_weight *);
/* c (C) = column sums of x (N,C) (+ c), columns [j0, j1) (op_reduce.c). */
void FN(column_sums)(const float *x, int64_t n, int64_t c, int64_t j0, int64_t j1, float *out, bool accumulate);

/* Of one row of V logits (op_xent.c): with z = soft-capped logit_scale * logits. */
typedef struct xent_row {
    float nll, top, log_sum; /* the log of the sum of exp(z) is top + log_sum: apart, so that z - it keeps its digits */
    int32_t argmax;
} xent_row;
xent_row FN(xent_forward)(const lud_attr_xent *, const float *logits, int64_t v, int32_t target);
/* out = g * d nll / d logits; out may be logits. The row is xent_forward's. */
void FN(xent_backward)(const lud_attr_xent *, const float *logits, int64_t v, int32_t target, xent_row, float g,
                       float *out);
/* False and cpu_fail if target is not in [0, v). */
bool FN(xent_target_ok)(cpu_worker *, const cpu_step *, int64_t row, int32_t target, int64_t v);

enum { ELEMENT_GRAIN = 8192 }; /* elements in a piece of an elementwise step */

#endif
