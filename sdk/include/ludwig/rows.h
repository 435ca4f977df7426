/* SPDX-License-Identifier: Apache-2.0
 * What most combiners ask of an input first: one vector per row. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_ROWS_H
#define LUDWIG_ROWS_H

#include "combiner.h"
#include "easy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The rows [S,C] of an input; 0 after an error that names the feature, if its encoder gives a sequence. [main] */
static inline lud_t lud_rows_of(const lud_combiner_in *in, const char *combiner, lud_error *err) {
    if (in->encoded->rows) return in->encoded->rows;
    (void)lud_fail(err, LUD_E_INVALID,
                   "combiner %s: the encoder of input feature '%s' gives a sequence; set its encoder.reduce_output "
                   "(sum, mean, max, last), or use another combiner",
                   combiner, in->feature);
    return 0;
}

#ifdef __cplusplus
}
#endif
#endif
