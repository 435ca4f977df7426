/* SPDX-License-Identifier: Apache-2.0
 * Tables to CSV, TSV, JSON or JSONL, by extension; the same quoting rules as the readers. */
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

static void put_separated(const ludc_table *t, char separator, ludc_buf *out) {
    const size_t n = ludc_table_columns(t);
    for (size_t row = 0; row <= ludc_table_rows(t); row++)
        for (size_t i = 0; i < n; i++) {
            put_field(row ? ludc_table_cell(t, row - 1, i) : ludc_table_column_name(t, i), separator, out);
            ludc_buf_add(out, i + 1 < n ? &separator : "\n", 1);
        }
}

static lud_status put_json(const ludc_table *t, bool lines, ludc_buf *out) {
    for (size_t row = 0; row < ludc_table_rows(t); row++) {
        ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
        bool ok = v != NULL;
        for (size_t i = 0; ok && i < ludc_table_columns(t); i++) {
            const lud_str cell = ludc_table_cell(t, row, i);
            ok = ludc_value_append(v, ludc_table_column_name(t, i),
                                   cell.ptr ? ludc_value_str(cell) : ludc_value_new(LUD_CFG_NULL));
        }
        ludc_buf_adds(out, lines ? "" : row ? ",\n" : "[\n");
        const lud_status status = ok ? ludc_value_to_json(v, -1, out) : LUD_E_NOMEM;
        ludc_value_free(v);
        LUDC_TRY(status);
        ludc_buf_adds(out, lines ? "\n" : "");
    }
    ludc_buf_adds(out, lines ? "" : "\n]\n");
    return LUD_OK;
}

lud_status ludc_table_write(const ludc_table *t, const char *path, lud_error *err) {
    const int format = ludc_data_format(path, NULL);
    ludc_buf out = {0};
    lud_status status = LUD_OK;
    if (format == LUDC_FORMAT_JSON || format == LUDC_FORMAT_JSONL)
        status = put_json(t, format == LUDC_FORMAT_JSONL, &out);
    else
        put_separated(t, format == LUDC_FORMAT_TSV ? '\t' : ',', &out);
    if (status != LUD_OK || out.failed)
        status = ludc_fail(err, LUD_E_NOMEM, "%s: out of memory", path);
    else
        status = ludc_file_write(path, out.ptr, out.len, err);
    ludc_buf_free(&out);
    return status;
}
