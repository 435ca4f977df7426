/* SPDX-License-Identifier: Apache-2.0
 * From a table to the encoded rows of a predictor: metadata learned from the training rows, columns by the type of
 * their feature, texts through the tokenizer of their encoder. */
#include "internal.h"

#include <string.h>

static lud_str column_name(const ludc_value *feature) {
    return ludc_get_str(feature, "column", ludc_get_text(feature, "name"));
}

/* ---- Metadata ---- */
static lud_status learn_words(const ludc_value *feature, const ludc_table *t, const char *path, const uint32_t *rows,
                              size_t n, ludc_value *metadata, lud_error *err) {
    size_t column;
    ludc_words *words = NULL;
    LUDC_TRY(ludc_table_need(t, path, column_name(feature), &column, err));
    LUDC_TRY(ludc_words_new(ludc_value_get(feature, "preprocessing"), &words, err));
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        lud_str text = {0};
        bool missing = false;
        status = ludc_feature_text(feature, metadata, t, column, rows ? rows[i] : i, &text, &missing, err);
        if (status == LUD_OK && !missing) status = ludc_words_learn(words, text, err);
    }
    if (status == LUD_OK) status = ludc_words_finish(words, err);
    if (status == LUD_OK) status = ludc_words_write(words, metadata, err);
    if (status == LUD_OK && !ludc_value_put(metadata, "vocab_size", ludc_value_int(ludc_words_count(words))))
        status = ludc_no_memory(err, NULL);
    ludc_words_free(words);
    return status;
}

static bool from_data(const ludc_value *feature) {
    return ludc_text_is(feature, "type", "text") && !ludc_tower_wanted(ludc_value_get(feature, "encoder"));
}

static lud_status fit_feature(lud_model *m, const ludc_value *feature, bool is_output, const ludc_table *t,
                              const char *path, const uint32_t *rows, size_t n, lud_error *err) {
    const lud_str name = ludc_get_text(feature, "name");
    const lud_str tied = ludc_get_text(feature, "tied");
    ludc_value *metadata = NULL;
    lud_status status = LUD_OK;
    if (tied.len) {
        metadata = ludc_value_copy(ludc_value_get(m->metadata, tied.ptr));
    } else {
        LUDC_TRY(ludc_feature_fit(feature, is_output, t, path, rows, n, &metadata, err));
        if (from_data(feature)) status = learn_words(feature, t, path, rows, n, metadata, err);
    }
    if (status != LUD_OK) return ludc_value_free(metadata), status;
    return ludc_value_putn(m->metadata, name, metadata) ? LUD_OK : ludc_no_memory(err, NULL);
}

/* Of inputs (tied: those that are another one's, which must be there by then) or outputs. */
static lud_status fit_list(lud_model *m, const char *list_name, bool tied, const ludc_table *t, const char *path,
                           const uint32_t *rows, size_t n, lud_error *err) {
    const ludc_value *list = ludc_value_get(m->config.full, list_name);
    for (size_t i = 0; i < list->len; i++) {
        const ludc_value *feature = list->items[i];
        if (!ludc_get_bool(feature, "active", true)) continue;
        if ((ludc_get_text(feature, "tied").len > 0) != tied) continue;
        LUDC_TRY(fit_feature(m, feature, list_name[0] == 'o', t, path, rows, n, err));
    }
    return LUD_OK;
}

void ludc_task_metadata_set(lud_model *m, ludc_value *metadata) {
    ludc_predictor_free(m->predictor); /* it borrows the old one */
    m->predictor = NULL;
    ludc_value_free(m->metadata);
    m->metadata = metadata;
}

lud_status ludc_task_fit(lud_model *m, const ludc_table *t, const char *path, const uint32_t *rows, size_t n,
                         lud_error *err) {
    ludc_task_metadata_set(m, ludc_value_new(LUD_CFG_OBJECT));
    if (!m->metadata) return ludc_no_memory(err, NULL);
    LUDC_TRY(fit_list(m, "input_features", false, t, path, rows, n, err));
    LUDC_TRY(fit_list(m, "input_features", true, t, path, rows, n, err));
    return fit_list(m, "output_features", false, t, path, rows, n, err);
}

