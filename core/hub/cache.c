/* SPDX-License-Identifier: Apache-2.0
 * The cache on disk, in the layout of huggingface_hub: <type>s--<org>--<name>/{refs,blobs,snapshots,.no_exist,trees}.
 * Content lies once, in blobs/<hash>; a snapshot is a tree of relative links to it. Names were checked before. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lud_status no_memory(lud_error *err) {
    return ludc_fail(err, LUD_E_NOMEM, "hub: out of memory");
}

char *ludc_hub_path(const char *folder, const char *part, const char *name, const char *more) {
    ludc_buf b = {0};
    ludc_buf_addf(&b, "%s/%s/%s%s%s", folder, part, name, more ? "/" : "", more ? more : "");
    if (b.failed) ludc_buf_free(&b);
    return b.ptr;
}

/* A hub that is not the default one has a cache of its own beside it: the same name may be another repository there. */
char *ludc_hub_folder(const ludc_hub *hub, const ludc_hub_ref *ref) {
    static const char *const types[] = {"models", "datasets", "spaces"};
    const bool own = strcmp(ref->hub, LUDC_HUB_DEFAULT) != 0;
    const size_t owner = strcspn(ref->repo, "/");
    ludc_buf b = {0};
    ludc_buf_addf(&b, "%s%s%s/%s--%.*s", hub->settings.cache, own ? "-" : "", own ? ref->hub : "", types[ref->type],
                  (int)owner, ref->repo);
    if (ref->repo[owner]) ludc_buf_addf(&b, "--%s", ref->repo + owner + 1);
    if (b.failed) ludc_buf_free(&b);
    return b.ptr;
}

void ludc_hub_tag_cache(const ludc_hub *hub) {
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                              "# This folder is a cache: https://bford.info/cachedir/\n";
    char *path = ludc_path_join(hub->settings.cache, "CACHEDIR.TAG");
    if (path && !ludc_path_exists(path)) (void)ludc_file_write(path, tag, sizeof(tag) - 1, NULL);
    ludc_free(path);
}

/* With the folders above it. */
static lud_status make_parent(const char *path, lud_error *err) {
    char *parent = ludc_strndup(path, (size_t)(strrchr(path, '/') - path));
    const lud_status status = parent ? ludc_dir_make(parent, err) : no_memory(err);
    ludc_free(parent);
    return status;
}

static lud_status write_small(char *path, const void *bytes, size_t n, lud_error *err) {
    lud_status status = path ? make_parent(path, err) : no_memory(err);
    if (status == LUD_OK) status = ludc_file_write(path, bytes, n, err);
    ludc_free(path);
    return status;
}

/* ---- Revisions ---- */
bool ludc_hub_ref_read(const char *folder, const char *revision, char commit[65]) {
    char *path = ludc_hub_path(folder, "refs", revision, NULL);
    ludc_buf text = {0};
    bool ok = path && ludc_path_exists(path) && ludc_file_read(path, &text, NULL) == LUD_OK && text.ptr;
    ok = ok && (text.len == 40 || text.len == 64) && ludc_is_hex(text.ptr, text.len);
    if (ok) memcpy(commit, text.ptr, text.len + 1);
    ludc_buf_free(&text);
    ludc_free(path);
    return ok;
}

lud_status ludc_hub_ref_write(const char *folder, const char *revision, const char *commit, lud_error *err) {
    char now[65];
    if (strcmp(revision, commit) == 0) return LUD_OK;
    if (ludc_hub_ref_read(folder, revision, now) && strcmp(now, commit) == 0) return LUD_OK;
    return write_small(ludc_hub_path(folder, "refs", revision, NULL), commit, strlen(commit), err);
}

lud_status ludc_hub_no_exist(const char *folder, const char *commit, const char *name, lud_error *err) {
    return write_small(ludc_hub_path(folder, ".no_exist", commit, name), "", 0, err);
}

/* ---- Listings ---- */
/* Large files are in git as a pointer, whose hash the Python client keeps too (git-lfs.com, spec/v1). */
static void pointer_id(const ludc_hub_entry *e, char hex[65]) {
    char text[200];
    const int n = snprintf(text, sizeof(text), "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %llu\n",
                           e->hash, (unsigned long long)e->size);
    ludc_digest *h = ludc_digest_new(40, (uint64_t)n);
    hex[0] = '\0';
    if (!h) return;
    ludc_digest_add(h, text, (size_t)n);
    ludc_digest_end(h, hex);
}

lud_status ludc_hub_tree_write(const char *folder, const char *commit, const ludc_hub_listing *l, lud_error *err) {
    ludc_value *root = ludc_value_new(LUD_CFG_OBJECT), *files = ludc_value_new(LUD_CFG_OBJECT);
    char name[80];
    ludc_buf text = {0};
    ludc_value_put(root, "format_version", ludc_value_int(1));
    for (size_t i = 0; files && i < l->n; i++) {
        const ludc_hub_entry *e = &l->entries[i];
        ludc_value *f = ludc_value_new(LUD_CFG_OBJECT);
        char id[65];
        const bool large = strlen(e->hash) == 64;
        if (large) pointer_id(e, id);
        ludc_value_put(f, "size", ludc_value_int((int64_t)e->size));
        ludc_value_put(f, "blob_id", ludc_value_str(ludc_str(large ? id : e->hash)));
        if (large) ludc_value_put(f, "lfs_sha256", ludc_value_str(ludc_str(e->hash)));
        if (large) ludc_value_put(f, "lfs_size", ludc_value_int((int64_t)e->size));
        ludc_value_putn(files, ludc_str(e->path), f);
    }
    const bool ok = ludc_value_put(root, "files", files) && ludc_value_to_json(root, 1, &text) == LUD_OK;
    snprintf(name, sizeof(name), "%s.json", commit);
    const lud_status status =
        ok ? write_small(ludc_hub_path(folder, "trees", name, NULL), text.ptr, text.len, err) : no_memory(err);
    ludc_buf_free(&text);
    ludc_value_free(root);
    return status;
}

