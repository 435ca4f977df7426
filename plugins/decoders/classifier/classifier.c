/* SPDX-License-Identifier: Apache-2.0
 * classifier: the head of category outputs (one class) and set outputs (any items): logits [N,K] by one dense map, K
 * from the feature's metadata. Core applies the loss that the output feature names. */
#include <ludwig/decoder.h>
#include <ludwig/fresh.h>

typedef struct classifier {
    lud_host_ctx *ctx;
    int64_t classes;
    lud_dense_init dense;
} classifier;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    lud_section config = lud_section_of(host->cfg, host->cfg->find(cfg, "config"), "decoder", err);
    lud_section metadata = lud_section_of(host->cfg, host->cfg->find(cfg, "metadata"), "metadata", err);
    classifier read = {.ctx = ctx, .dense = lud_dense_default()};
    lud_read_dense(&config, "", &read.dense);
    if (config.status != LUD_OK) return config.status;
    read.classes = lud_section_int(&metadata, "width", 0, 1, INT32_MAX);
    if (metadata.status != LUD_OK) return metadata.status;
    classifier *m = host->alloc(ctx, sizeof *m, _Alignof(classifier));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "classifier: out of memory");
    *m = read;
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    classifier *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status build(void *self, lud_graph *g, const lud_decoder_in *in, lud_decoder_out *out, lud_error *err) {
    const classifier *m = self;
    lud_t logits = lud_dense(graph, g, "dense", in->hidden, m->classes, &m->dense);
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) out->pred = logits;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "classifier: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_decoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const char *const feature_types[] = {"category", "set", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_DECODER,
    .id = "org.ludwig.classifier",
    .config_name = "classifier",
    .summary = "one logit per class of a category or item of a set",
    .config_schema = LUD_SCHEMA(LUD_KEYS_DENSE),
    .vtable = &vtable,
    .feature_types = feature_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "classifier",
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
