/* SPDX-License-Identifier: Apache-2.0
 * bag: the smallest causal language model: each token is seen alone, h = E[t] + silu(M E[t] + b), and a projection
 * predicts the next one: a bigram model with a bottleneck. model_type "bag"; keys hidden_size, vocab_size,
 * max_position_embeddings. */
#include <ludwig/easy.h>
#include <ludwig/encoder.h>

typedef struct bag {
    lud_host_ctx *ctx;
    int64_t width, vocab, max_positions;
} bag;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status size_of(const lud_cfg *model, const char *key, int64_t max, int64_t *out, lud_error *err) {
    *out = lud_int_of(host->cfg, model, key, 0);
    if (*out >= 1 && *out <= max) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "config.json: %s is %lld, want 1 to %lld", key, (long long)*out,
                    (long long)max);
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    const lud_cfg *model = host->cfg->find(cfg, "model");
    bag *m = host->alloc(ctx, sizeof *m, _Alignof(bag));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "bag: out of memory");
    *m = (bag){.ctx = ctx};
    lud_status status = size_of(model, "hidden_size", 1 << 20, &m->width, err);
    if (status == LUD_OK) status = size_of(model, "vocab_size", 1 << 26, &m->vocab, err);
    if (status == LUD_OK) status = size_of(model, "max_position_embeddings", 1 << 30, &m->max_positions, err);
    if (status == LUD_OK)
        *self = m;
    else
        host->free(ctx, m);
    return status;
}

static void close_instance(void *self) {
    bag *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    const bag *m = self;
    const lud_cfg_api *c = host->cfg;
    const int failed = c->set_int(out, "width", m->width) || c->set_int(out, "layers", 1) ||
                       c->set_int(out, "vocab_size", m->vocab) || c->set_int(out, "max_positions", m->max_positions) ||
                       c->set_bool(out, "causal", 1) || c->set_str(out, "tokenizer", lud_text("model"));
    return failed ? lud_fail(err, LUD_E_NOMEM, "bag: out of memory") : LUD_OK;
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const bag *m = self;
    lud_site table = lud_make_site(graph, g, "model.embed_tokens", LUD_SITE_EMBEDDING, -1, m->width, m->vocab, 0);
    table.d_in = m->vocab; /* as a map from tokens the table goes the other way */
    table.d_out = m->width;
    const lud_t e = graph->mark(g, LUD_MARK_EMBEDDINGS, -1, graph->embedding(g, &table, in->ids));
    const lud_t mixed = lud_linear(graph, g, "model.layers.0.mix", 0, e, m->width, m->width, 1);
    lud_encoder_out made = {.struct_size = sizeof made, .has_vocab = 1};
    made.tokens = graph->mark(g, LUD_MARK_LAYER, 0, lud_add(graph, g, e, lud_act(graph, g, mixed, LUD_ACT_SILU)));
    made.vocab = lud_make_site(graph, g, "lm_head", LUD_SITE_VOCAB, -1, m->width, m->vocab, 0);
    made.xent = (lud_xent){.struct_size = sizeof(lud_xent), .logit_scale = 1.0f};
    const lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}

/* Files hold the parameters under their own names. */
static lud_status sources(void *self, const char *scheme, const char *param,
                          lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err) {
    (void)self;
    if (strcmp(scheme, "hf") != 0) return lud_fail(err, LUD_E_UNSUPPORTED, "bag: no files of the scheme '%s'", scheme);
    const lud_source step = {.struct_size = sizeof step, .op = LUD_SOURCE_COPY, .file_name = param};
    return sink(arg, &step);
}

static lud_status targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                          lud_error *err) {
    (void)self, (void)peft_type, (void)err;
    return sink(arg, "mix");
}

static lud_status hf_config(void *self, lud_cfg_out *out, lud_error *err) {
    const bag *m = self;
    const lud_cfg_api *c = host->cfg;
    const int failed = c->set_str(out, "model_type", lud_text("bag")) || c->set_int(out, "hidden_size", m->width) ||
                       c->set_int(out, "vocab_size", m->vocab) ||
                       c->set_int(out, "max_position_embeddings", m->max_positions);
    return failed ? lud_fail(err, LUD_E_NOMEM, "bag: out of memory") : LUD_OK;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "bag: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_encoder_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .info = info,
    .build = build,
    .sources = sources,
    .adapter_targets = targets,
    .hf_config = hf_config,
};
static const char *const feature_types[] = {"text", NULL};
static const char *const model_types[] = {"bag", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.example.bag",
    .config_name = "bag",
    .summary = "a bigram model with a bottleneck",
    .vtable = &vtable,
    .feature_types = feature_types,
    .model_types = model_types,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "bag",
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
