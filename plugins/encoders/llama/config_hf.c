/* SPDX-License-Identifier: Apache-2.0
 * config.json into the numbers of a model, in both spellings: transformers 5 (rope_parameters, possibly nested by layer
 * type) and transformers 4 (rope_theta, rope_scaling). Absent and null differ: only an absent key takes the default. */
#include "llama.h"

#define INT_FIELD(key, dflt) lud_int_of(llama_host->cfg, m->model, key, dflt)

/* A number that may be null: absent -> dflt, null -> 0. */
static double nullable(const llama *m, const char *key, double dflt) {
    const lud_cfg *node = lud_member(llama_host->cfg, m->model, key);
    if (llama_host->cfg->type(node) == LUD_CFG_NULL) return 0.0;
    (void)llama_host->cfg->get(node, LUD_CFG_FLOAT, &dflt);
    return dflt;
}

lud_status llama_read_act(llama *m, lud_str word, lud_error *err) {
    static const struct {
        const char *word;
        int32_t act;
    } acts[] = {
        {"silu", LUD_ACT_SILU},          {"swish", LUD_ACT_SILU},
        {"gelu", LUD_ACT_GELU_ERF},      {"gelu_pytorch_tanh", LUD_ACT_GELU_TANH},
        {"gelu_new", LUD_ACT_GELU_TANH}, {"quick_gelu", LUD_ACT_QUICK_GELU},
        {"relu", LUD_ACT_RELU},          {"relu2", LUD_ACT_RELU2},
        {"tanh", LUD_ACT_TANH},          {"sigmoid", LUD_ACT_SIGMOID},
    };
    if (word.len == 0) word = lud_text(m->arch->act);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (!lud_str_is(word, acts[i].word)) continue;
        m->act = acts[i].act;
        if (m->act == LUD_ACT_GELU_ERF && (m->arch->flags & ARCH_GELU_IS_TANH)) m->act = LUD_ACT_GELU_TANH;
        return LUD_OK;
    }
    return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: %s '%.*s' is not known to encoder 'llama'", m->arch->act_key,
                    (int)word.len, word.ptr);
}

/* ---- Rope -------------------------------------------------------------------------------------------------- */
static void read_rope_node(const lud_cfg *node, rope_params *p) {
    const lud_cfg_api *c = llama_host->cfg;
    lud_str type = lud_str_of(c, node, "rope_type");
    if (type.len == 0) type = lud_str_of(c, node, "type");
    if (type.len) p->type = type;
    p->theta = lud_float_of(c, node, "rope_theta", p->theta);
    p->partial = lud_float_of(c, node, "partial_rotary_factor", p->partial);
    p->factor = lud_float_of(c, node, "factor", p->factor);
    p->original_max = lud_float_of(c, node, "original_max_position_embeddings", p->original_max);
    p->low_freq = lud_float_of(c, node, "low_freq_factor", p->low_freq);
    p->high_freq = lud_float_of(c, node, "high_freq_factor", p->high_freq);
    p->beta_fast = lud_float_of(c, node, "beta_fast", p->beta_fast);
    p->beta_slow = lud_float_of(c, node, "beta_slow", p->beta_slow);
    p->attention_factor = lud_float_of(c, node, "attention_factor", p->attention_factor);
    p->mscale = lud_float_of(c, node, "mscale", p->mscale);
    p->mscale_all_dim = lud_float_of(c, node, "mscale_all_dim", p->mscale_all_dim);
    p->truncate = lud_bool_of(c, node, "truncate", p->truncate);
    p->short_factor = lud_member(c, node, "short_factor");
    p->long_factor = lud_member(c, node, "long_factor");
}

/* What holds where a config says nothing: the keys beside rope_parameters (old spelling), then the row's defaults. */
static rope_params rope_defaults(const llama *m) {
    const lud_cfg_api *c = llama_host->cfg;
    rope_params p = {.type = {"default", 7}, .truncate = 1};
    p.theta = lud_float_of(c, m->model, "rope_theta", m->arch->rope_theta);
    p.partial = lud_float_of(c, m->model, "partial_rotary_factor", 1.0);
    return p;
}

