/* SPDX-License-Identifier: Apache-2.0
 * A whole predictor: gradients against finite differences in double; the same gradients however a batch is cut; rows
 * without a target count for nothing; what is saved opens with the same bits; an open that fails leaves nothing. */
#include "check.h"
#include "task.h"

#include <math.h>
#include <train.h>

static golden g;
static char *model; /* a tiny encoder */

/* ---- Losses and gradients of a list of rows ---- */
/* Denominators are those of the whole list, whatever parts it is run in. */
static void find_scales(const task *t, const uint32_t *rows, size_t n, double scale[2]) {
    for (size_t k = 0; k < 2; k++) {
        double weights = 0;
        for (size_t i = 0; i < n; i++)
            weights += (double)t->rows.weights[k][rows[i]];
        scale[k] = weights > 0 ? t->p->outputs[k].weight / weights : 0;
    }
}

/* Leaves the gradients in the flat buffer. */
static double run(task *t, ludc_task_run *r, const uint32_t *rows, size_t n, const double scale[2], size_t parts) {
    lud_error err = LUDC_ERROR_INIT;
    double loss[2] = {0};
    ludc_task_result result = {.loss = loss};
    for (size_t i = 0, done = 0; i < parts; i++) {
        const size_t m = n / parts + (i < n % parts);
        CHECK_OK(ludc_task_run_rows(r, &t->rows, rows + done, (int64_t)m, 5, scale, &result, &err), err);
        done += m;
    }
    return scale[0] * loss[0] + scale[1] * loss[1];
}

static ludc_task_run *training(task *t) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_task_run *r = NULL;
    CHECK_OK(ludc_task_run_new(t->p, LUDC_TASK_TRAIN, 9 * TASK_ROWS, TASK_ROWS, 0, &r, &err), err);
    return r;
}

static float *flat(task *t, int which) {
    lud_error err = LUDC_ERROR_INIT;
    float *x = ludc_alloc((size_t)ludc_store_flat_len(t->p->store) * sizeof *x);
    CHECK_OK(ludc_store_flat_read(t->p->store, which, x, &err), err);
    return x;
}

static float *gradients(task *t, ludc_task_run *r, const uint32_t *rows, size_t n, const double scale[2],
                        size_t parts) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_store_flat_zero(t->p->store, LUDC_FLAT_GRADS, &err), err);
    (void)run(t, r, rows, n, scale, parts);
    return flat(t, LUDC_FLAT_GRADS);
}

static double largest(const float *x, int64_t n) {
    double top = 0;
    for (int64_t i = 0; i < n; i++)
        top = fmax(top, fabs((double)x[i]));
    return top;
}

static double difference(const float *a, const float *b, int64_t n) {
    double top = 0;
    for (int64_t i = 0; i < n; i++)
        top = fmax(top, fabs((double)a[i] - (double)b[i]));
    return top / fmax(largest(a, n), 1e-30);
}

