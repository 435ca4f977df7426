/* SPDX-License-Identifier: Apache-2.0
 * A combiner joins what the encoders of all input features give into one vector per row; the heads read it. */
#ifndef LUDWIG_COMBINER_H
#define LUDWIG_COMBINER_H

#include "encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one input feature brings: its name, its packed sequence, its encoder's output. Core has pooled already: rows
 * [S,C] is there unless the encoder section says `reduce_output: null`; then tokens [T,C] is. Every feature has the
 * same S: one segment per row.
 * row_offsets I32 [S+1] is 0, 1 ... S: times k it is the seg_offsets of k steps per row. row_of_token I32 [T] is each
 * token's row (GATHER_ROWS spreads rows over tokens with it), or 0 if there are rows. */
typedef struct lud_combiner_in {
    uint32_t struct_size, reserved;
    const char *feature;
    const lud_seq *seq;
    const lud_encoder_out *encoded;
    lud_t row_offsets, row_of_token;
} lud_combiner_in;

typedef struct lud_combiner_vt {
    uint32_t struct_size, reserved;
    const lud_inst *inst; /* cfg child: config (the `combiner` section) */
    /* *out receives the id of a tensor [S, any width]. [main] */
    lud_status (*build)(void *self, lud_graph *, const lud_combiner_in *const *in, uint32_t n, lud_t *out, lud_error *);
} lud_combiner_vt;

#ifdef __cplusplus
}
#endif
#endif
