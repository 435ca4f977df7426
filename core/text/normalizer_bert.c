/* SPDX-License-Identifier: Apache-2.0
 * normalizer_bert: BertNormalizer in two passes: clean (control characters go, white space becomes a blank, blanks
 * around Chinese characters) and fold (accents go, lower case). ASCII is handled by runs, without tables. */
#include "internal.h"

/* The end of the run of ASCII (or of other bytes) that begins at `at`. */
static size_t run_end(lud_str s, size_t at, bool ascii) {
    while (at < s.len && ((unsigned char)s.ptr[at] < 0x80) == ascii)
        at++;
    return at;
}

static void add(ludc_buf *out, uint32_t cp) {
    char u[4];
    ludc_buf_add(out, u, ludc_utf8_encode(cp, u));
}

/* ---- Clean ---- */
/* The blocks that BERT calls Chinese; 2B820 to 2B91F are not among them in the reference either. */
static bool is_chinese(uint32_t c) {
    if (c < 0x20000)
        return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0xF900 && c <= 0xFAFF);
    return c <= 0x2A6DF || (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0x2F800 && c <= 0x2FA1F);
}

static bool is_dropped(uint32_t c) {
    return c == 0xFFFD || (ludc_is_other8(c) && c != '\t' && c != '\n' && c != '\r');
}

static void clean_character(uint32_t cp, bool controls, bool chinese, ludc_buf *out) {
    if (controls && is_dropped(cp)) return;
    if (controls && (ludc_class_of(cp) & LUDC_C_SPACE)) cp = ' ';
    bool apart = chinese && is_chinese(cp);
    if (apart) add(out, ' ');
    add(out, cp);
    if (apart) add(out, ' ');
}

bool ludc_bert_clean(lud_str s, bool controls, bool chinese, ludc_buf *out) {
    for (size_t i = 0; i < s.len;) {
        size_t plain = i;
        while (plain < s.len && s.ptr[plain] >= ' ' && s.ptr[plain] < 0x7F)
            plain++;
        ludc_buf_add(out, s.ptr + i, plain - i);
        i = plain;
        if (i == s.len) break;
        uint32_t cp;
        i += ludc_utf8_next(s.ptr + i, s.len - i, &cp);
        clean_character(cp, controls, chinese, out);
    }
    return !out->failed;
}

/* ---- Fold ---- */
static void fold_ascii(lud_str s, bool lower, ludc_buf *out) {
    size_t start = out->len;
    ludc_buf_add(out, s.ptr, s.len);
    for (size_t i = start; lower && i < out->len; i++) {
        unsigned char c = (unsigned char)out->ptr[i];
        out->ptr[i] = (char)(c + (c >= 'A' && c <= 'Z' ? 32 : 0));
    }
}

/* A run without ASCII: all that canonical decomposition can reorder lies within such a run. */
static bool fold_run(lud_str s, bool accents, bool lower, ludc_buf *spare, ludc_buf *out) {
    ludc_buf_clear(spare);
    if (accents) {
        if (!ludc_normal_form(s.ptr, s.len, false, false, spare)) return false;
        s = (lud_str){spare->ptr, spare->len};
    }
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        i += ludc_utf8_next(s.ptr + i, s.len - i, &cp);
        if (accents && ludc_is_nonspacing8(cp)) continue;
        if (lower)
            ludc_lowercase(cp, out);
        else
            add(out, cp);
    }
    return !out->failed;
}

bool ludc_bert_fold(lud_str s, bool accents, bool lower, ludc_buf *out) {
    ludc_buf spare = {0};
    bool ok = true;
    for (size_t i = 0; i < s.len && ok;) {
        size_t end = run_end(s, i, true);
        fold_ascii((lud_str){s.ptr + i, end - i}, lower, out);
        i = run_end(s, end, false);
        if (i > end) ok = fold_run((lud_str){s.ptr + end, i - end}, accents, lower, &spare, out);
    }
    ludc_buf_free(&spare);
    return ok && !out->failed;
}
