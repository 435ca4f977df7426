/* SPDX-License-Identifier: Apache-2.0
 * The set of named tensors behind both file formats, the table of element types, and what the parsers share.
 * Invariant: names are unique and each tensor's bytes lie inside a mapping that the set owns. Parses no file. */
#include "tensors.h"

#include <config.h>
#include <string.h>

static const ludc_dtype_info dtypes[LUDC_DTYPE_COUNT] = {
#define LUDC_DTYPE_ROW(name, gguf, st, block, bytes) {#name, st, gguf, block, bytes},
    LUDC_DTYPE_MAP(LUDC_DTYPE_ROW)
#undef LUDC_DTYPE_ROW
};

const ludc_dtype_info *ludc_dtype_at(int32_t dtype) {
    return dtype >= 0 && dtype < LUDC_DTYPE_COUNT ? &dtypes[dtype] : NULL;
}

const char *ludc_dtype_name(int32_t dtype) {
    const ludc_dtype_info *info = ludc_dtype_at(dtype);
    return info ? info->name : "unknown";
}

int32_t ludc_dtype_of_safetensors(lud_str name) {
    for (int32_t i = 0; i < LUDC_DTYPE_COUNT; i++)
        if (dtypes[i].st_name && ludc_str_eq(name, dtypes[i].st_name)) return i;
    return -1;
}

int32_t ludc_dtype_of_gguf(uint32_t id) {
    for (int32_t i = 0; i < LUDC_DTYPE_COUNT; i++)
        if (dtypes[i].gguf_id >= 0 && (uint32_t)dtypes[i].gguf_id == id) return i;
    return -1;
}

bool ludc_tensor_size(int32_t dtype, const int64_t *dim, int32_t rank, int64_t *count, uint64_t *bytes) {
    const ludc_dtype_info *info = ludc_dtype_at(dtype);
    int64_t n = 1;
    for (int32_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(n, dim[i], &n)) return false;
    if (!info || n < 0 || n % info->block_count != 0) return false;
    *count = n;
    return !__builtin_mul_overflow((uint64_t)n / info->block_count, (uint64_t)info->block_bytes, bytes);
}

bool ludc_tensor_name_ok(lud_str name) {
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f) return false;
    return ludc_utf8_valid(name.ptr, name.len);
}

const char *ludc_show(lud_str s, char out[84]) {
    size_t n = LUDC_MIN(s.len, (size_t)80);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    memcpy(out + n, s.len > n ? "..." : "", s.len > n ? 4 : 1);
    return out;
}

ludc_tensors *ludc_tensors_new(const char *scheme, size_t n_files, size_t n_tensors) {
    ludc_tensors *set = ludc_alloc(sizeof *set);
    if (!set) return NULL;
    size_t bytes;
    set->scheme = scheme;
    set->by_name = ludc_map_new(n_tensors);
    set->files = ludc_alloc(n_files * sizeof *set->files);
    if (!__builtin_mul_overflow(n_tensors, sizeof *set->items, &bytes)) set->items = ludc_alloc(bytes);
    set->cap = n_tensors;
    if (set->by_name && set->files && set->items) return set;
    ludc_tensors_free(set);
    return NULL;
}

void ludc_tensors_free(ludc_tensors *set) {
    if (!set) return;
    for (size_t i = 0; i < set->len; i++)
        ludc_free((char *)set->items[i].name);
    for (size_t i = 0; i < set->n_files; i++)
        ludc_file_unmap(&set->files[i]);
    ludc_map_free(set->by_name);
    ludc_value_free(set->metadata);
    ludc_free(set->items);
    ludc_free(set->files);
    ludc_free(set);
}

lud_status ludc_tensors_add(ludc_tensors *set, const char *path, lud_str name, const ludc_file_tensor *t,
                            lud_error *err) {
    char shown[84];
    int64_t known;
    if (ludc_map_get(set->by_name, name, &known))
        return ludc_fail(err, LUD_E_IO, "%s: tensor '%s' is there twice", path, ludc_show(name, shown));
    if (set->len == set->cap) return ludc_fail(err, LUD_E_INTERNAL, "%s: more tensors than declared", path);
    char *copy = ludc_strndup(name.ptr, name.len);
    if (!copy || !ludc_map_put(set->by_name, name, (int64_t)set->len)) {
        ludc_free(copy);
        return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory at tensor %zu", path, set->len);
    }
    set->items[set->len] = *t;
    set->items[set->len++].name = copy;
    return LUD_OK;
}

size_t ludc_tensors_len(const ludc_tensors *set) {
    return set->len;
}

const ludc_file_tensor *ludc_tensors_at(const ludc_tensors *set, size_t i) {
    return i < set->len ? &set->items[i] : NULL;
}

const ludc_file_tensor *ludc_tensors_find(const ludc_tensors *set, lud_str name) {
    int64_t i;
    return ludc_map_get(set->by_name, name, &i) ? &set->items[i] : NULL;
}

const ludc_value *ludc_tensors_metadata(const ludc_tensors *set) {
    return set->metadata;
}
const char *ludc_tensors_scheme(const ludc_tensors *set) {
    return set->scheme;
}

/* A broken model file is a file error (exit 5) to the user, whatever the JSON parser calls it. */
lud_status ludc_formats_json(const char *path, const void *text, size_t n, ludc_value **out, lud_error *err) {
    lud_error inner = LUDC_ERROR_INIT;
    lud_status s = ludc_json_parse(text, n, path, false, false, out, &inner);
    if (s == LUD_OK) return LUD_OK;
    return ludc_fail(err, s == LUD_E_NOMEM ? s : LUD_E_IO, "%s", inner.msg);
}

lud_status ludc_formats_json_file(const char *path, ludc_value **out, lud_error *err) {
    ludc_buf text = {0};
    lud_status s = ludc_file_read(path, &text, err);
    if (s == LUD_OK) s = ludc_formats_json(path, text.ptr, text.len, out, err);
    ludc_buf_free(&text);
    return s;
}

uint16_t ludc_le16(const uint8_t *p) {
    return (uint16_t)(p[0] | (p[1] << 8));
}

uint32_t ludc_le32(const uint8_t *p) {
    return (uint32_t)ludc_le16(p) | ((uint32_t)ludc_le16(p + 2) << 16);
}

uint64_t ludc_le64(const uint8_t *p) {
    return (uint64_t)ludc_le32(p) | ((uint64_t)ludc_le32(p + 4) << 32);
}
