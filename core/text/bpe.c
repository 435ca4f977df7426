/* SPDX-License-Identifier: Apache-2.0
 * bpe: one word into ids by byte-pair merges. Words that turned out to be tokens by themselves are one look-up from
 * then on (every thread finds out the same), short words merge by scanning for the lowest rank, long ones by a heap:
 * both take the lowest rank first, leftmost on ties, so that the time is at most n log n. */
#include "internal.h"

#include <string.h>

enum { SHORT_WORD = 48 };
#define NO_RANK UINT32_MAX

static const ludc_merge *find_merge(const ludc_bpe *b, int32_t left, int32_t right) {
    uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) + 1;
    for (uint64_t i = lud_mix64(key) & b->mask;; i = (i + 1) & b->mask) {
        if (b->table[i].key == key) return &b->table[i];
        if (b->table[i].key == 0) return NULL;
    }
}

typedef struct ranked {
    uint32_t rank;
    int32_t id;
} ranked;

static ranked rank_of(const ludc_bpe *b, int32_t left, int32_t right) {
    const ludc_merge *m = find_merge(b, left, right);
    return m ? (ranked){m->rank, m->id} : (ranked){NO_RANK, 0};
}

/* ids (n <= SHORT_WORD) are merged in place; returns how many are left. */
static size_t merge_short(const ludc_bpe *b, int32_t *ids, size_t n) {
    ranked pair[SHORT_WORD]; /* pair[i]: ids[i] with ids[i + 1] */
    for (size_t i = 0; i + 1 < n; i++)
        pair[i] = rank_of(b, ids[i], ids[i + 1]);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (pair[i].rank < pair[best].rank) best = i;
        if (pair[best].rank == NO_RANK) break;
        ids[best] = pair[best].id;
        n--;
        memmove(ids + best + 1, ids + best + 2, (n - best - 1) * sizeof *ids);
        if (best + 1 < n) {
            memmove(pair + best + 1, pair + best + 2, (n - best - 2) * sizeof *pair);
            pair[best] = rank_of(b, ids[best], ids[best + 1]);
        }
        if (best > 0) pair[best - 1] = rank_of(b, ids[best - 1], ids[best]);
    }
    return n;
}

/* ---- Long words: symbols in a linked list, pairs in a binary heap on (rank, position) ---- */
typedef struct link {
    int32_t prev, next; /* -1 = none; a removed symbol has prev = -2 */
} link;
typedef struct entry {
    uint32_t rank, pos;
    int32_t id;
} entry;
typedef struct heap {
    entry *e;
    size_t n;
} heap;

static bool before(const entry *a, const entry *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->pos < b->pos;
}

static void heap_push(heap *h, entry x) {
    size_t i = h->n++;
    for (; i > 0 && before(&x, &h->e[(i - 1) / 2]); i = (i - 1) / 2)
        h->e[i] = h->e[(i - 1) / 2];
    h->e[i] = x;
}

static entry heap_pop(heap *h) {
    entry top = h->e[0], x = h->e[--h->n];
    size_t i = 0;
    for (size_t child = 1; child < h->n; child = 2 * i + 1) {
        if (child + 1 < h->n && before(&h->e[child + 1], &h->e[child])) child++;
        if (!before(&h->e[child], &x)) break;
        h->e[i] = h->e[child];
        i = child;
    }
    h->e[i] = x;
    return top;
}

static void push_pair(const ludc_bpe *b, heap *h, const int32_t *ids, int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    ranked r = rank_of(b, ids[left], ids[right]);
    if (r.rank != NO_RANK) heap_push(h, (entry){r.rank, (uint32_t)left, r.id});
}

/* As merge_short, for any n < 2^31. Each merge pushes at most two pairs, so the heap holds fewer than 3 n. */
static bool merge_long(const ludc_bpe *b, ludc_bpe_work *w, int32_t *ids, size_t *n) {
    link *links = ludc_scratch_take(&w->links, *n * sizeof *links);
    heap h = {ludc_scratch_take(&w->heap, *n * 3 * sizeof *h.e), 0};
    if (!links || !h.e) return false;
    int32_t count = (int32_t)*n, kept = 0;
    for (int32_t i = 0; i < count; i++) {
        links[i] = (link){i - 1, i + 1 < count ? i + 1 : -1};
        push_pair(b, &h, ids, i - 1, i);
    }
    while (h.n) {
        entry top = heap_pop(&h);
        int32_t pos = (int32_t)top.pos, right = links[pos].next;
        if (links[pos].prev == -2 || right < 0) continue;
        const ludc_merge *m = find_merge(b, ids[pos], ids[right]);
        if (!m || m->id != top.id) continue;
        ids[pos] = top.id;
        links[pos].next = links[right].next;
        if (links[right].next >= 0) links[links[right].next].prev = pos;
        links[right].prev = -2;
        push_pair(b, &h, ids, links[pos].prev, pos);
        push_pair(b, &h, ids, pos, links[pos].next);
    }
    for (int32_t i = 0; i >= 0; i = links[i].next)
        ids[kept++] = ids[i];
    *n = (size_t)kept;
    return true;
}

