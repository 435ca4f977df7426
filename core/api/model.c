/* SPDX-License-Identifier: Apache-2.0
 * Life of a lud_model: a checked config, or a saved model folder, and the inner model opened when first needed. */
#include "internal.h"

#include <string.h>

void ludc_model_close(lud_model *m) {
    ludc_model_free(m->model);
    ludc_predictor_free(m->predictor);
    m->model = NULL;
    m->predictor = NULL;
}

LUD_EXPORT void lud_model_free(lud_model *m) {
    if (!m) return;
    ludc_model_close(m);
    ludc_value_free(m->metadata);
    ludc_free(m->weights);
    ludc_config_free(&m->config);
    ludc_value_free(m->located);
    ludc_free(m->base_model);
    ludc_free(m->adapter_dir);
    ludc_free(m);
}

static lud_status finish(lud_model *m, lud_status status, lud_model **out) {
    if (status == LUD_OK) return *out = m, LUD_OK;
    lud_model_free(m);
    return status;
}

LUD_EXPORT lud_status lud_model_create(lud_session *s, const lud_config_source *src, lud_model **out, lud_error *err) {
    lud_model *m = ludc_alloc(sizeof(*m));
    if (!m) return ludc_no_memory(err, NULL);
    m->session = s;
    const lud_status status = ludc_config_open(src, &m->config, err);
    m->seed = (uint64_t)ludc_get_int(m->config.full, "random_seed", 42);
    return finish(m, status, out);
}

char *ludc_model_folder(const char *path) {
    char *absolute = ludc_path_absolute(path), *inner = absolute ? ludc_path_join(absolute, "model") : NULL;
    char *file = inner ? ludc_path_join(inner, "model_hyperparameters.json") : NULL;
    const bool is_run = file && ludc_path_exists(file);
    ludc_free(file);
    ludc_free(is_run ? absolute : inner);
    return is_run ? inner : absolute;
}

lud_status ludc_task_metadata_check(const lud_model *m, const ludc_value *metadata, const char *path, lud_error *err) {
    static const char *const lists[] = {"input_features", "output_features"};
    for (size_t k = 0; k < LUDC_COUNT(lists); k++) {
        const ludc_value *list = ludc_value_get(m->config.full, lists[k]);
        for (size_t i = 0; i < list->len; i++) {
            const lud_str name = ludc_get_text(list->items[i], "name");
            const ludc_value *one = ludc_value_get(metadata, name.ptr);
            if (!ludc_get_bool(list->items[i], "active", true)) continue;
            if (ludc_get_int(one, "width", 0) > 0 &&
                ludc_value_equal(ludc_value_get(one, "type"), ludc_value_get(list->items[i], "type")))
                continue;
            return ludc_fail(err, LUD_E_IO, "%s: nothing of the feature '%.*s': damaged, or another model's file", path,
                             LUDC_ARG(name));
        }
    }
    return LUD_OK;
}

static lud_status load_metadata(lud_model *m, const char *path, ludc_value **out, lud_error *err) {
    lud_error why = LUDC_ERROR_INIT;
    lud_status status = ludc_json_load(path, out, &why);
    if (status != LUD_OK) return ludc_fail(err, status == LUD_E_NOMEM ? status : LUD_E_IO, "%s", why.msg);
    return ludc_is_predictive(m) ? ludc_task_metadata_check(m, *out, path, err) : LUD_OK;
}

/* An uploaded predictive model brings its base model along. */
static bool take_encoder(ludc_value *config, const char *dir) {
    ludc_value *inputs = ludc_value_get(config, "input_features");
    char *path = ludc_path_join(dir, "encoder");
    bool ok = path != NULL;
    for (size_t i = 0; ok && inputs && i < inputs->len && ludc_path_is_dir(path); i++) {
        ludc_value *encoder = ludc_value_get(inputs->items[i], "encoder");
        static const char *const keys[] = {"pretrained_model_name_or_path", "base_model"};
        for (size_t k = 0; k < LUDC_COUNT(keys); k++)
            if (ludc_text_is(encoder, keys[k], "encoder")) ok = ludc_value_put(encoder, keys[k], ludc_value_text(path));
    }
    ludc_free(path);
    return ok;
}

