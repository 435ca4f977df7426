/* SPDX-License-Identifier: Apache-2.0
 * save: tokenizer.json and tokenizer_config.json as text, and what decides both as bytes. A tokenizer that came from
 * tokenizer.json is written back byte for byte; any other one is its skeleton with vocabulary and merges put into the
 * model. */
#include "internal.h"

static bool add_text(lud_str s, ludc_buf *out) {
    ludc_value *v = ludc_value_str(s);
    bool ok = v && ludc_value_to_json(v, -1, out) == LUD_OK;
    ludc_value_free(v);
    return ok;
}

/* By id; of two ids with one text only the first can be written. */
static bool add_vocab(const ludc_vocab *v, ludc_buf *out) {
    bool any = false, ok = true;
    ludc_buf_adds(out, "\"vocab\":{");
    for (int32_t id = 0; id < v->n_ids && ok; id++) {
        lud_str s = ludc_vocab_text(v, id);
        if (!s.ptr || ludc_vocab_find(v, s) != id) continue;
        ludc_buf_adds(out, any ? ",\n" : "\n");
        ok = add_text(s, out);
        ludc_buf_addf(out, ":%d", (int)id);
        any = true;
    }
    ludc_buf_adds(out, "\n}");
    return ok;
}

static bool add_merges(const ludc_bpe *b, ludc_buf *out) {
    bool ok = true;
    ludc_buf_adds(out, ",\n\"merges\":[");
    for (size_t i = 0; i < b->n_merges && ok; i++) {
        ludc_buf_adds(out, i ? ",\n[" : "\n[");
        ok = add_text(ludc_vocab_text(b->vocab, b->pairs[i][0]), out);
        ludc_buf_adds(out, ",");
        ok = ok && add_text(ludc_vocab_text(b->vocab, b->pairs[i][1]), out);
        ludc_buf_adds(out, "]");
    }
    ludc_buf_adds(out, "\n]");
    return ok;
}

/* Writes the members of an object without its braces. */
static bool add_members(const ludc_value *o, const char *except, ludc_buf *out) {
    bool any = false, ok = true;
    for (size_t i = 0; i < o->len && ok; i++) {
        if (except && ludc_str_eq(o->keys[i], except)) continue;
        if (any) ludc_buf_adds(out, ",\n");
        ok = add_text(o->keys[i], out);
        ludc_buf_adds(out, ":");
        ok = ok && ludc_value_to_json(o->items[i], -1, out) == LUD_OK;
        any = true;
    }
    return ok;
}

lud_status ludc_tokenizer_to_json(const ludc_tokenizer *tok, ludc_buf *out, lud_error *err) {
    size_t before = out->len;
    bool ok = true;
    if (tok->json) {
        ludc_buf_add(out, tok->json, tok->json_len);
    } else {
        ludc_buf_adds(out, "{");
        ok = add_members(tok->skeleton, "model", out);
        ludc_buf_adds(out, ",\n\"model\":{");
        ok = ok && add_members(ludc_value_get(tok->skeleton, "model"), NULL, out);
        ludc_buf_adds(out, ",\n");
        ok = ok && add_vocab(&tok->vocab, out);
        if (tok->model == LUDC_MODEL_BPE) ok = ok && add_merges(&tok->bpe, out);
        ludc_buf_adds(out, "}}\n");
    }
    if (ok && !out->failed) return LUD_OK;
    out->len = before;
    return ludc_no_memory(err, "tokenizer.json");
}

lud_status ludc_tokenizer_config_json(const ludc_tokenizer *tok, ludc_buf *out, lud_error *err) {
    size_t before = out->len;
    bool ok = true;
    if (tok->config)
        ok = ludc_value_to_json(tok->config, 2, out) == LUD_OK;
    else
        ludc_buf_adds(out, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}");
    ludc_buf_adds(out, "\n");
    if (ok && !out->failed) return LUD_OK;
    out->len = before;
    return ludc_no_memory(err, "tokenizer_config.json");
}

lud_status ludc_tokenizer_bytes(const ludc_tokenizer *tok, void (*fn)(void *arg, const void *p, size_t n), void *arg) {
    const ludc_vocab *v = &tok->vocab;
    ludc_buf text = {0};
    lud_status status = tok->skeleton ? ludc_value_to_json(tok->skeleton, -1, &text) : LUD_OK;
    if (status == LUD_OK) status = ludc_tokenizer_config_json(tok, &text, NULL);
    fn(arg, text.ptr, text.len);
    ludc_buf_free(&text);
    if (tok->json) return fn(arg, tok->json, tok->json_len), status;
    fn(arg, v->pool, v->pool_len);
    fn(arg, v->texts, (size_t)v->n_ids * sizeof(*v->texts));
    fn(arg, tok->bpe.pairs, tok->bpe.n_merges * sizeof(*tok->bpe.pairs));
    return status;
}
