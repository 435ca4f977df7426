/* SPDX-License-Identifier: Apache-2.0
 * Errors, memory, text, maps, random numbers, log, cancellation: one function per subject. */
#include <base.h>
#include <check.h>
#include <math.h>

static void test_error(void) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_fail(&err, LUD_E_IO, "%s: %d", "first", 1), LUD_E_IO);
    CHECK_INT(ludc_fail(&err, LUD_E_DATA, "second"), LUD_E_DATA);
    CHECK_TEXT(err.msg, "first: 1");
    CHECK_INT(err.code, LUD_E_IO);
    CHECK_INT(ludc_fail(NULL, LUD_E_NOMEM, "nobody listens"), LUD_E_NOMEM);
    CHECK_TEXT(ludc_status_text(LUD_E_NOMEM), "out of memory");
    CHECK_TEXT(ludc_status_text(77), "unknown status");
}

static void test_long_error_keeps_tail(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    for (int i = 0; i < 2000; i++)
        ludc_buf_adds(&text, "\xC3\xA4"); /* two bytes each */
    ludc_fail(&err, LUD_E_IO, "%s the end", text.ptr);
    const size_t n = strlen(err.msg);
    CHECK(n < sizeof err.msg && n > sizeof err.msg - 8);
    CHECK(strncmp(err.msg, "...", 3) == 0 && strcmp(err.msg + n - 8, " the end") == 0);
    CHECK(ludc_utf8_valid(err.msg, n));
    ludc_buf_free(&text);
}

static bool is_zero(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

static void test_memory(void) {
    for (size_t n = 0; n < 300; n += 7) {
        char *p = ludc_alloc(n);
        CHECK(p && (uintptr_t)p % (n < 256 ? 16 : 64) == 0 && is_zero(p, n));
        ludc_free(p);
    }
    char *p = ludc_alloc(10);
    memset(p, 1, 10);
    p = ludc_realloc(p, 10, 1000);
    CHECK(p && p[9] == 1 && is_zero(p + 10, 990));
    p = ludc_realloc(p, 1000, 4);
    CHECK(p && p[3] == 1);
    ludc_free(p);
    CHECK(ludc_alloc(SIZE_MAX) == NULL && ludc_alloc((size_t)PTRDIFF_MAX + 1) == NULL);
    CHECK(ludc_strndup("x", SIZE_MAX) == NULL);
}

static void test_fault_injection(void) {
    const uint64_t before = ludc_alloc_count();
    ludc_alloc_fail_after(1, false);
    void *a = ludc_alloc(1), *b = ludc_alloc(1), *c = ludc_alloc(1);
    CHECK(a && !b && c);
    CHECK_INT(ludc_alloc_count() - before, 3);
    ludc_alloc_fail_after(0, true);
    CHECK(!ludc_alloc(1) && !ludc_alloc(1) && !ludc_strdup("x"));
    char *kept = c;
    CHECK(ludc_realloc(kept, 1, 100) == NULL && kept[0] == 0);
    ludc_alloc_fail_after(-1, false);
    ludc_free(a);
    ludc_free(c);
}

static void test_buf(void) {
    ludc_buf b = {0};
    ludc_buf_add(&b, NULL, 0);
    CHECK(b.ptr && b.len == 0 && b.ptr[0] == '\0');
    for (int i = 0; i < 1000; i++)
        ludc_buf_addf(&b, "%d,", i % 10);
    CHECK_INT(b.len, 2000);
    CHECK_INT(strlen(b.ptr), 2000);
    ludc_buf_clear(&b);
    CHECK_TEXT(b.ptr, "");
    ludc_buf_free(&b);
    ludc_alloc_fail_after(0, true);
    ludc_buf_adds(&b, "lost");
    ludc_alloc_fail_after(-1, false);
    ludc_buf_adds(&b, "lost too");
    CHECK(b.failed && b.len == 0);
    ludc_buf_free(&b);
    CHECK(!b.failed);
}

static void test_text(void) {
    const lud_str trimmed = ludc_str_trim(LUDC_STR(" \t a b\r\n"));
    CHECK(ludc_str_eq(trimmed, "a b") && ludc_str_trim(LUDC_STR("  ")).len == 0);
    CHECK(ludc_str_same(LUDC_STR("a\0b"), LUDC_STR("a\0b")) && !ludc_str_same(LUDC_STR("a\0b"), LUDC_STR("a\0c")));
    CHECK(ludc_str(NULL).len == 0);
}

static void test_utf8(void) {
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp += cp < 0x3000 ? 1 : 61) {
        if (cp >= 0xD800 && cp < 0xE000) continue;
        char bytes[4];
        uint32_t back = 0;
        const size_t n = ludc_utf8_encode(cp, bytes);
        if (ludc_utf8_decode(bytes, n, &back) != n || back != cp) CHECK_INT(back, cp);
        if (n > 1) CHECK(!ludc_utf8_valid(bytes, n - 1));
    }
    const char *const bad[] = {"\x80",
                               "\xC0\x80",
                               "\xC1\xBF",
                               "\xE0\x80\x80",
                               "\xED\xA0\x80",
                               "\xF0\x80\x80\x80",
                               "\xF4\x90\x80\x80",
                               "\xF5\x80\x80\x80",
                               "\xFF",
                               "\xC3",
                               "\xE2\x82",
                               ("\xC3"
                                "A")};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        uint32_t cp;
        CHECK(!ludc_utf8_valid(bad[i], strlen(bad[i])));
        CHECK(ludc_utf8_decode(bad[i], strlen(bad[i]), &cp) == 1 && cp == 0xFFFD);
    }
    char bytes[4];
    CHECK(ludc_utf8_encode(0xD800, bytes) == 3 && memcmp(bytes, "\xEF\xBF\xBD", 3) == 0);
    CHECK(ludc_utf8_valid("\xEF\xBF\xBD", 3) && ludc_utf8_valid("", 0));
}

