/* SPDX-License-Identifier: Apache-2.0
 * Sets, bags and texts: tokenizers, JSON lists, unseen items, empty and missing cells; hostile cells of every type. */
#include "columns.h"

#define SET(more)  "{\"name\": \"x\", \"type\": \"set\", \"preprocessing\": {" more "}}"
#define BAG(more)  "{\"name\": \"x\", \"type\": \"bag\", \"preprocessing\": {" more "}}"
#define TEXT(more) "{\"name\": \"x\", \"type\": \"text\", \"preprocessing\": {" more "}}"

static void test_inputs(void) {
    CHECK_METADATA(SET(""), false, "b a a|c  b", 2,
                   "{\"type\": \"set\", \"idx2str\": [\"<UNK>\", \"b\", \"a\", \"c\"], \"str2idx\": {\"<UNK>\": 0, "
                   "\"b\": 1, \"a\": 2, \"c\": 3}, \"str2freq\": {\"<UNK>\": 0, \"b\": 2, \"a\": 2, \"c\": 1}, "
                   "\"width\": 4}");
    CHECK_COLUMN(SET(""), false, "b a a| c  b |~||z a y", 2, "[1,2] [3,1] [0] [0] [0,2]");
    CHECK_COLUMN(BAG(""), false, "b a a| c  b |~||z a y", 2, "[1,2,2] [3,1] [0] [0] [0,2,0]");
    CHECK_TEXT(said, "");
    CHECK_COLUMN(BAG("\"most_common\": 1"), false, "a b a", 1, "[1,0,1]");
    CHECK_COLUMN(BAG("\"fill_value\": \"\""), false, "a||b", 3, "[1] [] [2]");
    CHECK_COLUMN(BAG("\"missing_value_strategy\": \"drop_row\""), false, "a||b", 3, "[1] - [2]");
    CHECK_COLUMN(BAG("\"lowercase\": true"), false, "A a||B", 3, "[1,1] [0] [2]");
}

static void test_tokenizers(void) {
    CHECK_COLUMN(BAG("\"tokenizer\": \"comma\""), false, "a b, c ,,a b,", 1, "[1,2,1]");
    CHECK_COLUMN(BAG("\"tokenizer\": \"space_punct\""), false, "don't stop_it, x! x", 1, "[2,3,4,5,6,1,7,1]");
    CHECK_COLUMN(BAG("\"tokenizer\": \"space_punct\""), false, "\xC3\xA9\xC2\xA0\xC3\xA9\xE2\x80\x94\xE4\xB8\xAD", 1,
                 "[1,1,2,3]");
    CHECK_COLUMN(BAG("\"tokenizer\": \"space_punct\""), false, "a a|~", 2, "[1,1] [0]");
    CHECK_COLUMN(BAG(""), false, "[\"a b\", \"c\", 1, 1.5, true, null, \"a b\", \"\"]|[]|[1, 2|[a]", 1,
                 "[1,2,3,4,5,1] [] [0,0] [0]");
    CHECK_COLUMN(BAG("\"tokenizer\": \"bert\""), false, "a", 1,
                 "column 'x': preprocessing.tokenizer 'bert': want space, comma or space_punct");
}

static void test_outputs(void) {
    CHECK_METADATA(SET(""), true, "b a|b", 2,
                   "{\"type\": \"set\", \"idx2str\": [\"b\", \"a\"], \"str2idx\": {\"b\": 0, \"a\": 1}, \"str2freq\": "
                   "{\"b\": 2, \"a\": 1}, \"width\": 2}");
    CHECK_COLUMN(SET(""), true, "b a a|b||[]|a z|q", 2, "1,1 1,0 - 0,0 0,1 0,0");
    CHECK_TEXT(said, "d.csv: column 'x': 2 of 6 cells hold items that no training row has; these items are left out "
                     "(first: row 5, 'a z')\n");
    CHECK_COLUMN(SET(""), true, "|[]", 2, "d.csv: row 1: column 'x': no training row has an item");
}

static void check_text(const char *feature, const char *cells, const char *want) {
    ludc_table *t = table_of(cells);
    ludc_value *f = json(feature), *m = NULL;
    ludc_buf got = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_feature_fit(f, false, t, "d.csv", NULL, ludc_table_rows(t), &m, &err), err);
    for (size_t i = 0; i < ludc_table_rows(t); i++) {
        lud_str text = {0};
        bool missing = false;
        CHECK_OK(ludc_feature_text(f, m, t, 0, i, &text, &missing, &err), err);
        ludc_buf_adds(&got, i ? "/" : "");
        ludc_buf_add(&got, missing ? "-" : text.ptr, missing ? 1 : text.len);
    }
    CHECK_TEXT(got.ptr, want);
    ludc_buf_free(&got);
    ludc_value_free(f);
    ludc_value_free(m);
    ludc_table_free(t);
}

static void test_texts(void) {
    check_text(TEXT(""), " a b |~|", " a b /<UNK>/");
    check_text(TEXT("\"fill_value\": \"nothing\""), "a|~|", "a/nothing/");
    check_text(TEXT("\"missing_value_strategy\": \"drop_row\""), "a|~|", "a/-/");
    check_text(TEXT("\"missing_value_strategy\": \"bfill\""), "a|~|b|~", "a/b/b/b");
    check_text(TEXT("\"missing_value_strategy\": \"ffill\""), "~|a|~|b", "a/a/a/b");
    check_text(TEXT("\"missing_value_strategy\": \"fill_with_mode\""), "a|~|b|b", "a/b/b/b");
    CHECK_METADATA(TEXT(""), false, "a", 1, "{\"type\": \"text\", \"width\": 1}");
    ludc_table *t = table_of("a");
    ludc_value *f = json(TEXT("\"fill_value\": 3"));
    lud_str text;
    bool missing;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_feature_text(f, NULL, t, 0, 0, &text, &missing, &err), LUD_E_INVALID);
    CHECK_TEXT(err.msg, "text feature: preprocessing.fill_value: want a text");
    ludc_value_free(f);
    ludc_table_free(t);
}

