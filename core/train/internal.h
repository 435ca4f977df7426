/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/train share. */
#ifndef LUDC_TRAIN_INTERNAL_H
#define LUDC_TRAIN_INTERNAL_H

#include <train.h>

/* Tokens of one micro-batch, unless a single row is longer: enough rows for the matrix kernels, few enough that
 * activations stay small. */
#define LUDC_MICRO_BATCH_TOKENS 1024

/* The settings of the `trainer` section that the loop needs, read once. */
typedef struct ludc_settings {
    int64_t batch_rows; /* rows of one optimizer step: batch_size * gradient_accumulation_steps */
    int64_t epochs, steps_per_epoch, total_steps, steps_per_evaluation;
    int64_t early_stop, eval_rows, max_eval_rows; /* max_eval_rows < 0: all */
    bool shuffle, skip_evaluation, evaluate_training_set, accuracy_is_metric, perplexity_is_metric;
    bool plateau_on_validation;
    double clip_norm, clip_value; /* <= 0: off */
    int kind;                     /* LUDC_OPT_* */
    bool momentum;
    float scalars[8]; /* of SGD_STEP / ADAM_STEP; learning rate, factor and step number are filled per step */
} ludc_settings;
lud_status ludc_settings_read(const ludc_value *trainer, size_t n_train_rows, ludc_settings *, lud_error *);

/* One optimizer step over `n` rows. Adds to *loss_sum and *target_tokens. */
typedef struct ludc_stepper ludc_stepper;
lud_status ludc_stepper_new(ludc_model *, const ludc_settings *, const ludc_rows *, uint64_t seed, ludc_stepper **,
                            lud_error *);
void ludc_stepper_free(ludc_stepper *);
typedef struct ludc_step_result {
    double loss_sum, grad_norm;
    uint64_t tokens, target_tokens;
} ludc_step_result;
lud_status ludc_stepper_run(ludc_stepper *, const ludc_row *const *rows, size_t n, int64_t epoch, int64_t step,
                            double learning_rate, ludc_step_result *, lud_error *);

/* Rows of one split packed and run without gradients, `limit` rows at most (< 0: all). */
typedef struct ludc_evaluator ludc_evaluator;
lud_status ludc_evaluator_new(ludc_model *, const ludc_rows *const *splits, size_t n_splits, ludc_evaluator **,
                              lud_error *);
void ludc_evaluator_free(ludc_evaluator *);
lud_status ludc_evaluator_run(ludc_evaluator *, const ludc_rows *, int64_t limit, ludc_metrics *, lud_error *);

/* Longest row of a split, at least 1. */
int64_t ludc_rows_longest(const ludc_rows *);

#endif
