/* SPDX-License-Identifier: Apache-2.0
 * Calibration: no other temperature gives these rows a smaller negative log-likelihood; predicted classes stay; rows
 * without a target do not count; logits that are not finite leave the temperature at 1. */
#include "check.h"
#include "internal.h"
#include "task.h"

#include <math.h>

static golden g;

static void scores_of(ludc_scorer *s, task *t, float *classes) {
    lud_error err = LUDC_ERROR_INIT;
    float number[TASK_ROWS], *scores[2] = {number, classes};
    CHECK_OK(ludc_scorer_run(s, &t->rows, 0, TASK_ROWS, scores, NULL, &err), err);
}

static double loss_at(ludc_scorer *s, task *t, double temperature) {
    float p[TASK_ROWS * TASK_CLASSES];
    double loss = 0;
    t->p->outputs[1].temperature = temperature;
    scores_of(s, t, p);
    for (size_t i = 0; i < TASK_ROWS; i++)
        if (!t->rows.outputs[1].missing[i])
            loss -= log((double)p[i * TASK_CLASSES + (size_t)t->rows.outputs[1].ids[i]]);
    return loss;
}

/* Targets that the model gets right in some rows, so that neither end of the range is best. */
static void choose_targets(ludc_scorer *s, task *t) {
    float p[TASK_ROWS * TASK_CLASSES];
    scores_of(s, t, p);
    t->rows.outputs[1].missing = ludc_alloc(TASK_ROWS);
    t->rows.outputs[1].missing[3] = 1;
    for (size_t i = 0; i < TASK_ROWS; i++) {
        const float *row = &p[i * TASK_CLASSES];
        int32_t best = row[1] > row[0] ? 1 : 0;
        best = row[2] > row[best] ? 2 : best;
        t->rows.outputs[1].ids[i] = i % 3 == 0 ? (best + 1) % TASK_CLASSES : best;
    }
}

static void test_best(ludc_scorer *s, task *t) {
    lud_error err = LUDC_ERROR_INIT;
    float before[TASK_ROWS * TASK_CLASSES], after[TASK_ROWS * TASK_CLASSES];
    choose_targets(s, t);
    scores_of(s, t, before);
    CHECK_OK(ludc_calibrate(s, t->p, &t->rows, &err), err);
    const double found = t->p->outputs[1].temperature;
    scores_of(s, t, after);
    for (size_t i = 0; i < TASK_ROWS; i++)
        for (size_t k = 0; k < TASK_CLASSES; k++)
            for (size_t j = 0; j < TASK_CLASSES; j++)
                CHECK((before[i * TASK_CLASSES + k] < before[i * TASK_CLASSES + j]) ==
                      (after[i * TASK_CLASSES + k] < after[i * TASK_CLASSES + j]));
    CHECK(found > 1.0 / 64 && found < 64 && fabs(found - 1.0) > 1e-3);
    CHECK(t->p->outputs[0].temperature == 1.0);
    const double best = loss_at(s, t, found);
    for (double factor = 0.25; factor < 4.5; factor *= 1.1)
        CHECK(best <= loss_at(s, t, found * factor) + 1e-5);
    CHECK(best < loss_at(s, t, found * 0.5) - 1e-4 && best < loss_at(s, t, found * 2) - 1e-4);
}

/* Nothing to learn from, or nothing finite. */
static void test_nothing(ludc_scorer *s, task *t) {
    lud_error err = LUDC_ERROR_INIT;
    memset(t->rows.outputs[1].missing, 1, TASK_ROWS);
    CHECK_OK(ludc_calibrate(s, t->p, &t->rows, &err), err);
    CHECK(t->p->outputs[1].temperature == 1.0);
    memset(t->rows.outputs[1].missing, 0, TASK_ROWS);
    t->rows.inputs[2].reals[0] = NAN;
    CHECK_OK(ludc_calibrate(s, t->p, &t->rows, &err), err);
    CHECK(t->p->outputs[1].temperature == 1.0);
}

int main(void) {
    lud_error err = LUDC_ERROR_INIT;
    task t;
    ludc_scorer *s = NULL;
    char *model = task_encoder();
    golden_init(&g);
    CHECK_OK(task_open(&g, model, "", "", "auto", LUD_F32, NULL, &t, &err), err);
    const ludc_task_rows *data = &t.rows;
    CHECK_OK(ludc_scorer_new(t.p, false, &data, 1, &s, &err), err);
    test_best(s, &t);
    test_nothing(s, &t);
    ludc_scorer_free(s);
    task_close(&t);
    golden_free(&g);
    ludc_free(model);
    return check_done();
}
