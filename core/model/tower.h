/* SPDX-License-Identifier: Apache-2.0
 * What the files of the predictor share. Not seen outside this folder. */
#ifndef LUDC_TOWER_H
#define LUDC_TOWER_H

#include "internal.h"
#include "predictor.h"

#include <ludwig/combiner.h>

/* ---- tower.c ---- */
lud_status ludc_tower_open(const ludc_predictor *, const ludc_input *, const ludc_value *section, ludc_model **,
                           lud_error *);
/* Whether training changes the parameter (a name that begins with the tower's scope): then it is saved. */
bool ludc_tower_owns(const ludc_model *, const char *param);

/* ---- predictor_parts.c ---- */
lud_status ludc_predictor_parts_open(ludc_predictor *, const ludc_value *metadata, lud_error *);
void ludc_predictor_parts_close(ludc_predictor *);

/* ---- predictor_params.c ---- */
/* Declares every parameter, fills it from base models, `weights` or fresh, seals the store. */
lud_status ludc_predictor_fill(ludc_predictor *, const char *weights, lud_error *);

/* ---- predictor_build.c ---- */
typedef struct ludc_built_input {
    int32_t e_t, e_offsets; /* extents of tokens and of offsets; 0 = not there */
    lud_t ids, positions, seg_offsets, row_of_token, row_keys, values, prefix;
    lud_t rows; /* what the combiner sees */
} ludc_built_input;
typedef struct ludc_built_output {
    lud_t target, weight, scale, pred, row_loss;
    lud_t hidden; /* what its head reads */
} ludc_built_output;
typedef struct ludc_built_task {
    lud_graph *g;
    int32_t e_s, e_offsets; /* extents of rows and of their offsets */
    lud_t row_offsets;
    lud_t row_keys, row_positions, ones; /* of rows [S,2], [S]; the cotangent [S] of the total loss */
    ludc_built_input *in;
    ludc_built_output *out;
} ludc_built_task;
/* T tokens at most per text, S rows. ENCODE builds `input` alone. The caller frees, also on failure. */
lud_status ludc_task_build(ludc_predictor *, int kind, int64_t T, int64_t S, size_t input, bool backward,
                           ludc_built_task *, lud_error *);
void ludc_task_built_free(ludc_built_task *);

/* ---- loss.c ---- */
/* Loss of each row, [S], by the feature's `loss` section. */
lud_t ludc_loss_build(lud_graph *, const ludc_output *, lud_t pred, lud_t target, lud_error *);

#endif
