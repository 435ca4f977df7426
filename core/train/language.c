/* SPDX-License-Identifier: Apache-2.0
 * A language model as a trainee: an effective batch is packed into micro-batches, whose gradients add up under one
 * denominator, the target tokens of the whole effective batch. */
#include <math.h>

#include "internal.h"

typedef struct language {
    ludc_model *model;
    const ludc_rows *splits;
    lud_str feature;
    ludc_run *run;
    ludc_batch batch;
    const ludc_row **rows; /* of the batch */
    ludc_pack_item *room;
    uint32_t *groups;
    int64_t cap_T, cap_S;
    uint64_t seed;
    ludc_evaluator *evaluator;
    double running_loss;
    uint64_t running_targets;
} language;

static void language_free(void *self) {
    language *l = self;
    if (!l) return;
    ludc_run_free(l->run);
    ludc_batch_free(&l->batch);
    ludc_evaluator_free(l->evaluator);
    ludc_free(l->rows);
    ludc_free(l->room);
    ludc_free(l->groups);
    ludc_free(l);
}

static lud_status run_micro_batches(language *l, size_t n, int64_t epoch, uint64_t targets, double *loss,
                                    uint64_t *tokens, lud_error *err) {
    const int64_t n_groups = ludc_pack(l->rows, n, l->cap_T, l->cap_S, l->room, l->groups);
    if (n_groups < 0)
        return ludc_fail(err, LUD_E_INTERNAL, "training: a row is longer than the plan of %lld tokens",
                         (long long)l->cap_T);
    for (int64_t g = 0; g < n_groups; g++) {
        ludc_batch_clear(&l->batch);
        for (size_t i = 0; i < n; i++)
            if (l->groups[i] == (uint32_t)g) ludc_batch_add(&l->batch, l->rows[i], l->seed, (uint64_t)epoch);
        ludc_run_result part = {0};
        LUDC_TRY(ludc_run_batch(l->run, &l->batch, 1.0f / (float)targets, &part, err));
        *loss += part.loss_sum;
        *tokens += (uint64_t)l->batch.T;
    }
    return LUD_OK;
}

static lud_status gradients(void *self, const uint32_t *rows, size_t n, int64_t epoch, ludc_step_result *out,
                            lud_error *err) {
    language *l = self;
    double loss = 0.0;
    *out = (ludc_step_result){0};
    for (size_t i = 0; i < n; i++) {
        const ludc_row *row = l->rows[i] = &l->splits[LUDC_TRAIN].ptr[rows[i]];
        out->target_tokens += (uint64_t)LUDC_MAX(0, row->len - LUDC_MAX(1, row->prompt_len));
    }
    if (out->target_tokens == 0) return LUD_OK;
    LUDC_TRY(run_micro_batches(l, n, epoch, out->target_tokens, &loss, &out->tokens, err));
    out->loss = loss / (double)out->target_tokens;
    l->running_loss += loss;
    l->running_targets += out->target_tokens;
    return LUD_OK;
}

static lud_status tree_of(const language *l, const ludc_metrics *m, ludc_value **tree, lud_error *err) {
    *tree = ludc_metrics_tree(l->feature, ludc_metrics_value(m), m->loss);
    return *tree ? LUD_OK : ludc_no_memory(err, "evaluation");
}

static lud_status evaluate(void *self, int split, int64_t limit, ludc_value **tree, lud_error *err) {
    language *l = self;
    ludc_metrics metrics;
    if (!l->evaluator) {
        const ludc_rows *all[LUDC_N_SPLITS] = {&l->splits[0], &l->splits[1], &l->splits[2]};
        LUDC_TRY(ludc_evaluator_new(l->model, all, LUDC_N_SPLITS, &l->evaluator, err));
    }
    LUDC_TRY(ludc_evaluator_run(l->evaluator, &l->splits[split], limit, &metrics, err));
    return tree_of(l, &metrics, tree, err);
}

static lud_status running(void *self, ludc_value **tree, lud_error *err) {
    language *l = self;
    if (l->running_targets == 0) return LUD_OK;
    const double loss = l->running_loss / (double)l->running_targets;
    const ludc_metrics m = {.loss = loss, .perplexity = exp(loss), .token_accuracy = NAN, .next_token_perplexity = NAN};
    l->running_loss = 0.0;
    l->running_targets = 0;
    return tree_of(l, &m, tree, err);
}

static lud_status init(language *l, size_t batch_rows, lud_error *err) {
    const ludc_run_caps caps = {.T = l->cap_T, .S = l->cap_S, .N = l->cap_T};
    l->rows = ludc_alloc(batch_rows * sizeof(*l->rows));
    l->room = ludc_alloc(batch_rows * sizeof(*l->room));
    l->groups = ludc_alloc(batch_rows * sizeof(*l->groups));
    if (!l->rows || !l->room || !l->groups) return ludc_no_memory(err, "training");
    LUDC_TRY(ludc_batch_init(&l->batch, l->cap_T, l->cap_S, err));
    return ludc_run_new(l->model, LUDC_RUN_TRAIN, &caps, &l->run, err);
}

lud_status ludc_language_trainee(ludc_model *model, const ludc_value *trainer, lud_str feature,
                                 const ludc_rows splits[LUDC_N_SPLITS], uint64_t seed, ludc_trainee *out,
                                 lud_error *err) {
    const ludc_rows *train = &splits[LUDC_TRAIN];
    ludc_settings settings;
    if (train->len == 0 || train->target_tokens == 0)
        return ludc_fail(err, LUD_E_DATA, "the training split has no row with a target token");
    LUDC_TRY(ludc_settings_read(trainer, train->len, &settings, err));
    language *l = ludc_alloc(sizeof(*l));
    if (!l) return ludc_no_memory(err, "training");
    const int64_t longest = ludc_rows_longest(train);
    *l = (language){.model = model, .splits = splits, .feature = feature, .seed = seed};
    l->cap_T = LUDC_MIN(LUDC_MAX(longest, LUDC_MICRO_BATCH_TOKENS), longest * settings.batch_rows);
    l->cap_S = LUDC_MIN(settings.batch_rows, l->cap_T);
    const lud_status status = init(l, (size_t)settings.batch_rows, err);
    if (status != LUD_OK) return language_free(l), status;
    *out = (ludc_trainee){.self = l,
                          .store = ludc_model_store(model),
                          .devices = (ludc_devices *)ludc_model_info_of(model)->devices,
                          .n_rows = {splits[0].len, splits[1].len, splits[2].len},
                          .unit = "tok",
                          .gradients = gradients,
                          .evaluate = evaluate,
                          .running = running,
                          .free = language_free};
    return LUD_OK;
}
