/* SPDX-License-Identifier: Apache-2.0
 * The preprocessing section: which rows, and which of them are for training. */
#include "schema_tables.h"

static const char *const splits[] = {"random", "fixed", "stratify", NULL};
static const char *const splits_planned[] = {"datetime", "hash", NULL};
static const char *const ecd_splits[] = {"random", "fixed", "stratify", "datetime", "hash", NULL};

#define PROBABILITIES                                                                                                  \
    KEY_NUMBERS("probabilities", LUDC_T_LIST, "[0.7, 0.1, 0.2]", 0, NO_LIMIT,                                          \
                "shares of training, validation and test; scaled to sum to 1")

static const ludc_key random_split[] = {PROBABILITIES, KEY_END};

static const ludc_key fixed_split[] = {
    KEY_TEXT("column", LUDC_T_STR, 0, "\"split\"", "column of 0, 1, 2 or train, validation, test"),
    KEY_END,
};

static const ludc_key column_split[] = {
    KEY_TEXT("column", LUDC_T_STR, 0, NULL,
             "stratify: column whose shares are kept; datetime: column to sort by, the last rows are the test rows; "
             "hash: rows with the same value stay together, in this and every later table"),
    PROBABILITIES,
    KEY_END,
};

static const ludc_variant split_types[] = {
    {"random", random_split}, {"fixed", fixed_split}, {"stratify, datetime or hash", column_split}, {NULL, NULL}};

static const ludc_variant llm_split_types[] = {
    {"random", random_split}, {"fixed", fixed_split}, {"stratify", column_split}, {NULL, NULL}};

static const ludc_key llm_split[] = {
    KEY_WORD("type", LUDC_T_STR, 0, NULL, splits, splits_planned, "how rows are divided"),
    KEY_END,
};

static const ludc_key ecd_split[] = {
    KEY_WORD("type", LUDC_T_STR, 0, NULL, ecd_splits, NULL, "how rows are divided"),
    KEY_END,
};

const ludc_key ludc_schema_llm_preprocessing[] = {
    KEY_NUMBER("global_max_sequence_length", LUDC_T_INT | LUDC_T_NULL, "null", 2, MAX_INT,
               "prompt and target together are cut to this many tokens; null: the model's context"),
    KEY_TYPED("split", LUDC_T_OBJECT, 0, "{}", llm_split, llm_split_types, "random",
              "training, validation and test rows"),
    KEY_PLANNED("sample_ratio", "1.0", "use only this share of the rows"),
    KEY_PLANNED("sample_size", "null", "use only this many rows"),
    KEY_PLANNED("oversample_minority", "null", "repeat rows of the rarer class"),
    KEY_PLANNED("undersample_majority", "null", "drop rows of the commoner class"),
    KEY_END,
};

const ludc_key ludc_schema_ecd_preprocessing[] = {
    KEY_TYPED("split", LUDC_T_OBJECT, 0, "{}", ecd_split, split_types, "random", "training, validation and test rows"),
    KEY_NUMBER("sample_ratio", LUDC_T_FLOAT, "1.0", POSITIVE, 1, "use only this share of the rows"),
    KEY_NUMBER("sample_size", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "use only this many rows"),
    KEY_NUMBER("oversample_minority", LUDC_T_FLOAT | LUDC_T_NULL, "null", POSITIVE, 1,
               "one binary output: repeat training rows of the rarer class until there are this many for one of the "
               "commoner"),
    KEY_NUMBER("undersample_majority", LUDC_T_FLOAT | LUDC_T_NULL, "null", POSITIVE, 1,
               "one binary output: drop training rows of the commoner class until there are this many of the rarer "
               "for one of them"),
    KEY_PLANNED("global_max_sequence_length", "null", "of model_type llm"),
    KEY_END,
};
