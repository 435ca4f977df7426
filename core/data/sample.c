/* SPDX-License-Identifier: Apache-2.0
 * A cell as json.dumps of Python writes a string (ASCII only, surrogate pairs), without the quotes at both ends: the
 * text that Ludwig puts for {__sample__}. */
#include "internal.h"

#include <string.h>

static void put_character(uint32_t cp, ludc_buf *out) {
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = cp < 128 && cp ? strchr(plain, (int)cp) : NULL;
    if (at)
        ludc_buf_addf(out, "\\%c", letters[at - plain]);
    else if (cp >= 0x10000)
        ludc_buf_addf(out, "\\u%04x\\u%04x", 0xD800u + ((cp - 0x10000) >> 10), 0xDC00u + ((cp - 0x10000) & 0x3FF));
    else if (cp < 32 || cp > 126)
        ludc_buf_addf(out, "\\u%04x", cp);
    else
        ludc_buf_add(out, &(char){(char)cp}, 1);
}

void ludc_json_escape(lud_str text, ludc_buf *out) {
    for (size_t i = 0; i < text.len;) {
        uint32_t cp;
        i += ludc_utf8_decode(text.ptr + i, text.len - i, &cp);
        put_character(cp, out);
    }
}

lud_status ludc_table_sample_cell(const ludc_table *t, size_t row, size_t column, ludc_buf *out) {
    const lud_str cell = ludc_table_cell(t, row, column);
    if (!cell.ptr) {
        ludc_buf_adds(out, "null");
        return out->failed ? LUD_E_NOMEM : LUD_OK;
    }
    const size_t start = out->len;
    ludc_json_escape(cell, out);
    /* strip('"') also takes the quote of an escape at the end; at the start the backslash protects it. */
    while (out->len > start && out->ptr[out->len - 1] == '"')
        out->ptr[--out->len] = 0;
    return out->failed ? LUD_E_NOMEM : LUD_OK;
}
