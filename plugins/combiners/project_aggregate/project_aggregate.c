/* SPDX-License-Identifier: Apache-2.0
 * project_aggregate: each input's rows through a map of their own to one width, the mean of these, then Ludwig's fully
 * connected stack. */
#include <ludwig/fc.h>
#include <ludwig/rows.h>

typedef struct project_aggregate {
    lud_host_ctx *ctx;
    int64_t width; /* of the projections */
    lud_fc fc;
} project_aggregate;

static const lud_host *host;
static const lud_graph_api *graph;

static lud_status read_section(project_aggregate *m, const lud_cfg *section, lud_error *err) {
    lud_section s = lud_section_of(host->cfg, section, "combiner", err);
    lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "", 2, 128);
    form.norm = form.residual = 1;
    m->width = lud_section_int(&s, "projection_size", 128, 1, 1 << 20);
    lud_read_fc(&s, &form, &m->fc);
    return s.status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    project_aggregate *m = host->alloc(ctx, sizeof *m, _Alignof(project_aggregate));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "project_aggregate: out of memory");
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
    project_aggregate *m = self;
    if (m) host->free(m->ctx, m);
}

/* The projections start as torch's own linear layers, as in Ludwig, whatever the section's initializers say. */
static lud_status build(void *self, lud_graph *g, const lud_combiner_in *const *in, uint32_t n, lud_t *out,
                        lud_error *err) {
    static const lud_dense_init dense = {1, {LUD_INITIAL_TORCH, 0, 0}, {LUD_INITIAL_TORCH, 0, 0}};
    const project_aggregate *m = self;
    lud_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        char name[32];
        lud_t x = lud_rows_of(in[i], "project_aggregate", err);
        if (!x) return LUD_E_INVALID;
        (void)snprintf(name, sizeof name, "projectors.%u", i);
        lud_t y = lud_dense(graph, g, name, x, m->width, &dense);
        sum = sum ? lud_add(graph, g, sum, y) : y;
    }
    lud_t rows = lud_scale(graph, g, sum, 1.0f / (float)n, 0);
    rows = lud_build_fc(graph, g, &m->fc, "fc_stack", rows);
    lud_status status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = rows;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "project_aggregate: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_combiner_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_COMBINER,
    .id = "org.ludwig.project_aggregate",
    .config_name = "project_aggregate",
    .summary = "the mean of all inputs projected to one width, then fully connected layers",
    .config_schema =
        LUD_SCHEMA(LUD_KEY_INT("projection_size", 128, 1, 1048576, "width that each input is mapped to"),
                   LUD_KEY_INT("num_fc_layers", 2, 0, 64, "fully connected layers"), LUD_KEYS_FC(128, "\"layer\""),
                   LUD_KEY_BOOL("residual", true, "add each layer's input")),
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "project_aggregate",
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
