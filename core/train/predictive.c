/* SPDX-License-Identifier: Apache-2.0
 * A predictor as a trainee: each head's loss has one denominator, the weights of its rows in the whole effective batch,
 * known before the first micro-batch. So accumulation is exact, also with several outputs of different counts. */
#include <math.h>

#include "internal.h"

typedef struct predictive {
    ludc_predictor *p;
    const ludc_task_rows *splits;
    ludc_task_run *run;
    ludc_packer packer;
    ludc_scorer *scorer;
    double *scale, *loss, *weight, *running; /* [n_outputs]; running: of losses times weights since the last report */
    double *running_weight;
    bool counts_tokens;
} predictive;

static void predictive_free(void *self) {
    predictive *t = self;
    if (!t) return;
    ludc_task_run_free(t->run);
    ludc_packer_free(&t->packer);
    ludc_scorer_free(t->scorer);
    ludc_free(t->scale);
    ludc_free(t);
}

static void find_scales(predictive *t, const uint32_t *rows, size_t n, uint64_t *targets) {
    const ludc_task_rows *d = &t->splits[LUDC_TRAIN];
    for (size_t k = 0; k < t->p->n_outputs; k++) {
        t->weight[k] = t->loss[k] = 0.0;
        for (size_t i = 0; i < n; i++)
            t->weight[k] += (double)d->weights[k][rows[i]];
        t->scale[k] = t->weight[k] > 0 ? t->p->outputs[k].weight / t->weight[k] : 0.0;
        *targets += t->weight[k] > 0 ? n : 0;
    }
}

static uint64_t count(const predictive *t, const uint32_t *rows, int64_t n) {
    uint64_t tokens = 0;
    if (!t->counts_tokens) return (uint64_t)n;
    for (int64_t i = 0; i < n; i++)
        tokens += (uint64_t)ludc_task_row_length(t->p, &t->splits[LUDC_TRAIN], rows[i]);
    return tokens;
}

static lud_status gradients(void *self, const uint32_t *rows, size_t n, int64_t epoch, ludc_step_result *out,
                            lud_error *err) {
    predictive *t = self;
    const ludc_task_rows *d = &t->splits[LUDC_TRAIN];
    int64_t n_groups = 0;
    *out = (ludc_step_result){0};
    find_scales(t, rows, n, &out->target_tokens);
    if (out->target_tokens == 0) return LUD_OK;
    LUDC_TRY(ludc_packer_pack(&t->packer, t->p, d, rows, n, &n_groups, err));
    for (int64_t g = 0; g < n_groups; g++) {
        const int64_t m = ludc_packer_group(&t->packer, rows, n, g);
        ludc_task_result result = {.loss = t->loss};
        LUDC_TRY(ludc_task_run_rows(t->run, d, t->packer.numbers, m, (uint64_t)epoch, t->scale, &result, err));
        out->tokens += count(t, t->packer.numbers, m);
    }
    for (size_t k = 0; k < t->p->n_outputs; k++) {
        out->loss += t->scale[k] * t->loss[k];
        t->running[k] += t->loss[k];
        t->running_weight[k] += t->weight[k];
    }
    return LUD_OK;
}

static lud_status need_scorer(predictive *t, lud_error *err) {
    const ludc_task_rows *all[LUDC_N_SPLITS] = {&t->splits[0], &t->splits[1], &t->splits[2]};
    return t->scorer ? LUD_OK : ludc_scorer_new(t->p, true, all, LUDC_N_SPLITS, &t->scorer, err);
}

/* On rows that training has not seen, where there are some. */
static lud_status finish(void *self, lud_error *err) {
    predictive *t = self;
    const ludc_task_rows *d = &t->splits[t->splits[LUDC_VALIDATION].n ? LUDC_VALIDATION : LUDC_TRAIN];
    bool wanted = false;
    for (size_t k = 0; k < t->p->n_outputs; k++)
        wanted |= ludc_get_bool(t->p->outputs[k].feature, "calibration", false);
    if (!wanted) return LUD_OK;
    LUDC_TRY(need_scorer(t, err));
    return ludc_calibrate(t->scorer, t->p, d, err);
}