static void test_nearest(void) {
    CHECK_INT(ludc_edit_distance(LUDC_STR("kitten"), LUDC_STR("sitting")), 3);
    CHECK_INT(ludc_edit_distance(LUDC_STR("learning"), LUDC_STR("laerning")), 1);
    CHECK_INT(ludc_edit_distance(LUDC_STR(""), LUDC_STR("abc")), 3);
    const char *const names[] = {"adapter", "backend", "type", "trainer"};
    CHECK_TEXT(ludc_nearest(LUDC_STR("adpater"), names, 4), "adapter");
    CHECK_TEXT(ludc_nearest(LUDC_STR("tpye"), names, 4), "type");
    CHECK(ludc_nearest(LUDC_STR("tyxx"), names, 4) == NULL);
    CHECK(ludc_nearest(LUDC_STR("quantization"), names, 4) == NULL);
}

static void test_map(void) {
    ludc_map *m = ludc_map_new(0);
    char key[32];
    int64_t value = 0, wrong = 0;
    for (int i = 0; i < 60000; i++) {
        const int n = snprintf(key, sizeof key, "key %d", i);
        CHECK(ludc_map_put(m, (lud_str){key, (size_t)n}, i));
    }
    for (int i = 0; i < 60000; i++) {
        const int n = snprintf(key, sizeof key, "key %d", i);
        wrong += !ludc_map_get(m, (lud_str){key, (size_t)n}, &value) || value != i;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(ludc_map_len(m), 60000);
    CHECK(ludc_map_put(m, LUDC_STR("key 7"), -1) && ludc_map_get(m, LUDC_STR("key 7"), &value) && value == -1);
    CHECK(!ludc_map_get(m, LUDC_STR("key 60000"), &value));
    CHECK(ludc_map_put(m, LUDC_STR(""), 5) && ludc_map_put(m, LUDC_STR("a\0"), 6));
    CHECK(ludc_map_get(m, LUDC_STR(""), &value) && value == 5 && !ludc_map_get(m, LUDC_STR("a"), &value));
    ludc_map_free(m);
    ludc_map_free(NULL);
}

static void test_map_out_of_memory(void) {
    for (int64_t after = 0; after < 40; after++) {
        ludc_alloc_fail_after(after, true);
        ludc_map *m = ludc_map_new(4);
        size_t n = 0;
        char key[8];
        for (int i = 0; m && i < 100; i++)
            n += ludc_map_put(m, (lud_str){key, (size_t)snprintf(key, sizeof key, "%d", i)}, i);
        ludc_alloc_fail_after(-1, false);
        CHECK(!m || ludc_map_len(m) == n);
        ludc_map_free(m);
    }
}

static void test_permutation(void) {
    for (uint64_t n = 0; n < 300; n += 1 + n / 8) {
        char seen[300] = {0};
        size_t distinct = 0;
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t at = ludc_permute(9, n, i);
            CHECK(at < n);
            if (at < n) distinct += !seen[at], seen[at] = 1;
        }
        CHECK_INT(distinct, n);
    }
    CHECK_INT(ludc_permute(1, 0, 5), 0);
    CHECK(ludc_permute(1, 3, 1000) < 3);
    int same = 0;
    for (uint64_t i = 0; i < 1000; i++)
        same += ludc_permute(1, 1000, i) == ludc_permute(2, 1000, i);
    CHECK(same < 20);
    CHECK(ludc_permute(1, UINT64_MAX, 5) < UINT64_MAX);
}

