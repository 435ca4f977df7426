/* SPDX-License-Identifier: Apache-2.0
 * Predictive models behind the lud_model_* calls: opening, training, predicting, evaluating, saving. */
#include "internal.h"

#include <answers.h>
#include <string.h>

/* ---- Opening ---- */
static void say_trained(const ludc_predictor *p) {
    ludc_log(LUD_LOG_INFO, "%s", p->devices->why);
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_input *in = &p->inputs[i];
        if (!in->tower) continue;
        const char *adapter = ludc_tower_adapter(in->tower);
        ludc_log(LUD_LOG_INFO, "input '%s': %s is %s", in->name, ludc_tower_base(in->tower)->path,
                 adapter                                      ? "tuned with an adapter"
                 : ludc_get_bool(in->section, "trainable", 0) ? "tuned whole"
                 : in->cached                                 ? "frozen, its embeddings are cached"
                                                              : "frozen");
        if (adapter) ludc_log(LUD_LOG_INFO, "input '%s': adapter %s", in->name, adapter);
    }
    ludc_log(LUD_LOG_INFO, "model: %zu inputs, %zu outputs; %lld parameters, %lld trainable (%.3f %%)", p->n_inputs,
             p->n_outputs, (long long)p->n_parameters, (long long)p->n_trainable,
             100.0 * (double)p->n_trainable / (double)LUDC_MAX(p->n_parameters, 1));
}

lud_status ludc_task_ready(lud_model *m, bool for_training, lud_error *err) {
    if (m->predictor && (m->for_training || !for_training)) return LUD_OK;
    if (!m->metadata)
        return ludc_fail(err, LUD_E_INVALID, "this predictive model was never trained: its classes are not known");
    ludc_predictor_free(m->predictor);
    m->predictor = NULL;
    m->for_training = for_training;
    const ludc_predictor_spec spec = {.host = m->session->host,
                                      .config = m->config.full,
                                      .config_name = m->config.name,
                                      .metadata = m->metadata,
                                      .weights = m->weights,
                                      .for_training = for_training,
                                      .seed = m->seed};
    LUDC_TRY(ludc_predictor_open(&spec, &m->predictor, err));
    say_trained(m->predictor);
    return LUD_OK;
}

/* ---- Saving ---- */
void ludc_task_absolute(const lud_model *m, ludc_value *config) {
    static const char *const keys[] = {"pretrained_model_name_or_path", "base_model"};
    ludc_value *inputs = ludc_value_get(config, "input_features");
    size_t at = 0;
    for (size_t i = 0; i < inputs->len; i++) {
        if (!ludc_get_bool(inputs->items[i], "active", true)) continue;
        const ludc_input *in = &m->predictor->inputs[at++];
        ludc_value *encoder = ludc_value_get(inputs->items[i], "encoder");
        if (!in->tower) continue;
        for (size_t k = 0; k < LUDC_COUNT(keys); k++)
            if (!ludc_is_null(ludc_value_get(encoder, keys[k])))
                ludc_value_put(encoder, keys[k], ludc_value_str(ludc_str(ludc_tower_base(in->tower)->path)));
    }
}

lud_status ludc_task_weights_write(lud_model *m, const char *dir, lud_error *err) {
    LUDC_TRY(ludc_dir_make(dir, err));
    char *path = ludc_path_join(dir, "model.safetensors");
    const lud_status status =
        path ? ludc_predictor_save(m->predictor, path, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    ludc_free(path);
    return status;
}

/* ---- Splits ---- */
typedef struct view {
    const ludc_table *table;
    const char *path;
    const uint32_t *rows; /* NULL: the first n */
    size_t n;
} view;

static view view_of(const ludc_dataset *d, const lud_data_source *src, int split) {
    const char *apart[LUDC_N_SPLITS] = {src->training_set, src->validation_set, src->test_set};
    if (d->apart) return (view){d->tables[split], apart[split], d->split.rows[split], d->split.n[split]};
    return (view){d->tables[0], src->dataset, d->split.rows[split], d->split.n[split]};
}

static uint64_t tokens_of(const ludc_predictor *p, const ludc_task_rows *d) {
    uint64_t n = 0;
    for (size_t i = 0; i < p->n_inputs; i++)
        if (d->inputs[i].kind == LUDC_COLUMN_LISTS) n += (uint64_t)d->inputs[i].offsets[d->n];
    return n;
}

/* preprocessing.oversample_minority and undersample_majority, on the training rows. */
static lud_status balance(lud_model *m, ludc_dataset *d, const lud_data_source *src, lud_error *err) {
    const ludc_value *section = ludc_value_get(m->config.full, "preprocessing");
    const ludc_output *o = &m->predictor->outputs[0];
    const view v = view_of(d, src, LUDC_TRAIN);
    if (ludc_is_null(ludc_value_get(section, "oversample_minority")) &&
        ludc_is_null(ludc_value_get(section, "undersample_majority")))
        return LUD_OK;
    ludc_column target = {0};
    uint32_t *rows = ludc_alloc(LUDC_MAX(v.n, 1) * sizeof(*rows));
    size_t n = v.n;
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = v.rows ? v.rows[i] : (uint32_t)i;
    lud_status status =
        rows ? ludc_feature_encode(o->feature, o->metadata, true, v.table, v.path, v.rows, n, &target, err)
             : ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", n);
    if (status == LUD_OK) status = ludc_rows_balance(section, &target, m->seed, &rows, &n, err);
    ludc_column_free(&target);
    if (status != LUD_OK) return ludc_free(rows), status;
    ludc_log(LUD_LOG_INFO, "data: %zu training rows became %zu: classes balanced", v.n, n);
    ludc_free(d->split.rows[LUDC_TRAIN]);
    d->split.rows[LUDC_TRAIN] = rows;
    d->split.n[LUDC_TRAIN] = n;
    return LUD_OK;
}

static lud_status read_all(lud_model *m, const ludc_dataset *d, const lud_data_source *src,
                           ludc_task_rows rows[LUDC_N_SPLITS], lud_error *err) {
    ludc_task_rows *list[LUDC_N_SPLITS] = {&rows[0], &rows[1], &rows[2]};
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        const view v = view_of(d, src, i);
        if (!v.table || v.n == 0)
            LUDC_TRY(ludc_task_rows_init(&rows[i], m->predictor, err));
        else
            LUDC_TRY(ludc_task_rows_read(m, v.table, v.path, v.rows, v.n, true, &rows[i], NULL, err));
    }
    ludc_log(LUD_LOG_INFO, "data: %zu training, %zu validation, %zu test rows; %llu training tokens", rows[0].n,
             rows[1].n, rows[2].n, (unsigned long long)tokens_of(m->predictor, &rows[LUDC_TRAIN]));
    return ludc_task_embed(m, list, LUDC_N_SPLITS, err);
}

