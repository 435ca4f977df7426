/* SPDX-License-Identifier: Apache-2.0
 * Splits: which rows train, validate and test. A random split orders the rows by a keyed permutation and cuts it by the
 * probabilities; a stratified one does so within each value of a column; hash and datetime are split_column.c. */
#include "internal.h"

#include <math.h>
#include <string.h>

void ludc_split_free(ludc_split *s) {
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_free(s->rows[i]);
    *s = (ludc_split){0};
}

/* Turns a split number per row into the three lists, in table order. */
static lud_status collect(const uint8_t *of_row, size_t n, ludc_split *out, lud_error *err) {
    ludc_split s = {0};
    for (size_t i = 0; i < n; i++)
        s.n[of_row[i]]++;
    for (int k = 0; k < LUDC_N_SPLITS; k++) {
        s.rows[k] = ludc_alloc(s.n[k] * sizeof(*s.rows[k]));
        if (!s.rows[k]) return ludc_split_free(&s), ludc_no_memory(err, NULL);
        s.n[k] = 0;
    }
    for (size_t i = 0; i < n; i++)
        s.rows[of_row[i]][s.n[of_row[i]]++] = (uint32_t)i;
    *out = s;
    return LUD_OK;
}

static lud_status read_probabilities(const ludc_value *cfg, double p[LUDC_N_SPLITS], lud_error *err) {
    static const double dflt[LUDC_N_SPLITS] = {0.7, 0.1, 0.2};
    const ludc_value *list = ludc_value_get(cfg, "probabilities");
    double sum = 0;
    for (int i = 0; i < LUDC_N_SPLITS; i++) {
        const char index[2] = {(char)('0' + i), 0};
        p[i] = list ? ludc_get_float(list, index, 0.0) : dflt[i];
        if (!(p[i] >= 0) || !isfinite(p[i]))
            return ludc_fail(err, LUD_E_INVALID, "preprocessing.split.probabilities: want numbers >= 0");
        sum += p[i];
    }
    if (!(sum > 0)) return ludc_fail(err, LUD_E_INVALID, "preprocessing.split.probabilities: all are zero");
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        p[i] /= sum;
    return LUD_OK;
}

uint8_t ludc_split_at(size_t i, size_t n, const double p[LUDC_N_SPLITS]) {
    const size_t train = (size_t)llround(p[0] * (double)n);
    const size_t both = LUDC_MIN(n, (size_t)llround((p[0] + p[1]) * (double)n));
    return i < train ? LUDC_TRAIN : i < both ? LUDC_VALIDATION : LUDC_TEST;
}

/* Assigns members[permuted] of one group by the probabilities. */
static void cut(const uint32_t *members, size_t n, const double p[LUDC_N_SPLITS], uint64_t key, uint8_t *of_row) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t at = ludc_permute(key, n, i);
        of_row[members ? members[at] : at] = ludc_split_at(i, n, p);
    }
}

/* Numbers the values of a column in order of appearance; first[g] = rows with a smaller number, first[n_groups] = n. */
static bool group_rows(const ludc_table *t, size_t column, uint32_t *group, uint32_t *first, size_t *n_groups) {
    ludc_map *groups = ludc_map_new(64);
    bool ok = groups != NULL;
    for (size_t i = 0; ok && i < ludc_table_rows(t); i++) {
        const lud_str value = ludc_table_cell(t, i, column);
        int64_t g = (int64_t)ludc_map_len(groups);
        if (!ludc_map_get(groups, value, &g)) ok = ludc_map_put(groups, value, g);
        group[i] = (uint32_t)g;
        first[g + 1]++;
    }
    *n_groups = groups ? ludc_map_len(groups) : 0;
    for (size_t g = 0; g < *n_groups; g++)
        first[g + 1] += first[g];
    ludc_map_free(groups);
    return ok;
}

