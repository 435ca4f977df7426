/* SPDX-License-Identifier: Apache-2.0
 * The preprocessing section: which rows, and which of them are for training. */
#include "schema_tables.h"

#define PROBABILITIES                                                                                                  \
    KEY_NUMBERS("probabilities", LIST, "[0.7, 0.1, 0.2]", 0, NO_LIMIT,                                                 \
                "shares of training, validation and test; scaled to sum to 1")

static const ludc_key random_split[] = {PROBABILITIES, KEY_END};

static const ludc_key fixed_split[] = {
    KEY_TEXT("column", TEXT, 0, "\"split\"", "column of 0, 1, 2 or train, validation, test"),
    KEY_END,
};

static const ludc_key column_split[] = {
    KEY_TEXT("column", TEXT, 0, NULL,
             "stratify: column whose shares are kept; datetime: column to sort by, the last rows are the test rows; "
             "hash: rows with the same value stay together, in this and every later table"),
    PROBABILITIES,
    KEY_END,
};

static const ludc_variant split_types[] = {
    {"random", random_split}, {"fixed", fixed_split}, {"stratify|datetime|hash", column_split}, {NULL, NULL}};

static const ludc_variant llm_split_types[] = {
    {"random", random_split}, {"fixed", fixed_split}, {"stratify", column_split}, {NULL, NULL}};

static const ludc_key llm_split[] = {
    KEY_WORD("type", TEXT, 0, NULL, "random|fixed|stratify", "datetime|hash", "how rows are divided"),
    KEY_END,
};

static const ludc_key ecd_split[] = {
    KEY_WORD("type", TEXT, 0, NULL, "random|fixed|stratify|datetime|hash", NULL, "how rows are divided"),
    KEY_END,
};

#define LLM_PREPROCESSING_PLANNED                                                                                      \
    PLANNED("sample_ratio", "1.0"), PLANNED("sample_size", "null"), PLANNED("oversample_minority", "null"),            \
        PLANNED("undersample_majority", "null")

const ludc_key ludc_schema_llm_preprocessing[] = {
    KEY_NUMBER("global_max_sequence_length", INT OR_NULL, "null", 2, MAX_INT,
               "prompt and target together are cut to this many tokens; null: the model's context"),
    KEY_TYPED("split", OBJECT, 0, "{}", llm_split, llm_split_types, "random", "training, validation and test rows"),
    LLM_PREPROCESSING_PLANNED,
    KEY_END,
};

const ludc_key ludc_schema_ecd_preprocessing[] = {
    KEY_TYPED("split", OBJECT, 0, "{}", ecd_split, split_types, "random", "training, validation and test rows"),
    KEY_NUMBER("sample_ratio", REAL, "1.0", POSITIVE, 1, "use only this share of the rows"),
    KEY_NUMBER("sample_size", INT OR_NULL, "null", 1, MAX_INT, "use only this many rows"),
    KEY_NUMBER("oversample_minority", REAL OR_NULL, "null", POSITIVE, 1,
               "one binary output: repeat training rows of the rarer class until there are this many for one of the "
               "commoner"),
    KEY_NUMBER("undersample_majority", REAL OR_NULL, "null", POSITIVE, 1,
               "one binary output: drop training rows of the commoner class until there are this many of the rarer "
               "for one of them"),
    PLANNED("global_max_sequence_length", "null"),
    KEY_END,
};
