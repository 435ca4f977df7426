/* SPDX-License-Identifier: Apache-2.0
 * Reads a GGUF file, version 2 or 3, little-endian: header, metadata (gguf_meta.c), tensor table, checks
 * (gguf_check.c). Invariant: all arithmetic on numbers of the file is overflow-checked; tensors lie one after another,
 * padded to the alignment, inside the file. Values are not read here (dequant.c). */
#include "gguf.h"

#include <inttypes.h>
#include <string.h>

#define STRING_MAX       ((uint64_t)1 << 30)
#define TENSOR_NAME_MAX  63
#define TENSOR_MIN_BYTES 24 /* name length, n_dims, type, offset */
#define KV_MIN_BYTES     13 /* key length, type, one byte */

/* Names of ggml's type ids, for messages about those that are not read here. "" = removed from the format. */
static const char *const ggml_types[] = {
    "F32",    "F16",   "Q4_0",  "Q4_1",   "",      "",      "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
    "Q2_K",   "Q3_K",  "Q4_K",  "Q5_K",   "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
    "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
    "BF16",   "",      "",      "",       "TQ1_0", "TQ2_0", "",        "",       "",        "MXFP4",
};

const uint8_t *ludc_gguf_take(ludc_gguf *g, uint64_t n) {
    if (n > g->size - g->pos) return NULL;
    const uint8_t *p = g->ptr + g->pos;
    g->pos += n;
    return p;
}

lud_status ludc_gguf_truncated(ludc_gguf *g, const char *what) {
    return ludc_fail(g->err, LUD_E_IO,
                     "%s: truncated: %s at byte %" PRIu64 " goes beyond the end, the file has %" PRIu64
                     " bytes; fetch it again",
                     g->path, what, g->pos, g->size);
}

lud_status ludc_gguf_text(ludc_gguf *g, const char *what, lud_str *out) {
    const uint8_t *p = ludc_gguf_take(g, 8);
    if (!p) return ludc_gguf_truncated(g, what);
    uint64_t n = ludc_le64(p);
    if (n > STRING_MAX)
        return ludc_fail(g->err, LUD_E_IO, "%s: %s at byte %" PRIu64 " claims %" PRIu64 " bytes, at most 2^30 allowed",
                         g->path, what, g->pos - 8, n);
    p = ludc_gguf_take(g, n);
    if (!p) return ludc_gguf_truncated(g, what);
    *out = (lud_str){(const char *)p, (size_t)n};
    return LUD_OK;
}

static lud_status read_version(ludc_gguf *g) {
    uint32_t version = ludc_le32(ludc_gguf_take(g, 4));
    if ((version & 0xffffu) == 0)
        return ludc_fail(g->err, LUD_E_IO, "%s: a big-endian GGUF; only little-endian files are read", g->path);
    if (version < 2 || version > 3)
        return ludc_fail(g->err, LUD_E_IO, "%s: GGUF version %" PRIu32 "; versions 2 and 3 are read", g->path, version);
    return LUD_OK;
}

static lud_status read_header(ludc_gguf *g) {
    if (g->size < 24)
        return ludc_fail(g->err, LUD_E_IO, "%s: truncated: a GGUF has at least 24 bytes, this has %" PRIu64, g->path,
                         g->size);
    if (memcmp(ludc_gguf_take(g, 4), "GGUF", 4) != 0)
        return ludc_fail(g->err, LUD_E_IO, "%s: no GGUF: it does not begin with 'GGUF'", g->path);
    LUDC_TRY(read_version(g));
    g->n_tensors = ludc_le64(ludc_gguf_take(g, 8));
    g->n_kv = ludc_le64(ludc_gguf_take(g, 8));
    uint64_t left = g->size - g->pos;
    if (g->n_tensors > left / TENSOR_MIN_BYTES)
        return ludc_fail(g->err, LUD_E_IO, "%s: claims %" PRIu64 " tensors, more than fit into its %" PRIu64 " bytes",
                         g->path, g->n_tensors, g->size);
    if (g->n_kv > left / KV_MIN_BYTES)
        return ludc_fail(g->err, LUD_E_IO,
                         "%s: claims %" PRIu64 " metadata entries, more than fit into its %" PRIu64 " bytes", g->path,
                         g->n_kv, g->size);
    return LUD_OK;
}

