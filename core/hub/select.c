/* SPDX-License-Identifier: Apache-2.0
 * Which files of a repository are needed. Repositories hold the same weights in several formats; only those are
 * fetched that Ludwig reads. An index names its shards, so they are known only after it is there. */
#include "internal.h"

#include <string.h>
#include <strings.h>

/* Of base models, adapters, and models that Ludwig saved. */
static const char *const names[] = {"config.json",
                                    "generation_config.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "vocab.txt",
                                    "vocab.json",
                                    "merges.txt",
                                    "chat_template.jinja",
                                    "chat_template.json",
                                    "model.safetensors",
                                    "model.safetensors.index.json",
                                    "adapter_config.json",
                                    "adapter_model.safetensors",
                                    "ludwig_config.json",
                                    "model_hyperparameters.json",
                                    "training_set_metadata.json"};
/* At the root, or where a run folder has them. */
static const char *const folders[] = {"", "model_weights/", "model/", "model/model_weights/", "encoder/"};

static bool is_read(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t folder = (size_t)(name - path);
    bool known = false;
    for (size_t i = 0; i < LUDC_COUNT(folders); i++)
        known |= strlen(folders[i]) == folder && memcmp(folders[i], path, folder) == 0;
    for (size_t i = 0; known && i < LUDC_COUNT(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* Names that differ in case only are one file on other systems. */
static lud_status refuse_twins(const ludc_hub_listing *l, lud_error *err) {
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->n && l->entries[i].wanted; k++)
            if (k != i && strcasecmp(l->entries[i].path, l->entries[k].path) == 0)
                return ludc_fail(err, LUD_E_HUB, "hub: the names '%s' and '%s' differ in case only, which is not safe",
                                 l->entries[i].path, l->entries[k].path);
    return LUD_OK;
}

static lud_status select_one(const ludc_hub_ref *ref, ludc_hub_listing *l, lud_error *err) {
    ludc_hub_entry *e = ludc_hub_listing_find(l, ref->path);
    if (!e) return ludc_fail(err, LUD_E_HUB, "%s@%s has no file '%s'", ref->repo, ref->revision, ref->path);
    e->wanted = true;
    return LUD_OK;
}

static bool ends_in(const char *path, const char *end) {
    const size_t n = strlen(path), m = strlen(end);
    return n >= m && strcasecmp(path + n - m, end) == 0;
}

/* Says early what would be found out after the download. */
static lud_status refuse_other_weights(const ludc_hub_ref *ref, const ludc_hub_listing *l, lud_error *err) {
    const char *gguf = NULL, *pickle = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->entries[i].path;
        if (l->entries[i].wanted && strstr(path, ".safetensors")) return LUD_OK;
        if (ends_in(path, ".gguf")) gguf = path;
        if (ends_in(path, ".bin") || ends_in(path, ".pt")) pickle = path;
    }
    if (gguf)
        return ludc_fail(err, LUD_E_INVALID, "%s holds GGUF files; name one of them: %s://%s/%s", ref->repo, ref->hub,
                         ref->repo, gguf);
    if (!pickle) return LUD_OK;
    return ludc_fail(err, LUD_E_HUB,
                     "%s: its weights are a pickle file (%s), which is not read because it can run code", ref->repo,
                     pickle);
}

lud_status ludc_hub_select(const ludc_hub_ref *ref, ludc_hub_listing *l, lud_error *err) {
    if (ref->path[0]) {
        LUDC_TRY(select_one(ref, l, err));
        return refuse_twins(l, err);
    }
    for (size_t i = 0; i < l->n; i++)
        l->entries[i].wanted = ref->type != LUD_REPO_MODEL || is_read(l->entries[i].path);
    ludc_hub_entry *index = ludc_hub_listing_find(l, "model.safetensors.index.json");
    if (index && ludc_hub_listing_find(l, "model.safetensors")) index->wanted = false;
    if (ref->type == LUD_REPO_MODEL) LUDC_TRY(refuse_other_weights(ref, l, err));
    return refuse_twins(l, err);
}

static ludc_hub_entry *find_in(const ludc_hub_listing *l, const char *folder, const char *name) {
    const size_t n = strlen(folder);
    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->entries[i].path, folder, n) == 0 && strcmp(l->entries[i].path + n, name) == 0)
            return &l->entries[i];
    return NULL;
}

static lud_status mark_shards(const char *index, const char *folder, ludc_hub_listing *l, lud_error *err) {
    ludc_value *json = NULL;
    LUDC_TRY(ludc_json_load(index, &json, err));
    const ludc_value *map = ludc_value_get(json, "weight_map");
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && map && map->type == LUD_CFG_OBJECT && i < map->len; i++) {
        const char *name = map->items[i]->type == LUD_CFG_STR ? map->items[i]->u.s.ptr : "";
        ludc_hub_entry *e = find_in(l, folder, name);
        if (e)
            e->wanted = true;
        else
            status = ludc_fail(err, LUD_E_HUB, "%s names the file '%.200s', which is not there", index, name);
    }
    ludc_value_free(json);
    return status;
}

lud_status ludc_hub_select_shards(const char *snapshot, ludc_hub_listing *l, lud_error *err) {
    for (size_t f = 0; f < LUDC_COUNT(folders); f++) {
        const ludc_hub_entry *index = find_in(l, folders[f], "model.safetensors.index.json");
        if (!index || !index->wanted) continue;
        char *path = ludc_path_join(snapshot, index->path);
        const lud_status status =
            path ? mark_shards(path, folders[f], l, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
        ludc_free(path);
        LUDC_TRY(status);
    }
    return LUD_OK;
}
