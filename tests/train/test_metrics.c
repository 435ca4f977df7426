/* SPDX-License-Identifier: Apache-2.0
 * Metrics of predictive outputs: against numpy, against values by hand, and where there is no result. */
#include <check.h>
#include <config.h>
#include <math.h>
#include <task_metrics.h>

typedef struct want_value {
    const char *name;
    double value; /* NAN: null */
} want_value;

typedef struct metric_case {
    const char *type, *feature;
    size_t n;
    int64_t width;
    const float *scores;
    const int32_t *ids;
    const float *reals;
    const want_value *want;
    size_t n_want;
} metric_case;

#include "metrics_cases.inc.h"

static ludc_value *json(const char *text) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(text, strlen(text), "<test>", false, false, &v, &err), err);
    return v;
}

static const char names[] = "{\"idx2str\": [\"c0\", \"c1\", \"c2\", \"c3\", \"c4\"], \"bool2str\": [\"c0\", \"c1\"]}";

static ludc_value *measure(const metric_case *c, bool details) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *feature = json(c->feature), *metadata = json(names), *out = NULL;
    const ludc_scores s = {c->type, c->n, c->width, c->scores, c->ids, c->reals};
    CHECK_OK(ludc_task_metrics(feature, metadata, &s, details, &out, &err), err);
    ludc_value_free(feature);
    ludc_value_free(metadata);
    return out;
}

static void check_value(const ludc_value *got, const want_value *want, const char *where) {
    const ludc_value *v = ludc_value_find(got, want->name);
    const double x = ludc_get_float(got, want->name, (double)NAN);
    const bool same =
        isnan(want->value) ? v && ludc_is_null(v) : fabs(x - want->value) <= 1e-12 * fmax(1, fabs(want->value));
    if (!same) fprintf(stderr, "%s: %s: got %.17g, want %.17g\n", where, want->name, x, want->value);
    CHECK(same);
}

static void test_numpy(void) {
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        ludc_value *got = measure(&cases[i], true);
        for (size_t j = 0; j < cases[i].n_want; j++)
            check_value(got, &cases[i].want[j], cases[i].type);
        ludc_value_free(got);
    }
}

/* All metrics of a case as JSON. */
static void check_json(const metric_case *c, bool details, const char *want) {
    ludc_value *got = measure(c, details);
    ludc_buf text = {0};
    CHECK_INT(ludc_value_to_json(got, -1, &text), LUD_OK);
    CHECK_TEXT(text.ptr, want);
    ludc_buf_free(&text);
    ludc_value_free(got);
}

#define NO_CATEGORY "{\"accuracy\": null, \"accuracy_micro\": null, \"hits_at_k\": null, \"roc_auc\": null}"
#define NO_BINARY                                                                                                      \
    "{\"accuracy\": null, \"precision\": null, \"recall\": null, \"specificity\": null, \"f1\": null, \"roc_auc\": "   \
    "null}"
#define NO_NUMBER                                                                                                      \
    "{\"mean_squared_error\": null, \"mean_absolute_error\": null, \"root_mean_squared_error\": null, "                \
    "\"mean_absolute_percentage_error\": null, \"root_mean_squared_percentage_error\": null, \"r2\": null}"

static void test_by_hand(void) {
    const float even[] = {0.5f, 0.25f, 0.5f, 0.25f}, truth[] = {1, 0, 1, 0};
    check_json(&(metric_case){.type = "binary", .feature = "{}", .n = 4, .width = 1, .scores = even, .reals = truth},
               false,
               "{\"accuracy\": 1.0, \"precision\": 1.0, \"recall\": 1.0, \"specificity\": 1.0, \"f1\": 1.0, "
               "\"roc_auc\": 1.0}");
    const float same[] = {0.25f, 0.25f, 0.25f, 0.25f};
    check_json(&(metric_case){.type = "binary", .feature = "{}", .n = 4, .width = 1, .scores = same, .reals = truth},
               false,
               "{\"accuracy\": 0.5, \"precision\": null, \"recall\": 0.0, \"specificity\": 1.0, \"f1\": 0.0, "
               "\"roc_auc\": 0.5}");
    const float three[] = {0.2f, 0.5f, 0.3f, 0.4f, 0.4f, 0.2f};
    const int32_t ids[] = {2, 0};
    check_json(
        &(metric_case){
            .type = "category", .feature = "{\"top_k\": 2}", .n = 2, .width = 3, .scores = three, .ids = ids},
        false, "{\"accuracy\": 0.5, \"accuracy_micro\": 0.5, \"hits_at_k\": 1.0, \"roc_auc\": 1.0}");
    const float guess[] = {3, 5}, value[] = {1, 5};
    check_json(&(metric_case){.type = "number", .feature = "{}", .n = 2, .width = 1, .scores = guess, .reals = value},
               false,
               "{\"mean_squared_error\": 2.0, \"mean_absolute_error\": 1.0, \"root_mean_squared_error\": "
               "1.4142135623730951, \"mean_absolute_percentage_error\": 1.0, \"root_mean_squared_percentage_error\": "
               "1.4142135623730951, \"r2\": 0.5}");
}

