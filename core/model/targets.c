/* SPDX-License-Identifier: Apache-2.0
 * Which modules an adapter wraps, by the rules of PEFT 0.21: target_modules as list, regular expression or
 * "all-linear"; exclude_modules; layers_to_transform with layers_pattern; rank_pattern and alpha_pattern. Expressions
 * are anchored. */
#include "internal.h"

#include <string.h>

typedef struct rule {
    ludc_expression *code;
    const ludc_value *value; /* of a pattern: the rank or alpha */
} rule;

typedef struct rules {
    rule *ptr;
    size_t len;
} rules;

struct ludc_targets {
    const ludc_value *section;
    const ludc_value *modules, *excluded, *layers; /* lists or scalars of the section */
    bool all_linear;
    rules target, exclude, layer, rank, alpha; /* compiled expressions */
};

static const char any_layer[] = ".*?\\.[^.]*\\.(?<idx>[0-9]+)\\.";

static lud_status compile(const char *key, lud_str text, rules *out, const ludc_value *value, lud_error *err) {
    ludc_expression *re = NULL;
    LUDC_TRY(ludc_expression_new("adapter", key, text, true, &re, err));
    rule *grown = ludc_realloc(out->ptr, out->len * sizeof *grown, (out->len + 1) * sizeof *grown);
    if (!grown) return ludc_expression_free(re), ludc_fail(err, LUD_E_NOMEM, "adapter.%s: out of memory", key);
    out->ptr = grown;
    out->ptr[out->len++] = (rule){re, value};
    return LUD_OK;
}

/* The text of `format` with %s replaced, compiled. */
static lud_status compile_in(const char *key, const char *before, lud_str text, const char *after, rules *out,
                             const ludc_value *value, lud_error *err) {
    ludc_buf b = {0};
    ludc_buf_adds(&b, before);
    ludc_buf_add(&b, text.ptr, text.len);
    ludc_buf_adds(&b, after);
    lud_status status = b.failed ? ludc_fail(err, LUD_E_NOMEM, "adapter.%s: out of memory", key)
                                 : compile(key, (lud_str){b.ptr, b.len}, out, value, err);
    ludc_buf_free(&b);
    return status;
}

/* ---- Reading the section ---- */
static bool is_text(const ludc_value *v) {
    return v && v->type == LUD_CFG_STR;
}

static lud_status check_words(const char *key, const ludc_value *v, lud_error *err) {
    if (ludc_is_null(v) || is_text(v)) return LUD_OK;
    for (size_t i = 0; v->type == LUD_CFG_LIST && i < v->len; i++)
        if (!is_text(v->items[i])) return ludc_fail(err, LUD_E_INVALID, "adapter.%s[%zu]: want a text", key, i);
    return v->type == LUD_CFG_LIST ? LUD_OK : ludc_fail(err, LUD_E_INVALID, "adapter.%s: want a list or a text", key);
}

static lud_status read_modules(ludc_targets *t, lud_error *err) {
    t->modules = ludc_value_get(t->section, "target_modules");
    t->excluded = ludc_value_get(t->section, "exclude_modules");
    LUDC_TRY(check_words("target_modules", t->modules, err));
    LUDC_TRY(check_words("exclude_modules", t->excluded, err));
    if (ludc_is_null(t->modules)) {
        return ludc_fail(err, LUD_E_INVALID,
                         "adapter.target_modules: this adapter and model have no default; name the "
                         "modules, or write \"all-linear\"");
    }
    t->all_linear = is_text(t->modules) && ludc_str_eq(t->modules->u.s, "all-linear");
    if (is_text(t->modules) && !t->all_linear)
        LUDC_TRY(compile("target_modules", t->modules->u.s, &t->target, NULL, err));
    if (is_text(t->excluded)) LUDC_TRY(compile("exclude_modules", t->excluded->u.s, &t->exclude, NULL, err));
    return LUD_OK;
}

static lud_status read_layers(ludc_targets *t, lud_error *err) {
    const ludc_value *pattern = ludc_value_get(t->section, "layers_pattern");
    t->layers = ludc_value_get(t->section, "layers_to_transform");
    if (ludc_is_null(t->layers) || (t->layers->type == LUD_CFG_LIST && t->layers->len == 0)) t->layers = NULL;
    if (!t->layers) return LUD_OK;
    if (t->layers->type != LUD_CFG_INT && t->layers->type != LUD_CFG_LIST)
        return ludc_fail(err, LUD_E_INVALID, "adapter.layers_to_transform: want a number or a list of numbers");
    LUDC_TRY(check_words("layers_pattern", pattern, err));
    size_t n = ludc_is_null(pattern) ? 0 : is_text(pattern) ? pattern->u.s.len != 0 : pattern->len;
    if (n == 0) return compile("layers_pattern", ludc_str(any_layer), &t->layer, NULL, err);
    for (size_t i = 0; i < n; i++) {
        lud_str word = is_text(pattern) ? pattern->u.s : pattern->items[i]->u.s;
        LUDC_TRY(compile_in("layers_pattern", "(?:^|.*?\\.)", word, "\\.(?<idx>[0-9]+)\\.", &t->layer, NULL, err));
    }
    return LUD_OK;
}

