/* SPDX-License-Identifier: Apache-2.0
 * An encoder alone: its plugin, its files, its graph with the tokens as root, built on core/graph and core/formats
 * only. See golden.h. */
#include "golden.h"

#include <string.h>

/* ---- The instance ---- */
static lud_status make_cfg(golden_encoder *e, lud_error *err) {
    ludc_value *names = ludc_value_new(LUD_CFG_LIST);
    e->cfg = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = e->cfg && names;
    for (size_t i = 0; ok && i < ludc_tensors_len(e->base->tensors); i++) {
        ok = ludc_value_push(names, ludc_value_str(ludc_str(ludc_tensors_at(e->base->tensors, i)->name)));
    }
    ok = ok && ludc_value_put(e->cfg, "model", ludc_value_copy(e->base->config));
    if (ok)
        ok = ludc_value_put(e->cfg, "tensors", names);
    else
        ludc_value_free(names);
    return ok ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status read_width(golden_encoder *e, lud_error *err) {
    ludc_value *facts = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = e->vt->info(e->self, (lud_cfg_out *)facts, err);
    e->width = ludc_get_int(facts, "width", 0);
    ludc_value_free(facts);
    return status;
}

static lud_status open_instance(golden *g, const char *dir, golden_encoder *e, lud_error *err) {
    const lud_component *c = NULL;
    LUDC_TRY(ludc_base_model_open(dir, &e->base, err));
    LUDC_TRY(ludc_host_find_model_type(g->host, LUD_KIND_ENCODER, ludc_str(e->base->model_type), &c, err));
    LUDC_TRY(make_cfg(e, err));
    e->vt = c->vtable;
    LUDC_TRY(e->vt->inst->open(ludc_host_table(g->host)->ctx, e->cfg, &e->self, err));
    return read_width(e, err);
}

/* ---- The graph ---- */
static lud_t input(lud_graph *g, const char *name, int32_t dtype, int64_t a, int64_t b) {
    lud_shape shape = {.dtype = dtype, .rank = b ? 2 : 1, .dim = {a, b}};
    return ludc_graph_input(g, name, &shape);
}

/* No gradient of the tokens reaches the pooler. */
static bool trains(void *arg, const char *param) {
    (void)arg;
    return strncmp(param, "pooler", 6) != 0;
}

static lud_status build(golden_encoder *e, lud_graph *g, const golden_rows *rows, int flags, lud_error *err) {
    e->e_t = ludc_graph_extent(g, rows->batch.T);
    e->e_s = ludc_graph_extent(g, rows->batch.S);
    e->e_offsets = ludc_graph_extent(g, rows->batch.S + 1);
    e->ids = input(g, "ids", LUD_I32, -e->e_t, 0);
    e->positions = input(g, "positions", LUD_I32, -e->e_t, 0);
    e->seg_offsets = input(g, "seg_offsets", LUD_I32, -e->e_offsets, 0);
    if (flags & GOLDEN_TYPE_IDS) e->type_ids = input(g, "type_ids", LUD_I32, -e->e_t, 0);
    if (flags & GOLDEN_TRAINS) e->cotangent = input(g, "cotangent", LUD_REAL, -e->e_t, e->width);
    const lud_seq seq = {.struct_size = sizeof seq,
                         .t_extent = e->e_t,
                         .s_extent = e->e_s,
                         .ids = e->ids,
                         .type_ids = e->type_ids,
                         .positions = e->positions,
                         .seg_offsets = e->seg_offsets};
    lud_encoder_out out = {.struct_size = sizeof out};
    LUDC_TRY(e->vt->build(e->self, g, &seq, &out, err));
    e->tokens = out.tokens;
    e->rows = out.rows;
    return flags & GOLDEN_TRAINS ? ludc_graph_backward(g, e->tokens, e->cotangent, err) : LUD_OK;
}

static lud_status fill(golden_encoder *e, lud_error *err) {
    for (size_t i = 0; i < ludc_store_len(e->store); i++) {
        const ludc_param *p = ludc_store_at(e->store, i);
        float *values = ludc_alloc((size_t)p->count * sizeof *values);
        ludc_param_plan *plan = NULL;
        lud_status status = ludc_param_plan_new(e->base, e->vt, e->self, p->name, &p->shape, &plan, err);
        if (status == LUD_OK) status = ludc_param_plan_fill(plan, 0, 1, values, err);
        ludc_param_plan_free(plan);
        if (status == LUD_OK) status = ludc_store_set(e->store, i, values, err);
        ludc_free(values);
        if (status != LUD_OK) return status;
    }
    return ludc_store_seal(e->store, 0, err);
}

static lud_status compile(golden_encoder *e, const golden_rows *rows, int flags, lud_error *err) {
    const ludc_graph_hooks hooks = {.trains = flags & GOLDEN_TRAINS ? trains : NULL};
    e->store = ludc_store_new(&e->devices, LUD_F32);
    const ludc_graph_opts opts = {.store = e->store, .real = LUD_F32, .hooks = &hooks};
    lud_graph *g = ludc_graph_new(&opts, err);
    lud_status status = g ? build(e, g, rows, flags, err) : LUD_E_NOMEM;
    if (status == LUD_OK) status = fill(e, err);
    const lud_t roots[] = {e->tokens, e->rows};
    if (status == LUD_OK) {
        status = ludc_program_new(g, roots, e->rows ? 2 : 1, &e->devices, e->store, &e->program, err);
    }
    ludc_graph_free(g);
    return status;
}

lud_status golden_encoder_open(golden *g, const char *dir, const char *backend, const golden_rows *rows, int flags,
                               golden_encoder *e, lud_error *err) {
    *e = (golden_encoder){0};
    lud_status status = open_instance(g, dir, e, err);
    if (status == LUD_OK) status = ludc_devices_open(g->host, ludc_str(backend), &e->devices, err);
    e->has_devices = status == LUD_OK;
    if (status == LUD_OK) status = compile(e, rows, flags, err);
    if (status != LUD_OK) golden_encoder_close(e);
    return status;
}

void golden_encoder_close(golden_encoder *e) {
    ludc_program_free(e->program);
    ludc_store_free(e->store);
    if (e->has_devices) ludc_devices_close(&e->devices);
    if (e->self) e->vt->inst->close(e->self);
    ludc_value_free(e->cfg);
    ludc_base_model_free(e->base);
    *e = (golden_encoder){0};
}

/* ---- A run ---- */
static lud_status put(golden_encoder *e, lud_t input_id, const void *data, int64_t n, lud_error *err) {
    return input_id ? ludc_program_write(e->program, input_id, data, (size_t)n * 4, err) : LUD_OK;
}

lud_status golden_encoder_run(golden_encoder *e, const golden_rows *rows, const float *cotangent, float *tokens,
                              float *pooled, lud_error *err) {
    const ludc_batch *b = &rows->batch;
    int64_t extents[4] = {0}, n = b->T * e->width;
    int32_t *zeros = ludc_alloc((size_t)b->T * sizeof *zeros);
    memset(zeros, 0, (size_t)b->T * sizeof *zeros);
    extents[e->e_t] = b->T;
    extents[e->e_s] = b->S;
    extents[e->e_offsets] = b->S + 1;
    lud_status status = put(e, e->ids, b->ids, b->T, err);
    if (status == LUD_OK) status = put(e, e->positions, b->positions, b->T, err);
    if (status == LUD_OK) status = put(e, e->seg_offsets, b->seg_offsets, b->S + 1, err);
    if (status == LUD_OK) status = put(e, e->type_ids, zeros, b->T, err);
    if (status == LUD_OK) status = put(e, e->cotangent, cotangent, n, err);
    if (status == LUD_OK) status = ludc_program_run(e->program, extents, LUDC_COUNT(extents), err);
    if (status == LUD_OK) status = ludc_program_read(e->program, e->tokens, tokens, (size_t)n * sizeof *tokens, err);
    if (status == LUD_OK && pooled) {
        status = ludc_program_read(e->program, e->rows, pooled, (size_t)(b->S * e->width) * sizeof *pooled, err);
    }
    ludc_free(zeros);
    return status;
}
