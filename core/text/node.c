/* SPDX-License-Identifier: Apache-2.0
 * node: typed members of the objects in tokenizer.json. A member of the wrong type is an error, never a default. */
#include "internal.h"

#include <string.h>

static lud_status wrong_type(const ludc_load *l, const char *key, const char *want) {
    return ludc_fail(l->err, LUD_E_IO, "%s: '%s' must be %s", l->name, key, want);
}

lud_status ludc_node_bool(const ludc_load *l, const ludc_value *o, const char *key, bool dflt, bool *out) {
    const ludc_value *v = ludc_value_get(o, key);
    if (!ludc_is_null(v) && v->type != LUD_CFG_BOOL) return wrong_type(l, key, "true or false");
    *out = ludc_is_null(v) ? dflt : v->u.b != 0;
    return LUD_OK;
}

lud_status ludc_node_int(const ludc_load *l, const ludc_value *o, const char *key, int64_t min, int64_t max,
                         int64_t *out) {
    const ludc_value *v = ludc_value_get(o, key);
    if (!v || v->type != LUD_CFG_INT) return wrong_type(l, key, "an integer");
    if (v->u.i < min || v->u.i > max) {
        return ludc_fail(l->err, LUD_E_IO, "%s: '%s' is %lld, it must be from %lld to %lld", l->name, key,
                         (long long)v->u.i, (long long)min, (long long)max);
    }
    *out = v->u.i;
    return LUD_OK;
}

lud_status ludc_node_text(const ludc_load *l, const ludc_value *o, const char *key, lud_str *out) {
    const ludc_value *v = ludc_value_get(o, key);
    if (!ludc_is_null(v) && v->type != LUD_CFG_STR) return wrong_type(l, key, "a string");
    *out = ludc_is_null(v) ? (lud_str){NULL, 0} : v->u.s;
    return LUD_OK;
}

lud_status ludc_node_token(const ludc_load *l, const ludc_value *o, const char *key, lud_str *out) {
    const ludc_value *v = ludc_value_get(o, key);
    return v && v->type == LUD_CFG_OBJECT ? ludc_node_text(l, v, "content", out) : ludc_node_text(l, o, key, out);
}

lud_status ludc_node_list(const ludc_load *l, const ludc_value *o, const char *key, const ludc_value **out) {
    const ludc_value *v = ludc_value_get(o, key);
    if (!v || v->type != LUD_CFG_LIST) return wrong_type(l, key, "a list");
    *out = v;
    return LUD_OK;
}

lud_status ludc_node_type(const ludc_load *l, const ludc_value *o, const char *section, lud_str *out) {
    if (o->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: %s must be an object with a 'type', or null", l->name, section);
    LUDC_TRY(ludc_node_text(l, o, "type", out));
    if (!out->ptr) return ludc_fail(l->err, LUD_E_IO, "%s: %s has no 'type'", l->name, section);
    return LUD_OK;
}

lud_status ludc_node_refuse(const ludc_load *l, const char *section, lud_str type, const char *const *planned) {
    int shown = (int)LUDC_MIN(type.len, 64);
    for (; planned && *planned; planned++) {
        if (!ludc_str_eq(type, *planned)) continue;
        return ludc_fail(l->err, LUD_E_UNSUPPORTED, "%s: %s of type '%s' is known, but not available yet", l->name,
                         section, *planned);
    }
    return ludc_fail(l->err, LUD_E_UNSUPPORTED,
                     "%s: unknown %s type '%.*s'; it cannot be skipped without changing the ids", l->name, section,
                     shown, type.ptr);
}

lud_status ludc_node_each(const ludc_load *l, const ludc_value *v, const char *section, const char *list,
                          const char *const *planned, int depth, ludc_component_fn fn, void *arg) {
    enum { MAX_DEPTH = 16 };
    const ludc_value *parts = NULL;
    lud_str type = {0};
    LUDC_TRY(ludc_node_type(l, v, section, &type));
    if (depth > MAX_DEPTH) return ludc_fail(l->err, LUD_E_IO, "%s: %ss are nested too deep", l->name, section);
    if (!ludc_str_eq(type, "Sequence")) {
        const lud_status status = fn(l, v, type, arg);
        return status == LUD_E_NOT_FOUND ? ludc_node_refuse(l, section, type, planned) : status;
    }
    LUDC_TRY(ludc_node_list(l, v, list, &parts));
    for (size_t i = 0; i < parts->len; i++)
        LUDC_TRY(ludc_node_each(l, parts->items[i], section, list, planned, depth + 1, fn, arg));
    return LUD_OK;
}

lud_status ludc_node_copy(const ludc_load *l, lud_str s, char **out, size_t *len) {
    *out = ludc_strndup(s.ptr ? s.ptr : "", s.len);
    *len = s.len;
    return *out ? LUD_OK : ludc_no_memory(l->err, l->name);
}

void *ludc_scratch_take(ludc_scratch *s, size_t n) {
    if (s->size >= n && s->ptr) return s->ptr;
    size_t size = LUDC_MAX(n + n / 2, 256);
    void *p = ludc_alloc(size);
    if (!p) return NULL;
    ludc_free(s->ptr);
    *s = (ludc_scratch){p, size};
    return p;
}
