/* SPDX-License-Identifier: Apache-2.0
 * Metrics of predictive outputs: their names, the choice of rows, the way to each type's own file. */
#include "task_internal.h"

#include <math.h>
#include <string.h>

enum { CATEGORY = 1, BINARY = 2, NUMBER = 4, SET = 8, VECTOR = 16 };

static const struct {
    const char *name, *best_metric;
    int bit;
    bool (*measure)(const ludc_scored *);
} types[] = {{"category", "accuracy", CATEGORY, ludc_category_metrics},
             {"binary", "roc_auc", BINARY, ludc_binary_metrics},
             {"number", "mean_squared_error", NUMBER, ludc_real_metrics},
             {"set", "jaccard", SET, ludc_set_metrics},
             {"vector", "mean_squared_error", VECTOR, ludc_real_metrics}};

static const struct {
    const char *name;
    int types;
    bool maximize;
} metrics[] = {{"accuracy", CATEGORY | BINARY, true},
               {"accuracy_micro", CATEGORY, true},
               {"hits_at_k", CATEGORY, true},
               {"roc_auc", CATEGORY | BINARY, true},
               {"precision", BINARY, true},
               {"recall", BINARY, true},
               {"specificity", BINARY, true},
               {"f1", BINARY, true},
               {"jaccard", SET, true},
               {"r2", NUMBER | VECTOR, true},
               {"mean_squared_error", NUMBER | VECTOR, false},
               {"mean_absolute_error", NUMBER | VECTOR, false},
               {"root_mean_squared_error", NUMBER | VECTOR, false},
               {"mean_absolute_percentage_error", NUMBER | VECTOR, false},
               {"root_mean_squared_percentage_error", NUMBER | VECTOR, false},
               {"loss", CATEGORY | BINARY | NUMBER | SET | VECTOR, false}};

static int type_of(const char *name) {
    for (size_t i = 0; i < LUDC_COUNT(types); i++)
        if (strcmp(types[i].name, name) == 0) return (int)i;
    return -1;
}

static int metric_of(lud_str name) {
    for (size_t i = 0; i < LUDC_COUNT(metrics); i++)
        if (ludc_str_eq(name, metrics[i].name)) return (int)i;
    return -1;
}

bool ludc_metric_known(const char *type, lud_str metric) {
    const int t = type_of(type), m = metric_of(metric);
    return t >= 0 && m >= 0 && (metrics[m].types & types[t].bit);
}

const char *ludc_metric_default(const char *type) {
    const int t = type_of(type);
    return t < 0 ? "loss" : types[t].best_metric;
}

bool ludc_metric_maximizes(lud_str metric) {
    const int m = metric_of(metric);
    return m >= 0 && metrics[m].maximize;
}

bool ludc_metric_put(ludc_value *object, const char *name, double value) {
    return ludc_value_put(object, name, isfinite(value) ? ludc_value_float(value) : ludc_value_new(LUD_CFG_NULL));
}

double ludc_share(double part, double whole) {
    return whole != 0 ? part / whole : (double)NAN;
}

static bool all_finite(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static lud_status choose_rows(ludc_scored *d, bool by_class, lud_error *err) {
    const ludc_scores *s = d->s;
    const int32_t *ids = by_class ? s->ids : NULL;
    const float *reals = by_class ? NULL : s->reals;
    bool finite = true;
    for (size_t i = 0; i < s->n; i++) {
        const int64_t at = (int64_t)i * s->width;
        if (ids ? ids[i] < 0 : !reals || isnan(reals[at])) continue;
        if (ids && ids[i] >= s->width)
            return ludc_fail(err, LUD_E_INTERNAL, "metrics: target class %d of %lld", ids[i], (long long)s->width);
        finite = finite && all_finite(s->scores + at, s->width) && (ids || all_finite(reals + at, s->width));
        d->rows[d->n++] = i;
    }
    if (!finite) d->n = 0;
    return LUD_OK;
}

lud_status ludc_task_metrics(const ludc_value *feature, const ludc_value *metadata, const ludc_scores *s, bool details,
                             ludc_value **out, lud_error *err) {
    const int type = type_of(s->type);
    if (type < 0) return ludc_fail(err, LUD_E_INTERNAL, "metrics: no such type of output: '%s'", s->type);
    const int bit = types[type].bit;
    if (s->width < 1 || (s->width > 1 && (bit & (BINARY | NUMBER))))
        return ludc_fail(err, LUD_E_INTERNAL, "metrics: %lld scores a row for a %s", (long long)s->width, s->type);
    ludc_scored d = {.s = s, .feature = feature, .metadata = metadata, .details = details};
    d.rows = ludc_alloc(s->n * sizeof(*d.rows));
    d.out = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = d.rows && d.out ? choose_rows(&d, bit == CATEGORY, err) : LUD_E_NOMEM;
    if (status == LUD_OK && !types[type].measure(&d)) status = LUD_E_NOMEM;
    ludc_free(d.rows);
    if (status == LUD_OK) return *out = d.out, LUD_OK;
    ludc_value_free(d.out);
    return ludc_fail(err, status, "metrics of %zu rows: out of memory", s->n);
}
