/* SPDX-License-Identifier: Apache-2.0
 * map: hash map from text to int64, open addressing with linear probing. Invariant: at most 2/3 of the slots are used,
 * so a search ends at an empty slot. Keys are copied into one byte string; there is no removal. */
#include "base.h"

#include <string.h>

typedef struct slot {
    uint64_t hash;
    size_t key, key_len; /* position in `keys`, plus one; 0 = empty */
    int64_t value;
} slot;

struct ludc_map {
    slot *slots;
    size_t mask, len;
    ludc_buf keys;
};

uint64_t ludc_hash(const void *p, size_t n) {
    const unsigned char *s = p;
    uint64_t h = n, word;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        h = lud_mix64(h ^ word);
    }
    word = 0;
    if (n) memcpy(&word, s, n);
    return lud_mix64(h ^ word);
}

static slot *find_slot(const ludc_map *m, uint64_t hash, lud_str key) {
    for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
        slot *s = &m->slots[i];
        if (s->key == 0) return s;
        if (s->hash == hash && ludc_str_same((lud_str){m->keys.ptr + s->key - 1, s->key_len}, key)) return s;
    }
}

static bool resize(ludc_map *m, size_t n_slots) {
    slot *old = m->slots, *slots = n_slots > SIZE_MAX / sizeof *slots ? NULL : ludc_alloc(n_slots * sizeof *slots);
    if (!slots) return false;
    size_t n_old = old ? m->mask + 1 : 0;
    m->slots = slots;
    m->mask = n_slots - 1;
    for (size_t k = 0; k < n_old; k++) {
        if (old[k].key == 0) continue;
        size_t i = old[k].hash & m->mask;
        while (slots[i].key)
            i = (i + 1) & m->mask;
        slots[i] = old[k];
    }
    ludc_free(old);
    return true;
}

ludc_map *ludc_map_new(size_t expected) {
    ludc_map *m = ludc_alloc(sizeof *m);
    size_t n_slots = 16;
    while (n_slots < SIZE_MAX / 4 && n_slots / 3 * 2 < expected)
        n_slots *= 2;
    if (!m || !resize(m, n_slots)) {
        ludc_map_free(m);
        return NULL;
    }
    return m;
}

void ludc_map_free(ludc_map *m) {
    if (!m) return;
    ludc_free(m->slots);
    ludc_buf_free(&m->keys);
    ludc_free(m);
}

bool ludc_map_put(ludc_map *m, lud_str key, int64_t value) {
    uint64_t hash = ludc_hash(key.ptr, key.len);
    slot *s = find_slot(m, hash, key);
    if (s->key) return s->value = value, true;
    if (m->len + 1 > (m->mask + 1) / 3 * 2) {
        if (!resize(m, (m->mask + 1) * 2)) return false;
        s = find_slot(m, hash, key);
    }
    size_t at = m->keys.len + 1;
    ludc_buf_add(&m->keys, key.ptr, key.len);
    if (m->keys.failed) return m->keys.failed = false, false;
    *s = (slot){.hash = hash, .key = at, .key_len = key.len, .value = value};
    m->len++;
    return true;
}

bool ludc_map_get(const ludc_map *m, lud_str key, int64_t *value) {
    const slot *s = find_slot(m, ludc_hash(key.ptr, key.len), key);
    if (s->key) *value = s->value;
    return s->key != 0;
}

size_t ludc_map_len(const ludc_map *m) {
    return m->len;
}
