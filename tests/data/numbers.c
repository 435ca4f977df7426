/* SPDX-License-Identifier: Apache-2.0
 * Number and vector features: what reads as a number, filling, outliers, normalization and back, every refusal. */
#include "columns.h"

#include <math.h>

#define NUMBER(more)      "{\"name\": \"x\", \"type\": \"number\", \"preprocessing\": {" more "}}"
#define RAW(more)         NUMBER("\"normalization\": null" more)
#define STRATEGY(s, more) RAW(", \"missing_value_strategy\": \"" s "\"" more)

static void test_reading(void) {
    CHECK_COLUMN(RAW(""), false, "1| 2 |-3.5|1e-3|+4|.5|5.|1E2|0012", 9, "1 2 -3.5 0.001 4 0.5 5 100 12");
    CHECK_TEXT(said, "");
    CHECK_COLUMN(RAW(", \"fill_value\": 7"), false, "1|~|| |nan|NaN|NA|null|None|N/A", 10, "1 7 7 7 7 7 7 7 7 7");
    CHECK_TEXT(said, "");
    CHECK_COLUMN(RAW(""), false, "3|1,000|abc|inf|-Infinity|0x10|1_0|5%|1e999|--1|1 2|.|e5|1e|", 14,
                 "3 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    CHECK_TEXT(said, "d.csv: column 'x': 13 of 15 cells hold no finite number and count as missing (first: row 2, "
                     "'1,000')\n");
    CHECK_COLUMN(RAW(""), false, "True|False|true|false", 4, "1 0 1 0");
}

static void test_strategies(void) {
    CHECK_COLUMN(RAW(""), true, "1||x|4", 4, "1 - - 4");
    CHECK_COLUMN(STRATEGY("fill_with_mean", ""), false, "1||4|x", 3, "1 2.5 4 2.5");
    CHECK_COLUMN(STRATEGY("fill_with_mode", ""), false, "4||2|2.0|4|1", 6, "4 2 2 2 4 1");
    CHECK_COLUMN(STRATEGY("bfill", ""), false, "||2|||3||", 8, "2 2 2 3 3 3 3 3");
    CHECK_COLUMN(STRATEGY("ffill", ""), false, "||2|||3||", 8, "2 2 2 2 2 3 3 3");
    CHECK_COLUMN(STRATEGY("ffill", ""), false, "||", 3, "- - -");
    CHECK_COLUMN(STRATEGY("drop_row", ""), false, "1||2", 3, "1 - 2");
    CHECK_COLUMN(STRATEGY("fill_with_const", ", \"fill_value\": \"x\""), false, "1|2", 2,
                 "column 'x': preprocessing.fill_value: want a number");
    CHECK_COLUMN(STRATEGY("fill_with_mean", ""), false, "|~", 2,
                 "d.csv: row 1: column 'x': no number in any training row: there is nothing to fill with");
    CHECK_COLUMN(STRATEGY("fill_with_false", ""), false, "1", 1,
                 "column 'x': preprocessing.missing_value_strategy 'fill_with_false' is not for type number: want one "
                 "of fill_with_const, fill_with_mode, fill_with_mean, bfill, ffill, drop_row");
}

static void test_outliers(void) {
#define OUTLIERS(s, more) RAW(", \"outlier_strategy\": \"" s "\", \"outlier_threshold\": 1.5, \"fill_value\": 7" more)
    /* mean 4, deviation 3.54: only the 10 is further than 1.5 deviations */
    CHECK_COLUMN(OUTLIERS("fill_with_const", ""), false, "1|2|3|4|10|-50", 5, "1 2 3 4 7 7");
    CHECK_COLUMN(OUTLIERS("fill_with_mean", ""), false, "1|2|3|4|10", 5, "1 2 3 4 4");
    CHECK_COLUMN(OUTLIERS("drop_row", ""), false, "1|2|3|4|10", 5, "1 2 3 4 -");
    CHECK_COLUMN(OUTLIERS("ffill", ", \"missing_value_strategy\": \"ffill\""), false, "1|2|3|4|10||", 5,
                 "1 2 3 4 4 4 4");
    CHECK_COLUMN(OUTLIERS("bfill", ""), false, "1|2|3|10|4", 5, "1 2 3 4 4");
    CHECK_COLUMN(RAW(", \"outlier_strategy\": null"), false, "1|2|3|4|1000", 5, "1 2 3 4 1000");
}

static void check_back(const char *feature, const char *cells, size_t n, const char *want) {
    ludc_table *t = table_of(cells);
    ludc_value *m = NULL, *f = json(feature);
    ludc_column c = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_feature_fit(f, true, t, "d.csv", NULL, n, &m, &err), err);
    CHECK_OK(ludc_feature_encode(f, m, true, t, "d.csv", NULL, n, &c, &err), err);
    ludc_buf got = {0};
    print_column(&c, &got);
    CHECK_TEXT(got.ptr, want);
    ludc_feature_denormalize(m, c.reals, n);
    ludc_buf_clear(&got);
    print_column(&c, &got);
    CHECK_TEXT(got.ptr, "1 2 3 4 10");
    ludc_buf_free(&got);
    ludc_column_free(&c);
    ludc_value_free(m);
    ludc_value_free(f);
    ludc_table_free(t);
}

