/* SPDX-License-Identifier: Apache-2.0
 * text: growable byte strings and helpers on (pointer, length) text. Invariant: a buffer is NUL-terminated whenever it
 * has memory, and a failed allocation sticks in `failed`, so that callers check once. UTF-8 is checked strictly. */
#include "base.h"

#include <stdio.h>
#include <string.h>

static bool reserve(ludc_buf *b, size_t more) {
    if (b->failed) return false;
    if (more >= SIZE_MAX / 2 - b->len) return b->failed = true, false;
    size_t need = b->len + more + 1;
    if (need <= b->cap) return true;
    size_t cap = LUDC_MAX(need, LUDC_MAX(b->cap * 2, (size_t)64));
    char *p = ludc_realloc(b->ptr, b->ptr ? b->len + 1 : 0, cap);
    if (!p) return b->failed = true, false;
    b->ptr = p;
    b->cap = cap;
    return true;
}

void ludc_buf_add(ludc_buf *b, const void *bytes, size_t n) {
    if (!reserve(b, n)) return;
    if (n) memcpy(b->ptr + b->len, bytes, n);
    b->len += n;
    b->ptr[b->len] = '\0';
}

void ludc_buf_adds(ludc_buf *b, const char *s) {
    ludc_buf_add(b, s, strlen(s));
}

void ludc_buf_addf(ludc_buf *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) b->failed = true;
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void ludc_buf_clear(ludc_buf *b) {
    b->len = 0;
    if (b->ptr) b->ptr[0] = '\0';
}

void ludc_buf_free(ludc_buf *b) {
    ludc_free(b->ptr);
    *b = (ludc_buf){0};
}

lud_str ludc_str(const char *s) {
    return (lud_str){s, s ? strlen(s) : 0};
}

bool ludc_str_same(lud_str a, lud_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool ludc_str_eq(lud_str a, const char *b) {
    return b && ludc_str_same(a, ludc_str(b));
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

lud_str ludc_str_trim(lud_str s) {
    while (s.len && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Length and smallest code point of the sequence that `lead` starts; 0 if it cannot start one (Unicode, table 3-6). */
static size_t sequence_length(unsigned char lead, uint32_t *min, uint32_t *bits) {
    if (lead < 0x80) return *min = 0, *bits = lead, 1;
    if (lead >= 0xC2 && lead < 0xE0) return *min = 0x80, *bits = lead & 0x1Fu, 2;
    if (lead >= 0xE0 && lead < 0xF0) return *min = 0x800, *bits = lead & 0x0Fu, 3;
    if (lead >= 0xF0 && lead < 0xF5) return *min = 0x10000, *bits = lead & 0x07u, 4;
    return 0;
}

/* 0 if s does not begin with a valid sequence. */
static size_t decode_strict(const char *s, size_t n, uint32_t *cp) {
    uint32_t min = 0, c = 0;
    size_t len = n ? sequence_length((unsigned char)s[0], &min, &c) : 0;
    if (len == 0 || len > n) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    if (c < min || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    *cp = c;
    return len;
}

size_t ludc_utf8_decode(const char *s, size_t n, uint32_t *cp) {
    size_t len = decode_strict(s, n, cp);
    if (len == 0) *cp = 0xFFFD;
    return len ? len : 1;
}

size_t ludc_utf8_encode(uint32_t cp, char out[4]) {
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) cp = 0xFFFD;
    if (cp < 0x80) return out[0] = (char)cp, 1;
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3F));
    out[0] = (char)(lead[len] | cp);
    return len;
}

bool ludc_utf8_valid(const char *s, size_t n) {
    uint32_t cp;
    while (n) {
        size_t len = decode_strict(s, n, &cp);
        if (len == 0) return false;
        s += len;
        n -= len;
    }
    return true;
}
