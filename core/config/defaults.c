/* SPDX-License-Identifier: Apache-2.0
 * The full tree: every key of the tables with the user's value or its default, in the order of the tables. Filling the
 * full tree again changes nothing. Tolerates trees that did not validate. */
#include "config_internal.h"
#include <string.h>

static ludc_value *parse_default(const ludc_key *k) {
    ludc_value *v = NULL;
    (void)ludc_json_parse(k->dflt, strlen(k->dflt), k->name, false, false, &v, NULL); /* fails only without memory */
    return v;
}

static ludc_value *fill_shorthand(const ludc_value *word, const ludc_key *k) {
    ludc_value *section = ludc_value_new(LUD_CFG_OBJECT), *full = NULL;
    if (section && ludc_value_put(section, "type", ludc_value_copy(word))) full = ludc_fill(section, k);
    ludc_value_free(section);
    return full;
}

static ludc_value *fill_list(const ludc_value *list, const ludc_key *k) {
    ludc_value *full = ludc_value_new(LUD_CFG_LIST);
    for (size_t i = 0; full && i < list->len; i++) {
        const ludc_value *v = list->items[i];
        ludc_value *item = v->type == LUD_CFG_OBJECT ? ludc_fill(v, k) : ludc_value_copy(v);
        if (ludc_value_push(full, item)) continue;
        ludc_value_free(full);
        full = NULL;
    }
    return full;
}

static ludc_value *fill_value(const ludc_value *v, const ludc_key *k) {
    bool flag;
    ludc_value *dflt = v ? NULL : parse_default(k), *full = NULL;
    const ludc_value *from = v ? v : dflt;
    if (!from) return NULL;
    if (k->section && from->type == LUD_CFG_OBJECT)
        full = ludc_fill(from, k);
    else if (k->section && from->type == LUD_CFG_STR)
        full = fill_shorthand(from, k);
    else if (k->section && from->type == LUD_CFG_LIST)
        full = fill_list(from, k);
    else if (k->types == LUDC_T_BOOL && from->type == LUD_CFG_STR && ludc_yaml_bool(from->u.s, &flag))
        full = ludc_value_bool(flag);
    else
        full = ludc_value_copy(from);
    ludc_value_free(dflt);
    return full;
}

static bool fill_key(const ludc_value *user, const ludc_key *owner, const ludc_key *k, ludc_value *full) {
    const ludc_value *v = ludc_value_get(user, k->name);
    bool empty = v && v->type == LUD_CFG_NULL && (k->types & LUDC_T_OBJECT) && !(k->types & LUDC_T_NULL);
    if (empty) v = NULL; /* an empty section is one with all defaults */
    if (!v && owner->type && strcmp(k->name, "type") == 0)
        return ludc_value_append(full, LUDC_STR("type"), ludc_value_text(owner->type));
    if (!v && (!k->dflt || k->flags & LUDC_KEY_LATE)) return true;
    return ludc_value_append(full, ludc_str(k->name), fill_value(v, k));
}

/* The keys that no table knows, with their positions: their component may know them (component.c). */
static bool copy_others(const ludc_value *user, const ludc_table *table, ludc_value *full) {
    for (size_t i = 0; i < user->len; i++) {
        if (ludc_table_find(table, user->keys[i])) continue;
        if (!ludc_value_append(full, user->keys[i], ludc_value_copy(user->items[i]))) return false;
        if (!user->key_pos) continue;
        if (!ludc_value_key_pos(full)) return false;
        memcpy(&full->key_pos[2 * (full->len - 1)], &user->key_pos[2 * i], 2 * sizeof *full->key_pos);
    }
    return true;
}

ludc_value *ludc_fill(const ludc_value *user, const ludc_key *owner) {
    ludc_table table = ludc_table_of(owner, user);
    ludc_value *full = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = full != NULL;
    for (size_t part = 0; part < LUDC_COUNT(table.part); part++)
        for (const ludc_key *k = table.part[part]; ok && k && k->name; k++)
            ok = fill_key(user, owner, k, full);
    if (ok) ok = copy_others(user, &table, full);
    if (ok) return full;
    ludc_value_free(full);
    return NULL;
}
