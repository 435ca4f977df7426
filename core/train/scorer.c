/* SPDX-License-Identifier: Apache-2.0
 * Predictions of a predictor over many rows: packed, run, put back into the order of the rows, activated; and vectors
 * of one input for the cache. */
#include <math.h>
#include <string.h>

#include "internal.h"

enum { WINDOW = LUDC_SCORED, ENCODE_WINDOW = 8192, ENCODE_ROWS = 256 };

struct ludc_scorer {
    ludc_predictor *p;
    ludc_task_run *run;
    ludc_packer packer;
    uint32_t *rows;
    float **part, **at, **each; /* [n_outputs] -> [WINDOW, width] of one micro-batch; places in scores; of a part */
};

void ludc_scorer_free(ludc_scorer *s) {
    if (!s) return;
    ludc_task_run_free(s->run);
    ludc_packer_free(&s->packer);
    for (size_t k = 0; s->part && s->each && k < s->p->n_outputs; k++) {
        ludc_free(s->part[k]);
        ludc_free(s->each[k]);
    }
    ludc_free(s->part);
    ludc_free(s->each);
    ludc_free(s->at);
    ludc_free(s->rows);
    ludc_free(s);
}

static lud_status scorer_init(ludc_scorer *s, bool with_loss, const ludc_task_rows *const *data, size_t n_data,
                              lud_error *err) {
    s->rows = ludc_alloc(WINDOW * sizeof(*s->rows));
    s->part = ludc_alloc(s->p->n_outputs * sizeof(*s->part));
    s->at = ludc_alloc(s->p->n_outputs * sizeof(*s->at));
    s->each = ludc_alloc(s->p->n_outputs * sizeof(*s->each));
    bool ok = s->rows && s->part && s->at && s->each;
    for (size_t k = 0; ok && k < s->p->n_outputs; k++) {
        const size_t bytes = WINDOW * (size_t)s->p->outputs[k].width * sizeof(float);
        ok = (s->part[k] = ludc_alloc(bytes)) && (s->each[k] = ludc_alloc(bytes));
    }
    if (!ok) return ludc_no_memory(err, "prediction");
    LUDC_TRY(ludc_packer_init(&s->packer, s->p, data, n_data, WINDOW, WINDOW, err));
    const int kind = with_loss ? LUDC_TASK_LOSS : LUDC_TASK_PREDICT;
    return ludc_task_run_new(s->p, kind, s->packer.cap_T, WINDOW, 0, &s->run, err);
}

lud_status ludc_scorer_new(ludc_predictor *p, bool with_loss, const ludc_task_rows *const *data, size_t n_data,
                           ludc_scorer **out, lud_error *err) {
    ludc_scorer *s = ludc_alloc(sizeof(*s));
    if (!s) return ludc_no_memory(err, "prediction");
    s->p = p;
    const lud_status status = scorer_init(s, with_loss, data, n_data, err);
    if (status == LUD_OK) return *out = s, LUD_OK;
    ludc_scorer_free(s);
    return status;
}

bool ludc_scorer_holds(const ludc_scorer *s, const ludc_task_rows *d) {
    for (size_t row = 0; row < d->n; row++)
        if (ludc_task_row_length(s->p, d, row) > s->packer.cap_T) return false;
    return true;
}

/* ---- From the heads' results to probabilities and values ---- */
static void softmax(float *x, int64_t n, double temperature) {
    float top = x[0];
    double sum = 0.0;
    for (int64_t i = 1; i < n; i++)
        top = fmaxf(top, x[i]);
    for (int64_t i = 0; i < n; i++)
        sum += (double)(x[i] = (float)exp(((double)x[i] - (double)top) / temperature));
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / sum);
}

static void clip(float *x, size_t n, const ludc_value *range) {
    const float low = (float)ludc_get_float(range, "0", -INFINITY), high = (float)ludc_get_float(range, "1", INFINITY);
    for (size_t i = 0; i < n; i++)
        x[i] = fminf(fmaxf(x[i], low), high);
}

static void activate(const ludc_output *o, float *x, size_t n) {
    const size_t w = (size_t)o->width;
    if (strcmp(o->type, "category") == 0) {
        for (size_t i = 0; i < n; i++)
            softmax(x + i * w, o->width, o->temperature);
    } else if (strcmp(o->type, "binary") == 0 || strcmp(o->type, "set") == 0) {
        for (size_t i = 0; i < n * w; i++)
            x[i] = (float)(1.0 / (1.0 + exp(-(double)x[i] / o->temperature)));
    } else {
        ludc_feature_denormalize(o->metadata, x, n * w);
        const ludc_value *range = ludc_value_get(o->feature, "clip");
        if (!ludc_is_null(range)) clip(x, n * w, range);
    }
}

