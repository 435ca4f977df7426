/* SPDX-License-Identifier: Apache-2.0
 * Runs one op case on one backend through its vtable, without core/graph: a program of one op, made by hand. Memory
 * that nobody wrote is poisoned with NaN, extents have room above their true sizes. */
#ifndef OP_RUN_H
#define OP_RUN_H

#include "op_cases.h"

typedef struct op_backend {
    const char *name;
    const lud_backend_vt *vt;
    void *dev;
    lud_device info;
} op_backend;

/* Values on the host: double[] for reals, int32_t[] for integers; `bytes` of them. */
typedef struct op_array {
    void *data;
    int64_t n;
    size_t bytes;
} op_array;

/* Inputs, results, and after a run the inputs that were changed in place. */
typedef struct op_data {
    op_array in[CASE_MAX_IN], out[CASE_MAX_OUT];
} op_data;

/* A weight as a file stores it: what weight_new is offered in place of the case's own data. */
typedef struct op_stored {
    int32_t dtype, storage;
    const void *data;
    size_t bytes;
} op_stored;

typedef struct op_how {
    int32_t dtype;           /* LUD_F32 or LUD_F64 */
    const char *overlay;     /* "00" or "0011": pairs of result and input that share memory; NULL or "": none */
    bool frozen;             /* weights go through weight_new */
    const op_stored *stored; /* with frozen: how the weight is stored; NULL: in the program's type */
    bool bf16, int8;         /* flagged LUD_OP_BF16, LUD_OP_INT8 */
} op_how;

/* Inputs of a case; FORWARD ones are computed by `oracle` in double and rounded to float. */
lud_status op_data_make(const op_backend *oracle, const op_case *, op_batch, op_data *, lud_error *);
void op_data_free(op_data *);
/* Fills results->out, and results->in of inputs that the op changes. LUD_E_UNSUPPORTED if the backend refuses the op.
 * LUD_E_INTERNAL if the backend changed an input that it must only read. */
lud_status op_run(const op_backend *, const op_case *, op_batch, op_how, const op_data *inputs, op_data *results,
                  lud_error *);
bool op_case_has_weight(const op_case *); /* whether `frozen` makes a difference */

#endif