static lud_status stratify(const ludc_table *t, size_t column, const double p[LUDC_N_SPLITS], uint64_t seed,
                           uint8_t *of_row, lud_error *err) {
    const size_t n = ludc_table_rows(t);
    size_t n_groups = 0;
    uint32_t *group = ludc_alloc(n * sizeof(*group)), *members = ludc_alloc(n * sizeof(*members));
    uint32_t *first = ludc_alloc((n + 1) * sizeof(*first)), *used = ludc_alloc((n + 1) * sizeof(*used));
    bool ok = group && members && first && used && group_rows(t, column, group, first, &n_groups);
    for (size_t i = 0; ok && i < n; i++)
        members[first[group[i]] + used[group[i]]++] = (uint32_t)i;
    for (size_t g = 0; ok && g < n_groups; g++)
        cut(members + first[g], first[g + 1] - first[g], p, lud_row_key(seed, 1, g), of_row);
    ludc_free(group);
    ludc_free(members);
    ludc_free(first);
    ludc_free(used);
    return ok ? LUD_OK : ludc_no_memory(err, NULL);
}

static lud_status fixed(const ludc_table *t, const char *path, size_t column, uint8_t *of_row, lud_error *err) {
    static const char *const words[LUDC_N_SPLITS][3] = {
        {"0", "train", "training"}, {"1", "validation", "val"}, {"2", "test", "testing"}};
    for (size_t i = 0; i < ludc_table_rows(t); i++) {
        const lud_str value = ludc_str_trim(ludc_table_cell(t, i, column));
        int split = -1;
        for (int k = 0; k < LUDC_N_SPLITS; k++)
            for (size_t w = 0; w < 3; w++)
                if (ludc_str_eq(value, words[k][w])) split = k;
        if (split < 0)
            return ludc_fail(err, LUD_E_DATA, "%s: row %zu: split '%.*s': want 0, 1 or 2 (train, validation, test)",
                             path, i + 1, (int)value.len, value.ptr ? value.ptr : "");
        of_row[i] = (uint8_t)split;
    }
    return LUD_OK;
}

static lud_status assign(const ludc_table *t, const char *path, const ludc_value *cfg, bool use_split_column,
                         uint64_t seed, uint8_t *of_row, lud_error *err) {
    const lud_str type = ludc_get_str(cfg, "type", LUDC_STR("random"));
    const int64_t own = use_split_column ? ludc_table_column(t, LUDC_STR("split")) : -1;
    double p[LUDC_N_SPLITS];
    size_t column;
    if (own >= 0) return fixed(t, path, (size_t)own, of_row, err);
    if (ludc_str_eq(type, "fixed")) {
        LUDC_TRY(ludc_table_need(t, path, ludc_get_str(cfg, "column", LUDC_STR("split")), &column, err));
        return fixed(t, path, column, of_row, err);
    }
    LUDC_TRY(read_probabilities(cfg, p, err));
    if (!ludc_str_eq(type, "random")) {
        LUDC_TRY(ludc_table_need(t, path, ludc_get_text(cfg, "column"), &column, err));
        if (ludc_str_eq(type, "hash")) return ludc_split_hash(t, column, p, of_row, err);
        if (ludc_str_eq(type, "datetime")) return ludc_split_datetime(t, path, column, p, of_row, err);
        return stratify(t, column, p, seed, of_row, err);
    }
    cut(NULL, ludc_table_rows(t), p, lud_row_key(seed, 0, 0), of_row);
    return LUD_OK;
}

lud_status ludc_split_make(const ludc_table *t, const char *path, const ludc_value *cfg, bool use_split_column,
                           uint64_t seed, ludc_split *out, lud_error *err) {
    uint8_t *of_row = ludc_alloc(ludc_table_rows(t));
    lud_status status = of_row ? assign(t, path, cfg, use_split_column, seed, of_row, err) : ludc_no_memory(err, NULL);
    if (status == LUD_OK) status = collect(of_row, ludc_table_rows(t), out, err);
    ludc_free(of_row);
    return status;
}

lud_status ludc_split_fold(size_t n, size_t k, size_t fold, uint64_t seed, ludc_split *out, lud_error *err) {
    uint8_t *of_row = ludc_alloc(LUDC_MAX(n, 1));
    if (!of_row) return ludc_no_memory(err, NULL);
    for (size_t i = 0; i < n; i++)
        of_row[ludc_permute(lud_row_key(seed, 0, 0), n, i)] = i % k == fold ? LUDC_TEST : LUDC_TRAIN;
    const lud_status status = collect(of_row, n, out, err);
    ludc_free(of_row);
    return status;
}
