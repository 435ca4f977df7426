/* SPDX-License-Identifier: Apache-2.0
 * Values of parameters: base ones from the model's files (borrowed where they lie there as fp32), new ones drawn from
 * a random stream of their own name, adapter ones from the adapter's file. Every parameter ends up filled. */
#include "internal.h"

#include <math.h>

static float draw(const lud_param_spec *s, uint64_t key, int64_t i, double bound) {
    switch (s->init) {
    case LUD_INIT_UNIFORM:
        return (float)((double)s->a + ((double)s->b - (double)s->a) * ludc_random_uniform(key, (uint64_t)i));
    case LUD_INIT_NORMAL:
        return (float)((double)s->a + (double)s->b * ludc_random_normal(key, (uint64_t)i));
    case LUD_INIT_KAIMING_UNIFORM:
        return (float)(bound * (2.0 * ludc_random_uniform(key, (uint64_t)i) - 1.0));
    default:
        return s->a;
    }
}

lud_status ludc_param_fresh(ludc_store *store, size_t index, uint64_t seed, lud_error *err) {
    const ludc_param *p = ludc_store_at(store, index);
    uint64_t key = ludc_key_of_name(seed, ludc_str(p->name));
    double fan_in = (double)p->shape.dim[p->shape.rank - 1], a = (double)p->spec.a;
    double bound = sqrt(6.0 / ((1.0 + a * a) * fan_in));
    float *values = ludc_alloc((size_t)p->count * sizeof *values);
    if (!values) return ludc_fail(err, LUD_E_NOMEM, "no memory for the values of '%s'", p->name);
    for (int64_t i = 0; i < p->count; i++)
        values[i] = draw(&p->spec, key, i, bound);
    lud_status status = ludc_store_set(store, index, values, err);
    ludc_free(values);
    return status;
}

static bool has_shape(const ludc_file_tensor *t, const lud_shape *want) {
    bool same = t->rank == want->rank;
    for (int32_t d = 0; same && d < t->rank; d++)
        same = t->dim[d] == want->dim[d];
    return same;
}

static void add_dims(const int64_t *dim, int32_t rank, const char *end, ludc_buf *out) {
    ludc_buf_adds(out, "[");
    for (int32_t d = 0; d < rank; d++)
        ludc_buf_addf(out, "%s%lld", d ? ", " : "", (long long)dim[d]);
    ludc_buf_adds(out, end);
}

lud_status ludc_param_take(ludc_store *store, size_t index, const ludc_tensors *file, const char *path,
                           const char *tensor, lud_error *err) {
    const ludc_param *p = ludc_store_at(store, index);
    const ludc_file_tensor *t = ludc_tensors_find(file, ludc_str(tensor));
    if (!t) return ludc_fail(err, LUD_E_IO, "%s: the tensor '%s' is missing", path, tensor);
    if (!has_shape(t, &p->shape)) {
        ludc_buf shapes = {0};
        add_dims(t->dim, t->rank, "], want ", &shapes);
        add_dims(p->shape.dim, p->shape.rank, "]", &shapes);
        ludc_fail(err, LUD_E_IO, "%s: the tensor '%s' has shape %s", path, tensor, shapes.ptr ? shapes.ptr : "?");
        return ludc_buf_free(&shapes), LUD_E_IO;
    }
    float *values = ludc_alloc((size_t)p->count * sizeof *values);
    lud_status status = values ? ludc_tensor_to_f32(t, 0, p->count, values, err)
                               : ludc_fail(err, LUD_E_NOMEM, "no memory for the values of '%s'", p->name);
    if (status == LUD_OK) status = ludc_store_set(store, index, values, err);
    ludc_free(values);
    return status;
}

/* ---- Values that stay in the base model's file until somebody asks ---- */
static lud_status plan_reals(void *plan, float *out, lud_error *err) {
    return ludc_param_plan_fill(plan, 0, 1, out, err);
}

static const void *plan_stored(void *plan, void **own) {
    return ludc_param_plan_bytes(plan, own);
}

static void plan_release(void *plan) {
    ludc_param_plan_release(plan);
}

static void plan_free(void *plan) {
    ludc_param_plan_free(plan);
}

static ludc_values values_of(ludc_param_plan *plan) {
    static const struct {
        int32_t type, dtype, storage;
    } known[] = {{LUDC_BF16, LUD_BF16, 0},
                 {LUDC_F16, LUD_F16, 0},
                 {LUDC_Q4_0, LUD_F32, LUD_STORAGE_Q4_0},
                 {LUDC_Q4_1, LUD_F32, LUD_STORAGE_Q4_1},
                 {LUDC_Q8_0, LUD_F32, LUD_STORAGE_Q8_0}};
    ludc_values v = {.arg = plan,
                     .reals = plan_reals,
                     .stored = plan_stored,
                     .release = plan_release,
                     .free = plan_free,
                     .dtype = LUD_F32};
    int32_t type = LUDC_F32;
    const size_t bytes = ludc_param_plan_stored(plan, &type);
    for (size_t i = 0; i < LUDC_COUNT(known); i++)
        if (known[i].type == type) v.dtype = known[i].dtype, v.storage = known[i].storage, v.stored_bytes = bytes;
    return v;
}

