/* SPDX-License-Identifier: Apache-2.0
 * The top level of model_type ecd, Ludwig's default: any inputs, a combiner, any outputs. */
#include "schema_tables.h"

/* Only the name belongs to core; the combiner's plugin knows its other keys. */
const ludc_key ludc_schema_combiner[] = {
    KEY_TEXT("type", TEXT, 0, NULL, "a combiner plugin's name; its other keys are its own"),
    KEY_END,
};

static const ludc_variant category[] = {{"category", ludc_schema_category_output}, {NULL, NULL}};
static const ludc_variant binary[] = {{"binary", ludc_schema_binary_output}, {NULL, NULL}};
static const ludc_variant number[] = {{"number", ludc_schema_number_output}, {NULL, NULL}};
static const ludc_variant set[] = {{"set", ludc_schema_set_output}, {NULL, NULL}};
static const ludc_variant vector[] = {{"vector", ludc_schema_vector_output}, {NULL, NULL}};

/* The keys of inputs and of outputs of one type. */
#define DEFAULTS(type, input, output)                                                                                  \
    KEY_TYPED(type, OBJECT, 0, NULL, input, output, type, "keys of features of this type")

#define DEFAULTS_PLANNED                                                                                               \
    PLANNED("sequence", "{}"), PLANNED("timeseries", "{}"), PLANNED("image", "{}"), PLANNED("audio", "{}"),            \
        PLANNED("date", "{}"), PLANNED("h3", "{}")

static const ludc_key defaults[] = {
    DEFAULTS("text", ludc_schema_text_input, NULL),
    DEFAULTS("number", ludc_schema_number_input, number),
    DEFAULTS("category", ludc_schema_category_input, category),
    DEFAULTS("binary", ludc_schema_binary_input, binary),
    DEFAULTS("set", ludc_schema_items_input, set),
    DEFAULTS("bag", ludc_schema_items_input, NULL),
    DEFAULTS("vector", ludc_schema_vector_input, vector),
    DEFAULTS_PLANNED,
    KEY_END,
};

const ludc_key ludc_schema_ecd[] = {
    KEY_WORD("model_type", TEXT, 0, "\"ecd\"", "ecd|llm", "gbm", "kind of model"),
    KEY_TYPED("input_features", LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_ecd_input, ludc_variants_input, NULL,
              "columns to predict from, at least one"),
    KEY_TYPED("output_features", LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_ecd_output, ludc_variants_output, NULL,
              "columns to predict, at least one"),
    KEY_TYPED("combiner", OBJECT | TEXT, LUDC_KEY_OPEN, "{}", ludc_schema_combiner, NULL, "concat",
              "from the inputs' vectors to one; a type or a section"),
    KEY_SECTION("trainer", OBJECT, 0, "{}", ludc_schema_ecd_trainer, "training"),
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", ludc_schema_ecd_preprocessing, "rows and splits"),
    KEY_SECTION("backend", OBJECT | TEXT, 0, "{}", ludc_schema_backend, "device and precision; a type or a section"),
    KEY_NUMBER("random_seed", INT, "42", 0, 9007199254740992.0, "seed of everything random"),
    KEY_TEXT("ludwig_version", TEXT OR_NULL, 0, "null", "version that wrote the config; not used"),
    KEY_SECTION("defaults", OBJECT, 0, NULL, defaults,
                "by feature type: keys for every feature of the type that does not have them"),
    PLANNED("hyperopt", "null"),
    PLANNED("preset", "null"),
    KEY_END,
};
