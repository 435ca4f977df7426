/* SPDX-License-Identifier: Apache-2.0
 * lud_model_train: data to rows, the loop, the run folder. */
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct trainer {
    const lud_events *events;
    const char *unit;
    ludc_evaluation *evaluations;
    size_t n, cap;
    char feature[256];
} trainer;

static void on_progress(void *arg, const ludc_train_progress *p) {
    const trainer *t = arg;
    if (!t->events || !t->events->progress) return;
    const lud_progress out = {.struct_size = sizeof(out),
                              .phase = "train",
                              .done = p->step,
                              .total = p->total_steps,
                              .loss = p->loss,
                              .learning_rate = p->lr,
                              .per_second = p->per_second,
                              .unit = p->unit,
                              .eta_seconds = p->eta_seconds};
    t->events->progress(t->events->arg, &out);
}

static lud_status keep(trainer *t, ludc_evaluation *e, lud_error *err) {
    if (!ludc_grow(&t->evaluations, t->n, &t->cap, sizeof(*t->evaluations))) return ludc_no_memory(err, NULL);
    t->evaluations[t->n++] = *e;
    memset(e->split, 0, sizeof(e->split)); /* the trees are ours now */
    return LUD_OK;
}

static lud_status on_evaluated(void *arg, const ludc_train_state *st, ludc_evaluation *e, lud_error *err) {
    trainer *t = arg;
    LUDC_TRY(keep(t, e, err));
    if (!t->events || !t->events->evaluated) return LUD_OK;
    const ludc_evaluation *kept = &t->evaluations[t->n - 1];
    size_t n = 0;
    lud_metric *metrics = ludc_public_metrics(kept, &n);
    const lud_evaluation out = {.struct_size = sizeof(out),
                                .improved = kept->improved,
                                .step = st->step,
                                .epoch = st->epoch,
                                .metrics = metrics,
                                .n_metrics = n};
    t->events->evaluated(t->events->arg, &out);
    ludc_free(metrics);
    return LUD_OK;
}

static lud_status read_split(lud_model *m, const lud_data_source *src, const ludc_dataset *d, int split, ludc_rows *out,
                             lud_error *err) {
    const ludc_view v = ludc_dataset_split(d, src, split), training = ludc_dataset_split(d, src, LUDC_TRAIN);
    if (!v.table || v.n == 0) return LUD_OK;
    ludc_prompter *p = NULL;
    LUDC_TRY(ludc_prompter_new(m, &v, &training, true, &p, err));
    const lud_status status = ludc_prompter_rows(p, v.rows, v.n, 0, out, err);
    ludc_prompter_free(p);
    return status;
}

static lud_status read_rows(lud_model *m, const lud_data_source *src, ludc_dataset *d, ludc_rows rows[LUDC_N_SPLITS],
                            lud_error *err) {
    LUDC_TRY(ludc_dataset_open(m, src, true, d, err));
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        LUDC_TRY(read_split(m, src, d, i, &rows[i], err));
    return LUD_OK;
}

/* From the cache, or read and kept there; then d is open. */
static lud_status find_rows(lud_model *m, const lud_data_source *src, ludc_rows_cache *cache, ludc_dataset *d,
                            ludc_rows rows[LUDC_N_SPLITS], lud_error *err) {
    if (!ludc_rows_cache_language(cache, rows)) {
        LUDC_TRY(read_rows(m, src, d, rows, err));
        ludc_rows_cache_keep_language(cache, rows);
    }
    const ludc_rows *t = &rows[LUDC_TRAIN];
    ludc_log(LUD_LOG_INFO,
             "data: %zu training, %zu validation, %zu test rows; %llu training tokens, %llu of them targets", t->len,
             rows[LUDC_VALIDATION].len, rows[LUDC_TEST].len, (unsigned long long)t->tokens,
             (unsigned long long)t->target_tokens);
    if (t->truncated)
        ludc_log(LUD_LOG_WARN, "data: %llu training rows were cut to the maximal length",
                 (unsigned long long)t->truncated);
    if (t->without_target)
        ludc_log(LUD_LOG_WARN,
                 "data: %llu training rows have no target token left (raise preprocessing.global_max_sequence_length)",
                 (unsigned long long)t->without_target);
    return LUD_OK;
}

