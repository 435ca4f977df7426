/* SPDX-License-Identifier: Apache-2.0
 * embed, of sets and bags: the sum of the items' rows of a table (an item of a bag counts as often as it occurs), then
 * fully connected layers. An empty set is 0. */
#include "tabular.h"

static void read_embed(tabular *m, lud_section *s) {
    const lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "", 0, 10);
    tabular_read_table(m, s);
    m->initial = lud_read_initial(s, "weights_initializer", lud_initial_of(LUD_INITIAL_XAVIER_UNIFORM));
    lud_read_fc(s, &form, &m->fc);
}

static lud_status open_embed(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_embed, err);
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const tabular *m = self;
    lud_t items = tabular_embed(m, g, in->ids);
    lud_t sum = lud_segment_pool(tabular_graph, g, items, in->seg_offsets, in->s_extent, LUD_POOL_SUM);
    lud_t rows = lud_build_fc(tabular_graph, g, &m->fc, "fc_stack", tabular_graph->dropout(g, sum, m->dropout));
    lud_status status = lud_status_of(tabular_graph, g, err);
    if (status == LUD_OK) out->rows = rows;
    return status;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_embed, .close = tabular_close};
static const lud_encoder_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const char *const feature_types[] = {"set", "bag", NULL};
const lud_component tabular_bag = {
    .struct_size = sizeof tabular_bag,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.bag",
    .config_name = "embed",
    .summary = "the sum of one trained vector per item",
    .config_schema = LUD_SCHEMA(
        TABULAR_KEYS_TABLE, LUD_KEY_BOOL("force_embedding_size", false, "also if there are fewer words"),
        LUD_KEY_WORD("representation", "\"dense\"", "\"dense\", \"sparse\"", "a trained table, or one-hot vectors"),
        LUD_KEY_INT("num_fc_layers", 0, 0, 64, "fully connected layers"), LUD_KEYS_FC(10, "null")),
    .vtable = &vtable,
    .feature_types = feature_types,
};
