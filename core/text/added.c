/* SPDX-License-Identifier: Apache-2.0
 * added: finds added tokens in a text, leftmost and then longest. The patterns lie in byte order; a search narrows the
 * range of those that still fit, byte by byte. lstrip and rstrip take white space into the match, but the search goes
 * on right behind the token's own text, as in the reference library. */
#include "internal.h"

#include <string.h>

/* First pattern in [lo, hi) whose byte at `depth` is >= c; all of them are longer than depth and sorted by it. */
static size_t lower_bound(const ludc_added_index *x, size_t lo, size_t hi, size_t depth, unsigned c) {
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if ((unsigned char)x->sorted[mid]->pattern[depth] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The longest token at s[0..n), or NULL. */
static const ludc_added_token *longest_at(const ludc_added_index *x, const char *s, size_t n) {
    const ludc_added_token *best = NULL;
    unsigned c = (unsigned char)s[0];
    size_t lo = x->first[c], hi = x->first[c + 1];
    for (size_t depth = 1; lo < hi; depth++) {
        if (x->sorted[lo]->pattern_len == depth) best = x->sorted[lo];
        while (lo < hi && x->sorted[lo]->pattern_len == depth)
            lo++;
        if (depth >= n) break;
        c = (unsigned char)s[depth];
        lo = lower_bound(x, lo, hi, depth, c);
        hi = lower_bound(x, lo, hi, depth, c + 1);
    }
    return best;
}

static bool is_word_before(const ludc_classes *t, const char *s, size_t at) {
    uint32_t cp;
    if (at == 0) return false;
    size_t start = ludc_utf8_back(s, at);
    ludc_utf8_next(s + start, at - start, &cp);
    return ludc_class(t, cp) & LUDC_C_WORD;
}

static bool is_word_after(const ludc_classes *t, const char *s, size_t n, size_t at) {
    uint32_t cp;
    if (at >= n) return false;
    ludc_utf8_next(s + at, n - at, &cp);
    return ludc_class(t, cp) & LUDC_C_WORD;
}

static size_t blanks_before(const char *s, size_t at, size_t limit) {
    return at <= limit ? at : limit + ludc_utf8_trim(s + limit, at - limit, ludc_is_space);
}

static size_t blanks_after(const ludc_classes *t, const char *s, size_t n, size_t at) {
    uint32_t cp;
    while (at < n) {
        size_t len = ludc_utf8_next(s + at, n - at, &cp);
        if (!(ludc_class(t, cp) & LUDC_C_SPACE)) break;
        at += len;
    }
    return at;
}

lud_status ludc_added_split(const ludc_added_index *x, const ludc_classes *t, const char *s, size_t n, ludc_added_fn fn,
                            void *arg) {
    size_t done = 0, at = 0, blank_end = 0; /* blank_end: how far an earlier match has seen nothing but blanks */
    while (at < n && x->n) {
        unsigned c = (unsigned char)s[at];
        const ludc_added_token *token = x->first[c] < x->first[c + 1] ? longest_at(x, s + at, n - at) : NULL;
        if (!token) {
            at++;
            continue;
        }
        size_t start = at, stop = at + token->pattern_len;
        at = stop;
        if (token->single_word && (is_word_before(t, s, start) || is_word_after(t, s, n, stop))) continue;
        if (token->lstrip) start = blanks_before(s, start, done);
        if (token->rstrip) stop = blank_end = stop <= blank_end ? blank_end : blanks_after(t, s, n, stop);
        if (done < start) LUDC_TRY(fn(arg, done, start, NULL));
        LUDC_TRY(fn(arg, start, stop, token));
        done = stop;
    }
    return done < n ? fn(arg, done, n, NULL) : LUD_OK;
}