static lud_status take_tree(const ludc_value *files, ludc_hub_listing *out, lud_error *err) {
    for (size_t i = 0; i < files->len; i++) {
        const ludc_value *f = files->items[i];
        const lud_str hash = ludc_get_str(f, "lfs_sha256", ludc_get_str(f, "blob_id", LUDC_STR("")));
        const int64_t size = ludc_get_int(f, "size", -1);
        if (hash.len == 0 || size < 0) return ludc_fail(err, LUD_E_HUB, "damaged");
        LUDC_TRY(ludc_hub_listing_add(out, files->keys[i], (uint64_t)size, hash.ptr, err));
    }
    return LUD_OK;
}

/* False if there is none, or it is of no use: then it is asked for again. */
static bool read_tree(const char *folder, const char *commit, ludc_hub_listing *out) {
    char name[80];
    snprintf(name, sizeof(name), "%s.json", commit);
    char *path = ludc_hub_path(folder, "trees", name, NULL);
    ludc_value *root = NULL;
    bool ok = path && ludc_path_exists(path) && ludc_json_load(path, &root, NULL) == LUD_OK;
    const ludc_value *files = ok ? ludc_value_get(root, "files") : NULL;
    ok = files && files->type == LUD_CFG_OBJECT && ludc_get_int(root, "format_version", 0) == 1 &&
         take_tree(files, out, NULL) == LUD_OK;
    if (!ok) ludc_hub_listing_free(out);
    out->exact = ok;
    ludc_value_free(root);
    ludc_free(path);
    return ok;
}

/* What a snapshot folder holds. prefix: "" or "sub/". */
static lud_status walk(const char *dir, const char *prefix, int depth, ludc_hub_listing *out, lud_error *err) {
    char **names = NULL;
    size_t n = 0;
    lud_status status = ludc_dir_list(dir, &names, &n, err);
    for (size_t i = 0; status == LUD_OK && i < n; i++) {
        char *path = ludc_path_join(dir, names[i]), *name = ludc_path_join(prefix, names[i]);
        struct stat st;
        if (!path || !name)
            status = no_memory(err);
        else if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            status = ludc_hub_listing_add(out, ludc_str(name), (uint64_t)st.st_size, "", err);
        else if (depth > 0 && ludc_path_is_dir(path))
            status = walk(path, name, depth - 1, out, err);
        ludc_free(path);
        ludc_free(name);
    }
    ludc_dir_list_free(names, n);
    return status;
}

lud_status ludc_hub_tree_read(const char *folder, const char *commit, ludc_hub_listing *out, lud_error *err) {
    enum { DEPTH = 8 };
    if (read_tree(folder, commit, out)) return LUD_OK;
    char *snapshot = ludc_hub_path(folder, "snapshots", commit, NULL);
    lud_status status = snapshot ? LUD_OK : no_memory(err);
    if (status == LUD_OK && ludc_path_is_dir(snapshot)) status = walk(snapshot, "", DEPTH, out, err);
    ludc_free(snapshot);
    return status;
}

/* ---- Files ---- */
bool ludc_hub_have(const char *folder, const char *commit, const ludc_hub_entry *e) {
    char *path = ludc_hub_path(folder, "snapshots", commit, e->path);
    struct stat st;
    const bool have = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->size;
    ludc_free(path);
    return have;
}

static void add_target(ludc_buf *out, const ludc_hub_entry *e) {
    ludc_buf_adds(out, "../../");
    for (const char *c = e->path; *c; c++)
        if (*c == '/') ludc_buf_adds(out, "../");
    ludc_buf_addf(out, "blobs/%s", e->hash);
}

lud_status ludc_hub_place(const ludc_hub *hub, const char *folder, const char *commit, const ludc_hub_entry *e,
                          lud_error *err) {
    char *link = ludc_hub_path(folder, "snapshots", commit, e->path);
    char *blob = ludc_hub_path(folder, "blobs", e->hash, NULL);
    ludc_buf target = {0};
    add_target(&target, e);
    lud_status status = link && blob && !target.failed ? make_parent(link, err) : no_memory(err);
    if (status == LUD_OK && !ludc_path_is_dir(link)) (void)unlink(link); /* a link to what is no more, or too short */
    if (status == LUD_OK && (hub->settings.no_symlinks || symlink(target.ptr, link) != 0))
        status = ludc_path_rename(blob, link, err);
    ludc_buf_free(&target);
    ludc_free(link);
    ludc_free(blob);
    return status;
}
