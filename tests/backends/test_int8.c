/* SPDX-License-Identifier: Apache-2.0
 * LINEAR flagged LUD_OP_INT8 on every backend that has it: the bits are those of the definition in ludwig/graph.h,
 * which the reference spells out, for all shapes, batches and numbers of threads, and with bf16 allowed beside; odd
 * rows of x and of w spoil nothing but themselves; and the result is near that of fp32. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

static const int64_t batch_sizes[] = {70, 0, 1, 2, 17};
enum { UNITS = 70, ODD_ROWS = 6 };

#define ROWS_OF(k)                                                                                                     \
    { .fill = CASE_UNIFORM, .rank = 2, .dim = {CASE_ROWS, (k)}, .arg = 1 }
#define WEIGHT(m, k)                                                                                                   \
    { .fill = CASE_UNIFORM, .rank = 2, .dim = {(m), (k)}, .arg = 1 }
#define BIAS(m)                                                                                                        \
    { .fill = CASE_UNIFORM, .rank = 1, .dim = {(m)}, .arg = 1 }
#define RESULT(m)                                                                                                      \
    {                                                                                                                  \
        .fill = CASE_RESULT, .rank = 2, .dim = { CASE_ROWS, (m) }                                                      \
    }
#define MAP(k, m, ...)                                                                                                 \
    {                                                                                                                  \
#k "x" #m, LUD_OP_LINEAR, .in = {ROWS_OF(k), WEIGHT(m, k), __VA_ARGS__ }, .out = { RESULT(m) }                 \
    }
static const op_case maps[] = {
    MAP(1, 1, {0}),         MAP(3, 33, BIAS(33)),   MAP(31, 5, {0}),   MAP(127, 16, BIAS(16)),  MAP(128, 32, {0}),
    MAP(129, 31, BIAS(31)), MAP(384, 97, BIAS(97)), MAP(576, 65, {0}), MAP(1536, 33, BIAS(33)), MAP(4200, 4, {0}),
};

/* ---- Data: the first rows of x and of w are odd ---- */
static double odd_value(int64_t row, int64_t i, int64_t n, double plain) {
    switch (row) {
    case 0:
        return 0;
    case 1:
        return i == n - 1 ? (double)NAN : plain;
    case 2:
        return i == n / 2 ? -(double)INFINITY : plain;
    case 3:
        return plain * 0x1p-120;
    case 4:
        return i == 0 ? 0x1.fffffep127 : i == 1 ? -0x1.fffffep127 : plain; /* the span is infinite */
    default:
        return i == 0 ? 1000 : plain; /* an outlier */
    }
}

static void make_odd(op_array *a, int64_t rows, int64_t n) {
    double *x = a->data;
    for (int64_t row = 0; row < ODD_ROWS && row < rows; row++)
        for (int64_t i = 0; i < n; i++)
            x[row * n + i] = (double)(float)odd_value(row, i, n, x[row * n + i]);
}

/* ---- Comparing ---- */
static bool same_bits(const op_array *a, const op_array *b) {
    const double *x = a->data, *y = b->data;
    bool same = a->n == b->n;
    for (int64_t i = 0; same && i < a->n; i++)
        same = (isnan(x[i]) && isnan(y[i])) || memcmp(&x[i], &y[i], sizeof x[i]) == 0;
    return same;
}

/* Largest error of a row as a share of its length; rows that are NaN are left out. */
static double worst_row(const op_array *got, const op_array *want, int64_t m) {
    const double *g = got->data, *w = want->data;
    double worst = 0;
    for (int64_t t = 0; t < got->n / m; t++) {
        double error = 0, energy = 1e-30;
        for (int64_t i = t * m; i < (t + 1) * m; i++)
            error += (g[i] - w[i]) * (g[i] - w[i]), energy += w[i] * w[i];
        if (error == error) worst = fmax(worst, sqrt(error / energy));
    }
    return worst;
}

