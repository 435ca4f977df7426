/* SPDX-License-Identifier: Apache-2.0
 * A decoder is a task head: it turns hidden rows into predictions and, where a target is given, one loss per row. Core
 * gathers the rows, reduces the losses to (sum, count) and knows every denominator before the backward pass. */
#ifndef LUDWIG_DECODER_H
#define LUDWIG_DECODER_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* hidden [N,C]; target, 0 = predict only: text and category I32 [N]; binary and number real [N,1]; set and vector real
 * [N,K]; weight real [N] or 0. vocab and xent are those of the encoder, or NULL. */
typedef struct lud_decoder_in {
    uint32_t struct_size;
    int32_t n_extent;
    lud_t hidden, target, weight;
    const lud_site *vocab;
    const lud_xent *xent;
} lud_decoder_in;

/* pred: causal_lm: logits [N,V]; category and set: logits [N,K]; binary: logit [N,1]; number [N,1] and vector [N,K]:
 * values in the normalized unit of the target. With a target also row_loss [N], row_weight [N] (a function of targets
 * and weights only) and, where it makes sense, argmax I32 [N]. A head that leaves row_loss 0 gets the loss that the
 * output feature names (`loss.type`). Core keeps what the chosen root reaches. */
typedef struct lud_decoder_out {
    uint32_t struct_size;
    lud_t pred, row_loss, row_weight, argmax;
} lud_decoder_out;

typedef struct lud_decoder_vt {
    uint32_t struct_size, reserved;
    /* cfg children: config (the `decoder` section); metadata of the output feature: {type, width}, width = K. */
    const lud_inst *inst;
    lud_status (*build)(void *self, lud_graph *, const lud_decoder_in *, lud_decoder_out *, lud_error *); /* [main] */
    const char *const *metrics; /* NULL-terminated names of core metrics: "perplexity", "token_accuracy" ... */
} lud_decoder_vt;

#ifdef __cplusplus
}
#endif
#endif
