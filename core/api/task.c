/* SPDX-License-Identifier: Apache-2.0
 * Predictive models behind the lud_model_* calls: opening, training, predicting, evaluating, saving. */
#include "internal.h"

#include <answers.h>
#include <stdio.h>
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
    ludc_model_close(m);
    m->for_training = for_training;
    LUDC_TRY(ludc_model_locate(m, err));
    const ludc_predictor_spec spec = {.host = m->session->host,
                                      .config = m->located,
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
        for (size_t k = 0; k < LUDC_COUNT(keys); k++) {
            char dotted[96];
            snprintf(dotted, sizeof(dotted), "input_features.%zu.encoder.%s", i, keys[k]);
            if (!ludc_is_null(ludc_value_get(encoder, keys[k])) && !ludc_model_is_fetched(m, dotted))
                ludc_value_put(encoder, keys[k], ludc_value_str(ludc_str(ludc_tower_base(in->tower)->path)));
        }
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
    const ludc_view v = ludc_dataset_split(d, src, LUDC_TRAIN);
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
        const ludc_view v = ludc_dataset_split(d, src, i);
        if (!v.table || v.n == 0)
            LUDC_TRY(ludc_task_rows_init(&rows[i], m->predictor, err));
        else
            LUDC_TRY(ludc_task_rows_read(m, v.table, v.path, v.rows, v.n, true, &rows[i], err));
    }
    ludc_log(LUD_LOG_INFO, "data: %zu training, %zu validation, %zu test rows; %llu training tokens", rows[0].n,
             rows[1].n, rows[2].n, (unsigned long long)tokens_of(m->predictor, &rows[LUDC_TRAIN]));
    return ludc_task_embed(m, list, LUDC_N_SPLITS, err);
}

/* ---- Predictions ---- */
enum { SCORED = 4096, CHUNK = 32768 };

typedef struct predictions {
    lud_model *m;
    ludc_scorer *scorer;
    float **scores; /* [n_outputs] -> [SCORED, width] */
    ludc_cells cells;
    ludc_table_writer *file;
} predictions;

static lud_status predictions_open(predictions *w, const char *path, lud_error *err) {
    const ludc_predictor *p = w->m->predictor;
    w->scores = ludc_alloc(p->n_outputs * sizeof(*w->scores));
    for (size_t k = 0; k < p->n_outputs; k++) {
        if (w->scores) w->scores[k] = ludc_alloc(SCORED * (size_t)p->outputs[k].width * sizeof(float));
        if (!w->scores || !w->scores[k]) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
        LUDC_TRY(ludc_answers_columns(p->outputs[k].feature, p->outputs[k].metadata, &w->cells, err));
    }
    return ludc_table_writer_open(path, ludc_cells_list(&w->cells), w->cells.len, &w->file, err);
}

static lud_status predictions_close(predictions *w, lud_status status, lud_error *err) {
    for (size_t k = 0; w->scores && k < w->m->predictor->n_outputs; k++)
        ludc_free(w->scores[k]);
    ludc_free(w->scores);
    ludc_scorer_free(w->scorer);
    ludc_cells_free(&w->cells);
    if (status == LUD_OK) return ludc_table_writer_commit(w->file, err);
    ludc_table_writer_abort(w->file);
    return status;
}

static lud_status write_row(predictions *w, size_t row, lud_error *err) {
    const ludc_predictor *p = w->m->predictor;
    ludc_cells_clear(&w->cells);
    for (size_t k = 0; k < p->n_outputs; k++) {
        const ludc_output *o = &p->outputs[k];
        const float *scores = w->scores[k] + row * (size_t)o->width;
        LUDC_TRY(ludc_answers_row(o->feature, o->metadata, scores, o->width, &w->cells, err));
    }
    return ludc_table_writer_add(w->file, ludc_cells_list(&w->cells), err);
}

