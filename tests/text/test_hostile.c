/* SPDX-License-Identifier: Apache-2.0
 * Tokenizer files from outside: what is refused and how, random damage, hostile words and patterns, and running out
 * of memory at every allocation. Nothing here may crash, hang or read out of bounds (run under sanitizers). */
#include "support.h"

#include <ludwig/random.h>

static void refuses(const parts *p, lud_status want, const char *message) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    ludc_tokenizer *t = NULL;
    tokenizer_text(p, &text);
    lud_status status = ludc_tokenizer_from_json(text.ptr, text.len, "bad.json", NULL, &t, &err);
    CHECK_INT(status, want);
    CHECK_INT(err.code, want);
    CHECK(t == NULL);
    bool odd = !strstr(err.msg, message) || !strstr(err.msg, "bad.json");
    if (odd) fprintf(stderr, "got '%s', want '%s' in it\n", err.msg, message);
    CHECK(!odd);
    ludc_tokenizer_free(t);
    ludc_buf_free(&text);
}

static void test_refusals(void) {
    refuses(&(parts){.normalizer = "{\"type\":\"Odd\"}"}, LUD_E_UNSUPPORTED, "unknown normalizer type 'Odd'");
    refuses(&(parts){.pre = "{\"type\":\"Odd\"}"}, LUD_E_UNSUPPORTED, "unknown pre_tokenizer type 'Odd'");
    refuses(&(parts){.pre = "{\"type\":\"UnicodeScripts\"}"}, LUD_E_UNSUPPORTED, "known, but not available yet");
    refuses(&(parts){.pre = "[]"}, LUD_E_IO, "pre_tokenizer must be an object");
    refuses(&(parts){.decoder = "{\"type\":\"CTC\"}"}, LUD_E_UNSUPPORTED, "known, but not available yet");
    refuses(&(parts){.post = "{\"type\":\"Odd\"}"}, LUD_E_UNSUPPORTED, "unknown post_processor type");
    refuses(&(parts){.post = "{\"type\":\"BertProcessing\",\"sep\":[\"x\",9999],\"cls\":[\"x\",1]}"}, LUD_E_IO,
            "adds the id 9999");
    refuses(&(parts){.pre = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}"}, LUD_E_IO,
            "regex '('");
    refuses(&(parts){.pre = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&b]\"},\"behavior\":\"Isolated\"}"},
            LUD_E_UNSUPPORTED, "'[a&&b]' with &&");
    refuses(&(parts){.pre = "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Odd\"}"}, LUD_E_IO,
            "unknown split behavior 'Odd'");
    refuses(&(parts){.pre = "{\"type\":\"Digits\",\"individual_digits\":1}"}, LUD_E_IO, "'individual_digits' must be");
    refuses(&(parts){.merges = "\"a b\""}, LUD_E_IO, "the result is not in the vocabulary");
    refuses(&(parts){.merges = "[\"a\",\"zz\"]"}, LUD_E_IO, "the right side is not in the vocabulary");
    refuses(&(parts){.merges = "[\"a\"]"}, LUD_E_IO, "merge 0 must be");
    refuses(&(parts){.vocab = "\"a\":-1"}, LUD_E_IO, "the id of 'a'");
    refuses(&(parts){.vocab = "\"a\":2000000000"}, LUD_E_IO, "the id of 'a'");
    refuses(&(parts){.vocab = ""}, LUD_E_IO, "model.vocab must be");
    refuses(&(parts){.added = "{\"id\":97,\"content\":\"<x>\"}"}, LUD_E_IO, "has the id 97 of 'a'");
    refuses(&(parts){.added = "{\"id\":2000000000,\"content\":\"<x>\"}"}, LUD_E_IO, "'id' is 2000000000");
    refuses(&(parts){.added = "7"}, LUD_E_IO, "is no object");
    refuses(&(parts){.options = "\"byte_fallback\":\"yes\","}, LUD_E_IO, "'byte_fallback' must be");
}

static void refuses_text(const char *text, lud_status want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_INT(ludc_tokenizer_from_json(text, strlen(text), "bad.json", NULL, &t, &err), want);
    CHECK(err.msg[0] != '\0');
}

static void test_models(void) {
    refuses_text("", LUD_E_IO);
    refuses_text("[]", LUD_E_IO);
    refuses_text("{\"model\":", LUD_E_IO);
    refuses_text("{\"model\":null}", LUD_E_IO);
    refuses_text("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}", LUD_E_IO);
    refuses_text("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"max_input_chars_per_word\":-1}}", LUD_E_IO);
    refuses_text("{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", LUD_E_IO);
    refuses_text("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", LUD_E_IO);
    refuses_text("{\"model\":{\"vocab\":[[\"a\",\"b\"]]}}", LUD_E_IO);
    refuses_text("{\"model\":{\"vocab\":[[\"a\",-1]],\"unk_id\":1}}", LUD_E_IO);
    refuses_text("{\"model\":{\"vocab\":{\"a\":0}}}", LUD_E_IO);
    refuses_text("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", LUD_E_UNSUPPORTED);
    refuses_text("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", LUD_E_IO);
}

