/* SPDX-License-Identifier: Apache-2.0
 * CSV and TSV (RFC 4180): a header line, fields in double quotes may hold separators, quotes (doubled) and line ends;
 * LF or CRLF. A row with more or fewer fields than the header is an error that names its line. */
#include "internal.h"

#include <string.h>

typedef struct reader {
    const char *path, *p, *end;
    char separator;
    size_t line;
    ludc_buf text; /* fields of the record, one after the other */
    size_t *ends;  /* end of each field in text */
    size_t n, cap;
} reader;

static lud_status end_field(reader *r, lud_error *err) {
    if (r->n == r->cap) {
        const size_t cap = r->cap ? 2 * r->cap : 32;
        size_t *more = ludc_realloc(r->ends, r->n * sizeof(*more), cap * sizeof(*more));
        if (!more) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
        r->ends = more;
        r->cap = cap;
    }
    r->ends[r->n++] = r->text.len;
    return r->text.failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}

static lud_status quoted(reader *r, lud_error *err) {
    const size_t start = r->line;
    for (r->p++;;) {
        const char *quote = memchr(r->p, '"', (size_t)(r->end - r->p));
        if (!quote)
            return ludc_fail(err, LUD_E_DATA, "%s:%zu: a field opens with a quote that is never closed", r->path,
                             start);
        for (const char *q = r->p; q < quote; q++)
            r->line += *q == '\n';
        ludc_buf_add(&r->text, r->p, (size_t)(quote - r->p));
        r->p = quote + 1;
        if (r->p >= r->end || *r->p != '"') break;
        ludc_buf_add(&r->text, "\"", 1);
        r->p++;
    }
    if (r->p < r->end && *r->p != r->separator && *r->p != '\n' && *r->p != '\r')
        return ludc_fail(err, LUD_E_DATA, "%s:%zu: text after the closing quote of a field (double a quote inside one)",
                         r->path, r->line);
    return LUD_OK;
}

static void bare(reader *r) {
    const char *start = r->p;
    while (r->p < r->end && *r->p != r->separator && *r->p != '\n')
        r->p++;
    size_t n = (size_t)(r->p - start);
    if (n && start[n - 1] == '\r' && (r->p == r->end || *r->p == '\n')) n--;
    ludc_buf_add(&r->text, start, n);
}

/* One record into text and ends. */
static lud_status record(reader *r, lud_error *err) {
    r->n = 0;
    ludc_buf_clear(&r->text);
    for (;;) {
        if (r->p < r->end && *r->p == '"')
            LUDC_TRY(quoted(r, err));
        else
            bare(r);
        LUDC_TRY(end_field(r, err));
        if (r->p < r->end && *r->p == '\r') r->p++;
        if (r->p >= r->end) return LUD_OK;
        if (*r->p++ == '\n') return r->line++, LUD_OK;
    }
}

static lud_str field(const reader *r, size_t i) {
    const size_t begin = i ? r->ends[i - 1] : 0;
    return (lud_str){r->text.ptr + begin, r->ends[i] - begin};
}

static bool is_blank_record(const reader *r) {
    return r->n == 1 && r->ends[0] == 0;
}

static lud_status header(reader *r, ludc_table *t, lud_error *err) {
    LUDC_TRY(record(r, err));
    if (!ludc_utf8_valid(r->text.ptr, r->text.len))
        return ludc_fail(err, LUD_E_DATA, "%s:1: not valid UTF-8 (convert the file first)", r->path);
    for (size_t i = 0; i < r->n; i++) {
        const lud_str name = ludc_str_trim(field(r, i));
        lud_error cause = LUDC_ERROR_INIT;
        const lud_status status = ludc_table_add_column(t, name, &cause);
        if (status != LUD_OK) return ludc_fail(err, status, "%s:1: %s", r->path, cause.msg);
    }
    return LUD_OK;
}

static lud_status body(reader *r, ludc_table *t, lud_error *err) {
    const size_t n = ludc_table_columns(t);
    lud_str *cells = ludc_alloc(n * sizeof(*cells));
    lud_status status = cells ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    while (status == LUD_OK && r->p < r->end) {
        const size_t line = r->line;
        status = record(r, err);
        if (status != LUD_OK || (is_blank_record(r) && n > 1)) continue;
        if (r->n != n)
            status = ludc_fail(err, LUD_E_DATA, "%s:%zu: %zu fields, the header has %zu (quote fields that hold '%s')",
                               r->path, line, r->n, n, r->separator == '\t' ? "tabs" : ",");
        else if (!ludc_utf8_valid(r->text.ptr, r->text.len))
            status = ludc_fail(err, LUD_E_DATA, "%s:%zu: not valid UTF-8 (convert the file first)", r->path, line);
        for (size_t i = 0; status == LUD_OK && i < n; i++)
            cells[i] = field(r, i);
        if (status == LUD_OK) status = ludc_table_add(t, cells, err);
    }
    ludc_free(cells);
    return status;
}

lud_status ludc_csv_read(const char *path, const char *text, size_t n, char separator, ludc_table *t, lud_error *err) {
    if (n == 0) return ludc_fail(err, LUD_E_DATA, "%s: the dataset is empty (no header line)", path);
    reader r = {.path = path, .p = text, .end = text + n, .separator = separator, .line = 1};
    lud_status status = header(&r, t, err);
    if (status == LUD_OK) status = body(&r, t, err);
    ludc_buf_free(&r.text);
    ludc_free(r.ends);
    return status;
}
