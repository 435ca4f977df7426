/* SPDX-License-Identifier: Apache-2.0
 * local: a tree of folders as a hub, <root>/org/name, where files are read in place. It has no revisions. */
#include "local.h"

#include <string.h>

const lud_host *local_host;

lud_status local_fail(lud_hub_fault *fault, int32_t kind, lud_error *err, const char *path, const char *what,
                      int errno_) {
    fault->kind = kind;
    return lud_fail(err, errno_ ? LUD_E_IO : LUD_E_HUB, "local: %s: %s%s%s", path, what, errno_ ? ": " : "",
                    errno_ ? strerror(errno_) : "");
}

lud_status local_path(const lud_hub_ref *ref, char out[PATH_MAX], lud_hub_fault *fault, lud_error *err) {
    static const char *const types[] = {"", "datasets/", "spaces/"};
    const char *root = getenv("LUDWIG_PRETRAINED_MODELS_DIR");
    if (!root || !root[0])
        return local_fail(fault, LUD_HUB_FATAL, err, ref->repo, "set LUDWIG_PRETRAINED_MODELS_DIR to the folder of all",
                          0);
    const int n = snprintf(out, PATH_MAX, "%s/%s%s", root, types[ref->type % 3], ref->repo);
    if (n < 0 || n >= PATH_MAX) return local_fail(fault, LUD_HUB_FATAL, err, root, "the path is too long", 0);
    if (strcmp(ref->revision, "main") != 0)
        return local_fail(fault, LUD_HUB_NOT_FOUND, err, out, "folders have no revisions but main", 0);
    return LUD_OK;
}

static lud_status find(void *self, const lud_hub_ref *ref, lud_status (*found)(void *, const char *), void *arg,
                       lud_hub_fault *fault, lud_error *err) {
    char path[PATH_MAX];
    struct stat st;
    (void)self;
    const lud_status status = local_path(ref, path, fault, err);
    if (status != LUD_OK) return status;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return local_fail(fault, LUD_HUB_NOT_FOUND, err, path, "no such folder", 0);
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
    (void)err;
    local_host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof(inst), .open = open_instance, .close = close_instance};
static const lud_hub_vt vtable = {.struct_size = sizeof(vtable),
                                  .inst = &inst,
                                  .folder = find,
                                  .begin = local_begin,
                                  .add = local_add,
                                  .commit = local_commit,
                                  .abort = local_abort};
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