static void test_labels(void) {
    const float score[] = {0.75f}, truth[] = {1};
    ludc_value *got = NULL;
    lud_error err = LUDC_ERROR_INIT;
    const ludc_scores s = {"binary", 1, 1, score, NULL, truth};
    CHECK_OK(ludc_task_metrics(NULL, NULL, &s, true, &got, &err), err);
    CHECK_INT(ludc_get_int(got, "per_class_stats.True.true_positives", -1), 1);
    CHECK_INT(ludc_get_int(got, "per_class_stats.False.true_negatives", -1), 1);
    CHECK(ludc_is_null(ludc_value_find(got, "overall_stats.kappa_score")));
    ludc_value_free(got);
    const float two[] = {0.75f, 0.25f};
    const int32_t id[] = {0};
    const ludc_scores c = {"category", 1, 2, two, id, NULL};
    CHECK_OK(ludc_task_metrics(NULL, NULL, &c, true, &got, &err), err);
    CHECK_INT(ludc_get_int(got, "per_class_stats.0.true_positives", -1), 1);
    CHECK(ludc_is_null(ludc_value_find(got, "per_class_stats.1.precision")));
    ludc_value_free(got);
}

static void test_no_result(void) {
    const float scores[] = {0.5f, 0.5f, NAN, 0.5f}, numbers[] = {1, 2, 3, 4}, lost[] = {NAN, NAN, NAN, NAN};
    const int32_t ids[] = {0, 1}, none[] = {-1, -1};
    const metric_case no_rows[] = {
        {.type = "category", .feature = "{}", .n = 0, .width = 2},
        {.type = "category", .feature = "{}", .n = 2, .width = 2, .scores = scores},
        {.type = "category", .feature = "{}", .n = 2, .width = 2, .scores = scores, .ids = none},
        {.type = "category", .feature = "{}", .n = 2, .width = 2, .scores = scores, .ids = ids}};
    for (size_t i = 0; i < LUDC_COUNT(no_rows); i++)
        check_json(&no_rows[i], false, NO_CATEGORY);
    const metric_case binary = {.type = "binary", .feature = "{}", .n = 2, .width = 1, .scores = scores, .reals = lost};
    check_json(&binary, false, NO_BINARY);
    const metric_case number = {
        .type = "number", .feature = "{}", .n = 3, .width = 1, .scores = scores, .reals = numbers};
    check_json(&number, false, NO_NUMBER);
    const metric_case none_given = {.type = "vector", .feature = "{}", .n = 2, .width = 2, .scores = scores};
    check_json(&none_given, false, NO_NUMBER);
    const metric_case set = {.type = "set", .feature = "{}", .n = 0, .width = 2};
    check_json(&set, false, "{\"jaccard\": null}");
    const float zeros[] = {0, 0, 0, 0}, ones[] = {1, 1};
    check_json(&(metric_case){.type = "set", .feature = "{}", .n = 2, .width = 2, .scores = zeros, .reals = zeros},
               false, "{\"jaccard\": null}");
    check_json(&(metric_case){.type = "binary", .feature = "{}", .n = 2, .width = 1, .scores = zeros, .reals = ones},
               false,
               "{\"accuracy\": 0.0, \"precision\": null, \"recall\": 0.0, \"specificity\": null, \"f1\": 0.0, "
               "\"roc_auc\": null}");
    ludc_value *details = measure(&no_rows[0], true);
    CHECK(ludc_is_null(ludc_value_find(details, "overall_stats.avg_f1_score_macro")));
    CHECK_INT(ludc_get_int(details, "confusion_matrix.1.1", -1), 0);
    ludc_value_free(details);
}

