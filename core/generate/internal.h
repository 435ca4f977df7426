/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/generate share. */
#ifndef LUDC_GENERATE_INTERNAL_H
#define LUDC_GENERATE_INTERNAL_H

#include <generate.h>

typedef struct ludc_candidate {
    float logit;
    int32_t id;
} ludc_candidate;

/* Room for one vocabulary each. */
typedef struct ludc_sample_scratch {
    float *logits;
    ludc_candidate *candidates;
} ludc_sample_scratch;

/* Chooses the next token from logits [vocab]. `seen`: the ids so far, prompt and new; n_new of them are new. `banned`
 * ids may not come before min_new_tokens. *log_prob: of the chosen token under the model's own distribution. */
int32_t ludc_sample(const ludc_generation *, const float *logits, int64_t vocab, const ludc_ids *seen, int64_t n_new,
                    const int32_t *banned, int32_t n_banned, uint64_t row, const ludc_sample_scratch *scratch,
                    double *log_prob);

/* How many tokens all prompts begin with; 0 for one prompt, or if one of them is longer than `room`. A prompt's last
 * token is never counted: its logits are wanted. */
int64_t ludc_shared_prefix(const ludc_prompt *, size_t n, int64_t room);

/* Ids that may come next: *from is where they stand in `seen`; returns how many, `most` at most. */
size_t ludc_lookup(const ludc_ids *seen, size_t most, size_t *from);

/* Of one row of logits. */
double ludc_log_sum_exp(const float *logits, int64_t vocab);

#endif
