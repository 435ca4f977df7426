/* SPDX-License-Identifier: Apache-2.0
 * wordpiece: one word into ids, always the longest piece that fits; where none does, the whole word is one unknown.
 * Most words are pieces themselves and cost one look-up. */
#include "internal.h"

lud_status ludc_wordpiece_load(const ludc_load *l, const ludc_value *model, const ludc_vocab *vocab,
                               ludc_wordpiece *m) {
    lud_str prefix = {0};
    int64_t max_chars = 100;
    m->vocab = vocab;
    LUDC_TRY(ludc_node_text(l, model, "continuing_subword_prefix", &prefix));
    if (!prefix.ptr) prefix = LUDC_STR("##");
    if (ludc_value_get(model, "max_input_chars_per_word"))
        LUDC_TRY(ludc_node_int(l, model, "max_input_chars_per_word", 0, INT32_MAX, &max_chars));
    LUDC_TRY(ludc_subwords_unk(l, model, LUDC_STR("[UNK]"), vocab, &m->unk));
    m->max_chars = (size_t)max_chars;
    if (!ludc_trie_init(&m->trie, vocab)) return ludc_no_memory(l->err, l->name);
    m->has_inside = true;
    for (size_t i = 0; i < prefix.len && m->has_inside; i++) {
        m->inside = ludc_trie_next(&m->trie, m->inside, prefix.ptr[i]);
        m->has_inside = m->inside != 0;
    }
    return LUD_OK;
}

void ludc_wordpiece_free(ludc_wordpiece *m) {
    ludc_trie_free(&m->trie);
}

static bool too_long(const ludc_wordpiece *m, lud_str word) {
    size_t chars = 0;
    if (word.len <= m->max_chars) return false;
    for (size_t i = 0; i < word.len; i++)
        chars += ((unsigned char)word.ptr[i] & 0xC0) != 0x80;
    return chars > m->max_chars;
}

/* Length of the longest piece at s, 0 if there is none. */
static size_t longest(const ludc_trie *t, uint32_t node, const char *s, size_t n, int32_t *id) {
    size_t best = 0;
    for (size_t i = 0; i < n && (node = ludc_trie_next(t, node, s[i])) != 0; i++) {
        if (t->ids[node] < 0) continue;
        *id = t->ids[node];
        best = i + 1;
    }
    return best;
}

/* False: some part of the word is no piece. *failed: out of memory. */
static bool cut(const ludc_wordpiece *m, lud_str word, ludc_ids *out, bool *failed) {
    int32_t id = 0;
    for (size_t at = 0, len; at < word.len; at += len) {
        if (at && !m->has_inside) return false;
        len = longest(&m->trie, at ? m->inside : 0, word.ptr + at, word.len - at, &id);
        if (!len) return false;
        if (!ludc_ids_push(out, id)) *failed = true;
    }
    return true;
}

lud_status ludc_wordpiece_encode(const ludc_wordpiece *m, lud_str word, ludc_ids *out, lud_error *err) {
    size_t before = out->len;
    bool failed = false, long_word = too_long(m, word);
    int32_t id = long_word ? m->unk : ludc_vocab_find(m->vocab, word);
    if (id < 0 && !long_word && cut(m, word, out, &failed)) return failed ? ludc_no_memory(err, "tokenizer") : LUD_OK;
    out->len = before;
    if (id < 0) id = m->unk;
    if (id < 0) return ludc_subwords_no_unk(err, word);
    return ludc_ids_push(out, id) ? LUD_OK : ludc_no_memory(err, "tokenizer");
}
