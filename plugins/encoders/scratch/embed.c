/* SPDX-License-Identifier: Apache-2.0
 * embed: one vector per token, which core pools; also the embeddings and the stack that the other encoders share. */
#include "scratch.h"

void scratch_read_embedding(scratch *m, lud_section *s, int32_t initial_rule) {
    static const char *const words[] = {"dense", NULL};
    m->embedding_size = lud_section_int(s, "embedding_size", 256, 1, 1 << 20);
    m->trained = lud_section_bool(s, "embeddings_trainable", 1);
    m->initial = lud_read_initial(s, "weights_initializer", lud_initial_of(initial_rule));
    (void)lud_section_word(s, "representation", 0, words);
    lud_section_refuse(s, "pretrained_embeddings", "not available yet; set it to null");
}

int64_t scratch_embedding_width(const scratch *m) {
    return m->vocab_size > 0 && m->vocab_size < m->embedding_size ? m->vocab_size : m->embedding_size;
}

lud_t scratch_embed(const scratch *m, lud_graph *g, lud_t ids) {
    if (m->vocab_size == 0) {
        scratch_graph->fail(g, LUD_E_INVALID, "metadata.vocab_size: is missing");
        return 0;
    }
    lud_t x = lud_fresh_embedding(scratch_graph, g, "embeddings", ids, m->vocab_size, scratch_embedding_width(m),
                                  &m->initial, m->trained);
    return scratch_graph->dropout(g, x, m->dropout);
}

void scratch_read_stack(scratch *m, lud_section *s, const lud_fc_form *form, const char *reduce_output) {
    static const char *const words[] = {"sum", "mean", "avg", "max", "last", NULL};
    static const int32_t pools[] = {LUD_POOL_SUM, LUD_POOL_MEAN, LUD_POOL_MEAN, LUD_POOL_MAX, LUD_POOL_LAST};
    const lud_cfg *node = lud_member(s->c, s->node, "reduce_output");
    lud_read_fc(s, form, &m->fc);
    if (s->c->type(node) == LUD_CFG_NULL) m->fc.n = 0;
    if (m->fc.n == 0) return;
    int dflt = 0;
    while (strcmp(words[dflt], reduce_output) != 0)
        dflt++;
    int word = lud_section_word(s, "reduce_output", dflt, words);
    m->pool = word < 0 ? 0 : pools[word];
}

/* ---- Slots ---- */
static void read_embed(scratch *m, lud_section *s) {
    scratch_read_embedding(m, s, LUD_INITIAL_UNIFORM);
    m->dropout = lud_section_dropout(s, "dropout", 0);
}

static lud_status open_embed(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return scratch_open(ctx, cfg, self, read_embed, err);
}

static lud_status info(void *self, lud_cfg_out *out, lud_error *err) {
    return scratch_facts(self, scratch_embedding_width(self), out, err);
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    return scratch_finish(self, g, scratch_embed(self, g, in->ids), 0, out, err);
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_embed, .close = scratch_close};
static const lud_encoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .info = info, .build = build};
static const char *const feature_types[] = {"text", NULL};
const lud_component scratch_embed_component = {
    .struct_size = sizeof scratch_embed_component,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.scratch.embed",
    .config_name = "embed",
    .summary = "one trained vector per word of the training texts",
    .config_schema = LUD_SCHEMA(SCRATCH_KEYS_EMBEDDING("\"uniform\"", 0), SCRATCH_KEY_REDUCE("\"sum\"")),
    .vtable = &vtable,
    .feature_types = feature_types,
};
