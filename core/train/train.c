/* SPDX-License-Identifier: Apache-2.0
 * The training loop: epochs over a keyed permutation of the rows, evaluations, early stop, the best model. What it
 * knows between two steps is one ludc_train_state. */
#include <math.h>
#include <string.h>

#include "internal.h"

typedef struct loop {
    ludc_model *model;
    const ludc_value *trainer;
    const ludc_rows *splits;
    const ludc_train_events *events;
    ludc_train_state *state;
    ludc_settings settings;
    ludc_stepper *stepper;
    ludc_evaluator *evaluator;
    const ludc_row **batch;
    float *best; /* values of the best model, once there is one */
    double running_loss;
    uint64_t running_targets; /* since the last evaluation: the training loss that is reported */
    double seconds_at_step, rate;
} loop;

static int64_t int_or(const ludc_value *v, const char *key, int64_t dflt) {
    const ludc_value *node = ludc_value_find(v, key);
    return node && node->type == LUD_CFG_INT ? node->u.i : dflt;
}

static lud_status read_optimizer(const ludc_value *trainer, ludc_settings *s, lud_error *err) {
    const ludc_value *o = ludc_value_get(trainer, "optimizer");
    const lud_str type = ludc_get_str(o, "type", LUDC_STR("adam"));
    const ludc_value *betas = ludc_value_get(o, "betas");
    s->scalars[2] = (float)ludc_get_float(o, "weight_decay", 0.0);
    s->scalars[4] = (float)ludc_get_float(betas, "0", 0.9);
    s->scalars[5] = (float)ludc_get_float(betas, "1", 0.999);
    s->scalars[6] = (float)ludc_get_float(o, "eps", 1e-8);
    if (ludc_str_eq(type, "sgd")) {
        s->kind = LUDC_OPT_SGD;
        s->scalars[4] = (float)ludc_get_float(o, "momentum", 0.0);
        s->scalars[7] = ludc_get_bool(o, "nesterov", false) ? 1.0f : 0.0f;
        s->momentum = s->scalars[4] != 0.0f;
        return LUD_OK;
    }
    if (ludc_str_eq(type, "adam") || ludc_str_eq(type, "adamw")) {
        s->kind = ludc_str_eq(type, "adam") ? LUDC_OPT_ADAM : LUDC_OPT_ADAMW;
        s->scalars[3] = s->kind == LUDC_OPT_ADAMW ? 1.0f : 0.0f;
        return LUD_OK;
    }
    return ludc_fail(err, LUD_E_INVALID,
                     "trainer.optimizer.type: '%.*s' is known, not available yet (adam, adamw, sgd)", (int)type.len,
                     type.ptr);
}

/* The two norms of Ludwig are the same clip; the smaller one decides. */
static double clip_norm(const ludc_value *clipping) {
    const double global = ludc_get_float(clipping, "clipglobalnorm", 0.0);
    const double norm = ludc_get_float(clipping, "clipnorm", 0.0);
    return global > 0 && norm > 0 ? fmin(global, norm) : fmax(global, norm);
}

static void read_lengths(const ludc_value *trainer, size_t n_rows, ludc_settings *s) {
    const int64_t rows = (int64_t)LUDC_MAX(n_rows, 1);
    const int64_t effective = int_or(trainer, "effective_batch_size", 0);
    const int64_t size = LUDC_MAX(1, int_or(trainer, "batch_size", 1));
    s->batch_rows = effective > 0 ? effective : size * LUDC_MAX(1, int_or(trainer, "gradient_accumulation_steps", 1));
    s->batch_rows = LUDC_MIN(s->batch_rows, rows);
    s->steps_per_epoch = (rows + s->batch_rows - 1) / s->batch_rows;
    s->epochs = int_or(trainer, "epochs", 3);
    s->total_steps = s->epochs * s->steps_per_epoch;
    const int64_t train_steps = int_or(trainer, "train_steps", 0);
    if (train_steps > 0) {
        s->total_steps = train_steps;
        s->epochs = (train_steps + s->steps_per_epoch - 1) / s->steps_per_epoch;
    }
    const int64_t every = int_or(trainer, "steps_per_checkpoint", 0);
    const int64_t per_epoch = LUDC_MAX(1, int_or(trainer, "checkpoints_per_epoch", 1));
    s->steps_per_evaluation = every > 0 ? every : LUDC_MAX(1, (s->steps_per_epoch + per_epoch - 1) / per_epoch);
}

