/* SPDX-License-Identifier: Apache-2.0
 * Products of factors rounded to bf16, summed in fp32 (VDPBF16PS): what an op flagged LUD_OP_BF16 runs as, where the
 * processor has the instruction. Rounding is to nearest, ties to even; numbers below 2^-126 count as zero.
 *
 * The invariant is that of gemm.h: K alone decides the order of an element's operations. K is cut into blocks of
 * bf16_k_step(K); inside a block one chain over pairs of k from zero; blocks add up in increasing order, the bias last.
 *
 * C[rows, n] = A B. A lies rounded in rows of bf16_ld(K) numbers; B in panels of BF16_N columns, [panel][k / 2][column]
 * [2], both padded with zeros. Frozen weights are panels already (weights.c), or strips, of which each piece of work
 * makes its panels; all else is rounded at the begin of a step into its shared memory, by all threads. */
#ifndef CPU_BF16_H
#define CPU_BF16_H

#include "../cpu.h"

enum { BF16_N = 32, BF16_K = 1024, BF16_PAIR = 2 };

/* A factor in fp32. by_k false: x(i, k) = x[i * ld + k], i the row of A or column of B; else x[k * ld + i]. */
typedef struct bf16_factor {
    const float *x;
    int64_t ld, n, k; /* n: how many i */
    bool by_k;
} bf16_factor;

/* A weight in strips as B. by_k false: columns of B are its rows; else its columns. */
typedef struct bf16_weight {
    const void *strips;
    int64_t rows, cols;
    int32_t kind;
    bool by_k;
} bf16_weight;

/* bias NULL: none. Rows of a are bf16_ld-like: lda numbers apart, zero up to an even k. panels NULL: who multiplies
 * makes them of `weight`, BF16_SIDE of one block of K at a time in `made`, which is its own. */
enum { BF16_SIDE = 3 };
typedef struct bf16_product {
    const uint16_t *a, *panels;
    bf16_weight weight;
    uint16_t *made;
    float *c;
    const float *bias;
    int64_t lda, ldc, rows, n, k;
    bool accumulate;
} bf16_product;

struct cpu_bf16 {
    /* Elements [i0, i1) of a factor to rows of A (at out + i * bf16_ld(k)), or panels of B; i0 a multiple of BF16_N. */
    void (*rows)(uint16_t *out, const bf16_factor *, int64_t i0, int64_t i1);
    void (*panels)(uint16_t *out, const bf16_factor *, int64_t i0, int64_t i1);
    /* The product, shared out to the threads as loop `number` of the step. No barrier at the end. */
    void (*product)(cpu_worker *, const cpu_step *, uint32_t number, const bf16_product *);
    void (*product_alone)(const bf16_product *); /* on this thread */
    /* The same for at most CPU_FEW_ROWS rows, no accumulation, and a weight whose rows are columns of B. */
    void (*strips)(const cpu_worker *, const bf16_product *);
    /* Lines [k0, k1) of one panel; k0 a multiple of 32. */
    void (*strips_panel)(uint16_t *out, const bf16_weight *, int64_t panel, int64_t k0, int64_t k1);
    /* ATTENTION, its gradient, ATTENTION_CACHED: whole steps. */
    cpu_kernel attention, attention_grad, attention_cached;
};

/* Rows do not lie a multiple of 4096 bytes apart: they would share the sets of the first-level cache. */
static inline int64_t bf16_ld(int64_t k) {
    return cpu_round_up(k, 64) + 32;
}
static inline size_t bf16_rows_bytes(int64_t rows, int64_t k) {
    return (size_t)(rows * bf16_ld(k)) * sizeof(uint16_t);
}
static inline size_t bf16_panels_bytes(int64_t n, int64_t k) {
    return (size_t)(cpu_round_up(n, BF16_N) * cpu_round_up(k, BF16_PAIR)) * sizeof(uint16_t);
}
static inline int64_t bf16_k_step(int64_t k) {
    int64_t blocks = CPU_MAX(cpu_ceil_div(k, BF16_K), 1);
    return CPU_MAX(cpu_round_up(cpu_ceil_div(k, blocks), 32), 32);
}

#endif
