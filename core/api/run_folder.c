/* SPDX-License-Identifier: Apache-2.0
 * The results layout of Ludwig: <output>/<experiment>_<model>[_N]/{description.json, training_statistics.json, model/}.
 * All of it is written under a temporary name and appears with one rename. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

lud_status ludc_json_write(const char *dir, const char *name, const ludc_value *v, lud_error *err) {
    ludc_buf text = {0};
    char *path = ludc_path_join(dir, name);
    lud_status status = ludc_value_to_json(v, 4, &text);
    ludc_buf_adds(&text, "\n");
    if (status != LUD_OK || text.failed || !path)
        status = ludc_no_memory(err, name);
    else
        status = ludc_file_write(path, text.ptr, text.len, err);
    ludc_buf_free(&text);
    ludc_free(path);
    return status;
}

static lud_status write_hyperparameters(lud_model *m, const char *dir, lud_error *err) {
    ludc_value *config = ludc_value_copy(m->config.full);
    if (!config) return ludc_no_memory(err, NULL);
    if (m->predictor)
        ludc_task_absolute(m, config);
    else if (!m->base_model && !ludc_model_is_fetched(m, "base_model"))
        ludc_value_put(config, "base_model", ludc_value_text(ludc_model_info_of(m->model)->base->path));
    const lud_status status = ludc_json_write(dir, "model_hyperparameters.json", config, err);
    ludc_value_free(config);
    return status;
}

static lud_status write_metadata(const lud_model *m, const char *dir, lud_error *err) {
    ludc_value *v = m->metadata ? ludc_value_copy(m->metadata) : ludc_value_new(LUD_CFG_OBJECT);
    if (!v) return ludc_no_memory(err, NULL);
    for (size_t k = 0; m->predictor && k < m->predictor->n_outputs; k++) {
        const ludc_output *o = &m->predictor->outputs[k];
        if (o->temperature != 1.0)
            ludc_value_put(ludc_value_get(v, o->name), "calibration_temperature", ludc_value_float(o->temperature));
    }
    for (size_t i = 0; m->predictor && m->predictor->devices->int8 && i < m->predictor->n_inputs; i++) {
        const ludc_input *in = &m->predictor->inputs[i];
        if (in->cached) ludc_value_put(ludc_value_get(v, in->name), "int8", ludc_value_bool(in->int8));
    }
    if (m->model) {
        ludc_value *feature = ludc_value_new(LUD_CFG_OBJECT);
        ludc_value_put(feature, "vocab_size", ludc_value_int(ludc_model_info_of(m->model)->vocab_size));
        ludc_value_putn(v, ludc_feature_name(m->config.full, true), feature);
    }
    ludc_value_put(v, "random_seed", ludc_value_int((int64_t)m->seed));
    ludc_value_put(v, "ludwig_version", ludc_value_text(LUDC_VERSION));
    const lud_status status = ludc_json_write(dir, "training_set_metadata.json", v, err);
    ludc_value_free(v);
    return status;
}

lud_status ludc_model_folder_write(lud_model *m, const char *dir, lud_error *err) {
    LUDC_TRY(write_hyperparameters(m, dir, err));
    LUDC_TRY(write_metadata(m, dir, err));
    char *weights = ludc_path_join(dir, "model_weights");
    if (!weights) return ludc_no_memory(err, NULL);
    const bool merge = ludc_get_bool(m->config.full, "adapter.postprocessor.merge_adapter_into_base_model", false);
    const bool adapter = m->model && ludc_model_info_of(m->model)->adapter_name && !merge;
    const lud_status status = m->predictor ? ludc_task_weights_write(m, weights, err)
                              : adapter    ? ludc_model_save_adapter(m->model, weights, err)
                                           : ludc_model_save_folder(m->model, weights, LUDC_F32, err);
    ludc_free(weights);
    return status;
}

/* {feature: {metric: [one value per evaluation]}} of one split. */
static ludc_value *series(const ludc_run_record *r, int split) {
    ludc_value *all = ludc_value_new(LUD_CFG_OBJECT);
    for (size_t i = 0; i < r->n_evaluations; i++) {
        const ludc_value *tree = r->evaluations[i].split[split];
        for (size_t f = 0; tree && f < tree->len; f++) {
            const ludc_value *of = tree->items[f];
            if (!ludc_value_get(all, tree->keys[f].ptr))
                ludc_value_putn(all, tree->keys[f], ludc_value_new(LUD_CFG_OBJECT));
            ludc_value *to = ludc_value_get(all, tree->keys[f].ptr);
            for (size_t k = 0; k < of->len; k++) {
                if (!ludc_value_get(to, of->keys[k].ptr))
                    ludc_value_putn(to, of->keys[k], ludc_value_new(LUD_CFG_LIST));
                ludc_value_push(ludc_value_get(to, of->keys[k].ptr), ludc_value_copy(of->items[k]));
            }
        }
    }
    return all;
}

