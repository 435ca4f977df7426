/* SPDX-License-Identifier: Apache-2.0
 * lud_model_upload: a run to one commit of a repository. Weights and tokenizer lie at its root, as transformers and
 * peft look for them, beside ludwig_config.json and training_set_metadata.json; the hub's plugin adds its page. Nothing
 * that leaves names a place on this machine. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

typedef struct parcel {
    ludc_hub_item *items;
    size_t n, cap;
    ludc_value *facts;
    bool failed;
} parcel;

/* Takes path, file and bytes (each may be NULL but path); all heap. */
static lud_status add_item(parcel *p, char *path, char *file, ludc_buf *bytes, lud_error *err) {
    if (p->n == p->cap) {
        const size_t cap = p->cap ? 2 * p->cap : 16;
        ludc_hub_item *grown = ludc_realloc(p->items, p->cap * sizeof(*grown), cap * sizeof(*grown));
        if (grown) p->items = grown, p->cap = cap;
    }
    if (!path || p->n == p->cap || (!file && (!bytes || bytes->failed))) {
        ludc_free(path);
        ludc_free(file);
        if (bytes) ludc_buf_free(bytes);
        return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    }
    p->items[p->n++] =
        (ludc_hub_item){.path = path, .file = file, .bytes = file ? NULL : bytes->ptr, .n = file ? 0 : bytes->len};
    return LUD_OK;
}

static void parcel_free(parcel *p) {
    for (size_t i = 0; i < p->n; i++) {
        ludc_free((char *)p->items[i].path);
        ludc_free((char *)p->items[i].file);
        ludc_free((char *)p->items[i].bytes);
    }
    ludc_free(p->items);
    ludc_value_free(p->facts);
}

/* ---- Places on this machine ---- */
static bool is_place(lud_str s) {
    static const char *const starts[] = {"/", "~/", "./", "../"};
    bool looks = false;
    if (s.len == 0 || s.len > 4096 || memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\0', s.len)) return false;
    if (!memchr(s.ptr, '/', s.len)) return false;
    for (size_t i = 0; i < LUDC_COUNT(starts); i++)
        looks |= strncmp(s.ptr, starts[i], strlen(starts[i])) == 0;
    return ludc_path_exists(s.ptr) || (looks && !memchr(s.ptr, ' ', s.len) && strchr(s.ptr + 1, '/'));
}

static ludc_value *last_part(lud_str path) {
    size_t end = path.len;
    while (end > 0 && path.ptr[end - 1] == '/')
        end--;
    size_t from = end;
    while (from > 0 && path.ptr[from - 1] != '/')
        from--;
    return ludc_value_str((lud_str){path.ptr + from, end - from});
}

/* Only the last part of a path is left of it. False: out of memory. */
static bool hide_places(ludc_value *v) {
    bool ok = true;
    for (size_t i = 0; ok && i < v->len && (v->type == LUD_CFG_OBJECT || v->type == LUD_CFG_LIST); i++) {
        ludc_value *item = v->items[i];
        if (item->type != LUD_CFG_STR || !is_place(item->u.s)) {
            ok = hide_places(item);
            continue;
        }
        ludc_value *name = last_part(item->u.s);
        ok = name != NULL;
        if (ok) v->items[i] = name;
        if (ok) ludc_value_free(item);
    }
    return ok;
}

/* A JSON file without places; *out stays NULL where there is none. */
static lud_status read_json(const char *dir, const char *name, ludc_value **out, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    lud_status status = path ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && ludc_path_exists(path)) status = ludc_json_load(path, out, err);
    if (status == LUD_OK && *out && !hide_places(*out)) status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    ludc_free(path);
    return status;
}

static lud_status add_json(parcel *p, const char *name, const ludc_value *v, lud_error *err) {
    ludc_buf text = {0};
    if (ludc_value_to_json(v, 2, &text) != LUD_OK) text.failed = true;
    ludc_buf_adds(&text, "\n");
    return add_item(p, ludc_strdup(name), NULL, &text, err);
}