static lud_status evaluate_test(lud_model *m, const lud_train_opts *opts, ludc_dataset *d,
                                const lud_train_result *result, lud_error *err) {
    const lud_predict_opts predict = {.struct_size = sizeof(predict), .data = opts->data, .split = "test"};
    ludc_value *metrics = NULL;
    ludc_table *predictions = NULL;
    if (!d->split.n[LUDC_TEST]) LUDC_TRY(ludc_dataset_open(m, &opts->data, true, d, err));
    lud_status status = ludc_language_split(m, d, &predict, &metrics, &predictions, err);
    char *path = ludc_path_join(result->run_dir, "predictions.csv");
    if (status == LUD_OK) status = ludc_json_write(result->run_dir, "test_statistics.json", metrics, err);
    if (status == LUD_OK && path) status = ludc_table_write(predictions, path, err);
    ludc_free(path);
    ludc_value_free(metrics);
    ludc_table_free(predictions);
    return status;
}

/* The watched metric of an evaluation; a loss of `combined` where the metric is of no feature. */
static double watched(const lud_model *m, const char *feature, const ludc_value *tree) {
    const lud_str metric = ludc_get_str(m->config.full, "trainer.validation_metric", LUDC_STR("loss"));
    const lud_str field = ludc_get_str(m->config.full, "trainer.validation_field", ludc_str(feature));
    return ludc_metric_of(tree, field, metric);
}

static void fill_result(const lud_model *m, const trainer *t, const ludc_train_state *st, double seconds,
                        lud_train_result *r) {
    const lud_str metric = ludc_get_str(m->config.full, "trainer.validation_metric", LUDC_STR("loss"));
    const lud_str field = ludc_get_str(m->config.full, "trainer.validation_field", ludc_str(t->feature));
    snprintf(r->feature, sizeof(r->feature), "%.*s", LUDC_ARG(field));
    snprintf(r->validation_metric, sizeof(r->validation_metric), "%.*s", LUDC_ARG(metric));
    snprintf(r->unit, sizeof(r->unit), "%s", t->unit);
    r->best_step = st->best_step;
    r->best_epoch = st->best_epoch;
    r->steps = st->step;
    r->epochs = st->epoch;
    r->tokens = st->tokens;
    r->seconds = seconds;
    r->peak_rss_bytes = ludc_peak_rss();
    r->best_validation = r->best_test = NAN;
    if (st->best_evaluation < 1 || (size_t)st->best_evaluation > t->n) return;
    const ludc_evaluation *best = &t->evaluations[st->best_evaluation - 1];
    r->best_validation = watched(m, t->feature, best->split[LUDC_VALIDATION]);
    r->best_test = watched(m, t->feature, best->split[LUDC_TEST]);
}

static lud_status train_and_save(lud_model *m, ludc_trainee *trainee, const lud_train_opts *opts, trainer *t,
                                 ludc_run_record *record, lud_train_result *result, lud_error *err) {
    const ludc_train_events events = {.arg = t, .progress = on_progress, .evaluated = on_evaluated};
    ludc_train_state state = {0};
    const double begin = ludc_now();
    lud_error stop = LUDC_ERROR_INIT;
    const lud_status status =
        ludc_train(trainee, ludc_value_get(m->config.full, "trainer"), m->seed, &events, &state, &stop);
    if (status != LUD_OK && status != LUD_E_CANCELLED) return ludc_fail(err, status, "%s", stop.msg);
    fill_result(m, t, &state, ludc_now() - begin, result);
    result->interrupted = status == LUD_E_CANCELLED;
    ludc_cancel_clear(); /* what comes now is the saving */
    record->opts = opts;
    record->state = &state;
    record->evaluations = t->evaluations;
    record->n_evaluations = t->n;
    return ludc_run_folder_write(m, record, result, err);
}

