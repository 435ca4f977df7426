/* SPDX-License-Identifier: Apache-2.0
 * Metrics of outputs that choose: category, binary, set. */
#include <answers.h>
#include <math.h>
#include <stdlib.h>

#include "task_internal.h"

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted values are below x (or equal to it). */
static size_t count_below(const float *sorted, size_t n, float x, bool or_equal) {
    size_t low = 0;
    while (n) {
        const size_t half = n / 2;
        const float y = sorted[low + half];
        const bool right = y < x || (or_equal && y == x);
        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low;
}

/* Area under the ROC curve as the share of (positive, negative) pairs in the right order, ties one half (Mann-Whitney).
 * Exact. Sorts the positives only: one-vs-rest over many classes has few of them each. */
static double roc_auc(float *positives, size_t n_positives, const float *negatives, size_t n_negatives) {
    uint64_t halves = 0;
    qsort(positives, n_positives, sizeof(*positives), ascending);
    for (size_t i = 0; i < n_negatives; i++)
        halves += 2 * n_positives - count_below(positives, n_positives, negatives[i], false) -
                  count_below(positives, n_positives, negatives[i], true);
    return ludc_share((double)halves, 2.0 * (double)n_positives * (double)n_negatives);
}

static bool is_target(const ludc_scored *d, size_t row, int64_t k) {
    return d->s->ids ? d->s->ids[row] == k : d->s->reals[row] > 0.5f;
}

/* Of class k against the rest; space holds n floats: positives from the front, negatives from the back. */
static double class_auc(const ludc_scored *d, int64_t k, float *space) {
    size_t front = 0, back = d->n;
    for (size_t i = 0; i < d->n; i++) {
        const float score = d->s->scores[(int64_t)d->rows[i] * d->s->width + k];
        if (is_target(d, d->rows[i], k))
            space[front++] = score;
        else
            space[--back] = score;
    }
    return roc_auc(space, front, space + back, d->n - back);
}

/* Mean over the classes that some rows have and some have not. */
static double mean_auc(const ludc_scored *d, const ludc_confusion *c, float *space) {
    double sum = 0;
    int64_t classes = 0;
    for (int64_t k = 0; k < c->width; k++) {
        if (c->targets[k] == 0 || c->targets[k] == c->n) continue;
        sum += class_auc(d, k, space);
        classes++;
    }
    return ludc_share(sum, (double)classes);
}

/* Place of a class when the scores are sorted, from 0; equal scores in the order of the classes. */
static int64_t place_of(const float *scores, int64_t width, int64_t k) {
    int64_t place = 0;
    for (int64_t j = 0; j < width; j++)
        place += scores[j] > scores[k] || (j < k && scores[j] == scores[k]);
    return place;
}

static double hits_at_k(const ludc_scored *d) {
    const int64_t top_k = ludc_get_int(d->feature, "top_k", 3);
    size_t hits = 0;
    for (size_t i = 0; i < d->n; i++) {
        const float *scores = d->s->scores + (int64_t)d->rows[i] * d->s->width;
        hits += place_of(scores, d->s->width, d->s->ids[d->rows[i]]) < top_k;
    }
    return ludc_share((double)hits, (double)d->n);
}

bool ludc_category_metrics(const ludc_scored *d) {
    ludc_confusion c = {0};
    float *space = ludc_alloc(d->n * sizeof(*space));
    bool ok = ludc_confusion_init(&c, d->s->width, d->details) && space;
    for (size_t i = 0; ok && i < d->n; i++) {
        const size_t row = d->rows[i];
        const float *scores = d->s->scores + (int64_t)row * d->s->width;
        ludc_confusion_add(&c, d->s->ids[row], ludc_answer_class(scores, d->s->width));
    }
    ok = ok && ludc_metric_put(d->out, "accuracy", ludc_confusion_accuracy(&c)) &&
         ludc_metric_put(d->out, "accuracy_micro", ludc_confusion_accuracy(&c)) &&
         ludc_metric_put(d->out, "hits_at_k", hits_at_k(d)) &&
         ludc_metric_put(d->out, "roc_auc", mean_auc(d, &c, space)) &&
         (!d->details || ludc_confusion_put(&c, ludc_value_get(d->metadata, "idx2str"), d->out));
    ludc_confusion_free(&c);
    ludc_free(space);
    return ok;
}

/* The two labels of the metadata, or False and True. */
static ludc_value *binary_names(const ludc_value *metadata) {
    const ludc_value *labels = ludc_value_get(metadata, "bool2str");
    if (labels) return ludc_value_copy(labels);
    ludc_value *names = ludc_value_new(LUD_CFG_LIST);
    if (ludc_value_push(names, ludc_value_text("False")) && ludc_value_push(names, ludc_value_text("True")))
        return names;
    ludc_value_free(names);
    return NULL;
}

bool ludc_binary_metrics(const ludc_scored *d) {
    ludc_confusion c = {0};
    ludc_value *names = binary_names(d->metadata);
    float *space = ludc_alloc(d->n * sizeof(*space));
    bool ok = ludc_confusion_init(&c, 2, d->details) && space && names;
    const float threshold = ludc_answer_threshold(d->feature);
    for (size_t i = 0; ok && i < d->n; i++)
        ludc_confusion_add(&c, is_target(d, d->rows[i], 0), d->s->scores[d->rows[i]] >= threshold);
    ok = ok && ludc_metric_put(d->out, "accuracy", ludc_confusion_accuracy(&c)) &&
         ludc_metric_put(d->out, "precision", ludc_confusion_precision(&c, 1)) &&
         ludc_metric_put(d->out, "recall", ludc_confusion_recall(&c, 1)) &&
         ludc_metric_put(d->out, "specificity", ludc_confusion_specificity(&c, 1)) &&
         ludc_metric_put(d->out, "f1", ludc_confusion_f1(&c, 1)) &&
         ludc_metric_put(d->out, "roc_auc", class_auc(d, 0, space)) &&
         (!d->details || ludc_confusion_put(&c, names, d->out));
    ludc_confusion_free(&c);
    ludc_value_free(names);
    ludc_free(space);
    return ok;
}

/* Mean over rows of |target and prediction| / |target or prediction|; a row where both are empty is left out, as in
 * Ludwig. */
bool ludc_set_metrics(const ludc_scored *d) {
    const float threshold = ludc_answer_threshold(d->feature);
    double sum = 0;
    size_t rows = 0;
    for (size_t i = 0; i < d->n; i++) {
        const int64_t at = (int64_t)d->rows[i] * d->s->width;
        size_t both = 0, either = 0;
        for (int64_t k = at; k < at + d->s->width; k++) {
            const bool wanted = d->s->reals[k] > 0.5f, given = d->s->scores[k] >= threshold;
            both += wanted && given;
            either += wanted || given;
        }
        sum += either ? (double)both / (double)either : 0;
        rows += either != 0;
    }
    return ludc_metric_put(d->out, "jaccard", ludc_share(sum, (double)rows));
}
