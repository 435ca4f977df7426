/* SPDX-License-Identifier: Apache-2.0
 * Parameters into the form of files: the adapter is folded in, then the encoder's `sources` are applied backwards, so
 * that loading, saving and exporting share one table. */
#include "save.h"

#include <string.h>

/* ---- A list of tensors with their own memory ---- */
void ludc_tensor_list_free(ludc_tensor_list *l) {
    for (size_t i = 0; i < l->len; i++) {
        ludc_free((char *)l->ptr[i].name);
        ludc_free((float *)l->ptr[i].data);
    }
    ludc_free(l->ptr);
}

lud_status ludc_tensor_list_add(ludc_tensor_list *l, char *name, float *data, const lud_shape *shape, lud_error *err) {
    if (!name || !data || !ludc_grow(&l->ptr, l->len, &l->cap, sizeof *l->ptr)) {
        ludc_free(name);
        ludc_free(data);
        return ludc_no_memory(err, "saving");
    }
    ludc_save_tensor *t = &l->ptr[l->len++];
    *t = (ludc_save_tensor){.name = name, .dtype = LUDC_F32, .rank = shape->rank, .data = data};
    memcpy(t->dim, shape->dim, sizeof t->dim);
    return LUD_OK;
}

lud_status ludc_param_values(ludc_store *store, size_t index, float **out, lud_error *err) {
    *out = ludc_alloc((size_t)ludc_store_at(store, index)->count * sizeof **out);
    const lud_status status = *out ? ludc_store_get(store, index, *out, err) : ludc_no_memory(err, "saving");
    if (status == LUD_OK) return LUD_OK;
    ludc_free(*out);
    *out = NULL;
    return status;
}

/* ---- The adapter ---- */
lud_status ludc_tensors_adapter(ludc_model *m, ludc_tensor_list *list, lud_error *err) {
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const ludc_param *p = ludc_store_at(m->store, i);
        char *key = NULL;
        float *values = NULL;
        const char *name = ludc_param_relative(m, p->name);
        if (!name || (!ludc_param_is_adapters(m, name) && !ludc_param_base_trains(m, name))) continue;
        LUDC_TRY(ludc_param_values(m->store, i, &values, err));
        lud_status status = ludc_adapter_key(m, name, &key, err);
        if (status != LUD_OK) return ludc_free(values), status;
        LUDC_TRY(ludc_tensor_list_add(list, key, values, &p->shape, err));
    }
    return LUD_OK;
}

lud_status ludc_adapter_json(ludc_model *m, ludc_value **out, lud_error *err) {
    if (!LUD_HAS(m->adapter_vt, lud_adapter_vt, config))
        return ludc_fail(err, LUD_E_UNSUPPORTED, "adapter '%s' cannot be saved: it lacks config", m->info.adapter_name);
    ludc_value *json = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = json ? LUD_OK : ludc_no_memory(err, "saving");
    if (status == LUD_OK)
        status = m->adapter_vt->config(m->adapter_part.self, LUD_CONFIG_SAVE, m->adapter, (lud_cfg_out *)json, err);
    const char *base = m->base_path ? m->base_path : m->base->path;
    bool ok = status == LUD_OK && ludc_value_put(json, "base_model_name_or_path", ludc_value_text(base));
    if (ok && m->base_revision[0]) ok = ludc_value_put(json, "revision", ludc_value_text(m->base_revision));
    if (ok && !m->info.causal) ok = ludc_value_put(json, "task_type", ludc_value_text("FEATURE_EXTRACTION"));
    if (status == LUD_OK && !ok) status = ludc_no_memory(err, "saving");
    if (status == LUD_OK) return *out = json, LUD_OK;
    ludc_value_free(json);
    return status;
}

/* ---- Sources backwards ---- */
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

static void transpose(float *v, lud_shape *shape, const float *from) {
    int64_t rows = shape->dim[0], columns = shape->dim[1];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            v[k * rows + i] = from[i * columns + k];
    shape->dim[0] = columns;
    shape->dim[1] = rows;
}

/* File row h*D + 2i + s is value row h*D + s*D/2 + i. */
static void interleave(float *v, int64_t rows, int64_t columns, int64_t heads, const float *from) {
    int64_t width = rows / heads, half = width / 2;
    for (int64_t r = 0; r < rows; r++) {
        int64_t in_head = r % width, to = r - in_head + 2 * (in_head % half) + in_head / half;
        memcpy(v + to * columns, from + r * columns, (size_t)columns * sizeof *v);
    }
}

static lud_status undo_move(const lud_source *s, float *v, int64_t n, lud_shape *shape, const char *param,
                            lud_error *err) {
    int64_t rows = shape->dim[0];
    bool turns = s->op == LUD_SOURCE_TRANSPOSE && shape->rank == 2;
    bool rope = s->op == LUD_SOURCE_ROPE_ROWS && s->a > 0 && rows % (2 * s->a) == 0;
    if (!turns && !rope)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "saving '%s': source step %d cannot be undone", param, s->op);
    float *copy = ludc_alloc((size_t)n * sizeof *copy);
    if (!copy) return ludc_no_memory(err, "saving");
    memcpy(copy, v, (size_t)n * sizeof *v);
    if (turns)
        transpose(v, shape, copy);
    else
        interleave(v, rows, n / rows, s->a, copy);
    ludc_free(copy);
    return LUD_OK;
}

