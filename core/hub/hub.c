/* SPDX-License-Identifier: Apache-2.0
 * From a reference to files on this machine. What is cached and cannot have changed is taken without a request; else
 * the hub is asked what the revision is now, and only what is missing is fetched. A hub that cannot be reached is no
 * failure where the cache has all that is needed. */
#include "internal.h"

#include <string.h>

lud_status ludc_hub_open(const ludc_hub_opts *opts, ludc_hub **out, lud_error *err) {
    ludc_hub *hub = ludc_alloc(sizeof(*hub));
    if (!hub) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    hub->opts = *opts;
    hub->backoff = 1.0;
    const lud_status status = ludc_hub_settings_read(&hub->settings, err);
    if (status == LUD_OK)
        *out = hub;
    else
        ludc_hub_close(hub);
    return status;
}

void ludc_hub_close(ludc_hub *hub) {
    if (!hub) return;
    ludc_hub_settings_free(&hub->settings);
    ludc_free(hub);
}

/* ---- The cache alone ---- */
typedef struct place {
    char *folder;
    char commit[65]; /* "" = not known */
    ludc_hub_listing listing;
} place;

static size_t n_wanted(const place *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->listing.n; i++)
        n += p->listing.entries[i].wanted;
    return n;
}

static bool all_there(const place *p) {
    for (size_t i = 0; i < p->listing.n; i++)
        if (p->listing.entries[i].wanted && !ludc_hub_have(p->folder, p->commit, &p->listing.entries[i])) return false;
    return n_wanted(p) > 0;
}

/* Whether the commit's files that are needed are all cached. */
static bool cached(const ludc_hub_ref *ref, place *p) {
    char *snapshot = ludc_hub_path(p->folder, "snapshots", p->commit, NULL);
    ludc_hub_listing_free(&p->listing);
    const bool there = snapshot && ludc_hub_tree_read(p->folder, p->commit, &p->listing, NULL) == LUD_OK &&
                       ludc_hub_select(ref, &p->listing, NULL) == LUD_OK && all_there(p) &&
                       ludc_hub_select_shards(snapshot, &p->listing, NULL) == LUD_OK && all_there(p);
    ludc_free(snapshot);
    return there;
}

/* ---- With the hub ---- */
static lud_status fetch_missing(ludc_hub *hub, const ludc_hub_ref *ref, place *p, lud_error *err) {
    char *snapshot = ludc_hub_path(p->folder, "snapshots", p->commit, NULL);
    lud_status status =
        snapshot ? ludc_hub_select(ref, &p->listing, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status != LUD_OK && ref->path[0] && !ludc_hub_listing_find(&p->listing, ref->path))
        (void)ludc_hub_no_exist(p->folder, p->commit, ref->path, NULL);
    if (status == LUD_OK) status = ludc_hub_download(hub, ref, p->folder, p->commit, &p->listing, err);
    if (status == LUD_OK) status = ludc_hub_select_shards(snapshot, &p->listing, err);
    if (status == LUD_OK) status = ludc_hub_download(hub, ref, p->folder, p->commit, &p->listing, err);
    if (status == LUD_OK && n_wanted(p) == 0)
        status = ludc_fail(err, LUD_E_HUB, "%s@%s: no file that Ludwig reads (want config.json and model.safetensors)",
                           ref->repo, ref->revision);
    ludc_free(snapshot);
    return status;
}

