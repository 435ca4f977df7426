/* SPDX-License-Identifier: Apache-2.0
 * The generation section: the 38 keys of Ludwig, in the words of its documentation. */
#include "schema_tables.h"

#define GENERATION_PLANNED                                                                                             \
    PLANNED("max_length", "32"), PLANNED("min_length", "0"), PLANNED("early_stopping", "false"),                       \
        PLANNED("max_time", "null"), PLANNED("num_beams", "1"), PLANNED("num_beam_groups", "1"),                       \
        PLANNED("penalty_alpha", "null"), PLANNED("use_cache", "true"), PLANNED("typical_p", "1.0"),                   \
        PLANNED("epsilon_cutoff", "0.0"), PLANNED("eta_cutoff", "0.0"), PLANNED("diversity_penalty", "0.0"),           \
        PLANNED("encoder_repetition_penalty", "1.0"), PLANNED("length_penalty", "1.0"),                                \
        PLANNED("no_repeat_ngram_size", "0"), PLANNED("bad_words_ids", "null"), PLANNED("force_words_ids", "null"),    \
        PLANNED("renormalize_logits", "false"), PLANNED("forced_bos_token_id", "null"),                                \
        PLANNED("forced_eos_token_id", "null"), PLANNED("remove_invalid_values", "false"),                             \
        PLANNED("exponential_decay_length_penalty", "null"), PLANNED("suppress_tokens", "null"),                       \
        PLANNED("begin_suppress_tokens", "null"), PLANNED("forced_decoder_ids", "null"),                               \
        PLANNED("sequence_bias", "null"), PLANNED("guidance_scale", "null"), PLANNED("pad_token_id", "null"),          \
        PLANNED("bos_token_id", "null"), PLANNED("eos_token_id", "null")

const ludc_key ludc_schema_generation[] = {
    KEY_NUMBER("max_new_tokens", INT OR_NULL, "null", 1, 1048576,
               "longest answer; null: 32, or the output's max_sequence_length or else the global one if that is more"),
    KEY_NUMBER("min_new_tokens", INT OR_NULL, "null", 0, 1048576, "no end of text before this many"),
    KEY_BOOL("do_sample", "true", "draw tokens; false: always the likeliest"),
    KEY_NUMBER("temperature", REAL, "0.1", 0, 1000, "below 1 sharpens the distribution; 0: the likeliest"),
    KEY_NUMBER("top_k", INT, "50", 0, MAX_INT, "draw from this many likeliest tokens; 0: all"),
    KEY_NUMBER("top_p", REAL, "1.0", POSITIVE, 1, "draw from the likeliest tokens of this total probability"),
    KEY_NUMBER("repetition_penalty", REAL, "1.0", POSITIVE, 1000, "above 1 makes used tokens less likely"),
    KEY_NUMBER("prompt_lookup_num_tokens", INT OR_NULL, "null", 1, 64,
               "tokens tried at once where the text repeats itself or the prompt: the same text, sooner"),
    GENERATION_PLANNED,
    KEY_END,
};
