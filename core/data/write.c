/* SPDX-License-Identifier: Apache-2.0
 * Tables to CSV, TSV, JSON or JSONL, by extension, row by row; the same quoting rules as the readers. */
#include "internal.h"

#include <string.h>

static void put_field(lud_str s, char separator, ludc_buf *out) {
    bool quote = false;
    for (size_t i = 0; i < s.len && !quote; i++)
        quote = s.ptr[i] == separator || s.ptr[i] == '"' || s.ptr[i] == '\n' || s.ptr[i] == '\r';
    if (!quote) {
        ludc_buf_add(out, s.ptr, s.len);
        return;
    }
    ludc_buf_add(out, "\"", 1);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') ludc_buf_add(out, "\"", 1);
        ludc_buf_add(out, &s.ptr[i], 1);
    }
    ludc_buf_add(out, "\"", 1);
}

struct ludc_table_writer {
    ludc_file_writer *file;
    ludc_buf text;
    bool records, lines; /* JSON; JSONL */
    char separator;
    lud_str *names; /* records: of the columns */
    size_t n_columns, n_rows;
};

static void writer_free(ludc_table_writer *w) {
    for (size_t i = 0; w->names && i < w->n_columns; i++)
        ludc_free((char *)w->names[i].ptr);
    ludc_free(w->names);
    ludc_buf_free(&w->text);
    ludc_free(w);
}

static void put_separated(ludc_table_writer *w, const lud_str *cells) {
    for (size_t i = 0; i < w->n_columns; i++) {
        put_field(cells[i], w->separator, &w->text);
        ludc_buf_add(&w->text, i + 1 < w->n_columns ? &w->separator : "\n", 1);
    }
}

static lud_status put_record(ludc_table_writer *w, const lud_str *cells) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = v != NULL;
    for (size_t i = 0; ok && i < w->n_columns; i++)
        ok = ludc_value_append(v, w->names[i], cells[i].ptr ? ludc_value_str(cells[i]) : ludc_value_new(LUD_CFG_NULL));
    ludc_buf_adds(&w->text, w->lines || w->n_rows == 0 ? "" : ",\n");
    const lud_status status = ok ? ludc_value_to_json(v, -1, &w->text) : LUD_E_NOMEM;
    ludc_value_free(v);
    ludc_buf_adds(&w->text, w->lines ? "\n" : "");
    return status;
}

/* Hands on what is in `text`. */
static lud_status flush(ludc_table_writer *w, lud_status status, lud_error *err) {
    if (status != LUD_OK || w->text.failed) return ludc_fail(err, LUD_E_NOMEM, "out of memory for a row");
    LUDC_TRY(ludc_file_append(w->file, w->text.ptr, w->text.len, err));
    ludc_buf_clear(&w->text);
    return LUD_OK;
}

static lud_status begin(ludc_table_writer *w, const lud_str *columns, lud_error *err) {
    w->names = ludc_alloc(LUDC_MAX(w->n_columns, 1) * sizeof(*w->names));
    bool ok = w->names != NULL;
    for (size_t i = 0; ok && i < w->n_columns; i++) {
        w->names[i] = (lud_str){ludc_strndup(columns[i].ptr, columns[i].len), columns[i].len};
        ok = w->names[i].ptr != NULL;
    }
    if (ok && !w->records) put_separated(w, w->names);
    if (ok && w->records && !w->lines) ludc_buf_adds(&w->text, "[\n");
    return flush(w, ok ? LUD_OK : LUD_E_NOMEM, err);
}

lud_status ludc_table_can_write(const char *path, lud_error *err) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!strchr(name, '.') || ludc_data_format(name, NULL) >= 0) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID,
                     "%s: the extension says how a table is written: want .csv, .tsv, .txt (as .tsv), .json, .jsonl or "
                     ".ndjson, or none for csv",
                     path);
}

lud_status ludc_table_writer_open(const char *path, const lud_str *columns, size_t n, ludc_table_writer **out,
                                  lud_error *err) {
    const int format = ludc_data_format(path, NULL);
    LUDC_TRY(ludc_table_can_write(path, err));
    ludc_table_writer *w = ludc_alloc(sizeof(*w));
    if (!w) return ludc_no_memory(err, path);
    w->records = format == LUDC_FORMAT_JSON || format == LUDC_FORMAT_JSONL;
    w->lines = format == LUDC_FORMAT_JSONL;
    w->separator = format == LUDC_FORMAT_TSV ? '\t' : ',';
    w->n_columns = n;
    lud_status status = ludc_file_open_writer(path, &w->file, err);
    if (status == LUD_OK) status = begin(w, columns, err);
    if (status == LUD_OK) return *out = w, LUD_OK;
    ludc_table_writer_abort(w);
    return status;
}

lud_status ludc_table_writer_add(ludc_table_writer *w, const lud_str *cells, lud_error *err) {
    lud_status status = LUD_OK;
    if (w->records)
        status = put_record(w, cells);
    else
        put_separated(w, cells);
    w->n_rows++;
    return flush(w, status, err);
}

void ludc_table_writer_abort(ludc_table_writer *w) {
    if (!w) return;
    ludc_file_abort(w->file);
    writer_free(w);
}

lud_status ludc_table_writer_commit(ludc_table_writer *w, lud_error *err) {
    if (w->records && !w->lines) ludc_buf_adds(&w->text, "\n]\n");
    lud_status status = flush(w, LUD_OK, err);
    if (status == LUD_OK)
        status = ludc_file_commit(w->file, err);
    else
        ludc_file_abort(w->file);
    writer_free(w);
    return status;
}

lud_status ludc_table_write(const ludc_table *t, const char *path, lud_error *err) {
    const size_t n = ludc_table_columns(t);
    ludc_table_writer *w = NULL;
    lud_str *cells = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*cells));
    for (size_t i = 0; cells && i < n; i++)
        cells[i] = ludc_table_column_name(t, i);
    lud_status status = cells ? ludc_table_writer_open(path, cells, n, &w, err) : ludc_no_memory(err, path);
    for (size_t row = 0; row < ludc_table_rows(t) && status == LUD_OK; row++) {
        for (size_t i = 0; i < n; i++)
            cells[i] = ludc_table_cell(t, row, i);
        status = ludc_table_writer_add(w, cells, err);
    }
    ludc_free(cells);
    if (status == LUD_OK) return ludc_table_writer_commit(w, err);
    ludc_table_writer_abort(w);
    return status;
}