static lud_status write_statistics(const lud_model *m, const ludc_run_record *r, const char *dir, lud_error *err) {
    static const char *const names[LUDC_N_SPLITS] = {"training", "validation", "test"};
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT), *frequency = ludc_value_new(LUD_CFG_OBJECT);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_value_put(v, names[i], series(r, i));
    const int64_t steps = ludc_get_int(m->config.full, "trainer.steps_per_checkpoint", 0);
    ludc_value_put(frequency, "frequency", ludc_value_int(steps > 0 ? steps : 1));
    ludc_value_put(frequency, "period", ludc_value_text(steps > 0 ? "step" : "epoch"));
    ludc_value_put(v, "evaluation_frequency", frequency);
    const lud_status status = ludc_json_write(dir, "training_statistics.json", v, err);
    ludc_value_free(v);
    return status;
}

static lud_status write_progress(const ludc_train_state *st, const char *dir, lud_error *err) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"steps", st->step},
                  {"epoch", st->epoch},
                  {"checkpoint_number", st->evaluations},
                  {"best_eval_metric_steps", st->best_step},
                  {"best_eval_metric_epoch", st->best_epoch},
                  {"best_eval_metric_checkpoint_number", st->best_evaluation},
                  {"num_reductions_learning_rate", st->plateau_reductions},
                  {"total_tokens", (int64_t)st->tokens},
                  {"target_tokens", (int64_t)st->target_tokens}};
    for (size_t i = 0; i < LUDC_COUNT(counts); i++)
        ludc_value_put(v, counts[i].name, ludc_value_int(counts[i].value));
    ludc_value_put(v, "best_eval_metric_value", ludc_value_float(st->best_value));
    const lud_status status = ludc_json_write(dir, "training_progress.json", v, err);
    ludc_value_free(v);
    return status;
}

/* Rows of each split, and what the files were. */
static void describe_data(const ludc_run_record *r, ludc_value *v) {
    const lud_data_source *d = &r->opts->data;
    const char *const paths[] = {d->dataset, d->training_set, d->validation_set, d->test_set};
    static const char *const splits[LUDC_N_SPLITS] = {"training", "validation", "test"};
    ludc_value *rows = ludc_value_new(LUD_CFG_OBJECT), *hashes = ludc_value_new(LUD_CFG_OBJECT);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_value_put(rows, splits[i], ludc_value_int((int64_t)r->n_rows[i]));
    for (size_t i = 0; i < LUDC_COUNT(paths); i++) {
        char hex[65];
        const char *slash = paths[i] ? strrchr(paths[i], '/') : NULL;
        if (!paths[i] || !ludc_path_exists(paths[i]) || ludc_hub_hash(paths[i], hex, NULL) != LUD_OK) continue;
        ludc_value_put(hashes, slash ? slash + 1 : paths[i], ludc_value_text(hex));
    }
    ludc_value_put(v, "rows", rows);
    ludc_value_put(v, "sha256", hashes);
}

