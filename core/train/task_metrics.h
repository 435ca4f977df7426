/* SPDX-License-Identifier: Apache-2.0
 * task_metrics: metrics of predictive outputs, by Ludwig's names. A metric that is not defined (no row with a target,
 * one class only for roc_auc, a score that is not finite, 0 / 0) is null: nothing here is NaN. */
#ifndef LUDC_TASK_METRICS_H
#define LUDC_TASK_METRICS_H

#include <base.h>

/* What one output feature predicted for n rows. Rows whose target is missing are left out. */
typedef struct ludc_scores {
    const char *type; /* "category", "binary", "number", "set", "vector" */
    size_t n;
    int64_t width;       /* K */
    const float *scores; /* [n,K]: category, binary, set: probabilities; number, vector: in the target's own unit */
    const int32_t *ids;  /* [n] category: target class, -1 = missing; else NULL */
    const float *reals;  /* binary, number [n]; set (0 or 1), vector [n,K]; NaN in column 0 = missing; else NULL */
} ludc_scores;

/* {metric: value or null, ...}, without `loss`, which the caller adds. feature: its section of the config (top_k,
 * threshold); metadata: its part of training_set_metadata (idx2str, bool2str). details adds, for category and binary,
 * Ludwig's overall_stats, per_class_stats {class: {...}} and confusion_matrix (rows: targets, columns: predictions;
 * left out above 1000 classes). Averages over classes count those that occur as a target or as a prediction. */
lud_status ludc_task_metrics(const ludc_value *feature, const ludc_value *metadata, const ludc_scores *, bool details,
                             ludc_value **out, lud_error *);

/* For trainer.validation_metric: whether more is better. */
bool ludc_metric_maximizes(lud_str metric);

#endif
