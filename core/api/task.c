/* SPDX-License-Identifier: Apache-2.0
 * Predictive models behind the lud_model_* calls: opening, saving, training. */
#include "internal.h"

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
                ludc_value_put(encoder, keys[k], ludc_value_text(ludc_tower_base(in->tower)->path));
        }
    }
}

lud_status ludc_task_weights_write(lud_model *m, const char *dir, lud_error *err) {
    LUDC_TRY(ludc_dir_make(dir, err));
    char *path = ludc_path_join(dir, "model.safetensors");
    const lud_status status = path ? ludc_predictor_save(m->predictor, path, err) : ludc_no_memory(err, NULL);
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
                           ludc_task_rows rows[LUDC_N_SPLITS], ludc_buf *said, lud_error *err) {
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        const ludc_view v = ludc_dataset_split(d, src, i);
        ludc_task_notes notes = {0};
        const lud_status status = v.table && v.n ? ludc_task_rows_read(m, &v, v.rows, v.n, true, &notes, &rows[i], err)
                                                 : ludc_task_rows_init(&rows[i], m->predictor, err);
        ludc_task_notes_say(&notes, m->predictor, &v, said);
        if (status != LUD_OK) return status;
    }
    return LUD_OK;
}

static lud_status fit(lud_model *m, const ludc_dataset *d, const lud_data_source *src, lud_error *err) {
    const ludc_view train = ludc_dataset_split(d, src, LUDC_TRAIN);
    if (!train.table || !train.n) return ludc_fail(err, LUD_E_DATA, "the training split has no row");
    return ludc_task_fit(m, train.table, train.path, train.rows, train.n, err);
}

/* Opens the predictor and reads its rows, both from the cache as far as they are there. */
static lud_status prepare(lud_model *m, const lud_data_source *src, ludc_rows_cache *cache, ludc_dataset *d,
                          ludc_task_rows rows[LUDC_N_SPLITS], lud_error *err) {
    const bool known = ludc_rows_cache_metadata(cache);
    if (!known) LUDC_TRY(ludc_dataset_open(m, src, true, d, err));
    if (!known) LUDC_TRY(fit(m, d, src, err));
    LUDC_TRY(ludc_task_ready(m, true, err));
    if (!known) ludc_rows_cache_keep_metadata(cache);
    if (ludc_rows_cache_task(cache, rows)) return LUD_OK;
    if (known) LUDC_TRY(ludc_dataset_open(m, src, true, d, err));
    LUDC_TRY(balance(m, d, src, err));
    ludc_buf said = {0};
    const lud_status status = read_all(m, d, src, rows, &said, err);
    if (status == LUD_OK) ludc_rows_cache_keep_task(cache, rows, &said);
    ludc_buf_free(&said);
    return status;
}

/* ---- Training ---- */
static lud_status save_test(lud_model *m, const ludc_task_rows *test, const char *run_dir, lud_error *err) {
    ludc_value *metrics = NULL;
    char *path = ludc_path_join(run_dir, "predictions.csv");
    lud_status status = path ? ludc_task_score(m, test, path, &metrics, err) : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = ludc_json_write(run_dir, "test_statistics.json", metrics, err);
    ludc_value_free(metrics);
    ludc_free(path);
    return status;
}

static lud_status train_on(lud_model *m, const ludc_task_rows rows[LUDC_N_SPLITS], const lud_train_opts *opts,
                           lud_train_result *result, lud_error *err) {
    ludc_trainee trainee = {0};
    const ludc_value *settings = ludc_value_get(m->config.full, "trainer");
    LUDC_TRY(ludc_prefix_begin(m, err));
    lud_status status = ludc_predictive_trainee(m->predictor, settings, rows, &trainee, err);
    if (status == LUD_OK) status = ludc_train_and_save(m, &trainee, opts, 0, 0, result, err);
    if (trainee.free) trainee.free(trainee.self);
    ludc_prefix_end(m);
    if (status == LUD_OK && opts->evaluate_test && !result->interrupted && rows[LUDC_TEST].n)
        return save_test(m, &rows[LUDC_TEST], result->run_dir, err);
    return status;
}

static lud_status embed_and_train(lud_model *m, ludc_task_rows rows[LUDC_N_SPLITS], const lud_train_opts *opts,
                                  lud_train_result *result, lud_error *err) {
    ludc_task_rows *list[LUDC_N_SPLITS] = {&rows[0], &rows[1], &rows[2]};
    ludc_log(LUD_LOG_INFO, "data: %zu training, %zu validation, %zu test rows; %llu training tokens", rows[0].n,
             rows[1].n, rows[2].n, (unsigned long long)tokens_of(m->predictor, &rows[LUDC_TRAIN]));
    LUDC_TRY(ludc_task_embed(m, list, LUDC_N_SPLITS, err));
    return train_on(m, rows, opts, result, err);
}

lud_status ludc_task_train(lud_model *m, const lud_train_opts *opts, lud_train_result *result, lud_error *err) {
    ludc_dataset d = {0};
    ludc_rows_cache cache;
    ludc_task_rows rows[LUDC_N_SPLITS] = {{0}};
    ludc_rows_cache_open(m, opts, &cache);
    lud_status status = prepare(m, &opts->data, &cache, &d, rows, err);
    ludc_dataset_free(&d);
    if (status == LUD_OK) status = embed_and_train(m, rows, opts, result, err);
    for (int i = 0; i < LUDC_N_SPLITS && m->predictor; i++)
        ludc_task_rows_free(&rows[i], m->predictor);
    ludc_rows_cache_close(&cache);
    return status;
}
