/* SPDX-License-Identifier: Apache-2.0
 * The forward graph of the whole family: embeddings, layers of causal attention and feed-forward, one after the other
 * or side by side, final norm, output projection. Reads flags, names and numbers only; emits the same graph on every
 * call. */
#include "gpt.h"

/* Where the builder is: one layer of one graph. Names are relative to `prefix` = "transformer.h.N". */
typedef struct place {
    const gpt *m;
    lud_graph *g;
    const lud_seq *in;
    int32_t layer;
    char prefix[64];
    lud_t inv_freq, slopes; /* 0 = none */
} place;

static void name_of(const place *p, const char *module, char name[128]) {
    (void)snprintf(name, 128, "%s.%s", p->prefix, module);
}

static lud_t linear(const place *p, const char *module, lud_t x, int64_t d_in, int64_t d_out, int bias) {
    char name[128];
    name_of(p, module, name);
    return lud_linear(gpt_graph, p->g, name, p->layer, x, d_in, d_out, bias);
}

/* Layer norm over the last axis, which has n components. */
static lud_t norm_at(const gpt *m, lud_graph *g, const char *name, lud_t x, int64_t n) {
    lud_t w = m->norm_affine ? lud_param_of(gpt_graph, g, name, "weight", lud_dims1(n)) : 0;
    lud_t b = m->norm_affine ? lud_param_of(gpt_graph, g, name, "bias", lud_dims1(n)) : 0;
    return lud_layer_norm(gpt_graph, g, x, w, b, m->eps);
}

static lud_t norm(const place *p, const char *module, lud_t x, int64_t n) {
    char name[128];
    name_of(p, module, name);
    return norm_at(p->m, p->g, name, x, n);
}

/* ---- Embeddings ------------------------------------------------------------------------------------------------ */
/* A table of `rows` vectors: its weight is [rows, width], so that as a map from ids it goes the other way. */
static lud_site table_site(const place *p, const char *name, int64_t rows, int64_t width) {
    lud_site table = lud_make_site(gpt_graph, p->g, name, LUD_SITE_EMBEDDING, -1, width, rows, 0);
    table.d_in = rows;
    table.d_out = width;
    return table;
}

static lud_t positions_of(const place *p) {
    const gpt *m = p->m;
    int64_t first = m->arch->first_position;
    lud_site table = table_site(p, m->arch->names.positions, m->max_positions + first, m->width);
    lud_t at = p->in->positions;
    if (first) {
        lud_shape one = lud_dims1(1);
        int32_t v = (int32_t)first;
        one.dtype = LUD_I32;
        at = lud_add(gpt_graph, p->g, at, gpt_graph->constant(p->g, "positions.first", &one, &v));
    }
    return gpt_graph->embedding(p->g, &table, at);
}

static lud_t embed(const place *p, const lud_site *words) {
    const gpt *m = p->m;
    const names *n = &m->arch->names;
    lud_t x = gpt_graph->embedding(p->g, words, p->in->ids);
    if (m->embed != m->width) x = lud_linear(gpt_graph, p->g, n->project_in, -1, x, m->embed, m->width, 0);
    if (n->positions) x = lud_add(gpt_graph, p->g, x, positions_of(p));
    if (n->embed_norm) x = norm_at(m, p->g, n->embed_norm, x, m->width);
    return gpt_graph->mark(p->g, LUD_MARK_EMBEDDINGS, -1, x);
}

/* ---- Layers ---------------------------------------------------------------------------------------------------- */
static lud_t as_heads(const place *p, lud_t x, int64_t heads, int64_t size) {
    return lud_reshape(gpt_graph, p->g, x, lud_dims3(-p->in->t_extent, heads, size));
}

/* q, k and v as [T, heads, head_dim], before norms and rotation. The rows of a fused map are cut, not moved: an adapter
 * of it has their order. */
static void project(const place *p, lud_t x, lud_t qkv[3]) {
    const gpt *m = p->m;
    const names *n = &m->arch->names;
    int64_t c = m->width, d = m->head_dim, kv = m->kv_heads * m->head_dim;
    if (!n->qkv) {
        qkv[0] = as_heads(p, linear(p, n->query, x, c, c, m->attn_bias), m->heads, d);
        qkv[1] = as_heads(p, linear(p, n->key, x, c, kv, m->attn_bias), m->kv_heads, d);
        qkv[2] = as_heads(p, linear(p, n->value, x, c, kv, m->attn_bias), m->kv_heads, d);
        return;
    }
    lud_t all = linear(p, n->qkv, x, c, 3 * c, m->attn_bias);
    int by_head = (m->arch->flags & ARCH_QKV_BY_HEAD) != 0;
    if (by_head) all = as_heads(p, all, m->heads, 3 * d);
    for (int i = 0; i < 3; i++) {
        qkv[i] = by_head ? lud_slice(gpt_graph, p->g, all, i * d, d, 3 * d)
                         : as_heads(p, lud_slice(gpt_graph, p->g, all, i * c, c, 3 * c), m->heads, d);
    }
}

static double score_scale(const place *p) {
    double scale = p->m->unscaled ? 1.0 : 1.0 / sqrt((double)p->m->head_dim);
    return p->m->layer_scale ? scale / (double)(p->layer + 1) : scale;
}

