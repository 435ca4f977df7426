/* SPDX-License-Identifier: Apache-2.0
 * Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): of all neighbouring pairs the one with the lowest rank
 * is merged, leftmost first, until none is left. Short words scan for it, long ones keep a heap. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define FREE       UINT64_MAX
#define SHORT_WORD 48 /* symbols; below this a scan beats the heap */

lud_status ludc_bpe_reserve(ludc_bpe *b, size_t n, lud_error *err) {
    if (n > SIZE_MAX / 64) return ludc_fail(err, LUD_E_IO, "tokenizer: %zu merges", n);
    for (b->merge_cap = 64; b->merge_cap < 2 * n;)
        b->merge_cap *= 2;
    b->merge_key = ludc_alloc(b->merge_cap * sizeof(*b->merge_key));
    b->merge_value = ludc_alloc(b->merge_cap * sizeof(*b->merge_value));
    if (!b->merge_key || !b->merge_value) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    memset(b->merge_key, 0xFF, b->merge_cap * sizeof(*b->merge_key));
    return LUD_OK;
}

static size_t slot_of(const ludc_bpe *b, uint64_t key) {
    size_t i = (size_t)lud_mix64(key) & (b->merge_cap - 1);
    while (b->merge_key[i] != FREE && b->merge_key[i] != key)
        i = (i + 1) & (b->merge_cap - 1);
    return i;
}

/* rank << 32 | id of the merged token; FREE if the pair does not merge. */
static uint64_t merge_of(const ludc_bpe *b, int32_t left, int32_t right) {
    if (left < 0 || right < 0 || b->merge_cap == 0) return FREE;
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    const size_t i = slot_of(b, key);
    return b->merge_key[i] == key ? b->merge_value[i] : FREE;
}

lud_status ludc_bpe_add_merge(ludc_bpe *b, lud_str left, lud_str right, lud_error *err) {
    ludc_buf joined = {0};
    ludc_buf_add(&joined, left.ptr, left.len);
    ludc_buf_add(&joined, right.ptr, right.len);
    int64_t l, r, whole;
    const bool known = !joined.failed && ludc_map_get(b->vocab, left, &l) && ludc_map_get(b->vocab, right, &r) &&
                       ludc_map_get(b->vocab, (lud_str){joined.ptr, joined.len}, &whole);
    ludc_buf_free(&joined);
    if (!known)
        return ludc_fail(err, LUD_E_IO,
                         "tokenizer: merge %zu ('%.*s' + '%.*s') names a token that is not in the vocabulary",
                         b->n_merges, (int)left.len, left.ptr, (int)right.len, right.ptr);
    const uint64_t key = (uint64_t)(uint32_t)l << 32 | (uint32_t)r;
    const size_t i = slot_of(b, key);
    if (b->merge_key[i] == FREE) {
        b->merge_key[i] = key;
        b->merge_value[i] = (uint64_t)b->n_merges << 32 | (uint32_t)whole;
    }
    b->n_merges++;
    return LUD_OK;
}

void ludc_bpe_ready(ludc_bpe *b) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[8];
        int64_t id;
        const size_t n = ludc_utf8_encode(ludc_byte_char((uint8_t)byte), text);
        b->byte_id[byte] = ludc_map_get(b->vocab, (lud_str){text, n}, &id) ? (int32_t)id : -1;
        snprintf(text, sizeof(text), "<0x%02X>", byte);
        b->fallback_id[byte] = ludc_map_get(b->vocab, (lud_str){text, 6}, &id) ? (int32_t)id : -1;
    }
}

void ludc_bpe_free(ludc_bpe *b) {
    ludc_map_free(b->vocab);
    ludc_free(b->merge_key);
    ludc_free(b->merge_value);
    *b = (ludc_bpe){0};
}

/* ---- Symbols of a word: ids at the tail of `out` ---- */
static bool push_unknown(const ludc_bpe *b, size_t start, ludc_ids *out) {
    if (b->unk < 0 || (b->fuse_unk && out->len > start && out->ptr[out->len - 1] == b->unk)) return true;
    return ludc_ids_push(out, b->unk);
}

static bool push_char(const ludc_bpe *b, lud_str c, size_t start, ludc_ids *out) {
    int64_t id;
    if (ludc_map_get(b->vocab, c, &id)) return ludc_ids_push(out, (int32_t)id);
    bool all = b->byte_fallback;
    for (size_t i = 0; all && i < c.len; i++)
        all = b->fallback_id[(uint8_t)c.ptr[i]] >= 0;
    if (!all) return push_unknown(b, start, out);
    for (size_t i = 0; i < c.len; i++)
        if (!ludc_ids_push(out, b->fallback_id[(uint8_t)c.ptr[i]])) return false;
    return true;
}

static bool push_symbols(const ludc_bpe *b, lud_str word, ludc_ids *out) {
    const size_t start = out->len;
    for (size_t i = 0; i < word.len;) {
        bool ok;
        if (b->byte_level) {
            const int32_t id = b->byte_id[(uint8_t)word.ptr[i++]];
            ok = id >= 0 ? ludc_ids_push(out, id) : push_unknown(b, start, out);
        } else {
            uint32_t cp;
            const size_t n = ludc_utf8_decode(word.ptr + i, word.len - i, &cp);
            ok = push_char(b, (lud_str){word.ptr + i, n}, start, out);
            i += n;
        }
        if (!ok) return false;
    }
    return true;
}

