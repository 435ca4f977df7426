/* SPDX-License-Identifier: Apache-2.0
 * What the programs of language models and predictors ask of an open prefix. Not seen outside this folder. */
#ifndef LUDC_MODEL_PREFIX_H
#define LUDC_MODEL_PREFIX_H

#include "internal.h"

#include <vectors.h>

typedef struct ludc_prefix ludc_prefix;

/* The output of the last layer of the prefix in a graph in which the encoder was just built; 0 = no prefix is open. */
lud_t ludc_prefix_mark(const ludc_model *, const lud_graph *);
/* Makes room for micro-batches of T tokens and S segments; without a prefix there is nothing to do. */
lud_status ludc_prefix_room(ludc_model *, int64_t T, int64_t S, lud_error *);
/* What the prefix gives for these segments (ids and seg_offsets count), [T, width], until the next call. */
lud_status ludc_prefix_take(ludc_model *, const ludc_run_tokens *, const float **values, int64_t *width, lud_error *);
/* ENCODE: the tokens of one run, [T, width]. */
lud_status ludc_run_encode(ludc_run *, const ludc_run_tokens *, int64_t width, float *out, lud_error *);

#endif
