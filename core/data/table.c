/* SPDX-License-Identifier: Apache-2.0
 * A table of text cells: those of a mapped CSV file, or copies in blocks that never move. */
#include "internal.h"

#include <string.h>
#include <strings.h>

#define BLOCK_BYTES ((size_t)1 << 20)

typedef struct block {
    struct block *next;
    size_t used, size;
    char bytes[];
} block;

struct ludc_table {
    lud_str *columns;
    size_t n_columns, cap_columns;
    ludc_csv *csv;  /* has the rows; or NULL */
    lud_str *cells; /* row-major */
    size_t n_rows, cap_rows;
    block *blocks;
    ludc_map *by_name;
};

static char *keep(ludc_table *t, const char *bytes, size_t n) {
    if (!t->blocks || t->blocks->size - t->blocks->used < n) {
        const size_t size = LUDC_MAX(n, BLOCK_BYTES);
        block *b = ludc_alloc(sizeof(*b) + size);
        if (!b) return NULL;
        b->size = size;
        b->next = t->blocks;
        t->blocks = b;
    }
    char *at = t->blocks->bytes + t->blocks->used;
    if (n) memcpy(at, bytes, n);
    t->blocks->used += n;
    return at;
}

void ludc_table_free(ludc_table *t) {
    if (!t) return;
    while (t->blocks) {
        block *next = t->blocks->next;
        ludc_free(t->blocks);
        t->blocks = next;
    }
    ludc_csv_free(t->csv);
    ludc_map_free(t->by_name);
    ludc_free(t->columns);
    ludc_free(t->cells);
    ludc_free(t);
}

ludc_table *ludc_table_new(const char *const *columns, size_t n) {
    ludc_table *t = ludc_alloc(sizeof(*t));
    bool ok = t && (t->by_name = ludc_map_new(n));
    for (size_t i = 0; ok && i < n; i++)
        ok = columns[i] && ludc_table_add_column(t, ludc_str(columns[i]), NULL) == LUD_OK;
    if (ok) return t;
    ludc_table_free(t);
    return NULL;
}

lud_status ludc_table_add_column(ludc_table *t, lud_str name, lud_error *err) {
    int64_t there;
    if (ludc_map_get(t->by_name, name, &there))
        return ludc_fail(err, LUD_E_DATA, "the column '%.*s' occurs twice", LUDC_ARG(name));
    if (!ludc_grow(&t->columns, t->n_columns, &t->cap_columns, sizeof(*t->columns))) return ludc_no_memory(err, NULL);
    const char *copy = keep(t, name.ptr, name.len);
    if (!copy || !ludc_map_put(t->by_name, name, (int64_t)t->n_columns)) return ludc_no_memory(err, NULL);
    t->columns[t->n_columns++] = (lud_str){copy, name.len};
    return LUD_OK;
}

lud_status ludc_table_add(ludc_table *t, const lud_str *cells, lud_error *err) {
    if (!ludc_grow(&t->cells, t->n_rows, &t->cap_rows, t->n_columns * sizeof(*t->cells)))
        return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", t->n_rows);
    lud_str *row = t->cells + t->n_rows * t->n_columns;
    for (size_t i = 0; i < t->n_columns; i++) {
        row[i] = (lud_str){0};
        if (!cells[i].ptr) continue;
        row[i] = (lud_str){keep(t, cells[i].ptr, cells[i].len), cells[i].len};
        if (!row[i].ptr) return ludc_no_memory(err, NULL);
    }
    t->n_rows++;
    return LUD_OK;
}

size_t ludc_table_rows(const ludc_table *t) {
    return t->csv ? ludc_csv_rows(t->csv) : t->n_rows;
}

size_t ludc_table_columns(const ludc_table *t) {
    return t->n_columns;
}

lud_str ludc_table_column_name(const ludc_table *t, size_t column) {
    return t->columns[column];
}

int64_t ludc_table_column(const ludc_table *t, lud_str name) {
    int64_t column = -1;
    return ludc_map_get(t->by_name, name, &column) ? column : -1;
}

lud_str ludc_table_cell(const ludc_table *t, size_t row, size_t column) {
    return t->csv ? ludc_csv_cell(t->csv, row, column) : t->cells[row * t->n_columns + column];
}