/* ---- Short words: the ranks of all pairs, rescanned after each merge ---- */
static size_t merge_short(const ludc_bpe *b, int32_t *ids, size_t n) {
    uint64_t pair[SHORT_WORD + 1] = {0};
    for (size_t i = 0; i + 1 < n; i++)
        pair[i] = merge_of(b, ids[i], ids[i + 1]);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (pair[i] < pair[best]) best = i;
        if (pair[best] == FREE) break;
        ids[best] = (int32_t)(uint32_t)pair[best];
        n--; /* ids best+2.. and pairs best+2.. move down by one; pair best is looked up anew */
        for (size_t i = best + 1; i < n; i++) {
            ids[i] = ids[i + 1];
            pair[i] = pair[i + 1];
        }
        if (best > 0) pair[best - 1] = merge_of(b, ids[best - 1], ids[best]);
        if (best + 1 < n) pair[best] = merge_of(b, ids[best], ids[best + 1]);
    }
    return n;
}

/* ---- Long words: linked symbols and a heap of (rank, position) ---- */
typedef struct symbol {
    int32_t id, prev, next; /* -1 = none; id -1: merged away */
} symbol;
typedef struct heap_item {
    uint64_t merge; /* rank << 32 | new id */
    int32_t left;
} heap_item;
typedef struct heap {
    heap_item *ptr;
    size_t len;
} heap;

static bool before(heap_item a, heap_item b) {
    return a.merge >> 32 < b.merge >> 32 || (a.merge >> 32 == b.merge >> 32 && a.left < b.left);
}

static void heap_push(heap *h, heap_item item) {
    size_t i = h->len++;
    for (; i > 0 && before(item, h->ptr[(i - 1) / 2]); i = (i - 1) / 2)
        h->ptr[i] = h->ptr[(i - 1) / 2];
    h->ptr[i] = item;
}

static heap_item heap_pop(heap *h) {
    const heap_item top = h->ptr[0], last = h->ptr[--h->len];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->len; i = child) {
        if (child + 1 < h->len && before(h->ptr[child + 1], h->ptr[child])) child++;
        if (!before(h->ptr[child], last)) break;
        h->ptr[i] = h->ptr[child];
    }
    if (h->len) h->ptr[i] = last;
    return top;
}

static void offer(const ludc_bpe *b, heap *h, const symbol *s, int32_t left) {
    if (left < 0 || s[left].next < 0) return;
    const uint64_t m = merge_of(b, s[left].id, s[s[left].next].id);
    if (m != FREE) heap_push(h, (heap_item){m, left});
}

static size_t merge_linked(const ludc_bpe *b, symbol *s, heap *h, size_t n, int32_t *ids) {
    for (size_t i = 0; i < n; i++)
        s[i] = (symbol){ids[i], (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : -1};
    for (size_t i = 0; i + 1 < n; i++)
        offer(b, h, s, (int32_t)i);
    while (h->len) {
        const heap_item top = heap_pop(h);
        symbol *left = &s[top.left];
        if (left->id < 0 || left->next < 0 || merge_of(b, left->id, s[left->next].id) != top.merge) continue;
        symbol *right = &s[left->next];
        left->id = (int32_t)(uint32_t)top.merge;
        left->next = right->next;
        if (right->next >= 0) s[right->next].prev = top.left;
        right->id = -1;
        offer(b, h, s, left->prev);
        offer(b, h, s, top.left);
    }
    size_t kept = 0;
    for (int32_t i = 0; i >= 0; i = s[i].next)
        ids[kept++] = s[i].id;
    return kept;
}

static bool merge_long(const ludc_bpe *b, int32_t *ids, size_t *n) {
    symbol *s = ludc_alloc(*n * sizeof(*s));
    heap h = {.ptr = ludc_alloc(3 * *n * sizeof(*h.ptr))}; /* n pairs at first, two more per merge */
    const bool ok = s && h.ptr && *n < INT32_MAX;
    if (ok) *n = merge_linked(b, s, &h, *n, ids);
    ludc_free(s);
    ludc_free(h.ptr);
    return ok;
}

static bool whole_word(const ludc_bpe *b, lud_str word, int64_t *id) {
    if (!b->byte_level) return ludc_map_get(b->vocab, word, id);
    char text[256];
    size_t n = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (n + 4 > sizeof(text)) return false;
        n += ludc_utf8_encode(ludc_byte_char((uint8_t)word.ptr[i]), text + n);
    }
    return ludc_map_get(b->vocab, (lud_str){text, n}, id);
}

lud_status ludc_bpe_encode(const ludc_bpe *b, lud_str word, ludc_ids *out, lud_error *err) {
    int64_t id;
    const size_t start = out->len;
    if (b->ignore_merges && whole_word(b, word, &id))
        return ludc_ids_push(out, (int32_t)id) ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    if (!push_symbols(b, word, out)) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    size_t n = out->len - start;
    if (n > 1 && n < SHORT_WORD)
        n = merge_short(b, out->ptr + start, n);
    else if (n > 1 && !merge_long(b, out->ptr + start, &n))
        return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    out->len = start + n;
    return LUD_OK;
}
