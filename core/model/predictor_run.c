/* SPDX-License-Identifier: Apache-2.0
 * Programs of a predictor over rows of encoded columns. A run gathers the rows it is given into staging memory made
 * once, so a step allocates nothing. */
#include "prefix.h"
#include "tower.h"

#include <string.h>

enum { GATHER_GRAIN = 16384 }; /* reals that are not worth waking a thread for */

struct ludc_task_run {
    ludc_predictor *p;
    int kind;
    int64_t T, S;
    size_t input; /* ENCODE */
    ludc_built_task built;
    ludc_program *program;
    int32_t *ids, *positions, *offsets, *keys; /* [T], [T], [S+1], [2 max(T,S)] */
    float *reals;                              /* [S, widest input, output or 1] */
    double *wide;                              /* the same in double, when the program is */
    int64_t *extents;                          /* [n_extents]: of rows and their offsets, then two of each list input */
    size_t n_extents;
};

/* ---- Rows ---- */
lud_status ludc_task_rows_init(ludc_task_rows *r, const ludc_predictor *p, lud_error *err) {
    *r = (ludc_task_rows){.inputs = ludc_alloc(p->n_inputs * sizeof *r->inputs),
                          .outputs = ludc_alloc(p->n_outputs * sizeof *r->outputs),
                          .weights = ludc_alloc(p->n_outputs * sizeof *r->weights)};
    if (r->inputs && r->outputs && r->weights) return LUD_OK;
    ludc_task_rows_free(r, p);
    return ludc_no_memory(err, NULL);
}

void ludc_task_rows_free(ludc_task_rows *r, const ludc_predictor *p) {
    for (size_t i = 0; r->inputs && i < p->n_inputs; i++)
        ludc_column_free(&r->inputs[i]);
    for (size_t k = 0; k < p->n_outputs; k++) {
        if (r->outputs) ludc_column_free(&r->outputs[k]);
        if (r->weights) ludc_free(r->weights[k]);
    }
    ludc_free(r->inputs);
    ludc_free(r->outputs);
    ludc_free(r->weights);
    *r = (ludc_task_rows){0};
}

int64_t ludc_task_row_length(const ludc_predictor *p, const ludc_task_rows *r, size_t row) {
    int64_t longest = 1;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_column *c = &r->inputs[i];
        if (c->kind == LUDC_COLUMN_LISTS) longest = LUDC_MAX(longest, c->offsets[row + 1] - c->offsets[row]);
    }
    return longest;
}

/* ---- Making ---- */
static lud_status compile(ludc_task_run *r, lud_error *err) {
    ludc_predictor *p = r->p;
    size_t n = 0;
    lud_t *roots = ludc_alloc((2 * p->n_outputs + 1) * sizeof *roots);
    if (!roots) return ludc_no_memory(err, "program");
    lud_status status = ludc_task_build(p, r->kind, r->T, r->S, r->input, r->kind == LUDC_TASK_TRAIN, &r->built, err);
    if (status == LUD_OK && r->kind == LUDC_TASK_ENCODE) roots[n++] = r->built.in[r->input].rows;
    for (size_t k = 0; status == LUD_OK && r->kind != LUDC_TASK_ENCODE && k < p->n_outputs; k++) {
        if (r->kind != LUDC_TASK_TRAIN) roots[n++] = r->built.out[k].pred;
        if (r->kind != LUDC_TASK_PREDICT) roots[n++] = r->built.out[k].row_loss;
    }
    if (status == LUD_OK) status = ludc_program_new(r->built.g, roots, n, p->devices, p->store, &r->program, err);
    ludc_graph_free(r->built.g);
    r->built.g = NULL;
    ludc_free(roots);
    return status;
}

static lud_status make_room(ludc_task_run *r, lud_error *err) {
    for (size_t i = 0; i < r->p->n_inputs; i++)
        if (r->built.in[i].prefix) LUDC_TRY(ludc_prefix_room(r->p->inputs[i].tower, r->T, r->S, err));
    return LUD_OK;
}

static int64_t widest(const ludc_predictor *p) {
    int64_t n = 1;
    for (size_t i = 0; i < p->n_inputs; i++)
        n = LUDC_MAX(n, LUDC_MAX(p->inputs[i].width, ludc_get_int(p->inputs[i].metadata, "width", 1)));
    for (size_t k = 0; k < p->n_outputs; k++)
        n = LUDC_MAX(n, p->outputs[k].width);
    return n;
}