static lud_status bad(ludc_gguf *g, lud_str name, const char *why) {
    char shown[84];
    return ludc_fail(g->err, LUD_E_IO, "%s: tensor '%s': %s", g->path, ludc_show(name, shown), why);
}

/* The file's first dimension is the fastest one; ours is the slowest. */
static lud_status read_dims(ludc_gguf *g, lud_str name, ludc_file_tensor *t) {
    const uint8_t *p = ludc_gguf_take(g, 4);
    if (!p) return ludc_gguf_truncated(g, "a tensor's number of dimensions");
    uint32_t rank = ludc_le32(p);
    if (rank > 4) return bad(g, name, "more than 4 dimensions");
    p = ludc_gguf_take(g, (uint64_t)rank * 8);
    if (!p) return ludc_gguf_truncated(g, "a tensor's dimensions");
    t->rank = (int32_t)rank;
    t->count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t d = ludc_le64(p + (size_t)i * 8);
        if (d == 0 || d > INT64_MAX) return bad(g, name, "a dimension is 0 or beyond 2^63");
        t->dim[rank - 1 - i] = (int64_t)d;
        if (__builtin_mul_overflow(t->count, (int64_t)d, &t->count)) return bad(g, name, "the shape overflows");
    }
    return LUD_OK;
}

static lud_status read_type(ludc_gguf *g, lud_str name, ludc_file_tensor *t) {
    const uint8_t *p = ludc_gguf_take(g, 4);
    char shown[84];
    if (!p) return ludc_gguf_truncated(g, "a tensor's type");
    uint32_t id = ludc_le32(p);
    t->dtype = ludc_dtype_of_gguf(id);
    if (t->dtype >= 0) return LUD_OK;
    const char *word = id < LUDC_COUNT(ggml_types) && ggml_types[id][0] ? ggml_types[id] : "unknown";
    return ludc_fail(g->err, LUD_E_IO,
                     "%s: tensor '%s' has type %s (%" PRIu32 "), which is not read; take a file with F32, F16, BF16, "
                     "Q4_0, Q4_1 or Q8_0 weights",
                     g->path, ludc_show(name, shown), word, id);
}

/* `end` is where the tensor before ended, padded: ggml too demands exactly this place. */
static lud_status read_place(ludc_gguf *g, lud_str name, ludc_file_tensor *t, uint64_t *end, uint64_t *offset) {
    const uint8_t *p = ludc_gguf_take(g, 8);
    uint64_t bytes, padded, mask = g->alignment - 1;
    if (!p) return ludc_gguf_truncated(g, "a tensor's offset");
    *offset = ludc_le64(p);
    int64_t row = t->rank ? t->dim[t->rank - 1] : 1;
    if (row % ludc_dtype_at(t->dtype)->block_count != 0)
        return bad(g, name, "its rows are no whole blocks of its type");
    if (!ludc_tensor_size(t->dtype, t->dim, t->rank, &t->count, &bytes) || bytes > SIZE_MAX)
        return bad(g, name, "its size overflows");
    if (*offset & mask) return bad(g, name, "its offset is not aligned");
    if (*offset != *end) return bad(g, name, "its offset is not where the tensor before it ends (overlap or hole)");
    if (__builtin_add_overflow(bytes, mask, &padded) || __builtin_add_overflow(*offset, padded & ~mask, end))
        return bad(g, name, "its padded size overflows");
    t->bytes = bytes;
    return LUD_OK;
}

/* Reads one record; t->data holds nothing yet, since data begins behind the table. */
static lud_status read_tensor(ludc_gguf *g, ludc_tensors *set, uint64_t *end, uint64_t *offset) {
    ludc_file_tensor t = {0};
    lud_str name;
    LUDC_TRY(ludc_gguf_text(g, "a tensor's name", &name));
    if (name.len == 0 || name.len > TENSOR_NAME_MAX) return bad(g, name, "a name must have 1 to 63 bytes");
    if (!ludc_tensor_name_ok(name)) return bad(g, name, "the name is not plain UTF-8");
    LUDC_TRY(read_dims(g, name, &t));
    LUDC_TRY(read_type(g, name, &t));
    LUDC_TRY(read_place(g, name, &t, end, offset));
    return ludc_tensors_add(set, g->path, name, &t, g->err);
}

