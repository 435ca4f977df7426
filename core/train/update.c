/* SPDX-License-Identifier: Apache-2.0
 * From the gradients of an effective batch to new values: norm, clipping, one optimizer step. A gradient that is not
 * finite stops training before it touches a value. */
#include <math.h>
#include <string.h>

#include "internal.h"

struct ludc_updater {
    const ludc_settings *settings;
    ludc_store *store;
    ludc_optimizer *optimizer;
    float *gradients; /* only for clipping by value */
};

void ludc_updater_free(ludc_updater *u) {
    if (!u) return;
    ludc_optimizer_free(u->optimizer);
    ludc_free(u->gradients);
    ludc_free(u);
}

lud_status ludc_updater_new(const ludc_trainee *t, const ludc_settings *settings, ludc_updater **out, lud_error *err) {
    ludc_updater *u = ludc_alloc(sizeof(*u));
    if (!u) return ludc_no_memory(err, "training");
    *u = (ludc_updater){.settings = settings, .store = t->store};
    lud_status status = LUD_OK;
    if (settings->clip_value > 0) {
        u->gradients = ludc_alloc((size_t)ludc_store_flat_len(t->store) * sizeof(float));
        if (!u->gradients) status = ludc_fail(err, LUD_E_NOMEM, "training: out of memory for clipping by value");
    }
    if (status == LUD_OK)
        status = ludc_optimizer_new(t->devices, t->store, settings->kind, settings->momentum, &u->optimizer, err);
    if (status == LUD_OK) return *out = u, LUD_OK;
    ludc_updater_free(u);
    return status;
}

/* Scales by *factor first, as Ludwig clips by norm before it clips by value; nothing is left to scale then. */
static lud_status clip_by_value(ludc_updater *u, float *factor, lud_error *err) {
    const float limit = (float)u->settings->clip_value;
    const int64_t n = ludc_store_flat_len(u->store);
    LUDC_TRY(ludc_store_flat_read(u->store, LUDC_FLAT_GRADS, u->gradients, err));
    for (int64_t i = 0; i < n; i++)
        u->gradients[i] = fminf(limit, fmaxf(-limit, *factor * u->gradients[i]));
    *factor = 1.0f;
    return ludc_store_flat_write(u->store, LUDC_FLAT_GRADS, u->gradients, err);
}

/* What most often makes a loss diverge, said where it happens. */
static lud_status diverged(const uint32_t *rows, size_t n, int64_t step, double loss, double norm, lud_error *err) {
    ludc_buf names = {0};
    for (size_t i = 0; i < LUDC_MIN(n, 8); i++)
        ludc_buf_addf(&names, "%s%u", i ? ", " : "", rows[i] + 1);
    const lud_status status = ludc_fail(
        err, LUD_E_NUMERIC,
        "training diverged at step %lld: loss %g, gradient norm %g (training rows %s%s)\n"
        "try: a lower trainer.learning_rate; trainer.learning_rate_scheduler.warmup_fraction: 0.1; look at those rows",
        (long long)step + 1, loss, norm, names.ptr ? names.ptr : "?", n > 8 ? " ..." : "");
    ludc_buf_free(&names);
    return status;
}

lud_status ludc_updater_step(ludc_updater *u, const ludc_step_result *r, const uint32_t *rows, size_t n, int64_t step,
                             double learning_rate, lud_error *err) {
    const ludc_settings *s = u->settings;
    double norm = 0.0;
    float scalars[8];
    LUDC_TRY(ludc_optimizer_grad_norm(u->optimizer, &norm, err));
    if (!isfinite(r->loss) || !isfinite(norm)) return diverged(rows, n, step, r->loss, norm, err);
    memcpy(scalars, s->scalars, sizeof(scalars));
    scalars[0] = (float)learning_rate;
    scalars[1] = 1.0f;
    /* torch.nn.utils.clip_grad_norm_: the 1e-6 is its guard against a zero norm. */
    if (s->clip_norm > 0) scalars[1] = (float)fmin(1.0, s->clip_norm / (norm + 1e-6));
    if (s->clip_value > 0) LUDC_TRY(clip_by_value(u, &scalars[1], err));
    if (s->kind != LUDC_OPT_SGD) scalars[7] = (float)(step + 1);
    return ludc_optimizer_step(u->optimizer, scalars, err);
}
