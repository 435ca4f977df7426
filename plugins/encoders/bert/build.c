/* SPDX-License-Identifier: Apache-2.0
 * The forward graph of the whole family: embeddings, layers of attention and feed-forward with norms after (BERT) or
 * before (ModernBERT), and the pooler if the files hold one. Reads flags, names and numbers only; emits the same graph
 * on every call. */
#include "bert.h"

/* Where the builder is: one layer of one graph. Names are relative to `prefix` = "encoder.layer.N". */
typedef struct place {
    const bert *m;
    lud_graph *g;
    const lud_seq *in;
    int32_t layer;
    char prefix[96];
    lud_t inv_freq[2]; /* of global and local layers */
} place;

static void name_of(const place *p, const char *module, char name[160]) {
    (void)snprintf(name, 160, "%s.%s", p->prefix, module);
}

static lud_t linear(const place *p, const char *module, lud_t x, int64_t d_in, int64_t d_out, int bias) {
    char name[160];
    name_of(p, module, name);
    return lud_linear(bert_graph, p->g, name, p->layer, x, d_in, d_out, bias);
}

/* Layer norm over the last axis, which has n components. */
static lud_t norm_at(const bert *m, lud_graph *g, const char *name, lud_t x, int64_t n) {
    lud_t w = lud_param_of(bert_graph, g, name, "weight", lud_dims1(n));
    lud_t b = m->norm_bias ? lud_param_of(bert_graph, g, name, "bias", lud_dims1(n)) : 0;
    return lud_layer_norm(bert_graph, g, x, w, b, m->eps);
}

static lud_t norm(const place *p, const char *module, lud_t x) {
    char name[160];
    name_of(p, module, name);
    return norm_at(p->m, p->g, name, x, p->m->width);
}

/* ---- Embeddings ------------------------------------------------------------------------------------------------ */
static lud_t look_up(const place *p, const char *name, int64_t rows, lud_t ids) {
    int64_t c = p->m->embed;
    lud_site table = lud_make_site(bert_graph, p->g, name, LUD_SITE_EMBEDDING, -1, c, rows, 0);
    /* The weight is [rows, width]: as a map from ids it goes the other way. */
    table.d_in = rows;
    table.d_out = c;
    return bert_graph->embedding(p->g, &table, ids);
}

static lud_t int_constant(const place *p, const char *name, int64_t value) {
    lud_shape one = lud_dims1(1);
    int32_t v = (int32_t)value;
    one.dtype = LUD_I32;
    return bert_graph->constant(p->g, name, &one, &v);
}

/* Without token types all are 0: one row, added to every token. */
static lud_t types_of(const place *p) {
    const bert *m = p->m;
    const char *name = m->arch->names->types;
    if (p->in->type_ids) return look_up(p, name, m->types, p->in->type_ids);
    lud_t row = look_up(p, name, m->types, int_constant(p, "type_ids.zero", 0));
    return lud_reshape(bert_graph, p->g, row, lud_dims1(m->embed));
}

static lud_t positions_of(const place *p) {
    const bert *m = p->m;
    lud_t at = p->in->positions;
    if (m->first_position) {
        at = lud_add(bert_graph, p->g, at, int_constant(p, "positions.first", m->first_position));
    }
    return look_up(p, m->arch->names->positions, m->positions, at);
}

static lud_t embed(const place *p) {
    const bert *m = p->m;
    const names *n = m->arch->names;
    lud_t x = look_up(p, n->words, m->vocab, p->in->ids);
    if (n->types) x = lud_add(bert_graph, p->g, x, types_of(p));
    if (n->positions) x = lud_add(bert_graph, p->g, x, positions_of(p));
    x = norm_at(m, p->g, n->embed_norm, x, m->embed);
    x = bert_graph->dropout(p->g, x, m->drop_embed);
    if (n->project && (m->embed != m->width || (m->arch->flags & ARCH_PROJECT_ALWAYS))) {
        x = lud_linear(bert_graph, p->g, n->project, -1, x, m->embed, m->width, 1);
    }
    return bert_graph->mark(p->g, LUD_MARK_EMBEDDINGS, -1, x);
}

/* ---- Layers ---------------------------------------------------------------------------------------------------- */
/* q, k and v as [T, heads, head_dim], before rotation. */
static void project(const place *p, lud_t x, lud_t qkv[3]) {
    const bert *m = p->m;
    const names *n = m->arch->names;
    int64_t c = m->width;
    if (n->qkv) {
        lud_t all = linear(p, n->qkv, x, c, 3 * c, m->attn_bias);
        for (int i = 0; i < 3; i++)
            qkv[i] = lud_slice(bert_graph, p->g, all, i * c, c, 3 * c);
    } else {
        qkv[0] = linear(p, n->query, x, c, c, m->attn_bias);
        qkv[1] = linear(p, n->key, x, c, c, m->attn_bias);
        qkv[2] = linear(p, n->value, x, c, c, m->attn_bias);
    }
    for (int i = 0; i < 3; i++)
        qkv[i] = lud_reshape(bert_graph, p->g, qkv[i], lud_dims3(-p->in->t_extent, m->heads, m->head_dim));
}

