/* SPDX-License-Identifier: Apache-2.0
 * Strips: frozen weights kept as their file stores them (4 bits, 8 bits, halves), laid out for the vector units.
 *
 * 16 rows of a weight are a strip; 32 of its columns make a block, in which the 16 rows lie side by side:
 *   Q4_0       half d[16];             uint32 q[4][16]    nibble i of q[j][r]: row r, column 8 j + i
 *   Q4_1       half d[16], m[16];      uint32 q[4][16]
 *   Q8_0       half d[16];             int8 q[32][16]
 *   BF16, F16  16 bits w[32][16]
 * Up to six strips are a panel, [column block][strip], so that a product reads a weight as one stream: as many sums as
 * hide each other's latency. Panels are an even number, of nearly the same width: two threads share them well. Rows
 * that fill up the last strip are zero. The kernels turn a block into exactly the fp32 values that the file stands for:
 * d has 11 significant bits and q at most 8, so d * q is exact and d * q + m is rounded once, as when the file is read.
 */
#ifndef CPU_STRIPS_H
#define CPU_STRIPS_H

#include "cpu.h"

enum { STRIP_ROWS = 16, STRIP_COLS = 32, PANEL_STRIPS = 6 };

/* Kinds of strips. */
enum { STRIPS_BF16 = 1, STRIPS_F16, STRIPS_Q4_0, STRIPS_Q4_1, STRIPS_Q8_0, STRIPS_KINDS };

static inline int64_t strip_block_bytes(int32_t kind) {
    static const int16_t bytes[] = {0, 1024, 1024, 288, 320, 544};
    return bytes[kind];
}

/* Panels of a weight of `rows`, and the first strip of one. */
static inline int64_t cpu_strips(int64_t rows) {
    return cpu_ceil_div(rows, STRIP_ROWS);
}
static inline int64_t cpu_panels(int64_t rows) {
    int64_t strips = cpu_strips(rows);
    return CPU_MAX(CPU_MIN(cpu_round_up(cpu_ceil_div(strips, PANEL_STRIPS), 2), strips), 1);
}
static inline int64_t cpu_panel_begin(int64_t rows, int64_t panel) {
    return panel * cpu_strips(rows) / cpu_panels(rows);
}

/* One strip inside a weight. */
typedef struct cpu_strip {
    const char *first; /* its block of columns 0 */
    int64_t step;      /* bytes from there to its next block */
    int64_t left;      /* strips from this one to the end of its panel */
    const char *end;   /* of the panel */
} cpu_strip;

/* The strip that holds `row` of a weight of `rows` x `cols`. */
static inline cpu_strip cpu_strip_of(const void *weight, int32_t kind, int64_t rows, int64_t cols, int64_t row) {
    const int64_t block = strip_block_bytes(kind), at = row / STRIP_ROWS;
    const int64_t panel = ((at + 1) * cpu_panels(rows) - 1) / cpu_strips(rows);
    const int64_t first = cpu_panel_begin(rows, panel), end = cpu_panel_begin(rows, panel + 1);
    const int64_t blocks = cols / STRIP_COLS;
    return (cpu_strip){.first = (const char *)weight + (first * blocks + at - first) * block,
                       .step = (end - first) * block,
                       .left = end - at,
                       .end = (const char *)weight + end * blocks * block};
}

/* Where a panel begins. */
static inline const char *cpu_panel_at(const void *weight, int32_t kind, int64_t rows, int64_t cols, int64_t panel) {
    return (const char *)weight + cpu_panel_begin(rows, panel) * (cols / STRIP_COLS) * strip_block_bytes(kind);
}

/* Few rows: a thread takes panel after panel from the front, one of odd rank from the back (cpu_ranges), and reads them
 * as one stream: so much ahead, into the panel that will be its next where its kind take turns. */
enum { STRIPS_AHEAD = 8192 };
static inline int64_t cpu_panel_first(const cpu_worker *w, int64_t panels) {
    return w->rank & 1 ? panels - 1 : 0;
}
static inline int64_t cpu_panel_next(const cpu_worker *w, int64_t panels, int64_t panel) {
    return w->rank & 1 ? CPU_MAX(panel - w->size / 2, 0) : CPU_MIN(panel + (w->size + 1) / 2, panels - 1);
}

#endif
