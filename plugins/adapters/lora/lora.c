/* SPDX-License-Identifier: Apache-2.0
 * lora: y = W x + b + B(s A(dropout(x))), s = alpha / r or alpha / sqrt(r) with rsLoRA (arXiv 2106.09685, 2312.03732).
 * A and B belong to the site and are named after it. Which sites, r and alpha: core's answer in site->cfg. */
#include "lora.h"

#include <math.h>

const lud_host *lora_host;
static const lud_graph_api *graph;

static lud_status read_bias(const lud_cfg_api *c, const lud_cfg *cfg, int *bias, lud_error *err) {
    static const char *const words[] = {"none", "all", "lora_only"};
    lud_str word = lud_str_of(c, cfg, "bias_type");
    *bias = LORA_BIAS_NONE;
    if (word.len == 0) return LUD_OK;
    for (int i = 0; i < 3; i++) {
        *bias = i;
        if (lud_str_is(word, words[i])) return LUD_OK;
    }
    return lud_fail(err, LUD_E_INVALID, "adapter.bias_type: got '%.*s', want none, all or lora_only", (int)word.len,
                    word.ptr);
}

static lud_status read_init(const lud_cfg_api *c, const lud_cfg *cfg, int *gaussian, lud_error *err) {
    lud_str word = lud_str_of(c, cfg, "init_lora_weights");
    *gaussian = lud_str_is(word, "gaussian");
    if (*gaussian || word.len == 0 || lud_str_is(word, "default")) return LUD_OK;
    return lud_fail(err, LUD_E_UNSUPPORTED,
                    "adapter.init_lora_weights: '%.*s' is not available yet; use default or "
                    "gaussian",
                    (int)word.len, word.ptr);
}

static lud_status read_section(lora *m, const lud_cfg *cfg, lud_error *err) {
    const lud_cfg_api *c = lora_host->cfg;
    m->r = lud_int_of(c, cfg, "r", 8);
    m->alpha = lud_float_of(c, cfg, "alpha", 2.0 * (double)m->r);
    m->dropout = (float)lud_float_of(c, cfg, "dropout", 0.05);
    m->b_lr_scale = (float)lud_float_of(c, cfg, "loraplus_lr_ratio", 1.0);
    m->rslora = lud_bool_of(c, cfg, "use_rslora", 0);
    if (m->r < 1) return lud_fail(err, LUD_E_INVALID, "adapter.r: got %lld, want at least 1", (long long)m->r);
    if (!(m->dropout >= 0.0f && m->dropout < 1.0f)) {
        return lud_fail(err, LUD_E_INVALID, "adapter.dropout: got %g, want 0 <= dropout < 1", (double)m->dropout);
    }
    if (lud_bool_of(c, cfg, "use_dora", 0)) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "adapter.use_dora: not available yet; set it to false");
    }
    lud_status status = read_bias(c, cfg, &m->bias, err);
    return status != LUD_OK ? status : read_init(c, cfg, &m->gaussian, err);
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    lora *m = lora_host->alloc(ctx, sizeof *m, _Alignof(lora));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "lora: out of memory");
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    lud_status status = read_section(m, lora_host->cfg->find(cfg, "config"), err);
    if (status != LUD_OK) {
        lora_host->free(ctx, m);
        return status;
    }
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    lora *m = self;
    if (m) lora_host->free(m->ctx, m);
}

static int64_t site_rank(const lora *m, const lud_site *site) {
    return lud_int_of(lora_host->cfg, site->cfg, "r", m->r);
}

static float site_scale(const lora *m, const lud_site *site) {
    double r = (double)site_rank(m, site);
    double alpha = lud_float_of(lora_host->cfg, site->cfg, "alpha", m->alpha);
    return (float)(alpha / (m->rslora ? sqrt(r) : r));
}

static lud_t site_param(lud_graph *g, const lud_site *site, const char *suffix, lud_shape shape,
                        const lud_param_spec *spec) {
    char name[320];
    int n = snprintf(name, sizeof name, "%s.%s", site->name, suffix);
    if (n < 0 || (size_t)n >= sizeof name) {
        graph->fail(g, LUD_E_INVALID, "lora: a site's name is too long");
        return 0;
    }
    return graph->param(g, name, &shape, spec);
}

