/* SPDX-License-Identifier: Apache-2.0
 * The reverse sweep: from y back to trainable parameters, over the operations on a path between them and no others.
 * Cotangents of a tensor are summed in the order in which its readers are met, so equal builds add in equal order. */
#include "internal.h"

typedef struct sweep {
    lud_graph *g;
    uint32_t n_tensors; /* those that existed when it began */
    bool *need;         /* a path leads from a wanted tensor to this one */
    lud_t *cot;         /* cotangents so far */
    bool to_params;     /* trainable parameters accumulate at once instead of being summed */
} sweep;

static ludc_gparam *find_param(lud_graph *g, lud_t t) {
    for (uint32_t i = 0; i < g->n_params; i++)
        if (g->params[i].tensor == t) return &g->params[i];
    return NULL;
}

/* Each part is added as soon as it exists, so that its memory is free again at once. */
static void accumulate(lud_graph *g, ludc_gparam *p, lud_t part) {
    if (!p->grad) {
        lud_shape shape = g->tensors[p->tensor].shape;
        p->grad = ludc_graph_tensor(g, &shape, LUDC_SRC_GRAD, p->index);
    }
    lud_t sum = p->grad ? LUDC_EMIT(g, ACC, NULL, p->grad, part) : 0;
    if (sum) p->grad = sum;
}

static void add_cotangent(sweep *s, lud_t t, lud_t part) {
    lud_graph *g = s->g;
    if (g->err.code != LUD_OK || !s->need[t]) return;
    if (s->to_params && g->tensors[t].source == LUDC_SRC_PARAM) {
        ludc_gparam *p = find_param(g, t);
        if (p) accumulate(g, p, part);
        return;
    }
    s->cot[t] = s->cot[t] ? LUDC_EMIT(g, ADD, NULL, s->cot[t], part) : part;
}

void ludc_vjp_side_result(ludc_vjp *v, const char *name) {
    ludc_graph_fail(v->g, LUD_E_UNSUPPORTED, "op %s (number %u): its result %s has no derivative",
                    ludc_op_find(v->op.opcode)->name, v->node, name);
}

static void sweep_node(sweep *s, uint32_t index) {
    lud_graph *g = s->g;
    ludc_vjp v = {.g = g, .op = g->nodes[index], .node = index};
    bool any = false, wanted = false;
    for (uint32_t k = 0; k < v.op.n_out; k++) {
        v.dy[k] = s->cot[v.op.first + k];
        any |= v.dy[k] != 0;
    }
    for (uint32_t i = 0; i < v.op.n_in; i++) {
        v.need[i] = v.op.in[i] && s->need[v.op.in[i]];
        wanted |= v.need[i];
    }
    if (!any || !wanted) return;
    ludc_vjp_rule rule = ludc_vjp_basic(v.op.opcode);
    if (!rule) rule = ludc_vjp_neural(v.op.opcode);
    if (!rule) rule = ludc_vjp_segment(v.op.opcode);
    if (!rule) {
        ludc_graph_fail(g, LUD_E_UNSUPPORTED, "op %s (number %u) has no derivative", ludc_op_find(v.op.opcode)->name,
                        index);
        return;
    }
    rule(&v);
    for (uint32_t i = 0; i < v.op.n_in; i++)
        if (v.dx[i] && v.need[i]) add_cotangent(s, v.op.in[i], v.dx[i]);
}

static bool sweep_init(sweep *s) {
    lud_graph *g = s->g;
    s->n_tensors = g->n_tensors;
    s->need = ludc_alloc(s->n_tensors * sizeof *s->need);
    s->cot = ludc_alloc(s->n_tensors * sizeof *s->cot);
    if (s->need && s->cot) return true;
    return ludc_graph_fail(g, LUD_E_NOMEM, "no memory for the backward pass"), false;
}

