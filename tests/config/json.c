/* SPDX-License-Identifier: Apache-2.0
 * JSON: values, positions, refusals, numbers beyond 64 bits, memory running out. */
#include <check.h>
#include <config.h>

static const char sample[] =
    "\xEF\xBB\xBF{\"a\": 1,\n  \"b\": [true, null, \"x\\\"y\"],\n\t\"\xC3\xA9\": {\"d\": -2.5e3}}\n";

static void test_values(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    ludc_buf json = {0};
    CHECK_OK(ludc_json_parse(sample, sizeof sample - 1, "s", true, false, &v, &err), err);
    CHECK_INT(ludc_value_to_json(v, -1, &json), LUD_OK);
    CHECK_TEXT(json.ptr, "{\"a\": 1, \"b\": [true, null, \"x\\\"y\"], \"\xC3\xA9\": {\"d\": -2500.0}}");
    ludc_buf_free(&json);
    ludc_value_free(v);
}

static void check_at(const ludc_value *v, int line, int col) {
    CHECK(v != NULL);
    if (!v) return;
    CHECK_INT(v->line, line);
    CHECK_INT(v->col, col);
}

static void test_positions(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(sample, sizeof sample - 1, "s", true, false, &v, &err), err);
    check_at(v, 1, 1);
    check_at(ludc_value_find(v, "a"), 1, 7);
    check_at(ludc_value_find(v, "b"), 2, 8);
    check_at(ludc_value_find(v, "b.1"), 2, 15);
    check_at(ludc_value_find(v, "b.2"), 2, 21);
    check_at(ludc_value_find(v, "\xC3\xA9.d"), 3, 13);
    if (v && v->key_pos) CHECK_INT(v->key_pos[5], 2);
    ludc_value_free(v);
}

static void test_refusals(void) {
    static const struct {
        const char *text;
        bool nul, ok;
    } cases[] = {
        {"", false, false},
        {"{\"a\":1,\"a\":2}", false, false},
        {"{\"a\":1} x", false, false},
        {"{'a':1}", false, false},
        {"[1,]", false, false},
        {"\"\xFF\"", false, false},
        {"\"\\u0000\"", false, false},
        {"\"\\u0000\"", true, true},
        {"{\"\\u0000\": 1}", false, false},
        {"\"\\ud800\"", false, false},
        {"NaN", false, false},
        {"1e999", false, false},
        {"[1e5, 0.1, -0]", false, true},
        {"17", false, true},
        {"[18446744073709551615, \"18446744073709551615\", -1000000000000000019884624838656]", false, true},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *v = NULL;
        lud_status status = ludc_json_parse(cases[i].text, strlen(cases[i].text), "s", true, cases[i].nul, &v, &err);
        CHECK_INT(status, cases[i].ok ? LUD_OK : LUD_E_INVALID);
        CHECK(cases[i].ok == (v != NULL));
        CHECK(cases[i].ok || err.msg[0]);
        ludc_value_free(v);
    }
}

static void test_big_integers(void) {
    const char *text =
        "{\"n\": 1000000000000000019884624838656, \"m\": 9223372036854775807, \"k\": -9223372036854775808}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(text, strlen(text), "s", true, false, &v, &err), err);
    CHECK(ludc_get_float(v, "n", 0) > 9.99e29 && ludc_get_float(v, "n", 0) < 1.01e30);
    CHECK(ludc_get_int(v, "m", 0) == INT64_MAX);
    ludc_value_free(v);
}

static void test_depth(void) {
    enum { N = 100000 };
    char *text = malloc(N);
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    if (!text) abort();
    memset(text, '[', N);
    CHECK_INT(ludc_json_parse(text, N, "s", true, false, &v, &err), LUD_E_INVALID);
    free(text);
}

static void test_message(void) {
    const char *text = "{\n \"a\": 1,\n \"b\" 2\n}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_INT(ludc_json_parse(text, strlen(text), "c.json", true, false, &v, &err), LUD_E_INVALID);
    CHECK_TEXT(err.msg, "c.json:3:6: error: ':' expected near '2'\n     \"b\" 2\n         ^");
}

static void test_no_memory(void) {
    for (int64_t n = 0; n < 200; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *v = NULL;
        ludc_alloc_fail_after(n, false);
        lud_status status = ludc_json_parse(sample, sizeof sample - 1, "s", true, false, &v, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        CHECK((status == LUD_OK) == (v != NULL));
        ludc_value_free(v);
        if (status == LUD_OK) break;
        CHECK(n < 199);
    }
}

int main(void) {
    test_values();
    test_positions();
    test_refusals();
    test_big_integers();
    test_depth();
    test_message();
    test_no_memory();
    return check_done();
}
