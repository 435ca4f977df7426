/* SPDX-License-Identifier: Apache-2.0
 * GGUF key-value pairs into a value tree: one object, each dotted key kept whole, arrays as lists.
 * Invariant: a list gets its memory at once, after the count was checked against the bytes left. Arrays of arrays are
 * refused, as ggml does. What the values mean is checked in gguf_check.c. */
#include "gguf.h"

#include <inttypes.h>
#include <string.h>

#define KEY_MAX   65535
#define ARRAY_MAX ((uint64_t)1 << 30)
/* An item of one byte becomes a node of about 100: this bounds what a small file can make us allocate. Real files hold
 * three arrays of a vocabulary of up to 2^18. */
#define ITEMS_MAX         ((uint64_t)1 << 22)
#define ALIGNMENT_DEFAULT 32
#define ALIGNMENT_MIN     8
#define ALIGNMENT_MAX     ((uint64_t)1 << 20)

/* Bytes of a value; strings and arrays: of their shortest form. */
static const uint8_t min_bytes[LUDC_GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

static lud_status no_memory(ludc_gguf *g) {
    return ludc_fail(g->err, LUD_E_NOMEM, "%s: out of memory for its metadata", g->path);
}

static void set_int(ludc_value *v, int64_t i) {
    v->type = LUD_CFG_INT;
    v->u.i = i;
}

static void set_float(ludc_value *v, double f) {
    v->type = LUD_CFG_FLOAT;
    v->u.f = f;
}

static void set_f32(ludc_value *v, uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    set_float(v, (double)f);
}

static void set_f64(ludc_value *v, uint64_t bits) {
    double f;
    memcpy(&f, &bits, sizeof f);
    set_float(v, f);
}

static void set_bool(ludc_value *v, bool b) {
    v->type = LUD_CFG_BOOL;
    v->u.b = b;
}

/* p holds min_bytes[type] bytes. A u64 beyond 2^63 becomes a float. */
static void set_number(ludc_value *v, uint32_t type, const uint8_t *p) {
    switch (type) {
    case LUDC_GGUF_U8:
        return set_int(v, p[0]);
    case LUDC_GGUF_I8:
        return set_int(v, (int8_t)p[0]);
    case LUDC_GGUF_U16:
        return set_int(v, ludc_le16(p));
    case LUDC_GGUF_I16:
        return set_int(v, (int16_t)ludc_le16(p));
    case LUDC_GGUF_U32:
        return set_int(v, ludc_le32(p));
    case LUDC_GGUF_I32:
        return set_int(v, (int32_t)ludc_le32(p));
    case LUDC_GGUF_F32:
        return set_f32(v, ludc_le32(p));
    case LUDC_GGUF_F64:
        return set_f64(v, ludc_le64(p));
    case LUDC_GGUF_BOOL:
        return set_bool(v, p[0] != 0);
    case LUDC_GGUF_U64:
        if (ludc_le64(p) > INT64_MAX) return set_float(v, (double)ludc_le64(p));
        return set_int(v, (int64_t)ludc_le64(p));
    default:
        return set_int(v, (int64_t)ludc_le64(p));
    }
}

static lud_status read_number(ludc_gguf *g, uint32_t type, ludc_value *v) {
    const uint8_t *p = ludc_gguf_take(g, min_bytes[type]);
    if (!p) return ludc_gguf_truncated(g, "a number of the metadata");
    if (type == LUDC_GGUF_BOOL && p[0] > 1)
        return ludc_fail(g->err, LUD_E_IO, "%s: a bool at byte %" PRIu64 " is neither 0 nor 1", g->path, g->pos - 1);
    return set_number(v, type, p), LUD_OK;
}

static lud_status read_text(ludc_gguf *g, lud_str *out) {
    return ludc_gguf_text(g, "a string of the metadata", out);
}

static lud_status read_scalar(ludc_gguf *g, uint32_t type, ludc_value **out) {
    lud_str s = {0};
    if (type == LUDC_GGUF_STR) LUDC_TRY(read_text(g, &s));
    *out = type == LUDC_GGUF_STR ? ludc_value_str(s) : ludc_value_new(LUD_CFG_NULL);
    if (!*out) return no_memory(g);
    return type == LUDC_GGUF_STR ? LUD_OK : read_number(g, type, *out);
}

static lud_status read_array_head(ludc_gguf *g, uint32_t *type, uint64_t *n) {
    const uint8_t *p = ludc_gguf_take(g, 12);
    if (!p) return ludc_gguf_truncated(g, "an array of the metadata");
    *type = ludc_le32(p);
    *n = ludc_le64(p + 4);
    if (*type == LUDC_GGUF_ARRAY || *type >= LUDC_GGUF_TYPES)
        return ludc_fail(g->err, LUD_E_IO,
                         "%s: an array at byte %" PRIu64 " holds items of type %" PRIu32 ", which is not allowed",
                         g->path, g->pos - 12, *type);
    if (*n > ARRAY_MAX || *n > (g->size - g->pos) / min_bytes[*type])
        return ludc_fail(g->err, LUD_E_IO,
                         "%s: an array at byte %" PRIu64 " claims %" PRIu64 " items, more than the file can hold",
                         g->path, g->pos - 12, *n);
    g->list_items += *n;
    if (g->list_items > ITEMS_MAX)
        return ludc_fail(g->err, LUD_E_IO, "%s: its metadata arrays hold more than %" PRIu64 " items together", g->path,
                         ITEMS_MAX);
    return LUD_OK;
}

/* Bytes of the texts that come next, each with a closing NUL; the cursor stays. */
static lud_status measure_texts(ludc_gguf *g, uint64_t n, size_t *bytes) {
    const uint64_t begin = g->pos;
    for (uint64_t i = 0; i < n; i++) {
        lud_str s;
        LUDC_TRY(read_text(g, &s));
        *bytes += s.len + 1;
    }
    g->pos = begin;
    return LUD_OK;
}

/* Measured: it is there. */
static lud_status read_item(ludc_gguf *g, ludc_value *v, char **room) {
    lud_str s;
    LUDC_TRY(read_text(g, &s));
    v->type = LUD_CFG_STR;
    v->u.s = (lud_str){memcpy(*room, s.ptr, s.len), s.len};
    *room += s.len + 1;
    return LUD_OK;
}

static lud_status read_array(ludc_gguf *g, ludc_value **out) {
    uint32_t type = 0;
    uint64_t n = 0;
    size_t bytes = 0;
    char *room = NULL;
    LUDC_TRY(read_array_head(g, &type, &n));
    if (type == LUDC_GGUF_STR) LUDC_TRY(measure_texts(g, n, &bytes));
    ludc_value *list = *out = ludc_value_block((size_t)n, bytes, &room);
    if (!list) return no_memory(g);
    for (uint64_t i = 0; i < n; i++)
        LUDC_TRY(type == LUDC_GGUF_STR ? read_item(g, list->items[i], &room) : read_number(g, type, list->items[i]));
    return LUD_OK;
}

static lud_status take_alignment(ludc_gguf *g, uint32_t type, const ludc_value *v) {
    if (type != LUDC_GGUF_U32) return ludc_fail(g->err, LUD_E_IO, "%s: general.alignment must be a u32", g->path);
    uint64_t a = (uint64_t)v->u.i;
    if (a < ALIGNMENT_MIN || a > ALIGNMENT_MAX || (a & (a - 1)) != 0)
        return ludc_fail(g->err, LUD_E_IO,
                         "%s: general.alignment is %" PRIu64 ", must be a power of two from 8 to 2^20", g->path, a);
    g->alignment = a;
    return LUD_OK;
}

static lud_status read_key(ludc_gguf *g, ludc_map *keys, lud_str *key, uint32_t *type) {
    char shown[84];
    int64_t known;
    LUDC_TRY(ludc_gguf_text(g, "a metadata key", key));
    if (key->len == 0 || key->len > KEY_MAX || !ludc_tensor_name_ok(*key))
        return ludc_fail(g->err, LUD_E_IO, "%s: metadata key '%s' must be 1 to %d bytes of plain UTF-8", g->path,
                         ludc_show(*key, shown), KEY_MAX);
    if (ludc_map_get(keys, *key, &known))
        return ludc_fail(g->err, LUD_E_IO, "%s: metadata key '%s' is there twice", g->path, ludc_show(*key, shown));
    if (!ludc_map_put(keys, *key, 0)) return no_memory(g);
    const uint8_t *p = ludc_gguf_take(g, 4);
    if (!p) return ludc_gguf_truncated(g, "a metadata type");
    *type = ludc_le32(p);
    if (*type >= LUDC_GGUF_TYPES)
        return ludc_fail(g->err, LUD_E_IO, "%s: metadata key '%s' has the unknown type %" PRIu32, g->path,
                         ludc_show(*key, shown), *type);
    return LUD_OK;
}

static lud_status read_pair(ludc_gguf *g, ludc_map *keys) {
    lud_str key;
    uint32_t type = 0;
    ludc_value *v = NULL;
    LUDC_TRY(read_key(g, keys, &key, &type));
    lud_status s = type == LUDC_GGUF_ARRAY ? read_array(g, &v) : read_scalar(g, type, &v);
    if (s == LUD_OK && ludc_str_eq(key, "general.alignment")) s = take_alignment(g, type, v);
    if (s != LUD_OK) return ludc_value_free(v), s;
    return ludc_value_append(g->metadata, key, v) ? LUD_OK : no_memory(g);
}

lud_status ludc_gguf_read_metadata(ludc_gguf *g) {
    g->alignment = ALIGNMENT_DEFAULT;
    g->metadata = ludc_value_new(LUD_CFG_OBJECT);
    ludc_map *keys = ludc_map_new(64);
    lud_status s = g->metadata && keys ? LUD_OK : no_memory(g);
    for (uint64_t i = 0; s == LUD_OK && i < g->n_kv; i++)
        s = read_pair(g, keys);
    ludc_map_free(keys);
    return s;
}
