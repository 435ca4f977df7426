/* SPDX-License-Identifier: Apache-2.0
 * gguf: a tokenizer from GGUF metadata. Everything but vocabulary and merges is written as a small tokenizer.json (the
 * skeleton) and loaded like one; gguf_pre.c knows the pre-tokenizers. All array lengths, ids and texts are checked. */
#include "gguf.h"

#include <string.h>

typedef struct source {
    const ludc_value *meta, *tokens, *types, *merges;
    const ludc_value *scores; /* SentencePiece: in place of merges and pre */
    const ludc_gguf_pre *pre;
} source;

static const ludc_value *meta(const source *s, const char *key) {
    return ludc_value_get(s->meta, key);
}

static lud_status get_list(const ludc_load *l, const source *s, const char *key, int32_t type, const ludc_value **out) {
    const ludc_value *v = meta(s, key);
    if (!v || v->type != LUD_CFG_LIST || v->len == 0 || v->len > INT32_MAX)
        return ludc_fail(l->err, LUD_E_IO, "%s: '%s' must be an array with entries", l->name, key);
    for (size_t i = 0; i < v->len; i++) {
        const ludc_value *x = v->items[i];
        if (x->type == type && (type != LUD_CFG_STR || ludc_utf8_valid(x->u.s.ptr, x->u.s.len))) continue;
        return ludc_fail(l->err, LUD_E_IO, "%s: '%s'[%zu] is not %s", l->name, key, i,
                         type == LUD_CFG_STR ? "UTF-8 text" : "an integer");
    }
    *out = v;
    return LUD_OK;
}

static lud_status read_pre(const ludc_load *l, source *s) {
    lud_str pre = {0};
    LUDC_TRY(ludc_node_text(l, s->meta, "tokenizer.ggml.pre", &pre));
    if (!pre.ptr) ludc_log(LUD_LOG_WARN, "%s: no 'tokenizer.ggml.pre': the default is taken", l->name);
    s->pre = ludc_gguf_pre_find(pre.ptr ? pre : LUDC_STR("default"));
    if (s->pre) return get_list(l, s, "tokenizer.ggml.merges", LUD_CFG_STR, &s->merges);
    return ludc_fail(l->err, LUD_E_UNSUPPORTED,
                     "%s: unknown pre-tokenizer '%.*s' (tokenizer.ggml.pre); another one would give other ids, so "
                     "give a tokenizer.json instead",
                     l->name, LUDC_ARG_CUT(pre, 64));
}

/* Scores are all real numbers, one a token: gguf_check.c. */
static lud_status read_scores(const ludc_load *l, source *s) {
    s->scores = meta(s, "tokenizer.ggml.scores");
    bool ok = s->scores && s->scores->type == LUD_CFG_LIST && s->scores->len == s->tokens->len;
    for (size_t i = 0; ok && i < s->scores->len; i++)
        ok = s->scores->items[i]->type == LUD_CFG_FLOAT || s->scores->items[i]->type == LUD_CFG_INT;
    return ok ? LUD_OK : ludc_fail(l->err, LUD_E_IO, "%s: 'tokenizer.ggml.scores' must be a number a token", l->name);
}

static lud_status read_source(const ludc_load *l, source *s) {
    static const char *const planned[] = {"bert", "t5", "rwkv", "plamo2", NULL};
    lud_str model = {0};
    LUDC_TRY(ludc_node_text(l, s->meta, "tokenizer.ggml.model", &model));
    if (!model.ptr) return ludc_fail(l->err, LUD_E_IO, "%s: no 'tokenizer.ggml.model'", l->name);
    const bool spm = ludc_str_eq(model, "llama");
    if (!spm && !ludc_str_eq(model, "gpt2")) return ludc_node_refuse(l, "tokenizer.ggml.model", model, planned);
    LUDC_TRY(get_list(l, s, "tokenizer.ggml.tokens", LUD_CFG_STR, &s->tokens));
    LUDC_TRY(spm ? read_scores(l, s) : read_pre(l, s));
    if (!meta(s, "tokenizer.ggml.token_type")) return LUD_OK;
    LUDC_TRY(get_list(l, s, "tokenizer.ggml.token_type", LUD_CFG_INT, &s->types));
    if (s->types->len == s->tokens->len) return LUD_OK;
    return ludc_fail(l->err, LUD_E_IO, "%s: %zu tokens, but %zu token types", l->name, s->tokens->len, s->types->len);
}

