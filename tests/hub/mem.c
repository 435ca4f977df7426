/* SPDX-License-Identifier: Apache-2.0
 * A hub in memory for tests: one repository at one commit. MEM_HUB says how it fails: "unreachable", "denied", "cut" (a
 * cut in each file, once per instance). get_extension("mem.calls") is the number of calls so far. */
#include <ludwig/easy.h>
#include <ludwig/hub.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SIZE  200000
#define INDEX "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}}"

static const struct {
    const char *path, *hash, *text; /* text NULL: SIZE bytes of `fill` */
    char fill;
} files[] = {
    {"config.json", "9e26dfeeb6e641a33dae4961196235bdb965b21b", "{}", 0},
    {"sub/../x", "9e26dfeeb6e641a33dae4961196235bdb965b21b", "{}", 0},
    {"model.safetensors.index.json", "6c6846b1535a9f6a5a81a7d4427acc2bdc745dad", INDEX, 0},
    {"tokenizer.json", "9e26dfeeb6e641a33dae4961196235bdb965b21b", "{}", 0},
    {"pytorch_model.bin", "9e26dfeeb6e641a33dae4961196235bdb965b21b", "{}", 0},
    {"a.safetensors", "2287d207f24a941ff3b56c04c8a25ad56b63e3023207b3bb5b4ac0c9869d74be", NULL, 'a'},
    {"b.safetensors", "31731ec46c3318e622490d1102d6a5f2d0b33995b35ede8cdbbb76252ee6d87b", NULL, 'b'},
};
enum { N_FILES = sizeof(files) / sizeof(files[0]) };

typedef struct instance {
    lud_host_ctx *ctx;
    int cuts[N_FILES];
} instance;

static const lud_host *host;
static _Atomic int calls;

static int mode_is(const char *word) {
    const char *mode = getenv("MEM_HUB");
    return mode && strcmp(mode, word) == 0;
}

static lud_status refuse(lud_hub_fault *fault, lud_error *err) {
    calls++;
    fault->kind = mode_is("denied") ? LUD_HUB_DENIED : LUD_HUB_UNREACHABLE;
    return mode_is("denied") || mode_is("unreachable") ? lud_fail(err, LUD_E_HUB, "mem: refused") : LUD_OK;
}

static lud_status resolve(void *self, const lud_hub_ref *ref, char commit[65],
                          lud_status (*file)(void *, const lud_hub_file *), void *arg, lud_hub_fault *fault,
                          lud_error *err) {
    (void)self, (void)ref;
    lud_status status = refuse(fault, err);
    for (size_t i = 0; status == LUD_OK && i < N_FILES; i++) {
        const lud_hub_file f = {.struct_size = sizeof(f),
                                .path = {files[i].path, strlen(files[i].path)},
                                .size = files[i].text ? strlen(files[i].text) : SIZE,
                                .hash = files[i].hash};
        fault->kind = LUD_HUB_FATAL;
        status = file(arg, &f);
    }
    if (status == LUD_OK) strcpy(commit, "0123456789abcdef0123456789abcdef01234567");
    return status;
}

static lud_status fetch(void *self, const lud_hub_ref *ref, const char *path, uint64_t offset,
                        lud_status (*sink)(void *, const void *, size_t), void *arg, lud_hub_fault *fault,
                        lud_error *err) {
    instance *m = self;
    size_t i = 0;
    (void)ref;
    lud_status status = refuse(fault, err);
    if (status != LUD_OK) return status;
    while (i < N_FILES && strcmp(files[i].path, path) != 0)
        i++;
    fault->kind = i == N_FILES ? LUD_HUB_NOT_FOUND : LUD_HUB_FATAL;
    if (i == N_FILES) return lud_fail(err, LUD_E_HUB, "mem: no file %s", path);
    if (files[i].text) return sink(arg, files[i].text + offset, strlen(files[i].text) - (size_t)offset);
    const uint64_t end = mode_is("cut") && !m->cuts[i]++ ? SIZE / 2 : SIZE;
    while (offset < end && status == LUD_OK) {
        char block[1000];
        memset(block, files[i].fill, sizeof(block));
        status = sink(arg, block, sizeof(block));
        offset += sizeof(block);
    }
    if (status != LUD_OK || offset == SIZE) return status;
    fault->kind = LUD_HUB_RETRY;
    return lud_fail(err, LUD_E_HUB, "mem: cut");
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    instance *m = host->alloc(ctx, sizeof(*m), _Alignof(instance));
    (void)cfg;
    if (!m) return lud_fail(err, LUD_E_NOMEM, "mem: out of memory");
    *m = (instance){.ctx = ctx};
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    instance *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status init(const lud_host *h, lud_error *err) {
    (void)err;
    host = h;
    return LUD_OK;
}

static const void *get_extension(const char *id) {
    return strcmp(id, "mem.calls") == 0 ? (const void *)&calls : NULL;
}

static const lud_inst inst = {.struct_size = sizeof(inst), .open = open_instance, .close = close_instance};
static const lud_hub_vt vtable = {.struct_size = sizeof(vtable), .inst = &inst, .resolve = resolve, .fetch = fetch};
static const lud_component component = {.struct_size = sizeof(component),
                                        .kind = LUD_KIND_HUB,
                                        .id = "org.ludwig.test.mem",
                                        .config_name = "mem",
                                        .summary = "in memory",
                                        .vtable = &vtable};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {.struct_size = sizeof(plugin),
                                  .abi_minor = LUD_ABI_MINOR,
                                  .name = "mem",
                                  .version = "1",
                                  .vendor = "",
                                  .license = "Apache-2.0",
                                  .url = "",
                                  .components = components,
                                  .n_components = 1,
                                  .init = init,
                                  .get_extension = get_extension};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
