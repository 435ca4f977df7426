/* SPDX-License-Identifier: Apache-2.0
 * A compiled program of a model: run.c makes and runs it, hidden.c reads what lies inside. Not seen outside. */
#ifndef LUDC_MODEL_RUN_H
#define LUDC_MODEL_RUN_H

#include "internal.h"

struct ludc_run {
    ludc_model *model;
    int kind;
    ludc_run_caps caps;
    ludc_built built; /* ids of inputs and results; the graph itself is gone */
    ludc_program *program;
    lud_t *hidden; /* [layers + 2]: embeddings, layers, after the final norm; 0 = not there. NULL: not asked for */
    void *reals;   /* staging in the program's type */
    float *row_loss, *row_weight;
    int64_t T; /* of the last run */
};

lud_status ludc_run_take_reals(ludc_run *, lud_t root, float *out, int64_t n, lud_error *);
lud_status ludc_run_hidden_roots(ludc_run *, lud_t *roots, size_t *n, lud_error *);

#endif