/* ---- Model ---- */
static lud_status load_vocab(const ludc_load *l, const source *s, ludc_vocab *v) {
    size_t bytes = 0, n = s->tokens->len;
    for (size_t i = 0; i < n; i++)
        bytes += s->tokens->items[i]->u.s.len;
    if (!ludc_vocab_init(v, n, bytes, (int32_t)n)) return ludc_no_memory(l->err, l->name);
    for (size_t i = 0; i < n; i++)
        ludc_vocab_add(v, s->tokens->items[i]->u.s, (int32_t)i);
    return LUD_OK;
}

/* "a b": cut at the first blank after the first byte. */
static lud_status load_merges(const ludc_load *l, const source *s, ludc_bpe *b) {
    if (s->scores) return ludc_gguf_spm_merges(l, s->scores, s->types, b);
    LUDC_TRY(ludc_bpe_merges_init(l, b, s->merges->len));
    for (size_t i = 0; i < s->merges->len; i++) {
        lud_str m = s->merges->items[i]->u.s;
        const char *blank = m.len > 1 ? memchr(m.ptr + 1, ' ', m.len - 1) : NULL;
        if (!blank) return ludc_fail(l->err, LUD_E_IO, "%s: merge %zu has no blank", l->name, i);
        size_t left = (size_t)(blank - m.ptr);
        LUDC_TRY(ludc_bpe_merge_add(l, b, (lud_str){m.ptr, left}, (lud_str){blank + 1, m.len - left - 1}));
    }
    return ludc_bpe_finish(l, b);
}

/* ---- Special tokens ---- */
/* The id under a key; if it is absent llama.cpp's default for SentencePiece, or -1. */
static lud_status read_id(const ludc_load *l, const source *s, const char *key, int32_t dflt, int32_t *out) {
    int64_t id = s->scores && (size_t)(dflt + 1) <= s->tokens->len ? dflt : -1;
    if (!ludc_is_null(meta(s, key))) LUDC_TRY(ludc_node_int(l, s->meta, key, 0, (int64_t)s->tokens->len - 1, &id));
    *out = (int32_t)id;
    return LUD_OK;
}

static lud_status read_special(const ludc_load *l, const source *s, ludc_special_ids *out) {
    out->cls = out->sep = -1;
    LUDC_TRY(read_id(l, s, "tokenizer.ggml.bos_token_id", 1, &out->bos));
    LUDC_TRY(read_id(l, s, "tokenizer.ggml.eos_token_id", 2, &out->eos));
    LUDC_TRY(read_id(l, s, "tokenizer.ggml.padding_token_id", -1, &out->pad));
    return read_id(l, s, "tokenizer.ggml.unknown_token_id", 0, &out->unk);
}

static void add_added_tokens(const source *s, ludc_buf *out) {
    bool any = false;
    for (size_t i = 0; s->types && i < s->types->len; i++) {
        int64_t type = s->types->items[i]->u.i;
        const ludc_value *text = s->tokens->items[i];
        if ((type != LUDC_GGUF_CONTROL && type != LUDC_GGUF_USER && type != LUDC_GGUF_UNKNOWN) || text->u.s.len == 0)
            continue;
        ludc_buf_addf(out, "%s{\"id\":%zu,\"content\":", any ? "," : "", i);
        if (ludc_value_to_json(text, -1, out) != LUD_OK) out->failed = true;
        ludc_buf_addf(out,
                      ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":%s}",
                      type == LUDC_GGUF_USER ? "false" : "true");
        any = true;
    }
}