/* 1 MB cells, NULs, bytes that are no UTF-8, through every type: a column or a message that is short. */
static void test_hostile(void) {
    enum { BIG = 1 << 20 };
    static const char *const types[] = {"binary", "number", "category", "set", "bag", "vector", "text"};
    char *big = malloc(BIG), *numbers = malloc(BIG), *brackets = malloc(BIG);
    memset(big, 'x', BIG);
    memset(brackets, '[', BIG);
    for (size_t i = 0; i < BIG; i++)
        numbers[i] = i % 2 ? ' ' : '1';
    brackets[BIG - 1] = ']';
    const lud_str cells[] = {{big, BIG},
                             {numbers, BIG},
                             {brackets, BIG},
                             {"a\0b", 3},
                             {"\0", 1},
                             {"\xFF\xC3 \xF0\x9F", 5},
                             {"1\0002", 3},
                             LUDC_STR("[\"a\\u0000\"]"),
                             LUDC_STR("[1e999, {\"a\": [1]}]"),
                             LUDC_STR("%s%n%100d")};
    for (size_t k = 0; k < LUDC_COUNT(types) * LUDC_COUNT(cells) * 2; k++) {
        const char *columns[] = {"x"};
        ludc_table *t = ludc_table_new(columns, 1);
        lud_error err = LUDC_ERROR_INIT;
        char feature[256];
        CHECK_OK(ludc_table_add(t, &cells[k / 2 % LUDC_COUNT(cells)], &err), err);
        CHECK_OK(ludc_table_add(t, &LUDC_STR("b"), &err), err);
        snprintf(feature, sizeof feature, "{\"name\": \"x\", \"type\": \"%s\", \"preprocessing\": {\"lowercase\": %s}}",
                 types[k / 2 / LUDC_COUNT(cells)], k % 3 ? "true" : "false");
        ludc_buf got = {0};
        lud_status status = run(feature, k % 2, t, 2, NULL, &got);
        CHECK(status == LUD_OK || (got.len > 0 && got.len < 400));
        CHECK(strlen(said) < 600);
        ludc_buf_free(&got);
        ludc_table_free(t);
    }
    free(big);
    free(numbers);
    free(brackets);
}

/* Metadata from a file may be anything. */
static void test_broken_metadata(void) {
    static const char *const broken[] = {"{}", "{\"idx2str\": [\"a\", \"a\", \"b\"], \"width\": -1}",
                                         "{\"idx2str\": [1, null], \"str2bool\": {\"a\": 3}, \"width\": 1e9}",
                                         "{\"idx2str\": 7, \"str2bool\": [], \"mean\": \"x\", \"std\": -1}"};
    static const char *const types[] = {"binary", "number", "category", "set", "bag", "vector"};
    for (size_t k = 0; k < LUDC_COUNT(broken) * LUDC_COUNT(types) * 2; k++) {
        char feature[128];
        snprintf(feature, sizeof feature, "{\"name\": \"x\", \"type\": \"%s\"}", types[k / 2 % LUDC_COUNT(types)]);
        ludc_table *t = table_of("a b|b|1");
        ludc_value *f = json(feature), *m = json(broken[k / 2 / LUDC_COUNT(types)]);
        ludc_column c = {0};
        lud_error err = LUDC_ERROR_INIT;
        const lud_status status = ludc_feature_encode(f, m, k % 2, t, "d.csv", NULL, 3, &c, &err);
        CHECK(status == LUD_OK || err.msg[0]);
        ludc_column_free(&c);
        ludc_value_free(f);
        ludc_value_free(m);
        ludc_table_free(t);
    }
}

static void test_rows(void) {
    const uint32_t rows[] = {3, 1, 3};
    ludc_table *t = table_of("a|b|c|d");
    ludc_value *f = json("{\"name\": \"x\", \"type\": \"category\"}"), *m = NULL;
    ludc_column c = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_feature_fit(f, true, t, "d.csv", rows, 3, &m, &err), err);
    CHECK_OK(ludc_feature_encode(f, m, true, t, "d.csv", rows, 3, &c, &err), err);
    CHECK(c.rows == 3 && !c.missing && c.ids[0] == 0 && c.ids[1] == 1 && c.ids[2] == 0);
    ludc_column_free(&c);
    CHECK_OK(ludc_feature_encode(f, m, true, t, "d.csv", rows, 0, &c, &err), err);
    CHECK(c.rows == 0 && !c.missing);
    ludc_column_free(&c);
    ludc_value_free(f);
    ludc_value_free(m);
    ludc_table_free(t);
}

int main(void) {
    test_inputs();
    test_tokenizers();
    test_outputs();
    test_texts();
    test_hostile();
    test_broken_metadata();
    test_rows();
    check_no_memory(SET("\"lowercase\": true"), false, "a B|[\"c\", 1]||d", 3);
    check_no_memory(BAG(""), false, "a B|c", 2);
    check_no_memory(SET(""), true, "a B|c", 2);
    return check_done();
}
