/* SPDX-License-Identifier: Apache-2.0
 * Prompt templates: fields, braces, errors with positions, and number formats. What is expected of a number format is
 * what Python's format() gives. */
#include "check.h"
#include <locale.h>
#include <text.h>

static bool lookup(void *arg, lud_str field, lud_str *value) {
    (void)arg;
    if (ludc_str_eq(field, "name")) return *value = LUDC_STR("Ada {x}"), true;
    if (ludc_str_eq(field, "my column")) return *value = LUDC_STR("a\0b"), true;
    if (ludc_str_eq(field, "empty")) return *value = (lud_str){NULL, 0}, true;
    if (ludc_str_eq(field, "x")) return *value = *(lud_str *)arg, true;
    return false;
}

static void renders(const char *text, lud_str x, const char *want, size_t want_len) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_template *t = NULL;
    ludc_buf out = {0};
    CHECK_OK(ludc_template_parse(ludc_str(text), &t, &err), err);
    if (!t) return;
    CHECK_OK(ludc_template_render(t, lookup, &x, &out, &err), err);
    CHECK_TEXT(out.ptr ? out.ptr : "", want);
    CHECK_INT(out.len, want_len);
    ludc_buf_free(&out);
    ludc_template_free(t);
}

static void formats(const char *spec, const char *value, const char *want) {
    char text[64];
    (void)snprintf(text, sizeof text, "{x:%s}", spec);
    renders(text, ludc_str(value), want, strlen(want));
}

static void refuses(const char *text, const char *message) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_template *t = NULL;
    CHECK_INT(ludc_template_parse(ludc_str(text), &t, &err), LUD_E_INVALID);
    CHECK(t == NULL);
    bool odd = !strstr(err.msg, message);
    if (odd) fprintf(stderr, "'%s': got '%s', want '%s' in it\n", text, err.msg, message);
    CHECK(!odd);
}

static void test_fields(void) {
    renders("", LUDC_STR(""), "", 0);
    renders("plain", LUDC_STR(""), "plain", 5);
    renders("Hi {name}!", LUDC_STR(""), "Hi Ada {x}!", 11); /* values are not templates */
    renders("{{{name}}} {{}}", LUDC_STR(""), "{Ada {x}} {}", 12);
    renders("[{empty}]", LUDC_STR(""), "[]", 2);
    renders("{my column}", LUDC_STR(""), "a", 3); /* the NUL is kept */
    lud_error err = LUDC_ERROR_INIT;
    ludc_template *t = NULL;
    CHECK_OK(ludc_template_parse(LUDC_STR("{a} {{b}} {__task__:.1f}{a}"), &t, &err), err);
    CHECK_INT(ludc_template_fields(t), 3);
    CHECK(ludc_str_eq(ludc_template_field(t, 0), "a"));
    CHECK(ludc_str_eq(ludc_template_field(t, 1), "__task__"));
    CHECK(ludc_str_eq(ludc_template_field(t, 2), "a"));
    CHECK_INT(ludc_template_field(t, 3).len, 0);
    ludc_template_free(t);
    ludc_template_free(NULL);
}

static void test_refusals(void) {
    refuses("a {", "character 3: '{' has no partner");
    refuses("\u00e9\u00e9 }", "character 4: '}' has no partner");
    refuses("a } b", "character 3: '}'");
    refuses("{a{b}}", "character 1: '{' has no partner");
    refuses("{}", "character 1: '{}' names no column");
    refuses("{:.2f}", "names no column");
    refuses("{x:}", "does not end in f, e, g or %");
    refuses("{x:d}", "does not end in");
    refuses("{x:.f}", "precision is missing");
    refuses("x{x:.2fz}", "character 5: in '{x:.2fz}' something follows");
    refuses("{x:9999f}", "width is more than");
    refuses("{x:.99999999999f}", "precision is more than");
}

