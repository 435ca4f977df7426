/* SPDX-License-Identifier: Apache-2.0
 * vector: numbers separated by blanks or commas, or a JSON list, the same count in every row. Nothing is guessed: a
 * word or a row of another length is an error. An empty fill_value is a vector of zeros. */
#include "feature_internal.h"

#include <math.h>
#include <string.h>

static bool is_separator(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

/* Reads up to `cap` numbers of a cell and counts all of them; false: *bad is no number. */
static bool read_numbers(lud_str s, float *out, size_t cap, size_t *n, lud_str *bad) {
    s = ludc_str_trim(s);
    if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']') s = (lud_str){s.ptr + 1, s.len - 2};
    *n = 0;
    for (size_t begin = 0, end; begin < s.len; begin = end + 1) {
        for (end = begin; end < s.len && !is_separator(s.ptr[end]);)
            end++;
        if (end == begin) continue;
        *bad = (lud_str){s.ptr + begin, end - begin};
        const float v = (float)ludc_parse_number(*bad);
        if (!isfinite(v)) return false;
        if (*n < cap) out[*n] = v;
        ++*n;
    }
    return true;
}

static lud_status read_row(const ludc_cells *c, size_t row, lud_str text, float *out, size_t width, lud_error *err) {
    lud_str bad;
    size_t n;
    if (text.ptr == c->fill.ptr && ludc_str_trim(text).len == 0) return LUD_OK;
    if (!read_numbers(text, out, width, &n, &bad))
        return ludc_cells_fail(c, row, err, "'%.*s' is no number that a vector holds", (int)ludc_clip(bad).len,
                               bad.ptr);
    if (n != width) return ludc_cells_fail(c, row, err, "%zu numbers, want %zu as in the other rows", n, width);
    return LUD_OK;
}

/* The length of the first vector there is. */
static lud_status measure(ludc_cells *c, size_t *width, lud_error *err) {
    lud_str bad;
    for (size_t i = 0; i < c->n; i++) {
        const size_t row = ludc_cells_row(c, i);
        if (c->is_missing(c, row)) continue;
        if (read_numbers(ludc_cells_raw(c, row), NULL, 0, width, &bad) && *width) return LUD_OK;
        return ludc_cells_fail(c, row, err, "'%.*s' is no vector (numbers with blanks, or a JSON list)",
                               (int)ludc_clip(ludc_cells_raw(c, row)).len, ludc_cells_raw(c, row).ptr);
    }
    return ludc_cells_fail(c, ludc_cells_row(c, 0), err, "no training row has a vector");
}

lud_status ludc_vector_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    const int64_t wanted = ludc_get_int(c->preprocessing, "vector_size", ludc_get_int(c->feature, "vector_size", 0));
    size_t width;
    LUDC_TRY(measure(c, &width, err));
    if (wanted > 0 && (size_t)wanted != width)
        return ludc_fail(err, LUD_E_DATA, "%s: column '%.*s': vectors have %zu numbers, vector_size is %lld", c->path,
                         LUDC_ARG(c->name), width, (long long)wanted);
    if (ludc_value_put(metadata, "width", ludc_value_int((int64_t)width))) return LUD_OK;
    return ludc_no_memory(err, NULL);
}

lud_status ludc_vector_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    const size_t width = (size_t)ludc_get_int(metadata, "width", 1);
    LUDC_TRY(ludc_column_open(out, LUDC_COLUMN_REALS, c->n, (int64_t)width, err));
    for (size_t i = 0; i < c->n; i++) {
        const size_t row = ludc_cells_row(c, i);
        lud_str text;
        out->missing[i] = !ludc_cells_text(c, row, &text);
        if (!out->missing[i]) LUDC_TRY(read_row(c, row, text, out->reals + i * width, width, err));
    }
    return LUD_OK;
}
