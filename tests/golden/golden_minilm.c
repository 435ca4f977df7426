/* SPDX-License-Identifier: Apache-2.0
 * A real encoder, all-MiniLM-L6-v2: embeddings of texts, pooled in five ways, on every backend. */
#include "golden.h"

#include <config.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *find_model(void) {
    const char *folder = getenv("LUDWIG_MODELS"), *home = getenv("HOME");
    char *dir = folder ? ludc_strdup(folder) : ludc_path_join(home ? home : ".", ".cache/ludwig/models");
    char *model = ludc_path_join(dir, "all-MiniLM-L6-v2");
    ludc_free(dir);
    if (model && ludc_path_is_dir(model)) return model;
    printf("skip golden_minilm: there is no %s (LUDWIG_MODELS)\n", model ? model : "?");
    ludc_free(model);
    return NULL;
}

/* ---- Pooling: x [n, c], the tokens of one text, into out [c] ---- */
static void pool_sum(const float *x, int64_t n, int64_t c, float *out) {
    for (int64_t k = 0; k < c; k++) {
        double sum = 0.0;
        for (int64_t t = 0; t < n; t++)
            sum += (double)x[t * c + k];
        out[k] = (float)sum;
    }
}

static void pool_mean(const float *x, int64_t n, int64_t c, float *out) {
    pool_sum(x, n, c, out);
    for (int64_t k = 0; k < c; k++)
        out[k] /= (float)n;
}

static void pool_max(const float *x, int64_t n, int64_t c, float *out) {
    memcpy(out, x, (size_t)c * sizeof *out);
    for (int64_t i = c; i < n * c; i++)
        out[i % c] = fmaxf(out[i % c], x[i]);
}

static void pool_cls(const float *x, int64_t n, int64_t c, float *out) {
    (void)n;
    memcpy(out, x, (size_t)c * sizeof *out);
}

static void pool_last(const float *x, int64_t n, int64_t c, float *out) {
    memcpy(out, x + (n - 1) * c, (size_t)c * sizeof *out);
}

static const struct {
    const char *name;
    void (*pool)(const float *, int64_t, int64_t, float *);
} pools[] = {{"mean", pool_mean}, {"sum", pool_sum}, {"cls", pool_cls}, {"last", pool_last}, {"max", pool_max}};

static void compare(golden *g, const char *backend, const golden_rows *rows, const ludc_tensors *reference,
                    const float *tokens, int64_t width) {
    const ludc_batch *b = &rows->batch;
    float *got = ludc_alloc((size_t)(b->S * width) * sizeof *got);
    for (size_t i = 0; i < LUDC_COUNT(pools); i++) {
        char what[96];
        int64_t n = 0;
        float *want = golden_floats(reference, pools[i].name, &n);
        (void)snprintf(what, sizeof what, "minilm on %s: %s", backend, pools[i].name);
        for (int64_t s = 0; s < b->S; s++) {
            int64_t from = b->seg_offsets[s], to = b->seg_offsets[s + 1];
            pools[i].pool(tokens + from * width, to - from, width, got + s * width);
        }
        if (want && n == b->S * width)
            golden_take(g, what, golden_error(got, want, n), 1e-4);
        else
            golden_fail(g, "%s: the reference has another shape", what);
        ludc_free(want);
    }
    ludc_free(got);
}

static void on_backend(golden *g, const char *model, const char *backend, const golden_rows *rows,
                       const ludc_tensors *reference) {
    lud_error err = LUDC_ERROR_INIT;
    golden_encoder e;
    lud_status status = golden_encoder_open(g, model, backend, rows, 0, &e, &err);
    if (status == LUD_E_ABI) {
        printf("skip minilm on %s: %s\n", backend, err.msg);
        return;
    }
    float *tokens = NULL;
    if (status == LUD_OK) {
        tokens = ludc_alloc((size_t)(rows->batch.T * e.width) * sizeof *tokens);
        status = golden_encoder_run(&e, rows, NULL, tokens, NULL, &err);
    }
    if (status == LUD_OK)
        compare(g, backend, rows, reference, tokens, e.width);
    else
        golden_fail(g, "minilm on %s: %s", backend, err.msg);
    ludc_free(tokens);
    golden_encoder_close(&e);
}

static void check_model(golden *g, const char *model) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *reference = NULL;
    golden_rows rows = {0};
    const char *backends[9];
    char *path = golden_path(g, "minilm", "embeddings.safetensors");
    if (!ludc_path_exists(path)) {
        printf("skip golden_minilm: there is no %s (LUDWIG_SHARED)\n", path);
    } else if (ludc_safetensors_open(path, &reference, &err) != LUD_OK ||
               golden_rows_read(reference, &rows, &err) != LUD_OK) {
        golden_fail(g, "%s", err.msg);
    } else {
        golden_backends(g, backends);
        for (size_t i = 0; backends[i]; i++)
            on_backend(g, model, backends[i], &rows, reference);
    }
    golden_rows_free(&rows);
    ludc_tensors_free(reference);
    ludc_free(path);
}

int main(void) {
    golden g;
    char *model = find_model();
    if (!model) return GOLDEN_SKIP;
    golden_init(&g);
    check_model(&g, model);
    int code = golden_done(&g, "golden_minilm");
    golden_free(&g);
    ludc_free(model);
    return code;
}
