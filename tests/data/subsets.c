/* SPDX-License-Identifier: Apache-2.0
 * Splits by a column (hash as Ludwig has it, datetime), samples of rows, balanced classes. */
#include "columns.h"

#include <math.h>

static ludc_value *split_config(const char *type, const char *probabilities) {
    char text[256];
    snprintf(text, sizeof text, "{\"type\": \"%s\", \"column\": \"x\", \"probabilities\": %s}", type, probabilities);
    return json(text);
}

/* The part of each row as a digit, or the message. */
static void check_split(const char *type, const char *probabilities, ludc_table *t, const char *want) {
    ludc_value *cfg = split_config(type, probabilities);
    ludc_split s = {0};
    lud_error err = LUDC_ERROR_INIT;
    char got[sizeof(lud_error)] = {0};
    if (ludc_split_make(t, "d.csv", cfg, false, 1, &s, &err) != LUD_OK) snprintf(got, sizeof got, "%s", err.msg);
    for (int k = 0; k < LUDC_N_SPLITS; k++)
        for (size_t i = 0; i < s.n[k]; i++)
            got[s.rows[k][i]] = (char)('0' + k);
    CHECK_TEXT(got, want);
    ludc_split_free(&s);
    ludc_value_free(cfg);
    ludc_table_free(t);
}

/* Values from hash_dict and crc32 of Ludwig 0.10, in Python; an empty cell is NaN there. */
static void test_hash(void) {
    ludc_buf words = {0}, integers = {0}, numbers = {0}, odd = {0};
    for (int i = 0; i < 60; i++) {
        ludc_buf_addf(&words, "%sv%d", i ? "|" : "", i);
        ludc_buf_addf(&integers, "%s%s%d", i ? "|" : "", i == 7 ? "+" : "", i - 5);
        ludc_buf_addf(&numbers, "%s%.3f", i ? "|" : "", i * 0.25 + 0.5);
    }
    for (int i = 0; i < 40; i++) {
        ludc_buf_adds(&odd, i ? "|" : "");
        for (int k = 0; k < i; k++)
            ludc_buf_adds(&odd, "\xC3\xA9");
        for (int k = 0; k < i % 3; k++)
            ludc_buf_adds(&odd, "\n\"q\" \xF0\x9F\x98\x80");
        for (int k = 0; k < i * 7; k++)
            ludc_buf_adds(&odd, "x");
    }
    const char *p = "[0.7, 0.1, 0.2]";
    check_split("hash", p, table_of(words.ptr), "211000020001202220022220002100202000002022002000002210001001");
    check_split("hash", p, table_of(integers.ptr), "200002200000000001020020020001000200002220000000001220200002");
    check_split("hash", p, table_of(numbers.ptr), "200000202202000202002000100110002000000001100202100000002100");
    check_split("hash", p, table_of(odd.ptr), "2000222001000001020010200001222002020020");
    ludc_buf_free(&words);
    ludc_buf_free(&integers);
    ludc_buf_free(&numbers);
    ludc_buf_free(&odd);
    check_split("hash", "[1, 0, 0]", table_of("a|b|~"), "000");
    check_split("hash", "[0, 0, 1]", table_of("a|b|~"), "222");
}

static void test_datetime(void) {
    const char *p = "[0.5, 0.25, 0.25]";
    check_split("datetime", p, table_of("2024-03-01|2023-12-31|1999-01-01|2024-02-29"), "2001");
    check_split("datetime", p, table_of("2024-01-01T12:00:00Z|2024-01-01 12:00:01|2024-01-01T12:00+01:00|2024/1/1"),
                "1200");
    check_split("datetime", p,
                table_of("2024-01-01 00:00:00.5|2024-01-01 00:00:00.25|2024-01-01T00:00:00-0130|1969-07-20 20:17"),
                "1020");
    check_split("datetime", p, table_of("30|4|-1e3|100"), "1002");
    check_split("datetime", p, table_of("5|5|5|5"), "0012");
    check_split("datetime", p, table_of("2024-01-01|01/02/2024"),
                "d.csv: row 2: split by datetime: '01/02/2024' is no date (want 2024-01-31 or 2024-01-31 12:59:59)");
    check_split("datetime", p, table_of("2024-01-01|"),
                "d.csv: row 2: split by datetime: '' is no date (want 2024-01-31 or 2024-01-31 12:59:59)");
    check_split("datetime", p, table_of("1|2024-01-01"),
                "d.csv: row 2: split by datetime: '2024-01-01' is no number, as the first row holds");
    static const char *const bad[] = {
        "2024-13-01",  "2024-00-01",       "2024-01-32",       "2024-01",     "24-01-01T1",
        "2024-01-01T", "2024-01-01T25:00", "2024-01-01T10:61", "2024-01-01x", "2024-01-01T10:00 +1:2:3"};
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        char want[256];
        snprintf(want, sizeof want,
                 "d.csv: row 1: split by datetime: '%s' is no date (want 2024-01-31 or 2024-01-31 12:59:59)", bad[i]);
        check_split("datetime", p, table_of(bad[i]), want);
    }
}

