/* SPDX-License-Identifier: Apache-2.0
 * From graph to program: which operations are needed, in which order, over which tensors. The order is that of
 * emission, except that what a joined cross-entropy needs moves before the first reader of its loss, and that a PACK
 * comes when its input exists: then that need not be kept. Views (RESHAPE)
 * are no operations of a program: their results share the memory of the input. */
#include "program.h"
#include <string.h>

typedef struct lower {
    const lud_graph *g;
    ludc_program *p;
    uint8_t *live;   /* by node */
    uint8_t *placed; /* by node: 1 visiting, 2 done */
    uint32_t *order, *stack;
    uint32_t *pack; /* by node: 1 + the PACK that reads its first result, 0 = none */
    uint32_t n_order;
    lud_error *err;
} lower;

static bool side_effect(uint32_t opcode) {
    return ludc_op_writes(opcode) != 0 && opcode != LUD_OP_ATTENTION_CACHED;
}

static uint32_t producer(const lud_graph *g, lud_t t) {
    const ludc_gtensor *x = &g->tensors[ludc_graph_resolve(g, t)];
    return x->source == LUDC_SRC_OP ? (uint32_t)x->index : UINT32_MAX;
}

static void mark_live(lower *l, uint32_t node) {
    uint32_t n = 0;
    if (node == UINT32_MAX || l->live[node]) return;
    l->live[node] = 1;
    l->stack[n++] = node;
    while (n > 0) {
        const ludc_node *op = &l->g->nodes[l->stack[--n]];
        for (uint32_t i = 0; i < op->n_in; i++) {
            uint32_t up = op->in[i] ? producer(l->g, op->in[i]) : UINT32_MAX;
            if (up == UINT32_MAX || l->live[up]) continue;
            l->live[up] = 1;
            l->stack[n++] = up;
        }
    }
}

/* Places a node after everything it reads (depth first; the stack holds the nodes that wait). */
static lud_status place_node(lower *l, uint32_t node) {
    uint32_t n = 0;
    if (l->placed[node]) return LUD_OK;
    l->stack[n++] = node;
    while (n > 0) {
        uint32_t at = l->stack[n - 1], before = n;
        const ludc_node *op = &l->g->nodes[at];
        l->placed[at] = 1;
        for (uint32_t i = 0; i < op->n_in && n == before; i++) {
            uint32_t up = op->in[i] ? producer(l->g, op->in[i]) : UINT32_MAX;
            if (up == UINT32_MAX || l->placed[up] == 2) continue;
            /* Moving a change in place past readers of the old value would change results. */
            if (l->placed[up] == 1 || side_effect(l->g->nodes[up].opcode))
                return ludc_fail(l->err, LUD_E_INTERNAL, "graph: the operations cannot be ordered (op %u)", up);
            l->stack[n++] = up;
        }
        if (n > before) continue;
        l->placed[at] = 2;
        l->order[l->n_order++] = at;
        n--;
    }
    return LUD_OK;
}

static lud_status order_nodes(lower *l, const lud_t *roots, size_t n_roots) {
    const lud_graph *g = l->g;
    for (size_t i = 0; i < n_roots; i++) {
        if (roots[i] == 0 || roots[i] >= g->n_tensors || g->tensors[roots[i]].source == LUDC_SRC_VOID)
            return ludc_fail(l->err, LUD_E_INVALID, "graph: root %zu (id %u) is not a tensor", i, roots[i]);
        mark_live(l, producer(g, roots[i]));
    }
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (side_effect(g->nodes[i].opcode)) mark_live(l, i);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        uint32_t up = g->nodes[i].opcode == LUD_OP_PACK && l->live[i] ? producer(g, g->nodes[i].in[0]) : UINT32_MAX;
        if (up != UINT32_MAX) l->pack[up] = i + 1;
    }
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (l->live[i]) LUDC_TRY(place_node(l, i));
        if (l->pack[i]) LUDC_TRY(place_node(l, l->pack[i] - 1));
    }
    return LUD_OK;
}

