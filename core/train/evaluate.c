/* SPDX-License-Identifier: Apache-2.0
 * Metrics of a split: rows are packed into micro-batches and run without gradients. A row's numbers do not depend on
 * the packing. */
#include <math.h>

#include "internal.h"

/* Rows looked at together when packing: large enough to fill micro-batches, small enough to bound the sort. */
#define PACK_WINDOW 512

struct ludc_evaluator {
    ludc_run *run;
    ludc_batch batch;
    const ludc_row **window;
    ludc_pack_item *room;
    uint32_t *groups;
    float *row_loss;
    int32_t *argmax;
    int64_t cap_T, cap_S;
};

typedef struct totals {
    double loss, row_perplexity;
    uint64_t correct, tokens, rows;
} totals;

int64_t ludc_rows_longest(const ludc_rows *rows) {
    int64_t longest = 1;
    for (size_t i = 0; i < rows->len; i++)
        longest = LUDC_MAX(longest, rows->ptr[i].len);
    return longest;
}

void ludc_evaluator_free(ludc_evaluator *e) {
    if (!e) return;
    ludc_run_free(e->run);
    ludc_batch_free(&e->batch);
    ludc_free(e->window);
    ludc_free(e->room);
    ludc_free(e->groups);
    ludc_free(e->row_loss);
    ludc_free(e->argmax);
    ludc_free(e);
}

static lud_status evaluator_init(ludc_evaluator *e, ludc_model *model, lud_error *err) {
    const ludc_run_caps caps = {.T = e->cap_T, .S = e->cap_S, .N = e->cap_T};
    e->window = ludc_alloc(PACK_WINDOW * sizeof(*e->window));
    e->room = ludc_alloc(PACK_WINDOW * sizeof(*e->room));
    e->groups = ludc_alloc(PACK_WINDOW * sizeof(*e->groups));
    e->row_loss = ludc_alloc((size_t)e->cap_T * sizeof(*e->row_loss));
    e->argmax = ludc_alloc((size_t)e->cap_T * sizeof(*e->argmax));
    if (!e->window || !e->room || !e->groups || !e->row_loss || !e->argmax) return ludc_no_memory(err, "evaluation");
    LUDC_TRY(ludc_batch_init(&e->batch, e->cap_T, e->cap_S, err));
    return ludc_run_new(model, LUDC_RUN_LOSS, &caps, &e->run, err);
}

lud_status ludc_evaluator_new(ludc_model *model, const ludc_rows *const *splits, size_t n_splits, ludc_evaluator **out,
                              lud_error *err) {
    ludc_evaluator *e = ludc_alloc(sizeof(*e));
    if (!e) return ludc_no_memory(err, "evaluation");
    e->cap_T = LUDC_MICRO_BATCH_TOKENS;
    for (size_t i = 0; i < n_splits; i++)
        e->cap_T = LUDC_MAX(e->cap_T, ludc_rows_longest(splits[i]));
    e->cap_S = LUDC_MIN(e->cap_T, PACK_WINDOW);
    const lud_status status = evaluator_init(e, model, err);
    if (status == LUD_OK) return *out = e, LUD_OK;
    ludc_evaluator_free(e);
    return status;
}

/* Splits the losses of a micro-batch back into its segments: target rows of one segment are neighbours. */
static void add_batch(const ludc_evaluator *e, totals *t) {
    const ludc_batch *b = &e->batch;
    int64_t n = 0;
    for (int64_t s = 0; s < b->S; s++) {
        double loss = 0.0;
        const int64_t first = n;
        for (; n < b->N && b->target_rows[n] < b->seg_offsets[s + 1]; n++) {
            loss += (double)e->row_loss[n];
            t->correct += e->argmax[n] == b->targets[n];
        }
        const int64_t count = n - first;
        t->rows++;
        t->tokens += (uint64_t)count;
        t->loss += loss;
        if (count > 0) t->row_perplexity += exp(loss / (double)count);
    }
}

static lud_status run_window(ludc_evaluator *e, size_t n, totals *t, lud_error *err) {
    const int64_t n_groups = ludc_pack(e->window, n, e->cap_T, e->cap_S, e->room, e->groups);
    if (n_groups < 0)
        return ludc_fail(err, LUD_E_INTERNAL, "evaluation: a row is longer than the plan of %lld tokens",
                         (long long)e->cap_T);
    for (int64_t g = 0; g < n_groups; g++) {
        ludc_batch_clear(&e->batch);
        for (size_t i = 0; i < n; i++)
            if (e->groups[i] == (uint32_t)g) ludc_batch_add(&e->batch, e->window[i], 0, 0);
        ludc_run_result result = {.row_loss = e->row_loss, .argmax = e->argmax};
        LUDC_TRY(ludc_run_batch(e->run, &e->batch, 0.0f, &result, err));
        add_batch(e, t);
        if (ludc_cancel_requested() > 1) return ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    }
    return LUD_OK;
}

lud_status ludc_evaluator_run(ludc_evaluator *e, const ludc_rows *rows, int64_t limit, ludc_metrics *out,
                              lud_error *err) {
    totals t = {0};
    const size_t n_rows = limit < 0 ? rows->len : LUDC_MIN(rows->len, (size_t)limit);
    for (size_t i = 0; i < n_rows;) {
        size_t n = 0;
        for (; i < n_rows && n < PACK_WINDOW; i++)
            if (rows->ptr[i].len > LUDC_MAX(1, rows->ptr[i].prompt_len)) e->window[n++] = &rows->ptr[i];
        LUDC_TRY(run_window(e, n, &t, err));
    }
    const double tokens = (double)LUDC_MAX(t.tokens, 1);
    *out = (ludc_metrics){
        .loss = t.loss / tokens,
        .perplexity = exp(t.loss / tokens),
        .token_accuracy = (double)t.correct / tokens,
        .next_token_perplexity = t.row_perplexity / (double)LUDC_MAX(t.rows, 1),
        .target_tokens = t.tokens,
        .rows = t.rows,
    };
    return LUD_OK;
}

lud_status ludc_evaluate_rows(ludc_model *model, const ludc_rows *rows, ludc_metrics *out, lud_error *err) {
    ludc_evaluator *e = NULL;
    LUDC_TRY(ludc_evaluator_new(model, &rows, 1, &e, err));
    const lud_status status = ludc_evaluator_run(e, rows, -1, out, err);
    ludc_evaluator_free(e);
    return status;
}
