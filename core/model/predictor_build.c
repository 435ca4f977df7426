/* SPDX-License-Identifier: Apache-2.0
 * The one builder of every program of a predictor: encoders, pooling, combiner, heads, losses, and in training the
 * cotangent of the total loss. What a kind of run does not ask for is pruned by its roots. */
#include "prefix.h"
#include "tower.h"

#include <ludwig/fc.h>
#include <ludwig/reduce.h>
#include <string.h>

static lud_shape ints(int32_t rank, int64_t a, int64_t b) {
    return (lud_shape){.dtype = LUD_I32, .rank = rank, .dim = {a, b}};
}

static lud_t input(ludc_built_task *b, const char *name, lud_shape shape) {
    return ludc_graph_input(b->g, name, &shape);
}

static bool is(const char *type, const char *word) {
    return strcmp(type, word) == 0;
}

/* ---- Inputs ---- */
/* An encoder's scope, and whose hooks answer for parameters and sites in it. */
static void enter(ludc_predictor *p, ludc_built_task *b, const ludc_input *in) {
    p->current = in->tower;
    p->int8 = in->int8;
    ludc_graph_scope_push(b->g, in->scope);
}

static void leave(ludc_predictor *p, ludc_built_task *b) {
    p->current = NULL;
    ludc_graph_scope_pop(b->g);
}

static void token_inputs(ludc_built_task *b, ludc_built_input *x, int64_t T, int64_t S, bool training) {
    x->e_t = ludc_graph_extent(b->g, T);
    x->e_offsets = ludc_graph_extent(b->g, S + 1);
    x->ids = input(b, "ids", ints(1, -x->e_t, 0));
    x->seg_offsets = input(b, "seg_offsets", ints(1, -x->e_offsets, 0));
    x->positions = input(b, "positions", ints(1, -x->e_t, 0));
    x->row_of_token = input(b, "row_of_token", ints(1, -x->e_t, 0));
    if (training) x->row_keys = input(b, "row_keys", ints(2, -x->e_t, 2));
}

static void make_input(ludc_built_task *b, const ludc_input *in, ludc_built_input *x, int64_t T, int64_t S,
                       bool training) {
    if (in->cached) return;
    if (is(in->type, "text") || is(in->type, "set") || is(in->type, "bag"))
        token_inputs(b, x, T, S, training);
    else if (is(in->type, "category"))
        x->ids = input(b, "ids", ints(1, -b->e_s, 0));
    else
        x->values = input(b, "values", lud_dims2(-b->e_s, ludc_get_int(in->metadata, "width", 1)));
}

/* Rows of a text, or 0 if it stays a sequence. */
static lud_t pool(ludc_built_task *b, const ludc_input *in, const ludc_built_input *x, const lud_encoder_out *e) {
    const lud_graph_api *api = ludc_graph_api();
    if (!e->tokens || (e->rows && in->pooler)) return e->rows;
    return in->pool ? lud_reduce(api, b->g, in->pool, e->tokens, x->seg_offsets, b->e_s) : 0;
}

static lud_status encode(ludc_predictor *p, ludc_built_task *b, size_t i, lud_seq *seq, lud_encoder_out *out,
                         lud_error *err) {
    const ludc_input *in = &p->inputs[i];
    ludc_built_input *x = &b->in[i];
    *out = (lud_encoder_out){.struct_size = sizeof *out};
    *seq = (lud_seq){.struct_size = sizeof *seq,
                     .t_extent = x->e_t,
                     .s_extent = b->e_s,
                     .ids = x->ids,
                     .positions = x->positions,
                     .seg_offsets = x->seg_offsets,
                     .row_keys = x->row_keys,
                     .values = x->values};
    ludc_graph_set_seq(b->g, x->row_keys, x->positions, x->seg_offsets, 0);
    enter(p, b, in);
    lud_status status = in->vt->build(in->self, b->g, seq, out, err);
    const lud_t prefix = status == LUD_OK && in->tower ? ludc_prefix_mark(in->tower, b->g) : 0;
    if (prefix) x->prefix = ludc_graph_give(b->g, prefix, "prefix");
    /* Pooling is not the base model's: its parameters are trained, and no adapter looks at them. */
    p->current = NULL;
    if (status == LUD_OK) out->rows = x->rows = pool(b, in, x, out);
    leave(p, b);
    return status == LUD_OK ? ludc_graph_api()->status(b->g, err) : status;
}

static lud_status encode_or_take(ludc_predictor *p, ludc_built_task *b, size_t i, lud_seq *seq, lud_encoder_out *out,
                                 lud_error *err) {
    ludc_built_input *x = &b->in[i];
    if (!p->inputs[i].cached) return encode(p, b, i, seq, out, err);
    x->values = x->rows = input(b, "rows", lud_dims2(-b->e_s, p->inputs[i].width));
    *out = (lud_encoder_out){.struct_size = sizeof *out, .rows = x->rows};
    *seq = (lud_seq){.struct_size = sizeof *seq, .s_extent = b->e_s, .values = x->rows};
    return LUD_OK;
}