/* ---- Predictions ---- */
typedef struct writer {
    const ludc_predictor *p;
    ludc_cells cells;
    ludc_table *table;
} writer;

static lud_status writer_open(writer *w, lud_error *err) {
    const ludc_predictor *p = w->p;
    for (size_t k = 0; k < p->n_outputs; k++)
        LUDC_TRY(ludc_answers_columns(p->outputs[k].feature, p->outputs[k].metadata, &w->cells, err));
    w->table = ludc_cells_table(&w->cells);
    return w->table ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status write_row(writer *w, float *const *scores, size_t row, lud_error *err) {
    ludc_cells_clear(&w->cells);
    for (size_t k = 0; k < w->p->n_outputs; k++) {
        const ludc_output *o = &w->p->outputs[k];
        LUDC_TRY(
            ludc_answers_row(o->feature, o->metadata, scores[k] + row * (size_t)o->width, o->width, &w->cells, err));
    }
    const lud_str *cells = ludc_cells_list(&w->cells);
    return cells ? ludc_table_add(w->table, cells, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status predict_rows(lud_model *m, const ludc_task_rows *d, writer *w, lud_error *err) {
    enum { CHUNK = 4096 };
    float *scores[64] = {0};
    ludc_scorer *s = NULL;
    const ludc_predictor *p = m->predictor;
    if (p->n_outputs > LUDC_COUNT(scores)) return ludc_fail(err, LUD_E_INVALID, "more than 64 outputs");
    lud_status status = ludc_scorer_new(m->predictor, false, &d, 1, &s, err);
    for (size_t k = 0; k < p->n_outputs && status == LUD_OK; k++) {
        scores[k] = ludc_alloc(CHUNK * (size_t)p->outputs[k].width * sizeof(float));
        if (!scores[k]) status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < d->n && status == LUD_OK; i += CHUNK) {
        const size_t n = LUDC_MIN((size_t)CHUNK, d->n - i);
        status = ludc_scorer_run(s, d, i, n, scores, NULL, err);
        for (size_t row = 0; row < n && status == LUD_OK; row++)
            status = write_row(w, scores, row, err);
    }
    for (size_t k = 0; k < p->n_outputs; k++)
        ludc_free(scores[k]);
    ludc_scorer_free(s);
    return status;
}

static lud_status write_predictions(lud_model *m, const ludc_task_rows *d, const char *path, lud_error *err) {
    writer w = {.p = m->predictor};
    lud_status status = writer_open(&w, err);
    if (status == LUD_OK) status = predict_rows(m, d, &w, err);
    if (status == LUD_OK) status = ludc_table_write(w.table, path, err);
    ludc_table_free(w.table);
    ludc_cells_free(&w.cells);
    return status;
}

/* ---- The calls ---- */
static lud_status evaluate_rows(lud_model *m, const ludc_task_rows *d, ludc_value **metrics, lud_error *err) {
    ludc_scorer *s = NULL;
    LUDC_TRY(ludc_scorer_new(m->predictor, true, &d, 1, &s, err));
    const lud_status status = ludc_task_evaluate(s, d, d->n, true, metrics, err);
    ludc_scorer_free(s);
    return status;
}

static lud_status save_test(lud_model *m, const ludc_task_rows *test, const char *run_dir, lud_error *err) {
    ludc_value *metrics = NULL;
    char *path = ludc_path_join(run_dir, "predictions.csv");
    lud_status status = path ? evaluate_rows(m, test, &metrics, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = ludc_json_write(run_dir, "test_statistics.json", metrics, err);
    if (status == LUD_OK) status = write_predictions(m, test, path, err);
    ludc_value_free(metrics);
    ludc_free(path);
    return status;
}

static lud_status train_on(lud_model *m, const ludc_task_rows rows[LUDC_N_SPLITS], const lud_train_opts *opts,
                           lud_train_result *result, lud_error *err) {
    ludc_trainee trainee;
    LUDC_TRY(ludc_predictive_trainee(m->predictor, ludc_value_get(m->config.full, "trainer"), rows, &trainee, err));
    const lud_status status = ludc_train_and_save(m, &trainee, opts, 0, 0, result, err);
    trainee.free(trainee.self);
    if (status == LUD_OK && opts->evaluate_test && !result->interrupted && rows[LUDC_TEST].n)
        return save_test(m, &rows[LUDC_TEST], result->run_dir, err);
    return status;
}

lud_status ludc_task_train(lud_model *m, const lud_train_opts *opts, lud_train_result *result, lud_error *err) {
    ludc_dataset d = {0};
    ludc_task_rows rows[LUDC_N_SPLITS] = {{0}};
    LUDC_TRY(ludc_dataset_open(m, &opts->data, true, &d, err));
    const view train = view_of(&d, &opts->data, LUDC_TRAIN);
    lud_status status = train.table && train.n ? ludc_task_fit(m, train.table, train.path, train.rows, train.n, err)
                                               : ludc_fail(err, LUD_E_DATA, "the training split has no row");
    if (status == LUD_OK) status = ludc_task_ready(m, true, err);
    if (status == LUD_OK) status = balance(m, &d, &opts->data, err);
    if (status == LUD_OK) status = read_all(m, &d, &opts->data, rows, err);
    ludc_dataset_free(&d);
    if (status == LUD_OK) status = train_on(m, rows, opts, result, err);
    for (int i = 0; i < LUDC_N_SPLITS && m->predictor; i++)
        ludc_task_rows_free(&rows[i], m->predictor);
    return status;
}

static lud_status pick_view(const ludc_dataset *d, const lud_predict_opts *o, view *out, lud_error *err) {
    static const char *const names[LUDC_N_SPLITS] = {"training", "validation", "test"};
    if (!ludc_wants_split(o)) {
        if (d->apart) return ludc_fail(err, LUD_E_INVALID, "give --dataset, or --split with the sets given apart");
        *out = (view){d->tables[0], o->data.dataset, NULL, ludc_table_rows(d->tables[0])};
    } else {
        int split = 0;
        while (split < LUDC_N_SPLITS && strcmp(o->split, names[split]) != 0)
            split++;
        if (split == LUDC_N_SPLITS)
            return ludc_fail(err, LUD_E_INVALID, "no split '%s' (full, training, validation, test)", o->split);
        *out = view_of(d, &o->data, split);
    }
    if (o->limit > 0) out->n = LUDC_MIN(out->n, (size_t)o->limit);
    return out->table && out->n ? LUD_OK : ludc_fail(err, LUD_E_DATA, "there is no row to predict");
}

static lud_status open_rows(lud_model *m, const lud_predict_opts *o, bool targets, ludc_task_rows *rows,
                            lud_error *err) {
    ludc_dataset d = {0};
    view v = {0};
    ludc_task_rows *list[1] = {rows};
    LUDC_TRY(ludc_task_ready(m, false, err));
    LUDC_TRY(ludc_dataset_open(m, &o->data, ludc_wants_split(o), &d, err));
    lud_status status = pick_view(&d, o, &v, err);
    if (status == LUD_OK) status = ludc_task_rows_read(m, v.table, v.path, v.rows, v.n, targets, rows, NULL, err);
    ludc_dataset_free(&d);
    if (status == LUD_OK && rows->n == 0) status = ludc_fail(err, LUD_E_DATA, "%s: no row has a target", v.path);
    if (status == LUD_OK) status = ludc_task_embed(m, list, 1, err);
    if (status != LUD_OK && rows->inputs) ludc_task_rows_free(rows, m->predictor);
    return status;
}

lud_status ludc_task_predict(lud_model *m, const lud_predict_opts *o, lud_error *err) {
    ludc_task_rows rows = {0};
    LUDC_TRY(open_rows(m, o, false, &rows, err));
    const lud_status status = o->output_path ? write_predictions(m, &rows, o->output_path, err) : LUD_OK;
    ludc_task_rows_free(&rows, m->predictor);
    return status;
}

lud_status ludc_task_evaluate_data(lud_model *m, const lud_predict_opts *o, ludc_value **metrics, lud_error *err) {
    ludc_task_rows rows = {0};
    LUDC_TRY(open_rows(m, o, true, &rows, err));
    lud_status status = evaluate_rows(m, &rows, metrics, err);
    if (status == LUD_OK && o->output_path) status = write_predictions(m, &rows, o->output_path, err);
    ludc_task_rows_free(&rows, m->predictor);
    return status;
}
