/* SPDX-License-Identifier: Apache-2.0
 * Opening a model: devices, base model, tokenizer, components, sites, parameters, store; in that order, all or nothing.
 * After open the set of parameters is fixed and every program of the model sees the same values. */
#include "internal.h"

#include <hub.h>
#include <string.h>

static const lud_str auto_device = {"auto", 4};

static lud_status open_devices(ludc_model *m, const ludc_model_spec *spec, lud_error *err) {
    if (spec->devices) {
        m->devices = (ludc_devices *)spec->devices;
        return LUD_OK;
    }
    lud_str word = ludc_get_str(m->config, "backend.device", auto_device);
    LUDC_TRY(ludc_devices_open(m->host, word, &m->own_devices, err));
    ludc_devices_set_precision(&m->own_devices, ludc_get_str(m->config, "backend.precision", auto_device));
    m->devices = &m->own_devices;
    m->owns_devices = true;
    return LUD_OK;
}

static lud_status open_base(ludc_model *m, const char *base_model, lud_error *err) {
    lud_str path = ludc_get_str(m->config, "base_model", (lud_str){NULL, 0});
    ludc_hub_ref ref;
    m->base_path = path.len ? ludc_strndup(path.ptr, path.len) : NULL;
    /* A repository that was fetched has its commit in the config: peft and transformers want the two apart. */
    if (m->base_path && base_model && ludc_hub_ref_parse(m->base_path, &ref, NULL) == LUD_OK &&
        strlen(ref.revision) >= 40) {
        ludc_free(m->base_path);
        m->base_path = ludc_strdup(ref.repo);
        memcpy(m->base_revision, ref.revision, strnlen(ref.revision, 64));
    }
    if (!m->base_path && !base_model) return ludc_fail(err, LUD_E_INVALID, "config: base_model is missing");
    return ludc_base_model_open(base_model ? base_model : m->base_path, &m->base, err);
}

static lud_status open_tokenizer(ludc_model *m, lud_error *err) {
    if (m->base->is_gguf) return ludc_tokenizer_from_gguf(ludc_tensors_metadata(m->base->tensors), &m->tokenizer, err);
    return ludc_tokenizer_open(m->base->path, m->base->tokenizer_config, &m->tokenizer, err);
}

/* ---- Facts ---- */
static void add_eos(ludc_model_info *info, const ludc_value *v) {
    if (!v || v->type == LUD_CFG_LIST) {
        for (size_t i = 0; v && i < v->len; i++)
            add_eos(info, v->items[i]);
        return;
    }
    if (v->type != LUD_CFG_INT || v->u.i < 0 || v->u.i >= info->vocab_size) return;
    for (int32_t i = 0; i < info->n_eos; i++)
        if (info->eos_ids[i] == v->u.i) return;
    if (info->n_eos < (int32_t)LUDC_COUNT(info->eos_ids)) info->eos_ids[info->n_eos++] = (int32_t)v->u.i;
}

static void read_special_ids(ludc_model *m) {
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    ludc_special_ids special = ludc_tokenizer_special(m->tokenizer);
    const ludc_value *meta = m->base->is_gguf ? ludc_tensors_metadata(m->base->tensors) : NULL;
    ludc_value own = {.type = LUD_CFG_INT, .u = {.i = special.eos}};
    add_eos(&m->info, ludc_value_get(m->base->generation, "eos_token_id"));
    add_eos(&m->info, ludc_value_get(m->base->config, "eos_token_id"));
    for (size_t i = 0; i < LUDC_COUNT(keys); i++)
        add_eos(&m->info, ludc_value_get(meta, keys[i]));
    add_eos(&m->info, &own);
    m->info.bos_id = special.bos;
    m->info.pad_id = special.pad;
}

static lud_status read_info(ludc_model *m, lud_error *err) {
    ludc_value *facts = ludc_value_new(LUD_CFG_OBJECT);
    if (!facts) return ludc_no_memory(err, "model");
    lud_status status = m->encoder->info(m->encoder_part.self, (lud_cfg_out *)facts, err);
    m->info.width = ludc_get_int(facts, "width", 0);
    m->info.layers = ludc_get_int(facts, "layers", 0);
    m->info.vocab_size = ludc_get_int(facts, "vocab_size", 0);
    m->info.max_positions = ludc_get_int(facts, "max_positions", 0);
    m->info.causal = ludc_get_bool(facts, "causal", false);
    ludc_value_free(facts);
    if (status != LUD_OK) return status;
    if (m->info.width < 1 || m->info.vocab_size < 1 || m->info.vocab_size > INT32_MAX)
        return ludc_fail(err, LUD_E_ABI, "encoder '%s' tells no width or vocabulary size", m->info.encoder_name);
    if (!m->info.causal && !m->is_tower) {
        return ludc_fail(err, LUD_E_INVALID, "base model %s: a '%s' is no causal language model", m->base->path,
                         m->base->model_type);
    }
    m->info.base = m->base;
    m->info.tokenizer = m->tokenizer;
    m->info.devices = m->devices;
    read_special_ids(m);
    return LUD_OK;
}

