/* SPDX-License-Identifier: Apache-2.0
 * Opening a predictor: devices, the encoder of each input (a tower over a base model, or a component of its own), the
 * combiner, the head of each output; then its parameters. All or nothing. */
#include "tower.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const ludc_value *feature, const char *key) {
    const lud_str s = ludc_get_text(feature, key);
    return s.ptr; /* text of a value ends in NUL */
}

static char *scope_of(const char *kind, const char *name, const char *what) {
    ludc_buf text = {0};
    ludc_buf_addf(&text, "%s.%s.%s.", kind, name, what);
    return text.ptr;
}

/* The section of a component, checked and filled; heap. */
static lud_status fill_section(const ludc_predictor *p, int32_t kind, const char *type, const char *feature,
                               const ludc_value *section, const lud_component *c, ludc_value **out, lud_error *err) {
    const ludc_key *keys = ludc_component_keys(kind, ludc_str(type ? type : ""));
    char path[96];
    (void)snprintf(path, sizeof path, "%s%s%s", feature, *feature ? "." : "", ludc_kind_name(kind));
    return ludc_component_section(p->config_name, section, path, c, keys, out, err);
}

/* A component with its sections; the view borrows the filled one. */
static lud_status open_part(ludc_predictor *p, int32_t kind, const char *type, const char *feature,
                            const ludc_value *section, const ludc_value *metadata, ludc_value **full,
                            struct ludc_part **out, lud_error *err) {
    const lud_component *c = NULL;
    const lud_str word = ludc_get_text(section, "type");
    LUDC_TRY(ludc_host_find(p->host, kind, type, word, &c, err));
    if (kind == LUD_KIND_ENCODER && c->model_types)
        return ludc_fail(err, LUD_E_INVALID,
                         "%s.encoder: type %s needs 'pretrained_model_name_or_path', a model folder", feature,
                         c->config_name);
    LUDC_TRY(fill_section(p, kind, type, feature, section, c, full, err));
    ludc_part *part = ludc_alloc(sizeof *part);
    if (!part) return ludc_no_memory(err, "model");
    *out = part;
    ludc_view_add(&part->view, "config", *full);
    ludc_view_add(&part->view, "metadata", metadata);
    return ludc_part_open(p->host, part, c, err); /* that there is a `build` was checked when it was loaded */
}

/* ---- Inputs ---- */
static const struct {
    const char *word;
    int32_t pool;
} pools[] = {{"mean", LUD_POOL_MEAN},        {"avg", LUD_POOL_MEAN},
             {"sum", LUD_POOL_SUM},          {"max", LUD_POOL_MAX},
             {"last", LUD_POOL_LAST},        {"cls", LUD_POOL_FIRST},
             {"cls_pooled", LUD_POOL_FIRST}, {"attention", LUD_REDUCE_ATTENTION}};

static lud_status read_pool(ludc_input *in, lud_error *err) {
    const lud_str word = ludc_get_text(in->section, "reduce_output");
    if (word.len == 0) return LUD_OK; /* null: it stays a sequence */
    in->pooler = ludc_str_eq(word, "cls_pooled");
    for (size_t i = 0; i < LUDC_COUNT(pools); i++)
        if (ludc_str_eq(word, pools[i].word)) return in->pool = pools[i].pool, LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "input feature '%s': encoder.reduce_output '%.*s' is not known", in->name,
                     LUDC_ARG(word));
}

static int64_t text_length(const ludc_input *in, int64_t positions) {
    int64_t n = positions > 0 ? positions : INT32_MAX;
    const int64_t own = ludc_get_int(in->section, "max_sequence_length", INT32_MAX);
    const int64_t prepared = ludc_get_int(in->feature, "preprocessing.max_sequence_length", 256);
    return LUDC_MAX(1, LUDC_MIN(n, LUDC_MIN(own, prepared)));
}

static lud_status open_tower(ludc_predictor *p, ludc_input *in, const ludc_value *section, lud_error *err) {
    LUDC_TRY(ludc_tower_open(p, in, section, &in->tower, err));
    LUDC_TRY(fill_section(p, LUD_KIND_ENCODER, in->type, in->path, section, in->tower->encoder_part.component,
                          &in->section, err));
    LUDC_TRY(read_pool(in, err));
    in->vt = in->tower->encoder;
    in->self = in->tower->encoder_part.self;
    in->max_length = text_length(in, in->tower->info.max_positions);
    in->frozen = !in->tower->trainable && !in->tower->adapter_vt && in->pool != LUD_REDUCE_ATTENTION && in->pool;
    const bool wanted = ludc_get_bool(in->feature, "preprocessing.cache_encoder_embeddings", false);
    in->cached = wanted && in->frozen && p->for_training;
    /* Until ludc_task_gate has looked; where the heads were trained on vectors of int8 or not, it is as then. */
    in->int8 =
        p->devices->int8 && in->pool && (in->cached || !p->for_training) && ludc_get_bool(in->metadata, "int8", true);
    return LUD_OK;
}