static lud_status load_folder(lud_model *m, const char *dir, lud_error *err) {
    char *hyper = ludc_path_join(dir, "model_hyperparameters.json"),
         *meta = ludc_path_join(dir, "training_set_metadata.json");
    /* A repository has the weights at its root, where peft and transformers look, and the config by Ludwig's name. */
    if (hyper && !ludc_path_exists(hyper)) {
        ludc_free(hyper);
        hyper = ludc_path_join(dir, "ludwig_config.json");
    }
    const bool flat = hyper && strcmp(strrchr(hyper, '/'), "/ludwig_config.json") == 0 && ludc_path_exists(hyper);
    char *weights = flat ? ludc_strdup(dir) : ludc_path_join(dir, "model_weights"),
         *adapter = weights ? ludc_path_join(weights, "adapter_config.json") : NULL;
    lud_status status = hyper && meta && adapter ? LUD_OK : ludc_no_memory(err, NULL);
    if (status == LUD_OK && !ludc_path_exists(hyper))
        status = ludc_fail(err, LUD_E_IO, "%s: no saved model (want model_hyperparameters.json in it or in its model/)",
                           dir);
    if (status == LUD_OK) status = ludc_config_load(hyper, NULL, 0, &m->config, err);
    if (status == LUD_OK && flat && !take_encoder(m->config.full, dir)) status = ludc_no_memory(err, NULL);
    ludc_value *metadata = NULL;
    if (status == LUD_OK && (ludc_path_exists(meta) || ludc_is_predictive(m)))
        status = load_metadata(m, meta, &metadata, err);
    m->seed = (uint64_t)ludc_get_int(metadata, "random_seed", 42);
    if (status == LUD_OK && ludc_is_predictive(m)) {
        m->metadata = metadata;
        m->weights = ludc_path_join(weights, "model.safetensors");
        goto out;
    }
    ludc_value_free(metadata);
    if (status == LUD_OK && ludc_path_exists(adapter))
        m->adapter_dir = weights, weights = NULL;
    else if (status == LUD_OK && ludc_path_is_dir(weights)) {
        m->base_model = weights, weights = NULL;
        /* An adapter that was merged when the run was saved is no more. */
        if (!ludc_value_put(m->config.full, "adapter", ludc_value_new(LUD_CFG_NULL)))
            status = ludc_no_memory(err, NULL);
    }
out:
    ludc_free(hyper);
    ludc_free(meta);
    ludc_free(weights);
    ludc_free(adapter);
    return status;
}

LUD_EXPORT lud_status lud_model_load(lud_session *s, const char *path, lud_model **out, lud_error *err) {
    char *fetched = NULL;
    LUDC_TRY(ludc_session_locate(s, path, &fetched, err));
    if (!fetched && !ludc_path_is_dir(path))
        return ludc_fail(err, LUD_E_IO, "%s: no such folder (want a run folder or its model/)", path);
    lud_model *m = ludc_alloc(sizeof(*m));
    char *dir = ludc_model_folder(fetched ? fetched : path);
    ludc_free(fetched);
    if (!m || !dir) {
        ludc_free(m);
        ludc_free(dir);
        return ludc_no_memory(err, NULL);
    }
    m->session = s;
    const lud_status status = load_folder(m, dir, err);
    ludc_free(dir);
    return finish(m, status, out);
}

bool ludc_is_predictive(const lud_model *m) {
    return ludc_str_eq(ludc_get_str(m->config.full, "model_type", LUDC_STR("ecd")), "ecd");
}

const ludc_devices *ludc_model_devices(const lud_model *m) {
    return m->predictor ? m->predictor->devices : ludc_model_info_of(m->model)->devices;
}

lud_status ludc_model_ready(lud_model *m, bool for_training, lud_error *err) {
    LUDC_TRY(ludc_model_locate(m, err));
    if (ludc_is_predictive(m)) return ludc_task_ready(m, for_training, err);

    if (m->model && (m->for_training || !for_training)) return LUD_OK;
    ludc_model_close(m);
    m->for_training = for_training;
    const bool fetched = !m->base_model && ludc_model_is_fetched(m, "base_model");
    const char *began_from = ludc_get_str(m->located, "adapter.pretrained_adapter_weights", (lud_str){0}).ptr;
    const ludc_model_spec spec = {
        .host = m->session->host,
        .config = m->config.full,
        .base_model = fetched ? ludc_get_text(m->located, "base_model").ptr : m->base_model,
        .adapter_dir = m->adapter_dir ? m->adapter_dir : began_from,
        .for_training = for_training,
        .seed = m->seed,
    };
    LUDC_TRY(ludc_model_open(&spec, &m->model, err));
    const ludc_model_info *info = ludc_model_info_of(m->model);
    ludc_log(LUD_LOG_INFO, "%s", info->devices->why);
    ludc_log(LUD_LOG_INFO, "model: encoder %s, decoder %s, adapter %s; %lld parameters, %lld trainable (%.3f %%)",
             info->encoder_name, info->decoder_name, info->adapter_name ? info->adapter_name : "none",
             (long long)info->n_parameters, (long long)info->n_trainable,
             100.0 * (double)info->n_trainable / (double)LUDC_MAX(info->n_parameters, 1));
    return LUD_OK;
}

LUD_EXPORT lud_status lud_model_save(lud_model *m, const char *dir, lud_error *err) {
    if (ludc_path_exists(dir)) return ludc_fail(err, LUD_E_IO, "%s: exists already; name a new folder", dir);
    LUDC_TRY(ludc_model_ready(m, false, err));
    ludc_buf temp = {0};
    ludc_buf_addf(&temp, "%s.partial", dir);
    lud_status status = temp.failed ? ludc_no_memory(err, NULL) : ludc_dir_make(temp.ptr, err);
    if (status == LUD_OK) status = ludc_model_folder_write(m, temp.ptr, err);
    if (status == LUD_OK) status = ludc_path_rename(temp.ptr, dir, err);
    if (status != LUD_OK && temp.ptr) (void)ludc_dir_remove(temp.ptr, NULL);
    ludc_buf_free(&temp);
    return status;
}
