/* SPDX-License-Identifier: Apache-2.0
 * GGUF metadata into the numbers of a model. Keys are "<architecture>.<name>". What the metadata asks for and this
 * reader cannot map exactly is refused, never approximated. */
#include "llama.h"

/* "<architecture>.<name>" */
const lud_cfg *llama_meta(const llama *m, const char *name) {
    char key[128];
    int n = snprintf(key, sizeof key, "%s.%s", m->arch->gguf, name);
    return n > 0 && (size_t)n < sizeof key ? lud_member(llama_host->cfg, m->gguf, key) : NULL;
}

int64_t llama_meta_int(const llama *m, const char *name, int64_t dflt) {
    (void)llama_host->cfg->get(llama_meta(m, name), LUD_CFG_INT, &dflt);
    return dflt;
}

double llama_meta_float(const llama *m, const char *name, double dflt) {
    (void)llama_host->cfg->get(llama_meta(m, name), LUD_CFG_FLOAT, &dflt);
    return dflt;
}

static int has_tensor(const llama *m, const char *name) {
    const lud_cfg_api *c = llama_host->cfg;
    for (size_t i = 0; i < c->len(m->tensors); i++) {
        lud_str s = {"", 0};
        if (c->get(c->at(m->tensors, i), LUD_CFG_STR, &s) == LUD_OK && lud_str_is(s, name)) return 1;
    }
    return 0;
}

static lud_status refuse_unmapped(const llama *m, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    static const char *const arrays[] = {"attention.head_count", "attention.head_count_kv", "feed_forward_length"};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        if (c->type(llama_meta(m, arrays[i])) != LUD_CFG_LIST) continue;
        return lud_fail(err, LUD_E_UNSUPPORTED, "GGUF: %s.%s differs from layer to layer: not available", m->arch->gguf,
                        arrays[i]);
    }
    int64_t experts = llama_meta_int(m, "expert_count", 0);
    if (experts == 0) return LUD_OK;
    return lud_fail(err, LUD_E_UNSUPPORTED, "GGUF: a mixture of %lld experts is not available", (long long)experts);
}

static void read_layers(llama *m) {
    uint32_t f = m->arch->flags;
    int64_t period = m->arch->window_period;
    const lud_cfg *pattern = llama_meta(m, "attention.sliding_window_pattern");
    (void)llama_host->cfg->get(pattern, LUD_CFG_INT, &period);
    m->window = llama_meta_int(m, "attention.sliding_window", f & ARCH_WINDOW_PERIOD ? m->arch->sliding_window : 0);
    for (int64_t i = 0; i < m->layers; i++) {
        int32_t sliding = f & ARCH_WINDOW_PERIOD ? period > 0 && (i + 1) % period != 0 : (f & ARCH_WINDOW_ALL) != 0;
        (void)llama_host->cfg->get(llama_host->cfg->at(pattern, (size_t)i), LUD_CFG_BOOL, &sliding);
        if (m->window > 0 && sliding) m->layer_flags[i] |= LAYER_SLIDING;
        /* llama.cpp knows no key for it: every fourth layer. */
        if ((f & ARCH_NO_ROPE_LAYERS) && (i + 1) % 4 == 0) m->layer_flags[i] |= LAYER_NO_ROPE;
    }
}

static void read_sizes(llama *m) {
    const lud_cfg_api *c = llama_host->cfg;
    m->width = llama_meta_int(m, "embedding_length", 0);
    m->layers = llama_meta_int(m, "block_count", 0);
    m->heads = llama_meta_int(m, "attention.head_count", 0);
    m->kv_heads = llama_meta_int(m, "attention.head_count_kv", m->heads);
    m->head_dim = llama_meta_int(m, "attention.key_length", m->heads > 0 ? m->width / m->heads : 0);
    m->ffn = llama_meta_int(m, "feed_forward_length", 0);
    m->vocab = (int64_t)c->len(lud_member(c, m->gguf, "tokenizer.ggml.tokens"));
    m->vocab = llama_meta_int(m, "vocab_size", m->vocab);
    m->max_positions = llama_meta_int(m, "context_length", m->arch->max_positions);
    m->eps = (float)llama_meta_float(m, "attention.layer_norm_rms_epsilon", m->arch->rms_norm_eps);
}

/* The 27B models divide by width / heads instead; GGUF does not say so, llama.cpp knows them by their depth. */
double llama_gguf_query_scalar(const llama *m) {
    int64_t big = m->arch->flags & ARCH_QK_NORM ? 62 : 46;
    return m->layers == big ? (double)m->width / (double)m->heads : (double)m->head_dim;
}

static void read_switches(llama *m) {
    uint32_t f = m->arch->flags;
    m->qkv_bias = (f & ARCH_QKV_BIAS) || has_tensor(m, "blk.0.attn_q.bias");
    m->o_bias = has_tensor(m, "blk.0.attn_output.bias");
    m->mlp_bias = has_tensor(m, "blk.0.ffn_gate.bias");
    m->tie = m->tensors ? !has_tensor(m, "output.weight") : m->arch->tie;
    m->query_scalar = f & ARCH_QUERY_SCALAR ? llama_gguf_query_scalar(m) : (double)m->head_dim;
    if (f & ARCH_ATTN_SOFTCAP) {
        m->attn_softcap = (float)llama_meta_float(m, "attn_logit_softcapping", m->arch->attn_softcap);
    }
    if (f & ARCH_FINAL_SOFTCAP) {
        m->final_softcap = (float)llama_meta_float(m, "final_logit_softcapping", m->arch->final_softcap);
    }
}

lud_status llama_read_gguf(llama *m, lud_error *err) {
    read_sizes(m);
    lud_status status = llama_check(m, err);
    if (status == LUD_OK) status = refuse_unmapped(m, err);
    if (status != LUD_OK) return status;
    read_switches(m);
    if (llama_meta_int(m, "attention.value_length", m->head_dim) != m->head_dim) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "GGUF: heads of keys and values differ in size: not available");
    }
    status = llama_read_act(m, lud_text(m->arch->act), err);
    if (status == LUD_OK) status = llama_new_layer_flags(m, err);
    if (status == LUD_OK) read_layers(m);
    return status == LUD_OK ? llama_gguf_read_rope(m, err) : status;
}
