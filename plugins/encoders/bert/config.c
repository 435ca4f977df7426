/* SPDX-License-Identifier: Apache-2.0
 * config.json into the numbers of a model, as transformers 4 and 5 write it. What it asks for and the builder cannot do
 * exactly is refused, never approximated. */
#include "bert.h"

#define INT_FIELD(key, dflt)  lud_hf_int(bert_host->cfg, m->model, NULL, key, dflt)
#define BOOL_FIELD(key, dflt) lud_bool_of(bert_host->cfg, m->model, key, dflt)

static lud_status refuse_unknown(const bert *m, lud_error *err) {
    const lud_cfg_api *c = bert_host->cfg;
    lud_str positions = lud_str_of(c, m->model, "position_embedding_type");
    if (positions.len && !lud_str_is(positions, "absolute")) {
        return lud_fail(err, LUD_E_UNSUPPORTED,
                        "config.json: position_embedding_type '%.*s' is not available, only 'absolute' is",
                        (int)positions.len, positions.ptr);
    }
    if (BOOL_FIELD("is_decoder", 0)) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: is_decoder: a causal '%s' is not available",
                        m->arch->model_type);
    }
    return LUD_OK;
}

/* ---- Rotary positions and windows ---------------------------------------------------------------------------- */
static lud_status read_theta(bert *m, int local, lud_error *err) {
    static const char *const types[] = {"full_attention", "sliding_attention"};
    static const char *const old_keys[] = {"global_rope_theta", "local_rope_theta"};
    const lud_cfg_api *c = bert_host->cfg;
    const lud_cfg *node = lud_member(c, lud_member(c, m->model, "rope_parameters"), types[local]);
    lud_str type = lud_str_of(c, node, "rope_type");
    double dflt = local ? 1e4 : 1.6e5;
    /* transformers 4: a local base of null is the global one. */
    if (local && c->type(lud_member(c, m->model, old_keys[1])) == LUD_CFG_NULL) dflt = m->theta[0];
    m->theta[local] = lud_float_of(c, node, "rope_theta", lud_float_of(c, m->model, old_keys[local], dflt));
    if ((type.len && !lud_str_is(type, "default")) || lud_is_set(c, lud_member(c, m->model, "rope_scaling"))) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: scaled rotary positions of '%s' are not available",
                        m->arch->model_type);
    }
    if (m->theta[local] > 0.0) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "config.json: the rotary base is %g", m->theta[local]);
}

int bert_is_local(const bert *m, int64_t layer) {
    const lud_cfg_api *c = bert_host->cfg;
    const lud_cfg *types = lud_member(c, m->model, "layer_types");
    lud_str word = {"", 0};
    if (!(m->arch->flags & ARCH_ROPE)) return 0;
    if (!lud_is_set(c, types)) return layer % INT_FIELD("global_attn_every_n_layers", 3) != 0;
    (void)c->get(c->at(types, (size_t)layer), LUD_CFG_STR, &word);
    return lud_str_is(word, "sliding_attention");
}

static lud_status check_layer_types(const bert *m, lud_error *err) {
    const lud_cfg_api *c = bert_host->cfg;
    const lud_cfg *types = lud_member(c, m->model, "layer_types");
    if (!lud_is_set(c, types) && INT_FIELD("global_attn_every_n_layers", 3) > 0) return LUD_OK;
    for (int64_t i = 0; i < m->layers; i++) {
        lud_str word = {"", 0};
        (void)c->get(c->at(types, (size_t)i), LUD_CFG_STR, &word);
        if (lud_str_is(word, "full_attention") || lud_str_is(word, "sliding_attention")) continue;
        return lud_fail(err, LUD_E_UNSUPPORTED,
                        "config.json: layer_types[%lld] is '%.*s', want full_attention or sliding_attention",
                        (long long)i, (int)word.len, word.ptr);
    }
    return LUD_OK;
}