static double metric(const metric_case *c, const char *name) {
    ludc_value *got = measure(c, false);
    const double value = ludc_get_float(got, name, (double)NAN);
    ludc_value_free(got);
    return value;
}

static void test_extremes(void) {
    const float tenth[] = {0.1f, 0.1f, 0.1f}, off[] = {0.1f, 0.1f, 0.2f}, huge[] = {3e38f, -3e38f}, zeros[] = {0, 0};
    metric_case c = {.type = "number", .feature = "{}", .n = 3, .width = 1, .scores = tenth, .reals = tenth};
    CHECK(metric(&c, "r2") == 1);
    c.scores = off;
    CHECK(metric(&c, "r2") == 0);
    c.n = 1;
    CHECK(isnan(metric(&c, "r2")) && metric(&c, "mean_squared_error") == 0);
    c = (metric_case){.type = "number", .feature = "{}", .n = 2, .width = 1, .scores = huge, .reals = zeros};
    CHECK(metric(&c, "mean_squared_error") > 1e76 && metric(&c, "mean_absolute_percentage_error") > 1e43);
}

/* 1200 classes of one row each, the scores in order: every class is found, and there is no matrix. */
static void test_many_classes(void) {
    enum { K = 1200 };
    float *scores = ludc_alloc((size_t)K * K * sizeof(*scores));
    int32_t *ids = ludc_alloc(K * sizeof(*ids));
    for (int32_t i = 0; i < K; i++)
        scores[i * K + i] = 1.0f, ids[i] = i;
    const metric_case c = {.type = "category", .feature = "{}", .n = K, .width = K, .scores = scores, .ids = ids};
    ludc_value *got = measure(&c, true);
    CHECK(ludc_get_float(got, "accuracy", 0) == 1 && ludc_get_float(got, "roc_auc", 0) == 1);
    CHECK(ludc_get_float(got, "per_class_stats.1199.f1_score", 0) == 1 && !ludc_value_get(got, "confusion_matrix"));
    ludc_value_free(got);
    ludc_free(scores);
    ludc_free(ids);
}

static void test_names(void) {
    CHECK(ludc_metric_maximizes(LUDC_STR("r2")) && !ludc_metric_maximizes(LUDC_STR("mean_squared_error")));
    CHECK(!ludc_metric_maximizes(LUDC_STR("loss")) && !ludc_metric_maximizes(LUDC_STR("?")));
}

static void test_refusals(void) {
    const float scores[] = {0.5f, 0.5f};
    const int32_t ids[] = {2};
    ludc_value *out = NULL;
    lud_error err = LUDC_ERROR_INIT;
    const ludc_scores wrong[] = {{"category", 1, 2, scores, ids, NULL},
                                 {"binary", 1, 2, scores, NULL, scores},
                                 {"text", 1, 2, scores, ids, NULL}};
    for (size_t i = 0; i < LUDC_COUNT(wrong); i++)
        CHECK(ludc_task_metrics(NULL, NULL, &wrong[i], true, &out, &err) == LUD_E_INTERNAL && !out);
}

static void test_no_memory(void) {
    for (size_t i = 0; i < LUDC_COUNT(cases); i += 3) {
        ludc_value *metadata = json(names);
        const metric_case *c = &cases[i];
        const ludc_scores s = {c->type, c->n, c->width, c->scores, c->ids, c->reals};
        lud_status status = LUD_E_NOMEM;
        for (int64_t n = 0; status == LUD_E_NOMEM && n < 10000; n++) {
            lud_error err = LUDC_ERROR_INIT;
            ludc_value *out = NULL;
            ludc_alloc_fail_after(n, false);
            status = ludc_task_metrics(NULL, metadata, &s, true, &out, &err);
            ludc_alloc_fail_after(-1, false);
            CHECK(status == LUD_OK ? out != NULL : status == LUD_E_NOMEM && !out);
            ludc_value_free(out);
        }
        CHECK_INT(status, LUD_OK);
        ludc_value_free(metadata);
    }
}

int main(void) {
    test_numpy();
    test_by_hand();
    test_labels();
    test_no_result();
    test_extremes();
    test_many_classes();
    test_names();
    test_refusals();
    test_no_memory();
    return check_done();
}
