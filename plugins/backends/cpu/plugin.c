/* SPDX-License-Identifier: Apache-2.0
 * The plugin "cpu": its descriptor and the host pointer that init receives (the one global; set once, before use). */
#include "device.h"

static const lud_host *the_host;
const lud_host *cpu_host(void) {
    return the_host;
}

static lud_status init(const lud_host *host, lud_error *err) {
    (void)err;
    the_host = host;
    return LUD_OK;
}
static void fini(void) {
    the_host = NULL;
}

static const lud_component backend = {
    .struct_size = sizeof(lud_component),
    .kind = LUD_KIND_BACKEND,
    .id = "org.ludwig.cpu",
    .config_name = "cpu",
    .summary = "fast fp32 kernels for this processor (AVX-512, AVX2, portable C with OpenBLAS)",
    .vtable = &cpu_backend,
};
static const lud_component *const components[] = {&backend};

static const lud_plugin plugin = {
    .struct_size = sizeof(lud_plugin),
    .abi_minor = LUD_ABI_MINOR,
    .name = "cpu",
    .version = "0.1.0",
    .vendor = "Ludwig in C",
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
