/* SPDX-License-Identifier: Apache-2.0
 * Ids back to text: the decoder steps work on the list of token texts. */
#include "internal.h"

#include <string.h>

typedef struct texts {
    ludc_buf *ptr;
    size_t n;
} texts;

static void byte_level(texts *t) {
    ludc_buf all = {0};
    for (size_t i = 0; i < t->n; i++) {
        const lud_str s = {t->ptr[i].ptr, t->ptr[i].len};
        ludc_buf bytes = {0};
        bool mapped = true;
        for (size_t k = 0; k < s.len && mapped;) {
            uint32_t cp;
            k += ludc_utf8_decode(s.ptr + k, s.len - k, &cp);
            const int byte = ludc_char_byte(cp);
            const char c = (char)byte;
            mapped = byte >= 0;
            if (mapped) ludc_buf_add(&bytes, &c, 1);
        }
        /* A token with a foreign character is plain text. */
        ludc_buf_add(&all, mapped ? bytes.ptr : s.ptr, mapped ? bytes.len : s.len);
        ludc_buf_free(&bytes);
        ludc_buf_clear(&t->ptr[i]);
    }
    if (t->n) ludc_utf8_lossy((lud_str){all.ptr, all.len}, &t->ptr[0]);
    ludc_buf_free(&all);
}

static void replace(const ludc_step *step, texts *t) {
    const ludc_step normal = {
        .kind = LUDC_N_REPLACE, .from = step->from, .from_len = step->from_len, .to = step->to, .to_len = step->to_len};
    const ludc_steps one = {.ptr = (ludc_step *)&normal, .len = 1};
    for (size_t i = 0; i < t->n; i++) {
        ludc_buf out = {0};
        if (ludc_normalize(&one, (lud_str){t->ptr[i].ptr, t->ptr[i].len}, &out, NULL) == LUD_OK) {
            ludc_buf_free(&t->ptr[i]);
            t->ptr[i] = out;
        } else {
            ludc_buf_free(&out);
        }
    }
}

static int fallback_byte(const ludc_buf *b) {
    if (b->len != 6 || memcmp(b->ptr, "<0x", 3) != 0 || b->ptr[5] != '>') return -1;
    int value = 0;
    for (size_t i = 3; i < 5; i++) {
        const char c = b->ptr[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return -1;
        value = 16 * value + digit;
    }
    return value;
}

/* Runs of <0xNN>: their bytes if they are valid UTF-8, else one U+FFFD per byte. */
static void byte_fallback(texts *t) {
    for (size_t i = 0; i < t->n;) {
        ludc_buf bytes = {0};
        size_t end = i;
        for (int byte; end < t->n && (byte = fallback_byte(&t->ptr[end])) >= 0; end++) {
            const char c = (char)byte;
            ludc_buf_add(&bytes, &c, 1);
            ludc_buf_clear(&t->ptr[end]);
        }
        if (end > i && ludc_utf8_valid(bytes.ptr, bytes.len))
            ludc_buf_add(&t->ptr[i], bytes.ptr, bytes.len);
        else
            for (size_t k = i; k < end; k++)
                ludc_buf_add(&t->ptr[k], "\xEF\xBF\xBD", 3);
        ludc_buf_free(&bytes);
        i = LUDC_MAX(end, i + 1);
    }
}

static void fuse(texts *t) {
    for (size_t i = 1; i < t->n; i++) {
        ludc_buf_add(&t->ptr[0], t->ptr[i].ptr, t->ptr[i].len);
        ludc_buf_clear(&t->ptr[i]);
    }
}

static void strip(const ludc_step *step, texts *t) {
    for (size_t i = 0; i < t->n; i++) {
        ludc_buf *b = &t->ptr[i];
        size_t from = 0, to = b->len;
        for (int64_t k = 0; k < step->start && to - from >= step->from_len && step->from_len &&
                            memcmp(b->ptr + from, step->from, step->from_len) == 0;
             k++)
            from += step->from_len;
        for (int64_t k = 0; k < step->stop && to - from >= step->from_len && step->from_len &&
                            memcmp(b->ptr + to - step->from_len, step->from, step->from_len) == 0;
             k++)
            to -= step->from_len;
        if (b->len) {
            memmove(b->ptr, b->ptr + from, to - from);
            b->len = to - from;
            b->ptr[b->len] = '\0';
        }
    }
}

static void metaspace(const ludc_step *step, texts *t) {
    static char blank[] = " ";
    const ludc_step to_blank = {.from = step->to, .from_len = step->to_len, .to = blank, .to_len = 1};
    const ludc_step first = {.from = blank, .from_len = 1, .start = 1};
    replace(&to_blank, t);
    texts one = {t->ptr, t->n ? 1 : 0};
    if (step->left) strip(&first, &one);
}

static void run(const ludc_step *step, texts *t) {
    switch (step->kind) {
    case LUDC_D_BYTE_LEVEL:
        byte_level(t);
        return;
    case LUDC_D_REPLACE:
        replace(step, t);
        return;
    case LUDC_D_BYTE_FALLBACK:
        byte_fallback(t);
        return;
    case LUDC_D_FUSE:
        fuse(t);
        return;
    case LUDC_D_STRIP:
        strip(step, t);
        return;
    default:
        metaspace(step, t);
    }
}

lud_status ludc_tokenizer_decode(const ludc_tokenizer *tok, const int32_t *ids, size_t n, bool skip_special,
                                 ludc_buf *out, lud_error *err) {
    texts t = {.ptr = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*t.ptr))};
    if (!t.ptr) return ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory");
    for (size_t i = 0; i < n; i++) {
        const ludc_added *added = ludc_added_find(&tok->added, ids[i]);
        if (skip_special && added && added->special) continue;
        const lud_str s = added ? (lud_str){added->content, added->len} : ludc_tokenizer_token(tok, ids[i]);
        ludc_buf_add(&t.ptr[t.n++], s.ptr, s.len);
    }
    for (size_t i = 0; i < tok->decoder.len; i++)
        run(&tok->decoder.ptr[i], &t);
    for (size_t i = 0; i < t.n; i++) {
        if (i && tok->decoder.len == 0) ludc_buf_adds(out, " ");
        ludc_buf_add(out, t.ptr[i].ptr, t.ptr[i].len);
    }
    for (size_t i = 0; i < n; i++)
        ludc_buf_free(&t.ptr[i]);
    ludc_free(t.ptr);
    return out->failed ? ludc_fail(err, LUD_E_NOMEM, "tokenizer: out of memory") : LUD_OK;
}
