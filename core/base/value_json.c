/* SPDX-License-Identifier: Apache-2.0
 * A value tree as JSON text. Numbers print as the shortest decimal that reads back equal; a float stays a float. */
#include "base.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The embedding program may have set a locale with a decimal comma. */
static void point_for_comma(char *text) {
    const size_t before = strspn(text, "+-0123456789e.");
    if (!text[before]) return;
    const char *rest = text + before + strcspn(text + before, "+-0123456789e");
    text[before] = '.';
    memmove(text + before + 1, rest, strlen(rest) + 1);
}

/* The fewest digits that always tell two values apart are 6 (float) and 15 (double), the most 9 and 17; below the
 * smallest normal value there are fewer. */
static void put_real(double f, bool single, ludc_buf *out) {
    char text[32];
    if (!isfinite(f)) {
        ludc_buf_adds(out, "null"); /* JSON has no word for it */
        return;
    }
    const int least = single ? 6 : 15, most = single ? 9 : 17;
    for (int digits = fabs(f) < (single ? (double)FLT_MIN : DBL_MIN) ? 1 : least; digits <= most; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, f);
        if (single ? strtof(text, NULL) == (float)f : strtod(text, NULL) == f) break;
    }
    point_for_comma(text);
    ludc_buf_adds(out, text);
    if (!strpbrk(text, ".e")) ludc_buf_adds(out, ".0");
}

void ludc_json_float(float f, ludc_buf *out) {
    put_real((double)f, true, out);
}

/* JSON is UTF-8: a byte that is not becomes U+FFFD. */
static void put_valid(const char *s, size_t n, ludc_buf *out) {
    if (ludc_utf8_valid(s, n)) return ludc_buf_add(out, s, n);
    for (size_t used; n; s += used, n -= used) {
        uint32_t cp;
        char bytes[4];
        used = ludc_utf8_decode(s, n, &cp);
        ludc_buf_add(out, bytes, ludc_utf8_encode(cp, bytes));
    }
}

void ludc_json_str(lud_str s, ludc_buf *out) {
    ludc_buf_adds(out, "\"");
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        put_valid(s.ptr + plain, i - plain, out);
        plain = i + 1;
        const char *shorts = "\b\f\n\r\t\"\\", *letters = "bfnrt\"\\";
        const char *at = c ? strchr(shorts, c) : NULL;
        if (at)
            ludc_buf_addf(out, "\\%c", letters[at - shorts]);
        else
            ludc_buf_addf(out, "\\u%04x", c);
    }
    if (plain < s.len) put_valid(s.ptr + plain, s.len - plain, out);
    ludc_buf_adds(out, "\"");
}

static void put_break(int indent, int depth, ludc_buf *out) {
    if (indent >= 0) ludc_buf_addf(out, "\n%*s", indent * depth, "");
}

static void put(const ludc_value *v, int indent, int depth, ludc_buf *out) {
    switch (v ? v->type : LUD_CFG_NULL) {
    case LUD_CFG_BOOL:
        ludc_buf_adds(out, v->u.b ? "true" : "false");
        return;
    case LUD_CFG_INT:
        ludc_buf_addf(out, "%lld", (long long)v->u.i);
        return;
    case LUD_CFG_FLOAT:
        put_real(v->u.f, false, out);
        return;
    case LUD_CFG_STR:
        ludc_json_str(v->u.s, out);
        return;
    case LUD_CFG_LIST:
    case LUD_CFG_OBJECT:
        break;
    default:
        ludc_buf_adds(out, "null");
        return;
    }
    const bool object = v->type == LUD_CFG_OBJECT;
    ludc_buf_adds(out, object ? "{" : "[");
    for (size_t i = 0; i < v->len; i++) {
        if (i) ludc_buf_adds(out, indent < 0 ? ", " : ",");
        put_break(indent, depth + 1, out);
        if (object) {
            ludc_json_str(v->keys[i], out);
            ludc_buf_adds(out, ": ");
        }
        put(v->items[i], indent, depth + 1, out);
    }
    if (v->len) put_break(indent, depth, out);
    ludc_buf_adds(out, object ? "}" : "]");
}

lud_status ludc_value_to_json(const ludc_value *v, int indent, ludc_buf *out) {
    put(v, indent, 0, out);
    return out->failed ? LUD_E_NOMEM : LUD_OK;
}