static void test_random(void) {
    double sum = 0, normal_sum = 0, normal_squares = 0;
    const int n = 20000;
    for (uint64_t i = 0; i < (uint64_t)n; i++) {
        const double u = ludc_random_uniform(3, i), z = ludc_random_normal(4, i);
        CHECK(u >= 0 && u < 1 && isfinite(z));
        sum += u;
        normal_sum += z;
        normal_squares += z * z;
    }
    CHECK(fabs(sum / n - 0.5) < 0.01);
    CHECK(fabs(normal_sum / n) < 0.03 && fabs(normal_squares / n - 1) < 0.05);
    CHECK(ludc_key_of_name(1, LUDC_STR("a")) != ludc_key_of_name(1, LUDC_STR("b")));
    CHECK(ludc_key_of_name(1, LUDC_STR("a")) != ludc_key_of_name(2, LUDC_STR("a")));
    CHECK(ludc_hash("ab", 2) != ludc_hash("ab\0", 3));
}

static char logged[64];
static void remember(void *arg, int32_t level, const char *text) {
    ++*(int *)arg;
    snprintf(logged, sizeof logged, "%d %s", level, text);
    if (level == LUD_LOG_WARN) ludc_log(LUD_LOG_ERROR, "from the sink");
}

static void test_log(void) {
    int lines = 0;
    ludc_log_set(remember, &lines, LUD_LOG_INFO);
    ludc_log(LUD_LOG_DEBUG, "not shown");
    ludc_log(LUD_LOG_INFO, "shown %d", 1);
    CHECK_TEXT(logged, "1 shown 1");
    ludc_log(LUD_LOG_WARN, "nested");
    CHECK_TEXT(logged, "3 from the sink");
    CHECK_INT(lines, 3);
    ludc_log_set(NULL, NULL, LUD_LOG_INFO);
}

static void test_cancel_and_clock(void) {
    ludc_cancel_request();
    ludc_cancel_request();
    CHECK_INT(ludc_cancel_requested(), 2);
    ludc_cancel_clear();
    CHECK_INT(ludc_cancel_requested(), 0);
    const double t = ludc_now();
    CHECK(ludc_now() >= t);
    CHECK(ludc_peak_rss() > 100000);
}

int main(void) {
    test_error();
    test_long_error_keeps_tail();
    test_memory();
    test_fault_injection();
    test_buf();
    test_text();
    test_utf8();
    test_nearest();
    test_map();
    test_map_out_of_memory();
    test_permutation();
    test_random();
    test_log();
    test_cancel_and_clock();
    return check_done();
}
