/* SPDX-License-Identifier: Apache-2.0
 * Feature types by name, and what is the same for all of them: the column, the strategy, the fill. Text features only
 * have missing values here; their tokens are the tokenizer's. */
#include "feature_internal.h"

#include <string.h>

enum {
    ANY = 1u << LUDC_FILL_CONST | 1u << LUDC_FILL_MODE | 1u << LUDC_FILL_BACK | 1u << LUDC_FILL_FORWARD |
          1u << LUDC_DROP_ROW,
    FALSE_TRUE = 1u << LUDC_FILL_FALSE | 1u << LUDC_FILL_TRUE,
};

static lud_status text_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    (void)c;
    return ludc_value_put(metadata, "width", ludc_value_int(1)) ? LUD_OK : ludc_no_memory(err, NULL);
}

static lud_status text_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    (void)metadata, (void)out;
    return ludc_fail(err, LUD_E_INTERNAL, "column '%.*s': text is encoded by a tokenizer", LUDC_ARG(c->name));
}

static const ludc_feature_type types[] = {
    {"binary", LUDC_FILL_FALSE, ANY | FALSE_TRUE, "false", ludc_cells_is_void, ludc_binary_fit, ludc_binary_encode},
    {"number", LUDC_FILL_CONST, ANY | 1u << LUDC_FILL_MEAN, "0", NULL, ludc_number_fit, ludc_number_encode},
    {"category", LUDC_FILL_CONST, ANY, LUDC_UNKNOWN, ludc_cells_is_blank, ludc_category_fit, ludc_category_encode},
    {"set", LUDC_FILL_CONST, ANY, LUDC_UNKNOWN, ludc_cells_is_blank, ludc_set_fit, ludc_set_encode},
    {"bag", LUDC_FILL_CONST, ANY, LUDC_UNKNOWN, ludc_cells_is_blank, ludc_set_fit, ludc_bag_encode},
    {"vector", LUDC_FILL_CONST, ANY, "", ludc_cells_is_void, ludc_vector_fit, ludc_vector_encode},
    {"text", LUDC_FILL_CONST, ANY, LUDC_UNKNOWN, ludc_cells_is_null, text_fit, text_encode},
};

static lud_status find_type(const ludc_value *feature, const ludc_feature_type **out, lud_error *err) {
    static const char *const later[] = {"sequence", "image", "audio", "date", "h3", "timeseries"};
    const lud_str type = ludc_get_text(feature, "type"), name = ludc_get_str(feature, "name", type);
    const char *what = "is unknown";
    for (size_t i = 0; i < LUDC_COUNT(types); i++)
        if (ludc_str_eq(type, types[i].name)) return *out = &types[i], LUD_OK;
    for (size_t i = 0; i < LUDC_COUNT(later); i++)
        if (ludc_str_eq(type, later[i])) what = "is known, not available yet";
    return ludc_fail(err, LUD_E_INVALID,
                     "feature '%.*s': type '%.*s' %s: want binary, number, category, set, bag, vector or text",
                     LUDC_ARG(name), LUDC_ARG(type), what);
}

/* What a missing cell is filled with: learned (mode) or written in the config; a number there counts as its text. */
static lud_str fill_of(const ludc_cells *c, const ludc_value *metadata, const char *filler, ludc_buf *scratch) {
    const ludc_value *written = ludc_value_get(c->preprocessing, "fill_value");
    const lud_str learned = ludc_get_str(metadata, "fill_value", (lud_str){0});
    if (c->strategy == LUDC_FILL_MODE && learned.ptr) return learned;
    if (ludc_is_null(written)) return ludc_str(filler);
    if (written->type == LUD_CFG_STR) return written->u.s;
    ludc_value_to_json(written, -1, scratch);
    return (lud_str){scratch->ptr, scratch->len};
}

static lud_status open_cells(ludc_cells *c, const ludc_feature_type *type, const ludc_value *metadata,
                             ludc_buf *scratch, lud_error *err) {
    c->preprocessing = ludc_value_get(c->feature, "preprocessing");
    c->is_missing = type->is_missing;
    const int dflt = c->is_output ? LUDC_DROP_ROW : type->fill;
    LUDC_TRY(ludc_cells_strategy(c, "missing_value_strategy", dflt, type->allowed, &c->strategy, err));
    c->fill = fill_of(c, metadata, type->filler, scratch);
    return scratch->failed ? ludc_no_memory(err, NULL) : LUD_OK;
}

/* The most frequent text, for all types but number. */
static lud_status learn_mode(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    ludc_vocabulary v = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < c->n && status == LUD_OK; i++) {
        const size_t row = ludc_cells_row(c, i);
        if (!c->is_missing(c, row))
            status = ludc_vocabulary_count(&v, c, row, ludc_str_trim(ludc_cells_raw(c, row)), err);
    }
    ludc_vocabulary_sort(&v);
    if (status == LUD_OK && v.len == 0)
        status = ludc_cells_fail(c, ludc_cells_row(c, 0), err, "no value in any training row: fill_with_mode has none");
    if (status == LUD_OK && !ludc_value_put(metadata, "fill_value", ludc_value_str(v.ptr[0].text)))
        status = ludc_no_memory(err, NULL);
    ludc_vocabulary_free(&v);
    if (status == LUD_OK) c->fill = ludc_get_str(metadata, "fill_value", c->fill);
    return status;
}

