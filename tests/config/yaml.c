/* SPDX-License-Identifier: Apache-2.0
 * YAML: what scalars mean, positions, anchors and their caps, refusals. */
#include <check.h>
#include <config.h>

static lud_status parse(const char *text, ludc_value **v, lud_error *err) {
    *v = NULL;
    *err = LUDC_ERROR_INIT;
    return ludc_yaml_parse(text, strlen(text), "c.yaml", v, err);
}

static void check_json(const char *text, const char *want) {
    lud_error err;
    ludc_value *v;
    ludc_buf json = {0};
    CHECK_OK(parse(text, &v, &err), err);
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(json.ptr, want);
    ludc_buf_free(&json);
    ludc_value_free(v);
}

static void check_refused(const char *text, const char *want) {
    lud_error err;
    ludc_value *v;
    CHECK_INT(parse(text, &v, &err), LUD_E_INVALID);
    CHECK(v == NULL);
    CHECK_TEXT(err.msg, want);
}

static void test_scalars(void) {
    check_json("[1e-5, 1E3, .5, 3., -1.5e+2, 1_000, 0x1F, 0b101, 0o17, -7, +7]",
               "[1e-05, 1000.0, 0.5, 3.0, -150.0, 1000, 31, 5, 15, -7, 7]");
    check_json("[null, ~, Null, '', true, True, FALSE]", "[null, null, null, \"\", true, true, false]");
    check_json("[yes, no, on, Off, '1', \"1e-5\", !!str 5, ! 6]",
               "[\"yes\", \"no\", \"on\", \"Off\", \"1\", \"1e-5\", \"5\", \"6\"]");
    check_json("[010, 1:30, 1.2.3, e5, 0x, 1__0, 2020-01-01, -, ., +, 0xfffffffffffffffff]",
               "[\"010\", \"1:30\", \"1.2.3\", \"e5\", \"0x\", \"1__0\", \"2020-01-01\", \"-\", \".\", \"+\", "
               "\"0xfffffffffffffffff\"]");
    check_json("a: |\n  x\n  y\nb: >\n  p\n  q\n1: z\n", "{\"a\": \"x\\ny\\n\", \"b\": \"p q\\n\", \"1\": \"z\"}");
    check_json("{a: , b}", "{\"a\": null, \"b\": null}");
    check_json("100000000000000000000", "1e+20");
}

static void test_positions(void) {
    lud_error err;
    ludc_value *v;
    CHECK_OK(parse("a: 1\nb:\n  - c: 2\n    d: {e: 3}\n", &v, &err), err);
    const ludc_value *e = ludc_value_find(v, "b.0.d.e");
    CHECK(e && e->line == 4 && e->col == 12);
    CHECK(v && v->key_pos && v->key_pos[2] == 2 && v->key_pos[3] == 1);
    ludc_value_free(v);
}

static void test_anchors(void) {
    check_json("a: &x {p: 1}\nb: *x\nc: &x 2\nd: *x\n", "{\"a\": {\"p\": 1}, \"b\": {\"p\": 1}, \"c\": 2, \"d\": 2}");
    check_refused("a: *x\n", "c.yaml:1:4: error: there is no anchor named &x\n    a: *x\n       ^");
    check_refused("a: &x [*x]\n", "c.yaml:1:8: error: there is no anchor named &x\n    a: &x [*x]\n           ^");
    check_refused(
        "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
        "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e]\n",
        "c.yaml:6:5: error: the aliases expand to more than 200000 values at *e\n    f: [*e,*e,*e,*e]\n        ^");
}

static void test_refusals(void) {
    check_refused("a: 1\na: 2\n", "c.yaml:2:1: error: duplicate key a\n    a: 2\n    ^");
    check_refused("a: .inf\n",
                  "c.yaml:1:4: error: a config holds finite numbers only, got .inf\n    a: .inf\n       ^");
    check_refused("a: 1e999\n",
                  "c.yaml:1:4: error: a config holds finite numbers only, got 1e999\n    a: 1e999\n       ^");
    check_refused("a: !!python/object x\n", "c.yaml:1:4: error: unknown tag tag:yaml.org,2002:python/object\n"
                                            "    a: !!python/object x\n       ^");
    check_refused("<<: {a: 1}\n", "c.yaml:1:1: error: merge keys (<<) are not supported; write the keys out\n"
                                  "    <<: {a: 1}\n    ^");
    check_refused("? [a]\n: 1\n", "c.yaml:1:3: error: a key must be text\n    ? [a]\n      ^");
    check_refused("a: 1\n---\nb: 2\n", "c.yaml:2:1: error: there is more than one YAML document\n    ---\n    ^");
    lud_error err;
    ludc_value *v;
    CHECK_INT(parse("a:\n\t- b\n", &v, &err), LUD_E_INVALID);
    CHECK(strstr(err.msg, "c.yaml:2:1: error: found character that cannot start any token") != NULL);
    CHECK_INT(parse("", &v, &err), LUD_E_INVALID);
    CHECK_INT(parse("a: \xFF", &v, &err), LUD_E_INVALID);
    char deep[4096];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    CHECK_INT(parse(deep, &v, &err), LUD_E_INVALID);
}

static void test_no_memory(void) {
    const char *text = "a: &x {p: [1, b]}\nc: *x\n";
    for (int64_t n = 0; n < 200; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *v = NULL;
        ludc_alloc_fail_after(n, false);
        lud_status status = ludc_yaml_parse(text, strlen(text), "c.yaml", &v, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        ludc_value_free(v);
        if (status == LUD_OK) break;
        CHECK(n < 199);
    }
}

int main(void) {
    test_scalars();
    test_positions();
    test_anchors();
    test_refusals();
    test_no_memory();
    return check_done();
}
