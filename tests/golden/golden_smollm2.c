/* SPDX-License-Identifier: Apache-2.0
 * A real model, SmolLM2-135M-Instruct from its GGUF: logits and hidden states, the clipped gradients of the first LoRA
 * step, and ten training steps replayed from the same start: each loss and the adapter at the end. */
#include "golden.h"

#include <config.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_T = 1024, MAX_S = 16 };

/* ---- Forward ---- */
typedef struct forward {
    int32_t ids[MAX_T], positions[MAX_T], rows[MAX_T], offsets[2];
    ludc_run_tokens tokens;
} forward;

/* One row of ids; the logits of its last `n_rows`. */
static bool read_forward(const ludc_tensors *file, forward *f) {
    const ludc_file_tensor *ids = ludc_tensors_find(file, LUDC_STR("input_ids"));
    const ludc_file_tensor *logits = ludc_tensors_find(file, LUDC_STR("logits"));
    if (!ids || !logits || ids->dtype != LUDC_I64 || ids->count > MAX_T || logits->dim[0] > ids->count) return false;
    int32_t t = (int32_t)ids->count, n = (int32_t)logits->dim[0];
    for (int32_t i = 0; i < t; i++) {
        int64_t id;
        memcpy(&id, ids->data + (size_t)i * sizeof id, sizeof id);
        f->ids[i] = (int32_t)id;
        f->positions[i] = i;
    }
    for (int32_t i = 0; i < n; i++)
        f->rows[i] = t - n + i;
    f->offsets[0] = 0;
    f->offsets[1] = t;
    f->tokens = (ludc_run_tokens){
        .T = t, .S = 1, .N = n, .ids = f->ids, .positions = f->positions, .seg_offsets = f->offsets, .rows = f->rows};
    return true;
}

static void compare_hidden(golden *g, ludc_run *run, const ludc_model_info *info, int64_t t, const ludc_tensors *file) {
    float *got = ludc_alloc((size_t)(t * info->width) * sizeof *got);
    for (int64_t i = 0; i <= info->layers; i++) {
        char key[32];
        lud_error err = LUDC_ERROR_INIT;
        int64_t n = 0;
        (void)snprintf(key, sizeof key, "hidden.%lld", (long long)i);
        float *want = golden_floats(file, key, &n);
        if (!want) continue;
        if (n != t * info->width ||
            ludc_run_hidden(run, i == info->layers ? INT32_MAX : (int32_t)i - 1, got, &err) != LUD_OK) {
            golden_fail(g, "%s: %s", key, err.msg);
        } else {
            golden_take(g, key, golden_error(got, want, n), 1e-4);
        }
        ludc_free(want);
    }
    ludc_free(got);
}

static void check_forward(golden *g, const char *gguf) {
    lud_error err = LUDC_ERROR_INIT;
    static forward f;
    ludc_tensors *file = NULL;
    golden_model m = {0};
    ludc_run *run = NULL;
    int64_t n = 0;
    char *path = golden_path(g, "smollm2", "forward.safetensors");
    float *want = NULL, *got = NULL;
    lud_status status = ludc_safetensors_open(path, &file, &err);
    if (status == LUD_OK && !read_forward(file, &f)) status = ludc_fail(&err, LUD_E_DATA, "%s: odd contents", path);
    if (status == LUD_OK) status = golden_open(g, gguf, NULL, "auto", false, 0, &m, &err);
    const ludc_run_caps caps = {.T = f.tokens.T, .S = 1, .N = f.tokens.N, .hidden = true};
    if (status == LUD_OK) status = ludc_run_new(m.model, LUDC_RUN_LOGITS, &caps, &run, &err);
    if (status == LUD_OK) {
        want = golden_floats(file, "logits", &n);
        got = ludc_alloc((size_t)(f.tokens.N * ludc_model_info_of(m.model)->vocab_size) * sizeof *got);
        status = ludc_run_logits(run, &f.tokens, got, &err);
    }
    if (status == LUD_OK) {
        printf("%s\n", ludc_model_info_of(m.model)->devices->why);
        golden_take(g, "smollm2 logits", golden_error(got, want, n), 1e-4);
        compare_hidden(g, run, ludc_model_info_of(m.model), f.tokens.T, file);
    } else {
        golden_fail(g, "forward: %s", err.msg);
    }
    ludc_free(want);
    ludc_free(got);
    ludc_run_free(run);
    golden_close(&m);
    ludc_tensors_free(file);
    ludc_free(path);
}

