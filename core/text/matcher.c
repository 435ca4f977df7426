/* SPDX-License-Identifier: Apache-2.0
 * matcher: which label a generated answer names, as Ludwig's category_extractor decides: the answer goes to lower case,
 * the values do not; they are tried in the order of the config, the first one found wins. A regex is searched for, not
 * anchored, in Python's dialect. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

struct ludc_matcher {
    const ludc_value *match;
    ludc_regex **regexes; /* one per entry; NULL: contains */
    ludc_match *found;
    ludc_buf lower;
};

void ludc_matcher_free(ludc_matcher *m) {
    if (!m) return;
    for (size_t i = 0; m->regexes && i < m->match->len; i++)
        ludc_regex_free(m->regexes[i]);
    ludc_match_free(m->found);
    ludc_buf_free(&m->lower);
    ludc_free(m->regexes);
    ludc_free(m);
}

static lud_status lower_case(ludc_matcher *m, lud_str s, lud_error *err) {
    ludc_buf_clear(&m->lower);
    ludc_buf_add(&m->lower, "", 0);
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        i += ludc_utf8_decode(s.ptr + i, s.len - i, &cp);
        ludc_lowercase(cp, &m->lower);
    }
    return m->lower.failed ? ludc_no_memory(err, NULL) : LUD_OK;
}

static lud_str value_of(const ludc_matcher *m, size_t i) {
    return ludc_get_text(m->match->items[i], "value");
}

static lud_status prepare(ludc_matcher *m, size_t i, lud_error *err) {
    const lud_str label = m->match->keys[i], value = value_of(m, i);
    char name[160];
    snprintf(name, sizeof name, "decoder.match of '%.*s'", LUDC_ARG_CUT(label, 80));
    if (ludc_text_is(m->match->items[i], "type", "regex")) {
        const lud_status status = ludc_regex_new(&(ludc_load){name, err}, value, false, &m->regexes[i]);
        return status == LUD_OK || status == LUD_E_NOMEM ? status : LUD_E_INVALID;
    }
    LUDC_TRY(lower_case(m, value, err));
    if (!ludc_str_same(value, (lud_str){m->lower.ptr, m->lower.len}))
        ludc_log(LUD_LOG_WARN, "%s: has capital letters, but the answer is compared in lower case: it is never found",
                 name);
    return LUD_OK;
}

lud_status ludc_matcher_new(const ludc_value *match, ludc_matcher **out, lud_error *err) {
    ludc_matcher *m = ludc_alloc(sizeof *m);
    if (m) m->match = match;
    if (m) m->regexes = ludc_alloc(match->len * sizeof(*m->regexes));
    lud_status status = m && m->regexes ? LUD_OK : ludc_no_memory(err, NULL);
    for (size_t i = 0; i < match->len && status == LUD_OK; i++)
        status = prepare(m, i, err);
    if (status == LUD_OK) return *out = m, LUD_OK;
    ludc_matcher_free(m);
    return status;
}

lud_status ludc_matcher_find(ludc_matcher *m, lud_str answer, int64_t *entry, lud_error *err) {
    LUDC_TRY(lower_case(m, answer, err));
    const ludc_buf *text = &m->lower;
    for (size_t i = 0, start, end; i < m->match->len; i++) {
        const lud_str value = value_of(m, i);
        bool found = false;
        if (m->regexes[i])
            LUDC_TRY(ludc_regex_next(m->regexes[i], &m->found, text->ptr, text->len, 0, &found, &start, &end, err));
        else
            found = memmem(text->ptr, text->len, value.ptr, value.len) != NULL;
        if (found) return *entry = (int64_t)i, LUD_OK;
    }
    return *entry = -1, LUD_OK;
}
