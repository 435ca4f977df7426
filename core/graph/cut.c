/* SPDX-License-Identifier: Apache-2.0
 * Cutting a graph at a marked tensor, so that programs are given its value instead of computing it. That is right as
 * long as the value depends on the inputs alone: then what was computed once may be kept, and `ludc_graph_tell` says
 * all that decides it beside the inputs. What lies below and reaches a result by another way is computed as before;
 * derivatives never go below, for nothing there is trained. */
#include "internal.h"

/* Why the results of a node change in training though none of its operands does; NULL: they do not. */
static const char *cause_of(const lud_graph *g, const ludc_node *n) {
    if (n->opcode == LUD_OP_DROPOUT) return "dropout";
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ludc_gtensor *t = &g->tensors[n->in[i]];
        if (t->trained && t->source == LUDC_SRC_PARAM) return ludc_store_at(g->store, (size_t)t->index)->name;
    }
    return NULL;
}

lud_t ludc_graph_frozen_layer(const lud_graph *g, int32_t *layer, const char **first) {
    lud_t found = 0;
    *first = NULL;
    for (uint32_t i = 0; i < g->n_nodes && !*first; i++)
        *first = cause_of(g, &g->nodes[i]);
    for (uint32_t i = 0; i < g->n_marks; i++) {
        const ludc_gmark *m = &g->marks[i];
        if (m->kind != LUD_MARK_LAYER || g->tensors[m->tensor].trained) continue;
        found = m->tensor;
        *layer = m->layer;
    }
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
static bool tell_param(const lud_graph *g, size_t index, ludc_graph_sink *sink, void *arg) {
    const int64_t n = ludc_store_at(g->store, index)->count;
    float *values = ludc_alloc((size_t)n * sizeof *values);
    bool ok = values && ludc_store_get(g->store, index, values, NULL) == LUD_OK;
    if (ok) sink(arg, values, (size_t)n * sizeof *values);
    ludc_free(values);
    return ok;
}

static bool tell_leaf(const lud_graph *g, const ludc_gtensor *t, ludc_graph_sink *sink, void *arg) {
    const ludc_gconst *c = t->source == LUDC_SRC_CONST ? &g->consts[t->index] : NULL;
    sink(arg, &t->source, sizeof t->source);
    sink(arg, &t->shape, sizeof t->shape);
    if (t->source == LUDC_SRC_INPUT) sink(arg, &t->index, sizeof t->index);
    if (c) sink(arg, c->data, c->bytes);
    return t->source != LUDC_SRC_PARAM || tell_param(g, (size_t)t->index, sink, arg);
}

static bool tell_node(const lud_graph *g, const ludc_node *n, ludc_graph_sink *sink, void *arg) {
    sink(arg, &n->opcode, sizeof n->opcode);
    sink(arg, &n->flags, sizeof n->flags);
    sink(arg, n->in, n->n_in * sizeof n->in[0]);
    sink(arg, &n->attr, n->attr_size);
    bool ok = true;
    for (uint32_t i = 0; ok && i < n->n_in; i++)
        if (n->in[i] && g->tensors[n->in[i]].source != LUDC_SRC_OP) ok = tell_leaf(g, &g->tensors[n->in[i]], sink, arg);
    return ok;
}

bool ludc_graph_tell(const lud_graph *g, lud_t t, ludc_graph_sink *sink, void *arg) {
    bool *below = ludc_alloc(g->n_tensors * sizeof *below);
    if (!below) return false;
    bool ok = true;
    below[t] = true;
    sink(arg, &g->opts.real, sizeof g->opts.real);
    for (uint32_t k = g->n_nodes; ok && k-- > 0;) {
        const ludc_node *n = &g->nodes[k];
        bool any = false;
        for (uint32_t i = 0; i < n->n_out; i++)
            any |= below[n->first + i];
        if (!any) continue;
        for (uint32_t i = 0; i < n->n_in; i++)
            below[n->in[i]] = true;
        ok = tell_node(g, n, sink, arg);
    }
    ludc_free(below);
    return ok;
}
