/* SPDX-License-Identifier: Apache-2.0
 * Metrics of outputs that are numbers: number, and vector over all its columns. Sums are in double precision. */
#include <math.h>

#include "task_internal.h"

typedef struct errors {
    double squared, absolute, percent, squared_percent;
} errors;

/* Targets of 0 as torchmetrics' MAPE (1.17e-6) and Ludwig's RMSPE (1e-4) take them: large, not infinite. */
static void add_error(errors *e, double target, double prediction) {
    const double off = prediction - target, relative = off / (target == 0 ? 1e-4 : target);
    e->squared += off * off;
    e->absolute += fabs(off);
    e->percent += fabs(off) / fmax(fabs(target), 1.17e-6);
    e->squared_percent += relative * relative;
}

/* Coefficient of determination of one column; a constant target is met (1) or not (0). Counted from the first target,
 * so that a constant one has no spread at all. */
static double column_r2(const ludc_scored *d, int64_t k) {
    const int64_t width = d->s->width;
    const double first = d->n ? (double)d->s->reals[(int64_t)d->rows[0] * width + k] : 0;
    double sum = 0, squares = 0, residual = 0;
    for (size_t i = 0; i < d->n; i++) {
        const int64_t at = (int64_t)d->rows[i] * width + k;
        const double off = (double)d->s->scores[at] - (double)d->s->reals[at];
        sum += (double)d->s->reals[at] - first;
        residual += off * off;
    }
    for (size_t i = 0; i < d->n; i++) {
        const double off = (double)d->s->reals[(int64_t)d->rows[i] * width + k] - first - sum / (double)d->n;
        squares += off * off;
    }
    return squares > 0 ? 1 - residual / squares : residual > 0 ? 0 : 1;
}

bool ludc_real_metrics(const ludc_scored *d) {
    const int64_t width = d->s->width;
    errors e = {0};
    double r2 = 0;
    for (int64_t k = 0; k < width; k++) {
        for (size_t i = 0; i < d->n; i++) {
            const int64_t at = (int64_t)d->rows[i] * width + k;
            add_error(&e, (double)d->s->reals[at], (double)d->s->scores[at]);
        }
        r2 += column_r2(d, k);
    }
    const double n = (double)d->n * (double)width;
    return ludc_metric_put(d->out, "mean_squared_error", ludc_share(e.squared, n)) &&
           ludc_metric_put(d->out, "mean_absolute_error", ludc_share(e.absolute, n)) &&
           ludc_metric_put(d->out, "root_mean_squared_error", sqrt(ludc_share(e.squared, n))) &&
           ludc_metric_put(d->out, "mean_absolute_percentage_error", ludc_share(e.percent, n)) &&
           ludc_metric_put(d->out, "root_mean_squared_percentage_error", sqrt(ludc_share(e.squared_percent, n))) &&
           ludc_metric_put(d->out, "r2", d->n > 1 ? ludc_share(r2, (double)width) : (double)NAN);
}
