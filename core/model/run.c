/* SPDX-License-Identifier: Apache-2.0
 * Programs of a model and running them over packed batches. A run is planned for its maxima; each call checks every
 * id, index and offset that it passes on, so that no kernel can read outside its tensors. Runs allocate nothing. */
#include "prefix.h"
#include "run.h"

#include <string.h>

/* ---- Making ---- */
static lud_status collect_roots(ludc_run *r, lud_t *roots, size_t *n, lud_error *err) {
    const ludc_built *b = &r->built;
    *n = 0;
    if (r->kind == LUDC_RUN_LOGITS || r->kind == LUDC_RUN_DECODE) {
        roots[(*n)++] = b->pred;
    } else if (r->kind == LUDC_RUN_ENCODE) {
        roots[(*n)++] = b->tokens;
    } else {
        roots[(*n)++] = b->row_loss;
        if (b->argmax) roots[(*n)++] = b->argmax;
        if (b->row_weight && b->row_weight != b->weights) roots[(*n)++] = b->row_weight;
    }
    return r->hidden ? ludc_run_hidden_roots(r, roots, n, err) : LUD_OK;
}

static lud_status compile(ludc_run *r, lud_error *err) {
    ludc_model *m = r->model;
    bool backward = r->kind == LUDC_RUN_TRAIN;
    size_t n = 0;
    lud_t *roots = ludc_alloc(((size_t)m->info.layers + 8) * sizeof *roots);
    if (!roots) return ludc_no_memory(err, "program");
    lud_status status = ludc_model_build(m, m->store, r->kind, &r->caps, backward, &r->built, err);
    if (status == LUD_OK) status = collect_roots(r, roots, &n, err);
    if (status == LUD_OK) status = ludc_program_new(r->built.g, roots, n, m->devices, m->store, &r->program, err);
    ludc_graph_free(r->built.g);
    r->built.g = NULL;
    ludc_free(roots);
    return status;
}

static lud_status check_caps(const ludc_model *m, int kind, const ludc_run_caps *c, lud_error *err) {
    bool decode = kind == LUDC_RUN_DECODE;
    if (c->T < 1 || c->S < 1 || c->N < 1 || c->T > INT32_MAX || c->S > c->T) {
        return ludc_fail(err, LUD_E_INVALID, "program: T %lld, S %lld, N %lld out of range", (long long)c->T,
                         (long long)c->S, (long long)c->N);
    }
    if (decode && (c->page_size < 1 || c->pages_per_segment < 1 || c->n_pages < 1))
        return ludc_fail(err, LUD_E_INVALID, "program: decoding needs page_size, pages_per_segment and n_pages");
    if (kind != LUDC_RUN_TRAIN || m->info.n_trainable > 0) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "the model was not opened for training, or nothing in it can be trained");
}

/* Host staging: what is read back as reals of the program's type, or written as such. */
static lud_status make_scratch(ludc_run *r, lud_error *err) {
    const ludc_run_caps *c = &r->caps;
    size_t n = (size_t)c->N, real = r->model->real == LUD_F64 ? sizeof(double) : sizeof(float);
    size_t wide = LUDC_MAX(n, 1);
    if (r->model->real == LUD_F64) {
        size_t v = (size_t)r->model->info.vocab_size, w = (size_t)r->model->info.width;
        wide = LUDC_MAX(n * v, (size_t)c->T * w);
    }
    r->reals = ludc_alloc(wide * real);
    r->row_loss = ludc_alloc(n * sizeof *r->row_loss);
    r->row_weight = ludc_alloc(n * sizeof *r->row_weight);
    if (r->reals && r->row_loss && r->row_weight) return LUD_OK;
    return ludc_no_memory(err, "program");
}

lud_status ludc_run_new(ludc_model *m, int kind, const ludc_run_caps *caps, ludc_run **out, lud_error *err) {
    LUDC_TRY(check_caps(m, kind, caps, err));
    ludc_run *r = ludc_alloc(sizeof *r);
    if (!r) return ludc_no_memory(err, "program");
    r->model = m;
    r->kind = kind;
    r->caps = *caps;
    lud_status status = LUD_OK;
    if (caps->hidden) {
        r->hidden = ludc_alloc(((size_t)m->info.layers + 2) * sizeof *r->hidden);
        if (!r->hidden) status = ludc_no_memory(err, "program");
    }
    if (status == LUD_OK) status = make_scratch(r, err);
    if (status == LUD_OK) status = compile(r, err);
    if (status == LUD_OK && r->built.prefix) status = ludc_prefix_room(m, caps->T, caps->S, err);
    if (status == LUD_OK) return *out = r, LUD_OK;
    ludc_run_free(r);
    return status;
}

