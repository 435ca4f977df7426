/* SPDX-License-Identifier: Apache-2.0
 * Index of a cache of vectors: from 128-bit keys to records. */
#include "vectors_internal.h"

#include <string.h>

static ludc_vector_entry *place(const ludc_vector_index *x, const uint64_t key[2]) {
    size_t i = (size_t)key[0] & (x->cap - 1);
    while (x->entries[i].record && memcmp(x->entries[i].key, key, sizeof(x->entries[i].key)) != 0)
        i = (i + 1) & (x->cap - 1);
    return &x->entries[i];
}

static bool grow(ludc_vector_index *x) {
    ludc_vector_index bigger = {.cap = x->cap ? 2 * x->cap : 64, .len = x->len};
    bigger.entries = ludc_alloc(bigger.cap * sizeof(*bigger.entries));
    if (!bigger.entries) return false;
    for (size_t i = 0; i < x->cap; i++)
        if (x->entries[i].record) *place(&bigger, x->entries[i].key) = x->entries[i];
    ludc_free(x->entries);
    *x = bigger;
    return true;
}

bool ludc_vector_index_put(ludc_vector_index *x, const ludc_vector_record *r) {
    if ((x->len + 1) * 3 > x->cap * 2 && !grow(x)) return false;
    ludc_vector_entry *e = place(x, r->key);
    x->len += !e->record;
    *e = (ludc_vector_entry){.key = {r->key[0], r->key[1]}, .record = r, .state = LUDC_VECTOR_UNCHECKED};
    return true;
}

ludc_vector_entry *ludc_vector_index_find(const ludc_vector_index *x, const uint64_t key[2]) {
    ludc_vector_entry *e = x->cap ? place(x, key) : NULL;
    return e && e->record ? e : NULL;
}
