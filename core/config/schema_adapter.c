/* SPDX-License-Identifier: Apache-2.0
 * The adapter section: the keys that every adapter has, and those of type lora. Keys of other types are checked by
 * their plugin's config_schema (component.c). */
#include "schema_tables.h"
#include "config_internal.h"

static const char *const bias_types[] = {"none", "all", "lora_only", NULL};
static const char *const inits[] = {"default", NULL};
static const char *const inits_planned[] = {"gaussian", "eva", "olora", "pissa", "corda", "loftq", "orthogonal", NULL};

static const ludc_key postprocessor[] = {
    KEY_BOOL("merge_adapter_into_base_model", "false", "write a merged model after training"),
    KEY_BOOL("progressbar", "false", "show progress of the merge"),
    KEY_END,
};

const ludc_key ludc_schema_adapter[] = {
    KEY_TEXT("type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, "lora, or the name of another adapter plugin"),
    KEY_TEXT("pretrained_adapter_weights", LUDC_T_STR | LUDC_T_NULL, 0, "null", "adapter folder to start from"),
    KEY_SECTION("postprocessor", LUDC_T_OBJECT, 0, "{}", postprocessor, "after training"),
    KEY_END,
};

static const ludc_key lora[] = {
    KEY_NUMBER("r", LUDC_T_INT, "8", 1, 65536, "rank"),
    KEY_NUMBER("alpha", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "scale times rank; null: 2 * r"),
    KEY_NUMBER("dropout", LUDC_T_FLOAT, "0.05", 0, 0.999, "dropout before the adapter"),
    KEY_WORD("bias_type", LUDC_T_STR, 0, "\"none\"", bias_types, NULL, "which biases are trained"),
    KEY_TEXT("target_modules", LUDC_T_LIST | LUDC_T_STR | LUDC_T_NULL, LUDC_KEY_TEXTS, "null",
             "names of the linear maps to adapt; null: the architecture's own (q_proj, v_proj)"),
    {.name = "layers_to_transform",
     .types = LUDC_T_LIST | LUDC_T_INT | LUDC_T_NULL,
     .flags = LUDC_KEY_INTEGERS,
     .dflt = "null",
     .min = 0,
     .max = MAX_INT,
     .doc = "numbers of the layers to adapt; null: all"},
    KEY_TEXT("layers_pattern", LUDC_T_LIST | LUDC_T_STR | LUDC_T_NULL, LUDC_KEY_TEXTS, "null",
             "layers_to_transform: what the list of layers is called; null: any name"),
    KEY_BOOL("use_rslora", "false", "divide by the square root of the rank"),
    KEY_PLANNED("use_dora", "false", "train a magnitude beside the direction"),
    KEY_WORD("init_lora_weights", LUDC_T_STR, 0, "\"default\"", inits, inits_planned, "first values"),
    KEY_SECTION("rank_pattern", LUDC_T_OBJECT | LUDC_T_NULL, LUDC_KEY_ANY, "null", NULL,
                "rank by module name, instead of r"),
    KEY_SECTION("alpha_pattern", LUDC_T_OBJECT | LUDC_T_NULL, LUDC_KEY_ANY, "null", NULL,
                "alpha by module name, instead of alpha"),
    KEY_PLANNED("exclude_modules", "null", "names of modules to leave alone"),
    KEY_PLANNED("modules_to_save", "null", "modules trained in full"),
    KEY_PLANNED("layer_replication", "null", "build a deeper model from copies of layers"),
    KEY_PLANNED("loraplus_lr_ratio", "null", "another learning rate for B"),
    KEY_PLANNED("eva_config", "null", "of init_lora_weights eva"),
    KEY_PLANNED("loftq_config", "null", "of init_lora_weights loftq"),
    KEY_END,
};

const ludc_variant ludc_variants_adapter[] = {{"lora", lora}, {NULL, NULL}};

bool ludc_is_lora(const ludc_value *adapter) {
    return adapter && adapter->type == LUD_CFG_OBJECT &&
           ludc_str_eq(ludc_get_str(adapter, "type", LUDC_STR("")), "lora");
}
