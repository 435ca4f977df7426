/* SPDX-License-Identifier: Apache-2.0
 * Many files at once: a few threads, each with its own instance of the plugin, take them one after the other; the
 * calling thread reports. The first failure stops all. */
#include "internal.h"

#include <pthread.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

enum { WORKERS = 4 };

typedef struct crew {
    ludc_hub_job job;
    const ludc_hub_entry *const *files;
    size_t n;
    atomic_size_t next, running;
} crew;

typedef struct worker {
    crew *crew;
    ludc_hub_link link;
    pthread_t thread;
    bool started;
    lud_status status;
    lud_error err;
} worker;

static void *work(void *arg) {
    worker *w = arg;
    crew *c = w->crew;
    while (w->status == LUD_OK && !atomic_load(&c->job.stop)) {
        const size_t i = atomic_fetch_add(&c->next, 1);
        if (i >= c->n) break;
        w->status = ludc_hub_transfer(&c->job, &w->link, c->files[i], &w->err);
    }
    if (w->status != LUD_OK) atomic_store(&c->job.stop, true);
    atomic_fetch_sub(&c->running, 1);
    return NULL;
}

/* Said before the transfer, not after hours of it. */
static lud_status check_space(const char *folder, uint64_t need, lud_error *err) {
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= need) return LUD_OK;
    return ludc_fail(err, LUD_E_IO, "%s: %.1f GB to fetch, %.1f GB free; make room, or set HF_HUB_CACHE", folder,
                     (double)need / 1e9, (double)fs.f_bavail * (double)fs.f_frsize / 1e9);
}

static void report(const ludc_hub *hub, crew *c, uint64_t total) {
    for (int i = 0; atomic_load(&c->running) > 0; i++) {
        const struct timespec nap = {.tv_nsec = 20000000};
        nanosleep(&nap, NULL);
        if (hub->opts.progress && i % 5 == 4) hub->opts.progress(hub->opts.arg, atomic_load(&c->job.done), total);
    }
}

/* The failure that stopped the others, not what it did to them. */
static lud_status outcome(const worker *crewmen, size_t n, lud_error *err) {
    const worker *failed = NULL;
    for (size_t i = 0; i < n; i++)
        if (crewmen[i].status != LUD_OK && (!failed || failed->status == LUD_E_CANCELLED)) failed = &crewmen[i];
    return failed ? ludc_fail(err, failed->status, "%s", failed->err.msg) : LUD_OK;
}

static lud_status run(ludc_hub *hub, const char *name, crew *c, uint64_t total, lud_error *err) {
    worker crewmen[WORKERS] = {0};
    const size_t n = LUDC_MIN(c->n, (size_t)WORKERS);
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && i < n; i++) {
        crewmen[i] = (worker){.crew = c, .err = LUDC_ERROR_INIT};
        status = ludc_hub_link_open(hub, name, &crewmen[i].link, err);
    }
    for (size_t i = 0; status == LUD_OK && i < n; i++) {
        atomic_fetch_add(&c->running, 1);
        crewmen[i].started = pthread_create(&crewmen[i].thread, NULL, work, &crewmen[i]) == 0;
        if (!crewmen[i].started) work(&crewmen[i]);
    }
    report(hub, c, total);
    for (size_t i = 0; i < n; i++) {
        if (crewmen[i].started) pthread_join(crewmen[i].thread, NULL);
        ludc_hub_link_close(&crewmen[i].link);
    }
    return status == LUD_OK ? outcome(crewmen, n, err) : status;
}

lud_status ludc_hub_download(ludc_hub *hub, const ludc_hub_ref *ref, const char *folder, const char *commit,
                             const ludc_hub_listing *l, lud_error *err) {
    const ludc_hub_entry **files = ludc_alloc((l->n + 1) * sizeof(*files));
    char *blobs = ludc_path_join(folder, "blobs");
    crew c = {.job = {.hub = hub, .ref = ref, .folder = folder, .commit = commit}, .files = files};
    lud_status status = files && blobs ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    uint64_t total = 0;
    for (size_t i = 0; status == LUD_OK && i < l->n; i++) {
        if (!l->entries[i].wanted || ludc_hub_have(folder, commit, &l->entries[i])) continue;
        files[c.n++] = &l->entries[i];
        total += l->entries[i].size;
    }
    if (status == LUD_OK && c.n) {
        ludc_log(LUD_LOG_INFO, "hub: %s at %.7s: %zu files, %.1f MB", ref->repo, commit, c.n, (double)total / 1e6);
        status = ludc_dir_make(blobs, err);
        ludc_hub_tag_cache(hub);
        if (status == LUD_OK) status = check_space(blobs, total, err);
        if (status == LUD_OK) status = run(hub, ref->hub, &c, total, err);
    }
    ludc_free(blobs);
    ludc_free(files);
    return status;
}
