/* SPDX-License-Identifier: Apache-2.0
 * Opens a base model: a Hugging Face folder (config.json and safetensors) or one .gguf file.
 * Invariant: an opened model has tensors and a model_type. Pickle files are never read: they can run code. */
#include "tensors.h"

#include <string.h>

static lud_status set_model_type(ludc_base_model *m, const ludc_value *root, const char *key, lud_error *err) {
    const ludc_value *v = ludc_value_get(root, key);
    if (!v || v->type != LUD_CFG_STR || v->u.s.len == 0)
        return ludc_fail(err, LUD_E_IO, "%s: %s%s is missing, so the kind of model is not known", m->path,
                         m->is_gguf ? "" : "config.json: ", key);
    m->model_type = ludc_strndup(v->u.s.ptr, v->u.s.len);
    return m->model_type ? LUD_OK : ludc_no_memory(err, m->path);
}

/* NULL without an error if the file does not exist. */
static lud_status optional_json(const ludc_base_model *m, const char *name, ludc_value **out, lud_error *err) {
    char *path = ludc_path_join(m->path, name);
    if (!path) return ludc_no_memory(err, m->path);
    lud_status s = ludc_path_exists(path) ? ludc_formats_json_file(path, out, err) : LUD_OK;
    if (s == LUD_OK && *out && (*out)->type != LUD_CFG_OBJECT)
        s = ludc_fail(err, LUD_E_IO, "%s: must be a JSON object", path);
    ludc_free(path);
    return s;
}

static lud_status has_file(const ludc_base_model *m, const char *name, bool *out, lud_error *err) {
    char *path = ludc_path_join(m->path, name);
    if (!path) return ludc_no_memory(err, m->path);
    *out = ludc_path_exists(path);
    ludc_free(path);
    return LUD_OK;
}

static lud_status open_weights(ludc_base_model *m, const char *name, lud_error *err) {
    char *path = ludc_path_join(m->path, name);
    if (!path) return ludc_no_memory(err, m->path);
    lud_status s = ludc_safetensors_open(path, &m->tensors, err);
    ludc_free(path);
    return s;
}

/* In transformers' order: the single file wins over the index. */
static lud_status find_weights(ludc_base_model *m, lud_error *err) {
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json"};
    bool there;
    for (size_t i = 0; i < LUDC_COUNT(names); i++) {
        LUDC_TRY(has_file(m, names[i], &there, err));
        if (there) return open_weights(m, names[i], err);
    }
    for (size_t i = 0; i < LUDC_COUNT(pickles); i++) {
        LUDC_TRY(has_file(m, pickles[i], &there, err));
        if (there)
            return ludc_fail(err, LUD_E_IO,
                             "%s: its weights are a pickle file (%s), which is not read because it can "
                             "run code; convert it to model.safetensors first (in Python: "
                             "AutoModel.from_pretrained(...).save_pretrained(...))",
                             m->path, pickles[i]);
    }
    return ludc_fail(err, LUD_E_IO,
                     "%s: no weights: neither model.safetensors nor model.safetensors.index.json is there", m->path);
}

static lud_status open_folder(ludc_base_model *m, lud_error *err) {
    LUDC_TRY(optional_json(m, "config.json", &m->config, err));
    if (!m->config)
        return ludc_fail(err, LUD_E_IO,
                         "%s: no config.json: this is no Hugging Face model folder (for a GGUF model "
                         "name the .gguf file itself)",
                         m->path);
    LUDC_TRY(set_model_type(m, m->config, "model_type", err));
    LUDC_TRY(optional_json(m, "generation_config.json", &m->generation, err));
    LUDC_TRY(optional_json(m, "tokenizer_config.json", &m->tokenizer_config, err));
    return find_weights(m, err);
}

static lud_status open_file(ludc_base_model *m, lud_error *err) {
    if (ludc_str_ends(ludc_str(m->path), ".safetensors"))
        return ludc_fail(err, LUD_E_IO, "%s: a base model is the folder around this file (with config.json)", m->path);
    m->is_gguf = true;
    LUDC_TRY(ludc_gguf_open(m->path, &m->tensors, err));
    return set_model_type(m, ludc_tensors_metadata(m->tensors), "general.architecture", err);
}

lud_status ludc_base_model_open(const char *path, ludc_base_model **out, lud_error *err) {
    ludc_base_model *m = ludc_alloc(sizeof *m);
    if (m) m->path = ludc_path_absolute(path);
    if (!m || !m->path) return ludc_base_model_free(m), ludc_no_memory(err, path);
    lud_status s;
    if (!ludc_path_exists(m->path))
        s = ludc_fail(err, LUD_E_IO,
                      "base model '%s' does not exist (looked for %s); give a .gguf file, a Hugging "
                      "Face model folder, or a repository: org/name, hf://name",
                      path, m->path);
    else
        s = ludc_path_is_dir(m->path) ? open_folder(m, err) : open_file(m, err);
    if (s == LUD_OK) return *out = m, LUD_OK;
    ludc_base_model_free(m);
    return s;
}

void ludc_base_model_free(ludc_base_model *m) {
    if (!m) return;
    ludc_tensors_free(m->tensors);
    ludc_value_free(m->config);
    ludc_value_free(m->generation);
    ludc_value_free(m->tokenizer_config);
    ludc_free(m->model_type);
    ludc_free(m->path);
    ludc_free(m);
}