/* ---- Training ---- */
typedef struct replay {
    golden *g;
    ludc_model *model;
    ludc_store *store;
    ludc_run *run;
    ludc_optimizer *optimizer;
    ludc_batch batch;
} replay;

static bool fill_batch(ludc_batch *batch, const ludc_value *rows) {
    static int32_t ids[MAX_T];
    ludc_batch_clear(batch);
    for (size_t i = 0; i < rows->len; i++) {
        const ludc_value *list = ludc_value_get(rows->items[i], "ids");
        if (!list || list->len > MAX_T) return false;
        for (size_t k = 0; k < list->len; k++)
            ids[k] = (int32_t)list->items[k]->u.i;
        const ludc_row row = {.ids = ids,
                              .len = (int32_t)list->len,
                              .prompt_len = (int32_t)ludc_get_int(rows->items[i], "prompt_len", 0),
                              .row = i};
        if (!ludc_batch_fits(batch, &row)) return false;
        ludc_batch_add(batch, &row, 0, 0);
    }
    return true;
}

/* The reference holds some layers' gradients after clipping. */
static void compare_first_gradients(replay *r, double factor) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *file = NULL;
    char *path = golden_path(r->g, "smollm2", "lora_step0_clipped_grads.safetensors");
    float *flat = ludc_alloc((size_t)ludc_store_flat_len(r->store) * sizeof *flat);
    lud_status status = ludc_safetensors_open(path, &file, &err);
    if (status == LUD_OK) status = ludc_store_flat_read(r->store, LUDC_FLAT_GRADS, flat, &err);
    for (size_t i = 0; status == LUD_OK && i < ludc_tensors_len(file); i++) {
        const char *key = ludc_tensors_at(file, i)->name;
        char name[256];
        int64_t n = 0;
        (void)snprintf(name, sizeof name, "%s", key + strlen("base_model.model."));
        char *gone = strstr(name, ".default");
        if (gone) memmove(gone, gone + 8, strlen(gone + 8) + 1);
        int64_t index = ludc_store_index(r->store, ludc_str(name));
        float *want = golden_floats(file, key, &n);
        if (index < 0 || ludc_store_at(r->store, (size_t)index)->count != n) {
            golden_fail(r->g, "no parameter for %s", key);
        } else {
            float *got = flat + ludc_store_at(r->store, (size_t)index)->flat_offset;
            for (int64_t k = 0; k < n; k++)
                got[k] = (float)((double)got[k] * factor);
            golden_take(r->g, key, golden_error(got, want, n), 1e-4);
        }
        ludc_free(want);
    }
    if (status != LUD_OK) golden_fail(r->g, "clipped gradients: %s", err.msg);
    ludc_tensors_free(file);
    ludc_free(flat);
    ludc_free(path);
}

static lud_status one_step(replay *r, const ludc_value *step, int number, lud_error *err) {
    ludc_run_result result = {0};
    double norm = 0.0;
    char what[64];
    if (!fill_batch(&r->batch, ludc_value_get(step, "batch"))) return ludc_fail(err, LUD_E_DATA, "step %d", number);
    LUDC_TRY(ludc_store_flat_zero(r->store, LUDC_FLAT_GRADS, err));
    LUDC_TRY(ludc_run_batch(r->run, &r->batch, 1.0f / (float)r->batch.N, &result, err));
    LUDC_TRY(ludc_optimizer_grad_norm(r->optimizer, &norm, err));
    double factor = fmin(1.0, 0.5 / (norm + 1e-6));
    float loss = (float)(result.loss_sum / result.weight_sum), want = (float)ludc_get_float(step, "loss", 0.0);
    float norm_got = (float)norm, norm_want = (float)ludc_get_float(step, "grad_norm_before_clip", 0.0);
    (void)snprintf(what, sizeof what, "step %d loss", number);
    golden_take(r->g, what, golden_error(&loss, &want, 1), 1e-4);
    (void)snprintf(what, sizeof what, "step %d gradient norm", number);
    golden_take(r->g, what, golden_error(&norm_got, &norm_want, 1), 1e-4);
    if (number == 0) compare_first_gradients(r, factor);
    const float scalars[8] = {5e-4f, (float)factor, 0.01f, 1.0f, 0.9f, 0.999f, 1e-8f, (float)(number + 1)};
    return ludc_optimizer_step(r->optimizer, scalars, err);
}

