/* SPDX-License-Identifier: Apache-2.0
 * load: a tokenizer from tokenizer.json. The model comes first, then the added tokens (their ids depend on it), then
 * the rest. `truncation` and `padding` of the file are not looked at: lengths come from our configuration. */
#include "internal.h"

#include <string.h>

static lud_status load_model(const ludc_load *l, const ludc_value *root, ludc_tokenizer *tok) {
    static const char *const planned[] = {"WordPiece", "Unigram", "WordLevel", NULL};
    const ludc_value *model = ludc_value_get(root, "model");
    lud_str type = {0};
    if (!model || model->type != LUD_CFG_OBJECT) {
        return ludc_fail(l->err, LUD_E_IO, "%s: 'model' must be an object", l->name);
    }
    /* Files of before 2020 carry no type; only BPE has merges. */
    if (!ludc_value_get(model, "type") && ludc_value_get(model, "merges")) return ludc_bpe_load(l, model, &tok->bpe);
    LUDC_TRY(ludc_node_type(l, model, "model", &type));
    if (ludc_str_eq(type, "BPE")) return ludc_bpe_load(l, model, &tok->bpe);
    return ludc_node_refuse(l, "model", type, planned);
}

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
    LUDC_TRY(ludc_added_load(l, ludc_value_get(root, "added_tokens"), &tok->bpe.vocab, &tok->added));
    lud_status status = ludc_added_index_all(&tok->added, &tok->normalizer, &find);
    ludc_match_free(match);
    LUDC_TRY(status);
    LUDC_TRY(ludc_post_load(l, ludc_value_get(root, "post_processor"), &tok->post));
    LUDC_TRY(check_post(l, tok, &tok->post.before));
    return check_post(l, tok, &tok->post.after);
}

/* A token of tokenizer_config.json: its text, or an object with `content`. */
static lud_status special_id(const ludc_load *l, const ludc_tokenizer *tok, const char *key, int32_t *out) {
    const ludc_value *v = ludc_value_get(tok->config, key);
    if (v && v->type == LUD_CFG_OBJECT) v = ludc_value_get(v, "content");
    if (ludc_is_null(v)) return LUD_OK;
    if (v->type != LUD_CFG_STR) {
        return ludc_fail(l->err, LUD_E_IO, "%s: tokenizer_config.json: '%s' must be a token's text", l->name, key);
    }
    *out = ludc_tokenizer_id(tok, v->u.s);
    if (*out < 0) {
        ludc_log(LUD_LOG_WARN, "%s: %s '%.*s' of tokenizer_config.json is not in the vocabulary and is left out",
                 l->name, key, (int)LUDC_MIN(v->u.s.len, 64), v->u.s.ptr);
    }
    return LUD_OK;
}

lud_status ludc_tokenizer_load_special(const ludc_load *l, ludc_tokenizer *tok) {
    tok->special = (ludc_special_ids){-1, -1, -1, -1};
    if (!tok->config || tok->config->type != LUD_CFG_OBJECT) return LUD_OK;
    LUDC_TRY(special_id(l, tok, "bos_token", &tok->special.bos));
    LUDC_TRY(special_id(l, tok, "eos_token", &tok->special.eos));
    LUDC_TRY(special_id(l, tok, "pad_token", &tok->special.pad));
    return special_id(l, tok, "unk_token", &tok->special.unk);
}

static lud_status load_all(const ludc_load *l, const ludc_value *root, ludc_tokenizer *tok) {
    if (root->type != LUD_CFG_OBJECT) {
        return ludc_fail(l->err, LUD_E_IO, "%s: a tokenizer must be a JSON object", l->name);
    }
    LUDC_TRY(load_model(l, root, tok));
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
