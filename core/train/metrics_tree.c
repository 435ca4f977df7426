/* SPDX-License-Identifier: Apache-2.0
 * Metrics as trees {feature: {metric: value}, combined: {loss}}: what loop, files and tables read. */
#include <math.h>

#include "internal.h"

ludc_value *ludc_metrics_value(const ludc_metrics *m) {
    ludc_value *v = ludc_value_new(LUD_CFG_OBJECT);
    const struct {
        const char *name;
        double value;
    } all[] = {{"loss", m->loss},
               {"perplexity", m->perplexity},
               {"token_accuracy", m->token_accuracy},
               {"next_token_perplexity", m->next_token_perplexity}};
    for (size_t i = 0; i < LUDC_COUNT(all); i++)
        if (isfinite(all[i].value)) ludc_value_put(v, all[i].name, ludc_value_float(all[i].value));
    return v;
}

ludc_value *ludc_metrics_tree(lud_str feature, ludc_value *of_feature, double combined_loss) {
    ludc_value *tree = ludc_value_new(LUD_CFG_OBJECT), *combined = ludc_value_new(LUD_CFG_OBJECT);
    bool ok = tree && of_feature && combined && ludc_value_put(combined, "loss", ludc_value_float(combined_loss));
    ok = ludc_value_putn(tree, feature, of_feature) && ok;
    ok = ludc_value_put(tree, "combined", combined) && ok;
    if (ok) return tree;
    ludc_value_free(tree);
    return NULL;
}

double ludc_metric_of(const ludc_value *tree, lud_str feature, lud_str metric) {
    for (size_t i = 0; tree && tree->type == LUD_CFG_OBJECT && i < tree->len; i++)
        if (ludc_str_same(tree->keys[i], feature)) return ludc_get_float(tree->items[i], metric.ptr, NAN);
    return NAN;
}
