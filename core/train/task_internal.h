/* SPDX-License-Identifier: Apache-2.0
 * What the files of the task metrics share. */
#ifndef LUDC_TASK_INTERNAL_H
#define LUDC_TASK_INTERNAL_H

#include "task_metrics.h"

/* The rows that count, and the object that receives their metrics. */
typedef struct ludc_scored {
    const ludc_scores *s;
    const ludc_value *feature, *metadata;
    size_t *rows; /* rows with a target; none of them if one of their numbers is not finite */
    size_t n;
    bool details;
    ludc_value *out;
} ludc_scored;

/* Each returns false if memory is out. */
bool ludc_category_metrics(const ludc_scored *);
bool ludc_binary_metrics(const ludc_scored *);
bool ludc_set_metrics(const ludc_scored *);
bool ludc_real_metrics(const ludc_scored *); /* number, vector */

bool ludc_metric_put(ludc_value *object, const char *name, double value); /* null if it is not finite */
double ludc_share(double part, double whole);                             /* NaN of nothing */

/* How often each class was the target and the prediction. */
typedef struct ludc_confusion {
    int64_t width;
    uint64_t *targets, *predictions, *hits; /* [width] each */
    uint64_t *cells;                        /* [width,width] or NULL: too large, or not wanted */
    uint64_t n;
} ludc_confusion;
bool ludc_confusion_init(ludc_confusion *, int64_t width, bool with_cells);
void ludc_confusion_free(ludc_confusion *);
void ludc_confusion_add(ludc_confusion *, int64_t target, int64_t prediction);
double ludc_confusion_accuracy(const ludc_confusion *);
double ludc_confusion_precision(const ludc_confusion *, int64_t k);
double ludc_confusion_recall(const ludc_confusion *, int64_t k);
double ludc_confusion_specificity(const ludc_confusion *, int64_t k);
double ludc_confusion_f1(const ludc_confusion *, int64_t k);
/* overall_stats, per_class_stats, confusion_matrix. names: list of texts; a class beyond it is called by its number. */
bool ludc_confusion_put(const ludc_confusion *, const ludc_value *names, ludc_value *out);

#endif