/* ---- Combiner ---- */
typedef struct joined {
    lud_combiner_in in;
    lud_seq seq;
    lud_encoder_out out;
} joined;

static lud_status combine(ludc_predictor *p, ludc_built_task *b, lud_t *out, lud_error *err) {
    const lud_combiner_vt *vt = p->combiner->vtable;
    joined *parts = ludc_alloc(p->n_inputs * sizeof *parts);
    const lud_combiner_in **list = ludc_alloc(p->n_inputs * sizeof(void *));
    lud_status status = parts && list ? LUD_OK : ludc_no_memory(err, "model");
    for (size_t i = 0; i < p->n_inputs && status == LUD_OK; i++) {
        status = encode_or_take(p, b, i, &parts[i].seq, &parts[i].out, err);
        parts[i].in = (lud_combiner_in){.struct_size = sizeof(lud_combiner_in),
                                        .feature = p->inputs[i].name,
                                        .seq = &parts[i].seq,
                                        .encoded = &parts[i].out,
                                        .row_offsets = b->row_offsets,
                                        .row_of_token = parts[i].out.rows ? 0 : b->in[i].row_of_token};
        list[i] = &parts[i].in;
    }
    ludc_graph_scope_push(b->g, "combiner.");
    if (status == LUD_OK) status = vt->build(p->combiner->self, b->g, list, (uint32_t)p->n_inputs, out, err);
    ludc_graph_scope_pop(b->g);
    ludc_free(parts);
    ludc_free(list);
    return status == LUD_OK ? ludc_graph_api()->status(b->g, err) : status;
}

/* ---- Heads ---- */
static void make_target(ludc_built_task *b, const ludc_output *o, ludc_built_output *x, bool training) {
    x->target = is(o->type, "category") ? input(b, "target", ints(1, -b->e_s, 0))
                                        : input(b, "target", lud_dims2(-b->e_s, o->width));
    x->weight = input(b, "weight", lud_dims1(-b->e_s));
    if (training) x->scale = input(b, "scale", lud_dims1(1));
}

/* The fully connected layers before a head. */
static lud_status stack(lud_graph *g, const ludc_output *o, lud_t x, lud_t *out, lud_error *err) {
    lud_section section = lud_section_of(ludc_cfg_api(), o->section, o->scope, err);
    const lud_fc_form form = lud_fc_form_head();
    lud_fc fc;
    lud_read_fc(&section, &form, &fc);
    *out = section.status == LUD_OK ? lud_build_fc(ludc_graph_api(), g, &fc, "fc_stack", x) : 0;
    return section.status;
}

static lud_status head(ludc_predictor *p, ludc_built_task *b, size_t k, lud_t combined, lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    const ludc_output *o = &p->outputs[k];
    ludc_built_output *x = &b->out[k];
    const lud_decoder_vt *vt = o->part->vtable;
    lud_decoder_out out = {.struct_size = sizeof out};
    for (size_t d = 0; d < o->n_dependencies; d++)
        combined = lud_concat(api, b->g, combined, b->out[o->dependencies[d]].hidden);
    LUDC_TRY(stack(b->g, o, combined, &x->hidden, err));
    const lud_decoder_in in = {
        .struct_size = sizeof in, .n_extent = b->e_s, .hidden = x->hidden, .target = x->target, .weight = x->weight};
    LUDC_TRY(vt->build(o->part->self, b->g, &in, &out, err));
    x->pred = out.pred;
    x->row_loss = out.row_loss;
    if (x->target && !x->row_loss) x->row_loss = ludc_loss_build(b->g, o, x->pred, x->target, err);
    LUDC_TRY(api->status(b->g, err));
    if (x->pred && (!x->target || x->row_loss)) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "output feature '%s': its decoder gives no prediction or no loss", o->name);
}

static lud_status heads(ludc_predictor *p, ludc_built_task *b, lud_t combined, lud_error *err) {
    for (size_t i = 0; i < p->n_outputs; i++) {
        const size_t k = p->order[i];
        ludc_graph_scope_push(b->g, p->outputs[k].scope);
        const lud_status status = head(p, b, k, combined, err);
        ludc_graph_scope_pop(b->g);
        if (status != LUD_OK) return status;
    }
    return LUD_OK;
}

