/* SPDX-License-Identifier: Apache-2.0
 * The top level of a config, and its small sections. Names and defaults are those of Ludwig 0.10. */
#include "schema_tables.h"
#include "config_internal.h"
#include <string.h>

static const ludc_key retrieval[] = {
    KEY_WORD("type", TEXT OR_NULL, 0, "null", "random", "semantic",
             "which training rows are put into the prompt as examples, never the row itself; null: none"),
    KEY_NUMBER("k", INT, "0", 0, MAX_INT, "number of examples"),
    PLANNED("index_name", "null"),
    PLANNED("model_name", "null"),
    KEY_END,
};

static const ludc_key prompt[] = {
    KEY_TEXT("template", TEXT OR_NULL, 0, "null",
             "text around the columns: {column}, {column:.2f}, {__sample__} (the input column), {__task__}, "
             "{__context__} (the examples of retrieval); {{ is a brace"),
    KEY_TEXT("task", TEXT OR_NULL, 0, "null", "what to do, for {__task__}; without a template Ludwig's own is used"),
    KEY_SECTION("retrieval", OBJECT, 0, "{}", retrieval, "examples in the prompt"),
    KEY_END,
};

const ludc_key ludc_schema_model_parameters[] = {
    PLANNED("rope_scaling", "null"),
    PLANNED("neftune_noise_alpha", "0"),
    KEY_END,
};

const ludc_key ludc_schema_backend[] = {
    KEY_WORD("type", TEXT, 0, "\"local\"", "local", "ray|horovod|deepspeed|dask", "where to run"),
    KEY_TEXT("device", TEXT, 0, "\"auto\"", "auto, a backend plugin's name, or name:number"),
    KEY_WORD(
        "precision", TEXT, 0, "\"auto\"", "auto|fp32|bf16|int8", "fp16",
        "factors of matrix products; sums are fp32. auto: bf16 where the device is faster with it, fp32 in generation. "
        "int8: auto, and integers in frozen text encoders of model_type ecd where nothing is trained"),
    KEY_TEXT(
        "cache_dir", TEXT OR_NULL, 0, "null",
        "folder of cached embeddings and preprocessed rows; null: folders of ludwig/ in $XDG_CACHE_HOME or ~/.cache"),
    PLANNED("cache_credentials", "null"),
    KEY_END,
};

#define LLM_PLANNED                                                                                                    \
    PLANNED("quantization", "null"), PLANNED("adapters", "null"), PLANNED("hyperopt", "null"),                         \
        PLANNED("defaults", "{}"), PLANNED("trust_remote_code", "false"), PLANNED("is_multimodal", "false")

static const ludc_key llm[] = {
    KEY_WORD("model_type", TEXT, LUDC_KEY_REQUIRED, NULL, "ecd|llm", "gbm", "kind of model; without it: ecd"),
    KEY_TEXT("base_model", TEXT, LUDC_KEY_REQUIRED, NULL, "a model folder, a GGUF file or a hub id"),
    KEY_SECTION("input_features", LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_input, "exactly one, of type text"),
    KEY_TYPED("output_features", LIST, LUDC_KEY_REQUIRED, NULL, ludc_schema_output, ludc_variants_llm_output, NULL,
              "exactly one, of type text or category"),
    KEY_SECTION("prompt", OBJECT, 0, "{}", prompt, "how a row becomes the text before the answer"),
    KEY_SECTION("generation", OBJECT, 0, "{}", ludc_schema_generation, "how answers are generated"),
    KEY_TYPED("adapter", OBJECT | TEXT OR_NULL, 0, "null", ludc_schema_adapter, ludc_variants_adapter, NULL,
              "what is trained instead of the base model; a type or a section. Keys of types other than lora are "
              "checked by their plugin"),
    KEY_SECTION("trainer", OBJECT, 0, "{}", ludc_schema_trainer, "training"),
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", ludc_schema_llm_preprocessing, "lengths and splits"),
    KEY_SECTION("backend", OBJECT | TEXT, 0, "{}", ludc_schema_backend, "device and precision; a type or a section"),
    KEY_NUMBER("random_seed", INT, "42", 0, 9007199254740992.0, "seed of everything random; ours"),
    KEY_TEXT("ludwig_version", TEXT OR_NULL, 0, "null", "version that wrote the config; not used"),
    KEY_SECTION("model_parameters", OBJECT OR_NULL, 0, "null", ludc_schema_model_parameters,
                "changes to the base model"),
    LLM_PLANNED,
    KEY_END,
};

const ludc_key *ludc_schema_root(const char *model_type) {
    if (strcmp(model_type, "llm") == 0) return llm;
    if (strcmp(model_type, "ecd") == 0) return ludc_schema_ecd;
    return NULL;
}
