/* SPDX-License-Identifier: Apache-2.0
 * number: read, fill, replace outliers, normalize. Statistics are those of the training rows after filling, as in
 * Ludwig (sample standard deviation, percentiles by linear interpolation); a scale of 0 counts as 1, where Ludwig
 * stops: a constant column becomes 0. Everything is computed in f64 and stored as f32. */
#include "feature_internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Both steps of a value: what is missing is filled, then what is an outlier is. Each has its strategy. */
typedef struct number {
    ludc_cells *cells;
    double fill;
    bool has_outliers;
    ludc_cells outliers;
    double outlier_fill, mean, reach; /* an outlier is further than `reach` from the mean */
} number;

double ludc_parse_number(lud_str s) {
    enum { LONGEST = 511 };
    static const char *const ones[] = {"true", "True", "TRUE"}, *const zeros[] = {"false", "False", "FALSE"};
    char text[LONGEST + 1], *end;
    s = ludc_str_trim(s);
    for (size_t i = 0; i < LUDC_COUNT(ones); i++) {
        if (ludc_str_eq(s, ones[i])) return 1;
        if (ludc_str_eq(s, zeros[i])) return 0;
    }
    if (s.len == 0 || s.len > LONGEST) return NAN;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    if (strspn(text, "+-.0123456789eE") != s.len) return NAN;
    char *point = strchr(text, '.');
    if (point) *point = *localeconv()->decimal_point;
    const double v = strtod(text, &end);
    return end == text + s.len && isfinite(v) ? v : NAN;
}

static double raw(const ludc_cells *c, size_t row) {
    return ludc_parse_number(ludc_cells_raw(c, row));
}

static bool is_no_number(ludc_cells *c, size_t row) {
    return isnan(raw(c, row));
}

static double filled(ludc_cells *c, double fill, double (*value)(const number *, size_t row), const number *x,
                     size_t row) {
    if (!c->is_missing(c, row)) return value(x, row);
    if (c->strategy == LUDC_DROP_ROW) return NAN;
    if (c->strategy != LUDC_FILL_BACK && c->strategy != LUDC_FILL_FORWARD) return fill;
    row = ludc_cells_neighbour(c, row);
    return row == SIZE_MAX ? NAN : value(x, row);
}

static double value_raw(const number *x, size_t row) {
    return raw(x->cells, row);
}

static double value_filled(const number *x, size_t row) {
    return filled(x->cells, x->fill, value_raw, x, row);
}

static bool is_outlier(ludc_cells *c, size_t row) {
    const number *x = c->arg;
    return !(fabs(value_filled(x, row) - x->mean) <= x->reach);
}

/* The value of a row in the column's own unit; NaN if it has none. */
static double value_of(number *x, size_t row) {
    if (!x->has_outliers || isnan(value_filled(x, row))) return value_filled(x, row);
    return filled(&x->outliers, x->outlier_fill, value_filled, x, row);
}

