/* SPDX-License-Identifier: Apache-2.0
 * A GGUF's tokenizer: its metadata is turned into the tree of a tokenizer.json, which is then read like any other; so
 * what is saved later is what ran. */
#include "internal.h"

#include <string.h>

static ludc_value *text(const char *s) {
    return ludc_value_str(ludc_str(s));
}

static ludc_value *typed(const char *type) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(v, "type", text(type));
    return v;
}

static ludc_value *byte_level(bool use_regex) {
    ludc_value *v = typed("ByteLevel");
    ludc_value_put(v, "add_prefix_space", ludc_value_bool(false));
    ludc_value_put(v, "trim_offsets", ludc_value_bool(true));
    ludc_value_put(v, "use_regex", ludc_value_bool(use_regex));
    return v;
}

static ludc_value *sequence_of(ludc_value *first) {
    ludc_value *v = typed("Sequence"), *list = ludc_value_new(LUD_CFG_LIST);
    ludc_value_push(list, first);
    ludc_value_push(list, byte_level(ludc_value_get(first, "individual_digits") != NULL));
    ludc_value_put(v, "pretokenizers", list);
    return v;
}

static ludc_value *digits(void) {
    ludc_value *v = typed("Digits");
    ludc_value_put(v, "individual_digits", ludc_value_bool(true));
    return v;
}

static ludc_value *split(const char *regex) {
    ludc_value *v = typed("Split"), *pattern = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(pattern, "Regex", text(regex));
    ludc_value_put(v, "pattern", pattern);
    ludc_value_put(v, "behavior", text("Isolated"));
    ludc_value_put(v, "invert", ludc_value_bool(false));
    return v;
}

static bool among(lud_str word, const char *const *list) {
    for (; *list; list++)
        if (ludc_str_eq(word, *list)) return true;
    return false;
}

#define LLAMA3(numbers)                                                                                                \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers                                              \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* The names as llama.cpp's converter writes them. */
ludc_value *ludc_gguf_pretokenizer(lud_str pre, bool *ignore_merges) {
    static const char *const gpt2[] = {"gpt-2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais", "default", NULL};
    static const char *const one_digit[] = {"smollm", "starcoder", "refact", "command-r", "codeshell", NULL};
    static const char *const llama3[] = {"llama-bpe", "llama3", "llama-v3", "falcon3", "smaug-bpe", NULL};
    static const char *const qwen2[] = {"qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", NULL};
    *ignore_merges = among(pre, llama3);
    if (among(pre, gpt2)) return byte_level(true);
    if (among(pre, one_digit)) return sequence_of(digits());
    if (among(pre, llama3)) return sequence_of(split(LLAMA3("\\p{N}{1,3}")));
    if (among(pre, qwen2)) return sequence_of(split(LLAMA3("\\p{N}")));
    return NULL;
}

enum { TYPE_CONTROL = 3, TYPE_USER = 4 };

static ludc_value *added_token(lud_str content, int64_t id, bool special) {
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(v, "id", ludc_value_int(id));
    ludc_value_put(v, "content", ludc_value_str(content));
    for (size_t i = 0; i < LUDC_COUNT(flags); i++)
        ludc_value_put(v, flags[i], ludc_value_bool(false));
    ludc_value_put(v, "special", ludc_value_bool(special));
    return v;
}