lud_status ludc_settings_read(const ludc_value *trainer, size_t n_rows, ludc_settings *s, lud_error *err) {
    memset(s, 0, sizeof(*s));
    read_lengths(trainer, n_rows, s);
    s->early_stop = int_or(trainer, "early_stop", 5);
    s->shuffle = ludc_get_bool(trainer, "should_shuffle", true);
    s->skip_evaluation = ludc_get_bool(trainer, "skip_all_evaluation", false);
    s->evaluate_training_set = ludc_get_bool(trainer, "evaluate_training_set", false);
    const int64_t eval_steps = int_or(trainer, "eval_steps", -1);
    s->max_eval_rows = eval_steps > 0 ? eval_steps * LUDC_MAX(1, int_or(trainer, "eval_batch_size", 2)) : -1;
    const lud_str metric = ludc_get_str(trainer, "validation_metric", LUDC_STR("loss"));
    s->accuracy_is_metric = ludc_str_eq(metric, "token_accuracy");
    s->perplexity_is_metric = ludc_str_eq(metric, "next_token_perplexity");
    s->plateau_on_validation = ludc_str_eq(
        ludc_get_str(trainer, "learning_rate_scheduler.reduce_eval_split", LUDC_STR("training")), "validation");
    s->clip_norm = clip_norm(ludc_value_get(trainer, "gradient_clipping"));
    s->clip_value = ludc_get_float(trainer, "gradient_clipping.clipvalue", 0.0);
    return read_optimizer(trainer, s, err);
}

int64_t ludc_train_total_steps(const ludc_value *trainer, size_t n_train_rows) {
    ludc_settings s = {0};
    read_lengths(trainer, n_train_rows, &s);
    return s.total_steps;
}

static size_t pick_rows(loop *l) {
    const ludc_rows *rows = &l->splits[LUDC_TRAIN];
    const ludc_train_state *st = l->state;
    const uint64_t key = lud_row_key(st->seed, (uint64_t)st->epoch, UINT64_MAX);
    const uint64_t begin = (uint64_t)(st->batch_in_epoch * l->settings.batch_rows);
    size_t n = 0;
    for (uint64_t i = begin; i < rows->len && n < (size_t)l->settings.batch_rows; i++)
        l->batch[n++] = &rows->ptr[l->settings.shuffle ? ludc_permute(key, rows->len, i) : i];
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
        .loss = r->target_tokens ? r->loss_sum / (double)r->target_tokens : 0.0,
        .lr = lr,
        .tokens_per_second = l->rate,
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
    LUDC_TRY(ludc_stepper_run(l->stepper, l->batch, n, st->epoch, st->step, lr, &r, err));
    st->step++;
    st->tokens += r.tokens;
    st->target_tokens += r.target_tokens;
    l->running_loss += r.loss_sum;
    l->running_targets += r.target_tokens;
    if (++st->batch_in_epoch >= l->settings.steps_per_epoch) {
        st->batch_in_epoch = 0;
        st->epoch++;
    }
    report(l, &r, lr);
    return LUD_OK;
}

static double watched(const ludc_settings *s, const ludc_metrics *m) {
    if (s->accuracy_is_metric) return -m->token_accuracy;
    return s->perplexity_is_metric ? m->next_token_perplexity : m->loss;
}

static lud_status measure(loop *l, ludc_evaluation *e, lud_error *err) {
    const ludc_settings *s = &l->settings;
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        if (l->splits[i].len == 0 || (i == LUDC_TRAIN && !s->evaluate_training_set)) continue;
        LUDC_TRY(ludc_evaluator_run(l->evaluator, &l->splits[i], s->max_eval_rows, &e->split[i], err));
        e->has[i] = true;
    }
    if (!e->has[LUDC_TRAIN] && l->running_targets > 0) {
        const double loss = l->running_loss / (double)l->running_targets;
        e->split[LUDC_TRAIN] = (ludc_metrics){.loss = loss,
                                              .perplexity = exp(loss),
                                              .token_accuracy = NAN,
                                              .next_token_perplexity = NAN,
                                              .target_tokens = l->running_targets,
                                              .rows = l->splits[LUDC_TRAIN].len};
        e->has[LUDC_TRAIN] = true;
    }
    return LUD_OK;
}

