/* SPDX-License-Identifier: Apache-2.0
 * The fully connected stack of Ludwig: linear -> norm -> activation -> dropout, any number of times; used by dense
 * encoders, by combiners and by core before each head. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_FC_H
#define LUDWIG_FC_H

#include "fresh.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LUD_FC_MAX = 64 };

typedef struct lud_fc_layer {
    int64_t output_size;
    int32_t activation; /* LUD_ACT_*; 0 = none */
    int32_t norm;       /* 1 = layer norm */
    float norm_eps, dropout;
    lud_dense_init dense;
} lud_fc_layer;

typedef struct lud_fc {
    int32_t n, residual;
    lud_fc_layer layer[LUD_FC_MAX];
} lud_fc;

/* How a section names the stack's keys, and what it takes where they are absent. Within fc_layers no key has a prefix.
 */
typedef struct lud_fc_form {
    const char *count;      /* "num_fc_layers" */
    const char *prefix;     /* of output_size, norm, norm_params, use_bias, weights_initializer, bias_initializer */
    const char *act_prefix; /* of activation, dropout, residual */
    int64_t n, size;        /* layers, output_size */
    int32_t norm, residual; /* 1: layer norm; residual connections */
} lud_fc_form;

/* The keys of a stack without prefixes in a config_schema; the first without those that Ludwig prefixes at times. */
#define LUD_KEYS_FC_REST(size, norm_word)                                                                              \
    LUD_KEY_OBJECTS("fc_layers", "one object per layer with keys of this section; replaces the number of layers"),     \
        LUD_KEY_INT("output_size", size, 1, 1048576, "width of a layer"),                                              \
        LUD_KEY_WORD("norm", norm_word, "\"layer\"", "norm before the activation"),                                    \
        LUD_KEY_OBJECT("norm_params", "{eps: 1e-5}"), LUD_KEYS_DENSE
#define LUD_KEY_ACTIVATION(key, dflt)                                                                                  \
    LUD_KEY_WORD(key, dflt, "\"relu\", \"tanh\", \"sigmoid\", \"gelu\", \"silu\", \"swish\"", "function after a layer")
#define LUD_KEYS_FC(size, norm_word)                                                                                   \
    LUD_KEYS_FC_REST(size, norm_word), LUD_KEY_ACTIVATION("activation", "\"relu\""),                                   \
        LUD_KEY_DROPOUT("dropout", 0, "share of a layer's elements that training drops")

static inline lud_fc_form lud_fc_form_of(const char *count, const char *prefix, const char *act_prefix, int64_t n,
                                         int64_t size) {
    lud_fc_form form = {count, prefix, act_prefix, n, size, 0, 0};
    return form;
}

/* The stack before a head: fc_layers, num_fc_layers, fc_output_size, fc_activation ... in the decoder section. */
static inline lud_fc_form lud_fc_form_head(void) {
    return lud_fc_form_of("num_fc_layers", "fc_", "fc_", 0, 256);
}

/* LUD_ACT_* of the word; absent: dflt; null: 0, no activation. */
static inline int32_t lud_read_activation(lud_section *s, const char *key, int32_t dflt) {
    static const char *const words[] = {"relu", "tanh", "sigmoid", "gelu", "silu", "swish", NULL};
    static const int32_t acts[] = {LUD_ACT_RELU,     LUD_ACT_TANH, LUD_ACT_SIGMOID,
                                   LUD_ACT_GELU_ERF, LUD_ACT_SILU, LUD_ACT_SILU};
    const lud_cfg *node = lud_member(s->c, s->node, key);
    int32_t type = s->c->type(node);
    if (type == LUD_CFG_ABSENT) return dflt;
    if (type == LUD_CFG_NULL) return 0;
    int i = lud_section_word_of(s, node, key, words);
    return i < 0 ? 0 : acts[i];
}

/* 1 for "layer"; absent: dflt; null: 0. A batch norm would make a row's result depend on the other rows. */
static inline int32_t lud_read_norm(lud_section *s, const char *key, int32_t dflt) {
    static const char *const words[] = {"layer", NULL};
    const lud_cfg *node = lud_member(s->c, s->node, key);
    int32_t type = s->c->type(node);
    if (type == LUD_CFG_ABSENT) return dflt;
    return type != LUD_CFG_NULL && lud_section_word_of(s, node, key, words) == 0;
}

