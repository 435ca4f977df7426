/* SPDX-License-Identifier: Apache-2.0
 * The service "lud.graph/1": what plugins call to build. Linear maps, embeddings and the vocabulary loss go through the
 * hooks of the model layer, which applies adapters; this file knows no adapter. */
#include "internal.h"

static uint32_t api_op_version(const lud_graph *g, uint32_t opcode) {
    (void)g;
    return ludc_op_find(opcode) ? 1 : 0;
}

/* A copy of the caller's record at the size that this core knows. */
static bool take_site(lud_graph *g, const lud_site *in, int32_t want_kind, lud_site *out) {
    if (!in || in->struct_size < LUD_SIZEOF_THRU(lud_site, d_out) || !in->name)
        return ludc_graph_fail(g, LUD_E_INVALID, "a site without a name, or from another SDK"), false;
    *out = (lud_site){.struct_size = sizeof *out,
                      .kind = want_kind,
                      .layer = in->layer,
                      .groups = in->groups,
                      .name = in->name,
                      .weight = in->weight,
                      .bias = in->bias,
                      .d_in = in->d_in,
                      .d_out = in->d_out};
    if (out->weight == 0 || out->weight >= g->n_tensors)
        return ludc_graph_fail(g, LUD_E_INVALID, "site '%s' has no weight", in->name), false;
    const lud_shape *w = &g->tensors[out->weight].shape;
    if (w->rank == 2 && w->dim[0] == in->d_out && w->dim[1] == in->d_in) return true;
    /* A table maps ids below d_in = V to rows of d_out = C: its weight is stored the other way round. */
    bool table = want_kind == LUD_SITE_EMBEDDING && w->rank == 2;
    if (table && w->dim[0] == in->d_in && w->dim[1] == in->d_out) return true;
    char got[160];
    ludc_shape_text(w, got, sizeof got);
    ludc_graph_fail(g, LUD_E_INVALID, "site '%s': weight must be real[%lld, %lld] (d_in %lld, d_out %lld), got %s",
                    in->name, (long long)in->d_out, (long long)in->d_in, (long long)in->d_in, (long long)in->d_out,
                    got);
    return false;
}

typedef struct plain_map {
    lud_graph *g;
    const lud_site *site;
} plain_map;

static lud_t plain_linear(void *arg, lud_t x) {
    const plain_map *m = arg;
    const ludc_gtensor *w = &m->g->tensors[m->site->weight];
    const bool frozen = w->source == LUDC_SRC_PARAM && !w->trained;
    const bool int8 = frozen && m->g->hooks.int8 && m->g->hooks.int8(m->g->hooks.arg, m->site);
    return LUDC_EMIT_FLAGS(m->g, LUD_OP_BF16 | (int8 ? LUD_OP_INT8 : 0u), LINEAR, NULL, x, m->site->weight,
                           m->site->bias);
}

static lud_t plain_embedding(void *arg, lud_t ids) {
    const plain_map *m = arg;
    return LUDC_EMIT(m->g, EMBEDDING, NULL, m->site->weight, ids);
}

static lud_t map_site(lud_graph *g, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t)) {
    plain_map m = {g, site};
    lud_t y = g->hooks.site ? g->hooks.site(g->hooks.arg, g, site, x, next, &m) : next(&m, x);
    if (y == 0 && g->err.code == LUD_OK)
        ludc_graph_fail(g, LUD_E_INVALID, "site '%s': an adapter returned no tensor", site->name);
    return g->err.code == LUD_OK ? y : 0;
}

static lud_t api_linear(lud_graph *g, const lud_site *in, lud_t x) {
    lud_site site;
    if (g->err.code != LUD_OK ||
        !take_site(g, in, in && in->kind == LUD_SITE_VOCAB ? in->kind : LUD_SITE_LINEAR, &site))
        return 0;
    return map_site(g, &site, x, plain_linear);
}

static lud_t api_embedding(lud_graph *g, const lud_site *in, lud_t ids) {
    lud_site site;
    if (g->err.code != LUD_OK || !take_site(g, in, LUD_SITE_EMBEDDING, &site)) return 0;
    return map_site(g, &site, ids, plain_embedding);
}

