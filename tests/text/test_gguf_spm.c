/* SPDX-License-Identifier: Apache-2.0
 * SentencePiece's BPE in GGUF metadata: those of cases.json written, read back, give the ids and texts of the
 * tokenizers library; scores decide what is joined; what does not fit is refused. */
#include "support.h"

enum { TOKENS = 10 };

static ludc_value *metadata(void) {
    static const char *const tokens[TOKENS] = {"<unk>", "<s>", "</s>", "<0x41>", "\u2581",
                                               "a",     "b",   "ab",   "ba",     "\u2581a"};
    static const int types[TOKENS] = {2, 3, 3, 6, 1, 1, 1, 1, 1, 1};
    static const double scores[TOKENS] = {0, 0, 0, 0, -10, -11, -12, -1, -2, -3};
    ludc_value *m = ludc_value_new(LUD_CFG_OBJECT), *list[3];
    for (size_t i = 0; i < LUDC_COUNT(list); i++)
        list[i] = ludc_value_new(LUD_CFG_LIST);
    for (size_t i = 0; i < TOKENS; i++) {
        CHECK(ludc_value_push(list[0], ludc_value_str(ludc_str(tokens[i]))));
        CHECK(ludc_value_push(list[1], ludc_value_int(types[i])));
        CHECK(ludc_value_push(list[2], ludc_value_float(scores[i])));
    }
    CHECK(ludc_value_put(m, "tokenizer.ggml.model", ludc_value_str(LUDC_STR("llama"))));
    CHECK(ludc_value_put(m, "tokenizer.ggml.tokens", list[0]));
    CHECK(ludc_value_put(m, "tokenizer.ggml.token_type", list[1]));
    CHECK(ludc_value_put(m, "tokenizer.ggml.scores", list[2]));
    return m;
}

static void check_tokens(const ludc_value *m, const char *text, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_OK(ludc_tokenizer_from_gguf(m, &t, &err), err);
    if (!t) return;
    char *got = tokens_text(t, ludc_str(text), true), *back = round_trip(t, ludc_str(text));
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_free(back);
    ludc_tokenizer_free(t);
}

static void test_encode(void) {
    ludc_value *m = metadata();
    check_tokens(m, "", "<s>");
    check_tokens(m, "aba", "<s>|\u2581|ab|a"); /* "ab" before "ba" and "\u2581a" */
    check_tokens(m, "ba ab", "<s>|\u2581|ba|\u2581|ab");
    check_tokens(m, "Az", "<s>|\u2581|<0x41>|<unk>");
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_space_prefix", ludc_value_bool(false)));
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_bos_token", ludc_value_bool(false)));
    CHECK(ludc_value_put(m, "tokenizer.ggml.add_eos_token", ludc_value_bool(true)));
    check_tokens(m, "a ab", "a|\u2581|ab|</s>");
    ludc_value_free(m);
}

static void refuses(const char *key, ludc_value *value, const char *message) {
    ludc_value *m = metadata();
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK(ludc_value_put(m, key, value));
    CHECK_INT(ludc_tokenizer_from_gguf(m, &t, &err), LUD_E_IO);
    CHECK(t == NULL && strstr(err.msg, message));
    ludc_tokenizer_free(t);
    ludc_value_free(m);
}

static void test_refusals(void) {
    ludc_value *texts = ludc_value_new(LUD_CFG_LIST), *few = ludc_value_new(LUD_CFG_LIST);
    for (size_t i = 0; i < TOKENS; i++)
        CHECK(ludc_value_push(texts, ludc_value_str(LUDC_STR("1"))));
    CHECK(ludc_value_push(few, ludc_value_float(1)));
    refuses("tokenizer.ggml.scores", ludc_value_new(LUD_CFG_NULL), "scores");
    refuses("tokenizer.ggml.scores", texts, "scores");
    refuses("tokenizer.ggml.scores", few, "scores");
    refuses("tokenizer.ggml.add_space_prefix", ludc_value_int(1), "must be true or false");
}