static lud_status read_pattern(const ludc_targets *t, const char *key, rules *out, lud_error *err) {
    const ludc_value *v = ludc_value_get(t->section, key);
    if (ludc_is_null(v)) return LUD_OK;
    if (v->type != LUD_CFG_OBJECT) return ludc_fail(err, LUD_E_INVALID, "adapter.%s: want an object", key);
    for (size_t i = 0; i < v->len; i++) {
        const ludc_value *number = v->items[i];
        if (number->type != LUD_CFG_INT && number->type != LUD_CFG_FLOAT)
            return ludc_fail(err, LUD_E_INVALID, "adapter.%s.%s: want a number", key, v->keys[i].ptr);
        LUDC_TRY(compile_in(key, "(?:.*\\.)?(?:", v->keys[i], ")", out, number, err));
    }
    return LUD_OK;
}

static void rules_free(rules *r) {
    for (size_t i = 0; i < r->len; i++)
        ludc_expression_free(r->ptr[i].code);
    ludc_free(r->ptr);
}

void ludc_targets_free(ludc_targets *t) {
    if (!t) return;
    rules_free(&t->target);
    rules_free(&t->exclude);
    rules_free(&t->layer);
    rules_free(&t->rank);
    rules_free(&t->alpha);
    ludc_free(t);
}

lud_status ludc_targets_new(const ludc_value *section, ludc_targets **out, lud_error *err) {
    ludc_targets *t = ludc_alloc(sizeof *t);
    if (!t) return ludc_no_memory(err, "adapter");
    t->section = section;
    lud_status status = read_modules(t, err);
    if (status == LUD_OK) status = read_layers(t, err);
    if (status == LUD_OK) status = read_pattern(t, "rank_pattern", &t->rank, err);
    if (status == LUD_OK) status = read_pattern(t, "alpha_pattern", &t->alpha, err);
    if (status == LUD_OK) return *out = t, LUD_OK;
    ludc_targets_free(t);
    return status;
}

/* ---- Matching ---- */
/* Equal to a word, or ending with "." and the word. *exact: it was equal. */
static bool in_list(const ludc_value *list, lud_str module, bool *exact) {
    bool found = false;
    *exact = false;
    for (size_t i = 0; list && list->type == LUD_CFG_LIST && i < list->len; i++) {
        lud_str word = list->items[i]->u.s;
        if (word.len == 0 || word.len > module.len) continue;
        size_t at = module.len - word.len;
        if (memcmp(module.ptr + at, word.ptr, word.len) != 0) continue;
        if (at == 0) *exact = true;
        found |= at == 0 || module.ptr[at - 1] == '.';
    }
    return found;
}

static bool layer_wanted(const ludc_targets *t, lud_str module) {
    int64_t layer = -1;
    if (!t->layers) return true;
    for (size_t i = 0; i < t->layer.len && layer < 0; i++)
        (void)ludc_expression_match(t->layer.ptr[i].code, module, false, &layer);
    if (layer < 0) return false;
    if (t->layers->type == LUD_CFG_INT) return t->layers->u.i == layer;
    for (size_t i = 0; i < t->layers->len; i++) {
        const ludc_value *v = t->layers->items[i];
        if (v->type == LUD_CFG_INT && v->u.i == layer) return true;
    }
    return false;
}

bool ludc_targets_match(const ludc_targets *t, lud_str module, int32_t site_kind) {
    bool exact;
    if (in_list(t->excluded, module, &exact)) return false;
    if (t->exclude.len && ludc_expression_match(t->exclude.ptr[0].code, module, true, NULL)) return false;
    /* PEFT turns "all-linear" into a list of whole names, for which layers_to_transform does not count. */
    if (t->all_linear) return site_kind == LUD_SITE_LINEAR;
    if (t->target.len) return ludc_expression_match(t->target.ptr[0].code, module, true, NULL);
    return in_list(t->modules, module, &exact) && (exact || layer_wanted(t, module));
}

static const ludc_value *pattern_value(const rules *r, lud_str module, const ludc_value *dflt) {
    for (size_t i = 0; i < r->len; i++)
        if (ludc_expression_match(r->ptr[i].code, module, true, NULL)) return r->ptr[i].value;
    return dflt;
}

ludc_value *ludc_targets_cfg(const ludc_targets *t, lud_str module) {
    ludc_value *cfg = ludc_value_new(LUD_CFG_OBJECT);
    const ludc_value *r = pattern_value(&t->rank, module, ludc_value_get(t->section, "r"));
    const ludc_value *alpha = pattern_value(&t->alpha, module, ludc_value_get(t->section, "alpha"));
    bool ok = cfg != NULL;
    if (ok && !ludc_is_null(r)) ok = ludc_value_put(cfg, "r", ludc_value_copy(r));
    if (ok && !ludc_is_null(alpha)) ok = ludc_value_put(cfg, "alpha", ludc_value_copy(alpha));
    if (ok) return cfg;
    ludc_value_free(cfg);
    return NULL;
}