lud_status ludc_table_need(const ludc_table *t, const char *path, lud_str column, size_t *out, lud_error *err) {
    const int64_t at = ludc_table_column(t, column);
    if (at >= 0) return *out = (size_t)at, LUD_OK;
    ludc_buf names = {0};
    const char *near = NULL;
    int best = 3;
    for (size_t i = 0; i < t->n_columns; i++) {
        ludc_buf_addf(&names, "%s%.*s", i ? ", " : "", LUDC_ARG(t->columns[i]));
        const int distance = ludc_edit_distance(column, t->columns[i]);
        if (distance < best) best = distance, near = t->columns[i].ptr;
    }
    ludc_buf hint = {0};
    for (size_t i = 0; near && i < t->n_columns; i++)
        if (t->columns[i].ptr == near) ludc_buf_addf(&hint, " (did you mean '%.*s'?)", (int)t->columns[i].len, near);
    const lud_status status = ludc_fail(err, LUD_E_DATA, "%s: no column '%.*s'%s; there is: %s", path, LUDC_ARG(column),
                                        hint.ptr ? hint.ptr : "", names.ptr ? names.ptr : "");
    ludc_buf_free(&names);
    ludc_buf_free(&hint);
    return status;
}

int ludc_data_format(const char *path, const char *name) {
    static const struct {
        const char *name;
        int format;
    } all[] = {{"csv", LUDC_FORMAT_CSV},     {"tsv", LUDC_FORMAT_TSV},      {"json", LUDC_FORMAT_JSON},
               {"jsonl", LUDC_FORMAT_JSONL}, {"ndjson", LUDC_FORMAT_JSONL}, {"txt", LUDC_FORMAT_TSV}};
    if (!name || strcmp(name, "auto") == 0) {
        const char *dot = strrchr(path, '.');
        name = dot ? dot + 1 : "";
    }
    for (size_t i = 0; i < LUDC_COUNT(all); i++)
        if (strcasecmp(name, all[i].name) == 0) return all[i].format;
    return -1;
}

/* What the first bytes look like, for a file without a telling name. */
static int guess(const char *text, size_t n) {
    for (size_t i = 0; i < n && text[i] != '\n'; i++) {
        if (text[i] == '[' && i == 0) return LUDC_FORMAT_JSON;
        if (text[i] == '{' && i == 0) return LUDC_FORMAT_JSONL;
        if (text[i] == '\t') return LUDC_FORMAT_TSV;
    }
    return LUDC_FORMAT_CSV;
}

static lud_status read_file(const char *path, const char *format, const ludc_map_file *file, ludc_table *t,
                            lud_error *err) {
    const size_t bom = file->size >= 3 && memcmp(file->ptr, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, n = file->size - bom;
    const char *text = (const char *)file->ptr + bom;
    int kind = ludc_data_format(path, format);
    if (kind < 0 && format && strcmp(format, "auto") != 0)
        return ludc_fail(err, LUD_E_INVALID, "data format '%s': want auto, csv, tsv, json or jsonl", format);
    if (kind < 0) kind = guess(text, n);
    if (kind == LUDC_FORMAT_JSON) return ludc_json_table_read(path, text, n, t, err);
    if (kind == LUDC_FORMAT_JSONL) return ludc_jsonl_read(path, text, n, t, err);
    return ludc_csv_open(path, file, bom, kind == LUDC_FORMAT_TSV ? '\t' : ',', t, &t->csv, err);
}

lud_status ludc_table_read(const char *path, const char *format, ludc_table **out, lud_error *err) {
    ludc_map_file file = {0};
    lud_error cause = LUDC_ERROR_INIT;
    if (ludc_file_map(path, &file, &cause) != LUD_OK) return ludc_fail(err, LUD_E_DATA, "%s", cause.msg);
    ludc_table *t = ludc_table_new(NULL, 0);
    lud_status status = t ? read_file(path, format, &file, t, err) : ludc_no_memory(err, NULL);
    if (!t || !t->csv) ludc_file_unmap(&file);
    if (status == LUD_OK && ludc_table_rows(t) == 0)
        status = ludc_fail(err, LUD_E_DATA, "%s: the dataset is empty (no data row)", path);
    if (status == LUD_OK) return *out = t, LUD_OK;
    ludc_table_free(t);
    return status;
}