static void test_normalization(void) {
    check_back(NUMBER("\"normalization\": \"zscore\""), "1|2|3|4|10", 5, "-0.8485 -0.5657 -0.2828 0 1.697");
    check_back(NUMBER("\"normalization\": \"minmax\""), "1|2|3|4|10", 5, "0 0.1111 0.2222 0.3333 1");
    check_back(NUMBER("\"normalization\": \"iq\""), "1|2|3|4|10", 5, "-1 -0.5 0 0.5 3.5");
    check_back(NUMBER("\"normalization\": \"log1p\""), "1|2|3|4|10", 5, "0.6931 1.099 1.386 1.609 2.398");
    check_back(NUMBER("\"normalization\": null"), "1|2|3|4|10", 5, "1 2 3 4 10");
    check_back(NUMBER(""), "1|2|3|4|10", 5, "1 2 3 4 10");
    CHECK_COLUMN(NUMBER(""), false, "1|2|3|4|10", 5, "-0.8485 -0.5657 -0.2828 0 1.697");
    CHECK_METADATA(NUMBER(""), false, "1|2|3|4|10", 5,
                   "{\"type\": \"number\", \"width\": 1, \"mean\": 4.0, \"std\": 3.5355339059327378, \"min\": 1.0, "
                   "\"max\": 10.0, \"q1\": 2.0, \"q2\": 3.0, \"q3\": 4.0, \"fill_value\": 0.0, "
                   "\"outlier_fill_value\": 0.0, \"normalization\": \"zscore\"}");
    /* the filled cells count, as in Ludwig: 0, 2, 4 */
    CHECK_COLUMN(NUMBER(""), false, "|2|4|8", 3, "-1 0 1 3");
}

static void test_constant(void) {
    CHECK_COLUMN(NUMBER(""), false, "5|5|5|7", 3, "0 0 0 2");
    CHECK_TEXT(said, "d.csv: column 'x': the spread of its training values is 0: 5 becomes 0, undivided\n");
    CHECK_COLUMN(NUMBER("\"normalization\": \"minmax\""), true, "5|7", 1, "0 2");
    CHECK_COLUMN(NUMBER("\"normalization\": \"iq\""), false, "0|0|0|0|9", 5, "0 0 0 0 9");
}

/* A long gap is walked once, not once for each of its rows. */
static void test_long_gap(void) {
    enum { N = 300000 };
    char *cells = calloc(N + 2, 1);
    memset(cells, '|', N);
    cells[N] = '7';
    ludc_table *t = table_of(cells);
    ludc_value *f = json(STRATEGY("ffill", "")), *m = NULL;
    ludc_column c = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_feature_fit(f, false, t, "d.csv", NULL, N, &m, &err), err);
    CHECK_OK(ludc_feature_encode(f, m, false, t, "d.csv", NULL, N + 1, &c, &err), err);
    CHECK(!c.missing && c.reals[0] == 7 && c.reals[N - 1] == 7 && c.reals[N] == 7);
    ludc_column_free(&c);
    ludc_value_free(m);
    ludc_value_free(f);
    ludc_table_free(t);
    free(cells);
}

