/* SPDX-License-Identifier: Apache-2.0
 * The cells of one column as a feature reads them: which are missing, and what the missing-value strategy puts there.
 * bfill and ffill go by the order of the table, as in Ludwig, whatever rows are asked for. */
#include "feature_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

size_t ludc_cells_row(const ludc_cells *c, size_t i) {
    return c->rows ? c->rows[i] : i;
}

lud_str ludc_cells_raw(const ludc_cells *c, size_t row) {
    return ludc_table_cell(c->table, row, c->column);
}

bool ludc_cells_is_null(ludc_cells *c, size_t row) {
    return !ludc_cells_raw(c, row).ptr;
}

bool ludc_cells_is_blank(ludc_cells *c, size_t row) {
    return ludc_str_trim(ludc_cells_raw(c, row)).len == 0;
}

bool ludc_cells_is_void(ludc_cells *c, size_t row) {
    static const char *const words[] = {"nan",  "NaN",  "NA",   "N/A",  "n/a",  "null",     "NULL",
                                        "None", "-nan", "-NaN", "<NA>", "#N/A", "#N/A N/A", "#NA"};
    const lud_str s = ludc_str_trim(ludc_cells_raw(c, row));
    for (size_t i = 0; i < LUDC_COUNT(words); i++)
        if (ludc_str_eq(s, words[i])) return true;
    return s.len == 0;
}

lud_status ludc_cells_strategy(const ludc_cells *c, const char *key, int dflt, uint32_t allowed, int *out,
                               lud_error *err) {
    static const char *const words[LUDC_N_FILLS] = {"fill_with_const", "fill_with_mode", "fill_with_mean",
                                                    "fill_with_false", "fill_with_true", "bfill",
                                                    "ffill",           "drop_row"};
    const lud_str word = ludc_get_text(c->preprocessing, key);
    *out = dflt;
    if (word.len == 0) return LUD_OK;
    for (*out = 0; *out < LUDC_N_FILLS; ++*out)
        if (ludc_str_eq(word, words[*out]) && (allowed >> *out & 1)) return LUD_OK;
    ludc_buf list = {0};
    for (int i = 0; i < LUDC_N_FILLS; i++)
        if (allowed >> i & 1) ludc_buf_addf(&list, "%s%s", list.len ? ", " : "", words[i]);
    const lud_str type = ludc_get_text(c->feature, "type");
    ludc_fail(err, LUD_E_INVALID, "column '%.*s': preprocessing.%s '%.*s' is not for type %.*s: want one of %s",
              LUDC_ARG(c->name), key, LUDC_ARG(word), LUDC_ARG(type), list.ptr ? list.ptr : "");
    ludc_buf_free(&list);
    return LUD_E_INVALID;
}

/* The run of missing rows is kept, so that a long one is not walked again for each of its rows. */
size_t ludc_cells_neighbour(ludc_cells *c, size_t row) {
    const size_t n = ludc_table_rows(c->table);
    if (row < c->run_begin || row >= c->run_end) {
        for (c->run_begin = row; c->run_begin > 0 && c->is_missing(c, c->run_begin - 1);)
            c->run_begin--;
        for (c->run_end = row + 1; c->run_end < n && c->is_missing(c, c->run_end);)
            c->run_end++;
    }
    const size_t before = c->run_begin > 0 ? c->run_begin - 1 : SIZE_MAX;
    const size_t after = c->run_end < n ? c->run_end : SIZE_MAX;
    if (c->strategy == LUDC_FILL_FORWARD) return before != SIZE_MAX ? before : after;
    return after != SIZE_MAX ? after : before;
}

bool ludc_cells_text(ludc_cells *c, size_t row, lud_str *out) {
    if (c->is_missing(c, row)) {
        if (c->strategy == LUDC_DROP_ROW) return false;
        if (c->strategy != LUDC_FILL_BACK && c->strategy != LUDC_FILL_FORWARD) return *out = c->fill, true;
        row = ludc_cells_neighbour(c, row);
        if (row == SIZE_MAX) return false;
    }
    *out = ludc_cells_raw(c, row);
    return true;
}

lud_str ludc_clip(lud_str s) {
    enum { SHOWN = 40 };
    if (s.len <= SHOWN) return s;
    for (s.len = SHOWN; s.len && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80;)
        s.len--;
    return s;
}

void ludc_cells_odd(ludc_cells *c, size_t row) {
    if (c->odd.n++ == 0) c->odd.row = row;
}

void ludc_odd_say(const ludc_odd *odd, const ludc_value *feature, const ludc_table *t, const char *path, size_t of,
                  ludc_buf *out) {
    const lud_str name = ludc_get_str(feature, "column", ludc_get_text(feature, "name"));
    const int64_t column = ludc_table_column(t, name);
    if (odd->n == 0 || column < 0) return;
    const lud_str s = ludc_clip(ludc_table_cell(t, odd->row, (size_t)column));
    ludc_buf_addf(out, "%s: column '%.*s': %zu of %zu cells %s (first: row %zu, '%.*s')\n", path, LUDC_ARG(name),
                  odd->n, of, odd->what, odd->row + 1, (int)s.len, s.ptr ? s.ptr : "");
}

lud_status ludc_cells_fail(const ludc_cells *c, size_t row, lud_error *err, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return ludc_fail(err, LUD_E_DATA, "%s: row %zu: column '%.*s': %s", c->path, row + 1, LUDC_ARG(c->name), text);
}
