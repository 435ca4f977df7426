/* SPDX-License-Identifier: Apache-2.0
 * category: one label a row. An input knows <UNK>, its label 0, for what training has not seen; an output has exactly
 * the labels of the training rows, so that no prediction leaves them. */
#include "feature_internal.h"

#include <string.h>

/* The label of a row; false = it has none. `lower` holds it where it is lowercased. */
static bool label_of(ludc_cells *c, size_t row, bool lowercase, ludc_buf *lower, lud_str *out) {
    if (!ludc_cells_text(c, row, out)) return false;
    *out = ludc_str_trim(*out);
    if (!lowercase || ludc_str_eq(*out, LUDC_UNKNOWN)) return true;
    ludc_buf_clear(lower);
    ludc_lower(*out, lower);
    *out = (lud_str){lower->ptr, lower->len};
    return !lower->failed;
}

static lud_status count(ludc_cells *c, ludc_vocabulary *v, lud_error *err) {
    const bool lowercase = ludc_get_bool(c->preprocessing, "lowercase", false);
    ludc_buf lower = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < c->n && status == LUD_OK; i++) {
        const size_t row = ludc_cells_row(c, i);
        lud_str label;
        if (label_of(c, row, lowercase, &lower, &label)) status = ludc_vocabulary_count(v, c, row, label, err);
        if (lower.failed) status = ludc_no_memory(err, NULL);
    }
    ludc_buf_free(&lower);
    return status;
}

static lud_status check_output(const ludc_cells *c, const ludc_vocabulary *v, size_t most_common, lud_error *err) {
    const size_t row = ludc_cells_row(c, 0);
    if (v->len == 0) return ludc_cells_fail(c, row, err, "no training row has a label");
    if (v->len == 1)
        return ludc_cells_fail(c, row, err, "every training row has the label '%.*s': an output wants two or more",
                               (int)ludc_clip(v->ptr[0].text).len, v->ptr[0].text.ptr);
    if (v->len > most_common)
        return ludc_cells_fail(c, row, err,
                               "%zu labels, preprocessing.most_common is %zu: raise it, or is it a number or a text?",
                               v->len, most_common);
    return LUD_OK;
}

lud_status ludc_category_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    const size_t most_common = (size_t)ludc_get_int(c->preprocessing, "most_common", 10000);
    ludc_vocabulary v = {0};
    lud_status status = count(c, &v, err);
    ludc_vocabulary_sort(&v);
    if (status == LUD_OK && c->is_output) status = check_output(c, &v, most_common, err);
    if (status == LUD_OK && !ludc_vocabulary_write(&v, most_common, !c->is_output, metadata))
        status = ludc_no_memory(err, NULL);
    ludc_vocabulary_free(&v);
    return status;
}

lud_status ludc_category_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    const bool lowercase = ludc_get_bool(c->preprocessing, "lowercase", false);
    LUDC_TRY(ludc_column_open(out, LUDC_COLUMN_IDS, c->n, 1, err));
    size_t n_labels;
    ludc_map *labels = ludc_labels_map(metadata, &n_labels);
    ludc_buf lower = {0};
    for (size_t i = 0; i < c->n && labels && !lower.failed; i++) {
        const size_t row = ludc_cells_row(c, i);
        lud_str label;
        int64_t id = 0;
        if (!label_of(c, row, lowercase, &lower, &label)) {
            out->missing[i] = 1;
        } else if (!ludc_map_get(labels, label, &id)) {
            out->missing[i] = c->is_output;
            ludc_cells_odd(c, row);
        }
        out->ids[i] = (int32_t)id;
    }
    const bool ok = labels && !lower.failed;
    ludc_map_free(labels);
    ludc_buf_free(&lower);
    if (!ok) return ludc_no_memory(err, NULL);
    c->odd.what = c->is_output ? "hold a label that no training row has, and are left out"
                               : "hold a label that training did not keep, and count as " LUDC_UNKNOWN;
    return LUD_OK;
}
