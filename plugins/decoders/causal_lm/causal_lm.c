/* SPDX-License-Identifier: Apache-2.0
 * causal_lm: the head of a generative model. Predictions are logits over the vocabulary, the loss is the negative
 * log-likelihood of the target token. It owns no parameter: the encoder names the output projection. */
#include <ludwig/decoder.h>
#include <ludwig/easy.h>

typedef struct causal_lm {
    lud_host_ctx *ctx;
} causal_lm;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    (void)cfg;
    causal_lm *m = host->alloc(ctx, sizeof *m, _Alignof(causal_lm));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "causal_lm: out of memory");
    m->ctx = ctx;
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    causal_lm *m = self;
    if (m) host->free(m->ctx, m);
}

/* Logits as cross-entropy sees them: scaled, then soft-capped c * tanh(z / c). */
static lud_t logits_of(lud_graph *g, const lud_decoder_in *in) {
    lud_t z = graph->linear(g, in->vocab, in->hidden);
    const lud_xent *x = in->xent;
    if (!x) return z;
    if (x->logit_scale != 0.0f) z = lud_scale(graph, g, z, x->logit_scale, 0.0f);
    if (x->softcap == 0.0f) return z;
    z = lud_act(graph, g, lud_scale(graph, g, z, 1.0f / x->softcap, 0.0f), LUD_ACT_TANH);
    return lud_scale(graph, g, z, x->softcap, 0.0f);
}

static lud_status build(void *self, lud_graph *g, const lud_decoder_in *in, lud_decoder_out *out, lud_error *err) {
    (void)self;
    if (!in->vocab) {
        return lud_fail(err, LUD_E_INVALID,
                        "causal_lm: the encoder names no output projection: it is not a causal language model");
    }
    lud_decoder_out made = {.struct_size = sizeof made};
    made.pred = logits_of(g, in);
    if (in->target) {
        made.row_loss = graph->linear_xent(g, in->vocab, in->hidden, in->target, in->xent);
        made.argmax = made.row_loss ? made.row_loss + 1 : 0;
        made.row_weight = in->weight;
    }
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "causal_lm: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const char *const metrics[] = {"loss", "perplexity", "next_token_perplexity", "token_accuracy", NULL};
static const lud_decoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build, .metrics = metrics};
static const char *const feature_types[] = {"text", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_DECODER,
    .id = "org.ludwig.causal_lm",
    .config_name = "causal_lm",
    .summary = "next-token head of a generative language model",
    .vtable = &vtable,
    .feature_types = feature_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "causal_lm",
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