static lud_status open_number(number *x, ludc_cells *c, lud_error *err) {
    const uint32_t any = 1u << LUDC_FILL_CONST | 1u << LUDC_FILL_MODE | 1u << LUDC_FILL_MEAN | 1u << LUDC_FILL_BACK |
                         1u << LUDC_FILL_FORWARD | 1u << LUDC_DROP_ROW;
    c->is_missing = is_no_number;
    *x = (number){.cells = c, .outliers = *c};
    x->outliers.is_missing = is_outlier;
    x->outliers.arg = x;
    LUDC_TRY(ludc_cells_strategy(c, "outlier_strategy", LUDC_N_FILLS, any, &x->outliers.strategy, err));
    x->has_outliers = x->outliers.strategy != LUDC_N_FILLS;
    return LUD_OK;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* numpy's default percentile of sorted values. */
static double quantile(const double *v, size_t n, double q) {
    const double at = q * (double)(n - 1);
    const size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

static double mean_of(const double *v, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / (double)n : 0;
}

static double deviation_of(const double *v, size_t n, double mean) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (v[i] - mean) * (v[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

/* The most frequent of sorted values, the smallest of equally frequent ones. */
static double mode_of(const double *v, size_t n) {
    size_t best = 0, most = 0;
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && v[end] == v[begin];)
            end++;
        if (end - begin > most) most = end - begin, best = begin;
    }
    return v[best];
}

/* What a strategy fills with; v: the numbers there are, sorted. */
static lud_status learn_fill(const ludc_cells *c, int strategy, const double *v, size_t n, double *fill,
                             lud_error *err) {
    *fill = 0;
    if (strategy == LUDC_FILL_CONST) {
        *fill = ludc_parse_number(c->fill);
        if (isnan(*fill))
            return ludc_fail(err, LUD_E_INVALID, "column '%.*s': preprocessing.fill_value: want a number",
                             LUDC_ARG(c->name));
    } else if (strategy == LUDC_FILL_MEAN || strategy == LUDC_FILL_MODE) {
        if (n == 0)
            return ludc_cells_fail(c, ludc_cells_row(c, 0), err,
                                   "no number in any training row: there is nothing to fill with");
        *fill = strategy == LUDC_FILL_MEAN ? mean_of(v, n) : mode_of(v, n);
    }
    return LUD_OK;
}

static lud_status learn_fills(number *x, double *v, lud_error *err) {
    ludc_cells *c = x->cells;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        const double value = raw(c, ludc_cells_row(c, i));
        if (!isnan(value)) v[n++] = value;
    }
    if (n == 0 && c->is_output) {
        const lud_str first = ludc_clip(ludc_cells_raw(c, ludc_cells_row(c, 0)));
        return ludc_cells_fail(c, ludc_cells_row(c, 0), err,
                               "no training row holds a number (here '%.*s'): is it a category?", (int)first.len,
                               first.ptr ? first.ptr : "");
    }
    if (n) qsort(v, n, sizeof(*v), by_value);
    LUDC_TRY(learn_fill(c, c->strategy, v, n, &x->fill, err));
    return x->has_outliers ? learn_fill(c, x->outliers.strategy, v, n, &x->outlier_fill, err) : LUD_OK;
}

static bool put_float(ludc_value *metadata, const char *key, double v) {
    return ludc_value_put(metadata, key, ludc_value_float(v));
}

static lud_status write_metadata(const number *x, const double *v, size_t n, ludc_value *m, lud_error *err) {
    const ludc_cells *c = x->cells;
    const double mean = mean_of(v, n), std = deviation_of(v, n, mean), min = n ? v[0] : 0, max = n ? v[n - 1] : 0;
    if (!isfinite(mean) || !isfinite(std) || !isfinite(max - min))
        return ludc_cells_fail(c, ludc_cells_row(c, 0), err, "values from %g to %g are too large to normalize", min,
                               max);
    bool ok = ludc_value_put(m, "width", ludc_value_int(1)) && put_float(m, "mean", mean) && put_float(m, "std", std) &&
              put_float(m, "min", min) && put_float(m, "max", max) && put_float(m, "q1", n ? quantile(v, n, .25) : 0) &&
              put_float(m, "q2", n ? quantile(v, n, .5) : 0) && put_float(m, "q3", n ? quantile(v, n, .75) : 0) &&
              put_float(m, "fill_value", x->fill) && put_float(m, "outlier_fill_value", x->outlier_fill);
    const ludc_value *how = ludc_value_get(c->preprocessing, "normalization");
    ok = ok && ludc_value_put(m, "normalization",
                              how            ? ludc_value_copy(how)
                              : c->is_output ? ludc_value_new(LUD_CFG_NULL)
                                             : ludc_value_text("zscore"));
    return ok ? LUD_OK : ludc_no_memory(err, NULL);
}

/* (x - centre) / scale; false: the scale that was learned is 0. */
static bool affine(const ludc_value *metadata, double *centre, double *scale) {
    const lud_str how = ludc_get_text(metadata, "normalization");
    *centre = 0;
    *scale = 1;
    if (ludc_str_eq(how, "zscore")) {
        *centre = ludc_get_float(metadata, "mean", 0);
        *scale = ludc_get_float(metadata, "std", 0);
    } else if (ludc_str_eq(how, "minmax")) {
        *centre = ludc_get_float(metadata, "min", 0);
        *scale = ludc_get_float(metadata, "max", 0) - *centre;
    } else if (ludc_str_eq(how, "iq")) {
        *centre = ludc_get_float(metadata, "q2", 0);
        *scale = ludc_get_float(metadata, "q3", 0) - ludc_get_float(metadata, "q1", 0);
    }
    if (*scale > 0) return true;
    *scale = 1;
    return false;
}

static lud_status learn(number *x, double *v, ludc_value *metadata, lud_error *err) {
    ludc_cells *c = x->cells;
    double centre, scale;
    size_t n = 0;
    LUDC_TRY(learn_fills(x, v, err));
    for (size_t i = 0; i < c->n; i++) {
        const double value = value_filled(x, ludc_cells_row(c, i));
        if (!isnan(value)) v[n++] = value;
    }
    if (n) qsort(v, n, sizeof(*v), by_value);
    LUDC_TRY(write_metadata(x, v, n, metadata, err));
    if (!affine(metadata, &centre, &scale))
        ludc_log(LUD_LOG_WARN, "%s: column '%.*s': the spread of its training values is 0: %g becomes 0, undivided",
                 c->path, LUDC_ARG(c->name), centre);
    return LUD_OK;
}

lud_status ludc_number_fit(ludc_cells *c, ludc_value *metadata, lud_error *err) {
    number x;
    LUDC_TRY(open_number(&x, c, err));
    double *v = ludc_alloc(c->n * sizeof(*v));
    const lud_status status = v ? learn(&x, v, metadata, err) : ludc_no_memory(err, NULL);
    ludc_free(v);
    return status;
}

static lud_status normalize(const ludc_cells *c, size_t row, bool log, double centre, double scale, double v,
                            float *out, lud_error *err) {
    if (log && v <= -1)
        return ludc_cells_fail(c, row, err, "%g has no log1p, which wants values above -1: normalize by zscore", v);
    *out = (float)(((log ? log1p(v) : v) - centre) / scale);
    if (!isfinite(*out)) return ludc_cells_fail(c, row, err, "%g is too large", v);
    return LUD_OK;
}

lud_status ludc_number_encode(ludc_cells *c, const ludc_value *metadata, ludc_column *out, lud_error *err) {
    const bool log = ludc_text_is(metadata, "normalization", "log1p");
    double centre, scale;
    number x;
    LUDC_TRY(open_number(&x, c, err));
    affine(metadata, &centre, &scale);
    x.fill = ludc_get_float(metadata, "fill_value", 0);
    x.outlier_fill = ludc_get_float(metadata, "outlier_fill_value", 0);
    x.mean = ludc_get_float(metadata, "mean", 0);
    x.reach = ludc_get_float(c->preprocessing, "outlier_threshold", 3) * ludc_get_float(metadata, "std", 0);
    LUDC_TRY(ludc_column_open(out, LUDC_COLUMN_REALS, c->n, 1, err));
    for (size_t i = 0; i < c->n; i++) {
        const size_t row = ludc_cells_row(c, i);
        const double v = value_of(&x, row);
        const bool none = isnan(v);
        if (is_no_number(c, row) && !ludc_cells_is_void(c, row)) ludc_cells_odd(c, row);
        out->missing[i] = none;
        if (!none) LUDC_TRY(normalize(c, row, log, centre, scale, v, &out->reals[i], err));
    }
    c->odd.what = "hold no finite number and count as missing";
    return LUD_OK;
}

void ludc_feature_denormalize(const ludc_value *metadata, float *values, size_t n) {
    const bool log = ludc_text_is(metadata, "normalization", "log1p");
    double centre, scale;
    affine(metadata, &centre, &scale);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(log ? expm1((double)values[i]) : (double)values[i] * scale + centre);
}
