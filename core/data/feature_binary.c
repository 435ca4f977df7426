/* SPDX-License-Identifier: Apache-2.0
 * binary: 0 or 1. Ludwig's words are read in any case and mixed; other columns may hold two labels, of which
 * fallback_true_label is 1; else a true word is, or the one beside a false word, or the second in byte order (Ludwig
 * 0.10 takes the first, which makes "ham" of ham and spam the positive class). */
#include "feature_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* 1, 0, or -1 if it is none of the words. */
static int word_value(lud_str s) {
    static const char *const words[2][8] = {{"no", "n", "false", "f", "0", "0.0", "-1", "-1.0"},
                                            {"yes", "y", "true", "t", "1", "1.0"}};
    for (int value = 0; value < 2; value++)
        for (size_t i = 0; i < 8 && words[value][i]; i++)
            if (s.len == strlen(words[value][i]) && strncasecmp(s.ptr, words[value][i], s.len) == 0) return value;
    return -1;
}

static lud_status count(ludc_cells *c, ludc_vocabulary *v, lud_error *err) {
    for (size_t i = 0; i < c->n; i++) {
        const size_t row = ludc_cells_row(c, i);
        if (c->is_missing(c, row)) continue;
        LUDC_TRY(ludc_vocabulary_count(v, c, row, ludc_str_trim(ludc_cells_raw(c, row)), err));
    }
    ludc_vocabulary_sort(v);
    return LUD_OK;
}

static lud_status too_many(const ludc_cells *c, const ludc_vocabulary *v, lud_error *err) {
    ludc_buf list = {0};
    for (size_t i = 0; i < v->len && i < 5; i++) {
        const lud_str s = ludc_clip(v->ptr[i].text);
        ludc_buf_addf(&list, "%s'%.*s'", i ? ", " : "", LUDC_ARG(s));
    }
    ludc_fail(err, LUD_E_DATA, "%s: column '%.*s': a binary feature wants two values, there are %zu: %s%s", c->path,
              LUDC_ARG(c->name), v->len, list.ptr ? list.ptr : "", v->len > 5 ? " ..." : "");
    ludc_buf_free(&list);
    return LUD_E_DATA;
}

static int compare(lud_str a, lud_str b) {
    const int d = memcmp(a.ptr, b.ptr, LUDC_MIN(a.len, b.len));
    return d ? d : (a.len > b.len) - (a.len < b.len);
}

/* Which of one or two labels that are not all words means true; 1 of one label: it means false. */
static lud_status choose(const ludc_cells *c, const ludc_vocabulary *v, lud_str wanted, size_t *truth, lud_error *err) {
    const lud_str a = v->ptr[0].text, b = v->ptr[v->len - 1].text;
    *truth = !ludc_str_same(a, wanted);
    if (wanted.ptr && (*truth == 0 || v->len == 1 || ludc_str_same(b, wanted))) return LUD_OK;
    if (wanted.ptr)
        return ludc_fail(
            err, LUD_E_INVALID,
            "column '%.*s': preprocessing.fallback_true_label '%.*s' does not occur; there is '%.*s', '%.*s'",
            LUDC_ARG(c->name), LUDC_ARG(wanted), (int)ludc_clip(a).len, a.ptr, (int)ludc_clip(b).len, b.ptr);
    const int x = word_value(a), y = word_value(b);
    *truth = v->len == 1 || x == 1 || y == 0 ? 0 : x == 0 || y == 1 ? 1 : compare(a, b) < 0;
    const lud_str yes = ludc_clip(v->ptr[*truth].text), no = ludc_clip(v->ptr[v->len - 1 - *truth].text);
    ludc_log(LUD_LOG_INFO, "%s: column '%.*s': '%.*s' is true, '%.*s' false (preprocessing.fallback_true_label)",
             c->path, LUDC_ARG(c->name), LUDC_ARG(yes), v->len > 1 ? (int)no.len : 0, no.ptr);
    return LUD_OK;
}

static bool are_words(const ludc_vocabulary *v) {
    for (size_t i = 0; i < v->len; i++)
        if (word_value(v->ptr[i].text) < 0) return false;
    return true;
}