/* ---- Parameters ---- */
/* Declares every parameter, twice: builders must be pure, or programs would not share parameters. */
static lud_status declare(ludc_model *m, lud_error *err) {
    const ludc_run_caps caps = {.T = 2, .S = 1, .N = 2};
    uint64_t hash[2] = {0, 0};
    m->store = ludc_store_new(m->devices, m->real);
    if (!m->store) return ludc_no_memory(err, "model");
    for (int i = 0; i < 2; i++) {
        ludc_built built = {0};
        lud_status status = ludc_model_build(m, m->store, LUDC_RUN_TRAIN, &caps, false, &built, err);
        if (status == LUD_OK) hash[i] = ludc_graph_hash(built.g);
        ludc_graph_free(built.g);
        if (status != LUD_OK) return status;
    }
    if (hash[0] == hash[1]) return LUD_OK;
    return ludc_fail(err, LUD_E_ABI, "encoder '%s', decoder '%s' or adapter '%s' builds another graph the second time",
                     m->info.encoder_name, m->info.decoder_name, m->info.adapter_name ? m->info.adapter_name : "");
}

int ludc_model_optimizer_states(const ludc_value *config) {
    lud_str type = ludc_get_str(config, "trainer.optimizer.type", LUDC_STR("adam"));
    double momentum = ludc_get_float(config, "trainer.optimizer.momentum", 0.0);
    int kind = type.len >= 3 && ludc_str_eq((lud_str){type.ptr, 3}, "sgd") ? LUDC_OPT_SGD : LUDC_OPT_ADAM;
    return ludc_optimizer_states(kind, momentum != 0.0);
}

static void count_params(ludc_model *m) {
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const ludc_param *p = ludc_store_at(m->store, i);
        m->info.n_parameters += p->count;
        if (p->trainable) m->info.n_trainable += p->count;
    }
}

lud_status ludc_model_open_base(ludc_model *m, const char *base_model, const char *adapter_dir, lud_error *err) {
    m->own_params = ludc_map_new(64);
    if (!m->own_params) return ludc_no_memory(err, "model");
    LUDC_TRY(open_base(m, base_model, err));
    LUDC_TRY(open_tokenizer(m, err));
    LUDC_TRY(ludc_parts_open(m, adapter_dir, err));
    LUDC_TRY(read_info(m, err));
    return ludc_sites_collect(m, err);
}

static lud_status open_all(ludc_model *m, const ludc_model_spec *spec, lud_error *err) {
    ludc_freeze frozen = {0};
    LUDC_TRY(open_devices(m, spec, err));
    LUDC_TRY(ludc_freeze_open(m, m->config, err));
    LUDC_TRY(ludc_model_open_base(m, spec->base_model, spec->adapter_dir, err));
    LUDC_TRY(declare(m, err));
    if (m->for_training) {
        ludc_freeze_count(m, &frozen);
        LUDC_TRY(ludc_freeze_report(m->config, &frozen, err));
    }
    LUDC_TRY(ludc_params_fill(m, spec->adapter_dir, err));
    count_params(m);
    return ludc_store_seal(m->store, m->for_training ? ludc_model_optimizer_states(m->config) : 0, err);
}

lud_status ludc_model_open(const ludc_model_spec *spec, ludc_model **out, lud_error *err) {
    ludc_model *m = ludc_alloc(sizeof *m);
    if (!m) return ludc_no_memory(err, "model");
    m->host = spec->host;
    m->config = spec->config;
    m->scope = "";
    m->trainable = true;
    m->for_training = spec->for_training;
    m->seed = spec->seed;
    m->real = spec->real ? spec->real : LUD_F32;
    lud_status status = open_all(m, spec, err);
    if (status != LUD_OK) {
        ludc_model_free(m);
        /* A component that fails without a message must not fail silently. */
        return ludc_fail(err, status, "model: %s", ludc_status_text(status));
    }
    *out = m;
    return LUD_OK;
}

void ludc_model_free(ludc_model *m) {
    if (!m) return;
    if (!m->is_tower) ludc_store_free(m->store); /* before the files whose memory it borrows, and before the devices */
    ludc_targets_free(m->targets);
    ludc_expression_free(m->frozen);
    ludc_sites_free(m);
    ludc_map_free(m->own_params);
    ludc_parts_close(m);
    ludc_value_free(m->adapter);
    ludc_value_free(m->decoder_section);
    ludc_value_free(m->tensor_names);
    ludc_tokenizer_free(m->tokenizer);
    ludc_base_model_free(m->base);
    if (m->owns_devices) ludc_devices_close(&m->own_devices);
    ludc_free(m->base_path);
    ludc_free(m);
}

const ludc_model_info *ludc_model_info_of(const ludc_model *m) {
    return &m->info;
}

ludc_store *ludc_model_store(ludc_model *m) {
    return m->store;
}
