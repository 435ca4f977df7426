/* SPDX-License-Identifier: Apache-2.0
 * The memory plan: every temporary gets an offset in one arena so that no two that live at the same time overlap. A
 * result may take over the memory of an input that dies at its op (ludc_op_overlay). Blocks are placed largest first,
 * each into the tightest gap among those alive with it (after Pisarchyk and Lee 2020, arXiv 2001.03288). */
#include "program.h"
#include <stdlib.h>
#include <string.h>

typedef struct block {
    uint64_t bytes, offset;
    uint32_t first, last, number;
    uint32_t taken; /* 1 + the op at which a result took it over last */
} block;

typedef struct planner {
    ludc_program *p;
    block *blocks;
    uint32_t *of; /* tensor -> block */
    block **by_size, **by_offset;
    uint32_t n_blocks;
} planner;

static uint64_t align_up(const ludc_program *p, uint64_t n) {
    uint64_t align = LUDC_MAX(p->devices->primary.info.align, 64u);
    return (n + align - 1) / align * align;
}

static bool same_dims(const lud_tensor *a, const lud_tensor *b) {
    if (a->dtype != b->dtype || a->rank != b->rank) return false;
    return memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

/* Whether result `out` of op `at` may lie on its input i: nothing else needs that memory any more. */
static bool may_overlay(const planner *pl, uint32_t at, lud_t out, uint32_t i) {
    const ludc_program *p = pl->p;
    const ludc_pop *o = &p->ops[at];
    if (i >= o->op.n_in || !o->in[i]) return false;
    lud_t base = p->tensors[o->in[i]].base;
    if (p->tensors[base].source != LUDC_SRC_OP || !same_dims(&p->tensors[o->in[i]].desc, &p->tensors[out].desc))
        return false;
    const block *b = &pl->blocks[pl->of[base]];
    if (b->last != at || b->taken == at + 1 || p->tensors[base].first == at) return false;
    for (uint32_t j = 0; j < o->op.n_in; j++) {
        lud_t other = o->in[j] ? p->tensors[o->in[j]].base : 0;
        if (j != i && other && p->tensors[other].source == LUDC_SRC_OP && pl->of[other] == pl->of[base]) return false;
    }
    return true;
}

static void assign_block(planner *pl, uint32_t at, lud_t out, uint32_t k) {
    const ludc_ptensor *x = &pl->p->tensors[out];
    uint32_t mask = ludc_op_overlay(pl->p->ops[at].op.opcode, k);
    for (uint32_t i = 0; i < LUDC_MAX_IN; i++) {
        if (!(mask & (1u << i)) || !may_overlay(pl, at, out, i)) continue;
        uint32_t number = pl->of[pl->p->tensors[pl->p->ops[at].in[i]].base];
        pl->of[out] = number;
        pl->blocks[number].last = x->last;
        pl->blocks[number].taken = at + 1;
        return;
    }
    uint32_t number = pl->n_blocks++;
    pl->of[out] = number;
    pl->blocks[number] =
        (block){.bytes = align_up(pl->p, x->desc.bytes), .first = at, .last = x->last, .number = number};
}

static void make_blocks(planner *pl) {
    const ludc_program *p = pl->p;
    for (uint32_t at = 0; at < p->n_ops; at++) {
        for (uint32_t k = 0; k < p->ops[at].op.n_out; k++) {
            lud_t out = p->first_result[at] + k;
            if (p->tensors[out].base == out) assign_block(pl, at, out, k);
        }
    }
}

static int larger_first(const void *a, const void *b) {
    const block *x = *(block *const *)a, *y = *(block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool alive_together(const block *a, const block *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest of the tightest gaps between the blocks that are alive with b; else behind them. */
static uint64_t find_gap(const planner *pl, uint32_t n_placed, const block *b) {
    uint64_t end = 0, best = UINT64_MAX, best_at = 0;
    for (uint32_t i = 0; i < n_placed; i++) {
        const block *other = pl->by_offset[i];
        if (!alive_together(b, other)) continue;
        if (other->offset >= end && other->offset - end >= b->bytes && other->offset - end < best) {
            best = other->offset - end;
            best_at = end;
        }
        end = LUDC_MAX(end, other->offset + other->bytes);
    }
    return best == UINT64_MAX ? end : best_at;
}

static uint64_t place_blocks(planner *pl) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < pl->n_blocks; i++)
        pl->by_size[i] = &pl->blocks[i];
    qsort(pl->by_size, pl->n_blocks, sizeof(block *), larger_first);
    for (uint32_t i = 0; i < pl->n_blocks; i++) {
        block *b = pl->by_size[i];
        b->offset = find_gap(pl, i, b);
        uint32_t at = i;
        for (; at > 0 && pl->by_offset[at - 1]->offset > b->offset; at--)
            pl->by_offset[at] = pl->by_offset[at - 1];
        pl->by_offset[at] = b;
        size = LUDC_MAX(size, b->offset + b->bytes);
    }
    return size;
}

/* Inputs and cache pools lie one after the other; parameters where the store put them. */
static lud_status place_leaf(ludc_program *p, ludc_ptensor *x, lud_error *err) {
    const ludc_param *param;
    uint64_t *end;
    size_t elem = ludc_dtype_size(p->real);
    switch (x->source) {
    case LUDC_SRC_INPUT:
    case LUDC_SRC_KV:
        end = &p->bytes[x->source == LUDC_SRC_KV ? LUDC_BUF_KV : LUDC_BUF_INPUTS];
        x->desc.buf = x->source == LUDC_SRC_KV ? LUDC_BUF_KV : LUDC_BUF_INPUTS;
        x->desc.offset = *end;
        *end += align_up(p, x->desc.bytes);
        return LUD_OK;
    case LUDC_SRC_CONST:
        x->desc.buf = LUDC_BUF_CONSTS;
        return LUD_OK;
    case LUDC_SRC_FLAT:
        x->desc.buf = LUDC_BUF_FLAT + (uint32_t)x->which;
        x->desc.offset = (uint64_t)x->index * elem;
        return LUD_OK;
    default:
        break; /* PARAM, GRAD */
    }
    param = ludc_store_at(p->store, (size_t)x->index);
    if (!param->trainable) return LUD_OK;
    if (!p->store->sealed)
        return ludc_fail(err, LUD_E_INVALID, "program: parameter '%s' is trainable, but the store is not sealed",
                         param->name);
    x->desc.buf = LUDC_BUF_FLAT + (x->source == LUDC_SRC_GRAD ? LUDC_FLAT_GRADS : LUDC_FLAT_VALUES);
    x->desc.offset = (uint64_t)param->flat_offset * elem;
    return LUD_OK;
}

static lud_status give_offsets(planner *pl, lud_error *err) {
    ludc_program *p = pl->p;
    for (lud_t t = 1; t < p->n_tensors; t++) {
        ludc_ptensor *x = &p->tensors[t];
        if (x->base != t) continue;
        if (x->source != LUDC_SRC_OP) {
            LUDC_TRY(place_leaf(p, x, err));
            continue;
        }
        x->desc.buf = LUDC_BUF_ARENA;
        x->desc.offset = x->desc.bytes ? pl->blocks[pl->of[t]].offset : 0;
    }
    for (lud_t t = 1; t < p->n_tensors; t++) {
        p->tensors[t].desc.buf = p->tensors[p->tensors[t].base].desc.buf;
        p->tensors[t].desc.offset = p->tensors[p->tensors[t].base].desc.offset;
    }
    return LUD_OK;
}

lud_status ludc_program_plan(ludc_program *p, lud_error *err) {
    planner pl = {.p = p};
    lud_status status = LUD_E_NOMEM;
    pl.blocks = ludc_alloc(p->n_tensors * sizeof *pl.blocks);
    pl.of = ludc_alloc(p->n_tensors * sizeof *pl.of);
    pl.by_size = ludc_alloc(p->n_tensors * sizeof *pl.by_size);
    pl.by_offset = ludc_alloc(p->n_tensors * sizeof *pl.by_offset);
    if (!pl.blocks || !pl.of || !pl.by_size || !pl.by_offset) {
        ludc_fail(err, LUD_E_NOMEM, "program: no memory for the plan of %u tensors", p->n_tensors);
        goto out;
    }
    make_blocks(&pl);
    p->bytes[LUDC_BUF_ARENA] = place_blocks(&pl);
    status = give_offsets(&pl, err);
out:
    ludc_free(pl.blocks);
    ludc_free(pl.of);
    ludc_free(pl.by_size);
    ludc_free(pl.by_offset);
    return status;
}
