/* SPDX-License-Identifier: Apache-2.0
 * Compares what the user wrote with the schema tables: unknown and missing keys, types, ranges, words, keys that are
 * known but not built. Collects every message; never changes the tree. */
#include "config_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 256, HINT_SIZE = 512 };

typedef struct pass {
    const ludc_key *root;
    ludc_diag *diag;
} pass;

static void check_section(const pass *p, const ludc_key *owner, const ludc_value *object, const char *path, ludc_at at);

static size_t append(char *out, size_t size, size_t used, const char *text, size_t n) {
    size_t room = size - 1 - used, take = LUDC_MIN(n, room);
    memcpy(out + used, text, take);
    out[used + take] = 0;
    return used + take;
}

void ludc_path_of(char *out, size_t size, const char *path, lud_str key) {
    size_t used = append(out, size, 0, path, strlen(path));
    if (used) used = append(out, size, used, ".", 1);
    append(out, size, used, key.ptr, LUDC_MIN(key.len, (size_t)80));
}

static const char *type_words(uint32_t types, char *out, size_t size) {
    static const char *const names[] = {"true or false", "an integer", "a number", "a string",
                                        "a list",        "an object",  "null"};
    size_t used = 0;
    uint32_t left = types & LUDC_T_FLOAT ? types & ~(uint32_t)LUDC_T_INT : types;
    out[0] = 0;
    for (uint32_t i = 0; i < LUDC_COUNT(names) && used < size; i++) {
        if (!(left & (1U << i))) continue;
        left &= ~(1U << i);
        used += (size_t)snprintf(out + used, size - used, "%s%s", !used ? "" : left ? ", " : " or ", names[i]);
    }
    return out;
}

static void describe(const ludc_value *v, char *out, size_t size) {
    switch (v->type) {
    case LUD_CFG_BOOL:
        snprintf(out, size, "%s", v->u.b ? "true" : "false");
        break;
    case LUD_CFG_INT:
        snprintf(out, size, "%lld", (long long)v->u.i);
        break;
    case LUD_CFG_FLOAT:
        snprintf(out, size, "%.12g", v->u.f);
        break;
    case LUD_CFG_STR:
        snprintf(out, size, "'%.*s'", LUDC_ARG_CUT(v->u.s, 60));
        break;
    case LUD_CFG_LIST:
        snprintf(out, size, "a list of %zu", v->len);
        break;
    case LUD_CFG_OBJECT:
        snprintf(out, size, "an object");
        break;
    default:
        snprintf(out, size, "null");
    }
}

bool ludc_yaml_bool(lud_str s, bool *value) {
    static const char *const words[] = {"yes", "Yes", "YES", "on", "On", "ON", "no", "No", "NO", "off", "Off", "OFF"};
    for (size_t i = 0; i < LUDC_COUNT(words); i++) {
        if (!ludc_str_eq(s, words[i])) continue;
        *value = i < 6;
        return true;
    }
    return false;
}

static bool type_fits(uint32_t types, const ludc_value *v) {
    bool unused;
    switch (v->type) {
    case LUD_CFG_BOOL:
        return types & LUDC_T_BOOL;
    case LUD_CFG_INT:
        return types & (LUDC_T_INT | LUDC_T_FLOAT);
    case LUD_CFG_FLOAT:
        return types & LUDC_T_FLOAT;
    case LUD_CFG_STR:
        return (types & LUDC_T_STR) || ((types & LUDC_T_BOOL) && ludc_yaml_bool(v->u.s, &unused));
    case LUD_CFG_LIST:
        return types & LUDC_T_LIST;
    case LUD_CFG_OBJECT:
        return types & LUDC_T_OBJECT;
    default: /* an empty section is one with all defaults */
        return types & (LUDC_T_NULL | LUDC_T_OBJECT);
    }
}

static void number_text(double x, char out[32]) {
    snprintf(out, 32, "%.*g", fabs(x) < 1e15 && x == floor(x) ? 17 : 9, x);
}

