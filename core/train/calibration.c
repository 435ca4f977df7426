/* SPDX-License-Identifier: Apache-2.0
 * Calibration by temperature (Guo et al. 2017): after training one number divides an output's logits, so that its
 * probabilities say how often it is right. Predicted classes stay. The mean negative log-likelihood is convex in the
 * inverse temperature b; its derivative, sum of E_p[z] - z_target, is monotone, so halving its interval finds the least
 * of it. */
#include <math.h>
#include <string.h>

#include "internal.h"

enum { STEPS = 60 };
static const double hottest = 64.0; /* temperatures are within [1/64, 64] */

/* E_p[z] - z[target] for p = softmax(b z). */
static double slope(const double *z, int64_t n, int64_t target, double b) {
    double top = z[0], sum = 0.0, mean = 0.0;
    for (int64_t k = 1; k < n; k++)
        top = fmax(top, z[k]);
    for (int64_t k = 0; k < n; k++) {
        const double p = exp(b * (z[k] - top));
        sum += p;
        mean += p * z[k];
    }
    return mean / sum - z[target];
}

typedef struct sample {
    const ludc_output *o;
    const ludc_column *targets;
    const float *logits;
    size_t n;
    double *z; /* [max(width, 2)] scratch */
} sample;

/* A binary logit is that of two classes, 0 and x. */
static double total_slope(const sample *s, double b) {
    const int64_t w = s->o->width;
    const bool binary = s->targets->kind == LUDC_COLUMN_REALS;
    double sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->targets->missing && s->targets->missing[i]) continue;
        s->z[0] = 0.0;
        for (int64_t k = 0; k < w; k++)
            s->z[k + binary] = (double)s->logits[(int64_t)i * w + k];
        sum += slope(s->z, w + binary, binary ? s->targets->reals[i] > 0.5f : s->targets->ids[i], b);
    }
    return sum;
}

/* 1 where nothing can be learned: no row has a target, or a logit is not finite. */
static double fit(const sample *s) {
    double low = -log(hottest), high = log(hottest); /* of the inverse temperature */
    const double at_one = total_slope(s, 1.0);
    if (!isfinite(at_one) || at_one == 0.0) return 1.0;
    for (int i = 0; i < STEPS; i++) {
        const double middle = 0.5 * (low + high);
        if (total_slope(s, exp(middle)) < 0.0)
            low = middle;
        else
            high = middle;
    }
    return exp(-0.5 * (low + high));
}

static bool wanted(const ludc_output *o) {
    return ludc_get_bool(o->feature, "calibration", false) &&
           (strcmp(o->type, "category") == 0 || strcmp(o->type, "binary") == 0);
}

static lud_status fit_all(ludc_predictor *p, const ludc_task_rows *d, float **logits, lud_error *err) {
    for (size_t k = 0; k < p->n_outputs; k++) {
        ludc_output *o = &p->outputs[k];
        if (!wanted(o)) continue;
        sample s = {.o = o, .targets = &d->outputs[k], .logits = logits[k], .n = d->n};
        s.z = ludc_alloc(((size_t)o->width + 1) * sizeof(*s.z));
        if (!s.z) return ludc_no_memory(err, "calibration");
        o->temperature = fit(&s);
        ludc_free(s.z);
        ludc_log(LUD_LOG_INFO, "output '%s': calibrated on %zu rows, temperature %.4g", o->name, d->n, o->temperature);
    }
    return LUD_OK;
}

lud_status ludc_calibrate(ludc_scorer *scorer, ludc_predictor *p, const ludc_task_rows *d, lud_error *err) {
    float **logits = ludc_alloc(p->n_outputs * sizeof(*logits));
    bool ok = logits != NULL;
    for (size_t k = 0; ok && k < p->n_outputs; k++)
        ok = (logits[k] = ludc_alloc(d->n * (size_t)p->outputs[k].width * sizeof(**logits))) != NULL;
    lud_status status = ok ? ludc_scorer_logits(scorer, d, logits, err)
                           : ludc_fail(err, LUD_E_NOMEM, "calibration: out of memory for %zu rows", d->n);
    if (status == LUD_OK) status = fit_all(p, d, logits, err);
    for (size_t k = 0; logits && k < p->n_outputs; k++)
        ludc_free(logits[k]);
    ludc_free(logits);
    return status;
}