static lud_t attention(const place *p, lud_t x) {
    const bert *m = p->m;
    int local = bert_is_local(m, p->layer);
    lud_t qkv[3];
    project(p, x, qkv);
    for (int i = 0; i < 2 && (m->arch->flags & ARCH_ROPE); i++) {
        qkv[i] = lud_rope(bert_graph, p->g, qkv[i], p->in->positions, p->inv_freq[local], (int32_t)m->head_dim, 1.0f);
    }
    lud_attr_attention attr = {.scale = (float)(1.0 / sqrt((double)m->head_dim)),
                               .left = local ? (int32_t)m->window : -1,
                               .right = local ? (int32_t)m->window : -1,
                               .cache_slot = -1};
    lud_t y = lud_attention(bert_graph, p->g, qkv[0], qkv[1], qkv[2], p->in->seg_offsets, &attr);
    y = lud_reshape(bert_graph, p->g, y, lud_dims2(-p->in->t_extent, m->width));
    y = linear(p, m->arch->names->attn_out, y, m->width, m->width, m->attn_bias);
    return bert_graph->dropout(p->g, y, m->drop_attn);
}

static lud_t feed_forward(const place *p, lud_t x) {
    const bert *m = p->m;
    const names *n = m->arch->names;
    if (m->arch->flags & ARCH_GATED) {
        lud_t both = linear(p, n->up, x, m->width, 2 * m->ffn, m->ffn_bias);
        lud_t gate = lud_slice(bert_graph, p->g, both, 0, m->ffn, 2 * m->ffn);
        lud_t up = lud_slice(bert_graph, p->g, both, m->ffn, m->ffn, 2 * m->ffn);
        x = bert_graph->dropout(p->g, lud_glu(bert_graph, p->g, gate, up, m->act), m->drop_ffn);
        return linear(p, n->down, x, m->ffn, m->width, m->ffn_bias);
    }
    x = lud_act(bert_graph, p->g, linear(p, n->up, x, m->width, m->ffn, m->ffn_bias), m->act);
    return bert_graph->dropout(p->g, linear(p, n->down, x, m->ffn, m->width, m->ffn_bias), m->drop_ffn);
}

/* norm(x + f(x)), twice; with norms before x + f(norm(x)), twice. */
static lud_t one_layer(const place *p, lud_t x) {
    const names *n = p->m->arch->names;
    if (p->m->arch->flags & ARCH_PRE_NORM) {
        x = lud_add(bert_graph, p->g, x, attention(p, p->layer ? norm(p, n->attn_norm, x) : x));
        return lud_add(bert_graph, p->g, x, feed_forward(p, norm(p, n->ffn_norm, x)));
    }
    x = norm(p, n->attn_norm, lud_add(bert_graph, p->g, x, attention(p, x)));
    return norm(p, n->ffn_norm, lud_add(bert_graph, p->g, x, feed_forward(p, x)));
}

/* Shared layers have the names, and so the parameters, of their group. */
static lud_t layer(place *p, lud_t x) {
    const bert *m = p->m;
    const names *n = m->arch->names;
    int64_t group = n->inner ? (int64_t)((double)p->layer / ((double)m->layers / (double)m->groups)) : p->layer;
    for (int64_t i = 0; i < m->inner; i++) {
        int len = snprintf(p->prefix, sizeof p->prefix, "%s.%lld", n->layers, (long long)group);
        if (n->inner) {
            (void)snprintf(p->prefix + len, sizeof p->prefix - (size_t)len, ".%s.%lld", n->inner, (long long)i);
        }
        x = one_layer(p, x);
    }
    return bert_graph->mark(p->g, LUD_MARK_LAYER, p->layer, x);
}

static void rope_constants(place *p) {
    static const char *const table_names[2] = {"rope.global", "rope.local"};
    lud_shape shape = lud_dims1(p->m->head_dim / 2);
    float inv_freq[MAX_HEAD_SIZE / 2];
    for (int i = 0; i < 2 && (p->m->arch->flags & ARCH_ROPE); i++) {
        lud_hf_inv_freq(p->m->theta[i], p->m->head_dim, inv_freq);
        p->inv_freq[i] = bert_graph->constant(p->g, table_names[i], &shape, inv_freq);
    }
}

/* tanh(W x + b) of each segment's first token; 0 where the files hold no pooler. */
static lud_t pooled(const place *p, lud_t x) {
    const bert *m = p->m;
    char weight[160], found[192];
    if (!m->arch->names->pooler) return 0;
    (void)snprintf(weight, sizeof weight, "%s.weight", m->arch->names->pooler);
    if (!bert_find_tensor(m, weight, found, sizeof found)) return 0;
    lud_t first = lud_segment_pool(bert_graph, p->g, x, p->in->seg_offsets, p->in->s_extent, LUD_POOL_FIRST);
    first = lud_linear(bert_graph, p->g, m->arch->names->pooler, -1, first, m->width, m->width, 1);
    return lud_act(bert_graph, p->g, first, LUD_ACT_TANH);
}

lud_status bert_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const bert *m = self;
    const names *n = m->arch->names;
    place p = {.m = m, .g = g, .in = in};
    rope_constants(&p);
    lud_t x = embed(&p);
    for (p.layer = 0; p.layer < m->layers; p.layer++)
        x = layer(&p, x);
    if (n->final_norm) x = norm_at(m, g, n->final_norm, x, m->width);
    lud_encoder_out made = {.struct_size = sizeof made, .tokens = x, .rows = pooled(&p, x)};
    lud_status status = lud_status_of(bert_graph, g, err);
    if (status == LUD_OK) *out = made;
    return status;
}
