/* SPDX-License-Identifier: Apache-2.0
 * Writes GGUF version 3: metadata in the order of the object, tensors in the order given, each padded to 32 bytes.
 * Nothing is at `path` before all of it is written. */
#include "gguf.h"

#include <inttypes.h>
#include <string.h>

#define ALIGNMENT 32

static void add_le(ludc_buf *b, uint64_t v, int bytes) {
    uint8_t le[8];
    for (int i = 0; i < bytes; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    ludc_buf_add(b, le, (size_t)bytes);
}

static void add_text(ludc_buf *b, lud_str s) {
    add_le(b, s.len, 8);
    ludc_buf_add(b, s.ptr, s.len);
}

/* llama.cpp wants counts and ids as u32, items of integer arrays as i32, real numbers as f32. */
static uint32_t type_of(const ludc_value *v, bool item) {
    switch (v->type) {
    case LUD_CFG_BOOL:
        return LUDC_GGUF_BOOL;
    case LUD_CFG_INT:
        if (item) return v->u.i >= INT32_MIN && v->u.i <= INT32_MAX ? LUDC_GGUF_I32 : LUDC_GGUF_TYPES;
        return v->u.i >= 0 && v->u.i <= UINT32_MAX ? LUDC_GGUF_U32 : LUDC_GGUF_I64;
    case LUD_CFG_FLOAT:
        return LUDC_GGUF_F32;
    case LUD_CFG_STR:
        return LUDC_GGUF_STR;
    case LUD_CFG_LIST:
        return item ? LUDC_GGUF_TYPES : LUDC_GGUF_ARRAY;
    default:
        return LUDC_GGUF_TYPES;
    }
}

static void add_scalar(ludc_buf *b, uint32_t type, const ludc_value *v) {
    uint32_t bits;
    const float f = (float)v->u.f;
    memcpy(&bits, &f, sizeof bits);
    if (type == LUDC_GGUF_STR)
        add_text(b, v->u.s);
    else if (type == LUDC_GGUF_F32)
        add_le(b, bits, 4);
    else
        add_le(b, v->type == LUD_CFG_BOOL ? (uint64_t)v->u.b : (uint64_t)v->u.i,
               type == LUDC_GGUF_BOOL  ? 1
               : type == LUDC_GGUF_I64 ? 8
                                       : 4);
}

static lud_status add_pair(ludc_buf *b, lud_str key, const ludc_value *v, lud_error *err) {
    const uint32_t type = type_of(v, false), of = v->type == LUD_CFG_LIST && v->len ? type_of(v->items[0], true) : 0;
    bool ok = type < LUDC_GGUF_TYPES && of < LUDC_GGUF_TYPES;
    add_text(b, key);
    add_le(b, type, 4);
    if (type == LUDC_GGUF_ARRAY) {
        add_le(b, of, 4);
        add_le(b, v->len, 8);
    } else {
        add_scalar(b, type, v);
    }
    for (size_t i = 0; ok && v->type == LUD_CFG_LIST && i < v->len; i++) {
        ok = type_of(v->items[i], true) == of;
        if (ok) add_scalar(b, of, v->items[i]);
    }
    return ok ? LUD_OK : ludc_fail(err, LUD_E_INVALID, "GGUF: the value of '%.*s' has no form there", LUDC_ARG(key));
}

static lud_status add_tensor(ludc_buf *b, const ludc_save_tensor *t, uint64_t *offset, lud_error *err) {
    const ludc_dtype_info *info = ludc_dtype_at(t->dtype);
    const lud_str name = ludc_str(t->name);
    int64_t count;
    uint64_t bytes;
    if (!info || info->gguf_id < 0 || name.len == 0 || name.len > 63 || !ludc_tensor_name_ok(name) || t->rank < 1 ||
        t->rank > 4 || !ludc_tensor_size(t->dtype, t->dim, t->rank, &count, &bytes) || count < 1 ||
        t->dim[t->rank - 1] % info->block_count != 0)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: the tensor '%s' cannot be written as %s", t->name,
                         ludc_dtype_name(t->dtype));
    add_text(b, name);
    add_le(b, (uint64_t)t->rank, 4);
    for (int32_t d = t->rank; d-- > 0;)
        add_le(b, (uint64_t)t->dim[d], 8);
    add_le(b, (uint64_t)info->gguf_id, 4);
    add_le(b, *offset, 8);
    *offset += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return LUD_OK;
}

static lud_status build_head(ludc_buf *b, const ludc_value *metadata, const ludc_save_tensor *t, size_t n,
                             lud_error *err) {
    uint64_t offset = 0;
    ludc_buf_adds(b, "GGUF");
    add_le(b, 3, 4);
    add_le(b, n, 8);
    add_le(b, metadata->len, 8);
    for (size_t i = 0; i < metadata->len; i++)
        LUDC_TRY(add_pair(b, metadata->keys[i], metadata->items[i], err));
    for (size_t i = 0; i < n; i++)
        LUDC_TRY(add_tensor(b, &t[i], &offset, err));
    while (b->len % ALIGNMENT != 0 && !b->failed)
        add_le(b, 0, 1);
    return b->failed ? ludc_fail(err, LUD_E_NOMEM, "GGUF: out of memory for the metadata") : LUD_OK;
}

static lud_status write_all(ludc_file_writer *w, const ludc_buf *head, const ludc_save_tensor *t, size_t n,
                            lud_error *err) {
    static const uint8_t zeros[ALIGNMENT] = {0};
    LUDC_TRY(ludc_file_append(w, head->ptr, head->len, err));
    for (size_t i = 0; i < n; i++) {
        int64_t count = 0;
        uint64_t bytes = 0;
        (void)ludc_tensor_size(t[i].dtype, t[i].dim, t[i].rank, &count, &bytes);
        LUDC_TRY(ludc_values_write(w, &t[i], count, err));
        LUDC_TRY(ludc_file_append(w, zeros, (ALIGNMENT - bytes % ALIGNMENT) % ALIGNMENT, err));
    }
    return LUD_OK;
}

lud_status ludc_gguf_save(const char *path, const ludc_value *metadata, const ludc_save_tensor *t, size_t n,
                          lud_error *err) {
    ludc_buf head = {0};
    ludc_file_writer *w = NULL;
    lud_status s = build_head(&head, metadata, t, n, err);
    if (s == LUD_OK) s = ludc_file_open_writer(path, &w, err);
    if (s == LUD_OK) s = write_all(w, &head, t, n, err);
    if (s == LUD_OK)
        s = ludc_file_commit(w, err);
    else
        ludc_file_abort(w);
    ludc_buf_free(&head);
    return s;
}