static lud_status read_rotary(bert *m, lud_error *err) {
    lud_status status = read_theta(m, 0, err);
    if (status == LUD_OK) status = read_theta(m, 1, err);
    if (status == LUD_OK) status = check_layer_types(m, err);
    m->window = INT_FIELD("local_attention", 128) / 2;
    if (status != LUD_OK || (m->window >= 0 && m->window <= INT32_MAX)) return status;
    return lud_fail(err, LUD_E_INVALID, "config.json: local_attention is %lld", (long long)m->window * 2);
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */
static void read_sizes(bert *m) {
    const lud_cfg_api *c = bert_host->cfg;
    const keys *k = m->arch->keys;
    m->width = lud_hf_int(c, m->model, k->width, "hidden_size", 0);
    m->layers = lud_hf_int(c, m->model, k->layers, "num_hidden_layers", 0);
    m->heads = lud_hf_int(c, m->model, k->heads, "num_attention_heads", 0);
    m->ffn = lud_hf_int(c, m->model, NULL, k->ffn, 0);
    m->vocab = INT_FIELD("vocab_size", 0);
    m->types = INT_FIELD("type_vocab_size", 2);
    m->positions = INT_FIELD("max_position_embeddings", m->arch->max_positions);
    m->embed = m->arch->names->project ? INT_FIELD("embedding_size", 128) : m->width;
    m->groups = m->arch->names->inner ? INT_FIELD("num_hidden_groups", 1) : 1;
    m->inner = m->arch->names->inner ? INT_FIELD("inner_group_num", 1) : 1;
    m->eps = (float)(k->eps ? lud_float_of(c, m->model, k->eps, m->arch->eps) : m->arch->eps);
    m->head_dim = m->heads > 0 ? m->width / m->heads : 0;
    if (m->arch->flags & ARCH_POSITIONS_AFTER_PAD) m->first_position = INT_FIELD("pad_token_id", 1) + 1;
}

/* The bounds keep every later product of sizes far from overflow. */
static lud_status check_sizes(const bert *m, lud_error *err) {
    const struct {
        const char *what;
        int64_t got, max;
    } rules[] = {
        {"the hidden size", m->width, 1 << 20},
        {"the embedding size", m->embed, 1 << 20},
        {"the number of layers", m->layers, 1 << 12},
        {"the number of heads", m->heads, 1 << 12},
        {"the head size", m->head_dim, MAX_HEAD_SIZE},
        {"the feed-forward size", m->ffn, 1 << 22},
        {"the vocabulary size", m->vocab, 1 << 26},
        {"the number of token types", m->types, 1 << 20},
        {"the context length", m->positions - m->first_position, 1 << 30},
        {"the number of layer groups", m->groups, m->layers},
        {"inner_group_num", m->inner, m->layers > 0 ? (1 << 12) / m->layers : 0},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].got >= 1 && rules[i].got <= rules[i].max) continue;
        return lud_fail(err, LUD_E_INVALID, "config.json: %s is %lld, want 1 to %lld", rules[i].what,
                        (long long)rules[i].got, (long long)rules[i].max);
    }
    if (m->width % m->heads != 0 || ((m->arch->flags & ARCH_ROPE) && m->head_dim % 2 != 0)) {
        return lud_fail(err, LUD_E_INVALID, "config.json: %lld heads cannot share a width of %lld", (long long)m->heads,
                        (long long)m->width);
    }
    if (m->first_position < 0 || !(m->eps > 0.0f && m->eps < 1.0f)) {
        return lud_fail(err, LUD_E_INVALID,
                        "config.json: pad_token_id or the epsilon of the norms (%g) is out of range", (double)m->eps);
    }
    return LUD_OK;
}

/* ---- Dropout --------------------------------------------------------------------------------------------------- */
static lud_status read_share(const bert *m, const char *key, float *out, lud_error *err) {
    if (!key) return LUD_OK;
    double p = lud_float_of(bert_host->cfg, m->model, key, m->arch->dropout);
    *out = (float)p;
    if (*out >= 0.0f && *out < 1.0f) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "config.json: %s is %g, want 0 <= dropout < 1", key, p);
}

static lud_status read_dropout(bert *m, lud_error *err) {
    const keys *k = m->arch->keys;
    lud_status status = read_share(m, k->drop_embed, &m->drop_embed, err);
    if (status == LUD_OK) status = read_share(m, k->drop_attn, &m->drop_attn, err);
    return status == LUD_OK ? read_share(m, k->drop_ffn, &m->drop_ffn, err) : status;
}

lud_status bert_read_config(bert *m, lud_error *err) {
    const lud_cfg_api *c = bert_host->cfg;
    int keyed = (m->arch->flags & ARCH_BIAS_KEYS) != 0;
    lud_str act = lud_str_of(c, m->model, m->arch->keys->act);
    if (act.len == 0) act = lud_text(m->arch->act);
    read_sizes(m);
    m->norm_bias = !keyed || BOOL_FIELD("norm_bias", 0);
    m->attn_bias = !keyed || BOOL_FIELD("attention_bias", 0);
    m->ffn_bias = !keyed || BOOL_FIELD("mlp_bias", 0);
    m->act = lud_hf_act(act);
    if (!m->act) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "config.json: %s '%.*s' is not known to encoder 'bert'",
                        m->arch->keys->act, (int)act.len, act.ptr);
    }
    lud_status status = refuse_unknown(m, err);
    if (status == LUD_OK) status = check_sizes(m, err);
    if (status == LUD_OK) status = read_dropout(m, err);
    return status == LUD_OK && (m->arch->flags & ARCH_ROPE) ? read_rotary(m, err) : status;
}