/* total[s] = sum over heads of loss * weight * scale, so that its cotangent is 1 everywhere. */
static lud_status differentiate(ludc_predictor *p, ludc_built_task *b, lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    lud_t total = 0;
    for (size_t k = 0; k < p->n_outputs; k++) {
        const ludc_built_output *x = &b->out[k];
        lud_t weight = lud_mul(api, b->g, x->weight, x->scale);
        lud_t term = lud_mul(api, b->g, x->row_loss, weight);
        total = total ? lud_add(api, b->g, total, term) : term;
    }
    LUDC_TRY(api->status(b->g, err));
    return ludc_graph_backward(b->g, total, b->ones, err);
}

/* ---- Hooks: an encoder's tower answers for its own ---- */
static lud_t site_hook(void *arg, lud_graph *g, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t),
                       void *next_arg) {
    const ludc_predictor *p = arg;
    return p->current ? ludc_model_hooks.site(p->current, g, site, x, next, next_arg) : next(next_arg, x);
}

static bool wraps_hook(void *arg, const lud_site *site) {
    const ludc_predictor *p = arg;
    return p->current && ludc_model_hooks.wraps(p->current, site);
}

static bool trains_hook(void *arg, const char *param) {
    const ludc_predictor *p = arg;
    return p->current ? ludc_model_hooks.trains(p->current, param) : p->for_training;
}

/* Encoders and their adapters have a learning rate of their own, if the trainer names one. */
static float lr_scale_hook(void *arg, const char *param) {
    const ludc_predictor *p = arg;
    (void)param;
    const double rate = ludc_get_float(p->config, "trainer.learning_rate", 1e-3);
    const double own = ludc_get_float(p->config, "trainer.encoder_learning_rate", rate);
    return p->current ? (float)(own / rate) : 1.0f;
}

static bool drops_hook(void *arg, bool trained) {
    const ludc_predictor *p = arg;
    return !p->current || ludc_model_hooks.drops(p->current, trained);
}

static bool int8_hook(void *arg, const lud_site *site) {
    const ludc_predictor *p = arg;
    (void)site;
    return p->current && p->int8;
}

void ludc_task_built_free(ludc_built_task *b) {
    ludc_graph_free(b->g);
    ludc_free(b->in);
    ludc_free(b->out);
    *b = (ludc_built_task){0};
}

static lud_status start(ludc_predictor *p, bool training, int64_t S, ludc_built_task *b, lud_error *err) {
    const ludc_graph_hooks hooks = {.arg = p,
                                    .site = site_hook,
                                    .wraps = wraps_hook,
                                    .trains = trains_hook,
                                    .lr_scale = lr_scale_hook,
                                    .drops = drops_hook,
                                    .int8 = int8_hook};
    const ludc_graph_opts opts = {
        .store = p->store, .real = p->real, .training = training, .bf16 = p->devices->bf16, .hooks = &hooks};
    *b = (ludc_built_task){.g = ludc_graph_new(&opts, err),
                           .in = ludc_alloc(p->n_inputs * sizeof *b->in),
                           .out = ludc_alloc(p->n_outputs * sizeof *b->out)};
    if (!b->g || !b->in || !b->out) return ludc_no_memory(err, "model");
    b->e_s = ludc_graph_extent(b->g, S);
    b->e_offsets = ludc_graph_extent(b->g, S + 1);
    b->row_offsets = input(b, "row_offsets", ints(1, -b->e_offsets, 0));
    if (!training) return LUD_OK;
    b->ones = input(b, "ones", lud_dims1(-b->e_s));
    b->row_keys = input(b, "row_keys", ints(2, -b->e_s, 2));
    b->row_positions = input(b, "row_positions", ints(1, -b->e_s, 0));
    ludc_graph_set_rows(b->g, b->e_s, b->row_keys, b->row_positions);
    return LUD_OK;
}

lud_status ludc_task_build(ludc_predictor *p, int kind, int64_t T, int64_t S, size_t input_index, bool backward,
                           ludc_built_task *b, lud_error *err) {
    const bool training = kind == LUDC_TASK_TRAIN, encode_one = kind == LUDC_TASK_ENCODE;
    lud_t combined = 0;
    LUDC_TRY(start(p, training, S, b, err));
    if (encode_one) {
        lud_seq seq;
        lud_encoder_out out;
        token_inputs(b, &b->in[input_index], T, S, false);
        return encode(p, b, input_index, &seq, &out, err);
    }
    for (size_t i = 0; i < p->n_inputs; i++)
        make_input(b, &p->inputs[i], &b->in[i], T, S, training);
    if (kind != LUDC_TASK_PREDICT)
        for (size_t k = 0; k < p->n_outputs; k++)
            make_target(b, &p->outputs[k], &b->out[k], training);
    LUDC_TRY(ludc_graph_api()->status(b->g, err));
    LUDC_TRY(combine(p, b, &combined, err));
    LUDC_TRY(heads(p, b, combined, err));
    return backward ? differentiate(p, b, err) : LUD_OK;
}
