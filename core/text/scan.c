/* SPDX-License-Identifier: Apache-2.0
 * scan: the regexes of well-known byte-level tokenizers, written out by hand. Each function equals its regex under
 * the reference library's engine; all but ludc_scan_words cover the text without gaps, in time linear in its length.
 * `\s+(?!\S)` means: white space before something else gives back its last character. */
#include "internal.h"

#include <string.h>

enum { KIND_OTHER = 0, KIND_LETTER = LUDC_C_LETTER, KIND_NUMBER = LUDC_C_NUMBER, KIND_SPACE = LUDC_C_SPACE };

typedef struct cursor {
    const ludc_classes *classes;
    const char *s;
    size_t n;
} cursor;

/* Classes of the character at `at`, and where the next one starts; at the end of the text 0 and `at`. */
static uint8_t class_at(const cursor *c, size_t at, size_t *next) {
    uint32_t cp;
    *next = at;
    if (at >= c->n) return 0;
    *next = at + ludc_utf8_next(c->s + at, c->n - at, &cp);
    return ludc_class(c->classes, cp);
}

static int kind_at(const cursor *c, size_t at, size_t *next) {
    return class_at(c, at, next) & (LUDC_C_LETTER | LUDC_C_NUMBER | LUDC_C_SPACE);
}

/* End of the run of characters of one kind from `at` on, of at most `max` characters. */
static size_t run_end(const cursor *c, size_t at, int kind, size_t max) {
    size_t next;
    for (; max > 0 && at < c->n && kind_at(c, at, &next) == kind; max--)
        at = next;
    return at;
}

/* Where the match of `\s+(?!\S)|\s+` ends. */
static size_t blanks_end(const cursor *c, size_t at) {
    size_t end = run_end(c, at, KIND_SPACE, SIZE_MAX);
    if (end == c->n) return end;
    size_t last = ludc_utf8_back(c->s, end);
    return last > at ? last : end;
}

/* Length of the letter `want` at s[at]; any_case: also its upper case, and U+017F for s. */
static size_t letter_at(const cursor *c, size_t at, char want, bool any_case) {
    if (at >= c->n) return 0;
    char got = c->s[at];
    if (got == want || (any_case && got >= 'A' && got <= 'Z' && got - 'A' + 'a' == want)) return 1;
    return any_case && want == 's' && c->n - at >= 2 && memcmp(c->s + at, "\xC5\xBF", 2) == 0 ? 2 : 0;
}

/* End of 's 't 're 've 'm 'll 'd at `at`, or `at`. */
static size_t contraction_end(const cursor *c, size_t at, bool any_case) {
    static const char *const tails[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (c->s[at] != '\'') return at;
    for (size_t k = 0; k < LUDC_COUNT(tails); k++) {
        size_t p = at + 1, len = 1;
        for (const char *w = tails[k]; *w && len; w++, p += len)
            len = letter_at(c, p, *w, any_case);
        if (len) return p;
    }
    return at;
}

bool ludc_scan_gpt2(const ludc_classes *t, const char *s, size_t n, size_t at, size_t *start, size_t *end) {
    cursor c = {t, s, n};
    if (at >= n) return false;
    *start = at;
    *end = contraction_end(&c, at, false);
    if (*end > at) return true;
    size_t next, body = s[at] == ' ' && at + 1 < n ? at + 1 : at;
    int kind = kind_at(&c, body, &next);
    *end = kind == KIND_SPACE ? blanks_end(&c, at) : run_end(&c, next, kind, SIZE_MAX);
    return true;
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*` at `at`; returns `at` if it does not match. */
static size_t symbols_end(const cursor *c, size_t at) {
    size_t next, body = c->s[at] == ' ' ? at + 1 : at;
    size_t end = run_end(c, body, KIND_OTHER, SIZE_MAX);
    if (end == body) return at;
    while (class_at(c, end, &next) & LUDC_C_NEWLINE)
        end = next;
    return end;
}

/* `\s*[\r\n]+`: up to the last newline in the white space at `at`; returns `at` if there is none. */
static size_t lines_end(const cursor *c, size_t at) {
    size_t end = at, next;
    for (size_t p = at;; p = next) {
        uint8_t k = class_at(c, p, &next);
        if (!(k & LUDC_C_SPACE)) return end;
        if (k & LUDC_C_NEWLINE) end = next;
    }
}

static bool scan_llama3(const cursor *c, size_t at, size_t digits, size_t *start, size_t *end) {
    if (at >= c->n) return false;
    *start = at;
    *end = contraction_end(c, at, true);
    if (*end > at) return true;
    size_t next, after;
    uint8_t first = class_at(c, at, &next);
    bool lead = !(first & (LUDC_C_LETTER | LUDC_C_NUMBER | LUDC_C_NEWLINE));
    if (first & LUDC_C_LETTER || (lead && kind_at(c, next, &after) == KIND_LETTER)) {
        *end = run_end(c, next, KIND_LETTER, SIZE_MAX);
        return true;
    }
    if (first & LUDC_C_NUMBER) {
        *end = run_end(c, at, KIND_NUMBER, digits);
        return true;
    }
    *end = symbols_end(c, at);
    if (*end == at) *end = lines_end(c, at);
    if (*end == at) *end = blanks_end(c, at);
    return true;
}

bool ludc_scan_llama3(const ludc_classes *t, const char *s, size_t n, size_t at, size_t *start, size_t *end) {
    return scan_llama3(&(cursor){t, s, n}, at, 3, start, end);
}

bool ludc_scan_qwen2(const ludc_classes *t, const char *s, size_t n, size_t at, size_t *start, size_t *end) {
    return scan_llama3(&(cursor){t, s, n}, at, 1, start, end);
}

bool ludc_scan_words(const ludc_classes *t, const char *s, size_t n, size_t at, size_t *start, size_t *end) {
    cursor c = {t, s, n};
    size_t next;
    unsigned mask = LUDC_C_WORD | LUDC_C_SPACE, kind = 0;
    for (; at < n; at = next) {
        kind = class_at(&c, at, &next) & mask;
        if (!(kind & LUDC_C_SPACE)) break;
    }
    if (at >= n) return false;
    *start = at;
    while (at < n && (class_at(&c, at, &next) & mask) == kind)
        at = next;
    *end = at;
    return true;
}

#define GPT2_TAIL   "| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define LLAMA3_HEAD "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define LLAMA3_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

ludc_scan_fn ludc_scan_find(lud_str regex) {
    static const struct {
        const char *regex;
        ludc_scan_fn scan;
    } known[] = {
        {"'s|'t|'re|'ve|'m|'ll|'d" GPT2_TAIL, ludc_scan_gpt2},
        {"'(?:[sdmt]|ll|ve|re)" GPT2_TAIL, ludc_scan_gpt2},
        {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|" LLAMA3_HEAD "\\p{N}{1,3}" LLAMA3_TAIL, ludc_scan_llama3},
        {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|" LLAMA3_HEAD "\\p{N}" LLAMA3_TAIL, ludc_scan_qwen2},
    };
    for (size_t k = 0; k < LUDC_COUNT(known); k++)
        if (ludc_str_eq(regex, known[k].regex)) return known[k].scan;
    return NULL;
}
