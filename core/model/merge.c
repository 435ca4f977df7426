/* SPDX-License-Identifier: Apache-2.0
 * Folding an adapter into the weights. An adapter may do it itself; else its graph is run on the unit rows: with
 * f(x) = W' x + b', b' = f(0) and the columns of W' are f(e_i) - f(0). Exact for every adapter that is linear in x. */
#include "internal.h"

#include <string.h>

typedef struct site_graph {
    lud_graph *g;
    ludc_program *program;
    lud_t x, y;
    int32_t extent;
} site_graph;

static lud_status build_site(ludc_model *m, const ludc_site *s, bool bias, int64_t rows, site_graph *out,
                             lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    ludc_graph_hooks hooks = ludc_model_hooks;
    hooks.arg = m;
    const ludc_graph_opts opts = {.store = m->store, .real = m->real, .hooks = &hooks};
    out->g = ludc_graph_new(&opts, err);
    if (!out->g) return LUD_E_NOMEM;
    ludc_graph_scope_push(out->g, m->scope);
    out->extent = ludc_graph_extent(out->g, rows);
    lud_shape shape = lud_dims2(-(int64_t)out->extent, s->site.d_in);
    out->x = ludc_graph_input(out->g, "x", &shape);
    lud_site site = lud_make_site(api, out->g, s->name, s->site.kind, s->site.layer, s->site.d_in, s->site.d_out, bias);
    out->y = api->linear(out->g, &site, out->x);
    LUDC_TRY(api->status(out->g, err));
    return ludc_program_new(out->g, &out->y, 1, m->devices, m->store, &out->program, err);
}

/* Runs rows [first, first + n) of the unit matrix; row -1 is zero. y [n, d_out]. */
static lud_status run_unit(site_graph *sg, int64_t first, int64_t n, int64_t d_in, int64_t d_out, float *x, float *y,
                           lud_error *err) {
    int64_t extents[2] = {0, n};
    memset(x, 0, (size_t)(n * d_in) * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        if (first + i >= 0) x[i * d_in + first + i] = 1.0f;
    LUDC_TRY(ludc_program_write(sg->program, sg->x, x, (size_t)(n * d_in) * sizeof *x, err));
    LUDC_TRY(ludc_program_run(sg->program, extents, 2, err));
    return ludc_program_read(sg->program, sg->y, y, (size_t)(n * d_out) * sizeof *y, err);
}

static lud_status merge_by_running(ludc_model *m, const ludc_site *s, float *w, float *b, lud_error *err) {
    enum { ROWS = 64 };
    const int64_t in = s->site.d_in, out = s->site.d_out;
    site_graph sg = {0};
    float *x = ludc_alloc((size_t)(ROWS * in) * sizeof *x), *y = ludc_alloc((size_t)(ROWS * out) * sizeof *y);
    float *zero = ludc_alloc((size_t)out * sizeof *zero);
    lud_status status = LUD_E_NOMEM;
    if (!x || !y || !zero) {
        (void)ludc_fail(err, LUD_E_NOMEM, "no memory to merge %s", s->name);
        goto out;
    }
    status = m->real == LUD_F32 ? build_site(m, s, b != NULL, ROWS, &sg, err)
                                : ludc_fail(err, LUD_E_UNSUPPORTED, "merging by running needs fp32");
    if (status == LUD_OK) status = run_unit(&sg, -1, 1, in, out, x, zero, err);
    for (int64_t i = 0; status == LUD_OK && i < in; i += ROWS) {
        int64_t n = LUDC_MIN((int64_t)ROWS, in - i);
        status = run_unit(&sg, i, n, in, out, x, y, err);
        for (int64_t k = 0; status == LUD_OK && k < n * out; k++)
            w[(k % out) * in + i + k / out] = y[k] - zero[k % out];
    }
    if (status == LUD_OK && b) memcpy(b, zero, (size_t)out * sizeof *b);
out:
    ludc_program_free(sg.program);
    ludc_graph_free(sg.g);
    ludc_free(x);
    ludc_free(y);
    ludc_free(zero);
    return status;
}

lud_status ludc_site_merge(ludc_model *m, const ludc_site *s, float *w, float *b, lud_error *err) {
    if (!LUD_HAS(m->adapter_vt, lud_adapter_vt, merge)) return merge_by_running(m, s, w, b, err);
    ludc_store_weights_scope(m->store, m->scope);
    lud_status status = m->adapter_vt->merge(m->adapter_part.self, &s->site, (lud_weights *)m->store, w, b, err);
    ludc_store_weights_scope(m->store, "");
    return status;
}

int64_t ludc_site_param(const ludc_model *m, const ludc_site *s, const char *suffix) {
    char name[400];
    int n = snprintf(name, sizeof name, "%s%s.%s", m->scope, s->name, suffix);
    return n > 0 && (size_t)n < sizeof name ? ludc_store_index(m->store, (lud_str){name, (size_t)n}) : -1;
}

lud_status ludc_model_merged(ludc_model *m, const char *site, float *out, lud_error *err) {
    const ludc_site *s = ludc_site_find(m, ludc_str(site));
    int64_t index = s ? ludc_site_param(m, s, "weight") : -1;
    if (index < 0) return ludc_fail(err, LUD_E_NOT_FOUND, "the model has no site '%s' with a weight", site);
    LUDC_TRY(ludc_store_get(m->store, (size_t)index, out, err));
    if (!s->matched) return LUD_OK;
    index = ludc_site_param(m, s, "bias");
    float *b = index >= 0 ? ludc_alloc((size_t)s->site.d_out * sizeof *b) : NULL;
    lud_status status = LUD_OK;
    if (index >= 0) {
        status =
            b ? ludc_store_get(m->store, (size_t)index, b, err) : ludc_fail(err, LUD_E_NOMEM, "no memory to merge");
    }
    if (status == LUD_OK) status = ludc_site_merge(m, s, out, b, err);
    ludc_free(b);
    return status;
}
