/* SPDX-License-Identifier: Apache-2.0
 * Writes safetensors in the byte layout of the reference writer: tensors by type (F32, BF16, F16), then by name, header
 * padded with blanks to 8 bytes, metadata {"format":"pt"}. Values are converted on their way out (encode.c), so no
 * second copy of the model exists. Nothing is at `path` before all of it is written. */
#include "tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Position of a type in the reference writer's order. */
static int32_t type_rank(int32_t dtype) {
    return dtype == LUDC_F32 ? 0 : dtype == LUDC_BF16 ? 1 : 2;
}

static int in_file_order(const void *a, const void *b) {
    const ludc_save_tensor *x = *(const ludc_save_tensor *const *)a, *y = *(const ludc_save_tensor *const *)b;
    int32_t d = type_rank(x->dtype) - type_rank(y->dtype);
    return d != 0 ? d : strcmp(x->name, y->name);
}

static lud_status tensor_bytes(const ludc_save_tensor *t, int64_t *count, uint64_t *bytes, lud_error *err) {
    if (!t->name || !ludc_tensor_name_ok(ludc_str(t->name)) || strcmp(t->name, "__metadata__") == 0)
        return ludc_fail(err, LUD_E_INVALID, "cannot save a tensor under this name: '%s'", t->name ? t->name : "");
    if (t->dtype != LUDC_F32 && t->dtype != LUDC_BF16 && t->dtype != LUDC_F16)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "tensor '%s': cannot be saved as %s, only F32, BF16, F16", t->name,
                         ludc_dtype_name(t->dtype));
    bool fits = t->rank >= 0 && t->rank <= (int32_t)LUDC_COUNT(t->dim);
    for (int32_t i = 0; fits && i < t->rank; i++)
        fits = t->dim[i] >= 0;
    if (!fits || !ludc_tensor_size(t->dtype, t->dim, t->rank, count, bytes))
        return ludc_fail(err, LUD_E_INVALID, "tensor '%s': its shape cannot be saved", t->name);
    return LUD_OK;
}

static lud_status add_entry(ludc_buf *b, const ludc_save_tensor *t, uint64_t *pos, lud_error *err) {
    int64_t count;
    uint64_t bytes, end;
    LUDC_TRY(tensor_bytes(t, &count, &bytes, err));
    if (__builtin_add_overflow(*pos, bytes, &end))
        return ludc_fail(err, LUD_E_INVALID, "tensor '%s': the file would exceed 2^64 bytes", t->name);
    ludc_buf_adds(b, ",");
    ludc_json_str(ludc_str(t->name), b);
    ludc_buf_addf(b, ":{\"dtype\":\"%s\",\"shape\":[", ludc_dtype_at(t->dtype)->st_name);
    for (int32_t i = 0; i < t->rank; i++)
        ludc_buf_addf(b, "%s%" PRId64, i ? "," : "", t->dim[i]);
    ludc_buf_addf(b, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", *pos, end);
    *pos = end;
    return LUD_OK;
}

static lud_status build_header(ludc_buf *b, const ludc_save_tensor *const *order, size_t n, lud_error *err) {
    uint64_t pos = 0;
    ludc_buf_adds(b, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < n; i++)
        LUDC_TRY(add_entry(b, order[i], &pos, err));
    ludc_buf_adds(b, "}");
    while (b->len % 8 != 0 && !b->failed)
        ludc_buf_adds(b, " ");
    return b->failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory for the header of %zu tensors", n) : LUD_OK;
}

static lud_status write_file(ludc_file_writer *w, const ludc_buf *header, const ludc_save_tensor *const *order,
                             size_t n, lud_error *err) {
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header->len >> (8 * i));
    lud_status s = ludc_file_append(w, length, sizeof length, err);
    if (s == LUD_OK) s = ludc_file_append(w, header->ptr, header->len, err);
    for (size_t i = 0; s == LUD_OK && i < n; i++) {
        int64_t count = 0;
        uint64_t bytes = 0;
        s = tensor_bytes(order[i], &count, &bytes, err);
        if (s == LUD_OK) s = ludc_values_write(w, order[i], count, err);
    }
    return s;
}

static lud_status refuse_duplicates(const ludc_save_tensor *const *t, size_t n, lud_error *err) {
    lud_status s = LUD_OK;
    int64_t seen;
    ludc_map *names = ludc_map_new(n);
    if (!names) s = ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu tensor names", n);
    for (size_t i = 0; s == LUD_OK && i < n; i++)
        if (ludc_map_get(names, ludc_str(t[i]->name), &seen))
            s = ludc_fail(err, LUD_E_INVALID, "tensor '%s' is to be saved twice", t[i]->name);
        else if (!ludc_map_put(names, ludc_str(t[i]->name), 0))
            s = ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu tensor names", n);
    ludc_map_free(names);
    return s;
}

/* Sorts `order` in place. */
static lud_status save_ordered(const char *path, const ludc_save_tensor **order, size_t n, lud_error *err) {
    ludc_buf header = {0};
    ludc_file_writer *w = NULL;
    if (n) qsort(order, n, sizeof *order, in_file_order);
    lud_status s = build_header(&header, order, n, err);
    if (s == LUD_OK) s = refuse_duplicates(order, n, err);
    if (s == LUD_OK) s = ludc_file_open_writer(path, &w, err);
    if (s != LUD_OK) goto out;
    s = write_file(w, &header, order, n, err);
    if (s == LUD_OK)
        s = ludc_file_commit(w, err);
    else
        ludc_file_abort(w);
out:
    ludc_buf_free(&header);
    return s;
}