/* Norm of the difference at the end, relative to the norm of the change that training made. */
static void compare_final(replay *r) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *first = NULL, *last = NULL;
    char *a = golden_path(r->g, "smollm2/lora_init", "adapter_model.safetensors");
    char *b = golden_path(r->g, "smollm2/lora_final", "adapter_model.safetensors");
    double difference = 0.0, change = 0.0;
    lud_status status = ludc_safetensors_open(a, &first, &err);
    if (status == LUD_OK) status = ludc_safetensors_open(b, &last, &err);
    for (size_t i = 0; status == LUD_OK && i < ludc_tensors_len(last); i++) {
        const char *key = ludc_tensors_at(last, i)->name;
        int64_t n = 0, index = ludc_store_index(r->store, ludc_str(key + strlen("base_model.model.")));
        float *begin = golden_floats(first, key, &n), *end = golden_floats(last, key, &n);
        float *got = ludc_alloc((size_t)n * sizeof *got);
        status = index < 0 ? ludc_fail(&err, LUD_E_DATA, "no parameter for %s", key)
                           : ludc_store_get(r->store, (size_t)index, got, &err);
        for (int64_t k = 0; status == LUD_OK && begin && end && k < n; k++) {
            difference += pow((double)got[k] - (double)end[k], 2.0);
            change += pow((double)end[k] - (double)begin[k], 2.0);
        }
        ludc_free(begin);
        ludc_free(end);
        ludc_free(got);
    }
    if (status != LUD_OK)
        golden_fail(r->g, "final adapter: %s", err.msg);
    else
        golden_take(r->g, "final adapter", sqrt(difference / change), 1e-3);
    ludc_tensors_free(first);
    ludc_tensors_free(last);
    ludc_free(a);
    ludc_free(b);
}

static void check_training(golden *g, const char *gguf) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *json = NULL;
    golden_model m = {0};
    replay r = {.g = g};
    char *path = golden_path(g, "smollm2", "lora_train.json"), *init = golden_path(g, "smollm2", "lora_init");
    lud_status status = ludc_json_load(path, &json, &err);
    const ludc_run_caps caps = {.T = MAX_T, .S = MAX_S, .N = MAX_T};
    if (status == LUD_OK) status = golden_open(g, gguf, init, "auto", true, 0, &m, &err);
    if (status == LUD_OK) status = ludc_batch_init(&r.batch, MAX_T, MAX_S, &err);
    if (status == LUD_OK) {
        r.model = m.model;
        r.store = ludc_model_store(m.model);
        status = ludc_run_new(m.model, LUDC_RUN_TRAIN, &caps, &r.run, &err);
    }
    if (status == LUD_OK) {
        status = ludc_optimizer_new((ludc_devices *)ludc_model_info_of(m.model)->devices, r.store, LUDC_OPT_ADAMW,
                                    false, &r.optimizer, &err);
    }
    const ludc_value *steps = ludc_value_get(json, "steps");
    for (size_t i = 0; status == LUD_OK && steps && i < steps->len; i++) {
        status = one_step(&r, steps->items[i], (int)i, &err);
    }
    if (status == LUD_OK)
        compare_final(&r);
    else
        golden_fail(g, "training: %s", err.msg);
    ludc_optimizer_free(r.optimizer);
    ludc_run_free(r.run);
    ludc_batch_free(&r.batch);
    golden_close(&m);
    ludc_value_free(json);
    ludc_free(path);
    ludc_free(init);
}

int main(void) {
    golden g;
    char *gguf = golden_find_model();
    golden_init(&g);
    char *folder = golden_path(&g, "smollm2", "forward.safetensors");
    if (!gguf || !ludc_path_exists(folder)) {
        printf("skip: %s\n", gguf ? "no reference values of smollm2" : "no SmolLM2-135M*.gguf in LUDWIG_MODELS");
    } else {
        check_forward(&g, gguf);
        check_training(&g, gguf);
    }
    int code = golden_done(&g, "golden_smollm2");
    golden_free(&g);
    ludc_free(folder);
    ludc_free(gguf);
    return code;
}