static lud_status keep_best(loop *l, const ludc_evaluation *e, bool *improved, lud_error *err) {
    ludc_train_state *st = l->state;
    const bool has_validation = e->has[LUDC_VALIDATION];
    const double value = has_validation ? watched(&l->settings, &e->split[LUDC_VALIDATION]) : 0.0;
    *improved = !has_validation || st->best_evaluation == 0 || value < st->best_value;
    if (!*improved) return LUD_OK;
    st->best_value = value;
    st->best_evaluation = st->evaluations;
    st->best_step = st->step;
    st->best_epoch = st->epoch;
    st->last_improvement = st->evaluations;
    if (!has_validation) return LUD_OK; /* the last model is the best one: no copy needed */
    ludc_store *store = ludc_model_store(l->model);
    if (!l->best) l->best = ludc_alloc((size_t)ludc_store_flat_len(store) * sizeof(float));
    if (!l->best) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory for the copy of the best model");
    return ludc_store_flat_read(store, LUDC_FLAT_VALUES, l->best, err);
}

/* Ludwig's reduce_on_plateau: after `patience` evaluations without improvement the rate is multiplied, at most
 * reduce_on_plateau times. */
static void reduce_on_plateau(loop *l, const ludc_evaluation *e) {
    const ludc_value *schedule = ludc_value_get(l->trainer, "learning_rate_scheduler");
    const int64_t limit = ludc_get_int(schedule, "reduce_on_plateau", 0);
    const int split = l->settings.plateau_on_validation ? LUDC_VALIDATION : LUDC_TRAIN;
    ludc_train_state *st = l->state;
    if (limit <= st->plateau_reductions || !e->has[split]) return;
    const double loss = e->split[split].loss;
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
    LUDC_TRY(measure(l, &e, err));
    l->state->evaluations++;
    LUDC_TRY(keep_best(l, &e, &e.improved, err));
    reduce_on_plateau(l, &e);
    l->running_loss = 0.0;
    l->running_targets = 0;
    if (l->events && l->events->evaluated) LUDC_TRY(l->events->evaluated(l->events->arg, l->state, &e, err));
    l->seconds_at_step = ludc_now();
    return LUD_OK;
}

static bool stops_early(const loop *l) {
    const ludc_train_state *st = l->state;
    return l->settings.early_stop >= 0 && l->splits[LUDC_VALIDATION].len > 0 &&
           st->evaluations - st->last_improvement >= LUDC_MAX(1, l->settings.early_stop);
}

static bool evaluation_due(const loop *l) {
    const ludc_settings *s = &l->settings;
    if (s->skip_evaluation) return false;
    return l->state->step % s->steps_per_evaluation == 0 || l->state->step == s->total_steps;
}

static lud_status run_loop(loop *l, lud_error *err) {
    l->seconds_at_step = ludc_now();
    while (l->state->step < l->settings.total_steps) {
        LUDC_TRY(one_step(l, err));
        if (ludc_cancel_requested())
            return ludc_fail(err, LUD_E_CANCELLED, "interrupted after step %lld", (long long)l->state->step);
        if (!evaluation_due(l)) continue;
        LUDC_TRY(evaluate(l, err));
        if (stops_early(l)) break;
    }
    if (l->best) return ludc_store_flat_write(ludc_model_store(l->model), LUDC_FLAT_VALUES, l->best, err);
    return LUD_OK;
}

static lud_status prepare(loop *l, lud_error *err) {
    const ludc_rows *train = &l->splits[LUDC_TRAIN];
    if (train->len == 0 || train->target_tokens == 0)
        return ludc_fail(err, LUD_E_DATA, "the training split has no row with a target token");
    LUDC_TRY(ludc_settings_read(l->trainer, train->len, &l->settings, err));
    l->batch = ludc_alloc((size_t)l->settings.batch_rows * sizeof(*l->batch));
    if (!l->batch) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory");
    LUDC_TRY(ludc_stepper_new(l->model, &l->settings, train, l->state->seed, &l->stepper, err));
    if (l->settings.skip_evaluation) return LUD_OK;
    const ludc_rows *all[LUDC_N_SPLITS] = {&l->splits[0], &l->splits[1], &l->splits[2]};
    return ludc_evaluator_new(l->model, all, LUDC_N_SPLITS, &l->evaluator, err);
}

lud_status ludc_train(ludc_model *model, const ludc_value *trainer, const ludc_rows splits[LUDC_N_SPLITS],
                      uint64_t seed, const ludc_train_events *events, ludc_train_state *state, lud_error *err) {
    loop l = {.model = model, .trainer = trainer, .splits = splits, .events = events, .state = state};
    *state = (ludc_train_state){.lr_factor = 1.0, .seed = seed};
    lud_status status = prepare(&l, err);
    if (status == LUD_OK) status = run_loop(&l, err);
    ludc_stepper_free(l.stepper);
    ludc_evaluator_free(l.evaluator);
    ludc_free(l.batch);
    ludc_free(l.best);
    return status;
}
