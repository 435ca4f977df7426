/* SPDX-License-Identifier: Apache-2.0
 * Vocabularies of words learned from texts. The wanted lists are what Ludwig's own functions give (create_vocabulary
 * and its tokenizers, run in Python), without the four symbols before them. */
#include "support.h"

static const char *const texts[] = {
    "Hello, world! hello_there  x",
    "a , b,,c\011,\302\240d ,",
    "  ",
    "",
    "e\314\201t\303\251 na\303\257ve \302\275 \302\262x \346\227\245\346\234\254\350\252\236 \331\243",
    "_a_ _b__c",
    "tab\011and\012line\034fs\302\205nel\343\200\200wide",
    "x x x <UNK> <PAD> y",
};

static const struct {
    const char *tokenizer;
    bool lowercase;
    int most_common;
    const char *want;
} lists[] = {
    {"space_punct", false, 20000,
     ",|x|<|>|Hello|world|!|hello_there|a|b|c|d|e|\314\201|t\303\251|na\303\257ve|\302\275|\302\262x|"
     "\346\227\245\346\234\254\350\252\236|\331\243|_a_|_b__c|tab|and|line|fs|nel|wide|UNK|PAD|y"},
    {"space_punct", true, 7, ",|x|<|>|hello|world|!"},
    {"space", false, 20000,
     "x|,|Hello,|world!|hello_there|a|b,,c\011,\302\240d|e\314\201t\303\251|na\303\257ve|\302\275|\302\262x|"
     "\346\227\245\346\234\254\350\252\236|\331\243|_a_|_b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide|y"},
    {"space", true, 7, "x|,|hello,|world!|hello_there|a|b,,c\011,\302\240d"},
    {"characters", false, 20000,
     " |e|l|,|_|x|a|d|n|o|t|b|w|r|h|c|\011|i|<|>|H|!|\302\240|\314\201|\303\251|\303\257|v|\302\275|\302\262|"
     "\346\227\245|\346\234\254|\350\252\236|\331\243|\012|\034|f|s|\302\205|\343\200\200|U|N|K|P|A|D|y"},
    {"characters", true, 7, " |e|l|,|_|a|d"},
    {"underscore", false, 20000,
     "|Hello, world! hello|there  x|a , b,,c\011,\302\240d ,|e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|a|b|c|tab\011and\012line\034fs\302\205nel\343\200\200wide|x x x "
     "<UNK> <PAD> y"},
    {"underscore", true, 7,
     "|hello, world! hello|there  x|a , b,,c\011,\302\240d ,|e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|a|b"},
    {"comma", false, 20000,
     "|Hello|world! hello_there  x|a|b|c|d|e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|_a_ _b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide|x x "
     "x <UNK> <PAD> y"},
    {"comma", true, 7, "|hello|world! hello_there  x|a|b|c|d"},
    {"untokenized", false, 20000,
     "Hello, world! hello_there  x|a , b,,c\011,\302\240d ,|  ||e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|_a_ _b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide|x x "
     "x <UNK> <PAD> y"},
    {"untokenized", true, 7,
     "hello, world! hello_there  x|a , b,,c\011,\302\240d ,|  ||e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|_a_ _b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide"},
    {"stripped", false, 20000,
     "|Hello, world! hello_there  x|a , b,,c\011,\302\240d ,|e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|_a_ _b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide|x x "
     "x <UNK> <PAD> y"},
    {"stripped", true, 7,
     "|hello, world! hello_there  x|a , b,,c\011,\302\240d ,|e\314\201t\303\251 na\303\257ve \302\275 \302\262x "
     "\346\227\245\346\234\254\350\252\236 \331\243|_a_ _b__c|tab\011and\012line\034fs\302\205nel\343\200\200wide|x x "
     "x <unk> <pad> y"},
};

static ludc_value *options(const char *json) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(json, strlen(json), "options", false, true, &v, &err), err);
    return v;
}

static ludc_words *learned(const char *json) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = options(json);
    ludc_words *w = NULL;
    CHECK_OK(ludc_words_new(v, &w, &err), err);
    for (size_t i = 0; i < LUDC_COUNT(texts); i++)
        CHECK_OK(ludc_words_learn(w, ludc_str(texts[i]), &err), err);
    CHECK_OK(ludc_words_finish(w, &err), err);
    ludc_value_free(v);
    return w;
}

