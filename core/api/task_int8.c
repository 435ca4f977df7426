/* SPDX-License-Identifier: Apache-2.0
 * The gate of backend.precision int8: the vectors of the first distinct texts are computed in int8 and as `auto` would,
 * and compared. bf16 is as good a witness as fp32: its own cosines with fp32 are above 0.9999. */
#include "internal.h"

#include <math.h>
#include <string.h>
#include <vectors.h>

enum { TEXTS = 64 };

/* Measured over 64 texts: all-MiniLM-L6-v2 0.9989 at worst, SmolLM2-135M 0.997. One scale for a whole row of
 * activations, which outliers make too coarse, gave SmolLM2 0.983. */
static const double lowest = 0.99;

typedef struct gate {
    const ludc_column *texts;
    uint32_t rows[TEXTS];
    size_t n, width;
    float *vectors; /* [TEXTS, width] of the run in progress */
} gate;

static bool same_text(const ludc_column *c, size_t a, size_t b) {
    const size_t n = (size_t)(c->offsets[a + 1] - c->offsets[a]);
    return n == (size_t)(c->offsets[b + 1] - c->offsets[b]) &&
           memcmp(c->ids + c->offsets[a], c->ids + c->offsets[b], n * sizeof(*c->ids)) == 0;
}

static void pick(gate *g) {
    for (size_t row = 0; row < g->texts->rows && g->n < TEXTS; row++) {
        bool fresh = g->texts->offsets[row + 1] > g->texts->offsets[row];
        for (size_t i = 0; fresh && i < g->n; i++)
            fresh = !same_text(g->texts, row, g->rows[i]);
        if (fresh) g->rows[g->n++] = (uint32_t)row;
    }
}

static lud_status keep(void *arg, const uint32_t *rows, size_t n, const float *values, lud_error *err) {
    const gate *g = arg;
    (void)err;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < g->n; k++)
            if (g->rows[k] == rows[i])
                memcpy(g->vectors + k * g->width, values + i * g->width, g->width * sizeof(*values));
    return LUD_OK;
}

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa == 0 && bb == 0 ? 1.0 : ab / sqrt(aa * bb);
}

static void judge(ludc_predictor *p, size_t input, const gate *g, const float *plain) {
    double worst = 1.0, mean = 0.0;
    const char *name = p->inputs[input].name, *other = p->devices->bf16 ? "bf16" : "fp32";
    for (size_t i = 0; i < g->n; i++) {
        const double c = cosine(plain + i * g->width, g->vectors + i * g->width, g->width);
        worst = c >= worst ? worst : c; /* NaN is the worst, and stays */
        mean += c / (double)g->n;
    }
    p->inputs[input].int8 = worst >= lowest;
    if (!p->inputs[input].int8) memset(p->inputs[input].rows_key, 0, sizeof(p->inputs[input].rows_key));
    if (worst >= lowest)
        ludc_log(LUD_LOG_INFO, "int8: input '%s': cosine with %s of %zu texts: %.4f at worst, %.4f in the mean", name,
                 other, g->n, worst, mean);
    else
        ludc_log(LUD_LOG_WARN,
                 "backend.precision int8: input '%s': cosine with %s of %zu texts: %.4f at worst, which is below %.2f: "
                 "%s is used",
                 name, other, g->n, worst, lowest, other);
}

/* Vectors in the cache were let through when they were made. */
static lud_status ask_cache(lud_model *m, size_t input, bool *passed, lud_error *err) {
    uint64_t key[2];
    ludc_vectors *kept = NULL;
    char *dir = ludc_cache_folder(m, "embeddings");
    lud_status status =
        dir ? ludc_task_key(m->predictor, input, key, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = ludc_vectors_open(dir, key, m->predictor->inputs[input].width, &kept, err);
    if (status == LUD_OK) *passed = ludc_vectors_len(kept) > 0;
    ludc_vectors_close(kept);
    ludc_free(dir);
    return status;
}

static lud_status look(lud_model *m, size_t input, const ludc_task_rows *d, lud_error *err) {
    ludc_predictor *p = m->predictor;
    bool passed = false;
    if (p->inputs[input].cached) LUDC_TRY(ask_cache(m, input, &passed, err));
    if (passed) return LUD_OK;
    gate g = {.texts = &d->inputs[input], .width = (size_t)p->inputs[input].width};
    pick(&g);
    float *both = ludc_alloc(2 * TEXTS * g.width * sizeof(*both));
    lud_status status = both ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    for (int int8 = 0; int8 < 2 && g.n && status == LUD_OK; int8++) {
        p->inputs[input].int8 = int8;
        g.vectors = both + (size_t)int8 * TEXTS * g.width;
        status = ludc_task_encode(p, input, d, g.rows, g.n, keep, &g, err);
    }
    if (status == LUD_OK && g.n) judge(p, input, &g, both);
    ludc_free(both);
    return status;
}

lud_status ludc_task_gate(lud_model *m, ludc_task_rows *const *data, size_t n_data, lud_error *err) {
    ludc_predictor *p = m->predictor;
    size_t at = 0;
    while (at < n_data && data[at]->n == 0)
        at++;
    if (p->gated || at == n_data) return LUD_OK;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_input *in = &p->inputs[i];
        const bool settled = ludc_value_get(in->metadata, "int8"); /* by the training of the heads */
        if (in->int8 && in->tied < 0 && !settled) LUDC_TRY(look(m, i, data[at], err));
    }
    for (size_t i = 0; i < p->n_inputs; i++)
        if (p->inputs[i].tied >= 0) p->inputs[i].int8 = p->inputs[p->inputs[i].tied].int8;
    p->gated = true;
    return LUD_OK;
}
