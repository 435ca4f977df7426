/* SPDX-License-Identifier: Apache-2.0
 * The top level of model_type ecd, Ludwig's default: any inputs, a combiner, any outputs. */
#include "schema_tables.h"

/* Only the name belongs to core; the combiner's plugin knows its other keys. */
const ludc_key ludc_schema_combiner[] = {
    KEY_TEXT("type", LUDC_T_STR, 0, NULL, "a combiner plugin's name; its other keys are its own"),
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
    KEY_PLANNED("defaults", "{}", "defaults by feature type"),
    KEY_PLANNED("hyperopt", "null", "search over configs"),
    KEY_PLANNED("preset", "null", "named set of defaults"),
    KEY_END,
};