/* Spreads `need` from the wanted tensors to everything real that is computed from them. */
static void spread_need(sweep *s) {
    const lud_graph *g = s->g;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const ludc_node *op = &g->nodes[n];
        bool need = false;
        for (uint32_t i = 0; i < op->n_in; i++)
            need |= op->in[i] && s->need[op->in[i]];
        for (uint32_t k = 0; need && k < op->n_out; k++)
            s->need[op->first + k] = g->tensors[op->first + k].shape.dtype != LUD_I32;
    }
}

static bool sweep_check(sweep *s, lud_t y, lud_t dy) {
    lud_graph *g = s->g;
    if (g->err.code != LUD_OK) return false;
    if (y == 0 || y >= g->n_tensors || dy == 0 || dy >= g->n_tensors ||
        !ludc_shape_same(&g->tensors[y].shape, &g->tensors[dy].shape))
        return ludc_graph_fail(g, LUD_E_INVALID, "backward: the cotangent must be a tensor of y's shape"), false;
    return true;
}

static void sweep_run(sweep *s, lud_t y, lud_t dy) {
    lud_graph *g = s->g;
    uint32_t n_nodes = g->n_nodes;
    spread_need(s);
    add_cotangent(s, y, dy);
    for (uint32_t n = n_nodes; n-- > 0 && g->err.code == LUD_OK;)
        sweep_node(s, n);
}

static lud_status sweep_end(sweep *s, lud_error *err) {
    ludc_free(s->need);
    ludc_free(s->cot);
    return ludc_graph_api()->status(s->g, err);
}

lud_status ludc_graph_backward(lud_graph *g, lud_t y, lud_t dy, lud_error *err) {
    sweep s = {.g = g, .to_params = true};
    if (sweep_check(&s, y, dy) && sweep_init(&s)) {
        for (uint32_t i = 0; i < g->n_params; i++)
            s.need[g->params[i].tensor] = g->params[i].trainable;
        sweep_run(&s, y, dy);
    }
    return sweep_end(&s, err);
}

lud_status ludc_graph_gradients(lud_graph *g, lud_t y, lud_t dy, const lud_t *wrt, size_t n, lud_t *out,
                                lud_error *err) {
    sweep s = {.g = g};
    for (size_t i = 0; i < n; i++)
        if (wrt[i] == 0 || wrt[i] >= g->n_tensors)
            return ludc_fail(err, LUD_E_INVALID, "graph: tensor %u to differentiate by does not exist", wrt[i]);
    if (sweep_check(&s, y, dy) && sweep_init(&s)) {
        for (size_t i = 0; i < n; i++)
            s.need[wrt[i]] = true;
        sweep_run(&s, y, dy);
        for (size_t i = 0; i < n; i++)
            out[i] = s.cot[wrt[i]];
    }
    return sweep_end(&s, err);
}

/* ---- Dependence, as programs read the graph ---- */

static void push_unseen(lud_graph *g, lud_t t, bool *seen, uint32_t *stack, uint32_t *n) {
    t = ludc_graph_resolve(g, t);
    if (g->tensors[t].source != LUDC_SRC_OP) return;
    uint32_t node = (uint32_t)g->tensors[t].index;
    if (seen[node]) return;
    seen[node] = true;
    stack[(*n)++] = node;
}

bool ludc_graph_depends(lud_graph *g, lud_t t, uint32_t node) {
    bool *seen = ludc_alloc(g->n_nodes * sizeof *seen), found = true;
    uint32_t *stack = ludc_alloc(g->n_nodes * sizeof *stack), n = 0;
    if (!seen || !stack) {
        ludc_graph_fail(g, LUD_E_NOMEM, "no memory for the backward pass");
        goto out;
    }
    push_unseen(g, t, seen, stack, &n);
    while (n > 0) {
        uint32_t at = stack[--n];
        const ludc_node *op = &g->nodes[at];
        if (at == node) goto out;
        for (uint32_t i = 0; i < op->n_in; i++)
            if (op->in[i]) push_unseen(g, op->in[i], seen, stack, &n);
    }
    found = false;
out:
    ludc_free(seen);
    ludc_free(stack);
    return found;
}
