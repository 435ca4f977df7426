/* SPDX-License-Identifier: Apache-2.0
 * Sharded safetensors: model.safetensors.index.json and the files that it names become one set.
 * Invariant: shard names are plain names in the index's own folder. A tensor must lie in the shard that the index says
 * and in no other; tensors of a shard that the index does not name are ignored. total_size is not looked at. */
#include "tensors.h"

#include <string.h>

typedef struct shards {
    const char *index_path;
    char *dir;
    const ludc_value *weight_map; /* tensor -> file */
    ludc_map *file_no;            /* file -> number, by first appearance */
    ludc_map *tensor_file;        /* tensor -> number of its file */
    const lud_str **names;        /* by number; borrowed from the index */
    size_t n;
} shards;

/* Hostile names ("../x", "/x", "a\\b") must not reach the file system. */
static bool plain_name(lud_str s) {
    if (s.len == 0 || s.len > 255 || s.ptr[0] == '.' || !ludc_tensor_name_ok(s)) return false;
    return !memchr(s.ptr, '/', s.len) && !memchr(s.ptr, '\\', s.len) && !memchr(s.ptr, ':', s.len);
}

static lud_status number_file(shards *sh, const lud_str *name, int64_t *no, lud_error *err) {
    char shown[84];
    if (ludc_map_get(sh->file_no, *name, no)) return LUD_OK;
    if (!plain_name(*name))
        return ludc_fail(err, LUD_E_IO, "%s: shard '%s' must be a plain file name in the same folder", sh->index_path,
                         ludc_show(*name, shown));
    *no = (int64_t)sh->n;
    if (!ludc_map_put(sh->file_no, *name, *no)) return ludc_no_memory(err, sh->index_path);
    sh->names[sh->n++] = name;
    return LUD_OK;
}

static lud_status read_weight_map(shards *sh, lud_error *err) {
    const ludc_value *map = sh->weight_map;
    char shown[84];
    for (size_t i = 0; i < map->len; i++) {
        int64_t no;
        if (map->items[i]->type != LUD_CFG_STR)
            return ludc_fail(err, LUD_E_IO, "%s: weight_map of '%s' must be a file name", sh->index_path,
                             ludc_show(map->keys[i], shown));
        LUDC_TRY(number_file(sh, &map->items[i]->u.s, &no, err));
        if (!ludc_map_put(sh->tensor_file, map->keys[i], no)) return ludc_no_memory(err, sh->index_path);
    }
    return LUD_OK;
}

static lud_status add_shard(const shards *sh, size_t no, const ludc_tensors *part, ludc_tensors *all, lud_error *err) {
    for (size_t i = 0; i < part->len; i++) {
        lud_str name = ludc_str(part->items[i].name);
        int64_t want;
        if (!ludc_map_get(sh->tensor_file, name, &want)) continue;
        if (want != (int64_t)no)
            return ludc_fail(err, LUD_E_IO, "%s: tensor '%s' belongs to %s, but %s holds it too", sh->index_path,
                             name.ptr, sh->names[want]->ptr, sh->names[no]->ptr);
        LUDC_TRY(ludc_tensors_add(all, sh->index_path, name, &part->items[i], err));
    }
    return LUD_OK;
}

/* The shard's mapping moves to the whole set, its metadata too if it is the first. */
static lud_status open_shard(const shards *sh, size_t no, ludc_tensors *all, lud_error *err) {
    ludc_tensors *part = NULL;
    char *path = ludc_path_join(sh->dir, sh->names[no]->ptr);
    if (!path) return ludc_no_memory(err, sh->index_path);
    lud_status s;
    if (ludc_path_exists(path))
        s = ludc_safetensors_open_one(path, &part, err);
    else
        s = ludc_fail(err, LUD_E_IO, "%s: missing; %s names it", path, sh->index_path);
    if (s == LUD_OK) s = add_shard(sh, no, part, all, err);
    if (s == LUD_OK) {
        all->files[all->n_files++] = part->files[0];
        part->n_files = 0;
        if (no == 0) {
            all->metadata = part->metadata;
            part->metadata = NULL;
        }
    }
    ludc_tensors_free(part);
    ludc_free(path);
    return s;
}

static lud_status check_complete(const shards *sh, const ludc_tensors *all, lud_error *err) {
    const ludc_value *map = sh->weight_map;
    char shown[84];
    for (size_t i = 0; i < map->len; i++)
        if (!ludc_tensors_find(all, map->keys[i]))
            return ludc_fail(err, LUD_E_IO, "%s: tensor '%s' is not in %s", sh->index_path,
                             ludc_show(map->keys[i], shown), map->items[i]->u.s.ptr);
    return LUD_OK;
}

static lud_status open_all(shards *sh, ludc_tensors *all, lud_error *err) {
    for (size_t no = 0; no < sh->n; no++)
        LUDC_TRY(open_shard(sh, no, all, err));
    return check_complete(sh, all, err);
}

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? ludc_strndup(path, (size_t)(slash - path) + 1) : ludc_strdup(".");
}

static lud_status open_sharded(const char *path, ludc_tensors **out, lud_error *err) {
    shards sh = {.index_path = path};
    ludc_value *index = NULL;
    ludc_tensors *all = NULL;
    lud_status s = ludc_formats_json_file(path, &index, err);
    if (s != LUD_OK) return s;
    sh.weight_map = index->type == LUD_CFG_OBJECT ? ludc_value_get(index, "weight_map") : NULL;
    if (!sh.weight_map || sh.weight_map->type != LUD_CFG_OBJECT) {
        s = ludc_fail(err, LUD_E_IO, "%s: no object 'weight_map'", path);
        goto out;
    }
    sh.dir = folder_of(path);
    sh.file_no = ludc_map_new(16);
    sh.tensor_file = ludc_map_new(sh.weight_map->len);
    sh.names = ludc_alloc(sh.weight_map->len * sizeof *sh.names);
    if (!sh.dir || !sh.file_no || !sh.tensor_file || !sh.names) {
        s = ludc_no_memory(err, sh.index_path);
        goto out;
    }
    s = read_weight_map(&sh, err);
    if (s != LUD_OK) goto out;
    all = ludc_tensors_new("hf", sh.n, sh.weight_map->len);
    s = all ? open_all(&sh, all, err) : ludc_no_memory(err, sh.index_path);
    if (s == LUD_OK) {
        *out = all;
        all = NULL;
    }
out:
    ludc_tensors_free(all);
    ludc_free(sh.names);
    ludc_map_free(sh.tensor_file);
    ludc_map_free(sh.file_no);
    ludc_free(sh.dir);
    ludc_value_free(index);
    return s;
}

lud_status ludc_safetensors_open(const char *path, ludc_tensors **out, lud_error *err) {
    if (ludc_str_ends(ludc_str(path), ".json")) return open_sharded(path, out, err);
    return ludc_safetensors_open_one(path, out, err);
}
