/* SPDX-License-Identifier: Apache-2.0
 * gguf: SentencePiece's BPE ("llama" in tokenizer.ggml.model), which has scores in place of merges: of two neighbours
 * whose joined text is a token, those of the highest score are joined first. As merges: every cut of a token into two,
 * by falling score (huggingface/transformers, convert_slow_tokenizer.py). */
#include "gguf.h"

#include <stdlib.h>

enum { MAX_PIECE = 512 }; /* bytes; the time to cut is quadratic */

typedef struct cut {
    double score;
    int32_t id;
    uint32_t left; /* bytes */
} cut;

static int by_score(const void *a_, const void *b_) {
    const cut *a = a_, *b = b_;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    if (a->left != b->left) return a->left > b->left ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static size_t cuts_of(const ludc_vocab *v, int32_t id, double score, cut *out) {
    const lud_str s = ludc_vocab_text(v, id);
    size_t n = 0;
    uint32_t cp;
    if (s.len > MAX_PIECE) return 0;
    for (size_t at = s.len ? ludc_utf8_next(s.ptr, s.len, &cp) : 0; at < s.len;
         at += ludc_utf8_next(s.ptr + at, s.len - at, &cp)) {
        if (ludc_vocab_find(v, (lud_str){s.ptr, at}) < 0) continue;
        if (ludc_vocab_find(v, (lud_str){s.ptr + at, s.len - at}) < 0) continue;
        if (out) out[n] = (cut){score, id, (uint32_t)at};
        n++;
    }
    return n;
}

static double number(const ludc_value *v) {
    return v->type == LUD_CFG_INT ? (double)v->u.i : v->u.f;
}

/* Of all tokens that are text; NULL out: only how many. */
static size_t all_cuts(const ludc_vocab *v, const ludc_value *scores, const ludc_value *types, cut *out) {
    size_t n = 0;
    for (size_t id = 0; id < scores->len; id++) {
        const int64_t type = types ? types->items[id]->u.i : LUDC_GGUF_NORMAL;
        if (type != LUDC_GGUF_NORMAL && type != LUDC_GGUF_USER) continue;
        n += cuts_of(v, (int32_t)id, number(scores->items[id]), out ? out + n : NULL);
    }
    return n;
}

lud_status ludc_gguf_spm_merges(const ludc_load *l, const ludc_value *scores, const ludc_value *types, ludc_bpe *b) {
    const size_t n = all_cuts(b->vocab, scores, types, NULL);
    cut *cuts = ludc_alloc(LUDC_MAX(n, 1) * sizeof *cuts);
    lud_status status = cuts ? ludc_bpe_merges_init(l, b, n) : ludc_no_memory(l->err, l->name);
    if (cuts) (void)all_cuts(b->vocab, scores, types, cuts);
    if (cuts) qsort(cuts, n, sizeof *cuts, by_score);
    for (size_t i = 0; status == LUD_OK && i < n; i++) {
        const lud_str s = ludc_vocab_text(b->vocab, cuts[i].id);
        status = ludc_bpe_merge_add(l, b, (lud_str){s.ptr, cuts[i].left},
                                    (lud_str){s.ptr + cuts[i].left, s.len - cuts[i].left});
    }
    ludc_free(cuts);
    return status == LUD_OK ? ludc_bpe_finish(l, b) : status;
}

ludc_value *ludc_gguf_spm_scores(const ludc_bpe *b, int64_t n) {
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    double *score = ludc_alloc((size_t)LUDC_MAX(n, 1) * sizeof *score);
    bool ok = list && score;
    for (int64_t id = 0; ok && id < n; id++)
        score[id] = -1e9; /* nothing is joined to it */
    for (uint64_t i = 0; ok && i <= b->mask; i++) {
        const ludc_merge *m = &b->table[i];
        if (m->key && m->id < n) score[m->id] = LUDC_MAX(score[m->id], -1.0 - (double)m->rank);
    }
    for (int64_t id = 0; ok && id < n; id++)
        ok = ludc_value_push(list, ludc_value_float(score[id]));
    ludc_free(score);
    if (ok) return list;
    ludc_value_free(list);
    return NULL;
}
