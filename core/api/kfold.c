/* SPDX-License-Identifier: Apache-2.0
 * Cross-validation, as Ludwig's kfold_cross_validate: the rows are cut into k folds, each is the test split of one
 * training on all others (there is no validation split). Every fold has a run folder of its own; what the folds' files
 * say is put together in kfold_training_statistics.json. */
#include "internal.h"

#include <math.h>
#include <stdio.h>

static lud_status check(const lud_train_opts *o, size_t n_rows, lud_error *err) {
    if (o->k_fold < 2) return ludc_fail(err, LUD_E_INVALID, "k_fold is %d: want 2 folds or more", o->k_fold);
    if (!o->data.dataset || o->data.training_set || o->data.validation_set || o->data.test_set)
        return ludc_fail(err, LUD_E_INVALID, "k_fold cuts one table itself: give dataset, and no set apart");
    if ((size_t)o->k_fold <= n_rows) return LUD_OK;
    return ludc_fail(err, LUD_E_DATA, "%s: %zu rows cannot be cut into %d folds", o->data.dataset, n_rows, o->k_fold);
}

/* ---- Which rows ---- */
static void add_rows(ludc_buf *text, const char *name, const uint32_t *rows, size_t n, const char *after) {
    ludc_buf_addf(text, "        \"%s\": [", name);
    for (size_t i = 0; i < n; i++)
        ludc_buf_addf(text, "%s%u", i ? ", " : "", rows[i]);
    ludc_buf_addf(text, "]%s\n", after);
}

static lud_status write_indices(const lud_model *m, size_t n_rows, const char *dir, lud_error *err) {
    ludc_buf text = {0};
    char *path = ludc_path_join(dir, "kfold_split_indices.json");
    lud_status status = LUD_OK;
    for (int32_t k = 0; k < m->k_fold && status == LUD_OK; k++) {
        ludc_split s = {0};
        status = ludc_split_fold(n_rows, (size_t)m->k_fold, (size_t)k, m->seed, &s, err);
        ludc_buf_addf(&text, "%s\n    \"fold_%d\": {\n", k ? "," : "{", k + 1);
        add_rows(&text, "training_indices", s.rows[LUDC_TRAIN], s.n[LUDC_TRAIN], ",");
        add_rows(&text, "test_indices", s.rows[LUDC_TEST], s.n[LUDC_TEST], "");
        ludc_buf_adds(&text, "    }");
        ludc_split_free(&s);
    }
    ludc_buf_adds(&text, "\n}\n");
    if (status == LUD_OK && (text.failed || !path)) status = ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = ludc_file_write(path, text.ptr, text.len, err);
    ludc_buf_free(&text);
    ludc_free(path);
    return status;
}

/* ---- What came out ---- */
static lud_status load(const char *dir, const char *name, ludc_value **out, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    lud_status status = path ? LUD_OK : ludc_no_memory(err, NULL);
    if (status == LUD_OK && !ludc_path_exists(path))
        status = ludc_fail(err, LUD_E_DATA, "%s: not there, since no row of this fold can be tested on", path);
    if (status == LUD_OK) status = ludc_json_load(path, out, err);
    ludc_free(path);
    return status;
}

static lud_status keep_fold(ludc_value *all, const char *name, const char *run_dir, lud_error *err) {
    ludc_value *training = NULL, *test = NULL;
    lud_status status = load(run_dir, "training_statistics.json", &training, err);
    if (status == LUD_OK) status = load(run_dir, "test_statistics.json", &test, err);
    if (status != LUD_OK) return ludc_value_free(training), status;
    const bool ok = ludc_value_put(training, "fold_eval_stats", test);
    return ludc_value_put(all, name, training) && ok ? LUD_OK : ludc_no_memory(err, NULL);
}

static void put(ludc_value *to, lud_str metric, const char *what, double value) {
    ludc_buf name = {0};
    ludc_buf_addf(&name, "%.*s_%s", LUDC_ARG(metric), what);
    if (name.ptr) ludc_value_put(to, name.ptr, ludc_value_float(value));
    ludc_buf_free(&name);
}

