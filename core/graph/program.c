/* SPDX-License-Identifier: Apache-2.0
 * Programs: making, writing inputs, running, reading roots. A run allocates nothing, except when a backend refuses in
 * the run what it had accepted: then that op moves to the fallback, once, and the run goes on at it. */
#include "program.h"
#include <string.h>

lud_status ludc_program_new(const lud_graph *g, const lud_t *roots, size_t n_roots, ludc_devices *devices,
                            ludc_store *store, ludc_program **out, lud_error *err) {
    LUDC_TRY(ludc_graph_api()->status(g, err));
    if (store != g->store || store->devices != devices || store->real != g->opts.real)
        return ludc_fail(err, LUD_E_INVALID, "program: graph, store and devices do not belong together");
    ludc_program *p = ludc_alloc(sizeof *p);
    if (!p) return ludc_fail(err, LUD_E_NOMEM, "program: no memory");
    p->devices = devices;
    p->store = store;
    lud_status status = ludc_program_lower(p, g, roots, n_roots, err);
    if (status == LUD_OK) status = ludc_program_plan(p, err);
    if (status == LUD_OK) status = ludc_program_place(p, err);
    if (status != LUD_OK) {
        ludc_program_free(p);
        return status;
    }
    *out = p;
    return LUD_OK;
}

void ludc_program_free(ludc_program *p) {
    if (!p) return;
    ludc_program_unplace(p);
    ludc_free(p->ops);
    ludc_free(p->tensors);
    ludc_free(p->first_result);
    ludc_free(p->local);
    ludc_free(p->input_bit);
    ludc_free(p->op_ptrs);
    ludc_free(p->extents);
    ludc_free(p->extent_max);
    ludc_free(p->extent_now);
    ludc_free(p->const_data);
    ludc_free(p);
}

ludc_program_stats ludc_program_stat(const ludc_program *p) {
    return p->stats;
}

static lud_status sync_all(const ludc_program *p, lud_error *err) {
    const ludc_device *d = ludc_side(p->devices, 0);
    return d->vt->sync(d->dev, err);
}

lud_status ludc_program_write(ludc_program *p, lud_t input, const void *data, size_t bytes, lud_error *err) {
    if (input == 0 || input >= p->n_graph || !p->input_bit[input])
        return ludc_fail(err, LUD_E_INVALID, "program: tensor %u is not an input", input);
    lud_t t = p->local[input];
    if (t == 0) return LUD_OK;
    const lud_tensor *d = &p->desc[0][t];
    if (bytes > d->bytes)
        return ludc_fail(err, LUD_E_INVALID, "program: input %u holds at most %llu bytes, got %zu", input,
                         (unsigned long long)d->bytes, bytes);
    LUDC_TRY(sync_all(p, err));
    return ludc_buf_write(ludc_side(p->devices, 0), p->bufs[0][d->buf], (size_t)d->offset, data, bytes, err);
}

void *ludc_program_input(const ludc_program *p, lud_t input) {
    const lud_t t = input < p->n_graph && p->input_bit[input] ? p->local[input] : 0;
    const lud_tensor *d = &p->desc[0][t];
    lud_error ignored = LUDC_ERROR_INIT; /* the write that comes instead says it again */
    char *base = t && sync_all(p, &ignored) == LUD_OK ? p->bufs[0][d->buf]->host_ptr : NULL;
    return base ? base + d->offset : NULL;
}

lud_status ludc_program_read(ludc_program *p, lud_t root, void *out, size_t bytes, lud_error *err) {
    lud_t t = root && root < p->n_graph ? p->local[root] : 0;
    if (t == 0 || p->tensors[p->tensors[t].base].last != UINT32_MAX)
        return ludc_fail(err, LUD_E_INVALID, "program: tensor %u is not a root", root);
    const lud_tensor *d = &p->desc[0][t];
    if (bytes > d->bytes)
        return ludc_fail(err, LUD_E_INVALID, "program: root %u holds at most %llu bytes, asked for %zu", root,
                         (unsigned long long)d->bytes, bytes);
    LUDC_TRY(sync_all(p, err));
    return ludc_buf_read(ludc_side(p->devices, 0), p->bufs[0][d->buf], (size_t)d->offset, out, bytes, err);
}

/* ---- Run ---- */