lud_status ludc_to_file(ludc_model *m, const char *scheme, const char *param, float *v, lud_shape *shape,
                        char name[320], lud_error *err) {
    steps all = {0};
    int64_t n = 1;
    LUDC_TRY(m->encoder->sources(m->encoder_part.self, scheme, param, take_step, &all, err));
    if (all.overflow || all.n == 0)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "saving '%s': it has no single place in a file", param);
    for (int32_t d = 0; d < shape->rank; d++)
        n *= shape->dim[d];
    for (size_t i = all.n; i-- > 0;) { /* last one first */
        const lud_source *s = &all.list[i];
        if (s->op == LUD_SOURCE_ADD)
            for (int64_t k = 0; k < n; k++)
                v[k] -= (float)s->a;
        else if (s->op != LUD_SOURCE_COPY)
            LUDC_TRY(undo_move(s, v, n, shape, param, err));
    }
    memcpy(name, all.name, sizeof all.name);
    return LUD_OK;
}

/* ---- The base model with the adapter folded in ---- */
/* Weight and bias of a matched site. v holds the plain values of the parameter, by its relative name. */
static lud_status fold(ludc_model *m, const char *param, float *v, lud_error *err) {
    const char *dot = strrchr(param, '.');
    const ludc_site *s = dot ? ludc_site_find(m, (lud_str){param, (size_t)(dot - param)}) : NULL;
    if (!s || !s->matched) return LUD_OK;
    bool is_weight = strcmp(dot, ".weight") == 0;
    if (!is_weight && strcmp(dot, ".bias") != 0) return LUD_OK;
    if (is_weight) return ludc_model_merged(m, s->name, v, err);
    float *w = ludc_alloc((size_t)(s->site.d_in * s->site.d_out) * sizeof *w);
    int64_t index = ludc_site_param(m, s, "weight");
    lud_status status =
        w && index >= 0 ? ludc_store_get(m->store, (size_t)index, w, err) : ludc_no_memory(err, "saving");
    if (status == LUD_OK) status = ludc_site_merge(m, s, w, v, err);
    ludc_free(w);
    return status;
}

static lud_status merged_values(ludc_model *m, size_t index, float **out, lud_error *err) {
    LUDC_TRY(ludc_param_values(m->store, index, out, err));
    const lud_status status =
        m->adapter_vt ? fold(m, ludc_param_relative(m, ludc_store_at(m->store, index)->name), *out, err) : LUD_OK;
    if (status != LUD_OK) ludc_free(*out);
    return status;
}

static lud_status add_merged(ludc_model *m, const char *scheme, size_t index, ludc_tensor_list *list, lud_error *err) {
    const ludc_param *p = ludc_store_at(m->store, index);
    const char *param = ludc_param_relative(m, p->name);
    float *values = NULL;
    char name[320] = "";
    lud_shape shape = p->shape;
    LUDC_TRY(merged_values(m, index, &values, err));
    lud_status status = ludc_to_file(m, scheme, param, values, &shape, name, err);
    if (status == LUD_OK) return ludc_tensor_list_add(list, ludc_strdup(name), values, &shape, err);
    ludc_free(values);
    return status;
}

/* An adapter on a projection that shares the embedding's table has no weight of its own to fold into. */
static lud_status check_foldable(const ludc_model *m, lud_error *err) {
    for (size_t i = 0; i < m->n_sites; i++) {
        if (!m->sites[i].matched || ludc_site_param(m, &m->sites[i], "weight") >= 0) continue;
        return ludc_fail(err, LUD_E_UNSUPPORTED,
                         "the adapter on '%s' cannot be merged: its weight is shared (tied) with "
                         "another module",
                         m->sites[i].name);
    }
    return LUD_OK;
}

lud_status ludc_tensors_merged(ludc_model *m, const char *scheme, ludc_tensor_list *list, lud_error *err) {
    LUDC_TRY(check_foldable(m, err));
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const char *name = ludc_param_relative(m, ludc_store_at(m->store, i)->name);
        if (!name || ludc_param_is_adapters(m, name) || (m->is_tower && strncmp(name, "reduce.", 7) == 0)) continue;
        LUDC_TRY(add_merged(m, scheme, i, list, err));
    }
    return LUD_OK;
}

/* A row of a parameter is a row of its tensor, so that rounding here and rounding in the file are the same. */
lud_status ludc_model_take_rounded(ludc_model *plain, ludc_model *m, bool gguf, int32_t dtype, lud_error *err) {
    for (size_t i = 0; i < ludc_store_len(plain->store); i++) {
        const ludc_param *p = ludc_store_at(plain->store, i);
        const int64_t from = ludc_store_index(m->store, ludc_str(p->name));
        ludc_save_tensor t = {.name = p->name, .rank = p->shape.rank};
        float *values = NULL;
        memcpy(t.dim, p->shape.dim, sizeof t.dim);
        if (from < 0) return ludc_fail(err, LUD_E_INTERNAL, "the merged model has no parameter '%s'", p->name);
        LUDC_TRY(merged_values(m, (size_t)from, &values, err));
        t.dtype = gguf ? ludc_gguf_type(&t, m->info.vocab_size, dtype) : dtype;
        lud_status status = ludc_values_round(t.dtype, values, p->count, err);
        if (status == LUD_OK) status = ludc_store_set(plain->store, i, values, err);
        ludc_free(values);
        LUDC_TRY(status);
    }
    return LUD_OK;
}