static lud_status write_description(const lud_model *m, const ludc_run_record *r, const char *dir, lud_error *err) {
    const lud_train_opts *o = r->opts;
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT), *plugins = ludc_value_new(LUD_CFG_LIST);
    ludc_value_put(v, "ludwig_version", ludc_value_text(LUDC_VERSION));
    ludc_value_put(v, "command", ludc_value_text(o->command));
    ludc_value_put(v, "random_seed", ludc_value_int((int64_t)m->seed));
    ludc_value_put(v, "dataset", ludc_value_text(o->data.dataset));
    ludc_value_put(v, "training_set", ludc_value_text(o->data.training_set));
    ludc_value_put(v, "validation_set", ludc_value_text(o->data.validation_set));
    ludc_value_put(v, "test_set", ludc_value_text(o->data.test_set));
    describe_data(r, v);
    ludc_value_put(v, "device", ludc_value_text(ludc_model_devices(m)->why));
    ludc_value_put(v, "truncated_rows", ludc_value_int((int64_t)r->truncated_rows));
    ludc_value_put(v, "rows_without_target", ludc_value_int((int64_t)r->dropped_rows));
    const ludc_plugin_info *infos;
    const size_t n = ludc_host_plugins(m->session->host, &infos);
    for (size_t i = 0; i < n; i++)
        if (infos[i].plugin) ludc_value_push(plugins, ludc_value_text(infos[i].path));
    ludc_value_put(v, "plugins", plugins);
    ludc_value_put(v, "config", ludc_value_copy(m->config.full));
    const lud_status status = ludc_json_write(dir, "description.json", v, err);
    ludc_value_free(v);
    return status;
}

static lud_status write_all(lud_model *m, const ludc_run_record *r, const char *dir, lud_error *err) {
    LUDC_TRY(write_description(m, r, dir, err));
    LUDC_TRY(write_statistics(m, r, dir, err));
    if (r->opts->skip_save_model) return LUD_OK;
    char *model = ludc_path_join(dir, "model");
    if (!model) return ludc_no_memory(err, NULL);
    lud_status status = ludc_dir_make(model, err);
    if (status == LUD_OK) status = ludc_model_folder_write(m, model, err);
    if (status == LUD_OK) status = write_progress(r->state, model, err);
    ludc_free(model);
    return status;
}

/* The first of base, base_0, base_1 ... that is free; heap. */
static char *free_name(const char *base) {
    ludc_buf name = {0};
    ludc_buf_adds(&name, base);
    for (int i = 0; !name.failed && ludc_path_exists(name.ptr); i++) {
        ludc_buf_clear(&name);
        ludc_buf_addf(&name, "%s_%d", base, i);
    }
    return name.ptr;
}

static const char *parent_of(const lud_train_opts *o) {
    return o->output_directory ? o->output_directory : "results";
}

/* Said before hours of training, not after. Makes nothing. */
lud_status ludc_run_folder_check(const lud_train_opts *o, lud_error *err) {
    char *run = ludc_path_join(parent_of(o), "run");
    const lud_status status = run ? ludc_path_can_make(run, true, err) : ludc_no_memory(err, NULL);
    ludc_free(run);
    return status;
}

lud_status ludc_run_folder_write(lud_model *m, const ludc_run_record *r, lud_train_result *result, lud_error *err) {
    const lud_train_opts *o = r->opts;
    snprintf(result->experiment, sizeof(result->experiment), "%s_%s",
             o->experiment_name ? o->experiment_name : "experiment", o->model_name ? o->model_name : "run");
    LUDC_TRY(ludc_dir_make(parent_of(o), err));
    char *absolute = ludc_path_absolute(parent_of(o));
    char *base = absolute ? ludc_path_join(absolute, result->experiment) : NULL;
    char *final = base ? free_name(base) : NULL;
    ludc_buf temp = {0};
    ludc_buf_addf(&temp, "%s.partial", final ? final : "");
    lud_status status = final && !temp.failed ? ludc_dir_make(temp.ptr, err) : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = write_all(m, r, temp.ptr, err);
    if (status == LUD_OK) status = ludc_path_rename(temp.ptr, final, err);
    if (status == LUD_OK)
        snprintf(result->run_dir, sizeof(result->run_dir), "%s", final);
    else if (temp.ptr && final)
        (void)ludc_dir_remove(temp.ptr, NULL);
    ludc_buf_free(&temp);
    ludc_free(final);
    ludc_free(base);
    ludc_free(absolute);
    return status;
}
