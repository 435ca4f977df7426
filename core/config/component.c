/* SPDX-License-Identifier: Apache-2.0
 * The section of one component (encoder, decoder, combiner, adapter) once its plugin is there: core's keys and those of
 * the plugin's config_schema are checked and filled as one table, with the same messages as the rest of a config. */
#include "config_internal.h"
#include "schema_tables.h"
#include <string.h>

const ludc_key *ludc_component_keys(int32_t kind, lud_str feature_type) {
    switch (kind) {
    case LUD_KIND_ENCODER:
        return ludc_str_eq(feature_type, "text") ? ludc_schema_text_encoder : ludc_schema_encoder;
    case LUD_KIND_DECODER:
        return ludc_str_eq(feature_type, "text") ? ludc_schema_text_decoder : ludc_schema_decoder;
    case LUD_KIND_COMBINER:
        return ludc_schema_combiner;
    default:
        return ludc_schema_adapter;
    }
}

/* The section as an object that names its type. */
static ludc_value *as_object(const ludc_value *section, const lud_component *c) {
    bool is_object = section && section->type == LUD_CFG_OBJECT;
    ludc_value *object = is_object ? ludc_value_copy(section) : ludc_value_new(LUD_CFG_OBJECT);
    if (!object || ludc_value_get(object, "type")) return object;
    ludc_value *type =
        section && section->type == LUD_CFG_STR ? ludc_value_copy(section) : ludc_value_text(c->config_name);
    if (ludc_value_put(object, "type", type)) return object;
    ludc_value_free(object);
    return NULL;
}

/* A default that its own table refuses is the plugin's mistake, not the user's. */
static lud_status check_defaults(const ludc_schema *schema, const lud_component *c, lud_error *err) {
    ludc_diag diag = {.name = "config_schema"};
    lud_error why = LUDC_ERROR_INIT;
    ludc_value *nothing = as_object(NULL, c), *full = nothing ? ludc_fill(nothing, &schema->owner) : NULL;
    if (full) ludc_validate(full, &schema->owner, "default", &diag);
    diag.failed |= !full;
    lud_status status = ludc_diag_report(&diag, &why);
    ludc_value_free(full);
    ludc_value_free(nothing);
    if (status == LUD_E_NOMEM) return ludc_fail(err, status, "%s: out of memory", c->config_name);
    if (status == LUD_OK) return LUD_OK;
    return ludc_fail(err, LUD_E_ABI, "%s '%s' (%s): its config_schema is broken: %s", ludc_kind_name(c->kind),
                     c->config_name, c->id ? c->id : "no id", why.msg);
}

static lud_status check_section(const char *file, const ludc_value *section, const char *path,
                                const ludc_schema *schema, ludc_value **full, lud_error *err) {
    ludc_diag diag = {.name = file ? file : "<config>"};
    ludc_validate(section, &schema->owner, path, &diag);
    *full = ludc_fill(section, &schema->owner);
    diag.failed |= !*full;
    lud_status status = ludc_diag_report(&diag, err);
    if (status == LUD_OK) return LUD_OK;
    ludc_value_free(*full);
    *full = NULL;
    return status;
}

lud_status ludc_component_section(const char *file, const ludc_value *section, const char *path, const lud_component *c,
                                  const ludc_key *core_keys, ludc_value **full, lud_error *err) {
    ludc_schema schema;
    *full = NULL;
    ludc_value *object = as_object(section, c);
    if (!object) return ludc_no_memory(err, path);
    lud_status status = ludc_schema_read(c, core_keys, ludc_get_text(object, "type"), &schema, err);
    if (status == LUD_OK) {
        status = check_defaults(&schema, c, err);
        if (status == LUD_OK) status = check_section(file, object, path, &schema, full, err);
        ludc_schema_free(&schema);
    }
    ludc_value_free(object);
    return status;
}

lud_status ludc_component_check(ludc_host *host, const lud_component *c, lud_error *err) {
    (void)host;
    bool text = false;
    for (const char *const *t = c->feature_types; t && *t; t++)
        text |= strcmp(*t, "text") == 0;
    const ludc_key *core = ludc_component_keys(c->kind, text ? LUDC_STR("text") : LUDC_STR(""));
    ludc_value *full = NULL;
    lud_status status = ludc_component_section(NULL, NULL, "config", c, core, &full, err);
    ludc_value_free(full);
    return status;
}