static const ludc_save_tensor **pointers(const ludc_save_tensor *t, size_t n) {
    const ludc_save_tensor **p = ludc_alloc(n * sizeof *p);
    for (size_t i = 0; p && i < n; i++)
        p[i] = &t[i];
    return p;
}

lud_status ludc_safetensors_save(const char *path, const ludc_save_tensor *t, size_t n, lud_error *err) {
    const ludc_save_tensor **order = pointers(t, n);
    if (!order) return ludc_no_memory(err, path);
    lud_status s = save_ordered(path, order, n, err);
    ludc_free(order);
    return s;
}

/* ---- Shards ---- */

typedef struct plan {
    const ludc_save_tensor *t;
    size_t n;
    size_t *shard; /* number of each tensor's shard, from 0 */
    size_t n_shards;
    uint64_t total;
} plan;

/* As huggingface_hub splits: in the given order; a tensor that does not fit opens a new shard, one larger than the
 * maximum gets its own and the shard in hand goes on after it. */
static lud_status assign(plan *p, uint64_t max_bytes, lud_error *err) {
    uint64_t held = 0;
    size_t current = SIZE_MAX;
    for (size_t i = 0; i < p->n; i++) {
        int64_t count;
        uint64_t bytes;
        LUDC_TRY(tensor_bytes(&p->t[i], &count, &bytes, err));
        if (__builtin_add_overflow(p->total, bytes, &p->total))
            return ludc_fail(err, LUD_E_INVALID, "the model would exceed 2^64 bytes");
        if (bytes > max_bytes) {
            p->shard[i] = p->n_shards++;
            continue;
        }
        if (current == SIZE_MAX || bytes > max_bytes - held) {
            current = p->n_shards++;
            held = 0;
        }
        p->shard[i] = current;
        held += bytes;
    }
    return LUD_OK;
}

static void shard_name(char out[64], size_t no, size_t n) {
    snprintf(out, 64, "model-%05zu-of-%05zu.safetensors", no + 1, n);
}

static lud_status save_shard(const plan *p, const char *dir, size_t no, const ludc_save_tensor **room, lud_error *err) {
    char name[64];
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->shard[i] == no) room[n++] = &p->t[i];
    shard_name(name, no, p->n_shards);
    char *path = ludc_path_join(dir, name);
    if (!path) return ludc_no_memory(err, dir);
    lud_status s = save_ordered(path, room, n, err);
    ludc_free(path);
    return s;
}

static int by_name(const void *a, const void *b) {
    const ludc_save_tensor *x = *(const ludc_save_tensor *const *)a, *y = *(const ludc_save_tensor *const *)b;
    return strcmp(x->name, y->name);
}

static lud_status save_index(const plan *p, const char *path, const ludc_save_tensor **room, lud_error *err) {
    ludc_buf b = {0};
    char name[64];
    for (size_t i = 0; i < p->n; i++)
        room[i] = &p->t[i];
    qsort(room, p->n, sizeof *room, by_name);
    ludc_buf_addf(&b, "{\n  \"metadata\": {\n    \"total_size\": %" PRIu64 "\n  },\n  \"weight_map\": {", p->total);
    for (size_t i = 0; i < p->n; i++) {
        shard_name(name, p->shard[room[i] - p->t], p->n_shards);
        ludc_buf_adds(&b, i ? ",\n    " : "\n    ");
        ludc_json_str(ludc_str(room[i]->name), &b);
        ludc_buf_addf(&b, ": \"%s\"", name);
    }
    ludc_buf_adds(&b, "\n  }\n}\n");
    lud_status s = b.failed ? ludc_no_memory(err, path) : ludc_file_write(path, b.ptr, b.len, err);
    ludc_buf_free(&b);
    return s;
}

/* The index comes last: a folder without it is not a sharded model. Then the other form, if an earlier save left one
 * behind, must go, since readers would prefer it. */
static lud_status save_planned(const plan *p, const char *dir, const ludc_save_tensor **room, lud_error *err) {
    char *single = ludc_path_join(dir, "model.safetensors");
    char *index = ludc_path_join(dir, "model.safetensors.index.json");
    lud_status s = single && index ? LUD_OK : ludc_no_memory(err, dir);
    if (s == LUD_OK && p->n_shards <= 1) {
        s = ludc_safetensors_save(single, p->t, p->n, err);
        if (s == LUD_OK) (void)remove(index);
    } else if (s == LUD_OK) {
        for (size_t no = 0; s == LUD_OK && no < p->n_shards; no++)
            s = save_shard(p, dir, no, room, err);
        if (s == LUD_OK) s = save_index(p, index, room, err);
        if (s == LUD_OK) (void)remove(single);
    }
    ludc_free(index);
    ludc_free(single);
    return s;
}

lud_status ludc_safetensors_save_sharded(const char *dir, const ludc_save_tensor *t, size_t n, uint64_t max_bytes,
                                         lud_error *err) {
    plan p = {.t = t, .n = n};
    p.shard = ludc_alloc(n * sizeof *p.shard);
    const ludc_save_tensor **room = pointers(t, n);
    lud_status s = p.shard && room ? LUD_OK : ludc_no_memory(err, dir);
    if (s == LUD_OK) s = refuse_duplicates(room, n, err);
    if (s == LUD_OK) s = ludc_dir_make(dir, err);
    if (s == LUD_OK) s = assign(&p, max_bytes, err);
    if (s == LUD_OK) s = save_planned(&p, dir, room, err);
    ludc_free(room);
    ludc_free(p.shard);
    return s;
}
