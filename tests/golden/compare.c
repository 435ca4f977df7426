/* SPDX-License-Identifier: Apache-2.0
 * The rules of comparison: relative error of a tensor = largest difference / largest value; a gradient whose largest
 * value is below 1e-8 of the model's largest counts as zero and is compared against that one. */
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIMIT 1e-4

static float *floats_of(const ludc_file_tensor *t, int64_t *n) {
    lud_error err = LUDC_ERROR_INIT;
    float *v = ludc_alloc((size_t)t->count * sizeof *v);
    if (!v || ludc_tensor_to_f32(t, 0, t->count, v, &err) != LUD_OK) {
        ludc_free(v);
        return NULL;
    }
    if (n) *n = t->count;
    return v;
}

float *golden_floats(const ludc_tensors *file, const char *name, int64_t *n) {
    const ludc_file_tensor *t = ludc_tensors_find(file, ludc_str(name));
    return t ? floats_of(t, n) : NULL;
}

double golden_max(const float *v, int64_t n) {
    double most = 0.0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)v[i]));
    return most;
}

/* NaN must not pass for small. */
static double ratio(double difference, double scale) {
    if (!(difference < INFINITY)) return INFINITY;
    return scale > 0.0 ? difference / scale : difference;
}

static double largest_difference(const float *got, const float *want, int64_t n) {
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= most)) most = isnan(d) ? INFINITY : d;
    }
    return most;
}

double golden_error(const float *got, const float *want, int64_t n) {
    return ratio(largest_difference(got, want, n), golden_max(want, n));
}

double golden_row_error(const golden_rows *rows, const float *got, const float *want, int64_t width) {
    double most = 0.0, scale = 0.0;
    for (int64_t t = 0; t < rows->batch.T; t++) {
        const float *w = want + rows->padded[t] * (size_t)width;
        most = fmax(most, largest_difference(got + t * width, w, width));
        scale = fmax(scale, golden_max(w, width));
    }
    return ratio(most, scale);
}

void golden_take(golden *g, const char *what, double error, double limit) {
    g->cases++;
    if (error > g->worst) g->worst = error;
    if (!(error <= limit)) golden_fail(g, "%s: relative error %.3g, limit %.3g", what, error, limit);
}

static void compare_rows(golden *g, const char *name, const char *key, const golden_rows *rows,
                         const ludc_tensors *reference, const float *got, int64_t width) {
    char what[256];
    int64_t n = 0;
    float *want = golden_floats(reference, key, &n);
    (void)snprintf(what, sizeof what, "%s %s", name, key);
    bool fits = want && rows->batch.T > 0 && n >= (int64_t)(rows->padded[rows->batch.T - 1] + 1) * width;
    if (fits)
        golden_take(g, what, golden_row_error(rows, got, want, width), LIMIT);
    else
        golden_fail(g, "%s: the reference has another shape", what);
    ludc_free(want);
}

static void compare_hidden(golden *g, const char *name, ludc_run *run, const ludc_model_info *info,
                           const golden_rows *rows, const ludc_tensors *reference) {
    float *got = ludc_alloc((size_t)(rows->batch.T * info->width) * sizeof *got);
    for (int64_t i = 0; i <= info->layers; i++) {
        char key[32];
        lud_error err = LUDC_ERROR_INIT;
        int32_t layer = i == info->layers ? INT32_MAX : (int32_t)i - 1;
        (void)snprintf(key, sizeof key, "hidden.%lld", (long long)i);
        if (!ludc_tensors_find(reference, ludc_str(key))) continue;
        if (ludc_run_hidden(run, layer, got, &err) != LUD_OK)
            golden_fail(g, "%s %s: %s", name, key, err.msg);
        else
            compare_rows(g, name, key, rows, reference, got, info->width);
    }
    ludc_free(got);
}

void golden_forward(golden *g, const char *name, ludc_model *m, const golden_rows *rows, const ludc_tensors *reference,
                    const char *logits_key, bool hidden) {
    const ludc_model_info *info = ludc_model_info_of(m);
    const ludc_run_tokens tokens = golden_tokens(rows);
    const ludc_run_caps caps = {.T = tokens.T, .S = tokens.S, .N = tokens.N, .hidden = hidden};
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL;
    float *logits = ludc_alloc((size_t)(tokens.N * info->vocab_size) * sizeof *logits);
    lud_status status = ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &run, &err);
    if (status == LUD_OK) status = ludc_run_logits(run, &tokens, logits, &err);
    if (status != LUD_OK)
        golden_fail(g, "%s: %s", name, err.msg);
    else
        compare_rows(g, name, logits_key, rows, reference, logits, info->vocab_size);
    if (status == LUD_OK && hidden) compare_hidden(g, name, run, info, rows, reference);
    ludc_run_free(run);
    ludc_free(logits);
}

/* ---- Loss and gradients ---- */
/* "base_model.model.X.lora_A.default.weight", "X.base_layer.bias" -> the parameter's name. */
static void param_name(const char *key, char *out, size_t cap) {
    static const char prefix[] = "base_model.model.";
    static const char *const gone[] = {".default", ".base_layer"};
    if (strncmp(key, prefix, sizeof prefix - 1) == 0) key += sizeof prefix - 1;
    (void)snprintf(out, cap, "%s", key);
    for (size_t i = 0; i < LUDC_COUNT(gone); i++) {
        char *at = strstr(out, gone[i]);
        if (at) memmove(at, at + strlen(gone[i]), strlen(at + strlen(gone[i])) + 1);
    }
}

