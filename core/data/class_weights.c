/* SPDX-License-Identifier: Apache-2.0
 * class_weights of a loss: by place or by label, in the order of the classes; what does not fit the labels is said. */
#include "feature_internal.h"

#include <math.h>
#include <string.h>

static lud_status weight_of(const ludc_value *v, lud_str label, float *out, lud_error *err) {
    const double w = v->type == LUD_CFG_INT ? (double)v->u.i : v->type == LUD_CFG_FLOAT ? v->u.f : -1;
    *out = (float)w;
    if (w >= 0 && isfinite(*out)) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "class_weights: '%.*s': want a number >= 0", (int)ludc_clip(label).len,
                     label.ptr);
}

static lud_status unknown_label(lud_str label, const ludc_value *labels, lud_error *err) {
    const char **names = ludc_alloc(labels->len * sizeof(*names));
    if (!names) return ludc_no_memory(err, NULL);
    for (size_t i = 0; i < labels->len; i++)
        names[i] = labels->items[i]->u.s.ptr;
    const char *near = ludc_nearest(label, names, labels->len);
    ludc_free(names);
    return ludc_fail(err, LUD_E_INVALID, "class_weights: no training row has the class '%.*s'%s%s%s",
                     (int)ludc_clip(label).len, label.ptr, near ? " (did you mean '" : "", near ? near : "",
                     near ? "'?)" : "");
}

static lud_status by_label(const ludc_value *weights, const ludc_value *labels, const ludc_map *map, float *out,
                           lud_error *err) {
    for (size_t i = 0; i < labels->len; i++)
        out[i] = -1;
    for (size_t i = 0; i < weights->len; i++) {
        int64_t at;
        if (!ludc_map_get(map, weights->keys[i], &at)) return unknown_label(weights->keys[i], labels, err);
        LUDC_TRY(weight_of(weights->items[i], weights->keys[i], &out[at], err));
    }
    for (size_t i = 0; i < labels->len; i++) {
        const lud_str label = ludc_clip(labels->items[i]->u.s);
        if (out[i] < 0)
            return ludc_fail(err, LUD_E_INVALID, "class_weights: the class '%.*s' has no weight", LUDC_ARG(label));
    }
    return LUD_OK;
}

static lud_status wrong_count(const ludc_value *weights, const ludc_value *labels, lud_error *err) {
    ludc_buf names = {0};
    for (size_t i = 0; i < LUDC_MIN(labels->len, 20); i++)
        ludc_buf_addf(&names, "%s%.*s", i ? ", " : "", (int)ludc_clip(labels->items[i]->u.s).len,
                      labels->items[i]->u.s.ptr);
    const lud_status status =
        ludc_fail(err, LUD_E_INVALID, "class_weights: %zu weights, there are %zu classes: %s%s", weights->len,
                  labels->len, names.ptr ? names.ptr : "", labels->len > 20 ? " ..." : "");
    ludc_buf_free(&names);
    return status;
}

static lud_status read_weights(const ludc_value *weights, const ludc_value *labels, const ludc_map *map, float *out,
                               lud_error *err) {
    if (ludc_is_null(weights)) {
        for (size_t i = 0; i < labels->len; i++)
            out[i] = 1;
        return LUD_OK;
    }
    if (weights->type == LUD_CFG_OBJECT) return by_label(weights, labels, map, out, err);
    if (weights->type != LUD_CFG_LIST)
        return ludc_fail(err, LUD_E_INVALID, "class_weights: want a list of numbers or numbers by class");
    if (weights->len != labels->len) return wrong_count(weights, labels, err);
    for (size_t i = 0; i < labels->len; i++)
        LUDC_TRY(weight_of(weights->items[i], labels->items[i]->u.s, &out[i], err));
    return LUD_OK;
}

lud_status ludc_class_weights(const ludc_value *weights, const ludc_value *metadata, float *out, lud_error *err) {
    const ludc_value *labels = ludc_value_get(metadata, "idx2str");
    bool named = labels && labels->type == LUD_CFG_LIST;
    for (size_t i = 0; named && i < labels->len; i++)
        named = labels->items[i]->type == LUD_CFG_STR;
    if (!named) return ludc_fail(err, LUD_E_INVALID, "class_weights: the feature has no classes");
    size_t n;
    ludc_map *map = ludc_labels_map(metadata, &n);
    lud_status status = map ? read_weights(weights, labels, map, out, err) : ludc_no_memory(err, NULL);
    ludc_map_free(map);
    float sum = 0;
    for (size_t i = 0; i < n && status == LUD_OK; i++)
        sum += out[i];
    if (status == LUD_OK && !(sum > 0)) status = ludc_fail(err, LUD_E_INVALID, "class_weights: all are 0");
    return status;
}
