/* SPDX-License-Identifier: Apache-2.0
 * Tokenizers of BERT models: WordPiece, BertNormalizer, BertPreTokenizer, a vocab.txt instead of a tokenizer.json, and
 * the ids of special tokens. Wanted values are those of the tokenizers library. */
#include "support.h"

static const char lines[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\naff\n##a\n,\n.\ncafe\n\xE4\xB8\xAD\n"
    "##s\nhello\nworld\n##un\nCaf\xC3\xA9\n#\n";

/* The same vocabulary; truncation and padding would cut and fill if they were obeyed. */
static char *tokenizer_json(const char *normalizer, const char *model) {
    static const char vocab[] =
        "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"un\":5,\"##aff\":6,\"##able\":7,\"aff\":8,"
        "\"##a\":9,\",\":10,\".\":11,\"cafe\":12,\"\xE4\xB8\xAD\":13,\"##s\":14,\"hello\":15,\"world\":16,\"##un\":17,"
        "\"Caf\xC3\xA9\":18,\"#\":19";
    ludc_buf out = {0};
    ludc_buf_addf(
        &out,
        "{\"truncation\":{\"max_length\":2,\"strategy\":\"LongestFirst\",\"stride\":0},\"padding\":{"
        "\"strategy\":{\"Fixed\":9},\"pad_id\":0,\"pad_type_id\":0,\"pad_token\":\"[PAD]\"},"
        "\"added_tokens\":[{\"id\":4,\"content\":\"[MASK]\",\"lstrip\":true,\"special\":true}],"
        "\"normalizer\":%s,\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":{"
        "\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]},"
        "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\"model\":{%s,\"vocab\":{%s}}}",
        normalizer, model, vocab);
    return out.ptr;
}

static ludc_tokenizer *load(const char *normalizer, const char *model) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    char *text = tokenizer_json(normalizer, model);
    CHECK_OK(ludc_tokenizer_from_json(text, strlen(text), "bert.json", NULL, &t, &err), err);
    ludc_free(text);
    return t;
}

static void ids_are(const ludc_tokenizer *t, const char *text, const char *want) {
    char *got = ids_text(t, ludc_str(text), false);
    CHECK_TEXT(got, want);
    ludc_free(got);
}

#define BERT  "{\"type\":\"BertNormalizer\"}"
#define PLAIN "\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"max_input_chars_per_word\":9"

static void test_pieces(void) {
    ludc_tokenizer *t = load(BERT, PLAIN);
    ids_are(t, "", "");
    ids_are(t, " \t\n", "");
    ids_are(t, "unaffable", "5 6 7");
    ids_are(t, "affs unx aff", "8 14 1 8"); /* a dead end makes the whole word unknown */
    ids_are(t, "unaffables", "1");          /* ten characters */
    ids_are(t, "##s", "19 19 1");           /* a piece of the vocabulary, but cut at punctuation */
    ids_are(t, "hello,world.", "15 10 16 11");
    ids_are(t, "CAF\xC3\x89 cafe\xCC\x81", "12 12");
    ids_are(t, "hello\xE4\xB8\xADworld", "15 13 16");
    ids_are(t, "he\x01llo\xE2\x80\x8B wor\xEF\xBF\xBDld\xC2\xA0hello", "15 16 15");
    ids_are(t, "hello  [MASK]world", "15 4 16");
    char *all = ids_text(t, LUDC_STR("hello world. hello"), true);
    CHECK_TEXT(all, "2 15 16 11 15 3");
    char *back = round_trip(t, LUDC_STR("Unaffable, world."));
    CHECK_TEXT(back, "unaffable, world.");
    ludc_free(all);
    ludc_free(back);
    ludc_tokenizer_free(t);
}

static void test_options(void) {
    ludc_tokenizer *t = load("{\"type\":\"BertNormalizer\",\"lowercase\":false}", PLAIN);
    ids_are(t, "Caf\xC3\xA9 Hello", "18 1");
    ludc_tokenizer_free(t);
    t = load("{\"type\":\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":true}", PLAIN);
    ids_are(t, "caf\xC3\xA9 Caf\xC3\xA9", "12 1");
    ludc_tokenizer_free(t);
    t = load("{\"type\":\"BertNormalizer\",\"strip_accents\":false,\"handle_chinese_chars\":false}", PLAIN);
    ids_are(t, "caf\xC3\xA9 HELLO \xE4\xB8\xADs", "1 15 13 14");
    ludc_tokenizer_free(t);
    t = load("{\"type\":\"BertNormalizer\",\"clean_text\":false}", PLAIN);
    ids_are(t, "he\x01llo", "1");
    ludc_tokenizer_free(t);
    /* Without a type, as old files; an empty prefix makes "s" no piece inside a word, but "aff" is one. */
    t = load("null", "\"max_input_chars_per_word\":20,\"continuing_subword_prefix\":\"\"");
    ids_are(t, "unaff uns", "5 8 1");
    ludc_tokenizer_free(t);
    t = load("null", "\"type\":\"WordPiece\",\"continuing_subword_prefix\":\"@@\"");
    ids_are(t, "unaff un", "1 5");
    ludc_tokenizer_free(t);
}

/* The unknown token may be missing until it is needed. */
static void test_no_unknown(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_tokenizer *t = load(BERT, "\"type\":\"WordPiece\",\"unk_token\":\"<none>\"");
    ids_are(t, "hello", "15");
    CHECK_INT(ludc_tokenizer_encode(t, LUDC_STR("hello there"), true, &ids, &err), LUD_E_DATA);
    CHECK(strstr(err.msg, "'there' is not in the vocabulary") != NULL);
    CHECK_INT(ids.len, 0);
    CHECK_INT(ludc_tokenizer_special(t).unk, -1);
    ludc_ids_free(&ids);
    ludc_tokenizer_free(t);
}

static void test_special(void) {
    ludc_tokenizer *t = load(BERT, PLAIN);
    ludc_special_ids s = ludc_tokenizer_special(t);
    CHECK_INT(s.bos, -1);
    CHECK_INT(s.eos, -1);
    CHECK_INT(s.pad, 0);
    CHECK_INT(s.unk, 1);
    CHECK_INT(s.cls, 2);
    CHECK_INT(s.sep, 3);
    ludc_tokenizer_free(t);
}

/* ---- vocab.txt ---- */
static lud_status from_lines(lud_str text, const char *config, ludc_tokenizer **t, lud_error *err) {
    ludc_value *v = NULL;
    if (config) CHECK_OK(ludc_json_parse(config, strlen(config), "c", false, false, &v, err), *err);
    lud_status status = ludc_tokenizer_from_vocab_txt(text.ptr, text.len, "vocab.txt", v, t, err);
    ludc_value_free(v);
    return status;
}

static void lines_give(const char *config, const char *text, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL, *again = NULL;
    ludc_buf json = {0};
    CHECK_OK(from_lines((lud_str){lines, sizeof lines - 1}, config, &t, &err), err);
    if (!t) return;
    char *got = ids_text(t, ludc_str(text), true);
    CHECK_TEXT(got, want);
    ludc_free(got);
    CHECK_OK(ludc_tokenizer_to_json(t, &json, &err), err);
    CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "saved", NULL, &again, &err), err);
    got = ids_text(again, ludc_str(text), true);
    CHECK_TEXT(got, want);
    ludc_free(got);
    ludc_buf_free(&json);
    ludc_tokenizer_free(again);
    ludc_tokenizer_free(t);
}

