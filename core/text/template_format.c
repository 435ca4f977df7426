/* SPDX-License-Identifier: Apache-2.0
 * template_format: [[fill]align][sign][0][width][,][.precision]type as Python formats floats; type is one of f F e E g
 * G %. Numbers are read and written with a decimal point whatever the program's locale is. */
#include "template.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WIDTH = 1000, MAX_PRECISION = 300, BODY_MAX = 1024 };

static bool is_align(char c) {
    return c == '<' || c == '>' || c == '^' || c == '=';
}

/* Digits at *s; -1 if there are none, more than `max` counts as max + 1. */
static int read_number(lud_str *s, int max) {
    int n = -1;
    for (; s->len && *s->ptr >= '0' && *s->ptr <= '9'; s->ptr++, s->len--)
        n = LUDC_MIN((n < 0 ? 0 : n) * 10 + (*s->ptr - '0'), max + 1);
    return n;
}

static bool take(lud_str *s, const char *any, char *out) {
    if (!s->len || !*s->ptr || !strchr(any, *s->ptr)) return false;
    *out = *s->ptr;
    s->ptr++;
    s->len--;
    return true;
}

static void parse_align(lud_str *s, ludc_float_spec *f) {
    uint32_t cp;
    size_t len = s->len ? ludc_utf8_decode(s->ptr, s->len, &cp) : 0;
    if (len == 0) return;
    if (len < s->len && is_align(s->ptr[len])) {
        memcpy(f->fill, s->ptr, len);
        f->fill_len = len;
        s->ptr += len;
        s->len -= len;
    }
    take(s, "<>^=", &f->align);
}

bool ludc_float_spec_parse(lud_str s, ludc_float_spec *f, const char **why) {
    char c;
    *f = (ludc_float_spec){.fill = " ", .sign = '-'};
    parse_align(&s, f);
    take(&s, "+- ", &f->sign);
    bool zero = take(&s, "0", &c);
    int width = read_number(&s, MAX_WIDTH);
    f->width = LUDC_MAX(width, 0);
    f->comma = take(&s, ",", &c);
    f->precision = 6;
    if (take(&s, ".", &c)) f->precision = read_number(&s, MAX_PRECISION);
    if (zero && !f->fill_len) f->fill[0] = '0';
    if (zero && !f->align) f->align = '=';
    if (!f->fill_len) f->fill_len = 1;
    if (!f->align) f->align = '>';
    *why = f->precision < 0                 ? "the precision is missing after the point"
           : f->width > MAX_WIDTH           ? "the width is more than 1000"
           : f->precision > MAX_PRECISION   ? "the precision is more than 300"
           : !take(&s, "fFeEgG%", &f->type) ? "the format does not end in f, e, g or %"
           : s.len                          ? "something follows the format"
                                            : NULL;
    return *why == NULL;
}

/* Like Python's float(): decimal digits, inf or nan; no hexadecimal, which strtod would take. */
static bool read_float(lud_str value, double *out) {
    char text[512], *end = text;
    value = ludc_str_trim(value);
    if (value.len == 0 || value.len >= sizeof text) return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    if (strlen(text) != value.len || strpbrk(text, "xXpP(")) return false;
    *out = strtod(text, &end);
    return *end == '\0' && end != text;
}

/* The absolute value as C writes it; upper case and the sign of per cent included. */
static size_t print_body(const ludc_float_spec *f, double x, char out[BODY_MAX]) {
    int n = 0;
    x = fabs(x);
    switch (f->type) {
    case 'f':
        n = snprintf(out, BODY_MAX, "%.*f", f->precision, x);
        break;
    case 'F':
        n = snprintf(out, BODY_MAX, "%.*F", f->precision, x);
        break;
    case 'e':
        n = snprintf(out, BODY_MAX, "%.*e", f->precision, x);
        break;
    case 'E':
        n = snprintf(out, BODY_MAX, "%.*E", f->precision, x);
        break;
    case 'g':
        n = snprintf(out, BODY_MAX, "%.*g", f->precision, x);
        break;
    case 'G':
        n = snprintf(out, BODY_MAX, "%.*G", f->precision, x);
        break;
    default:
        n = snprintf(out, BODY_MAX, "%.*f%%", f->precision, x * 100);
    }
    return n > 0 ? (size_t)n : 0;
}

/* Appends the whole digits with commas, led by zeros up to `width` characters, then the rest. */
static void add_grouped(const char *body, size_t n, size_t width, ludc_buf *out) {
    size_t whole = strspn(body, "0123456789"), digits = whole;
    size_t tail = n - whole;
    width = width > tail ? width - tail : 0;
    while (whole && digits + (digits - 1) / 3 < width)
        digits++;
    for (size_t i = 0; i < digits; i++) {
        if (i && (digits - i) % 3 == 0) ludc_buf_add(out, ",", 1);
        ludc_buf_add(out, i < digits - whole ? "0" : body + i - (digits - whole), 1);
    }
    ludc_buf_add(out, body + whole, tail);
}

static void add_fill(const ludc_float_spec *f, size_t n, ludc_buf *out) {
    for (size_t i = 0; i < n; i++)
        ludc_buf_add(out, f->fill, f->fill_len);
}

static void add_number(const ludc_float_spec *f, double x, ludc_buf *out) {
    char body[BODY_MAX], sign = signbit(x) && !isnan(x) ? '-' : f->sign;
    size_t n = print_body(f, x, body), n_sign = sign != '-' || (signbit(x) && !isnan(x)) ? 1 : 0;
    size_t room = (size_t)f->width > n_sign ? (size_t)f->width - n_sign : 0;
    bool zeros = f->comma && f->align == '=' && f->fill[0] == '0'; /* zeros are grouped too */
    ludc_buf grouped = {0};
    if (f->comma)
        add_grouped(body, n, zeros ? room : 0, &grouped);
    else
        ludc_buf_add(&grouped, body, n);
    size_t pad = room > grouped.len ? room - grouped.len : 0;
    size_t left = f->align == '>' ? pad : f->align == '^' ? pad / 2 : 0, inner = f->align == '=' ? pad : 0;
    add_fill(f, left, out);
    ludc_buf_add(out, &sign, n_sign);
    add_fill(f, inner, out);
    ludc_buf_add(out, grouped.ptr, grouped.len);
    add_fill(f, pad - left - inner, out);
    if (grouped.failed) out->failed = true;
    ludc_buf_free(&grouped);
}

bool ludc_float_spec_apply(const ludc_float_spec *f, lud_str value, ludc_buf *out) {
    double x = 0;
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before = (locale_t)0;
    if (plain) before = uselocale(plain);
    bool ok = read_float(value, &x);
    if (ok) add_number(f, x, out);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return ok;
}
