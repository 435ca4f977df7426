/* SPDX-License-Identifier: Apache-2.0
 * sequence_concat: one input is a sequence; beside each of its tokens stand the rows of all other inputs, in their
 * order; then one vector of these steps. */
#include <ludwig/combiner.h>
#include <ludwig/reduce.h>

typedef struct sequence_concat {
    lud_host_ctx *ctx;
    lud_str main; /* the sequence's name, or empty: the one that there is; lives as long as the instance */
    int32_t reduce;
} sequence_concat;

static const lud_host *host;
static const lud_graph_api *graph;

/* Without a word, outputs sum the steps (their reduce_input). */
static lud_status read_section(sequence_concat *m, const lud_cfg *section, lud_error *err) {
    lud_section s = lud_section_of(host->cfg, section, "combiner", err);
    const lud_cfg *name = lud_member(host->cfg, section, "main_sequence_feature");
    if (lud_is_set(host->cfg, name) && host->cfg->get(name, LUD_CFG_STR, &m->main) != LUD_OK)
        lud_section_fail(&s, "main_sequence_feature", "want the name of an input feature");
    m->reduce = lud_read_reduce(&s, "reduce_output", 0);
    if (!m->reduce) m->reduce = LUD_POOL_SUM;
    return s.status;
}

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    sequence_concat *m = host->alloc(ctx, sizeof *m, _Alignof(sequence_concat));
    if (!m) return lud_fail(err, LUD_E_NOMEM, "sequence_concat: out of memory");
    *m = (sequence_concat){.ctx = ctx, .main = {"", 0}};
    lud_status status = read_section(m, host->cfg->find(cfg, "config"), err);
    if (status != LUD_OK) {
        host->free(ctx, m);
        return status;
    }
    *self = m;
    return LUD_OK;
}

static void close_instance(void *self) {
    sequence_concat *m = self;
    if (m) host->free(m->ctx, m);
}

/* The input that main_sequence_feature names must be there and be a sequence. */
static lud_status check_name(const sequence_concat *m, const lud_combiner_in *const *in, uint32_t n, lud_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        if (!lud_str_is(m->main, in[i]->feature)) continue;
        if (!in[i]->encoded->rows) return LUD_OK;
        return lud_fail(
            err, LUD_E_INVALID,
            "combiner.main_sequence_feature: the encoder of '%s' gives one vector per row, no sequence; set "
            "its encoder.reduce_output to null",
            in[i]->feature);
    }
    if (m->main.len == 0) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "combiner.main_sequence_feature: '%.*s' is no input feature", (int)m->main.len,
                    m->main.ptr);
}

/* The one sequence. Ludwig joins several step by step and wants them of one length, which packed texts never are. */
static lud_status find_sequence(const lud_combiner_in *const *in, uint32_t n, const lud_combiner_in **out,
                                lud_error *err) {
    const lud_combiner_in *found = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (in[i]->encoded->rows) continue;
        if (found)
            return lud_fail(err, LUD_E_INVALID,
                            "combiner sequence_concat: input features '%s' and '%s' are both sequences, and their "
                            "lengths differ; set encoder.reduce_output (sum, mean, max, last) of one of them",
                            found->feature, in[i]->feature);
        found = in[i];
    }
    if (!found)
        return lud_fail(
            err, LUD_E_INVALID,
            "combiner sequence_concat: no input feature is a sequence; set encoder.reduce_output of one text "
            "to null, or use the combiner concat");
    if (!LUD_HAS(found, lud_combiner_in, row_of_token))
        return lud_fail(err, LUD_E_ABI, "combiner sequence_concat: this host gives no row_of_token");
    *out = found;
    return LUD_OK;
}

static lud_status build(void *self, lud_graph *g, const lud_combiner_in *const *in, uint32_t n, lud_t *out,
                        lud_error *err) {
    const sequence_concat *m = self;
    const lud_combiner_in *seq = NULL;
    lud_status status = check_name(m, in, n, err);
    if (status == LUD_OK) status = find_sequence(in, n, &seq, err);
    if (status != LUD_OK) return status;
    lud_t tokens = seq->encoded->tokens, beside = 0;
    for (uint32_t i = 0; i < n; i++) {
        lud_t x = in[i]->encoded->rows; /* 0: the sequence itself */
        if (x) beside = beside ? lud_concat(graph, g, beside, x) : x;
    }
    if (beside) tokens = lud_concat(graph, g, tokens, lud_gather_rows(graph, g, beside, seq->row_of_token));
    lud_t rows = lud_reduce(graph, g, m->reduce, tokens, seq->seq->seg_offsets, seq->seq->s_extent);
    status = lud_status_of(graph, g, err);
    if (status == LUD_OK) *out = rows;
    return status;
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "sequence_concat: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_combiner_vt vtable = {.struct_size = sizeof vtable, .inst = &inst, .build = build};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_COMBINER,
    .id = "org.ludwig.sequence_concat",
    .config_name = "sequence_concat",
    .summary = "the vectors of all inputs beside each token of a text, then one vector of these",
    .config_schema = LUD_SCHEMA(LUD_KEY("main_sequence_feature", "[\"string\", \"null\"]", "null", "",
                                        "the input that is a sequence; null: the one that there is"),
                                LUD_KEY_REDUCE("null", "", "one vector of all tokens; null: their sum")),
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "sequence_concat",
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
