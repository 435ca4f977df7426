/* SPDX-License-Identifier: Apache-2.0
 * generate: sampling and batched decoding over the paged key/value cache. */
#ifndef LUDC_GENERATE_H
#define LUDC_GENERATE_H

#include <model.h>

/* The `generation` section. do_sample false or temperature 0: greedy (lowest id on ties). Order of the steps as in
 * transformers: repetition penalty, min_new_tokens, temperature, top_k, top_p. */
typedef struct ludc_generation {
    int64_t max_new_tokens, min_new_tokens;
    bool do_sample;
    double temperature, top_p, repetition_penalty;
    int64_t top_k;
    uint64_t seed;
} ludc_generation;
/* Reads a full `generation` section; `over` (or NULL) is a JSON object whose keys replace the section's. Unknown keys
 * of `over` are errors. */
lud_status ludc_generation_read(const ludc_value *section, const ludc_value *over, ludc_generation *, lud_error *);

/* Called for each new token of a row, the end-of-text one included; a status other than LUD_OK stops everything. */
typedef lud_status (*ludc_token_fn)(void *arg, size_t row, int32_t id);

typedef struct ludc_prompt {
    const int32_t *ids;
    int32_t len;
    uint64_t row; /* keys the random numbers, so a row's text does not depend on its batch */
} ludc_prompt;
typedef struct ludc_completion {
    ludc_ids ids;    /* without the token that ended it */
    double log_prob; /* sum over the new tokens, the ending one included */
    bool stopped;    /* by an end-of-text token */
} ludc_completion;

typedef struct ludc_generator ludc_generator; /* a reusable decode program for up to `batch` rows */
/* context: longest prompt + new tokens that will be asked for. */
lud_status ludc_generator_new(ludc_model *, int64_t batch, int64_t context, ludc_generator **, lud_error *);
void ludc_generator_free(ludc_generator *);
/* Decodes all prompts, continuously filling free rows of the batch. out[n] zeroed by the caller; free ids of each. A
 * prompt longer than context - max_new_tokens keeps its last tokens. */
lud_status ludc_decode(ludc_generator *, const ludc_prompt *, size_t n, const ludc_generation *, ludc_token_fn,
                       void *arg, ludc_completion *out, lud_error *);

#endif
