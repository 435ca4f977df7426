/* SPDX-License-Identifier: Apache-2.0
 * parallel_cnn: convolutions of several widths over the embedded tokens, beside each other; pooled; a fully connected
 * stack (Kim 2014, arXiv 1408.5882, as Ludwig has it). A convolution is a window of the segment, zeros outside it
 * ("same" padding), times a matrix. */
#include "scratch.h"

/* The keys of one convolution over the values in `v`. */
static void read_conv(lud_section *s, scratch_conv *v) {
    v->filters = lud_section_int(s, "num_filters", v->filters, 1, 1 << 20);
    v->size = (int32_t)lud_section_int(s, "filter_size", v->size, 1, 1024);
    v->activation = lud_read_activation(s, "activation", v->activation);
    v->dropout = lud_section_dropout(s, "dropout", (double)v->dropout);
    v->use_bias = lud_section_bool(s, "use_bias", v->use_bias);
    lud_section_refuse(s, "norm", "convolutions have no norm here; set it in fc_layers");
    lud_section_refuse(s, "pool_size", "not available yet; set it to null");
}

static void read_conv_list(scratch *m, lud_section *s, const lud_cfg *list, const scratch_conv *dflt) {
    size_t n = s->c->len(list);
    if (s->c->type(list) != LUD_CFG_LIST || n < 1 || n > SCRATCH_MAX_CONV) {
        lud_section_fail(s, "conv_layers", "want a list of 1 to %d convolutions", (int)SCRATCH_MAX_CONV);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char where[64];
        (void)snprintf(where, sizeof where, "%s.conv_layers.%zu", s->where, i);
        lud_section layer = lud_section_of(s->c, s->c->at(list, i), where, s->err);
        m->conv[i] = *dflt;
        read_conv(&layer, &m->conv[i]);
        if (s->status == LUD_OK) s->status = layer.status;
    }
    m->n_conv = (int32_t)n;
}

/* conv_layers, or num_conv_layers equal ones, or filters of 2, 3, 4 and 5 tokens. */
static void read_convs(scratch *m, lud_section *s) {
    scratch_conv dflt = {.filters = 256, .size = 3, .activation = LUD_ACT_RELU, .use_bias = 1};
    const lud_cfg *list = lud_member(s->c, s->node, "conv_layers");
    read_conv(s, &dflt);
    int64_t n = lud_section_int(s, "num_conv_layers", 0, 0, SCRATCH_MAX_CONV);
    if (n && lud_is_set(s->c, list)) lud_section_fail(s, "num_conv_layers", "use it or conv_layers, not both");
    m->n_conv = n ? (int32_t)n : 4;
    for (int32_t i = 0; i < m->n_conv; i++) {
        m->conv[i] = dflt;
        if (!n) m->conv[i].size = 2 + i;
    }
    if (lud_is_set(s->c, list)) read_conv_list(m, s, list, &dflt);
}

static void read_cnn(scratch *m, lud_section *s) {
    const lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "", 2, 256);
    int given = lud_is_set(s->c, lud_member(s->c, s->node, "num_fc_layers")) ||
                lud_is_set(s->c, lud_member(s->c, s->node, "fc_layers"));
    scratch_read_embedding(m, s, LUD_INITIAL_XAVIER_UNIFORM);
    m->dropout = lud_section_dropout(s, "dropout", 0);
    if (!lud_section_bool(s, "should_embed", 1)) lud_section_fail(s, "should_embed", "only true is possible");
    read_convs(m, s);
    scratch_read_stack(m, s, &form, "sum");
    if (!given) m->fc.layer[0].output_size = 512; /* Ludwig's default stack: 512, 256 */
}

static lud_status open_cnn(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return scratch_open(ctx, cfg, self, read_cnn, err);
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    const scratch *m = self;
    int64_t width = 0;
    for (int32_t i = 0; i < m->n_conv; i++)
        width += m->conv[i].filters;
    return scratch_facts(m, width, out, err);
}

/* Even filters look one token further to the right (torch's "same"). */
static lud_t convolve(const scratch_conv *v, lud_graph *g, int32_t number, lud_t x, lud_t seg_offsets) {
    const lud_dense_init init = {v->use_bias, {LUD_INITIAL_TORCH, 0, 0}, {LUD_INITIAL_TORCH, 0, 0}};
    char name[32];
    (void)snprintf(name, sizeof name, "conv.%d", (int)number);
    lud_t window = lud_segment_unfold(scratch_graph, g, x, seg_offsets, (v->size - 1) / 2, v->size / 2);
    lud_t y = lud_dense(scratch_graph, g, name, window, v->filters, &init);
    if (v->activation) y = lud_act(scratch_graph, g, y, v->activation);
    return scratch_graph->dropout(g, y, v->dropout);
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const scratch *m = self;
    lud_t x = scratch_embed(m, g, in->ids), all = 0;
    for (int32_t i = 0; i < m->n_conv; i++) {
        lud_t y = convolve(&m->conv[i], g, i, x, in->seg_offsets);
        if (m->pool) y = lud_segment_pool(scratch_graph, g, y, in->seg_offsets, in->s_extent, m->pool);
        all = all ? lud_concat(scratch_graph, g, all, y) : y;
    }
    return scratch_finish(m, g, all, m->pool != 0, out, err);
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_cnn, .close = scratch_close};
static const lud_encoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .info = info, .build = build};
static const char *const feature_types[] = {"text", NULL};
const lud_component scratch_cnn_component = {
    .struct_size = sizeof scratch_cnn_component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.scratch.parallel_cnn",
    .config_name = "parallel_cnn",
    .summary = "convolutions of several widths over the words, trained from scratch",
    .config_schema = LUD_SCHEMA(
        SCRATCH_KEYS_EMBEDDING("\"xavier_uniform\"", 0), SCRATCH_KEY_REDUCE("\"sum\""),
        LUD_KEY_OBJECTS("conv_layers",
                        "one object per convolution: filter_size, num_filters, activation, dropout, use_bias"),
        LUD_KEY_MAYBE_INT("num_conv_layers", 1, 32,
                          "number of equal convolutions; null: filters of 2, 3, 4 and 5 tokens"),
        LUD_KEY_INT("num_filters", 256, 1, 1048576, "filters of a convolution"),
        LUD_KEY_INT("filter_size", 3, 1, 1024, "tokens that a filter sees"),
        LUD_KEY_WORD("pool_function", "\"max\"", "\"max\", \"mean\", \"avg\", \"average\"",
                     "has no effect without pool_size"),
        LUD_KEY("pool_size", "\"null\"", "null", "", "not available yet"),
        LUD_KEY_BOOL("should_embed", true, "only true is possible"),
        LUD_KEY_MAYBE_INT("num_fc_layers", 0, 64, "fully connected layers; null: two, of 512 and 256"),
        LUD_KEY_OBJECTS("fc_layers", "one object per layer, with keys of this section, also norm"),
        LUD_KEY_INT("output_size", 256, 1, 1048576, "width of a fully connected layer"),
        LUD_KEY("norm", "\"null\"", "null", "", "only null; fc_layers may have one"),
        LUD_KEY_BOOL("use_bias", true, "add a bias"),
        LUD_KEY_INITIAL("bias_initializer", "\"zeros\"", "how biases start"),
        LUD_KEY_ACTIVATION("activation", "\"relu\"")),
    .vtable = &vtable,
    .feature_types = feature_types,
};
