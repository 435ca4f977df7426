/* SPDX-License-Identifier: Apache-2.0
 * The top level of a config, and its small sections. Names and defaults are those of Ludwig 0.10. */
#include "schema_tables.h"
#include "config_internal.h"
#include <string.h>

const char *const ludc_model_types[] = {"ecd", "llm", NULL}, *const ludc_model_types_planned[] = {"gbm", NULL};
static const char *const backends[] = {"local", NULL};
static const char *const backends_planned[] = {"ray", "horovod", "deepspeed", "dask", NULL};
static const char *const precisions[] = {"auto", "fp32", "bf16", "int8", NULL}, *const precisions_planned[] = {"fp16",
                                                                                                               NULL};

static const char *const retrievals[] = {"random", NULL}, *const retrievals_planned[] = {"semantic", NULL};

static const ludc_key retrieval[] = {
    KEY_WORD("type", LUDC_T_STR | LUDC_T_NULL, 0, "null", retrievals, retrievals_planned,
             "which training rows are put into the prompt as examples, never the row itself; null: none"),
    KEY_NUMBER("k", LUDC_T_INT, "0", 0, MAX_INT, "number of examples"),
    KEY_PLANNED("index_name", "null", "name of a saved index"),
    KEY_PLANNED("model_name", "null", "encoder of the semantic index"),
    KEY_END,
};

static const ludc_key prompt[] = {
    KEY_TEXT("template", LUDC_T_STR | LUDC_T_NULL, 0, "null",
             "text around the columns: {column}, {column:.2f}, {__sample__} (the input column), {__task__}, "
             "{__context__} (the examples of retrieval); {{ is a brace"),
    KEY_TEXT("task", LUDC_T_STR | LUDC_T_NULL, 0, "null",
             "what to do, for {__task__}; without a template Ludwig's own is used"),
    KEY_SECTION("retrieval", LUDC_T_OBJECT, 0, "{}", retrieval, "examples in the prompt"),
    KEY_END,
};

const ludc_key ludc_schema_model_parameters[] = {
    KEY_PLANNED("rope_scaling", "null", "stretch rotary positions"),
    KEY_PLANNED("neftune_noise_alpha", "0", "noise on embeddings while training"),
    KEY_END,
};

const ludc_key ludc_schema_backend[] = {
    KEY_WORD("type", LUDC_T_STR, 0, "\"local\"", backends, backends_planned, "where to run"),
    KEY_TEXT("device", LUDC_T_STR, 0, "\"auto\"", "auto, a backend plugin's name, or name:number"),
    KEY_WORD(
        "precision", LUDC_T_STR, 0, "\"auto\"", precisions, precisions_planned,
        "factors of matrix products; sums are fp32. auto: bf16 where the device is faster with it. int8: auto, and "
        "integers in frozen text encoders of model_type ecd where nothing is trained"),
    KEY_TEXT(
        "cache_dir", LUDC_T_STR | LUDC_T_NULL, 0, "null",
        "folder of cached embeddings and preprocessed rows; null: folders of ludwig/ in $XDG_CACHE_HOME or ~/.cache"),
    KEY_PLANNED("cache_credentials", "null", "credentials of the cache"),
    KEY_END,
};

static const ludc_key llm[] = {
    KEY_WORD("model_type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, ludc_model_types, ludc_model_types_planned,
             "kind of model; without it: ecd"),
    KEY_TEXT("base_model", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, "a model folder, a GGUF file or a hub id"),
    KEY_SECTION("input_features", LUDC_T_LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_input, "exactly one, of type text"),
    KEY_TYPED("output_features", LUDC_T_LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_output, ludc_variants_llm_output,
              NULL, "exactly one, of type text or category"),
    KEY_SECTION("prompt", LUDC_T_OBJECT, 0, "{}", prompt, "how a row becomes the text before the answer"),
    KEY_SECTION("generation", LUDC_T_OBJECT, 0, "{}", ludc_schema_generation, "how answers are generated"),
    KEY_TYPED("adapter", LUDC_T_OBJECT | LUDC_T_STR | LUDC_T_NULL, 0, "null", ludc_schema_adapter,
              ludc_variants_adapter, NULL,
              "what is trained instead of the base model; a type or a section. Keys of types other than lora are "
              "checked by their plugin"),
    KEY_SECTION("trainer", LUDC_T_OBJECT, 0, "{}", ludc_schema_trainer, "training"),
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", ludc_schema_llm_preprocessing, "lengths and splits"),
    KEY_SECTION("backend", LUDC_T_OBJECT | LUDC_T_STR, 0, "{}", ludc_schema_backend,
                "device and precision; a type or a section"),
    KEY_NUMBER("random_seed", LUDC_T_INT, "42", 0, 9007199254740992.0, "seed of everything random; ours"),
    KEY_TEXT("ludwig_version", LUDC_T_STR | LUDC_T_NULL, 0, "null", "version that wrote the config; not used"),
    KEY_SECTION("model_parameters", LUDC_T_OBJECT | LUDC_T_NULL, 0, "null", ludc_schema_model_parameters,
                "changes to the base model"),
    KEY_PLANNED("quantization", "null", "4- and 8-bit base models"),
    KEY_PLANNED("adapters", "null", "several named adapters"),
    KEY_PLANNED("hyperopt", "null", "search over configs"),
    KEY_PLANNED("defaults", "{}", "defaults by feature type"),
    KEY_PLANNED("trust_remote_code", "false", "run code of a model repository"),
    KEY_PLANNED("is_multimodal", "false", "images in the prompt"),
    KEY_END,
};

const ludc_key *ludc_schema_root(const char *model_type) {
    if (strcmp(model_type, "llm") == 0) return llm;
    if (strcmp(model_type, "ecd") == 0) return ludc_schema_ecd;
    return NULL;
}
