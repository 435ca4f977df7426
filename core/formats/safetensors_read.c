/* SPDX-License-Identifier: Apache-2.0
 * Reads one safetensors file: u64 header length, JSON header, data. Accepts what the reference reader (safetensors 0.8)
 * accepts, less duplicate names, control characters in names, and a header that does not begin with '{'.
 * Invariant: nothing is allocated by a number of the file before that number is checked. Shards are another file's job.
 */
#include "tensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 100000000u
#define DIM_MAX    ((int64_t)1 << 47)

typedef struct entry {
    lud_str name; /* borrowed from the header tree */
    ludc_file_tensor t;
    uint64_t begin, end;
} entry;

/* Where errors of one tensor's entry are reported. */
typedef struct place {
    const char *path;
    char name[84];
    lud_error *err;
} place;

#define BAD(at, fmt, ...) ludc_fail((at)->err, LUD_E_IO, "%s: tensor '%s': " fmt, (at)->path, (at)->name, __VA_ARGS__)

static bool is_type(const ludc_value *v, int32_t type) {
    return v && v->type == type;
}

static lud_status read_shape(const place *at, const ludc_value *v, ludc_file_tensor *t) {
    if (!is_type(v, LUD_CFG_LIST)) return BAD(at, "%s", "'shape' must be a list");
    if (v->len > LUDC_COUNT(t->dim)) return BAD(at, "%zu dimensions, at most 8 are read", v->len);
    for (size_t i = 0; i < v->len; i++) {
        const ludc_value *d = v->items[i];
        if (!is_type(d, LUD_CFG_INT) || d->u.i < 0 || d->u.i > DIM_MAX)
            return BAD(at, "dimension %zu must be an integer from 0 to 2^47", i);
        t->dim[i] = d->u.i;
    }
    t->rank = (int32_t)v->len;
    return LUD_OK;
}

static lud_status read_offsets(const place *at, const ludc_value *v, entry *e) {
    if (!is_type(v, LUD_CFG_LIST) || v->len != 2) return BAD(at, "%s", "'data_offsets' must be a list of two integers");
    for (size_t i = 0; i < 2; i++)
        if (!is_type(v->items[i], LUD_CFG_INT) || v->items[i]->u.i < 0)
            return BAD(at, "%s", "'data_offsets' must be integers >= 0");
    e->begin = (uint64_t)v->items[0]->u.i;
    e->end = (uint64_t)v->items[1]->u.i;
    if (e->end < e->begin) return BAD(at, "data ends (%" PRIu64 ") before it begins (%" PRIu64 ")", e->end, e->begin);
    return LUD_OK;
}

static lud_status read_entry(const char *path, lud_str name, const ludc_value *v, entry *e, lud_error *err) {
    place at = {.path = path, .err = err};
    char word[84];
    uint64_t bytes;
    ludc_show(name, at.name);
    e->name = name;
    if (!ludc_tensor_name_ok(name)) return BAD(&at, "%s", "the name holds control characters");
    if (!is_type(v, LUD_CFG_OBJECT)) return BAD(&at, "%s", "its entry must be an object");
    const ludc_value *dtype = ludc_value_get(v, "dtype");
    if (!is_type(dtype, LUD_CFG_STR)) return BAD(&at, "%s", "'dtype' is missing or no string");
    e->t.dtype = ludc_dtype_of_safetensors(dtype->u.s);
    if (e->t.dtype < 0) return BAD(&at, "unknown dtype '%s'", ludc_show(dtype->u.s, word));
    LUDC_TRY(read_shape(&at, ludc_value_get(v, "shape"), &e->t));
    LUDC_TRY(read_offsets(&at, ludc_value_get(v, "data_offsets"), e));
    if (!ludc_tensor_size(e->t.dtype, e->t.dim, e->t.rank, &e->t.count, &bytes))
        return BAD(&at, "%s", "the shape overflows or does not fill whole bytes");
    if (bytes != e->end - e->begin)
        return BAD(&at, "shape and dtype need %" PRIu64 " bytes, data_offsets give %" PRIu64, bytes, e->end - e->begin);
    e->t.bytes = bytes;
    return LUD_OK;
}

