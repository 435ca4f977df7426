/* SPDX-License-Identifier: Apache-2.0
 * tokenizer: text to ids and back. Encoding: added tokens that match the raw text, then the normalizer, then added
 * tokens that match normalized text, then pre-tokenizer and model for what lies between, then the post-processor. */
#include "internal.h"

static lud_status push_id(ludc_work *w, int32_t id) {
    return ludc_ids_push(w->out, id) ? LUD_OK : ludc_no_memory(w->find.err, "tokenizer");
}

/* A text that is being cut at added tokens. */
typedef struct cutting {
    ludc_work *w;
    const char *text;
    bool first; /* it lies at the start of the whole text */
} cutting;

static lud_status normalized_part(void *arg, size_t start, size_t end, const ludc_added_token *token) {
    cutting *c = arg;
    if (token) return push_id(c->w, token->id);
    return ludc_pretokenizer_run(c->w, 0, (ludc_piece){c->text + start, end - start, c->first && start == 0});
}

static lud_status raw_part(void *arg, size_t start, size_t end, const ludc_added_token *token) {
    cutting *c = arg;
    const ludc_tokenizer *tok = c->w->tok;
    if (token) return push_id(c->w, token->id);
    lud_str s = {c->text + start, end - start};
    LUDC_TRY(ludc_normalizer_apply(&tok->normalizer, &c->w->find, s, c->w->norm, &s));
    cutting inner = {c->w, s.ptr, start == 0};
    return ludc_added_split(&tok->added.normalized, &tok->classes, s.ptr, s.len, normalized_part, &inner);
}

static lud_status push_list(ludc_work *w, const ludc_ids *ids) {
    for (size_t i = 0; i < ids->len; i++)
        LUDC_TRY(push_id(w, ids->ptr[i]));
    return LUD_OK;
}

static lud_status encode_valid(ludc_work *w, lud_str text, bool add_special) {
    const ludc_tokenizer *tok = w->tok;
    if (add_special) LUDC_TRY(push_list(w, &tok->post.before));
    cutting c = {w, text.ptr, true};
    LUDC_TRY(ludc_added_split(&tok->added.raw, &tok->classes, text.ptr, text.len, raw_part, &c));
    return add_special ? push_list(w, &tok->post.after) : LUD_OK;
}

static void work_free(ludc_work *w) {
    ludc_match_free(w->match);
    ludc_buf_free(&w->norm[0]);
    ludc_buf_free(&w->norm[1]);
    for (size_t i = 0; i < w->tok->pre.n; i++) {
        ludc_free(w->stage[i].ptr);
        ludc_buf_free(&w->replaced[i]);
    }
    ludc_bpe_work_free(&w->bpe);
    ludc_free(w->unigram.ptr);
}

lud_status ludc_tokenizer_encode(const ludc_tokenizer *tok, lud_str text, bool add_special, ludc_ids *out,
                                 lud_error *err) {
    if (text.len >= INT32_MAX / 4)
        return ludc_fail(err, LUD_E_DATA, "tokenizer: a text of %zu bytes is too long, the limit is 512 MiB", text.len);
    ludc_work w = {.tok = tok, .out = out};
    ludc_buf clean = {0};
    size_t before = out->len;
    w.find = (ludc_find){&tok->classes, &w.match, err};
    if (text.len && !ludc_utf8_valid(text.ptr, text.len)) {
        ludc_utf8_lossy(text.ptr, text.len, &clean);
        text = (lud_str){clean.ptr, clean.len};
    }
    lud_status status = clean.failed ? ludc_no_memory(err, "tokenizer") : encode_valid(&w, text, add_special);
    if (status != LUD_OK) out->len = before;
    work_free(&w);
    ludc_buf_free(&clean);
    return status;
}

lud_status ludc_tokenizer_decode(const ludc_tokenizer *tok, const int32_t *ids, size_t n, bool skip_special,
                                 ludc_buf *out, lud_error *err) {
    ludc_match *match = NULL;
    ludc_find find = {&tok->classes, &match, err};
    ludc_pieces tokens = {0};
    for (size_t i = 0; i < n; i++) {
        const ludc_added_token *added = ludc_added_by_id(&tok->added, ids[i]);
        if (added && added->special && skip_special) continue;
        /* The reference decodes an added token that matches normalized text to that text. */
        lud_str text = added ? (lud_str){added->pattern, added->pattern_len} : ludc_vocab_text(&tok->vocab, ids[i]);
        if (text.ptr) ludc_pieces_push(&tokens, text);
    }
    lud_status status = tokens.failed || tokens.text.failed ? ludc_no_memory(err, "tokenizer")
                                                            : ludc_decoder_apply(&tok->decoder, &find, &tokens, out);
    ludc_pieces_free(&tokens);
    ludc_match_free(match);
    return status;
}

int32_t ludc_tokenizer_vocab(const ludc_tokenizer *tok) {
    return LUDC_MAX(tok->vocab.n_ids, tok->added.n_ids);
}

int32_t ludc_tokenizer_id(const ludc_tokenizer *tok, lud_str token) {
    int64_t k;
    if (token.len == 0) return -1;
    if (tok->added.by_text && ludc_map_get(tok->added.by_text, token, &k)) return tok->added.tokens[k].id;
    return ludc_vocab_find(&tok->vocab, token);
}

lud_str ludc_tokenizer_token(const ludc_tokenizer *tok, int32_t id) {
    const ludc_added_token *added = ludc_added_by_id(&tok->added, id);
    return added ? (lud_str){added->text, added->len} : ludc_vocab_text(&tok->vocab, id);
}

ludc_special_ids ludc_tokenizer_special(const ludc_tokenizer *tok) {
    return tok->special;
}

void ludc_tokenizer_free(ludc_tokenizer *tok) {
    if (!tok) return;
    ludc_normalizer_free(&tok->normalizer);
    ludc_pretokenizer_free(&tok->pre);
    ludc_subwords_free(tok);
    ludc_added_free(&tok->added);
    ludc_post_free(&tok->post);
    ludc_decoder_free(&tok->decoder);
    ludc_free(tok->json);
    ludc_value_free(tok->skeleton);
    ludc_value_free(tok->config);
    ludc_free(tok);
}
