/* SPDX-License-Identifier: Apache-2.0
 * model: the vocabulary and the model of tokenizer.json, and the way from a word to the model at hand. Ids may have
 * holes, but the table by id must stay in proportion to the number of entries. */
#include "internal.h"

static lud_status load_vocab(const ludc_load *l, const ludc_value *model, ludc_vocab *vocab) {
    const ludc_value *v = ludc_value_get(model, "vocab");
    if (!v || v->type != LUD_CFG_OBJECT || v->len == 0)
        return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab must be an object with entries", l->name);
    int64_t top = -1, limit = (int64_t)LUDC_MIN(v->len * 8 + (1U << 20), INT32_MAX);
    size_t bytes = 0;
    for (size_t i = 0; i < v->len; i++) {
        const ludc_value *id = v->items[i];
        if (id->type != LUD_CFG_INT || id->u.i < 0 || id->u.i >= limit) {
            return ludc_fail(l->err, LUD_E_IO, "%s: model.vocab: the id of '%.*s' must be from 0 to %lld", l->name,
                             LUDC_ARG_CUT(v->keys[i], 64), (long long)limit - 1);
        }
        top = LUDC_MAX(top, id->u.i);
        bytes += v->keys[i].len;
    }
    if (!ludc_vocab_init(vocab, v->len, bytes, (int32_t)top + 1)) return ludc_no_memory(l->err, l->name);
    for (size_t i = 0; i < v->len; i++)
        ludc_vocab_add(vocab, v->keys[i], (int32_t)v->items[i]->u.i);
    return LUD_OK;
}

lud_status ludc_subwords_unk(const ludc_load *l, const ludc_value *model, lud_str dflt, const ludc_vocab *vocab,
                             int32_t *out) {
    lud_str unk = {0};
    LUDC_TRY(ludc_node_text(l, model, "unk_token", &unk));
    if (!unk.ptr) unk = dflt;
    *out = -1;
    if (!unk.ptr) return LUD_OK;
    *out = ludc_vocab_find(vocab, unk);
    if (*out < 0) *out = -2;
    return LUD_OK;
}

lud_status ludc_subwords_no_unk(lud_error *err, lud_str part) {
    return ludc_fail(err, LUD_E_DATA, "tokenizer: '%.*s' is not in the vocabulary, nor is the unk_token",
                     LUDC_ARG_CUT(part, 64));
}

/* Files of before 2020 carry no type: what the model has in it says which it is. */
static lud_status model_type(const ludc_load *l, const ludc_value *model, lud_str *out) {
    const ludc_value *vocab = ludc_value_get(model, "vocab");
    if (ludc_value_get(model, "type")) return ludc_node_type(l, model, "model", out);
    *out = LUDC_STR("");
    if (ludc_value_get(model, "max_input_chars_per_word")) *out = LUDC_STR("WordPiece");
    if (ludc_value_get(model, "merges")) *out = LUDC_STR("BPE");
    if (vocab && vocab->type == LUD_CFG_LIST) *out = LUDC_STR("Unigram");
    return out->len ? LUD_OK : ludc_node_type(l, model, "model", out);
}

lud_status ludc_subwords_load(const ludc_load *l, const ludc_value *root, ludc_tokenizer *tok) {
    static const char *const planned[] = {"WordLevel", NULL};
    const ludc_value *model = ludc_value_get(root, "model");
    lud_str type = {0};
    if (!model || model->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: 'model' must be an object", l->name);
    LUDC_TRY(model_type(l, model, &type));
    if (ludc_str_eq(type, "Unigram")) {
        tok->model = LUDC_MODEL_UNIGRAM;
        return ludc_unigram_load(l, model, &tok->vocab, &tok->unigram);
    }
    bool wordpiece = ludc_str_eq(type, "WordPiece");
    if (!wordpiece && !ludc_str_eq(type, "BPE")) return ludc_node_refuse(l, "model", type, planned);
    LUDC_TRY(load_vocab(l, model, &tok->vocab));
    tok->model = wordpiece ? LUDC_MODEL_WORDPIECE : LUDC_MODEL_BPE;
    return wordpiece ? ludc_wordpiece_load(l, model, &tok->vocab, &tok->wordpiece)
                     : ludc_bpe_load(l, model, &tok->vocab, &tok->bpe);
}

int32_t ludc_subwords_unk_id(const ludc_tokenizer *tok) {
    int32_t unk[] = {tok->bpe.unk, tok->wordpiece.unk, tok->unigram.unk};
    return LUDC_MAX(-1, unk[tok->model]);
}

void ludc_subwords_free(ludc_tokenizer *tok) {
    ludc_bpe_free(&tok->bpe);
    ludc_wordpiece_free(&tok->wordpiece);
    ludc_unigram_free(&tok->unigram);
    ludc_vocab_free(&tok->vocab);
}

lud_status ludc_subwords_encode(ludc_work *w, lud_str word) {
    const ludc_tokenizer *tok = w->tok;
    switch (tok->model) {
    case LUDC_MODEL_WORDPIECE:
        return ludc_wordpiece_encode(&tok->wordpiece, word, w->out, w->find.err);
    case LUDC_MODEL_UNIGRAM:
        return ludc_unigram_encode(&tok->unigram, &w->unigram, word, w->out, w->find.err);
    default:
        return ludc_bpe_encode(&tok->bpe, &w->bpe, word, w->out, w->find.err);
    }
}
