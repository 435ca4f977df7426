/* SPDX-License-Identifier: Apache-2.0
 * Metrics as the outside sees them. */
#include "internal.h"

#include <math.h>

lud_metrics ludc_public_metrics(const ludc_metrics *m, bool present) {
    return (lud_metrics){.struct_size = sizeof(lud_metrics),
                         .present = present,
                         .loss = m->loss,
                         .perplexity = m->perplexity,
                         .token_accuracy = m->token_accuracy,
                         .next_token_perplexity = m->next_token_perplexity,
                         .target_tokens = m->target_tokens,
                         .rows = m->rows};
}

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

void ludc_wilson(uint64_t hits, uint64_t n, double *low, double *high) {
    const double z = 1.959963984540054, count = (double)LUDC_MAX(n, 1), p = (double)hits / count;
    const double centre = p + z * z / (2 * count);
    const double spread = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count));
    const double scale = 1 + z * z / count;
    *low = fmax(0.0, (centre - spread) / scale);
    *high = fmin(1.0, (centre + spread) / scale);
}
