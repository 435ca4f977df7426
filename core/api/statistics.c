/* SPDX-License-Identifier: Apache-2.0
 * Metrics as the outside sees them. */
#include "internal.h"

#include <math.h>

static const ludc_value *first_tree(const ludc_evaluation *e) {
    for (int i = LUDC_N_SPLITS - 1; i >= 0; i--)
        if (e->split[i]) return e->split[i];
    return NULL;
}

static bool is_number(const ludc_value *v) {
    return v->type == LUD_CFG_FLOAT || v->type == LUD_CFG_INT || v->type == LUD_CFG_NULL;
}

lud_metric *ludc_public_metrics(const ludc_evaluation *e, size_t *n) {
    const ludc_value *tree = first_tree(e);
    size_t cap = 1;
    for (size_t f = 0; tree && f < tree->len; f++)
        cap += tree->items[f]->len;
    lud_metric *all = ludc_alloc(cap * sizeof(*all));
    *n = 0;
    for (size_t f = 0; all && tree && f < tree->len; f++) {
        const ludc_value *of = tree->items[f];
        for (size_t k = 0; k < of->len; k++) {
            if (!is_number(of->items[k])) continue;
            all[(*n)++] = (lud_metric){
                .feature = tree->keys[f].ptr,
                .name = of->keys[k].ptr,
                .training = ludc_metric_of(e->split[LUDC_TRAIN], tree->keys[f], of->keys[k]),
                .validation = ludc_metric_of(e->split[LUDC_VALIDATION], tree->keys[f], of->keys[k]),
                .test = ludc_metric_of(e->split[LUDC_TEST], tree->keys[f], of->keys[k]),
            };
        }
    }
    return all;
}

void ludc_wilson(uint64_t hits, uint64_t n, double *low, double *high) {
    const double z = 1.959963984540054, count = (double)LUDC_MAX(n, 1), p = (double)hits / count;
    const double centre = p + z * z / (2 * count);
    const double spread = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count));
    const double scale = 1 + z * z / count;
    *low = fmax(0.0, (centre - spread) / scale);
    *high = fmin(1.0, (centre + spread) / scale);
}
