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
    int64_t early_stop, max_eval_rows; /* max_eval_rows < 0: all */
    bool shuffle, skip_evaluation, evaluate_training_set, plateau_on_validation;
    lud_str field, metric;        /* what decides which model is the best */
    double clip_norm, clip_value; /* <= 0: off */
    int kind;                     /* LUDC_OPT_* */
    bool momentum;
    float scalars[8]; /* of SGD_STEP / ADAM_STEP; learning rate, factor and step number are filled per step */
} ludc_settings;
lud_status ludc_settings_read(const ludc_value *trainer, size_t n_train_rows, ludc_settings *, lud_error *);

/* The optimizer with clipping: from gradients in the flat buffer to new values (update.c). */
typedef struct ludc_updater ludc_updater;
lud_status ludc_updater_new(const ludc_trainee *, const ludc_settings *, ludc_updater **, lud_error *);
void ludc_updater_free(ludc_updater *);
/* rows name the batch in the message of a diverged step. */
lud_status ludc_updater_step(ludc_updater *, const ludc_step_result *, const uint32_t *rows, size_t n, int64_t step,
                             double learning_rate, lud_error *);

/* Rows of one split packed and run without gradients, `limit` rows at most (< 0: all). */
typedef struct ludc_evaluator ludc_evaluator;
lud_status ludc_evaluator_new(ludc_model *, const ludc_rows *const *splits, size_t n_splits, ludc_evaluator **,
                              lud_error *);
void ludc_evaluator_free(ludc_evaluator *);
lud_status ludc_evaluator_run(ludc_evaluator *, const ludc_rows *, int64_t limit, ludc_metrics *, lud_error *);

/* What the heads give for all rows, before any activation (scorer.c). */
lud_status ludc_scorer_logits(ludc_scorer *, const ludc_task_rows *, float **scores, lud_error *);

/* Fits the temperature of every output with `calibration: true` on these rows (calibration.c). */
lud_status ludc_calibrate(ludc_scorer *, ludc_predictor *, const ludc_task_rows *, lud_error *);

/* Longest row of a split, at least 1. */
int64_t ludc_rows_longest(const ludc_rows *);

/* Rows of a predictor grouped into micro-batches by the length of their texts (scorer.c). */
typedef struct ludc_packer {
    int64_t cap_T, cap_S;
    size_t window; /* rows at once */
    ludc_row *rows;
    const ludc_row **list;
    ludc_pack_item *room;
    uint32_t *groups, *members, *numbers;
} ludc_packer;
lud_status ludc_packer_init(ludc_packer *, const ludc_predictor *, const ludc_task_rows *const *data, size_t n_data,
                            int64_t cap_S, size_t window, lud_error *);
void ludc_packer_free(ludc_packer *);
/* Number of micro-batches of rows[n], n <= window. */
lud_status ludc_packer_pack(ludc_packer *, const ludc_predictor *, const ludc_task_rows *, const uint32_t *rows,
                            size_t n, int64_t *n_groups, lud_error *);
/* Micro-batch g: members[i] = its place in the packed rows, numbers[i] = the row; returns how many. */
int64_t ludc_packer_group(ludc_packer *, const uint32_t *rows, size_t n, int64_t g);

#endif
