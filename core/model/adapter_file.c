/* SPDX-License-Identifier: Apache-2.0
 * Adapter folders as PEFT writes them: adapter_config.json into the `adapter` section, adapter_model.safetensors into
 * parameters by the adapter's own keys. Strict both ways: a missing tensor and a tensor nobody asked for are errors. */
#include "internal.h"

#include <config.h>
#include <stdio.h>
#include <string.h>

static lud_status from_folder(ludc_model *m, const char *dir, const lud_component **out, lud_error *err) {
    ludc_value *json = NULL;
    char *path = ludc_path_join(dir, "adapter_config.json");
    lud_status status = path ? ludc_json_load(path, &json, err) : ludc_no_memory(err, "adapter");
    if (status != LUD_OK) goto out;
    lud_str type = ludc_get_text(json, "peft_type");
    const lud_component *c = ludc_host_find_peft(m->host, type);
    const lud_adapter_vt *vt = c ? c->vtable : NULL;
    if (!vt || !LUD_HAS(vt, lud_adapter_vt, config)) {
        status = ludc_fail(err, LUD_E_ABI, "%s: no adapter plugin for peft_type '%.*s' (see 'ludwig plugin list')",
                           path, LUDC_ARG(type));
        goto out;
    }
    m->adapter = ludc_value_new(LUD_CFG_OBJECT);
    status = m->adapter ? vt->config(NULL, LUD_CONFIG_LOAD, json, (lud_cfg_out *)m->adapter, err)
                        : ludc_no_memory(err, "adapter");
    *out = c;
out:
    ludc_value_free(json);
    ludc_free(path);
    return status;
}

lud_status ludc_adapter_section(ludc_model *m, const char *dir, const lud_component **out, lud_error *err) {
    const ludc_value *section = ludc_value_get(m->config, "adapter");
    *out = NULL;
    if (dir) return from_folder(m, dir, out, err);
    if (ludc_is_null(section)) return LUD_OK;
    lud_str type = section->type == LUD_CFG_STR ? section->u.s : ludc_get_text(section, "type");
    LUDC_TRY(ludc_host_find(m->host, LUD_KIND_ADAPTER, NULL, type, out, err));
    return ludc_component_section(NULL, section, "adapter", *out, ludc_component_keys(LUD_KIND_ADAPTER, LUDC_STR("")),
                                  &m->adapter, err);
}

lud_status ludc_adapter_key(const ludc_model *m, const char *param, char **key, lud_error *err) {
    char text[512] = "";
    if (LUD_HAS(m->adapter_vt, lud_adapter_vt, file_key)) {
        LUDC_TRY(m->adapter_vt->file_key(m->adapter_part.self, param, ludc_param_site_matched(m, param), text,
                                         sizeof text, err));
    } else {
        (void)snprintf(text, sizeof text, "base_model.model.%s", param);
    }
    *key = ludc_strdup(text);
    return *key ? LUD_OK : ludc_no_memory(err, "adapter");
}

static lud_status load_one(ludc_model *m, size_t index, const ludc_tensors *file, const char *path, lud_error *err) {
    char *key = NULL;
    LUDC_TRY(ludc_adapter_key(m, ludc_param_relative(m, ludc_store_at(m->store, index)->name), &key, err));
    const lud_status status = ludc_param_take(m->store, index, file, path, key, err);
    ludc_free(key);
    return status;
}

static lud_status load_all(ludc_model *m, const ludc_tensors *file, const char *path, lud_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const char *name = ludc_param_relative(m, ludc_store_at(m->store, i)->name);
        if (!name || (!ludc_param_is_adapters(m, name) && !ludc_param_base_trains(m, name))) continue;
        LUDC_TRY(load_one(m, i, file, path, err));
        n++;
    }
    if (n == ludc_tensors_len(file)) return LUD_OK;
    return ludc_fail(err, LUD_E_IO,
                     "%s holds %zu tensors, the adapter has %zu in this model: they do not belong together", path,
                     ludc_tensors_len(file), n);
}

lud_status ludc_adapter_load(ludc_model *m, const char *dir, lud_error *err) {
    ludc_tensors *file = NULL;
    char *path = ludc_path_join(dir, "adapter_model.safetensors");
    lud_status status = path ? ludc_safetensors_open(path, &file, err) : ludc_no_memory(err, "adapter");
    if (status == LUD_OK) status = load_all(m, file, path, err);
    ludc_tensors_free(file);
    ludc_free(path);
    return status;
}
