/* SPDX-License-Identifier: Apache-2.0
 * tabular: how its encoders are opened and closed, and the plugin's descriptor. */
#include "tabular.h"

const lud_host *tabular_host;
const lud_graph_api *tabular_graph;

static lud_status read_config(tabular *m, const lud_cfg *cfg, void (*read)(tabular *, lud_section *), lud_error *err) {
    const lud_cfg_api *c = tabular_host->cfg;
    lud_section metadata = lud_section_of(c, c->find(cfg, "metadata"), "metadata", err);
    lud_section config = lud_section_of(c, c->find(cfg, "config"), "encoder", err);
    m->width = lud_section_int(&metadata, "width", 0, 1, INT32_MAX);
    if (metadata.status != LUD_OK) return metadata.status;
    read(m, &config);
    return config.status;
}

lud_status tabular_open(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, void (*read)(tabular *, lud_section *),
                        lud_error *err) {
    tabular *m = tabular_host->alloc(ctx, sizeof *m, _Alignof(tabular));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "tabular: out of memory");
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    lud_status status = read_config(m, cfg, read, err);
    if (status != LUD_OK) {
        tabular_host->free(ctx, m);
        return status;
    }
    *self = m;
    return LUD_OK;
}

void tabular_close(void *self) {
    tabular *m = self;
    if (m) tabular_host->free(m->ctx, m);
}

static lud_status init(const lud_host *h, lud_error *err) {
    tabular_graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!tabular_graph) return lud_fail(err, LUD_E_ABI, "tabular: the host has no service %s", LUD_SERVICE_GRAPH);
    tabular_host = h;
    return LUD_OK;
}

static const lud_component *const components[] = {
    &tabular_passthrough, &tabular_dense, &tabular_category_passthrough, &tabular_category_dense, &tabular_sparse,
    &tabular_onehot,      &tabular_bag,
};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "tabular",
    .version = "0.1.0",
    .vendor = "Ludwig",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = sizeof components / sizeof components[0],
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
