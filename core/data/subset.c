/* SPDX-License-Identifier: Apache-2.0
 * Fewer or repeated rows: sample_ratio, sample_size, oversample_minority, undersample_majority. Counts are Ludwig's,
 * the choice is a keyed permutation: no row is drawn twice while another has not been drawn. */
#include "feature_internal.h"

#include <math.h>
#include <string.h>

lud_status ludc_rows_sample(const ludc_value *preprocessing, uint64_t seed, uint32_t *rows, size_t *n, lud_error *err) {
    const double ratio = ludc_get_float(preprocessing, "sample_ratio", 1);
    const int64_t size = ludc_get_int(preprocessing, "sample_size", 0);
    size_t wanted = ratio < 1 ? (size_t)llround(ratio * (double)*n) : *n;
    if (size > 0) wanted = LUDC_MIN(wanted, (size_t)size);
    if (wanted == *n) return LUD_OK;
    if (!(ratio > 0) || wanted == 0)
        return ludc_fail(err, LUD_E_DATA, "preprocessing.sample_ratio %g of %zu rows leaves none", ratio, *n);
    uint8_t *keep = ludc_alloc(*n);
    if (!keep) return ludc_no_memory(err, NULL);
    for (size_t i = 0; i < wanted; i++)
        keep[ludc_permute(lud_row_key(seed, 2, 0), *n, i)] = 1;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (keep[i]) rows[kept++] = rows[i];
    ludc_free(keep);
    *n = kept;
    return LUD_OK;
}

/* copies[i] of members m: `wanted` in all, as evenly as can be. */
static void spread(uint32_t *copies, const uint32_t *members, size_t m, size_t wanted, uint64_t key) {
    for (size_t i = 0; i < m; i++)
        copies[members[ludc_permute(key, m, i)]] = (uint32_t)(wanted / m + (i < wanted % m));
}

/* Lists the places of both values; returns the minority's value. */
static bool count_values(const ludc_column *target, size_t n, uint32_t *members[2], size_t count[2]) {
    for (size_t i = 0; i < n; i++) {
        if (target->missing && target->missing[i]) continue;
        const bool value = target->reals[i] > 0.5F;
        members[value][count[value]++] = (uint32_t)i;
    }
    return count[1] <= count[0];
}

static lud_status balance(const ludc_column *target, double over, double under, uint64_t seed, uint32_t **rows,
                          size_t *n, uint32_t *scratch, lud_error *err) {
    uint32_t *copies = scratch, *members[2] = {scratch + *n, scratch + 2 * *n};
    size_t count[2] = {0, 0}, total = 0;
    const bool minority = count_values(target, *n, members, count);
    const size_t few = count[minority], many = count[!minority];
    if (few == 0) return ludc_fail(err, LUD_E_DATA, "the training rows hold one value of the output: no balance");
    const size_t more = over > 0 ? LUDC_MAX(few, (size_t)llround(over * (double)many)) : few;
    const size_t less = under > 0 ? (size_t)LUDC_MIN((double)many, floor((double)few / under)) : many;
    spread(copies, members[minority], few, more, lud_row_key(seed, 3, 0));
    spread(copies, members[!minority], many, less, lud_row_key(seed, 3, 1));
    for (size_t i = 0; i < *n; i++)
        total += copies[i];
    uint32_t *list = ludc_alloc(total * sizeof(*list));
    if (!list) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", total);
    for (size_t i = 0, at = 0; i < *n; i++)
        for (uint32_t k = 0; k < copies[i]; k++)
            list[at++] = (*rows)[i];
    ludc_free(*rows);
    *rows = list;
    *n = total;
    return LUD_OK;
}

lud_status ludc_rows_balance(const ludc_value *preprocessing, const ludc_column *target, uint64_t seed, uint32_t **rows,
                             size_t *n, lud_error *err) {
    const double over = ludc_get_float(preprocessing, "oversample_minority", 0);
    const double under = ludc_get_float(preprocessing, "undersample_majority", 0);
    if (!(over > 0) && !(under > 0)) return LUD_OK;
    if (over > 0 && under > 0)
        return ludc_fail(err, LUD_E_INVALID, "preprocessing: oversample_minority or undersample_majority, not both");
    if (target->kind != LUDC_COLUMN_REALS || target->width != 1 || target->rows != *n)
        return ludc_fail(err, LUD_E_INVALID, "preprocessing: classes are balanced for one binary output only");
    uint32_t *scratch = ludc_alloc(3 * *n * sizeof(*scratch));
    if (!scratch) return ludc_no_memory(err, NULL);
    const lud_status status = balance(target, over, under, seed, rows, n, scratch, err);
    ludc_free(scratch);
    return status;
}
