/* SPDX-License-Identifier: Apache-2.0
 * Every component of tokenizer.json on small vocabularies. What is expected here was seen from the reference library
 * on the same files. */
#include "support.h"

static void check_tokens(const parts *p, const char *text, const char *want) {
    ludc_tokenizer *t = tokenizer_new(p);
    if (!t) return;
    char *got = tokens_text(t, ludc_str(text), true);
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_tokenizer_free(t);
}

static void check_pre(const char *pre, const char *text, const char *want) {
    check_tokens(&(parts){.pre = pre, .borders = true}, text, want);
}

#define SPLIT(pattern, behavior)                                                                                       \
    "{\"type\":\"Split\",\"pattern\":" pattern ",\"behavior\":\"" behavior "\",\"invert\":false}"
#define ON_DASH(behavior) SPLIT("{\"String\":\"-\"}", behavior)
#define WITH_BYTES(first) "{\"type\":\"Sequence\",\"pretokenizers\":[" first "," BYTE_LEVEL "]}"

static void test_behaviors(void) {
    check_pre(ON_DASH("Removed"), "the-final--x", "the|final|x");
    check_pre(ON_DASH("Isolated"), "the-final--x", "the|-|final|-|-|x");
    check_pre(ON_DASH("MergedWithPrevious"), "the-final--x", "the-|final-|-|x");
    check_pre(ON_DASH("MergedWithNext"), "the-final--x", "the|-final|-|-x");
    check_pre(ON_DASH("Contiguous"), "the-final--x", "the|-|final|--|x");
    check_pre(SPLIT("{\"Regex\":\"[a-c]+\"}", "Removed"), "xabyc", "x|y");
    check_pre("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a-c]+\"},\"behavior\":\"Removed\",\"invert\":true}",
              "xabyc", "ab|c");
    check_pre(SPLIT("{\"Regex\":\"x*\"}", "Isolated"), "abxxc", "a|b|xx|c");
}

static void test_pre_tokenizers(void) {
    check_pre("{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}", "don't  go 12",
              "Ġdon|'t|Ġ|Ġgo|Ġ12");
    check_pre("{\"type\":\"Digits\",\"individual_digits\":true}", "a12b", "a|1|2|b");
    check_pre("{\"type\":\"Digits\",\"individual_digits\":false}", "a12b", "a|12|b");
    check_pre("{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}", "a..$b", "a|.|.|$|b");
    check_pre("{\"type\":\"Whitespace\"}", "ab_1, c", "ab_1|,|c");
    check_pre("{\"type\":\"WhitespaceSplit\"}", " ab,\tc ", "ab,|c");
    check_pre("{\"type\":\"BertPreTokenizer\"}", "ab, c+", "ab|,|c|+");
    check_pre("{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"x\"}", "axxb", "a|b");
    check_pre("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"always\",\"split\":true}", "a b  c",
              "_a|_b|_|_c");
    check_pre("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"never\",\"split\":false}", "a b",
              "a_b");
    check_tokens(&(parts){.pre = "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\"}",
                          .added = "{\"id\":600,\"content\":\"<x>\",\"special\":true}",
                          .borders = true},
                 "a<x>b", "_a|<x>|b");
}

#define LLAMA3(digits)                                                                                                 \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" digits                                     \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define REGEX(r) WITH_BYTES(SPLIT("{\"Regex\":\"" r "\"}", "Isolated"))

/* The hand-written scanners, and PCRE2 on the same regex inside a group. */
static void test_scanners(void) {
    static const char *const texts[][3] = {
        {"We'LL be 12345 ok", "We|'LL|Ġbe|Ġ|123|45|Ġok", "We|'LL|Ġbe|Ġ|1|2|3|4|5|Ġok"},
        {"a\n\n  b  c", "a|ĊĊ|Ġ|Ġb|Ġ|Ġc", "a|ĊĊ|Ġ|Ġb|Ġ|Ġc"},
        {"x!!\n\t(y) \r\n", "x|!!Ċ|ĉ|(y|)|ĠčĊ", "x|!!Ċ|ĉ|(y|)|ĠčĊ"},
        {"end   ", "end|ĠĠĠ", "end|ĠĠĠ"},
    };
    for (size_t i = 0; i < LUDC_COUNT(texts); i++) {
        check_pre(REGEX(LLAMA3("\\\\p{N}{1,3}")), texts[i][0], texts[i][1]);
        check_pre(REGEX(LLAMA3("\\\\p{N}")), texts[i][0], texts[i][2]);
        check_pre(REGEX("(?:" LLAMA3("\\\\p{N}{1,3}") ")"), texts[i][0], texts[i][1]);
    }
}

