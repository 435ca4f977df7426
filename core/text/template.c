/* SPDX-License-Identifier: Apache-2.0
 * Prompt templates: "{column}", "{column:.2f}", "{{", "}}". Parsed once; a format spec is Python's, of the float kind:
 * [[fill]align][sign][0][width][,][.precision][f|e|g|%]. */
#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
    lud_str text; /* literal, or the field's name */
    bool is_field, has_spec, zero, comma;
    char fill, align, sign, kind;
    int width, precision; /* -1 = none */
} part;

struct ludc_template {
    char *source;
    part *parts;
    size_t n, cap;
};

void ludc_template_free(ludc_template *t) {
    if (!t) return;
    ludc_free(t->source);
    ludc_free(t->parts);
    ludc_free(t);
}

static bool add(ludc_template *t, part p) {
    if (!p.is_field && p.text.len == 0) return true;
    if (t->n == t->cap) {
        const size_t cap = t->cap ? 2 * t->cap : 8;
        part *more = ludc_realloc(t->parts, t->n * sizeof(*more), cap * sizeof(*more));
        if (!more) return false;
        t->parts = more;
        t->cap = cap;
    }
    t->parts[t->n++] = p;
    return true;
}

static int number(const char **p, const char *end) {
    int n = -1;
    for (; *p < end && isdigit((unsigned char)**p); (*p)++)
        n = LUDC_MIN((n < 0 ? 0 : n) * 10 + (**p - '0'), 1000);
    return n;
}

static bool parse_spec(const char *p, const char *end, part *out) {
    out->has_spec = true;
    out->fill = ' ';
    out->align = '>';
    out->kind = 'f';
    if (end - p >= 2 && strchr("<>^=", p[1])) {
        out->fill = p[0];
        out->align = p[1];
        p += 2;
    } else if (p < end && strchr("<>^=", *p)) {
        out->align = *p++;
    }
    if (p < end && strchr("+- ", *p)) out->sign = *p++;
    if (p < end && *p == '0') {
        out->zero = true;
        p++;
    }
    out->width = number(&p, end);
    if (p < end && *p == ',') out->comma = true, p++;
    out->precision = 6;
    if (p < end && *p == '.') {
        p++;
        out->precision = number(&p, end);
        if (out->precision < 0) return false;
    }
    if (p < end && strchr("feg%", *p)) out->kind = *p++;
    return p == end;
}

