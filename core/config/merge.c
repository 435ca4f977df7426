/* SPDX-License-Identifier: Apache-2.0
 * The `defaults` section of model_type ecd: its keys, by feature type, go into the features that lack them. A section
 * of another type (encoder: {type: ...}) than the feature's is left out, as its keys are not that type's. */
#include "config_internal.h"
#include <string.h>

static lud_str type_of(const ludc_value *section) {
    lud_str none = {"", 0};
    return section->type == LUD_CFG_STR ? section->u.s : ludc_get_str(section, "type", none);
}

static bool merge(ludc_value *object, const ludc_value *from);

static bool merge_key(ludc_value *object, lud_str key, const ludc_value *from) {
    ludc_value *own = NULL, *section = NULL;
    for (size_t i = 0; i < object->len; i++)
        if (ludc_str_same(object->keys[i], key)) own = object->items[i];
    if (!own) return ludc_value_append(object, key, ludc_value_copy(from));
    lud_str type = type_of(own), other = type_of(from);
    if (type.len && other.len && !ludc_str_same(type, other)) return true;
    if (from->type != LUD_CFG_OBJECT) return true;
    if (own->type == LUD_CFG_OBJECT) return merge(own, from);
    if (own->type != LUD_CFG_STR) return true;
    section = ludc_value_new(LUD_CFG_OBJECT); /* a shorthand becomes the section that it stands for */
    bool ok = section && ludc_value_put(section, "type", ludc_value_copy(own)) && merge(section, from);
    if (ok) return ludc_value_putn(object, key, section);
    ludc_value_free(section);
    return false;
}

static bool merge(ludc_value *object, const ludc_value *from) {
    for (size_t i = 0; i < from->len; i++)
        if (!merge_key(object, from->keys[i], from->items[i])) return false;
    return true;
}

static bool merge_feature(ludc_value *feature, const ludc_value *defaults, bool output) {
    lud_str type = type_of(feature);
    const ludc_value *from = NULL;
    for (size_t i = 0; type.len && i < defaults->len; i++)
        if (ludc_str_same(defaults->keys[i], type)) from = defaults->items[i];
    if (!from || from->type != LUD_CFG_OBJECT || feature->type != LUD_CFG_OBJECT) return true;
    for (size_t i = 0; i < from->len; i++) {
        bool both = ludc_str_eq(from->keys[i], "preprocessing"), encoder = ludc_str_eq(from->keys[i], "encoder");
        if (!both && encoder == output) continue;
        if (!merge_key(feature, from->keys[i], from->items[i])) return false;
    }
    return true;
}

static bool merge_all(ludc_value *features, const ludc_value *defaults, bool output) {
    if (!features || features->type != LUD_CFG_LIST) return true;
    for (size_t i = 0; i < features->len; i++)
        if (!merge_feature(features->items[i], defaults, output)) return false;
    return true;
}

ludc_value *ludc_merge_defaults(const ludc_value *user) {
    ludc_value *merged = ludc_value_copy(user);
    const ludc_value *defaults = ludc_value_get(user, "defaults");
    if (!merged || !defaults || defaults->type != LUD_CFG_OBJECT) return merged;
    bool ok = merge_all(ludc_value_get(merged, "input_features"), defaults, false) &&
              merge_all(ludc_value_get(merged, "output_features"), defaults, true);
    if (ok) {
        ludc_value_remove(merged, "defaults");
        return merged;
    }
    ludc_value_free(merged);
    return NULL;
}