static lud_status make_staging(ludc_task_run *r, lud_error *err) {
    const size_t t = (size_t)r->T, s = (size_t)r->S, reals = s * (size_t)widest(r->p);
    r->ids = ludc_alloc(LUDC_MAX(t, s) * sizeof *r->ids);
    r->positions = ludc_alloc(LUDC_MAX(t, s) * sizeof *r->positions);
    r->offsets = ludc_alloc((s + 1) * sizeof *r->offsets);
    r->keys = ludc_alloc(2 * LUDC_MAX(t, s) * sizeof *r->keys);
    r->reals = ludc_alloc(reals * sizeof *r->reals);
    if (r->p->real == LUD_F64) r->wide = ludc_alloc(reals * sizeof *r->wide);
    r->n_extents = 2 * r->p->n_inputs + 3;
    r->extents = ludc_alloc(r->n_extents * sizeof *r->extents);
    if (r->extents && r->ids && r->positions && r->offsets && r->keys && r->reals && (r->wide || r->p->real == LUD_F32))
        return LUD_OK;
    return ludc_fail(err, LUD_E_NOMEM, "program: out of memory for %zu rows", s);
}

lud_status ludc_task_run_new(ludc_predictor *p, int kind, int64_t T, int64_t S, size_t input, ludc_task_run **out,
                             lud_error *err) {
    if (kind == LUDC_TASK_TRAIN && p->n_trainable == 0)
        return ludc_fail(err, LUD_E_INVALID, "the model was not opened for training, or nothing in it can be trained");
    ludc_task_run *r = ludc_alloc(sizeof *r);
    if (!r) return ludc_no_memory(err, "program");
    *r = (ludc_task_run){.p = p, .kind = kind, .T = LUDC_MAX(T, 1), .S = LUDC_MAX(S, 1), .input = input};
    lud_status status = compile(r, err);
    if (status == LUD_OK) status = make_room(r, err);
    if (status == LUD_OK) status = make_staging(r, err);
    if (status == LUD_OK) return *out = r, LUD_OK;
    ludc_task_run_free(r);
    return status;
}

lud_status ludc_task_key(ludc_predictor *p, size_t input, uint64_t key[2], lud_error *err) {
    ludc_input *in = &p->inputs[input];
    ludc_built_task b = {0};
    lud_status status = LUD_OK;
    if (!in->rows_key[0] && !in->rows_key[1]) {
        status = ludc_task_build(p, LUDC_TASK_ENCODE, 1, 1, input, false, &b, err);
        if (status == LUD_OK) status = ludc_value_key(b.g, b.in[input].rows, p->host, p->devices, in->rows_key, err);
        ludc_task_built_free(&b);
    }
    memcpy(key, in->rows_key, sizeof in->rows_key);
    return status;
}

void ludc_task_run_free(ludc_task_run *r) {
    if (!r) return;
    ludc_program_free(r->program);
    ludc_task_built_free(&r->built);
    ludc_free(r->ids);
    ludc_free(r->positions);
    ludc_free(r->offsets);
    ludc_free(r->keys);
    ludc_free(r->reals);
    ludc_free(r->wide);
    ludc_free(r->extents);
    ludc_free(r);
}

/* ---- Writing inputs ---- */
static lud_status put(ludc_task_run *r, lud_t input, const void *data, int64_t n, lud_error *err) {
    return input ? ludc_program_write(r->program, input, data, (size_t)n * sizeof(int32_t), err) : LUD_OK;
}

static lud_status put_reals(ludc_task_run *r, lud_t input, int64_t n, lud_error *err) {
    if (!input || r->p->real == LUD_F32) return put(r, input, r->reals, n, err);
    for (int64_t i = 0; i < n; i++)
        r->wide[i] = (double)r->reals[i];
    return ludc_program_write(r->program, input, r->wide, (size_t)n * sizeof *r->wide, err);
}

static void key_at(const ludc_task_run *r, int64_t at, uint64_t row, uint64_t epoch) {
    const uint64_t key = lud_row_key(r->p->seed, epoch, row);
    r->keys[2 * at] = (int32_t)(uint32_t)key;
    r->keys[2 * at + 1] = (int32_t)(uint32_t)(key >> 32);
}