void ludc_run_free(ludc_run *r) {
    if (!r) return;
    ludc_program_free(r->program);
    ludc_free(r->hidden);
    ludc_free(r->reals);
    ludc_free(r->row_loss);
    ludc_free(r->row_weight);
    ludc_free(r);
}

ludc_program_stats ludc_run_stat(const ludc_run *r) {
    return ludc_program_stat(r->program);
}

/* ---- Checks ---- */
static lud_status in_range(const char *what, const int32_t *v, int64_t n, int64_t max, lud_error *err) {
    for (int64_t i = 0; i < n; i++) {
        if (v[i] >= 0 && v[i] < max) continue;
        return ludc_fail(err, LUD_E_INVALID, "%s %lld is %d, want 0 to %lld", what, (long long)i, v[i],
                         (long long)max - 1);
    }
    return LUD_OK;
}

static lud_status check_tokens(const ludc_run *r, const ludc_run_tokens *t, lud_error *err) {
    const ludc_run_caps *c = &r->caps;
    if (t->T < 1 || t->T > c->T || t->S < 1 || t->S > c->S || t->N < 0 || t->N > c->N) {
        return ludc_fail(
            err, LUD_E_INVALID, "batch of %lld tokens, %lld segments, %lld rows; the program holds %lld, %lld, %lld",
            (long long)t->T, (long long)t->S, (long long)t->N, (long long)c->T, (long long)c->S, (long long)c->N);
    }
    LUDC_TRY(in_range("token id", t->ids, t->T, r->model->info.vocab_size, err));
    LUDC_TRY(in_range("position", t->positions, t->T, INT32_MAX, err));
    LUDC_TRY(in_range("row", t->rows, t->N, t->T, err));
    bool ordered = t->seg_offsets[0] == 0 && t->seg_offsets[t->S] == t->T;
    for (int64_t s = 0; s < t->S; s++)
        ordered = ordered && t->seg_offsets[s] <= t->seg_offsets[s + 1];
    return ordered ? LUD_OK : ludc_fail(err, LUD_E_INVALID, "segment offsets do not cut the batch into segments");
}

static lud_status check_pages(const ludc_run *r, const ludc_run_tokens *t, lud_error *err) {
    const ludc_run_caps *c = &r->caps;
    if (!t->page_table) return ludc_fail(err, LUD_E_INVALID, "decoding needs a page table");
    LUDC_TRY(in_range("page", t->page_table, t->S * c->pages_per_segment, c->n_pages, err));
    return in_range("position", t->positions, t->T, c->page_size * c->pages_per_segment, err);
}

/* ---- Writing and reading ---- */
static lud_status put(ludc_run *r, lud_t input, const void *data, int64_t n, lud_error *err) {
    return ludc_program_write(r->program, input, data, (size_t)n * sizeof(int32_t), err);
}

static lud_status put_reals(ludc_run *r, lud_t input, const float *data, int64_t n, lud_error *err) {
    if (r->model->real == LUD_F32) return put(r, input, data, n, err);
    double *wide = r->reals;
    for (int64_t i = 0; i < n; i++)
        wide[i] = (double)data[i];
    return ludc_program_write(r->program, input, wide, (size_t)n * sizeof *wide, err);
}

lud_status ludc_run_take_reals(ludc_run *r, lud_t root, float *out, int64_t n, lud_error *err) {
    if (r->model->real == LUD_F32) return ludc_program_read(r->program, root, out, (size_t)n * sizeof *out, err);
    const double *wide = r->reals;
    LUDC_TRY(ludc_program_read(r->program, root, r->reals, (size_t)n * sizeof *wide, err));
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)wide[i];
    return LUD_OK;
}

static lud_status put_tokens(ludc_run *r, const ludc_run_tokens *t, lud_error *err) {
    const ludc_built *b = &r->built;
    LUDC_TRY(put(r, b->ids, t->ids, t->T, err));
    LUDC_TRY(put(r, b->positions, t->positions, t->T, err));
    LUDC_TRY(put(r, b->seg_offsets, t->seg_offsets, t->S + 1, err));
    return t->N ? put(r, b->rows, t->rows, t->N, err) : LUD_OK;
}

static lud_status execute(ludc_run *r, const ludc_run_tokens *t, lud_error *err) {
    const ludc_built *b = &r->built;
    int64_t extents[5] = {0};
    extents[b->e_t] = t->T;
    extents[b->e_s] = t->S;
    extents[b->e_offsets] = t->S + 1;
    extents[b->e_n] = t->N;
    r->T = t->T;
    return ludc_program_run(r->program, extents, LUDC_COUNT(extents), err);
}

