/* SPDX-License-Identifier: Apache-2.0
 * transformer: embeddings of tokens and positions, then blocks of attention over the whole text and a feed-forward
 * pair, each with dropout, residual and layer norm after it (Vaswani et al. 2017, arXiv 1706.03762, as Ludwig has it).
 */
#include "scratch.h"

#define NORM_EPS 1e-6f

static void read_transformer(scratch *m, lud_section *s) {
    lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "fc_", 0, 256);
    scratch_read_embedding(m, s, LUD_INITIAL_XAVIER_UNIFORM);
    m->dropout = lud_section_dropout(s, "dropout", 0.1);
    m->layers = lud_section_int(s, "num_layers", 1, 1, 1024);
    m->hidden = lud_section_int(s, "hidden_size", 256, 1, 1 << 20);
    m->heads = lud_section_int(s, "num_heads", 8, 1, 1 << 20);
    m->inner = lud_section_int(s, "transformer_output_size", 256, 1, 1 << 20);
    if (s->status == LUD_OK && m->hidden % m->heads != 0) {
        lud_section_fail(s, "num_heads", "got %lld, want a divisor of hidden_size %lld", (long long)m->heads,
                         (long long)m->hidden);
    }
    if (!lud_section_bool(s, "should_embed", 1)) lud_section_fail(s, "should_embed", "only true is possible");
    scratch_read_stack(m, s, &form, "last");
}

static lud_status open_transformer(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return scratch_open(ctx, cfg, self, read_transformer, err);
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    const scratch *m = self;
    return scratch_facts(m, m->hidden, out, err);
}

/* A linear map of block `layer`, or outside the blocks (-1); starts as torch's own. */
static lud_t map(lud_graph *g, int64_t layer, const char *part, lud_t x, int64_t width) {
    static const lud_dense_init init = {1, {LUD_INITIAL_TORCH, 0, 0}, {LUD_INITIAL_TORCH, 0, 0}};
    char name[64];
    (void)snprintf(name, sizeof name, "layers.%lld.%s", (long long)layer, part);
    return lud_dense(scratch_graph, g, layer < 0 ? part : name, x, width, &init);
}

static lud_t attend(const scratch *m, lud_graph *g, int64_t layer, lud_t x, const lud_seq *in) {
    const int64_t t = -(int64_t)in->t_extent, d = m->hidden / m->heads;
    const lud_attr_attention attr = {
        .scale = 1.0f / sqrtf((float)d), .causal = 0, .left = -1, .right = -1, .cache_slot = -1};
    static const char *const parts[] = {"query", "key", "value"};
    lud_t qkv[3];
    for (int i = 0; i < 3; i++)
        qkv[i] = lud_reshape(scratch_graph, g, map(g, layer, parts[i], x, m->hidden), lud_dims3(t, m->heads, d));
    lud_t y = lud_attention(scratch_graph, g, qkv[0], qkv[1], qkv[2], in->seg_offsets, &attr);
    return map(g, layer, "combine", lud_reshape(scratch_graph, g, y, lud_dims2(t, m->hidden)), m->hidden);
}

/* norm(x + dropout(y)) */
static lud_t join(const scratch *m, lud_graph *g, int64_t layer, const char *part, lud_t x, lud_t y) {
    char name[64];
    (void)snprintf(name, sizeof name, "layers.%lld.%s", (long long)layer, part);
    return lud_fresh_norm(scratch_graph, g, name,
                          lud_add(scratch_graph, g, x, scratch_graph->dropout(g, y, m->dropout)), NORM_EPS);
}

static lud_t block(const scratch *m, lud_graph *g, int64_t layer, lud_t x, const lud_seq *in) {
    x = join(m, g, layer, "norm1", x, attend(m, g, layer, x, in));
    lud_t y = lud_act(scratch_graph, g, map(g, layer, "fc1", x, m->inner), LUD_ACT_RELU);
    return join(m, g, layer, "norm2", x, map(g, layer, "fc2", y, m->hidden));
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const scratch *m = self;
    const lud_initial normal = lud_initial_of(LUD_INITIAL_NORMAL); /* as torch's nn.Embedding */
    int64_t width = scratch_embedding_width(m);
    lud_t x = scratch_embed(m, g, in->ids);
    lud_t where = lud_fresh_embedding(scratch_graph, g, "positions", in->positions, m->max_length, width, &normal, 1);
    x = lud_add(scratch_graph, g, x, where);
    if (width != m->hidden) x = map(g, -1, "project", x, m->hidden);
    for (int64_t i = 0; i < m->layers; i++)
        x = block(m, g, i, x, in);
    if (m->pool) x = lud_segment_pool(scratch_graph, g, x, in->seg_offsets, in->s_extent, m->pool);
    return scratch_finish(m, g, x, m->pool != 0, out, err);
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_transformer, .close = scratch_close};
static const lud_encoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .info = info, .build = build};
static const char *const feature_types[] = {"text", NULL};
const lud_component scratch_transformer_component = {
    .struct_size = sizeof scratch_transformer_component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.scratch.transformer",
    .config_name = "transformer",
    .summary = "a small bidirectional transformer over the words, trained from scratch",
    .config_schema = LUD_SCHEMA(
        SCRATCH_KEYS_EMBEDDING("\"xavier_uniform\"", 0.1), SCRATCH_KEY_REDUCE("\"last\""),
        LUD_KEY_INT("num_layers", 1, 1, 1024, "blocks"),
        LUD_KEY_INT("hidden_size", 256, 1, 1048576, "width of a block"),
        LUD_KEY_INT("num_heads", 8, 1, 1048576, "heads of the attention, a divisor of hidden_size"),
        LUD_KEY_INT("transformer_output_size", 256, 1, 1048576, "width inside the feed-forward pair"),
        LUD_KEY_BOOL("should_embed", true, "only true is possible"),
        LUD_KEY_INT("num_fc_layers", 0, 0, 64, "fully connected layers after pooling"),
        LUD_KEY_OBJECTS("fc_layers", "one object per layer, with output_size, activation, dropout, norm ..."),
        LUD_KEY_INT("output_size", 256, 1, 1048576, "width of a fully connected layer"),
        LUD_KEY_WORD("norm", "null", "\"layer\"", "norm of the fully connected layers"),
        LUD_KEY_OBJECT("norm_params", "{eps: 1e-5}"), LUD_KEY_BOOL("use_bias", true, "add a bias to these layers"),
        LUD_KEY_INITIAL("bias_initializer", "\"zeros\"", "how their biases start"),
        LUD_KEY_ACTIVATION("fc_activation", "\"relu\""),
        LUD_KEY_DROPOUT("fc_dropout", 0, "share of a fully connected layer's elements that training drops")),
    .vtable = &vtable,
    .feature_types = feature_types,
};