static void check_range(const pass *p, const ludc_key *k, const ludc_value *v, const char *path) {
    if (k->min > k->max || (v->type != LUD_CFG_INT && v->type != LUD_CFG_FLOAT)) return;
    double x = v->type == LUD_CFG_INT ? (double)v->u.i : v->u.f;
    bool zero = k->min > 0 && k->min < 1e-300, above = k->flags & LUDC_KEY_ABOVE, below = k->flags & LUDC_KEY_BELOW;
    if ((above ? x > k->min : x >= k->min) && (below ? x < k->max : x <= k->max)) return;
    char got[96], low[32], high[32];
    describe(v, got, sizeof got);
    number_text(k->min, low);
    number_text(k->max, high);
    if (x <= k->min) {
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: must be %s %s, got %s", path,
                      zero || above ? ">" : ">=", zero ? "0" : low, got);
    } else if (x >= k->max) {
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: must be %s %s, got %s", path, below ? "<" : "<=", high, got);
    } else {
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: must be a finite number", path);
    }
}

/* A component's name, not a slip of a known word: the registry will say whether there is one. */
static bool may_be_name(const ludc_key *k, lud_str s) {
    return (k->flags & LUDC_KEY_OPEN) && !ludc_nearest_word(k->words, s).len;
}

static void check_text(const pass *p, const ludc_key *k, const ludc_value *v, const char *path) {
    bool unused;
    int shown = (int)LUDC_MIN(v->u.s.len, (size_t)60);
    if (memchr(v->u.s.ptr, 0, v->u.s.len)) {
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: holds a NUL character", path);
    } else if (ludc_has_word(k->planned, v->u.s)) {
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: '%.*s' is known, not available yet", path, shown, v->u.s.ptr);
    } else if (k->words && !ludc_has_word(k->words, v->u.s) && !may_be_name(k, v->u.s)) {
        char hint[HINT_SIZE];
        ludc_hint_word(k->words, k->planned, v->u.s, hint, sizeof hint);
        const char *or_number = k->types & (LUDC_T_INT | LUDC_T_FLOAT) ? " and no number" : "";
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: '%.*s' is not an allowed word%s%s", path, shown, v->u.s.ptr,
                      or_number, hint);
    } else if (!k->words && ludc_yaml_bool(v->u.s, &unused)) {
        ludc_log(LUD_LOG_WARN, "%s:%d:%d: warning: %s: '%.*s' is taken as text", p->diag->name, v->line, v->col, path,
                 shown, v->u.s.ptr);
    }
}

static void check_items(const pass *p, const ludc_key *k, const ludc_value *list, const char *path) {
    for (size_t i = 0; i < list->len; i++) {
        char inner[PATH_SIZE], number[24], got[96];
        const ludc_value *v = list->items[i];
        snprintf(number, sizeof number, "%zu", i);
        ludc_path_of(inner, sizeof inner, path, ludc_str(number));
        uint32_t want = k->section                     ? LUDC_T_OBJECT
                        : k->flags & LUDC_KEY_TEXTS    ? LUDC_T_STR
                        : k->flags & LUDC_KEY_INTEGERS ? LUDC_T_INT
                        : k->flags & LUDC_KEY_NUMBERS  ? LUDC_T_FLOAT
                                                       : 0U;
        describe(v, got, sizeof got);
        if (want && (v->type == LUD_CFG_NULL || !type_fits(want, v))) {
            char words[64];
            ludc_diag_add(p->diag, ludc_at_value(v), "%s: must be %s, got %s", inner,
                          type_words(want, words, sizeof words), got);
        } else if (k->section) {
            check_section(p, k, v, inner, ludc_at_value(v));
        } else if (want == LUDC_T_STR) {
            check_text(p, k, v, inner);
        } else {
            check_range(p, k, v, inner);
        }
    }
}

