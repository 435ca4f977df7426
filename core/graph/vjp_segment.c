/* SPDX-License-Identifier: Apache-2.0
 * Derivative rules of the operations over whole segments: pooling, weighted pooling, windows. */
#include "internal.h"

static void vjp_pool(ludc_vjp *v) {
    lud_attr_pool a = v->op.attr.pool;
    a.rows = v->g->tensors[v->op.in[0]].shape.dim[0];
    lud_t index = a.kind == LUD_POOL_MAX ? v->op.first + 1 : 0;
    v->dx[0] = LUDC_EMIT(v->g, SEGMENT_POOL_GRAD, &a, v->dy[0], index, v->op.in[1]);
}

static void vjp_attend(ludc_vjp *v) {
    lud_t y = v->op.first;
    if (v->dy[1] || !v->dy[0]) {
        ludc_vjp_side_result(v, "weights");
        return;
    }
    v->dx[0] = LUDC_EMIT(v->g, SEGMENT_ATTEND_GRAD, NULL, v->op.in[0], y + 1, y, v->op.in[2], v->dy[0]);
    v->dx[1] = v->dx[0] ? v->dx[0] + 1 : 0;
}

static void vjp_unfold(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, SEGMENT_UNFOLD_GRAD, &v->op.attr, v->dy[0], v->op.in[1]);
}

ludc_vjp_rule ludc_vjp_segment(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_SEGMENT_POOL:
        return vjp_pool;
    case LUD_OP_SEGMENT_ATTEND:
        return vjp_attend;
    case LUD_OP_SEGMENT_UNFOLD:
        return vjp_unfold;
    default:
        return NULL;
    }
}