static void test_out_of_memory(void) {
    ludc_value *m = metadata();
    lud_status status = LUD_E_NOMEM;
    int64_t n = 0;
    for (; status != LUD_OK && n < 5000; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tokenizer *t = NULL;
        ludc_value *back = ludc_value_new(LUD_CFG_OBJECT);
        ludc_alloc_fail_after(n, false);
        status = ludc_tokenizer_from_gguf(m, &t, &err);
        if (status == LUD_OK) status = ludc_tokenizer_to_gguf(t, TOKENS, NULL, 0, back, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_E_UNSUPPORTED || status == LUD_E_NOMEM);
        if (status == LUD_E_UNSUPPORTED) status = LUD_OK; /* only one byte has a token */
        ludc_tokenizer_free(t);
        ludc_value_free(back);
    }
    CHECK(n > 50 && n < 5000);
    ludc_value_free(m);
}

/* ---- There and back ---- */
static void check_back(const ludc_tokenizer *t, lud_str name, lud_str text, const ludc_value *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    CHECK_OK(ludc_tokenizer_encode(t, text, true, &ids, &err), err);
    CHECK_OK(ludc_tokenizer_decode(t, ids.ptr, ids.len, false, &out, &err), err);
    bool same = ids.len == want->items[0]->len && ludc_str_same((lud_str){out.ptr, out.len}, want->items[1]->u.s);
    for (size_t i = 0; same && i < ids.len; i++)
        same = want->items[0]->items[i]->u.i == ids.ptr[i];
    if (!same) fprintf(stderr, "%.*s: '%.*s' differs\n", (int)name.len, name.ptr, (int)text.len, text.ptr);
    CHECK(same);
    ludc_ids_free(&ids);
    ludc_buf_free(&out);
}

static bool there_and_back(lud_str name, const ludc_value *made, const ludc_value *texts) {
    static const char config[] = "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"unk_token\":\"<unk>\"}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf json = {0};
    ludc_value *settings = NULL, *meta = ludc_value_new(LUD_CFG_OBJECT);
    ludc_tokenizer *t = NULL, *again = NULL, *third = NULL;
    CHECK_OK(ludc_value_to_json(ludc_value_get(made, "tokenizer"), -1, &json), err);
    CHECK_OK(ludc_json_parse(config, sizeof config - 1, "config", false, false, &settings, &err), err);
    CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "cases.json", settings, &t, &err), err);
    const lud_status status = ludc_tokenizer_to_gguf(t, ludc_tokenizer_vocab(t) + 3, NULL, 0, meta, &err);
    if (status == LUD_OK) CHECK_OK(ludc_tokenizer_from_gguf(meta, &again, &err), err);
    ludc_buf_clear(&json);
    if (again) CHECK_OK(ludc_tokenizer_to_json(again, &json, &err), err);
    if (again) CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "rebuilt", settings, &third, &err), err);
    const ludc_value *cases = ludc_value_get(made, "cases");
    for (size_t i = 0; third && i < cases->len; i++) {
        check_back(again, name, texts->items[i]->u.s, cases->items[i]);
        check_back(third, name, texts->items[i]->u.s, cases->items[i]);
    }
    printf("%.*s: %s\n", (int)name.len, name.ptr, status == LUD_OK ? "there and back" : err.msg);
    CHECK(status == LUD_OK || status == LUD_E_UNSUPPORTED);
    ludc_tokenizer_free(t);
    ludc_tokenizer_free(again);
    ludc_tokenizer_free(third);
    ludc_value_free(settings);
    ludc_value_free(meta);
    ludc_buf_free(&json);
    return status == LUD_OK;
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    ludc_value *all = cases_read();
    const ludc_value *texts = ludc_value_get(all, "texts");
    int n = 0;
    for (size_t i = 0; texts && i < all->len; i++)
        if (all->items[i] != texts && ludc_get_bool(all->items[i], "tokenizer.model.byte_fallback", false))
            n += there_and_back(all->keys[i], all->items[i], texts);
    CHECK(n >= 1);
    test_encode();
    test_refusals();
    test_out_of_memory();
    ludc_value_free(all);
    return check_done();
}
