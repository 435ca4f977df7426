/* SPDX-License-Identifier: Apache-2.0
 * unigram: the most likely cut of one word (Viterbi over bytes, scores are logarithms), as SentencePiece and the
 * reference library do it: of equal cuts the one found first, neighbouring unknown characters as one piece. */
#include "internal.h"

#include <math.h>

enum { UNK_PENALTY = 10 };
#define NOWHERE UINT32_MAX

typedef struct step {
    double score;   /* of the best cut that ends here */
    uint32_t start; /* of its last piece */
    int32_t id;
} step;

/* ---- Loading ---- */
static lud_status read_piece(const ludc_load *l, const ludc_value *v, size_t i, lud_str *text, double *score) {
    bool pair = v->type == LUD_CFG_LIST && v->len == 2 && v->items[0]->type == LUD_CFG_STR;
    const ludc_value *number = pair ? v->items[1] : NULL;
    bool is_int = number && number->type == LUD_CFG_INT;
    if (!is_int && (!number || number->type != LUD_CFG_FLOAT))
        return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab[%zu] must be [piece, score]", l->name, i);
    *text = v->items[0]->u.s;
    *score = is_int ? (double)number->u.i : number->u.f;
    return LUD_OK;
}

/* From the last piece to the first: of equal pieces the last one counts, and a vocabulary answers what came first. */
static lud_status load_pieces(const ludc_load *l, const ludc_value *model, ludc_vocab *vocab, ludc_unigram *m) {
    const ludc_value *list;
    lud_str text = {0};
    size_t bytes = 0;
    LUDC_TRY(ludc_node_list(l, model, "vocab", &list));
    if (list->len == 0 || list->len > INT32_MAX / 2)
        return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab has %zu pieces", l->name, list->len);
    m->scores = ludc_alloc(list->len * sizeof *m->scores);
    if (!m->scores) return ludc_no_memory(l->err, l->name);
    double lowest = INFINITY;
    for (size_t i = 0; i < list->len; i++) {
        LUDC_TRY(read_piece(l, list->items[i], i, &text, &m->scores[i]));
        lowest = m->scores[i] < lowest ? m->scores[i] : lowest;
        bytes += text.len;
    }
    m->unk_score = lowest - UNK_PENALTY;
    if (!ludc_vocab_init(vocab, list->len, bytes, (int32_t)list->len)) return ludc_no_memory(l->err, l->name);
    for (size_t i = list->len; i-- > 0;)
        ludc_vocab_add(vocab, list->items[i]->items[0]->u.s, (int32_t)i);
    return LUD_OK;
}

lud_status ludc_unigram_load(const ludc_load *l, const ludc_value *model, ludc_vocab *vocab, ludc_unigram *m) {
    int64_t unk = -1;
    m->vocab = vocab;
    LUDC_TRY(load_pieces(l, model, vocab, m));
    if (!ludc_is_null(ludc_value_get(model, "unk_id")))
        LUDC_TRY(ludc_node_int(l, model, "unk_id", 0, vocab->n_ids - 1, &unk));
    m->unk = (int32_t)unk;
    LUDC_TRY(ludc_node_bool(l, model, "byte_fallback", false, &m->byte_fallback));
    ludc_vocab_byte_ids(vocab, m->byte_id);
    return ludc_trie_init(&m->trie, vocab) ? LUD_OK : ludc_no_memory(l->err, l->name);
}

void ludc_unigram_free(ludc_unigram *m) {
    ludc_trie_free(&m->trie);
    ludc_free(m->scores);
    *m = (ludc_unigram){0};
}

/* ---- One word ---- */
static void offer(step *end, double score, size_t start, int32_t id) {
    if (end->start == NOWHERE || score > end->score) *end = (step){score, (uint32_t)start, id};
}

/* Fills best[1..word.len]. An unknown character is a step only where no piece is just this character. */
static lud_status search(const ludc_unigram *m, lud_str word, step *best, lud_error *err) {
    const ludc_trie *t = &m->trie;
    for (size_t i = 1; i <= word.len; i++)
        best[i].start = NOWHERE;
    best[0].score = 0;
    for (size_t at = 0, len; at < word.len; at += len) {
        uint32_t cp, node = 0;
        bool single = false;
        double here = best[at].score;
        len = ludc_utf8_next(word.ptr + at, word.len - at, &cp);
        for (size_t i = at; i < word.len && (node = ludc_trie_next(t, node, word.ptr[i])) != 0; i++) {
            int32_t id = t->ids[node];
            if (id < 0) continue;
            offer(&best[i + 1], m->scores[id] + here, at, id);
            single = single || i + 1 == at + len;
        }
        if (single) continue;
        if (m->unk < 0) return ludc_subwords_no_unk(err, (lud_str){word.ptr + at, len});
        offer(&best[at + len], m->unk_score + here, at, m->unk);
    }
    return LUD_OK;
}

/* What stands for a run of unknown characters, its bytes from the last to the first. */
static bool push_unknown(const ludc_unigram *m, lud_str run, ludc_ids *out) {
    int32_t id = ludc_vocab_find(m->vocab, run);
    bool bytes = id < 0 && m->byte_fallback;
    for (size_t i = 0; bytes && i < run.len; i++)
        bytes = m->byte_id[(unsigned char)run.ptr[i]] >= 0;
    if (!bytes) return ludc_ids_push(out, id < 0 ? m->unk : id);
    for (size_t i = run.len; i-- > 0;)
        if (!ludc_ids_push(out, m->byte_id[(unsigned char)run.ptr[i]])) return false;
    return true;
}

/* The ids of the best cut, last one first. */
static bool walk_back(const ludc_unigram *m, lud_str word, const step *best, ludc_ids *out) {
    size_t run_end = 0; /* of the unknown characters met last, or 0 */
    for (size_t end = word.len; end > 0; end = best[end].start) {
        size_t start = best[end].start;
        bool unknown = best[end].id == m->unk;
        if (unknown && !run_end) run_end = end;
        if (!unknown && !ludc_ids_push(out, best[end].id)) return false;
        bool closes = run_end && (start == 0 || best[start].id != m->unk);
        if (!closes) continue;
        if (!push_unknown(m, (lud_str){word.ptr + start, run_end - start}, out)) return false;
        run_end = 0;
    }
    return true;
}

lud_status ludc_unigram_encode(const ludc_unigram *m, ludc_scratch *scratch, lud_str word, ludc_ids *out,
                               lud_error *err) {
    size_t before = out->len;
    step *best = ludc_scratch_take(scratch, (word.len + 1) * sizeof *best);
    if (!best) return ludc_no_memory(err, "tokenizer");
    LUDC_TRY(search(m, word, best, err));
    if (!walk_back(m, word, best, out)) return ludc_no_memory(err, "tokenizer");
    for (size_t i = before, k = out->len; i + 1 < k; i++) {
        int32_t id = out->ptr[i];
        out->ptr[i] = out->ptr[--k];
        out->ptr[k] = id;
    }
    return LUD_OK;
}