static lud_t api_linear_xent(lud_graph *g, const lud_site *in, lud_t x, lud_t target, const lud_xent *xent) {
    lud_site site;
    if (g->err.code != LUD_OK || !take_site(g, in, LUD_SITE_VOCAB, &site)) return 0;
    lud_attr_xent attr = {.logit_scale = 1};
    if (xent && xent->struct_size >= LUD_SIZEOF_THRU(lud_xent, smoothing)) {
        attr.logit_scale = xent->logit_scale == 0 ? 1 : xent->logit_scale;
        attr.softcap = xent->softcap;
        attr.smoothing = xent->smoothing;
    }
    if (!g->hooks.wraps || !g->hooks.wraps(g->hooks.arg, &site))
        return LUDC_EMIT_FLAGS(g, LUD_OP_BF16, LINEAR_CROSS_ENTROPY, &attr, x, site.weight, site.bias, target);
    lud_t logits = map_site(g, &site, x, plain_linear);
    return logits ? LUDC_EMIT(g, CROSS_ENTROPY, &attr, logits, target) : 0;
}

static lud_t api_dropout(lud_graph *g, lud_t x, float p) {
    if (g->err.code != LUD_OK || !g->opts.training || p == 0) return g->err.code == LUD_OK ? x : 0;
    if (x == 0 || x >= g->n_tensors) return ludc_graph_fail(g, LUD_E_INVALID, "dropout of a tensor that is none");
    if (g->hooks.drops && !g->hooks.drops(g->hooks.arg, g->tensors[x].trained)) return x;
    bool rows = g->row_extent && g->tensors[x].shape.dim[0] == -(int64_t)g->row_extent;
    lud_t keys = rows ? g->row_keys : g->seq_keys, positions = rows ? g->row_positions : g->seq_positions;
    if (!keys || !positions)
        return ludc_graph_fail(g, LUD_E_INVALID, "dropout where the keys of the rows are not known");
    const lud_attr_dropout attr = {.p = p};
    return LUDC_EMIT(g, DROPOUT, &attr, x, keys, positions);
}

static lud_t api_mark(lud_graph *g, int32_t kind, int32_t layer, lud_t x) {
    if (g->err.code != LUD_OK) return 0;
    if (x == 0 || x >= g->n_tensors) return ludc_graph_fail(g, LUD_E_INVALID, "mark of a tensor that is none");
    if (!ludc_vec_grow(&g->marks, &g->cap_marks, g->n_marks + 1, sizeof *g->marks))
        return ludc_graph_fail(g, LUD_E_NOMEM, "no memory for a mark");
    g->marks[g->n_marks++] = (ludc_gmark){kind, layer, x};
    return x;
}

static int32_t api_extent_scaled(lud_graph *g, int32_t extent, int32_t factor) {
    if (g->err.code != LUD_OK) return 0;
    if (extent < 1 || extent >= (int32_t)g->n_extents || factor < 1) {
        ludc_graph_fail(g, LUD_E_INVALID, "cannot scale extent %d by %d", (int)extent, (int)factor);
        return 0;
    }
    ludc_gextent e = g->extents[extent];
    if (e.max > LUDC_MAX_COUNT / factor) {
        ludc_graph_fail(g, LUD_E_INVALID, "extent %d times %d is too large", (int)extent, (int)factor);
        return 0;
    }
    for (uint32_t i = 1; i < g->n_extents; i++)
        if (g->extents[i].base == e.base && g->extents[i].factor == e.factor * factor) return (int32_t)i;
    int32_t number = ludc_graph_extent(g, e.max * factor);
    if (number == 0) return 0;
    g->extents[number].base = e.base;
    g->extents[number].factor = e.factor * factor;
    return number;
}

static lud_status api_shape_of(const lud_graph *g, lud_t t, lud_shape *out) {
    if (t == 0 || t >= g->n_tensors) return LUD_E_INVALID;
    *out = g->tensors[t].shape;
    if (out->dtype == g->opts.real) out->dtype = LUD_REAL;
    return LUD_OK;
}

static lud_status api_status(const lud_graph *g, lud_error *err) {
    if (g->err.code == LUD_OK) return LUD_OK;
    return ludc_fail(err, g->err.code, "%s", g->err.msg);
}

static void api_fail(lud_graph *g, lud_status code, const char *message) {
    ludc_graph_fail(g, code == LUD_OK ? LUD_E_INTERNAL : code, "%s", message ? message : "a plugin failed");
}

const lud_graph_api *ludc_graph_api(void) {
    static const lud_graph_api api = {.struct_size = sizeof api,
                                      .op_version = api_op_version,
                                      .param = ludc_graph_param,
                                      .constant = ludc_graph_constant,
                                      .emit = ludc_graph_emit,
                                      .linear = api_linear,
                                      .embedding = api_embedding,
                                      .linear_xent = api_linear_xent,
                                      .dropout = api_dropout,
                                      .mark = api_mark,
                                      .extent_scaled = api_extent_scaled,
                                      .shape_of = api_shape_of,
                                      .status = api_status,
                                      .fail = api_fail};
    return &api;
}