static void check_normalizer(const char *normalizer, const char *text, const char *want) {
    ludc_tokenizer *t =
        tokenizer_new(&(parts){.normalizer = normalizer, .pre = BYTE_LEVEL, .decoder = "{\"type\":\"ByteLevel\"}"});
    if (!t) return;
    char *got = round_trip(t, ludc_str(text));
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_tokenizer_free(t);
}

static void test_normalizers(void) {
    check_normalizer("{\"type\":\"NFC\"}", "e\u0301\u1112\u1161\u11ab", "\u00e9\ud55c");
    check_normalizer("{\"type\":\"NFD\"}", "\u00e9", "e\u0301");
    check_normalizer("{\"type\":\"NFKC\"}", "\ufb01\u00bd", "fi1\u20442");
    check_normalizer("{\"type\":\"NFKD\"}", "\ufb01\u00e9", "fie\u0301");
    check_normalizer("{\"type\":\"NFD\"}", "q\u0307\u0323", "q\u0323\u0307"); /* canonical order */
    check_normalizer("{\"type\":\"Lowercase\"}", "\u0130A\u03a3", "i\u0307a\u03c3");
    check_normalizer("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", " \u3000a ", "a ");
    check_normalizer("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"}]}",
                     "caf\u00e9", "cafe");
    check_normalizer("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"bb\"}", "aca", "bbcbb");
    check_normalizer("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}\"},\"content\":\" \"}", "a \t b", "a b");
    check_normalizer("{\"type\":\"Prepend\",\"prepend\":\"x\"}", "a", "xa");
    check_normalizer("{\"type\":\"Prepend\",\"prepend\":\"x\"}", "", "");
}

static void test_merges(void) {
    parts p = {.pre = BYTE_LEVEL,
               .vocab = "\"a\":0,\"b\":1,\"aa\":2,\"ab\":3,\"aaab\":4,\"c\":7",
               .merges = "\"a a\",\"a b\",[\"aa\",\"ab\"]"};
    check_tokens(&p, "aaa", "aa|a"); /* leftmost first */
    check_tokens(&p, "aab", "aa|b");
    check_tokens(&p, "aaab", "aaab"); /* aa, then ab, then both */
    p.merges = "\"a a\",\"a b\"";
    check_tokens(&p, "aaab", "aa|ab");
    p.options = "\"ignore_merges\":true,";
    check_tokens(&p, "aaab", "aaab");
    p.options = NULL;
    check_tokens(&p, "cbx", "c|b"); /* no unk_token: dropped */
    p.options = "\"unk_token\":\"c\",";
    check_tokens(&p, "axya", "a|c|c|a");
    p.options = "\"unk_token\":\"c\",\"fuse_unk\":true,";
    check_tokens(&p, "axya", "a|c|a");
}

static void test_affixes(void) {
    parts p = {.vocab = "\"a\":0,\"##b\":1,\"##c</w>\":2,\"a</w>\":3,\"ab\":4,\"abc</w>\":5",
               .merges = "\"a ##b\",\"ab ##c</w>\"",
               .options = "\"continuing_subword_prefix\":\"##\",\"end_of_word_suffix\":\"</w>\","};
    check_tokens(&p, "abc", "abc</w>");
    check_tokens(&p, "a", "a</w>");
    check_tokens(&(parts){.vocab = "\"a\":0,\"<0xC3>\":1,\"<0xA9>\":2,\"<unk>\":3",
                          .options = "\"byte_fallback\":true,\"unk_token\":\"<unk>\","},
                 "a\u00e9\u00e8", "a|<0xC3>|<0xA9>|<unk>");
}

