/* SPDX-License-Identifier: Apache-2.0
 * The optimizer: two programs over the flat buffers, one for the norm of the gradient, one for the step. Neighbours
 * that are stepped alike form one range; numbers that change from step to step are inputs, so nothing is rebuilt. */
#include "internal.h"
#include <math.h>

typedef struct range {
    int64_t first, count;
    float lr_scale;
    bool decays;
    lud_t scalars;
} range;

struct ludc_optimizer {
    ludc_program *norm, *step;
    lud_t norm_root;
    range *ranges;
    size_t n_ranges;
    int32_t real;
};

int ludc_optimizer_states(int kind, bool momentum) {
    return kind == LUDC_OPT_SGD ? momentum : 2;
}

static range range_of(const ludc_param *p) {
    return (range){.first = p->flat_offset,
                   .count = p->count,
                   .lr_scale = p->spec.lr_scale == 0 ? 1 : p->spec.lr_scale,
                   .decays = !(p->spec.flags & LUD_PARAM_NO_DECAY)};
}

/* Pads between neighbours belong to the range before them: they hold zeros and stay zero. */
static bool find_ranges(ludc_optimizer *o, const ludc_store *s) {
    o->ranges = ludc_alloc(ludc_store_len(s) * sizeof *o->ranges);
    if (!o->ranges) return false;
    for (size_t i = 0; i < ludc_store_len(s); i++) {
        const ludc_param *p = ludc_store_at(s, i);
        if (!p->trainable) continue;
        range r = range_of(p), *last = o->n_ranges ? &o->ranges[o->n_ranges - 1] : NULL;
        bool alike = last && last->lr_scale == r.lr_scale && last->decays == r.decays;
        if (last) last->count = r.first - last->first;
        if (alike)
            last->count += r.count;
        else
            o->ranges[o->n_ranges++] = r;
    }
    return true;
}

static void build_range(lud_graph *g, range *r, int kind, bool momentum) {
    const lud_shape eight = {.dtype = LUD_REAL, .rank = 1, .dim = {8}};
    r->scalars = ludc_graph_input(g, "scalars", &eight);
    lud_t value = ludc_graph_flat(g, LUDC_FLAT_VALUES, r->first, r->count);
    lud_t grad = ludc_graph_flat(g, LUDC_FLAT_GRADS, r->first, r->count);
    bool state = kind != LUDC_OPT_SGD || momentum;
    lud_t s0 = state ? ludc_graph_flat(g, LUDC_FLAT_STATE0, r->first, r->count) : 0;
    if (kind == LUDC_OPT_SGD) {
        LUDC_EMIT(g, SGD_STEP, NULL, value, grad, s0, r->scalars);
        return;
    }
    lud_t s1 = ludc_graph_flat(g, LUDC_FLAT_STATE1, r->first, r->count);
    LUDC_EMIT(g, ADAM_STEP, NULL, value, grad, s0, s1, r->scalars);
}

static lud_status build_step(ludc_optimizer *o, ludc_devices *d, ludc_store *s, int kind, bool momentum,
                             lud_error *err) {
    const ludc_graph_opts opts = {.store = s, .real = s->real};
    lud_graph *g = ludc_graph_new(&opts, err);
    if (!g) return LUD_E_NOMEM;
    for (size_t i = 0; i < o->n_ranges; i++)
        build_range(g, &o->ranges[i], kind, momentum);
    lud_status status = ludc_program_new(g, NULL, 0, d, s, &o->step, err);
    ludc_graph_free(g);
    return status;
}

static lud_status build_norm(ludc_optimizer *o, ludc_devices *d, ludc_store *s, lud_error *err) {
    const ludc_graph_opts opts = {.store = s, .real = s->real};
    lud_graph *g = ludc_graph_new(&opts, err);
    if (!g) return LUD_E_NOMEM;
    lud_t grads = ludc_graph_flat(g, LUDC_FLAT_GRADS, 0, s->flat_len);
    o->norm_root = LUDC_EMIT(g, SUMSQ, NULL, grads);
    lud_status status = ludc_program_new(g, &o->norm_root, 1, d, s, &o->norm, err);
    ludc_graph_free(g);
    return status;
}

lud_status ludc_optimizer_new(ludc_devices *d, ludc_store *s, int kind, bool momentum, ludc_optimizer **out,
                              lud_error *err) {
    if (!s->sealed || s->flat_len == 0 || s->n_states < ludc_optimizer_states(kind, momentum))
        return ludc_fail(err, LUD_E_INVALID, "optimizer: %s",
                         !s->sealed         ? "the store is not sealed"
                         : s->flat_len == 0 ? "no parameter is trainable"
                                            : "the store was sealed with too few states");
    ludc_optimizer *o = ludc_alloc(sizeof *o);
    if (!o) return ludc_fail(err, LUD_E_NOMEM, "optimizer: no memory");
    o->real = s->real;
    lud_status status = find_ranges(o, s) ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "optimizer: no memory");
    if (status == LUD_OK) status = build_step(o, d, s, kind, momentum, err);
    if (status == LUD_OK) status = build_norm(o, d, s, err);
    if (status != LUD_OK) {
        ludc_optimizer_free(o);
        return status;
    }
    *out = o;
    return LUD_OK;
}

void ludc_optimizer_free(ludc_optimizer *o) {
    if (!o) return;
    ludc_program_free(o->norm);
    ludc_program_free(o->step);
    ludc_free(o->ranges);
    ludc_free(o);
}

static const int64_t no_extents[1];

lud_status ludc_optimizer_grad_norm(ludc_optimizer *o, double *norm, lud_error *err) {
    float narrow = 0;
    double wide = 0;
    bool f64 = o->real == LUD_F64;
    void *to = f64 ? (void *)&wide : (void *)&narrow;
    LUDC_TRY(ludc_program_run(o->norm, no_extents, 1, err));
    LUDC_TRY(ludc_program_read(o->norm, o->norm_root, to, f64 ? sizeof wide : sizeof narrow, err));
    *norm = sqrt(f64 ? wide : (double)narrow);
    return LUD_OK;
}

static lud_status write_scalars(ludc_optimizer *o, const range *r, const float in[8], lud_error *err) {
    float narrow[8];
    double wide[8];
    for (int i = 0; i < 8; i++)
        narrow[i] = in[i];
    narrow[0] *= r->lr_scale;
    if (!r->decays) narrow[2] = 0;
    for (int i = 0; i < 8; i++)
        wide[i] = (double)narrow[i];
    bool f64 = o->real == LUD_F64;
    const void *from = f64 ? (const void *)wide : (const void *)narrow;
    return ludc_program_write(o->step, r->scalars, from, f64 ? sizeof wide : sizeof narrow, err);
}

lud_status ludc_optimizer_step(ludc_optimizer *o, const float scalars[8], lud_error *err) {
    for (size_t i = 0; i < o->n_ranges; i++)
        LUDC_TRY(write_scalars(o, &o->ranges[i], scalars, err));
    return ludc_program_run(o->step, no_extents, 1, err);
}