static lud_status finish_rope(const llama *m, rope_params *p, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    int yarn = lud_str_is(p->type, "yarn"), su = lud_str_is(p->type, "su");
    if ((m->arch->flags & ARCH_YARN_IS_LONGROPE) && (yarn || su)) p->type = lud_text("longrope");
    /* Phi3 keeps the length of pretraining beside the rope parameters; there it has priority. */
    p->original_max = lud_float_of(c, m->model, "original_max_position_embeddings", p->original_max);
    if (p->original_max == 0.0) p->original_max = (double)m->max_positions;
    if (p->theta > 0.0 && p->partial > 0.0 && p->partial <= 1.0 && p->original_max > 0.0) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID,
                    "config.json: rope parameters out of range: rope_theta %g, partial_rotary_factor %g, "
                    "original_max_position_embeddings %g",
                    p->theta, p->partial, p->original_max);
}

static lud_status read_rope(llama *m, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    const lud_cfg *node = lud_member(c, m->model, "rope_parameters");
    const lud_cfg *scaling = lud_member(c, m->model, "rope_scaling"); /* transformers 4; wins where both are set */
    const lud_cfg *full = lud_member(c, node, "full_attention"), *sliding = lud_member(c, node, "sliding_attention");
    rope_params *f = &m->rope_params[ROPE_FULL], *s = &m->rope_params[ROPE_SLIDING];
    int nested = lud_is_set(c, full) || lud_is_set(c, sliding);
    *f = *s = rope_defaults(m);
    if (m->arch->flags & ARCH_ROPE_BY_TYPE) s->theta = lud_float_of(c, m->model, "rope_local_base_freq", 1e4);
    read_rope_node(nested ? full : node, f);
    if (nested) read_rope_node(sliding, s);
    if (lud_is_set(c, scaling)) read_rope_node(scaling, f);
    if (!nested && !(m->arch->flags & ARCH_ROPE_BY_TYPE)) *s = *f;
    lud_status status = finish_rope(m, f, err);
    return status == LUD_OK ? finish_rope(m, s, err) : status;
}

/* ---- Layers ------------------------------------------------------------------------------------------------- */
static int slides(const llama *m, int64_t i) {
    const lud_cfg_api *c = llama_host->cfg;
    uint32_t f = m->arch->flags;
    if (f & ARCH_WINDOW_ALL) return 1;
    if (f & ARCH_WINDOW_LATE) return i >= INT_FIELD("max_window_layers", 28);
    if (f & ARCH_WINDOW_NOROPE) {
        return lud_bool_of(c, m->model, "use_sliding_window", 0) && (m->layer_flags[i] & LAYER_NO_ROPE);
    }
    if (!(f & ARCH_WINDOW_PERIOD)) return 0;
    int64_t period = INT_FIELD("sliding_window_pattern", INT_FIELD("_sliding_window_pattern", m->arch->window_period));
    return period > 0 && (i + 1) % period != 0;
}

static lud_status read_layer_types(llama *m, const lud_cfg *types, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    for (int64_t i = 0; i < m->layers; i++) {
        lud_str word = {"", 0};
        (void)c->get(c->at(types, (size_t)i), LUD_CFG_STR, &word);
        if (lud_str_is(word, "sliding_attention"))
            m->layer_flags[i] |= LAYER_SLIDING;
        else if (!lud_str_is(word, "full_attention")) {
            return lud_fail(err, LUD_E_UNSUPPORTED,
                            "config.json: layer_types[%lld] is '%.*s', want full_attention or sliding_attention",
                            (long long)i, (int)word.len, word.ptr);
        }
    }
    return LUD_OK;
}

static void read_no_rope(llama *m) {
    const lud_cfg_api *c = llama_host->cfg;
    const lud_cfg *list = lud_member(c, m->model, "no_rope_layers");
    int64_t interval = INT_FIELD("no_rope_layer_interval", 4);
    for (int64_t i = 0; i < m->layers; i++) {
        int64_t uses = interval <= 0 || (i + 1) % interval != 0;
        if (lud_is_set(c, list)) (void)c->get(c->at(list, (size_t)i), LUD_CFG_INT, &uses);
        if (!uses) m->layer_flags[i] |= LAYER_NO_ROPE;
    }
}