/* ---- Texts ---- */
/* Cut to max tokens; what the tokenizer puts at the end of every text ([SEP]) stays, as in transformers. */
static lud_status cut(const ludc_tokenizer *tok, lud_str text, ludc_ids *ids, size_t max, lud_error *err) {
    ludc_ids plain = {0};
    LUDC_TRY(ludc_tokenizer_encode(tok, text, false, &plain, err));
    size_t before = 0;
    while (before + plain.len < ids->len && memcmp(ids->ptr + before, plain.ptr, plain.len * sizeof(*plain.ptr)) != 0)
        before++;
    const size_t after = ids->len - plain.len - before;
    if (after < max) memmove(ids->ptr + max - after, ids->ptr + ids->len - after, after * sizeof(*ids->ptr));
    ludc_ids_free(&plain);
    return LUD_OK;
}

typedef struct token_list {
    ludc_spill all;
    int64_t *offsets;
    size_t n, cut;
} token_list;

static lud_status add_text(const ludc_input *in, lud_str text, token_list *out, ludc_ids *scratch, lud_error *err) {
    const ludc_tokenizer *tok = in->tower ? ludc_tower_tokenizer(in->tower) : NULL;
    const size_t max = (size_t)in->max_length;
    scratch->len = 0;
    LUDC_TRY(tok ? ludc_tokenizer_encode(tok, text, true, scratch, err)
                 : ludc_words_encode(in->words, text, true, scratch, err));
    if (scratch->len > max) {
        out->cut++;
        if (tok) LUDC_TRY(cut(tok, text, scratch, max, err));
        scratch->len = max;
    }
    out->offsets[out->n + 1] = out->offsets[out->n] + (int64_t)scratch->len;
    out->n++;
    return ludc_spill_add(&out->all, scratch->ptr, scratch->len * sizeof(*scratch->ptr), err);
}

static lud_status encode_texts(const ludc_input *in, const ludc_table *t, const char *path, const uint32_t *rows,
                               size_t n, ludc_column *out, lud_error *err) {
    size_t column;
    token_list list = {0};
    ludc_ids scratch = {0};
    LUDC_TRY(ludc_table_need(t, path, column_name(in->feature), &column, err));
    list.offsets = ludc_alloc((n + 1) * sizeof(*list.offsets));
    uint8_t *missing = ludc_alloc(LUDC_MAX(n, 1));
    lud_status status = list.offsets && missing ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory for texts");
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        lud_str text = {0};
        bool gone = false;
        status = ludc_feature_text(in->feature, in->metadata, t, column, rows ? rows[i] : i, &text, &gone, err);
        missing[i] = gone;
        if (status == LUD_OK) status = add_text(in, gone ? LUDC_STR("") : text, &list, &scratch, err);
    }
    ludc_ids_free(&scratch);
    ludc_map_file spilled = {0};
    if (status == LUD_OK) status = ludc_spill_end(&list.all, &spilled, err);
    *out = (ludc_column){.kind = LUDC_COLUMN_LISTS,
                         .rows = n,
                         .width = 1,
                         .ids = spilled.ptr ? (int32_t *)(uintptr_t)spilled.ptr : (int32_t *)(void *)list.all.held.ptr,
                         .offsets = list.offsets,
                         .missing = missing,
                         .spilled = spilled,
                         .odd = {.n = list.cut}};
    list.all.held = (ludc_buf){0};
    ludc_spill_free(&list.all);
    if (status != LUD_OK) ludc_column_free(out);
    return status;
}

