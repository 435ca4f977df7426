/* SPDX-License-Identifier: Apache-2.0
 * Rules that span keys. Each reads the full tree, tolerates values of the wrong type (validate.c has said so already)
 * and places its message where the user wrote the key, or the nearest section around it. */
#include "config_internal.h"
#include <stdio.h>
#include <string.h>

ludc_at ludc_at_path(const ludc_value *user, const char *dotted) {
    char path[256];
    snprintf(path, sizeof path, "%s", dotted);
    for (char *dot = path; dot;) {
        const ludc_value *v = ludc_value_find(user, path);
        if (v) return ludc_at_value(v);
        dot = strrchr(path, '.');
        if (dot) *dot = 0;
    }
    return ludc_at_value(user);
}

static void check_features(const ludc_value *user, const ludc_value *full, const char *key, ludc_diag *d) {
    const ludc_value *list = ludc_value_get(full, key);
    if (!list || list->type != LUD_CFG_LIST || list->len == 1) return;
    ludc_diag_rule(d, user, key, "model_type llm takes exactly one feature, got %zu", list->len);
}

static void check_names(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    lud_str in = ludc_get_str(full, "input_features.0.name", (lud_str){0});
    lud_str out = ludc_get_str(full, "output_features.0.name", (lud_str){0});
    lud_str field = ludc_get_str(full, "trainer.validation_field", out);
    if (in.len && ludc_str_same(in, out)) {
        ludc_diag_rule(d, user, "output_features.0.name", "'%.*s' is the name of the input feature too", LUDC_ARG(in));
    }
    if (out.len && !ludc_str_same(field, out) && !ludc_str_eq(field, "combined")) {
        ludc_diag_rule(d, user, "trainer.validation_field", "'%.*s' is not an output feature; allowed: %.*s, combined",
                       LUDC_ARG(field), LUDC_ARG(out));
    }
}

static void check_adapter(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    lud_str trainer = ludc_get_str(full, "trainer.type", LUDC_STR("none"));
    const ludc_value *adapter = ludc_value_get(full, "adapter");
    if (ludc_is_null(adapter) || !ludc_str_eq(trainer, "none")) return;
    if (!ludc_is_null(ludc_value_find(adapter, "pretrained_adapter_weights"))) return;
    ludc_diag_rule(d, user, "adapter",
                   "needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights");
}

void ludc_check_patterns(const ludc_value *user, const ludc_value *full, const char *adapter, ludc_diag *d) {
    static const char *const keys[] = {"rank_pattern", "alpha_pattern"};
    const ludc_value *section = ludc_value_find(full, adapter);
    for (size_t k = 0; ludc_is_lora(section) && k < LUDC_COUNT(keys); k++) {
        const ludc_value *patterns = ludc_value_get(section, keys[k]);
        char path[256];
        snprintf(path, sizeof path, "%s.%s", adapter, keys[k]);
        for (size_t i = 0; patterns && patterns->type == LUD_CFG_OBJECT && i < patterns->len; i++) {
            const ludc_value *v = patterns->items[i];
            if (v->type == LUD_CFG_INT && v->u.i >= 1 && v->u.i <= INT32_MAX) continue;
            ludc_diag_rule(d, user, path, "'%.*s' must be an integer >= 1", LUDC_ARG_CUT(patterns->keys[i], 80));
        }
    }
}

static void check_batch(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    const ludc_value *trainer = ludc_value_get(full, "trainer");
    int64_t batch = ludc_get_int(trainer, "batch_size", 0); /* 0: still automatic */
    int64_t steps = ludc_get_int(trainer, "gradient_accumulation_steps", 1);
    int64_t effective = ludc_get_int(trainer, "effective_batch_size", 0);
    if (effective < 1 || batch < 1 || steps < 1 || batch > INT32_MAX || steps > INT32_MAX) return;
    if (batch * steps == effective) return;
    ludc_diag_rule(d, user, "trainer.effective_batch_size",
                   "is %lld, but batch_size * gradient_accumulation_steps is %lld * %lld", (long long)effective,
                   (long long)batch, (long long)steps);
}

static void check_trainer(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    const ludc_value *trainer = ludc_value_get(full, "trainer");
    if (ludc_get_int(trainer, "steps_per_checkpoint", 0) > 0 && ludc_get_int(trainer, "checkpoints_per_epoch", 0) > 0) {
        ludc_diag_rule(d, user, "trainer.checkpoints_per_epoch", "and steps_per_checkpoint are both set; keep one");
    }
    if (ludc_get_float(trainer, "learning_rate_scheduler.warmup_evaluations", 0) > 0 &&
        ludc_get_float(trainer, "learning_rate_scheduler.warmup_fraction", 0) > 0) {
        ludc_diag_rule(d, user, "trainer.learning_rate_scheduler.warmup_evaluations",
                       "and warmup_fraction are both set; keep one");
    }
    if (ludc_get_bool(trainer, "optimizer.nesterov", false) && ludc_get_float(trainer, "optimizer.momentum", 0) == 0) {
        ludc_diag_rule(d, user, "trainer.optimizer.nesterov", "needs momentum > 0");
    }
}

static void check_count(const ludc_value *user, const ludc_value *full, const char *path, size_t want, ludc_diag *d) {
    const ludc_value *list = ludc_value_find(full, path);
    if (!list || list->type != LUD_CFG_LIST || list->len == want) return;
    ludc_diag_rule(d, user, path, "must hold %zu numbers, got %zu", want, list->len);
}

static void check_split(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    const char *path = "preprocessing.split.probabilities";
    const ludc_value *shares = ludc_value_find(full, path);
    double train = ludc_get_float(shares, "0", 1);
    if (train <= 0) ludc_diag_rule(d, user, path, "the share of training rows must be > 0");
    lud_str type = ludc_get_str(full, "preprocessing.split.type", LUDC_STR("random"));
    bool by_column = ludc_str_eq(type, "stratify") || ludc_str_eq(type, "datetime") || ludc_str_eq(type, "hash");
    if (by_column && shares && !ludc_value_find(user, "preprocessing.split.column")) {
        ludc_diag_rule(d, user, "preprocessing.split", "type %.*s needs 'column'", LUDC_ARG(type));
    }
}

static void check_generation(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    int64_t min = ludc_get_int(full, "generation.min_new_tokens", 0);
    int64_t max = ludc_get_int(full, "generation.max_new_tokens", 32);
    if (min <= max || max < 1) return;
    ludc_diag_rule(d, user, "generation.min_new_tokens", "is %lld, more than max_new_tokens (%lld)", (long long)min,
                   (long long)max);
}

void ludc_check_shared(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    check_batch(user, full, d);
    check_trainer(user, full, d);
    check_count(user, full, "trainer.optimizer.betas", 2, d);
    check_count(user, full, "preprocessing.split.probabilities", 3, d);
    check_split(user, full, d);
}

void ludc_check_rules(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    check_features(user, full, "input_features", d);
    check_features(user, full, "output_features", d);
    check_names(user, full, d);
    check_adapter(user, full, d);
    ludc_check_patterns(user, full, "adapter", d);
    ludc_check_shared(user, full, d);
    check_generation(user, full, d);
    ludc_check_prompt(user, full, d);
    ludc_check_labels(user, full, d);
}
