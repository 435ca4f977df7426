/* SPDX-License-Identifier: Apache-2.0
 * JSON (a list of objects) and JSONL. Columns are the keys in order of first appearance; a missing key is a null
 * cell. Numbers, booleans and nested values are kept as JSON text. */
#include "internal.h"

#include <string.h>

static lud_status collect_columns(const char *path, const ludc_value *list, ludc_table *t, lud_error *err) {
    for (size_t i = 0; i < list->len; i++) {
        const ludc_value *row = list->items[i];
        if (row->type != LUD_CFG_OBJECT)
            return ludc_fail(err, LUD_E_DATA, "%s: record %zu is not an object", path, i + 1);
        for (size_t k = 0; k < row->len; k++)
            if (ludc_table_column(t, row->keys[k]) < 0) LUDC_TRY(ludc_table_add_column(t, row->keys[k], err));
    }
    return LUD_OK;
}

static lud_status cell_of(const ludc_value *v, ludc_buf *scratch, lud_str *out) {
    if (ludc_is_null(v)) return *out = (lud_str){0}, LUD_OK;
    if (v->type == LUD_CFG_STR) return *out = v->u.s, LUD_OK;
    ludc_buf_clear(scratch);
    LUDC_TRY(ludc_value_to_json(v, -1, scratch));
    *out = (lud_str){scratch->ptr, scratch->len};
    return LUD_OK;
}

static lud_status add_rows(const ludc_value *list, ludc_table *t, lud_error *err) {
    const size_t n = ludc_table_columns(t);
    lud_str *cells = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*cells));
    ludc_buf *scratch = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*scratch));
    lud_status status = cells && scratch ? LUD_OK : ludc_no_memory(err, NULL);
    for (size_t i = 0; i < list->len && status == LUD_OK; i++) {
        memset(cells, 0, n * sizeof(*cells));
        const ludc_value *row = list->items[i];
        for (size_t k = 0; k < row->len && status == LUD_OK; k++) {
            const size_t column = (size_t)ludc_table_column(t, row->keys[k]);
            status = cell_of(row->items[k], &scratch[column], &cells[column]);
        }
        if (status == LUD_OK) status = ludc_table_add(t, cells, err);
    }
    for (size_t i = 0; scratch && i < n; i++)
        ludc_buf_free(&scratch[i]);
    ludc_free(scratch);
    ludc_free(cells);
    return status;
}

static lud_status fill(const char *path, const ludc_value *list, ludc_table *t, lud_error *err) {
    LUDC_TRY(collect_columns(path, list, t, err));
    return add_rows(list, t, err);
}

lud_status ludc_json_table_read(const char *path, const char *text, size_t n, ludc_table *t, lud_error *err) {
    ludc_value *root = NULL;
    lud_error cause = LUDC_ERROR_INIT;
    if (ludc_json_parse(text, n, path, false, true, &root, &cause) != LUD_OK)
        return ludc_fail(err, LUD_E_DATA, "%s", cause.msg);
    const lud_status status = root->type == LUD_CFG_LIST
                                  ? fill(path, root, t, err)
                                  : ludc_fail(err, LUD_E_DATA, "%s: want a list of objects", path);
    ludc_value_free(root);
    return status;
}

static lud_status parse_lines(const char *path, const char *text, size_t n, ludc_value *list, lud_error *err) {
    size_t line = 0;
    for (size_t at = 0; at < n;) {
        const char *newline = memchr(text + at, '\n', n - at);
        const size_t len = newline ? (size_t)(newline - text) - at : n - at;
        line++;
        ludc_value *row = NULL;
        lud_error cause = LUDC_ERROR_INIT;
        if (ludc_str_trim((lud_str){text + at, len}).len > 0) {
            if (ludc_json_parse(text + at, len, path, false, true, &row, &cause) != LUD_OK)
                return ludc_fail(err, LUD_E_DATA, "%s: line %zu: %s", path, line, cause.msg);
            if (!ludc_value_push(list, row)) return ludc_no_memory(err, NULL);
        }
        at += len + 1;
    }
    return LUD_OK;
}

lud_status ludc_jsonl_read(const char *path, const char *text, size_t n, ludc_table *t, lud_error *err) {
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    lud_status status = list ? parse_lines(path, text, n, list, err) : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = fill(path, list, t, err);
    ludc_value_free(list);
    return status;
}
