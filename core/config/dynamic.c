/* SPDX-License-Identifier: Apache-2.0
 * Defaults that depend on other keys, and words such as "auto" resolved: model_type llm, and what both types share.
 * Works on the full tree; resolved once, nothing changes any more. */
#include "config_internal.h"
#include <string.h>

#define ZERO_SHOT "SAMPLE INPUT: {__sample__}\n\nUSER: Complete the following task: {__task__}\n\nASSISTANT:\n"
#define FEW_SHOT                                                                                                       \
    "Below is relevant context:\n\nCONTEXT: {__context__}\n\nCONTEXT is comprised of labeled samples whose "           \
    "embeddings "                                                                                                      \
    "were similar to that of the sample input. The labels in\nthese samples could aid you in your final prediction. "  \
    "Given this and no prior knowledge, follow the instructions\nbelow.\n\n" ZERO_SHOT

static bool is_word(const ludc_value *v, const char *word) {
    return ludc_is_null(v) || (v->type == LUD_CFG_STR && ludc_str_eq(v->u.s, word));
}

bool ludc_fill_columns(ludc_value *features) {
    for (size_t i = 0; features && features->type == LUD_CFG_LIST && i < features->len; i++) {
        ludc_value *feature = features->items[i];
        const ludc_value *name = ludc_value_get(feature, "name");
        if (!name || ludc_value_get(feature, "column")) continue;
        if (!ludc_value_put(feature, "column", ludc_value_copy(name))) return false;
    }
    return true;
}

bool ludc_fill_batch(ludc_value *trainer) {
    bool ok = true;
    int64_t batch = ludc_get_int(trainer, "batch_size", 0),
            effective = ludc_get_int(trainer, "effective_batch_size", 0);
    if (!trainer || trainer->type != LUD_CFG_OBJECT || batch < 1) return true;
    if (is_word(ludc_value_get(trainer, "eval_batch_size"), "auto"))
        ok &= ludc_value_put(trainer, "eval_batch_size", ludc_value_int(batch));
    if (is_word(ludc_value_get(trainer, "gradient_accumulation_steps"), "auto"))
        ok &= ludc_value_put(trainer, "gradient_accumulation_steps", ludc_value_int(LUDC_MAX(effective / batch, 1)));
    int64_t steps = ludc_get_int(trainer, "gradient_accumulation_steps", 1);
    if (effective == 0 && batch <= INT32_MAX && steps <= INT32_MAX)
        ok &= ludc_value_put(trainer, "effective_batch_size", ludc_value_int(batch * steps));
    return ok;
}

/* Prompts and answers: the automatic sizes are small. */
static bool fill_llm_batch(ludc_value *trainer) {
    if (!trainer || trainer->type != LUD_CFG_OBJECT) return true;
    bool ok = true;
    if (is_word(ludc_value_get(trainer, "batch_size"), "auto"))
        ok &= ludc_value_put(trainer, "batch_size", ludc_value_int(1));
    if (is_word(ludc_value_get(trainer, "eval_batch_size"), "auto"))
        ok &= ludc_value_put(trainer, "eval_batch_size", ludc_value_int(2));
    return ok && ludc_fill_batch(trainer);
}

bool ludc_fill_adapter(ludc_value *adapter) {
    if (!ludc_is_lora(adapter)) return true;
    int64_t r = ludc_get_int(adapter, "r", 8);
    if (!ludc_is_null(ludc_value_get(adapter, "alpha")) || r > INT32_MAX || r < 0) return true;
    return ludc_value_put(adapter, "alpha", ludc_value_int(2 * r));
}

static bool fill_lengths(ludc_value *full) {
    ludc_value *generation = ludc_value_get(full, "generation");
    if (!generation || !ludc_is_null(ludc_value_get(generation, "max_new_tokens"))) return true;
    int64_t n = ludc_get_int(full, "output_features.0.preprocessing.max_sequence_length", 0);
    if (!n) n = ludc_get_int(full, "preprocessing.global_max_sequence_length", 0);
    if (generation->type != LUD_CFG_OBJECT || n <= 0) return true;
    return ludc_value_put(generation, "max_new_tokens", ludc_value_int(LUDC_MIN(LUDC_MAX(n, 32), 1048576)));
}

bool ludc_fill_validation(ludc_value *trainer, const ludc_value *name, const ludc_value *metric) {
    bool ok = true;
    if (!trainer || trainer->type != LUD_CFG_OBJECT) return true;
    if (name && ludc_is_null(ludc_value_get(trainer, "validation_field")))
        ok &= ludc_value_put(trainer, "validation_field", ludc_value_copy(name));
    if (ludc_is_null(ludc_value_get(trainer, "validation_metric")))
        ok &= ludc_value_put(trainer, "validation_metric", metric ? ludc_value_copy(metric) : ludc_value_text("loss"));
    return ok;
}

static bool fill_prompt(ludc_value *prompt) {
    if (!prompt || prompt->type != LUD_CFG_OBJECT || ludc_is_null(ludc_value_get(prompt, "task"))) return true;
    if (!ludc_is_null(ludc_value_get(prompt, "template"))) return true;
    bool zero_shot = ludc_is_null(ludc_value_find(prompt, "retrieval.type"));
    return ludc_value_put(prompt, "template", ludc_value_str(zero_shot ? LUDC_STR(ZERO_SHOT) : LUDC_STR(FEW_SHOT)));
}

bool ludc_fill_dynamic(ludc_value *full) {
    return ludc_fill_columns(ludc_value_get(full, "input_features")) &&
           ludc_fill_columns(ludc_value_get(full, "output_features")) &&
           fill_llm_batch(ludc_value_get(full, "trainer")) && ludc_fill_adapter(ludc_value_get(full, "adapter")) &&
           fill_lengths(full) &&
           ludc_fill_validation(ludc_value_get(full, "trainer"), ludc_value_find(full, "output_features.0.name"),
                                NULL) &&
           fill_prompt(ludc_value_get(full, "prompt"));
}
