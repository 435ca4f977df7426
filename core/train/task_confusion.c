/* SPDX-License-Identifier: Apache-2.0
 * Confusion of classes and all that is counted from it: Ludwig's overall_stats, per_class_stats, confusion_matrix. */
#include "task_internal.h"

#include <math.h>

/* A matrix of more classes than that is no longer read by anybody, and grows with the square. */
#define MATRIX_CLASSES 1000

bool ludc_confusion_init(ludc_confusion *c, int64_t width, bool with_cells) {
    const size_t k = (size_t)width;
    *c = (ludc_confusion){.width = width, .targets = ludc_alloc(3 * k * sizeof(*c->targets))};
    if (!c->targets) return false;
    c->predictions = c->targets + k;
    c->hits = c->predictions + k;
    if (!with_cells || width > MATRIX_CLASSES) return true;
    c->cells = ludc_alloc(k * k * sizeof(*c->cells));
    return c->cells != NULL;
}

void ludc_confusion_free(ludc_confusion *c) {
    ludc_free(c->targets);
    ludc_free(c->cells);
}

void ludc_confusion_add(ludc_confusion *c, int64_t target, int64_t prediction) {
    c->n++;
    c->targets[target]++;
    c->predictions[prediction]++;
    c->hits[target] += target == prediction;
    if (c->cells) c->cells[target * c->width + prediction]++;
}

double ludc_confusion_accuracy(const ludc_confusion *c) {
    uint64_t hits = 0;
    for (int64_t k = 0; k < c->width; k++)
        hits += c->hits[k];
    return ludc_share((double)hits, (double)c->n);
}

double ludc_confusion_precision(const ludc_confusion *c, int64_t k) {
    return ludc_share((double)c->hits[k], (double)c->predictions[k]);
}

double ludc_confusion_recall(const ludc_confusion *c, int64_t k) {
    return ludc_share((double)c->hits[k], (double)c->targets[k]);
}

double ludc_confusion_specificity(const ludc_confusion *c, int64_t k) {
    const double others = (double)(c->n - c->targets[k]);
    return ludc_share(others - (double)(c->predictions[k] - c->hits[k]), others);
}

double ludc_confusion_f1(const ludc_confusion *c, int64_t k) {
    return ludc_share(2 * (double)c->hits[k], (double)(c->targets[k] + c->predictions[k]));
}

/* Mean over the classes that occur, and mean weighted by the number of targets; what is undefined counts as 0, as in
 * scikit-learn: a class that is never predicted must not raise the mean precision. */
static bool put_average(const ludc_confusion *c, const char *name, double (*of)(const ludc_confusion *, int64_t),
                        ludc_value *out) {
    double sum = 0, weighted = 0;
    int64_t classes = 0;
    for (int64_t k = 0; k < c->width; k++) {
        if (c->targets[k] + c->predictions[k] == 0) continue;
        const double value = of(c, k);
        classes++;
        sum += isnan(value) ? 0 : value;
        weighted += isnan(value) ? 0 : value * (double)c->targets[k];
    }
    const struct {
        const char *how;
        double value;
    } all[] = {
        {"macro", ludc_share(sum, (double)classes)},
        {"micro", ludc_confusion_accuracy(c)}, /* one class a row: each error is one false yes and one false no */
        {"weighted", ludc_share(weighted, (double)c->n)}};
    bool ok = true;
    for (size_t i = 0; ok && i < LUDC_COUNT(all); i++) {
        ludc_buf key = {0};
        ludc_buf_addf(&key, "avg_%s_%s", name, all[i].how);
        ok = !key.failed && ludc_metric_put(out, key.ptr, all[i].value);
        ludc_buf_free(&key);
    }
    return ok;
}

/* Cohen's kappa: agreement beyond that of chance. */
static double kappa(const ludc_confusion *c) {
    const double n = (double)c->n;
    double chance = 0;
    for (int64_t k = 0; k < c->width; k++)
        chance += ludc_share((double)c->targets[k], n) * ludc_share((double)c->predictions[k], n);
    return ludc_share(ludc_confusion_accuracy(c) - chance, 1 - chance);
}

