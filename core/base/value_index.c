/* SPDX-License-Identifier: Apache-2.0
 * value_index: finds a key in a large object (tokenizer vocabularies have 250,000) without a linear search. Invariant:
 * an index is only a shortcut: without memory for it the object is searched from the front. It is made while keys are
 * added, never while reading, so that reading stays safe from any thread. */
#include "value_internal.h"

#define LINEAR 16 /* objects up to this many keys have no index */

struct ludc_value_index {
    size_t mask, len; /* keys[0, len) are in; slots is a power of two */
    uint32_t slots[]; /* position of the key, plus one; 0 = empty */
};

static void insert(ludc_value_index *x, lud_str key, size_t at) {
    size_t i = (size_t)ludc_hash(key.ptr, key.len) & x->mask;
    while (x->slots[i])
        i = (i + 1) & x->mask;
    x->slots[i] = (uint32_t)(at + 1);
}

static ludc_value_index *build(const ludc_value *object) {
    size_t n_slots = 64;
    while (n_slots < 4 * object->len)
        n_slots *= 2;
    ludc_value_index *x = ludc_alloc(sizeof *x + n_slots * sizeof x->slots[0]);
    if (!x) return NULL;
    x->mask = n_slots - 1;
    for (; x->len < object->len; x->len++)
        insert(x, object->keys[x->len], x->len);
    return x;
}

void ludc_value_index_drop(ludc_value *object) {
    ludc_free(object->index);
    object->index = NULL;
}

void ludc_value_index_add(ludc_value *object) {
    ludc_value_index *x = object->index;
    if (object->len <= LINEAR || object->len > UINT32_MAX / 8) return ludc_value_index_drop(object);
    if (x && x->len + 1 == object->len && 2 * object->len <= x->mask) {
        insert(x, object->keys[object->len - 1], object->len - 1);
        x->len++;
        return;
    }
    ludc_value_index_drop(object);
    object->index = build(object);
}

bool ludc_value_index_find(const ludc_value *object, lud_str key, size_t *at) {
    const ludc_value_index *x = object->index;
    if (x && x->len == object->len) {
        for (size_t i = (size_t)ludc_hash(key.ptr, key.len) & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
            *at = x->slots[i] - 1u;
            if (ludc_str_same(object->keys[*at], key)) return true;
        }
        return false;
    }
    for (*at = 0; *at < object->len; ++*at)
        if (ludc_str_same(object->keys[*at], key)) return true;
    return false;
}
