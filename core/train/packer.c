/* SPDX-License-Identifier: Apache-2.0
 * Micro-batches of a predictor's rows: longest first, first fit, by the longest text of each row. Inputs that are
 * given as vectors do not count. */
#include "internal.h"

lud_status ludc_packer_init(ludc_packer *k, const ludc_predictor *p, const ludc_task_rows *const *data, size_t n_data,
                            int64_t cap_S, size_t window, lud_error *err) {
    int64_t longest = 1;
    for (size_t i = 0; i < n_data; i++)
        for (size_t row = 0; row < data[i]->n; row++)
            longest = LUDC_MAX(longest, ludc_task_row_length(p, data[i], row));
    *k = (ludc_packer){.cap_S = cap_S, .window = window};
    k->cap_T = LUDC_MIN(LUDC_MAX(longest, LUDC_MICRO_BATCH_TOKENS), longest * cap_S);
    k->rows = ludc_alloc(window * sizeof(*k->rows));
    k->list = ludc_alloc(window * sizeof(*k->list));
    k->room = ludc_alloc(window * sizeof(*k->room));
    k->groups = ludc_alloc(window * sizeof(*k->groups));
    k->members = ludc_alloc(window * sizeof(*k->members));
    k->numbers = ludc_alloc(window * sizeof(*k->numbers));
    if (k->rows && k->list && k->room && k->groups && k->members && k->numbers) return LUD_OK;
    ludc_packer_free(k);
    return ludc_fail(err, LUD_E_NOMEM, "out of memory to pack %zu rows", window);
}

void ludc_packer_free(ludc_packer *k) {
    ludc_free(k->rows);
    ludc_free(k->list);
    ludc_free(k->room);
    ludc_free(k->groups);
    ludc_free(k->members);
    ludc_free(k->numbers);
    *k = (ludc_packer){0};
}

lud_status ludc_packer_pack(ludc_packer *k, const ludc_predictor *p, const ludc_task_rows *data, const uint32_t *rows,
                            size_t n, int64_t *n_groups, lud_error *err) {
    for (size_t i = 0; i < n; i++) {
        k->rows[i] = (ludc_row){.len = (int32_t)ludc_task_row_length(p, data, rows[i])};
        k->list[i] = &k->rows[i];
    }
    *n_groups = ludc_pack(k->list, n, k->cap_T, k->cap_S, k->room, k->groups);
    if (*n_groups >= 0) return LUD_OK;
    return ludc_fail(err, LUD_E_INTERNAL, "a row is longer than the plan of %lld tokens", (long long)k->cap_T);
}

int64_t ludc_packer_group(ludc_packer *k, const uint32_t *rows, size_t n, int64_t g) {
    int64_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (k->groups[i] != (uint32_t)g) continue;
        k->members[m] = (uint32_t)i;
        k->numbers[m++] = rows[i];
    }
    return m;
}
