/* SPDX-License-Identifier: Apache-2.0
 * The graph's storage: tensors, nodes, extents, scopes, the sticky error, and emit. The first error wins and names the
 * operation and the scope; after it every call returns 0 and changes nothing. */
#include "internal.h"
#include <stdio.h>
#include <string.h>

bool ludc_vec_grow(void *slot, uint32_t *cap, uint32_t need, size_t elem) {
    if (need <= *cap) return true;
    uint32_t want = LUDC_MAX(need, *cap ? *cap * 2 : 64);
    void *p;
    memcpy(&p, slot, sizeof p);
    p = ludc_realloc(p, *cap * elem, want * elem);
    if (!p) return false;
    memcpy(slot, &p, sizeof p);
    *cap = want;
    return true;
}

lud_t ludc_graph_fail(lud_graph *g, lud_status code, const char *fmt, ...) {
    if (g->err.code != LUD_OK) return 0;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (g->scope.len > 0)
        ludc_fail(&g->err, code, "graph, scope '%s': %s", g->scope.ptr, text);
    else
        ludc_fail(&g->err, code, "graph: %s", text);
    return 0;
}

static lud_t no_memory(lud_graph *g) {
    return ludc_graph_fail(g, LUD_E_NOMEM, "no memory to build the graph");
}

lud_graph *ludc_graph_new(const ludc_graph_opts *opts, lud_error *err) {
    if (!opts->store || (opts->real != LUD_F32 && opts->real != LUD_F64)) {
        ludc_fail(err, LUD_E_INVALID, "graph: needs a parameter store and real = F32 or F64");
        return NULL;
    }
    lud_graph *g = ludc_alloc(sizeof *g);
    if (!g) goto fail;
    g->opts = *opts;
    g->store = opts->store;
    if (opts->hooks) g->hooks = *opts->hooks;
    g->err = LUDC_ERROR_INIT;
    g->n_tensors = g->n_extents = 1;
    g->param_by_name = ludc_map_new(256);
    g->streams = ludc_map_new(16);
    if (!g->param_by_name || !g->streams) goto fail;
    if (!ludc_vec_grow(&g->tensors, &g->cap_tensors, 256, sizeof *g->tensors)) goto fail;
    if (!ludc_vec_grow(&g->nodes, &g->cap_nodes, 256, sizeof *g->nodes)) goto fail;
    if (!ludc_vec_grow(&g->extents, &g->cap_extents, 8, sizeof *g->extents)) goto fail;
    g->tensors[0].source = LUDC_SRC_VOID;
    return g;
fail:
    ludc_fail(err, LUD_E_NOMEM, "graph: no memory for a new graph");
    ludc_graph_free(g);
    return NULL;
}