static lud_status fit(ludc_cells *c, const ludc_feature_type *type, ludc_value *metadata, ludc_buf *scratch,
                      lud_error *err) {
    LUDC_TRY(open_cells(c, type, metadata, scratch, err));
    if (c->n == 0)
        return ludc_fail(err, LUD_E_DATA, "%s: column '%.*s': no training row to learn from (see preprocessing.split)",
                         c->path, LUDC_ARG(c->name));
    if (!ludc_value_put(metadata, "type", ludc_value_text(type->name))) return ludc_no_memory(err, NULL);
    if (c->strategy == LUDC_FILL_MODE && type->is_missing) LUDC_TRY(learn_mode(c, metadata, err));
    return type->fit(c, metadata, err);
}

static lud_status find_column(ludc_cells *c, lud_error *err) {
    c->name = ludc_get_str(c->feature, "column", ludc_get_text(c->feature, "name"));
    return ludc_table_need(c->table, c->path, c->name, &c->column, err);
}

lud_status ludc_feature_fit(const ludc_value *feature, bool is_output, const ludc_table *table, const char *path,
                            const uint32_t *rows, size_t n, ludc_value **metadata, lud_error *err) {
    ludc_cells c = {.feature = feature, .table = table, .path = path, .rows = rows, .n = n, .is_output = is_output};
    const ludc_feature_type *type;
    LUDC_TRY(find_type(feature, &type, err));
    LUDC_TRY(find_column(&c, err));
    ludc_buf scratch = {0};
    ludc_value *m = ludc_value_new(LUD_CFG_OBJECT);
    const lud_status status = m ? fit(&c, type, m, &scratch, err) : ludc_no_memory(err, NULL);
    ludc_buf_free(&scratch);
    if (status == LUD_OK) return *metadata = m, LUD_OK;
    ludc_value_free(m);
    return status;
}

lud_status ludc_feature_encode(const ludc_value *feature, const ludc_value *metadata, bool is_output,
                               const ludc_table *table, const char *path, const uint32_t *rows, size_t n,
                               ludc_column *out, lud_error *err) {
    ludc_cells c = {.feature = feature, .table = table, .path = path, .rows = rows, .n = n, .is_output = is_output};
    const ludc_feature_type *type;
    LUDC_TRY(find_type(feature, &type, err));
    LUDC_TRY(find_column(&c, err));
    ludc_buf scratch = {0};
    ludc_column column = {0};
    lud_status status = open_cells(&c, type, metadata, &scratch, err);
    if (status == LUD_OK) status = type->encode(&c, metadata, &column, err);
    ludc_buf_free(&scratch);
    if (status != LUD_OK) return ludc_column_free(&column), status;
    if (n == 0 || !memchr(column.missing, 1, n)) {
        ludc_free(column.missing);
        column.missing = NULL;
    }
    column.odd = c.odd;
    *out = column;
    return LUD_OK;
}

lud_status ludc_feature_text(const ludc_value *feature, const ludc_value *metadata, const ludc_table *table,
                             size_t column, size_t row, lud_str *out, bool *missing, lud_error *err) {
    ludc_cells c = {.feature = feature, .table = table, .path = "", .column = column};
    const ludc_feature_type *text = &types[LUDC_COUNT(types) - 1];
    const ludc_value *fill = ludc_value_find(feature, "preprocessing.fill_value");
    if (!ludc_is_null(fill) && fill->type != LUD_CFG_STR)
        return ludc_fail(err, LUD_E_INVALID, "text feature: preprocessing.fill_value: want a text");
    LUDC_TRY(open_cells(&c, text, metadata, &(ludc_buf){0}, err));
    *missing = !ludc_cells_text(&c, row, out);
    return LUD_OK;
}

lud_status ludc_column_open(ludc_column *c, int kind, size_t rows, int64_t width, lud_error *err) {
    *c = (ludc_column){.kind = kind, .rows = rows, .width = width};
    c->missing = ludc_alloc(rows);
    if (kind == LUDC_COLUMN_IDS) c->ids = ludc_alloc(rows * sizeof(*c->ids));
    if (kind == LUDC_COLUMN_LISTS) c->offsets = ludc_alloc((rows + 1) * sizeof(*c->offsets));
    if (kind == LUDC_COLUMN_REALS && (size_t)width <= SIZE_MAX / sizeof(*c->reals) / LUDC_MAX(rows, 1))
        c->reals = ludc_alloc(rows * (size_t)width * sizeof(*c->reals));
    if (c->missing && (c->ids || c->reals || c->offsets)) return LUD_OK;
    return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows of %lld values", rows, (long long)width);
}

static void free_arrays(ludc_column *c) {
    if (!c->spilled.ptr) ludc_free(c->ids);
    ludc_file_unmap(&c->spilled);
    ludc_free(c->reals);
    ludc_free(c->offsets);
    ludc_free(c->missing);
}

void ludc_column_free(ludc_column *c) {
    if (!c->borrowed) free_arrays(c);
    *c = (ludc_column){0};
}