static const uint32_t all[TASK_ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* ---- Finite differences ---- */
static double nudged(task *t, ludc_task_run *r, float *values, int64_t at, float by, const double scale[2]) {
    lud_error err = LUDC_ERROR_INIT;
    const float kept = values[at];
    values[at] = kept + by;
    CHECK_OK(ludc_store_flat_write(t->p->store, LUDC_FLAT_VALUES, values, &err), err);
    const double loss = run(t, r, all, TASK_ROWS, scale, 1);
    values[at] = kept;
    return loss;
}

/* One element of each parameter; returns the largest error relative to the largest gradient of all. */
static double worst_error(task *t, ludc_task_run *r, const double scale[2]) {
    float *values = flat(t, LUDC_FLAT_VALUES), *grads = gradients(t, r, all, TASK_ROWS, scale, 1);
    const double top = largest(grads, ludc_store_flat_len(t->p->store));
    double worst = 0;
    for (size_t i = 0; i < ludc_store_len(t->p->store); i++) {
        const ludc_param *q = ludc_store_at(t->p->store, i);
        if (!q->trainable || q->count == 0) continue;
        const int64_t k = (int64_t)(lud_mix64(i) % (uint64_t)q->count), at = q->flat_offset + k;
        const float up = values[at] + 1e-4f, down = values[at] - 1e-4f;
        const double rise =
            nudged(t, r, values, at, up - values[at], scale) - nudged(t, r, values, at, down - values[at], scale);
        const double slope = rise / ((double)up - (double)down), error = fabs(slope - (double)grads[at]) / top;
        if (error > 1e-6) fprintf(stderr, "%s[%lld]: %g, want %g\n", q->name, (long long)k, (double)grads[at], slope);
        worst = fmax(worst, error);
    }
    ludc_free(values);
    ludc_free(grads);
    return worst;
}

static void test_gradients(const char *encoder, const char *how, const char *second) {
    lud_error err = LUDC_ERROR_INIT;
    task t;
    double scale[2];
    CHECK_OK(task_open(&g, encoder, how, second, "reference", LUD_F64, NULL, &t, &err), err);
    if (!t.p) return;
    ludc_task_run *r = training(&t);
    find_scales(&t, all, TASK_ROWS, scale);
    const double worst = worst_error(&t, r, scale);
    printf("%s%s%s: worst gradient %.2g\n", encoder, how, second, worst);
    CHECK(worst < 1e-6);
    ludc_task_run_free(r);
    task_close(&t);
}

/* ---- Micro-batches ---- */
static void test_parts(const char *device, int32_t real, double bound) {
    lud_error err = LUDC_ERROR_INIT;
    task t;
    double scale[2];
    CHECK_OK(task_open(&g, model, ", trainable: true", "", device, real, NULL, &t, &err), err);
    if (!t.p) return;
    ludc_task_run *r = training(&t);
    find_scales(&t, all, TASK_ROWS, scale);
    float *whole = gradients(&t, r, all, TASK_ROWS, scale, 1);
    for (size_t parts = 2; parts <= TASK_ROWS; parts += parts == 2 ? 3 : 5) {
        float *cut = gradients(&t, r, all, TASK_ROWS, scale, parts);
        CHECK(difference(whole, cut, ludc_store_flat_len(t.p->store)) <= bound);
        ludc_free(cut);
    }
    ludc_trainee trainee;
    ludc_step_result step;
    ludc_task_rows splits[LUDC_N_SPLITS] = {t.rows};
    CHECK_OK(ludc_predictive_trainee(t.p, ludc_value_get(t.config.full, "trainer"), splits, &trainee, &err), err);
    CHECK_OK(ludc_store_flat_zero(t.p->store, LUDC_FLAT_GRADS, &err), err);
    CHECK_OK(trainee.gradients(trainee.self, all, 4, 5, &step, &err), err);
    float *by_trainee = flat(&t, LUDC_FLAT_GRADS);
    find_scales(&t, all, 4, scale);
    float *by_hand = gradients(&t, r, all, 4, scale, 1);
    CHECK(difference(by_hand, by_trainee, ludc_store_flat_len(t.p->store)) <= bound);
    trainee.free(trainee.self);
    ludc_free(by_trainee);
    ludc_free(by_hand);
    ludc_free(whole);
    ludc_task_run_free(r);
    task_close(&t);
}

/* ---- Rows without a target ---- */
static void test_missing(void) {
    lud_error err = LUDC_ERROR_INIT;
    task t;
    double scale[2];
    const uint32_t others[TASK_ROWS - 1] = {0, 1, 2, 4, 5, 6, 7, 8, 9};
    CHECK_OK(task_open(&g, model, ", trainable: true", "", "reference", LUD_F64, NULL, &t, &err), err);
    if (!t.p) return;
    const int64_t n = ludc_store_flat_len(t.p->store);
    ludc_task_run *r = training(&t);
    find_scales(&t, all, TASK_ROWS, scale);
    float *before = gradients(&t, r, all, TASK_ROWS, scale, 1);
    t.rows.outputs[1].ids[3] = (t.rows.outputs[1].ids[3] + 1) % TASK_CLASSES;
    t.rows.outputs[0].reals[7] = 1e6f;
    float *after = gradients(&t, r, all, TASK_ROWS, scale, 1);
    CHECK(memcmp(before, after, (size_t)n * sizeof *before) == 0);

    /* The category alone: row 3 may as well not be there. */
    const double category_only[2] = {0, scale[1]};
    float *with = gradients(&t, r, all, TASK_ROWS, category_only, 1);
    float *without = gradients(&t, r, others, TASK_ROWS - 1, category_only, 1);
    CHECK(difference(without, with, n) < 1e-6);
    ludc_free(before);
    ludc_free(after);
    ludc_free(with);
    ludc_free(without);
    ludc_task_run_free(r);
    task_close(&t);
}

/* ---- Saving ---- */
static void scores_of(task *t, float *number, float *classes) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_scorer *s = NULL;
    const ludc_task_rows *data = &t->rows;
    float *scores[2] = {number, classes};
    CHECK_OK(ludc_scorer_new(t->p, false, &data, 1, &s, &err), err);
    CHECK_OK(ludc_scorer_run(s, data, 0, TASK_ROWS, scores, NULL, &err), err);
    ludc_scorer_free(s);
}

