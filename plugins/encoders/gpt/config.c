/* SPDX-License-Identifier: Apache-2.0
 * config.json into the numbers of a model, as transformers 4 and 5 write it. What it asks for and the builder cannot do
 * exactly is refused, never approximated. */
#include "gpt.h"

#define INT_FIELD(key, dflt)  lud_hf_int(gpt_host->cfg, m->model, NULL, key, dflt)
#define BOOL_FIELD(key, dflt) lud_bool_of(gpt_host->cfg, m->model, key, dflt)

/* Rotary positions: rope_parameters (transformers 5), or the keys beside it (4). */
static lud_status read_rotary(gpt *m, lud_error *err) {
    const lud_cfg_api *c = gpt_host->cfg;
    const keys *k = &m->arch->keys;
    const lud_cfg *node = lud_member(c, m->model, "rope_parameters");
    const lud_cfg *scaling = lud_member(c, m->model, "rope_scaling");
    lud_str type = lud_str_of(c, node, "rope_type");
    double part = m->arch->rotary_part;
    if (lud_is_set(c, scaling) || (type.len && !lud_str_is(type, "default"))) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: scaled rotary positions of '%s' are not available",
                        m->arch->model_type);
    }
    m->theta = lud_float_of(c, m->model, k->theta ? k->theta : "rope_theta", 1e4);
    m->theta = lud_float_of(c, node, "rope_theta", m->theta);
    part = lud_float_of(c, m->model, k->rotary_part ? k->rotary_part : "partial_rotary_factor", part);
    part = lud_float_of(c, node, "partial_rotary_factor", part);
    if (part > 0.0 && part <= 1.0) m->rotary_dim = (int64_t)((double)m->head_dim * part);
    if (m->theta > 0.0 && m->rotary_dim >= 2 && m->rotary_dim % 2 == 0) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID,
                    "config.json: a rotary base of %g and a rotated part of %g of a head of %lld make no table",
                    m->theta, part, (long long)m->head_dim);
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */
static void read_sizes(gpt *m) {
    const lud_cfg_api *c = gpt_host->cfg;
    const keys *k = &m->arch->keys;
    m->width = lud_hf_int(c, m->model, k->width, "hidden_size", 0);
    m->layers = lud_hf_int(c, m->model, k->layers, "num_hidden_layers", 0);
    m->heads = lud_hf_int(c, m->model, k->heads, "num_attention_heads", 0);
    m->kv_heads = m->arch->names.qkv ? m->heads : INT_FIELD("num_key_value_heads", m->heads);
    m->head_dim = m->heads > 0 ? m->width / m->heads : 0;
    m->ffn = k->ffn ? INT_FIELD(k->ffn, 4 * m->width) : 4 * m->width;
    m->vocab = INT_FIELD("vocab_size", 0);
    m->embed = m->arch->names.project_in ? INT_FIELD("word_embed_proj_dim", m->width) : m->width;
    m->max_positions = lud_hf_int(c, m->model, k->positions, "max_position_embeddings", m->arch->max_positions);
    m->eps = (float)(k->eps ? lud_float_of(c, m->model, k->eps, 1e-5) : 1e-5);
}

/* The bounds keep every later product of sizes far from overflow. */
static lud_status check_sizes(const gpt *m, lud_error *err) {
    const struct {
        const char *what;
        int64_t got, max;
    } rules[] = {
        {"the hidden size", m->width, 1 << 20},
        {"the embedding size", m->embed, 1 << 20},
        {"the number of layers", m->layers, 1 << 12},
        {"the number of heads", m->heads, MAX_HEADS},
        {"the number of key/value heads", m->kv_heads, m->heads},
        {"the head size", m->head_dim, MAX_HEAD_SIZE},
        {"the feed-forward size", m->ffn, 1 << 22},
        {"the vocabulary size", m->vocab, 1 << 26},
        {"the context length", m->max_positions, 1 << 30},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].got >= 1 && rules[i].got <= rules[i].max) continue;
        return lud_fail(err, LUD_E_INVALID, "config.json: %s is %lld, want 1 to %lld", rules[i].what,
                        (long long)rules[i].got, (long long)rules[i].max);
    }
    if (m->width % m->heads != 0 || m->heads % m->kv_heads != 0) {
        return lud_fail(err, LUD_E_INVALID,
                        "config.json: %lld heads cannot share a width of %lld and %lld key/value heads",
                        (long long)m->heads, (long long)m->width, (long long)m->kv_heads);
    }
    if (m->eps > 0.0f && m->eps < 1.0f) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "config.json: the epsilon of the norms is %g", (double)m->eps);
}

/* ---- Switches -------------------------------------------------------------------------------------------------- */
static void read_switches(gpt *m) {
    uint32_t f = m->arch->flags;
    int opt = (f & ARCH_OPT_KEYS) != 0;
    m->tie = BOOL_FIELD("tie_word_embeddings", m->arch->tie);
    m->parallel = (f & ARCH_PARALLEL) || ((f & ARCH_PARALLEL_KEY) && BOOL_FIELD("use_parallel_residual", 1));
    m->post_norm = opt && !BOOL_FIELD("do_layer_norm_before", 1);
    m->final_norm = !opt || (!m->post_norm && !BOOL_FIELD("_remove_final_layer_norm", 0));
    m->norm_affine = !opt || BOOL_FIELD("layer_norm_elementwise_affine", 1);
    m->ffn_bias = !opt || BOOL_FIELD("enable_bias", 1);
    m->attn_bias = m->ffn_bias && (!(f & ARCH_PARALLEL_KEY) || BOOL_FIELD("attention_bias", 1));
    m->qk_norm = (f & ARCH_QK_NORM_KEY) && BOOL_FIELD("qk_layernorm", 0);
    m->normed_residual = (f & ARCH_RESIDUAL_KEY) && BOOL_FIELD("apply_residual_connection_post_layernorm", 0);
    m->unscaled = (f & ARCH_SCALE_KEYS) && !BOOL_FIELD("scale_attn_weights", 1);
    m->layer_scale = (f & ARCH_SCALE_KEYS) && BOOL_FIELD("scale_attn_by_inverse_layer_idx", 0);
}

lud_status gpt_read_config(gpt *m, lud_error *err) {
    const lud_cfg_api *c = gpt_host->cfg;
    const char *act_key = m->arch->keys.act;
    lud_str act = act_key ? lud_str_of(c, m->model, act_key) : lud_text("");
    if (act.len == 0) act = lud_text(m->arch->act);
    read_sizes(m);
    read_switches(m);
    m->act = lud_hf_act(act);
    if (!m->act) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: %s '%.*s' is not known to encoder 'gpt'", act_key,
                        (int)act.len, act.ptr);
    }
    if (BOOL_FIELD("add_cross_attention", 0)) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: add_cross_attention is not available");
    }
    lud_status status = check_sizes(m, err);
    return status == LUD_OK && (m->arch->flags & ARCH_ROPE) ? read_rotary(m, err) : status;
}
