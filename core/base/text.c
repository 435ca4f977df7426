/* SPDX-License-Identifier: Apache-2.0
 * Growable byte strings, UTF-8, and the nearest-name search of error messages. */
#include "base.h"

#include <stdio.h>
#include <string.h>

static bool buf_reserve(ludc_buf *b, size_t n) {
    if (b->failed || n > SIZE_MAX / 2 - b->len - 1) {
        b->failed = true;
        return false;
    }
    if (b->len + n + 1 <= b->cap) return true;
    const size_t cap = LUDC_MAX(b->cap * 2, b->len + n + 64);
    char *p = ludc_realloc(b->ptr, b->len, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->ptr = p;
    b->cap = cap;
    return true;
}

void ludc_buf_add(ludc_buf *b, const void *bytes, size_t n) {
    if (!buf_reserve(b, n)) return;
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
    const int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) b->failed = true;
    if (n >= 0 && buf_reserve(b, (size_t)n)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void ludc_buf_clear(ludc_buf *b) {
    b->len = 0;
    b->failed = false;
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
    return ludc_str_same(a, ludc_str(b));
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool ludc_str_ends(lud_str s, const char *tail) {
    const size_t n = strlen(tail);
    return s.len >= n && memcmp(s.ptr + s.len - n, tail, n) == 0;
}

lud_str ludc_str_trim(lud_str s) {
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Length of the sequence that a first byte announces and the least code point it may hold; 0 = not a first byte. */
static size_t utf8_expect(uint8_t first, uint32_t *bits, uint32_t *least) {
    if (first < 0x80) return *bits = first, *least = 0, 1;
    if (first >= 0xC2 && first < 0xE0) return *bits = first & 0x1Fu, *least = 0x80, 2;
    if (first >= 0xE0 && first < 0xF0) return *bits = first & 0x0Fu, *least = 0x800, 3;
    if (first >= 0xF0 && first < 0xF5) return *bits = first & 0x07u, *least = 0x10000, 4;
    return 0;
}

size_t ludc_utf8_decode(const char *s, size_t n, uint32_t *cp) {
    const uint8_t *p = (const uint8_t *)s;
    uint32_t value = 0, least = 0;
    *cp = 0xFFFD;
    const size_t len = n ? utf8_expect(p[0], &value, &least) : 0;
    if (len == 0 || len > n) return 1;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 1;
        value = value << 6 | (p[i] & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 1;
    *cp = value;
    return len;
}

size_t ludc_utf8_encode(uint32_t cp, char out[4]) {
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) cp = 0xFFFD;
    if (cp < 0x80) return out[0] = (char)cp, 1;
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

bool ludc_utf8_valid(const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t cp = (unsigned char)s[i];
        const size_t used = cp < 0x80 ? 1 : ludc_utf8_decode(s + i, n - i, &cp);
        if (cp == 0xFFFD && used == 1) return false;
        i += used;
    }
    return true;
}

#define WORD_MAX 64

int ludc_edit_distance(lud_str a, lud_str b) {
    int d[WORD_MAX + 1][WORD_MAX + 1];
    if (a.len > WORD_MAX || b.len > WORD_MAX) return WORD_MAX;
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (int)(i + j);
                continue;
            }
            const int change = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            d[i][j] = LUDC_MIN(change, LUDC_MIN(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                d[i][j] = LUDC_MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.len][b.len];
}

const char *ludc_nearest(lud_str word, const char *const *names, size_t n) {
    const char *best = NULL;
    int best_distance = word.len < 5 ? 2 : 3;
    for (size_t i = 0; i < n; i++) {
        const int distance = ludc_edit_distance(word, ludc_str(names[i]));
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}
