/* SPDX-License-Identifier: Apache-2.0
 * Cutting a graph at a marked tensor, so that programs are given its value instead of computing it. That is right as
 * long as the value depends on the inputs alone: then what was computed once may be kept, and `ludc_graph_tell` says
 * all that decides it beside the inputs. What lies below and reaches a result by another way is computed as before;
 * derivatives never go below, for nothing there is trained. */
#include "internal.h"

static const char *moving_param(const lud_graph *g, const ludc_node *n) {
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ludc_gtensor *t = &g->tensors[n->in[i]];
        if (t->source != LUDC_SRC_PARAM) continue;
        const ludc_param *p = ludc_store_at(g->store, (size_t)t->index);
        if (p->trainable || (p->spec.flags & LUD_PARAM_STATE)) return p->name;
    }
    return NULL;
}

/* Marks what training moves: results of trainable parameters and of random numbers, and all that follows from them. */
static void spread(const lud_graph *g, bool *moves, const char **first) {
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        const ludc_node *n = &g->nodes[k];
        const char *cause = n->opcode == LUD_OP_DROPOUT ? "dropout" : moving_param(g, n);
        bool any = cause != NULL;
        if (cause && !*first) *first = cause;
        for (uint32_t i = 0; i < n->n_in; i++)
            any |= moves[n->in[i]];
        for (uint32_t i = 0; i < n->n_out; i++)
            moves[n->first + i] = any;
    }
}

lud_t ludc_graph_frozen_layer(lud_graph *g, int32_t *layer, const char **first) {
    bool *moves = ludc_alloc(g->n_tensors * sizeof *moves);
    lud_t found = 0;
    *first = NULL;
    if (!moves) return ludc_graph_fail(g, LUD_E_NOMEM, "no memory to find the frozen layers");
    spread(g, moves, first);
    for (uint32_t i = 0; i < g->n_marks; i++) {
        const ludc_gmark *m = &g->marks[i];
        if (m->kind != LUD_MARK_LAYER || moves[m->tensor]) continue;
        found = m->tensor;
        *layer = m->layer;
    }
    ludc_free(moves);
    return found;
}

lud_t ludc_graph_give(lud_graph *g, lud_t t, const char *name) {
    if (t == 0 || t >= g->n_tensors) return ludc_graph_fail(g, LUD_E_INVALID, "input '%s' of no tensor", name);
    const lud_shape shape = g->tensors[t].shape;
    const lud_t given = ludc_graph_input(g, name, &shape);
    if (given) g->tensors[t].replaced = given;
    return given;
}

/* ---- What decides a value ---- */
static void tell_leaf(const lud_graph *g, const ludc_gtensor *t, ludc_graph_sink *sink, void *arg) {
    const ludc_param *p = t->source == LUDC_SRC_PARAM ? ludc_store_at(g->store, (size_t)t->index) : NULL;
    const float *values = p ? ludc_store_host(g->store, (size_t)t->index) : NULL;
    const ludc_gconst *c = t->source == LUDC_SRC_CONST ? &g->consts[t->index] : NULL;
    sink(arg, &t->source, sizeof t->source);
    sink(arg, &t->shape, sizeof t->shape);
    if (t->source == LUDC_SRC_INPUT) sink(arg, &t->index, sizeof t->index);
    if (values) sink(arg, values, (size_t)p->count * sizeof *values);
    if (c) sink(arg, c->data, c->bytes);
}

static void tell_node(const lud_graph *g, const ludc_node *n, ludc_graph_sink *sink, void *arg) {
    sink(arg, &n->opcode, sizeof n->opcode);
    sink(arg, &n->flags, sizeof n->flags);
    sink(arg, n->in, n->n_in * sizeof n->in[0]);
    sink(arg, &n->attr, n->attr_size);
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] && g->tensors[n->in[i]].source != LUDC_SRC_OP) tell_leaf(g, &g->tensors[n->in[i]], sink, arg);
}

bool ludc_graph_tell(const lud_graph *g, lud_t t, ludc_graph_sink *sink, void *arg) {
    bool *below = ludc_alloc(g->n_tensors * sizeof *below);
    if (!below) return false;
    below[t] = true;
    sink(arg, &g->opts.real, sizeof g->opts.real);
    for (uint32_t k = g->n_nodes; k-- > 0;) {
        const ludc_node *n = &g->nodes[k];
        bool any = false;
        for (uint32_t i = 0; i < n->n_out; i++)
            any |= below[n->first + i];
        if (!any) continue;
        for (uint32_t i = 0; i < n->n_in; i++)
            below[n->in[i]] = true;
        tell_node(g, n, sink, arg);
    }
    ludc_free(below);
    return true;
}