/* All words from an id on, as the metadata have them, with '|' between; the caller frees. */
static char *words_from(const ludc_words *w, int32_t first) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf out = {0};
    ludc_value *metadata = ludc_value_new(LUD_CFG_OBJECT);
    CHECK_OK(ludc_words_write(w, metadata, &err), err);
    const ludc_value *list = ludc_value_get(metadata, "idx2str");
    CHECK_INT((int64_t)list->len, ludc_words_count(w));
    ludc_buf_adds(&out, "");
    for (size_t id = (size_t)first; id < list->len; id++) {
        if (id > (size_t)first) ludc_buf_adds(&out, "|");
        ludc_buf_add(&out, list->items[id]->u.s.ptr, list->items[id]->u.s.len);
    }
    ludc_value_free(metadata);
    return out.ptr;
}

static void words_are(const ludc_words *w, int32_t first, const char *want) {
    char *got = words_from(w, first);
    CHECK_TEXT(got, want);
    ludc_free(got);
}

static void ids_are(const ludc_words *w, lud_str text, bool special, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    CHECK_OK(ludc_words_encode(w, text, special, &ids, &err), err);
    ludc_buf_adds(&out, "");
    for (size_t i = 0; i < ids.len; i++)
        ludc_buf_addf(&out, "%s%d", i ? " " : "", (int)ids.ptr[i]);
    CHECK_TEXT(out.ptr, want);
    ludc_ids_free(&ids);
    ludc_buf_free(&out);
}

static void test_lists(void) {
    for (size_t k = 0; k < LUDC_COUNT(lists); k++) {
        char json[160];
        snprintf(json, sizeof json, "{\"tokenizer\":\"%s\",\"lowercase\":%s,\"most_common\":%d}", lists[k].tokenizer,
                 lists[k].lowercase ? "true" : "false", lists[k].most_common);
        ludc_words *w = learned(json);
        words_are(w, 4, lists[k].want);
        ludc_words_free(w);
    }
}

static void test_ids(void) {
    ludc_words *w = learned("{\"most_common\":3}");
    words_are(w, 0, "<EOS>|<SOS>|<PAD>|<UNK>|,|x|<");
    ids_are(w, LUDC_STR("x, y"), false, "5 4 3");
    ids_are(w, LUDC_STR("x, y"), true, "1 5 4 3 0");
    ids_are(w, LUDC_STR(""), true, "1 0");
    ids_are(w, (lud_str){NULL, 0}, false, "");
    ids_are(w, LUDC_STR("x\xFFx x\0x"), false, "5 3 5 5 3 5");
    ludc_words_free(w);
    w = learned("{\"tokenizer\":\"characters\",\"lowercase\":true,\"most_common\":2}");
    ids_are(w, LUDC_STR("E e\xC3\x89"), false, "5 4 5 3");
    ludc_words_free(w);
}

/* Symbols that the data has are moved; other names may be given, even one name for both. */
static void test_symbols(void) {
    ludc_words *w =
        learned("{\"tokenizer\":\"space\",\"padding_symbol\":\"y\",\"unknown_symbol\":\"x\",\"most_common\":9}");
    words_are(w, 0, "<EOS>|<SOS>|y|x|,|Hello,|world!|hello_there|a|b,,c\t,\302\240d|e\314\201t\303\251|na\303\257ve");
    ludc_words_free(w);
    w = learned("{\"tokenizer\":\"space\",\"padding_symbol\":\"x\",\"unknown_symbol\":\"x\",\"most_common\":2}");
    words_are(w, 0, "<EOS>|<SOS>|,|x");
    ids_are(w, LUDC_STR("what , x"), false, "3 2 3");
    ludc_words_free(w);
}

static void test_nothing_learned(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_words *w = NULL;
    CHECK_OK(ludc_words_new(NULL, &w, &err), err);
    CHECK_OK(ludc_words_finish(w, &err), err);
    words_are(w, 0, "<EOS>|<SOS>|<PAD>|<UNK>");
    ids_are(w, LUDC_STR("a b"), true, "1 3 3 0");
    ludc_words_free(w);
}