static lud_status open_encoder(ludc_predictor *p, ludc_input *in, const ludc_value *section, lud_error *err) {
    LUDC_TRY(open_part(p, LUD_KIND_ENCODER, in->type, in->path, section, in->metadata, &in->section, &in->part, err));
    in->vt = in->part->vtable;
    in->self = in->part->self;
    if (strcmp(in->type, "text") != 0) return LUD_OK;
    LUDC_TRY(read_pool(in, err));
    in->max_length = text_length(in, 0);
    return ludc_words_read(in->metadata, &in->words, err);
}

/* A tied input is another one's encoder under a name of its own. */
static lud_status tie(ludc_predictor *p, ludc_input *in, lud_str to, lud_error *err) {
    for (size_t k = 0; k < p->n_inputs; k++) {
        const char *name = in->name;
        const ludc_value *feature = in->feature;
        if (&p->inputs[k] == in || !ludc_str_eq(to, p->inputs[k].name)) continue;
        *in = p->inputs[k];
        in->name = name;
        in->feature = feature;
        in->tied = (int64_t)k;
        return LUD_OK;
    }
    return ludc_fail(err, LUD_E_INVALID, "input feature '%s': there is no input '%.*s' to be tied to", in->name,
                     LUDC_ARG(to));
}

static lud_status open_input(ludc_predictor *p, ludc_input *in, const ludc_value *metadata, lud_error *err) {
    const ludc_value *section = ludc_value_get(in->feature, "encoder");
    in->metadata = ludc_value_get(metadata, in->name);
    in->scope = scope_of("input_features", in->name, "encoder");
    if (!in->scope) return ludc_no_memory(err, "model");
    return ludc_tower_wanted(section) ? open_tower(p, in, section, err) : open_encoder(p, in, section, err);
}

static lud_status open_inputs(ludc_predictor *p, const ludc_value *metadata, lud_error *err) {
    for (int tied = 0; tied < 2; tied++)
        for (size_t i = 0; i < p->n_inputs; i++) {
            const lud_str to = ludc_get_text(p->inputs[i].feature, "tied");
            if ((to.len > 0) != tied) continue;
            LUDC_TRY(tied ? tie(p, &p->inputs[i], to, err) : open_input(p, &p->inputs[i], metadata, err));
        }
    return LUD_OK;
}

/* ---- Outputs ---- */
static lud_status read_weights(ludc_output *o, lud_error *err) {
    const ludc_value *weights = ludc_value_find(o->feature, "loss.class_weights");
    if (ludc_is_null(weights)) return LUD_OK;
    o->class_weights = ludc_alloc((size_t)o->width * sizeof *o->class_weights);
    if (!o->class_weights) return ludc_no_memory(err, "model");
    lud_error why = LUDC_ERROR_INIT;
    const lud_status status = ludc_class_weights(weights, o->metadata, o->class_weights, &why);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "%s.loss.%s", o->path, why.msg);
}

static lud_status read_dependencies(ludc_predictor *p, ludc_output *o, lud_error *err) {
    const ludc_value *list = ludc_value_get(o->feature, "dependencies");
    if (!list || list->type != LUD_CFG_LIST || list->len == 0) return LUD_OK;
    o->dependencies = ludc_alloc(list->len * sizeof *o->dependencies);
    if (!o->dependencies) return ludc_no_memory(err, "model");
    for (size_t i = 0; i < list->len; i++)
        for (size_t k = 0; k < p->n_outputs; k++)
            if (ludc_str_eq(list->items[i]->u.s, p->outputs[k].name)) o->dependencies[o->n_dependencies++] = k;
    return LUD_OK;
}

static lud_status open_output(ludc_predictor *p, ludc_output *o, const ludc_value *metadata, lud_error *err) {
    o->metadata = ludc_value_get(metadata, o->name);
    o->width = ludc_get_int(o->metadata, "width", 0);
    o->weight = ludc_get_float(o->feature, "loss.weight", 1.0);
    o->temperature = ludc_get_float(o->metadata, "calibration_temperature", 1.0);
    if (o->width < 1) return ludc_fail(err, LUD_E_DATA, "output feature '%s' has no classes or values", o->name);
    o->scope = scope_of("output_features", o->name, "decoder");
    if (!o->scope) return ludc_no_memory(err, "model");
    LUDC_TRY(read_weights(o, err));
    LUDC_TRY(read_dependencies(p, o, err));
    return open_part(p, LUD_KIND_DECODER, o->type, o->path, ludc_value_get(o->feature, "decoder"), o->metadata,
                     &o->section, &o->part, err);
}

/* Outputs whose dependencies are all placed come next; config has refused cycles. */
static void sort_outputs(ludc_predictor *p) {
    size_t n = 0;
    while (n < p->n_outputs) {
        const size_t before = n;
        for (size_t k = 0; k < p->n_outputs; k++) {
            size_t have = 0;
            bool placed = false;
            for (size_t i = 0; i < n; i++) {
                placed |= p->order[i] == k;
                for (size_t d = 0; d < p->outputs[k].n_dependencies; d++)
                    have += p->order[i] == p->outputs[k].dependencies[d];
            }
            if (!placed && have == p->outputs[k].n_dependencies) p->order[n++] = k;
        }
        if (n == before) break;
    }
}