static lud_status put_lists(ludc_task_run *r, const ludc_built_input *x, const ludc_task_rows *d, const ludc_column *c,
                            const uint32_t *rows, int64_t n, uint64_t epoch, int64_t *T, lud_error *err) {
    int64_t t = 0;
    for (int64_t s = 0; s < n; s++) {
        const int64_t begin = c->offsets[rows[s]], len = c->offsets[rows[s] + 1] - begin;
        if (t + len > r->T)
            return ludc_fail(err, LUD_E_INTERNAL, "a micro-batch of more than %lld tokens", (long long)r->T);
        r->offsets[s] = (int32_t)t;
        if (len) memcpy(r->ids + t, c->ids + begin, (size_t)len * sizeof *r->ids); /* without items ids is NULL */
        if (s % 8 == 0) ludc_file_release(&c->spilled); /* rows in any order: each may bring 2 MiB in */
        for (int64_t i = 0; i < len; i++, t++) {
            r->positions[t] = (int32_t)i;
            if (x->row_keys) key_at(r, t, d->first_row + rows[s], epoch);
        }
    }
    r->offsets[n] = (int32_t)t;
    *T = t;
    ludc_file_release(&c->spilled);
    LUDC_TRY(put(r, x->ids, r->ids, t, err));
    LUDC_TRY(put(r, x->positions, r->positions, t, err));
    LUDC_TRY(put(r, x->seg_offsets, r->offsets, n + 1, err));
    LUDC_TRY(put(r, x->row_keys, r->keys, 2 * t, err));
    for (int64_t s = 0; s < n; s++)
        for (int32_t i = r->offsets[s]; i < r->offsets[s + 1]; i++)
            r->keys[i] = (int32_t)s;
    return put(r, x->row_of_token, r->keys, t, err);
}

/* For the tokens that put_lists has just written. */
static lud_status put_prefix(ludc_task_run *r, size_t i, int64_t T, int64_t S, lud_error *err) {
    const ludc_run_tokens t = {.T = T, .S = S, .ids = r->ids, .seg_offsets = r->offsets};
    const float *values;
    int64_t width;
    LUDC_TRY(ludc_prefix_take(r->p->inputs[i].tower, &t, &values, &width, err));
    return put(r, r->built.in[i].prefix, values, T * width, err); /* a prefix is of fp32 programs only */
}

typedef struct gather {
    const ludc_column *from;
    const uint32_t *rows;
    float *to;
} gather;

static const float *reals_at(const gather *g, int64_t s) {
    return g->from->reals + (int64_t)g->rows[s] * g->from->width;
}

/* Rows lie anywhere: a row is asked for while those before it are copied. */
static void gather_reals(void *arg, int64_t begin, int64_t end) {
    enum { AHEAD = 4, LINE = 64 / sizeof(float) };
    const gather *g = arg;
    const int64_t width = g->from->width;
    for (int64_t s = begin; s < end; s++) {
        for (int64_t i = 0; s + AHEAD < end && i < width; i += LINE)
            __builtin_prefetch(reals_at(g, s + AHEAD) + i);
        memcpy(g->to + s * width, reals_at(g, s), (size_t)width * sizeof(float));
    }
}

/* One id or `width` reals of each row; reals go straight to where the device has its inputs, if it is this memory. */
static lud_status put_column(ludc_task_run *r, lud_t ids, lud_t values, const ludc_column *c, const uint32_t *rows,
                             int64_t n, lud_error *err) {
    if (c->kind == LUDC_COLUMN_IDS) {
        for (int64_t s = 0; s < n; s++)
            r->ids[s] = c->ids[rows[s]];
        return put(r, ids, r->ids, n, err);
    }
    float *there = r->p->real == LUD_F32 ? ludc_program_input(r->program, values) : NULL;
    gather g = {.from = c, .rows = rows, .to = there ? there : r->reals};
    ludc_pool_for(ludc_host_pool(r->p->host), n, GATHER_GRAIN / c->width, gather_reals, &g);
    return there ? LUD_OK : put_reals(r, values, n * c->width, err);
}

static lud_status put_outputs(ludc_task_run *r, const ludc_task_rows *d, const uint32_t *rows, int64_t n,
                              const double *scale, lud_error *err) {
    for (size_t k = 0; k < r->p->n_outputs; k++) {
        const ludc_built_output *x = &r->built.out[k];
        if (!x->target) continue;
        LUDC_TRY(put_column(r, x->target, x->target, &d->outputs[k], rows, n, err));
        for (int64_t s = 0; s < n; s++)
            r->reals[s] = d->weights[k][rows[s]];
        LUDC_TRY(put_reals(r, x->weight, n, err));
        if (!x->scale) continue;
        r->reals[0] = (float)scale[k];
        LUDC_TRY(put_reals(r, x->scale, 1, err));
    }
    return LUD_OK;
}