/* ---- Columns ---- */
/* No kernel reads beyond a table: ids are below n_ids, also where files of two models were mixed. */
static lud_status check_column(const char *name, const ludc_column *c, int64_t width, int64_t n_ids, lud_error *err) {
    const int64_t n = c->kind == LUDC_COLUMN_IDS     ? (int64_t)c->rows
                      : c->kind == LUDC_COLUMN_LISTS ? c->offsets[c->rows]
                                                     : 0;
    bool fits = c->kind != LUDC_COLUMN_REALS || c->width == width;
    for (int64_t i = 0; i < n; i++) {
        fits = fits && c->ids[i] >= 0 && c->ids[i] < n_ids;
        if (i % (1 << 20) == 0 || i + 1 == n) ludc_file_release(&c->spilled);
    }
    if (fits) return LUD_OK;
    return ludc_fail(err, LUD_E_IO,
                     "'%s' does not fit this model: its tokenizer or its training_set_metadata.json is another one's",
                     name);
}

static lud_status read_input(const ludc_input *in, const ludc_table *t, const char *path, const uint32_t *rows,
                             size_t n, ludc_column *out, lud_error *err) {
    if (strcmp(in->type, "text") == 0) return encode_texts(in, t, path, rows, n, out, err);
    return ludc_feature_encode(in->feature, in->metadata, false, t, path, rows, n, out, err);
}

static lud_status check_input(const ludc_input *in, const ludc_column *c, lud_error *err) {
    const int64_t width = ludc_get_int(in->metadata, "width", 1);
    if (strcmp(in->type, "text") != 0) return check_column(in->name, c, width, width, err);
    const int64_t n_ids =
        in->tower ? ludc_model_info_of(in->tower)->vocab_size : ludc_get_int(in->metadata, "vocab_size", 0);
    return check_column(in->name, c, 1, n_ids, err);
}

static lud_status weigh(const ludc_output *o, const ludc_column *c, float **weights, lud_error *err) {
    *weights = ludc_alloc(LUDC_MAX(c->rows, 1) * sizeof(**weights));
    if (!*weights) return ludc_no_memory(err, NULL);
    const bool by_class = o->class_weights && c->kind == LUDC_COLUMN_IDS;
    LUDC_TRY(check_column(o->name, c, o->width, o->width, err));
    for (size_t i = 0; i < c->rows; i++) {
        const bool missing = c->missing && c->missing[i];
        (*weights)[i] = missing ? 0.0f : by_class ? o->class_weights[c->ids[i]] : 1.0f;
    }
    return LUD_OK;
}

lud_status ludc_task_rows_settle(const ludc_predictor *p, bool targets, ludc_task_rows *d, lud_error *err) {
    for (size_t i = 0; i < p->n_inputs; i++)
        LUDC_TRY(check_input(&p->inputs[i], &d->inputs[i], err));
    for (size_t k = 0; targets && k < p->n_outputs; k++)
        LUDC_TRY(weigh(&p->outputs[k], &d->outputs[k], &d->weights[k], err));
    return LUD_OK;
}

static lud_status read_columns(const ludc_predictor *p, const ludc_table *t, const char *path, const uint32_t *rows,
                               size_t n, bool targets, ludc_task_rows *out, lud_error *err) {
    LUDC_TRY(ludc_task_rows_init(out, p, err));
    out->n = n;
    for (size_t i = 0; i < p->n_inputs; i++)
        LUDC_TRY(read_input(&p->inputs[i], t, path, rows, n, &out->inputs[i], err));
    for (size_t k = 0; targets && k < p->n_outputs; k++) {
        const ludc_output *o = &p->outputs[k];
        LUDC_TRY(ludc_feature_encode(o->feature, o->metadata, true, t, path, rows, n, &out->outputs[k], err));
    }
    return ludc_task_rows_settle(p, targets, out, err);
}

/* Rows that training and evaluation leave out: an input with drop_row has no value, or no output has one. */
static bool dropped(const ludc_predictor *p, const ludc_task_rows *d, size_t row) {
    size_t without = 0;
    for (size_t i = 0; i < p->n_inputs; i++)
        if (d->inputs[i].missing && d->inputs[i].missing[row]) return true;
    for (size_t k = 0; k < p->n_outputs; k++)
        without += d->outputs[k].missing && d->outputs[k].missing[row];
    return without == p->n_outputs;
}