static void refuses_charsmap(const char *base64, const char *message) {
    ludc_buf text = {0};
    ludc_buf_addf(&text, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":%s}", base64);
    refuses(&(parts){.normalizer = text.ptr}, LUD_E_IO, message);
    ludc_buf_free(&text);
}

static void test_charsmaps(void) {
    refuses_charsmap("7", "'precompiled_charsmap' must be a string");
    refuses_charsmap("null", "does not fit into its 0 bytes");
    refuses_charsmap("\"AAAA\"", "does not fit into its 3 bytes");
    refuses_charsmap("\"AAAAAA==\"", "does not fit into its 4 bytes");     /* a trie of no unit */
    refuses_charsmap("\"CAAAAAAAAAA=\"", "does not fit into its 8 bytes"); /* of two, one is there */
    refuses_charsmap("\"/////wAAAAA=\"", "does not fit into its 8 bytes");
    refuses_charsmap("\"BAAAAAAAAAD/\"", "its texts are not UTF-8");
    refuses_charsmap("\"BAAAAAAAAAA\"", "is not base64");
    refuses_charsmap("\"BAAA*AAAAAA=\"", "is not base64");
    refuses_charsmap("\"====\"", "is not base64");
}

/* A chain of sequences deeper than any real file. */
static void test_nesting(void) {
    ludc_buf deep = {0};
    for (int i = 0; i < 40; i++)
        ludc_buf_adds(&deep, "{\"type\":\"Sequence\",\"normalizers\":[");
    ludc_buf_adds(&deep, "{\"type\":\"NFC\"}");
    for (int i = 0; i < 40; i++)
        ludc_buf_adds(&deep, "]}");
    refuses(&(parts){.normalizer = deep.ptr}, LUD_E_IO, "nested too deep");
    ludc_buf_free(&deep);
}

/* A tokenizer with one of everything. */
static const parts everything = {
    .normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Strip\"},{\"type\":"
                  "\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},{\"type\":\"Lowercase\"}]}",
    .pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},{\"type\":"
           "\"Split\",\"pattern\":{\"Regex\":\"[^x]+y?|x\"},\"behavior\":\"MergedWithNext\",\"invert\":true},{\"type\":"
           "\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\",\"split\":true},{\"type\":\"ByteLevel\","
           "\"add_prefix_space\":true,\"use_regex\":true}]}",
    .post = "{\"type\":\"RobertaProcessing\",\"sep\":[\"E\",69],\"cls\":[\"B\",66]}",
    .decoder =
        "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"_\"},\"content\":"
        "\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"WordPiece\",\"prefix\":\"#\",\"cleanup\":true},{\"type\":"
        "\"ByteLevel\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":2}]}",
    .added =
        "{\"id\":300,\"content\":\"<x>\",\"lstrip\":true,\"rstrip\":true,\"special\":true},{\"id\":301,\"content\":"
        "\"Yes\",\"single_word\":true,\"normalized\":true}",
    .vocab = "\"a\":0,\"b\":1,\"ab\":2,\"\u0120\":3,\"_\":4,\"abab\":5,\"<unk>\":6,\"B\":66,\"E\":69",
    .options = "\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"fuse_unk\":true,\"ignore_merges\":false,",
    .merges = "[\"a\",\"b\"],\"ab ab\""};
static const char sample[] = "ab aBab  <x> yes x12 y\xff caf\xc3\xa9 abababababababababababababababababababababababab!";

/* Loads, encodes, decodes, saves; whatever happens, the status and the error agree. */
static lud_status use(const char *text, size_t n, bool *loaded) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    lud_status status = ludc_tokenizer_from_json(text, n, "mutated", NULL, &t, &err);
    *loaded = status == LUD_OK;
    if (status == LUD_OK) status = ludc_tokenizer_encode(t, (lud_str){sample, sizeof sample}, true, &ids, &err);
    if (status == LUD_OK) status = ludc_tokenizer_decode(t, ids.ptr, ids.len, true, &out, &err);
    if (status == LUD_OK) status = ludc_tokenizer_to_json(t, &out, &err);
    for (size_t i = 0; i < ids.len; i++)
        CHECK(ids.ptr[i] >= 0 && ids.ptr[i] < ludc_tokenizer_vocab(t));
    CHECK(status == LUD_OK || err.code == status);
    CHECK(status == LUD_OK || err.msg[0]);
    ludc_tokenizer_free(t);
    ludc_ids_free(&ids);
    ludc_buf_free(&out);
    return status;
}

static void mutate(char *text, size_t *n, uint64_t key) {
    static const char bytes[] = "\"{}[]:,0129-e\\u\x80\xff nultrfalse";
    size_t at = (size_t)(lud_mix64(key) % *n), len = 1 + (size_t)(lud_mix64(key + 1) % 8);
    switch (lud_mix64(key + 2) % 4) {
    case 0:
        text[at] = bytes[lud_mix64(key + 3) % (sizeof bytes - 1)];
        break;
    case 1: /* a hole */
        len = LUDC_MIN(len, *n - at);
        memmove(text + at, text + at + len, *n - at - len);
        *n -= len;
        break;
    case 2: /* one part over another */
        len = LUDC_MIN(len * 4, *n - at);
        memmove(text + at, text + (size_t)(lud_mix64(key + 4) % (*n - len + 1)), len);
        break;
    default:
        text[at] = (char)(text[at] ^ (1 << lud_mix64(key + 5) % 8));
    }
}

