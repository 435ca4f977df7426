/* SPDX-License-Identifier: Apache-2.0
 * Splits: every row in exactly one part, shares kept, the same for the same seed, another for another. */
#include <check.h>
#include <data.h>

enum { N = 1000 };

static ludc_table *table(const char *second, lud_str (*cell)(size_t row, char *text)) {
    const char *columns[] = {"x", second};
    ludc_table *t = ludc_table_new(columns, 2);
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < N; i++) {
        char text[32];
        const lud_str cells[2] = {LUDC_STR("x"), cell(i, text)};
        CHECK_OK(ludc_table_add(t, cells, &err), err);
    }
    return t;
}

static lud_str thirds(size_t row, char *text) {
    snprintf(text, 32, "%zu", row % 3);
    return ludc_str(text);
}

static lud_str words(size_t row, char *text) {
    const char *all[] = {"train", " validation", "test"};
    snprintf(text, 32, "%s", all[row % 3]);
    return ludc_str(text);
}

static lud_str unique(size_t row, char *text) {
    snprintf(text, 32, "v%zu", row);
    return ludc_str(text);
}

static lud_str rare(size_t row, char *text) {
    snprintf(text, 32, "%s", row % 10 == 0 ? "rare" : "common");
    return ludc_str(text);
}

static ludc_value *config(const char *json) {
    ludc_value *v = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_json_parse(json, strlen(json), "cfg", false, false, &v, &err), err);
    return v;
}

static ludc_split make(const ludc_table *t, const char *json, bool own_column, uint64_t seed) {
    ludc_value *cfg = config(json);
    ludc_split s = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_split_make(t, "d.csv", cfg, own_column, seed, &s, &err), err);
    uint8_t seen[N] = {0};
    for (int k = 0; k < LUDC_N_SPLITS; k++)
        for (size_t i = 0; i < s.n[k]; i++) {
            CHECK(i == 0 || s.rows[k][i - 1] < s.rows[k][i]);
            seen[s.rows[k][i]]++;
        }
    for (size_t i = 0; i < N; i++)
        if (seen[i] != 1) CHECK_INT(seen[i], 1);
    ludc_value_free(cfg);
    return s;
}

static void check_counts(const ludc_split *s, size_t train, size_t validation, size_t test) {
    CHECK_INT(s->n[0], train);
    CHECK_INT(s->n[1], validation);
    CHECK_INT(s->n[2], test);
}

static void test_random(void) {
    ludc_table *t = table("y", unique);
    ludc_split a = make(t, "{\"probabilities\": [0.7, 0.1, 0.2]}", true, 1), b = make(t, "{}", false, 1),
               c = make(t, "{\"probabilities\": [7, 1, 2]}", false, 2);
    check_counts(&a, 700, 100, 200);
    check_counts(&c, 700, 100, 200);
    CHECK(memcmp(a.rows[0], b.rows[0], 700 * sizeof(uint32_t)) == 0);
    CHECK(memcmp(a.rows[0], c.rows[0], 700 * sizeof(uint32_t)) != 0);
    ludc_split_free(&a);
    ludc_split_free(&b);
    ludc_split_free(&c);
    a = make(t, "{\"probabilities\": [1, 0, 0]}", false, 1);
    check_counts(&a, N, 0, 0);
    ludc_split_free(&a);
    ludc_table_free(t);
}

static void test_fixed(void) {
    ludc_table *numbers = table("split", thirds), *names = table("part", words);
    ludc_split a = make(numbers, "{\"type\": \"fixed\", \"column\": \"split\"}", false, 1),
               b = make(names, "{\"type\": \"fixed\", \"column\": \"part\"}", false, 1),
               c = make(numbers, "{}", true, 1);
    check_counts(&a, 334, 333, 333);
    check_counts(&b, 334, 333, 333);
    check_counts(&c, 334, 333, 333);
    CHECK_INT(a.rows[1][0], 1);
    ludc_split_free(&a);
    ludc_split_free(&b);
    ludc_split_free(&c);
    ludc_table_free(numbers);
    ludc_table_free(names);
}

static void test_stratify(void) {
    const char *cfg = "{\"type\": \"stratify\", \"column\": \"y\", \"probabilities\": [0.8, 0.1, 0.1]}";
    ludc_table *t = table("y", rare), *u = table("y", unique);
    ludc_split s = make(t, cfg, true, 3), lone = make(u, cfg, true, 3);
    for (int k = 0; k < LUDC_N_SPLITS; k++) {
        size_t n = 0;
        for (size_t i = 0; i < s.n[k]; i++)
            n += s.rows[k][i] % 10 == 0;
        CHECK_INT(n, k == 0 ? 80 : 10);
        CHECK_INT(s.n[k], k == 0 ? 800 : 100);
    }
    check_counts(&lone, N, 0, 0);
    ludc_split_free(&s);
    ludc_split_free(&lone);
    ludc_table_free(t);
    ludc_table_free(u);
}

static void test_folds(void) {
    static const size_t sizes[][2] = {{2, 2}, {3, 2}, {10, 3}, {7, 7}, {N, 10}};
    for (size_t i = 0; i < LUDC_COUNT(sizes); i++) {
        const size_t n = sizes[i][0], k = sizes[i][1];
        uint8_t tested[N] = {0};
        for (size_t fold = 0; fold < k; fold++) {
            ludc_split s = {0};
            lud_error err = LUDC_ERROR_INIT;
            CHECK_OK(ludc_split_fold(n, k, fold, 5, &s, &err), err);
            CHECK(s.n[LUDC_TEST] == n / k || s.n[LUDC_TEST] == n / k + 1);
            check_counts(&s, n - s.n[LUDC_TEST], 0, s.n[LUDC_TEST]);
            for (size_t j = 0; j < s.n[LUDC_TEST]; j++)
                tested[s.rows[LUDC_TEST][j]]++;
            ludc_split_free(&s);
        }
        for (size_t j = 0; j < n; j++)
            CHECK_INT(tested[j], 1);
    }
}

static void test_refusals(void) {
    static const struct {
        const char *cfg, *want;
    } bad[] = {
        {"{\"type\": \"fixed\", \"column\": \"z\"}", "d.csv: no column 'z' (did you mean 'x'?); there is: x, y"},
        {"{\"type\": \"fixed\", \"column\": \"y\"}",
         "d.csv: row 1: split 'v0': want 0, 1 or 2 (train, validation, test)"},
        {"{\"probabilities\": [0, 0, 0]}", "preprocessing.split.probabilities: all are zero"},
    };
    ludc_table *t = table("y", unique);
    for (size_t i = 0; i < LUDC_COUNT(bad); i++) {
        ludc_value *cfg = config(bad[i].cfg);
        ludc_split s = {0};
        lud_error err = LUDC_ERROR_INIT;
        CHECK(ludc_split_make(t, "d.csv", cfg, false, 1, &s, &err) != LUD_OK);
        CHECK_TEXT(err.msg, bad[i].want);
        ludc_value_free(cfg);
    }
    ludc_table_free(t);
}

int main(void) {
    test_random();
    test_fixed();
    test_stratify();
    test_folds();
    test_refusals();
    return check_done();
}
