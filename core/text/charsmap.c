/* SPDX-License-Identifier: Apache-2.0
 * charsmap: SentencePiece's precompiled normalization: base64 of (size of the trie, a double-array trie as darts-clone
 * writes it, replacement texts with NULs between). Its bytes may be hostile: every step of a search is checked. */
#include "internal.h"

#include <string.h>
#include <utf8proc.h>

struct ludc_charsmap {
    uint32_t *units;
    size_t n;
    char *texts; /* valid UTF-8, a NUL at its end */
    size_t len;
};

/* ---- Loading ---- */
static int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `out` has room for s.len * 3 / 4 bytes. */
static bool decode_base64(lud_str s, uint8_t *out, size_t *n) {
    uint32_t bits = 0;
    if (s.len % 4) return false;
    for (int k = 0; k < 2 && s.len && s.ptr[s.len - 1] == '='; k++)
        s.len--;
    *n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int d = digit(s.ptr[i]);
        if (d < 0) return false;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 != 0) out[(*n)++] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    return true;
}

static uint32_t little_endian(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static lud_status read_blob(const ludc_load *l, const uint8_t *p, size_t n, ludc_charsmap *m) {
    m->n = n >= 4 ? little_endian(p) / 4 : 0;
    if (m->n == 0 || m->n > (n - 4) / 4) {
        return ludc_fail(l->err, LUD_E_IO, "%s: precompiled_charsmap: its trie does not fit into its %zu bytes",
                         l->name, n);
    }
    const char *texts = (const char *)p + 4 + m->n * 4;
    m->len = n - 4 - m->n * 4;
    if (!ludc_utf8_valid(texts, m->len))
        return ludc_fail(l->err, LUD_E_IO, "%s: precompiled_charsmap: its texts are not UTF-8", l->name);
    m->units = ludc_alloc(m->n * sizeof *m->units);
    m->texts = ludc_strndup(texts, m->len);
    if (!m->units || !m->texts) return ludc_no_memory(l->err, l->name);
    for (size_t i = 0; i < m->n; i++)
        m->units[i] = little_endian(p + 4 + i * 4);
    return LUD_OK;
}

lud_status ludc_charsmap_load(const ludc_load *l, lud_str base64, ludc_charsmap **out) {
    size_t n = 0;
    uint8_t *blob = ludc_alloc(base64.len);
    ludc_charsmap *m = *out = ludc_alloc(sizeof *m);
    lud_status status = LUD_E_NOMEM;
    if (blob && m) {
        status = decode_base64(base64, blob, &n)
                     ? read_blob(l, blob, n, m)
                     : ludc_fail(l->err, LUD_E_IO, "%s: precompiled_charsmap is not base64", l->name);
    }
    ludc_free(blob);
    return status == LUD_OK ? LUD_OK : ludc_fail(l->err, status, "%s: out of memory", l->name);
}

void ludc_charsmap_free(ludc_charsmap *m) {
    if (!m) return;
    ludc_free(m->units);
    ludc_free(m->texts);
    ludc_free(m);
}

/* ---- Applying ---- */
static size_t offset(uint32_t unit) {
    return (size_t)(unit >> 10) << ((unit & 1U << 9) >> 6);
}

/* The text for the shortest beginning of s[0..n) that the trie knows. */
static bool find(const ludc_charsmap *m, const char *s, size_t n, lud_str *out) {
    size_t at = offset(m->units[0]);
    for (size_t i = 0; i < n && s[i]; i++) {
        unsigned char c = (unsigned char)s[i];
        at ^= c;
        if (at >= m->n || (m->units[at] & 0x800000FFU) != c) return false;
        bool is_leaf = m->units[at] >> 8 & 1;
        at ^= offset(m->units[at]);
        if (!is_leaf) continue;
        size_t text = at < m->n ? m->units[at] & 0x7FFFFFFFU : SIZE_MAX;
        if (text > m->len || ((unsigned char)m->texts[text] & 0xC0) == 0x80) return false;
        *out = ludc_str(m->texts + text);
        return true;
    }
    return false;
}

/* The end of the grapheme cluster that begins at `at`; two ASCII characters are never one, but for \r\n. */
static size_t cluster_end(lud_str s, size_t at, size_t first_len) {
    uint32_t left, right;
    utf8proc_int32_t state = 0;
    size_t end = at + first_len;
    ludc_utf8_next(s.ptr + at, s.len - at, &left);
    while (end < s.len) {
        if (left < 0x80 && (unsigned char)s.ptr[end] < 0x80 && left != '\r') break;
        size_t len = ludc_utf8_next(s.ptr + end, s.len - end, &right);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)left, (utf8proc_int32_t)right, &state)) break;
        end += len;
        left = right;
    }
    return end;
}

/* A short cluster is replaced whole, even where only its beginning is known: so do SentencePiece and the reference. */
bool ludc_charsmap_apply(const ludc_charsmap *m, lud_str s, ludc_buf *out) {
    enum { SHORT_CLUSTER = 6 };
    for (size_t i = 0, end; i < s.len; i = end) {
        uint32_t cp;
        lud_str text;
        size_t len = ludc_utf8_next(s.ptr + i, s.len - i, &cp);
        end = cluster_end(s, i, len);
        if (end - i > len && end - i < SHORT_CLUSTER && find(m, s.ptr + i, end - i, &text)) {
            ludc_buf_add(out, text.ptr, text.len);
            continue;
        }
        for (size_t k = i; k < end; k += len) {
            len = ludc_utf8_next(s.ptr + k, s.len - k, &cp);
            if (!find(m, s.ptr + k, len, &text)) text = (lud_str){s.ptr + k, len};
            ludc_buf_add(out, text.ptr, text.len);
        }
    }
    return !out->failed;
}
