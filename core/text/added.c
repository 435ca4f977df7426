/* SPDX-License-Identifier: Apache-2.0
 * Added tokens: found in the text before anything else looks at it; leftmost, then longest. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

bool ludc_added_add(ludc_added_set *set, ludc_added token) {
    if (set->len == set->cap) {
        const size_t cap = set->cap ? 2 * set->cap : 16;
        ludc_added *more = ludc_realloc(set->ptr, set->len * sizeof(*more), cap * sizeof(*more));
        if (!more) return false;
        set->ptr = more;
        set->cap = cap;
    }
    token.content = ludc_strndup(token.content, token.len);
    if (!token.content) return false;
    set->ptr[set->len++] = token;
    return true;
}

static int longest_first(const void *pa, const void *pb) {
    const ludc_added *a = pa, *b = pb;
    if (a->len != b->len) return a->len > b->len ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

void ludc_added_ready(ludc_added_set *set) {
    if (set->len) qsort(set->ptr, set->len, sizeof(*set->ptr), longest_first);
    for (size_t i = 0; i < set->len; i++)
        if (set->ptr[i].len) set->first_byte[set->ptr[i].normalized][(uint8_t)set->ptr[i].content[0]] = true;
}

void ludc_added_free(ludc_added_set *set) {
    for (size_t i = 0; i < set->len; i++)
        ludc_free(set->ptr[i].content);
    ludc_free(set->ptr);
    *set = (ludc_added_set){0};
}

const ludc_added *ludc_added_find(const ludc_added_set *set, int32_t id) {
    for (size_t i = 0; i < set->len; i++)
        if (set->ptr[i].id == id) return &set->ptr[i];
    return NULL;
}

static bool is_word_char(uint32_t cp) {
    const int c = ludc_char_class(cp);
    return c == LUDC_CH_LETTER || c == LUDC_CH_NUMBER || c == LUDC_CH_MARK || cp == '_';
}

static size_t char_before(const char *text, size_t begin, size_t at, uint32_t *cp) {
    size_t i = at;
    while (i > begin && ((uint8_t)text[--i] & 0xC0) == 0x80)
        ;
    if (i == at) return 0;
    ludc_utf8_decode(text + i, at - i, cp);
    return at - i;
}

static bool stands_alone(const char *text, size_t begin, size_t end, size_t at, size_t len) {
    uint32_t cp;
    if (char_before(text, begin, at, &cp) && is_word_char(cp)) return false;
    if (at + len < end) {
        ludc_utf8_decode(text + at + len, end - at - len, &cp);
        return !is_word_char(cp);
    }
    return true;
}

static const ludc_added *match_at(const ludc_added_set *set, bool normalized, const char *text, size_t at, size_t end) {
    if (!set->first_byte[normalized][(uint8_t)text[at]]) return NULL;
    for (size_t i = 0; i < set->len; i++) {
        const ludc_added *t = &set->ptr[i];
        if (t->normalized == normalized && t->len && t->len <= end - at && memcmp(t->content, text + at, t->len) == 0)
            return t;
    }
    return NULL;
}

/* White space on the asked sides belongs to the match, but never what an earlier match took. */
static void widen(const ludc_added *t, const char *text, size_t done, size_t end, size_t *from, size_t *to) {
    uint32_t cp;
    size_t used;
    while (t->lstrip && (used = char_before(text, done, *from, &cp)) && ludc_char_class(cp) == LUDC_CH_SPACE)
        *from -= used;
    while (t->rstrip && *to < end) {
        used = ludc_utf8_decode(text + *to, end - *to, &cp);
        if (ludc_char_class(cp) != LUDC_CH_SPACE) break;
        *to += used;
    }
}

void ludc_added_split(const ludc_added_set *set, bool normalized, const char *text, size_t begin, size_t end,
                      ludc_pieces *out) {
    size_t done = begin;
    for (size_t at = begin; at < end;) {
        const ludc_added *t = match_at(set, normalized, text, at, end);
        if (!t || (t->single_word && !stands_alone(text, begin, end, at, t->len))) {
            at += t ? t->len : 1;
            continue;
        }
        size_t from = at, to = at + t->len;
        widen(t, text, done, end, &from, &to);
        ludc_pieces_add(out, done, from - done, -1);
        ludc_pieces_add(out, from, to - from, t->id);
        done = at = to;
    }
    ludc_pieces_add(out, done, end - done, -1);
}
