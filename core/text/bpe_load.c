/* SPDX-License-Identifier: Apache-2.0
 * bpe_load: the BPE model from tokenizer.json, or part by part for a GGUF. Ids may have holes, but the table by id
 * must stay in proportion to the number of entries; both sides of a merge and what it makes must be in the
 * vocabulary. Invariant after finish: at most half of the merge table is used. */
#include "internal.h"

#include <string.h>

static lud_status load_affix(const ludc_load *l, const ludc_value *model, const char *key, char **out, size_t *len) {
    lud_str s = {0};
    LUDC_TRY(ludc_node_text(l, model, key, &s));
    return s.len ? ludc_node_copy(l, s, out, len) : LUD_OK;
}

lud_status ludc_bpe_options(const ludc_load *l, const ludc_value *model, const ludc_vocab *vocab, ludc_bpe *b) {
    b->vocab = vocab;
    LUDC_TRY(ludc_node_bool(l, model, "ignore_merges", false, &b->ignore_merges));
    LUDC_TRY(ludc_node_bool(l, model, "byte_fallback", false, &b->byte_fallback));
    LUDC_TRY(ludc_node_bool(l, model, "fuse_unk", false, &b->fuse_unk));
    LUDC_TRY(load_affix(l, model, "continuing_subword_prefix", &b->prefix, &b->prefix_len));
    return load_affix(l, model, "end_of_word_suffix", &b->suffix, &b->suffix_len);
}

lud_status ludc_bpe_merges_init(const ludc_load *l, ludc_bpe *b, size_t n) {
    size_t n_slots = 16;
    while (n_slots < n * 2 + 2)
        n_slots *= 2;
    if (n_slots > SIZE_MAX / sizeof *b->table || n > INT32_MAX) return ludc_no_memory(l->err, l->name);
    b->table = ludc_alloc(n_slots * sizeof *b->table);
    b->pairs = ludc_alloc(n * sizeof *b->pairs);
    b->mask = n_slots - 1;
    return b->table && b->pairs ? LUD_OK : ludc_no_memory(l->err, l->name);
}

static lud_status bad_merge(const ludc_load *l, const ludc_bpe *b, lud_str left, lud_str right, const char *what) {
    return ludc_fail(l->err, LUD_E_IO, "%s: merge %zu ('%.*s' + '%.*s'): %s is not in the vocabulary", l->name,
                     b->n_merges, LUDC_ARG_CUT(left, 64), LUDC_ARG_CUT(right, 64), what);
}

/* The token that a merge makes, -1 if there is none. False: no memory. */
static bool find_joined(const ludc_bpe *b, lud_str left, lud_str right, int32_t *id) {
    char small[128];
    const size_t skip = LUDC_MIN(b->prefix_len, right.len), n = left.len + right.len - skip;
    char *text = n > sizeof small ? ludc_alloc(n) : small;
    if (!text) return false;
    memcpy(text, left.ptr, left.len);
    memcpy(text + left.len, right.ptr + skip, right.len - skip);
    *id = ludc_vocab_find(b->vocab, (lud_str){text, n});
    if (text != small) ludc_free(text);
    return true;
}

lud_status ludc_bpe_merge_add(const ludc_load *l, ludc_bpe *b, lud_str left, lud_str right) {
    int32_t x = ludc_vocab_find(b->vocab, left), y = ludc_vocab_find(b->vocab, right), id;
    if (x < 0) return bad_merge(l, b, left, right, "the left side");
    if (y < 0) return bad_merge(l, b, left, right, "the right side");
    if (!find_joined(b, left, right, &id)) return ludc_no_memory(l->err, l->name);
    if (id < 0) return bad_merge(l, b, left, right, "the result");
    uint64_t key = ((uint64_t)(uint32_t)x << 32 | (uint32_t)y) + 1, i = lud_mix64(key) & b->mask;
    while (b->table[i].key && b->table[i].key != key)
        i = (i + 1) & b->mask;
    b->table[i] = (ludc_merge){key, (uint32_t)b->n_merges, id}; /* of equal merges the last one counts */
    b->pairs[b->n_merges][0] = x;
    b->pairs[b->n_merges++][1] = y;
    return LUD_OK;
}

/* ["a", "b"], or "a b" in older files: cut at the blank. */
static bool merge_sides(const ludc_value *m, lud_str *left, lud_str *right) {
    if (m->type == LUD_CFG_LIST) {
        if (m->len != 2 || m->items[0]->type != LUD_CFG_STR || m->items[1]->type != LUD_CFG_STR) return false;
        *left = m->items[0]->u.s;
        *right = m->items[1]->u.s;
        return true;
    }
    const char *blank = m->type == LUD_CFG_STR ? memchr(m->u.s.ptr, ' ', m->u.s.len) : NULL;
    if (!blank) return false;
    *left = (lud_str){m->u.s.ptr, (size_t)(blank - m->u.s.ptr)};
    *right = (lud_str){blank + 1, m->u.s.len - left->len - 1};
    return memchr(right->ptr, ' ', right->len) == NULL;
}

static lud_status load_merges(const ludc_load *l, const ludc_value *model, ludc_bpe *b) {
    const ludc_value *list;
    LUDC_TRY(ludc_node_list(l, model, "merges", &list));
    LUDC_TRY(ludc_bpe_merges_init(l, b, list->len));
    for (size_t i = 0; i < list->len; i++) {
        lud_str left, right;
        const ludc_value *m = list->items[i];
        /* Files converted from merges.txt may keep its first line. */
        if (m->type == LUD_CFG_STR && m->u.s.len >= 8 && memcmp(m->u.s.ptr, "#version", 8) == 0) continue;
        if (!merge_sides(m, &left, &right))
            return ludc_fail(l->err, LUD_E_IO, "%s: merge %zu must be [\"a\", \"b\"] or \"a b\"", l->name, i);
        LUDC_TRY(ludc_bpe_merge_add(l, b, left, right));
    }
    return LUD_OK;
}

static void fill_small_tables(ludc_bpe *b) {
    char text[4];
    ludc_vocab_byte_ids(b->vocab, b->byte_id);
    for (uint32_t cp = 0; cp < LUDC_COUNT(b->low_id); cp++)
        b->low_id[cp] = ludc_vocab_find(b->vocab, (lud_str){text, ludc_utf8_encode(cp, text)});
}

lud_status ludc_bpe_finish(const ludc_load *l, ludc_bpe *b) {
    fill_small_tables(b);
    b->whole = ludc_alloc((size_t)b->vocab->n_ids * sizeof(*b->whole));
    return b->whole ? LUD_OK : ludc_no_memory(l->err, l->name);
}

lud_status ludc_bpe_load(const ludc_load *l, const ludc_value *model, const ludc_vocab *vocab, ludc_bpe *b) {
    LUDC_TRY(ludc_bpe_options(l, model, vocab, b));
    LUDC_TRY(ludc_subwords_unk(l, model, (lud_str){NULL, 0}, vocab, &b->unk));
    LUDC_TRY(load_merges(l, model, b));
    return ludc_bpe_finish(l, b);
}

void ludc_bpe_free(ludc_bpe *b) {
    ludc_free(b->table);
    ludc_free(b->pairs);
    ludc_free(b->prefix);
    ludc_free(b->suffix);
    ludc_free(b->whole);
    *b = (ludc_bpe){0};
}
