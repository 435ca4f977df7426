/* SPDX-License-Identifier: Apache-2.0
 * Losses of the predictive heads by the name in `loss.type`, one value per row. Core takes the weighted sum and divides
 * by the weights of the whole effective batch, so losses are means as in PyTorch. */
#include "tower.h"

enum { NONE = 0 };

/* Ludwig's names of losses that are elementwise, and the factors that they read. */
typedef struct element_loss {
    const char *name;
    int32_t kind;
    const char *a, *b; /* keys of the loss section */
    float dflt_a, dflt_b;
} element_loss;

static const element_loss losses[] = {
    {"mean_squared_error", LUD_LOSS_SQUARED, NULL, NULL, 0, 0},
    {"mean_absolute_error", LUD_LOSS_ABSOLUTE, NULL, NULL, 0, 0},
    {"mean_absolute_percentage_error", LUD_LOSS_ABSOLUTE_PERCENTAGE, NULL, NULL, 1.17e-6f, 0},
    {"huber", LUD_LOSS_HUBER, "delta", NULL, 1, 0},
    {"binary_weighted_cross_entropy", LUD_LOSS_BINARY_CROSS_ENTROPY, "positive_class_weight", NULL, 1, 0},
    {"sigmoid_cross_entropy", LUD_LOSS_BINARY_CROSS_ENTROPY, NULL, NULL, 1, 0},
    {"focal_loss", LUD_LOSS_FOCAL, "alpha", "gamma", 0.25f, 2},
};

static lud_t category_loss(lud_graph *g, const ludc_value *section, lud_t pred, lud_t target) {
    const float smoothing = (float)ludc_get_float(section, "label_smoothing", 0.0);
    const lud_attr_xent attr = {.logit_scale = 1, .smoothing = smoothing};
    const lud_t in[2] = {pred, target};
    return lud_emit(ludc_graph_api(), g, LUD_OP_CROSS_ENTROPY, in, 2, 2, &attr, sizeof attr);
}

static lud_t weigh_classes(lud_graph *g, const ludc_output *o, lud_t loss) {
    const lud_shape shape = lud_dims1(o->width);
    if (!o->class_weights) return loss;
    const lud_graph_api *api = ludc_graph_api();
    return lud_mul(api, g, loss, api->constant(g, "class_weights", &shape, o->class_weights));
}

lud_t ludc_loss_build(lud_graph *g, const ludc_output *o, lud_t pred, lud_t target, lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    const ludc_value *section = ludc_value_get(o->feature, "loss");
    const lud_str type = ludc_get_text(section, "type");
    if (ludc_str_eq(type, "softmax_cross_entropy")) return category_loss(g, section, pred, target);
    for (size_t i = 0; i < LUDC_COUNT(losses); i++) {
        const element_loss *l = &losses[i];
        if (!ludc_str_eq(type, l->name)) continue;
        const float a = l->a ? (float)ludc_get_float(section, l->a, (double)l->dflt_a) : l->dflt_a;
        const float b = l->b ? (float)ludc_get_float(section, l->b, (double)l->dflt_b) : l->dflt_b;
        lud_t loss = lud_element_loss(api, g, pred, target, l->kind, a, b);
        /* A set's loss is the sum over its classes, a vector's the mean over its elements, as in Ludwig. */
        const bool set = ludc_str_eq(ludc_str(o->type), "set");
        if (set) loss = weigh_classes(g, o, loss);
        return set ? lud_row_sum(api, g, loss) : lud_row_mean(api, g, loss);
    }
    (void)ludc_fail(err, LUD_E_INVALID, "output feature '%s': loss.type '%.*s' is not known", o->name, LUDC_ARG(type));
    return NONE;
}
