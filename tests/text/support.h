/* SPDX-License-Identifier: Apache-2.0
 * Small tokenizers for the tests, written as tokenizer.json, and results as text. Two vocabularies: all bytes, and
 * all bytes with "##" before those inside a word, which makes the borders of words visible. */
#ifndef TESTS_TEXT_SUPPORT_H
#define TESTS_TEXT_SUPPORT_H

#include "check.h"
#include <text.h>

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"

typedef struct parts {
    const char *normalizer, *pre, *post, *decoder, *added; /* JSON; NULL = null */
    const char *options;                                   /* of the model, each followed by a comma; NULL = none */
    const char *vocab, *merges;                            /* NULL = all bytes; no merges */
    bool borders;                                          /* "##" inside words */
} parts;

/* GPT-2's stand-in of a byte, as UTF-8. */
static inline void byte_text(unsigned byte, char out[8]) {
    unsigned cp = byte, skipped = 0;
    for (unsigned b = 0; b <= byte; b++) {
        bool same = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
        if (b == byte && !same) cp = 0x100 + skipped;
        skipped += !same;
    }
    out[ludc_utf8_encode(cp, out)] = '\0';
}

static inline void add_vocab(const parts *p, ludc_buf *out) {
    if (p->vocab) {
        ludc_buf_adds(out, p->vocab);
        return;
    }
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        byte_text(b, text);
        const char *escape = b == '"' || b == '\\' ? "\\" : "";
        ludc_buf_addf(out, "%s\"%s%s\":%u", b ? "," : "", escape, text, b);
        if (p->borders) ludc_buf_addf(out, ",\"##%s%s\":%u", escape, text, b + 256);
    }
}

static inline const char *or_null(const char *s) {
    return s ? s : "null";
}

static inline void tokenizer_text(const parts *p, ludc_buf *out) {
    ludc_buf_addf(out,
                  "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[%s],\"normalizer\":%s,"
                  "\"pre_tokenizer\":%s,\"post_processor\":%s,\"decoder\":%s,\"model\":{\"type\":\"BPE\",%s%s",
                  p->added ? p->added : "", or_null(p->normalizer), or_null(p->pre), or_null(p->post),
                  or_null(p->decoder), p->options ? p->options : "",
                  p->borders ? "\"continuing_subword_prefix\":\"##\"," : "");
    ludc_buf_adds(out, "\"vocab\":{");
    add_vocab(p, out);
    ludc_buf_addf(out, "},\"merges\":[%s]}}", p->merges ? p->merges : "");
}

static inline ludc_tokenizer *tokenizer_new(const parts *p) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    ludc_tokenizer *t = NULL;
    tokenizer_text(p, &text);
    CHECK_OK(ludc_tokenizer_from_json(text.ptr, text.len, "test.json", NULL, &t, &err), err);
    ludc_buf_free(&text);
    return t;
}

/* Ids as "1 2 3"; the caller frees. */
static inline char *ids_text(const ludc_tokenizer *t, lud_str text, bool special) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    CHECK_OK(ludc_tokenizer_encode(t, text, special, &ids, &err), err);
    ludc_buf_adds(&out, "");
    for (size_t i = 0; i < ids.len; i++)
        ludc_buf_addf(&out, "%s%d", i ? " " : "", (int)ids.ptr[i]);
    ludc_ids_free(&ids);
    return out.ptr;
}

/* Token texts with '|' between, "##" tokens joined to what is before; the caller frees. */
static inline char *tokens_text(const ludc_tokenizer *t, lud_str text, bool special) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    CHECK_OK(ludc_tokenizer_encode(t, text, special, &ids, &err), err);
    ludc_buf_adds(&out, "");
    for (size_t i = 0; i < ids.len; i++) {
        lud_str s = ludc_tokenizer_token(t, ids.ptr[i]);
        bool inside = s.len > 2 && memcmp(s.ptr, "##", 2) == 0;
        if (i && !inside) ludc_buf_adds(&out, "|");
        ludc_buf_add(&out, s.ptr + (inside ? 2 : 0), s.len - (inside ? 2 : 0));
    }
    ludc_ids_free(&ids);
    return out.ptr;
}

static inline char *decoded(const ludc_tokenizer *t, const int32_t *ids, size_t n, bool skip) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf out = {0};
    CHECK_OK(ludc_tokenizer_decode(t, ids, n, skip, &out, &err), err);
    ludc_buf_adds(&out, "");
    return out.ptr;
}

static inline char *round_trip(const ludc_tokenizer *t, lud_str text) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    CHECK_OK(ludc_tokenizer_encode(t, text, false, &ids, &err), err);
    char *out = decoded(t, ids.ptr, ids.len, false);
    ludc_ids_free(&ids);
    return out;
}

/* What make_cases.py wrote; the caller frees. */
static inline ludc_value *cases_read(void) {
    lud_error err = LUDC_ERROR_INIT;
    const char *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    char *path = ludc_path_join(source ? source : ".", "tests/text/cases.json");
    ludc_buf text = {0};
    ludc_value *all = NULL;
    CHECK_OK(ludc_file_read(path, &text, &err), err);
    CHECK_OK(ludc_json_parse(text.ptr, text.len, path, false, true, &all, &err), err);
    ludc_buf_free(&text);
    ludc_free(path);
    return all;
}

#endif
