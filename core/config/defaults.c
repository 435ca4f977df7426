/* SPDX-License-Identifier: Apache-2.0
 * The full tree: every key of the tables with the user's value or its default, in the order of the tables; words such
 * as "auto" resolved. Filling the full tree again changes nothing. Tolerates trees that did not validate. */
#include "config_internal.h"
#include <string.h>

#define ZERO_SHOT "SAMPLE INPUT: {__sample__}\n\nUSER: Complete the following task: {__task__}\n\nASSISTANT:\n"

static const struct {
    const char *path, *key, *types;
} variants[] = {
    {"trainer.optimizer", "betas", "adam or adamw"},
    {"trainer.optimizer", "eps", "adam or adamw"},
    {"trainer.optimizer", "amsgrad", "adam or adamw"},
    {"trainer.optimizer", "momentum", "sgd"},
    {"trainer.optimizer", "nesterov", "sgd"},
    {"trainer.optimizer", "dampening", "sgd"},
    {"preprocessing.split", "probabilities", "random or stratify"},
    {"preprocessing.split", "column", "fixed or stratify"},
};

static bool has_word(const char *text, lud_str word) {
    for (const char *p = text; word.len && (p = strstr(p, word.ptr)) != NULL; p += word.len) {
        char before = p == text ? ' ' : p[-1], after = p[word.len];
        if (before == ' ' && (after == ' ' || after == 0)) return true;
    }
    return false;
}

bool ludc_key_applies(const char *path, const char *key, const ludc_value *section, const char **types) {
    const char *dflt = strcmp(path, "trainer.optimizer") == 0 ? "adam" : "random";
    lud_str type = ludc_get_str(section, "type", ludc_str(dflt));
    for (size_t i = 0; i < LUDC_COUNT(variants); i++) {
        if (strcmp(variants[i].path, path) != 0 || strcmp(variants[i].key, key) != 0) continue;
        *types = variants[i].types;
        return has_word(variants[i].types, type);
    }
    return true;
}

static ludc_value *fill_section(const ludc_value *user, const ludc_key *table, const char *path);

static ludc_value *parse_default(const ludc_key *k) {
    ludc_value *v = NULL;
    (void)ludc_json_parse(k->dflt, strlen(k->dflt), k->name, false, false, &v, NULL); /* fails only without memory */
    return v;
}

static ludc_value *fill_shorthand(const ludc_value *word, const ludc_key *table, const char *path) {
    ludc_value *section = ludc_value_new(LUD_CFG_OBJECT), *full = NULL;
    if (section && ludc_value_put(section, "type", ludc_value_copy(word))) full = fill_section(section, table, path);
    ludc_value_free(section);
    return full;
}

static ludc_value *fill_list(const ludc_value *list, const ludc_key *table, const char *path) {
    ludc_value *full = ludc_value_new(LUD_CFG_LIST);
    for (size_t i = 0; full && i < list->len; i++) {
        const ludc_value *v = list->items[i];
        ludc_value *item = v->type == LUD_CFG_OBJECT ? fill_section(v, table, path) : ludc_value_copy(v);
        if (ludc_value_push(full, item)) continue;
        ludc_value_free(full);
        full = NULL;
    }
    return full;
}

static ludc_value *fill_value(const ludc_value *v, const ludc_key *k, const char *path) {
    bool flag;
    if (v && v->type == LUD_CFG_NULL && (k->types & LUDC_T_OBJECT) && !(k->types & LUDC_T_NULL)) v = NULL;
    ludc_value *dflt = v ? NULL : parse_default(k), *full = NULL;
    const ludc_value *from = v ? v : dflt;
    if (!from) return NULL;
    if (k->section && from->type == LUD_CFG_OBJECT) {
        full = fill_section(from, k->section, path);
    } else if (k->section && from->type == LUD_CFG_STR) {
        full = fill_shorthand(from, k->section, path);
    } else if (k->section && from->type == LUD_CFG_LIST) {
        full = fill_list(from, k->section, path);
    } else if (k->types == LUDC_T_BOOL && from->type == LUD_CFG_STR && ludc_yaml_bool(from->u.s, &flag)) {
        full = ludc_value_bool(flag);
    } else {
        full = ludc_value_copy(from);
    }
    ludc_value_free(dflt);
    return full;
}

static bool fill_key(const ludc_value *user, const ludc_key *k, const char *path, ludc_value *full) {
    const ludc_value *v = ludc_value_get(user, k->name);
    const char *types;
    char inner[256];
    ludc_path_of(inner, sizeof inner, path, ludc_str(k->name));
    if (!v && (!k->dflt || !ludc_key_applies(path, k->name, user, &types))) return true;
    if (!v && ludc_key_is_any_adapter(path, user) && !ludc_key_of_any_adapter(k->name)) return true;
    return ludc_value_append(full, ludc_str(k->name), fill_value(v, k, inner));
}