static void test_render_errors(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_template *t = NULL;
    ludc_buf out = {0};
    lud_str x = LUDC_STR("12 apples");
    ludc_buf_adds(&out, "before");
    CHECK_OK(ludc_template_parse(LUDC_STR("ab {x:.2f}"), &t, &err), err);
    CHECK_INT(ludc_template_render(t, lookup, &x, &out, &err), LUD_E_DATA);
    CHECK(strstr(err.msg, "{x}") && strstr(err.msg, "12 apples"));
    CHECK_INT(out.len, 6);
    static const char *const no_numbers[] = {"", "0x10", "1_0", "nan(1)", "1e", "--1"};
    for (size_t i = 0; i < LUDC_COUNT(no_numbers); i++) {
        x = ludc_str(no_numbers[i]);
        CHECK_INT(ludc_template_render(t, lookup, &x, &out, NULL), LUD_E_DATA);
    }
    ludc_template_free(t);
    err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_template_parse(LUDC_STR("{nobody}"), &t, &err), err);
    CHECK_INT(ludc_template_render(t, lookup, &x, &out, &err), LUD_E_DATA);
    CHECK(strstr(err.msg, "no column 'nobody'") != NULL);
    ludc_template_free(t);
    ludc_buf_free(&out);
}

static void test_formats(void) {
    formats(".2f", "3.14159", "3.14");
    formats("f", " 2 ", "2.000000");
    formats(".0f", "2.5", "2");
    formats("+.1f", "1", "+1.0");
    formats(" .1f", "1", " 1.0");
    formats("-.1f", "-1", "-1.0");
    formats("8.2f", "-1.5", "   -1.50");
    formats("08.2f", "-1.5", "-0001.50");
    formats("<8.2f", "1.5", "1.50    ");
    formats("^9.2f", "1.5", "  1.50   ");
    formats("*>8.1f", "1.5", "*****1.5");
    formats("\u00e9^7.1f", "1.5", "\u00e9\u00e91.5\u00e9\u00e9");
    formats("_=+8.1f", "1.5", "+____1.5");
    formats("<08.1f", "1.5", "1.500000");
    formats(",.2f", "1234567.891", "1,234,567.89");
    formats(",.0f", "-999", "-999");
    formats("012,.1f", "1234.5", "00,001,234.5");
    formats("013,.1f", "1234.5", "000,001,234.5");
    formats("04,.0f", "123", "0,123");
    formats(".3e", "12345.678", "1.235e+04");
    formats(".3E", "0.00012", "1.200E-04");
    formats(".4g", "12345.678", "1.235e+04");
    formats("g", "100000", "100000");
    formats("G", "1e20", "1E+20");
    formats(".1%", "0.256", "25.6%");
    formats("8.0%", "0.5", "     50%");
    formats("f", "inf", "inf");
    formats("F", "-inf", "-INF");
    formats("08.1f", "nan", "00000nan");
    formats("+f", "nan", "+nan");
    formats(".2f", "-0.001", "-0.00");
}

/* Decimal points whatever the program's locale says. */
static void test_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < LUDC_COUNT(names); i++) {
        if (setlocale(LC_ALL, names[i])) formats(",.2f", "1234.5", "1,234.50");
    }
    (void)setlocale(LC_ALL, "C");
}

static void test_out_of_memory(void) {
    lud_status status = LUD_E_NOMEM;
    lud_str x = LUDC_STR("1");
    for (int64_t n = 0; status != LUD_OK && n < 100; n++) {
        ludc_template *t = NULL;
        ludc_buf out = {0};
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, false);
        status = ludc_template_parse(LUDC_STR("a {x:,.2f} b {name}"), &t, &err);
        if (status == LUD_OK) status = ludc_template_render(t, lookup, &x, &out, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        ludc_buf_free(&out);
        ludc_template_free(t);
    }
    CHECK_INT(status, LUD_OK);
}

int main(void) {
    test_fields();
    test_refusals();
    test_render_errors();
    test_formats();
    test_locale();
    test_out_of_memory();
    return check_done();
}
