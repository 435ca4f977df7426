/* SPDX-License-Identifier: Apache-2.0
 * normal_form: NFC, NFD, NFKC, NFKD over utf8proc's tables. Characters are put in canonical order here, by counting
 * sort: utf8proc's own reordering is quadratic in the length of a run of combining marks. */
#include "unicode.h"

#include <string.h>
#include <utf8proc.h>

typedef struct chars {
    utf8proc_int32_t *ptr;
    size_t len, cap;
} chars;

static bool reserve(chars *c, size_t more) {
    if (c->cap - c->len >= more) return true;
    size_t cap = LUDC_MAX(c->cap + c->cap / 2, c->len + more + 64);
    utf8proc_int32_t *p = ludc_realloc(c->ptr, c->cap * sizeof *p, cap * sizeof *p);
    if (!p) return false;
    c->ptr = p;
    c->cap = cap;
    return true;
}

static bool decompose(const char *s, size_t n, utf8proc_option_t options, chars *out) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int boundary = 0;
        i += ludc_utf8_next(s + i, n - i, &cp);
        if (!reserve(out, 32)) return false; /* the longest decomposition has 18 characters */
        utf8proc_ssize_t k = utf8proc_decompose_char((utf8proc_int32_t)cp, out->ptr + out->len, 32, options, &boundary);
        if (k > 0) out->len += (size_t)k;
    }
    return true;
}

static unsigned combining_class(utf8proc_int32_t cp) {
    return cp < 0x300 ? 0U : (unsigned)utf8proc_get_property(cp)->combining_class & 0xFFU;
}

/* Sorts one run of combining marks, stably, by class. `spare` holds n characters. */
static void sort_run(utf8proc_int32_t *run, size_t n, utf8proc_int32_t *spare) {
    size_t start[257] = {0};
    for (size_t i = 0; i < n; i++)
        start[combining_class(run[i]) + 1]++;
    for (size_t k = 1; k < 257; k++)
        start[k] += start[k - 1];
    for (size_t i = 0; i < n; i++)
        spare[start[combining_class(run[i])]++] = run[i];
    memcpy(run, spare, n * sizeof *run);
}

static bool reorder(chars *c) {
    utf8proc_int32_t *spare = NULL;
    for (size_t i = 0; i < c->len;) {
        size_t end = i;
        while (end < c->len && combining_class(c->ptr[end]) != 0)
            end++;
        if (end - i > 1) {
            if (!spare && !(spare = ludc_alloc(c->len * sizeof *spare))) return false;
            sort_run(c->ptr + i, end - i, spare);
        }
        i = end + 1;
    }
    ludc_free(spare);
    return true;
}

/* No character has a decomposition of any kind, nor can one be reordered. */
static bool nothing_decomposes(const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += ludc_utf8_next(s + i, n - i, &cp);
        const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
        bool hangul = cp >= 0xAC00 && cp <= 0xD7A3; /* decomposed by arithmetic */
        if (p->decomp_seqindex != UINT16_MAX || p->combining_class != 0 || hangul) return false;
    }
    return true;
}

/* ASCII is in every form; below U+0300 (lead bytes below 0xCC) everything is in NFC. */
static bool already_normal(const char *s, size_t n, bool composed, bool compat) {
    if (!composed) return nothing_decomposes(s, n);
    unsigned char limit = compat ? 0x80 : 0xCC;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= limit) return false;
    return true;
}

bool ludc_normal_form(const char *s, size_t n, bool composed, bool compat, ludc_buf *out) {
    if (already_normal(s, n, composed, compat)) {
        ludc_buf_add(out, s, n);
        return !out->failed;
    }
    chars c = {0};
    bool ok = false;
    int options = UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0);
    if (!decompose(s, n, (utf8proc_option_t)options, &c) || !reorder(&c)) goto out;
    utf8proc_ssize_t len = (utf8proc_ssize_t)c.len;
    if (composed) len = utf8proc_normalize_utf32(c.ptr, len, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < len; i++) {
        char u[4];
        ludc_buf_add(out, u, ludc_utf8_encode((uint32_t)c.ptr[i], u));
    }
    ok = len >= 0 && !out->failed;
out:
    ludc_free(c.ptr);
    return ok;
}