static lud_status write_labels(const ludc_vocabulary *v, bool words, lud_str unseen, size_t truth, ludc_value *metadata,
                               lud_error *err) {
    lud_str name[2] = {LUDC_STR("False"), unseen.ptr ? unseen : LUDC_STR("True")};
    ludc_value *values = ludc_value_new(LUD_CFG_OBJECT), *names = ludc_value_new(LUD_CFG_LIST);
    bool ok = values && names;
    for (size_t i = v->len; ok && i-- > 0;) { /* the most frequent spelling comes last and stays */
        const bool value = words ? word_value(v->ptr[i].text) == 1 : i == truth;
        name[value] = v->ptr[i].text;
        ok = ludc_value_append(values, v->ptr[i].text, ludc_value_bool(value));
    }
    if (unseen.ptr) ok = ok && ludc_value_append(values, unseen, ludc_value_bool(true));
    for (size_t i = 0; ok && i < 2; i++)
        ok = ludc_value_push(names, ludc_value_str(name[i]));
    ok = ludc_value_put(metadata, "str2bool", values) && ok;
    ok = ludc_value_put(metadata, "bool2str", names) && ok;
    ok = ok && ludc_value_put(metadata, "width", ludc_value_int(1));
    return ok ? LUD_OK : ludc_no_memory(err, NULL);
}

static lud_status learn(ludc_cells *c, ludc_vocabulary *v, ludc_value *metadata, lud_error *err) {
    LUDC_TRY(count(c, v, err));
    const bool words = are_words(v);
    const lud_str wanted = ludc_get_str(c->preprocessing, "fallback_true_label", (lud_str){0});
    size_t truth = 0;
    if (v->len == 0 && c->is_output)
        return ludc_cells_fail(c, ludc_cells_row(c, 0), err, "no training row has a value");
    if (!words && v->len > 2) return too_many(c, v, err);
    if (!words) LUDC_TRY(choose(c, v, wanted, &truth, err));
    if (v->len == 1)
        ludc_log(LUD_LOG_WARN, "%s: column '%.*s': every training row holds '%.*s'", c->path, LUDC_ARG(c->name),
                 (int)ludc_clip(v->ptr[0].text).len, v->ptr[0].text.ptr);
    return write_labels(v, words, truth >= v->len ? wanted : (lud_str){0}, truth, metadata, err);
}

lud_status ludc_binary_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    ludc_vocabulary v = {0};
    const lud_status status = learn(c, &v, metadata, err);
    ludc_vocabulary_free(&v);
    return status;
}

/* 1, 0, or -1 for what training has not seen. Words count in every spelling where all labels are words. */
static int value_of(const ludc_value *labels, bool words, lud_str s) {
    const ludc_value *v = NULL;
    for (size_t i = 0; labels && i < labels->len && !v; i++)
        if (ludc_str_same(labels->keys[i], s)) v = labels->items[i];
    return v ? v->type == LUD_CFG_BOOL && v->u.b : words ? word_value(s) : -1;
}

/* What a missing input becomes; -1: a value that the column does not know. */
static int fill_value(const ludc_cells *c, const ludc_value *labels, bool words) {
    if (c->strategy == LUDC_FILL_TRUE) return 1;
    if (c->strategy != LUDC_FILL_CONST && c->strategy != LUDC_FILL_MODE) return 0;
    const int value = value_of(labels, words, c->fill);
    return value < 0 ? word_value(c->fill) : value;
}

lud_status ludc_binary_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    const ludc_value *labels = ludc_value_get(metadata, "str2bool");
    bool words = true;
    for (size_t i = 0; labels && i < labels->len; i++)
        words = words && word_value(labels->keys[i]) >= 0;
    const int fill = fill_value(c, labels, words);
    if (fill < 0)
        return ludc_fail(err, LUD_E_INVALID, "column '%.*s': preprocessing.fill_value '%.*s' is no value of it",
                         LUDC_ARG(c->name), (int)ludc_clip(c->fill).len, c->fill.ptr);
    LUDC_TRY(ludc_column_open(out, LUDC_COLUMN_REALS, c->n, 1, err));
    for (size_t i = 0; i < c->n; i++) {
        const size_t row = ludc_cells_row(c, i);
        lud_str text;
        const bool present = ludc_cells_text(c, row, &text);
        int value = present && text.ptr != c->fill.ptr ? value_of(labels, words, ludc_str_trim(text)) : fill;
        if (value < 0) ludc_cells_odd(c, row);
        out->missing[i] = !present || (value < 0 && c->is_output);
        if (value < 0) value = fill;
        out->reals[i] = out->missing[i] ? 0 : (float)value;
    }
    c->odd.what = c->is_output ? "hold a value that no training row has, and are left out"
                               : "hold a value that no training row has, and count as missing";
    return LUD_OK;
}