static lud_status ask(ludc_hub *hub, const ludc_hub_link *link, const ludc_hub_ref *ref, place *p, lud_error *err) {
    char known[65] = "";
    const bool fallback = p->commit[0] && cached(ref, p);
    int32_t fault = LUD_HUB_FATAL;
    memcpy(known, p->commit, sizeof(known));
    const lud_status status = ludc_hub_list(hub, link, ref, fallback ? 2 : 3, p->commit, &p->listing, &fault, err);
    if (status == LUD_OK) {
        LUDC_TRY(ludc_hub_ref_write(p->folder, ref->revision, p->commit, err));
        LUDC_TRY(ludc_hub_tree_write(p->folder, p->commit, &p->listing, err));
        return fetch_missing(hub, ref, p, err);
    }
    memcpy(p->commit, known, sizeof(known));
    if (!fallback || (fault != LUD_HUB_UNREACHABLE && fault != LUD_HUB_RETRY)) return status;
    ludc_log(LUD_LOG_WARN, "%s; taking %s as it was fetched before, at %.7s", err ? err->msg : "hub", ref->repo, known);
    if (err) *err = LUDC_ERROR_INIT;
    return cached(ref, p) ? LUD_OK : ludc_fail(err, LUD_E_HUB, "%s: the cache changed meanwhile", ref->repo);
}

static lud_status take_folder(void *arg, const char *dir) {
    char **out = arg;
    *out = ludc_path_absolute(dir);
    return *out ? LUD_OK : LUD_E_NOMEM;
}

/* Of a hub on this machine. */
static lud_status find_folder(const ludc_hub_link *link, const ludc_hub_ref *ref, char **path, lud_error *err) {
    const lud_hub_ref plain = ludc_hub_plain(ref, ref->revision);
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    char *dir = NULL;
    lud_status status = link->vt->folder(link->self, &plain, take_folder, &dir, &fault, err);
    char *file = status == LUD_OK ? ludc_path_join(dir, ref->path) : NULL;
    if (status == LUD_OK && !file) status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && !ludc_path_exists(file)) status = ludc_fail(err, LUD_E_HUB, "%s: no such file", file);
    if (status == LUD_OK)
        *path = file;
    else
        ludc_free(file);
    ludc_free(dir);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "hub '%s': %s", ref->hub, ludc_status_text(status));
}

static lud_status get(ludc_hub *hub, const ludc_hub_ref *ref, place *p, char **path, lud_error *err) {
    const bool pinned = ludc_is_hex(ref->revision, 40) || ludc_is_hex(ref->revision, 64);
    if (pinned)
        memcpy(p->commit, ref->revision, strlen(ref->revision) + 1);
    else
        (void)ludc_hub_ref_read(p->folder, ref->revision, p->commit);
    /* Without the list of the commit, what is cached may be a part of it: then only a single file is sure. */
    const bool sure = p->commit[0] && (pinned || hub->settings.offline) && cached(ref, p);
    const bool done = sure && (hub->settings.offline || p->listing.exact || ref->path[0]);
    if (!done && hub->settings.offline)
        return ludc_fail(err, LUD_E_HUB,
                         "%s@%s is not whole in the cache (%s), and HF_HUB_OFFLINE forbids to ask the hub", ref->repo,
                         ref->revision, p->folder);
    if (!done) {
        ludc_hub_link link = {0};
        LUDC_TRY(ludc_hub_link_open(hub, ref->hub, &link, err));
        const bool here = link.vt->folder != NULL;
        const lud_status status = here ? find_folder(&link, ref, path, err) : ask(hub, &link, ref, p, err);
        ludc_hub_link_close(&link);
        if (status != LUD_OK) return status;
        if (here) p->commit[0] = '\0';
        if (here) return LUD_OK;
    }
    *path = ludc_hub_path(p->folder, "snapshots", p->commit, ref->path[0] ? ref->path : NULL);
    return *path ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

lud_status ludc_hub_get(ludc_hub *hub, const ludc_hub_ref *ref, char **path, char commit[65], lud_error *err) {
    place p = {.folder = ludc_hub_folder(hub, ref)};
    if (!p.folder) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    const lud_status status = get(hub, ref, &p, path, err);
    if (status == LUD_OK) memcpy(commit, p.commit, sizeof(p.commit));
    ludc_hub_listing_free(&p.listing);
    ludc_free(p.folder);
    return status;
}
