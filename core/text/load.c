/* SPDX-License-Identifier: Apache-2.0
 * load: a tokenizer from tokenizer.json. The model comes first, then the added tokens (their ids depend on it), then
 * the rest. `truncation` and `padding` of the file are not looked at: lengths come from our configuration. */
#include "internal.h"

static lud_status check_post(const ludc_load *l, const ludc_tokenizer *tok, const ludc_ids *ids) {
    for (size_t i = 0; i < ids->len; i++) {
        if (ludc_tokenizer_token(tok, ids->ptr[i]).ptr) continue;
        return ludc_fail(l->err, LUD_E_IO, "%s: the post_processor adds the id %d, which no token has", l->name,
                         (int)ids->ptr[i]);
    }
    return LUD_OK;
}

lud_status ludc_tokenizer_load_parts(const ludc_load *l, const ludc_value *root, ludc_tokenizer *tok) {
    ludc_match *match = NULL;
    ludc_find find = {&tok->classes, &match, l->err};
    ludc_classes_init(&tok->classes);
    LUDC_TRY(ludc_normalizer_load(l, ludc_value_get(root, "normalizer"), &tok->normalizer));
    LUDC_TRY(ludc_pretokenizer_load(l, ludc_value_get(root, "pre_tokenizer"), &tok->pre));
    LUDC_TRY(ludc_decoder_load(l, ludc_value_get(root, "decoder"), &tok->decoder));
    LUDC_TRY(ludc_added_load(l, ludc_value_get(root, "added_tokens"), &tok->vocab, &tok->added));
    lud_status status = ludc_added_index_all(&tok->added, &tok->normalizer, &find);
    ludc_match_free(match);
    LUDC_TRY(status);
    LUDC_TRY(ludc_post_load(l, ludc_value_get(root, "post_processor"), &tok->post));
    LUDC_TRY(check_post(l, tok, &tok->post.before));
    return check_post(l, tok, &tok->post.after);
}

static lud_status special_id(const ludc_load *l, const ludc_tokenizer *tok, const char *key, int32_t dflt,
                             int32_t *out) {
    lud_str text = {0};
    LUDC_TRY(ludc_node_token(l, tok->config, key, &text));
    *out = text.ptr ? ludc_tokenizer_id(tok, text) : -1;
    if (text.ptr && *out < 0) {
        ludc_log(LUD_LOG_WARN, "%s: %s '%.*s' of tokenizer_config.json is not in the vocabulary and is left out",
                 l->name, key, LUDC_ARG_CUT(text, 64));
    }
    if (*out < 0) *out = dflt;
    return LUD_OK;
}

/* What tokenizer_config.json does not name: the unknown token is the model's; a text between two tokens stands between
 * CLS and SEP; a padding token is known by its usual names. */
lud_status ludc_tokenizer_load_special(const ludc_load *l, ludc_tokenizer *tok) {
    ludc_special_ids *s = &tok->special;
    const ludc_ids *before = &tok->post.before, *after = &tok->post.after;
    bool between = before->len && after->len;
    int32_t pad = ludc_tokenizer_id(tok, LUDC_STR("[PAD]"));
    if (pad < 0) pad = ludc_tokenizer_id(tok, LUDC_STR("<pad>"));
    LUDC_TRY(special_id(l, tok, "bos_token", -1, &s->bos));
    LUDC_TRY(special_id(l, tok, "eos_token", -1, &s->eos));
    LUDC_TRY(special_id(l, tok, "pad_token", pad, &s->pad));
    LUDC_TRY(special_id(l, tok, "unk_token", ludc_subwords_unk_id(tok), &s->unk));
    LUDC_TRY(special_id(l, tok, "cls_token", between ? before->ptr[0] : -1, &s->cls));
    return special_id(l, tok, "sep_token", between ? after->ptr[after->len - 1] : -1, &s->sep);
}

static lud_status load_all(const ludc_load *l, const ludc_value *root, ludc_tokenizer *tok) {
    if (root->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: a tokenizer must be a JSON object", l->name);
    LUDC_TRY(ludc_subwords_load(l, root, tok));
    LUDC_TRY(ludc_tokenizer_load_parts(l, root, tok));
    return ludc_tokenizer_load_special(l, tok);
}

lud_status ludc_tokenizer_from_json(const char *text, size_t n, const char *name, const ludc_value *config,
                                    ludc_tokenizer **out, lud_error *err) {
    ludc_load l = {name ? name : "tokenizer.json", err};
    ludc_value *root = NULL;
    lud_status status = ludc_json_parse(text, n, l.name, false, true, &root, err);
    if (status == LUD_E_INVALID && err) err->code = LUD_E_IO; /* a model's broken file, not a wrong configuration */
    if (status != LUD_OK) return status == LUD_E_INVALID ? LUD_E_IO : status;
    status = LUD_E_NOMEM;
    ludc_tokenizer *tok = ludc_alloc(sizeof *tok);
    if (!tok) goto out;
    tok->json = ludc_strndup(text, n);
    tok->json_len = n;
    tok->config = config ? ludc_value_copy(config) : NULL;
    if (tok->json && (!config || tok->config)) status = load_all(&l, root, tok);
out:
    ludc_value_free(root);
    if (status == LUD_OK) {
        *out = tok;
        return LUD_OK;
    }
    ludc_tokenizer_free(tok);
    return ludc_fail(err, status, "%s: out of memory", l.name);
}

lud_status ludc_tokenizer_open(const char *dir, const ludc_value *config, ludc_tokenizer **out, lud_error *err) {
    char *json = ludc_path_join(dir, "tokenizer.json"), *txt = ludc_path_join(dir, "vocab.txt");
    ludc_buf text = {0};
    lud_status status = json && txt ? LUD_OK : ludc_no_memory(err, dir);
    bool only_txt = status == LUD_OK && !ludc_path_exists(json) && ludc_path_exists(txt);
    const char *path = only_txt ? txt : json;
    if (status == LUD_OK) status = ludc_file_read(path, &text, err);
    if (status == LUD_OK) {
        status = only_txt ? ludc_tokenizer_from_vocab_txt(text.ptr, text.len, path, config, out, err)
                          : ludc_tokenizer_from_json(text.ptr, text.len, path, config, out, err);
    }
    ludc_buf_free(&text);
    ludc_free(json);
    ludc_free(txt);
    return status;
}
