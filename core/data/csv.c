/* SPDX-License-Identifier: Apache-2.0
 * CSV and TSV (RFC 4180): a header line, fields in double quotes may hold separators, quotes (doubled) and line ends;
 * LF or CRLF. A row with more or fewer fields than the header is an error that names its line. Nothing is copied: one
 * pass checks the mapped file and notes where each row begins, cells are read when they are asked for. */
#include "internal.h"

#include <string.h>

/* Bytes of the file that reading keeps in memory; rows of one block of the index; least room for unescaped texts. */
enum { RESIDENT = 8 << 20, BLOCK_ROWS = 1 << 16, LEAST_TEXT = 1 << 16 };

struct ludc_csv {
    ludc_map_file file;
    const char *path; /* while the file is checked */
    const char *begin, *end;
    char separator;
    size_t n_columns, n_rows, n_blocks;
    uint64_t **starts; /* of rows, in blocks */
    size_t resident;   /* where reading began after the last release */
    /* The row that is read: its fields so far, where the next one is. */
    size_t row, n;
    const char *p;
    lud_str *cells;
    char *text; /* fields with doubled quotes, as they read; NULL: the file has none. Room for four rows. */
    size_t text_size, text_used, text_of_row;
};

enum { MORE, LAST, OPEN, JUNK };

/* Reads the field at *at, without the quotes around it, and moves on to the next one: MORE in this record or not
 * (LAST). OPEN, JUNK: *at is where the fault is. */
static int next_field(const char **at, const char *end, char separator, lud_str *out, bool *doubled) {
    const char *p = *at, *begin = p;
    *doubled = false;
    if (p < end && *p == '"') {
        for (begin = ++p;; p += 2) {
            p = memchr(p, '"', (size_t)(end - p));
            if (!p) return OPEN;
            if (p + 1 == end || p[1] != '"') break;
            *doubled = true;
        }
        *out = (lud_str){begin, (size_t)(p++ - begin)};
        if (p < end && *p == '\r') p++;
        if (p < end && *p != separator && *p != '\n') return *at = p, JUNK;
    } else {
        while (p < end && *p != separator && *p != '\n')
            p++;
        const bool ends = p == end || *p == '\n';
        *out = (lud_str){begin, (size_t)(p - begin) - (ends && p > begin && p[-1] == '\r')};
    }
    *at = p < end ? p + 1 : end;
    return p < end && *p != '\n' ? MORE : LAST;
}

/* `s` with its quotes single. */
static size_t unescape(lud_str s, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        out[n++] = s.ptr[i];
        i += s.ptr[i] == '"';
    }
    return n;
}

/* ---- The first pass ---- */
static size_t line_of(const ludc_csv *c, const char *at) {
    size_t line = 1;
    for (const char *p = c->begin; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++)
        line++;
    return line;
}

static lud_status check_field(const ludc_csv *c, int kind, const char *at, lud_error *err) {
    if (kind == OPEN)
        return ludc_fail(err, LUD_E_DATA, "%s:%zu: a field opens with a quote that is never closed", c->path,
                         line_of(c, at));
    if (kind == JUNK)
        return ludc_fail(err, LUD_E_DATA, "%s:%zu: text after the closing quote of a field (double a quote inside one)",
                         c->path, line_of(c, at));
    return LUD_OK;
}

static lud_status check_text(const ludc_csv *c, const char *begin, const char *end, lud_error *err) {
    if (ludc_utf8_valid(begin, (size_t)(end - begin))) return LUD_OK;
    return ludc_fail(err, LUD_E_DATA, "%s:%zu: not valid UTF-8 (convert the file first)", c->path, line_of(c, begin));
}

static lud_status add_name(const ludc_csv *c, ludc_table *t, lud_str name, bool doubled, lud_error *err) {
    lud_error cause = LUDC_ERROR_INIT;
    char *plain = ludc_alloc(name.len);
    if (!plain) return ludc_no_memory(err, NULL);
    if (doubled) name = (lud_str){plain, unescape(name, plain)};
    const lud_status status = ludc_table_add_column(t, ludc_str_trim(name), &cause);
    ludc_free(plain);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "%s:1: %s", c->path, cause.msg);
}

static lud_status header(ludc_csv *c, ludc_table *t, lud_error *err) {
    int kind = MORE;
    for (c->p = c->begin; kind == MORE;) {
        const char *start = c->p;
        lud_str name;
        bool doubled;
        kind = next_field(&c->p, c->end, c->separator, &name, &doubled);
        LUDC_TRY(check_field(c, kind, c->p, err));
        LUDC_TRY(check_text(c, start, c->p, err));
        LUDC_TRY(add_name(c, t, name, doubled, err));
    }
    c->n_columns = ludc_table_columns(t);
    c->cells = ludc_alloc(c->n_columns * sizeof(*c->cells));
    return c->cells ? LUD_OK : ludc_no_memory(err, NULL);
}

