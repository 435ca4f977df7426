/* SPDX-License-Identifier: Apache-2.0
 * transformer: embeddings of tokens and positions, then blocks of attention over the whole text (block.h). */
#include "scratch.h"

static void read_transformer(scratch *m, lud_section *s) {
    lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "fc_", 0, 256);
    scratch_read_embedding(m, s, LUD_INITIAL_XAVIER_UNIFORM);
    lud_read_blocks(s, &m->blocks);
    m->dropout = m->blocks.dropout;
    m->layers = m->blocks.layers;
    if (!lud_section_bool(s, "should_embed", 1)) lud_section_fail(s, "should_embed", "only true is possible");
    scratch_read_stack(m, s, &form, "last");
}

static lud_status open_transformer(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return scratch_open(ctx, cfg, self, read_transformer, err);
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    const scratch *m = self;
    return scratch_facts(m, m->blocks.hidden, out, err);
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const scratch *m = self;
    const lud_dense_init dense = lud_dense_torch();
    const lud_initial normal = lud_initial_of(LUD_INITIAL_NORMAL); /* as torch's nn.Embedding */
    const lud_shape shape = lud_dims2(-(int64_t)in->t_extent, m->blocks.hidden);
    const lud_block_seq seq = {in->seg_offsets, shape, shape};
    int64_t width = scratch_embedding_width(m);
    lud_t x = scratch_embed(m, g, in->ids);
    lud_t where = lud_fresh_embedding(scratch_graph, g, "positions", in->positions, m->max_length, width, &normal, 1);
    x = lud_add(scratch_graph, g, x, where);
    if (width != m->blocks.hidden) x = lud_dense(scratch_graph, g, "project", x, m->blocks.hidden, &dense);
    x = lud_build_blocks(scratch_graph, g, &m->blocks, &seq, x);
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
        SCRATCH_KEYS_EMBEDDING("\"xavier_uniform\"", 0.1), SCRATCH_KEY_REDUCE("\"last\""), LUD_KEYS_BLOCKS,
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
