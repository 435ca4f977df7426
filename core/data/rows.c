/* SPDX-License-Identifier: Apache-2.0
 * Rows of token ids: prompt + target, cut on the right. Counts what was cut, so that it can be said. */
#include "internal.h"

lud_status ludc_rows_add(ludc_rows *r, const int32_t *prompt, size_t n_prompt, const int32_t *target, size_t n_target,
                         uint64_t row, size_t max_len, lud_error *err) {
    if (!ludc_grow(&r->ptr, r->len, &r->cap, sizeof(*r->ptr)))
        return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", r->len);
    const size_t len = LUDC_MIN(n_prompt + n_target, LUDC_MIN(max_len, (size_t)INT32_MAX));
    const size_t kept_prompt = LUDC_MIN(n_prompt, len);
    LUDC_TRY(ludc_spill_add(&r->adding, prompt, kept_prompt * sizeof(*prompt), err));
    LUDC_TRY(ludc_spill_add(&r->adding, target, (len - kept_prompt) * sizeof(*target), err));
    r->ptr[r->len++] = (ludc_row){.len = (int32_t)len, .prompt_len = (int32_t)kept_prompt, .row = row};
    /* The first token of a row has nothing before it that could predict it. */
    const size_t targets = len - LUDC_MAX(kept_prompt, 1) + (len == 0);
    r->tokens += len;
    r->target_tokens += targets;
    r->truncated += len < n_prompt + n_target;
    r->without_target += targets == 0;
    return LUD_OK;
}

void ludc_rows_place(ludc_rows *r) {
    int32_t *at = r->ids;
    for (size_t i = 0; i < r->len; i++) {
        r->ptr[i].ids = at;
        if (r->ptr[i].len) at += r->ptr[i].len; /* without any token ids is NULL */
    }
}

lud_status ludc_rows_end(ludc_rows *r, lud_error *err) {
    LUDC_TRY(ludc_spill_end(&r->adding, &r->spilled, err));
    const void *ids = r->spilled.ptr ? (const void *)r->spilled.ptr : r->adding.held.ptr;
    r->ids = (int32_t *)(uintptr_t)ids;
    r->adding = (ludc_spill){0};
    ludc_rows_place(r);
    return LUD_OK;
}

void ludc_rows_free(ludc_rows *r) {
    ludc_spill_free(&r->adding);
    if (!r->spilled.ptr) ludc_free(r->ids);
    if (!r->borrowed) ludc_file_unmap(&r->spilled);
    ludc_free(r->ptr);
    *r = (ludc_rows){0};
}