static lud_status make_lists(ludc_predictor *p, lud_error *err) {
    const ludc_value *in = ludc_value_get(p->config, "input_features");
    const ludc_value *out = ludc_value_get(p->config, "output_features");
    p->inputs = ludc_alloc(in->len * sizeof *p->inputs);
    p->outputs = ludc_alloc(out->len * sizeof *p->outputs);
    p->order = ludc_alloc(out->len * sizeof *p->order);
    if (!p->inputs || !p->outputs || !p->order) return ludc_no_memory(err, "model");
    for (size_t i = 0; i < in->len; i++) {
        if (!ludc_get_bool(in->items[i], "active", true)) continue;
        ludc_input *x = &p->inputs[p->n_inputs++];
        *x = (ludc_input){.feature = in->items[i], .tied = -1};
        x->name = text_of(x->feature, "name");
        x->type = text_of(x->feature, "type");
        (void)snprintf(x->path, sizeof x->path, "input_features.%zu", i);
    }
    for (size_t i = 0; i < out->len; i++) {
        if (!ludc_get_bool(out->items[i], "active", true)) continue;
        ludc_output *o = &p->outputs[p->n_outputs++];
        *o = (ludc_output){.feature = out->items[i]};
        o->name = text_of(o->feature, "name");
        o->type = text_of(o->feature, "type");
        (void)snprintf(o->path, sizeof o->path, "output_features.%zu", i);
    }
    return LUD_OK;
}

lud_status ludc_predictor_parts_open(ludc_predictor *p, const ludc_value *metadata, lud_error *err) {
    LUDC_TRY(make_lists(p, err));
    LUDC_TRY(open_inputs(p, metadata, err));
    LUDC_TRY(open_part(p, LUD_KIND_COMBINER, NULL, "", ludc_value_get(p->config, "combiner"), NULL,
                       &p->combiner_section, &p->combiner, err));
    for (size_t i = 0; i < p->n_outputs; i++)
        LUDC_TRY(open_output(p, &p->outputs[i], metadata, err));
    sort_outputs(p);
    return LUD_OK;
}

static void close_part(struct ludc_part *part) {
    if (part) ludc_part_close(part);
    ludc_free(part);
}

void ludc_predictor_parts_close(ludc_predictor *p) {
    for (size_t i = 0; i < p->n_outputs; i++) {
        ludc_output *o = &p->outputs[i];
        close_part(o->part);
        ludc_value_free(o->section);
        ludc_free(o->scope);
        ludc_free(o->class_weights);
        ludc_free(o->dependencies);
    }
    close_part(p->combiner);
    ludc_value_free(p->combiner_section);
    for (size_t i = 0; i < p->n_inputs; i++) {
        ludc_input *in = &p->inputs[i];
        if (in->tied >= 0) continue;
        close_part(in->part);
        ludc_model_free(in->tower);
        ludc_words_free(in->words);
        ludc_value_free(in->section);
        ludc_free(in->scope);
    }
    ludc_free(p->inputs);
    ludc_free(p->outputs);
    ludc_free(p->order);
}

/* ---- Open and free ---- */
static lud_status open_all(ludc_predictor *p, const ludc_predictor_spec *spec, lud_error *err) {
    p->devices = spec->devices ? (ludc_devices *)spec->devices : &p->own_devices;
    if (!spec->devices) {
        const lud_str word = ludc_get_str(p->config, "backend.device", LUDC_STR("auto"));
        LUDC_TRY(ludc_devices_open(p->host, word, p->devices, err));
        ludc_devices_set_precision(p->devices, ludc_get_str(p->config, "backend.precision", LUDC_STR("auto")));
        p->owns_devices = true;
    }
    p->store = ludc_store_new(p->devices, p->real);
    if (!p->store) return ludc_no_memory(err, "model");
    LUDC_TRY(ludc_predictor_parts_open(p, spec->metadata, err));
    return ludc_predictor_fill(p, spec->weights, err);
}

lud_status ludc_predictor_open(const ludc_predictor_spec *spec, ludc_predictor **out, lud_error *err) {
    ludc_predictor *p = ludc_alloc(sizeof *p);
    if (!p) return ludc_no_memory(err, "model");
    p->host = spec->host;
    p->config = spec->config;
    p->config_name = spec->config_name;
    p->for_training = spec->for_training;
    p->seed = spec->seed;
    p->real = spec->real ? spec->real : LUD_F32;
    const lud_status status = open_all(p, spec, err);
    if (status != LUD_OK) return ludc_predictor_free(p), ludc_fail(err, status, "model: %s", ludc_status_text(status));
    *out = p;
    return LUD_OK;
}

void ludc_predictor_free(ludc_predictor *p) {
    if (!p) return;
    ludc_store_free(p->store); /* before the files whose memory it borrows, and before the devices */
    ludc_predictor_parts_close(p);
    if (p->owns_devices) ludc_devices_close(&p->own_devices);
    ludc_free(p);
}
