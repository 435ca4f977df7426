/* SPDX-License-Identifier: Apache-2.0
 * decoder: the one function that decoder.c needs of decoder_steps.c. */
#ifndef LUDC_TEXT_DECODER_H
#define LUDC_TEXT_DECODER_H

#include "internal.h"

/* Runs one step from `in` into the empty list `out`. Out of memory shows in out->failed or out->text.failed. */
lud_status ludc_decoder_step(const ludc_dec_step *, const ludc_find *, const ludc_pieces *in, ludc_pieces *out);

#endif