/* A as torch's nn.Linear starts, B zero: the adapter begins as nothing. */
static lud_t apply(void *self, lud_graph *g, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t),
                   void *next_arg) {
    lora *m = self;
    int64_t r = site_rank(m, site);
    if (site->kind == LUD_SITE_EMBEDDING || site->groups != 1 || r < 1) {
        graph->fail(g, LUD_E_UNSUPPORTED,
                    "lora: only linear maps can be wrapped; take the embedding table out of adapter.target_modules");
        return 0;
    }
    lud_param_spec a_spec = {.struct_size = sizeof a_spec,
                             .init = m->gaussian ? LUD_INIT_NORMAL : LUD_INIT_KAIMING_UNIFORM,
                             .a = m->gaussian ? 0.0f : sqrtf(5.0f),
                             .b = m->gaussian ? 1.0f / (float)r : 0.0f};
    lud_param_spec b_spec = {.struct_size = sizeof b_spec, .init = LUD_INIT_CONSTANT, .lr_scale = m->b_lr_scale};
    lud_t a = site_param(g, site, "lora_A.weight", lud_dims2(r, site->d_in), &a_spec);
    lud_t b = site_param(g, site, "lora_B.weight", lud_dims2(site->d_out, r), &b_spec);
    lud_t y = next(next_arg, x); /* first: so the last product can add to it in place */
    lud_t low = lud_linear_raw(graph, g, graph->dropout(g, x, m->dropout), a, 0);
    low = lud_scale(graph, g, low, site_scale(m, site), 0.0f); /* here it has r columns */
    return lud_add(graph, g, y, lud_linear_raw(graph, g, low, b, 0));
}

static int ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static int32_t trains(void *self, const char *base_param, int32_t site_matched) {
    const lora *m = self;
    if (m->bias == LORA_BIAS_NONE || !ends_with(base_param, ".bias")) return 0;
    return m->bias == LORA_BIAS_ALL || site_matched;
}

/* A wrapped module keeps its own bias under base_layer (PEFT's state dict). */
static lud_status file_key(void *self, const char *param, int32_t site_matched, char *key, size_t cap, lud_error *err) {
    (void)self;
    size_t len = strlen(param);
    int own = strstr(param, ".lora_") != NULL;
    int n;
    if (!own && site_matched && ends_with(param, ".bias")) {
        n = snprintf(key, cap, "base_model.model.%.*s.base_layer.bias", (int)(len - strlen(".bias")), param);
    } else {
        n = snprintf(key, cap, "base_model.model.%s", param);
    }
    if (n < 0 || (size_t)n >= cap) return lud_fail(err, LUD_E_INVALID, "lora: the name '%.80s...' is too long", param);
    return LUD_OK;
}

/* Borrowed values of "<site>.<suffix>", which must have n elements. */
static const float *site_values(lud_weights *w, const lud_weights_api *api, const lud_site *site, const char *suffix,
                                int64_t n, lud_error *err) {
    char name[320];
    int64_t got = 0;
    (void)snprintf(name, sizeof name, "%s.%s", site->name, suffix);
    const float *p = api->get(w, name, &got);
    if (p && got == n) return p;
    lud_fail(err, LUD_E_INTERNAL, "lora: %s has %lld values, want %lld", name, (long long)got, (long long)n);
    return NULL;
}

/* W += s B A, row by row in fp32. */
static void add_product(float *w, const float *b, const float *a, int64_t out, int64_t in, int64_t r, float scale) {
    for (int64_t o = 0; o < out; o++) {
        for (int64_t k = 0; k < r; k++) {
            float f = scale * b[o * r + k];
            for (int64_t i = 0; i < in; i++)
                w[o * in + i] += f * a[k * in + i];
        }
    }
}

static lud_status merge(void *self, const lud_site *site, lud_weights *weights, float *w, float *b, lud_error *err) {
    (void)b;
    lora *m = self;
    const lud_weights_api *api = lora_host->get_service(lora_host->ctx, LUD_SERVICE_WEIGHTS);
    int64_t r = site_rank(m, site);
    size_t a_bytes = (size_t)(r * site->d_in) * sizeof(float);
    if (!api) return lud_fail(err, LUD_E_ABI, "lora: the host has no service %s", LUD_SERVICE_WEIGHTS);
    float *copy = lora_host->alloc(m->ctx, a_bytes, 64); /* get() lends until the next call only */
    if (!copy) return lud_fail(err, LUD_E_NOMEM, "lora: out of memory merging %s", site->name);
    const float *a_values = site_values(weights, api, site, "lora_A.weight", r * site->d_in, err);
    if (a_values) memcpy(copy, a_values, a_bytes);
    const float *b_values = a_values ? site_values(weights, api, site, "lora_B.weight", site->d_out * r, err) : NULL;
    if (b_values) add_product(w, b_values, copy, site->d_out, site->d_in, r, site_scale(m, site));
    lora_host->free(m->ctx, copy);
    return b_values ? LUD_OK : LUD_E_INTERNAL;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "lora: the host has no service %s", LUD_SERVICE_GRAPH);
    lora_host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_adapter_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .apply = apply,
    .trains = trains,
    .file_key = file_key,
    .config = lora_config,
    .merge = merge,
    .peft_type = "LORA",
};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ADAPTER,
    .id = "org.ludwig.lora",
    .config_name = "lora",
    .summary = "low-rank adaptation of linear maps (LoRA, rsLoRA, LoRA+)",
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "lora",
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
