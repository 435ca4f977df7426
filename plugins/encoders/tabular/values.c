/* SPDX-License-Identifier: Apache-2.0
 * Encoders of columns that are numbers already (number, binary, vector): as they are, or through fully connected
 * layers. */
#include "tabular.h"

static const char *const feature_types[] = {"number", "binary", "vector", NULL};

static void read_passthrough(tabular *m, lud_section *s) {
    (void)m;
    (void)s;
}

static void read_dense(tabular *m, lud_section *s) {
    const lud_fc_form form = lud_fc_form_of("num_layers", "", "", 1, 256);
    lud_read_fc(s, &form, &m->fc);
}

static lud_status open_passthrough(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_passthrough, err);
}

static lud_status open_dense(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    return tabular_open(ctx, cfg, self, read_dense, err);
}

/* The stack of a passthrough has no layers. */
static lud_status build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err) {
    const tabular *m = self;
    lud_t rows = lud_build_fc(tabular_graph, g, &m->fc, "fc_stack", in->values);
    lud_status status = lud_status_of(tabular_graph, g, err);
    if (status == LUD_OK) out->rows = rows;
    return status;
}

static const lud_inst passthrough_inst = {
    .struct_size = sizeof passthrough_inst, .open = open_passthrough, .close = tabular_close};
static const lud_encoder_vt passthrough_vtable = {
    .struct_size = sizeof passthrough_vtable, .inst = &passthrough_inst, .build = build};
const lud_component tabular_passthrough = {
    .struct_size = sizeof tabular_passthrough,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.passthrough",
    .config_name = "passthrough",
    .summary = "the numbers of the column as they are",
    .config_schema = LUD_SCHEMA_EMPTY,
    .vtable = &passthrough_vtable,
    .feature_types = feature_types,
};

static const lud_inst dense_inst = {.struct_size = sizeof dense_inst, .open = open_dense, .close = tabular_close};
static const lud_encoder_vt dense_vtable = {.struct_size = sizeof dense_vtable, .inst = &dense_inst, .build = build};
const lud_component tabular_dense = {
    .struct_size = sizeof tabular_dense,
    .kind = LUD_KIND_ENCODER,
    .id = "org.ludwig.tabular.dense",
    .config_name = "dense",
    .summary = "fully connected layers over the numbers of the column",
    .config_schema =
        LUD_SCHEMA(LUD_KEY_INT("num_layers", 1, 0, 64, "fully connected layers"), LUD_KEYS_FC(256, "null")),
    .vtable = &dense_vtable,
    .feature_types = feature_types,
};
