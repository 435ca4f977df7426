/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing of a model instance, checks that every later step relies on, and the plugin's descriptor. After
 * open an instance never changes. */
#include "llama.h"

const lud_host *llama_host;
const lud_graph_api *llama_graph;

static lud_status in_range(const char *what, int64_t got, int64_t max, lud_error *err) {
    if (got >= 1 && got <= max) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "model metadata: %s is %lld, want 1 to %lld", what, (long long)got,
                    (long long)max);
}

/* The bounds keep every later product of sizes far from overflow. */
lud_status llama_check(llama *m, lud_error *err) {
    const struct {
        const char *what;
        int64_t got, max;
    } rules[] = {
        {"the hidden size", m->width, 1 << 20},     {"the number of layers", m->layers, 1 << 12},
        {"the number of heads", m->heads, 1 << 12}, {"the number of key/value heads", m->kv_heads, 1 << 12},
        {"the head size", m->head_dim, 1 << 14},    {"the feed-forward size", m->ffn, 1 << 22},
        {"the vocabulary size", m->vocab, 1 << 26}, {"the context length", m->max_positions, 1 << 30},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        lud_status status = in_range(rules[i].what, rules[i].got, rules[i].max, err);
        if (status != LUD_OK) return status;
    }
    if (m->heads % m->kv_heads != 0) {
        return lud_fail(err, LUD_E_INVALID, "model metadata: %lld heads cannot share %lld key/value heads",
                        (long long)m->heads, (long long)m->kv_heads);
    }
    if (!(m->eps > 0.0f && m->eps < 1.0f)) {
        return lud_fail(err, LUD_E_INVALID, "model metadata: rms_norm_eps is %g", (double)m->eps);
    }
    return LUD_OK;
}

lud_status llama_new_layer_flags(llama *m, lud_error *err) {
    m->layer_flags = llama_host->alloc(m->ctx, (size_t)m->layers, 16);
    if (!m->layer_flags) return lud_fail(err, LUD_E_NOMEM, "llama: out of memory");
    memset(m->layer_flags, 0, (size_t)m->layers);
    return LUD_OK;
}

static void close_instance(void *self) {
    llama *m = self;
    if (!m) return;
    llama_host->free(m->ctx, m->rope[0].inv_freq);
    llama_host->free(m->ctx, m->rope[1].inv_freq);
    llama_host->free(m->ctx, m->layer_flags);
    llama_host->free(m->ctx, m);
}

static lud_status read_all(llama *m, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    int is_hf = c->type(m->model) == LUD_CFG_OBJECT;
    lud_str word = is_hf ? lud_str_of(c, m->model, "model_type") : lud_str_of(c, m->gguf, "general.architecture");
    m->arch = is_hf ? arch_of_model_type(word) : arch_of_gguf(word);
    if (!m->arch) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "encoder 'llama' does not know the %s '%.*s'",
                        is_hf ? "model_type" : "GGUF architecture", (int)word.len, word.ptr);
    }
    lud_status status = is_hf ? llama_read_hf(m, err) : llama_read_gguf(m, err);
    if (status == LUD_OK && !(m->query_scalar > 0.0)) {
        status = lud_fail(err, LUD_E_INVALID, "model metadata: query_pre_attn_scalar is %g", m->query_scalar);
    }
    if (status == LUD_OK && (m->window < 0 || m->window > INT32_MAX)) {
        status = lud_fail(err, LUD_E_INVALID, "model metadata: sliding_window is %lld", (long long)m->window);
    }
    for (int i = 0; status == LUD_OK && i < 2; i++) {
        status = llama_make_rope(m, &m->rope_params[i], &m->rope[i], err);
    }
    return status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    llama *m = llama_host->alloc(ctx, sizeof *m, _Alignof(llama));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "llama: out of memory");
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    m->model = c->find(cfg, "model");
    m->gguf = c->find(cfg, "gguf");
    m->tensors = c->find(cfg, "tensors");
    (void)c->get(c->find(cfg, "config.preprocessing.global_max_sequence_length"), LUD_CFG_INT, &m->row_limit);
    lud_status status = read_all(m, err);
    if (status == LUD_OK)
        *self = m;
    else
        close_instance(m);
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    llama_graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!llama_graph) return lud_fail(err, LUD_E_ABI, "llama: the host has no service %s", LUD_SERVICE_GRAPH);
    llama_host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_encoder_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .info = llama_info,
    .build = llama_build,
    .sources = llama_sources,
    .adapter_targets = llama_targets,
    .hf_config = llama_hf_config,
    .gguf_config = llama_gguf_config,
};
static const char *const feature_types[] = {"text", NULL};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.llama",
    .config_name = "llama",
    .config_schema = "{\"properties\": {}}", /* no keys of its own */
    .summary = "decoder-only models: Llama, Mistral, Qwen2, Qwen3, Gemma 1 to 3, Phi-3, SmolLM 1 to 3",
    .vtable = &vtable,
    .feature_types = feature_types,
    .model_types = arch_words,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "llama",
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
