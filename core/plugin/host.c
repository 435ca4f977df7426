/* SPDX-License-Identifier: Apache-2.0
 * The host: what a plugin may call, and the order of loading and closing. Nothing is ever unloaded: a library may have
 * left threads or exit handlers behind. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

char *ludc_text(const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return n < 0 ? NULL : ludc_strdup(text);
}

static void *host_alloc(lud_host_ctx *ctx, size_t n, size_t align) {
    (void)ctx;
    return ludc_alloc_aligned(n, align);
}

static void host_free(lud_host_ctx *ctx, void *p) {
    (void)ctx;
    ludc_free(p);
}

static void host_log(lud_host_ctx *ctx, int32_t level, const char *text) {
    (void)ctx;
    ludc_log(level, "%s", text);
}

static int32_t host_cancelled(lud_host_ctx *ctx) {
    (void)ctx;
    return ludc_cancel_requested() > 1;
}

static void host_parallel_for(lud_host_ctx *ctx, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t),
                              void *arg) {
    ludc_pool_for(ctx->host->pool, n, grain, fn, arg);
}

static int32_t host_threads(lud_host_ctx *ctx) {
    return ludc_pool_size(ctx->host->pool);
}

static void team_run(lud_host_ctx *ctx, void (*fn)(void *, int32_t, int32_t), void *arg) {
    ludc_pool_team(ctx->host->pool, fn, arg);
}

static void team_barrier(lud_host_ctx *ctx) {
    ludc_pool_barrier(ctx->host->pool);
}

static const void *host_service(lud_host_ctx *ctx, const char *id) {
    static const lud_team_api team = {.struct_size = sizeof(team), .run = team_run, .barrier = team_barrier};
    const ludc_host *h = ctx->host;
    if (strcmp(id, LUD_SERVICE_TEAM) == 0) return &team;
    for (size_t i = 0; i < h->n_services; i++)
        if (strcmp(h->services[i].id, id) == 0) return h->services[i].table;
    return NULL;
}

static void fill_table(ludc_host *h) {
    h->ctx.host = h;
    h->table = (lud_host){
        .struct_size = sizeof(h->table),
        .abi_minor = LUD_ABI_MINOR,
        .ctx = &h->ctx,
        .cfg = ludc_cfg_api(),
        .alloc = host_alloc,
        .free = host_free,
        .log = host_log,
        .cancelled = host_cancelled,
        .parallel_for = host_parallel_for,
        .threads = host_threads,
        .get_service = host_service,
    };
}

lud_status ludc_host_new(const ludc_host_opts *opts, ludc_host **out, lud_error *err) {
    ludc_host *h = ludc_alloc(sizeof(*h));
    if (!h) return ludc_no_memory(err, NULL);
    fill_table(h);
    h->pool = ludc_pool_new(opts->threads);
    const lud_status status = h->pool ? ludc_search_path_make(h, opts, err) : ludc_no_memory(err, "no thread pool");
    if (status == LUD_OK) return *out = h, LUD_OK;
    ludc_host_free(h);
    return status;
}

void ludc_host_free(ludc_host *h) {
    if (!h) return;
    for (size_t i = h->n_files; i-- > 0;)
        if (h->files[i].plugin && h->files[i].plugin->fini) h->files[i].plugin->fini();
    for (size_t i = 0; i < h->n_files; i++) {
        ludc_free(h->files[i].path);
        ludc_free(h->files[i].reason);
    }
    for (size_t i = 0; i < h->n_folders; i++)
        ludc_free(h->folders[i]);
    ludc_free(h->files);
    ludc_free(h->infos);
    ludc_free(h->components);
    ludc_pool_free(h->pool);
    ludc_free(h);
}

const lud_host *ludc_host_table(const ludc_host *h) {
    return &h->table;
}

ludc_pool *ludc_host_pool(const ludc_host *h) {
    return h->pool;
}

lud_status ludc_host_add_service(ludc_host *h, const char *id, const void *table) {
    if (h->n_services == LUDC_MAX_SERVICES) return LUD_E_NOMEM;
    h->services[h->n_services].id = id;
    h->services[h->n_services++].table = table;
    return LUD_OK;
}

lud_status ludc_host_load(ludc_host *h, lud_error *err) {
    LUDC_TRY(ludc_search(h, err));
    h->infos = ludc_alloc(h->n_files * sizeof(*h->infos));
    if (!h->infos) return ludc_no_memory(err, NULL);
    for (size_t i = 0; i < h->n_files; i++) {
        ludc_candidate_file *f = &h->files[i];
        if (!f->reason) ludc_load_file(h, f);
        h->infos[i] = (ludc_plugin_info){.path = f->path, .plugin = f->plugin, .reason = f->reason};
        if (f->plugin)
            LUDC_TRY(ludc_register(h, f, &h->infos[i], err));
        else if (f->named)
            return ludc_fail(err, LUD_E_ABI, "plugin %s: %s", f->path, f->reason ? f->reason : "out of memory");
        else if (f->reason && !f->twice)
            ludc_log(LUD_LOG_WARN, "plugin %s: %s", f->path, f->reason);
    }
    return LUD_OK;
}

size_t ludc_host_plugins(const ludc_host *h, const ludc_plugin_info **out) {
    *out = h->infos;
    return h->infos ? h->n_files : 0;
}

size_t ludc_host_components(const ludc_host *h, const ludc_component **out) {
    *out = h->components;
    return h->n_components;
}