/* ---- Files ---- */
static bool ends_with(const char *s, const char *end) {
    const size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

/* What is read of a model, and nothing else that may lie in its folder. */
static bool is_wanted(const char *name) {
    static const char *const endings[] = {"config.json", ".safetensors",       ".safetensors.index.json",
                                          "vocab.txt",   "tokenizer.json",     "special_tokens_map.json",
                                          "vocab.json",  "chat_template.json", "added_tokens.json",
                                          "merges.txt",  "chat_template.jinja"};
    for (size_t i = 0; i < LUDC_COUNT(endings); i++)
        if (ends_with(name, endings[i])) return true;
    return false;
}

/* The folder's files, under `to`; configs are written anew, without places. */
static lud_status add_folder(parcel *p, const char *dir, const char *to, lud_error *err) {
    char **names = NULL;
    size_t n = 0;
    LUDC_TRY(ludc_dir_list(dir, &names, &n, err));
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        char *file = ludc_path_join(dir, names[i]);
        ludc_value *json = NULL;
        ludc_buf path = {0};
        ludc_buf_addf(&path, "%s%s", to, names[i]);
        if (!file || path.failed)
            status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
        else if (ludc_path_is_dir(file) || !is_wanted(names[i]))
            status = LUD_OK;
        else if (ends_with(names[i], "config.json"))
            status = read_json(dir, names[i], &json, err);
        else {
            status = add_item(p, path.ptr, file, NULL, err);
            path.ptr = file = NULL;
        }
        if (status == LUD_OK && json) status = add_json(p, path.ptr, json, err);
        ludc_value_free(json);
        ludc_buf_free(&path);
        ludc_free(file);
    }
    ludc_dir_list_free(names, n);
    return status;
}

/* A predictive model's base model, where it is a folder of this machine, goes along as encoder/. */
static lud_status add_encoder(parcel *p, ludc_value *config, const char *hyper, lud_error *err) {
    static const char *const keys[] = {"pretrained_model_name_or_path", "base_model"};
    ludc_value *own = NULL;
    lud_status status = ludc_json_load(hyper, &own, err); /* with its places */
    const ludc_value *inputs = ludc_value_get(own, "input_features");
    const char *taken = NULL;
    for (size_t i = 0; status == LUD_OK && inputs && i < inputs->len; i++) {
        const ludc_value *encoder = ludc_value_get(inputs->items[i], "encoder");
        ludc_value *to = ludc_value_get(ludc_value_get(config, "input_features")->items[i], "encoder");
        for (size_t k = 0; status == LUD_OK && k < LUDC_COUNT(keys); k++) {
            const lud_str base = ludc_get_str(encoder, keys[k], LUDC_STR(""));
            if (!base.len || !ludc_path_exists(base.ptr)) continue;
            if (!ludc_path_is_dir(base.ptr) || (taken && strcmp(taken, base.ptr) != 0))
                status = ludc_fail(err, LUD_E_UNSUPPORTED,
                                   "upload: of base models on this machine one folder can go along; %s would be "
                                   "another: train with its name on a hub",
                                   base.ptr);
            else if (!taken)
                status = add_folder(p, taken = base.ptr, "encoder/", err);
            if (status == LUD_OK && !ludc_value_put(to, keys[k], ludc_value_str(LUDC_STR("encoder"))))
                status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
        }
    }
    ludc_value_free(own);
    return status;
}

/* ---- Facts ---- */
static const char *kind_of(const ludc_value *config, const char *weights) {
    char *adapter = ludc_path_join(weights, "adapter_config.json");
    const bool has = adapter && ludc_path_exists(adapter);
    ludc_free(adapter);
    if (!ludc_str_eq(ludc_get_str(config, "model_type", LUDC_STR("ecd")), "llm")) return "predictive";
    return has ? "adapter" : "model";
}

