/* SPDX-License-Identifier: Apache-2.0
 * regressor: the head of number outputs (a value in the target's normalized unit) and binary outputs (a logit): [N,1]
 * by one dense map. Core applies the loss that the output feature names. */
#include <ludwig/decoder.h>
#include <ludwig/fresh.h>

typedef struct regressor {
    lud_host_ctx *ctx;
    lud_dense_init dense;
} regressor;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    lud_section config = lud_section_of(host->cfg, host->cfg->find(cfg, "config"), "decoder", err);
    regressor read = {.ctx = ctx, .dense = lud_dense_default()};
    lud_read_dense(&config, "", &read.dense);
    if (config.status != LUD_OK) return config.status;
    regressor *m = host->alloc(ctx, sizeof *m, _Alignof(regressor));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "regressor: out of memory");
    *m = read;
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    regressor *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status build(void *self, lud_graph *g, const lud_decoder_in *in, lud_decoder_out *out, lud_error *err) {
    const regressor *m = self;
    lud_t value = lud_dense(graph, g, "dense", in->hidden, 1, &m->dense);
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) out->pred = value;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "regressor: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_decoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const char *const feature_types[] = {"number", "binary", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_DECODER,
    .id = "org.ludwig.regressor",
    .config_name = "regressor",
    .summary = "a number, or the logit of a binary",
    .config_schema = LUD_SCHEMA(LUD_KEYS_DENSE),
    .vtable = &vtable,
    .feature_types = feature_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "regressor",
    .version = "0.1.0",
    .vendor = "Ludwig",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
