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

/* One word of "a, b or c" after another; its length is 0 at the end. */
static lud_str next_type(const char **rest) {
    for (;;) {
        *rest += strspn(*rest, " ,");
        lud_str word = {*rest, strcspn(*rest, " ,")};
        *rest += word.len;
        if (!ludc_str_eq(word, "or")) return word;
    }
}

static bool names_type(const char *types, lud_str type) {
    lud_str word;
    while ((word = next_type(&types)).len)
        if (ludc_str_same(word, type)) return true;
    return false;
}

ludc_table ludc_table_of(const ludc_key *owner, const ludc_value *object) {
    ludc_table table = {.part = {owner->section}, .open = owner->flags & LUDC_KEY_OPEN};
    if (!owner->variants) return table;
    lud_str type = ludc_get_str(object, "type", ludc_str(owner->type ? owner->type : ""));
    for (const ludc_variant *v = owner->variants; v->types && !table.part[1]; v++)
        if (names_type(v->types, type)) table.part[1] = v->keys;
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
        while (n < MAX && (words[n] = next_type(&rest)).len)
            n++;
    }
    out[0] = 0;
    for (size_t i = 0; i < n && used < size; i++) {
        const char *before = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", before, (int)words[i].len, words[i].ptr);
    }
}
