/* SPDX-License-Identifier: Apache-2.0
 * Which device runs which operation, and the buffers and weights of each side. An op that the primary device refuses
 * runs on the fallback. Devices that share the host's memory use the same buffers; else the fallback has mirrors.
 * A change of sides never moves what is already in the primary's buffers. */
#include "program.h"
#include <string.h>

static bool one_device(const ludc_program *p) {
    return p->devices->fallback.vt == NULL || p->devices->fallback.dev == p->devices->primary.dev;
}

static bool supports(const ludc_program *p, int side, uint32_t at) {
    const ludc_device *d = ludc_side(p->devices, side);
    const ludc_pop *o = &p->ops[at];
    const lud_tensor *in[LUDC_MAX_IN] = {0}, *out[LUDC_MAX_OUT] = {0};
    for (uint32_t i = 0; i < o->op.n_in; i++)
        in[i] = o->in[i] ? &p->tensors[o->in[i]].desc : NULL;
    for (uint32_t k = 0; k < o->op.n_out; k++)
        out[k] = &p->tensors[p->first_result[at] + k].desc;
    return d->vt->supports_op(d->dev, &o->op, in, out) != 0;
}

static lud_status no_device(const ludc_program *p, uint32_t at, lud_error *err) {
    return ludc_fail(
        err, LUD_E_UNSUPPORTED,
        "program: device %s refuses op %s and no fallback device runs it; install the plugin of a complete "
        "backend (reference)",
        p->devices->primary.info.id, ludc_op_find(p->ops[at].op.opcode)->name);
}

static lud_status choose_sides(ludc_program *p, lud_error *err) {
    for (uint32_t at = 0; at < p->n_ops; at++) {
        p->side[at] = 0;
        if (!p->forced[at] && supports(p, 0, at)) continue;
        if (one_device(p) || !supports(p, 1, at)) return no_device(p, at, err);
        p->side[at] = 1;
    }
    return LUD_OK;
}

/* Tells once per set of devices which operations fell back. */
static void tell(ludc_program *p) {
    ludc_buf text = {0};
    p->stats.n_fallback_ops = 0;
    for (uint32_t at = 0; at < p->n_ops; at++) {
        uint32_t opcode = p->ops[at].op.opcode;
        if (p->side[at] == 0) continue;
        p->stats.n_fallback_ops++;
        if (opcode >= 64 || p->devices->told & (uint64_t)1 << opcode) continue;
        p->devices->told |= (uint64_t)1 << opcode;
        ludc_buf_addf(&text, "%s%s", text.len ? ", " : "", ludc_op_find(opcode)->name);
    }
    if (text.len && !text.failed)
        ludc_log(LUD_LOG_INFO, "device %s refuses some operations; %s runs them: %s", p->devices->primary.info.id,
                 p->devices->fallback.info.id, text.ptr);
    ludc_buf_free(&text);
}

/* ---- Weights ---- */

static bool frozen(const ludc_program *p, const ludc_ptensor *x) {
    return x->source == LUDC_SRC_PARAM && !ludc_store_at(p->store, (size_t)x->index)->trainable;
}

static lud_status list_weights(ludc_program *p, lud_error *err) {
    uint32_t n = 0;
    for (lud_t t = 1; t < p->n_tensors; t++)
        if (p->tensors[t].base == t && frozen(p, &p->tensors[t])) p->tensors[t].weight = ++n;
    p->n_weights = n;
    p->weights = ludc_alloc(n * sizeof *p->weights);
    if (!p->weights) return ludc_fail(err, LUD_E_NOMEM, "program: no memory for %u weights", n);
    for (lud_t t = 1; t < p->n_tensors; t++) {
        ludc_ptensor *x = &p->tensors[t];
        x->weight = p->tensors[x->base].weight;
        if (x->weight && x->base == t) p->weights[x->weight - 1].param = x->index;
        if (x->weight) x->desc.buf = LUDC_BUF_COUNT + x->weight - 1;
        if (x->weight && x->last == UINT32_MAX) p->weights[x->weight - 1].uses[0] |= LUD_USE_OTHER; /* a root */
    }
    return LUD_OK;
}

