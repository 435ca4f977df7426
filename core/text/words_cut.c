/* SPDX-License-Identifier: Apache-2.0
 * words_cut: Ludwig's tokenizers space_punct, space, characters, underscore, comma, untokenized, stripped. They are
 * written in Python: \w is a letter, a number or '_', \s is what str.isspace says; marks and emoji are neither. */
#include "unicode.h"
#include "words.h"

static bool is_space(uint32_t cp) {
    return (ludc_class_of(cp) & LUDC_C_SPACE) || (cp >= 0x1C && cp <= 0x1F);
}

static bool is_word(uint32_t cp) {
    return (ludc_class_of(cp) & (LUDC_C_LETTER | LUDC_C_NUMBER)) || cp == '_';
}

/* Where the run of characters of one kind that begins at `at` ends. */
static size_t run_end(lud_str s, size_t at, bool (*kind)(uint32_t)) {
    while (at < s.len) {
        uint32_t cp;
        size_t len = ludc_utf8_next(s.ptr + at, s.len - at, &cp);
        if (!kind(cp)) break;
        at += len;
    }
    return at;
}

static lud_str strip_end(lud_str s) {
    return (lud_str){s.ptr, ludc_utf8_trim(s.ptr, s.len, is_space)};
}

lud_str ludc_cut_strip(lud_str s) {
    size_t start = run_end(s, 0, is_space);
    return strip_end((lud_str){s.ptr + start, s.len - start});
}

static bool cut_space_punct(lud_str s, ludc_word_fn fn, void *arg) {
    for (size_t at = 0, end; at < s.len; at = end) {
        uint32_t cp;
        end = run_end(s, at, is_word);
        if (end == at) {
            end = at + ludc_utf8_next(s.ptr + at, s.len - at, &cp);
            if (is_space(cp)) continue;
        }
        if (!fn(arg, (lud_str){s.ptr + at, end - at})) return false;
    }
    return true;
}

static bool cut_space(lud_str s, ludc_word_fn fn, void *arg) {
    for (size_t at = 0, end; at < s.len; at = end + 1) {
        end = at;
        while (end < s.len && s.ptr[end] != ' ')
            end++;
        if (end > at && !fn(arg, (lud_str){s.ptr + at, end - at})) return false;
    }
    return true;
}

static bool cut_characters(lud_str s, ludc_word_fn fn, void *arg) {
    for (size_t at = 0, len; at < s.len; at += len) {
        uint32_t cp;
        len = ludc_utf8_next(s.ptr + at, s.len - at, &cp);
        if (!fn(arg, (lud_str){s.ptr + at, len})) return false;
    }
    return true;
}

/* At each `mark`, with the white space around it; an empty word counts. */
static bool cut_at(lud_str s, char mark, ludc_word_fn fn, void *arg) {
    s = ludc_cut_strip(s);
    for (size_t at = 0, end; at <= s.len; at = run_end(s, end + 1, is_space)) {
        end = at;
        while (end < s.len && s.ptr[end] != mark)
            end++;
        if (!fn(arg, strip_end((lud_str){s.ptr + at, end - at}))) return false;
        if (end == s.len) break;
    }
    return true;
}

static bool cut_underscore(lud_str s, ludc_word_fn fn, void *arg) {
    return cut_at(s, '_', fn, arg);
}

static bool cut_comma(lud_str s, ludc_word_fn fn, void *arg) {
    return cut_at(s, ',', fn, arg);
}

static bool cut_nothing(lud_str s, ludc_word_fn fn, void *arg) {
    return fn(arg, s);
}

static bool cut_stripped(lud_str s, ludc_word_fn fn, void *arg) {
    return fn(arg, ludc_cut_strip(s));
}

ludc_cut_fn ludc_cut_find(lud_str name, lud_error *err) {
    static const struct {
        const char *name;
        ludc_cut_fn cut;
    } known[] = {{"space_punct", cut_space_punct}, {"space", cut_space}, {"characters", cut_characters},
                 {"underscore", cut_underscore},   {"comma", cut_comma}, {"untokenized", cut_nothing},
                 {"stripped", cut_stripped}};
    for (size_t k = 0; k < LUDC_COUNT(known); k++)
        if (ludc_str_eq(name, known[k].name)) return known[k].cut;
    ludc_fail(err, LUD_E_INVALID,
              "tokenizer '%.*s' is not available; want space_punct, space, characters, underscore, comma, untokenized "
              "or stripped",
              LUDC_ARG_CUT(name, 64));
    return NULL;
}