static lud_status vocabulary(const ludc_value *meta, ludc_value *vocab, ludc_value *added, lud_error *err) {
    const ludc_value *tokens = ludc_value_get(meta, "tokenizer.ggml.tokens");
    const ludc_value *types = ludc_value_get(meta, "tokenizer.ggml.token_type");
    if (!tokens || tokens->type != LUD_CFG_LIST || tokens->len == 0)
        return ludc_fail(err, LUD_E_IO, "GGUF: tokenizer.ggml.tokens is missing");
    if (types && types->len != tokens->len)
        return ludc_fail(err, LUD_E_IO, "GGUF: tokenizer.ggml.token_type has %zu entries, tokens %zu", types->len,
                         tokens->len);
    for (size_t i = 0; i < tokens->len; i++) {
        const ludc_value *t = tokens->items[i];
        if (t->type != LUD_CFG_STR)
            return ludc_fail(err, LUD_E_IO, "GGUF: tokenizer.ggml.tokens: entry %zu is not text", i);
        const int64_t type = types && types->items[i]->type == LUD_CFG_INT ? types->items[i]->u.i : 1;
        bool ok = ludc_value_append(vocab, t->u.s, ludc_value_int((int64_t)i));
        if (type == TYPE_CONTROL || type == TYPE_USER)
            ok = ludc_value_push(added, added_token(t->u.s, (int64_t)i, type == TYPE_CONTROL)) && ok;
        if (!ok) return ludc_fail(err, LUD_E_NOMEM, "GGUF: out of memory");
    }
    return LUD_OK;
}

static ludc_value *model_of(const ludc_value *meta, ludc_value *vocab, bool ignore_merges) {
    ludc_value *m = typed("BPE");
    const ludc_value *merges = ludc_value_get(meta, "tokenizer.ggml.merges");
    const char *const nulls[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < LUDC_COUNT(nulls); i++)
        ludc_value_put(m, nulls[i], ludc_value_new(LUD_CFG_NULL));
    ludc_value_put(m, "fuse_unk", ludc_value_bool(false));
    ludc_value_put(m, "byte_fallback", ludc_value_bool(false));
    ludc_value_put(m, "ignore_merges", ludc_value_bool(ignore_merges));
    ludc_value_put(m, "vocab", vocab);
    ludc_value_put(m, "merges", merges ? ludc_value_copy(merges) : ludc_value_new(LUD_CFG_LIST));
    return m;
}

static void put_token(ludc_value *config, const char *key, const ludc_value *meta, const char *gguf_key) {
    const ludc_value *tokens = ludc_value_get(meta, "tokenizer.ggml.tokens"), *id = ludc_value_get(meta, gguf_key);
    if (id && id->type == LUD_CFG_INT && id->u.i >= 0 && (size_t)id->u.i < tokens->len)
        ludc_value_put(config, key, ludc_value_copy(tokens->items[id->u.i]));
}

static ludc_value *config_of(const ludc_value *meta) {
    ludc_value *c = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(c, "tokenizer_class", text("PreTrainedTokenizerFast"));
    put_token(c, "bos_token", meta, "tokenizer.ggml.bos_token_id");
    put_token(c, "eos_token", meta, "tokenizer.ggml.eos_token_id");
    put_token(c, "unk_token", meta, "tokenizer.ggml.unknown_token_id");
    put_token(c, "pad_token", meta, "tokenizer.ggml.padding_token_id");
    const ludc_value *chat = ludc_value_get(meta, "tokenizer.chat_template");
    if (chat && chat->type == LUD_CFG_STR) ludc_value_put(c, "chat_template", ludc_value_copy(chat));
    ludc_value_put(c, "clean_up_tokenization_spaces", ludc_value_bool(false));
    return c;
}

/* {"<key>": {"id": <name>, "type_id": 0}}, an item of a post-processor's template. */
static ludc_value *template_item(const char *key, const char *name) {
    ludc_value *item = ludc_value_new(LUD_CFG_OBJECT), *inner = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value_put(inner, "id", text(name));
    ludc_value_put(inner, "type_id", ludc_value_int(0));
    ludc_value_put(item, key, inner);
    return item;
}

