/* SPDX-License-Identifier: Apache-2.0
 * Rows of a reference file without their padding, packed into one batch, with targets from the shifted labels,
 * if there are any. */
#include "golden.h"

#include <string.h>

static int64_t int_at(const ludc_file_tensor *t, int64_t i) {
    int64_t v = 0;
    memcpy(&v, t->data + i * (int64_t)sizeof v, sizeof v);
    return v;
}

static const ludc_file_tensor *ints(const ludc_tensors *file, const char *name, lud_error *err) {
    const ludc_file_tensor *t = ludc_tensors_find(file, ludc_str(name));
    if (t && t->dtype == LUDC_I64 && t->rank == 2) return t;
    (void)ludc_fail(err, LUD_E_DATA, "the reference has no I64 matrix '%s'", name);
    return NULL;
}

static void add_token(golden_rows *out, const ludc_file_tensor *ids, size_t at, int32_t position) {
    ludc_batch *b = &out->batch;
    b->ids[b->T] = (int32_t)int_at(ids, (int64_t)at);
    b->positions[b->T] = position;
    out->all_rows[b->T] = (int32_t)b->T;
    out->padded[b->T] = at;
    b->T++;
}

/* The token at `at` predicts the label after it, if that one counts. */
static void add_target(golden_rows *out, const ludc_file_tensor *labels, size_t at) {
    ludc_batch *b = &out->batch;
    int64_t label = int_at(labels, (int64_t)at + 1);
    if (label < 0) return;
    b->target_rows[b->N] = (int32_t)b->T - 1;
    b->targets[b->N] = (int32_t)label;
    b->weights[b->N] = 1.0f;
    b->N++;
}

lud_status golden_rows_read(const ludc_tensors *reference, golden_rows *out, lud_error *err) {
    const ludc_file_tensor *ids = ints(reference, "input_ids", err);
    const ludc_file_tensor *mask = ids ? ints(reference, "attention_mask", err) : NULL;
    const ludc_file_tensor *labels = NULL;
    *out = (golden_rows){0};
    if (!mask) return LUD_E_DATA;
    if (ludc_tensors_find(reference, LUDC_STR("labels"))) {
        labels = ints(reference, "labels", err);
        if (!labels) return LUD_E_DATA;
    }
    int64_t rows = ids->dim[0], columns = ids->dim[1];
    LUDC_TRY(ludc_batch_init(&out->batch, ids->count, rows, err));
    out->all_rows = ludc_alloc((size_t)ids->count * sizeof *out->all_rows);
    out->padded = ludc_alloc((size_t)ids->count * sizeof *out->padded);
    if (!out->all_rows || !out->padded) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    ludc_batch_clear(&out->batch);
    for (int64_t r = 0; r < rows; r++) {
        int32_t position = 0;
        for (int64_t c = 0; c < columns; c++) {
            size_t at = (size_t)(r * columns + c);
            if (!int_at(mask, (int64_t)at)) continue;
            add_token(out, ids, at, position++);
            if (labels && c + 1 < columns && int_at(mask, (int64_t)at + 1)) add_target(out, labels, at);
        }
        if (position > out->longest) out->longest = position;
        out->batch.seg_offsets[++out->batch.S] = (int32_t)out->batch.T;
    }
    return LUD_OK;
}

void golden_rows_free(golden_rows *r) {
    ludc_batch_free(&r->batch);
    ludc_free(r->all_rows);
    ludc_free(r->padded);
}

ludc_run_tokens golden_tokens(const golden_rows *r) {
    const ludc_batch *b = &r->batch;
    return (ludc_run_tokens){.T = b->T,
                             .S = b->S,
                             .N = b->T,
                             .ids = b->ids,
                             .positions = b->positions,
                             .seg_offsets = b->seg_offsets,
                             .rows = r->all_rows};
}