static void put_fact(parcel *p, const char *key, ludc_value *v) {
    p->failed |= !ludc_value_put(p->facts, key, v);
}

/* Takes config and metadata. */
static lud_status collect_facts(parcel *p, const char *dir, const char *weights, const char *repo, ludc_value *config,
                                ludc_value *metadata, lud_error *err) {
    static const char *const files[] = {"../description", "../training_statistics", "../test_statistics",
                                        "training_progress"};
    static const char *const dropped[] = {"command", "plugins", "config", "device"};
    p->facts = ludc_value_new(LUD_CFG_OBJECT);
    if (!p->facts) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    put_fact(p, "repo", ludc_value_str(ludc_str(repo)));
    put_fact(p, "ludwig_version", ludc_value_str(LUDC_STR(LUDC_VERSION)));
    put_fact(p, "kind", ludc_value_str(ludc_str(kind_of(config, weights))));
    put_fact(p, "config", config);
    if (metadata) put_fact(p, "metadata", metadata);
    for (size_t i = 0; i < LUDC_COUNT(files); i++) {
        char name[64];
        ludc_value *v = NULL;
        const bool of_run = files[i][0] == '.';
        snprintf(name, sizeof(name), "%s.json", files[i]);
        if (of_run && !ends_with(dir, "/model")) continue; /* a model that was saved apart */
        LUDC_TRY(read_json(dir, name, &v, err));
        for (size_t k = 0; v && i == 0 && k < LUDC_COUNT(dropped); k++)
            (void)ludc_value_remove(v, dropped[k]);
        if (v) put_fact(p, files[i] + (of_run ? 3 : 0), v);
    }
    return p->failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}

typedef struct taker {
    parcel *p;
    lud_error *err;
} taker;

static lud_status take_file(void *arg, lud_str path, lud_str content) {
    taker *t = arg;
    ludc_buf text = {0};
    ludc_buf_add(&text, content.ptr, content.len);
    return add_item(t->p, ludc_strndup(path.ptr, path.len), NULL, &text, t->err);
}

/* ---- The whole ---- */
static lud_status pack(parcel *p, const char *dir, const char *repo, lud_error *err) {
    char *weights = ludc_path_join(dir, "model_weights"), *hyper = ludc_path_join(dir, "model_hyperparameters.json");
    ludc_value *config = NULL, *metadata = NULL;
    lud_status status = weights && hyper ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && (!ludc_path_exists(hyper) || !ludc_path_is_dir(weights)))
        status = ludc_fail(err, LUD_E_IO, "%s: no saved model (want a run folder or its model/)", dir);
    if (status == LUD_OK) status = read_json(dir, "model_hyperparameters.json", &config, err);
    if (status == LUD_OK) status = read_json(dir, "training_set_metadata.json", &metadata, err);
    if (status == LUD_OK) (void)ludc_value_remove(config, "backend"); /* this machine's */
    const lud_str base = ludc_get_str(config, "base_model", LUDC_STR("/"));
    if (status == LUD_OK && strcmp(kind_of(config, weights), "adapter") == 0 && !memchr(base.ptr, '/', base.len))
        ludc_log(LUD_LOG_WARN,
                 "upload: only who has '%.*s' can use this adapter: train with the base model's name on a hub, "
                 "or set adapter.postprocessor.merge_adapter_into_base_model",
                 (int)base.len, base.ptr);
    if (status == LUD_OK) status = add_folder(p, weights, "", err);
    if (status == LUD_OK && strcmp(kind_of(config, weights), "predictive") == 0)
        status = add_encoder(p, config, hyper, err);
    if (status == LUD_OK) status = add_json(p, "ludwig_config.json", config, err);
    if (status == LUD_OK && metadata) status = add_json(p, "training_set_metadata.json", metadata, err);
    if (status == LUD_OK) {
        status = collect_facts(p, dir, weights, repo, config, metadata, err);
        config = metadata = NULL;
    }
    ludc_value_free(config);
    ludc_value_free(metadata);
    ludc_free(weights);
    ludc_free(hyper);
    return status;
}