static ludc_value *overall(const ludc_confusion *c) {
    ludc_value *out = ludc_value_new(LUD_CFG_OBJECT);
    const bool ok = ludc_metric_put(out, "token_accuracy", ludc_confusion_accuracy(c)) &&
                    put_average(c, "precision", ludc_confusion_precision, out) &&
                    put_average(c, "recall", ludc_confusion_recall, out) &&
                    put_average(c, "f1_score", ludc_confusion_f1, out) && ludc_metric_put(out, "kappa_score", kappa(c));
    if (ok) return out;
    ludc_value_free(out);
    return NULL;
}

static ludc_value *of_class(const ludc_confusion *c, int64_t k) {
    const double tp = (double)c->hits[k], fp = (double)c->predictions[k] - tp, fn = (double)c->targets[k] - tp;
    const double tn = (double)c->n - tp - fp - fn;
    const double tpr = ludc_confusion_recall(c, k), tnr = ludc_confusion_specificity(c, k);
    const double ppv = ludc_confusion_precision(c, k), npv = ludc_share(tn, tn + fn);
    const double mcc = ludc_share(tp * tn - fp * fn, sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn));
    const struct {
        const char *name;
        double value;
    } all[] = {{"true_positives", tp},
               {"true_negatives", tn},
               {"false_positives", fp},
               {"false_negatives", fn},
               {"true_positive_rate", tpr},
               {"true_negative_rate", tnr},
               {"positive_predictive_value", ppv},
               {"negative_predictive_value", npv},
               {"false_negative_rate", 1 - tpr},
               {"false_positive_rate", 1 - tnr},
               {"false_discovery_rate", 1 - ppv},
               {"false_omission_rate", 1 - npv},
               {"accuracy", ludc_share(tp + tn, (double)c->n)},
               {"precision", ppv},
               {"recall", tpr},
               {"f1_score", ludc_confusion_f1(c, k)},
               {"sensitivity", tpr},
               {"specificity", tnr},
               {"hit_rate", tpr},
               {"miss_rate", 1 - tpr},
               {"fall_out", 1 - tnr},
               {"matthews_correlation_coefficient", mcc},
               {"informedness", tpr + tnr - 1},
               {"markedness", ppv + npv - 1}};
    ludc_value *out = ludc_value_new(LUD_CFG_OBJECT);
    for (size_t i = 0; i < LUDC_COUNT(all); i++) {
        const bool count = i < 4;
        if (count ? ludc_value_put(out, all[i].name, ludc_value_int((int64_t)all[i].value))
                  : ludc_metric_put(out, all[i].name, all[i].value))
            continue;
        ludc_value_free(out);
        return NULL;
    }
    return out;
}

static ludc_value *per_class(const ludc_confusion *c, const ludc_value *names) {
    ludc_value *out = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = out != NULL;
    for (int64_t k = 0; ok && k < c->width; k++) {
        ludc_buf number = {0};
        ludc_buf_addf(&number, "%lld", (long long)k);
        const bool named = names && (size_t)k < names->len && names->items[k]->type == LUD_CFG_STR;
        ok = !number.failed &&
             ludc_value_putn(out, named ? names->items[k]->u.s : (lud_str){number.ptr, number.len}, of_class(c, k));
        ludc_buf_free(&number);
    }
    if (ok) return out;
    ludc_value_free(out);
    return NULL;
}

static ludc_value *matrix(const ludc_confusion *c) {
    ludc_value *out = ludc_value_new(LUD_CFG_LIST);
    bool ok = out != NULL;
    for (int64_t t = 0; ok && t < c->width; t++) {
        ludc_value *row = ludc_value_new(LUD_CFG_LIST);
        ok = ludc_value_push(out, row);
        for (int64_t p = 0; ok && p < c->width; p++)
            ok = ludc_value_push(row, ludc_value_int((int64_t)c->cells[t * c->width + p]));
    }
    if (ok) return out;
    ludc_value_free(out);
    return NULL;
}

bool ludc_confusion_put(const ludc_confusion *c, const ludc_value *names, ludc_value *out) {
    return ludc_value_put(out, "overall_stats", overall(c)) &&
           ludc_value_put(out, "per_class_stats", per_class(c, names)) &&
           (!c->cells || ludc_value_put(out, "confusion_matrix", matrix(c)));
}
