/* SPDX-License-Identifier: Apache-2.0
 * Parameters of a model by name: shape, spec and fp32 values on the host. Device copies are made by store_weight.c
 * (frozen) and store_flat.c (trainable). Once declared, a parameter keeps its index, shape and trainable flag. */
#include "internal.h"
#include <string.h>

ludc_store *ludc_store_new(const ludc_devices *devices, int32_t real) {
    ludc_store *s = ludc_alloc(sizeof *s);
    if (!s) return NULL;
    s->devices = devices;
    s->real = real;
    s->by_name = ludc_map_new(256);
    if (s->by_name) return s;
    ludc_store_free(s);
    return NULL;
}

void ludc_store_drop(ludc_store_param *p) {
    ludc_free(p->own);
    if (p->lazy.free) p->lazy.free(p->lazy.arg);
    p->own = NULL;
    p->host = NULL;
    p->lazy = (ludc_values){0};
}

void ludc_store_free(ludc_store *s) {
    if (!s) return;
    for (uint32_t i = 0; i < s->n_params; i++) {
        ludc_store_weights_free(s, s->params[i]);
        ludc_store_drop(s->params[i]);
        ludc_free(s->params[i]->name);
        ludc_free(s->params[i]->wide);
        ludc_free(s->params[i]);
    }
    const ludc_device *d = ludc_side(s->devices, 0);
    for (size_t k = 0; k < LUDC_COUNT(s->flat); k++)
        if (s->flat[k].size) d->vt->buf_free(d->dev, &s->flat[k]);
    ludc_map_free(s->by_name);
    ludc_free(s->scratch);
    ludc_free(s->params);
    ludc_free(s);
}

size_t ludc_store_len(const ludc_store *s) {
    return s->n_params;
}

const ludc_param *ludc_store_at(const ludc_store *s, size_t i) {
    return i < s->n_params ? &s->params[i]->pub : NULL;
}

int64_t ludc_store_index(const ludc_store *s, lud_str name) {
    int64_t i;
    return ludc_map_get(s->by_name, name, &i) ? i : -1;
}

static int64_t known(const ludc_store *s, int64_t i, const lud_shape *shape, lud_error *err) {
    char got[160], want[160];
    const ludc_param *p = &s->params[i]->pub;
    if (ludc_shape_same(&p->shape, shape)) return i;
    ludc_shape_text(&p->shape, want, sizeof want);
    ludc_shape_text(shape, got, sizeof got);
    ludc_fail(err, LUD_E_INVALID, "parameter '%s' exists as %s, declared again as %s", p->name, want, got);
    return -1;
}

static int64_t add_param(ludc_store *s, const char *name, const lud_shape *shape, const lud_param_spec *spec,
                         bool trainable) {
    ludc_store_param *p = ludc_alloc(sizeof *p);
    char *copy = ludc_strdup(name);
    if (!p || !copy || !ludc_vec_grow(&s->params, &s->cap_params, s->n_params + 1, sizeof(void *)) ||
        !ludc_map_put(s->by_name, ludc_str(name), s->n_params)) {
        ludc_free(copy);
        ludc_free(p);
        return -1;
    }
    p->name = copy;
    p->pub = (ludc_param){.name = copy, .shape = *shape, .spec = *spec, .trainable = trainable};
    p->pub.count = ludc_shape_count(shape, NULL);
    s->params[s->n_params] = p;
    return s->n_params++;
}

int64_t ludc_store_declare(ludc_store *s, const char *name, const lud_shape *shape, const lud_param_spec *spec,
                           bool trainable, lud_error *err) {
    lud_param_spec taken = {.struct_size = sizeof taken};
    lud_shape declared = *shape;
    if (declared.dtype == LUD_F32) declared.dtype = LUD_REAL;
    int64_t i = ludc_store_index(s, ludc_str(name));
    if (i >= 0) return known(s, i, &declared, err);
    bool ok = declared.rank >= 1 && declared.rank <= 8;
    for (int32_t d = 0; ok && d < declared.rank; d++)
        ok = declared.dim[d] > 0;
    if (!ok || ludc_shape_count(&declared, NULL) < 0) {
        ludc_fail(err, LUD_E_INVALID, "parameter '%s' has an invalid shape", name);
        return -1;
    }
    if (trainable && s->sealed) {
        ludc_fail(err, LUD_E_INVALID, "parameter '%s' is trainable, but the trainable parameters are laid out already",
                  name);
        return -1;
    }
    if (spec) memcpy(&taken, spec, LUDC_MIN(spec->struct_size, sizeof taken));
    taken.struct_size = sizeof taken;
    i = add_param(s, name, &declared, &taken, trainable);
    if (i < 0) ludc_fail(err, LUD_E_NOMEM, "no memory for parameter '%s'", name);
    return i;
}

/* Values may be replaced while no device copy of a frozen parameter exists; programs hold those copies. */
static lud_status may_set(const ludc_store *s, size_t i, lud_error *err) {
    if (i >= s->n_params) return ludc_fail(err, LUD_E_INVALID, "parameter number %zu does not exist", i);
    const ludc_store_param *p = s->params[i];
    if (p->weights)
        return ludc_fail(err, LUD_E_INVALID, "parameter '%s' is frozen and in use by a program; set it before",
                         p->name);
    return LUD_OK;
}

