/* SPDX-License-Identifier: Apache-2.0
 * The chain: added tokens of the raw text, normalizer, added tokens of the normalized text, pre-tokenizer, model,
 * post-processor. A tokenizer does not change after loading. */
#include "internal.h"

#include <string.h>

void ludc_tokenizer_free(ludc_tokenizer *t) {
    if (!t) return;
    ludc_steps_free(&t->normalizer);
    ludc_steps_free(&t->pretokenizer);
    ludc_steps_free(&t->decoder);
    ludc_added_free(&t->added);
    ludc_bpe_free(&t->bpe);
    ludc_ids_free(&t->prefix);
    ludc_ids_free(&t->suffix);
    for (int32_t i = 0; t->tokens && i < t->n_tokens; i++)
        ludc_free((char *)t->tokens[i].ptr);
    ludc_free(t->tokens);
    ludc_buf_free(&t->json);
    ludc_buf_free(&t->config);
    ludc_free(t);
}

lud_status ludc_tokenizer_set_token(ludc_tokenizer *t, int32_t id, lud_str text, lud_error *err) {
    if (id < 0 || id >= 1 << 26) return ludc_fail(err, LUD_E_IO, "tokenizer: token id %d is out of range", id);
    if (id >= t->n_tokens) {
        const int32_t n = LUDC_MAX(id + 1, t->n_tokens + t->n_tokens / 2);
        lud_str *more = ludc_realloc(t->tokens, (size_t)t->n_tokens * sizeof(*more), (size_t)n * sizeof(*more));
        if (!more) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
        t->tokens = more;
        t->n_tokens = n;
    }
    char *copy = ludc_strndup(text.ptr, text.len);
    if (!copy) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    ludc_free((char *)t->tokens[id].ptr);
    t->tokens[id] = (lud_str){copy, text.len};
    return LUD_OK;
}

int32_t ludc_tokenizer_vocab(const ludc_tokenizer *t) {
    int32_t n = t->n_tokens;
    while (n > 0 && !t->tokens[n - 1].ptr)
        n--;
    return n;
}

lud_str ludc_tokenizer_token(const ludc_tokenizer *t, int32_t id) {
    return id >= 0 && id < t->n_tokens ? t->tokens[id] : (lud_str){0};
}

int32_t ludc_tokenizer_id(const ludc_tokenizer *t, lud_str token) {
    int64_t id;
    for (size_t i = 0; i < t->added.len; i++)
        if (ludc_str_same((lud_str){t->added.ptr[i].content, t->added.ptr[i].len}, token)) return t->added.ptr[i].id;
    return ludc_map_get(t->bpe.vocab, token, &id) ? (int32_t)id : -1;
}

ludc_special_ids ludc_tokenizer_special(const ludc_tokenizer *t) {
    return t->special;
}

/* The work space of one encode call. */
typedef struct work {
    ludc_pieces raw, pieces, scratch;
} work;

/* One stretch of text without added tokens of the raw kind. */
static lud_status encode_stretch(const ludc_tokenizer *t, lud_str text, work *w, ludc_ids *out, lud_error *err) {
    ludc_pieces *p = &w->pieces;
    p->len = 0;
    ludc_buf_clear(&p->text);
    LUDC_TRY(ludc_normalize(&t->normalizer, text, &p->text, err));
    ludc_added_split(&t->added, true, p->text.ptr, 0, p->text.len, p);
    LUDC_TRY(ludc_pretokenize(&t->pretokenizer, p, &w->scratch, err));
    for (size_t i = 0; i < p->len; i++) {
        const ludc_piece *piece = &p->ptr[i];
        if (piece->id < 0)
            LUDC_TRY(ludc_bpe_encode(&t->bpe, (lud_str){p->text.ptr + piece->begin, piece->len}, out, err));
        else if (!ludc_ids_push(out, piece->id))
            return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    }
    return LUD_OK;
}

static lud_status push_all(const ludc_ids *from, ludc_ids *out, lud_error *err) {
    for (size_t i = 0; i < from->len; i++)
        if (!ludc_ids_push(out, from->ptr[i])) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    return LUD_OK;
}

static lud_status encode_text(const ludc_tokenizer *t, lud_str text, work *w, ludc_ids *out, lud_error *err) {
    ludc_added_split(&t->added, false, text.ptr, 0, text.len, &w->raw);
    if (w->raw.failed) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    for (size_t i = 0; i < w->raw.len; i++) {
        const ludc_piece *p = &w->raw.ptr[i];
        if (p->id < 0)
            LUDC_TRY(encode_stretch(t, (lud_str){text.ptr + p->begin, p->len}, w, out, err));
        else if (!ludc_ids_push(out, p->id))
            return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    }
    return LUD_OK;
}

lud_status ludc_tokenizer_encode(const ludc_tokenizer *t, lud_str text, bool add_special, ludc_ids *out,
                                 lud_error *err) {
    work w = {0};
    ludc_buf valid = {0};
    if (text.len && !ludc_utf8_valid(text.ptr, text.len)) {
        ludc_utf8_lossy(text, &valid);
        text = (lud_str){valid.ptr, valid.len};
    }
    lud_status status = add_special ? push_all(&t->prefix, out, err) : LUD_OK;
    if (status == LUD_OK) status = encode_text(t, text, &w, out, err);
    if (status == LUD_OK && add_special) status = push_all(&t->suffix, out, err);
    ludc_buf_free(&valid);
    ludc_pieces_free(&w.raw);
    ludc_pieces_free(&w.pieces);
    ludc_pieces_free(&w.scratch);
    return status;
}
