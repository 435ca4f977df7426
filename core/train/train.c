/* SPDX-License-Identifier: Apache-2.0
 * The training loop: epochs over a keyed permutation of the rows, evaluations, early stop, the best model. What it
 * knows between two steps is one ludc_train_state. */
#include <math.h>
#include <string.h>

#include "internal.h"
#include "task_metrics.h"

typedef struct loop {
    ludc_trainee *t;
    const ludc_value *trainer;
    const ludc_train_events *events;
    ludc_train_state *state;
    ludc_settings settings;
    ludc_updater *updater;
    uint32_t *batch;
    float *best; /* values of the best model, once there is one */
    double seconds_at_step, rate;
} loop;

static size_t pick_rows(loop *l) {
    const uint64_t n_rows = l->t->n_rows[LUDC_TRAIN];
    const ludc_train_state *st = l->state;
    const uint64_t key = lud_row_key(st->seed, (uint64_t)st->epoch, UINT64_MAX);
    const uint64_t begin = (uint64_t)(st->batch_in_epoch * l->settings.batch_rows);
    size_t n = 0;
    for (uint64_t i = begin; i < n_rows && n < (size_t)l->settings.batch_rows; i++)
        l->batch[n++] = (uint32_t)(l->settings.shuffle ? ludc_permute(key, n_rows, i) : i);
    return n;
}

static void report(loop *l, const ludc_step_result *r, double lr) {
    const double now = ludc_now(), took = now - l->seconds_at_step;
    const double rate = took > 0 ? (double)r->tokens / took : 0.0;
    l->seconds_at_step = now;
    l->rate = l->rate > 0 ? 0.9 * l->rate + 0.1 * rate : rate;
    if (!l->events || !l->events->progress) return;
    const ludc_train_state *st = l->state;
    const double per_step = (double)st->tokens / (double)st->step;
    const ludc_train_progress p = {
        .step = st->step,
        .total_steps = l->settings.total_steps,
        .loss = r->loss,
        .lr = lr,
        .per_second = l->rate,
        .unit = l->t->unit,
        .eta_seconds = l->rate > 0 ? per_step * (double)(l->settings.total_steps - st->step) / l->rate : 0.0,
    };
    l->events->progress(l->events->arg, &p);
}

static lud_status one_step(loop *l, lud_error *err) {
    ludc_train_state *st = l->state;
    const size_t n = pick_rows(l);
    const double lr =
        ludc_schedule_lr(l->trainer, st->step, l->settings.total_steps, l->settings.steps_per_evaluation, st);
    ludc_step_result r;
    LUDC_TRY(ludc_store_flat_zero(l->t->store, LUDC_FLAT_GRADS, err));
    LUDC_TRY(l->t->gradients(l->t->self, l->batch, n, st->epoch, &r, err));
    if (r.target_tokens) LUDC_TRY(ludc_updater_step(l->updater, &r, l->batch, n, st->step, lr, err));
    st->step++;
    st->tokens += r.tokens;
    st->target_tokens += r.target_tokens;
    if (++st->batch_in_epoch >= l->settings.steps_per_epoch) {
        st->batch_in_epoch = 0;
        st->epoch++;
    }
    report(l, &r, lr);
    return LUD_OK;
}

/* ---- Evaluation ---- */
/* Small is good. `combined` has a loss only: another metric is that of the first feature that has it. */
static double watched(const ludc_settings *s, const ludc_value *tree) {
    double value = ludc_metric_of(tree, s->field, s->metric);
    for (size_t i = 0; isnan(value) && ludc_str_eq(s->field, "combined") && i < tree->len; i++)
        value = ludc_metric_of(tree, tree->keys[i], s->metric);
    if (isnan(value)) return INFINITY;
    return ludc_metric_maximizes(s->metric) ? -value : value;
}

static lud_status measure(loop *l, ludc_evaluation *e, lud_error *err) {
    const ludc_settings *s = &l->settings;
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        if (l->t->n_rows[i] == 0 || (i == LUDC_TRAIN && !s->evaluate_training_set)) continue;
        LUDC_TRY(l->t->evaluate(l->t->self, i, s->max_eval_rows, &e->split[i], err));
    }
    ludc_value *running = NULL;
    LUDC_TRY(l->t->running(l->t->self, &running, err));
    if (e->split[LUDC_TRAIN])
        ludc_value_free(running);
    else
        e->split[LUDC_TRAIN] = running;
    return LUD_OK;
}

