/* SPDX-License-Identifier: Apache-2.0
 * Device copies of frozen parameters, shared by all programs. A backend may store a weight in a layout of its own; such
 * a copy serves only the uses it was made for, and only that backend. A plain copy serves every use. */
#include "internal.h"

static lud_status host_values(ludc_store *s, ludc_store_param *p, const void **out, lud_error *err) {
    const float *host = NULL;
    LUDC_TRY(ludc_store_reals(p, &host, err));
    *out = host;
    if (s->real == LUD_F32) return LUD_OK;
    if (!p->wide) {
        p->wide = ludc_alloc((size_t)p->pub.count * sizeof *p->wide);
        if (!p->wide) return ludc_fail(err, LUD_E_NOMEM, "no memory for parameter '%s' in double", p->name);
        for (int64_t i = 0; i < p->pub.count; i++)
            p->wide[i] = (double)host[i];
    }
    *out = p->wide;
    return LUD_OK;
}

static lud_tensor weight_tensor(const ludc_store *s, const ludc_store_param *p) {
    lud_tensor t = {.struct_size = sizeof t, .dtype = s->real, .role = LUD_ROLE_PARAM, .rank = p->pub.shape.rank};
    int64_t stride = 1;
    for (int32_t d = t.rank - 1; d >= 0; d--) {
        t.dim[d] = p->pub.shape.dim[d];
        t.stride[d] = stride;
        stride *= t.dim[d];
    }
    t.bytes = (uint64_t)p->pub.count * ludc_dtype_size(s->real);
    return t;
}

static lud_status make_plain(const ludc_device *d, const void *host, size_t bytes, ludc_weight *w, lud_error *err) {
    w->storage = LUD_STORAGE_PLAIN;
    LUDC_TRY(d->vt->buf_new(d->dev, bytes, &w->buf, err));
    return ludc_buf_write(d, &w->buf, 0, host, bytes, err);
}

/* A weight that any other operation reads has to be plain: only the listed uses know private layouts. */
static lud_status make_weight(const ludc_device *d, const lud_tensor *t, const void *host, ludc_weight *w,
                              lud_error *err) {
    if (!LUD_HAS(d->vt, lud_backend_vt, weight_new)) return make_plain(d, host, t->bytes, w, err);
    LUDC_TRY(d->vt->weight_new(d->dev, t, host, w->uses, &w->buf, &w->storage, err));
    if (w->storage == LUD_STORAGE_PLAIN || !(w->uses & LUD_USE_OTHER)) return LUD_OK;
    d->vt->buf_free(d->dev, &w->buf);
    w->buf = (lud_buf){0};
    return make_plain(d, host, t->bytes, w, err);
}

/* The weight as the file stores it, where the backend takes it so: then no fp32 copy is ever made. What is to be
 * quantized anew comes as fp32. */
static lud_status make_stored(const ludc_store *s, const ludc_device *d, const ludc_store_param *p, ludc_weight *w,
                              lud_error *err) {
    bool offered = d->info.caps & LUD_CAP_FILE_WEIGHTS && LUD_HAS(d->vt, lud_backend_vt, weight_new);
    if (!offered || w->uses & LUD_USE_INT8 || p->lazy.stored_bytes == 0 || s->real != LUD_F32 ||
        w->uses & LUD_USE_OTHER)
        return LUD_E_UNSUPPORTED;
    lud_error why = LUDC_ERROR_INIT;
    lud_tensor t = weight_tensor(s, p);
    t.dtype = p->lazy.dtype;
    t.storage = p->lazy.storage;
    t.bytes = p->lazy.stored_bytes;
    void *own = NULL;
    const void *stored = p->lazy.stored(p->lazy.arg, &own);
    if (!stored) return ludc_fail(err, LUD_E_NOMEM, "no memory for parameter '%s'", p->name);
    /* One copy for the uses of programs to come as well: its layout is the file's, not a use's. */
    const uint32_t uses = w->uses | LUD_USE_FORWARD | LUD_USE_INPUT_GRAD | LUD_USE_ROWS;
    lud_status status = d->vt->weight_new(d->dev, &t, stored, uses, &w->buf, &w->storage, &why);
    ludc_free(own);
    p->lazy.release(p->lazy.arg);
    if (status == LUD_OK && w->storage != LUD_STORAGE_PLAIN) return w->uses = uses, LUD_OK;
    d->vt->buf_free(d->dev, &w->buf);
    w->buf = (lud_buf){0};
    if (status == LUD_OK || status == LUD_E_UNSUPPORTED) return LUD_E_UNSUPPORTED;
    return ludc_fail(err, status, "parameter '%s': %s", p->name, why.msg);
}

static lud_status make_copy(ludc_store *s, const ludc_device *d, ludc_store_param *p, ludc_weight *w, lud_error *err) {
    const void *host = NULL;
    lud_status status = make_stored(s, d, p, w, err);
    if (status != LUD_E_UNSUPPORTED) return status;
    LUDC_TRY(host_values(s, p, &host, err));
    const lud_tensor t = weight_tensor(s, p);
    return make_weight(d, &t, host, w, err);
}

static bool reads_host(const ludc_weight *w) {
    return w->storage == LUD_STORAGE_PLAIN ? w->buf.handle == NULL : (w->uses & LUD_USE_ROWS) != 0;
}

/* Values that can be made again are given up once no device copy reads them where they lie. */
static void release_host(ludc_store_param *p) {
    bool read = false;
    for (const ludc_weight *w = p->weights; w; w = w->next)
        read = read || reads_host(w);
    if (read || !p->lazy.reals || !p->own) return;
    ludc_free(p->own);
    p->own = NULL;
    p->host = NULL;
}

lud_status ludc_store_weight(ludc_store *s, size_t i, int side, uint32_t uses, ludc_weight **out, lud_error *err) {
    ludc_store_param *p = s->params[i];
    const ludc_device *d = ludc_side(s->devices, side);
    for (ludc_weight *w = p->weights; w; w = w->next) {
        bool serves = w->storage == LUD_STORAGE_PLAIN ||
                      ((w->uses & uses) == uses && !((w->uses ^ uses) & (LUD_USE_BF16 | LUD_USE_INT8)));
        if (w->side == side && serves) return *out = w, LUD_OK;
    }
    if (!p->pub.filled)
        return ludc_fail(err, LUD_E_INVALID,
                         "parameter '%s' has no values: no file provides it and it has no initial values", p->name);
    ludc_weight *w = ludc_alloc(sizeof *w);
    if (!w) return ludc_fail(err, LUD_E_NOMEM, "no memory for parameter '%s'", p->name);
    w->uses = uses;
    w->side = side;
    lud_status status = make_copy(s, d, p, w, err);
    if (status != LUD_OK) {
        d->vt->buf_free(d->dev, &w->buf);
        ludc_free(w);
        return status;
    }
    w->next = p->weights;
    p->weights = w;
    release_host(p);
    *out = w;
    return LUD_OK;
}

void ludc_store_weights_free(ludc_store *s, ludc_store_param *p) {
    while (p->weights) {
        ludc_weight *w = p->weights;
        const ludc_device *d = ludc_side(s->devices, w->side);
        p->weights = w->next;
        d->vt->buf_free(d->dev, &w->buf);
        ludc_free(w);
    }
}
