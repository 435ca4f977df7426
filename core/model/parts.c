/* SPDX-License-Identifier: Apache-2.0
 * Finding and opening the components of a model: encoder by the model's type, head and adapter by their config names.
 * Also the host helper, which registers what core offers to plugins before any is loaded. */
#include "internal.h"

#include <config.h>
#include <string.h>

/* `ludwig plugin check` reads the config_schema of every component that has a section. */
static lud_status check_schemas(ludc_host *host) {
    static const int32_t kinds[] = {LUD_KIND_ENCODER, LUD_KIND_DECODER, LUD_KIND_ADAPTER, LUD_KIND_COMBINER};
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && i < LUDC_COUNT(kinds); i++)
        status = ludc_plugin_check_add(host, kinds[i], "config_schema", ludc_component_check);
    return status;
}

lud_status ludc_model_host_new(const ludc_host_opts *opts, ludc_host **out, lud_error *err) {
    ludc_host *host = NULL;
    LUDC_TRY(ludc_host_new(opts, &host, err));
    lud_status status = ludc_host_add_service(host, LUD_SERVICE_GRAPH, ludc_graph_api());
    if (status == LUD_OK) status = ludc_host_add_service(host, LUD_SERVICE_WEIGHTS, ludc_weights_api());
    if (status == LUD_OK) status = check_schemas(host);
    if (status == LUD_OK) status = ludc_host_load(host, err);
    if (status != LUD_OK) return ludc_host_free(host), ludc_fail(err, status, "plugins: out of memory");
    *out = host;
    return LUD_OK;
}

void ludc_view_add(ludc_view *v, const char *key, const ludc_value *child) {
    if (!child) return;
    size_t i = v->root.len++;
    v->keys[i] = ludc_str(key);
    v->items[i] = (ludc_value *)child;
    v->root.type = LUD_CFG_OBJECT;
    v->root.cap = LUDC_COUNT(v->keys);
    v->root.keys = v->keys;
    v->root.items = v->items;
}

/* All vtables begin alike: struct_size, reserved, inst (decoder, encoder and adapter). That the slots are there was
 * checked when the plugin was loaded (core/plugin/kinds.c). */
typedef struct head_vt {
    uint32_t struct_size, reserved;
    const lud_inst *inst;
} head_vt;

lud_status ludc_part_open(ludc_host *host, ludc_part *part, const lud_component *c, lud_error *err) {
    const head_vt *vt = c->vtable;
    part->component = c;
    part->vtable = vt;
    part->inst = vt->inst;
    part->view.root.type = LUD_CFG_OBJECT;
    return part->inst->open(ludc_host_table(host)->ctx, &part->view.root, &part->self, err);
}

void ludc_part_close(ludc_part *part) {
    if (part->self) part->inst->close(part->self);
    part->self = NULL;
}

void ludc_parts_close(ludc_model *m) {
    ludc_part_close(&m->adapter_part);
    ludc_part_close(&m->decoder_part);
    ludc_part_close(&m->encoder_part);
}

static lud_status name_tensors(ludc_model *m, lud_error *err) {
    m->tensor_names = ludc_value_new(LUD_CFG_LIST);
    bool ok = m->tensor_names != NULL;
    for (size_t i = 0; ok && i < ludc_tensors_len(m->base->tensors); i++)
        ok = ludc_value_push(m->tensor_names, ludc_value_text(ludc_tensors_at(m->base->tensors, i)->name));
    return ok ? LUD_OK : ludc_no_memory(err, "model");
}

