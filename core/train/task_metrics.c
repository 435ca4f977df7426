/* SPDX-License-Identifier: Apache-2.0
 * Metrics of predictive outputs: their names, the choice of rows, the way to each type's own file. */
#include "task_internal.h"

#include <math.h>
#include <string.h>

enum { CATEGORY = 1, BINARY = 2, NUMBER = 4, SET = 8, VECTOR = 16 };

static const struct {
    const char *name;
    int bit;
    bool (*measure)(const ludc_scored *);
} types[] = {{"category", CATEGORY, ludc_category_metrics},
             {"binary", BINARY, ludc_binary_metrics},
             {"number", NUMBER, ludc_real_metrics},
             {"set", SET, ludc_set_metrics},
             {"vector", VECTOR, ludc_real_metrics}};

static int type_of(const char *name) {
    for (size_t i = 0; i < LUDC_COUNT(types); i++)
        if (strcmp(types[i].name, name) == 0) return (int)i;
    return -1;
}

bool ludc_metric_maximizes(lud_str metric) {
    static const char *const best_high[] = {"accuracy", "accuracy_micro", "hits_at_k", "roc_auc", "precision",
                                            "recall",   "specificity",    "f1",        "jaccard", "r2"};
    for (size_t i = 0; i < LUDC_COUNT(best_high); i++)
        if (ludc_str_eq(metric, best_high[i])) return true;
    return false;
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
