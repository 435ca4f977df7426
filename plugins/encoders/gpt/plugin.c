/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing of a model instance, what it tells about itself, and the plugin's descriptor. After open an
 * instance never changes. */
#include "gpt.h"

const lud_host *gpt_host;
const lud_graph_api *gpt_graph;

static void close_instance(void *self) {
    gpt *m = self;
    if (m) gpt_host->free(m->ctx, m);
}

static lud_status read_all(gpt *m, lud_error *err) {
    const lud_cfg_api *c = gpt_host->cfg;
    lud_str word = lud_str_of(c, m->model, "model_type");
    if (c->type(m->model) != LUD_CFG_OBJECT) {
        return lud_fail(err, LUD_E_UNSUPPORTED,
                        "encoder 'gpt' reads Hugging Face folders (config.json), not GGUF files");
    }
    m->arch = arch_of(word);
    if (m->arch) return gpt_read_config(m, err);
    return lud_fail(err, LUD_E_UNSUPPORTED, "encoder 'gpt' does not know the model_type '%.*s'", (int)word.len,
                    word.ptr);
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    const lud_cfg_api *c = gpt_host->cfg;
    gpt *m = gpt_host->alloc(ctx, sizeof *m, _Alignof(gpt));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "gpt: out of memory");
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    m->model = c->find(cfg, "model");
    m->tensors = c->find(cfg, "tensors");
    lud_status status = read_all(m, err);
    if (status == LUD_OK)
        *self = m;
    else
        close_instance(m);
    return status;
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    const gpt *m = self;
    const lud_cfg_api *c = gpt_host->cfg;
    int failed = c->set_int(out, "width", m->embed) != LUD_OK;
    failed |= c->set_int(out, "layers", m->layers) != LUD_OK;
    failed |= c->set_int(out, "vocab_size", m->vocab) != LUD_OK;
    failed |= c->set_int(out, "max_positions", m->max_positions) != LUD_OK;
    failed |= c->set_bool(out, "causal", 1) != LUD_OK;
    failed |= c->set_str(out, "tokenizer", lud_text("model")) != LUD_OK;
    return failed ? lud_fail(err, LUD_E_NOMEM, "gpt: out of memory") : LUD_OK;
}

static lud_status hf_config(void *self, lud_cfg_out *out, lud_error *err) {
    const gpt *m = self;
    return lud_hf_copy_config(gpt_host->cfg, m->model, out, err);
}

static lud_status init(const lud_host *h, lud_error *err) {
    gpt_graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!gpt_graph) return lud_fail(err, LUD_E_ABI, "gpt: the host has no service %s", LUD_SERVICE_GRAPH);
    gpt_host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_encoder_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .info = info,
    .build = gpt_build,
    .sources = gpt_sources,
    .adapter_targets = gpt_targets,
    .hf_config = hf_config,
};
static const char *const feature_types[] = {"text", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.gpt",
    .config_name = "gpt",
    .config_schema = "{\"properties\": {}}", /* no keys of its own */
    .summary = "decoder-only models: GPT-2, GPT-NeoX and Pythia, OPT, BLOOM, Phi 1 to 2",
    .vtable = &vtable,
    .feature_types = feature_types,
    .model_types = arch_words,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "gpt",
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