/* Mean and standard deviation (of the folds, not of what they stand for) over the folds that have the metric. */
static void summarize(const ludc_value *all, lud_str feature, lud_str metric, ludc_value *to) {
    double sum = 0, squares = 0, mean = 0;
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < all->len; k++) {
            const double x = ludc_metric_of(ludc_value_get(all->items[k], "fold_eval_stats"), feature, metric);
            if (isnan(x)) continue;
            sum += pass ? 0 : x;
            squares += pass ? (x - mean) * (x - mean) : 0;
            n += !pass;
        }
        mean = n ? sum / (double)n : 0;
    }
    if (n == 0) return;
    put(to, metric, "mean", mean);
    put(to, metric, "std", sqrt(squares / (double)n));
    ludc_log(LUD_LOG_INFO, "%.*s: %.*s %.6g, standard deviation %.6g over %zu folds", LUDC_ARG(feature),
             LUDC_ARG(metric), mean, sqrt(squares / (double)n), n);
}

static lud_status write_statistics(ludc_value *all, const char *dir, lud_error *err) {
    const ludc_value *first = ludc_value_find(all, "fold_1.fold_eval_stats");
    ludc_value *overall = ludc_value_new(LUD_CFG_OBJECT);
    for (size_t f = 0; f < first->len; f++) {
        ludc_value *to = ludc_value_new(LUD_CFG_OBJECT);
        for (size_t i = 0; i < first->items[f]->len; i++)
            summarize(all, first->keys[f], first->items[f]->keys[i], to);
        ludc_value_putn(overall, first->keys[f], to);
    }
    if (!ludc_value_put(all, "overall", overall)) return ludc_no_memory(err, NULL);
    return ludc_json_write(dir, "kfold_training_statistics.json", all, err);
}

/* ---- The folds ---- */
static lud_status train_fold(lud_model *m, const lud_train_opts *opts, const char *dir, ludc_value *all,
                             lud_train_result *result, lud_error *err) {
    char name[32];
    lud_train_opts one = *opts;
    (void)snprintf(name, sizeof name, "fold_%d", m->fold + 1);
    char *folder = ludc_path_join(dir, name);
    if (!folder) return ludc_no_memory(err, NULL);
    one.output_directory = folder;
    one.evaluate_test = 1;
    ludc_log(LUD_LOG_INFO, "fold %d of %d", m->fold + 1, m->k_fold);
    ludc_model_close(m); /* every fold begins with the same model */
    lud_status status = ludc_train_once(m, &one, result, err);
    if (status == LUD_OK && !result->interrupted) status = keep_fold(all, name, result->run_dir, err);
    ludc_free(folder);
    return status;
}

static lud_status train_folds(lud_model *m, const lud_train_opts *opts, size_t n_rows, ludc_value *all,
                              lud_train_result *result, lud_error *err) {
    const char *dir = opts->output_directory ? opts->output_directory : "results";
    double test = 0;
    for (m->fold = 0; m->fold < m->k_fold; m->fold++) {
        LUDC_TRY(train_fold(m, opts, dir, all, result, err));
        if (result->interrupted) return LUD_OK;
        test += result->best_test / m->k_fold;
    }
    result->best_test = test;
    if (!opts->skip_save_k_fold_split_indices) LUDC_TRY(write_indices(m, n_rows, dir, err));
    char *absolute = ludc_path_absolute(dir);
    (void)snprintf(result->run_dir, sizeof result->run_dir, "%s", absolute ? absolute : dir);
    ludc_free(absolute);
    return write_statistics(all, dir, err);
}

lud_status ludc_kfold_train(lud_model *m, const lud_train_opts *opts, lud_train_result *result, lud_error *err) {
    ludc_dataset d = {0};
    LUDC_TRY(check(opts, SIZE_MAX, err));
    LUDC_TRY(ludc_dataset_open(m, &opts->data, false, &d, err));
    const size_t n_rows = ludc_table_rows(d.tables[0]);
    ludc_dataset_free(&d);
    LUDC_TRY(check(opts, n_rows, err));
    ludc_value *all = ludc_value_new(LUD_CFG_OBJECT);
    m->k_fold = opts->k_fold;
    const lud_status status = all ? train_folds(m, opts, n_rows, all, result, err) : ludc_no_memory(err, NULL);
    m->k_fold = 0;
    ludc_value_free(all);
    return status;
}
