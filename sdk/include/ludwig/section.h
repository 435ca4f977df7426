/* SPDX-License-Identifier: Apache-2.0
 * Reading a section of the config strictly: each reader takes a key, its default and its limits; a wrong value is an
 * error that names the key's path. The first error sticks, so a plugin lists its keys and looks at `status` once. An
 * absent key and null give the default. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_SECTION_H
#define LUDWIG_SECTION_H

#include "easy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lud_section {
    const lud_cfg_api *c;
    const lud_cfg *node; /* the object; NULL: every key is absent */
    const char *where;   /* its path in messages: "combiner" */
    lud_error *err;
    lud_status status;
} lud_section;

static inline lud_section lud_section_of(const lud_cfg_api *c, const lud_cfg *node, const char *where, lud_error *err) {
    lud_section s = {c, node, where, err, LUD_OK};
    return s;
}

/* A key of the section with a prefix before it. */
typedef struct lud_key {
    char text[64];
} lud_key;
static inline lud_key lud_key_of(const char *prefix, const char *word) {
    lud_key k;
    (void)snprintf(k.text, sizeof k.text, "%s%s", prefix, word);
    return k;
}

/* An error of the section's own: "<where>.<key>: <text>". */
__attribute__((format(printf, 3, 4))) static inline void lud_section_fail(lud_section *s, const char *key,
                                                                          const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (s->status == LUD_OK) s->status = lud_fail(s->err, LUD_E_INVALID, "%s.%s: %s", s->where, key, text);
}

/* A default below min says that the key must be there. */
static inline int64_t lud_section_int(lud_section *s, const char *key, int64_t dflt, int64_t min, int64_t max) {
    const lud_cfg *node = lud_member(s->c, s->node, key);
    int64_t v = dflt;
    if (!lud_is_set(s->c, node)) {
        if (dflt < min) lud_section_fail(s, key, "is missing");
    } else if (s->c->get(node, LUD_CFG_INT, &v) != LUD_OK) {
        lud_section_fail(s, key, "want a whole number");
    } else if (v < min || v > max) {
        lud_section_fail(s, key, "got %lld, want %lld to %lld", (long long)v, (long long)min, (long long)max);
    }
    return v;
}

static inline double lud_section_float(lud_section *s, const char *key, double dflt) {
    const lud_cfg *node = lud_member(s->c, s->node, key);
    double v = dflt;
    if (lud_is_set(s->c, node) && s->c->get(node, LUD_CFG_FLOAT, &v) != LUD_OK) {
        lud_section_fail(s, key, "want a number");
    }
    return v;
}

/* A share of elements that is dropped: 0 <= p < 1. */
static inline float lud_section_dropout(lud_section *s, const char *key, double dflt) {
    double p = lud_section_float(s, key, dflt);
    if (!(p >= 0.0 && p < 1.0)) lud_section_fail(s, key, "got %g, want 0 <= dropout < 1", p);
    return (float)p;
}

static inline int32_t lud_section_bool(lud_section *s, const char *key, int32_t dflt) {
    const lud_cfg *node = lud_member(s->c, s->node, key);
    int32_t v = dflt;
    if (lud_is_set(s->c, node) && s->c->get(node, LUD_CFG_BOOL, &v) != LUD_OK) {
        lud_section_fail(s, key, "want true or false");
    }
    return v;
}

/* The words of a NULL-terminated list as "a, b, c". */
static inline void lud_word_list(const char *const *words, char *out, size_t cap) {
    size_t n = 0;
    out[0] = 0;
    for (; *words && n + 1 < cap; words++) {
        int k = snprintf(out + n, cap - n, "%s%s", n ? ", " : "", *words);
        n += k > 0 ? (size_t)k : 0;
    }
}

/* Index of the string `node` in `words`, or -1 after an error under `key`. */
static inline int lud_section_word_of(lud_section *s, const lud_cfg *node, const char *key, const char *const *words) {
    char list[256];
    lud_str got = {"", 0};
    if (s->c->get(node, LUD_CFG_STR, &got) == LUD_OK) {
        for (int i = 0; words[i]; i++) {
            if (lud_str_is(got, words[i])) return i;
        }
    }
    lud_word_list(words, list, sizeof list);
    if (got.len) {
        lud_section_fail(s, key, "got '%.*s', want %s", (int)(got.len < 64 ? got.len : 64), got.ptr, list);
    } else {
        lud_section_fail(s, key, "want %s", list);
    }
    return -1;
}

/* Index of the key's word in `words`; absent or null: dflt (-1 can stand for none). */
static inline int lud_section_word(lud_section *s, const char *key, int dflt, const char *const *words) {
    const lud_cfg *node = lud_member(s->c, s->node, key);
    return lud_is_set(s->c, node) ? lud_section_word_of(s, node, key, words) : dflt;
}

/* A key that Ludwig has and this component has not: only null (or absent) passes. */
static inline void lud_section_refuse(lud_section *s, const char *key, const char *why) {
    if (lud_is_set(s->c, lud_member(s->c, s->node, key))) lud_section_fail(s, key, "%s", why);
}

#ifdef __cplusplus
}
#endif
#endif
