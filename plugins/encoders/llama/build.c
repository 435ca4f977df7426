/* SPDX-License-Identifier: Apache-2.0
 * The forward graph of the whole family: embedding, layers of attention and gated feed-forward with pre-norms (and
 * post-norms), final norm. Reads flags and numbers only; emits the same graph on every call. */
#include "llama.h"

#include <math.h>

/* Where the builder is: one layer of one graph. Names are relative to `prefix` = "model.layers.N". */
typedef struct place {
    const llama *m;
    lud_graph *g;
    const lud_seq *in;
    int32_t layer;
    char prefix[40];
    lud_t inv_freq[2];
} place;

static void name_of(const place *p, const char *module, char name[128]) {
    (void)snprintf(name, 128, "%s.%s", p->prefix, module);
}

static lud_t linear(const place *p, const char *module, lud_t x, int64_t d_in, int64_t d_out, int bias) {
    char name[128];
    name_of(p, module, name);
    return lud_linear(llama_graph, p->g, name, p->layer, x, d_in, d_out, bias);
}

/* RMS norm over the last axis, which has n components. */
static lud_t norm_at(const llama *m, lud_graph *g, const char *name, lud_t x, int64_t n) {
    lud_t w = lud_param_of(llama_graph, g, name, "weight", lud_dims1(n));
    return lud_rms_norm(llama_graph, g, x, w, m->eps, m->arch->flags & ARCH_NORM_OFFSET ? 1.0f : 0.0f);
}

static lud_t norm(const place *p, const char *module, lud_t x, int64_t n) {
    char name[128];
    name_of(p, module, name);
    return norm_at(p->m, p->g, name, x, n);
}

static lud_t as_heads(const place *p, lud_t x, int64_t heads) {
    return lud_reshape(llama_graph, p->g, x, lud_dims3(-p->in->t_extent, heads, p->m->head_dim));
}

/* q, k and v as [T, heads, head_dim], before norms and rotation. */
static void project(const place *p, lud_t x, lud_t qkv[3]) {
    const llama *m = p->m;
    int64_t q = m->heads * m->head_dim, kv = m->kv_heads * m->head_dim;
    if (m->arch->flags & ARCH_FUSED) {
        lud_t all = linear(p, "self_attn.qkv_proj", x, m->width, q + 2 * kv, m->qkv_bias);
        qkv[0] = lud_slice(llama_graph, p->g, all, 0, q, q + 2 * kv);
        qkv[1] = lud_slice(llama_graph, p->g, all, q, kv, q + 2 * kv);
        qkv[2] = lud_slice(llama_graph, p->g, all, q + kv, kv, q + 2 * kv);
    } else {
        qkv[0] = linear(p, "self_attn.q_proj", x, m->width, q, m->qkv_bias);
        qkv[1] = linear(p, "self_attn.k_proj", x, m->width, kv, m->qkv_bias);
        qkv[2] = linear(p, "self_attn.v_proj", x, m->width, kv, m->qkv_bias);
    }
    qkv[0] = as_heads(p, qkv[0], m->heads);
    qkv[1] = as_heads(p, qkv[1], m->kv_heads);
    qkv[2] = as_heads(p, qkv[2], m->kv_heads);
}

static lud_t attention(const place *p, lud_t x) {
    const llama *m = p->m;
    int sliding = (m->layer_flags[p->layer] & LAYER_SLIDING) != 0;
    const rope *r = &m->rope[sliding ? ROPE_SLIDING : ROPE_FULL];
    lud_t inv_freq = p->inv_freq[sliding ? ROPE_SLIDING : ROPE_FULL], qkv[3];
    project(p, x, qkv);
    if (m->arch->flags & ARCH_QK_NORM) {
        qkv[0] = norm(p, "self_attn.q_norm", qkv[0], m->head_dim);
        qkv[1] = norm(p, "self_attn.k_norm", qkv[1], m->head_dim);
    }
    for (int i = 0; i < 2 && !(m->layer_flags[p->layer] & LAYER_NO_ROPE); i++) {
        qkv[i] = lud_rope(llama_graph, p->g, qkv[i], p->in->positions, inv_freq, r->dim, r->attention_factor);
    }
    lud_attr_attention attr = {.scale = (float)(1.0 / sqrt(m->query_scalar)),
                               .softcap = m->attn_softcap,
                               .causal = 1,
                               .left = sliding ? (int32_t)(m->window - 1) : -1,
                               .right = -1,
                               .cache_slot = p->layer};
    lud_t y = lud_attention(llama_graph, p->g, qkv[0], qkv[1], qkv[2], p->in->seg_offsets, &attr);
    y = lud_reshape(llama_graph, p->g, y, lud_dims2(-p->in->t_extent, m->heads * m->head_dim));
    return linear(p, "self_attn.o_proj", y, m->heads * m->head_dim, m->width, m->o_bias);
}

