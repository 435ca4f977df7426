/* SPDX-License-Identifier: Apache-2.0
 * local: a tree of folders as a hub, <root>/org/name, where files are read in place. It has no revisions. */
#include <ludwig/easy.h>
#include <ludwig/hub.h>
#include <stdlib.h>
#include <sys/stat.h>

static lud_status fail(lud_hub_fault *fault, int32_t kind, lud_error *err, const char *what, const char *path) {
    fault->kind = kind;
    return lud_fail(err, LUD_E_HUB, "local: %s: %s", path, what);
}

static lud_status find(void *self, const lud_hub_ref *ref, lud_status (*found)(void *, const char *), void *arg,
                       lud_hub_fault *fault, lud_error *err) {
    static const char *const types[] = {"", "datasets/", "spaces/"};
    const char *root = getenv("LUDWIG_PRETRAINED_MODELS_DIR");
    char path[4096];
    struct stat st;
    (void)self;
    if (!root || !root[0])
        return fail(fault, LUD_HUB_FATAL, err, "set LUDWIG_PRETRAINED_MODELS_DIR to the folder of all", ref->repo);
    const int n = snprintf(path, sizeof(path), "%s/%s%s", root, types[ref->type % 3], ref->repo);
    if (n < 0 || (size_t)n >= sizeof(path)) return fail(fault, LUD_HUB_FATAL, err, "the path is too long", root);
    if (strcmp(ref->revision, "main") != 0)
        return fail(fault, LUD_HUB_NOT_FOUND, err, "folders have no revisions but main", path);
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(fault, LUD_HUB_NOT_FOUND, err, "no such folder", path);
    return found(arg, path);
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    (void)cfg, (void)err;
    *self = ctx; /* there is nothing to keep */
    return LUD_OK;
}

static void close_instance(void *self) {
    (void)self;
}

static lud_status init(const lud_host *h, lud_error *err) {
    (void)h, (void)err;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof(inst), .open = open_instance, .close = close_instance};
static const lud_hub_vt vtable = {.struct_size = sizeof(vtable), .inst = &inst, .folder = find};
static const lud_component component = {.struct_size = sizeof(component),
                                        .kind = LUD_KIND_HUB,
                                        .id = "org.ludwig.local",
                                        .config_name = "local",
                                        .summary = "folders of this machine: local://org/name",
                                        .vtable = &vtable};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {.struct_size = sizeof(plugin),
                                  .abi_minor = LUD_ABI_MINOR,
                                  .name = "local",
                                  .version = "0.1.0",
                                  .vendor = "Ludwig",
                                  .license = "Apache-2.0",
                                  .url = "",
                                  .components = components,
                                  .n_components = 1,
                                  .init = init};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
