/* SPDX-License-Identifier: Apache-2.0
 * Tokenizers from GGUF metadata: pre-tokenizers by name, special tokens, what is refused, and that the tokenizer.json
 * rebuilt from it gives the same ids. */
#include "support.h"

#include <ludwig/random.h>

enum { BOS = 256, USER = 258, MERGED = 259 };

static ludc_value *texts(const char *const *items, size_t n) {
    ludc_value *v = ludc_value_new(LUD_CFG_LIST);
    for (size_t i = 0; i < n; i++)
        CHECK(ludc_value_push(v, ludc_value_str(ludc_str(items[i]))));
    return v;
}

/* 256 bytes, <bos> <eos> (control), <user>, and "he" and "\u0120t". */
static ludc_value *metadata(const char *pre) {
    static const char *const more[] = {"<bos>", "<eos>", "<user>", "he", "\u0120t"};
    static const char *const merges[] = {"h e", "\u0120 t"};
    ludc_value *m = ludc_value_new(LUD_CFG_OBJECT), *tokens = ludc_value_new(LUD_CFG_LIST);
    ludc_value *types = ludc_value_new(LUD_CFG_LIST);
    for (unsigned i = 0; i < 256 + LUDC_COUNT(more); i++) {
        char text[8];
        if (i < 256) byte_text(i, text);
        CHECK(ludc_value_push(tokens, ludc_value_str(ludc_str(i < 256 ? text : more[i - 256]))));
        CHECK(ludc_value_push(types, ludc_value_int(i == BOS || i == BOS + 1 ? 3 : i == USER ? 4 : 1)));
    }
    CHECK(ludc_value_put(m, "tokenizer.ggml.model", ludc_value_str(LUDC_STR("gpt2"))));
    if (pre) CHECK(ludc_value_put(m, "tokenizer.ggml.pre", ludc_value_str(ludc_str(pre))));
    CHECK(ludc_value_put(m, "tokenizer.ggml.tokens", tokens));
    CHECK(ludc_value_put(m, "tokenizer.ggml.token_type", types));
    CHECK(ludc_value_put(m, "tokenizer.ggml.merges", texts(merges, LUDC_COUNT(merges))));
    CHECK(ludc_value_put(m, "tokenizer.ggml.bos_token_id", ludc_value_int(BOS)));
    CHECK(ludc_value_put(m, "tokenizer.ggml.eos_token_id", ludc_value_int(BOS + 1)));
    return m;
}

static ludc_tokenizer *load(const ludc_value *m) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_OK(ludc_tokenizer_from_gguf(m, &t, &err), err);
    return t;
}

static void check_tokens(const ludc_value *m, const char *text, bool special, const char *want) {
    ludc_tokenizer *t = load(m);
    if (!t) return;
    char *got = tokens_text(t, ludc_str(text), special);
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_tokenizer_free(t);
}

static void test_encode(void) {
    ludc_value *m = metadata("smollm");
    check_tokens(m, "he the<eos>12<user>", true, "he|\u0120t|he|<eos>|1|2|<user>");
    check_tokens(m, "he<eos>he<eos>he", true, "he|<eos>|he|<eos>|he"); /* found whole once, looked up then */
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_bos_token", ludc_value_bool(true)));
    check_tokens(m, "he", true, "<bos>|he");
    check_tokens(m, "he", false, "he");
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_eos_token", ludc_value_bool(true)));
    check_tokens(m, "he", true, "<bos>|he|<eos>");
    ludc_value_free(m);
    m = metadata("llama-bpe"); /* adds BOS unless told otherwise */
    check_tokens(m, "he", true, "<bos>|he");
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_bos_token", ludc_value_bool(false)));
    check_tokens(m, "he", true, "he");
    ludc_value_free(m);
}

/* For every name: the rebuilt file loads, and gives the same ids and the same file again. */
static void check_rebuilt(const char *pre) {
    static const char text[] = "he The 'S 12345 caf\u00e9\n\n  <bos> (x) $1.50 |`~ \t<user>he ";
    ludc_value *m = metadata(pre);
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_bos_token", ludc_value_bool(true)));
    ludc_tokenizer *t = load(m), *again = NULL;
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf json = {0};
    CHECK_OK(ludc_tokenizer_to_json(t, &json, &err), err);
    CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "rebuilt", NULL, &again, &err), err);
    if (t && again) {
        char *a = ids_text(t, ludc_str(text), true), *b = ids_text(again, ludc_str(text), true);
        char *back = round_trip(again, ludc_str(text));
        CHECK_TEXT(a, b);
        CHECK_TEXT(back, text);
        ludc_free(a);
        ludc_free(b);
        ludc_free(back);
    }
    ludc_buf_free(&json);
    ludc_tokenizer_free(t);
    ludc_tokenizer_free(again);
    ludc_value_free(m);
}