static bool copy_unknown(const ludc_value *user, const ludc_key *table, ludc_value *full) {
    for (size_t i = 0; i < user->len; i++) {
        if (ludc_key_find(table, user->keys[i])) continue;
        if (!ludc_value_append(full, user->keys[i], ludc_value_copy(user->items[i]))) return false;
    }
    return true;
}

static ludc_value *fill_section(const ludc_value *user, const ludc_key *table, const char *path) {
    ludc_value *full = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = full != NULL;
    for (const ludc_key *k = table; ok && k->name; k++)
        ok = fill_key(user, k, path, full);
    if (ok) ok = copy_unknown(user, table, full);
    if (ok) return full;
    ludc_value_free(full);
    return NULL;
}

ludc_value *ludc_fill(const ludc_value *user, const ludc_key *root) {
    return fill_section(user, root, "");
}

static bool is_word(const ludc_value *v, const char *word) {
    return ludc_is_null(v) || (v->type == LUD_CFG_STR && ludc_str_eq(v->u.s, word));
}

static bool fill_columns(ludc_value *features) {
    for (size_t i = 0; features && features->type == LUD_CFG_LIST && i < features->len; i++) {
        ludc_value *feature = features->items[i];
        const ludc_value *name = ludc_value_get(feature, "name");
        if (!name || ludc_value_get(feature, "column")) continue;
        if (!ludc_value_put(feature, "column", ludc_value_copy(name))) return false;
    }
    return true;
}

static bool fill_batch(ludc_value *trainer) {
    if (!trainer || trainer->type != LUD_CFG_OBJECT) return true;
    bool ok = true;
    if (is_word(ludc_value_get(trainer, "batch_size"), "auto"))
        ok &= ludc_value_put(trainer, "batch_size", ludc_value_int(1));
    if (is_word(ludc_value_get(trainer, "eval_batch_size"), "auto")) {
        ok &= ludc_value_put(trainer, "eval_batch_size", ludc_value_int(2));
    }
    int64_t batch = LUDC_MAX(ludc_get_int(trainer, "batch_size", 1), 1);
    int64_t effective = ludc_get_int(trainer, "effective_batch_size", 0);
    if (is_word(ludc_value_get(trainer, "gradient_accumulation_steps"), "auto")) {
        ok &= ludc_value_put(trainer, "gradient_accumulation_steps", ludc_value_int(LUDC_MAX(effective / batch, 1)));
    }
    int64_t steps = ludc_get_int(trainer, "gradient_accumulation_steps", 1);
    if (effective == 0 && batch <= INT32_MAX && steps <= INT32_MAX) {
        ok &= ludc_value_put(trainer, "effective_batch_size", ludc_value_int(batch * steps));
    }
    return ok;
}

static bool fill_adapter(ludc_value *adapter) {
    if (!adapter || ludc_key_is_any_adapter("adapter", adapter) || adapter->type != LUD_CFG_OBJECT) return true;
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

static bool fill_validation(ludc_value *full) {
    ludc_value *trainer = ludc_value_get(full, "trainer");
    const ludc_value *name = ludc_value_find(full, "output_features.0.name");
    if (!trainer || trainer->type != LUD_CFG_OBJECT) return true;
    bool ok = true;
    if (name && ludc_is_null(ludc_value_get(trainer, "validation_field"))) {
        ok &= ludc_value_put(trainer, "validation_field", ludc_value_copy(name));
    }
    if (ludc_is_null(ludc_value_get(trainer, "validation_metric"))) {
        ok &= ludc_value_put(trainer, "validation_metric", ludc_value_str(LUDC_STR("loss")));
    }
    return ok;
}

static bool fill_prompt(ludc_value *prompt) {
    if (!prompt || prompt->type != LUD_CFG_OBJECT || ludc_is_null(ludc_value_get(prompt, "task"))) return true;
    if (!ludc_is_null(ludc_value_get(prompt, "template"))) return true;
    return ludc_value_put(prompt, "template", ludc_value_str(LUDC_STR(ZERO_SHOT)));
}

bool ludc_fill_dynamic(ludc_value *full) {
    return fill_columns(ludc_value_get(full, "input_features")) &&
           fill_columns(ludc_value_get(full, "output_features")) && fill_batch(ludc_value_get(full, "trainer")) &&
           fill_adapter(ludc_value_get(full, "adapter")) && fill_lengths(full) && fill_validation(full) &&
           fill_prompt(ludc_value_get(full, "prompt"));
}
