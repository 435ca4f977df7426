/* SPDX-License-Identifier: Apache-2.0
 * Slices: maximal runs of operations of one device, each compiled by that device's backend. Where the devices do not
 * share memory, a slice of the fallback lists what to fetch before it and what to send back after it. */
#include "program.h"
#include <string.h>

int64_t ludc_program_bytes(const ludc_program *p, lud_t t, const int64_t *extents) {
    const lud_tensor *d = &p->tensors[t].desc;
    lud_shape s = {.dtype = d->dtype, .rank = d->rank};
    memcpy(s.dim, d->dim, sizeof s.dim);
    return ludc_shape_count(&s, extents) * (int64_t)ludc_dtype_size(d->dtype);
}

void ludc_program_unslice(ludc_program *p) {
    for (uint32_t i = 0; i < p->n_slices; i++) {
        const ludc_device *d = ludc_side(p->devices, p->slices[i].side);
        if (p->slices[i].exe) d->vt->exe_free(d->dev, p->slices[i].exe);
        ludc_free(p->slices[i].copies);
    }
    ludc_free(p->slices);
    p->slices = NULL;
    p->n_slices = 0;
}

/* An op moved during a run stands alone: the run goes on at it, after all that came before. */
static bool border(const ludc_program *p, uint32_t at) {
    return at == 0 || p->side[at] != p->side[at - 1] || p->forced[at] || p->forced[at - 1];
}

static bool made_inside(const ludc_program *p, const ludc_slice *s, lud_t base) {
    const ludc_ptensor *x = &p->tensors[base];
    return x->source == LUDC_SRC_OP && x->first >= s->begin && x->first < s->end;
}

static void add_once(lud_t *list, uint32_t *n, lud_t base) {
    for (uint32_t i = 0; i < *n; i++)
        if (list[i] == base) return;
    list[(*n)++] = base;
}

static void list_before(const ludc_program *p, ludc_slice *s) {
    for (uint32_t at = s->begin; at < s->end; at++) {
        for (uint32_t i = 0; i < p->ops[at].op.n_in; i++) {
            lud_t base = p->tensors[p->ops[at].in[i]].base;
            if (p->ops[at].in[i] && !p->tensors[base].weight && !made_inside(p, s, base))
                add_once(s->copies, &s->n_before, base);
        }
    }
}

static void list_after(const ludc_program *p, ludc_slice *s) {
    lud_t *list = s->copies + s->n_before;
    for (uint32_t at = s->begin; at < s->end; at++) {
        const ludc_pop *o = &p->ops[at];
        uint32_t writes = ludc_op_writes(o->op.opcode);
        for (uint32_t i = 0; i < o->op.n_in; i++)
            if (writes & (1u << i) && o->in[i]) add_once(list, &s->n_after, p->tensors[o->in[i]].base);
        for (uint32_t k = 0; k < o->op.n_out; k++) {
            lud_t base = p->tensors[p->first_result[at] + k].base;
            const ludc_ptensor *x = &p->tensors[base];
            if (x->desc.bytes && x->source == LUDC_SRC_OP && x->last >= s->end) add_once(list, &s->n_after, base);
        }
    }
}

static lud_status compile(ludc_program *p, ludc_slice *s, lud_error *err) {
    const ludc_device *d = ludc_side(p->devices, s->side);
    s->desc = (lud_program){.struct_size = sizeof s->desc,
                            .n_ops = s->end - s->begin,
                            .n_tensors = p->n_tensors,
                            .n_bufs = LUDC_BUF_COUNT + p->n_weights,
                            .n_extents = p->n_extents,
                            .ops = p->op_ptrs + s->begin,
                            .first_result = p->first_result + s->begin,
                            .tensors = p->desc_ptrs[s->side],
                            .bufs = p->bufs[s->side],
                            .extent_max = p->extent_max};
    if (s->side == 1 && !p->shared) {
        size_t most = (size_t)(s->end - s->begin) * (2 * LUDC_MAX_IN + LUDC_MAX_OUT);
        s->copies = ludc_alloc(most * sizeof *s->copies);
        if (!s->copies) return ludc_fail(err, LUD_E_NOMEM, "program: no memory for a slice");
        list_before(p, s);
        list_after(p, s);
    }
    return d->vt->compile(d->dev, &s->desc, &s->exe, err);
}

lud_status ludc_program_slice(ludc_program *p, lud_error *err) {
    uint32_t n = 0;
    ludc_program_unslice(p);
    for (uint32_t at = 0; at < p->n_ops; at++)
        n += border(p, at);
    p->slices = ludc_alloc(n * sizeof *p->slices);
    if (!p->slices) return ludc_fail(err, LUD_E_NOMEM, "program: no memory for %u slices", n);
    for (uint32_t at = 0; at < p->n_ops; at++) {
        if (border(p, at)) p->slices[p->n_slices++] = (ludc_slice){.begin = at, .side = p->side[at]};
        p->slices[p->n_slices - 1].end = at + 1;
    }
    for (uint32_t i = 0; i < p->n_slices; i++)
        LUDC_TRY(compile(p, &p->slices[i], err));
    return LUD_OK;
}
