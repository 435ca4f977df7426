/* SPDX-License-Identifier: Apache-2.0
 * Labels in answers: order, case, what a regex may look at, odd texts, patterns that do not compile, no memory. */
#include <check.h>
#include <config.h>
#include <text.h>

static ludc_value *parse(const char *json) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(json, strlen(json), "match", false, true, &v, &err), err);
    return v;
}

static void check_find(const char *json, const char *answer, size_t n, int64_t want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *match = parse(json);
    ludc_matcher *m = NULL;
    int64_t entry = -2;
    CHECK_OK(ludc_matcher_new(match, &m, &err), err);
    if (m) CHECK_OK(ludc_matcher_find(m, (lud_str){answer, n}, &entry, &err), err);
    CHECK_INT(entry, want);
    ludc_matcher_free(m);
    ludc_value_free(match);
}

#define FIND(json, answer, want) check_find(json, answer, sizeof(answer) - 1, want)
#define CONTAINS(v)              "{\"type\": \"contains\", \"value\": \"" v "\"}"
#define REGEX(v)                 "{\"type\": \"regex\", \"value\": \"" v "\"}"

static void test_contains(void) {
    static const char two[] = "{\"n\": " CONTAINS("negative") ", \"p\": " CONTAINS("positive") "}";
    FIND(two, "positive", 1);
    FIND(two, "It is POSITIVE.", 1);
    FIND(two, "positive or negative", 0); /* order of the config, not of the answer */
    FIND(two, "posi tive", -1);
    FIND(two, "", -1);
    FIND(two, "\xff\xfe\x80 negative", 0);
    FIND("{\"x\": " CONTAINS("Positive") "}", "Positive", -1); /* the value keeps its case */
    FIND("{\"x\": " CONTAINS("\xc3\xa9t\xc3\xa9") "}", "\xc3\x89T\xc3\x89", 0);
    FIND("{\"x\": " CONTAINS("") "}", "", 0);
    FIND("{\"x\": " CONTAINS("a\\u0000b") "}", "xA\0By", 0);
}

static void test_regex(void) {
    FIND("{\"x\": " REGEX("neg.*") "}", "so NEGative", 0);
    FIND("{\"x\": " REGEX("^neg") "}", "a\nneg", -1); /* not the start of a line */
    FIND("{\"x\": " REGEX("neg$") "}", "neg\n", 0);
    FIND("{\"x\": " REGEX("\\\\bup\\\\b") "}", "cup", -1);
    FIND("{\"x\": " REGEX("\\\\w\\\\d") "}",
         "\xc3\xa9"
         "3",
         0);
    FIND("{\"x\": " REGEX("(?P<a>b)|c") "}", "C", 0);
    FIND("{\"x\": " REGEX("") "}", "", 0);
    FIND("{\"x\": " REGEX("a.b") "}", "a\nb", -1);
}

static void test_bad_regex(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *match = parse("{\"ok\": " CONTAINS("a") ", \"x\": " REGEX("(") "}");
    ludc_matcher *m = NULL;
    CHECK_INT(ludc_matcher_new(match, &m, &err), LUD_E_INVALID);
    CHECK(strstr(err.msg, "decoder.match of 'x'") != NULL);
    CHECK(m == NULL);
    ludc_value_free(match);
}

static void test_no_memory(void) {
    ludc_value *match = parse("{\"a\": " REGEX("a+") ", \"b\": " CONTAINS("b") "}");
    lud_status status = LUD_E_NOMEM;
    for (int i = 0; status != LUD_OK && i < 200; i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_matcher *m = NULL;
        int64_t entry = -1;
        ludc_alloc_fail_after(i, true);
        status = ludc_matcher_new(match, &m, &err);
        if (status == LUD_OK) status = ludc_matcher_find(m, LUDC_STR("xb"), &entry, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_E_NOMEM || (status == LUD_OK && entry == 1));
        ludc_matcher_free(m);
    }
    CHECK_INT(status, LUD_OK);
    ludc_value_free(match);
}

int main(void) {
    test_contains();
    test_regex();
    test_bad_regex();
    test_no_memory();
    return check_done();
}