static int32_t role_of(const ludc_gtensor *t) {
    switch (t->source) {
    case LUDC_SRC_INPUT:
        return LUD_ROLE_INPUT;
    case LUDC_SRC_CONST:
        return LUD_ROLE_CONST;
    case LUDC_SRC_PARAM:
        return LUD_ROLE_PARAM;
    case LUDC_SRC_GRAD:
        return LUD_ROLE_GRAD;
    case LUDC_SRC_KV:
        return LUD_ROLE_KV;
    case LUDC_SRC_FLAT:
        if (t->which == LUDC_FLAT_VALUES) return LUD_ROLE_PARAM;
        return t->which == LUDC_FLAT_GRADS ? LUD_ROLE_GRAD : LUD_ROLE_STATE;
    default:
        return LUD_ROLE_TEMP;
    }
}

static void describe(lud_tensor *d, const lud_graph *g, const ludc_gtensor *t) {
    const lud_shape *s = &t->shape;
    int64_t stride = 1;
    *d = (lud_tensor){.struct_size = sizeof *d, .dtype = s->dtype, .role = role_of(t), .rank = s->rank};
    for (int32_t i = s->rank - 1; i >= 0; i--) {
        d->dim[i] = s->dim[i];
        d->stride[i] = stride;
        stride *= s->dim[i];
    }
    d->bytes = (uint64_t)ludc_graph_count(g, s) * ludc_dtype_size(s->dtype);
}

static lud_t add_tensor(lower *l, lud_t id) {
    const ludc_gtensor *t = &l->g->tensors[id];
    lud_t own = l->p->n_tensors++;
    ludc_ptensor *x = &l->p->tensors[own];
    *x = (ludc_ptensor){.base = own, .source = t->source, .which = t->which, .index = t->index};
    describe(&x->desc, l->g, t);
    l->p->local[id] = own;
    return own;
}

/* Own id of a tensor that an op reads; leaves enter the program here. All readers of one leaf memory share its id. */
static lud_t use_tensor(lower *l, lud_t id) {
    id = ludc_graph_resolve(l->g, id);
    lud_t own = l->p->local[id];
    return own ? own : add_tensor(l, id);
}

static void set_alias(ludc_program *p, lud_t own, lud_t of) {
    ludc_ptensor *x = &p->tensors[own], *base = &p->tensors[p->tensors[of].base];
    x->base = p->tensors[of].base;
    x->desc.alias_of = x->base;
    x->desc.role = base->desc.role;
    x->source = base->source;
}

static void lower_view(lower *l, const ludc_node *n) {
    lud_t of = use_tensor(l, n->in[0]);
    set_alias(l->p, add_tensor(l, n->first), of);
}

static void lower_op(lower *l, const ludc_node *n) {
    ludc_program *p = l->p;
    uint32_t at = p->n_ops++, writes = ludc_op_writes(n->opcode);
    ludc_pop *o = &p->ops[at];
    o->attr = n->attr;
    for (uint32_t i = 0; i < n->n_in; i++) {
        o->in[i] = n->in[i] ? use_tensor(l, n->in[i]) : 0;
        if (!o->in[i]) continue;
        ludc_ptensor *base = &p->tensors[p->tensors[o->in[i]].base];
        base->last = at;
        if (writes & (1u << i)) base->written = true;
    }
    static const lud_attr_none none;
    o->op = (lud_op){.struct_size = sizeof o->op,
                     .opcode = n->opcode,
                     .n_in = n->n_in,
                     .n_out = n->n_out,
                     .flags = n->flags,
                     .attr_size = n->attr_size ? n->attr_size : (uint32_t)sizeof none,
                     .in = o->in,
                     .attr = n->attr_size ? (const void *)&o->attr : &none,
                     .stream = n->stream};
    p->op_ptrs[at] = &o->op;
    for (uint32_t k = 0; k < n->n_out; k++) {
        lud_t own = add_tensor(l, n->first + k);
        p->tensors[own].first = p->tensors[own].last = at;
        if (k == 0) p->first_result[at] = own;
    }
    int alias = ludc_op_alias(n->opcode);
    if (alias >= 0) set_alias(p, p->first_result[at], o->in[alias]);
}

/* Roots keep their memory to the end, and only they may be read. */
static void lower_roots(lower *l, const lud_t *roots, size_t n_roots) {
    ludc_program *p = l->p;
    for (size_t i = 0; i < n_roots; i++) {
        lud_t own = use_tensor(l, roots[i]);
        p->local[roots[i]] = own;
        ludc_ptensor *base = &p->tensors[p->tensors[own].base];
        base->last = UINT32_MAX;
        if (base->desc.role == LUD_ROLE_TEMP) base->desc.role = LUD_ROLE_OUTPUT;
        p->tensors[own].desc.role = base->desc.role;
    }
}