static void check_sample(const char *cfg, size_t n, size_t want) {
    ludc_value *v = json(cfg);
    uint32_t rows[100];
    lud_error err = LUDC_ERROR_INIT;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = i * 2;
    CHECK_OK(ludc_rows_sample(v, 7, rows, &n, &err), err);
    CHECK_INT(n, want);
    for (size_t i = 1; i < n; i++)
        CHECK(rows[i - 1] < rows[i] && rows[i] % 2 == 0);
    ludc_value_free(v);
}

static void test_sample(void) {
    check_sample("{}", 100, 100);
    check_sample("{\"sample_ratio\": 1.0, \"sample_size\": null}", 100, 100);
    check_sample("{\"sample_ratio\": 0.25}", 100, 25);
    check_sample("{\"sample_size\": 10}", 100, 10);
    check_sample("{\"sample_size\": 1000}", 100, 100);
    ludc_value *v = json("{\"sample_ratio\": 0.01}");
    uint32_t rows[] = {1, 2, 3};
    size_t n = 3;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_rows_sample(v, 7, rows, &n, &err), LUD_E_DATA);
    CHECK_TEXT(err.msg, "preprocessing.sample_ratio 0.01 of 3 rows leaves none");
    ludc_value_free(v);
}

/* 20 rows, every fifth is true; n_want rows of each value. Every kept row of the minority is there. */
static void check_balance(const char *cfg, size_t want_true, size_t want_false, const char *message) {
    ludc_value *v = json(cfg);
    float reals[20];
    uint8_t missing[20] = {0};
    uint32_t *rows = ludc_alloc(20 * sizeof(*rows));
    size_t n = 20, count[2] = {0, 0}, times[20] = {0};
    for (uint32_t i = 0; i < 20; i++) {
        rows[i] = i;
        reals[i] = i % 5 == 0;
    }
    ludc_column target = {.kind = LUDC_COLUMN_REALS, .rows = 20, .width = 1, .reals = reals, .missing = missing};
    lud_error err = LUDC_ERROR_INIT;
    ludc_rows_balance(v, &target, 3, &rows, &n, &err);
    CHECK_TEXT(err.msg, message);
    for (size_t i = 0; i < n; i++) {
        CHECK(i == 0 || rows[i - 1] <= rows[i]);
        count[rows[i] % 5 == 0]++;
        times[rows[i]]++;
    }
    for (size_t i = 0; i < 20; i += 5)
        CHECK(times[i] >= want_true / 4 && times[i] <= (want_true + 3) / 4);
    CHECK_INT(count[1], want_true);
    CHECK_INT(count[0], want_false);
    ludc_free(rows);
    ludc_value_free(v);
}

static void test_balance(void) {
    check_balance("{}", 4, 16, "");
    check_balance("{\"oversample_minority\": 0.6}", 10, 16, "");
    check_balance("{\"oversample_minority\": 1.0}", 16, 16, "");
    check_balance("{\"oversample_minority\": 0.1}", 4, 16, "");
    check_balance("{\"undersample_majority\": 0.5}", 4, 8, "");
    check_balance("{\"undersample_majority\": 0.9}", 4, 4, "");
    check_balance("{\"undersample_majority\": 0.01}", 4, 16, "");
    check_balance("{\"oversample_minority\": 0.5, \"undersample_majority\": 0.5}", 4, 16,
                  "preprocessing: oversample_minority or undersample_majority, not both");
}

int main(void) {
    test_hash();
    test_datetime();
    test_sample();
    test_balance();
    return check_done();
}
