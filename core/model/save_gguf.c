/* SPDX-License-Identifier: Apache-2.0
 * A model, or its LoRA adapter, as GGUF for llama.cpp. Names and row orders come from the encoder's `sources` of the
 * scheme "gguf", metadata from its gguf_config; core adds the general keys and the tokenizer. */
#include "save.h"

#include <math.h>
#include <string.h>

static lud_status own_metadata(ludc_model *m, ludc_value *meta, lud_error *err) {
    if (!LUD_HAS(m->encoder, lud_encoder_vt, gguf_config))
        return ludc_fail(err, LUD_E_UNSUPPORTED, "encoder '%s' cannot be written as a GGUF; export it as merged",
                         m->info.encoder_name);
    return m->encoder->gguf_config(m->encoder_part.self, (lud_cfg_out *)meta, err);
}

/* Lists that are named as tensors become tensors. */
static lud_status take_tables(ludc_value *meta, ludc_tensor_list *out, lud_error *err) {
    static const char tail[] = ".weight";
    for (size_t i = meta->len; i-- > 0;) {
        const lud_str key = meta->keys[i];
        const ludc_value *v = meta->items[i];
        if (v->type != LUD_CFG_LIST || key.len < sizeof tail || strcmp(key.ptr + key.len + 1 - sizeof tail, tail) != 0)
            continue;
        char *name = ludc_strndup(key.ptr, key.len);
        float *data = ludc_alloc(LUDC_MAX(v->len, 1) * sizeof *data);
        const lud_shape shape = {.rank = 1, .dim = {(int64_t)v->len}};
        for (size_t k = 0; data && k < v->len; k++) {
            const ludc_value *x = v->items[k];
            data[k] = x->type == LUD_CFG_INT ? (float)x->u.i : x->type == LUD_CFG_FLOAT ? (float)x->u.f : 0.0f;
        }
        LUDC_TRY(ludc_tensor_list_add(out, name, data, &shape, err));
        (void)ludc_value_remove(meta, key.ptr);
    }
    return LUD_OK;
}

/* ---- The whole model ---- */
/* llama.cpp's numbers for general.file_type. */
static const struct {
    int32_t dtype, file_type;
} file_types[] = {{LUDC_F32, 0}, {LUDC_F16, 1}, {LUDC_Q4_0, 2}, {LUDC_Q8_0, 7}, {LUDC_BF16, 32}};

static lud_status put_general(ludc_value *meta, const char *name, int32_t dtype, lud_error *err) {
    int32_t file_type = -1;
    for (size_t i = 0; i < LUDC_COUNT(file_types); i++)
        if (file_types[i].dtype == dtype) file_type = file_types[i].file_type;
    if (file_type < 0)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: weights are not written as %s", ludc_dtype_name(dtype));
    const bool ok = ludc_value_put(meta, "general.type", ludc_value_text("model")) &&
                    ludc_value_put(meta, "general.name", ludc_value_text(name)) &&
                    ludc_value_put(meta, "general.file_type", ludc_value_int(file_type)) &&
                    ludc_value_put(meta, "general.quantization_version", ludc_value_int(2));
    return ok ? LUD_OK : ludc_no_memory(err, "GGUF");
}

/* llama.cpp wants vectors in fp32. Tables of the vocabulary suffer most from four bits. */
int32_t ludc_gguf_type(const ludc_save_tensor *t, int64_t vocab, int32_t wanted) {
    if (t->rank < 2) return LUDC_F32;
    if (wanted == LUDC_Q4_0 && t->dim[0] == vocab) wanted = LUDC_Q8_0;
    const bool blocks = wanted == LUDC_Q4_0 || wanted == LUDC_Q8_0;
    return blocks && t->dim[t->rank - 1] % 32 != 0 ? LUDC_F16 : wanted;
}

lud_status ludc_model_save_gguf(ludc_model *m, const char *path, const char *name, int32_t dtype, lud_error *err) {
    ludc_tensor_list list = {0};
    ludc_value *meta = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = meta ? own_metadata(m, meta, err) : ludc_no_memory(err, "GGUF");
    if (status == LUD_OK) status = take_tables(meta, &list, err);
    if (status == LUD_OK) status = put_general(meta, name, dtype, err);
    if (status == LUD_OK)
        status = ludc_tokenizer_to_gguf(m->tokenizer, m->info.vocab_size, m->info.eos_ids, m->info.n_eos, meta, err);
    if (status == LUD_OK) status = ludc_tensors_merged(m, "gguf", &list, err);
    for (size_t i = 0; i < list.len; i++)
        list.ptr[i].dtype = ludc_gguf_type(&list.ptr[i], m->info.vocab_size, dtype);
    if (status == LUD_OK) status = ludc_gguf_save(path, meta, list.ptr, list.len, err);
    ludc_tensor_list_free(&list);
    ludc_value_free(meta);
    return status;
}