static lud_status run_window(ludc_scorer *s, const ludc_task_rows *d, size_t n, float **scores, double *loss,
                             lud_error *err) {
    int64_t n_groups = 0;
    LUDC_TRY(ludc_packer_pack(&s->packer, s->p, d, s->rows, n, &n_groups, err));
    for (int64_t g = 0; g < n_groups; g++) {
        const int64_t m = ludc_packer_group(&s->packer, s->rows, n, g);
        ludc_task_result result = {.loss = loss, .scores = s->part};
        LUDC_TRY(ludc_task_run_rows(s->run, d, s->packer.numbers, m, 0, NULL, &result, err));
        for (size_t k = 0; scores && k < s->p->n_outputs; k++) {
            const size_t w = (size_t)s->p->outputs[k].width;
            for (int64_t i = 0; i < m; i++)
                memcpy(scores[k] + s->packer.members[i] * w, s->part[k] + (size_t)i * w, w * sizeof(float));
        }
        if (ludc_cancel_requested() > 1) return ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    }
    return LUD_OK;
}

static lud_status run_rows(ludc_scorer *s, const ludc_task_rows *d, size_t first, size_t n, float **scores,
                           double *loss, bool activated, lud_error *err) {
    for (size_t done = 0; done < n;) {
        const size_t m = LUDC_MIN((size_t)WINDOW, n - done);
        for (size_t i = 0; i < m; i++)
            s->rows[i] = (uint32_t)(first + done + i);
        for (size_t k = 0; k < s->p->n_outputs; k++)
            s->at[k] = scores[k] + done * (size_t)s->p->outputs[k].width;
        LUDC_TRY(run_window(s, d, m, s->at, loss, err));
        for (size_t k = 0; activated && k < s->p->n_outputs; k++)
            activate(&s->p->outputs[k], s->at[k], m);
        done += m;
    }
    return LUD_OK;
}

lud_status ludc_scorer_run(ludc_scorer *s, const ludc_task_rows *d, size_t first, size_t n, float **scores,
                           double *loss, lud_error *err) {
    return run_rows(s, d, first, n, scores, loss, true, err);
}

lud_status ludc_scorer_each(ludc_scorer *s, const ludc_task_rows *d, size_t n, double *loss, ludc_scored_fn fn,
                            void *arg, lud_error *err) {
    for (size_t i = 0; i < n; i += WINDOW) {
        const size_t m = LUDC_MIN((size_t)WINDOW, n - i);
        LUDC_TRY(run_rows(s, d, i, m, s->each, loss, true, err));
        LUDC_TRY(fn(arg, d, i, m, s->each, err));
    }
    return LUD_OK;
}

lud_status ludc_scorer_logits(ludc_scorer *s, const ludc_task_rows *d, float **scores, lud_error *err) {
    return run_rows(s, d, 0, d->n, scores, NULL, false, err);
}

/* ---- Vectors of one input ---- */
lud_status ludc_task_encode(ludc_predictor *p, size_t input, const ludc_task_rows *d, const uint32_t *rows, size_t n,
                            lud_status (*sink)(void *arg, const uint32_t *rows, size_t n, const float *values,
                                               lud_error *),
                            void *arg, lud_error *err) {
    ludc_packer packer;
    ludc_task_run *run = NULL;
    LUDC_TRY(ludc_packer_init(&packer, p, &d, 1, ENCODE_ROWS, ENCODE_WINDOW, err));
    float *values = ludc_alloc(ENCODE_ROWS * (size_t)p->inputs[input].width * sizeof(*values));
    lud_status status = values ? ludc_task_run_new(p, LUDC_TASK_ENCODE, packer.cap_T, ENCODE_ROWS, input, &run, err)
                               : ludc_no_memory(err, "encoding");
    for (size_t i = 0; i < n && status == LUD_OK; i += ENCODE_WINDOW) {
        const size_t m = LUDC_MIN((size_t)ENCODE_WINDOW, n - i);
        int64_t n_groups = 0;
        status = ludc_packer_pack(&packer, p, d, rows + i, m, &n_groups, err);
        for (int64_t g = 0; g < n_groups && status == LUD_OK; g++) {
            const int64_t members = ludc_packer_group(&packer, rows + i, m, g);
            ludc_task_result result = {.scores = &values};
            status = ludc_task_run_rows(run, d, packer.numbers, members, 0, NULL, &result, err);
            if (status == LUD_OK) status = sink(arg, packer.numbers, (size_t)members, values, err);
            if (status == LUD_OK && ludc_cancel_requested())
                status = ludc_fail(err, LUD_E_CANCELLED, "interrupted; what was encoded is kept");
        }
    }
    ludc_task_run_free(run);
    ludc_packer_free(&packer);
    ludc_free(values);
    return status;
}
