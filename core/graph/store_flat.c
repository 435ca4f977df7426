/* SPDX-License-Identifier: Apache-2.0
 * The flat buffers: values, gradients and optimizer states of all trainable parameters, one buffer each on the primary
 * device. Every parameter begins on 64 bytes; the pads hold zeros, so that whole ranges can be summed and stepped. */
#include "internal.h"
#include <string.h>

#define ALIGN_ELEMENTS 16
#define CHUNK          1024

const ludc_device *ludc_side(const ludc_devices *d, int side) {
    return side ? &d->fallback : &d->primary;
}

lud_status ludc_buf_write(const ludc_device *d, lud_buf *buf, size_t off, const void *src, size_t n, lud_error *err) {
    return n ? d->vt->upload(d->dev, buf, off, src, n, err) : LUD_OK;
}

lud_status ludc_buf_read(const ludc_device *d, const lud_buf *buf, size_t off, void *dst, size_t n, lud_error *err) {
    return n ? d->vt->download(d->dev, buf, off, dst, n, err) : LUD_OK;
}

lud_status ludc_buf_zero(const ludc_device *d, lud_buf *buf, lud_error *err) {
    static const char zeros[1 << 16];
    if (buf->host_ptr) return memset(buf->host_ptr, 0, buf->size), LUD_OK;
    for (size_t off = 0; off < buf->size; off += sizeof zeros)
        LUDC_TRY(ludc_buf_write(d, buf, off, zeros, LUDC_MIN(sizeof zeros, buf->size - off), err));
    return LUD_OK;
}

static lud_status flat_check(const ludc_store *s, int which, lud_error *err) {
    if (s->sealed && which >= 0 && which < LUDC_FLAT_STATE0 + s->n_states) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "store: flat buffer %d does not exist (%s)", which,
                     s->sealed ? "the optimizer has fewer states" : "the store is not sealed");
}

lud_status ludc_flat_put(ludc_store *s, int which, int64_t first, const float *in, int64_t n, lud_error *err) {
    const ludc_device *d = ludc_side(s->devices, 0);
    LUDC_TRY(d->vt->sync(d->dev, err));
    if (s->real == LUD_F32) return ludc_buf_write(d, &s->flat[which], (size_t)first * 4, in, (size_t)n * 4, err);
    double wide[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t len = LUDC_MIN(n - at, CHUNK);
        for (int64_t i = 0; i < len; i++)
            wide[i] = (double)in[at + i];
        LUDC_TRY(ludc_buf_write(d, &s->flat[which], (size_t)(first + at) * 8, wide, (size_t)len * 8, err));
    }
    return LUD_OK;
}

lud_status ludc_flat_take(ludc_store *s, int which, int64_t first, float *out, int64_t n, lud_error *err) {
    const ludc_device *d = ludc_side(s->devices, 0);
    LUDC_TRY(d->vt->sync(d->dev, err));
    if (s->real == LUD_F32) return ludc_buf_read(d, &s->flat[which], (size_t)first * 4, out, (size_t)n * 4, err);
    double wide[CHUNK];
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t len = LUDC_MIN(n - at, CHUNK);
        LUDC_TRY(ludc_buf_read(d, &s->flat[which], (size_t)(first + at) * 8, wide, (size_t)len * 8, err));
        for (int64_t i = 0; i < len; i++)
            out[at + i] = (float)wide[i];
    }
    return LUD_OK;
}

static lud_status lay_out(ludc_store *s, lud_error *err) {
    int64_t at = 0;
    for (uint32_t i = 0; i < s->n_params; i++) {
        ludc_store_param *p = s->params[i];
        if (!p->pub.trainable) continue;
        if (!p->pub.filled) return ludc_fail(err, LUD_E_INVALID, "trainable parameter '%s' has no values", p->name);
        p->pub.flat_offset = at;
        at += (p->pub.count + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    }
    s->flat_len = at;
    return LUD_OK;
}

static lud_status make_buffers(ludc_store *s, lud_error *err) {
    const ludc_device *d = ludc_side(s->devices, 0);
    size_t bytes = (size_t)s->flat_len * ludc_dtype_size(s->real);
    for (int k = 0; k < LUDC_FLAT_STATE0 + s->n_states; k++) {
        LUDC_TRY(d->vt->buf_new(d->dev, bytes, &s->flat[k], err));
        LUDC_TRY(ludc_buf_zero(d, &s->flat[k], err));
    }
    return LUD_OK;
}

lud_status ludc_store_seal(ludc_store *s, int n_states, lud_error *err) {
    if (s->sealed || n_states < 0 || n_states > 2)
        return ludc_fail(err, LUD_E_INVALID, "store: %s", s->sealed ? "sealed twice" : "0 to 2 optimizer states");
    LUDC_TRY(lay_out(s, err));
    s->n_states = n_states;
    if (s->flat_len > 0) LUDC_TRY(make_buffers(s, err));
    s->sealed = true;
    for (uint32_t i = 0; i < s->n_params; i++) {
        ludc_store_param *p = s->params[i];
        if (!p->pub.trainable) continue;
        const float *host = NULL;
        LUDC_TRY(ludc_store_reals(p, &host, err));
        LUDC_TRY(ludc_flat_put(s, LUDC_FLAT_VALUES, p->pub.flat_offset, host, p->pub.count, err));
        ludc_store_drop(p); /* the device holds the values from now on */
    }
    return LUD_OK;
}

int64_t ludc_store_flat_len(const ludc_store *s) {
    return s->flat_len;
}

lud_status ludc_store_flat_read(ludc_store *s, int which, float *out, lud_error *err) {
    LUDC_TRY(flat_check(s, which, err));
    return s->flat_len ? ludc_flat_take(s, which, 0, out, s->flat_len, err) : LUD_OK;
}

lud_status ludc_store_flat_write(ludc_store *s, int which, const float *in, lud_error *err) {
    LUDC_TRY(flat_check(s, which, err));
    return s->flat_len ? ludc_flat_put(s, which, 0, in, s->flat_len, err) : LUD_OK;
}

lud_status ludc_store_flat_zero(ludc_store *s, int which, lud_error *err) {
    LUDC_TRY(flat_check(s, which, err));
    const ludc_device *d = ludc_side(s->devices, 0);
    LUDC_TRY(d->vt->sync(d->dev, err));
    return s->flat_len ? ludc_buf_zero(d, &s->flat[which], err) : LUD_OK;
}
