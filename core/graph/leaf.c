/* SPDX-License-Identifier: Apache-2.0
 * Leaves of a graph: parameters, constants, inputs, cache pools, and the sequence that dropout is keyed by. Names are
 * relative to the current scope; a known name gives the same tensor. */
#include "internal.h"
#include <stdio.h>
#include <string.h>

/* Resolves the type and checks the shape. */
static bool leaf_shape(lud_graph *g, const char *what, const char *name, const lud_shape *in, lud_shape *out) {
    char why[200];
    if (!in) return ludc_graph_fail(g, LUD_E_INVALID, "%s '%s' has no shape", what, name), false;
    *out = (lud_shape){.dtype = in->dtype, .rank = in->rank};
    if (in->dtype == LUD_REAL || in->dtype == LUD_F32) out->dtype = g->opts.real;
    if (in->rank > 0 && in->rank <= 8) memcpy(out->dim, in->dim, (size_t)in->rank * sizeof in->dim[0]);
    if (out->dtype != g->opts.real && out->dtype != LUD_I32) {
        ludc_graph_fail(g, LUD_E_INVALID, "%s '%s' has type %d; LUD_REAL and LUD_I32 are possible", what, name,
                        (int)in->dtype);
        return false;
    }
    if (ludc_shape_valid(g, out, why, sizeof why)) return true;
    return ludc_graph_fail(g, LUD_E_INVALID, "%s '%s': %s", what, name, why), false;
}

/* The name with the scope before it; heap. */
static char *full_name(lud_graph *g, const char *name) {
    ludc_buf b = {0};
    ludc_buf_add(&b, g->scope.ptr ? g->scope.ptr : "", g->scope.len);
    ludc_buf_adds(&b, name);
    if (!b.failed) return b.ptr;
    ludc_buf_free(&b);
    ludc_graph_fail(g, LUD_E_NOMEM, "no memory for the name '%s'", name);
    return NULL;
}

static bool fixed_dims(lud_graph *g, const char *what, const char *name, const lud_shape *s) {
    if (s->dim[0] > 0) return true;
    return ludc_graph_fail(g, LUD_E_INVALID, "%s '%s' may not have an extent", what, name), false;
}

static lud_t new_param(lud_graph *g, const char *full, const lud_shape *shape, const lud_param_spec *spec) {
    static const lud_param_spec from_files = {.struct_size = sizeof from_files, .init = LUD_INIT_NONE};
    bool fixed = spec && (spec->flags & LUD_PARAM_BUFFER);
    bool trains = !fixed && g->hooks.trains && g->hooks.trains(g->hooks.arg, full);
    lud_shape declared = *shape;
    lud_param_spec own = spec ? *spec : from_files;
    declared.dtype = LUD_REAL;
    if (g->hooks.lr_scale)
        own.lr_scale = (own.lr_scale == 0 ? 1 : own.lr_scale) * g->hooks.lr_scale(g->hooks.arg, full);
    int64_t index = ludc_store_declare(g->store, full, &declared, &own, trains, &g->err);
    if (index < 0) return 0;
    if (!ludc_vec_grow(&g->params, &g->cap_params, g->n_params + 1, sizeof *g->params) ||
        !ludc_map_put(g->param_by_name, ludc_str(full), g->n_params))
        return ludc_graph_fail(g, LUD_E_NOMEM, "no memory for parameter '%s'", full);
    lud_t t = ludc_graph_tensor(g, shape, LUDC_SRC_PARAM, index);
    trains = ludc_store_at(g->store, (size_t)index)->trainable; /* what was said first counts */
    g->tensors[t].trained = t && trains;
    if (t) g->params[g->n_params++] = (ludc_gparam){.index = index, .tensor = t, .trainable = trains};
    return t;
}

static lud_t known_param(lud_graph *g, const char *full, lud_t t, const lud_shape *shape) {
    char got[160], want[160];
    if (ludc_shape_same(&g->tensors[t].shape, shape)) return t;
    ludc_shape_text(shape, got, sizeof got);
    ludc_shape_text(&g->tensors[t].shape, want, sizeof want);
    return ludc_graph_fail(g, LUD_E_INVALID, "parameter '%s' exists as %s, asked for as %s", full, want, got);
}

lud_t ludc_graph_param(lud_graph *g, const char *name, const lud_shape *shape, const lud_param_spec *spec) {
    lud_shape s;
    int64_t at;
    if (g->err.code != LUD_OK || !leaf_shape(g, "parameter", name, shape, &s)) return 0;
    if (!fixed_dims(g, "parameter", name, &s)) return 0;
    if (s.dtype == LUD_I32) return ludc_graph_fail(g, LUD_E_INVALID, "parameter '%s' must be LUD_REAL", name);
    char *full = full_name(g, name);
    if (!full) return 0;
    bool known = ludc_map_get(g->param_by_name, ludc_str(full), &at);
    lud_t t = known ? known_param(g, full, g->params[at].tensor, &s) : new_param(g, full, &s, spec);
    ludc_free(full);
    return t;
}

