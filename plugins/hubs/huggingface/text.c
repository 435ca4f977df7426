/* SPDX-License-Identifier: Apache-2.0
 * Text that grows: addresses and answers. */
#include "client.h"

#include <ctype.h>

static bool reserve(hf_text *t, size_t more) {
    if (t->failed || more > SIZE_MAX / 4 - t->len) return t->failed = true, false;
    if (t->len + more + 1 <= t->cap) return true;
    const size_t cap = 2 * (t->len + more + 1);
    char *grown = hf_host->alloc(hf_host->ctx, cap, 1);
    if (!grown) return t->failed = true, false;
    if (t->len) memcpy(grown, t->ptr, t->len);
    hf_host->free(hf_host->ctx, t->ptr);
    t->ptr = grown;
    t->cap = cap;
    return true;
}

void hf_text_add(hf_text *t, const void *bytes, size_t n) {
    if (!reserve(t, n)) return;
    if (n) memcpy(t->ptr + t->len, bytes, n);
    t->len += n;
    t->ptr[t->len] = '\0';
}

void hf_text_addf(hf_text *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !reserve(t, (size_t)n)) return;
    va_start(args, fmt);
    vsnprintf(t->ptr + t->len, (size_t)n + 1, fmt, args);
    va_end(args);
    t->len += (size_t)n;
}

void hf_text_add_quoted(hf_text *t, const char *s, bool keep_slash) {
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (isalnum(c) || strchr("-._~", c) || (keep_slash && c == '/'))
            hf_text_add(t, s, 1);
        else
            hf_text_addf(t, "%%%02X", c);
    }
}

void hf_text_free(hf_text *t) {
    hf_host->free(hf_host->ctx, t->ptr);
    *t = (hf_text){0};
}
