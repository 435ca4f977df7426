/* SPDX-License-Identifier: Apache-2.0
 * Encoders of a category, one id per row: its row of a table that is trained (dense), is the identity (sparse, onehot),
 * or is the id itself (passthrough). The table also serves sets and bags (bag.c). */
#include "tabular.h"

/* An identity table has width^2 elements. */
#define WIDEST_IDENTITY 4096

static const char *const feature_types[] = {"category", NULL};

static void be_identity(tabular *m, lud_section *s, const char *key) {
    m->sparse = 1;
    m->embedding_size = m->width;
    if (m->width > WIDEST_IDENTITY) {
        lud_section_fail(s, key,
                         "the feature has %lld classes, one-hot vectors are made for at most %d; use a dense encoder "
                         "or lower preprocessing.most_common",
                         (long long)m->width, WIDEST_IDENTITY);
    }
}

void tabular_read_table(tabular *m, lud_section *s) {
    static const char *const words[] = {"dense", "sparse", NULL};
    m->embedding_size = lud_section_int(s, "embedding_size", 50, 1, 1 << 20);
    m->trained = lud_section_bool(s, "embeddings_trainable", 1);
    m->dropout = lud_section_dropout(s, "dropout", 0);
    lud_section_refuse(s, "pretrained_embeddings", "not available yet; set it to null");
    if (m->width < m->embedding_size && !lud_section_bool(s, "force_embedding_size", 0)) m->embedding_size = m->width;
    if (lud_section_word(s, "representation", 0, words) == 1) be_identity(m, s, "representation");
}

/* A constant table [width, columns]; columns 1: the id itself, else the identity. */
static lud_t constant_table(const tabular *m, lud_graph *g, int64_t columns) {
    size_t n = (size_t)(m->width * columns);
    float *values = tabular_host->alloc(m->ctx, n * sizeof *values, 64);
    if (!values) {
        tabular_graph->fail(g, LUD_E_NOMEM, "tabular: out of memory for a table of one-hot vectors");
        return 0;
    }
    memset(values, 0, n * sizeof *values);
    for (int64_t i = 0; i < m->width; i++)
        values[columns == 1 ? i : i * columns + i] = columns == 1 ? (float)i : 1.0f;
    const lud_shape shape = lud_dims2(m->width, columns);
    lud_t table = tabular_graph->constant(g, columns == 1 ? "ids" : "identity", &shape, values);
    tabular_host->free(m->ctx, values);
    return table;
}

static lud_t lookup(lud_graph *g, lud_t table, lud_t ids) {
    const lud_t in[2] = {table, ids};
    const lud_attr_none none = {0};
    return lud_emit(tabular_graph, g, LUD_OP_EMBEDDING, in, 2, 1, &none, sizeof none);
}

lud_t tabular_embed(const tabular *m, lud_graph *g, lud_t ids) {
    if (m->sparse) return lookup(g, constant_table(m, g, m->width), ids);
    return lud_fresh_embedding(tabular_graph, g, "embeddings", ids, m->width, m->embedding_size, &m->initial,
                               m->trained);
}

/* ---- Slots ---- */
static const lud_initial uniform = {LUD_INITIAL_UNIFORM, -1, 1};

static void read_dense(tabular *m, lud_section *s) {
    tabular_read_table(m, s);
    m->initial = lud_read_initial(s, "embedding_initializer", uniform);
}

static void read_sparse(tabular *m, lud_section *s) {
    m->dropout = lud_section_dropout(s, "dropout", 0);
    if (lud_section_bool(s, "embeddings_trainable", 0)) {
        lud_section_fail(s, "embeddings_trainable", "one-hot vectors are not trained; use the encoder dense");
    }
    be_identity(m, s, "type");
}

static void read_passthrough(tabular *m, lud_section *s) {
    (void)m;
    (void)s;
}

static lud_status open_dense(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_dense, err);
}

static lud_status open_sparse(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_sparse, err);
}

static lud_status open_passthrough(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_passthrough, err);
}

static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const tabular *m = self;
    lud_t rows = tabular_graph->dropout(g, tabular_embed(m, g, in->ids), m->dropout);
    lud_status status = lud_status_of(tabular_graph, g, err);
    if (status == LUD_OK) out->rows = rows;
    return status;
}

static lud_status build_passthrough(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    lud_t rows = lookup(g, constant_table(self, g, 1), in->ids);
    lud_status status = lud_status_of(tabular_graph, g, err);
    if (status == LUD_OK) out->rows = rows;
    return status;
}

/* ---- Components ---- */
static const lud_inst dense_inst = {.struct_size = sizeof dense_inst, .open = open_dense, .close = tabular_close};
static const lud_encoder_vt dense_vtable = {.struct_size = sizeof dense_vtable, .inst = &dense_inst, .build = build};
const lud_component tabular_category_dense = {
    .struct_size = sizeof tabular_category_dense,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.category_dense",
    .config_name = "dense",
    .summary = "one trained vector per class",
    .config_schema =
        LUD_SCHEMA(TABULAR_KEYS_TABLE, LUD_KEY_DROPOUT("dropout", 0, "share of elements that training drops"),
                   LUD_KEY_INITIAL("embedding_initializer", "null", "how the vectors start; null: uniform within +-1")),
    .vtable = &dense_vtable,
    .feature_types = feature_types,
};

static const lud_inst sparse_inst = {.struct_size = sizeof sparse_inst, .open = open_sparse, .close = tabular_close};
static const lud_encoder_vt sparse_vtable = {.struct_size = sizeof sparse_vtable, .inst = &sparse_inst, .build = build};
const lud_component tabular_sparse = {
    .struct_size = sizeof tabular_sparse,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.sparse",
    .config_name = "sparse",
    .summary = "one-hot vectors",
    .config_schema = LUD_SCHEMA(LUD_KEY_DROPOUT("dropout", 0, "share of elements that training drops"),
                                LUD_KEY_BOOL("embeddings_trainable", false, "only false is possible"),
                                LUD_KEY_BOOL("embeddings_on_cpu", false, "has no effect")),
    .vtable = &sparse_vtable,
    .feature_types = feature_types,
};
const lud_component tabular_onehot = {
    .struct_size = sizeof tabular_onehot,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.onehot",
    .config_name = "onehot",
    .summary = "one-hot vectors",
    .config_schema = LUD_SCHEMA_EMPTY,
    .vtable = &sparse_vtable,
    .feature_types = feature_types,
};

static const lud_inst passthrough_inst = {
    .struct_size = sizeof passthrough_inst, .open = open_passthrough, .close = tabular_close};
static const lud_encoder_vt passthrough_vtable = {
    .struct_size = sizeof passthrough_vtable, .inst = &passthrough_inst, .build = build_passthrough};
const lud_component tabular_category_passthrough = {
    .struct_size = sizeof tabular_category_passthrough,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.category_passthrough",
    .config_name = "passthrough",
    .summary = "the number of the class as it is",
    .config_schema = LUD_SCHEMA_EMPTY,
    .vtable = &passthrough_vtable,
    .feature_types = feature_types,
};
