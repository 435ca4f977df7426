/* SPDX-License-Identifier: Apache-2.0
 * Writing weights: what was trained, as a PEFT folder, or the whole model as a Hugging Face folder. Values go through
 * the encoder's `sources` backwards, so that loading and saving share one table. The folder must be new; the caller
 * moves it into place. */
#include "internal.h"

#include <string.h>

#define SHARD_BYTES ((uint64_t)5 << 30)

static lud_status out_of_memory(lud_error *err) {
    return ludc_fail(err, LUD_E_NOMEM, "saving: out of memory");
}

/* ---- Small files ---- */
static lud_status write_text(const char *dir, const char *name, const void *text, size_t n, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    lud_status status = path ? ludc_file_write(path, text, n, err) : out_of_memory(err);
    ludc_free(path);
    return status;
}

static lud_status write_json(const char *dir, const char *name, const ludc_value *v, lud_error *err) {
    ludc_buf text = {0};
    lud_status status = ludc_value_to_json(v, 2, &text);
    ludc_buf_adds(&text, "\n");
    if (status != LUD_OK || text.failed) status = out_of_memory(err);
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
    lud_status status = text.failed ? out_of_memory(err) : write_text(dir, "README.md", text.ptr, text.len, err);
    ludc_buf_free(&text);
    return status;
}

/* ---- A list of tensors with their own memory ---- */
typedef struct tensor_list {
    ludc_save_tensor *ptr;
    size_t len, cap;
} tensor_list;

static void list_free(tensor_list *l) {
    for (size_t i = 0; i < l->len; i++) {
        ludc_free((char *)l->ptr[i].name);
        ludc_free((float *)l->ptr[i].data);
    }
    ludc_free(l->ptr);
}

/* Takes name and data, also on failure. */
static lud_status list_add(tensor_list *l, char *name, float *data, const lud_shape *shape, lud_error *err) {
    if (name && data && l->len == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        ludc_save_tensor *grown = ludc_realloc(l->ptr, l->cap * sizeof *grown, cap * sizeof *grown);
        if (grown) {
            l->ptr = grown;
            l->cap = cap;
        }
    }
    if (!name || !data || l->len == l->cap) {
        ludc_free(name);
        ludc_free(data);
        return out_of_memory(err);
    }
    ludc_save_tensor *t = &l->ptr[l->len++];
    *t = (ludc_save_tensor){.name = name, .dtype = LUDC_F32, .rank = shape->rank, .data = data};
    memcpy(t->dim, shape->dim, sizeof t->dim);
    return LUD_OK;
}

static lud_status values_of(ludc_model *m, size_t index, float **out, lud_error *err) {
    const ludc_param *p = ludc_store_at(m->store, index);
    *out = ludc_alloc((size_t)p->count * sizeof **out);
    lud_status status = *out ? ludc_store_get(m->store, index, *out, err) : out_of_memory(err);
    if (status == LUD_OK) return LUD_OK;
    ludc_free(*out);
    *out = NULL;
    return status;
}

/* ---- PEFT folder ---- */
static lud_status collect_adapter(ludc_model *m, tensor_list *list, lud_error *err) {
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const ludc_param *p = ludc_store_at(m->store, i);
        char *key = NULL;
        float *values = NULL;
        const char *name = ludc_param_relative(m, p->name);
        if (!name || (!ludc_param_is_adapters(m, name) && !ludc_param_base_trains(m, name))) continue;
        LUDC_TRY(values_of(m, i, &values, err));
        lud_status status = ludc_adapter_key(m, name, &key, err);
        if (status != LUD_OK) {
            ludc_free(values);
            return status;
        }
        LUDC_TRY(list_add(list, key, values, &p->shape, err));
    }
    return LUD_OK;
}