static lud_status evaluate(void *self, int split, int64_t limit, ludc_value **tree, lud_error *err) {
    predictive *t = self;
    const ludc_task_rows *d = &t->splits[split];
    LUDC_TRY(need_scorer(t, err));
    return ludc_task_evaluate(t->scorer, t->p, d, limit < 0 ? d->n : LUDC_MIN(d->n, (size_t)limit), false, tree, err);
}

static lud_status running(void *self, ludc_value **tree, lud_error *err) {
    predictive *t = self;
    double total = 0.0;
    ludc_value *all = ludc_value_new(LUD_CFG_OBJECT), *combined = ludc_value_new(LUD_CFG_OBJECT);
    bool any = false, ok = all && combined;
    for (size_t k = 0; ok && k < t->p->n_outputs; k++) {
        ludc_value *one = ludc_value_new(LUD_CFG_OBJECT);
        const double mean = t->running[k] / t->running_weight[k];
        any = any || t->running_weight[k] > 0;
        if (isfinite(mean))
            total += t->p->outputs[k].weight * mean, ludc_value_put(one, "loss", ludc_value_float(mean));
        ok = ludc_value_put(all, t->p->outputs[k].name, one);
        t->running[k] = t->running_weight[k] = 0.0;
    }
    ok = ok && ludc_value_put(combined, "loss", ludc_value_float(total));
    ok = ludc_value_put(all, "combined", combined) && ok;
    if (any && ok)
        *tree = all;
    else
        ludc_value_free(all);
    return ok ? LUD_OK : ludc_no_memory(err, "evaluation");
}

static lud_status init(predictive *t, size_t batch_rows, lud_error *err) {
    const size_t outputs = t->p->n_outputs;
    const ludc_task_rows *train = &t->splits[LUDC_TRAIN];
    t->scale = ludc_alloc(5 * outputs * sizeof(*t->scale));
    if (!t->scale) return ludc_no_memory(err, "training");
    t->loss = t->scale + outputs;
    t->weight = t->loss + outputs;
    t->running = t->weight + outputs;
    t->running_weight = t->running + outputs;
    for (size_t i = 0; i < t->p->n_inputs; i++)
        t->counts_tokens |= train->inputs[i].kind == LUDC_COLUMN_LISTS;
    LUDC_TRY(ludc_packer_init(&t->packer, t->p, &train, 1, (int64_t)batch_rows, batch_rows, err));
    return ludc_task_run_new(t->p, LUDC_TASK_TRAIN, t->packer.cap_T, (int64_t)batch_rows, 0, &t->run, err);
}

lud_status ludc_predictive_trainee(ludc_predictor *p, const ludc_value *trainer,
                                   const ludc_task_rows splits[LUDC_N_SPLITS], ludc_trainee *out, lud_error *err) {
    ludc_settings settings;
    if (splits[LUDC_TRAIN].n == 0) return ludc_fail(err, LUD_E_DATA, "the training split has no row");
    LUDC_TRY(ludc_settings_read(trainer, splits[LUDC_TRAIN].n, &settings, err));
    predictive *t = ludc_alloc(sizeof(*t));
    if (!t) return ludc_no_memory(err, "training");
    t->p = p;
    t->splits = splits;
    const lud_status status = init(t, (size_t)settings.batch_rows, err);
    if (status != LUD_OK) return predictive_free(t), status;
    *out = (ludc_trainee){.self = t,
                          .store = p->store,
                          .devices = p->devices,
                          .n_rows = {splits[0].n, splits[1].n, splits[2].n},
                          .unit = t->counts_tokens ? "tok" : "rows",
                          .gradients = gradients,
                          .evaluate = evaluate,
                          .running = running,
                          .finish = finish,
                          .free = predictive_free};
    return LUD_OK;
}
