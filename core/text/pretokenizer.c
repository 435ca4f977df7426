/* SPDX-License-Identifier: Apache-2.0
 * pretokenizer: tokenizer.json's pre-tokenizers as a flat list of primitive stages (prefix, split, replace, bytes).
 * A stage sees one piece at a time and knows nothing of its neighbours, so that a word can go through all stages
 * before the next one is cut; pretokenizer_run.c does that. */
#include "internal.h"

#include <string.h>

static lud_status add_stage(const ludc_load *l, ludc_pretokenizer *pre, int kind, ludc_pre_stage **out) {
    if (pre->n == LUDC_PRE_MAX)
        return ludc_fail(l->err, LUD_E_IO, "%s: the pre-tokenizer has more than %d stages", l->name, LUDC_PRE_MAX);
    *out = &pre->stages[pre->n++];
    **out = (ludc_pre_stage){.kind = kind, .behavior = LUDC_SPLIT_ISOLATED};
    return LUD_OK;
}

static lud_status add_split(const ludc_load *l, ludc_pretokenizer *pre, ludc_pattern pattern, int behavior,
                            bool invert) {
    ludc_pre_stage *stage = NULL;
    LUDC_TRY(add_stage(l, pre, LUDC_PRE_SPLIT, &stage));
    stage->pattern = pattern;
    stage->behavior = behavior;
    stage->invert = invert;
    return LUD_OK;
}

static lud_status split_classes(const ludc_load *l, ludc_pretokenizer *pre, uint8_t classes, int behavior) {
    return add_split(l, pre, (ludc_pattern){.classes = classes}, behavior, false);
}

static lud_status load_behavior(const ludc_load *l, const ludc_value *v, int *out) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    lud_str s = {0};
    LUDC_TRY(ludc_node_text(l, v, "behavior", &s));
    *out = LUDC_SPLIT_ISOLATED;
    if (!s.ptr) return LUD_OK;
    for (int k = 0; k < (int)LUDC_COUNT(names); k++) {
        *out = k;
        if (ludc_str_eq(s, names[k])) return LUD_OK;
    }
    return ludc_fail(l->err, LUD_E_IO, "%s: unknown split behavior '%.*s'", l->name, LUDC_ARG_CUT(s, 64));
}

static lud_status load_byte_level(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    bool prefix, regex;
    ludc_pre_stage *stage = NULL;
    LUDC_TRY(ludc_node_bool(l, v, "add_prefix_space", true, &prefix));
    LUDC_TRY(ludc_node_bool(l, v, "use_regex", true, &regex));
    if (prefix) {
        LUDC_TRY(add_stage(l, pre, LUDC_PRE_PREFIX, &stage));
        stage->content[0] = ' ';
        stage->content_len = 1;
    }
    if (regex) LUDC_TRY(add_split(l, pre, (ludc_pattern){.scan = ludc_scan_gpt2}, LUDC_SPLIT_ISOLATED, false));
    return add_stage(l, pre, LUDC_PRE_BYTES, &stage);
}

static lud_status load_split(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    ludc_pre_stage *stage = NULL;
    LUDC_TRY(add_stage(l, pre, LUDC_PRE_SPLIT, &stage));
    LUDC_TRY(load_behavior(l, v, &stage->behavior));
    LUDC_TRY(ludc_node_bool(l, v, "invert", false, &stage->invert));
    return ludc_pattern_load(l, ludc_value_get(v, "pattern"), &stage->pattern);
}

static lud_status load_whitespace(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    (void)v;
    return add_split(l, pre, (ludc_pattern){.scan = ludc_scan_words}, LUDC_SPLIT_REMOVED, true);
}

static lud_status load_whitespace_split(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    (void)v;
    return split_classes(l, pre, LUDC_C_SPACE, LUDC_SPLIT_REMOVED);
}

static lud_status load_bert(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    (void)v;
    LUDC_TRY(split_classes(l, pre, LUDC_C_SPACE, LUDC_SPLIT_REMOVED));
    return split_classes(l, pre, LUDC_C_BERT_PUNCT, LUDC_SPLIT_ISOLATED);
}

static lud_status load_punctuation(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    int behavior;
    LUDC_TRY(load_behavior(l, v, &behavior));
    return split_classes(l, pre, LUDC_C_BERT_PUNCT, behavior);
}

static lud_status load_digits(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    bool individual;
    LUDC_TRY(ludc_node_bool(l, v, "individual_digits", false, &individual));
    return split_classes(l, pre, LUDC_C_NUMBER, individual ? LUDC_SPLIT_ISOLATED : LUDC_SPLIT_CONTIGUOUS);
}

