/* SPDX-License-Identifier: Apache-2.0
 * set and bag: the items of a cell. Inputs are lists of item numbers (a set has each once, a bag as often as the cell),
 * <UNK> is 0; a set as an output is one 0 or 1 for each item of the training rows. */
#include "feature_internal.h"

#include <stdlib.h>
#include <string.h>

static lud_status open_items(const ludc_cells *c, int *how, lud_error *err) {
    static const char *const words[] = {"space", "comma", "space_punct"};
    const lud_str word = ludc_get_str(c->preprocessing, "tokenizer", LUDC_STR("space"));
    for (*how = 0; *how < (int)LUDC_COUNT(words); ++*how)
        if (ludc_str_eq(word, words[*how])) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID,
                     "column '%.*s': preprocessing.tokenizer '%.*s': want space, comma or space_punct",
                     LUDC_ARG(c->name), LUDC_ARG(word));
}

typedef struct counting {
    const ludc_cells *cells;
    ludc_vocabulary vocabulary;
    size_t row;
    lud_error *err;
} counting;

static lud_status count_item(void *arg, lud_str item) {
    counting *x = arg;
    return ludc_vocabulary_count(&x->vocabulary, x->cells, x->row, item, x->err);
}

/* The items of one row; LUD_E_NOT_FOUND if it has no value. */
static lud_status row_items(ludc_cells *c, size_t row, int how, ludc_buf *lower, ludc_item_fn fn, void *arg) {
    lud_str text;
    if (!ludc_cells_text(c, row, &text)) return LUD_E_NOT_FOUND;
    if (ludc_str_eq(text, LUDC_UNKNOWN)) return fn(arg, text);
    if (ludc_get_bool(c->preprocessing, "lowercase", false)) {
        ludc_buf_clear(lower);
        ludc_lower(text, lower);
        if (lower->failed) return LUD_E_NOMEM;
        text = (lud_str){lower->ptr, lower->len};
    }
    return ludc_items(text, how, fn, arg);
}

static lud_status count_rows(ludc_cells *c, counting *x, lud_error *err) {
    int how;
    ludc_buf lower = {0};
    lud_status status = open_items(c, &how, err);
    for (size_t i = 0; i < c->n && status == LUD_OK; i++) {
        x->row = ludc_cells_row(c, i);
        status = row_items(c, x->row, how, &lower, count_item, x);
        if (status == LUD_E_NOT_FOUND) status = LUD_OK;
    }
    ludc_buf_free(&lower);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "out of memory");
}

lud_status ludc_set_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    const size_t most_common = (size_t)ludc_get_int(c->preprocessing, "most_common", 10000);
    counting x = {.cells = c, .err = err};
    lud_status status = count_rows(c, &x, err);
    ludc_vocabulary_sort(&x.vocabulary);
    if (status == LUD_OK && c->is_output && x.vocabulary.len == 0)
        status = ludc_cells_fail(c, ludc_cells_row(c, 0), err, "no training row has an item");
    if (status == LUD_OK && !ludc_vocabulary_write(&x.vocabulary, most_common, !c->is_output, metadata))
        status = ludc_no_memory(err, NULL);
    ludc_vocabulary_free(&x.vocabulary);
    return status;
}

typedef struct encoding {
    ludc_column *out;
    const ludc_map *labels;
    size_t i;         /* place of the row in out */
    size_t len, cap;  /* of out->ids */
    size_t *seen;     /* sets: the row that had the item last, + 1 */
    bool has_unknown; /* the row has an item that training has not seen */
} encoding;

static lud_status add_id(void *arg, lud_str item) {
    encoding *x = arg;
    int64_t id = 0;
    ludc_map_get(x->labels, item, &id);
    if (x->seen && x->seen[id] == x->i + 1) return LUD_OK;
    if (x->seen) x->seen[id] = x->i + 1;
    if (!ludc_grow(&x->out->ids, x->len, &x->cap, sizeof(*x->out->ids))) return LUD_E_NOMEM;
    x->out->ids[x->len++] = (int32_t)id;
    return LUD_OK;
}

static lud_status mark_item(void *arg, lud_str item) {
    encoding *x = arg;
    int64_t id;
    if (ludc_map_get(x->labels, item, &id))
        x->out->reals[x->i * (size_t)x->out->width + (size_t)id] = 1;
    else
        x->has_unknown = true;
    return LUD_OK;
}

static lud_status encode_rows(ludc_cells *c, encoding *x, lud_error *err) {
    int how;
    ludc_buf lower = {0};
    lud_status status = open_items(c, &how, err);
    for (x->i = 0; x->i < c->n && status == LUD_OK; x->i++) {
        const size_t row = ludc_cells_row(c, x->i);
        x->has_unknown = false;
        status = row_items(c, row, how, &lower, c->is_output ? mark_item : add_id, x);
        if (status == LUD_E_NOT_FOUND) x->out->missing[x->i] = 1, status = LUD_OK;
        if (x->has_unknown) ludc_cells_odd(c, row);
        if (!c->is_output) x->out->offsets[x->i + 1] = (int64_t)x->len;
    }
    ludc_buf_free(&lower);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "out of memory");
}

static lud_status encode(ludc_cells *c, const ludc_value *metadata, bool unique, ludc_column *out, lud_error *err) {
    const int kind = c->is_output ? LUDC_COLUMN_REALS : LUDC_COLUMN_LISTS;
    encoding x = {.out = out};
    size_t width;
    ludc_map *labels = ludc_labels_map(metadata, &width);
    x.labels = labels;
    if (unique) x.seen = ludc_alloc((width + 1) * sizeof(*x.seen));
    lud_status status = labels && (x.seen || !unique) ? LUD_OK : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = ludc_column_open(out, kind, c->n, c->is_output ? (int64_t)width : 1, err);
    if (status == LUD_OK) status = encode_rows(c, &x, err);
    ludc_free(x.seen);
    ludc_map_free(labels);
    if (status == LUD_OK) c->odd.what = "hold items that no training row has; these items are left out";
    return status;
}

lud_status ludc_set_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    return encode(c, metadata, true, out, err);
}

lud_status ludc_bag_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    return encode(c, metadata, false, out, err);
}
