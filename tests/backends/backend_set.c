/* SPDX-License-Identifier: Apache-2.0
 * Finds and opens backends for the tests. A device whose probe scores 0 is left out with a line that says why. */
#include "backend_set.h"
#include <base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 16 };

lud_status backend_host_new(int threads, ludc_host **out, lud_error *err) {
    const char *build = getenv("LUDWIG_TEST_BINARY_DIR"), *more = getenv("LUDWIG_TEST_PLUGINS");
    char own[4096], list[4096], *rest = list;
    const char *paths[PATHS_MAX];
    size_t n = 0;
    snprintf(own, sizeof(own), "%s/lib/ludwig/plugins-1", build ? build : ".");
    snprintf(list, sizeof(list), "%s", more ? more : "");
    paths[n++] = own;
    for (char *path; n < PATHS_MAX && (path = strsep(&rest, ":")) != NULL;)
        if (path[0]) paths[n++] = path;
    ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = n, .threads = threads};
    LUDC_TRY(ludc_host_new(&opts, out, err));
    lud_status status = ludc_host_load(*out, err);
    if (status != LUD_OK) {
        ludc_host_free(*out);
        *out = NULL;
    }
    return status;
}

static lud_status open_devices(backend_set *set, const lud_component *c, lud_error *err) {
    const lud_backend_vt *vt = c->vtable;
    lud_host_ctx *ctx = ludc_host_table(set->host)->ctx;
    for (uint32_t i = 0; set->n < SET_MAX; i++) {
        op_backend *b = &set->all[set->n];
        lud_error ignored = LUDC_ERROR_INIT;
        *b = (op_backend){.name = c->config_name, .vt = vt, .info = {.struct_size = sizeof(lud_device)}};
        lud_status status = vt->probe(ctx, i, &b->info, &ignored);
        if (status == LUD_E_NOT_FOUND) return LUD_OK;
        if (status != LUD_OK || b->info.score == 0) {
            printf("%s: device %u is left out: %s\n", c->config_name, i, status ? ignored.msg : b->info.why);
            continue;
        }
        LUDC_TRY(vt->open(ctx, i, &b->dev, err));
        if (strcmp(c->config_name, "reference") == 0) set->oracle = b;
        set->n++;
    }
    return LUD_OK;
}

lud_status backend_set_open(int threads, backend_set *set, lud_error *err) {
    const ludc_component *components;
    *set = (backend_set){0};
    LUDC_TRY(backend_host_new(threads, &set->host, err));
    size_t n = ludc_host_components(set->host, &components);
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++)
        if (components[i].c->kind == LUD_KIND_BACKEND && !components[i].shadowed)
            status = open_devices(set, components[i].c, err);
    if (status == LUD_OK && !set->oracle)
        status = ludc_fail(err, LUD_E_NOT_FOUND, "no backend 'reference' in the build's plugin folder; build it first");
    if (status != LUD_OK) backend_set_close(set);
    return status;
}

void backend_set_close(backend_set *set) {
    for (uint32_t i = 0; i < set->n; i++)
        set->all[i].vt->close(set->all[i].dev);
    ludc_host_free(set->host);
    *set = (backend_set){0};
}
