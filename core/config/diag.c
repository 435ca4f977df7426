/* SPDX-License-Identifier: Apache-2.0
 * Collects messages about a config and prints them in the order of the file, each with its source line and a caret.
 * The error record is small: when the excerpts do not fit they are left out, then the last messages are counted. */
#include "config_internal.h"
#include <stdio.h>
#include <string.h>

void ludc_source_line(const char *text, size_t n, int32_t line, int32_t col, ludc_buf *out) {
    size_t begin = 0;
    for (int32_t at = 1; at < line && begin < n; at++) {
        const char *newline = memchr(text + begin, '\n', n - begin);
        begin = newline ? (size_t)(newline - text) + 1 : n;
    }
    if (!text || line < 1 || begin >= n) return;
    const char *newline = memchr(text + begin, '\n', n - begin);
    size_t len = newline ? (size_t)(newline - (text + begin)) : n - begin;
    if (len && text[begin + len - 1] == '\r') len--;
    if (len > 160 || !ludc_utf8_valid(text + begin, len)) return;
    ludc_buf_addf(out, "    %.*s\n    ", (int)len, text + begin);
    size_t used = 0;
    for (int32_t i = 1; i < col && used < len; i++) {
        uint32_t cp;
        ludc_buf_adds(out, text[begin + used] == '\t' ? "\t" : " ");
        used += ludc_utf8_decode(text + begin + used, len - used, &cp);
    }
    ludc_buf_adds(out, "^");
}

ludc_at ludc_at_value(const ludc_value *v) {
    return v ? (ludc_at){v->line, v->col} : (ludc_at){0};
}

ludc_at ludc_at_key(const ludc_value *object, size_t i) {
    if (object->items[i]->line < 0) return (ludc_at){object->items[i]->line, 0};
    if (!object->key_pos || object->key_pos[2 * i] == 0) return ludc_at_value(object->items[i]);
    return (ludc_at){object->key_pos[2 * i], object->key_pos[2 * i + 1]};
}

void ludc_diag_add(ludc_diag *d, ludc_at at, const char *fmt, ...) {
    if (d->len == LUDC_DIAG_CAP) {
        d->dropped++;
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *copy = ludc_strdup(text);
    d->failed |= !copy;
    if (copy) d->items[d->len++] = (ludc_diag_item){at.line, at.col, copy};
}

void ludc_diag_rule(ludc_diag *d, const ludc_value *user, const char *path, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ludc_diag_add(d, ludc_at_path(user, path), "%s: %s", path, text);
}

static bool before(const ludc_diag_item *a, const ludc_diag_item *b) {
    uint32_t la = (uint32_t)a->line, lb = (uint32_t)b->line; /* --set comes last */
    return la != lb ? la < lb : a->col < b->col;
}

static void sort(ludc_diag *d) {
    for (size_t i = 1; i < d->len; i++) {
        ludc_diag_item item = d->items[i];
        size_t at = i;
        for (; at > 0 && before(&item, &d->items[at - 1]); at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = item;
    }
}

static void print_item(const ludc_diag *d, const ludc_diag_item *item, bool excerpt, ludc_buf *out) {
    if (out->len) ludc_buf_adds(out, "\n");
    if (item->line > 0)
        ludc_buf_addf(out, "%s:%d:%d: error: %s", d->name, item->line, LUDC_MAX(item->col, 1), item->text);
    else if (item->line < 0)
        ludc_buf_addf(out, "--set %s: error: %s", d->sets[-item->line - 1], item->text);
    else
        ludc_buf_addf(out, "%s: error: %s", d->name, item->text);
    size_t before_excerpt = out->len;
    if (!excerpt || item->line <= 0) return;
    ludc_buf_adds(out, "\n");
    ludc_source_line(d->text, d->n, item->line, item->col, out);
    if (out->len == before_excerpt + 1) out->ptr[out->len = before_excerpt] = 0;
}

static void print_all(const ludc_diag *d, bool excerpt, size_t room, ludc_buf *out) {
    size_t dropped = d->dropped;
    for (size_t i = 0; i < d->len; i++) {
        size_t len = out->len;
        print_item(d, &d->items[i], excerpt, out);
        if (!out->failed && out->len > room && len) {
            out->ptr[out->len = len] = 0;
            dropped += d->len - i;
            break;
        }
    }
    if (dropped) ludc_buf_addf(out, "\n%s: %zu more errors", d->name, dropped);
}

lud_status ludc_diag_report(ludc_diag *d, lud_error *err) {
    lud_status status = LUD_OK;
    ludc_buf out = {0};
    size_t size = err ? sizeof err->msg : 1;
    if (d->len) {
        sort(d);
        print_all(d, true, SIZE_MAX, &out);
        if (out.len >= size && !out.failed) {
            size_t reserve = strlen(d->name) + 32;
            ludc_buf_clear(&out);
            print_all(d, false, size > reserve ? size - reserve : 0, &out);
        }
        status = LUD_E_INVALID;
    }
    if (d->failed || out.failed)
        status = ludc_no_memory(err, d->name);
    else if (d->len)
        ludc_fail(err, status, "%s", out.ptr);
    for (size_t i = 0; i < d->len; i++)
        ludc_free(d->items[i].text);
    d->len = 0;
    ludc_buf_free(&out);
    return status;
}
