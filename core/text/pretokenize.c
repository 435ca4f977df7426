/* SPDX-License-Identifier: Apache-2.0
 * Pre-tokenizer steps: each one splits the pieces that the step before left. Added tokens pass through. */
#include "internal.h"

#include <string.h>

/* ---- Splitting at matches ---- */
typedef size_t (*match_fn)(const ludc_step *, const char *s, size_t n); /* bytes matched at s; 0 = none */

static size_t match_digit(const ludc_step *step, const char *s, size_t n) {
    (void)step;
    uint32_t cp;
    const size_t used = ludc_utf8_decode(s, n, &cp);
    return ludc_char_class(cp) == LUDC_CH_NUMBER ? used : 0;
}

static size_t match_space(const ludc_step *step, const char *s, size_t n) {
    (void)step;
    uint32_t cp;
    const size_t used = ludc_utf8_decode(s, n, &cp);
    return ludc_char_class(cp) == LUDC_CH_SPACE ? used : 0;
}

static size_t match_punctuation(const ludc_step *step, const char *s, size_t n) {
    (void)step;
    uint32_t cp;
    const size_t used = ludc_utf8_decode(s, n, &cp);
    return ludc_char_is_punctuation(cp) ? used : 0;
}

static size_t match_text(const ludc_step *step, const char *s, size_t n) {
    return step->from_len && n >= step->from_len && memcmp(s, step->from, step->from_len) == 0 ? step->from_len : 0;
}

static size_t char_len(const char *s, size_t n) {
    uint32_t cp;
    return ludc_utf8_decode(s, n, &cp);
}

/* Cuts [begin, end) at matches by one of the five behaviours. `open` is where the piece being built begins. */
static void split_at(const ludc_step *step, match_fn match, const char *text, size_t begin, size_t end,
                     ludc_pieces *out) {
    size_t open = begin;
    bool in_match = false;
    for (size_t i = begin; i < end;) {
        const size_t m = match(step, text + i, end - i);
        if (!m) {
            if (in_match && step->behavior == LUDC_B_CONTIGUOUS) {
                ludc_pieces_add(out, open, i - open, -1);
                open = i;
            }
            in_match = false;
            i += char_len(text + i, end - i);
            continue;
        }
        const bool joins = step->behavior == LUDC_B_PREVIOUS || (in_match && step->behavior == LUDC_B_CONTIGUOUS);
        if (!joins) {
            ludc_pieces_add(out, open, i - open, -1);
            open = i;
        }
        i += m;
        if (step->behavior == LUDC_B_REMOVED) open = i;
        if (step->behavior == LUDC_B_ISOLATED || step->behavior == LUDC_B_PREVIOUS) {
            ludc_pieces_add(out, open, i - open, -1);
            open = i;
        }
        in_match = true;
    }
    ludc_pieces_add(out, open, end - open, -1);
}

static void scan_words(int scan, const char *text, size_t begin, size_t end, ludc_pieces *out) {
    for (size_t i = begin; i < end;) {
        const size_t n = ludc_scan_word(scan, text + i, end - i);
        ludc_pieces_add(out, i, n, -1);
        i += n;
    }
}

/* ---- Steps that change the text: they copy it ---- */
static void copy_piece(const ludc_pieces *in, const ludc_piece *p, const char *prefix, size_t prefix_len,
                       ludc_pieces *out, size_t *begin, size_t *end) {
    *begin = out->text.len;
    ludc_buf_add(&out->text, prefix, prefix_len);
    ludc_buf_add(&out->text, in->text.ptr + p->begin, p->len);
    *end = out->text.len;
}

/* Blanks become the replacement; pieces begin at each (MergedWithNext). */
static void metaspace(const ludc_step *step, const ludc_pieces *in, const ludc_piece *p, ludc_pieces *out) {
    const char *s = in->text.ptr + p->begin;
    const bool has = p->len >= step->to_len && memcmp(s, step->to, step->to_len) == 0;
    const bool prefix = step->left && !has && s[0] != ' ' && (step->right || p->begin == 0);
    const size_t begin = out->text.len;
    if (prefix) ludc_buf_add(&out->text, step->to, step->to_len);
    for (size_t i = 0; i < p->len; i++)
        if (s[i] == ' ')
            ludc_buf_add(&out->text, step->to, step->to_len);
        else
            ludc_buf_add(&out->text, s + i, 1);
    if (!step->individual) {
        ludc_pieces_add(out, begin, out->text.len - begin, -1);
        return;
    }
    const ludc_step cut = {.behavior = LUDC_B_NEXT, .from = step->to, .from_len = step->to_len};
    if (!out->text.failed) split_at(&cut, match_text, out->text.ptr, begin, out->text.len, out);
}

static bool changes_text(const ludc_step *step) {
    return step->kind == LUDC_P_METASPACE || (step->kind == LUDC_P_BYTE_LEVEL && step->prefix_space);
}

static void split_piece(const ludc_step *step, const ludc_pieces *in, const ludc_piece *p, ludc_pieces *out) {
    size_t begin = p->begin, end = p->begin + p->len;
    const char *text = in->text.ptr;
    if (step->kind == LUDC_P_METASPACE) {
        metaspace(step, in, p, out);
        return;
    }
    if (changes_text(step)) {
        copy_piece(in, p, " ", text[p->begin] == ' ' ? 0 : 1, out, &begin, &end);
        text = out->text.ptr;
    }
    if (out->text.failed) return;
    switch (step->kind) {
    case LUDC_P_BYTE_LEVEL:
        if (step->regex)
            scan_words(LUDC_SCAN_GPT2, text, begin, end, out);
        else
            ludc_pieces_add(out, begin, end - begin, -1);
        return;
    case LUDC_P_SCAN:
        scan_words(step->scan, text, begin, end, out);
        return;
    case LUDC_P_DIGITS:
        split_at(step, match_digit, text, begin, end, out);
        return;
    case LUDC_P_WHITESPACE_SPLIT:
        split_at(step, match_space, text, begin, end, out);
        return;
    case LUDC_P_PUNCTUATION:
        split_at(step, match_punctuation, text, begin, end, out);
        return;
    default:
        split_at(step, match_text, text, begin, end, out);
    }
}

static void run_step(const ludc_step *step, ludc_pieces *in, ludc_pieces *out) {
    const bool copies = changes_text(step);
    out->len = 0;
    ludc_buf_clear(&out->text);
    for (size_t i = 0; i < in->len; i++) {
        const ludc_piece *p = &in->ptr[i];
        if (p->id < 0)
            split_piece(step, in, p, out);
        else
            ludc_pieces_add(out, copies ? 0 : p->begin, copies ? 0 : p->len, p->id);
    }
    if (copies) return;
    const ludc_buf text = out->text;
    out->text = in->text;
    in->text = text;
}

lud_status ludc_pretokenize(const ludc_steps *steps, ludc_pieces *io, ludc_pieces *scratch, lud_error *err) {
    for (size_t i = 0; i < steps->len; i++) {
        run_step(&steps->ptr[i], io, scratch);
        const ludc_pieces swap = *io;
        *io = *scratch;
        *scratch = swap;
    }
    if (io->failed || scratch->failed || io->text.failed || scratch->text.failed)
        return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    return LUD_OK;
}