static void test_lines(void) {
    lines_give(NULL, "Caf\xC3\xA9 hello[SEP]\xE4\xB8\xADs", "2 12 15 3 13 1 3");
    lines_give("{\"do_lower_case\":false,\"tokenizer_class\":\"BertTokenizerFast\"}", "Caf\xC3\xA9 Hello", "2 18 1 3");
    lines_give("{\"do_lower_case\":false,\"strip_accents\":true}", "caf\xC3\xA9 Caf\xC3\xA9", "2 12 1 3");
    lines_give("{\"strip_accents\":false}", "caf\xC3\xA9 HELLO", "2 1 15 3");
    lines_give("{\"tokenize_chinese_chars\":false}", "\xE4\xB8\xADs", "2 13 14 3");
    lines_give("{\"cls_token\":\"un\",\"sep_token\":{\"content\":\"aff\"},\"unk_token\":\"#\"}", "x", "5 19 8");
}

/* Blank lines count, carriage returns do not, the last of equal lines is the one, a final newline ends no line. */
static void test_line_ends(void) {
    static const char text[] = "a\r\n\n[UNK]\n[CLS]  \n[SEP]\nb\nb\r\nno end";
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_OK(from_lines((lud_str){text, sizeof text - 1}, NULL, &t, &err), err);
    CHECK_INT(ludc_tokenizer_vocab(t), 8);
    ids_are(t, "a b end", "0 6 2");
    CHECK_INT(ludc_tokenizer_id(t, LUDC_STR("no end")), 7);
    CHECK_INT(ludc_tokenizer_special(t).pad, -1);
    ludc_tokenizer_free(t);
}

