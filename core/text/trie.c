/* SPDX-License-Identifier: Apache-2.0
 * trie: the texts of a vocabulary by their bytes, for models that look for the longest or for every piece at a place.
 * Invariant: at most half of the edge table is used, so that a search ends. */
#include "internal.h"

#include <string.h>

enum { MAX_NODES = 1 << 28 }; /* what an edge has bits for */

static void put_edge(ludc_trie *t, uint64_t edge) {
    uint64_t i = ((edge & 0xFFFFFFFFFU) * 0x9E3779B97F4A7C15U) >> 32;
    while (t->edges[i & t->mask])
        i++;
    t->edges[i & t->mask] = edge;
}

/* Room for one more node and edge. */
static bool grow(ludc_trie *t) {
    size_t cap = LUDC_MAX(t->cap * 2, 256);
    if (t->n < t->cap) return true;
    if (cap > MAX_NODES) return false;
    uint64_t *old = t->edges, *edges = ludc_alloc(cap * 2 * sizeof *edges);
    int32_t *ids = ludc_realloc(t->ids, t->cap * sizeof *ids, cap * sizeof *ids);
    if (ids) t->ids = ids;
    if (!edges || !ids) return ludc_free(edges), false;
    t->edges = edges;
    t->mask = cap * 2 - 1;
    for (size_t i = 0; i < t->cap * 2; i++)
        if (old[i]) put_edge(t, old[i]);
    ludc_free(old);
    t->cap = cap;
    return true;
}

static bool add_text(ludc_trie *t, lud_str s, int32_t id) {
    uint32_t node = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint32_t next = ludc_trie_next(t, node, s.ptr[i]);
        if (!next) {
            if (!grow(t)) return false;
            next = (uint32_t)t->n++;
            t->ids[next] = -1;
            put_edge(t, (uint64_t)next << 36 | (uint64_t)node << 8 | (unsigned char)s.ptr[i]);
        }
        node = next;
    }
    if (node) t->ids[node] = id;
    return true;
}

bool ludc_trie_init(ludc_trie *t, const ludc_vocab *v) {
    if (!grow(t)) return false;
    t->ids[0] = -1;
    t->n = 1;
    for (int32_t id = 0; id < v->n_ids; id++) {
        lud_str s = ludc_vocab_text(v, id);
        if (s.ptr && ludc_vocab_find(v, s) == id && !add_text(t, s, id)) return false;
    }
    return true;
}

void ludc_trie_free(ludc_trie *t) {
    ludc_free(t->edges);
    ludc_free(t->ids);
    *t = (ludc_trie){0};
}
