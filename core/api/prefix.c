/* SPDX-License-Identifier: Apache-2.0
 * preprocessing.cache_encoder_embeddings where an encoder is trained in part: while a model trains, the layers below
 * all that is trained are read from the cache of embeddings (core/model/prefix.c). */
#include "internal.h"

static bool wanted(const ludc_value *feature) {
    return ludc_get_bool(feature, "preprocessing.cache_encoder_embeddings", false);
}

static lud_status begin_language(lud_model *m, const char *dir, lud_error *err) {
    const ludc_value *inputs = ludc_value_get(m->config.full, "input_features");
    bool any = false;
    for (size_t i = 0; i < inputs->len; i++)
        any |= wanted(inputs->items[i]);
    return any ? ludc_prefix_open(m->model, dir, err) : LUD_OK;
}

static lud_status begin_predictive(const lud_model *m, const char *dir, lud_error *err) {
    for (size_t i = 0; i < m->predictor->n_inputs; i++) {
        const ludc_input *in = &m->predictor->inputs[i];
        if (!wanted(in->feature) || in->cached) continue;
        if (in->tower)
            LUDC_TRY(ludc_prefix_open(in->tower, dir, err));
        else
            ludc_log(LUD_LOG_WARN, "input '%s': cache_encoder_embeddings: nothing is kept: it has no base model",
                     in->name);
    }
    return LUD_OK;
}

lud_status ludc_prefix_begin(lud_model *m, lud_error *err) {
    char *dir = ludc_cache_folder(m, "embeddings");
    lud_status status = dir ? LUD_OK : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = m->model ? begin_language(m, dir, err) : begin_predictive(m, dir, err);
    ludc_free(dir);
    if (status != LUD_OK) ludc_prefix_end(m);
    return status;
}

static void end(ludc_model *model) {
    const ludc_prefix_counts n = ludc_prefix_close(model);
    if (n.taken)
        ludc_log(LUD_LOG_INFO, "frozen prefix: %llu tokens, %llu computed (%.1f MB written), %llu from the cache",
                 (unsigned long long)n.taken, (unsigned long long)n.computed, (double)n.bytes / 1e6,
                 (unsigned long long)(n.taken - n.computed));
}

void ludc_prefix_end(lud_model *m) {
    if (m->model) end(m->model);
    for (size_t i = 0; m->predictor && i < m->predictor->n_inputs; i++)
        if (m->predictor->inputs[i].tower) end(m->predictor->inputs[i].tower);
}
