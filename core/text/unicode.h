/* SPDX-License-Identifier: Apache-2.0
 * unicode: character classes as the patterns of tokenizers need them, over utf8proc, and UTF-8 of text that is known
 * to be valid. Invariant: all text inside the tokenizer is valid UTF-8 (ludc_utf8_lossy makes it so at the door). */
#ifndef LUDC_TEXT_UNICODE_H
#define LUDC_TEXT_UNICODE_H

#include <base.h>

/* WORD: \w of Rust's regex. BERT_PUNCT: P* of Unicode 8, or ASCII that prints and is no letter, digit or blank. */
enum {
    LUDC_C_LETTER = 1,
    LUDC_C_NUMBER = 2,
    LUDC_C_SPACE = 4,
    LUDC_C_WORD = 8,
    LUDC_C_BERT_PUNCT = 16,
    LUDC_C_NEWLINE = 32, /* \r and \n only */
    LUDC_C_MARK = 64
};

/* Categories of Unicode 8 (unicode8.c): P*, Mn, and any of Cc Cf Co. */
bool ludc_is_punct8(uint32_t cp);
bool ludc_is_nonspacing8(uint32_t cp);
bool ludc_is_other8(uint32_t cp);

#define LUDC_CLASSES_LOW 0x800
/* Classes of the first code points, filled once for each tokenizer; the rest is asked of utf8proc. */
typedef struct ludc_classes {
    uint8_t low[LUDC_CLASSES_LOW];
} ludc_classes;

void ludc_classes_init(ludc_classes *);
uint8_t ludc_class_of(uint32_t cp);

static inline uint8_t ludc_class(const ludc_classes *t, uint32_t cp) {
    return cp < LUDC_CLASSES_LOW ? t->low[cp] : ludc_class_of(cp);
}

/* The character at s (n > 0 bytes, valid UTF-8) and its length, which never passes n. */
static inline size_t ludc_utf8_next(const char *s, size_t n, uint32_t *cp) {
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) return *cp = u[0], 1;
    if (u[0] < 0xE0 && n >= 2) return *cp = (u[0] & 0x1FU) << 6 | (u[1] & 0x3FU), 2;
    if (u[0] < 0xF0 && n >= 3) return *cp = (u[0] & 0x0FU) << 12 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU), 3;
    if (n >= 4) {
        *cp = (u[0] & 0x07U) << 18 | (u[1] & 0x3FU) << 12 | (u[2] & 0x3FU) << 6 | (u[3] & 0x3FU);
        return 4;
    }
    return *cp = 0xFFFD, 1;
}

/* Where the character before position `at` (> 0) starts. */
static inline size_t ludc_utf8_back(const char *s, size_t at) {
    do
        at--;
    while (at > 0 && ((unsigned char)s[at] & 0xC0) == 0x80);
    return at;
}

/* The end of s without the characters at its end that `kind` says. */
static inline size_t ludc_utf8_trim(const char *s, size_t n, bool (*kind)(uint32_t)) {
    while (n) {
        uint32_t cp;
        const size_t last = ludc_utf8_back(s, n);
        ludc_utf8_next(s + last, n - last, &cp);
        if (!kind(cp)) break;
        n = last;
    }
    return n;
}

bool ludc_is_space(uint32_t cp); /* LUDC_C_SPACE */
/* Appends s with each maximal invalid part replaced by U+FFFD (Unicode 15, 3.9; what Rust and Python do). */
void ludc_utf8_lossy(const char *s, size_t n, ludc_buf *out);

/* GPT-2's map of bytes to printable characters: code point of each byte (below 0x144), and back (-1: no such). */
uint32_t ludc_byte_char(uint8_t byte);
int ludc_char_byte(uint32_t cp);

/* Appends the text in a normal form. composed: NFC, NFKC; compat: NFKC, NFKD. False: out of memory. */
bool ludc_normal_form(const char *s, size_t n, bool composed, bool compat, ludc_buf *out);
/* Appends the lower case of one character (one or two code points), without regard to its neighbours. */
void ludc_lowercase(uint32_t cp, ludc_buf *out);

#endif