static uint32_t flagged_uses(uint32_t flags) {
    return (flags & LUD_OP_BF16 ? LUD_USE_BF16 : 0u) | (flags & LUD_OP_INT8 ? LUD_USE_INT8 : 0u);
}

/* A view of a weight counts as another use: it needs the plain layout. */
static void gather_uses(ludc_program *p) {
    for (uint32_t at = 0; at < p->n_ops; at++) {
        const ludc_pop *o = &p->ops[at];
        for (uint32_t i = 0; i < o->op.n_in; i++) {
            const ludc_ptensor *x = &p->tensors[o->in[i]];
            if (!o->in[i] || !x->weight) continue;
            const bool whole = x->base == o->in[i];
            const uint32_t use = whole ? ludc_op_use(o->op.opcode, i, &o->attr) : (uint32_t)LUD_USE_OTHER;
            ludc_pweight *w = &p->weights[x->weight - 1];
            w->uses[p->side[at]] |= use | flagged_uses(o->op.flags);
            if (use & (LUD_USE_FORWARD | LUD_USE_INPUT_GRAD)) w->lacks[p->side[at]] |= flagged_uses(~o->op.flags);
        }
    }
    for (uint32_t w = 0; w < p->n_weights; w++)
        for (int side = 0; side < 2; side++)
            p->weights[w].uses[side] &= ~p->weights[w].lacks[side];
}

static lud_status make_weights(ludc_program *p, int side, lud_error *err) {
    for (lud_t t = 1; t < p->n_tensors; t++) {
        const ludc_ptensor *x = &p->tensors[t];
        if (!x->weight || x->base != t) continue;
        const ludc_pweight *w = &p->weights[x->weight - 1];
        ludc_weight *made = NULL;
        if (w->uses[side] == 0) continue;
        LUDC_TRY(ludc_store_weight(p->store, (size_t)w->param, side, w->uses[side], &made, err));
        p->bufs[side][x->desc.buf] = &made->buf;
        p->desc[side][t].storage = made->storage;
    }
    for (lud_t t = 1; t < p->n_tensors; t++)
        if (p->tensors[t].weight) p->desc[side][t].storage = p->desc[side][p->tensors[t].base].storage;
    return LUD_OK;
}

static void count_weights(ludc_program *p) {
    p->stats.weight_bytes = 0;
    for (uint32_t w = 0; w < p->n_weights; w++)
        for (int side = 0; side < 2; side++)
            if (p->weights[w].uses[side]) p->stats.weight_bytes += p->bufs[side][LUDC_BUF_COUNT + w]->size;
}

/* ---- Buffers ---- */

static bool alloc_side(ludc_program *p, int side) {
    size_t n = p->n_tensors, n_bufs = LUDC_BUF_COUNT + p->n_weights;
    p->desc[side] = ludc_alloc(n * sizeof **p->desc);
    p->desc_ptrs[side] = ludc_alloc(n * sizeof **p->desc_ptrs);
    p->bufs[side] = ludc_alloc(n_bufs * sizeof **p->bufs);
    if (!p->desc[side] || !p->desc_ptrs[side] || !p->bufs[side]) return false;
    for (size_t t = 1; t < n; t++) {
        p->desc[side][t] = p->tensors[t].desc;
        p->desc_ptrs[side][t] = &p->desc[side][t];
    }
    for (size_t k = 0; k < n_bufs; k++)
        p->bufs[side][k] = &p->own[side][k < LUDC_BUF_COUNT ? k : LUDC_BUF_ARENA];
    return true;
}