static lud_status put_row_offsets(ludc_task_run *r, int64_t n, lud_error *err) {
    for (int64_t s = 0; s <= n; s++)
        r->offsets[s] = (int32_t)s;
    return put(r, r->built.row_offsets, r->offsets, n + 1, err);
}

static lud_status put_row_keys(ludc_task_run *r, const ludc_task_rows *d, const uint32_t *rows, int64_t n,
                               uint64_t epoch, lud_error *err) {
    if (!r->built.row_keys) return LUD_OK;
    for (int64_t s = 0; s < n; s++) {
        key_at(r, s, d->first_row + rows[s], epoch);
        r->positions[s] = 0;
        r->reals[s] = 1.0f;
    }
    LUDC_TRY(put(r, r->built.row_keys, r->keys, 2 * n, err));
    LUDC_TRY(put(r, r->built.row_positions, r->positions, n, err));
    return put_reals(r, r->built.ones, n, err);
}

/* ---- Reading ---- */
static lud_status take(ludc_task_run *r, lud_t root, float *out, int64_t n, lud_error *err) {
    if (r->p->real == LUD_F32) return ludc_program_read(r->program, root, out, (size_t)n * sizeof *out, err);
    LUDC_TRY(ludc_program_read(r->program, root, r->wide, (size_t)n * sizeof *r->wide, err));
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)r->wide[i];
    return LUD_OK;
}

static lud_status take_results(ludc_task_run *r, const ludc_task_rows *d, const uint32_t *rows, int64_t n,
                               ludc_task_result *out, lud_error *err) {
    const ludc_predictor *p = r->p;
    if (r->kind == LUDC_TASK_ENCODE)
        return take(r, r->built.in[r->input].rows, out->scores[0], n * p->inputs[r->input].width, err);
    for (size_t k = 0; k < p->n_outputs; k++) {
        if (r->kind != LUDC_TASK_TRAIN && out->scores && out->scores[k])
            LUDC_TRY(take(r, r->built.out[k].pred, out->scores[k], n * p->outputs[k].width, err));
        if (r->kind == LUDC_TASK_PREDICT || !out->loss) continue;
        LUDC_TRY(take(r, r->built.out[k].row_loss, r->reals, n, err));
        for (int64_t s = 0; s < n; s++) {
            const double loss = p->real == LUD_F32 ? (double)r->reals[s] : r->wide[s];
            if (d->weights[k][rows[s]] != 0.0f) out->loss[k] += (double)d->weights[k][rows[s]] * loss;
        }
    }
    return LUD_OK;
}

lud_status ludc_task_run_rows(ludc_task_run *r, const ludc_task_rows *d, const uint32_t *rows, int64_t n,
                              uint64_t epoch, const double *scale, ludc_task_result *out, lud_error *err) {
    const ludc_predictor *p = r->p;
    if (n < 1 || n > r->S)
        return ludc_fail(err, LUD_E_INTERNAL, "a micro-batch of %lld rows in a program for %lld", (long long)n,
                         (long long)r->S);
    r->extents[r->built.e_s] = n;
    r->extents[r->built.e_offsets] = n + 1;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const ludc_built_input *x = &r->built.in[i];
        int64_t T = 0;
        if (r->kind == LUDC_TASK_ENCODE && i != r->input) continue;
        if (!x->e_t) {
            LUDC_TRY(put_column(r, x->ids, x->values, &d->inputs[i], rows, n, err));
            continue;
        }
        LUDC_TRY(put_lists(r, x, d, &d->inputs[i], rows, n, epoch, &T, err));
        if (x->prefix) LUDC_TRY(put_prefix(r, i, T, n, err));
        r->extents[x->e_t] = T;
        r->extents[x->e_offsets] = n + 1;
    }
    if (r->kind != LUDC_TASK_ENCODE) LUDC_TRY(put_outputs(r, d, rows, n, scale, err));
    LUDC_TRY(put_row_offsets(r, n, err));
    LUDC_TRY(put_row_keys(r, d, rows, n, epoch, err));
    LUDC_TRY(ludc_program_run(r->program, r->extents, r->n_extents, err));
    return take_results(r, d, rows, n, out, err);
}