static void test_rebuilt(void) {
    static const char *const names[] = {"smollm", "gpt-2",     "default", "llama-bpe",
                                        "qwen2",  "starcoder", "falcon",  "dbrx"};
    for (size_t i = 0; i < LUDC_COUNT(names); i++)
        check_rebuilt(names[i]);
    check_rebuilt(NULL);
}

static void test_config(void) {
    ludc_value *m = metadata("gpt-2"), *config = NULL;
    CHECK(ludc_value_put(m, "tokenizer.chat_template", ludc_value_str(LUDC_STR("{{ \"a\" }}\n"))));
    CHECK(ludc_value_put(m, "tokenizer.ggml.padding_token_id", ludc_value_int(BOS + 1)));
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf out = {0};
    ludc_tokenizer *t = load(m);
    ludc_special_ids s = ludc_tokenizer_special(t);
    CHECK_INT(s.bos, BOS);
    CHECK_INT(s.pad, BOS + 1);
    CHECK_INT(s.unk, -1);
    CHECK_OK(ludc_tokenizer_config_json(t, &out, &err), err);
    CHECK_OK(ludc_json_parse(out.ptr, out.len, "config", false, false, &config, &err), err);
    CHECK(ludc_str_eq(ludc_get_str(config, "eos_token", LUDC_STR("")), "<eos>"));
    CHECK(ludc_str_eq(ludc_get_str(config, "chat_template", LUDC_STR("")), "{{ \"a\" }}\n"));
    CHECK(ludc_str_eq(ludc_get_str(config, "tokenizer_class", LUDC_STR("")), "PreTrainedTokenizerFast"));
    CHECK(ludc_value_get(config, "unk_token") == NULL);
    ludc_value_free(config);
    ludc_tokenizer_free(t);
    CHECK(ludc_value_put(m, "tokenizer.chat_template.tools", ludc_value_str(LUDC_STR("T"))));
    t = load(m);
    ludc_buf_clear(&out);
    CHECK_OK(ludc_tokenizer_config_json(t, &out, &err), err);
    CHECK_OK(ludc_json_parse(out.ptr, out.len, "config", false, false, &config, &err), err);
    CHECK(ludc_str_eq(ludc_get_str(config, "chat_template.0.name", LUDC_STR("")), "default"));
    CHECK(ludc_str_eq(ludc_get_str(config, "chat_template.1.template", LUDC_STR("")), "T"));
    ludc_value_free(config);
    ludc_tokenizer_free(t);
    ludc_buf_free(&out);
    ludc_value_free(m);
}

/* Replaces one key and expects a refusal that says why. */
static void refuses(const char *key, ludc_value *value, lud_status want, const char *message) {
    ludc_value *m = metadata("smollm");
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK(ludc_value_put(m, key, value));
    CHECK_INT(ludc_tokenizer_from_gguf(m, &t, &err), want);
    CHECK(t == NULL);
    bool odd = !strstr(err.msg, message);
    if (odd) fprintf(stderr, "got '%s', want '%s' in it\n", err.msg, message);
    CHECK(!odd);
    ludc_tokenizer_free(t);
    ludc_value_free(m);
}

