/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing of a model instance, what it tells about itself, and the plugin's descriptor. After open an
 * instance never changes. */
#include "bert.h"

const lud_host *bert_host;
const lud_graph_api *bert_graph;

static void close_instance(void *self) {
    bert *m = self;
    if (m) bert_host->free(m->ctx, m);
}

static lud_status read_all(bert *m, lud_error *err) {
    const lud_cfg_api *c = bert_host->cfg;
    lud_str word = lud_str_of(c, m->model, "model_type");
    if (c->type(m->model) != LUD_CFG_OBJECT) {
        return lud_fail(err, LUD_E_UNSUPPORTED,
                        "encoder 'bert' reads Hugging Face folders (config.json), not GGUF files");
    }
    m->arch = arch_of(word);
    if (m->arch) return bert_read_config(m, err);
    return lud_fail(err, LUD_E_UNSUPPORTED, "encoder 'bert' does not know the model_type '%.*s'", (int)word.len,
                    word.ptr);
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    const lud_cfg_api *c = bert_host->cfg;
    bert *m = bert_host->alloc(ctx, sizeof *m, _Alignof(bert));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "bert: out of memory");
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
    const bert *m = self;
    const lud_cfg_api *c = bert_host->cfg;
    int failed = c->set_int(out, "width", m->width) != LUD_OK;
    failed |= c->set_int(out, "layers", m->layers) != LUD_OK;
    failed |= c->set_int(out, "vocab_size", m->vocab) != LUD_OK;
    failed |= c->set_int(out, "max_positions", m->positions - m->first_position) != LUD_OK;
    failed |= c->set_bool(out, "causal", 0) != LUD_OK;
    failed |= c->set_str(out, "tokenizer", lud_text("model")) != LUD_OK;
    return failed ? lud_fail(err, LUD_E_NOMEM, "bert: out of memory") : LUD_OK;
}

static lud_status hf_config(void *self, lud_cfg_out *out, lud_error *err) {
    const bert *m = self;
    return lud_hf_copy_config(bert_host->cfg, m->model, out, err);
}

static lud_status init(const lud_host *h, lud_error *err) {
    bert_graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!bert_graph) return lud_fail(err, LUD_E_ABI, "bert: the host has no service %s", LUD_SERVICE_GRAPH);
    bert_host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_encoder_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .info = info,
    .build = bert_build,
    .sources = bert_sources,
    .adapter_targets = bert_targets,
    .hf_config = hf_config,
};
static const char *const feature_types[] = {"text", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.bert",
    .config_name = "bert",
    /* Ludwig's defaults for the encoders of these names; auto_transformer, llm and the others: sum. */
    .config_schema = "{\"properties\": {\"reduce_output\": {\"default\": \"sum\", \"default_by_type\": {\"bert\": "
                     "\"cls_pooled\", \"roberta\": \"cls_pooled\", \"xlmroberta\": \"cls_pooled\", \"albert\": "
                     "\"cls_pooled\", \"modernbert\": \"cls_pooled\"}}}}",
    .summary = "bidirectional encoders: BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, ALBERT, DistilBERT, ModernBERT",
    .vtable = &vtable,
    .feature_types = feature_types,
    .model_types = arch_words,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "bert",
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
