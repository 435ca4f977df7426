/* SPDX-License-Identifier: Apache-2.0
 * From data files to rows of token ids: columns, prompt template, tokenizer, truncation. Training and generation go
 * through the same functions, so a model is asked as it was taught. */
#include "internal.h"

#include <feature.h>
#include <string.h>

struct ludc_prompter {
    const ludc_table *table;
    const ludc_tokenizer *tokenizer;
    ludc_template *tmpl; /* NULL: the input column as it is */
    lud_str task;
    int64_t input, output; /* columns; -1 = not there */
    int64_t max_len, max_input, max_output;
    int32_t eos;
    ludc_examples examples;
    size_t row;                     /* being rendered */
    ludc_buf text, sample, context; /* scratch */
};

lud_str ludc_feature_name(const ludc_value *config, bool output) {
    return ludc_get_text(config, output ? "output_features.0.name" : "input_features.0.name");
}

lud_str ludc_feature_column(const ludc_value *config, bool output) {
    return ludc_get_str(config, output ? "output_features.0.column" : "input_features.0.column",
                        ludc_feature_name(config, output));
}

void ludc_dataset_free(ludc_dataset *d) {
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_table_free(d->tables[i]);
    ludc_split_free(&d->split);
    *d = (ludc_dataset){0};
}

static lud_status read_table(const lud_model *m, const char *path, const char *format, ludc_table **out,
                             lud_error *err) {
    char *fetched = NULL;
    LUDC_TRY(ludc_session_locate_data(m->session, path, &fetched, err));
    const lud_status status = ludc_table_read(fetched ? fetched : path, format, out, err);
    ludc_free(fetched);
    return status;
}

static lud_status open_apart(const lud_model *m, const lud_data_source *src, ludc_dataset *d, lud_error *err) {
    const char *paths[LUDC_N_SPLITS] = {src->training_set, src->validation_set, src->test_set};
    d->apart = true;
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        if (!paths[i]) continue;
        LUDC_TRY(read_table(m, paths[i], src->format, &d->tables[i], err));
        d->split.n[i] = ludc_table_rows(d->tables[i]);
    }
    return LUD_OK;
}

/* preprocessing.sample_ratio and sample_size of all rows. Ludwig draws before it splits; drawing from a split of all
 * rows gives the same shares, and a row stays in its part whatever is drawn. */
static lud_status sample(const lud_model *m, ludc_dataset *d, lud_error *err) {
    const ludc_value *section = ludc_value_get(m->config.full, "preprocessing");
    size_t total = 0, n = 0;
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        total += d->split.n[i];
    uint32_t *drawn = ludc_alloc(total * sizeof(*drawn));
    uint8_t *keep = ludc_alloc(total);
    for (n = 0; drawn && n < total; n++)
        drawn[n] = (uint32_t)n;
    lud_status status = drawn && keep ? ludc_rows_sample(section, m->seed, drawn, &n, err)
                                      : ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", total);
    for (size_t i = 0; i < n && status == LUD_OK; i++)
        keep[drawn[i]] = 1;
    for (size_t i = 0, first = 0; i < LUDC_N_SPLITS && status == LUD_OK && n < total; i++) {
        const size_t rows = d->split.n[i];
        uint32_t *list = d->split.rows[i];
        if (d->apart) list = d->split.rows[i] = ludc_alloc(LUDC_MAX(rows, 1) * sizeof(*list));
        if (!list) status = ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", rows);
        d->split.n[i] = 0;
        for (size_t k = 0; k < rows && list; k++) {
            const uint32_t row = d->apart ? (uint32_t)k : list[k];
            if (keep[d->apart ? first + k : row]) list[d->split.n[i]++] = row;
        }
        first += rows;
    }
    ludc_free(drawn);
    ludc_free(keep);
    return status;
}

lud_status ludc_dataset_open(const lud_model *m, const lud_data_source *src, bool divided, ludc_dataset *out,
                             lud_error *err) {
    ludc_dataset d = {0};
    lud_status status;
    if (src->dataset) {
        status = read_table(m, src->dataset, src->format, &d.tables[0], err);
        const bool own = ludc_value_find(m->config.user, "preprocessing.split") != NULL;
        if (status == LUD_OK && divided && m->k_fold)
            status = ludc_split_fold(ludc_table_rows(d.tables[0]), (size_t)m->k_fold, (size_t)m->fold, m->seed,
                                     &d.split, err);
        else if (status == LUD_OK && divided)
            status = ludc_split_make(d.tables[0], src->dataset, ludc_value_find(m->config.full, "preprocessing.split"),
                                     !own, m->seed, &d.split, err);
    } else if (src->training_set || src->validation_set || src->test_set) {
        status = open_apart(m, src, &d, err);
    } else {
        status = ludc_fail(err, LUD_E_INVALID, "no data: give --dataset, or --training_set and its like");
    }
    if (status == LUD_OK && divided && ludc_is_predictive(m)) status = sample(m, &d, err);
    if (status == LUD_OK) return *out = d, LUD_OK;
    ludc_dataset_free(&d);
    return status;
}

