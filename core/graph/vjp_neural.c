/* SPDX-License-Identifier: Apache-2.0
 * Derivative rules of linear maps, embeddings, norms, positions, attention and losses. Each one is the *_GRAD operation
 * of its forward; only inputs that need a cotangent get one. */
#include "internal.h"

static void vjp_linear(ludc_vjp *v) {
    const lud_t *in = v->op.in;
    if (v->need[0]) v->dx[0] = LUDC_EMIT_FLAGS(v->g, v->op.flags, LINEAR_GRAD_INPUT, NULL, v->dy[0], in[1]);
    if (v->need[1])
        v->dx[1] = LUDC_EMIT_FLAGS(v->g, v->op.flags, LINEAR_GRAD_WEIGHT, NULL, ludc_vjp_again(v->g, in[0]), v->dy[0]);
    if (!v->need[2]) return;
    const lud_attr_shape bias = {.rank = 1, .dim = {v->g->tensors[in[2]].shape.dim[0]}};
    v->dx[2] = LUDC_EMIT(v->g, SUM_TO, &bias, v->dy[0]);
}

static void vjp_embedding(ludc_vjp *v) {
    const lud_attr_rows a = {.rows = v->g->tensors[v->op.in[0]].shape.dim[0]};
    v->dx[0] = LUDC_EMIT(v->g, EMBEDDING_GRAD, &a, v->dy[0], v->op.in[1]);
}

static void vjp_rms_norm(ludc_vjp *v) {
    const lud_t *in = v->op.in;
    lud_t r = v->op.first + 1;
    if (v->dy[1] || !v->dy[0]) {
        ludc_vjp_side_result(v, "r");
        return;
    }
    if (v->need[0]) v->dx[0] = LUDC_EMIT(v->g, RMS_NORM_GRAD, &v->op.attr, in[0], in[1], r, v->dy[0]);
    if (v->need[1]) v->dx[1] = LUDC_EMIT(v->g, RMS_NORM_GRAD_WEIGHT, &v->op.attr, in[0], r, v->dy[0]);
}

static void vjp_layer_norm(ludc_vjp *v) {
    const lud_t *in = v->op.in;
    lud_t mean = v->op.first + 1, rstd = v->op.first + 2;
    if (v->dy[1] || v->dy[2] || !v->dy[0]) {
        ludc_vjp_side_result(v, v->dy[1] ? "mean" : "rstd");
        return;
    }
    if (v->need[0]) v->dx[0] = LUDC_EMIT(v->g, LAYER_NORM_GRAD, &v->op.attr, in[0], in[1], mean, rstd, v->dy[0]);
    if (!v->need[1] && !v->need[2]) return;
    v->dx[1] = LUDC_EMIT(v->g, LAYER_NORM_GRAD_WEIGHT, &v->op.attr, in[0], mean, rstd, v->dy[0]);
    v->dx[2] = v->dx[1] ? v->dx[1] + 1 : 0;
}

static void vjp_rope(ludc_vjp *v) {
    lud_attr_rope a = v->op.attr.rope;
    a.inverse = !a.inverse;
    v->dx[0] = LUDC_EMIT(v->g, ROPE, &a, v->dy[0], v->op.in[1], v->op.in[2]);
}

static void vjp_attention(ludc_vjp *v) {
    const lud_t *in = v->op.in;
    lud_t out = v->op.first;
    if (v->dy[1] || !v->dy[0]) {
        ludc_vjp_side_result(v, "lse");
        return;
    }
    lud_t q = ludc_vjp_kept(v->g, in[0]), k = ludc_vjp_kept(v->g, in[1]), x = ludc_vjp_kept(v->g, in[2]);
    lud_t d = LUDC_EMIT_FLAGS(v->g, v->op.flags, ATTENTION_GRAD, &v->op.attr, q, k, x, in[3], ludc_vjp_kept(v->g, out),
                              out + 1, v->dy[0], in[4]);
    for (uint32_t i = 0; d && i < 3; i++)
        v->dx[i] = d + i;
}

static void vjp_cross_entropy(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, CROSS_ENTROPY_GRAD, &v->op.attr, v->op.in[0], v->op.in[1], v->dy[0]);
}

static void vjp_element_loss(ludc_vjp *v) {
    v->dx[0] = LUDC_EMIT(v->g, ELEMENT_LOSS_GRAD, &v->op.attr, v->op.in[0], v->op.in[1], v->dy[0]);
}

/* The joined form computes loss and gradients in one pass over the logits; it needs the cotangent before the loss, so
 * the cotangent must not depend on it. Readers of the old loss then read the joined one. */
static lud_t emit_joined(ludc_vjp *v, const lud_attr_xent *a) {
    lud_graph *g = v->g;
    const lud_t *in = v->op.in;
    lud_t joined =
        LUDC_EMIT_FLAGS(g, v->op.flags, LINEAR_CROSS_ENTROPY_JOINED, a, in[0], in[1], in[2], in[3], v->dy[0]);
    if (!joined) return 0;
    g->tensors[v->op.first].replaced = joined;
    g->tensors[v->op.first + 1].replaced = joined + 1;
    return joined + 2;
}

static void vjp_linear_cross_entropy(ludc_vjp *v) {
    lud_graph *g = v->g;
    const lud_t *in = v->op.in;
    lud_attr_xent a = v->op.attr.xent;
    a.want = 0;
    for (uint32_t i = 0; i < 3; i++)
        if (v->need[i]) a.want |= 1 << i;
    bool once = g->tensors[v->op.first].replaced == 0;
    lud_t d =
        once && !ludc_graph_depends(g, v->dy[0], v->node)
            ? emit_joined(v, &a)
            : LUDC_EMIT_FLAGS(g, v->op.flags, LINEAR_CROSS_ENTROPY_GRAD, &a, in[0], in[1], in[2], in[3], v->dy[0]);
    for (uint32_t i = 0; d && i < 3; i++)
        v->dx[i] = d + i;
}

ludc_vjp_rule ludc_vjp_neural(uint32_t opcode) {
    switch (opcode) {
    case LUD_OP_LINEAR:
        return vjp_linear;
    case LUD_OP_EMBEDDING:
        return vjp_embedding;
    case LUD_OP_RMS_NORM:
        return vjp_rms_norm;
    case LUD_OP_LAYER_NORM:
        return vjp_layer_norm;
    case LUD_OP_ROPE:
        return vjp_rope;
    case LUD_OP_ATTENTION:
        return vjp_attention;
    case LUD_OP_CROSS_ENTROPY:
        return vjp_cross_entropy;
    case LUD_OP_ELEMENT_LOSS:
        return vjp_element_loss;
    case LUD_OP_LINEAR_CROSS_ENTROPY:
        return vjp_linear_cross_entropy;
    default:
        return NULL;
    }
}