static int by_offset(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* No hole, no overlap, nothing left over: the file is exactly header and tensors. */
static lud_status check_layout(const char *path, const entry *e, size_t n, uint64_t start, uint64_t size,
                               lud_error *err) {
    char shown[84];
    uint64_t pos = 0, want;
    for (size_t i = 0; i < n; i++) {
        if (e[i].begin != pos)
            return ludc_fail(err, LUD_E_IO, "%s: tensor '%s' begins at byte %" PRIu64 " of the data, expected %" PRIu64,
                             path, ludc_show(e[i].name, shown), e[i].begin, pos);
        pos = e[i].end;
    }
    if (__builtin_add_overflow(start, pos, &want) || want > size)
        return ludc_fail(err, LUD_E_IO,
                         "%s: truncated: expected %" PRIu64 " bytes, the file has %" PRIu64 "; fetch it again", path,
                         start + pos, size);
    if (want < size)
        return ludc_fail(err, LUD_E_IO,
                         "%s: expected %" PRIu64 " bytes, the file has %" PRIu64 ": bytes after the last tensor", path,
                         want, size);
    return LUD_OK;
}

static lud_status take_metadata(const char *path, const ludc_value *v, ludc_tensors *set, lud_error *err) {
    if (ludc_is_null(v)) return LUD_OK;
    if (v->type != LUD_CFG_OBJECT) return ludc_fail(err, LUD_E_IO, "%s: __metadata__ must be an object", path);
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i]->type != LUD_CFG_STR)
            return ludc_fail(err, LUD_E_IO, "%s: __metadata__ may hold only strings", path);
    set->metadata = ludc_value_copy(v);
    return set->metadata ? LUD_OK : ludc_no_memory(err, path);
}

static lud_status fill_set(const char *path, const ludc_value *header, entry *entries, uint64_t start,
                           ludc_tensors *set, lud_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < header->len; i++)
        if (ludc_str_eq(header->keys[i], "__metadata__"))
            LUDC_TRY(take_metadata(path, header->items[i], set, err));
        else
            LUDC_TRY(read_entry(path, header->keys[i], header->items[i], &entries[n++], err));
    qsort(entries, n, sizeof *entries, by_offset);
    LUDC_TRY(check_layout(path, entries, n, start, set->files[0].size, err));
    for (size_t i = 0; i < n; i++) {
        entries[i].t.data = set->files[0].ptr + start + entries[i].begin;
        LUDC_TRY(ludc_tensors_add(set, path, entries[i].name, &entries[i].t, err));
    }
    return LUD_OK;
}

static lud_status parse_header(const char *path, const ludc_map_file *file, ludc_value **out, lud_error *err) {
    if (file->size < 8)
        return ludc_fail(err, LUD_E_IO, "%s: truncated: a safetensors file has at least 8 bytes, this has %zu", path,
                         file->size);
    uint64_t n = ludc_le64(file->ptr);
    if (n > HEADER_MAX)
        return ludc_fail(err, LUD_E_IO, "%s: no safetensors file: header of %" PRIu64 " bytes, at most %u allowed",
                         path, n, HEADER_MAX);
    if (n > file->size - 8)
        return ludc_fail(err, LUD_E_IO,
                         "%s: truncated: expected more than %" PRIu64 " bytes, the file has %zu; fetch "
                         "it again",
                         path, n + 8, file->size);
    const char *text = (const char *)file->ptr + 8;
    if (n == 0 || text[0] != '{') return ludc_fail(err, LUD_E_IO, "%s: the header does not begin with '{'", path);
    if (!ludc_utf8_valid(text, n)) return ludc_fail(err, LUD_E_IO, "%s: the header is not UTF-8", path);
    return ludc_formats_json(path, text, n, out, err);
}

lud_status ludc_safetensors_open_one(const char *path, ludc_tensors **out, lud_error *err) {
    ludc_map_file file = {0};
    ludc_value *header = NULL;
    entry *entries = NULL;
    ludc_tensors *set = NULL;
    lud_status s = ludc_file_map(path, &file, err);
    if (s != LUD_OK) return s;
    s = parse_header(path, &file, &header, err);
    if (s != LUD_OK) goto out;
    entries = ludc_alloc(header->len * sizeof *entries);
    set = ludc_tensors_new("hf", 1, header->len);
    if (!entries || !set) {
        s = ludc_fail(err, LUD_E_NOMEM, "%s: out of memory for %zu tensors", path, header->len);
        goto out;
    }
    set->files[set->n_files++] = file;
    file = (ludc_map_file){0};
    s = fill_set(path, header, entries, 8 + ludc_le64(set->files[0].ptr), set, err);
    if (s != LUD_OK) goto out;
    *out = set;
    set = NULL;
out:
    ludc_tensors_free(set);
    ludc_free(entries);
    ludc_value_free(header);
    ludc_file_unmap(&file);
    return s;
}
