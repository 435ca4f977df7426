/* SPDX-License-Identifier: Apache-2.0
 * Prediction columns: names and cells of each type, ties, non-ASCII labels, refusals, a table written row by row. */
#include <answers.h>
#include <check.h>
#include <config.h>
#include <math.h>

static ludc_value *json(const char *text) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(text, strlen(text), "<test>", false, false, &v, &err), err);
    return v;
}

static void join(ludc_cells *c, const char *want) {
    ludc_buf text = {0};
    const lud_str *cells = ludc_cells_list(c);
    for (size_t i = 0; i < c->len; i++) {
        ludc_buf_adds(&text, i ? "|" : "");
        ludc_buf_add(&text, cells[i].ptr, cells[i].len);
        CHECK(cells[i].ptr[cells[i].len] == '\0');
    }
    CHECK_TEXT(text.ptr, want);
    ludc_buf_free(&text);
}

/* `columns` NULL: not looked at. */
static void check_row(const char *feature_text, const char *metadata_text, const float *scores, int64_t width,
                      const char *columns, const char *row) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *feature = json(feature_text), *metadata = json(metadata_text);
    ludc_cells names = {0}, cells = {0};
    CHECK_OK(ludc_answers_columns(feature, metadata, &names, &err), err);
    CHECK_OK(ludc_answers_row(feature, metadata, scores, width, &cells, &err), err);
    CHECK_INT(cells.len, names.len);
    if (columns) join(&names, columns);
    join(&cells, row);
    ludc_cells_clear(&cells);
    CHECK_OK(ludc_answers_row(feature, metadata, scores, width, &cells, &err), err);
    join(&cells, row);
    ludc_cells_free(&names);
    ludc_cells_free(&cells);
    ludc_value_free(feature);
    ludc_value_free(metadata);
}

#define ROW(feature, metadata, columns, row, ...)                                                                      \
    do {                                                                                                               \
        const float scores_[] = {__VA_ARGS__};                                                                         \
        check_row(feature, metadata, scores_, (int64_t)LUDC_COUNT(scores_), columns, row);                             \
    } while (0)

static void test_category(void) {
    const char *three = "{\"width\": 3, \"idx2str\": [\"<UNK>\", \"gr\\u00fcn\", \"a \\\"b\\\"\"]}";
    ROW("{\"name\": \"y\", \"type\": \"category\"}", three,
        "y_predictions|y_probabilities|y_probability|y_probabilities_<UNK>|y_probabilities_gr\xC3\xBCn|"
        "y_probabilities_a \"b\"|y_predictions_top_k",
        "a \"b\"|[0.1, 0.3, 0.6]|0.6|0.1|0.3|0.6|[\"a \\\"b\\\"\", \"gr\xC3\xBCn\", \"<UNK>\"]", 0.1f, 0.3f, 0.6f);
    ROW("{\"name\": \"y\", \"type\": \"category\", \"top_k\": 2}", three, NULL,
        "<UNK>|[0.375, 0.25, 0.375]|0.375|0.375|0.25|0.375|[\"<UNK>\", \"a \\\"b\\\"\"]", 0.375f, 0.25f, 0.375f);
    ROW("{\"name\": \"y\", \"type\": \"category\", \"top_k\": 1}", three, NULL,
        "<UNK>|[1.0, 0.0, 1e-10]|1.0|1.0|0.0|1e-10", 1, 0, 1e-10f);
    ROW("{\"name\": \"y\", \"type\": \"category\", \"top_k\": 9}", "{\"width\": 1, \"idx2str\": [\"only\"]}",
        "y_predictions|y_probabilities|y_probability|y_probabilities_only", "only|[1.0]|1.0|1.0", 1);
    ROW("{\"name\": \"y\", \"type\": \"category\", \"top_k\": 0}", three, NULL,
        "<UNK>|[null, null, null]|null|null|null|null", NAN, NAN, NAN);
}

static void test_binary(void) {
    const char *plain = "{\"width\": 1}", *feature = "{\"name\": \"b\", \"type\": \"binary\"}";
    ROW(feature, plain, "b_predictions|b_probabilities|b_probability|b_probabilities_False|b_probabilities_True",
        "True|[0.25, 0.75]|0.75|0.25|0.75", 0.75f);
    ROW(feature, plain, NULL, "True|[0.5, 0.5]|0.5|0.5|0.5", 0.5f);
    ROW("{\"name\": \"b\", \"type\": \"binary\", \"threshold\": 0.7}",
        "{\"width\": 1, \"bool2str\": [\"no\", \"yes\"]}",
        "b_predictions|b_probabilities|b_probability|b_probabilities_no|b_probabilities_yes",
        "no|[0.5, 0.5]|0.5|0.5|0.5", 0.5f);
    ROW("{\"name\": \"b\", \"type\": \"binary\", \"threshold\": 0.7}", plain, NULL, "True|[0.3, 0.7]|0.7|0.3|0.7",
        0.7f);
}

static void test_others(void) {
    ROW("{\"name\": \"n\", \"type\": \"number\"}", "{\"width\": 1}", "n_predictions", "-0.1", -0.1f);
    ROW("{\"name\": \"n\", \"type\": \"number\"}", "{\"width\": 1}", NULL, "16777216.0", 16777216);
    ROW("{\"name\": \"v\", \"type\": \"vector\"}", "{\"width\": 3}", "v_predictions", "[1.0, -2.5, null]", 1, -2.5f,
        INFINITY);
    const char *items = "{\"width\": 3, \"idx2str\": [\"x\", \"y z\", \"\\u20ac\"]}";
    ROW("{\"name\": \"s\", \"type\": \"set\"}", items, "s_predictions|s_probabilities|s_probability",
        "[\"x\", \"\xE2\x82\xAC\"]|[0.9, 0.5]|0.9", 0.9f, 0.1f, 0.5f);
    ROW("{\"name\": \"s\", \"type\": \"set\", \"threshold\": 0.95}", items, NULL, "[]|[]|0.9", 0.9f, 0.1f, 0.5f);
}

