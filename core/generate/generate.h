/* SPDX-License-Identifier: Apache-2.0
 * generate: sampling, batched decoding and scoring of given answers over the paged key/value cache. */
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
    int64_t lookup; /* prompt_lookup_num_tokens, 0: none */
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

bool ludc_ends_text(const ludc_model_info *, int32_t id); /* an end-of-text token */

typedef struct ludc_generator ludc_generator; /* a reusable decode program for up to `batch` rows */
/* context: longest prompt + new tokens that will be asked for; lookup: the most that `lookup` of a call will be. */
lud_status ludc_generator_new(ludc_model *, int64_t batch, int64_t context, int64_t lookup, ludc_generator **,
                              lud_error *);
void ludc_generator_free(ludc_generator *);
/* Decodes all prompts, continuously filling free rows of the batch. Drafts that are looked up change no token: what is
 * kept is what would have been chosen, and its choice does not depend on the rows beside it. out[n] zeroed by the
 * caller; free ids of each. A prompt longer than context - max_new_tokens keeps its last tokens. */
lud_status ludc_decode(ludc_generator *, const ludc_prompt *, size_t n, const ludc_generation *, ludc_token_fn,
                       void *arg, ludc_completion *out, lud_error *);

/* log_probs [n, n_answers]: log-likelihood of each answer's ids right after each prompt, as if prompt and answer were
 * run as a whole; answers have one token or more. A prompt keeps its last tokens where prompt and longest answer exceed
 * the model. done (or NULL) is told how many rows are ready. */
lud_status ludc_score(ludc_model *, const ludc_prompt *, size_t n, const ludc_ids *answers, size_t n_answers,
                      void (*done)(void *arg, size_t rows), void *arg, double *log_probs, lud_error *);

#endif