static lud_status write_adapter_config(ludc_model *m, const char *dir, lud_error *err) {
    const char *base = m->base_path ? m->base_path : m->base->path;
    ludc_value *json = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = LUD_OK;
    if (!LUD_HAS(m->adapter_vt, lud_adapter_vt, config)) {
        status =
            ludc_fail(err, LUD_E_UNSUPPORTED, "adapter '%s' cannot be saved: it lacks config", m->info.adapter_name);
    } else if (!json || !ludc_value_put(json, "base_model_name_or_path", ludc_value_str(ludc_str(base)))) {
        status = out_of_memory(err);
    } else {
        status = m->adapter_vt->config(m->adapter_part.self, LUD_CONFIG_SAVE, m->adapter, (lud_cfg_out *)json, err);
    }
    if (status == LUD_OK && m->base_revision[0] &&
        !ludc_value_put(json, "revision", ludc_value_str(ludc_str(m->base_revision))))
        status = out_of_memory(err);
    if (status == LUD_OK) status = write_json(dir, "adapter_config.json", json, err);
    ludc_value_free(json);
    return status;
}

static lud_status save_adapter(ludc_model *m, const char *dir, lud_error *err) {
    tensor_list list = {0};
    char *path = ludc_path_join(dir, "adapter_model.safetensors");
    lud_status status = path ? write_adapter_config(m, dir, err) : out_of_memory(err);
    if (status == LUD_OK) status = collect_adapter(m, &list, err);
    if (status == LUD_OK) status = ludc_safetensors_save(path, list.ptr, list.len, err);
    list_free(&list);
    ludc_free(path);
    return status;
}

/* ---- Hugging Face folder ---- */
typedef struct steps {
    lud_source list[8];
    char name[320];
    size_t n;
    bool overflow;
} steps;

static lud_status take_step(void *arg, const lud_source *s) {
    steps *all = arg;
    if (s->file_name && all->n == 0) {
        size_t n = strlen(s->file_name);
        all->overflow |= n >= sizeof all->name;
        if (n < sizeof all->name) memcpy(all->name, s->file_name, n + 1);
    } else if (s->file_name || all->n == LUDC_COUNT(all->list)) {
        all->overflow = true; /* a parameter made of several file tensors */
    }
    if (!all->overflow) all->list[all->n++] = *s;
    return LUD_OK;
}

static void transpose(float *v, lud_shape *shape, float *scratch) {
    int64_t rows = shape->dim[0], columns = shape->dim[1];
    memcpy(scratch, v, (size_t)(rows * columns) * sizeof *v);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < columns; k++)
            v[k * rows + i] = scratch[i * columns + k];
    }
    shape->dim[0] = columns;
    shape->dim[1] = rows;
}

/* The steps backwards, last one first. */
static lud_status undo(const steps *all, float *v, int64_t n, lud_shape *shape, const char *param, lud_error *err) {
    for (size_t i = all->n; i-- > 0;) {
        const lud_source *s = &all->list[i];
        if (s->op == LUD_SOURCE_COPY) continue;
        if (s->op == LUD_SOURCE_ADD) {
            for (int64_t k = 0; k < n; k++)
                v[k] -= (float)s->a;
        } else if (s->op == LUD_SOURCE_TRANSPOSE && shape->rank == 2) {
            float *scratch = ludc_alloc((size_t)n * sizeof *scratch);
            if (!scratch) return out_of_memory(err);
            transpose(v, shape, scratch);
            ludc_free(scratch);
        } else {
            return ludc_fail(err, LUD_E_UNSUPPORTED, "saving '%s': source step %d cannot be undone", param, s->op);
        }
    }
    return LUD_OK;
}

/* Weight and bias of a matched site with the adapter folded in. v holds the parameter's plain values. */
static lud_status fold(ludc_model *m, const ludc_param *p, float *v, lud_error *err) {
    const char *dot = strrchr(p->name, '.');
    const ludc_site *s = dot ? ludc_site_find(m, (lud_str){p->name, (size_t)(dot - p->name)}) : NULL;
    if (!s || !s->matched) return LUD_OK;
    bool is_weight = strcmp(dot, ".weight") == 0;
    if (!is_weight && strcmp(dot, ".bias") != 0) return LUD_OK;
    if (is_weight) return ludc_model_merged(m, s->name, v, err);
    float *w = ludc_alloc((size_t)(s->site.d_in * s->site.d_out) * sizeof *w);
    char name[320];
    (void)snprintf(name, sizeof name, "%s.weight", s->name);
    int64_t index = ludc_store_index(m->store, ludc_str(name));
    lud_status status = w && index >= 0 ? ludc_store_get(m->store, (size_t)index, w, err) : out_of_memory(err);
    if (status == LUD_OK) status = ludc_site_merge(m, s, w, v, err);
    ludc_free(w);
    return status;
}