/* ---- Characters to symbols ---- */
typedef struct symbols {
    const ludc_bpe *b;
    ludc_buf *spare; /* a character with prefix or suffix */
    int32_t *ids;
    size_t n;
    bool unk_pending;
} symbols;

static int32_t find_symbol(symbols *s, lud_str c, bool first, bool last, lud_str *shown) {
    const ludc_bpe *b = s->b;
    uint32_t cp;
    *shown = c;
    if (!b->prefix && !b->suffix) {
        ludc_utf8_next(c.ptr, c.len, &cp);
        return cp < LUDC_COUNT(b->low_id) ? b->low_id[cp] : ludc_vocab_find(b->vocab, c);
    }
    ludc_buf_clear(s->spare);
    if (!first && b->prefix) ludc_buf_add(s->spare, b->prefix, b->prefix_len);
    ludc_buf_add(s->spare, c.ptr, c.len);
    if (last && b->suffix) ludc_buf_add(s->spare, b->suffix, b->suffix_len);
    if (s->spare->failed) return -1;
    *shown = (lud_str){s->spare->ptr, s->spare->len};
    return ludc_vocab_find(b->vocab, *shown);
}

/* Appends the byte tokens of a character that is not in the vocabulary; false: not all of them exist. */
static bool add_bytes(symbols *s, lud_str c) {
    for (size_t i = 0; i < c.len; i++)
        if (s->b->byte_id[(unsigned char)c.ptr[i]] < 0) return false;
    for (size_t i = 0; i < c.len; i++)
        s->ids[s->n++] = s->b->byte_id[(unsigned char)c.ptr[i]];
    return true;
}

static void flush_unk(symbols *s) {
    if (s->unk_pending) s->ids[s->n++] = s->b->unk;
    s->unk_pending = false;
}

static lud_status to_symbols(symbols *s, lud_str word, lud_error *err) {
    const ludc_bpe *b = s->b;
    for (size_t i = 0, len; i < word.len; i += len) {
        uint32_t cp;
        lud_str shown;
        len = ludc_utf8_next(word.ptr + i, word.len - i, &cp);
        int32_t id = find_symbol(s, (lud_str){word.ptr + i, len}, i == 0, i + len == word.len, &shown);
        if (s->spare->failed) return ludc_no_memory(err, "tokenizer");
        if (id >= 0) {
            flush_unk(s);
            s->ids[s->n++] = id;
            continue;
        }
        if (b->byte_fallback && add_bytes(s, shown)) continue;
        if (b->unk == -2) return ludc_subwords_no_unk(err, shown);
        if (b->unk < 0) continue;
        if (!b->fuse_unk) flush_unk(s);
        s->unk_pending = true;
    }
    flush_unk(s);
    return LUD_OK;
}

static lud_status push_all(ludc_ids *out, const int32_t *ids, size_t n, lud_error *err) {
    for (size_t i = 0; i < n; i++)
        if (!ludc_ids_push(out, ids[i])) return ludc_no_memory(err, "tokenizer");
    return LUD_OK;
}

static lud_status merge_word(const ludc_bpe *b, ludc_bpe_work *w, lud_str word, ludc_ids *out, lud_error *err) {
    int32_t small[SHORT_WORD], *ids = small;
    size_t room = word.len + (b->byte_fallback ? word.len * (b->prefix_len + b->suffix_len) : 0);
    if (room > SHORT_WORD) ids = ludc_scratch_take(&w->ids, room * sizeof *ids);
    if (!ids) return ludc_no_memory(err, "tokenizer");
    symbols s = {.b = b, .spare = &w->symbol, .ids = ids};
    LUDC_TRY(to_symbols(&s, word, err));
    if (s.n <= SHORT_WORD)
        s.n = merge_short(b, ids, s.n);
    else if (!merge_long(b, w, ids, &s.n))
        return ludc_no_memory(err, "tokenizer");
    return push_all(out, ids, s.n, err);
}

lud_status ludc_bpe_encode(const ludc_bpe *b, ludc_bpe_work *w, lud_str word, ludc_ids *out, lud_error *err) {
    const int32_t id = ludc_vocab_find(b->vocab, word);
    const size_t before = out->len;
    if (id < 0) return merge_word(b, w, word, out, err);
    if (b->ignore_merges || atomic_load_explicit(&b->whole[id], memory_order_relaxed))
        return push_all(out, &id, 1, err);
    LUDC_TRY(merge_word(b, w, word, out, err));
    if (out->len == before + 1 && out->ptr[before] == id)
        atomic_store_explicit(&b->whole[id], true, memory_order_relaxed);
    return LUD_OK;
}

void ludc_bpe_work_free(ludc_bpe_work *w) {
    ludc_free(w->ids.ptr);
    ludc_free(w->links.ptr);
    ludc_free(w->heap.ptr);
    ludc_buf_free(&w->symbol);
    *w = (ludc_bpe_work){0};
}