static void test_refusals(void) {
    static const char *const no_blank[] = {"he"}, *const unknown[] = {"he \u0120t"}, *const bad[] = {"\xff"};
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_INT(ludc_tokenizer_from_gguf(NULL, &t, &err), LUD_E_IO);
    refuses("tokenizer.ggml.pre", ludc_value_str(LUDC_STR("odd")), LUD_E_UNSUPPORTED, "unknown pre-tokenizer 'odd'");
    refuses("tokenizer.ggml.model", ludc_value_str(LUDC_STR("bert")), LUD_E_UNSUPPORTED,
            "known, but not available yet");
    refuses("tokenizer.ggml.model", ludc_value_str(LUDC_STR("llama")), LUD_E_IO, "scores");
    refuses("tokenizer.ggml.model", ludc_value_str(LUDC_STR("odd")), LUD_E_UNSUPPORTED, "unknown");
    refuses("tokenizer.ggml.model", ludc_value_new(LUD_CFG_NULL), LUD_E_IO, "no 'tokenizer.ggml.model'");
    refuses("tokenizer.ggml.merges", texts(no_blank, 1), LUD_E_IO, "merge 0 has no blank");
    refuses("tokenizer.ggml.merges", texts(unknown, 1), LUD_E_IO, "the result is not in the vocabulary");
    refuses("tokenizer.ggml.merges", ludc_value_int(1), LUD_E_IO, "must be an array");
    refuses("tokenizer.ggml.tokens", texts(bad, 1), LUD_E_IO, "not UTF-8");
    refuses("tokenizer.ggml.tokens", texts(no_blank, 1), LUD_E_IO, "but 261 token types");
    refuses("tokenizer.ggml.token_type", texts(no_blank, 1), LUD_E_IO, "not an integer");
    refuses("tokenizer.ggml.bos_token_id", ludc_value_int(261), LUD_E_IO, "'tokenizer.ggml.bos_token_id' is 261");
    refuses("tokenizer.ggml.eos_token_id", ludc_value_int(-1), LUD_E_IO, "'tokenizer.ggml.eos_token_id' is -1");
    refuses("tokenizer.ggml.add_bos_token", ludc_value_int(1), LUD_E_IO, "must be true or false");
}

/* ---- Keys ---- */
static void mix(void *key, const void *p, size_t n) {
    uint64_t *k = key;
    *k = lud_mix64(*k ^ ludc_hash(p, n));
}

static uint64_t key_of(const ludc_value *m) {
    uint64_t key = 0;
    ludc_tokenizer *t = load(m);
    CHECK(t && ludc_tokenizer_bytes(t, mix, &key) == LUD_OK);
    ludc_alloc_fail_after(0, true);
    CHECK(ludc_tokenizer_bytes(t, mix, &(uint64_t){0}) == LUD_E_NOMEM);
    ludc_alloc_fail_after(-1, false);
    ludc_tokenizer_free(t);
    return key;
}

/* Whatever changes ids or a prompt changes the key. */
static void test_keys(void) {
    static const char *const merges[] = {"\u0120 t", "h e"};
    static const struct {
        const char *key, *text;
    } changes[] = {{"tokenizer.ggml.pre", "qwen2"}, {"tokenizer.chat_template", "x"}};
    uint64_t keys[5] = {0};
    ludc_value *m = metadata("smollm"), *again = metadata("smollm");
    keys[0] = key_of(m);
    CHECK(key_of(again) == keys[0]);
    CHECK(ludc_value_put(again, "tokenizer.ggml.merges", texts(merges, 2)));
    keys[1] = key_of(again);
    for (size_t i = 0; i < 2; i++) {
        CHECK(ludc_value_put(m, changes[i].key, ludc_value_str(ludc_str(changes[i].text))));
        keys[2 + i] = key_of(m);
    }
    ludc_value *tokens = ludc_value_get(m, "tokenizer.ggml.tokens"), *first = tokens->items[0];
    tokens->items[0] = ludc_value_str(LUDC_STR("zz"));
    ludc_value_free(first);
    keys[4] = key_of(m);
    for (size_t i = 0; i < LUDC_COUNT(keys); i++)
        for (size_t k = 0; k < i; k++)
            CHECK(keys[i] != keys[k]);
    ludc_value_free(m);
    ludc_value_free(again);
}

static void test_out_of_memory(void) {
    ludc_value *m = metadata("qwen2");
    CHECK(ludc_value_put(m, "tokenizer.chat_template", ludc_value_str(LUDC_STR("x"))));
    lud_status status = LUD_E_NOMEM;
    int64_t n = 0;
    for (; status != LUD_OK && n < 20000; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tokenizer *t = NULL;
        ludc_buf out = {0};
        ludc_alloc_fail_after(n, false);
        status = ludc_tokenizer_from_gguf(m, &t, &err);
        if (status == LUD_OK) status = ludc_tokenizer_to_json(t, &out, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        ludc_tokenizer_free(t);
        ludc_buf_free(&out);
    }
    printf("%lld points of failure\n", (long long)n);
    CHECK(n > 50 && n < 20000);
    ludc_value_free(m);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_encode();
    test_rebuilt();
    test_config();
    test_refusals();
    test_keys();
    test_out_of_memory();
    return check_done();
}