static void change_values(task *t) {
    lud_error err = LUDC_ERROR_INIT;
    float *values = flat(t, LUDC_FLAT_VALUES);
    for (size_t i = 0; i < ludc_store_len(t->p->store); i++) {
        const ludc_param *q = ludc_store_at(t->p->store, i);
        for (int64_t k = 0; q->trainable && k < q->count; k++)
            values[q->flat_offset + k] += 0.01f * sinf((float)k);
    }
    CHECK_OK(ludc_store_flat_write(t->p->store, LUDC_FLAT_VALUES, values, &err), err);
    ludc_free(values);
}

static void test_saving(const char *how, const char *second) {
    lud_error err = LUDC_ERROR_INIT;
    task a, b;
    char *dir = golden_temp_dir(), *path = ludc_path_join(dir, "model.safetensors");
    float number[2][TASK_ROWS], classes[2][TASK_ROWS * TASK_CLASSES];
    CHECK_OK(task_open(&g, model, how, second, "auto", LUD_F32, NULL, &a, &err), err);
    change_values(&a);
    CHECK_OK(ludc_predictor_save(a.p, path, &err), err);
    CHECK_OK(task_open(&g, model, how, second, "auto", LUD_F32, path, &b, &err), err);
    const size_t bytes = (size_t)ludc_store_flat_len(a.p->store) * sizeof(float);
    float *x = flat(&a, LUDC_FLAT_VALUES), *y = flat(&b, LUDC_FLAT_VALUES);
    CHECK(bytes > 0 && memcmp(x, y, bytes) == 0);
    scores_of(&a, number[0], classes[0]);
    scores_of(&b, number[1], classes[1]);
    CHECK(memcmp(number[0], number[1], sizeof number[0]) == 0 &&
          memcmp(classes[0], classes[1], sizeof classes[0]) == 0);
    for (size_t i = 0; i < TASK_ROWS; i++) {
        const float *p = &classes[0][TASK_CLASSES * i];
        CHECK(fabsf(p[0] + p[1] + p[2] - 1.0f) < 1e-6f);
    }
    ludc_free(x);
    ludc_free(y);
    task_close(&a);
    task_close(&b);
    (void)ludc_dir_remove(dir, NULL);
    ludc_free(dir);
    ludc_free(path);
}

/* The first hundred allocations of an open fail, then some sixty among all others; the message says so and nothing
 * leaks (under a sanitizer). */
static void test_out_of_memory(void) {
    int failed = 0;
    lud_error none = LUDC_ERROR_INIT;
    task whole;
    const uint64_t before = ludc_alloc_count();
    CHECK_OK(task_open(&g, model, ", adapter: lora", "", "reference", LUD_F32, NULL, &whole, &none), none);
    const int64_t total = (int64_t)(ludc_alloc_count() - before), step = total / 61 + 1;
    if (whole.p) task_close(&whole);
    for (int64_t n = 0; n < total; n += n < 100 ? 1 : step) {
        lud_error err = LUDC_ERROR_INIT;
        task t;
        ludc_alloc_fail_after(n, false);
        const lud_status status = task_open(&g, model, ", adapter: lora", "", "reference", LUD_F32, NULL, &t, &err);
        ludc_alloc_fail_after(-1, false);
        failed += status != LUD_OK;
        CHECK(status == LUD_OK || (err.msg[0] != '\0' && !t.p));
        if (t.p) task_close(&t);
    }
    printf("%lld allocations, %d opens failed\n", (long long)total, failed);
    CHECK(failed > 130);
}

int main(void) {
    golden_init(&g);
    model = task_encoder();
    char *bert = golden_path(&g, "tiny", "bert");
    test_gradients(model, ", trainable: true", "");
    test_gradients(model, ", trainable: true", ", tied: a");
    test_gradients(model, ", adapter: {type: lora, r: 4, dropout: 0.1}", "");
    test_gradients(model, "", "");
    if (ludc_path_is_dir(bert)) test_gradients(bert, ", trainable: true", "");
    test_parts("reference", LUD_F64, 1e-6);
    test_parts("auto", LUD_F32, 1e-5);
    test_missing();
    test_saving(", trainable: true", "");
    test_saving(", trainable: true", ", tied: a");
    test_saving(", adapter: lora", "");
    test_saving("", "");
    test_out_of_memory();
    ludc_free(bert);
    ludc_free(model);
    golden_free(&g);
    return check_done();
}