static void test_floats(void) {
    ludc_buf b = {0};
    for (uint32_t i = 0; i < 200000; i++) {
        const uint32_t bits = i * 2654435761u;
        float f;
        memcpy(&f, &bits, sizeof(f));
        ludc_buf_clear(&b);
        ludc_json_float(f, &b);
        if (isfinite(f) ? strtof(b.ptr, NULL) != f || b.len > 16 : strcmp(b.ptr, "null") != 0) CHECK(!b.ptr);
    }
    ludc_buf_free(&b);
}

static void check_refused(const char *feature_text, const char *metadata_text, int64_t width, const char *want) {
    const float scores[4] = {0};
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *feature = json(feature_text), *metadata = json(metadata_text);
    ludc_cells cells = {0};
    CHECK(ludc_answers_row(feature, metadata, scores, width, &cells, &err) != LUD_OK && cells.len == 0);
    CHECK_TEXT(err.msg, want);
    ludc_cells_free(&cells);
    ludc_value_free(feature);
    ludc_value_free(metadata);
}

static void test_refusals(void) {
    const char *category = "{\"name\": \"y\", \"type\": \"category\"}";
    check_refused(category, "{\"width\": 3}", 2, "output feature 'y': 2 scores a row, its metadata say 3");
    check_refused(category, "{}", 2, "output feature 'y': 2 scores a row, its metadata say 0");
    const char *labels = "output feature 'y': its metadata need idx2str, a list of 2 texts";
    check_refused(category, "{\"width\": 2}", 2, labels);
    check_refused(category, "{\"width\": 2, \"idx2str\": [\"a\"]}", 2, labels);
    check_refused(category, "{\"width\": 2, \"idx2str\": [\"a\", 1]}", 2, labels);
    check_refused(category, "{\"width\": 2, \"idx2str\": {\"a\": 0, \"b\": 1}}", 2, labels);
    check_refused("{\"name\": \"y\", \"type\": \"binary\"}", "{\"width\": 1, \"bool2str\": [\"a\"]}", 1,
                  "output feature 'y': its metadata need bool2str, a list of 2 texts");
    check_refused("{\"name\": \"y\", \"type\": \"text\"}", "{\"width\": 1}", 1,
                  "output feature 'y': no predictions for the type 'text'");
}

/* Two features side by side, row by row into a table. */
static void test_table(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *n = json("{\"name\": \"n\", \"type\": \"number\"}"), *one = json("{\"width\": 1}");
    ludc_value *b = json("{\"name\": \"b\", \"type\": \"binary\"}");
    ludc_cells row = {0};
    const char *columns[8];
    CHECK_OK(ludc_answers_columns(n, one, &row, &err), err);
    CHECK_OK(ludc_answers_columns(b, one, &row, &err), err);
    CHECK_INT(row.len, 6);
    for (size_t i = 0; i < row.len; i++)
        columns[i] = ludc_cells_list(&row)[i].ptr;
    ludc_table *t = ludc_table_new(columns, row.len);
    for (size_t i = 0; t && i < 3; i++) {
        const float score = (float)i / 2;
        ludc_cells_clear(&row);
        CHECK_OK(ludc_answers_row(n, one, &score, 1, &row, &err), err);
        CHECK_OK(ludc_answers_row(b, one, &score, 1, &row, &err), err);
        CHECK_OK(ludc_table_add(t, ludc_cells_list(&row), &err), err);
    }
    CHECK(t && ludc_table_rows(t) == 3 && ludc_str_eq(ludc_table_column_name(t, 5), "b_probabilities_True"));
    CHECK(t && ludc_str_eq(ludc_table_cell(t, 2, 0), "1.0") && ludc_str_eq(ludc_table_cell(t, 0, 1), "False"));
    ludc_table_free(t);
    ludc_cells_free(&row);
    ludc_value_free(n), ludc_value_free(one), ludc_value_free(b);
}

static void test_no_memory(void) {
    ludc_value *feature = json("{\"name\": \"y\", \"type\": \"category\"}");
    ludc_value *metadata = json("{\"width\": 20, \"idx2str\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", "
                                "\"i\", \"j\", \"k\", \"l\", \"m\", \"n\", \"o\", \"p\", \"q\", \"r\", \"s\", \"t\"]}");
    const float scores[20] = {0.5f};
    lud_status status = LUD_E_NOMEM;
    for (int64_t i = 0; status == LUD_E_NOMEM && i < 1000; i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_cells cells = {0};
        ludc_alloc_fail_after(i, false);
        status = ludc_answers_row(feature, metadata, scores, 20, &cells, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK ? cells.len == 24 : status == LUD_E_NOMEM);
        ludc_cells_free(&cells);
    }
    CHECK_INT(status, LUD_OK);
    ludc_value_free(feature), ludc_value_free(metadata);
}

int main(void) {
    test_category();
    test_binary();
    test_others();
    test_floats();
    test_refusals();
    test_table();
    test_no_memory();
    return check_done();
}