static lud_status collect_one(ludc_model *m, size_t index, tensor_list *list, lud_error *err) {
    const ludc_param *p = ludc_store_at(m->store, index);
    steps all = {0};
    float *values = NULL;
    lud_shape shape = p->shape;
    lud_status status = m->encoder->sources(m->encoder_part.self, "hf", p->name, take_step, &all, err);
    if (status == LUD_OK && (all.overflow || all.n == 0)) {
        status = ludc_fail(err, LUD_E_UNSUPPORTED, "saving '%s': it has no single place in a file", p->name);
    }
    if (status == LUD_OK) status = values_of(m, index, &values, err);
    if (status == LUD_OK && m->adapter_vt) status = fold(m, p, values, err);
    if (status == LUD_OK) status = undo(&all, values, p->count, &shape, p->name, err);
    if (status == LUD_OK) return list_add(list, ludc_strdup(all.name), values, &shape, err);
    ludc_free(values);
    return status;
}

/* An adapter on a projection that shares the embedding's table has no weight of its own to fold into. */
static lud_status check_foldable(const ludc_model *m, lud_error *err) {
    for (size_t i = 0; i < m->n_sites; i++) {
        char name[320];
        if (!m->sites[i].matched) continue;
        (void)snprintf(name, sizeof name, "%s.weight", m->sites[i].name);
        if (ludc_store_index(m->store, ludc_str(name)) >= 0) continue;
        return ludc_fail(err, LUD_E_UNSUPPORTED,
                         "the adapter on '%s' cannot be merged: its weight is shared (tied) with "
                         "another module",
                         m->sites[i].name);
    }
    return LUD_OK;
}

static lud_status write_model_config(ludc_model *m, const char *dir, lud_error *err) {
    ludc_value *json = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = json ? LUD_OK : out_of_memory(err);
    if (status == LUD_OK && !LUD_HAS(m->encoder, lud_encoder_vt, hf_config)) {
        status = ludc_fail(err, LUD_E_UNSUPPORTED, "encoder '%s' cannot write config.json", m->info.encoder_name);
    }
    if (status == LUD_OK) status = m->encoder->hf_config(m->encoder_part.self, (lud_cfg_out *)json, err);
    if (status == LUD_OK) {
        bool ok = ludc_value_put(json, "dtype", ludc_value_str(LUDC_STR("float32")));
        if (ludc_value_get(json, "torch_dtype"))
            ok = ok && ludc_value_put(json, "torch_dtype", ludc_value_str(LUDC_STR("float32")));
        status = ok ? write_json(dir, "config.json", json, err) : out_of_memory(err);
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
    lud_status status = ok ? write_json(dir, "generation_config.json", json, err) : out_of_memory(err);
    ludc_value_free(list);
    ludc_value_free(json);
    return status;
}

static lud_status save_model(ludc_model *m, const char *dir, lud_error *err) {
    tensor_list list = {0};
    lud_status status = check_foldable(m, err);
    if (status == LUD_OK) status = write_model_config(m, dir, err);
    if (status == LUD_OK) status = write_generation_config(m, dir, err);
    for (size_t i = 0; status == LUD_OK && i < ludc_store_len(m->store); i++) {
        if (!ludc_param_is_adapters(m, ludc_store_at(m->store, i)->name)) status = collect_one(m, i, &list, err);
    }
    if (status == LUD_OK) status = ludc_safetensors_save_sharded(dir, list.ptr, list.len, SHARD_BYTES, err);
    list_free(&list);
    return status;
}

lud_status ludc_model_save_weights(ludc_model *m, const char *dir, bool merge, lud_error *err) {
    bool adapter = m->adapter_vt && !merge;
    LUDC_TRY(ludc_dir_make(dir, err));
    LUDC_TRY(adapter ? save_adapter(m, dir, err) : save_model(m, dir, err));
    LUDC_TRY(write_tokenizer(m, dir, err));
    return write_card(m, dir, adapter, err);
}
