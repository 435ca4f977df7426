/* SPDX-License-Identifier: Apache-2.0
 * Overrides from the command line: "trainer.epochs=3", the value read as YAML. Sections on the way are made when they
 * are missing; a shorthand ("adapter: lora") becomes the section that it stands for. */
#include "config_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void mark(ludc_value *v, int32_t line) {
    v->line = line;
    v->col = 0;
    for (size_t i = 0; i < v->len; i++)
        mark(v->items[i], line);
}

void ludc_clear_marks(ludc_value *v) {
    if (v->line < 0) {
        v->line = v->col = 0;
        ludc_free(v->key_pos); /* places in the text of --set */
        v->key_pos = NULL;
    }
    for (size_t i = 0; i < v->len; i++)
        ludc_clear_marks(v->items[i]);
}

static size_t index_of(const ludc_value *v, lud_str part) {
    for (size_t i = 0; v->type == LUD_CFG_OBJECT && i < v->len; i++)
        if (ludc_str_same(v->keys[i], part)) return i;
    if (v->type != LUD_CFG_LIST || part.len == 0 || part.len > 6) return SIZE_MAX;
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] < '0' || part.ptr[i] > '9') return SIZE_MAX;
    size_t at = strtoul(part.ptr, NULL, 10);
    return at < v->len ? at : SIZE_MAX;
}

/* Puts child at part of v; an existing value is replaced. Takes child. */
static bool put(ludc_value *v, lud_str part, ludc_value *child) {
    size_t at = index_of(v, part);
    if (!child || at == SIZE_MAX) return ludc_value_append(v, part, child);
    ludc_value_free(v->items[at]);
    v->items[at] = child;
    return true;
}

static ludc_value *section_from(const ludc_value *v) {
    ludc_value *section = ludc_value_new(LUD_CFG_OBJECT);
    if (!section || !v || v->type != LUD_CFG_STR) return section;
    if (ludc_value_put(section, "type", ludc_value_copy(v))) return section;
    ludc_value_free(section);
    return NULL;
}

/* The child that a path goes through: a list or an object, made if need be. NULL: impossible or out of memory. */
static ludc_value *enter(ludc_value *v, lud_str part, int32_t line) {
    size_t at = index_of(v, part);
    ludc_value *child = at == SIZE_MAX ? NULL : v->items[at];
    if (child && (child->type == LUD_CFG_OBJECT || child->type == LUD_CFG_LIST)) return child;
    if (v->type == LUD_CFG_LIST && !child) return NULL;
    ludc_value *section = section_from(child);
    if (section) section->line = line;
    return put(v, part, section) ? section : NULL;
}

static bool assign(ludc_value *root, const char *path, const char *end, ludc_value *value) {
    ludc_value *v = root;
    while (v) {
        const char *dot = memchr(path, '.', (size_t)(end - path));
        lud_str part = {path, (size_t)((dot ? dot : end) - path)};
        if (!dot && v->type == LUD_CFG_LIST && index_of(v, part) == SIZE_MAX) break;
        if (!dot) return put(v, part, value);
        v = enter(v, part, value->line);
        path = dot + 1;
    }
    ludc_value_free(value);
    return false;
}

static lud_status parse(const char *text, const char *name, ludc_value **out, lud_error *err) {
    if (text[strspn(text, " \t")] != 0) return ludc_yaml_parse(text, strlen(text), name, out, err);
    *out = ludc_value_new(LUD_CFG_NULL);
    return *out ? LUD_OK : ludc_no_memory(err, name);
}

lud_status ludc_apply_sets(ludc_value *root, const char *const *sets, size_t n, lud_error *err) {
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(sets[i], '=');
        if (!equals || equals == sets[i] || sets[i][0] == '.' || equals[-1] == '.' || strstr(sets[i], "..") == sets[i])
            return ludc_fail(err, LUD_E_INVALID, "--set %s: want KEY.PATH=VALUE, such as trainer.epochs=3", sets[i]);
        char name[160];
        snprintf(name, sizeof name, "--set %s", sets[i]);
        ludc_value *value = NULL;
        LUDC_TRY(parse(equals + 1, name, &value, err));
        mark(value, -(int32_t)i - 1);
        if (!assign(root, sets[i], equals, value))
            return ludc_fail(err, LUD_E_INVALID, "--set %s: there is no such place in the config", sets[i]);
    }
    return LUD_OK;
}