void ludc_graph_free(lud_graph *g) {
    if (!g) return;
    for (uint32_t i = 0; i < g->n_consts; i++) {
        ludc_free(g->consts[i].name);
        ludc_free(g->consts[i].data);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        ludc_free(g->input_names[i]);
    ludc_map_free(g->param_by_name);
    ludc_map_free(g->streams);
    ludc_buf_free(&g->scope);
    ludc_free(g->nodes);
    ludc_free(g->tensors);
    ludc_free(g->params);
    ludc_free(g->consts);
    ludc_free(g->extents);
    ludc_free(g->marks);
    ludc_free(g->slots);
    ludc_free(g->input_names);
    ludc_free(g->scope_len);
    ludc_free(g);
}

int32_t ludc_graph_extent(lud_graph *g, int64_t max) {
    if (g->err.code) return 0;
    if (max < 1 || max > LUDC_MAX_COUNT) {
        ludc_graph_fail(g, LUD_E_INVALID, "an extent needs a maximum of at least 1, got %lld", (long long)max);
        return 0;
    }
    if (!ludc_vec_grow(&g->extents, &g->cap_extents, g->n_extents + 1, sizeof *g->extents))
        return (int32_t)no_memory(g);
    int32_t number = (int32_t)g->n_extents++;
    g->extents[number] = (ludc_gextent){.max = max, .base = number, .factor = 1};
    return number;
}

void ludc_graph_scope_push(lud_graph *g, const char *scope) {
    if (!ludc_vec_grow(&g->scope_len, &g->cap_scopes, g->n_scopes + 1, sizeof *g->scope_len)) {
        no_memory(g);
        return;
    }
    g->scope_len[g->n_scopes++] = g->scope.len;
    ludc_buf_adds(&g->scope, scope);
    if (g->scope.failed) no_memory(g);
}

void ludc_graph_scope_pop(lud_graph *g) {
    if (g->n_scopes == 0) return;
    size_t len = g->scope_len[--g->n_scopes];
    g->scope.len = len;
    if (g->scope.ptr) g->scope.ptr[len] = 0;
}

lud_t ludc_graph_tensor(lud_graph *g, const lud_shape *shape, int32_t source, int64_t index) {
    const lud_shape copy = *shape; /* may lie in the array that grows */
    if (!ludc_vec_grow(&g->tensors, &g->cap_tensors, g->n_tensors + 1, sizeof *g->tensors)) return no_memory(g);
    g->tensors[g->n_tensors] = (ludc_gtensor){.shape = copy, .source = source, .index = index};
    return g->n_tensors++;
}

lud_t ludc_graph_flat(lud_graph *g, int which, int64_t first, int64_t count) {
    lud_shape shape = {.dtype = g->opts.real, .rank = 1, .dim = {count}};
    lud_t t = ludc_graph_tensor(g, &shape, LUDC_SRC_FLAT, first);
    if (t) g->tensors[t].which = which;
    return t;
}

lud_t ludc_graph_resolve(const lud_graph *g, lud_t t) {
    while (g->tensors[t].replaced)
        t = g->tensors[t].replaced;
    return t;
}

/* ---- emit ---- */

/* Copies the op's record; false after a failure. Attributes are made canonical so that equal builds hash equal. */
static bool take_record(lud_graph *g, const lud_op *op, ludc_node *n) {
    const ludc_op_info *info = ludc_op_find(op->opcode);
    if (!info) return ludc_graph_fail(g, LUD_E_UNSUPPORTED, "unknown operation %u", op->opcode), false;
    if (op->n_in != info->n_in || (op->n_out != 0 && op->n_out != info->n_out)) {
        ludc_graph_fail(g, LUD_E_INVALID, "op %s takes %u inputs and gives %u results, got %u and %u", info->name,
                        info->n_in, info->n_out, op->n_in, op->n_out);
        return false;
    }
    *n = (ludc_node){.opcode = op->opcode, .n_in = info->n_in, .n_out = info->n_out, .stream = op->stream};
    uint32_t flags = op->opcode == LUD_OP_ATTENTION ? LUD_OP_BF16 : op->flags;
    n->flags = flags & ((g->opts.bf16 ? LUD_OP_BF16 : 0u) | (g->hooks.int8 ? LUD_OP_INT8 : 0u));
    memcpy(n->in, op->in, info->n_in * sizeof n->in[0]);
    if (ludc_op_plain(op->opcode)) return true;
    if (op->attr_size != info->attr_size || !op->attr) {
        ludc_graph_fail(g, LUD_E_INVALID, "op %s needs an attribute of %u bytes, got %u", info->name, info->attr_size,
                        op->attr ? op->attr_size : 0);
        return false;
    }
    n->attr_size = info->attr_size;
    memcpy(&n->attr, op->attr, info->attr_size);
    if (op->opcode == LUD_OP_SUM_TO || op->opcode == LUD_OP_RESHAPE) {
        n->attr.shape.reserved = 0;
        for (int32_t i = LUDC_MAX(n->attr.shape.rank, 0); i < 8; i++)
            n->attr.shape.dim[i] = 0;
    }
    return true;
}

static bool op_fail(lud_graph *g, const ludc_node *n, const char *why) {
    ludc_graph_fail(g, LUD_E_INVALID, "op %s (number %u): %s", ludc_op_find(n->opcode)->name, g->n_nodes, why);
    return false;
}

/* Every input exists, and what the op changes in place may be changed. */
static bool check_inputs(lud_graph *g, const ludc_node *n, ludc_infer *r) {
    char why[160];
    uint32_t optional = ludc_op_optional(n->opcode), writes = ludc_op_writes(n->opcode);
    for (uint32_t i = 0; i < n->n_in; i++) {
        lud_t t = n->in[i];
        r->in[i] = t ? &g->tensors[LUDC_MIN(t, g->n_tensors - 1)].shape : NULL;
        if (t == 0 && optional & (1u << i)) continue;
        if (t == 0 || t >= g->n_tensors || g->tensors[t].source == LUDC_SRC_VOID || r->in[i]->dim[0] == 0) {
            snprintf(why, sizeof why, "input %u is missing or is not a tensor of this graph (id %u)", i, t);
            return op_fail(g, n, why);
        }
        const ludc_gtensor *x = &g->tensors[t];
        bool fixed = x->source == LUDC_SRC_CONST ||
                     (x->source == LUDC_SRC_PARAM && !ludc_store_at(g->store, (size_t)x->index)->trainable);
        if (writes & (1u << i) && fixed) {
            snprintf(why, sizeof why, "input %u is changed in place, but is a constant or a frozen parameter", i);
            return op_fail(g, n, why);
        }
    }
    return true;
}

static bool derive_stream(lud_graph *g, ludc_node *n) {
    if (n->opcode != LUD_OP_DROPOUT || n->stream != 0) return true;
    int64_t number = 0;
    lud_str scope = {g->scope.ptr ? g->scope.ptr : "", g->scope.len};
    ludc_map_get(g->streams, scope, &number);
    if (!ludc_map_put(g->streams, scope, number + 1)) return no_memory(g), false;
    n->stream = lud_mix64(ludc_hash(scope.ptr, scope.len) ^ lud_mix64((uint64_t)number + 1));
    return true;
}

static lud_t append(lud_graph *g, ludc_node *n, const ludc_infer *r) {
    if (!ludc_vec_grow(&g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes) ||
        !ludc_vec_grow(&g->tensors, &g->cap_tensors, g->n_tensors + n->n_out, sizeof *g->tensors))
        return no_memory(g);
    bool trained = n->opcode == LUD_OP_DROPOUT;
    for (uint32_t i = 0; i < n->n_in; i++)
        trained |= g->tensors[n->in[i]].trained;
    n->first = g->n_tensors;
    for (uint32_t k = 0; k < n->n_out; k++) {
        const lud_t t = ludc_graph_tensor(g, &r->out[k], LUDC_SRC_OP, (int64_t)g->n_nodes);
        g->tensors[t].trained = trained;
    }
    g->nodes[g->n_nodes++] = *n;
    return n->first;
}

static lud_t emit_node(lud_graph *g, ludc_node *n) {
    ludc_infer r = {.g = g, .op = n};
    if (!check_inputs(g, n, &r)) return 0;
    if (!ludc_infer_shapes(&r)) return op_fail(g, n, r.why), 0;
    if (!derive_stream(g, n)) return 0;
    return append(g, n, &r);
}

/* In a cached graph attention reads and writes the page pools of its slot. The result has no lse: an id that nobody
 * may read keeps its place. */
static lud_t emit_cached(lud_graph *g, const ludc_node *plain) {
    int32_t slot = plain->attr.attention.cache_slot;
    for (uint32_t i = 0; i < g->n_slots; i++)
        if (g->slots[i] == slot)
            return ludc_graph_fail(g, LUD_E_INVALID, "op ATTENTION: cache_slot %d is used twice", (int)slot);
    if (!g->seq_positions || !g->page_table)
        return ludc_graph_fail(g, LUD_E_INVALID, "op ATTENTION: a cached graph needs positions and a page table");
    lud_t k = plain->in[1];
    if (k == 0 || k >= g->n_tensors || g->tensors[k].shape.rank != 3)
        return ludc_graph_fail(g, LUD_E_INVALID, "op ATTENTION: input 1 must be real of rank 3");
    if (!ludc_vec_grow(&g->slots, &g->cap_slots, g->n_slots + 1, sizeof *g->slots)) return no_memory(g);
    g->slots[g->n_slots++] = slot;
    int64_t groups = g->tensors[k].shape.dim[1], head = g->tensors[k].shape.dim[2];
    lud_t k_pool = ludc_graph_pool(g, groups, head, g->opts.page_size);
    lud_t v_pool = ludc_graph_pool(g, groups, g->opts.page_size, head);
    if (!k_pool || !v_pool) return 0;
    ludc_node n = {.opcode = LUD_OP_ATTENTION_CACHED, .n_in = 9, .n_out = 1, .attr_size = plain->attr_size};
    n.attr = plain->attr, n.flags = plain->flags;
    const lud_t in[LUDC_MAX_IN] = {plain->in[0],  k,      plain->in[2], plain->in[3], g->seq_positions,
                                   g->page_table, k_pool, v_pool,       plain->in[4]};
    memcpy(n.in, in, sizeof n.in);
    lud_t out = emit_node(g, &n);
    return out && ludc_graph_tensor(g, &g->tensors[out].shape, LUDC_SRC_VOID, 0) ? out : 0;
}

lud_t ludc_graph_emit(lud_graph *g, const lud_op *op) {
    ludc_node n;
    if (g->err.code != LUD_OK) return 0;
    if (!take_record(g, op, &n)) return 0;
    if (g->opts.cached && n.opcode == LUD_OP_ATTENTION && n.attr.attention.cache_slot >= 0) return emit_cached(g, &n);
    return emit_node(g, &n);
}

lud_t ludc_graph_emit_op(lud_graph *g, uint32_t opcode, uint32_t flags, const void *attr, uint64_t stream,
                         const lud_t *in) {
    const ludc_op_info *info = ludc_op_find(opcode);
    const lud_op op = {.struct_size = sizeof op,
                       .opcode = opcode,
                       .n_in = info->n_in,
                       .n_out = info->n_out,
                       .flags = flags,
                       .attr_size = attr ? info->attr_size : 0,
                       .in = in,
                       .attr = attr,
                       .stream = stream};
    return ludc_graph_emit(g, &op);
}