static lud_status set_extents(ludc_program *p, const int64_t *extents, size_t n_extents, lud_error *err) {
    for (uint32_t e = 1; e < p->n_extents; e++) {
        const ludc_gextent *x = &p->extents[e];
        if ((size_t)x->base >= n_extents)
            return ludc_fail(err, LUD_E_INVALID, "program: extent %d has no value", (int)x->base);
        int64_t base = extents[x->base], most = x->max / x->factor;
        if (base < 0 || base > most)
            return ludc_fail(err, LUD_E_INVALID, "program: extent %d is %lld, not in 0..%lld", (int)x->base,
                             (long long)base, (long long)most);
        p->extent_now[e] = base * x->factor;
    }
    return LUD_OK;
}

/* Between the primary's buffers and the fallback's mirrors, which the host can touch. */
static lud_status copy_bases(ludc_program *p, const lud_t *bases, uint32_t n, bool back, lud_error *err) {
    const ludc_device *d = ludc_side(p->devices, 0);
    for (uint32_t i = 0; i < n; i++) {
        const lud_tensor *t = &p->tensors[bases[i]].desc;
        size_t bytes = (size_t)ludc_program_bytes(p, bases[i], p->extent_now), off = (size_t)t->offset;
        char *mirror = (char *)p->bufs[1][t->buf]->host_ptr + off;
        if (back)
            LUDC_TRY(ludc_buf_write(d, p->bufs[0][t->buf], off, mirror, bytes, err));
        else
            LUDC_TRY(ludc_buf_read(d, p->bufs[0][t->buf], off, mirror, bytes, err));
    }
    return LUD_OK;
}

static lud_status run_slice(ludc_program *p, ludc_slice *s, uint32_t *bad, lud_error *err) {
    const ludc_device *first = ludc_side(p->devices, 0), *d = ludc_side(p->devices, s->side);
    if (s->side == 0) return d->vt->run(d->dev, s->exe, p->extent_now, bad, err);
    LUDC_TRY(first->vt->sync(first->dev, err));
    LUDC_TRY(copy_bases(p, s->copies, s->n_before, false, err));
    LUDC_TRY(d->vt->run(d->dev, s->exe, p->extent_now, bad, err));
    LUDC_TRY(d->vt->sync(d->dev, err));
    return copy_bases(p, s->copies + s->n_before, s->n_after, true, err);
}

/* The slice that begins at op `at`, after the program was cut anew. */
static uint32_t slice_at(const ludc_program *p, uint32_t at) {
    uint32_t i = 0;
    while (i < p->n_slices && p->slices[i].begin != at)
        i++;
    return i;
}

static lud_status replan(ludc_program *p, uint32_t bad, const lud_error *why, lud_error *err) {
    const lud_component *c = p->devices->primary.component;
    ludc_log(LUD_LOG_WARN, "backend %s accepted op %s but refuses it in the run (%s); device %s runs it from now on",
             c ? c->config_name : p->devices->primary.info.id, ludc_op_find(p->ops[bad].op.opcode)->name,
             why->msg[0] ? why->msg : "no reason given", p->devices->fallback.info.id);
    return ludc_program_move(p, bad, err);
}

/* Passes a backend's failure on, the first one that the caller sees. */
static lud_status run_fail(const lud_error *why, lud_status status, lud_error *err) {
    bool first = err && err->code == LUD_OK;
    ludc_fail(err, status, "%s", why->msg[0] ? why->msg : ludc_status_text(status));
    if (first) memcpy(err->plugin, why->plugin, sizeof err->plugin);
    return status;
}

lud_status ludc_program_run(ludc_program *p, const int64_t *extents, size_t n_extents, lud_error *err) {
    LUDC_TRY(set_extents(p, extents, n_extents, err));
    for (uint32_t i = 0; i < p->n_slices;) {
        ludc_slice *s = &p->slices[i];
        lud_error why = LUDC_ERROR_INIT;
        uint32_t bad = UINT32_MAX;
        lud_status status = run_slice(p, s, &bad, &why);
        if (status == LUD_OK) {
            i++;
            continue;
        }
        if (status != LUD_E_UNSUPPORTED || s->side != 0 || bad >= s->end - s->begin) return run_fail(&why, status, err);
        bad += s->begin;
        LUDC_TRY(replan(p, bad, &why, err));
        i = slice_at(p, bad);
    }
    return LUD_OK;
}
