/* SPDX-License-Identifier: Apache-2.0
 * The top level of model_type ecd, Ludwig's default: any inputs, a combiner, any outputs. */
#include "schema_tables.h"

/* Only the name belongs to core; the combiner's plugin knows its other keys. */
const ludc_key ludc_schema_combiner[] = {
    KEY_TEXT("type", LUDC_T_STR, 0, NULL, "a combiner plugin's name; its other keys are its own"),
    KEY_END,
};

static const ludc_variant category[] = {{"category", ludc_schema_category_output}, {NULL, NULL}};
static const ludc_variant binary[] = {{"binary", ludc_schema_binary_output}, {NULL, NULL}};
static const ludc_variant number[] = {{"number", ludc_schema_number_output}, {NULL, NULL}};
static const ludc_variant set[] = {{"set", ludc_schema_set_output}, {NULL, NULL}};
static const ludc_variant vector[] = {{"vector", ludc_schema_vector_output}, {NULL, NULL}};

/* The keys of inputs and of outputs of one type. */
#define DEFAULTS(type, input, output)                                                                                  \
    KEY_TYPED(type, LUDC_T_OBJECT, 0, NULL, input, output, type, "keys of features of this type")

static const ludc_key defaults[] = {
    DEFAULTS("text", ludc_schema_text_input, NULL),
    DEFAULTS("number", ludc_schema_number_input, number),
    DEFAULTS("category", ludc_schema_category_input, category),
    DEFAULTS("binary", ludc_schema_binary_input, binary),
    DEFAULTS("set", ludc_schema_items_input, set),
    DEFAULTS("bag", ludc_schema_items_input, NULL),
    DEFAULTS("vector", ludc_schema_vector_input, vector),
    KEY_PLANNED("sequence", "{}", "of sequences"),
    KEY_PLANNED("timeseries", "{}", "of time series"),
    KEY_PLANNED("image", "{}", "of images"),
    KEY_PLANNED("audio", "{}", "of sound"),
    KEY_PLANNED("date", "{}", "of dates"),
    KEY_PLANNED("h3", "{}", "of places"),
    KEY_END,
};

const ludc_key ludc_schema_ecd[] = {
    KEY_WORD("model_type", LUDC_T_STR, 0, "\"ecd\"", ludc_model_types, ludc_model_types_planned, "kind of model"),
    KEY_TYPED("input_features", LUDC_T_LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_ecd_input, ludc_variants_input, NULL,
              "columns to predict from, at least one"),
    KEY_TYPED("output_features", LUDC_T_LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_ecd_output, ludc_variants_output,
              NULL, "columns to predict, at least one"),
    KEY_TYPED("combiner", LUDC_T_OBJECT | LUDC_T_STR, LUDC_KEY_OPEN, "{}", ludc_schema_combiner, NULL, "concat",
              "from the inputs' vectors to one; a type or a section"),
    KEY_SECTION("trainer", LUDC_T_OBJECT, 0, "{}", ludc_schema_ecd_trainer, "training"),
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", ludc_schema_ecd_preprocessing, "rows and splits"),
    KEY_SECTION("backend", LUDC_T_OBJECT | LUDC_T_STR, 0, "{}", ludc_schema_backend,
                "device and precision; a type or a section"),
    KEY_NUMBER("random_seed", LUDC_T_INT, "42", 0, 9007199254740992.0, "seed of everything random"),
    KEY_TEXT("ludwig_version", LUDC_T_STR | LUDC_T_NULL, 0, "null", "version that wrote the config; not used"),
    KEY_SECTION("defaults", LUDC_T_OBJECT, 0, NULL, defaults,
                "by feature type: keys for every feature of the type that does not have them"),
    KEY_PLANNED("hyperopt", "null", "search over configs"),
    KEY_PLANNED("preset", "null", "named set of defaults"),
    KEY_END,
};