static lud_status fill_from_base(ludc_model *m, size_t index, lud_error *err) {
    const ludc_param *p = ludc_store_at(m->store, index);
    const char *name = ludc_param_relative(m, p->name);
    ludc_param_plan *plan = NULL;
    if (p->spec.init != LUD_INIT_NONE && !ludc_base_model_has(m->base, m->encoder, m->encoder_part.self, name))
        return ludc_param_fresh(m->store, index, m->seed, err);
    LUDC_TRY(ludc_param_plan_new(m->base, m->encoder, m->encoder_part.self, name, &p->shape, &plan, err));
    const float *borrowed = ludc_param_plan_borrow(plan);
    const ludc_values values = values_of(plan);
    if (!borrowed) return ludc_store_set_lazy(m->store, index, &values, err);
    ludc_param_plan_free(plan);
    return ludc_store_set_borrow(m->store, index, borrowed, err);
}

/* ---- What the file holds and nobody reads ---- */
typedef struct claims {
    ludc_map *names;
    bool failed;
} claims;

static lud_status claim(void *arg, const lud_source *s) {
    claims *c = arg;
    if (s->file_name && !ludc_map_put(c->names, ludc_str(s->file_name), 1)) c->failed = true;
    return LUD_OK;
}

static lud_status report_unclaimed(const ludc_model *m, const claims *c, lud_error *err) {
    for (size_t i = 0; i < ludc_tensors_len(m->base->tensors); i++) {
        const char *name = ludc_tensors_at(m->base->tensors, i)->name;
        int64_t one;
        if (ludc_map_get(c->names, ludc_str(name), &one)) continue;
        if (ludc_value_get(ludc_tensors_metadata(m->base->tensors), name)) continue; /* a table, read there */
        /* A GGUF has no config.json to say what counts: a tensor left out would change results in silence. */
        if (m->base->is_gguf && !m->is_tower) {
            return ludc_fail(err, LUD_E_UNSUPPORTED, "%s: encoder '%s' does not use the tensor '%s' of this file",
                             m->base->path, m->info.encoder_name, name);
        }
        ludc_log(LUD_LOG_DEBUG, "%s: the tensor '%s' is not used", m->base->path, name);
    }
    return LUD_OK;
}

static lud_status check_unclaimed(ludc_model *m, lud_error *err) {
    claims c = {ludc_map_new(512), false};
    lud_status status = LUD_OK;
    for (size_t i = 0; c.names && status == LUD_OK && i < ludc_store_len(m->store); i++) {
        const char *name = ludc_param_relative(m, ludc_store_at(m->store, i)->name);
        if (!name || ludc_param_is_adapters(m, name)) continue;
        status = m->encoder->sources(m->encoder_part.self, ludc_tensors_scheme(m->base->tensors), name, claim, &c, err);
        /* A head's own parameter has no place in the base model's files. */
        if (status != LUD_OK && ludc_store_at(m->store, i)->spec.init != LUD_INIT_NONE) status = LUD_OK;
    }
    if (!c.names || c.failed) status = ludc_no_memory(err, "model");
    if (status == LUD_OK) status = report_unclaimed(m, &c, err);
    ludc_map_free(c.names);
    return status;
}

static lud_status init_slots(ludc_model *m, lud_error *err) {
    if (!m->adapter_vt || !LUD_HAS(m->adapter_vt, lud_adapter_vt, init)) return LUD_OK;
    for (size_t i = 0; i < m->n_sites; i++) {
        if (!m->sites[i].matched) continue;
        LUDC_TRY(m->adapter_vt->init(m->adapter_part.self, &m->sites[i].site, (lud_weights *)m->store, err));
    }
    return LUD_OK;
}

lud_status ludc_params_fill(ludc_model *m, const char *adapter_dir, lud_error *err) {
    for (size_t i = 0; i < ludc_store_len(m->store); i++) {
        const char *name = ludc_param_relative(m, ludc_store_at(m->store, i)->name);
        bool own = name && ludc_param_is_adapters(m, name);
        if (!name || (own && adapter_dir)) continue;
        LUDC_TRY(own ? ludc_param_fresh(m->store, i, m->seed, err) : fill_from_base(m, i, err));
    }
    LUDC_TRY(check_unclaimed(m, err));
    if (!m->adapter_vt) return LUD_OK;
    return adapter_dir ? ludc_adapter_load(m, adapter_dir, err) : init_slots(m, err);
}