static void *copy_values(const lud_graph *g, const lud_shape *s, const void *data, size_t *bytes) {
    int64_t n = ludc_graph_count(g, s);
    *bytes = (size_t)n * ludc_dtype_size(s->dtype);
    void *copy = ludc_alloc(*bytes);
    if (!copy) return NULL;
    if (s->dtype != LUD_F64) return memcpy(copy, data, *bytes);
    for (int64_t i = 0; i < n; i++)
        ((double *)copy)[i] = (double)((const float *)data)[i];
    return copy;
}

/* An equal constant of the same name is one tensor: each layer asks for its frequency table. */
static lud_t known_constant(const lud_graph *g, const ludc_gconst *c, const lud_shape *s) {
    for (uint32_t i = 0; i < g->n_consts; i++) {
        const ludc_gconst *old = &g->consts[i];
        if (old->bytes != c->bytes || strcmp(old->name, c->name) != 0) continue;
        if (!ludc_shape_same(&g->tensors[old->tensor].shape, s)) continue;
        if (memcmp(old->data, c->data, c->bytes) == 0) return old->tensor;
    }
    return 0;
}

lud_t ludc_graph_constant(lud_graph *g, const char *name, const lud_shape *shape, const void *data) {
    lud_shape s;
    if (g->err.code != LUD_OK || !leaf_shape(g, "constant", name, shape, &s)) return 0;
    if (!fixed_dims(g, "constant", name, &s)) return 0;
    ludc_gconst c = {.name = full_name(g, name)};
    lud_t t = 0;
    if (!c.name) return 0;
    c.data = copy_values(g, &s, data, &c.bytes);
    if (!c.data || !ludc_vec_grow(&g->consts, &g->cap_consts, g->n_consts + 1, sizeof *g->consts)) {
        ludc_graph_fail(g, LUD_E_NOMEM, "no memory for constant '%s'", name);
        goto out;
    }
    t = known_constant(g, &c, &s);
    if (t) goto out;
    t = c.tensor = ludc_graph_tensor(g, &s, LUDC_SRC_CONST, g->n_consts);
    if (!t) goto out;
    g->consts[g->n_consts++] = c;
    return t;
out:
    ludc_free(c.name);
    ludc_free(c.data);
    return t;
}

lud_t ludc_graph_input(lud_graph *g, const char *name, const lud_shape *shape) {
    lud_shape s;
    if (g->err.code != LUD_OK || !leaf_shape(g, "input", name, shape, &s)) return 0;
    char *copy = ludc_strdup(name);
    if (!copy || !ludc_vec_grow(&g->input_names, &g->cap_inputs, g->n_inputs + 1, sizeof *g->input_names)) {
        ludc_free(copy);
        return ludc_graph_fail(g, LUD_E_NOMEM, "no memory for input '%s'", name);
    }
    g->input_names[g->n_inputs] = copy;
    return ludc_graph_tensor(g, &s, LUDC_SRC_INPUT, g->n_inputs++);
}

lud_t ludc_graph_pool(lud_graph *g, int64_t n_groups, int64_t rows, int64_t cols) {
    char why[200];
    lud_shape s = {.dtype = g->opts.real, .rank = 4, .dim = {g->opts.n_pages, n_groups, rows, cols}};
    if (g->opts.n_pages < 1 || g->opts.page_size < 1 || g->opts.pages_per_segment < 1)
        return ludc_graph_fail(g, LUD_E_INVALID, "a cached graph needs page_size, n_pages and pages_per_segment");
    if (!ludc_shape_valid(g, &s, why, sizeof why)) return ludc_graph_fail(g, LUD_E_INVALID, "cache pool: %s", why);
    return ludc_graph_tensor(g, &s, LUDC_SRC_KV, 0);
}

void ludc_graph_set_seq(lud_graph *g, lud_t row_keys, lud_t positions, lud_t seg_offsets, lud_t page_table) {
    g->seq_keys = row_keys;
    g->seq_positions = positions;
    g->seq_offsets = seg_offsets;
    g->page_table = page_table;
}

void ludc_graph_set_rows(lud_graph *g, int32_t n_extent, lud_t row_keys, lud_t positions) {
    g->row_extent = n_extent;
    g->row_keys = row_keys;
    g->row_positions = positions;
}

lud_t ludc_graph_marked(const lud_graph *g, int32_t kind, int32_t layer) {
    for (uint32_t i = g->n_marks; i-- > 0;)
        if (g->marks[i].kind == kind && g->marks[i].layer == layer) return g->marks[i].tensor;
    return 0;
}