ludc_view ludc_dataset_split(const ludc_dataset *d, const lud_data_source *src, int split) {
    const char *apart[LUDC_N_SPLITS] = {src->training_set, src->validation_set, src->test_set};
    return (ludc_view){.table = d->tables[d->apart ? split : 0],
                       .path = d->apart ? apart[split] : src->dataset,
                       .rows = d->split.rows[split],
                       .n = d->split.n[split]};
}

lud_status ludc_dataset_pick(const ludc_dataset *d, const lud_predict_opts *o, ludc_view *v, lud_error *err) {
    static const char *const names[LUDC_N_SPLITS] = {"training", "validation", "test"};
    const char *wanted = o->split ? o->split : "full";
    int split = -1;
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        if (strcmp(wanted, names[i]) == 0 || (d->apart && strcmp(wanted, "full") == 0 && split < 0 && d->tables[i]))
            split = i;
    if (split < 0 && strcmp(wanted, "full") != 0)
        return ludc_fail(err, LUD_E_INVALID, "split '%s': want full, training, validation or test", wanted);
    *v = ludc_dataset_split(d, &o->data, LUDC_MAX(split, 0));
    if (split < 0) v->rows = NULL, v->n = ludc_table_rows(v->table);
    if (!v->table) return ludc_fail(err, LUD_E_DATA, "there is no %s split", wanted);
    if (o->limit > 0) v->n = LUDC_MIN(v->n, (size_t)o->limit);
    return v->n ? LUD_OK : ludc_fail(err, LUD_E_DATA, "%s: the %s split is empty", v->path, wanted);
}

size_t ludc_view_row(const ludc_view *v, size_t i) {
    return v->rows ? v->rows[i] : i;
}

bool ludc_wants_split(const lud_predict_opts *o) {
    return o->split && strcmp(o->split, "full") != 0;
}

void ludc_prompter_free(ludc_prompter *p) {
    if (!p) return;
    ludc_template_free(p->tmpl);
    ludc_buf_free(&p->text);
    ludc_buf_free(&p->sample);
    ludc_buf_free(&p->context);
    ludc_free(p);
}

static lud_status read_template(ludc_prompter *p, const ludc_value *config, const char *path, lud_error *err) {
    const ludc_value *prompt = ludc_value_get(config, "prompt");
    p->task = ludc_get_str(prompt, "task", (lud_str){0});
    const lud_str text = ludc_get_str(prompt, "template", (lud_str){0});
    if (!text.ptr) return LUD_OK;
    LUDC_TRY(ludc_template_parse(text, &p->tmpl, err));
    for (size_t i = 0; i < ludc_template_fields(p->tmpl); i++) {
        const lud_str field = ludc_template_field(p->tmpl, i);
        size_t column;
        const bool sample = ludc_str_eq(field, "__sample__");
        if (ludc_str_eq(field, "__task__") || ludc_str_eq(field, "__context__")) continue;
        LUDC_TRY(ludc_table_need(p->table, path, sample ? ludc_feature_column(config, false) : field, &column, err));
        if (sample) p->input = (int64_t)column;
    }
    return LUD_OK;
}

static lud_status prompter_init(ludc_prompter *p, const lud_model *m, const char *path, bool need_target,
                                lud_error *err) {
    const ludc_value *config = m->config.full;
    const ludc_model_info *info = ludc_model_info_of(m->model);
    p->tokenizer = info->tokenizer;
    p->eos = ludc_tokenizer_special(info->tokenizer).eos;
    if (p->eos < 0 && info->n_eos > 0) p->eos = info->eos_ids[0];
    LUDC_TRY(read_template(p, config, path, err));
    size_t column;
    if (!p->tmpl) {
        LUDC_TRY(ludc_table_need(p->table, path, ludc_feature_column(config, false), &column, err));
        p->input = (int64_t)column;
    }
    p->output = ludc_table_column(p->table, ludc_feature_column(config, true));
    if (need_target && p->output < 0)
        return ludc_table_need(p->table, path, ludc_feature_column(config, true), &column, err);
    p->max_len = info->max_positions > 0 ? info->max_positions : INT32_MAX;
    p->max_len = LUDC_MIN(p->max_len, ludc_get_int(config, "preprocessing.global_max_sequence_length", p->max_len));
    p->max_input = ludc_get_int(config, "input_features.0.preprocessing.max_sequence_length", INT32_MAX);
    p->max_output = ludc_get_int(config, "output_features.0.preprocessing.max_sequence_length", INT32_MAX);
    return LUD_OK;
}