static lud_status open_encoder(ludc_model *m, lud_error *err) {
    const lud_component *c = NULL;
    LUDC_TRY(ludc_host_find_model_type(m->host, LUD_KIND_ENCODER, ludc_str(m->base->model_type), &c, err));
    LUDC_TRY(name_tensors(m, err));
    ludc_view_add(&m->encoder_part.view, "config", m->config);
    ludc_view_add(&m->encoder_part.view, m->base->is_gguf ? "gguf" : "model",
                  m->base->is_gguf ? ludc_tensors_metadata(m->base->tensors) : m->base->config);
    ludc_view_add(&m->encoder_part.view, "tensors", m->tensor_names);
    m->encoder = c->vtable;
    m->info.encoder_name = c->config_name;
    return ludc_part_open(m->host, &m->encoder_part, c, err);
}

/* The head of a generative model: Ludwig's words for it are text_extractor and category_extractor, whose keys are
 * core's. */
static lud_status open_decoder(ludc_model *m, lud_error *err) {
    static const char path[] = "output_features.0.decoder";
    const ludc_value *section = ludc_value_find(m->config, path);
    lud_str word = ludc_get_str(section, "type", LUDC_STR("text_extractor"));
    bool extractor = ludc_str_eq(word, "text_extractor") || ludc_str_eq(word, "category_extractor");
    const lud_component *c = NULL;
    LUDC_TRY(ludc_host_find(m->host, LUD_KIND_DECODER, "text", extractor ? LUDC_STR("causal_lm") : word, &c, err));
    const ludc_key *keys = ludc_component_keys(LUD_KIND_DECODER, LUDC_STR("text"));
    if (!extractor) LUDC_TRY(ludc_component_section(NULL, section, path, c, keys, &m->decoder_section, err));
    ludc_view_add(&m->decoder_part.view, "config", extractor ? section : m->decoder_section);
    m->decoder = c->vtable;
    m->info.decoder_name = c->config_name;
    return ludc_part_open(m->host, &m->decoder_part, c, err);
}

typedef struct word_list {
    ludc_value *list;
    bool failed;
} word_list;

static lud_status take_word(void *arg, const char *word) {
    word_list *w = arg;
    if (!ludc_value_push(w->list, ludc_value_text(word))) w->failed = true;
    return w->failed ? LUD_E_NOMEM : LUD_OK;
}

/* target_modules of the section, or the architecture's default written into it. */
static lud_status resolve_targets(ludc_model *m, lud_error *err) {
    const char *peft = LUD_HAS(m->adapter_vt, lud_adapter_vt, peft_type) ? m->adapter_vt->peft_type : "LORA";
    if (!ludc_is_null(ludc_value_get(m->adapter, "target_modules"))) return LUD_OK;
    if (!LUD_HAS(m->encoder, lud_encoder_vt, adapter_targets)) return LUD_OK;
    word_list words = {ludc_value_new(LUD_CFG_LIST), false};
    if (!words.list) return ludc_no_memory(err, "adapter");
    lud_status status = m->encoder->adapter_targets(m->encoder_part.self, peft, take_word, &words, err);
    if (status != LUD_OK) return ludc_value_free(words.list), status == LUD_E_NOT_FOUND ? LUD_E_INVALID : status;
    if (ludc_value_put(m->adapter, "target_modules", words.list)) return LUD_OK;
    return ludc_no_memory(err, "adapter");
}

static lud_status open_adapter(ludc_model *m, const char *dir, lud_error *err) {
    const lud_component *c = NULL;
    LUDC_TRY(ludc_adapter_section(m, dir, &c, err));
    if (!c) return LUD_OK;
    ludc_view_add(&m->adapter_part.view, "config", m->adapter);
    m->info.adapter_name = c->config_name;
    LUDC_TRY(ludc_part_open(m->host, &m->adapter_part, c, err));
    m->adapter_vt = c->vtable;
    LUDC_TRY(resolve_targets(m, err));
    return ludc_targets_new(m->adapter, &m->targets, err);
}

lud_status ludc_parts_open(ludc_model *m, const char *adapter_dir, lud_error *err) {
    LUDC_TRY(open_encoder(m, err));
    if (!m->is_tower) LUDC_TRY(open_decoder(m, err));
    return open_adapter(m, adapter_dir, err);
}
