/* SPDX-License-Identifier: Apache-2.0
 * What the backward pass reads of the forward pass, made small: cheap results are computed anew (Chen et al. 2016,
 * arXiv 1604.06174, for what costs next to nothing), and where products round to bf16 so does what is kept for
 * derivatives. A tensor has one stand-in, `again`, so all its readers share it. */
#include "internal.h"

static lud_t copy_node(lud_graph *g, ludc_node n) {
    return ludc_graph_emit_op(g, n.opcode, n.flags, &n.attr, n.stream, n.in);
}

/* What the result is made of is kept anyway, where a gradient passes through the op. */
static bool is_cheap(uint32_t opcode) {
    return opcode == LUD_OP_RMS_NORM || opcode == LUD_OP_LAYER_NORM || opcode == LUD_OP_GLU || opcode == LUD_OP_ACT;
}

static bool stands_in(const lud_graph *g, lud_t t, ludc_node *made) {
    const ludc_gtensor *x = &g->tensors[t];
    if (x->again || x->source != LUDC_SRC_OP || !x->trained) return false;
    *made = g->nodes[x->index];
    return t == made->first;
}

lud_t ludc_vjp_kept(lud_graph *g, lud_t t) {
    ludc_node n;
    const lud_shape *s = &g->tensors[t].shape;
    if (g->opts.bf16 && stands_in(g, t, &n) && s->rank > 1 && s->dim[s->rank - 1] % 2 == 0) {
        lud_t packed = LUDC_EMIT(g, PACK, NULL, t);
        lud_t back = packed ? LUDC_EMIT(g, UNPACK, NULL, packed) : 0;
        g->tensors[t].again = back;
    }
    return g->tensors[t].again ? g->tensors[t].again : t;
}

/* Inputs of a gated product or an activation are kept for its own derivative; those of a dropout or a view are not. */
lud_t ludc_vjp_again(lud_graph *g, lud_t t) {
    ludc_node n;
    if (!stands_in(g, t, &n)) return g->tensors[t].again ? g->tensors[t].again : t;
    bool view = n.opcode == LUD_OP_DROPOUT || n.opcode == LUD_OP_RESHAPE;
    if (n.opcode == LUD_OP_ATTENTION) return ludc_vjp_kept(g, t);
    if (!g->tensors[n.in[0]].trained || !(view || is_cheap(n.opcode))) return t;
    lud_t first = n.in[0];
    if (view) n.in[0] = ludc_vjp_again(g, first);
    if (n.opcode == LUD_OP_RESHAPE && n.in[0] == first) return t;
    if (n.opcode == LUD_OP_GLU || n.opcode == LUD_OP_ACT) n.in[0] = ludc_vjp_kept(g, first);
    if (n.opcode == LUD_OP_GLU) n.in[1] = ludc_vjp_kept(g, n.in[1]);
    lud_t copy = copy_node(g, n);
    g->tensors[t].again = copy;
    return copy;
}
