/* SPDX-License-Identifier: Apache-2.0
 * The value tree: nodes own their children; objects keep the order of their keys. */
#include "value_internal.h"

#include <stdlib.h>
#include <string.h>

ludc_value *ludc_value_new(int32_t type) {
    ludc_value *v = ludc_alloc(sizeof(*v));
    if (v) v->type = type;
    return v;
}

ludc_value *ludc_value_bool(bool b) {
    ludc_value *v = ludc_value_new(LUD_CFG_BOOL);
    if (v) v->u.b = b;
    return v;
}

ludc_value *ludc_value_int(int64_t i) {
    ludc_value *v = ludc_value_new(LUD_CFG_INT);
    if (v) v->u.i = i;
    return v;
}

ludc_value *ludc_value_float(double f) {
    ludc_value *v = ludc_value_new(LUD_CFG_FLOAT);
    if (v) v->u.f = f;
    return v;
}

ludc_value *ludc_value_str(lud_str s) {
    ludc_value *v = ludc_value_new(LUD_CFG_STR);
    char *copy = v ? ludc_strndup(s.ptr, s.len) : NULL;
    if (!copy) return ludc_free(v), NULL;
    v->u.s = (lud_str){copy, s.len};
    return v;
}

ludc_value *ludc_value_text(const char *s) {
    return s ? ludc_value_str(ludc_str(s)) : ludc_value_new(LUD_CFG_NULL);
}

ludc_value *ludc_value_block(size_t n, size_t text, char **room) {
    size_t bytes;
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    if (!list || __builtin_mul_overflow(n, sizeof(*list), &bytes) || __builtin_add_overflow(bytes, text, &bytes))
        return ludc_free(list), NULL;
    list->block = ludc_alloc(bytes);
    list->items = ludc_alloc(n * sizeof(*list->items));
    if (!list->block || !list->items) return ludc_value_free(list), NULL;
    for (size_t i = 0; i < n; i++)
        list->items[i] = &list->block[i];
    list->len = list->cap = n;
    *room = (char *)&list->block[n];
    return list;
}

void ludc_value_free(ludc_value *v) {
    if (!v) return;
    if (v->type == LUD_CFG_STR) ludc_free((char *)v->u.s.ptr);
    for (size_t i = 0; i < v->len && !v->block; i++) {
        if (v->keys) ludc_free((char *)v->keys[i].ptr);
        ludc_value_free(v->items[i]);
    }
    ludc_free(v->keys);
    ludc_free(v->items);
    ludc_free(v->key_pos);
    ludc_free(v->index);
    ludc_free(v->block);
    ludc_free(v);
}

static bool reserve(ludc_value *v) {
    if (v->len < v->cap) return true;
    const size_t cap = v->cap ? v->cap * 2 : 8;
    ludc_value **items = ludc_realloc(v->items, v->len * sizeof(*items), cap * sizeof(*items));
    if (!items) return false;
    v->items = items;
    if (v->type == LUD_CFG_OBJECT) {
        lud_str *keys = ludc_realloc(v->keys, v->len * sizeof(*keys), cap * sizeof(*keys));
        if (!keys) return false;
        v->keys = keys;
    }
    if (v->key_pos) {
        const size_t pair = 2 * sizeof(*v->key_pos);
        int32_t *pos = ludc_realloc(v->key_pos, v->len * pair, cap * pair);
        if (!pos) return false;
        v->key_pos = pos;
    }
    v->cap = cap;
    return true;
}

bool ludc_value_push(ludc_value *list, ludc_value *child) {
    if (!list || !child || list->type != LUD_CFG_LIST || list->block || !reserve(list))
        return ludc_value_free(child), false;
    list->items[list->len++] = child;
    return true;
}

bool ludc_value_append(ludc_value *object, lud_str key, ludc_value *child) {
    char *copy = NULL;
    if (object && child && object->type == LUD_CFG_OBJECT && reserve(object)) copy = ludc_strndup(key.ptr, key.len);
    if (!copy) return ludc_value_free(child), false;
    object->keys[object->len] = (lud_str){copy, key.len};
    object->items[object->len++] = child;
    ludc_value_index_add(object);
    return true;
}

static bool index_of(const ludc_value *object, lud_str key, size_t *at) {
    return object && object->type == LUD_CFG_OBJECT && ludc_value_index_find(object, key, at);
}

bool ludc_value_putn(ludc_value *object, lud_str key, ludc_value *child) {
    size_t at;
    if (!child || !index_of(object, key, &at)) return ludc_value_append(object, key, child);
    ludc_value_free(object->items[at]);
    object->items[at] = child;
    return true;
}

bool ludc_value_put(ludc_value *object, const char *key, ludc_value *child) {
    return ludc_value_putn(object, ludc_str(key), child);
}

bool ludc_value_remove(ludc_value *object, const char *key) {
    size_t at;
    if (!index_of(object, ludc_str(key), &at)) return false;
    ludc_value_index_drop(object);
    ludc_free((char *)object->keys[at].ptr);
    ludc_value_free(object->items[at]);
    const size_t after = object->len - at - 1;
    memmove(&object->keys[at], &object->keys[at + 1], after * sizeof(*object->keys));
    memmove(&object->items[at], &object->items[at + 1], after * sizeof(*object->items));
    if (object->key_pos)
        memmove(&object->key_pos[2 * at], &object->key_pos[2 * at + 2], 2 * after * sizeof(*object->key_pos));
    object->len--;
    if (object->len) ludc_value_index_add(object);
    return true;
}