/* The post-processor that puts BOS first, or null. */
static ludc_value *template_of(const ludc_value *meta) {
    const ludc_value *flag = ludc_value_get(meta, "tokenizer.ggml.add_bos_token");
    const ludc_value *id = ludc_value_get(meta, "tokenizer.ggml.bos_token_id");
    if (!flag || flag->type != LUD_CFG_BOOL || !flag->u.b || !id || id->type != LUD_CFG_INT)
        return ludc_value_new(LUD_CFG_NULL);
    ludc_value *v = typed("TemplateProcessing"), *single = ludc_value_new(LUD_CFG_LIST);
    ludc_value *entry = ludc_value_new(LUD_CFG_OBJECT), *all = ludc_value_new(LUD_CFG_OBJECT);
    ludc_value *ids = ludc_value_new(LUD_CFG_LIST), *names = ludc_value_new(LUD_CFG_LIST);
    ludc_value_push(single, template_item("SpecialToken", "bos"));
    ludc_value_push(single, template_item("Sequence", "A"));
    ludc_value_push(ids, ludc_value_copy(id));
    ludc_value_push(names, text("bos"));
    ludc_value_put(entry, "id", text("bos"));
    ludc_value_put(entry, "ids", ids);
    ludc_value_put(entry, "tokens", names);
    ludc_value_put(all, "bos", entry);
    ludc_value_put(v, "single", single);
    ludc_value_put(v, "pair", ludc_value_copy(single));
    ludc_value_put(v, "special_tokens", all);
    return v;
}

static lud_status build(const ludc_value *meta, ludc_value *root, lud_error *err) {
    const ludc_value *pre_node = ludc_value_get(meta, "tokenizer.ggml.pre");
    const lud_str pre = pre_node && pre_node->type == LUD_CFG_STR ? pre_node->u.s : LUDC_STR("default");
    bool ignore_merges;
    ludc_value *pretokenizer = ludc_gguf_pretokenizer(pre, &ignore_merges);
    if (!pretokenizer)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: pre-tokenizer '%.*s' (tokenizer.ggml.pre) is not known",
                         (int)pre.len, pre.ptr);
    ludc_value *vocab = ludc_value_new(LUD_CFG_OBJECT), *added = ludc_value_new(LUD_CFG_LIST);
    const lud_status status = vocabulary(meta, vocab, added, err);
    ludc_value_put(root, "version", text("1.0"));
    ludc_value_put(root, "truncation", ludc_value_new(LUD_CFG_NULL));
    ludc_value_put(root, "padding", ludc_value_new(LUD_CFG_NULL));
    ludc_value_put(root, "added_tokens", added);
    ludc_value_put(root, "normalizer", ludc_value_new(LUD_CFG_NULL));
    ludc_value_put(root, "pre_tokenizer", pretokenizer);
    ludc_value_put(root, "post_processor", status == LUD_OK ? template_of(meta) : ludc_value_new(LUD_CFG_NULL));
    ludc_value_put(root, "decoder", byte_level(true));
    ludc_value_put(root, "model", model_of(meta, vocab, ignore_merges));
    return status;
}

lud_status ludc_tokenizer_from_gguf(const ludc_value *meta, ludc_tokenizer **out, lud_error *err) {
    const ludc_value *model = ludc_value_get(meta, "tokenizer.ggml.model");
    const lud_str kind = model && model->type == LUD_CFG_STR ? model->u.s : LUDC_STR("(none)");
    if (!ludc_str_eq(kind, "gpt2"))
        return ludc_fail(
            err, LUD_E_UNSUPPORTED,
            "GGUF: tokenizer model '%.*s' is known, not available yet (gpt2 is); use the Hugging Face folder",
            (int)kind.len, kind.ptr);
    ludc_value *root = ludc_value_new(LUD_CFG_OBJECT), *config = NULL;
    ludc_tokenizer *t = NULL;
    lud_status status = root ? build(meta, root, err) : ludc_fail(err, LUD_E_NOMEM, "GGUF: out of memory");
    if (status == LUD_OK) {
        config = config_of(meta);
        status = ludc_tokenizer_read(root, "GGUF tokenizer", config, &t, err);
    }
    if (status == LUD_OK) status = ludc_value_to_json(root, 1, &t->json);
    ludc_value_free(root);
    ludc_value_free(config);
    if (status != LUD_OK) {
        ludc_tokenizer_free(t);
        return ludc_fail(err, status, "GGUF: cannot read the tokenizer");
    }
    *out = t;
    return LUD_OK;
}
