/* SPDX-License-Identifier: Apache-2.0
 * A hash of everything that decides what a graph computes. Two builds of one instance must agree: building is pure. */
#include "internal.h"
#include <string.h>

static uint64_t mix(uint64_t h, const void *p, size_t n) {
    return lud_mix64(h ^ ludc_hash(p, n));
}

static uint64_t mix_int(uint64_t h, uint64_t v) {
    return lud_mix64(h ^ v);
}

static uint64_t hash_tensor(const lud_graph *g, uint64_t h, const ludc_gtensor *t) {
    h = mix_int(h, (uint64_t)(uint32_t)t->shape.dtype << 32 | (uint32_t)t->source);
    h = mix(h, t->shape.dim, (size_t)t->shape.rank * sizeof t->shape.dim[0]);
    h = mix_int(h, t->replaced);
    if (t->source != LUDC_SRC_PARAM && t->source != LUDC_SRC_GRAD) return mix_int(h, (uint64_t)t->index);
    const char *name = ludc_store_at(g->store, (size_t)t->index)->name;
    return mix(h, name, strlen(name));
}

static uint64_t hash_node(uint64_t h, const ludc_node *n) {
    h = mix_int(h, (uint64_t)n->flags << 32 | n->opcode);
    h = mix(h, n->in, n->n_in * sizeof n->in[0]);
    h = mix(h, &n->attr, n->attr_size);
    return mix_int(mix_int(h, n->stream), n->first);
}

uint64_t ludc_graph_hash(const lud_graph *g) {
    uint64_t h = mix_int(0, (uint64_t)(uint32_t)g->opts.real);
    for (uint32_t i = 1; i < g->n_extents; i++)
        h = mix_int(mix_int(h, (uint64_t)g->extents[i].max), (uint64_t)g->extents[i].factor);
    for (uint32_t i = 1; i < g->n_tensors; i++)
        h = hash_tensor(g, h, &g->tensors[i]);
    for (uint32_t i = 0; i < g->n_consts; i++)
        h = mix(mix(h, g->consts[i].name, strlen(g->consts[i].name)), g->consts[i].data, g->consts[i].bytes);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        h = hash_node(h, &g->nodes[i]);
    return h;
}
