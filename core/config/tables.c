/* SPDX-License-Identifier: Apache-2.0
 * Which keys an object may hold: those of its section, and those of the variant that its `type` names. */
#include "config_internal.h"
#include <stdio.h>
#include <string.h>

const ludc_key *ludc_key_find(const ludc_key *section, lud_str name) {
    for (; section && section->name; section++)
        if (ludc_str_eq(name, section->name)) return section;
    return NULL;
}

lud_str ludc_next_word(const char **rest) {
    *rest += strspn(*rest, "|");
    lud_str word = {*rest, strcspn(*rest, "|")};
    *rest += word.len;
    return word;
}

bool ludc_has_word(const char *words, lud_str word) {
    for (lud_str w; words && (w = ludc_next_word(&words)).len;)
        if (ludc_str_same(w, word)) return true;
    return false;
}

ludc_table ludc_table_of(const ludc_key *owner, const ludc_value *object) {
    ludc_table table = {.part = {owner->section}, .open = owner->flags & LUDC_KEY_OPEN};
    if (!owner->variants) return table;
    lud_str type = ludc_get_str(object, "type", ludc_str(owner->type ? owner->type : ""));
    for (const ludc_variant *v = owner->variants; v->types && !table.part[1]; v++)
        if (ludc_has_word(v->types, type)) table.part[1] = v->keys;
    table.open |= !table.part[1];
    return table;
}

const ludc_key *ludc_table_find(const ludc_table *table, lud_str name) {
    const ludc_key *k = ludc_key_find(table->part[0], name);
    return k ? k : ludc_key_find(table->part[1], name);
}

void ludc_types_of(const ludc_key *owner, lud_str key, char *out, size_t size) {
    enum { MAX = 32 };
    lud_str words[MAX];
    size_t n = 0, used = 0;
    for (const ludc_variant *v = owner->variants; v && v->types; v++) {
        const char *rest = v->types;
        if (!ludc_key_find(v->keys, key)) continue;
        while (n < MAX && (words[n] = ludc_next_word(&rest)).len)
            n++;
    }
    out[0] = 0;
    for (size_t i = 0; i < n && used < size; i++) {
        const char *before = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", before, LUDC_ARG(words[i]));
    }
}