/* {"SpecialToken":...} items around the text, as add_bos_token and add_eos_token ask for. */
static void add_post(const source *s, const ludc_special_ids *ids, bool bos, bool eos, ludc_buf *out) {
    int32_t around[2] = {bos ? ids->bos : -1, eos ? ids->eos : -1};
    ludc_buf name[2] = {{0}};
    if (around[0] < 0 && around[1] < 0) {
        ludc_buf_adds(out, "null");
        return;
    }
    for (int k = 0; k < 2; k++)
        if (around[k] >= 0 && ludc_value_to_json(s->tokens->items[around[k]], -1, &name[k]) != LUD_OK)
            out->failed = true;
    static const char *const forms[] = {"\"single\":[", "\"pair\":["};
    ludc_buf_adds(out, "{\"type\":\"TemplateProcessing\",");
    for (int form = 0; form < 2; form++) {
        ludc_buf_adds(out, forms[form]);
        for (int part = 0; part <= form; part++) {
            if (part) ludc_buf_adds(out, ",");
            if (name[0].len) ludc_buf_addf(out, "{\"SpecialToken\":{\"id\":%s,\"type_id\":%d}},", name[0].ptr, part);
            ludc_buf_addf(out, "{\"Sequence\":{\"id\":\"%c\",\"type_id\":%d}}", 'A' + part, part);
            if (name[1].len) ludc_buf_addf(out, ",{\"SpecialToken\":{\"id\":%s,\"type_id\":%d}}", name[1].ptr, part);
        }
        ludc_buf_adds(out, "],");
    }
    ludc_buf_adds(out, "\"special_tokens\":{");
    bool both = name[0].len && name[1].len && around[0] != around[1];
    for (int k = 0; k < 2; k++) {
        if (!name[k].len || (k == 1 && around[0] == around[1])) continue;
        ludc_buf_addf(out, "%s:{\"id\":%s,\"ids\":[%d],\"tokens\":[%s]}%s", name[k].ptr, name[k].ptr, (int)around[k],
                      name[k].ptr, k == 0 && both ? "," : "");
    }
    ludc_buf_adds(out, "}}");
    ludc_buf_free(&name[0]);
    ludc_buf_free(&name[1]);
}

/* Normalizer to decoder, and what the model is. */
static void add_byte_level(const source *s, ludc_buf *out) {
    ludc_buf_addf(out,
                  ",\"normalizer\":null,\"pre_tokenizer\":%s,"
                  "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,"
                  "\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                  "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
                  "\"byte_fallback\":false,\"ignore_merges\":%s}}",
                  s->pre->json, s->pre->ignore_merges ? "true" : "false");
}

