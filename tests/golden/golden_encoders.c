/* SPDX-License-Identifier: Apache-2.0
 * Encoders without a language model's head: last hidden states, loss = sum(h * weight) and every parameter's gradient
 * of the small models, with and without token types, and the pooler where the files hold one. On every backend. */
#include "golden.h"

#include <config.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 1e-4

/* One reference folder as it is being compared. */
typedef struct folder {
    const char *dir;
    const ludc_tensors *reference;
    golden_rows rows;
} folder;

/* The rows of a padded tensor that are no padding; heap, or NULL. */
static float *unpadded(const folder *f, const char *name, int64_t width) {
    int64_t n = 0;
    float *all = golden_floats(f->reference, name, &n);
    float *out = ludc_alloc((size_t)(f->rows.batch.T * width) * sizeof *out);
    for (int64_t t = 0; all && t < f->rows.batch.T; t++) {
        size_t at = f->rows.padded[t] * (size_t)width;
        if ((int64_t)at + width <= n) memcpy(out + t * width, all + at, (size_t)width * sizeof *out);
    }
    ludc_free(all);
    return out;
}

static void compare_loss(golden *g, const char *what, const folder *f, const float *tokens, const float *weight,
                         int64_t n) {
    char name[192];
    double loss = 0.0;
    float *want = golden_floats(f->reference, "loss", NULL);
    for (int64_t i = 0; i < n; i++)
        loss += (double)tokens[i] * (double)weight[i];
    float got = (float)loss;
    (void)snprintf(name, sizeof name, "%s loss", what);
    if (want)
        golden_take(g, name, golden_error(&got, want, 1), LIMIT);
    else
        golden_fail(g, "%s: the reference has none", name);
    ludc_free(want);
}

/* tanh(W x + b) of each segment's first vector, from the reference's hidden states. */
static void pool(const folder *f, const float *w, const float *bias, const float *tokens, int64_t c, float *out) {
    for (int64_t s = 0; s < f->rows.batch.S; s++) {
        const float *x = tokens + f->rows.batch.seg_offsets[s] * c;
        for (int64_t i = 0; i < c; i++) {
            double sum = (double)bias[i];
            for (int64_t k = 0; k < c; k++)
                sum += (double)w[i * c + k] * (double)x[k];
            out[s * c + i] = (float)tanh(sum);
        }
    }
}

/* The reference has no pooler's output: it is made from the hidden states and the file's parameters. */
static void compare_pooler(golden *g, const char *what, const folder *f, const golden_encoder *e, const float *tokens,
                           const float *got) {
    static const char *const names[][2] = {{"pooler.dense.weight", "pooler.dense.bias"},
                                           {"pooler.weight", "pooler.bias"}};
    char name[192];
    int found = 0;
    int64_t n = f->rows.batch.S * e->width;
    float *want = ludc_alloc((size_t)n * sizeof *want);
    (void)snprintf(name, sizeof name, "%s pooler", what);
    for (size_t i = 0; i < LUDC_COUNT(names); i++) {
        float *w = golden_floats(e->base->tensors, names[i][0], NULL);
        float *bias = golden_floats(e->base->tensors, names[i][1], NULL);
        if (w && bias) {
            found++;
            pool(f, w, bias, tokens, e->width, want);
        }
        ludc_free(w);
        ludc_free(bias);
    }
    if (found != (e->rows != 0)) golden_fail(g, "%s: %d in the file, %d in the graph", name, found, e->rows != 0);
    if (found && e->rows) golden_take(g, name, golden_error(got, want, n), LIMIT);
    ludc_free(want);
}

static void compare(golden *g, const char *what, const folder *f, golden_encoder *e) {
    int64_t n = f->rows.batch.T * e->width;
    lud_error err = LUDC_ERROR_INIT;
    char name[192];
    float *weight = unpadded(f, "loss_weight", e->width), *want = unpadded(f, "last_hidden_state", e->width);
    float *tokens = ludc_alloc((size_t)n * sizeof *tokens);
    float *rows = e->rows ? ludc_alloc((size_t)(f->rows.batch.S * e->width) * sizeof *rows) : NULL;
    float *flat = ludc_alloc((size_t)ludc_store_flat_len(e->store) * sizeof *flat);
    lud_status status = ludc_store_flat_zero(e->store, LUDC_FLAT_GRADS, &err);
    if (status == LUD_OK) status = golden_encoder_run(e, &f->rows, weight, tokens, rows, &err);
    if (status == LUD_OK) status = ludc_store_flat_read(e->store, LUDC_FLAT_GRADS, flat, &err);
    if (status == LUD_OK) {
        (void)snprintf(name, sizeof name, "%s last_hidden_state", what);
        golden_take(g, name, golden_error(tokens, want, n), LIMIT);
        compare_loss(g, what, f, tokens, weight, n);
        compare_pooler(g, what, f, e, want, rows);
        golden_gradients(g, what, e->store, flat, e->base, f->reference);
    } else {
        golden_fail(g, "%s: %s", what, err.msg);
    }
    ludc_free(flat);
    ludc_free(rows);
    ludc_free(tokens);
    ludc_free(want);
    ludc_free(weight);
}

static void on_backend(golden *g, const char *name, const folder *f, const char *backend, int flags) {
    char what[160];
    lud_error err = LUDC_ERROR_INIT;
    golden_encoder e;
    (void)snprintf(what, sizeof what, "%s on %s%s", name, backend, flags & GOLDEN_TYPE_IDS ? " with type ids" : "");
    if (golden_encoder_open(g, f->dir, backend, &f->rows, flags | GOLDEN_TRAINS, &e, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", what, err.msg);
        return;
    }
    compare(g, what, f, &e);
    golden_encoder_close(&e);
}

/* False: skipped, which was said. */
static bool has_encoder(golden *g, const char *name, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    const lud_component *c = NULL;
    ludc_base_model *base = NULL;
    bool found = false;
    if (ludc_base_model_open(dir, &base, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", name, err.msg);
    } else if (ludc_host_find_model_type(g->host, LUD_KIND_ENCODER, ludc_str(base->model_type), &c, &err) != LUD_OK) {
        printf("skip %s: no encoder for model_type '%s'\n", name, base->model_type);
    } else {
        found = true;
    }
    ludc_base_model_free(base);
    return found;
}

static void one_folder(golden *g, const char *name, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *reference = NULL;
    const char *backends[9];
    folder f = {.dir = dir};
    char *path = ludc_path_join(dir, "reference.safetensors");
    if (ludc_safetensors_open(path, &reference, &err) != LUD_OK) {
        golden_fail(g, "%s: %s", name, err.msg);
    } else if (ludc_tensors_find(reference, LUDC_STR("last_hidden_state")) && has_encoder(g, name, dir)) {
        f.reference = reference;
        golden_backends(g, backends);
        if (golden_rows_read(reference, &f.rows, &err) != LUD_OK) golden_fail(g, "%s: %s", name, err.msg);
        for (size_t i = 0; f.rows.batch.T && backends[i]; i++) {
            on_backend(g, name, &f, backends[i], 0);
            on_backend(g, name, &f, backends[i], GOLDEN_TYPE_IDS);
        }
    }
    golden_rows_free(&f.rows);
    ludc_tensors_free(reference);
    ludc_free(path);
}

int main(void) {
    golden g;
    golden_init(&g);
    golden_each(&g, "tiny", one_folder);
    int code = golden_done(&g, "golden_encoders");
    golden_free(&g);
    return code;
}
