/* SPDX-License-Identifier: Apache-2.0
 * Strips: frozen weights kept as their file stores them (4 bits, 8 bits, halves), laid out for the vector units.
 *
 * 16 rows of a weight are a strip; 32 of its columns make a block, in which the 16 rows lie side by side:
 *   Q4_0       half d[16];             uint32 q[4][16]    nibble i of q[j][r]: row r, column 8 j + i
 *   Q4_1       half d[16], m[16];      uint32 q[4][16]
 *   Q8_0       half d[16];             int8 q[32][16]
 *   BF16, F16  16 bits w[32][16]
 * Four strips are a panel, [column block][strip], so that a product reads a weight as one stream. Rows that fill up the
 * last strip are zero. The kernels turn a block into exactly the fp32 values that the file stands for: d has 11
 * significant bits and q at most 8, so d * q is exact and d * q + m is rounded once, as when the file is read. */
#ifndef CPU_STRIPS_H
#define CPU_STRIPS_H

#include "cpu.h"

enum { STRIP_ROWS = 16, STRIP_COLS = 32, PANEL_STRIPS = 4 };

/* Kinds of strips. */
enum { STRIPS_BF16 = 1, STRIPS_F16, STRIPS_Q4_0, STRIPS_Q4_1, STRIPS_Q8_0, STRIPS_KINDS };

static inline int64_t strip_block_bytes(int32_t kind) {
    static const int16_t bytes[] = {0, 1024, 1024, 288, 320, 544};
    return bytes[kind];
}

/* One strip inside a weight. */
typedef struct cpu_strip {
    const char *first; /* its block of columns 0 */
    int64_t step;      /* bytes from there to its next block */
} cpu_strip;

/* The strip that holds `row` of a weight of `rows` x `cols`. */
static inline cpu_strip cpu_strip_of(const void *weight, int32_t kind, int64_t rows, int64_t cols, int64_t row) {
    int64_t block = strip_block_bytes(kind), at = row / STRIP_ROWS, first = at / PANEL_STRIPS * PANEL_STRIPS;
    int64_t beside = CPU_MIN(cpu_ceil_div(rows, STRIP_ROWS) - first, PANEL_STRIPS);
    return (cpu_strip){.first = (const char *)weight + (first * (cols / STRIP_COLS) + at - first) * block,
                       .step = beside * block};
}

#endif