static lud_t feed_forward(const place *p, lud_t x) {
    const llama *m = p->m;
    lud_t gate, up;
    if (m->arch->flags & ARCH_FUSED) {
        lud_t both = linear(p, "mlp.gate_up_proj", x, m->width, 2 * m->ffn, m->mlp_bias);
        gate = lud_slice(llama_graph, p->g, both, 0, m->ffn, 2 * m->ffn);
        up = lud_slice(llama_graph, p->g, both, m->ffn, m->ffn, 2 * m->ffn);
    } else {
        gate = linear(p, "mlp.gate_proj", x, m->width, m->ffn, m->mlp_bias);
        up = linear(p, "mlp.up_proj", x, m->width, m->ffn, m->mlp_bias);
    }
    lud_t y = lud_glu(llama_graph, p->g, gate, up, m->act);
    return linear(p, "mlp.down_proj", y, m->ffn, m->width, m->mlp_bias);
}

/* x + f(norm(x)), twice; with sandwich norms x + norm(f(norm(x))). */
static lud_t layer(const place *p, lud_t x) {
    int64_t c = p->m->width;
    int sandwich = (p->m->arch->flags & ARCH_SANDWICH) != 0;
    lud_t y = attention(p, norm(p, "input_layernorm", x, c));
    if (sandwich) y = norm(p, "post_attention_layernorm", y, c);
    x = lud_add(llama_graph, p->g, x, y);
    y = feed_forward(p, norm(p, sandwich ? "pre_feedforward_layernorm" : "post_attention_layernorm", x, c));
    if (sandwich) y = norm(p, "post_feedforward_layernorm", y, c);
    return llama_graph->mark(p->g, LUD_MARK_LAYER, p->layer, lud_add(llama_graph, p->g, x, y));
}

static lud_t embed(const llama *m, lud_graph *g, const lud_seq *in, lud_site *table) {
    *table = lud_make_site(llama_graph, g, "model.embed_tokens", LUD_SITE_EMBEDDING, -1, m->width, m->vocab, 0);
    /* The weight is [vocabulary, width]: as a map from tokens it goes the other way. */
    table->d_in = m->vocab;
    table->d_out = m->width;
    lud_t x = llama_graph->embedding(g, table, in->ids);
    if (m->arch->flags & ARCH_EMBED_SCALE) x = lud_scale(llama_graph, g, x, (float)sqrt((double)m->width), 0.0f);
    return llama_graph->mark(g, LUD_MARK_EMBEDDINGS, -1, x);
}

static void rope_constants(place *p) {
    static const char *const names[2] = {"model.rope.full", "model.rope.sliding"};
    for (int i = 0; i < 2; i++) {
        const rope *r = &p->m->rope[i];
        int used = 0;
        for (int64_t l = 0; l < p->m->layers; l++) {
            uint8_t f = p->m->layer_flags[l];
            used |= !(f & LAYER_NO_ROPE) && ((f & LAYER_SLIDING) ? ROPE_SLIDING : ROPE_FULL) == i;
        }
        lud_shape shape = lud_dims1(r->dim / 2);
        if (used) p->inv_freq[i] = llama_graph->constant(p->g, names[i], &shape, r->inv_freq);
    }
}

static lud_site vocab_site(const llama *m, lud_graph *g, const lud_site *table) {
    if (!m->tie) return lud_make_site(llama_graph, g, "lm_head", LUD_SITE_VOCAB, -1, m->width, m->vocab, 0);
    lud_site head = *table;
    head.kind = LUD_SITE_VOCAB;
    head.name = "lm_head";
    head.d_in = m->width;
    head.d_out = m->vocab;
    return head;
}

lud_status llama_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const llama *m = self;
    place p = {.m = m, .g = g, .in = in};
    lud_site table;
    lud_t x = embed(m, g, in, &table);
    rope_constants(&p);
    for (p.layer = 0; p.layer < m->layers; p.layer++) {
        (void)snprintf(p.prefix, sizeof p.prefix, "model.layers.%d", p.layer);
        x = layer(&p, x);
    }
    lud_encoder_out made = {.struct_size = sizeof made, .has_vocab = 1};
    made.tokens = norm_at(m, g, "model.norm", x, m->width);
    made.vocab = vocab_site(m, g, &table);
    made.xent = (lud_xent){.struct_size = sizeof(lud_xent), .logit_scale = 1.0f, .softcap = m->final_softcap};
    lud_status status = lud_status_of(llama_graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}
