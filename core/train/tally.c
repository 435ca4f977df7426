/* SPDX-License-Identifier: Apache-2.0
 * Metrics of rows that come in parts: what they need of each row, its scores and its target, is gathered, in memory or,
 * if it is much, on disk; the rows themselves are not. */
#include <math.h>
#include <string.h>

#include "internal.h"
#include "task_metrics.h"

/* Of one output. */
typedef struct gathered {
    ludc_spill scores, targets; /* [n, width]; of a category class ids, -1 = none, else [n, width], NaN = none */
    double weight;              /* sum over the rows */
} gathered;

struct ludc_tally {
    const ludc_predictor *p;
    size_t n;
    gathered *outputs;
    double *loss;  /* [n_outputs] sums */
    float *target; /* [LUDC_SCORED, widest] */
};

void ludc_tally_free(ludc_tally *t) {
    if (!t) return;
    for (size_t k = 0; t->outputs && k < t->p->n_outputs; k++) {
        ludc_spill_free(&t->outputs[k].scores);
        ludc_spill_free(&t->outputs[k].targets);
    }
    ludc_free(t->outputs);
    ludc_free(t->loss);
    ludc_free(t->target);
    ludc_free(t);
}

lud_status ludc_tally_new(const ludc_predictor *p, ludc_tally **out, lud_error *err) {
    size_t widest = 1;
    for (size_t k = 0; k < p->n_outputs; k++)
        widest = LUDC_MAX(widest, (size_t)p->outputs[k].width);
    ludc_tally *t = ludc_alloc(sizeof(*t));
    if (!t) return ludc_no_memory(err, "evaluation");
    t->p = p;
    t->outputs = ludc_alloc(p->n_outputs * sizeof(*t->outputs));
    t->loss = ludc_alloc(p->n_outputs * sizeof(*t->loss));
    t->target = ludc_alloc(LUDC_SCORED * widest * sizeof(*t->target));
    if (t->outputs && t->loss && t->target) return *out = t, LUD_OK;
    ludc_tally_free(t);
    return ludc_no_memory(err, "evaluation");
}

double *ludc_tally_loss(ludc_tally *t) {
    return t->loss;
}

/* ---- Gathering ---- */
static lud_status add_ids(gathered *g, const ludc_column *c, size_t first, size_t n, lud_error *err) {
    int32_t ids[LUDC_SCORED];
    for (size_t i = 0; i < n; i++)
        ids[i] = c->missing && c->missing[first + i] ? -1 : c->ids[first + i];
    return ludc_spill_add(&g->targets, ids, n * sizeof(*ids), err);
}

/* In their own unit. */
static lud_status add_reals(ludc_tally *t, size_t k, const ludc_column *c, size_t first, size_t n, lud_error *err) {
    const ludc_output *o = &t->p->outputs[k];
    const size_t w = (size_t)c->width;
    float *v = t->target;
    memcpy(v, c->reals + first * w, n * w * sizeof(*v));
    if (strcmp(o->type, "number") == 0 || strcmp(o->type, "vector") == 0)
        ludc_feature_denormalize(o->metadata, v, n * w);
    for (size_t i = 0; c->missing && i < n; i++)
        if (c->missing[first + i]) v[i * w] = NAN;
    return ludc_spill_add(&t->outputs[k].targets, v, n * w * sizeof(*v), err);
}

lud_status ludc_tally_take(void *tally, const ludc_task_rows *d, size_t first, size_t n, float *const *scores,
                           lud_error *err) {
    ludc_tally *t = tally;
    for (size_t k = 0; k < t->p->n_outputs; k++) {
        const ludc_column *c = &d->outputs[k];
        gathered *g = &t->outputs[k];
        for (size_t i = first; i < first + n; i++)
            g->weight += (double)d->weights[k][i];
        LUDC_TRY(ludc_spill_add(&g->scores, scores[k], n * (size_t)t->p->outputs[k].width * sizeof(**scores), err));
        LUDC_TRY(c->kind == LUDC_COLUMN_IDS ? add_ids(g, c, first, n, err) : add_reals(t, k, c, first, n, err));
    }
    t->n += n;
    return LUD_OK;
}

/* ---- Measuring ---- */
static lud_status measure(const ludc_output *o, gathered *g, size_t n, double loss, bool details, ludc_value **out,
                          lud_error *err) {
    ludc_map_file scores = {0}, targets = {0};
    lud_status status = ludc_spill_end(&g->scores, &scores, err);
    if (status == LUD_OK) status = ludc_spill_end(&g->targets, &targets, err);
    const void *x = scores.ptr ? (const void *)scores.ptr : g->scores.held.ptr,
               *y = targets.ptr ? (const void *)targets.ptr : g->targets.held.ptr;
    const bool ids = strcmp(o->type, "category") == 0;
    const ludc_scores all = {
        .type = o->type, .n = n, .width = o->width, .scores = x, .ids = ids ? y : NULL, .reals = ids ? NULL : y};
    if (status == LUD_OK) status = ludc_task_metrics(o->feature, o->metadata, &all, details, out, err);
    if (status == LUD_OK && isfinite(loss)) ludc_value_put(*out, "loss", ludc_value_float(loss));
    ludc_file_unmap(&scores);
    ludc_file_unmap(&targets);
    return status;
}

/* Appends {feature: metrics} of every output, then {combined: {loss}}. */
static lud_status measure_all(ludc_tally *t, bool details, ludc_value *tree, lud_error *err) {
    double total = 0.0;
    bool ok = true;
    for (size_t k = 0; ok && k < t->p->n_outputs; k++) {
        const ludc_output *o = &t->p->outputs[k];
        gathered *g = &t->outputs[k];
        ludc_value *one = NULL;
        const double mean = g->weight > 0 ? t->loss[k] / g->weight : (double)NAN;
        if (isfinite(mean)) total += o->weight * mean;
        LUDC_TRY(measure(o, g, t->n, mean, details, &one, err));
        ok = ludc_value_put(tree, o->name, one);
    }
    ludc_value *combined = ludc_value_new(LUD_CFG_OBJECT);
    ok = ludc_value_put(combined, "loss", ludc_value_float(total)) && ok;
    ok = ludc_value_put(tree, "combined", combined) && ok;
    return ok ? LUD_OK : ludc_no_memory(err, "evaluation");
}

lud_status ludc_tally_end(ludc_tally *t, bool details, ludc_value **tree, lud_error *err) {
    ludc_value *out = ludc_value_new(LUD_CFG_OBJECT);
    const lud_status status = out ? measure_all(t, details, out, err) : ludc_no_memory(err, "evaluation");
    ludc_tally_free(t);
    if (status == LUD_OK) return *tree = out, LUD_OK;
    ludc_value_free(out);
    return status;
}

lud_status ludc_task_evaluate(ludc_scorer *s, const ludc_predictor *p, const ludc_task_rows *d, size_t n, bool details,
                              ludc_value **tree, lud_error *err) {
    ludc_tally *t = NULL;
    LUDC_TRY(ludc_tally_new(p, &t, err));
    const lud_status status = ludc_scorer_each(s, d, n, t->loss, ludc_tally_take, t, err);
    if (status == LUD_OK) return ludc_tally_end(t, details, tree, err);
    ludc_tally_free(t);
    return status;
}