/* One layer: the keys of the section over the values in `l`. */
static inline void lud_read_fc_layer(lud_section *s, const char *prefix, const char *act_prefix, lud_fc_layer *l) {
    lud_key params = lud_key_of(prefix, "norm_params");
    char where[160];
    (void)snprintf(where, sizeof where, "%s.%s", s->where, params.text);
    lud_section norm = lud_section_of(s->c, lud_member(s->c, s->node, params.text), where, s->err);
    l->output_size = lud_section_int(s, lud_key_of(prefix, "output_size").text, l->output_size, 1, 1 << 20);
    l->activation = lud_read_activation(s, lud_key_of(act_prefix, "activation").text, l->activation);
    l->dropout = lud_section_dropout(s, lud_key_of(act_prefix, "dropout").text, (double)l->dropout);
    l->norm = lud_read_norm(s, lud_key_of(prefix, "norm").text, l->norm);
    l->norm_eps = (float)lud_section_float(&norm, "eps", (double)l->norm_eps);
    lud_read_dense(s, prefix, &l->dense);
    if (s->status == LUD_OK) s->status = norm.status;
}

/* fc_layers: a list of objects, each over the section's own values. */
static inline void lud_read_fc_list(lud_section *s, const lud_cfg *list, const lud_fc_layer *dflt, lud_fc *out) {
    size_t n = s->c->len(list);
    if (s->c->type(list) != LUD_CFG_LIST || n > LUD_FC_MAX) {
        lud_section_fail(s, "fc_layers", "want a list of at most %d layers", (int)LUD_FC_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char where[128];
        (void)snprintf(where, sizeof where, "%s.fc_layers.%zu", s->where, i);
        lud_section layer = lud_section_of(s->c, s->c->at(list, i), where, s->err);
        out->layer[i] = *dflt;
        lud_read_fc_layer(&layer, "", "", &out->layer[i]);
        if (s->status == LUD_OK) s->status = layer.status;
    }
    out->n = (int32_t)n;
}

/* Reads the stack of a section; look at s->status afterwards. Without fc_layers there are `count` equal ones. */
static inline void lud_read_fc(lud_section *s, const lud_fc_form *form, lud_fc *out) {
    const lud_cfg *list = lud_member(s->c, s->node, "fc_layers");
    lud_fc_layer dflt = {form->size, LUD_ACT_RELU, form->norm, 1e-5f, 0, lud_dense_default()};
    memset(out, 0, sizeof *out);
    lud_read_fc_layer(s, form->prefix, form->act_prefix, &dflt);
    out->residual = lud_section_bool(s, lud_key_of(form->act_prefix, "residual").text, form->residual);
    out->n = (int32_t)lud_section_int(s, form->count, form->n, 0, LUD_FC_MAX);
    for (int32_t i = 0; s->status == LUD_OK && i < out->n; i++)
        out->layer[i] = dflt;
    if (lud_is_set(s->c, list)) lud_read_fc_list(s, list, &dflt, out);
}

/* x through the stack; parameters "<name>.0.weight", "<name>.0.bias", "<name>.0.norm.weight" ... */
static inline lud_t lud_build_fc(const lud_graph_api *a, lud_graph *g, const lud_fc *fc, const char *name, lud_t x) {
    for (int32_t i = 0; i < fc->n; i++) {
        const lud_fc_layer *l = &fc->layer[i];
        char layer[200], norm[220];
        (void)snprintf(layer, sizeof layer, "%s.%d", name, (int)i);
        (void)snprintf(norm, sizeof norm, "%s.norm", layer);
        lud_t y = lud_dense(a, g, layer, x, l->output_size, &l->dense);
        if (l->norm) y = lud_fresh_norm(a, g, norm, y, l->norm_eps);
        if (l->activation) y = lud_act(a, g, y, l->activation);
        y = a->dropout(g, y, l->dropout);
        x = fc->residual && lud_width_of(a, g, x) == l->output_size ? lud_add(a, g, x, y) : y;
    }
    return x;
}

#ifdef __cplusplus
}
#endif
#endif
