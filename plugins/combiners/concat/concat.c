/* SPDX-License-Identifier: Apache-2.0
 * concat: the rows of all input features side by side, in their order, then Ludwig's fully connected stack. */
#include <ludwig/fc.h>
#include <ludwig/rows.h>

typedef struct concat {
    lud_host_ctx *ctx;
    lud_fc fc;
} concat;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status read_section(concat *m, const lud_cfg *section, lud_error *err) {
    lud_section s = lud_section_of(host->cfg, section, "combiner", err);
    const lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "", 0, 256);
    lud_read_fc(&s, &form, &m->fc);
    if (lud_section_bool(&s, "flatten_inputs", 0)) {
        lud_section_fail(&s, "flatten_inputs", "not available: rows differ in length; use the encoders' reduce_output");
    }
    return s.status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    concat *m = host->alloc(ctx, sizeof *m, _Alignof(concat));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "concat: out of memory");
    m->ctx = ctx;
    lud_status status = read_section(m, host->cfg->find(cfg, "config"), err);
    if (status != LUD_OK) {
        host->free(ctx, m);
        return status;
    }
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    concat *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status build(void *self, lud_graph *g, const lud_combiner_in *const *in, uint32_t n, lud_t *out,
                        lud_error *err) {
    const concat *m = self;
    lud_t rows = 0;
    for (uint32_t i = 0; i < n; i++) {
        lud_t x = lud_rows_of(in[i], "concat", err);
        if (!x) return LUD_E_INVALID;
        rows = rows ? lud_concat(graph, g, rows, x) : x;
    }
    rows = lud_build_fc(graph, g, &m->fc, "fc_stack", rows);
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = rows;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "concat: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_combiner_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_COMBINER,
    .id = "org.ludwig.concat",
    .config_name = "concat",
    .summary = "the vectors of all inputs side by side, then fully connected layers",
    .config_schema = LUD_SCHEMA(LUD_KEY_INT("num_fc_layers", 0, 0, 64, "fully connected layers"),
                                LUD_KEYS_FC(256, "null"), LUD_KEY_BOOL("residual", false, "add each layer's input"),
                                LUD_KEY_BOOL("flatten_inputs", false, "only false is possible")),
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "concat",
    .version = "0.1.0",
    .vendor = "Ludwig",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
