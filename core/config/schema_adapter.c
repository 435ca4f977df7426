/* SPDX-License-Identifier: Apache-2.0
 * The adapter section: the keys that every adapter has, and those of type lora. Keys of other types are checked by
 * their plugin's config_schema (component.c). */
#include "schema_tables.h"
#include "config_internal.h"

static const ludc_key postprocessor[] = {
    KEY_BOOL("merge_adapter_into_base_model", "false", "write a merged model after training"),
    KEY_BOOL("progressbar", "false", "show progress of the merge"),
    KEY_END,
};

const ludc_key ludc_schema_adapter[] = {
    KEY_TEXT("type", TEXT, LUDC_KEY_REQUIRED, NULL, "lora, or the name of another adapter plugin"),
    KEY_TEXT("pretrained_adapter_weights", TEXT OR_NULL, 0, "null", "adapter folder to start from"),
    KEY_SECTION("postprocessor", OBJECT, 0, "{}", postprocessor, "after training"),
    KEY_END,
};

#define LORA_PLANNED                                                                                                   \
    PLANNED("use_dora", "false"), PLANNED("exclude_modules", "null"), PLANNED("modules_to_save", "null"),              \
        PLANNED("layer_replication", "null"), PLANNED("loraplus_lr_ratio", "null"), PLANNED("eva_config", "null"),     \
        PLANNED("loftq_config", "null")

static const ludc_key lora[] = {
    KEY_NUMBER("r", INT, "8", 1, 65536, "rank"),
    KEY_NUMBER("alpha", INT OR_NULL, "null", 1, MAX_INT, "scale times rank; null: 2 * r"),
    KEY_NUMBER("dropout", REAL, "0.05", 0, 0.999, "dropout before the adapter"),
    KEY_WORD("bias_type", TEXT, 0, "\"none\"", "none|all|lora_only", NULL, "which biases are trained"),
    KEY_TEXT("target_modules", LIST | TEXT OR_NULL, LUDC_KEY_TEXTS, "null",
             "names of the linear maps to adapt; null: the architecture's own (q_proj, v_proj)"),
    {.name = "layers_to_transform",
     .types = LIST | INT OR_NULL,
     .flags = LUDC_KEY_INTEGERS,
     .dflt = "null",
     .min = 0,
     .max = MAX_INT,
     .doc = "numbers of the layers to adapt; null: all"},
    KEY_TEXT("layers_pattern", LIST | TEXT OR_NULL, LUDC_KEY_TEXTS, "null",
             "layers_to_transform: what the list of layers is called; null: any name"),
    KEY_BOOL("use_rslora", "false", "divide by the square root of the rank"),
    KEY_WORD("init_lora_weights", TEXT, 0, "\"default\"", "default", "gaussian|eva|olora|pissa|corda|loftq|orthogonal",
             "first values"),
    KEY_SECTION("rank_pattern", OBJECT OR_NULL, LUDC_KEY_ANY, "null", NULL, "rank by module name, instead of r"),
    KEY_SECTION("alpha_pattern", OBJECT OR_NULL, LUDC_KEY_ANY, "null", NULL, "alpha by module name, instead of alpha"),
    LORA_PLANNED,
    KEY_END,
};

const ludc_variant ludc_variants_adapter[] = {{"lora", lora}, {NULL, NULL}};

bool ludc_is_lora(const ludc_value *adapter) {
    return adapter && adapter->type == LUD_CFG_OBJECT && ludc_text_is(adapter, "type", "lora");
}
