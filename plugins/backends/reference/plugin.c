/* SPDX-License-Identifier: Apache-2.0
 * Entry of the reference backend: its component, the host table it received, errors, parallel loops.
 * The one mutable global is the host pointer that init sets. */
#include "ref.h"
#include <stdarg.h>
#include <stdio.h>

static const lud_host *host;

const lud_host *ref_host(void) {
    return host;
}

lud_status ref_fail(lud_error *err, lud_status code, const char *fmt, ...) {
    if (!err || err->code != LUD_OK) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    snprintf(err->plugin, sizeof(err->plugin), "%s", "reference");
    err->code = code;
    return code;
}

void ref_parallel(int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t), void *arg) {
    if (n <= 0) return;
    if (n <= grain || !LUD_HAS(host, lud_host, parallel_for)) {
        fn(arg, 0, n);
        return;
    }
    host->parallel_for(host->ctx, n, grain, fn, arg);
}

static lud_status init(const lud_host *table, lud_error *err) {
    if (!LUD_HAS(table, lud_host, alloc) || !LUD_HAS(table, lud_host, free))
        return ref_fail(err, LUD_E_ABI, "reference: the host gives no memory functions; use a newer ludwig");
    host = table;
    return LUD_OK;
}

static void fini(void) {
    host = NULL;
}

const lud_backend_vt ref_backend = {
    .struct_size = sizeof(lud_backend_vt),
    .probe = ref_probe,
    .open = ref_open,
    .close = ref_close,
    .buf_new = ref_buf_new,
    .buf_free = ref_buf_free,
    .upload = ref_upload,
    .download = ref_download,
    .supports_op = ref_supports_op,
    .weight_new = ref_weight_new,
    .compile = ref_compile,
    .run = ref_run,
    .exe_free = ref_exe_free,
    .sync = ref_sync,
};

static const lud_component component = {
    .struct_size = sizeof(lud_component),
    .kind = LUD_KIND_BACKEND,
    .id = "org.ludwig.reference",
    .config_name = "reference",
    .summary = "slow, obvious loops for every operation, in float and double; the oracle of the tests",
    .vtable = &ref_backend,
};

static const lud_component *const components[] = {&component};

static const lud_plugin plugin = {
    .struct_size = sizeof(lud_plugin),
    .abi_minor = LUD_ABI_MINOR,
    .name = "reference",
    .version = "0.1.0",
    .vendor = "Ludwig",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
    .fini = fini,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
