/* SPDX-License-Identifier: Apache-2.0
 * train: step loop, schedules, early stop, evaluation and its metrics. Writes no files: the caller saves what
 * callbacks tell. */
#ifndef LUDC_TRAIN_H
#define LUDC_TRAIN_H

#include <model.h>

/* The whole state of a training run between two steps: all that exact resume needs besides the flat buffers. */
typedef struct ludc_train_state {
    int64_t step, epoch, batch_in_epoch; /* next batch to run; steps = optimizer steps done */
    int64_t evaluations, best_evaluation, best_step, best_epoch, last_improvement;
    double best_value;
    double plateau_best; /* reduce_on_plateau */
    int64_t plateau_wait, plateau_reductions;
    double lr_factor; /* product of plateau reductions */
    uint64_t tokens, target_tokens;
    uint64_t seed;
} ludc_train_state;

/* Metrics of one split. */
typedef struct ludc_metrics {
    double loss, perplexity, token_accuracy; /* loss: mean nll over target tokens; perplexity: exp(loss) */
    double next_token_perplexity;            /* mean over rows of exp(mean nll of the row) */
    uint64_t target_tokens, rows;
} ludc_metrics;
lud_status ludc_evaluate_rows(ludc_model *, const ludc_rows *, ludc_metrics *, lud_error *);

typedef struct ludc_evaluation {
    ludc_metrics split[LUDC_N_SPLITS];
    bool has[LUDC_N_SPLITS];
    bool improved;
} ludc_evaluation;

typedef struct ludc_train_progress {
    int64_t step, total_steps;
    double loss, lr, tokens_per_second, eta_seconds;
} ludc_train_progress;

typedef struct ludc_train_events {
    void *arg;
    void (*progress)(void *arg, const ludc_train_progress *); /* after each step */
    lud_status (*evaluated)(void *arg, const ludc_train_state *, const ludc_evaluation *, lud_error *);
} ludc_train_events;

/* trainer = the full `trainer` section. Data order, dropout and splits are keyed by the seed. Early stop, best model:
 * on return the model holds the best parameters. A request to cancel finishes the step and returns LUD_E_CANCELLED with
 * the model as it is then. A loss that is not finite stops with LUD_E_NUMERIC: step, rows, three things to try. */
lud_status ludc_train(ludc_model *, const ludc_value *trainer, const ludc_rows splits[LUDC_N_SPLITS], uint64_t seed,
                      const ludc_train_events *, ludc_train_state *, lud_error *);
/* Total optimizer steps that these settings give. */
int64_t ludc_train_total_steps(const ludc_value *trainer, size_t n_train_rows);
/* Learning rate of a step (from 0): warm-up, decay, plateau reductions of the state (NULL: none). */
double ludc_schedule_lr(const ludc_value *trainer, int64_t step, int64_t total_steps, int64_t steps_per_evaluation,
                        const ludc_train_state *);

#endif