static lud_status list_items(const parcel *p, lud_status (*sink)(void *, lud_str), void *arg, lud_error *err) {
    uint64_t total = 0;
    lud_status status = LUD_OK;
    for (size_t i = 0; i < p->n && status == LUD_OK; i++) {
        ludc_map_file map = {0};
        ludc_buf line = {0};
        if (p->items[i].file) status = ludc_file_map(p->items[i].file, &map, err);
        const uint64_t size = p->items[i].file ? map.size : p->items[i].n;
        ludc_buf_addf(&line, "%12llu %s\n", (unsigned long long)size, p->items[i].path);
        if (status == LUD_OK) status = sink(arg, (lud_str){line.ptr, line.len});
        total += size;
        ludc_buf_free(&line);
        ludc_file_unmap(&map);
    }
    ludc_log(LUD_LOG_INFO, "upload: %zu files, %.1f MB; nothing was sent", p->n, (double)total / 1e6);
    return status;
}

static lud_status send(ludc_hub *hub, const ludc_hub_ref *ref, const parcel *p, const lud_upload_opts *o,
                       lud_status (*sink)(void *, lud_str), void *arg, lud_error *err) {
    ludc_hub_pushed done = {0};
    const lud_hub_commit what = {.struct_size = sizeof(what),
                                 .private_repo = o->private_repo,
                                 .message = o->commit_message ? o->commit_message : "Upload model trained with Ludwig",
                                 .description = o->commit_description};
    lud_status status = ludc_hub_put(hub, ref, p->items, p->n, &what, &done, err);
    if (status == LUD_OK) {
        ludc_log(LUD_LOG_INFO, "upload: %zu files, %.1f MB sent; %s%s%.7s", p->n, (double)done.sent / 1e6, ref->repo,
                 done.commit[0] ? " is at " : "", done.commit);
        ludc_buf_adds(&done.url, "\n");
        status = sink(arg, (lud_str){done.url.ptr, done.url.len});
    }
    ludc_buf_free(&done.url);
    return status;
}

static lud_status read_ref(const lud_upload_opts *o, ludc_hub_ref *ref, lud_error *err) {
    static const char *const types[] = {"model", "dataset", "space"};
    if (o->repo) LUDC_TRY(ludc_hub_ref_parse(o->repo, ref, err));
    if (!o->repo || !strchr(ref->repo, '/') || ref->path[0])
        return ludc_fail(err, LUD_E_INVALID, "upload: name the repository as organization/model");
    if (!strstr(o->repo, "://")) strcpy(ref->hub, LUDC_HUB_DEFAULT); /* not a folder that mirrors it */
    for (int32_t i = 0; o->repo_type && i < (int32_t)LUDC_COUNT(types); i++)
        if (strcmp(o->repo_type, types[i]) == 0) return ref->type = i, LUD_OK;
    if (!o->repo_type) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "upload: repo_type '%s' is not one of model, dataset, space", o->repo_type);
}

LUD_EXPORT lud_status lud_model_upload(lud_session *s, const char *model_path, const lud_upload_opts *o,
                                       lud_status (*sink)(void *, lud_str), void *arg, lud_error *err) {
    ludc_hub_ref ref;
    ludc_hub *hub = NULL;
    parcel p = {0};
    taker t = {&p, err};
    LUDC_TRY(read_ref(o, &ref, err));
    char *dir = ludc_model_folder(model_path);
    lud_status status = dir ? ludc_session_hub(s, "upload", &hub, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = pack(&p, dir, ref.repo, err);
    if (status == LUD_OK) status = ludc_hub_describe(hub, &ref, p.facts, take_file, &t, err);
    if (status == LUD_OK) status = o->dry_run ? list_items(&p, sink, arg, err) : send(hub, &ref, &p, o, sink, arg, err);
    parcel_free(&p);
    ludc_free(dir);
    return status;
}