static bool alloc_program(ludc_program *p, const lud_graph *g) {
    p->n_graph = g->n_tensors;
    p->real = g->opts.real;
    p->n_extents = g->n_extents;
    p->n_tensors = 1;
    p->ops = ludc_alloc(g->n_nodes * sizeof *p->ops);
    p->op_ptrs = ludc_alloc(g->n_nodes * sizeof *p->op_ptrs);
    p->first_result = ludc_alloc(g->n_nodes * sizeof *p->first_result);
    p->tensors = ludc_alloc(g->n_tensors * sizeof *p->tensors);
    p->local = ludc_alloc(g->n_tensors * sizeof *p->local);
    p->input_bit = ludc_alloc(g->n_tensors);
    p->extents = ludc_alloc(g->n_extents * sizeof *p->extents);
    p->extent_max = ludc_alloc(g->n_extents * sizeof *p->extent_max);
    p->extent_now = ludc_alloc(g->n_extents * sizeof *p->extent_now);
    return p->ops && p->op_ptrs && p->first_result && p->tensors && p->local && p->input_bit && p->extents &&
           p->extent_max && p->extent_now;
}

/* The constants in one block, in the order of their ids here; offsets are those that planning gives them. */
static lud_status take_constants(ludc_program *p, const lud_graph *g, lud_error *err) {
    uint64_t at = 0;
    for (lud_t t = 1; t < p->n_tensors; t++) {
        ludc_ptensor *x = &p->tensors[t];
        if (x->source != LUDC_SRC_CONST || x->base != t) continue;
        x->desc.offset = at;
        at += (x->desc.bytes + 63) / 64 * 64;
    }
    p->bytes[LUDC_BUF_CONSTS] = at;
    p->const_data = ludc_alloc(at);
    if (!p->const_data) return ludc_fail(err, LUD_E_NOMEM, "graph: no memory for constants");
    for (lud_t t = 1; t < p->n_tensors; t++) {
        const ludc_ptensor *x = &p->tensors[t];
        if (x->source != LUDC_SRC_CONST || x->base != t) continue;
        const ludc_gconst *c = &g->consts[x->index];
        memcpy((char *)p->const_data + x->desc.offset, c->data, c->bytes);
    }
    return LUD_OK;
}

static void lower_all(lower *l, const lud_t *roots, size_t n_roots) {
    ludc_program *p = l->p;
    const lud_graph *g = l->g;
    for (uint32_t i = 0; i < l->n_order; i++) {
        const ludc_node *n = &g->nodes[l->order[i]];
        if (n->opcode == LUD_OP_RESHAPE)
            lower_view(l, n);
        else
            lower_op(l, n);
    }
    lower_roots(l, roots, n_roots);
    for (uint32_t t = 1; t < g->n_tensors; t++)
        p->input_bit[t] = g->tensors[t].source == LUDC_SRC_INPUT;
    for (uint32_t e = 1; e < g->n_extents; e++) {
        p->extents[e] = g->extents[e];
        p->extent_max[e] = g->extents[e].max;
    }
}

lud_status ludc_program_lower(ludc_program *p, const lud_graph *g, const lud_t *roots, size_t n_roots, lud_error *err) {
    lower l = {.g = g, .p = p, .err = err};
    lud_status status = LUD_E_NOMEM;
    l.live = ludc_alloc(g->n_nodes);
    l.placed = ludc_alloc(g->n_nodes);
    l.order = ludc_alloc(g->n_nodes * sizeof *l.order);
    l.stack = ludc_alloc(((size_t)g->n_nodes + 1) * sizeof *l.stack);
    l.pack = ludc_alloc(g->n_nodes * sizeof *l.pack);
    if (!l.live || !l.placed || !l.order || !l.stack || !l.pack || !alloc_program(p, g)) {
        ludc_fail(err, LUD_E_NOMEM, "graph: no memory for a program of %u operations", g->n_nodes);
        goto out;
    }
    status = order_nodes(&l, roots, n_roots);
    if (status != LUD_OK) goto out;
    lower_all(&l, roots, n_roots);
    status = take_constants(p, g, err);
out:
    ludc_free(l.live);
    ludc_free(l.placed);
    ludc_free(l.order);
    ludc_free(l.stack);
    ludc_free(l.pack);
    return status;
}
