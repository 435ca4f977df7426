/* SPDX-License-Identifier: Apache-2.0
 * normalizer: the steps that change the text before it is cut. A Sequence becomes one flat list. Invariant: every
 * step maps valid UTF-8 to valid UTF-8. Offsets into the original text are not kept. */
#include "internal.h"

#include <string.h>

enum { MAX_STEPS = 64 };

static lud_status add_step(const ludc_load *l, ludc_normalizer *nz, int kind, bool a, bool b) {
    if (nz->n == MAX_STEPS)
        return ludc_fail(l->err, LUD_E_IO, "%s: the normalizer has more than %d steps", l->name, MAX_STEPS);
    size_t size = sizeof *nz->steps;
    ludc_norm_step *steps = ludc_realloc(nz->steps, nz->n * size, (nz->n + 1) * size);
    if (!steps) return ludc_no_memory(l->err, l->name);
    nz->steps = steps;
    nz->steps[nz->n++] = (ludc_norm_step){.kind = kind, .a = a, .b = b};
    return LUD_OK;
}

static lud_status load_replace(const ludc_load *l, const ludc_value *v, ludc_norm_step *step) {
    lud_str content = {0};
    LUDC_TRY(ludc_pattern_load(l, ludc_value_get(v, "pattern"), &step->pattern));
    LUDC_TRY(ludc_node_text(l, v, "content", &content));
    return ludc_node_copy(l, content, &step->content, &step->content_len);
}

static lud_status load_prepend(const ludc_load *l, const ludc_value *v, ludc_norm_step *step) {
    lud_str content = {0};
    LUDC_TRY(ludc_node_text(l, v, "prepend", &content));
    return ludc_node_copy(l, content, &step->content, &step->content_len);
}

static lud_status load_charsmap(const ludc_load *l, const ludc_value *v, ludc_norm_step *step) {
    lud_str base64 = {0};
    LUDC_TRY(ludc_node_text(l, v, "precompiled_charsmap", &base64));
    return ludc_charsmap_load(l, base64, &step->charsmap);
}

static lud_status load_strip(const ludc_load *l, const ludc_value *v, ludc_norm_step *step) {
    LUDC_TRY(ludc_node_bool(l, v, "strip_left", true, &step->a));
    return ludc_node_bool(l, v, "strip_right", true, &step->b);
}

/* strip_accents: null is as lowercase. */
static lud_status load_bert(const ludc_load *l, const ludc_value *v, ludc_normalizer *nz) {
    bool clean, chinese, accents, lower;
    LUDC_TRY(ludc_node_bool(l, v, "clean_text", true, &clean));
    LUDC_TRY(ludc_node_bool(l, v, "handle_chinese_chars", true, &chinese));
    LUDC_TRY(ludc_node_bool(l, v, "lowercase", true, &lower));
    LUDC_TRY(ludc_node_bool(l, v, "strip_accents", lower, &accents));
    LUDC_TRY(add_step(l, nz, LUDC_NORM_CLEAN, clean, chinese));
    return add_step(l, nz, LUDC_NORM_FOLD, accents, lower);
}

static lud_status load_step(const ludc_load *l, const ludc_value *v, lud_str type, void *arg) {
    static const struct {
        const char *type;
        int kind;
        bool a, b;
    } known[] = {{"NFC", LUDC_NORM_FORM, true, false},         {"NFD", LUDC_NORM_FORM, false, false},
                 {"NFKC", LUDC_NORM_FORM, true, true},         {"NFKD", LUDC_NORM_FORM, false, true},
                 {"Lowercase", LUDC_NORM_LOWER, false, false}, {"StripAccents", LUDC_NORM_ACCENTS, false, false},
                 {"Strip", LUDC_NORM_STRIP, false, false},     {"Replace", LUDC_NORM_REPLACE, false, false},
                 {"Prepend", LUDC_NORM_PREPEND, false, false}, {"ByteLevel", LUDC_NORM_BYTES, false, false},
                 {"Nmt", LUDC_NORM_NMT, false, false},         {"Precompiled", LUDC_NORM_CHARSMAP, false, false}};
    ludc_normalizer *nz = arg;
    if (ludc_str_eq(type, "BertNormalizer")) return load_bert(l, v, nz);
    for (size_t k = 0; k < LUDC_COUNT(known); k++) {
        if (!ludc_str_eq(type, known[k].type)) continue;
        LUDC_TRY(add_step(l, nz, known[k].kind, known[k].a, known[k].b));
        ludc_norm_step *step = &nz->steps[nz->n - 1];
        if (step->kind == LUDC_NORM_REPLACE) return load_replace(l, v, step);
        if (step->kind == LUDC_NORM_PREPEND) return load_prepend(l, v, step);
        if (step->kind == LUDC_NORM_CHARSMAP) return load_charsmap(l, v, step);
        return step->kind == LUDC_NORM_STRIP ? load_strip(l, v, step) : LUD_OK;
    }
    return LUD_E_NOT_FOUND;
}