/* ---- The adapter ---- */
static lud_status check_lora(const ludc_model *m, const ludc_value *json, lud_error *err) {
    const bool plain = ludc_text_is(json, "peft_type", "LORA") && !ludc_get_bool(json, "use_dora", false) &&
                       !ludc_get_bool(json, "lora_bias", false) &&
                       ludc_str_eq(ludc_get_str(json, "bias", LUDC_STR("none")), "none") &&
                       ludc_is_null(ludc_value_get(json, "modules_to_save"));
    if (plain) return LUD_OK;
    return ludc_fail(err, LUD_E_UNSUPPORTED,
                     "GGUF: of adapters only plain LoRA can be written apart, not this '%s'; export the merged model "
                     "(--format gguf)",
                     m->info.adapter_name);
}

/* What llama.cpp multiplies by, general alpha over the site's rank, is not the site's scale where rank_pattern,
 * alpha_pattern or rsLoRA are in use: B takes the rest. */
static float rest_of_scale(const ludc_value *json, const ludc_site *s, double alpha, int64_t rank) {
    const double own = ludc_get_float(s->cfg, "alpha", alpha), r = (double)rank;
    const double scale = ludc_get_bool(json, "use_rslora", false) ? own / sqrt(r) : own / r;
    return (float)(scale * r / alpha);
}

/* "base_model.model.<module>.lora_A.weight" -> "<tensor of the module>.lora_a". */
static lud_status rename_lora(ludc_model *m, const ludc_value *json, double alpha, ludc_save_tensor *t,
                              lud_error *err) {
    static const char prefix[] = "base_model.model.", tail[] = ".lora_A.weight";
    const size_t n = strlen(t->name), head = sizeof prefix - 1, end = sizeof tail - 1;
    const char which = n > head + end ? t->name[n - end + 6] : 0;
    char param[320], file[320];
    const ludc_site *s =
        which == 'A' || which == 'B' ? ludc_site_find(m, (lud_str){t->name + head, n - head - end}) : NULL;
    if (!s || ludc_site_param(m, s, "weight") < 0)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: the tensor '%s' has no place in an adapter there", t->name);
    float *v = (float *)t->data;
    lud_shape shape = {.rank = 2, .dim = {t->dim[0], which == 'A' ? 1 : t->dim[1]}};
    (void)snprintf(param, sizeof param, "%s.weight", s->name);
    if (which == 'A') {
        /* Only names are wanted: rows of A are none of the tensor's. */
        float *none = ludc_alloc((size_t)s->site.d_out * sizeof *none);
        shape.dim[0] = s->site.d_out;
        const lud_status status =
            none ? ludc_to_file(m, "gguf", param, none, &shape, file, err) : ludc_no_memory(err, "GGUF");
        ludc_free(none);
        LUDC_TRY(status);
    } else {
        const float rest = rest_of_scale(json, s, alpha, t->dim[1]);
        for (int64_t i = 0; rest != 1.0f && i < t->dim[0] * t->dim[1]; i++)
            v[i] *= rest;
        LUDC_TRY(ludc_to_file(m, "gguf", param, v, &shape, file, err));
    }
    ludc_buf name = {0};
    ludc_buf_addf(&name, "%s.lora_%c", file, which == 'A' ? 'a' : 'b');
    if (name.failed) return ludc_buf_free(&name), ludc_no_memory(err, "GGUF");
    ludc_free((char *)t->name);
    t->name = name.ptr;
    return LUD_OK;
}

static lud_status adapter_metadata(ludc_model *m, const char *name, double alpha, ludc_value *meta, lud_error *err) {
    ludc_value *own = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = own ? own_metadata(m, own, err) : ludc_no_memory(err, "GGUF");
    const bool ok =
        status == LUD_OK &&
        ludc_value_put(meta, "general.architecture", ludc_value_copy(ludc_value_get(own, "general.architecture"))) &&
        ludc_value_put(meta, "general.type", ludc_value_text("adapter")) &&
        ludc_value_put(meta, "general.name", ludc_value_text(name)) &&
        ludc_value_put(meta, "adapter.type", ludc_value_text("lora")) &&
        ludc_value_put(meta, "adapter.lora.alpha", ludc_value_float(alpha));
    ludc_value_free(own);
    if (status == LUD_OK && !ok) status = ludc_no_memory(err, "GGUF");
    return status;
}

lud_status ludc_model_save_gguf_adapter(ludc_model *m, const char *path, const char *name, lud_error *err) {
    if (!m->adapter_vt) return ludc_fail(err, LUD_E_INVALID, "this model has no adapter to export");
    ludc_tensor_list list = {0};
    ludc_value *json = NULL, *meta = ludc_value_new(LUD_CFG_OBJECT);
    lud_status status = meta ? ludc_adapter_json(m, &json, err) : ludc_no_memory(err, "GGUF");
    const double alpha = ludc_get_float(json, "lora_alpha", 8.0);
    if (status == LUD_OK) status = check_lora(m, json, err);
    if (status == LUD_OK) status = adapter_metadata(m, name, alpha, meta, err);
    if (status == LUD_OK) status = ludc_tensors_adapter(m, &list, err);
    for (size_t i = 0; i < list.len && status == LUD_OK; i++)
        status = rename_lora(m, json, alpha, &list.ptr[i], err);
    if (status == LUD_OK) status = ludc_gguf_save(path, meta, list.ptr, list.len, err);
    ludc_tensor_list_free(&list);
    ludc_value_free(json);
    ludc_value_free(meta);
    return status;
}