lud_status ludc_prompter_new(const lud_model *m, const ludc_view *v, const ludc_view *training, bool need_target,
                             ludc_prompter **out, lud_error *err) {
    ludc_prompter *p = ludc_alloc(sizeof(*p));
    if (!p) return ludc_no_memory(err, NULL);
    p->table = v->table;
    p->input = p->output = -1;
    lud_status status = prompter_init(p, m, v->path, need_target, err);
    if (status == LUD_OK) status = ludc_examples_init(m, v->table, training, &p->examples, err);
    if (status == LUD_OK) return *out = p, LUD_OK;
    ludc_prompter_free(p);
    return status;
}

static bool lookup(void *arg, lud_str field, lud_str *value) {
    ludc_prompter *p = arg;
    if (ludc_str_eq(field, "__task__")) return *value = p->task, true;
    if (ludc_str_eq(field, "__sample__")) {
        ludc_buf_clear(&p->sample);
        if (ludc_table_sample_cell(p->table, p->row, (size_t)p->input, &p->sample) != LUD_OK) return false;
        return *value = (lud_str){p->sample.ptr, p->sample.len}, true;
    }
    if (ludc_str_eq(field, "__context__")) {
        ludc_buf_clear(&p->context);
        ludc_examples_put(&p->examples, p->row, &p->context);
        return *value = (lud_str){p->context.ptr, p->context.len}, !p->context.failed;
    }
    const int64_t column = ludc_table_column(p->table, field);
    if (column < 0) return false;
    *value = ludc_table_cell(p->table, p->row, (size_t)column);
    return true;
}

lud_status ludc_prompter_text(ludc_prompter *p, size_t row, ludc_buf *out, lud_error *err) {
    p->row = row;
    if (p->tmpl) return ludc_template_render(p->tmpl, lookup, p, out, err);
    const lud_str cell = ludc_table_cell(p->table, row, (size_t)p->input);
    ludc_buf_add(out, cell.ptr, cell.len);
    return out->failed ? ludc_no_memory(err, NULL) : LUD_OK;
}

lud_status ludc_prompter_ids(ludc_prompter *p, size_t row, ludc_ids *out, lud_error *err) {
    ludc_buf_clear(&p->text);
    LUDC_TRY(ludc_prompter_text(p, row, &p->text, err));
    LUDC_TRY(ludc_tokenizer_encode(p->tokenizer, (lud_str){p->text.ptr, p->text.len}, true, out, err));
    out->len = LUDC_MIN(out->len, (size_t)p->max_input);
    return LUD_OK;
}

lud_str ludc_prompter_target(const ludc_prompter *p, size_t row) {
    return p->output < 0 ? (lud_str){0} : ludc_table_cell(p->table, row, (size_t)p->output);
}

lud_status ludc_prompter_target_ids(const ludc_prompter *p, lud_str target, ludc_ids *out, lud_error *err) {
    LUDC_TRY(ludc_tokenizer_encode(p->tokenizer, target, false, out, err));
    out->len = LUDC_MIN(out->len, (size_t)p->max_output);
    if (p->eos >= 0 && !ludc_ids_push(out, p->eos)) return ludc_no_memory(err, NULL);
    return LUD_OK;
}

static lud_status add_row(ludc_prompter *p, size_t row, uint64_t number, ludc_ids *prompt, ludc_ids *target,
                          ludc_rows *out, lud_error *err) {
    prompt->len = target->len = 0;
    LUDC_TRY(ludc_prompter_ids(p, row, prompt, err));
    LUDC_TRY(ludc_prompter_target_ids(p, ludc_prompter_target(p, row), target, err));
    return ludc_rows_add(out, prompt->ptr, prompt->len, target->ptr, target->len, number, (size_t)p->max_len, err);
}

lud_status ludc_prompter_rows(ludc_prompter *p, const uint32_t *rows, size_t n, uint64_t first_row, ludc_rows *out,
                              lud_error *err) {
    ludc_ids prompt = {0}, target = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        const size_t row = rows ? rows[i] : i;
        status = add_row(p, row, first_row + row, &prompt, &target, out, err);
        if (ludc_cancel_requested() && status == LUD_OK) status = ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    }
    ludc_ids_free(&prompt);
    ludc_ids_free(&target);
    return status == LUD_OK ? ludc_rows_end(out, err) : status;
}
