/* SPDX-License-Identifier: Apache-2.0
 * A column of texts through fit and encode, and back as one line of text to compare. */
#ifndef TESTS_DATA_COLUMNS_H
#define TESTS_DATA_COLUMNS_H

#include <check.h>
#include <feature.h>

static char said[8192]; /* warnings and notes of the last call, one a line */

static inline void keep_said(void *arg, int32_t level, const char *text) {
    (void)arg, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static inline ludc_value *json(const char *text) {
    ludc_value *v = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_json_parse(text, strlen(text), "test", false, false, &v, &err), err);
    return v;
}

/* One column x, its cells between bars; ~ is null. */
static inline ludc_table *table_of(const char *cells) {
    const char *columns[] = {"x"};
    ludc_table *t = ludc_table_new(columns, 1);
    lud_error err = LUDC_ERROR_INIT;
    for (const char *p = cells; t && p;) {
        const char *end = strchr(p, '|');
        lud_str cell = {p, end ? (size_t)(end - p) : strlen(p)};
        if (ludc_str_eq(cell, "~")) cell = (lud_str){0};
        CHECK_OK(ludc_table_add(t, &cell, &err), err);
        p = end ? end + 1 : NULL;
    }
    return t;
}

static inline void print_column(const ludc_column *c, ludc_buf *out) {
    for (size_t i = 0; i < c->rows; i++) {
        ludc_buf_adds(out, i ? " " : "");
        if (c->missing && c->missing[i]) {
            ludc_buf_adds(out, "-");
        } else if (c->kind == LUDC_COLUMN_IDS) {
            ludc_buf_addf(out, "%d", (int)c->ids[i]);
        } else if (c->kind == LUDC_COLUMN_LISTS) {
            ludc_buf_adds(out, "[");
            for (int64_t k = c->offsets[i]; k < c->offsets[i + 1]; k++)
                ludc_buf_addf(out, k > c->offsets[i] ? ",%d" : "%d", (int)c->ids[k]);
            ludc_buf_adds(out, "]");
        } else {
            for (int64_t k = 0; k < c->width; k++)
                ludc_buf_addf(out, k ? ",%.4g" : "%.4g", (double)c->reals[(int64_t)i * c->width + k]);
        }
    }
}

/* Fits on the first n_train cells and encodes all; the feature is {"name": "x", ...}. The status of the first call that
 * fails; out holds the column or the message. */
static inline lud_status run(const char *feature, bool is_output, ludc_table *t, size_t n_train, ludc_value **metadata,
                             ludc_buf *out) {
    ludc_value *f = json(feature), *m = NULL;
    ludc_column c = {0};
    lud_error err = LUDC_ERROR_INIT;
    said[0] = 0;
    ludc_log_set(keep_said, NULL, LUD_LOG_DEBUG);
    lud_status status = ludc_feature_fit(f, is_output, t, "d.csv", NULL, n_train, &m, &err);
    CHECK((status == LUD_OK) == (m != NULL));
    if (status == LUD_OK) status = ludc_feature_encode(f, m, is_output, t, "d.csv", NULL, ludc_table_rows(t), &c, &err);
    ludc_buf odd = {0};
    ludc_odd_say(&c.odd, f, t, "d.csv", ludc_table_rows(t), &odd);
    if (odd.len) ludc_log(LUD_LOG_WARN, "%.*s", (int)odd.len - 1, odd.ptr);
    ludc_buf_free(&odd);
    if (status == LUD_OK)
        print_column(&c, out);
    else
        ludc_buf_adds(out, err.msg);
    CHECK(status == LUD_OK || (!c.ids && !c.reals && !c.missing && !c.offsets));
    ludc_column_free(&c);
    ludc_value_free(f);
    if (metadata)
        *metadata = m;
    else
        ludc_value_free(m);
    return status;
}

#define CHECK_COLUMN(feature, is_output, cells, n_train, want)                                                         \
    do {                                                                                                               \
        ludc_table *t_ = table_of(cells);                                                                              \
        ludc_buf got_ = {0};                                                                                           \
        run(feature, is_output, t_, n_train, NULL, &got_);                                                             \
        CHECK_TEXT(got_.ptr ? got_.ptr : "", want);                                                                    \
        ludc_buf_free(&got_);                                                                                          \
        ludc_table_free(t_);                                                                                           \
    } while (0)

#define CHECK_METADATA(feature, is_output, cells, n_train, want)                                                       \
    do {                                                                                                               \
        ludc_table *t_ = table_of(cells);                                                                              \
        ludc_buf got_ = {0};                                                                                           \
        ludc_value *m_ = NULL;                                                                                         \
        run(feature, is_output, t_, n_train, &m_, &got_);                                                              \
        ludc_buf_clear(&got_);                                                                                         \
        ludc_value_to_json(m_, -1, &got_);                                                                             \
        CHECK_TEXT(got_.ptr, want);                                                                                    \
        ludc_value_free(m_);                                                                                           \
        ludc_buf_free(&got_);                                                                                          \
        ludc_table_free(t_);                                                                                           \
    } while (0)

/* Fails every allocation of fit and encode once: no crash, no leak (under the sanitizers), LUD_E_NOMEM. */
static inline void check_no_memory(const char *feature, bool is_output, const char *cells, size_t n_train) {
    ludc_table *t = table_of(cells);
    ludc_value *f = json(feature);
    lud_status status = LUD_E_NOMEM;
    for (int64_t n = 0; n < 2000 && status != LUD_OK; n++) {
        ludc_value *m = NULL;
        ludc_column c = {0};
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, true);
        status = ludc_feature_fit(f, is_output, t, "d.csv", NULL, n_train, &m, &err);
        if (status == LUD_OK)
            status = ludc_feature_encode(f, m, is_output, t, "d.csv", NULL, ludc_table_rows(t), &c, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || (status == LUD_E_NOMEM && err.code == LUD_E_NOMEM));
        ludc_value_free(m);
        ludc_column_free(&c);
    }
    CHECK_INT(status, LUD_OK);
    ludc_value_free(f);
    ludc_table_free(t);
}

#endif
