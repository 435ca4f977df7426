/* SPDX-License-Identifier: Apache-2.0
 * causal_lm_smooth: the head of a generative model whose loss is smoothed: the target gets 1 - e of the probability, e
 * is shared by all tokens (Szegedy et al. 2016, arXiv 1512.00567). The setting is label_smoothing, 0 <= e < 1. */
#include <ludwig/decoder.h>
#include <ludwig/easy.h>

typedef struct smooth {
    lud_host_ctx *ctx;
    float smoothing;
} smooth;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    double e = 0.1;
    const lud_cfg *node = host->cfg->find(cfg, "config.label_smoothing");
    const lud_status status = host->cfg->get(node, LUD_CFG_FLOAT, &e);
    if (status == LUD_E_INVALID || !(e >= 0.0 && e < 1.0))
        return lud_fail(err, LUD_E_INVALID, "decoder.label_smoothing: want a number with 0 <= label_smoothing < 1");
    smooth *m = host->alloc(ctx, sizeof *m, _Alignof(smooth));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "causal_lm_smooth: out of memory");
    m->ctx = ctx;
    m->smoothing = (float)e;
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    smooth *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status build(void *self, lud_graph *g, const lud_decoder_in *in, lud_decoder_out *out, lud_error *err) {
    const smooth *m = self;
    if (!in->vocab)
        return lud_fail(err, LUD_E_INVALID,
                        "causal_lm_smooth: the encoder names no output projection: it is not a causal language model");
    lud_xent xent = {.struct_size = sizeof xent, .logit_scale = 1.0f};
    if (in->xent) xent.logit_scale = in->xent->logit_scale, xent.softcap = in->xent->softcap;
    xent.smoothing = m->smoothing;
    lud_decoder_out made = {.struct_size = sizeof made};
    made.pred = graph->linear(g, in->vocab, in->hidden);
    if (xent.logit_scale != 0.0f) made.pred = lud_scale(graph, g, made.pred, xent.logit_scale, 0.0f);
    if (xent.softcap != 0.0f) {
        made.pred = lud_act(graph, g, lud_scale(graph, g, made.pred, 1.0f / xent.softcap, 0.0f), LUD_ACT_TANH);
        made.pred = lud_scale(graph, g, made.pred, xent.softcap, 0.0f);
    }
    if (in->target) {
        made.row_loss = graph->linear_xent(g, in->vocab, in->hidden, in->target, &xent);
        made.argmax = made.row_loss ? made.row_loss + 1 : 0;
        made.row_weight = in->weight;
    }
    const lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "causal_lm_smooth: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const char *const metrics[] = {"loss", "token_accuracy", NULL};
static const lud_decoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build, .metrics = metrics};
static const char *const feature_types[] = {"text", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_DECODER,
    .id = "org.example.causal_lm_smooth",
    .config_name = "causal_lm_smooth",
    .summary = "next-token head with label smoothing",
    .config_schema = "{\"properties\": {\"label_smoothing\": {\"type\": \"number\", \"default\": 0.1, \"minimum\": 0, "
                     "\"maximum\": 1}}}",
    .vtable = &vtable,
    .feature_types = feature_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "causal_lm_smooth",
    .version = "1.0.0",
    .vendor = "Example",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