static bool is_gradient(const ludc_file_tensor *t) {
    return strncmp(t->name, "grad.", 5) == 0;
}

static double largest_gradient(const ludc_tensors *reference) {
    double most = 0.0;
    for (size_t i = 0; i < ludc_tensors_len(reference); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(reference, i);
        int64_t n = 0;
        if (!is_gradient(t)) continue;
        float *v = golden_floats(reference, t->name, &n);
        if (v) most = fmax(most, golden_max(v, n));
        ludc_free(v);
    }
    return most;
}

/* Whether the parameter lies transposed in the base model's file (GPT-2): so does its gradient in the reference. */
static bool lies_transposed(ludc_store *store, size_t index, const ludc_base_model *base) {
    const ludc_param *p = ludc_store_at(store, index);
    int64_t n = 0;
    lud_error err = LUDC_ERROR_INIT;
    if (p->shape.rank != 2) return false;
    float *file = golden_floats(base->tensors, p->name, &n), *values = ludc_alloc((size_t)p->count * sizeof *values);
    bool same = !file || n != p->count || ludc_store_get(store, index, values, &err) != LUD_OK ||
                memcmp(file, values, (size_t)n * sizeof *file) == 0;
    ludc_free(file);
    ludc_free(values);
    return !same;
}

/* `want` is [columns, rows] and becomes [rows, columns]. */
static void transpose(float *want, int64_t rows, int64_t columns) {
    float *copy = ludc_alloc((size_t)(rows * columns) * sizeof *copy);
    memcpy(copy, want, (size_t)(rows * columns) * sizeof *copy);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < columns; c++)
            want[r * columns + c] = copy[c * rows + r];
    }
    ludc_free(copy);
}

/* One gradient of the reference, and the largest of them all. */
typedef struct gradient {
    const ludc_file_tensor *t;
    double largest;
} gradient;

static void compare_gradient(golden *g, const char *name, ludc_store *store, const float *flat,
                             const ludc_base_model *base, const gradient *reference) {
    char param[256], what[512];
    int64_t n = 0;
    param_name(reference->t->name + 5, param, sizeof param);
    int64_t index = ludc_store_index(store, ludc_str(param));
    const ludc_param *p = index >= 0 ? ludc_store_at(store, (size_t)index) : NULL;
    float *want = floats_of(reference->t, &n);
    (void)snprintf(what, sizeof what, "%s %s", name, reference->t->name);
    if (!p || !p->trainable || !want || p->count != n) {
        golden_fail(g, "%s: no such trainable parameter of %lld elements", what, (long long)n);
    } else {
        const float *got = flat + p->flat_offset;
        double scale = golden_max(want, n), largest = reference->largest;
        if (lies_transposed(store, (size_t)index, base)) transpose(want, p->shape.dim[0], p->shape.dim[1]);
        double error = scale < 1e-8 * largest ? largest_difference(got, want, n) / largest : golden_error(got, want, n);
        golden_take(g, what, error, LIMIT);
    }
    ludc_free(want);
}

void golden_gradients(golden *g, const char *name, ludc_store *store, const float *flat, const ludc_base_model *base,
                      const ludc_tensors *reference) {
    double largest = largest_gradient(reference);
    size_t references = 0, trainable = 0;
    for (size_t i = 0; i < ludc_tensors_len(reference); i++) {
        const gradient one = {ludc_tensors_at(reference, i), largest};
        if (!is_gradient(one.t)) continue;
        references++;
        compare_gradient(g, name, store, flat, base, &one);
    }
    for (size_t i = 0; i < ludc_store_len(store); i++)
        trainable += ludc_store_at(store, i)->trainable;
    if (references != trainable) {
        golden_fail(g, "%s: %zu reference gradients, %zu trainable parameters", name, references, trainable);
    }
}

void golden_backward(golden *g, const char *name, ludc_model *m, const golden_rows *rows,
                     const ludc_tensors *reference) {
    const ludc_batch *b = &rows->batch;
    const ludc_run_caps caps = {.T = b->T, .S = b->S, .N = LUDC_MAX(b->N, 1)};
    ludc_store *store = ludc_model_store(m);
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL;
    ludc_run_result result = {0};
    float *flat = ludc_alloc((size_t)ludc_store_flat_len(store) * sizeof *flat);
    float *want = golden_floats(reference, "loss", NULL);
    char what[256];
    lud_status status = ludc_run_new(m, LUDC_RUN_TRAIN, &caps, &run, &err);
    if (status == LUD_OK) status = ludc_store_flat_zero(store, LUDC_FLAT_GRADS, &err);
    if (status == LUD_OK) status = ludc_run_batch(run, b, 1.0f / (float)b->N, &result, &err);
    if (status == LUD_OK) status = ludc_store_flat_read(store, LUDC_FLAT_GRADS, flat, &err);
    if (status != LUD_OK || !want) {
        golden_fail(g, "%s: %s", name, want ? err.msg : "the reference has no loss");
    } else {
        float loss = (float)(result.loss_sum / result.weight_sum);
        (void)snprintf(what, sizeof what, "%s loss", name);
        golden_take(g, what, golden_error(&loss, want, 1), LIMIT);
        golden_gradients(g, name, store, flat, ludc_model_info_of(m)->base, reference);
    }
    ludc_run_free(run);
    ludc_free(flat);
    ludc_free(want);
}
