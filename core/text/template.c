/* SPDX-License-Identifier: Apache-2.0
 * template: prompt templates, in the syntax of Python's str.format without conversions and attributes: all that stands
 * between a brace and a colon (or the closing brace) is the name of a field. Parsed once; rendering cannot fail on
 * syntax. Which fields exist, and what they mean, the caller knows. */
#include "template.h"

#include <string.h>

typedef struct part {
    lud_str text; /* plain text, or the name of the field */
    bool is_field, has_spec;
    ludc_float_spec spec;
} part;

struct ludc_template {
    char *source; /* what the parts point into */
    part *parts;
    size_t n, cap;
};

/* For messages: characters count from 1. */
static size_t character_at(const ludc_template *t, const char *p) {
    size_t n = 1;
    for (const char *s = t->source; s < p; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static lud_status add_part(ludc_template *t, part p, lud_error *err) {
    if (!p.is_field && p.text.len == 0) return LUD_OK;
    if (!ludc_grow(&t->parts, t->n, &t->cap, sizeof(*t->parts))) return ludc_no_memory(err, "template");
    t->parts[t->n++] = p;
    return LUD_OK;
}

/* A field's inside, without its braces. */
static lud_status add_field(ludc_template *t, lud_str inside, lud_error *err) {
    const char *colon = inside.len ? memchr(inside.ptr, ':', inside.len) : NULL, *why = NULL;
    part p = {.is_field = true, .has_spec = colon != NULL, .text = inside};
    if (colon) p.text.len = (size_t)(colon - inside.ptr);
    size_t at = character_at(t, inside.ptr);
    int shown = (int)LUDC_MIN(inside.len, 64);
    if (p.text.len == 0) {
        return ludc_fail(err, LUD_E_INVALID,
                         "template, character %zu: '{%.*s}' names no column; write {name}, or {{ for a brace", at - 1,
                         shown, inside.ptr);
    }
    if (colon) {
        lud_str spec = {colon + 1, inside.len - p.text.len - 1};
        if (!ludc_float_spec_parse(spec, &p.spec, &why)) {
            return ludc_fail(err, LUD_E_INVALID, "template, character %zu: in '{%.*s}' %s; a format is like .2f",
                             character_at(t, spec.ptr), shown, inside.ptr, why);
        }
    }
    return add_part(t, p, err);
}

static lud_status parse(ludc_template *t, size_t n, lud_error *err) {
    const char *p = t->source, *end = p + n;
    for (const char *plain = p;; plain = p) {
        while (p < end && *p != '{' && *p != '}')
            p++;
        bool doubled = p + 1 < end && p[1] == *p; /* the first of the two ends the plain text */
        LUDC_TRY(add_part(t, (part){.text = {plain, (size_t)(p - plain) + (p < end && doubled)}}, err));
        if (p == end) return LUD_OK;
        if (doubled) {
            p += 2;
            continue;
        }
        const char *close = p + 1;
        while (close < end && *close != '{' && *close != '}')
            close++;
        if (*p == '}' || close == end || *close == '{') {
            return ludc_fail(err, LUD_E_INVALID, "template, character %zu: '%c' has no partner; write %c%c for a brace",
                             character_at(t, p), *p, *p, *p);
        }
        LUDC_TRY(add_field(t, (lud_str){p + 1, (size_t)(close - p) - 1}, err));
        p = close + 1;
    }
}

lud_status ludc_template_parse(lud_str text, ludc_template **out, lud_error *err) {
    ludc_template *t = ludc_alloc(sizeof *t);
    if (t) t->source = ludc_strndup(text.ptr ? text.ptr : "", text.len);
    lud_status status = t && t->source ? parse(t, text.len, err) : ludc_no_memory(err, "template");
    if (status == LUD_OK) return *out = t, LUD_OK;
    ludc_template_free(t);
    return status;
}

void ludc_template_free(ludc_template *t) {
    if (!t) return;
    ludc_free(t->source);
    ludc_free(t->parts);
    ludc_free(t);
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
    return (lud_str){NULL, 0};
}

static lud_status render_field(const part *p, lud_str value, ludc_buf *out, lud_error *err) {
    if (!p->has_spec) {
        ludc_buf_add(out, value.ptr, value.len);
        return LUD_OK;
    }
    if (ludc_float_spec_apply(&p->spec, value, out)) return LUD_OK;
    return ludc_fail(err, LUD_E_DATA, "template: {%.*s} has a number format, but the value '%.*s' is no number",
                     LUDC_ARG_CUT(p->text, 64), (int)LUDC_MIN(value.len, 64), value.ptr ? value.ptr : "");
}

lud_status ludc_template_render(const ludc_template *t, bool (*lookup)(void *, lud_str field, lud_str *value),
                                void *arg, ludc_buf *out, lud_error *err) {
    size_t before = out->len;
    lud_status status = LUD_OK;
    for (size_t i = 0; i < t->n && status == LUD_OK; i++) {
        const part *p = &t->parts[i];
        lud_str value = {NULL, 0};
        if (!p->is_field) {
            ludc_buf_add(out, p->text.ptr, p->text.len);
        } else if (lookup(arg, p->text, &value)) {
            status = render_field(p, value, out, err);
        } else {
            status = ludc_fail(err, LUD_E_DATA, "template: there is no column '%.*s'", LUDC_ARG_CUT(p->text, 256));
        }
    }
    if (status == LUD_OK && out->failed) status = ludc_no_memory(err, "template");
    if (status != LUD_OK) out->len = before;
    return status;
}
