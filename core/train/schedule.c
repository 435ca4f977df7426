/* SPDX-License-Identifier: Apache-2.0
 * Learning rates: warm-up, decay, plateau reductions. A rate is a pure function of the step and the training state, so
 * a resumed run continues on the same curve. */
#include <math.h>

#include "internal.h"

static double cosine(double from, double to, double progress) {
    return to + (from - to) * 0.5 * (1.0 + cos(3.14159265358979323846 * progress));
}

/* Cosine with warm restarts (Loshchilov and Hutter 2016, arXiv 1608.03983): periods of t_0, t_0 * t_mult ... steps. */
static double cosine_restarts(const ludc_value *schedule, double base, int64_t step) {
    int64_t period = LUDC_MAX(1, ludc_get_int(schedule, "t_0", 1));
    const int64_t factor = LUDC_MAX(1, ludc_get_int(schedule, "t_mult", 1));
    while (step >= period) {
        step -= period;
        period *= factor;
    }
    return cosine(base, ludc_get_float(schedule, "eta_min", 0.0), (double)step / (double)period);
}

static double decayed(const ludc_value *schedule, double base, int64_t step, int64_t steps) {
    const lud_str decay = ludc_get_text(schedule, "decay");
    const double progress = steps > 0 ? (double)step / (double)steps : 0.0;
    if (ludc_str_eq(decay, "linear")) return base * LUDC_MAX(0.0, 1.0 - progress);
    if (ludc_str_eq(decay, "cosine")) {
        if (!ludc_is_null(ludc_value_find(schedule, "t_0"))) return cosine_restarts(schedule, base, step);
        return cosine(base, ludc_get_float(schedule, "eta_min", 0.0), LUDC_MIN(1.0, progress));
    }
    if (ludc_str_eq(decay, "exponential")) {
        double power = (double)step / (double)LUDC_MAX(1, ludc_get_int(schedule, "decay_steps", 10000));
        if (ludc_get_bool(schedule, "staircase", false)) power = floor(power);
        return base * pow(ludc_get_float(schedule, "decay_rate", 0.96), power);
    }
    return base;
}

double ludc_schedule_lr(const ludc_value *trainer, int64_t step, int64_t total_steps, int64_t steps_per_evaluation,
                        const ludc_train_state *state) {
    const ludc_value *schedule = ludc_value_get(trainer, "learning_rate_scheduler");
    const double base = ludc_get_float(trainer, "learning_rate", 2e-4);
    int64_t warmup = (int64_t)(ludc_get_float(schedule, "warmup_fraction", 0.0) * (double)total_steps);
    if (warmup == 0)
        warmup = (int64_t)(ludc_get_float(schedule, "warmup_evaluations", 0.0) * (double)steps_per_evaluation);
    const double factor = state ? state->lr_factor : 1.0;
    if (step < warmup) return factor * base * (double)(step + 1) / (double)warmup;
    return factor * decayed(schedule, base, step - warmup, total_steps - warmup);
}
