/* SPDX-License-Identifier: Apache-2.0
 * Defaults of model_type ecd that depend on other keys: columns, batch sizes (an automatic one
 * is for the trainer, who knows the rows), the automatic learning rate, which metric
 * picks the best model. */
#include "config_internal.h"

typedef struct text_use {
    bool any, pretrained, trained;
} text_use;

static text_use look_at_text(const ludc_value *inputs) {
    text_use use = {0};
    for (size_t i = 0; inputs && inputs->type == LUD_CFG_LIST && i < inputs->len; i++) {
        const ludc_value *encoder = ludc_value_get(inputs->items[i], "encoder");
        if (!ludc_text_is(inputs->items[i], "type", "text")) continue;
        use.any = true;
        use.pretrained |= !ludc_is_null(ludc_value_get(encoder, "pretrained_model_name_or_path")) ||
                          !ludc_is_null(ludc_value_get(encoder, "base_model"));
        use.trained |= ludc_get_bool(encoder, "trainable", false) || !ludc_is_null(ludc_value_get(encoder, "adapter"));
    }
    return use;
}

/* Ludwig's rule of thumb: the larger and the better trained what is changed, the smaller the steps. */
static bool fill_learning_rate(ludc_value *trainer, text_use use) {
    if (!ludc_text_is(trainer, "learning_rate", "auto")) return true;
    double rate = !use.any ? 1e-3 : !use.pretrained ? 1e-4 : use.trained ? 1e-5 : 2e-5;
    return ludc_value_put(trainer, "learning_rate", ludc_value_float(rate));
}

static bool fill_adapters(const ludc_value *inputs) {
    bool ok = true;
    for (size_t i = 0; inputs && inputs->type == LUD_CFG_LIST && i < inputs->len; i++)
        ok &= ludc_fill_adapter(ludc_value_find(inputs->items[i], "encoder.adapter"));
    return ok;
}

/* The output that the field names, or the first active one. */
static const ludc_value *validated(const ludc_value *outputs, const ludc_value *field) {
    for (size_t i = 0; outputs && outputs->type == LUD_CFG_LIST && i < outputs->len; i++) {
        const ludc_value *output = outputs->items[i];
        bool takes = ludc_is_null(field) ? ludc_get_bool(output, "active", true)
                                         : ludc_value_equal(ludc_value_get(output, "name"), field);
        if (takes) return output;
    }
    return NULL;
}

bool ludc_fill_ecd(ludc_value *full) {
    ludc_value *inputs = ludc_value_get(full, "input_features"), *trainer = ludc_value_get(full, "trainer");
    text_use use = look_at_text(inputs);
    if (!ludc_fill_columns(inputs) || !ludc_fill_columns(ludc_value_get(full, "output_features"))) return false;
    if (!fill_adapters(inputs)) return false;
    if (!trainer || trainer->type != LUD_CFG_OBJECT) return true;
    const ludc_value *output =
        validated(ludc_value_get(full, "output_features"), ludc_value_get(trainer, "validation_field"));
    return ludc_fill_batch(trainer) && fill_learning_rate(trainer, use) &&
           ludc_fill_validation(trainer, ludc_value_get(output, "name"),
                                ludc_value_get(output, "default_validation_metric"));
}
