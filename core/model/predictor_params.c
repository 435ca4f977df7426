/* SPDX-License-Identifier: Apache-2.0
 * Parameters of a predictor: base ones from their models' files, trained ones fresh or from the file that training
 * wrote. Saving writes exactly what training can change. */
#include "save.h"
#include "tower.h"

#include <string.h>

static const ludc_input *input_of(const ludc_predictor *p, const char *param) {
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_input *in = &p->inputs[i];
        if (in->tied < 0 && strncmp(param, in->scope, strlen(in->scope)) == 0) return in;
    }
    return NULL;
}

/* Whether training may change it: everything but the base models' frozen parameters. */
static bool owned(const ludc_predictor *p, const char *param) {
    const ludc_input *in = input_of(p, param);
    if (!in || !in->tower) return true;
    if (strncmp(param + strlen(in->scope), "reduce.", 7) == 0) return true;
    return ludc_tower_owns(in->tower, param);
}

/* Twice: builders must be pure, or programs would not share parameters. */
static lud_status declare(ludc_predictor *p, lud_error *err) {
    uint64_t hash[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        ludc_built_task built = {0};
        const lud_status status = ludc_task_build(p, LUDC_TASK_TRAIN, 2, 2, 0, false, &built, err);
        if (status == LUD_OK) hash[i] = ludc_graph_hash(built.g);
        ludc_task_built_free(&built);
        if (status != LUD_OK) return status;
    }
    if (hash[0] != hash[1]) return ludc_fail(err, LUD_E_ABI, "a component builds another graph the second time");
    return LUD_OK;
}

/* What an input's encoder needs where it is built alone, and the width of its rows. */
static lud_status declare_rows(ludc_predictor *p, size_t i, lud_error *err) {
    ludc_built_task built = {0};
    lud_shape shape = {0};
    lud_status status = ludc_task_build(p, LUDC_TASK_ENCODE, 2, 2, i, false, &built, err);
    if (status == LUD_OK) status = ludc_graph_api()->shape_of(built.g, built.in[i].rows, &shape);
    if (status == LUD_OK) p->inputs[i].width = shape.dim[1];
    ludc_task_built_free(&built);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "input feature '%s' has no rows", p->inputs[i].name);
}

static lud_status fill_owned(ludc_predictor *p, const char *weights, lud_error *err) {
    ludc_tensors *file = NULL;
    if (weights) LUDC_TRY(ludc_safetensors_open(weights, &file, err));
    lud_status status = LUD_OK;
    size_t n = 0;
    for (size_t i = 0; i < ludc_store_len(p->store) && status == LUD_OK; i++) {
        const ludc_param *q = ludc_store_at(p->store, i);
        if (!owned(p, q->name)) continue;
        n++;
        if (file)
            status = ludc_param_take(p->store, i, file, weights, q->name, err);
        else if (!q->filled && q->spec.init == LUD_INIT_NONE)
            status = ludc_fail(err, LUD_E_ABI, "parameter '%s' has neither a file nor initial values", q->name);
        else if (!q->filled)
            status = ludc_param_fresh(p->store, i, p->seed, err);
    }
    if (status == LUD_OK && file && n != ludc_tensors_len(file))
        status = ludc_fail(err, LUD_E_IO, "%s holds %zu tensors, this model has %zu of its own", weights,
                           ludc_tensors_len(file), n);
    ludc_tensors_free(file);
    return status;
}

static lud_status check_frozen(const ludc_predictor *p, lud_error *err) {
    ludc_freeze f = {0};
    for (size_t i = 0; i < p->n_inputs; i++)
        if (p->inputs[i].tower && p->inputs[i].tied < 0) ludc_freeze_count(p->inputs[i].tower, &f);
    return ludc_freeze_report(p->config, &f, err);
}

lud_status ludc_predictor_fill(ludc_predictor *p, const char *weights, lud_error *err) {
    for (size_t i = 0; i < p->n_inputs; i++)
        if (p->inputs[i].cached || p->inputs[i].int8) LUDC_TRY(declare_rows(p, i, err));
    LUDC_TRY(declare(p, err));
    if (p->for_training) LUDC_TRY(check_frozen(p, err));
    for (size_t i = 0; i < p->n_inputs; i++)
        if (p->inputs[i].tower && p->inputs[i].tied < 0) LUDC_TRY(ludc_params_fill(p->inputs[i].tower, NULL, err));
    LUDC_TRY(fill_owned(p, weights, err));
    for (size_t i = 0; i < ludc_store_len(p->store); i++) {
        const ludc_param *q = ludc_store_at(p->store, i);
        p->n_parameters += q->count;
        p->n_trainable += q->trainable ? q->count : 0;
    }
    return ludc_store_seal(p->store, p->for_training ? ludc_model_optimizer_states(p->config) : 0, err);
}

lud_status ludc_predictor_save(ludc_predictor *p, const char *path, lud_error *err) {
    ludc_tensor_list list = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < ludc_store_len(p->store) && status == LUD_OK; i++) {
        const ludc_param *q = ludc_store_at(p->store, i);
        float *values = NULL;
        if (!owned(p, q->name)) continue;
        status = ludc_param_values(p->store, i, &values, err);
        if (status == LUD_OK) status = ludc_tensor_list_add(&list, ludc_strdup(q->name), values, &q->shape, err);
    }
    if (status == LUD_OK) status = ludc_safetensors_save(path, list.ptr, list.len, err);
    ludc_tensor_list_free(&list);
    return status;
}