static void check_map(const backend_set *set, const op_case *c, int64_t n, bool odd) {
    int64_t ids[UNITS];
    for (int64_t u = 0; u < n; u++)
        ids[u] = u;
    const op_batch batch = {n, ids};
    op_data inputs = {0}, exact = {0}, want = {0};
    lud_error err = LUDC_ERROR_INIT;
    const int64_t k = c->in[1].dim[1], m = c->in[1].dim[0];
    CHECK_OK(op_data_make(set->oracle, c, batch, &inputs, &err), err);
    if (odd) make_odd(&inputs.in[0], n, k);
    if (odd) make_odd(&inputs.in[1], m, k);
    if (!odd) CHECK_OK(op_run(set->oracle, c, batch, (op_how){.dtype = LUD_F64}, &inputs, &exact, &err), err);
    CHECK_OK(
        op_run(set->oracle, c, batch, (op_how){.dtype = LUD_F32, .frozen = true, .int8 = true}, &inputs, &want, &err),
        err);
    if (!odd && m > 30 && k > 30) CHECK(worst_row(&want.out[0], &exact.out[0], m) < 0.02);
    for (uint32_t at = 0; at < set->n; at++) {
        for (int both = 0; both < 2; both++) {
            const op_backend *b = &set->all[at];
            const op_how how = {.dtype = LUD_F32, .frozen = true, .int8 = true, .bf16 = both};
            op_data got = {0};
            if (!(b->info.caps & LUD_CAP_INT8)) continue;
            CHECK_OK(op_run(b, c, batch, how, &inputs, &got, &err), err);
            const bool same = same_bits(&got.out[0], &want.out[0]);
            CHECK(same);
            if (!same)
                fprintf(stderr, "  %s: %s, %lld rows, odd %d: other bits\n", b->name, c->name, (long long)n, odd);
            op_data_free(&got);
        }
    }
    op_data_free(&inputs);
    op_data_free(&exact);
    op_data_free(&want);
}

/* By hand: hi 1, lo 1, span 2, z = rint(127.5) = 128, u = {min(256, 255), 0}; v = {127, 64}; sum u v - z sum v = 8 *
 * 1016
 * - 64 * 128 + ...: 255 * 127 - 128 * 191 = 7937; times 2 / 255, times 1 / 127. */
static void check_known(const backend_set *set) {
    static const op_case c = {"known", LUD_OP_LINEAR, .in = {ROWS_OF(2), WEIGHT(1, 2)}, .out = {RESULT(1)}};
    double x[] = {1, -1}, w[] = {1, 0.5};
    const int64_t id = 0;
    op_data inputs = {.in = {{x, 2, sizeof x}, {w, 2, sizeof w}}};
    const float d = 1.0f / 127.0f, s = 2.0f / 255.0f;
    const float want = 7937.0f * s * d;
    for (uint32_t at = 0; at < set->n; at++) {
        op_data got = {0};
        lud_error err = LUDC_ERROR_INIT;
        const op_how how = {.dtype = LUD_F32, .frozen = true, .int8 = true};
        if (!(set->all[at].info.caps & LUD_CAP_INT8)) continue;
        CHECK_OK(op_run(&set->all[at], &c, (op_batch){1, &id}, how, &inputs, &got, &err), err);
        if (got.out[0].n == 1) CHECK(((const double *)got.out[0].data)[0] == (double)want);
        op_data_free(&got);
    }
}

int main(void) {
    for (int threads = 1; threads < 3; threads++) {
        backend_set set;
        lud_error err = LUDC_ERROR_INIT;
        CHECK_OK(backend_set_open(threads, &set, &err), err);
        for (size_t i = 0; err.code == LUD_OK && i < LUDC_COUNT(maps); i++)
            for (size_t k = 0; k < LUDC_COUNT(batch_sizes); k++)
                for (int odd = 0; odd < 2; odd++)
                    check_map(&set, &maps[i], batch_sizes[k], odd);
        if (err.code == LUD_OK) check_known(&set);
        backend_set_close(&set);
    }
    return check_done();
}