static lud_status make_buffer(ludc_program *p, int side, uint32_t k, uint64_t bytes, lud_error *err) {
    const ludc_device *d = ludc_side(p->devices, side);
    if (bytes == 0) return LUD_OK;
    LUDC_TRY(d->vt->buf_new(d->dev, (size_t)bytes, &p->own[side][k], err));
    if (k == LUDC_BUF_CONSTS) return ludc_buf_write(d, &p->own[side][k], 0, p->const_data, (size_t)p->bytes[k], err);
    bool clean = k == LUDC_BUF_KV || k == LUDC_BUF_INPUTS;
    return clean ? ludc_buf_zero(d, &p->own[side][k], err) : LUD_OK;
}

static lud_status make_buffers(ludc_program *p, int side, lud_error *err) {
    for (uint32_t k = 0; k < LUDC_BUF_COUNT; k++) {
        bool flat = k >= LUDC_BUF_FLAT && k < LUDC_BUF_CONSTS;
        if (side == 1 && p->shared)
            p->bufs[1][k] = p->bufs[0][k];
        else if (flat && side == 0)
            p->bufs[0][k] = &p->store->flat[k - LUDC_BUF_FLAT];
        else
            LUDC_TRY(make_buffer(p, side, k, flat ? p->store->flat[k - LUDC_BUF_FLAT].size : p->bytes[k], err));
    }
    return LUD_OK;
}

static lud_status prepare_side(ludc_program *p, int side, lud_error *err) {
    const ludc_device *d = ludc_side(p->devices, side);
    if (side == 1 && !(d->info.caps & LUD_CAP_UNIFIED_MEMORY))
        return ludc_fail(err, LUD_E_UNSUPPORTED, "program: fallback device %s does not use the host's memory",
                         d->info.id);
    if (!p->desc[side]) {
        if (!alloc_side(p, side)) return ludc_fail(err, LUD_E_NOMEM, "program: no memory for its tensors");
        LUDC_TRY(make_buffers(p, side, err));
    }
    return make_weights(p, side, err);
}

static bool uses_fallback(const ludc_program *p) {
    for (uint32_t at = 0; at < p->n_ops; at++)
        if (p->side[at]) return true;
    return false;
}

static lud_status place_sides(ludc_program *p, lud_error *err) {
    gather_uses(p);
    LUDC_TRY(prepare_side(p, 0, err));
    if (uses_fallback(p)) LUDC_TRY(prepare_side(p, 1, err));
    tell(p);
    count_weights(p);
    return ludc_program_slice(p, err);
}

lud_status ludc_program_place(ludc_program *p, lud_error *err) {
    uint32_t both = p->devices->primary.info.caps & p->devices->fallback.info.caps;
    p->shared = both & LUD_CAP_UNIFIED_MEMORY;
    p->side = ludc_alloc(p->n_ops);
    p->forced = ludc_alloc(p->n_ops);
    if (!p->side || !p->forced) return ludc_fail(err, LUD_E_NOMEM, "program: no memory for its operations");
    LUDC_TRY(choose_sides(p, err));
    LUDC_TRY(list_weights(p, err));
    p->stats.n_ops = p->n_ops;
    p->stats.arena_bytes = p->bytes[LUDC_BUF_ARENA];
    p->stats.kv_bytes = p->bytes[LUDC_BUF_KV];
    return place_sides(p, err);
}

lud_status ludc_program_move(ludc_program *p, uint32_t bad, lud_error *err) {
    if (one_device(p) || !supports(p, 1, bad)) return no_device(p, bad, err);
    p->side[bad] = p->forced[bad] = 1;
    return place_sides(p, err);
}

void ludc_program_unplace(ludc_program *p) {
    ludc_program_unslice(p);
    for (int side = 0; side < 2; side++) {
        const ludc_device *d = ludc_side(p->devices, side);
        for (uint32_t k = 0; k < LUDC_BUF_COUNT; k++)
            if (p->own[side][k].size) d->vt->buf_free(d->dev, &p->own[side][k]);
        ludc_free(p->desc[side]);
        ludc_free(p->desc_ptrs[side]);
        ludc_free(p->bufs[side]);
    }
    ludc_free(p->side);
    ludc_free(p->forced);
    ludc_free(p->weights);
}