static bool on_device(const ludc_store *s, const ludc_store_param *p) {
    return s->sealed && p->pub.trainable;
}

lud_status ludc_store_set(ludc_store *s, size_t i, const float *values, lud_error *err) {
    LUDC_TRY(may_set(s, i, err));
    ludc_store_param *p = s->params[i];
    if (on_device(s, p)) return ludc_flat_put(s, LUDC_FLAT_VALUES, p->pub.flat_offset, values, p->pub.count, err);
    size_t bytes = (size_t)p->pub.count * sizeof *values;
    float *own = p->own ? p->own : ludc_alloc(bytes);
    if (!own) return ludc_fail(err, LUD_E_NOMEM, "no memory for the values of parameter '%s'", p->name);
    memmove(own, values, bytes);
    p->own = NULL;
    ludc_store_drop(p);
    p->host = p->own = own;
    p->pub.filled = true;
    return LUD_OK;
}

lud_status ludc_store_set_borrow(ludc_store *s, size_t i, const float *values, lud_error *err) {
    LUDC_TRY(may_set(s, i, err));
    ludc_store_param *p = s->params[i];
    if (on_device(s, p)) return ludc_store_set(s, i, values, err);
    ludc_store_drop(p);
    p->host = values;
    p->pub.filled = true;
    return LUD_OK;
}

lud_status ludc_store_set_lazy(ludc_store *s, size_t i, const ludc_values *values, lud_error *err) {
    lud_status status = may_set(s, i, err);
    if (status == LUD_OK && on_device(s, s->params[i]))
        status = ludc_fail(err, LUD_E_INVALID, "parameter '%s' is trained already", s->params[i]->name);
    if (status != LUD_OK) {
        values->free(values->arg);
        return status;
    }
    ludc_store_drop(s->params[i]);
    s->params[i]->lazy = *values;
    s->params[i]->pub.filled = true;
    return LUD_OK;
}

lud_status ludc_store_reals(ludc_store_param *p, const float **out, lud_error *err) {
    if (!p->host) {
        p->own = ludc_alloc((size_t)p->pub.count * sizeof *p->own);
        if (!p->own) return ludc_fail(err, LUD_E_NOMEM, "no memory for the values of parameter '%s'", p->name);
        LUDC_TRY(p->lazy.reals(p->lazy.arg, p->own, err));
        p->host = p->own;
    }
    *out = p->host;
    return LUD_OK;
}

lud_status ludc_store_get(ludc_store *s, size_t i, float *out, lud_error *err) {
    if (i >= s->n_params) return ludc_fail(err, LUD_E_INVALID, "parameter number %zu does not exist", i);
    const ludc_store_param *p = s->params[i];
    if (!p->pub.filled) return ludc_fail(err, LUD_E_INVALID, "parameter '%s' has no values", p->name);
    if (on_device(s, p)) return ludc_flat_take(s, LUDC_FLAT_VALUES, p->pub.flat_offset, out, p->pub.count, err);
    if (!p->host) return p->lazy.reals(p->lazy.arg, out, err);
    memcpy(out, p->host, (size_t)p->pub.count * sizeof *out);
    return LUD_OK;
}

/* ---- The SDK's service ---- */

void ludc_store_weights_scope(ludc_store *s, const char *scope) {
    s->weights_scope = scope;
}

static int64_t weights_index(const ludc_store *s, const char *param) {
    ludc_buf name = {0};
    ludc_buf_addf(&name, "%s%s", s->weights_scope ? s->weights_scope : "", param);
    const int64_t i = name.failed ? -1 : ludc_store_index(s, (lud_str){name.ptr, name.len});
    ludc_buf_free(&name);
    return i;
}

static const float *weights_get(lud_weights *w, const char *param, int64_t *n) {
    ludc_store *s = (ludc_store *)w;
    int64_t i = weights_index(s, param);
    if (i < 0 || !s->params[i]->pub.filled) return NULL;
    const ludc_store_param *p = s->params[i];
    if (n) *n = p->pub.count;
    if (!on_device(s, p) && p->host) return p->host;
    ludc_free(s->scratch);
    s->scratch = ludc_alloc((size_t)p->pub.count * sizeof *s->scratch);
    if (!s->scratch || ludc_store_get(s, (size_t)i, s->scratch, NULL) != LUD_OK) return NULL;
    return s->scratch;
}

static lud_status weights_set(lud_weights *w, const char *param, const float *values, int64_t n, lud_error *err) {
    ludc_store *s = (ludc_store *)w;
    int64_t i = weights_index(s, param);
    if (i < 0) return ludc_fail(err, LUD_E_NOT_FOUND, "no parameter is named '%s'", param);
    if (n != s->params[i]->pub.count)
        return ludc_fail(err, LUD_E_INVALID, "parameter '%s' has %lld elements, got %lld", param,
                         (long long)s->params[i]->pub.count, (long long)n);
    return ludc_store_set(s, (size_t)i, values, err);
}

const lud_weights_api *ludc_weights_api(void) {
    static const lud_weights_api api = {.struct_size = sizeof api, .get = weights_get, .set = weights_set};
    return &api;
}
