/* SPDX-License-Identifier: Apache-2.0
 * comparator: two entities, each made of some inputs, through a fully connected stack each, then compared: dot product,
 * elementwise product, |difference|, and the bilinear form e1 W e2 with a fixed random W, as in Ludwig. */
#include <ludwig/combiner.h>
#include <ludwig/fc.h>

typedef struct comparator {
    lud_host_ctx *ctx;
    const lud_cfg *entity[2]; /* lists of feature names; live as long as the instance */
    lud_fc fc;
} comparator;

static const lud_host *host;
static const lud_graph_api *graph;
static const char *const keys[2] = {"entity_1", "entity_2"};

static lud_status read_section(comparator *m, const lud_cfg *section, lud_error *err) {
    lud_section s = lud_section_of(host->cfg, section, "combiner", err);
    const lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "", 1, 256);
    for (int i = 0; i < 2; i++) {
        m->entity[i] = lud_member(host->cfg, section, keys[i]);
        if (host->cfg->type(m->entity[i]) != LUD_CFG_LIST || host->cfg->len(m->entity[i]) == 0) {
            lud_section_fail(&s, keys[i], "want a list of input features");
        }
    }
    lud_read_fc(&s, &form, &m->fc);
    if (s.status == LUD_OK && m->fc.n == 0) lud_section_fail(&s, "num_fc_layers", "want at least 1");
    return s.status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    comparator *m = host->alloc(ctx, sizeof *m, _Alignof(comparator));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "comparator: out of memory");
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
    comparator *m = self;
    if (m) host->free(m->ctx, m);
}

static const lud_combiner_in *input_named(const lud_combiner_in *const *in, uint32_t n, lud_str name) {
    for (uint32_t i = 0; i < n; i++)
        if (lud_str_is(name, in[i]->feature)) return in[i];
    return NULL;
}

static int entity_has(const comparator *m, int entity, const char *feature) {
    for (size_t i = 0; i < host->cfg->len(m->entity[entity]); i++) {
        lud_str name = {"", 0};
        (void)host->cfg->get(host->cfg->at(m->entity[entity], i), LUD_CFG_STR, &name);
        if (lud_str_is(name, feature)) return 1;
    }
    return 0;
}

/* Every input must be part of an entity. */
static lud_status check_inputs(const comparator *m, const lud_combiner_in *const *in, uint32_t n, lud_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        if (entity_has(m, 0, in[i]->feature) || entity_has(m, 1, in[i]->feature)) continue;
        return lud_fail(err, LUD_E_INVALID, "combiner: input feature '%s' is in neither entity_1 nor entity_2",
                        in[i]->feature);
    }
    return LUD_OK;
}

/* The features of one entity side by side, through its stack. */
static lud_status build_entity(const comparator *m, lud_graph *g, int entity, const lud_combiner_in *const *in,
                               uint32_t n, lud_t *out, lud_error *err) {
    lud_t rows = 0;
    for (size_t i = 0; i < host->cfg->len(m->entity[entity]); i++) {
        lud_str name = {"", 0};
        (void)host->cfg->get(host->cfg->at(m->entity[entity], i), LUD_CFG_STR, &name);
        const lud_combiner_in *part = input_named(in, n, name);
        if (!part || !part->encoded->rows) {
            return lud_fail(err, LUD_E_INVALID, "combiner.%s: '%.*s' %s", keys[entity], (int)name.len, name.ptr,
                            part ? "gives a sequence; set its encoder.reduce_output (sum, mean, max, last)"
                                 : "is no input feature");
        }
        rows = rows ? lud_concat(graph, g, rows, part->encoded->rows) : part->encoded->rows;
    }
    *out = lud_build_fc(graph, g, &m->fc, entity ? "e2_fc_stack" : "e1_fc_stack", rows);
    return LUD_OK;
}

/* [S] -> [S,1] */
static lud_t as_column(lud_graph *g, lud_t x) {
    lud_shape s = {0};
    if (graph->shape_of(g, x, &s) != LUD_OK) return 0;
    return lud_reshape(graph, g, x, lud_dims2(s.dim[0], 1));
}

static lud_t bilinear(lud_graph *g, lud_t a, lud_t b) {
    int64_t c = lud_width_of(graph, g, a);
    const lud_param_spec spec = {
        .struct_size = sizeof spec, .flags = LUD_PARAM_BUFFER, .init = LUD_INIT_NORMAL, .a = 0, .b = 1};
    const lud_shape shape = lud_dims2(c, c);
    lud_t w = graph->param(g, "bilinear_weights", &shape, &spec); /* [out, in]: column o of Ludwig's is row o */
    return lud_row_sum(graph, g, lud_mul(graph, g, lud_linear_raw(graph, g, a, w, 0), b));
}

static lud_t compare(lud_graph *g, lud_t a, lud_t b) {
    lud_t product = lud_mul(graph, g, a, b);
    lud_t difference = lud_add(graph, g, a, lud_scale(graph, g, b, -1, 0));
    lud_t distance = lud_add(graph, g, lud_act(graph, g, difference, LUD_ACT_RELU),
                             lud_act(graph, g, lud_scale(graph, g, difference, -1, 0), LUD_ACT_RELU));
    lud_t left = lud_concat(graph, g, as_column(g, lud_row_sum(graph, g, product)), product);
    lud_t right = lud_concat(graph, g, distance, as_column(g, bilinear(g, a, b)));
    return lud_concat(graph, g, left, right);
}

static lud_status build(void *self, lud_graph *g, const lud_combiner_in *const *in, uint32_t n, lud_t *out,
                        lud_error *err) {
    const comparator *m = self;
    lud_t e1 = 0, e2 = 0;
    lud_status status = check_inputs(m, in, n, err);
    if (status == LUD_OK) status = build_entity(m, g, 0, in, n, &e1, err);
    if (status == LUD_OK) status = build_entity(m, g, 1, in, n, &e2, err);
    if (status != LUD_OK) return status;
    lud_t rows = compare(g, e1, e2);
    status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = rows;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "comparator: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_combiner_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_COMBINER,
    .id = "org.ludwig.comparator",
    .config_name = "comparator",
    .summary = "two groups of inputs, compared",
    .config_schema = LUD_SCHEMA(LUD_KEY_TEXTS("entity_1", "input features of the first entity"),
                                LUD_KEY_TEXTS("entity_2", "input features of the second entity"),
                                LUD_KEY_INT("num_fc_layers", 1, 1, 64, "fully connected layers of each entity"),
                                LUD_KEYS_FC(256, "null")),
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "comparator",
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