lud_status ludc_normalizer_load(const ludc_load *l, const ludc_value *v, ludc_normalizer *nz) {
    return ludc_is_null(v) ? LUD_OK : ludc_node_each(l, v, "normalizer", "normalizers", NULL, 0, load_step, nz);
}

void ludc_normalizer_free(ludc_normalizer *nz) {
    for (size_t i = 0; i < nz->n; i++) {
        ludc_pattern_free(&nz->steps[i].pattern);
        ludc_free(nz->steps[i].content);
        ludc_charsmap_free(nz->steps[i].charsmap);
    }
    ludc_free(nz->steps);
    *nz = (ludc_normalizer){0};
}

static lud_str strip(lud_str s, bool left, bool right) {
    for (uint32_t cp; left && s.len;) {
        size_t len = ludc_utf8_next(s.ptr, s.len, &cp);
        if (!ludc_is_space(cp)) break;
        s = (lud_str){s.ptr + len, s.len - len};
    }
    return right ? (lud_str){s.ptr, ludc_utf8_trim(s.ptr, s.len, ludc_is_space)} : s;
}

/* Nmt: some control characters go (0), some characters become a blank. */
static uint32_t nmt(uint32_t c) {
    if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) return 0;
    bool blank = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                 c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
    return blank ? ' ' : c;
}

/* LOWER, ACCENTS, NMT, BYTES: one character after the other. */
static void map_characters(int kind, const ludc_classes *t, lud_str s, ludc_buf *out) {
    char u[4];
    for (size_t i = 0, len; i < s.len; i += len) {
        uint32_t cp;
        len = ludc_utf8_next(s.ptr + i, s.len - i, &cp);
        if (kind == LUDC_NORM_LOWER) {
            ludc_lowercase(cp, out);
        } else if (kind == LUDC_NORM_ACCENTS) {
            if (!(ludc_class(t, cp) & LUDC_C_MARK)) ludc_buf_add(out, s.ptr + i, len);
        } else if (kind == LUDC_NORM_NMT) {
            uint32_t c = nmt(cp);
            if (c || !cp) ludc_buf_add(out, u, ludc_utf8_encode(c, u));
        } else {
            for (size_t k = 0; k < len; k++)
                ludc_buf_add(out, u, ludc_utf8_encode(ludc_byte_char((uint8_t)s.ptr[i + k]), u));
        }
    }
}

static lud_status apply_step(const ludc_norm_step *step, const ludc_find *f, lud_str s, ludc_buf *out) {
    lud_str content = {step->content, step->content_len};
    bool ok = true;
    switch (step->kind) {
    case LUDC_NORM_FORM:
        ok = ludc_normal_form(s.ptr, s.len, step->a, step->b, out);
        break;
    case LUDC_NORM_REPLACE:
        return ludc_pattern_replace(&step->pattern, f, s, content, out);
    case LUDC_NORM_CLEAN:
        ok = ludc_bert_clean(s, step->a, step->b, out);
        break;
    case LUDC_NORM_FOLD:
        ok = ludc_bert_fold(s, step->a, step->b, out);
        break;
    case LUDC_NORM_CHARSMAP:
        ok = ludc_charsmap_apply(step->charsmap, s, out);
        break;
    case LUDC_NORM_PREPEND:
        if (s.len) ludc_buf_add(out, content.ptr, content.len);
        ludc_buf_add(out, s.ptr, s.len);
        break;
    default:
        map_characters(step->kind, f->classes, s, out);
    }
    return ok && !out->failed ? LUD_OK : ludc_no_memory(f->err, "tokenizer");
}

lud_status ludc_normalizer_apply(const ludc_normalizer *nz, const ludc_find *f, lud_str in, ludc_buf bufs[2],
                                 lud_str *out) {
    int turn = 0;
    for (size_t i = 0; i < nz->n; i++) {
        const ludc_norm_step *step = &nz->steps[i];
        if (step->kind == LUDC_NORM_STRIP) {
            in = strip(in, step->a, step->b);
            continue;
        }
        ludc_buf_clear(&bufs[turn]);
        LUDC_TRY(apply_step(step, f, in, &bufs[turn]));
        in = (lud_str){bufs[turn].ptr ? bufs[turn].ptr : "", bufs[turn].len};
        turn = !turn;
    }
    *out = in;
    return LUD_OK;
}
