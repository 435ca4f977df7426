/* SPDX-License-Identifier: Apache-2.0
 * The SDK's configuration functions over the value tree. A lud_cfg_out is a node of type object or list. */
#include "base.h"

static int32_t cfg_type(const lud_cfg *v) {
    return v ? v->type : LUD_CFG_ABSENT;
}

static size_t cfg_len(const lud_cfg *v) {
    return v ? v->len : 0;
}

static const lud_cfg *cfg_at(const lud_cfg *v, size_t i) {
    return v && i < v->len ? v->items[i] : NULL;
}

static lud_str cfg_key_at(const lud_cfg *v, size_t i) {
    return v && v->keys && i < v->len ? v->keys[i] : (lud_str){0};
}

static const lud_cfg *cfg_find(const lud_cfg *v, const char *dotted) {
    return ludc_value_find(v, dotted);
}

static lud_status cfg_get(const lud_cfg *v, int32_t type, void *out) {
    if (ludc_is_null(v)) return LUD_E_NOT_FOUND;
    if (type == LUD_CFG_FLOAT && v->type == LUD_CFG_INT) return *(double *)out = (double)v->u.i, LUD_OK;
    if (v->type != type) return LUD_E_INVALID;
    switch (type) {
    case LUD_CFG_BOOL:
        return *(int32_t *)out = v->u.b, LUD_OK;
    case LUD_CFG_INT:
        return *(int64_t *)out = v->u.i, LUD_OK;
    case LUD_CFG_FLOAT:
        return *(double *)out = v->u.f, LUD_OK;
    case LUD_CFG_STR:
        return *(lud_str *)out = v->u.s, LUD_OK;
    default:
        return LUD_E_INVALID;
    }
}

static lud_status set(lud_cfg_out *out, const char *key, ludc_value *v) {
    ludc_value *node = (ludc_value *)out;
    if (!node || node->type != (key ? LUD_CFG_OBJECT : LUD_CFG_LIST)) return ludc_value_free(v), LUD_E_INVALID;
    return (key ? ludc_value_put(node, key, v) : ludc_value_push(node, v)) ? LUD_OK : LUD_E_NOMEM;
}

static lud_status set_null(lud_cfg_out *o, const char *key) {
    return set(o, key, ludc_value_new(LUD_CFG_NULL));
}

static lud_status set_bool(lud_cfg_out *o, const char *key, int32_t v) {
    return set(o, key, ludc_value_bool(v != 0));
}

static lud_status set_int(lud_cfg_out *o, const char *key, int64_t v) {
    return set(o, key, ludc_value_int(v));
}

static lud_status set_float(lud_cfg_out *o, const char *key, double v) {
    return set(o, key, ludc_value_float(v));
}

static lud_status set_str(lud_cfg_out *o, const char *key, lud_str v) {
    return set(o, key, ludc_value_str(v));
}

static lud_status set_copy(lud_cfg_out *o, const char *key, const lud_cfg *v) {
    return set(o, key, v ? ludc_value_copy(v) : ludc_value_new(LUD_CFG_NULL));
}

static lud_cfg_out *set_child(lud_cfg_out *o, const char *key, int32_t type) {
    ludc_value *child = ludc_value_new(type);
    return set(o, key, child) == LUD_OK ? (lud_cfg_out *)child : NULL;
}

static lud_cfg_out *set_list(lud_cfg_out *o, const char *key) {
    return set_child(o, key, LUD_CFG_LIST);
}

static lud_cfg_out *set_object(lud_cfg_out *o, const char *key) {
    return set_child(o, key, LUD_CFG_OBJECT);
}

const lud_cfg_api *ludc_cfg_api(void) {
    static const lud_cfg_api api = {
        .struct_size = sizeof(api),
        .type = cfg_type,
        .len = cfg_len,
        .at = cfg_at,
        .key_at = cfg_key_at,
        .find = cfg_find,
        .get = cfg_get,
        .set_null = set_null,
        .set_bool = set_bool,
        .set_int = set_int,
        .set_float = set_float,
        .set_str = set_str,
        .set_copy = set_copy,
        .set_list = set_list,
        .set_object = set_object,
    };
    return &api;
}