static ludc_value *getn(const ludc_value *object, lud_str key) {
    size_t at;
    return index_of(object, key, &at) ? object->items[at] : NULL;
}

ludc_value *ludc_value_get(const ludc_value *object, const char *key) {
    return getn(object, ludc_str(key));
}

static ludc_value *item_at(const ludc_value *list, lud_str digits) {
    size_t i = 0;
    if (digits.len == 0 || digits.len > 9) return NULL;
    for (size_t k = 0; k < digits.len; k++) {
        if (digits.ptr[k] < '0' || digits.ptr[k] > '9') return NULL;
        i = 10 * i + (size_t)(digits.ptr[k] - '0');
    }
    return i < list->len ? list->items[i] : NULL;
}

ludc_value *ludc_value_find(const ludc_value *root, const char *dotted) {
    ludc_value *v = (ludc_value *)root;
    for (const char *part = dotted; v && part;) {
        ludc_value *whole = getn(v, ludc_str(part));
        if (whole) return whole;
        const char *dot = strchr(part, '.');
        const lud_str key = {part, dot ? (size_t)(dot - part) : strlen(part)};
        v = v->type == LUD_CFG_LIST ? item_at(v, key) : getn(v, key);
        part = dot ? dot + 1 : NULL;
    }
    return v;
}

static ludc_value *copy_scalar(const ludc_value *v) {
    if (v->type == LUD_CFG_STR) return ludc_value_str(v->u.s);
    ludc_value *c = ludc_value_new(v->type);
    if (c) c->u = v->u;
    return c;
}

ludc_value *ludc_value_copy(const ludc_value *v) {
    ludc_value *c = v ? copy_scalar(v) : NULL;
    if (!c) return NULL;
    c->line = v->line;
    c->col = v->col;
    for (size_t i = 0; i < v->len; i++) {
        ludc_value *child = ludc_value_copy(v->items[i]);
        const bool ok = v->keys ? ludc_value_append(c, v->keys[i], child) : ludc_value_push(c, child);
        if (!ok) return ludc_value_free(c), NULL;
    }
    if (v->key_pos && v->len) {
        c->key_pos = ludc_alloc(2 * c->cap * sizeof(*c->key_pos));
        if (!c->key_pos) return ludc_value_free(c), NULL;
        memcpy(c->key_pos, v->key_pos, 2 * v->len * sizeof(*c->key_pos));
    }
    return c;
}

static bool equal_children(const ludc_value *a, const ludc_value *b) {
    if (a->len != b->len) return false;
    for (size_t i = 0; i < a->len; i++) {
        const ludc_value *other = a->keys ? getn(b, a->keys[i]) : b->items[i];
        if (!other || !ludc_value_equal(a->items[i], other)) return false;
    }
    return true;
}

bool ludc_value_equal(const ludc_value *a, const ludc_value *b) {
    if (!a || !b || a->type != b->type) return a == b;
    switch (a->type) {
    case LUD_CFG_BOOL:
        return !a->u.b == !b->u.b;
    case LUD_CFG_INT:
        return a->u.i == b->u.i;
    case LUD_CFG_FLOAT:
        return a->u.f == b->u.f || (a->u.f != a->u.f && b->u.f != b->u.f);
    case LUD_CFG_STR:
        return ludc_str_same(a->u.s, b->u.s);
    default:
        return equal_children(a, b);
    }
}

bool ludc_is_null(const ludc_value *v) {
    return !v || v->type == LUD_CFG_NULL;
}

int64_t ludc_get_int(const ludc_value *v, const char *dotted, int64_t dflt) {
    const ludc_value *node = ludc_value_find(v, dotted);
    return node && node->type == LUD_CFG_INT ? node->u.i : dflt;
}

double ludc_get_float(const ludc_value *v, const char *dotted, double dflt) {
    const ludc_value *node = ludc_value_find(v, dotted);
    if (node && node->type == LUD_CFG_INT) return (double)node->u.i;
    return node && node->type == LUD_CFG_FLOAT ? node->u.f : dflt;
}

bool ludc_get_bool(const ludc_value *v, const char *dotted, bool dflt) {
    const ludc_value *node = ludc_value_find(v, dotted);
    return node && node->type == LUD_CFG_BOOL ? node->u.b != 0 : dflt;
}

lud_str ludc_get_str(const ludc_value *v, const char *dotted, lud_str dflt) {
    const ludc_value *node = ludc_value_find(v, dotted);
    return node && node->type == LUD_CFG_STR ? node->u.s : dflt;
}

lud_str ludc_get_text(const ludc_value *v, const char *dotted) {
    return ludc_get_str(v, dotted, LUDC_STR(""));
}

bool ludc_text_is(const ludc_value *v, const char *dotted, const char *word) {
    return ludc_str_eq(ludc_get_text(v, dotted), word);
}
