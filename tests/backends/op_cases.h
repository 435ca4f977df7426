/* SPDX-License-Identifier: Apache-2.0
 * Table of op cases and their data: what every backend is swept with. Needs the SDK's headers alone.
 * A case is run on a batch of units, each known by an id: a unit is one row, or one segment of tokens. The data of a
 * unit depends on the case and on the id, never on its place in the batch: that is how the row rule is tested. */
#ifndef OP_CASES_H
#define OP_CASES_H

#include <ludwig/backend.h>
#include <stdbool.h>

/* Leading dimensions that the batch decides; the numbers are minus the program's extents. */
enum { CASE_ROWS = -1, CASE_OFFSETS = -2, CASE_UNITS = -3, CASE_EXTENTS = 4 };

/* What a tensor holds. ABSENT: id 0. FORWARD: result `arg` of the case's forward op. */
enum {
    CASE_ABSENT,
    CASE_UNIFORM,  /* [-1, 1) times arg */
    CASE_GRID,     /* multiples of 1/2 in [-1, 1]: sums are exact, so that ties are */
    CASE_POSITIVE, /* (0, 1] */
    CASE_BIT,      /* 0 or 1 */
    CASE_ID,       /* 0 <= id < arg */
    CASE_POSITION, /* of the token: in its segment, or anywhere below arg */
    CASE_KEY,      /* words of the row key */
    CASE_SEGMENT,  /* segment offsets */
    CASE_PAGE,     /* page table */
    CASE_POOL,     /* cached keys or values: what input `arg` of the case would hold at that position */
    CASE_FREQ,     /* inverse frequencies */
    CASE_LIST,     /* the case's `list` */
    CASE_FORWARD,
    CASE_RESULT
};

/* A unit is: one row; a whole segment; the last tokens of a segment whose first ones are cached. */
enum { CASE_TOKEN, CASE_WHOLE, CASE_DECODE };

enum { CASE_MAX_IN = 9, CASE_MAX_OUT = 5 };

typedef struct case_tensor {
    int32_t dtype; /* LUD_REAL or LUD_I32 */
    int32_t fill, rank;
    int64_t dim[4];
    double arg;
} case_tensor;

typedef struct op_case {
    const char *name;
    uint32_t opcode;
    int32_t unit;          /* CASE_TOKEN, ... */
    uint64_t seed, stream; /* equal seeds: equal data in tensors of the same number */
    const void *attr;
    uint32_t attr_size;
    uint32_t changed;     /* bit i: input i is changed in place and compared after the run */
    bool in_place;        /* result 0 is an alias of input 0 */
    const char *overlays; /* "01 0011": result 0 over input 1; or result 0 over 0 and 1 over 1. NULL: none */
    uint32_t forward;     /* op that makes the FORWARD inputs, from the inputs that forward_in lists ('-': absent) */
    const char *forward_in;
    const float *list;
    case_tensor in[CASE_MAX_IN], out[CASE_MAX_OUT];
} op_case;

size_t op_case_count(void);
const op_case *op_case_at(size_t i);
uint32_t op_case_n_in(uint32_t opcode); /* 0 if unknown */
uint32_t op_case_n_out(uint32_t opcode);
const char *op_case_op_name(uint32_t opcode); /* "?" if unknown */

typedef struct op_batch {
    int64_t n;
    const int64_t *ids;
} op_batch;

int64_t op_unit_first(const op_case *, int64_t id); /* position of the unit's first row in its segment */
int64_t op_unit_rows(const op_case *, int64_t id);
/* True sizes: extents[1] rows, [2] offsets, [3] units. */
void op_batch_extents(const op_case *, op_batch, int64_t extents[CASE_EXTENTS]);
int64_t op_tensor_count(const case_tensor *, const int64_t *extents);
bool op_tensor_by_row(const case_tensor *);  /* its leading dimension is the rows */
bool op_tensor_by_unit(const case_tensor *); /* ... the units */
/* Fills input i: double[] for reals (all values are exact floats), int32_t[] for I32. Not FORWARD. */
void op_case_fill(const op_case *, uint32_t i, op_batch, void *out);

#endif