static lud_status place_data(ludc_gguf *g, ludc_tensors *set, const uint64_t *offsets) {
    uint64_t start, mask = g->alignment - 1, end;
    if (__builtin_add_overflow(g->pos, mask, &start)) return ludc_gguf_truncated(g, "the data");
    start &= ~mask;
    for (size_t i = 0; i < set->len; i++) {
        ludc_file_tensor *t = &set->items[i];
        if (__builtin_add_overflow(start, offsets[i], &end) || __builtin_add_overflow(end, t->bytes, &end))
            return bad(g, ludc_str(t->name), "its end overflows");
        if (end > g->size)
            return ludc_fail(g->err, LUD_E_IO,
                             "%s: truncated: tensor '%s' ends at byte %" PRIu64 ", the file has %" PRIu64
                             "; fetch it again",
                             g->path, t->name, end, g->size);
        t->data = g->ptr + start + offsets[i];
    }
    return LUD_OK;
}

static lud_status read_tensors(ludc_gguf *g, ludc_tensors *set) {
    uint64_t end = 0;
    uint64_t *offsets = ludc_alloc((size_t)g->n_tensors * sizeof *offsets);
    lud_status s = offsets ? LUD_OK : ludc_no_memory(g->err, g->path);
    for (uint64_t i = 0; s == LUD_OK && i < g->n_tensors; i++)
        s = read_tensor(g, set, &end, &offsets[i]);
    if (s == LUD_OK) s = place_data(g, set, offsets);
    ludc_free(offsets);
    return s;
}

/* Tables of rope frequencies are no parameters: encoders find them in the metadata, as lists. */
static lud_status take_tables(ludc_gguf *g, const ludc_tensors *set) {
    for (size_t i = 0; i < set->len; i++) {
        const ludc_file_tensor *t = &set->items[i];
        if (strncmp(t->name, "rope_f", 6) != 0 || t->rank != 1 || t->dtype != LUDC_F32 || t->count > 1 << 16) continue;
        ludc_value *list = ludc_value_new(LUD_CFG_LIST);
        bool ok = list != NULL;
        for (int64_t k = 0; ok && k < t->count; k++) {
            float v = 0.0f;
            ok = ludc_tensor_to_f32(t, k, 1, &v, NULL) == LUD_OK && ludc_value_push(list, ludc_value_float((double)v));
        }
        if (!ludc_value_put(g->metadata, t->name, list) || !ok) return ludc_no_memory(g->err, g->path);
    }
    return LUD_OK;
}

static lud_status read_all(ludc_gguf *g, ludc_map_file *file, ludc_tensors **out) {
    LUDC_TRY(read_header(g));
    LUDC_TRY(ludc_gguf_read_metadata(g));
    ludc_tensors *set = ludc_tensors_new("gguf", 1, (size_t)g->n_tensors);
    if (!set) return ludc_no_memory(g->err, g->path);
    lud_status s = read_tensors(g, set);
    if (s == LUD_OK) s = ludc_gguf_check(g->path, g->metadata, set, g->err);
    if (s == LUD_OK) s = take_tables(g, set);
    if (s != LUD_OK) return ludc_tensors_free(set), s;
    set->files[set->n_files++] = *file;
    *file = (ludc_map_file){0};
    set->metadata = g->metadata;
    g->metadata = NULL;
    *out = set;
    return LUD_OK;
}

lud_status ludc_gguf_open(const char *path, ludc_tensors **out, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    ludc_gguf g = {.path = path, .ptr = file.ptr, .size = file.size, .err = err};
    lud_status s = read_all(&g, &file, out);
    ludc_value_free(g.metadata);
    ludc_file_unmap(&file);
    return s;
}
