/* SPDX-License-Identifier: Apache-2.0
 * The pre-tokenizer patterns of GPT-2, Llama 3 and Qwen 2 as hand-written scanners. `\s+(?!\S)`: a run of white space
 * before something else gives its last character to what follows. */
#include "internal.h"

#include <string.h>

typedef struct at {
    uint32_t cp;
    size_t len; /* 0 at the end */
    int class;
} at;

static at look(const char *s, size_t n, size_t i) {
    at a = {0};
    if (i >= n) return a;
    a.len = ludc_utf8_decode(s + i, n - i, &a.cp);
    a.class = ludc_char_class(a.cp);
    if (a.class == LUDC_CH_MARK)
        a.class = LUDC_CH_OTHER; /* the patterns know letters, numbers, white space and the rest */
    return a;
}

static size_t run_of(const char *s, size_t n, size_t i, int class) {
    for (at a; (a = look(s, n, i)).len && a.class == class;)
        i += a.len;
    return i;
}

/* 's 't 're 've 'm 'll 'd; with `fold` in either case, the long s included (it folds to s). */
static size_t contraction(const char *s, size_t n, bool fold) {
    static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (s[0] != '\'') return 0;
    for (size_t k = 0; k < LUDC_COUNT(endings); k++) {
        const size_t len = strlen(endings[k]);
        size_t i = 0;
        while (i < len && i + 1 < n && (s[1 + i] == endings[k][i] || (fold && (s[1 + i] | 0x20) == endings[k][i])))
            i++;
        if (i == len) return 1 + len;
    }
    return fold && n >= 3 && memcmp(s + 1, "\xC5\xBF", 2) == 0 ? 3 : 0;
}

/* White space from i = 0: all of it at the end of the text, else all but the last character; a single one stays. */
static size_t blanks(const char *s, size_t n) {
    size_t end = 0, last = 0;
    for (at a; (a = look(s, n, end)).len && a.class == LUDC_CH_SPACE;) {
        last = end;
        end += a.len;
    }
    return end == n || last == 0 ? end : last;
}

static size_t gpt2(const char *s, size_t n) {
    const size_t short_form = contraction(s, n, false);
    if (short_form) return short_form;
    const at first = look(s, n, 0);
    const size_t skip = first.cp == ' ' ? 1 : 0;
    const at word = skip ? look(s, n, 1) : first;
    if (word.len && word.class != LUDC_CH_SPACE) return run_of(s, n, skip, word.class);
    return blanks(s, n);
}

static bool is_newline(uint32_t cp) {
    return cp == '\n' || cp == '\r';
}

/* `\s*[\r\n]+`: white space up to and with the last newline of the run; 0 if the run has none. */
static size_t up_to_newline(const char *s, size_t n) {
    size_t end = 0, found = 0;
    for (at a; (a = look(s, n, end)).len && a.class == LUDC_CH_SPACE;) {
        end += a.len;
        if (is_newline(a.cp)) found = end;
    }
    return found;
}

static size_t digits(const char *s, size_t n, int most) {
    size_t i = 0;
    for (at a; most-- > 0 && (a = look(s, n, i)).len && a.class == LUDC_CH_NUMBER;)
        i += a.len;
    return i;
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*` */
static size_t symbols(const char *s, size_t n) {
    const size_t skip = s[0] == ' ' ? 1 : 0;
    size_t i = run_of(s, n, skip, LUDC_CH_OTHER);
    if (i == skip) return 0;
    while (i < n && is_newline((uint8_t)s[i]))
        i++;
    return i;
}

static size_t llama3(const char *s, size_t n, int digits_at_once) {
    const size_t short_form = contraction(s, n, true);
    if (short_form) return short_form;
    const at first = look(s, n, 0);
    if (first.class == LUDC_CH_LETTER) return run_of(s, n, 0, LUDC_CH_LETTER);
    if (first.class != LUDC_CH_NUMBER && !is_newline(first.cp)) {
        const size_t end = run_of(s, n, first.len, LUDC_CH_LETTER);
        if (end > first.len) return end;
    }
    if (first.class == LUDC_CH_NUMBER) return digits(s, n, digits_at_once);
    const size_t symbol_run = symbols(s, n);
    if (symbol_run) return symbol_run;
    const size_t lines = up_to_newline(s, n);
    return lines ? lines : blanks(s, n);
}

size_t ludc_scan_word(int scan, const char *s, size_t n) {
    if (scan == LUDC_SCAN_GPT2) return gpt2(s, n);
    return llama3(s, n, scan == LUDC_SCAN_LLAMA3 ? 3 : 1);
}

int ludc_scan_of_regex(lud_str regex) {
    static const char *const known[] = {
        [LUDC_SCAN_GPT2] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        [LUDC_SCAN_LLAMA3] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                             "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        [LUDC_SCAN_QWEN2] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
                            "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    };
    for (size_t i = 0; i < LUDC_COUNT(known); i++)
        if (ludc_str_eq(regex, known[i])) return (int)i;
    return -1;
}