/* The scorer is planned for the longest row so far. */
static lud_status predictions_add(predictions *w, const ludc_task_rows *d, lud_error *err) {
    if (w->scorer && !ludc_scorer_holds(w->scorer, d)) {
        ludc_scorer_free(w->scorer);
        w->scorer = NULL;
    }
    if (!w->scorer) LUDC_TRY(ludc_scorer_new(w->m->predictor, false, &d, 1, &w->scorer, err));
    for (size_t i = 0; i < d->n; i += SCORED) {
        const size_t n = LUDC_MIN((size_t)SCORED, d->n - i);
        LUDC_TRY(ludc_scorer_run(w->scorer, d, i, n, w->scores, NULL, err));
        for (size_t row = 0; row < n; row++)
            LUDC_TRY(write_row(w, row, err));
    }
    return LUD_OK;
}

static lud_status write_predictions(lud_model *m, const ludc_task_rows *d, const char *path, lud_error *err) {
    predictions w = {.m = m};
    lud_status status = predictions_open(&w, path, err);
    if (status == LUD_OK) status = predictions_add(&w, d, err);
    return predictions_close(&w, status, err);
}

static lud_status predict_chunk(predictions *w, const ludc_view *v, const uint32_t *rows, size_t n, lud_error *err) {
    ludc_task_rows d = {0}, *list[1] = {&d};
    LUDC_TRY(ludc_task_rows_read(w->m, v->table, v->path, rows, n, false, &d, err));
    lud_status status = ludc_task_embed(w->m, list, 1, err);
    if (status == LUD_OK) status = predictions_add(w, &d, err);
    ludc_task_rows_free(&d, w->m->predictor);
    return status;
}

/* Rows are read, scored and written in chunks: their number does not matter to memory. */
static lud_status predict_view(lud_model *m, const ludc_view *v, const char *path, lud_error *err) {
    predictions w = {.m = m};
    uint32_t *rows = ludc_alloc(CHUNK * sizeof(*rows));
    lud_status status = rows ? predictions_open(&w, path, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    for (size_t i = 0; i < v->n && status == LUD_OK; i += CHUNK) {
        const size_t n = LUDC_MIN((size_t)CHUNK, v->n - i);
        for (size_t k = 0; k < n; k++)
            rows[k] = v->rows ? v->rows[i + k] : (uint32_t)(i + k);
        status = predict_chunk(&w, v, rows, n, err);
    }
    ludc_free(rows);
    return predictions_close(&w, status, err);
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
    const ludc_view train = ludc_dataset_split(&d, &opts->data, LUDC_TRAIN);
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

lud_status ludc_task_predict(lud_model *m, const lud_predict_opts *o, lud_error *err) {
    ludc_dataset d = {0};
    ludc_view v = {0};
    LUDC_TRY(ludc_task_ready(m, false, err));
    LUDC_TRY(ludc_dataset_open(m, &o->data, ludc_wants_split(o), &d, err));
    lud_status status = ludc_dataset_pick(&d, o, &v, err);
    if (status == LUD_OK && o->output_path) status = predict_view(m, &v, o->output_path, err);
    ludc_dataset_free(&d);
    return status;
}

static lud_status evaluate_view(lud_model *m, const ludc_view *v, ludc_task_rows *rows, const char *path,
                                ludc_value **metrics, lud_error *err) {
    ludc_task_rows *list[1] = {rows};
    if (rows->n == 0) return ludc_fail(err, LUD_E_DATA, "%s: no row has a target", v->path);
    LUDC_TRY(ludc_task_embed(m, list, 1, err));
    LUDC_TRY(evaluate_rows(m, rows, metrics, err));
    return path ? write_predictions(m, rows, path, err) : LUD_OK;
}

lud_status ludc_task_evaluate_data(lud_model *m, const lud_predict_opts *o, ludc_value **metrics, lud_error *err) {
    ludc_dataset d = {0};
    ludc_view v = {0};
    ludc_task_rows rows = {0};
    LUDC_TRY(ludc_task_ready(m, false, err));
    LUDC_TRY(ludc_dataset_open(m, &o->data, ludc_wants_split(o), &d, err));
    lud_status status = ludc_dataset_pick(&d, o, &v, err);
    if (status == LUD_OK) status = ludc_task_rows_read(m, v.table, v.path, v.rows, v.n, true, &rows, err);
    ludc_dataset_free(&d);
    if (status == LUD_OK) status = evaluate_view(m, &v, &rows, o->output_path, metrics, err);
    if (rows.inputs) ludc_task_rows_free(&rows, m->predictor);
    return status;
}
