/* SPDX-License-Identifier: Apache-2.0
 * regex: other patterns of tokenizer.json, and those of a config, through PCRE2 in Unicode mode. The reference engines
 * are Oniguruma with Ruby's syntax and Python's re; constructs that are read differently are refused at load. A pattern
 * that runs away ends at the match limit with an error. PCRE2's own tables lag or lead other Unicode versions by a few
 * characters. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "internal.h"

#include <pcre2.h>
#include <string.h>

enum { MATCH_LIMIT = 5000000, HEAP_LIMIT_KIB = 64 << 10, PATTERN_MAX = 64 << 10 };

struct ludc_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

struct ludc_match {
    pcre2_match_data *data;
};

static void *take(size_t n, void *unused) {
    (void)unused;
    return ludc_alloc(n);
}

static void give(void *p, void *unused) {
    (void)unused;
    ludc_free(p);
}

static pcre2_general_context *memory_new(void) {
    return pcre2_general_context_create(take, give, NULL);
}

/* Oniguruma: && intersects classes, \h is a hexadecimal digit, (?m) lets the dot match newlines, \Z \G \K differ. */
static const char *foreign_construct(lud_str regex) {
    static const char *const refused[] = {"&&",  "\\h", "\\H", "(*",  "(?m", "\\G",
                                          "\\K", "\\R", "\\X", "\\O", "\\N", "\\y"};
    for (size_t k = 0; k < LUDC_COUNT(refused); k++)
        if (memmem(regex.ptr, regex.len, refused[k], strlen(refused[k]))) return refused[k];
    return NULL;
}

static lud_status compile(const ludc_load *l, lud_str regex, bool lines, pcre2_general_context *memory,
                          pcre2_code **code) {
    uint32_t options = PCRE2_UTF | PCRE2_UCP | (lines ? PCRE2_MULTILINE : 0) | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_SIZE at = 0;
    int why = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    if (!context) return ludc_no_memory(l->err, l->name);
    *code = pcre2_compile((PCRE2_SPTR)regex.ptr, regex.len, options, &why, &at, context);
    pcre2_compile_context_free(context);
    if (*code) return LUD_OK;
    PCRE2_UCHAR text[160] = "";
    pcre2_get_error_message(why, text, sizeof text);
    bool no_memory = why == PCRE2_ERROR_HEAP_FAILED || why == PCRE2_ERROR_NOMEMORY;
    return ludc_fail(l->err, no_memory ? LUD_E_NOMEM : LUD_E_IO, "%s: regex '%.*s' fails at position %zu: %s", l->name,
                     LUDC_ARG_CUT(regex, 200), (size_t)at, (const char *)text);
}

lud_status ludc_regex_new(const ludc_load *l, lud_str regex, bool lines, ludc_regex **out) {
    const char *foreign = foreign_construct(regex);
    if (foreign || regex.len > PATTERN_MAX) {
        return ludc_fail(l->err, LUD_E_UNSUPPORTED, "%s: the regex '%.*s' %s%s is not supported", l->name,
                         LUDC_ARG_CUT(regex, 200), foreign ? "with " : "of more than 64 KiB", foreign ? foreign : "");
    }
    lud_status status = LUD_E_NOMEM;
    pcre2_general_context *memory = memory_new();
    ludc_regex *re = ludc_alloc(sizeof *re);
    if (memory && re) status = compile(l, regex, lines, memory, &re->code);
    if (status == LUD_OK && !(re->limits = pcre2_match_context_create(memory))) status = LUD_E_NOMEM;
    pcre2_general_context_free(memory);
    if (status != LUD_OK) return ludc_regex_free(re), ludc_fail(l->err, status, "%s: out of memory", l->name);
    pcre2_set_match_limit(re->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(re->limits, HEAP_LIMIT_KIB);
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* where there is no JIT, the interpreter does it */
    *out = re;
    return LUD_OK;
}

void ludc_regex_free(ludc_regex *re) {
    if (!re) return;
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->limits);
    ludc_free(re);
}

static ludc_match *match_new(void) {
    pcre2_general_context *memory = memory_new();
    ludc_match *m = ludc_alloc(sizeof *m);
    if (memory && m) m->data = pcre2_match_data_create(1, memory);
    pcre2_general_context_free(memory);
    if (m && m->data) return m;
    ludc_match_free(m);
    return NULL;
}

void ludc_match_free(ludc_match *m) {
    if (!m) return;
    pcre2_match_data_free(m->data);
    ludc_free(m);
}

lud_status ludc_regex_next(const ludc_regex *re, ludc_match **match, const char *s, size_t n, size_t at, bool *found,
                           size_t *start, size_t *end, lud_error *err) {
    if (!*match && !(*match = match_new())) return ludc_no_memory(err, "tokenizer");
    pcre2_match_data *data = (*match)->data;
    int rc = pcre2_match(re->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK, data, re->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(re->code, (PCRE2_SPTR)s, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, re->limits);
    *found = rc >= 0;
    if (rc == PCRE2_ERROR_NOMATCH) return LUD_OK;
    if (rc == PCRE2_ERROR_NOMEMORY) return ludc_no_memory(err, "tokenizer");
    if (rc < 0) {
        return ludc_fail(err, LUD_E_DATA,
                         "tokenizer: its regex gave up at byte %zu of a text of %zu bytes (PCRE2 error %d); "
                         "shorten the text",
                         at, n, rc);
    }
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(data);
    *start = span[0];
    *end = LUDC_MAX(span[1], span[0]);
    return LUD_OK;
}