static lud_status parse_field(ludc_template *t, const char *open, const char *close, lud_error *err) {
    const char *colon = memchr(open + 1, ':', (size_t)(close - open - 1));
    const char *end = colon ? colon : close;
    part p = {.is_field = true, .text = {open + 1, (size_t)(end - open - 1)}, .width = -1};
    if (p.text.len == 0 || memchr(p.text.ptr, '{', p.text.len))
        return ludc_fail(err, LUD_E_INVALID,
                         "prompt.template: character %zu: '{' without a column name ('{{' is a brace)",
                         (size_t)(open - t->source) + 1);
    if (colon && !parse_spec(colon + 1, close, &p))
        return ludc_fail(err, LUD_E_INVALID,
                         "prompt.template: character %zu: format '%.*s' is not of the float kind (.2f)",
                         (size_t)(colon - t->source) + 2, (int)(close - colon - 1), colon + 1);
    return add(t, p) ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status parse(ludc_template *t, size_t n, lud_error *err) {
    const char *p = t->source, *end = p + n, *plain = p;
    while (p < end) {
        if (*p != '{' && *p != '}') {
            p++;
            continue;
        }
        const bool doubled = p + 1 < end && p[1] == *p;
        /* A doubled brace: the literal runs up to and with the first one. */
        if (!add(t, (part){.text = {plain, (size_t)(p - plain) + doubled}}))
            return ludc_fail(err, LUD_E_NOMEM, "out of memory");
        if (doubled) {
            plain = p += 2;
            continue;
        }
        const char *close = *p == '{' ? memchr(p, '}', (size_t)(end - p)) : NULL;
        if (!close)
            return ludc_fail(err, LUD_E_INVALID,
                             "prompt.template: character %zu: '%c' without its partner (write '%c%c')",
                             (size_t)(p - t->source) + 1, *p, *p, *p);
        LUDC_TRY(parse_field(t, p, close, err));
        plain = p = close + 1;
    }
    return add(t, (part){.text = {plain, (size_t)(end - plain)}}) ? LUD_OK
                                                                  : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

lud_status ludc_template_parse(lud_str text, ludc_template **out, lud_error *err) {
    ludc_template *t = ludc_alloc(sizeof(*t));
    if (t) t->source = ludc_strndup(text.ptr, text.len);
    lud_status status = t && t->source ? parse(t, text.len, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status != LUD_OK)
        ludc_template_free(t);
    else
        *out = t;
    return status;
}

size_t ludc_template_fields(const ludc_template *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->parts[i].is_field;
    return n;
}

lud_str ludc_template_field(const ludc_template *t, size_t i) {
    for (size_t k = 0; k < t->n; k++)
        if (t->parts[k].is_field && i-- == 0) return t->parts[k].text;
    return (lud_str){0};
}

static void group_thousands(char *text, size_t size) {
    char *dot = strpbrk(text, ".e%");
    size_t whole = dot ? (size_t)(dot - text) : strlen(text);
    const size_t sign = text[0] == '-' || text[0] == '+' || text[0] == ' ';
    for (size_t i = whole; i > sign + 3 && strlen(text) + 2 < size;) {
        i -= 3;
        memmove(text + i + 1, text + i, strlen(text + i) + 1);
        text[i] = ',';
    }
}

static lud_status put_number(const part *p, lud_str value, ludc_buf *out, lud_error *err) {
    char copy[64], text[512], format[16];
    char *stop = copy;
    const lud_str trimmed = ludc_str_trim(value);
    snprintf(copy, sizeof(copy), "%.*s", (int)LUDC_MIN(trimmed.len, sizeof(copy) - 1), trimmed.ptr ? trimmed.ptr : "");
    double x = strtod(copy, &stop);
    if (stop == copy || *stop)
        return ludc_fail(err, LUD_E_DATA, "prompt.template: {%.*s} has a number format, but the value is '%s'",
                         (int)p->text.len, p->text.ptr, copy);
    x *= p->kind == '%' ? 100 : 1;
    snprintf(format, sizeof(format), "%%%s.*%c",
             p->sign == '+'   ? "+"
             : p->sign == ' ' ? " "
                              : "",
             p->kind == '%' ? 'f' : p->kind);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text) - 64, format, p->precision, x);
#pragma GCC diagnostic pop
    if (p->kind == '%') strcat(text, "%");
    if (p->comma) group_thousands(text, sizeof(text));
    const int pad = p->width - (int)strlen(text), left = p->align == '<' ? 0 : p->align == '^' ? pad / 2 : pad;
    const size_t sign = p->zero && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    ludc_buf_add(out, text, sign);
    for (int i = 0; i < left; i++)
        ludc_buf_add(out, p->zero ? "0" : &p->fill, 1);
    ludc_buf_adds(out, text + sign);
    for (int i = left; i < pad; i++)
        ludc_buf_add(out, &p->fill, 1);
    return LUD_OK;
}

lud_status ludc_template_render(const ludc_template *t, bool (*lookup)(void *, lud_str, lud_str *), void *arg,
                                ludc_buf *out, lud_error *err) {
    for (size_t i = 0; i < t->n; i++) {
        const part *p = &t->parts[i];
        lud_str value = p->text;
        if (p->is_field && !lookup(arg, p->text, &value))
            return ludc_fail(err, LUD_E_DATA, "prompt.template: there is no column '%.*s'", (int)p->text.len,
                             p->text.ptr);
        if (p->has_spec)
            LUDC_TRY(put_number(p, value, out, err));
        else
            ludc_buf_add(out, value.ptr, value.len);
    }
    return out->failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}
