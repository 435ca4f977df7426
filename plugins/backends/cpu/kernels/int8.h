/* SPDX-License-Identifier: Apache-2.0
 * Products of integers of 8 bits: what a LINEAR flagged LUD_OP_INT8 runs as, with the arithmetic that
 * sdk/include/ludwig/graph.h defines. Sums of a group are exact, all else is a fixed order of single fp32 operations,
 * so that every instruction set gives the same bits.
 *
 * x lies quantized in rows of int8_ld(K) bytes, with the step and the zero of each group of INT8_GROUP columns behind
 * all rows; the weight in panels of INT8_N of its rows, [panel][k / 4][row][4], zero where there is no row or column,
 * then the sums of each group [panel][group][row], then the scales of its rows (weights.c). */
#ifndef CPU_INT8_H
#define CPU_INT8_H

#include "../cpu.h"

enum { INT8_N = 32, INT8_GROUP = LUD_INT8_GROUP, INT8_QUAD = 4 };

/* Smaller spans count as zero: their reciprocals would not be finite. */
#define INT8_TINY 0x1p-100f

static inline int64_t int8_groups(int64_t k) {
    return cpu_ceil_div(k, INT8_GROUP);
}

/* ---- Rows of x. Not a multiple of 4096 bytes apart, as in bf16.h. ---- */
static inline int64_t int8_ld(int64_t k) {
    return cpu_round_up(k, 128) + CPU_LINE;
}
static inline size_t int8_rows_bytes(int64_t rows, int64_t k) {
    return (size_t)(rows * int8_ld(k)) + (size_t)(rows * int8_groups(k) * 2) * sizeof(float);
}
static inline float *int8_steps(void *rows_of_x, int64_t rows, int64_t k) {
    return (float *)(void *)((char *)rows_of_x + rows * int8_ld(k)); /* [row][group] of (step, zero) */
}

/* ---- The weight ---- */
static inline int64_t int8_panel_bytes(int64_t k) {
    return cpu_round_up(k, INT8_QUAD) * INT8_N;
}
static inline int64_t int8_panels(int64_t n) {
    return cpu_ceil_div(n, INT8_N);
}
static inline const float *int8_sums(const void *weight, int64_t n, int64_t k) {
    return (const float *)(const void *)((const char *)weight + int8_panels(n) * int8_panel_bytes(k));
}
static inline const float *int8_scales(const void *weight, int64_t n, int64_t k) {
    return int8_sums(weight, n, k) + int8_panels(n) * int8_groups(k) * INT8_N;
}
static inline size_t int8_weight_bytes(int64_t n, int64_t k) {
    const size_t floats = (size_t)(int8_panels(n) * (int8_groups(k) + 1) * INT8_N);
    return (size_t)(int8_panels(n) * int8_panel_bytes(k)) + floats * sizeof(float);
}

/* c (rows, n) = x w^T + bias; bias NULL: none. */
typedef struct cpu_int8_product {
    const uint8_t *x;
    const float *steps; /* of x */
    const void *weight;
    const float *bias;
    float *c;
    int64_t rows, n, k;
} cpu_int8_product;

#endif