static void check_value(const pass *p, const ludc_key *k, const ludc_value *v, const char *path) {
    if (!type_fits(k->types, v)) {
        char want[128], got[96];
        describe(v, got, sizeof got);
        ludc_diag_add(p->diag, ludc_at_value(v), "%s: must be %s, got %s", path,
                      type_words(k->types, want, sizeof want), got);
    } else if (v->type == LUD_CFG_STR && (k->types & LUDC_T_STR)) {
        const ludc_key *type = k->section ? ludc_key_find(k->section, LUDC_STR("type")) : NULL;
        check_text(p, type ? type : k, v, path);
    } else if (v->type == LUD_CFG_LIST) {
        check_items(p, k, v, path);
    } else if (v->type == LUD_CFG_OBJECT && k->section) {
        check_section(p, k, v, path, ludc_at_value(v));
    } else {
        check_range(p, k, v, path);
    }
}

static bool same_number(const ludc_value *a, const ludc_value *b) {
    bool numbers =
        (a->type == LUD_CFG_INT || a->type == LUD_CFG_FLOAT) && (b->type == LUD_CFG_INT || b->type == LUD_CFG_FLOAT);
    double x = a->type == LUD_CFG_INT ? (double)a->u.i : a->u.f, y = b->type == LUD_CFG_INT ? (double)b->u.i : b->u.f;
    return numbers && x == y;
}

static bool is_default(const pass *p, const ludc_key *k, const ludc_value *v) {
    ludc_value *dflt = NULL;
    if (!k->dflt) return false;
    if (ludc_json_parse(k->dflt, strlen(k->dflt), k->name, false, false, &dflt, NULL) != LUD_OK) {
        p->diag->failed = true;
        return false;
    }
    bool same = same_number(v, dflt) || ludc_value_equal(v, dflt);
    ludc_value_free(dflt);
    return same;
}

static void unknown_key(const pass *p, const ludc_key *owner, const ludc_table *table, const ludc_value *object,
                        size_t i, const char *path) {
    lud_str name = object->keys[i];
    ludc_at at = ludc_at_key(object, i);
    char hint[HINT_SIZE];
    ludc_types_of(owner, name, hint, sizeof hint);
    if (hint[0]) {
        char inner[PATH_SIZE];
        ludc_path_of(inner, sizeof inner, path, name);
        ludc_diag_add(p->diag, at, "%s: is for type %s only", inner, hint);
        return;
    }
    ludc_hint_key(p->root, table, path, name, hint, sizeof hint);
    ludc_diag_add(p->diag, at, "%s%sunknown %s '%.*s'%s", path, *path ? ": " : "",
                  object->items[i]->type == LUD_CFG_OBJECT && !*path ? "section" : "key", LUDC_ARG_CUT(name, 80), hint);
}

static void check_section(const pass *p, const ludc_key *owner, const ludc_value *object, const char *path,
                          ludc_at at) {
    ludc_table table = ludc_table_of(owner, object);
    for (size_t i = 0; i < object->len; i++) {
        const ludc_key *k = ludc_table_find(&table, object->keys[i]);
        const ludc_value *v = object->items[i];
        char inner[PATH_SIZE];
        ludc_path_of(inner, sizeof inner, path, object->keys[i]);
        if (!k && !table.open) {
            unknown_key(p, owner, &table, object, i, path);
        } else if (k && k->flags & LUDC_KEY_PLANNED) {
            if (!is_default(p, k, v))
                ludc_diag_add(p->diag, ludc_at_key(object, i), "%s: known, not available yet", inner);
        } else if (k && k->types) {
            check_value(p, k, v, inner);
        }
    }
    for (size_t part = 0; part < LUDC_COUNT(table.part); part++) {
        for (const ludc_key *k = table.part[part]; k && k->name; k++) {
            if (!(k->flags & LUDC_KEY_REQUIRED) || ludc_value_get(object, k->name)) continue;
            ludc_diag_add(p->diag, at, "%s%smissing required key '%s': %s", path, *path ? ": " : "", k->name, k->doc);
        }
    }
}

void ludc_validate(const ludc_value *user, const ludc_key *owner, const char *path, ludc_diag *diag) {
    pass p = {owner, diag};
    check_section(&p, owner, user, path, ludc_at_value(user));
}
