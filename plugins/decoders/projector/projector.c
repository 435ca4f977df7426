/* SPDX-License-Identifier: Apache-2.0
 * projector: the head of vector outputs: [N,K] by one dense map, K from the feature's metadata, then activation,
 * factor and clip. Core applies the loss that the output feature names, to the clipped values as Ludwig does. */
#include <ludwig/decoder.h>
#include <ludwig/fc.h>

typedef struct projector {
    lud_host_ctx *ctx;
    int64_t width;
    lud_dense_init dense;
    int32_t activation, clips;
    float multiplier, low, high;
} projector;

static const lud_host *host;
static const lud_graph_api *graph;

/* clip: null or [low, high] */
static void read_clip(projector *m, lud_section *s) {
    const lud_cfg *list = lud_member(s->c, s->node, "clip");
    double range[2] = {0, 0};
    if (!lud_is_set(s->c, list)) return;
    m->clips = 1;
    int ok = s->c->type(list) == LUD_CFG_LIST && s->c->len(list) == 2;
    for (size_t i = 0; ok && i < 2; i++)
        ok = s->c->get(s->c->at(list, i), LUD_CFG_FLOAT, &range[i]) == LUD_OK;
    if (!ok || !(range[0] <= range[1])) lud_section_fail(s, "clip", "want [low, high] with low <= high");
    m->low = (float)range[0];
    m->high = (float)range[1];
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    lud_section config = lud_section_of(host->cfg, host->cfg->find(cfg, "config"), "decoder", err);
    lud_section metadata = lud_section_of(host->cfg, host->cfg->find(cfg, "metadata"), "metadata", err);
    projector read = {.ctx = ctx, .dense = lud_dense_default()};
    lud_read_dense(&config, "", &read.dense);
    read.activation = lud_read_activation(&config, "activation", 0);
    read.multiplier = (float)lud_section_float(&config, "multiplier", 1);
    read_clip(&read, &config);
    if (config.status != LUD_OK) return config.status;
    read.width = lud_section_int(&metadata, "width", 0, 1, INT32_MAX);
    if (metadata.status != LUD_OK) return metadata.status;
    projector *m = host->alloc(ctx, sizeof *m, _Alignof(projector));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "projector: out of memory");
    *m = read;
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    projector *m = self;
    if (m) host->free(m->ctx, m);
}

/* min(high, max(low, x)) = x + relu(low - x) - relu(x - high): exactly x inside the range. */
static lud_t clip(const projector *m, lud_graph *g, lud_t x) {
    lud_t below = lud_act(graph, g, lud_scale(graph, g, x, -1, m->low), LUD_ACT_RELU);
    lud_t above = lud_act(graph, g, lud_scale(graph, g, x, 1, -m->high), LUD_ACT_RELU);
    return lud_add(graph, g, lud_add(graph, g, x, below), lud_scale(graph, g, above, -1, 0));
}

static lud_status build(void *self, lud_graph *g, const lud_decoder_in *in, lud_decoder_out *out, lud_error *err) {
    const projector *m = self;
    lud_t x = lud_dense(graph, g, "dense", in->hidden, m->width, &m->dense);
    if (m->activation) x = lud_act(graph, g, x, m->activation);
    x = lud_scale(graph, g, x, m->multiplier, 0);
    if (m->clips) x = clip(m, g, x);
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) out->pred = x;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "projector: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_decoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const char *const feature_types[] = {"vector", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_DECODER,
    .id = "org.ludwig.projector",
    .config_name = "projector",
    .summary = "the elements of a vector",
    .config_schema = LUD_SCHEMA(LUD_KEYS_DENSE, LUD_KEY_ACTIVATION("activation", "null"),
                                LUD_KEY_NUMBER("multiplier", 1, "factor on the activated values"),
                                LUD_KEY_NUMBERS("clip", "[low, high]: what the values are cut to")),
    .vtable = &vtable,
    .feature_types = feature_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "projector",
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
