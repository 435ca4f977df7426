/* SPDX-License-Identifier: Apache-2.0
 * Derivative rules of the elementwise and shape operations. A rule emits the operations that turn the cotangents of
 * the results, v->dy, into those of the inputs, v->dx, for the inputs that need one. */
#include "internal.h"

static lud_attr_shape shape_attr(const lud_graph *g, lud_t t) {
    const lud_shape *s = &g->tensors[t].shape;
    lud_attr_shape a = {.rank = s->rank};
    for (int32_t i = 0; i < s->rank; i++)
        a.dim[i] = s->dim[i];
    return a;
}

/* The part of a broadcast input: summed to its shape. */
static lud_t sum_like(lud_graph *g, lud_t part, lud_t like) {
    if (!part || ludc_shape_same(&g->tensors[part].shape, &g->tensors[like].shape)) return part;
    const lud_attr_shape a = shape_attr(g, like);
    return LUDC_EMIT(g, SUM_TO, &a, part);
}

static void vjp_add(ludc_vjp *v) {
    v->dx[0] = v->dy[0];
    if (v->need[1]) v->dx[1] = sum_like(v->g, v->dy[0], v->op.in[1]);
}

static void vjp_mul(ludc_vjp *v) {
    if (v->need[0]) v->dx[0] = LUDC_EMIT(v->g, MUL, NULL, v->dy[0], v->op.in[1]);
    if (v->need[1]) v->dx[1] = sum_like(v->g, LUDC_EMIT(v->g, MUL, NULL, v->dy[0], v->op.in[0]), v->op.in[1]);
}

static void vjp_scale(ludc_vjp *v) {
    const lud_attr_scale a = {.mul = v->op.attr.scale.mul, .add = 0};
    v->dx[0] = a.mul == 1.0f ? v->dy[0] : LUDC_EMIT(v->g, SCALE, &a, v->dy[0]);
}

static void vjp_act(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, ACT_GRAD, &v->op.attr, ludc_vjp_kept(v->g, v->op.in[0]), v->dy[0]);
}

static void vjp_glu(ludc_vjp *v) {
    lud_t gate = ludc_vjp_kept(v->g, v->op.in[0]), up = ludc_vjp_kept(v->g, v->op.in[1]);
    lud_t d = LUDC_EMIT(v->g, GLU_GRAD, &v->op.attr, gate, up, v->dy[0]);
    v->dx[0] = d;
    v->dx[1] = d ? d + 1 : 0;
}

/* Spread back over the leading dimensions: there is no operation that widens, so dy is added to zeros. */
static void vjp_sum_to(ludc_vjp *v) {
    const lud_attr_scale zero = {.mul = 0, .add = 0};
    lud_t zeros = LUDC_EMIT(v->g, SCALE, &zero, v->op.in[0]);
    v->dx[0] = zeros ? LUDC_EMIT(v->g, ADD, NULL, zeros, v->dy[0]) : 0;
}

static void vjp_reshape(ludc_vjp *v) {
    const lud_attr_shape a = shape_attr(v->g, v->op.in[0]);
    v->dx[0] = LUDC_EMIT(v->g, RESHAPE, &a, v->dy[0]);
}

static void vjp_slice(ludc_vjp *v) {
    const lud_shape *x = &v->g->tensors[v->op.in[0]].shape;
    lud_attr_slice a = v->op.attr.slice;
    a.total = x->dim[x->rank - 1];
    v->dx[0] = LUDC_EMIT(v->g, SLICE_GRAD, &a, v->dy[0]);
}

static void vjp_concat(ludc_vjp *v) {
    const lud_shape *a = &v->g->tensors[v->op.in[0]].shape, *b = &v->g->tensors[v->op.in[1]].shape;
    int64_t m = a->dim[a->rank - 1], n = b->dim[b->rank - 1];
    const lud_attr_slice first = {0, m, m + n}, second = {m, n, m + n};
    if (v->need[0]) v->dx[0] = LUDC_EMIT(v->g, SLICE, &first, v->dy[0]);
    if (v->need[1]) v->dx[1] = LUDC_EMIT(v->g, SLICE, &second, v->dy[0]);
}

static void vjp_row_sum(ludc_vjp *v) {
    const lud_shape *x = &v->g->tensors[v->op.in[0]].shape;
    const lud_attr_width a = {x->dim[x->rank - 1]};
    v->dx[0] = LUDC_EMIT(v->g, ROW_SPREAD, &a, v->dy[0]);
}

static void vjp_row_spread(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, ROW_SUM, NULL, v->dy[0]);
}

static void vjp_gather(ludc_vjp *v) {
    const lud_attr_rows a = {.rows = v->g->tensors[v->op.in[0]].shape.dim[0]};
    v->dx[0] = LUDC_EMIT(v->g, SCATTER_ADD_ROWS, &a, v->dy[0], v->op.in[1]);
}

static void vjp_scatter(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, GATHER_ROWS, NULL, v->dy[0], v->op.in[1]);
}

static void vjp_dropout(ludc_vjp *v) {
    const lud_t in[LUDC_MAX_IN] = {v->dy[0], v->op.in[1], v->op.in[2]};
    v->dx[0] = ludc_graph_emit_op(v->g, LUD_OP_DROPOUT, 0, &v->op.attr, v->op.stream, in);
}

static void vjp_sumsq(ludc_vjp *v) {
    const lud_attr_scale two = {.mul = 2, .add = 0};
    lud_t d = LUDC_EMIT(v->g, MUL, NULL, v->op.in[0], v->dy[0]);
    v->dx[0] = d ? LUDC_EMIT(v->g, SCALE, &two, d) : 0;
}

ludc_vjp_rule ludc_vjp_basic(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_ADD:
        return vjp_add;
    case LUD_OP_MUL:
        return vjp_mul;
    case LUD_OP_SCALE:
        return vjp_scale;
    case LUD_OP_ACT:
        return vjp_act;
    case LUD_OP_GLU:
        return vjp_glu;
    case LUD_OP_SUM_TO:
        return vjp_sum_to;
    case LUD_OP_RESHAPE:
        return vjp_reshape;
    case LUD_OP_SLICE:
        return vjp_slice;
    case LUD_OP_CONCAT:
        return vjp_concat;
    case LUD_OP_ROW_SUM:
        return vjp_row_sum;
    case LUD_OP_ROW_SPREAD:
        return vjp_row_spread;
    case LUD_OP_GATHER_ROWS:
        return vjp_gather;
    case LUD_OP_SCATTER_ADD_ROWS:
        return vjp_scatter;
    case LUD_OP_DROPOUT:
        return vjp_dropout;
    case LUD_OP_SUMSQ:
        return vjp_sumsq;
    default:
        return NULL;
    }
}