/* Words far beyond the short path: the heap gives what the definition says, in time. */
static void test_long_words(void) {
    enum { N = 200001 };
    ludc_tokenizer *t = tokenizer_new(&(parts){.vocab = "\"a\":0,\"aa\":1,\"aaaa\":2", .merges = "\"a a\",\"aa aa\""});
    char *text = ludc_alloc(N);
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    memset(text, 'a', N);
    double start = ludc_now();
    CHECK_OK(ludc_tokenizer_encode(t, (lud_str){text, N}, false, &ids, &err), err);
    CHECK(ludc_now() - start < 20);
    CHECK_INT(ids.len, N / 4 + 1);
    CHECK_INT(ids.ptr[0], 2);
    CHECK_INT(ids.ptr[ids.len - 1], 0);
    ludc_ids_free(&ids);
    for (size_t n = 1; n < 120; n++) { /* both paths agree across the border between them */
        ids.len = 0;
        CHECK_OK(ludc_tokenizer_encode(t, (lud_str){text, n}, false, &ids, &err), err);
        CHECK_INT(ids.len, n / 4 + n % 4 / 2 + n % 2);
    }
    ludc_ids_free(&ids);
    ludc_free(text);
    ludc_tokenizer_free(t);
}

static void test_added_tokens(void) {
    static const char added[] = "{\"id\":900,\"content\":\"<l>\",\"lstrip\":true,\"special\":true},"
                                "{\"id\":901,\"content\":\"<r>\",\"rstrip\":true,\"special\":true},"
                                "{\"id\":902,\"content\":\"yes\",\"single_word\":true,\"special\":false},"
                                "{\"id\":903,\"content\":\"<l><r>\",\"special\":true},"
                                "{\"id\":904,\"content\":\"NO\",\"normalized\":true,\"special\":false}";
    parts p = {.added = added, .pre = BYTE_LEVEL, .borders = true};
    check_tokens(&p, "a <l> b", "a|<l>|Ġb");
    check_tokens(&p, "a <r>  b", "aĠ|<r>|b");
    check_tokens(&p, "a <l><r> b", "aĠ|<l><r>|Ġb");
    check_tokens(&p, "yes", "yes");
    check_tokens(&p, "yes,yesyes", "yes|,yesyes");
    p.normalizer = "{\"type\":\"Lowercase\"}";
    check_tokens(&p, "no No", "NO|Ġ|NO");
    ludc_tokenizer *t = tokenizer_new(&p);
    char *kept = decoded(t, (int32_t[]){900, 'a', 902, 904, 5000, -1}, 6, false);
    char *skipped = decoded(t, (int32_t[]){900, 'a', 902, 904, 5000, -1}, 6, true);
    CHECK_TEXT(kept, "<l> a yes no"); /* no decoder: blanks between; a normalized token is its normalized text */
    CHECK_TEXT(skipped, "a yes no");
    CHECK_INT(ludc_tokenizer_id(t, LUDC_STR("NO")), 904);
    CHECK_INT(ludc_tokenizer_id(t, LUDC_STR("nothing")), -1);
    CHECK_INT(ludc_tokenizer_vocab(t), 905);
    CHECK_INT(ludc_tokenizer_token(t, 700).len, 0);
    ludc_free(kept);
    ludc_free(skipped);
    ludc_tokenizer_free(t);
}

#define TEMPLATE                                                                                                       \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"B\",\"type_id\":0}},{\"Sequence\":"      \
    "{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"E\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":"   \
    "{\"B\":{\"id\":\"B\",\"ids\":[66,67],\"tokens\":[\"B\",\"C\"]},\"E\":{\"id\":\"E\",\"ids\":[69],\"tokens\":["     \
    "\"E\"]}}}"

static void test_post_processors(void) {
    parts p = {.pre = BYTE_LEVEL, .post = TEMPLATE};
    check_tokens(&p, "x", "B|C|x|E");
    check_tokens(&p, "", "B|C|E");
    p.post = "{\"type\":\"RobertaProcessing\",\"sep\":[\"E\",69],\"cls\":[\"B\",66]}";
    check_tokens(&p, "x", "B|x|E");
    p.post = "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},{\"type\":\"BertProcessing\",\"sep\":"
             "[\"S\",83],\"cls\":[\"C\",67]}," TEMPLATE "]}";
    check_tokens(&p, "x", "B|C|C|x|S|E");
    ludc_tokenizer *t = tokenizer_new(&p);
    char *plain = ids_text(t, LUDC_STR("x"), false);
    CHECK_TEXT(plain, "120");
    ludc_free(plain);
    ludc_tokenizer_free(t);
}

