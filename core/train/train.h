/* SPDX-License-Identifier: Apache-2.0
 * train: step loop, schedules, early stop, evaluation and its metrics. Writes no files: the caller saves what
 * callbacks tell. What is trained is a ludc_trainee: a language model (language.c) or a predictor (predictive.c). */
#ifndef LUDC_TRAIN_H
#define LUDC_TRAIN_H

#include <model.h>
#include <predictor.h>

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

/* Metrics of a language model on one split. */
typedef struct ludc_metrics {
    double loss, perplexity, token_accuracy; /* loss: mean nll over target tokens; perplexity: exp(loss) */
    double next_token_perplexity;            /* mean over rows of exp(mean nll of the row) */
    uint64_t target_tokens, rows;
} ludc_metrics;
lud_status ludc_evaluate_rows(ludc_model *, const ludc_rows *, ludc_metrics *, lud_error *);
ludc_value *ludc_metrics_value(const ludc_metrics *); /* {loss, perplexity, ...}; what is not finite is left out */
/* {feature: of_feature, combined: {loss}}; takes of_feature. NULL if out of memory. */
ludc_value *ludc_metrics_tree(lud_str feature, ludc_value *of_feature, double combined_loss);
/* A metric of such a tree; NaN if it is not there. */
double ludc_metric_of(const ludc_value *tree, lud_str feature, lud_str metric);

typedef struct ludc_evaluation {
    ludc_value *split[LUDC_N_SPLITS]; /* {feature: {metric: value}, combined: {loss}}; NULL = not measured */
    bool improved;
} ludc_evaluation;

typedef struct ludc_train_progress {
    int64_t step, total_steps;
    double loss, lr, per_second, eta_seconds;
    const char *unit; /* of per_second: "tok" or "rows" */
} ludc_train_progress;

typedef struct ludc_train_events {
    void *arg;
    void (*progress)(void *arg, const ludc_train_progress *); /* after each step */
    /* May take the trees out of the evaluation. */
    lud_status (*evaluated)(void *arg, const ludc_train_state *, ludc_evaluation *, lud_error *);
} ludc_train_events;

/* What one batch of rows gave. */
typedef struct ludc_step_result {
    double loss;                    /* mean over the batch */
    uint64_t tokens, target_tokens; /* tokens: of the trainee's unit; target_tokens 0: nothing to learn from */
} ludc_step_result;

/* A model and its rows, as the loop sees them. */
typedef struct ludc_trainee {
    void *self;
    ludc_store *store;
    ludc_devices *devices;
    size_t n_rows[LUDC_N_SPLITS];
    const char *unit;
    /* Adds the batch's gradients to the flat buffer, which is zero. rows index the training split. */
    lud_status (*gradients)(void *self, const uint32_t *rows, size_t n, int64_t epoch, ludc_step_result *, lud_error *);
    /* Metrics of a split, `limit` rows at most (< 0: all). */
    lud_status (*evaluate)(void *self, int split, int64_t limit, ludc_value **tree, lud_error *);
    /* The losses summed up in gradients() since the last call; *tree stays NULL if there were none. */
    lud_status (*running)(void *self, ludc_value **tree, lud_error *);
    /* Once the best parameters are there; NULL: nothing is left to do. */
    lud_status (*finish)(void *self, lud_error *);
    void (*free)(void *self);
} ludc_trainee;
/* Rows and models are kept by the caller while the trainee lives. */
lud_status ludc_language_trainee(ludc_model *, const ludc_value *trainer, lud_str feature,
                                 const ludc_rows splits[LUDC_N_SPLITS], uint64_t seed, ludc_trainee *, lud_error *);
lud_status ludc_predictive_trainee(ludc_predictor *, const ludc_value *trainer,
                                   const ludc_task_rows splits[LUDC_N_SPLITS], ludc_trainee *, lud_error *);

/* Predictions of rows [first, first + n) by a program of kind PREDICT or LOSS; scores[k] holds n * width floats and is
 * activated: probabilities, or values in the target's own unit. loss: as ludc_task_result, may be NULL. */
typedef struct ludc_scorer ludc_scorer;
lud_status ludc_scorer_new(ludc_predictor *, bool with_loss, const ludc_task_rows *const *data, size_t n_data,
                           ludc_scorer **, lud_error *);
void ludc_scorer_free(ludc_scorer *);
lud_status ludc_scorer_run(ludc_scorer *, const ludc_task_rows *, size_t first, size_t n, float **scores, double *loss,
                           lud_error *);
/* Its plan has room for the longest of these rows. */
bool ludc_scorer_holds(const ludc_scorer *, const ludc_task_rows *);
/* Metrics of all outputs over the first n rows (details: with confusion matrices and per-class statistics), by a scorer
 * with losses. */
lud_status ludc_task_evaluate(ludc_scorer *, const ludc_predictor *, const ludc_task_rows *, size_t n, bool details,
                              ludc_value **tree, lud_error *);
/* The scores of the first n rows in parts of at most LUDC_SCORED rows, in order. */
enum { LUDC_SCORED = 512 };
typedef lud_status (*ludc_scored_fn)(void *arg, const ludc_task_rows *, size_t first, size_t n, float *const *scores,
                                     lud_error *);
lud_status ludc_scorer_each(ludc_scorer *, const ludc_task_rows *, size_t n, double *loss, ludc_scored_fn, void *arg,
                            lud_error *);
/* The same metrics, of parts (tally.c): take is a ludc_scored_fn, loss the sums for the scorer to add to. */
typedef struct ludc_tally ludc_tally;
lud_status ludc_tally_new(const ludc_predictor *, ludc_tally **, lud_error *);
void ludc_tally_free(ludc_tally *); /* accepts NULL */
double *ludc_tally_loss(ludc_tally *);
lud_status ludc_tally_take(void *tally, const ludc_task_rows *, size_t first, size_t n, float *const *scores,
                           lud_error *);
lud_status ludc_tally_end(ludc_tally *, bool details, ludc_value **tree, lud_error *); /* frees it, also on failure */
/* Rows of one input, [n, width], each computed once; packed longest first. */
lud_status ludc_task_encode(ludc_predictor *, size_t input, const ludc_task_rows *, const uint32_t *rows, size_t n,
                            lud_status (*sink)(void *arg, const uint32_t *rows, size_t n, const float *values,
                                               lud_error *),
                            void *arg, lud_error *);

/* trainer = the full `trainer` section. Data order, dropout and splits are keyed by the seed. Early stop, best model:
 * on return the model holds the best parameters. A request to cancel finishes the step and returns LUD_E_CANCELLED with
 * the model as it is then. A loss that is not finite stops with LUD_E_NUMERIC: step, rows, three things to try. */
lud_status ludc_train(ludc_trainee *, const ludc_value *trainer, uint64_t seed, const ludc_train_events *,
                      ludc_train_state *, lud_error *);
/* Learning rate of a step (from 0): warm-up, decay, plateau reductions of the state (NULL: none). */
double ludc_schedule_lr(const ludc_value *trainer, int64_t step, int64_t total_steps, int64_t steps_per_evaluation,
                        const ludc_train_state *);

#endif