#define BLANK "\xe2\x96\x81" /* U+2581 */
static void add_sentence_piece(const source *s, const ludc_special_ids *ids, bool prefix, ludc_buf *out) {
    ludc_buf_addf(out,
                  ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[%s{\"type\":\"Replace\",\"pattern\":{"
                  "\"String\":\" \"},\"content\":\"" BLANK
                  "\"}]},\"pre_tokenizer\":null,\"decoder\":{\"type\":\"Sequence\","
                  "\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" BLANK "\"},\"content\":\" \"},"
                  "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}%s]},\"model\":{\"type\":\"BPE\",\"dropout\":null,"
                  "\"unk_token\":",
                  prefix ? "{\"type\":\"Prepend\",\"prepend\":\"" BLANK "\"}," : "",
                  prefix ? ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}" : "");
    if (ids->unk < 0)
        ludc_buf_adds(out, "null");
    else if (ludc_value_to_json(s->tokens->items[ids->unk], -1, out) != LUD_OK)
        out->failed = true;
    ludc_buf_adds(out, ",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":true,"
                       "\"byte_fallback\":true,\"ignore_merges\":false}}");
}

static lud_status load_skeleton(const ludc_load *l, const source *s, ludc_tokenizer *tok) {
    ludc_buf text = {0};
    bool bos, eos, prefix;
    LUDC_TRY(ludc_node_bool(l, s->meta, "tokenizer.ggml.add_bos_token", s->scores || s->pre->add_bos, &bos));
    LUDC_TRY(ludc_node_bool(l, s->meta, "tokenizer.ggml.add_eos_token", false, &eos));
    LUDC_TRY(ludc_node_bool(l, s->meta, "tokenizer.ggml.add_space_prefix", true, &prefix));
    ludc_buf_adds(&text, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    add_added_tokens(s, &text);
    ludc_buf_adds(&text, "],\"post_processor\":");
    add_post(s, &tok->special, bos, eos, &text);
    if (s->scores)
        add_sentence_piece(s, &tok->special, prefix, &text);
    else
        add_byte_level(s, &text);
    lud_status status = text.failed ? ludc_no_memory(l->err, l->name)
                                    : ludc_json_parse(text.ptr, text.len, l->name, false, true, &tok->skeleton, l->err);
    ludc_buf_free(&text);
    LUDC_TRY(status);
    tok->bpe.unk = s->scores ? tok->special.unk : -1;
    return ludc_bpe_options(l, ludc_value_get(tok->skeleton, "model"), &tok->vocab, &tok->bpe);
}

/* ---- tokenizer_config.json ---- */
static bool put_token(ludc_value *config, const char *key, const source *s, int32_t id) {
    return id < 0 || ludc_value_put(config, key, ludc_value_copy(s->tokens->items[id]));
}

/* One template is a string; named ones ("tokenizer.chat_template.NAME") make it a list. */
static bool put_chat_template(ludc_value *config, const source *s) {
    static const char prefix[] = "tokenizer.chat_template.";
    const ludc_value *plain = meta(s, "tokenizer.chat_template");
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    bool ok = list != NULL, named = false;
    for (size_t i = 0; ok && i < s->meta->len; i++) {
        const ludc_value *v = s->meta->items[i];
        lud_str key = s->meta->keys[i], name = LUDC_STR("default");
        bool is_named = key.len > sizeof prefix - 1 && memcmp(key.ptr, prefix, sizeof prefix - 1) == 0;
        if (v->type != LUD_CFG_STR || (v != plain && !is_named)) continue;
        if (is_named) name = (lud_str){key.ptr + sizeof prefix - 1, key.len - (sizeof prefix - 1)};
        ludc_value *item = ludc_value_new(LUD_CFG_OBJECT);
        ok = item && ludc_value_put(item, "name", ludc_value_str(name)) &&
             ludc_value_put(item, "template", ludc_value_copy(v));
        if (!ok)
            ludc_value_free(item);
        else
            ok = ludc_value_push(list, item);
        named = named || is_named;
    }
    if (ok && named) return ludc_value_put(config, "chat_template", list);
    ludc_value_free(list);
    if (!ok || !plain || plain->type != LUD_CFG_STR) return ok;
    return ludc_value_put(config, "chat_template", ludc_value_copy(plain));
}

static lud_status make_config(const ludc_load *l, const source *s, ludc_tokenizer *tok) {
    ludc_value *c = tok->config = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = c && ludc_value_put(c, "tokenizer_class", ludc_value_text("PreTrainedTokenizerFast")) &&
              ludc_value_put(c, "clean_up_tokenization_spaces", ludc_value_bool(false)) &&
              put_token(c, "bos_token", s, tok->special.bos) && put_token(c, "eos_token", s, tok->special.eos) &&
              put_token(c, "pad_token", s, tok->special.pad) && put_token(c, "unk_token", s, tok->special.unk) &&
              put_chat_template(c, s);
    return ok ? LUD_OK : ludc_no_memory(l->err, l->name);
}

static lud_status load_all(const ludc_load *l, source *s, ludc_tokenizer *tok) {
    LUDC_TRY(read_source(l, s));
    LUDC_TRY(read_special(l, s, &tok->special));
    LUDC_TRY(load_skeleton(l, s, tok));
    LUDC_TRY(load_vocab(l, s, &tok->vocab));
    LUDC_TRY(load_merges(l, s, &tok->bpe));
    LUDC_TRY(ludc_tokenizer_load_parts(l, tok->skeleton, tok));
    return make_config(l, s, tok);
}

lud_status ludc_tokenizer_from_gguf(const ludc_value *metadata, ludc_tokenizer **out, lud_error *err) {
    ludc_load l = {"GGUF metadata", err};
    source s = {.meta = metadata};
    if (!metadata || metadata->type != LUD_CFG_OBJECT)
        return ludc_fail(err, LUD_E_IO, "%s: no key-value metadata", l.name);
    ludc_tokenizer *tok = ludc_alloc(sizeof *tok);
    if (!tok) return ludc_no_memory(err, l.name);
    lud_status status = load_all(&l, &s, tok);
    if (status == LUD_OK) return *out = tok, LUD_OK;
    ludc_tokenizer_free(tok);
    return status;
}