/* ---- Loss and gradients ---- */
static lud_status put_prefix(ludc_run *r, const ludc_run_tokens *t, lud_error *err) {
    const float *values;
    int64_t width;
    LUDC_TRY(ludc_prefix_take(r->model, t, &values, &width, err));
    return put(r, r->built.prefix, values, t->T * width, err); /* a prefix is of fp32 programs only */
}

static lud_status put_batch(ludc_run *r, const ludc_batch *batch, const ludc_run_tokens *t, float loss_scale,
                            lud_error *err) {
    const ludc_built *b = &r->built;
    LUDC_TRY(put_tokens(r, t, err));
    LUDC_TRY(put(r, b->targets, batch->targets, batch->N, err));
    LUDC_TRY(put_reals(r, b->weights, batch->weights, batch->N, err));
    if (b->prefix) LUDC_TRY(put_prefix(r, t, err));
    if (r->kind != LUDC_RUN_TRAIN) return LUD_OK;
    LUDC_TRY(put(r, b->row_keys, batch->row_keys, 2 * batch->T, err));
    return put_reals(r, b->loss_scale, &loss_scale, 1, err);
}

static lud_status take_losses(ludc_run *r, const ludc_batch *batch, ludc_run_result *out, lud_error *err) {
    const ludc_built *b = &r->built;
    const float *weight = batch->weights;
    LUDC_TRY(ludc_run_take_reals(r, b->row_loss, r->row_loss, batch->N, err));
    if (b->row_weight && b->row_weight != b->weights) {
        LUDC_TRY(ludc_run_take_reals(r, b->row_weight, r->row_weight, batch->N, err));
        weight = r->row_weight;
    }
    for (int64_t i = 0; i < batch->N; i++) {
        out->loss_sum += (double)weight[i] * (double)r->row_loss[i];
        out->weight_sum += (double)weight[i];
    }
    if (out->row_loss) memcpy(out->row_loss, r->row_loss, (size_t)batch->N * sizeof *out->row_loss);
    if (!out->argmax) return LUD_OK;
    if (!b->argmax) return ludc_fail(err, LUD_E_UNSUPPORTED, "this decoder has no most likely class");
    return ludc_program_read(r->program, b->argmax, out->argmax, (size_t)batch->N * sizeof *out->argmax, err);
}

lud_status ludc_run_batch(ludc_run *r, const ludc_batch *batch, float loss_scale, ludc_run_result *result,
                          lud_error *err) {
    const ludc_run_tokens t = {.T = batch->T,
                               .S = batch->S,
                               .N = batch->N,
                               .ids = batch->ids,
                               .positions = batch->positions,
                               .seg_offsets = batch->seg_offsets,
                               .rows = batch->target_rows};
    ludc_run_result mine = {0}, *out = result ? result : &mine;
    if (r->kind != LUDC_RUN_TRAIN && r->kind != LUDC_RUN_LOSS)
        return ludc_fail(err, LUD_E_INVALID, "this program has no loss");
    out->loss_sum = out->weight_sum = 0.0;
    /* Without targets there is neither loss nor gradient. */
    if (batch->N == 0) return LUD_OK;
    LUDC_TRY(check_tokens(r, &t, err));
    LUDC_TRY(in_range("target id", batch->targets, batch->N, r->model->info.vocab_size, err));
    LUDC_TRY(put_batch(r, batch, &t, loss_scale, err));
    LUDC_TRY(execute(r, &t, err));
    return take_losses(r, batch, out, err);
}

/* ---- Hidden states and predictions ---- */
lud_status ludc_run_encode(ludc_run *r, const ludc_run_tokens *t, int64_t width, float *out, lud_error *err) {
    LUDC_TRY(check_tokens(r, t, err));
    LUDC_TRY(put_tokens(r, t, err));
    LUDC_TRY(execute(r, t, err));
    return ludc_run_take_reals(r, r->built.tokens, out, t->T * width, err);
}

lud_status ludc_run_logits(ludc_run *r, const ludc_run_tokens *t, float *logits, lud_error *err) {
    if (r->kind != LUDC_RUN_LOGITS && r->kind != LUDC_RUN_DECODE)
        return ludc_fail(err, LUD_E_INVALID, "this program has no predictions");
    LUDC_TRY(check_tokens(r, t, err));
    if (r->kind == LUDC_RUN_DECODE) LUDC_TRY(check_pages(r, t, err));
    LUDC_TRY(put_tokens(r, t, err));
    if (r->kind == LUDC_RUN_DECODE)
        LUDC_TRY(put(r, r->built.page_table, t->page_table, t->S * r->caps.pages_per_segment, err));
    LUDC_TRY(execute(r, t, err));
    if (t->N == 0) return LUD_OK;
    return ludc_run_take_reals(r, r->built.pred, logits, t->N * r->model->info.vocab_size, err);
}