/* ---- What is said of them ---- */
static void add_odd(ludc_odd *sum, const ludc_odd *o) {
    const size_t n = sum->n + o->n;
    if (sum->n == 0) *sum = *o;
    sum->n = n;
}

static lud_status note(ludc_task_notes *notes, const ludc_predictor *p, const ludc_task_rows *d, bool targets,
                       lud_error *err) {
    if (!notes->odd) notes->odd = ludc_alloc((p->n_inputs + p->n_outputs) * sizeof(*notes->odd));
    if (!notes->odd) return ludc_no_memory(err, NULL);
    notes->rows += d->n;
    for (size_t i = 0; i < p->n_inputs; i++)
        add_odd(&notes->odd[i], &d->inputs[i].odd);
    for (size_t k = 0; targets && k < p->n_outputs; k++)
        add_odd(&notes->odd[p->n_inputs + k], &d->outputs[k].odd);
    return LUD_OK;
}

void ludc_task_warn(const char *lines, size_t n) {
    for (const char *end; n && (end = memchr(lines, '\n', n)); n -= (size_t)(end + 1 - lines), lines = end + 1)
        ludc_log(LUD_LOG_WARN, "%.*s", (int)(end - lines), lines);
}

void ludc_task_notes_say(ludc_task_notes *notes, const ludc_predictor *p, const ludc_view *v, ludc_buf *said) {
    ludc_buf lines = {0};
    for (size_t i = 0; notes->odd && i < p->n_inputs + p->n_outputs; i++) {
        const ludc_input *in = i < p->n_inputs ? &p->inputs[i] : NULL;
        const ludc_value *feature = in ? in->feature : p->outputs[i - p->n_inputs].feature;
        const ludc_odd *odd = &notes->odd[i];
        if (!in || strcmp(in->type, "text") != 0)
            ludc_odd_say(odd, feature, v->table, v->path, notes->rows, &lines);
        else if (odd->n)
            ludc_buf_addf(&lines, "data: %zu texts of '%s' were cut to %lld tokens\n", odd->n, in->name,
                          (long long)in->max_length);
    }
    ludc_task_warn(lines.ptr, lines.len);
    if (said) ludc_buf_add(said, lines.ptr, lines.len);
    if (notes->dropped)
        ludc_log(LUD_LOG_INFO, "data: %zu rows of %s have no target or no input and are left out", notes->dropped,
                 v->path);
    ludc_buf_free(&lines);
    ludc_free(notes->odd);
    *notes = (ludc_task_notes){0};
}

/* ---- All of it ---- */
/* Reads again without the rows to be dropped, if there are any. */
static lud_status read_kept(const ludc_predictor *p, const ludc_view *v, const uint32_t *rows, size_t n, bool targets,
                            uint32_t *stay, ludc_task_notes *notes, ludc_task_rows *out, lud_error *err) {
    size_t n_stay = 0;
    LUDC_TRY(read_columns(p, v->table, v->path, rows, n, targets, out, err));
    LUDC_TRY(note(notes, p, out, targets, err));
    for (size_t i = 0; i < n; i++)
        if (!targets || !dropped(p, out, i)) stay[n_stay++] = rows ? rows[i] : (uint32_t)i;
    if (n_stay == n) return LUD_OK;
    notes->dropped += n - n_stay;
    ludc_task_rows_free(out, p);
    return read_columns(p, v->table, v->path, stay, n_stay, targets, out, err);
}

lud_status ludc_task_rows_read(lud_model *m, const ludc_view *v, const uint32_t *rows, size_t n, bool targets,
                               ludc_task_notes *notes, ludc_task_rows *out, lud_error *err) {
    uint32_t *stay = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*stay));
    *out = (ludc_task_rows){0};
    const lud_status status =
        stay ? read_kept(m->predictor, v, rows, n, targets, stay, notes, out, err) : ludc_no_memory(err, NULL);
    if (status != LUD_OK) ludc_task_rows_free(out, m->predictor);
    ludc_free(stay);
    return status;
}