/* A member that is exactly one character. */
static lud_status load_character(const ludc_load *l, const ludc_value *v, const char *key, lud_str dflt, lud_str *out) {
    uint32_t cp;
    LUDC_TRY(ludc_node_text(l, v, key, out));
    if (!out->ptr) *out = dflt;
    if (out->len && ludc_utf8_next(out->ptr, out->len, &cp) == out->len) return LUD_OK;
    return ludc_fail(l->err, LUD_E_IO, "%s: '%s' must be one character", l->name, key);
}

static lud_status load_delimiter(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    lud_str c = {0};
    ludc_pre_stage *stage = NULL;
    LUDC_TRY(load_character(l, v, "delimiter", (lud_str){NULL, 0}, &c));
    LUDC_TRY(add_stage(l, pre, LUDC_PRE_SPLIT, &stage));
    stage->behavior = LUDC_SPLIT_REMOVED;
    return ludc_pattern_literal(l, c, &stage->pattern);
}

/* prepend_scheme "always", "first" or "never"; older files say add_prefix_space. */
static lud_status load_scheme(const ludc_load *l, const ludc_value *v, bool *prefix, bool *only_first) {
    lud_str scheme = {0};
    LUDC_TRY(ludc_node_bool(l, v, "add_prefix_space", true, prefix));
    LUDC_TRY(ludc_node_text(l, v, "prepend_scheme", &scheme));
    *only_first = scheme.ptr && ludc_str_eq(scheme, "first");
    if (!scheme.ptr) return LUD_OK;
    *prefix = !ludc_str_eq(scheme, "never");
    if (!*prefix || *only_first || ludc_str_eq(scheme, "always")) return LUD_OK;
    return ludc_fail(l->err, LUD_E_IO, "%s: prepend_scheme must be always, first or never", l->name);
}

static lud_status load_metaspace(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    lud_str c = {0};
    bool prefix, only_first, split;
    ludc_pre_stage *stage = NULL;
    LUDC_TRY(load_character(l, v, "replacement", LUDC_STR("\xE2\x96\x81"), &c));
    LUDC_TRY(load_scheme(l, v, &prefix, &only_first));
    LUDC_TRY(ludc_node_bool(l, v, "split", true, &split));
    LUDC_TRY(add_stage(l, pre, LUDC_PRE_REPLACE, &stage));
    memcpy(stage->content, c.ptr, c.len);
    stage->content_len = c.len;
    LUDC_TRY(ludc_pattern_literal(l, LUDC_STR(" "), &stage->pattern));
    if (prefix) {
        LUDC_TRY(add_stage(l, pre, LUDC_PRE_PREFIX, &stage));
        memcpy(stage->content, c.ptr, c.len);
        stage->content_len = c.len;
        stage->only_first = only_first;
    }
    if (!split) return LUD_OK;
    LUDC_TRY(add_stage(l, pre, LUDC_PRE_SPLIT, &stage));
    stage->behavior = LUDC_SPLIT_NEXT;
    return ludc_pattern_literal(l, c, &stage->pattern);
}

static lud_status load_stages(const ludc_load *l, const ludc_value *v, lud_str type, void *pre) {
    static const struct {
        const char *type;
        lud_status (*load)(const ludc_load *, const ludc_value *, ludc_pretokenizer *);
    } known[] = {
        {"ByteLevel", load_byte_level},    {"Split", load_split},           {"Digits", load_digits},
        {"Metaspace", load_metaspace},     {"Whitespace", load_whitespace}, {"WhitespaceSplit", load_whitespace_split},
        {"Punctuation", load_punctuation}, {"BertPreTokenizer", load_bert}, {"CharDelimiterSplit", load_delimiter}};
    for (size_t k = 0; k < LUDC_COUNT(known); k++)
        if (ludc_str_eq(type, known[k].type)) return known[k].load(l, v, pre);
    return LUD_E_NOT_FOUND;
}

lud_status ludc_pretokenizer_load(const ludc_load *l, const ludc_value *v, ludc_pretokenizer *pre) {
    static const char *const planned[] = {"UnicodeScripts", "FixedLength", NULL};
    if (ludc_is_null(v)) return LUD_OK;
    return ludc_node_each(l, v, "pre_tokenizer", "pretokenizers", planned, 0, load_stages, pre);
}

void ludc_pretokenizer_free(ludc_pretokenizer *pre) {
    for (size_t i = 0; i < pre->n; i++)
        ludc_pattern_free(&pre->stages[i].pattern);
    pre->n = 0;
}
