/* SPDX-License-Identifier: Apache-2.0
 * scratch: how its encoders are opened and closed, what they tell of themselves, and the plugin's descriptor. */
#include "scratch.h"

const lud_host *scratch_host;
const lud_graph_api *scratch_graph;

static lud_status read_config(scratch *m, const lud_cfg *cfg, void (*read)(scratch *, lud_section *), lud_error *err) {
    const lud_cfg_api *c = scratch_host->cfg;
    lud_section metadata = lud_section_of(c, c->find(cfg, "metadata"), "metadata", err);
    lud_section config = lud_section_of(c, c->find(cfg, "config"), "encoder", err);
    m->vocab_size = lud_section_int(&metadata, "vocab_size", 0, 0, INT32_MAX);
    m->max_length = lud_section_int(&metadata, "max_sequence_length", 256, 1, 1 << 20);
    if (metadata.status != LUD_OK) return metadata.status;
    m->max_length = lud_section_int(&config, "max_sequence_length", m->max_length, 1, 1 << 20);
    read(m, &config);
    return config.status;
}

lud_status scratch_open(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, void (*read)(scratch *, lud_section *),
                        lud_error *err) {
    scratch *m = scratch_host->alloc(ctx, sizeof *m, _Alignof(scratch));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "scratch: out of memory");
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    lud_status status = read_config(m, cfg, read, err);
    if (status != LUD_OK) {
        scratch_host->free(ctx, m);
        return status;
    }
    *self = m;
    return LUD_OK;
}

void scratch_close(void *self) {
    scratch *m = self;
    if (m) scratch_host->free(m->ctx, m);
}

lud_status scratch_facts(const scratch *m, int64_t width, lud_cfg_out *out, lud_error *err) {
    const lud_cfg_api *c = scratch_host->cfg;
    if (m->fc.n) width = m->fc.layer[m->fc.n - 1].output_size;
    lud_status status = c->set_int(out, "width", width);
    if (status == LUD_OK) status = c->set_int(out, "layers", m->layers);
    if (status == LUD_OK) status = c->set_int(out, "vocab_size", m->vocab_size);
    if (status == LUD_OK) status = c->set_int(out, "max_positions", m->max_length);
    if (status == LUD_OK) status = c->set_bool(out, "causal", 0);
    if (status == LUD_OK) status = c->set_str(out, "tokenizer", lud_text("vocabulary"));
    return status == LUD_OK ? status : lud_fail(err, status, "scratch: out of memory");
}

lud_status scratch_finish(const scratch *m, lud_graph *g, lud_t x, int pooled, lud_encoder_out *out, lud_error *err) {
    if (pooled) x = lud_build_fc(scratch_graph, g, &m->fc, "fc_stack", x);
    lud_status status = lud_status_of(scratch_graph, g, err);
    if (status != LUD_OK) return status;
    if (pooled) {
        out->rows = x;
    } else {
        out->tokens = x;
    }
    return LUD_OK;
}

static lud_status init(const lud_host *h, lud_error *err) {
    scratch_graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!scratch_graph) return lud_fail(err, LUD_E_ABI, "scratch: the host has no service %s", LUD_SERVICE_GRAPH);
    scratch_host = h;
    return LUD_OK;
}

static const lud_component *const components[] = {&scratch_embed_component, &scratch_cnn_component,
                                                  &scratch_transformer_component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "scratch",
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
