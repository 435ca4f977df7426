/* SPDX-License-Identifier: Apache-2.0
 * Hash map from text to int64: open addressing, linear probing, keys copied. */
#include "base.h"

#include <string.h>

typedef struct entry {
    char *key; /* NULL = free */
    size_t len;
    uint64_t hash;
    int64_t value;
} entry;

struct ludc_map {
    entry *entries;
    size_t cap, len; /* cap is a power of two, at most 2/3 full */
};

uint64_t ludc_hash(const void *p, size_t n) {
    const uint8_t *bytes = p;
    uint64_t h = lud_mix64(n);
    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        h = lud_mix64(h ^ word);
    }
    uint64_t tail = 0;
    if (n) memcpy(&tail, bytes, n);
    return lud_mix64(h ^ tail);
}

ludc_map *ludc_map_new(size_t expected) {
    ludc_map *m = ludc_alloc(sizeof(*m));
    if (!m || expected > SIZE_MAX / 4 / sizeof(entry)) return ludc_free(m), NULL;
    for (m->cap = 16; m->cap * 2 < expected * 3;)
        m->cap *= 2;
    m->entries = ludc_alloc(m->cap * sizeof(*m->entries));
    if (!m->entries) return ludc_free(m), NULL;
    return m;
}

void ludc_map_free(ludc_map *m) {
    if (!m) return;
    for (size_t i = 0; i < m->cap; i++)
        ludc_free(m->entries[i].key);
    ludc_free(m->entries);
    ludc_free(m);
}

size_t ludc_map_len(const ludc_map *m) {
    return m->len;
}

static entry *find(entry *entries, size_t cap, lud_str key, uint64_t hash) {
    size_t i = (size_t)hash & (cap - 1);
    while (entries[i].key && (entries[i].hash != hash || entries[i].len != key.len ||
                              (key.len && memcmp(entries[i].key, key.ptr, key.len) != 0)))
        i = (i + 1) & (cap - 1);
    return &entries[i];
}

static bool grow(ludc_map *m) {
    const size_t cap = m->cap * 2;
    entry *entries = ludc_alloc(cap * sizeof(*entries));
    if (!entries) return false;
    for (size_t i = 0; i < m->cap; i++) {
        const entry *e = &m->entries[i];
        if (e->key) *find(entries, cap, (lud_str){e->key, e->len}, e->hash) = *e;
    }
    ludc_free(m->entries);
    m->entries = entries;
    m->cap = cap;
    return true;
}

bool ludc_map_put(ludc_map *m, lud_str key, int64_t value) {
    if ((m->len + 1) * 3 > m->cap * 2 && !grow(m)) return false;
    const uint64_t hash = ludc_hash(key.ptr, key.len);
    entry *e = find(m->entries, m->cap, key, hash);
    if (!e->key) {
        char *copy = ludc_strndup(key.ptr, key.len);
        if (!copy) return false;
        *e = (entry){.key = copy, .len = key.len, .hash = hash};
        m->len++;
    }
    e->value = value;
    return true;
}

bool ludc_map_get(const ludc_map *m, lud_str key, int64_t *value) {
    const entry *e = find(m->entries, m->cap, key, ludc_hash(key.ptr, key.len));
    if (!e->key) return false;
    *value = e->value;
    return true;
}
