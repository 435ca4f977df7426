/* SPDX-License-Identifier: Apache-2.0
 * Writing weights: what was trained, as a PEFT folder, or the whole model as a Hugging Face folder. Values come from
 * save_values.c. The folder must be new; the caller moves it into place. */
#include "save.h"

#include <string.h>

#define SHARD_BYTES ((uint64_t)5 << 30)

/* ---- Small files ---- */
static lud_status write_text(const char *dir, const char *name, const void *text, size_t n, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    lud_status status = path ? ludc_file_write(path, text, n, err) : ludc_no_memory(err, "saving");
    ludc_free(path);
    return status;
}

static lud_status write_json(const char *dir, const char *name, const ludc_value *v, lud_error *err) {
    ludc_buf text = {0};
    lud_status status = ludc_value_to_json(v, 2, &text);
    ludc_buf_adds(&text, "\n");
    if (status != LUD_OK || text.failed) status = ludc_no_memory(err, "saving");
    if (status == LUD_OK) status = write_text(dir, name, text.ptr, text.len, err);
    ludc_buf_free(&text);
    return status;
}

static lud_status write_tokenizer(const ludc_model *m, const char *dir, lud_error *err) {
    ludc_buf text = {0};
    lud_status status = ludc_tokenizer_to_json(m->tokenizer, &text, err);
    if (status == LUD_OK) status = write_text(dir, "tokenizer.json", text.ptr, text.len, err);
    ludc_buf_clear(&text);
    if (status == LUD_OK) status = ludc_tokenizer_config_json(m->tokenizer, &text, err);
    if (status == LUD_OK) status = write_text(dir, "tokenizer_config.json", text.ptr, text.len, err);
    ludc_buf_free(&text);
    return status;
}

static lud_status write_card(const ludc_model *m, const char *dir, bool adapter, lud_error *err) {
    const char *base = m->base_path ? m->base_path : m->base->path;
    ludc_buf text = {0};
    ludc_buf_addf(&text, "---\nbase_model: %s\nlibrary_name: %s\ntags:\n- ludwig\n", base,
                  adapter ? "peft" : "transformers");
    if (adapter) ludc_buf_addf(&text, "- %s\n", m->info.adapter_name);
    ludc_buf_addf(&text, "---\n# %s\n\nFine-tuned from `%s` with Ludwig %s.\n", adapter ? "Adapter" : "Model", base,
                  LUDC_VERSION);
    lud_status status =
        text.failed ? ludc_no_memory(err, "saving") : write_text(dir, "README.md", text.ptr, text.len, err);
    ludc_buf_free(&text);
    return status;
}

/* ---- PEFT folder ---- */
lud_status ludc_model_save_adapter(ludc_model *m, const char *dir, lud_error *err) {
    if (!m->adapter_vt) return ludc_fail(err, LUD_E_INVALID, "this model has no adapter to save");
    ludc_tensor_list list = {0};
    ludc_value *json = NULL;
    char *path = ludc_path_join(dir, "adapter_model.safetensors");
    lud_status status = path ? ludc_dir_make(dir, err) : ludc_no_memory(err, "saving");
    if (status == LUD_OK) status = ludc_adapter_json(m, &json, err);
    if (status == LUD_OK) status = write_json(dir, "adapter_config.json", json, err);
    if (status == LUD_OK) status = ludc_tensors_adapter(m, &list, err);
    if (status == LUD_OK) status = ludc_safetensors_save(path, list.ptr, list.len, err);
    if (status == LUD_OK) status = write_tokenizer(m, dir, err);
    if (status == LUD_OK) status = write_card(m, dir, true, err);
    ludc_tensor_list_free(&list);
    ludc_value_free(json);
    ludc_free(path);
    return status;
}

/* ---- Hugging Face folder ---- */
static lud_status write_model_config(ludc_model *m, const char *dir, int32_t dtype, lud_error *err) {
    const lud_str word = dtype == LUDC_F16    ? LUDC_STR("float16")
                         : dtype == LUDC_BF16 ? LUDC_STR("bfloat16")
                                              : LUDC_STR("float32");
    ludc_value *json = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = json ? LUD_OK : ludc_no_memory(err, "saving");
    if (status == LUD_OK && !LUD_HAS(m->encoder, lud_encoder_vt, hf_config))
        status = ludc_fail(err, LUD_E_UNSUPPORTED, "encoder '%s' cannot write config.json", m->info.encoder_name);
    if (status == LUD_OK) status = m->encoder->hf_config(m->encoder_part.self, (lud_cfg_out *)json, err);
    if (status == LUD_OK) {
        bool ok = ludc_value_put(json, "dtype", ludc_value_str(word));
        if (ludc_value_get(json, "torch_dtype")) ok = ok && ludc_value_put(json, "torch_dtype", ludc_value_str(word));
        status = ok ? write_json(dir, "config.json", json, err) : ludc_no_memory(err, "saving");
    }
    ludc_value_free(json);
    return status;
}

static lud_status write_generation_config(const ludc_model *m, const char *dir, lud_error *err) {
    if (m->base->generation) return write_json(dir, "generation_config.json", m->base->generation, err);
    ludc_value *json = ludc_value_new(LUD_CFG_OBJECT), *list = ludc_value_new(LUD_CFG_LIST);
    bool ok = json && list;
    for (int32_t i = 0; ok && i < m->info.n_eos; i++)
        ok = ludc_value_push(list, ludc_value_int(m->info.eos_ids[i]));
    if (ok && list->len) {
        ok = ludc_value_put(json, "eos_token_id", list);
        list = NULL;
    }
    if (ok && m->info.bos_id >= 0) ok = ludc_value_put(json, "bos_token_id", ludc_value_int(m->info.bos_id));
    if (ok && m->info.pad_id >= 0) ok = ludc_value_put(json, "pad_token_id", ludc_value_int(m->info.pad_id));
    lud_status status = ok ? write_json(dir, "generation_config.json", json, err) : ludc_no_memory(err, "saving");
    ludc_value_free(list);
    ludc_value_free(json);
    return status;
}

lud_status ludc_model_save_folder(ludc_model *m, const char *dir, int32_t dtype, lud_error *err) {
    ludc_tensor_list list = {0};
    lud_status status = ludc_dir_make(dir, err);
    if (status == LUD_OK) status = write_model_config(m, dir, dtype, err);
    if (status == LUD_OK && !m->is_tower) status = write_generation_config(m, dir, err);
    if (status == LUD_OK) status = ludc_tensors_merged(m, "hf", &list, err);
    for (size_t i = 0; i < list.len; i++)
        list.ptr[i].dtype = dtype;
    if (status == LUD_OK) status = ludc_safetensors_save_sharded(dir, list.ptr, list.len, SHARD_BYTES, err);
    if (status == LUD_OK) status = write_tokenizer(m, dir, err);
    if (status == LUD_OK) status = write_card(m, dir, false, err);
    ludc_tensor_list_free(&list);
    return status;
}