static lud_t attention(const place *p, lud_t x) {
    const gpt *m = p->m;
    const names *n = &m->arch->names;
    lud_t qkv[3];
    project(p, x, qkv);
    if (m->qk_norm) {
        qkv[0] = norm(p, n->query_norm, qkv[0], m->head_dim);
        qkv[1] = norm(p, n->key_norm, qkv[1], m->head_dim);
    }
    for (int i = 0; i < 2 && p->inv_freq; i++) {
        qkv[i] = lud_rope(gpt_graph, p->g, qkv[i], p->in->positions, p->inv_freq, (int32_t)m->rotary_dim, 1.0f);
    }
    lud_attr_attention attr = {
        .scale = (float)score_scale(p), .causal = 1, .left = -1, .right = -1, .cache_slot = p->layer};
    lud_t y = lud_attention_alibi(gpt_graph, p->g, qkv[0], qkv[1], qkv[2], p->in->seg_offsets, p->slopes, &attr);
    y = lud_reshape(gpt_graph, p->g, y, lud_dims2(-p->in->t_extent, m->width));
    return linear(p, n->attn_out, y, m->width, m->width, m->attn_bias);
}

static lud_t feed_forward(const place *p, lud_t x) {
    const gpt *m = p->m;
    x = lud_act(gpt_graph, p->g, linear(p, m->arch->names.up, x, m->width, m->ffn, m->ffn_bias), m->act);
    return linear(p, m->arch->names.down, x, m->ffn, m->width, m->ffn_bias);
}

/* x + attention(norm(x)) + feed_forward(norm(x)) */
static lud_t parallel_layer(const place *p, lud_t x) {
    const names *n = &p->m->arch->names;
    lud_t normed = norm(p, n->attn_norm, x, p->m->width);
    lud_t y = attention(p, normed);
    if (n->ffn_norm) normed = norm(p, n->ffn_norm, x, p->m->width);
    return lud_add(gpt_graph, p->g, lud_add(gpt_graph, p->g, feed_forward(p, normed), y), x);
}

/* One half of a layer: x + f(norm(x)), or norm(x + f(x)). */
static lud_t half_layer(const place *p, const char *norm_name, lud_t (*f)(const place *, lud_t), lud_t x) {
    const gpt *m = p->m;
    if (m->post_norm) return norm(p, norm_name, lud_add(gpt_graph, p->g, x, f(p, x)), m->width);
    lud_t normed = norm(p, norm_name, x, m->width);
    return lud_add(gpt_graph, p->g, m->normed_residual ? normed : x, f(p, normed));
}

static lud_t layer(const place *p, lud_t x) {
    const names *n = &p->m->arch->names;
    if (p->m->parallel) {
        x = parallel_layer(p, x);
    } else {
        x = half_layer(p, n->attn_norm, attention, x);
        x = half_layer(p, n->ffn_norm, feed_forward, x);
    }
    return gpt_graph->mark(p->g, LUD_MARK_LAYER, p->layer, x);
}

static void rotary_table(place *p) {
    float inv_freq[MAX_HEAD_SIZE / 2];
    lud_shape shape = lud_dims1(p->m->rotary_dim / 2);
    lud_hf_inv_freq(p->m->theta, p->m->rotary_dim, inv_freq);
    p->inv_freq = gpt_graph->constant(p->g, "rope", &shape, inv_freq);
}

/* A geometric series over the heads; where their number is no power of two, the rest takes every other term of the
 * series for twice as many (Press et al. 2021, arXiv 2108.12409; modeling_bloom.py). */
static void slopes_table(place *p) {
    float slopes[MAX_HEADS];
    int64_t heads = p->m->heads, power = 1;
    lud_shape shape = lud_dims1(heads);
    while (2 * power <= heads)
        power *= 2;
    for (int64_t h = 0; h < heads; h++) {
        double exponent = h < power ? (double)(h + 1) / (double)power : ((double)(h - power) + 0.5) / (double)power;
        slopes[h] = (float)exp2(-8.0 * exponent);
    }
    p->slopes = gpt_graph->constant(p->g, "alibi", &shape, slopes);
}

static lud_site vocab_site(const place *p, const lud_site *words) {
    const gpt *m = p->m;
    int bias = (m->arch->flags & ARCH_HEAD_BIAS) != 0;
    if (!m->tie) return lud_make_site(gpt_graph, p->g, "lm_head", LUD_SITE_VOCAB, -1, m->embed, m->vocab, bias);
    lud_site head = *words;
    head.kind = LUD_SITE_VOCAB;
    head.name = "lm_head";
    head.d_in = m->embed;
    head.d_out = m->vocab;
    if (bias) head.bias = lud_param_of(gpt_graph, p->g, "lm_head", "bias", lud_dims1(m->vocab));
    return head;
}

lud_status gpt_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const gpt *m = self;
    const names *n = &m->arch->names;
    place p = {.m = m, .g = g, .in = in};
    lud_site words = table_site(&p, n->words, m->vocab, m->embed);
    if (m->arch->flags & ARCH_ROPE) rotary_table(&p);
    if (m->arch->flags & ARCH_ALIBI) slopes_table(&p);
    lud_t x = embed(&p, &words);
    for (p.layer = 0; p.layer < m->layers; p.layer++) {
        (void)snprintf(p.prefix, sizeof p.prefix, "%s.%d", n->layers, p.layer);
        x = layer(&p, x);
    }
    if (m->final_norm) x = norm_at(m, g, n->final_norm, x, m->width);
    if (m->embed != m->width) x = lud_linear(gpt_graph, g, n->project_out, -1, x, m->width, m->embed, 0);
    lud_encoder_out made = {.struct_size = sizeof made, .tokens = x, .has_vocab = 1};
    made.vocab = vocab_site(&p, &words);
    made.xent = (lud_xent){.struct_size = sizeof(lud_xent), .logit_scale = 1.0f};
    lud_status status = lud_status_of(gpt_graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}
