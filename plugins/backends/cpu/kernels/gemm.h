/* SPDX-License-Identifier: Apache-2.0
 * Single-precision matrix products for one instruction set.
 *
 * The one invariant: each element of the result is computed by one fixed order of operations that K alone decides:
 * K is cut into blocks of gemm_k_step(K); inside a block ONE chain of fused multiply-adds from zero, in increasing k;
 * the blocks are added in increasing order, the bias last. Tile, remainder, row block and thread do not matter, so a
 * row's bits depend on that row and B alone. (Blocks, because a chain over a vocabulary loses two digits.)
 *
 * B is packed into panels of PN columns, [block of K][panel][k][PN], zero-filled to the right: frozen weights that one
 * forward product alone reads once and for all (weights.c), all else on the fly. */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H

#include "../strips.h"
#include "vec.h"

/* A register tile is MR rows by NV vectors. */
#if defined(CPU_ISA_AVX512)
enum { MR = 12, NV = 2, KC = 768 };
#elif defined(CPU_ISA_AVX2)
enum { MR = 6, NV = 2, KC = 384 };
#elif defined(__aarch64__)
enum { MR = 8, NV = 2, KC = 384 };
#else
enum { MR = 4, NV = 2, KC = 384 };
#endif
enum {
    PN = NV * VW,
    ROW_BLOCK = 96,       /* rows of A that stay in the second-level cache; a multiple of every MR */
    PANEL_FLOATS = 98304, /* packed at once: 384 KiB */
    PACK_FLOATS = PANEL_FLOATS + ROW_BLOCK * KC /* scratch of gemm_block */
};

ALWAYS_INLINE int64_t gemm_k_step(int64_t k) {
    int64_t blocks = CPU_MAX(cpu_ceil_div(k, KC), 1);
    return CPU_MAX(cpu_round_up(cpu_ceil_div(k, blocks), STRIP_COLS), STRIP_COLS);
}

/* C[rows, n] = A B (+ C if accumulate) (+ bias[n]). A(t, k) = a[t * a_row + k * a_col].
 * b_rows: B(k, n) = b[n * ldb + k] (a row of b is a column of B, as in x w^T); else b[k * ldb + n]. panels: B packed
 * whole, or NULL; then b is not read. */
typedef struct gemm {
    const float *a;
    int64_t a_row, a_col;
    const float *b, *panels;
    int64_t ldb;
    float *c;
    int64_t ldc;
    const float *bias;
    int64_t rows, n, k;
    bool b_rows, accumulate;
    int32_t strips; /* the kind that b is in (../strips.h), 0: fp32 */
} gemm;

/* Rows [t0, t1), columns [n0, n1), n0 a multiple of PN. pack: PACK_FLOATS floats, 64-byte aligned. */
void FN(gemm_block)(const gemm *, int64_t t0, int64_t t1, int64_t n0, int64_t n1, float *pack);

/* The same for b_rows, at most CPU_FEW_ROWS rows and whole panels of columns (gemv.c): streams b once, without packing;
 * the same bits. */
void FN(gemv_block)(const gemm *, int64_t t0, int64_t t1, int64_t n0, int64_t n1);

/* For b in strips (strips.c). gemv: no accumulation, n0 a multiple of STRIP_ROWS. pack: as gemm_pack_rows or _cols. */
void FN(strips_gemv)(const gemm *, int64_t t0, int64_t t1, int64_t n0, int64_t n1);
void FN(strips_pack)(float *dst, const gemm *, int64_t n0, int64_t n, int64_t k0, int64_t kc);
void FN(strips_row)(float *dst, const cpu_ref *weight, int64_t row);

/* The whole product, shared out to the threads as loop `number` of the step. No barrier at the end. */
void FN(gemm_shared)(cpu_worker *, const cpu_step *, uint32_t number, const gemm *);

/* What weights.c makes of a frozen weight w (n,k): rows [n0, n1) as columns of B, n0 a multiple of PN, into
 * round_up(n, PN) * k floats. */
void FN(gemm_pack)(float *panels, const float *w, int64_t n, int64_t k, int64_t n0, int64_t n1);

/* The parts, for attention. dst: round_up(n, PN) * k floats. src(n, k) = src[n * ld + k] or src[k * ld + n]. */
void FN(gemm_pack_rows)(float *dst, const float *src, int64_t ld, int64_t n, int64_t k);
void FN(gemm_pack_cols)(float *dst, const float *src, int64_t ld, int64_t n, int64_t k);
/* As gemm for one block of K, with B packed. bias may be NULL; load: add to C. */
void FN(gemm_packed)(const float *a, int64_t a_row, int64_t a_col, const float *panels, float *c, int64_t ldc,
                     const float *bias, int64_t rows, int64_t n, int64_t k, bool load);

#endif
