/* SPDX-License-Identifier: Apache-2.0
 * pattern: what Split and Replace look for. ludc_pattern_each cuts a text into matches and gaps as the reference
 * does, empty matches included: one is taken unless it touches the match before it. */
#include "internal.h"

#include <string.h>

lud_status ludc_pattern_literal(const ludc_load *l, lud_str s, ludc_pattern *p) {
    return ludc_node_copy(l, s, &p->text, &p->len);
}

lud_status ludc_pattern_load(const ludc_load *l, const ludc_value *v, ludc_pattern *p) {
    lud_str s = {0};
    if (v && v->type == LUD_CFG_STR) return ludc_pattern_literal(l, v->u.s, p);
    if (!v || v->type != LUD_CFG_OBJECT || v->len != 1)
        return ludc_fail(l->err, LUD_E_IO, "%s: 'pattern' must be {\"String\": ...} or {\"Regex\": ...}", l->name);
    LUDC_TRY(ludc_node_text(l, v, "String", &s));
    if (s.ptr) return ludc_pattern_literal(l, s, p);
    LUDC_TRY(ludc_node_text(l, v, "Regex", &s));
    if (!s.ptr) {
        return ludc_fail(l->err, LUD_E_IO, "%s: unknown kind of pattern '%s'; known: String, Regex", l->name,
                         v->keys[0].ptr);
    }
    p->scan = ludc_scan_find(s);
    return p->scan ? LUD_OK : ludc_regex_new(l, s, true, &p->regex);
}

void ludc_pattern_free(ludc_pattern *p) {
    ludc_free(p->text);
    ludc_regex_free(p->regex);
    *p = (ludc_pattern){0};
}

static bool next_literal(const ludc_pattern *p, const char *s, size_t n, size_t at, size_t *start, size_t *end) {
    const char *hit = p->len && at < n ? memmem(s + at, n - at, p->text, p->len) : NULL;
    if (!hit) return false;
    *start = (size_t)(hit - s);
    *end = *start + p->len;
    return true;
}

static bool next_class(const ludc_pattern *p, const ludc_classes *t, const char *s, size_t n, size_t at, size_t *start,
                       size_t *end) {
    while (at < n) {
        uint32_t cp;
        size_t len = ludc_utf8_next(s + at, n - at, &cp);
        *start = at;
        *end = at += len;
        if (ludc_class(t, cp) & p->classes) return true;
    }
    return false;
}

static lud_status next_match(const ludc_pattern *p, const ludc_find *f, const char *s, size_t n, size_t at, bool *found,
                             size_t *start, size_t *end) {
    if (p->regex) return ludc_regex_next(p->regex, f->match, s, n, at, found, start, end, f->err);
    if (p->scan)
        *found = p->scan(f->classes, s, n, at, start, end);
    else if (p->classes)
        *found = next_class(p, f->classes, s, n, at, start, end);
    else
        *found = next_literal(p, s, n, at, start, end);
    return LUD_OK;
}

lud_status ludc_pattern_each(const ludc_pattern *p, const ludc_find *f, const char *s, size_t n, ludc_segment_fn fn,
                             void *arg) {
    size_t done = 0, last_match = SIZE_MAX;
    for (size_t at = 0; at <= n;) {
        size_t start = 0, end = 0;
        uint32_t cp;
        bool found = false;
        LUDC_TRY(next_match(p, f, s, n, at, &found, &start, &end));
        if (!found) break;
        if (start == end && end == last_match) {
            at = end < n ? end + ludc_utf8_next(s + end, n - end, &cp) : n + 1;
            continue;
        }
        if (start > done) LUDC_TRY(fn(arg, done, start, false));
        LUDC_TRY(fn(arg, start, end, true));
        at = done = last_match = end;
    }
    return done < n ? fn(arg, done, n, false) : LUD_OK;
}

typedef struct replacing {
    lud_str s, content;
    ludc_buf *out;
} replacing;

static lud_status replace_segment(void *arg, size_t start, size_t end, bool is_match) {
    replacing *r = arg;
    if (is_match)
        ludc_buf_add(r->out, r->content.ptr, r->content.len);
    else
        ludc_buf_add(r->out, r->s.ptr + start, end - start);
    return LUD_OK;
}

lud_status ludc_pattern_replace(const ludc_pattern *p, const ludc_find *f, lud_str s, lud_str content, ludc_buf *out) {
    replacing r = {s, content, out};
    LUDC_TRY(ludc_pattern_each(p, f, s.ptr, s.len, replace_segment, &r));
    return out->failed ? ludc_no_memory(f->err, "tokenizer") : LUD_OK;
}