static lud_status read_layers(llama *m, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    uint32_t f = m->arch->flags;
    const lud_cfg *types = lud_member(c, m->model, "layer_types");
    m->window = (int64_t)nullable(m, "sliding_window", (double)m->arch->sliding_window);
    if ((f & ARCH_WINDOW_LATE) && !lud_bool_of(c, m->model, "use_sliding_window", 0)) m->window = 0;
    if (f & ARCH_NO_ROPE_LAYERS) read_no_rope(m);
    if (lud_is_set(c, types) && !(f & ARCH_WINDOW_ALL)) {
        lud_status status = read_layer_types(m, types, err);
        if (status != LUD_OK) return status;
    } else {
        for (int64_t i = 0; i < m->layers; i++) {
            if (m->window > 0 && slides(m, i)) m->layer_flags[i] |= LAYER_SLIDING;
        }
    }
    for (int64_t i = 0; i < m->layers; i++) {
        if (m->window > 0 || !(m->layer_flags[i] & LAYER_SLIDING)) continue;
        return lud_fail(err, LUD_E_INVALID, "config.json: layer %lld slides, but sliding_window is not set",
                        (long long)i);
    }
    return LUD_OK;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */
static void read_sizes(llama *m) {
    const arch *a = m->arch;
    m->width = INT_FIELD("hidden_size", 0);
    m->layers = INT_FIELD("num_hidden_layers", 0);
    m->heads = INT_FIELD("num_attention_heads", 0);
    m->kv_heads = (int64_t)nullable(m, "num_key_value_heads", (double)a->kv_heads);
    if (m->kv_heads == 0) m->kv_heads = m->heads;
    m->head_dim = (int64_t)nullable(m, "head_dim", (double)a->head_dim);
    if (m->head_dim == 0 && m->heads > 0) m->head_dim = m->width / m->heads;
    m->ffn = INT_FIELD("intermediate_size", 0);
    m->vocab = INT_FIELD("vocab_size", 0);
    m->max_positions = INT_FIELD("max_position_embeddings", a->max_positions);
    m->eps = (float)lud_float_of(llama_host->cfg, m->model, "rms_norm_eps", a->rms_norm_eps);
}

static void read_switches(llama *m) {
    const lud_cfg_api *c = llama_host->cfg;
    const arch *a = m->arch;
    int attention_bias = (a->flags & ARCH_BIAS_KEYS) && lud_bool_of(c, m->model, "attention_bias", 0);
    m->qkv_bias = (a->flags & ARCH_QKV_BIAS) || attention_bias;
    m->o_bias = attention_bias;
    m->mlp_bias = (a->flags & ARCH_BIAS_KEYS) && lud_bool_of(c, m->model, "mlp_bias", 0);
    m->tie = lud_bool_of(c, m->model, "tie_word_embeddings", a->tie);
    m->query_scalar = (double)m->head_dim;
    if (a->flags & ARCH_QUERY_SCALAR) {
        m->query_scalar = lud_float_of(c, m->model, "query_pre_attn_scalar", a->query_scalar);
    }
    if (a->flags & ARCH_ATTN_SOFTCAP) m->attn_softcap = (float)nullable(m, "attn_logit_softcapping", a->attn_softcap);
    if (a->flags & ARCH_FINAL_SOFTCAP) {
        m->final_softcap = (float)nullable(m, "final_logit_softcapping", a->final_softcap);
    }
}

lud_status llama_read_hf(llama *m, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    if (lud_bool_of(c, m->model, "use_bidirectional_attention", 0)) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: use_bidirectional_attention is not available");
    }
    read_sizes(m);
    read_switches(m);
    lud_status status = llama_check(m, err);
    if (status == LUD_OK) status = llama_read_act(m, lud_str_of(c, m->model, m->arch->act_key), err);
    if (status == LUD_OK) status = llama_new_layer_flags(m, err);
    if (status == LUD_OK) status = read_layers(m, err);
    return status == LUD_OK ? read_rope(m, err) : status;
}