static void lines_refused(lud_str text, const char *config, lud_status want, const char *message) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tokenizer *t = NULL;
    CHECK_INT(from_lines(text, config, &t, &err), want);
    CHECK(t == NULL && strstr(err.msg, message) != NULL);
}

static void test_bad_lines(void) {
    lud_str good = {lines, sizeof lines - 1};
    lines_refused(LUDC_STR(""), NULL, LUD_E_IO, "no line is the unk_token '[UNK]'");
    lines_refused(LUDC_STR("[UNK]\n[CLS]\nx"), NULL, LUD_E_IO, "no line is the sep_token");
    lines_refused(LUDC_STR("[UNK]\n\xFF"), NULL, LUD_E_IO, "not UTF-8");
    lines_refused(good, "{\"do_lower_case\":1}", LUD_E_IO, "'do_lower_case' must be");
    lines_refused(good, "{\"cls_token\":7}", LUD_E_IO, "'cls_token' must be");
    lines_refused(good, "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}", LUD_E_UNSUPPORTED, "BertJapaneseTokenizer");
}

static void test_folder(void) {
    lud_error err = LUDC_ERROR_INIT;
    const char *bin = getenv("LUDWIG_TEST_BINARY_DIR");
    char *dir = ludc_path_join(bin ? bin : ".", "test_wordpiece"), *txt = ludc_path_join(dir, "vocab.txt");
    char *json = ludc_path_join(dir, "tokenizer.json"), *text = tokenizer_json("null", PLAIN);
    ludc_tokenizer *t = NULL;
    CHECK_OK(ludc_dir_make(dir, &err), err);
    CHECK_INT(ludc_tokenizer_open(dir, NULL, &t, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "tokenizer.json") != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_file_write(txt, lines, sizeof lines - 1, &err), err);
    CHECK_OK(ludc_tokenizer_open(dir, NULL, &t, &err), err);
    ids_are(t, "HELLO", "15");
    ludc_tokenizer_free(t);
    CHECK_OK(ludc_file_write(json, text, strlen(text), &err), err);
    CHECK_OK(ludc_tokenizer_open(dir, NULL, &t, &err), err);
    ids_are(t, "HELLO", "1");
    ludc_tokenizer_free(t);
    CHECK_OK(ludc_dir_remove(dir, &err), err);
    ludc_free(text);
    ludc_free(json);
    ludc_free(txt);
    ludc_free(dir);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_pieces();
    test_options();
    test_no_unknown();
    test_special();
    test_lines();
    test_line_ends();
    test_bad_lines();
    test_folder();
    return check_done();
}