/* Text number k: 0 is the tokenizer with one of everything, then those of cases.json; false: there are no more. */
static bool text_at(const ludc_value *cases, size_t k, ludc_buf *out) {
    ludc_buf_clear(out);
    if (k == 0) {
        tokenizer_text(&everything, out);
        return true;
    }
    if (!cases || k >= cases->len) return false;
    const ludc_value *t = ludc_value_get(cases->items[k], "tokenizer"); /* item 0 is the list of texts */
    return t && ludc_value_to_json(t, -1, out) == LUD_OK;
}

static void test_mutations(const ludc_value *cases) {
    enum { ROUNDS = 1500 };
    ludc_buf text = {0};
    int survived = 0, rounds = 0;
    for (size_t k = 0; text_at(cases, k, &text); k++) {
        bool loaded;
        CHECK_INT(use(text.ptr, text.len, &loaded), LUD_OK);
        char *copy = ludc_alloc(text.len + 1);
        for (uint64_t round = 0; round < ROUNDS; round++, rounds++) {
            size_t n = text.len;
            memcpy(copy, text.ptr, n);
            for (uint64_t i = 0; i <= round % 3; i++)
                mutate(copy, &n, ((k * ROUNDS + round) * 8 + i) * 16);
            char *exact = ludc_strndup(copy, n); /* its own block: reads past the end show */
            (void)use(exact, n, &loaded);
            survived += loaded;
            ludc_free(exact);
        }
        ludc_free(copy);
    }
    printf("%d of %d mutated files still load\n", survived, rounds);
    CHECK(survived > 1000 && rounds > 10 * ROUNDS);
    ludc_buf_free(&text);
}

static void test_out_of_memory(const ludc_value *cases) {
    ludc_buf text = {0};
    for (size_t k = 0; text_at(cases, k, &text); k++) {
        lud_status status = LUD_E_NOMEM;
        int64_t n = 0;
        for (; status != LUD_OK && n < 5000; n++) {
            bool loaded;
            ludc_alloc_fail_after(n, n % 2 == 1);
            status = use(text.ptr, text.len, &loaded);
            ludc_alloc_fail_after(-1, false);
            if (status != LUD_OK && status != LUD_E_NOMEM) break;
        }
        CHECK_INT(status, LUD_OK);
        printf("%lld points of failure\n", (long long)n);
        CHECK(n > 50 && n < 5000);
    }
    ludc_buf_free(&text);
}

/* Text that is hard on splits, marks, grapheme clusters, long words and added tokens takes time in proportion to its
 * length. */
static void hard_texts(const ludc_tokenizer *t) {
    static const char *const units[] = {"<", "<x", " ",    " \n", "a",      "\u0301\u0316",
                                        "1", "x",  "\xff", "_ ",  "\u4e2d", "\r"};
    for (size_t k = 0; k < LUDC_COUNT(units); k++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_buf text = {0};
        ludc_ids ids = {0};
        for (int i = 0; i < 50000; i++)
            ludc_buf_adds(&text, units[k]);
        double start = ludc_now();
        CHECK_OK(ludc_tokenizer_encode(t, (lud_str){text.ptr, text.len}, true, &ids, &err), err);
        CHECK(ludc_now() - start < 20);
        ludc_ids_free(&ids);
        ludc_buf_free(&text);
    }
}

static void test_hard_texts(const ludc_value *cases) {
    ludc_buf text = {0};
    for (size_t k = 0; text_at(cases, k, &text); k++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tokenizer *t = NULL;
        CHECK_OK(ludc_tokenizer_from_json(text.ptr, text.len, "hard.json", NULL, &t, &err), err);
        if (t) hard_texts(t);
        ludc_tokenizer_free(t);
    }
    ludc_buf_free(&text);
}

/* A pattern with catastrophic backtracking ends with an error, not with the patience of the user. */
static void test_runaway_regex(void) {
    ludc_tokenizer *t = tokenizer_new(
        &(parts){.pre = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+(?=[bd])\"},\"behavior\":\"Isolated\"}"});
    char text[200];
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'c';
    CHECK_INT(ludc_tokenizer_encode(t, (lud_str){text, sizeof text}, false, &ids, &err), LUD_E_DATA);
    CHECK_INT(ids.len, 0);
    CHECK(strstr(err.msg, "gave up") != NULL);
    ludc_ids_free(&ids);
    ludc_tokenizer_free(t);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_refusals();
    test_models();
    test_charsmaps();
    test_nesting();
    ludc_value *cases = cases_read();
    test_mutations(cases);
    test_out_of_memory(cases);
    test_hard_texts(cases);
    ludc_value_free(cases);
    test_runaway_regex();
    return check_done();
}