static lud_status keep_best(loop *l, const ludc_evaluation *e, bool *improved, lud_error *err) {
    ludc_train_state *st = l->state;
    const ludc_value *validation = e->split[LUDC_VALIDATION];
    const double value = validation ? watched(&l->settings, validation) : 0.0;
    *improved = !validation || st->best_evaluation == 0 || value < st->best_value;
    if (!*improved) return LUD_OK;
    st->best_value = value;
    st->best_evaluation = st->evaluations;
    st->best_step = st->step;
    st->best_epoch = st->epoch;
    st->last_improvement = st->evaluations;
    if (!validation) return LUD_OK; /* the last model is the best one: no copy needed */
    if (!l->best) l->best = ludc_alloc((size_t)ludc_store_flat_len(l->t->store) * sizeof(float));
    if (!l->best) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory for the copy of the best model");
    return ludc_store_flat_read(l->t->store, LUDC_FLAT_VALUES, l->best, err);
}

/* Ludwig's reduce_on_plateau: after `patience` evaluations without improvement the rate is multiplied, at most
 * reduce_on_plateau times. */
static void reduce_on_plateau(loop *l, const ludc_evaluation *e) {
    const ludc_value *schedule = ludc_value_get(l->trainer, "learning_rate_scheduler");
    const int64_t limit = ludc_get_int(schedule, "reduce_on_plateau", 0);
    const int split = l->settings.plateau_on_validation ? LUDC_VALIDATION : LUDC_TRAIN;
    ludc_train_state *st = l->state;
    if (limit <= st->plateau_reductions || !e->split[split]) return;
    const double loss = ludc_metric_of(e->split[split], LUDC_STR("combined"), LUDC_STR("loss"));
    if (st->evaluations == 1 || loss < st->plateau_best) {
        st->plateau_best = loss;
        st->plateau_wait = 0;
    } else if (++st->plateau_wait >= ludc_get_int(schedule, "reduce_on_plateau_patience", 10)) {
        st->plateau_wait = 0;
        st->plateau_reductions++;
        st->lr_factor *= ludc_get_float(schedule, "reduce_on_plateau_rate", 0.1);
    }
}

static lud_status evaluate(loop *l, lud_error *err) {
    ludc_evaluation e = {0};
    lud_status status = measure(l, &e, err);
    l->state->evaluations++;
    if (status == LUD_OK) status = keep_best(l, &e, &e.improved, err);
    if (status == LUD_OK) reduce_on_plateau(l, &e);
    if (status == LUD_OK && l->events && l->events->evaluated)
        status = l->events->evaluated(l->events->arg, l->state, &e, err);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_value_free(e.split[i]);
    l->seconds_at_step = ludc_now();
    return status;
}

static bool stops_early(const loop *l) {
    const ludc_train_state *st = l->state;
    return l->settings.early_stop >= 0 && l->t->n_rows[LUDC_VALIDATION] > 0 &&
           st->evaluations - st->last_improvement >= LUDC_MAX(1, l->settings.early_stop);
}

static bool evaluation_due(const loop *l) {
    const ludc_settings *s = &l->settings;
    if (s->skip_evaluation) return false;
    return l->state->step % s->steps_per_evaluation == 0 || l->state->step == s->total_steps;
}

static lud_status run_loop(loop *l, lud_error *err) {
    ludc_log(LUD_LOG_DEBUG, "training begins");
    l->seconds_at_step = ludc_now();
    while (l->state->step < l->settings.total_steps) {
        LUDC_TRY(one_step(l, err));
        if (ludc_cancel_requested())
            return ludc_fail(err, LUD_E_CANCELLED, "interrupted after step %lld", (long long)l->state->step);
        if (!evaluation_due(l)) continue;
        LUDC_TRY(evaluate(l, err));
        if (stops_early(l)) break;
    }
    if (l->best) LUDC_TRY(ludc_store_flat_write(l->t->store, LUDC_FLAT_VALUES, l->best, err));
    return l->t->finish ? l->t->finish(l->t->self, err) : LUD_OK;
}

lud_status ludc_train(ludc_trainee *t, const ludc_value *trainer, uint64_t seed, const ludc_train_events *events,
                      ludc_train_state *state, lud_error *err) {
    loop l = {.t = t, .trainer = trainer, .events = events, .state = state};
    *state = (ludc_train_state){.lr_factor = 1.0, .seed = seed};
    LUDC_TRY(ludc_settings_read(trainer, t->n_rows[LUDC_TRAIN], &l.settings, err));
    l.batch = ludc_alloc((size_t)l.settings.batch_rows * sizeof(*l.batch));
    lud_status status = l.batch ? ludc_updater_new(t, &l.settings, &l.updater, err) : ludc_no_memory(err, "training");
    if (status == LUD_OK) status = run_loop(&l, err);
    ludc_updater_free(l.updater);
    ludc_free(l.batch);
    ludc_free(l.best);
    return status;
}
