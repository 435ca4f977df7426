/* SPDX-License-Identifier: Apache-2.0
 * vocab: the texts of a model's vocabulary in one byte string, found by hash (open addressing) or by id.
 * Invariant: at most half of the slots are used, so that a search ends; all memory is taken by ludc_vocab_init. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

bool ludc_vocab_init(ludc_vocab *v, size_t count, size_t bytes, int32_t n_ids) {
    size_t n_slots = 16;
    while (n_slots < count * 2 + 2)
        n_slots *= 2;
    if (bytes >= UINT32_MAX || n_slots > UINT32_MAX) return false;
    v->pool = ludc_alloc(bytes + 1);
    v->slots = ludc_alloc(n_slots * sizeof *v->slots);
    v->texts = ludc_alloc((size_t)n_ids * sizeof *v->texts);
    if (!v->pool || !v->slots || !v->texts) return false;
    for (size_t i = 0; i < n_slots; i++)
        v->slots[i].id = -1;
    v->mask = (uint32_t)(n_slots - 1);
    v->n_ids = n_ids;
    return true;
}

void ludc_vocab_free(ludc_vocab *v) {
    ludc_free(v->pool);
    ludc_free(v->slots);
    ludc_free(v->texts);
    *v = (ludc_vocab){0};
}

static ludc_vocab_slot *find_slot(const ludc_vocab *v, uint32_t hash, lud_str text) {
    for (uint32_t i = hash & v->mask;; i = (i + 1) & v->mask) {
        ludc_vocab_slot *s = &v->slots[i];
        if (s->id < 0) return s;
        if (s->hash == hash && s->len == text.len && memcmp(v->pool + s->at, text.ptr, text.len) == 0) return s;
    }
}

void ludc_vocab_add(ludc_vocab *v, lud_str text, int32_t id) {
    uint32_t hash = (uint32_t)ludc_hash(text.ptr, text.len), at = (uint32_t)v->pool_len, len = (uint32_t)text.len;
    ludc_vocab_slot *s = find_slot(v, hash, text);
    if (s->id < 0) {
        if (len) memcpy(v->pool + at, text.ptr, len);
        v->pool_len += len;
        *s = (ludc_vocab_slot){.hash = hash, .at = at, .len = len, .id = id};
        v->len++;
    }
    v->texts[id][0] = s->at + 1;
    v->texts[id][1] = s->len;
}

int32_t ludc_vocab_find(const ludc_vocab *v, lud_str text) {
    return find_slot(v, (uint32_t)ludc_hash(text.ptr, text.len), text)->id;
}

void ludc_vocab_byte_ids(const ludc_vocab *v, int32_t out[256]) {
    char text[8];
    for (unsigned c = 0; c < 256; c++) {
        int n = snprintf(text, sizeof text, "<0x%02X>", c);
        out[c] = ludc_vocab_find(v, (lud_str){text, (size_t)n});
    }
}

lud_str ludc_vocab_text(const ludc_vocab *v, int32_t id) {
    if (id < 0 || id >= v->n_ids || v->texts[id][0] == 0) return (lud_str){NULL, 0};
    return (lud_str){v->pool + v->texts[id][0] - 1, v->texts[id][1]};
}
