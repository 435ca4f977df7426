/* SPDX-License-Identifier: Apache-2.0
 * Hidden states of a run, for tests and for collecting activations: what encoders marked, and their output. */
#include "run.h"

#include <string.h>

static bool known(const lud_t *roots, size_t n, lud_t t) {
    for (size_t i = 0; i < n; i++)
        if (roots[i] == t) return true;
    return false;
}

lud_status ludc_run_hidden_roots(ludc_run *r, lud_t *roots, size_t *n, lud_error *err) {
    int32_t layers = (int32_t)r->model->info.layers;
    r->hidden[0] = ludc_graph_marked(r->built.g, LUD_MARK_EMBEDDINGS, -1);
    for (int32_t i = 0; i < layers; i++)
        r->hidden[i + 1] = ludc_graph_marked(r->built.g, LUD_MARK_LAYER, i);
    r->hidden[layers + 1] = r->built.tokens;
    for (int32_t i = 0; i < layers + 2; i++)
        if (r->hidden[i] && !known(roots, *n, r->hidden[i])) roots[(*n)++] = r->hidden[i];
    return r->built.tokens ? LUD_OK : ludc_fail(err, LUD_E_INTERNAL, "a program without hidden states");
}

lud_status ludc_run_hidden(ludc_run *r, int32_t layer, float *out, lud_error *err) {
    int64_t layers = r->model->info.layers, at = layer == INT32_MAX ? layers + 1 : (int64_t)layer + 1;
    if (!r->hidden || at < 0 || at > layers + 1 || !r->hidden[at])
        return ludc_fail(err, LUD_E_NOT_FOUND, "no hidden states of layer %d in this program", layer);
    return ludc_run_take_reals(r, r->hidden[at], out, r->T * r->model->info.width, err);
}
