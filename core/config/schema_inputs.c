/* SPDX-License-Identifier: Apache-2.0
 * Input features of model_type ecd: what all have, and preprocessing and encoder by the feature's type. */
#include "schema_tables.h"

static const char strategies[] = "fill_with_const|fill_with_mode|bfill|ffill|drop_row";
static const char number_strategies[] = "fill_with_const|fill_with_mean|fill_with_mode|bfill|ffill|drop_row";
static const char binary_strategies[] = "fill_with_const|fill_with_false|fill_with_mode|bfill|ffill|drop_row";

const ludc_key ludc_schema_no_keys[] = {KEY_END};

/* A cell that is empty: what it becomes; drop_row is the default of outputs. */
#define MISSING(words, default_)                                                                                       \
    KEY_WORD("missing_value_strategy", TEXT, 0, default_, words, NULL, "what an empty cell becomes")
#define FILL_VALUE KEY_TEXT("fill_value", TEXT, 0, "\"<UNK>\"", "fill_with_const: what an empty cell is filled with")

#define NUMBER(missing, normalization)                                                                                 \
    MISSING(number_strategies, missing),                                                                               \
        KEY_NUMBER("fill_value", REAL, "0.0", -NO_LIMIT, NO_LIMIT,                                                     \
                   "fill_with_const: what an empty cell is filled with"),                                              \
        KEY_WORD("normalization", TEXT OR_NULL, 0, normalization, "zscore|minmax|log1p|iq", NULL,                      \
                 "zscore: mean 0, deviation 1; minmax: 0 to 1; iq: median 0, quartiles 1 apart; log1p: ln(x + 1)"),    \
        KEY_WORD("outlier_strategy", TEXT OR_NULL, 0, "null", number_strategies, NULL,                                 \
                 "what an outlier becomes; null: it stays"),                                                           \
        KEY_NUMBER("outlier_threshold", REAL OR_NULL, "3.0", 0, NO_LIMIT,                                              \
                   "deviations from the mean that make an outlier"),                                                   \
        KEY_END

#define CATEGORY(missing)                                                                                              \
    MISSING(strategies, missing), FILL_VALUE, KEY_BOOL("lowercase", "false", "lower case first"),                      \
        KEY_NUMBER("most_common", INT OR_NULL, "10000", 1, MAX_INT,                                                    \
                   "so many of the commonest classes; the others are one, <UNK>"),                                     \
        PLANNED("cache_encoder_embeddings", "false"), KEY_END

#define BINARY(missing)                                                                                                \
    MISSING(binary_strategies, missing),                                                                               \
        KEY_NUMBER("fill_value", BOOL | REAL | TEXT OR_NULL, "null", 0, 1,                                             \
                   "fill_with_const: what an empty cell is filled with"),                                              \
        KEY_TEXT("fallback_true_label", TEXT OR_NULL, 0, "null", "the true one of two words that are not yes and no"), \
        KEY_END

#define ITEMS(missing)                                                                                                 \
    KEY_WORD("tokenizer", TEXT, 0, "\"space\"", "space|space_punct|comma|json",                                        \
             "underscore|characters|untokenized|stripped", "how a cell is divided into items"),                        \
        MISSING(strategies, missing), FILL_VALUE, KEY_BOOL("lowercase", "false", "lower case first"),                  \
        KEY_NUMBER("most_common", INT OR_NULL, "10000", 1, MAX_INT,                                                    \
                   "so many of the commonest items; the others are one, <UNK>"),                                       \
        KEY_END

#define VECTOR(missing)                                                                                                \
    KEY_NUMBER("vector_size", INT OR_NULL, "null", 1, MAX_INT, "numbers of a cell; null: from the data"),              \
        MISSING(strategies, missing),                                                                                  \
        KEY_TEXT("fill_value", TEXT, 0, "\"\"",                                                                        \
                 "fill_with_const: the numbers that an empty cell is filled with; empty: zeros"),                      \
        KEY_END

#define FILL "\"fill_with_const\""
#define DROP "\"drop_row\""
static const ludc_key number_in[] = {NUMBER(FILL, "\"zscore\"")};
static const ludc_key category_in[] = {CATEGORY(FILL)};
static const ludc_key binary_in[] = {BINARY("\"fill_with_false\"")};
static const ludc_key items_in[] = {ITEMS(FILL)};
static const ludc_key vector_in[] = {VECTOR(FILL)};
const ludc_key ludc_schema_number_out[] = {NUMBER(DROP, "null")}, ludc_schema_category_out[] = {CATEGORY(DROP)},
               ludc_schema_binary_out[] = {BINARY(DROP)}, ludc_schema_set_out[] = {ITEMS(DROP)},
               ludc_schema_vector_out[] = {VECTOR(DROP)};

/* The keys that core reads of an encoder of a column that is no text. */
const ludc_key ludc_schema_encoder[] = {
    KEY_TEXT("type", TEXT, 0, NULL, "an encoder plugin's name; its other keys are its own"),
    PLANNED("skip", "false"),
    KEY_END,
};

#define BY_TYPE(preprocessing, encoder, type_)                                                                         \
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", preprocessing, "from cells to numbers"),                             \
        KEY_TYPED("encoder", OBJECT | TEXT, LUDC_KEY_OPEN, "{}", encoder, NULL, type_,                                 \
                  "from numbers to a vector; a type or a section"),                                                    \
        KEY_END

const ludc_key ludc_schema_text_input[] = {BY_TYPE(ludc_schema_text, ludc_schema_text_encoder, "parallel_cnn")};
const ludc_key ludc_schema_number_input[] = {BY_TYPE(number_in, ludc_schema_encoder, "passthrough")};
const ludc_key ludc_schema_category_input[] = {BY_TYPE(category_in, ludc_schema_encoder, "dense")};
const ludc_key ludc_schema_binary_input[] = {BY_TYPE(binary_in, ludc_schema_encoder, "passthrough")};
const ludc_key ludc_schema_items_input[] = {BY_TYPE(items_in, ludc_schema_encoder, "embed")};
const ludc_key ludc_schema_vector_input[] = {BY_TYPE(vector_in, ludc_schema_encoder, "dense")};

const ludc_variant ludc_variants_input[] = {{"text", ludc_schema_text_input},
                                            {"number", ludc_schema_number_input},
                                            {"category", ludc_schema_category_input},
                                            {"binary", ludc_schema_binary_input},
                                            {"set|bag", ludc_schema_items_input},
                                            {"vector", ludc_schema_vector_input},
                                            {NULL, NULL}};

const ludc_key ludc_schema_ecd_input[] = {
    KEY_TEXT("name", TEXT, LUDC_KEY_REQUIRED, NULL, "name"),
    KEY_WORD("type", TEXT, LUDC_KEY_REQUIRED, NULL, "text|number|category|binary|set|bag|vector",
             "sequence|timeseries|image|audio|date|h3", "type of the data"),
    KEY_TEXT("column", TEXT, 0, NULL, "column of the data; default: the name"),
    KEY_BOOL("active", "true", "false leaves the feature out"),
    KEY_TEXT("tied", TEXT OR_NULL, 0, "null", "share the encoder of this other input of the same type"),
    PLANNED("proc_column", "null"),
    KEY_END,
};