static void check_decoder(const char *decoder, const int32_t *ids, size_t n, const char *want) {
    static const char vocab[] = "\"\u2581a\":0,\"\u2581b\":1,\"<0xE2>\":2,\"<0x82>\":3,\"<0xAC>\":4,\"##s\":5,\" .\":6,"
                                "\"c</w>\":7,\"  d \":8,\"\u0120e\":9,\"\u00c3\":10";
    ludc_tokenizer *t = tokenizer_new(&(parts){.decoder = decoder, .vocab = vocab});
    if (!t) return;
    char *got = decoded(t, ids, n, false);
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_tokenizer_free(t);
}
#define DECODES(decoder, want, ...)                                                                                    \
    check_decoder(decoder, (int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), want)

static void test_decoders(void) {
    DECODES("{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\"}", "a b", 0, 1);
    DECODES("{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"never\"}", " a b", 0, 1);
    DECODES("{\"type\":\"ByteFallback\"}", "\u20ac\u2581a", 2, 3, 4, 0);
    DECODES("{\"type\":\"ByteFallback\"}", "\ufffd\ufffd\u2581a", 2, 3, 0);
    DECODES("{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}", "c</w>s .", 7, 5, 6);
    DECODES("{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":false}", "c</w>s  .", 7, 5, 6);
    DECODES("{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}", "c c", 7, 7);
    DECODES("{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":1}", " d.", 8, 6);
    DECODES("{\"type\":\"ByteLevel\"}", " e\ufffd\u2581a", 9, 10, 0);
    DECODES(
        "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":"
        "\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,"
        "\"stop\":0}]}",
        "a b\u20ac", 0, 1, 2, 3, 4);
    DECODES(NULL, "\u2581a ##s", 0, 5);
}

static void test_invalid_text(void) {
    ludc_tokenizer *t = tokenizer_new(&(parts){.pre = BYTE_LEVEL, .decoder = "{\"type\":\"ByteLevel\"}"});
    char *got = round_trip(t, (lud_str){"a\xE2\x82z\xFF\xC3\xA9", 7});
    CHECK_TEXT(got, "a\ufffdz\ufffd\u00e9");
    ludc_free(got);
    got = ids_text(t, (lud_str){"a\0b", 3}, false);
    CHECK_TEXT(got, "97 0 98");
    ludc_free(got);
    got = ids_text(t, (lud_str){NULL, 0}, true);
    CHECK_TEXT(got, "");
    ludc_free(got);
    ludc_tokenizer_free(t);
}

static void test_config(void) {
    static const char config[] =
        "{\"bos_token\":\"B\",\"eos_token\":{\"content\":\"E\",\"lstrip\":false},\"pad_token\":"
        "null,\"unk_token\":\"not there\",\"chat_template\":\"{{ x }}\"}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0}, out = {0};
    ludc_value *v = NULL, *again = NULL;
    ludc_tokenizer *t = NULL;
    tokenizer_text(&(parts){.pre = BYTE_LEVEL}, &text);
    CHECK_OK(ludc_json_parse(config, sizeof config - 1, "c", false, false, &v, &err), err);
    CHECK_OK(ludc_tokenizer_from_json(text.ptr, text.len, NULL, v, &t, &err), err);
    ludc_special_ids s = ludc_tokenizer_special(t);
    CHECK_INT(s.bos, 'B');
    CHECK_INT(s.eos, 'E');
    CHECK_INT(s.pad, -1);
    CHECK_INT(s.unk, -1);
    CHECK_OK(ludc_tokenizer_to_json(t, &out, &err), err);
    CHECK(out.len == text.len && memcmp(out.ptr, text.ptr, out.len) == 0);
    ludc_buf_clear(&out);
    CHECK_OK(ludc_tokenizer_config_json(t, &out, &err), err);
    CHECK_OK(ludc_json_parse(out.ptr, out.len, "c", false, false, &again, &err), err);
    CHECK(ludc_value_equal(v, again));
    ludc_buf_free(&text);
    ludc_buf_free(&out);
    ludc_value_free(v);
    ludc_value_free(again);
    ludc_tokenizer_free(t);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_behaviors();
    test_pre_tokenizers();
    test_scanners();
    test_normalizers();
    test_merges();
    test_affixes();
    test_long_words();
    test_added_tokens();
    test_post_processors();
    test_decoders();
    test_invalid_text();
    test_config();
    return check_done();
}