lud_status ludc_train_and_save(lud_model *m, ludc_trainee *trainee, const lud_train_opts *opts, uint64_t dropped_rows,
                               uint64_t truncated_rows, lud_train_result *result, lud_error *err) {
    const lud_str feature = ludc_feature_name(m->config.full, true);
    trainer t = {.events = m->session->events, .unit = trainee->unit};
    ludc_run_record record = {
        .dropped_rows = dropped_rows, .truncated_rows = truncated_rows, .n_rows = trainee->n_rows};
    snprintf(t.feature, sizeof(t.feature), "%.*s", LUDC_ARG(feature));
    const lud_status status = train_and_save(m, trainee, opts, &t, &record, result, err);
    for (size_t i = 0; i < t.n; i++)
        for (int split = 0; split < LUDC_N_SPLITS; split++)
            ludc_value_free(t.evaluations[i].split[split]);
    ludc_free(t.evaluations);
    return status;
}

/* d: closed before the training unless it is needed again. */
static lud_status train_language(lud_model *m, const lud_train_opts *opts, ludc_dataset *d,
                                 const ludc_rows rows[LUDC_N_SPLITS], lud_train_result *result, lud_error *err) {
    const ludc_value *settings = ludc_value_get(m->config.full, "trainer");
    const lud_str feature = ludc_feature_name(m->config.full, true);
    ludc_trainee trainee = {0};
    const bool tests = opts->evaluate_test && rows[LUDC_TEST].len > 0;
    if (!tests) ludc_dataset_free(d);
    LUDC_TRY(ludc_prefix_begin(m, err));
    lud_status status = ludc_language_trainee(m->model, settings, feature, rows, m->seed, &trainee, err);
    if (status == LUD_OK)
        status = ludc_train_and_save(m, &trainee, opts, rows[LUDC_TRAIN].without_target, rows[LUDC_TRAIN].truncated,
                                     result, err);
    if (trainee.free) trainee.free(trainee.self);
    ludc_prefix_end(m);
    return status == LUD_OK && tests && !result->interrupted ? evaluate_test(m, opts, d, result, err) : status;
}

lud_status ludc_train_once(lud_model *m, const lud_train_opts *opts, lud_train_result *result, lud_error *err) {
    LUDC_TRY(ludc_run_folder_check(opts, err));
    if (ludc_is_predictive(m)) return ludc_task_train(m, opts, result, err);
    const lud_str type = ludc_get_str(m->config.full, "trainer.type", LUDC_STR("none"));
    if (!ludc_str_eq(type, "finetune"))
        return ludc_fail(err, LUD_E_INVALID, "trainer.type is '%.*s': there is nothing to train; set it to 'finetune'",
                         LUDC_ARG(type));
    ludc_rows rows[LUDC_N_SPLITS] = {{0}};
    ludc_rows_cache cache;
    ludc_dataset d = {0};
    LUDC_TRY(ludc_model_ready(m, true, err));
    ludc_rows_cache_open(m, opts, &cache);
    lud_status status = find_rows(m, &opts->data, &cache, &d, rows, err);
    if (status == LUD_OK) status = train_language(m, opts, &d, rows, result, err);
    ludc_dataset_free(&d);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_rows_free(&rows[i]);
    ludc_rows_cache_close(&cache);
    return status;
}

LUD_EXPORT lud_status lud_model_train(lud_model *m, const lud_train_opts *opts, lud_train_result *result,
                                      lud_error *err) {
    if (opts->random_seed) m->seed = opts->random_seed;
    return LUD_HAS(opts, lud_train_opts, k_fold) ? ludc_kfold_train(m, opts, result, err)
                                                 : ludc_train_once(m, opts, result, err);
}
