/* SPDX-License-Identifier: Apache-2.0
 * Labels by frequency. The order is Ludwig's: most frequent first, equal ones in order of appearance (value_counts and
 * Counter.most_common both keep it); it numbers the classes, so it never depends on a hash. */
#include "feature_internal.h"

#include <stdlib.h>
#include <string.h>

static bool add(ludc_vocabulary *v, lud_str text) {
    if (!ludc_grow(&v->ptr, v->len, &v->cap, sizeof(*v->ptr))) return false;
    char *copy = ludc_strndup(text.ptr, text.len);
    if (!copy || !ludc_map_put(v->map, text, (int64_t)v->len)) return ludc_free(copy), false;
    v->ptr[v->len] = (ludc_label){.text = {copy, text.len}, .count = 1, .first = v->len};
    v->len++;
    return true;
}

lud_status ludc_vocabulary_count(ludc_vocabulary *v, const ludc_cells *c, size_t row, lud_str text, lud_error *err) {
    int64_t at;
    if (!v->map) v->map = ludc_map_new(64);
    if (!v->map) return ludc_no_memory(err, NULL);
    if (ludc_map_get(v->map, text, &at)) return v->ptr[at].count++, LUD_OK;
    if (memchr(text.ptr, 0, text.len)) return ludc_cells_fail(c, row, err, "a label holds a NUL byte");
    return add(v, text) ? LUD_OK : ludc_no_memory(err, NULL);
}

static int by_frequency(const void *a, const void *b) {
    const ludc_label *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

void ludc_vocabulary_sort(ludc_vocabulary *v) {
    if (v->len) qsort(v->ptr, v->len, sizeof(*v->ptr), by_frequency);
}

void ludc_vocabulary_free(ludc_vocabulary *v) {
    for (size_t i = 0; i < v->len; i++)
        ludc_free((char *)v->ptr[i].text.ptr);
    ludc_free(v->ptr);
    ludc_map_free(v->map);
    *v = (ludc_vocabulary){0};
}

static bool write_label(ludc_value *list, ludc_value *ids, ludc_value *counts, lud_str text, uint64_t count) {
    const int64_t id = (int64_t)list->len;
    return ludc_value_push(list, ludc_value_str(text)) && ludc_value_append(ids, text, ludc_value_int(id)) &&
           ludc_value_append(counts, text, ludc_value_int((int64_t)count));
}

bool ludc_vocabulary_write(const ludc_vocabulary *v, size_t most_common, bool unknown, ludc_value *metadata) {
    ludc_value *list = ludc_value_new(LUD_CFG_LIST), *ids = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value *counts = ludc_value_new(LUD_CFG_OBJECT);
    const lud_str symbol = LUDC_STR(LUDC_UNKNOWN);
    bool ok = list && ids && counts && (!unknown || write_label(list, ids, counts, symbol, 0));
    for (size_t i = 0, taken = 0; ok && i < v->len && taken < most_common; i++) {
        if (unknown && ludc_str_same(v->ptr[i].text, symbol)) continue;
        ok = write_label(list, ids, counts, v->ptr[i].text, v->ptr[i].count);
        taken++;
    }
    const int64_t width = ok ? (int64_t)list->len : 0;
    /* Each put takes its child, also when it fails. */
    bool put = ludc_value_put(metadata, "idx2str", list);
    put = ludc_value_put(metadata, "str2idx", ids) && put;
    put = ludc_value_put(metadata, "str2freq", counts) && put;
    return ok && put && ludc_value_put(metadata, "width", ludc_value_int(width));
}

ludc_map *ludc_labels_map(const ludc_value *metadata, size_t *n) {
    const ludc_value *list = ludc_value_get(metadata, "idx2str");
    *n = list && list->type == LUD_CFG_LIST ? list->len : 0;
    ludc_map *map = ludc_map_new(*n);
    for (size_t i = 0; map && i < *n; i++) {
        if (list->items[i]->type != LUD_CFG_STR || ludc_map_put(map, list->items[i]->u.s, (int64_t)i)) continue;
        ludc_map_free(map);
        return NULL;
    }
    return map;
}
