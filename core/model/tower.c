/* SPDX-License-Identifier: Apache-2.0
 * Towers: a language model as an encoder of a predictor. It brings base model, tokenizer, encoder and adapter; its
 * parameters lie in the predictor's store, under the feature's scope. */
#include "tower.h"

/* The model's files as an encoder section names them. */
static lud_str base_of(const ludc_value *section) {
    lud_str path = ludc_get_str(section, "pretrained_model_name_or_path", (lud_str){NULL, 0});
    return path.len ? path : ludc_get_str(section, "base_model", (lud_str){NULL, 0});
}

bool ludc_tower_wanted(const ludc_value *section) {
    return base_of(section).len > 0;
}

static void say_builder(const ludc_model *m, const ludc_value *section) {
    const lud_str type = ludc_get_text(section, "type");
    if (type.len == 0 || ludc_str_eq(type, "auto_transformer") || ludc_str_eq(type, "llm")) return;
    if (ludc_str_eq(type, m->base->model_type) || ludc_str_eq(type, m->info.encoder_name)) return;
    ludc_log(LUD_LOG_WARN, "encoder.type is '%.*s', but %s is a '%s': it is read as that", LUDC_ARG(type),
             m->base->path, m->base->model_type);
}

lud_status ludc_tower_open(const ludc_predictor *p, const ludc_input *in, const ludc_value *section, ludc_model **out,
                           lud_error *err) {
    ludc_model *m = ludc_alloc(sizeof *m);
    const lud_str base = base_of(section);
    char *path = ludc_strndup(base.ptr, base.len);
    lud_status status = m && path ? LUD_OK : ludc_no_memory(err, "model");
    if (status == LUD_OK) {
        *m = (ludc_model){.host = p->host,
                          .config = section,
                          .scope = in->scope,
                          .is_tower = true,
                          .trainable = ludc_get_bool(section, "trainable", false),
                          .for_training = p->for_training,
                          .devices = p->devices,
                          .store = p->store,
                          .real = p->real,
                          .seed = p->seed};
        status = ludc_freeze_open(m, p->config, err);
        if (status == LUD_OK) status = ludc_model_open_base(m, path, NULL, err);
    }
    if (status == LUD_OK) {
        say_builder(m, section);
        *out = m;
    } else {
        ludc_model_free(m);
    }
    ludc_free(path);
    return status;
}

bool ludc_tower_owns(const ludc_model *m, const char *param) {
    const char *name = ludc_param_relative(m, param);
    return ludc_param_is_adapters(m, name) || ludc_param_base_trains(m, name);
}

const ludc_base_model *ludc_tower_base(const ludc_model *m) {
    return m->base;
}

const ludc_tokenizer *ludc_tower_tokenizer(const ludc_model *m) {
    return m->tokenizer;
}

const char *ludc_tower_adapter(const ludc_model *m) {
    return m->info.adapter_name;
}