static lud_status add_row(ludc_csv *c, const char *start, lud_error *err) {
    const size_t block = c->n_rows / BLOCK_ROWS;
    if (block == c->n_blocks) {
        uint64_t **more = ludc_realloc(c->starts, block * sizeof(*more), (block + 1) * sizeof(*more));
        if (more) c->starts = more;
        if (!more || !(more[block] = ludc_alloc(BLOCK_ROWS * sizeof(**more))))
            return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", c->n_rows);
        c->n_blocks++;
    }
    c->starts[block][c->n_rows++ % BLOCK_ROWS] = (uint64_t)(start - (const char *)c->file.ptr);
    return LUD_OK;
}

/* What was read leaves memory once it is much. */
static void release(ludc_csv *c, size_t at) {
    if ((at > c->resident ? at - c->resident : c->resident - at) < RESIDENT) return;
    ludc_file_release(&c->file);
    c->resident = at;
}

static lud_status check_record(ludc_csv *c, lud_error *err) {
    const char *start = c->p;
    size_t n = 0, escaped = 0, length = 0;
    for (int kind = MORE; kind == MORE; n++) {
        lud_str field;
        bool doubled;
        kind = next_field(&c->p, c->end, c->separator, &field, &doubled);
        LUDC_TRY(check_field(c, kind, c->p, err));
        length += field.len;
        if (doubled) escaped += field.len;
    }
    if (n == 1 && length == 0 && c->n_columns > 1) return LUD_OK;
    if (n != c->n_columns)
        return ludc_fail(err, LUD_E_DATA, "%s:%zu: %zu fields, the header has %zu (quote fields that hold '%s')",
                         c->path, line_of(c, start), n, c->n_columns, c->separator == '\t' ? "tabs" : ",");
    LUDC_TRY(check_text(c, start, c->p, err));
    c->text_of_row = LUDC_MAX(c->text_of_row, escaped);
    release(c, (size_t)(start - (const char *)c->file.ptr));
    return add_row(c, start, err);
}

static lud_status check(ludc_csv *c, ludc_table *t, lud_error *err) {
    LUDC_TRY(header(c, t, err));
    while (c->p < c->end)
        LUDC_TRY(check_record(c, err));
    ludc_file_release(&c->file);
    c->row = SIZE_MAX;
    if (c->text_of_row == 0) return LUD_OK;
    c->text_size = LUDC_MAX(4 * c->text_of_row, (size_t)LEAST_TEXT);
    c->text = ludc_alloc(c->text_size);
    return c->text ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory for rows of %zu bytes", c->text_of_row);
}

lud_status ludc_csv_open(const char *path, const ludc_map_file *file, size_t begin, char separator, ludc_table *t,
                         ludc_csv **out, lud_error *err) {
    if (begin == file->size) return ludc_fail(err, LUD_E_DATA, "%s: the dataset is empty (no header line)", path);
    ludc_csv *c = ludc_alloc(sizeof(*c));
    if (!c) return ludc_no_memory(err, NULL);
    const char *text = (const char *)file->ptr;
    *c = (ludc_csv){
        .file = *file, .path = path, .begin = text + begin, .end = text + file->size, .separator = separator};
    const lud_status status = check(c, t, err);
    if (status == LUD_OK) return *out = c, LUD_OK;
    c->file = (ludc_map_file){0};
    ludc_csv_free(c);
    return status;
}

void ludc_csv_free(ludc_csv *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_blocks; i++)
        ludc_free(c->starts[i]);
    ludc_free(c->starts);
    ludc_free(c->cells);
    ludc_free(c->text);
    ludc_file_unmap(&c->file);
    ludc_free(c);
}

/* ---- Cells ---- */
size_t ludc_csv_rows(const ludc_csv *c) {
    return c->n_rows;
}

static void seek(ludc_csv *c, size_t row) {
    const size_t at = c->starts[row / BLOCK_ROWS][row % BLOCK_ROWS];
    release(c, at);
    c->row = row;
    c->n = 0;
    c->p = (const char *)c->file.ptr + at;
    if (c->text_size - c->text_used < c->text_of_row) c->text_used = 0;
}

/* A file that another program changes meanwhile gives other texts, and no reading outside of it. */
lud_str ludc_csv_cell(ludc_csv *c, size_t row, size_t column) {
    if (row != c->row) seek(c, row);
    while (c->n <= column) {
        lud_str field = LUDC_STR("");
        bool doubled;
        next_field(&c->p, c->end, c->separator, &field, &doubled);
        if (doubled && field.len <= c->text_size - c->text_used) {
            field.len = unescape(field, c->text + c->text_used);
            field.ptr = c->text + c->text_used;
            c->text_used += field.len;
        }
        c->cells[c->n++] = field;
    }
    return c->cells[column];
}