static void test_refusals(void) {
    CHECK_COLUMN(NUMBER("\"normalization\": \"log1p\""), false, "1|0|-2", 2,
                 "d.csv: row 3: column 'x': -2 has no log1p, which wants values above -1: normalize by zscore");
    CHECK_COLUMN(RAW(""), false, "1|1e300", 1, "d.csv: row 2: column 'x': 1e+300 is too large");
    CHECK_COLUMN(NUMBER(""), false, "1e308|-1e308", 2,
                 "d.csv: row 1: column 'x': values from -1e+308 to 1e+308 are too large to normalize");
    CHECK_COLUMN(NUMBER(""), true, "abc|de|1", 2,
                 "d.csv: row 1: column 'x': no training row holds a number (here 'abc'): is it a category?");
    CHECK_COLUMN(NUMBER(""), false, "1|2", 0,
                 "d.csv: column 'x': no training row to learn from (see preprocessing.split)");
    CHECK_COLUMN("{\"name\": \"y\", \"type\": \"number\"}", false, "1|2", 2,
                 "d.csv: no column 'y' (did you mean 'x'?); there is: x");
    CHECK_COLUMN("{\"name\": \"y\", \"column\": \"x\", \"type\": \"image\"}", false, "1|2", 2,
                 "feature 'y': type 'image' is known, not available yet: want binary, number, category, set, bag, "
                 "vector or text");
    CHECK_COLUMN("{\"name\": \"y\", \"type\": \"nubmer\"}", false, "1|2", 2,
                 "feature 'y': type 'nubmer' is unknown: want binary, number, category, set, bag, vector or text");
}

#define VECTOR(more) "{\"name\": \"x\", \"type\": \"vector\", \"preprocessing\": {" more "}}"

static void test_vectors(void) {
    CHECK_COLUMN(VECTOR(""), false, "1 2 3|4,5,6|[7, 8, 9]|[ 1,2 , 3 ]| -1e1\t2 .5", 5,
                 "1,2,3 4,5,6 7,8,9 1,2,3 -10,2,0.5");
    CHECK_COLUMN(VECTOR(""), false, "1 2||NaN", 3, "1,2 0,0 0,0");
    CHECK_COLUMN(VECTOR("\"fill_value\": \"8 9\""), false, "|1 2|~", 3, "8,9 1,2 8,9");
    CHECK_COLUMN(VECTOR(""), true, "1 2||3 4", 3, "1,2 - 3,4");
    CHECK_METADATA(VECTOR("\"vector_size\": 2"), true, "1 2", 1, "{\"type\": \"vector\", \"width\": 2}");
    CHECK_COLUMN(VECTOR("\"vector_size\": 3"), true, "1 2", 1,
                 "d.csv: column 'x': vectors have 2 numbers, vector_size is 3");
    CHECK_COLUMN(VECTOR(""), false, "1 2 3|1 2", 2, "d.csv: row 2: column 'x': 2 numbers, want 3 as in the other rows");
    CHECK_COLUMN(VECTOR(""), false, "1 2|1 two", 2, "d.csv: row 2: column 'x': 'two' is no number that a vector holds");
    CHECK_COLUMN(VECTOR(""), false, "1 2|1 inf", 2, "d.csv: row 2: column 'x': 'inf' is no number that a vector holds");
    CHECK_COLUMN(VECTOR(""), false, "abc", 1,
                 "d.csv: row 1: column 'x': 'abc' is no vector (numbers with blanks, or a JSON list)");
    CHECK_COLUMN(VECTOR(""), false, "[]", 1,
                 "d.csv: row 1: column 'x': '[]' is no vector (numbers with blanks, or a JSON list)");
    CHECK_COLUMN(VECTOR(""), false, "|~", 2, "d.csv: row 1: column 'x': no training row has a vector");
}

int main(void) {
    test_reading();
    test_strategies();
    test_outliers();
    test_normalization();
    test_constant();
    test_long_gap();
    test_refusals();
    test_vectors();
    check_no_memory(STRATEGY("fill_with_mode", ", \"outlier_strategy\": \"fill_with_mean\""), false, "1||x|2", 4);
    check_no_memory(VECTOR("\"missing_value_strategy\": \"fill_with_mode\""), false, "1 2||3 4", 3);
    return check_done();
}