static void test_file(void) {
    lud_error err = LUDC_ERROR_INIT;
    const char *bin = getenv("LUDWIG_TEST_BINARY_DIR");
    char *path = ludc_path_join(bin ? bin : ".", "test_words.txt");
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    ludc_words *w = NULL;
    static const char lines[] = "<UNK>\r\n\n  b 17\nx\nb\nlast";
    CHECK_OK(ludc_file_write(path, lines, sizeof lines - 1, &err), err);
    CHECK(ludc_value_put(v, "vocab_file", ludc_value_str(ludc_str(path))));
    CHECK_OK(ludc_words_new(v, &w, &err), err);
    CHECK_OK(ludc_words_learn(w, LUDC_STR("other words"), &err), err);
    CHECK_OK(ludc_words_finish(w, &err), err);
    words_are(w, 0, "<EOS>|<SOS>|<PAD>|<UNK>||b|x|b|last");
    ids_are(w, LUDC_STR("x b other"), false, "6 7 3");
    ludc_words_free(w);
    CHECK_OK(ludc_file_write(path, "\xFF", 1, &err), err);
    CHECK_INT(ludc_words_new(v, &w, &err), LUD_E_DATA);
    err = LUDC_ERROR_INIT;
    remove(path);
    CHECK_INT(ludc_words_new(v, &w, &err), LUD_E_IO);
    ludc_value_free(v);
    ludc_free(path);
}

/* ---- Metadata ---- */
static void test_metadata(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_words *w = learned("{\"tokenizer\":\"comma\",\"lowercase\":true,\"unknown_symbol\":\"?\"}"), *again = NULL;
    ludc_value *metadata = ludc_value_new(LUD_CFG_OBJECT);
    CHECK_OK(ludc_words_write(w, metadata, &err), err);
    CHECK_OK(ludc_words_read(metadata, &again, &err), err);
    char *want = words_from(w, 0);
    words_are(again, 0, want);
    ids_are(again, LUDC_STR("A , nothing, HELLO"), true, "1 7 3 5 0");
    ids_are(w, LUDC_STR("A , nothing, HELLO"), true, "1 7 3 5 0");
    ludc_free(want);
    ludc_value_free(metadata);
    ludc_words_free(again);
    ludc_words_free(w);
}

static void read_refused(const char *json, lud_status want, const char *message) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = options(json);
    ludc_words *w = NULL;
    CHECK_INT(ludc_words_read(v, &w, &err), want);
    CHECK(w == NULL && strstr(err.msg, message) != NULL);
    ludc_value_free(v);
}

static void test_bad_metadata(void) {
    read_refused("{}", LUD_E_IO, "'idx2str' must be a list");
    read_refused("{\"idx2str\":7}", LUD_E_IO, "'idx2str' must be a list");
    read_refused("{\"idx2str\":[\"a\",1]}", LUD_E_IO, "idx2str[1] is not a string");
    read_refused("{\"idx2str\":[]}", LUD_E_IO, "lacks '<EOS>'");
    read_refused("{\"idx2str\":[\"<EOS>\",\"<SOS>\",\"<PAD>\"]}", LUD_E_IO, "lacks '<UNK>'");
    read_refused("{\"idx2str\":[],\"tokenizer\":\"english_tokenize\"}", LUD_E_INVALID,
                 "'english_tokenize' is not available");
}

static void test_out_of_memory(void) {
    lud_status status = LUD_E_NOMEM;
    ludc_value *v = options("{\"lowercase\":true}"), *metadata = NULL;
    int64_t n = 0;
    for (; status == LUD_E_NOMEM && n < 1000; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_words *w = NULL, *again = NULL;
        ludc_ids ids = {0};
        ludc_alloc_fail_after(n, n % 2 == 1);
        status = ludc_words_new(v, &w, &err);
        for (size_t i = 0; status == LUD_OK && i < LUDC_COUNT(texts); i++)
            status = ludc_words_learn(w, ludc_str(texts[i]), &err);
        if (status == LUD_OK) status = ludc_words_finish(w, &err);
        if (status == LUD_OK) status = ludc_words_encode(w, LUDC_STR("x\xFFX"), true, &ids, &err);
        if (status == LUD_OK && !(metadata = ludc_value_new(LUD_CFG_OBJECT))) status = LUD_E_NOMEM;
        if (status == LUD_OK) status = ludc_words_write(w, metadata, &err);
        if (status == LUD_OK) status = ludc_words_read(metadata, &again, &err);
        ludc_alloc_fail_after(-1, false);
        ludc_words_free(again);
        ludc_words_free(w);
        ludc_ids_free(&ids);
        ludc_value_free(metadata);
        metadata = NULL;
    }
    CHECK_INT(status, LUD_OK);
    CHECK(n > 20);
    ludc_value_free(v);
}

int main(void) {
    test_lists();
    test_ids();
    test_symbols();
    test_nothing_learned();
    test_file();
    test_metadata();
    test_bad_metadata();
    test_out_of_memory();
    return check_done();
}
