/* SPDX-License-Identifier: Apache-2.0
 * One optimizer step: an effective batch is packed into micro-batches, whose gradients add up under one denominator
 * (the target tokens of the whole effective batch), then clipping and the update. */
#include <math.h>
#include <string.h>

#include "internal.h"

struct ludc_stepper {
    ludc_model *model;
    const ludc_settings *settings;
    ludc_run *run;
    ludc_optimizer *optimizer;
    ludc_batch batch;
    uint32_t *groups;
    float *gradients; /* only for clipping by value */
    int64_t cap_T, cap_S;
    uint64_t seed;
};

void ludc_stepper_free(ludc_stepper *s) {
    if (!s) return;
    ludc_run_free(s->run);
    ludc_optimizer_free(s->optimizer);
    ludc_batch_free(&s->batch);
    ludc_free(s->groups);
    ludc_free(s->gradients);
    ludc_free(s);
}

static lud_status stepper_init(ludc_stepper *s, lud_error *err) {
    const ludc_model_info *info = ludc_model_info_of(s->model);
    const ludc_run_caps caps = {.T = s->cap_T, .S = s->cap_S, .N = s->cap_T};
    ludc_store *store = ludc_model_store(s->model);
    s->groups = ludc_alloc((size_t)s->settings->batch_rows * sizeof(*s->groups));
    if (!s->groups) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory");
    if (s->settings->clip_value > 0) {
        s->gradients = ludc_alloc((size_t)ludc_store_flat_len(store) * sizeof(float));
        if (!s->gradients) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory for clipping by value");
    }
    LUDC_TRY(ludc_batch_init(&s->batch, s->cap_T, s->cap_S, err));
    LUDC_TRY(ludc_run_new(s->model, LUDC_RUN_TRAIN, &caps, &s->run, err));
    return ludc_optimizer_new((ludc_devices *)info->devices, store, s->settings->kind, s->settings->momentum,
                              &s->optimizer, err);
}

lud_status ludc_stepper_new(ludc_model *model, const ludc_settings *settings, const ludc_rows *rows, uint64_t seed,
                            ludc_stepper **out, lud_error *err) {
    ludc_stepper *s = ludc_alloc(sizeof(*s));
    if (!s) return ludc_fail(err, LUD_E_NOMEM, "training: out of memory");
    const int64_t longest = ludc_rows_longest(rows);
    *s = (ludc_stepper){.model = model, .settings = settings, .seed = seed};
    s->cap_T = LUDC_MIN(LUDC_MAX(longest, LUDC_MICRO_BATCH_TOKENS), longest * settings->batch_rows);
    s->cap_S = LUDC_MIN(settings->batch_rows, s->cap_T);
    const lud_status status = stepper_init(s, err);
    if (status != LUD_OK) {
        ludc_stepper_free(s);
        return status;
    }
    *out = s;
    return LUD_OK;
}

static lud_status run_micro_batches(ludc_stepper *s, const ludc_row *const *rows, size_t n, int64_t epoch,
                                    ludc_step_result *result, lud_error *err) {
    const int64_t n_groups = ludc_pack(rows, n, s->cap_T, s->cap_S, s->groups);
    if (n_groups < 0)
        return ludc_fail(err, LUD_E_INTERNAL, "training: a row is longer than the plan of %lld tokens",
                         (long long)s->cap_T);
    const float scale = 1.0f / (float)result->target_tokens;
    for (int64_t g = 0; g < n_groups; g++) {
        ludc_batch_clear(&s->batch);
        for (size_t i = 0; i < n; i++)
            if (s->groups[i] == (uint32_t)g) ludc_batch_add(&s->batch, rows[i], s->seed, (uint64_t)epoch);
        ludc_run_result part = {0};
        LUDC_TRY(ludc_run_batch(s->run, &s->batch, scale, &part, err));
        result->loss_sum += part.loss_sum;
        result->tokens += (uint64_t)s->batch.T;
    }
    return LUD_OK;
}

static lud_status clip_by_value(ludc_stepper *s, lud_error *err) {
    ludc_store *store = ludc_model_store(s->model);
    const float limit = (float)s->settings->clip_value;
    const int64_t n = ludc_store_flat_len(store);
    LUDC_TRY(ludc_store_flat_read(store, LUDC_FLAT_GRADS, s->gradients, err));
    for (int64_t i = 0; i < n; i++)
        s->gradients[i] = fminf(limit, fmaxf(-limit, s->gradients[i]));
    return ludc_store_flat_write(store, LUDC_FLAT_GRADS, s->gradients, err);
}

/* What most often makes a loss diverge, said where it happens. */
static lud_status diverged(const ludc_row *const *rows, size_t n, int64_t step, double loss, double norm,
                           lud_error *err) {
    ludc_buf names = {0};
    for (size_t i = 0; i < LUDC_MIN(n, 8); i++)
        ludc_buf_addf(&names, "%s%llu", i ? ", " : "", (unsigned long long)rows[i]->row + 1);
    const lud_status status = ludc_fail(
        err, LUD_E_NUMERIC,
        "training diverged at step %lld: loss %g, gradient norm %g (data rows %s%s)\n"
        "try: a lower trainer.learning_rate; trainer.learning_rate_scheduler.warmup_fraction: 0.1; look at those rows",
        (long long)step + 1, loss, norm, names.ptr ? names.ptr : "?", n > 8 ? " ..." : "");
    ludc_buf_free(&names);
    return status;
}

lud_status ludc_stepper_run(ludc_stepper *s, const ludc_row *const *rows, size_t n, int64_t epoch, int64_t step,
                            double learning_rate, ludc_step_result *result, lud_error *err) {
    *result = (ludc_step_result){0};
    for (size_t i = 0; i < n; i++)
        result->target_tokens += (uint64_t)LUDC_MAX(0, rows[i]->len - LUDC_MAX(1, rows[i]->prompt_len));
    if (result->target_tokens == 0) return LUD_OK;
    LUDC_TRY(ludc_store_flat_zero(ludc_model_store(s->model), LUDC_FLAT_GRADS, err));
    LUDC_TRY(run_micro_batches(s, rows, n, epoch, result, err));
    LUDC_TRY(ludc_optimizer_grad_norm(s->optimizer, &result->grad_norm, err));
    if (!isfinite(result->loss_sum) || !isfinite(result->grad_norm))
        return diverged(rows, n, step, result->loss_sum / (double)result->target_tokens, result->grad_norm, err);

    float scalars[8];
    memcpy(scalars, s->settings->scalars, sizeof(scalars));
    scalars[0] = (float)learning_rate;
    scalars[1] = 1.0f;
    /* torch.nn.utils.clip_grad_norm_: the 1e-6 is its guard against a zero norm. */
    if (s->settings->clip_norm > 0) scalars[1] = (float)fmin(1.0, s->settings->clip_norm / (result->grad_norm + 1e-6));
    if (s->settings->clip_value > 0) LUDC_TRY(clip_by_value(s, err));
    if (s->settings->kind != LUDC_OPT_SGD) scalars[7] = (float)(step + 1);
    return ludc_optimizer_step(s->optimizer, scalars, err);
}
