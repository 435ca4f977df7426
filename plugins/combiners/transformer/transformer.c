/* SPDX-License-Identifier: Apache-2.0
 * transformer: each input's rows through a map of their own to one width; the inputs of a row are the steps of a
 * sequence that attend to each other; one vector of these steps, then Ludwig's fully connected stack. */
#include <ludwig/block.h>
#include <ludwig/fc.h>
#include <ludwig/reduce.h>
#include <ludwig/rows.h>

enum { REDUCE_CONCAT = -2 }; /* all steps beside each other; beside LUD_POOL_* and LUD_REDUCE_* */

typedef struct transformer {
    lud_host_ctx *ctx;
    lud_blocks blocks;
    int32_t reduce;
    lud_fc fc;
} transformer;

static const lud_host *host;
static const lud_graph_api *graph;

/* null: outputs sum the steps (their reduce_input), and there is no stack. */
static void read_reduce(transformer *m, lud_section *s) {
    if (lud_str_is(lud_str_of(s->c, s->node, "reduce_output"), "concat")) {
        m->reduce = REDUCE_CONCAT;
        return;
    }
    m->reduce = lud_read_reduce(s, "reduce_output", LUD_POOL_MEAN);
    if (m->reduce) return;
    m->reduce = LUD_POOL_SUM;
    m->fc.n = 0;
}

static lud_status read_section(transformer *m, const lud_cfg *section, lud_error *err) {
    lud_section s = lud_section_of(host->cfg, section, "combiner", err);
    const lud_fc_form form = lud_fc_form_of("num_fc_layers", "", "fc_", 0, 256);
    lud_read_blocks(&s, &m->blocks);
    lud_read_fc(&s, &form, &m->fc);
    read_reduce(m, &s);
    return s.status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    transformer *m = host->alloc(ctx, sizeof *m, _Alignof(transformer));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "transformer: out of memory");
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
    transformer *m = self;
    if (m) host->free(m->ctx, m);
}

static lud_status check_inputs(const lud_combiner_in *const *in, uint32_t n, lud_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        if (!LUD_HAS(in[i], lud_combiner_in, row_offsets))
            return lud_fail(err, LUD_E_ABI, "combiner transformer: this host gives no row_offsets");
        if (!lud_rows_of(in[i], "transformer", err)) return LUD_E_INVALID;
    }
    return LUD_OK;
}

/* Each input at the width of the blocks, all beside each other: [S, n * hidden]. */
static lud_t project(const transformer *m, lud_graph *g, const lud_combiner_in *const *in, uint32_t n) {
    const lud_dense_init dense = lud_dense_torch();
    lud_t all = 0;
    for (uint32_t i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "projectors.%u", i);
        lud_t y = lud_dense(graph, g, name, in[i]->encoded->rows, m->blocks.hidden, &dense);
        all = all ? lud_concat(graph, g, all, y) : y;
    }
    return all;
}

/* n times the integers of x, n > 0, by doubling: no operation multiplies integers. */
static lud_t times(lud_graph *g, lud_t x, uint32_t n) {
    lud_t sum = 0;
    for (;; x = lud_add(graph, g, x, x)) {
        if (n & 1) sum = sum ? lud_add(graph, g, sum, x) : x;
        n >>= 1;
        if (n == 0) return sum;
    }
}

static lud_t attend(const transformer *m, lud_graph *g, const lud_combiner_in *const *in, uint32_t n) {
    const int32_t rows = in[0]->seq->s_extent, steps = graph->extent_scaled(g, rows, (int32_t)n);
    const lud_block_seq seq = {.seg_offsets = times(g, in[0]->row_offsets, n),
                               .shape = lud_dims2(-(int64_t)steps, m->blocks.hidden),
                               .keyed = lud_dims2(-(int64_t)rows, n * m->blocks.hidden)};
    lud_t x = lud_reshape(graph, g, project(m, g, in, n), seq.shape);
    x = lud_build_blocks(graph, g, &m->blocks, &seq, x);
    if (m->reduce == REDUCE_CONCAT) return lud_reshape(graph, g, x, seq.keyed);
    return lud_reduce(graph, g, m->reduce, x, seq.seg_offsets, rows);
}

static lud_status build(void *self, lud_graph *g, const lud_combiner_in *const *in, uint32_t n, lud_t *out,
                        lud_error *err) {
    const transformer *m = self;
    lud_status status = check_inputs(in, n, err);
    if (status != LUD_OK) return status;
    lud_t rows = lud_build_fc(graph, g, &m->fc, "fc_stack", attend(m, g, in, n));
    status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = rows;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "transformer: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_combiner_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_COMBINER,
    .id = "org.ludwig.combiner.transformer",
    .config_name = "transformer",
    .summary = "attention between the inputs, then fully connected layers",
    .config_schema =
        LUD_SCHEMA(LUD_KEYS_BLOCKS, LUD_KEY_DROPOUT("dropout", 0.1, "share of a block's elements that training drops"),
                   LUD_KEY_REDUCE("\"mean\"", ", \"concat\"",
                                  "one vector of all inputs; null: their sum, without layers after it"),
                   LUD_KEY_INT("num_fc_layers", 0, 0, 64, "fully connected layers"), LUD_KEYS_FC_REST(256, "null"),
                   LUD_KEY_ACTIVATION("fc_activation", "\"relu\""),
                   LUD_KEY_DROPOUT("fc_dropout", 0, "share of a fully connected layer's elements that training drops"),
                   LUD_KEY_BOOL("fc_residual", false, "add each fully connected layer's input")),
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "transformer",
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
