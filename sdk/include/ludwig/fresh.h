/* SPDX-License-Identifier: Apache-2.0
 * Parameters that no file provides: initial values by their names in torch.nn.init, and the dense map and layer norm
 * that start with them. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_FRESH_H
#define LUDWIG_FRESH_H

#include "schema.h"
#include "section.h"

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Initial values: a word, or {type: word, a, b | mean, std | val} ------------------------------------------ */
enum {
    LUD_INITIAL_ZEROS,
    LUD_INITIAL_ONES,
    LUD_INITIAL_CONSTANT,       /* a */
    LUD_INITIAL_UNIFORM,        /* [a, b) */
    LUD_INITIAL_NORMAL,         /* mean a, deviation b */
    LUD_INITIAL_XAVIER_UNIFORM, /* Glorot and Bengio 2010 */
    LUD_INITIAL_XAVIER_NORMAL,
    LUD_INITIAL_KAIMING_UNIFORM, /* He et al. 2015, for relu */
    LUD_INITIAL_KAIMING_NORMAL,
    LUD_INITIAL_TORCH /* as torch's own layers start: uniform in +-1/sqrt(fan_in); not a word of the config */
};

typedef struct lud_initial {
    int32_t rule; /* LUD_INITIAL_* */
    float a, b;
} lud_initial;

static inline lud_initial lud_initial_of(int32_t rule) {
    lud_initial i = {rule, 0, 1};
    return i;
}

static inline lud_initial lud_read_initial(lud_section *s, const char *key, lud_initial dflt) {
    static const char *const words[] = {
        "zeros",          "ones",          "constant",        "uniform",        "normal",
        "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", NULL};
    lud_initial out = dflt;
    const lud_cfg *node = lud_member(s->c, s->node, key), *word = node;
    if (!lud_is_set(s->c, node)) return out;
    if (s->c->type(node) == LUD_CFG_OBJECT) word = lud_member(s->c, node, "type");
    int rule = lud_section_word_of(s, word, key, words);
    if (rule < 0) return out;
    out.rule = rule;
    if (rule == LUD_INITIAL_CONSTANT) out.a = (float)lud_float_of(s->c, node, "val", 0);
    if (rule == LUD_INITIAL_UNIFORM || rule == LUD_INITIAL_NORMAL) {
        int normal = rule == LUD_INITIAL_NORMAL;
        out.a = (float)lud_float_of(s->c, node, normal ? "mean" : "a", 0);
        out.b = (float)lud_float_of(s->c, node, normal ? "std" : "b", 1);
    }
    return out;
}

/* The same of a bias, a vector: the rules that need a matrix are refused. */
static inline lud_initial lud_read_bias_initial(lud_section *s, const char *key, lud_initial dflt) {
    lud_initial out = lud_read_initial(s, key, dflt);
    if (out.rule >= LUD_INITIAL_XAVIER_UNIFORM) {
        lud_section_fail(s, key,
                         "the xavier and kaiming rules need a matrix; use zeros, ones, constant, uniform or normal");
    }
    return out;
}

static inline lud_param_spec lud_initial_spec(const lud_initial *i, int64_t fan_in, int64_t fan_out) {
    lud_param_spec spec;
    double in = (double)fan_in, sum = (double)(fan_in + fan_out), width = 0, deviation = 0;
    memset(&spec, 0, sizeof spec);
    spec.struct_size = (uint32_t)sizeof spec;
    spec.init = LUD_INIT_CONSTANT;
    if (i->rule == LUD_INITIAL_ONES) spec.a = 1;
    if (i->rule == LUD_INITIAL_CONSTANT) spec.a = i->a;
    if (i->rule == LUD_INITIAL_XAVIER_UNIFORM) width = sqrt(6.0 / sum);
    if (i->rule == LUD_INITIAL_KAIMING_UNIFORM) width = sqrt(6.0 / in);
    if (i->rule == LUD_INITIAL_TORCH) width = sqrt(1.0 / in);
    if (i->rule == LUD_INITIAL_XAVIER_NORMAL) deviation = sqrt(2.0 / sum);
    if (i->rule == LUD_INITIAL_KAIMING_NORMAL) deviation = sqrt(2.0 / in);
    if (i->rule == LUD_INITIAL_UNIFORM || width > 0) {
        spec.init = LUD_INIT_UNIFORM;
        spec.a = width > 0 ? (float)-width : i->a;
        spec.b = width > 0 ? (float)width : i->b;
    } else if (i->rule == LUD_INITIAL_NORMAL || deviation > 0) {
        spec.init = LUD_INIT_NORMAL;
        spec.a = deviation > 0 ? 0.0f : i->a;
        spec.b = deviation > 0 ? (float)deviation : i->b;
    }
    return spec;
}

/* ---- Parameters that start fresh ------------------------------------------------------------------------------ */
static inline lud_t lud_fresh_param(const lud_graph_api *a, lud_graph *g, const char *name, const char *suffix,
                                    lud_shape shape, const lud_param_spec *spec) {
    char full[256];
    int n = snprintf(full, sizeof full, "%s.%s", name, suffix);
    if (n < 0 || (size_t)n >= sizeof full) {
        a->fail(g, LUD_E_INVALID, "a parameter's name is longer than 255 bytes");
        return 0;
    }
    return a->param(g, full, &shape, spec);
}

/* Length of the last axis; 0 if x is none. */
static inline int64_t lud_width_of(const lud_graph_api *a, const lud_graph *g, lud_t x) {
    lud_shape s;
    memset(&s, 0, sizeof s);
    return a->shape_of(g, x, &s) == LUD_OK && s.rank > 0 ? s.dim[s.rank - 1] : 0;
}

typedef struct lud_dense_init {
    int32_t use_bias;
    lud_initial weights, bias;
} lud_dense_init;

/* The keys below in a config_schema. */
#define LUD_KEY_INITIAL(key, dflt, doc)                                                                                \
    LUD_KEY(key, "[\"string\", \"object\", \"null\"]", dflt, ", \"additionalProperties\": true", doc)
#define LUD_KEYS_DENSE                                                                                                 \
    LUD_KEY_BOOL("use_bias", true, "add a bias"),                                                                      \
        LUD_KEY_INITIAL("weights_initializer", "\"xavier_uniform\"",                                                   \
                        "how weights start: a word of torch.nn.init or {type, a, b, mean, std, val}"),                 \
        LUD_KEY_INITIAL("bias_initializer", "\"zeros\"", "how biases start: the same, of a vector")

static inline lud_dense_init lud_dense_default(void) {
    lud_dense_init d = {1, {LUD_INITIAL_XAVIER_UNIFORM, 0, 1}, {LUD_INITIAL_ZEROS, 0, 1}};
    return d;
}

/* As torch's own linear layers start. */
static inline lud_dense_init lud_dense_torch(void) {
    lud_dense_init d = {1, {LUD_INITIAL_TORCH, 0, 0}, {LUD_INITIAL_TORCH, 0, 0}};
    return d;
}

/* use_bias, weights_initializer and bias_initializer of a section over the values in `d`. */
static inline void lud_read_dense(lud_section *s, const char *prefix, lud_dense_init *d) {
    d->use_bias = lud_section_bool(s, lud_key_of(prefix, "use_bias").text, d->use_bias);
    d->weights = lud_read_initial(s, lud_key_of(prefix, "weights_initializer").text, d->weights);
    d->bias = lud_read_bias_initial(s, lud_key_of(prefix, "bias_initializer").text, d->bias);
}

/* x w^T + b with fresh parameters "<name>.weight" [d_out, d_in] and "<name>.bias". */
static inline lud_t lud_dense(const lud_graph_api *a, lud_graph *g, const char *name, lud_t x, int64_t d_out,
                              const lud_dense_init *init) {
    int64_t d_in = lud_width_of(a, g, x);
    lud_param_spec w = lud_initial_spec(&init->weights, d_in, d_out), b = lud_initial_spec(&init->bias, d_in, d_out);
    lud_site site;
    memset(&site, 0, sizeof site);
    site.struct_size = (uint32_t)sizeof site;
    site.kind = LUD_SITE_LINEAR;
    site.layer = -1;
    site.groups = 1;
    site.name = name;
    site.d_in = d_in;
    site.d_out = d_out;
    site.weight = lud_fresh_param(a, g, name, "weight", lud_dims2(d_out, d_in), &w);
    if (init->use_bias) site.bias = lud_fresh_param(a, g, name, "bias", lud_dims1(d_out), &b);
    return a->linear(g, &site, x);
}

/* Rows of a fresh table "<name>.weight" [rows, columns] for ids I32 [T]; one that is not trained keeps its start. */
static inline lud_t lud_fresh_embedding(const lud_graph_api *a, lud_graph *g, const char *name, lud_t ids, int64_t rows,
                                        int64_t columns, const lud_initial *initial, int trained) {
    lud_param_spec spec = lud_initial_spec(initial, columns, rows);
    lud_site site;
    memset(&site, 0, sizeof site);
    if (!trained) spec.flags |= LUD_PARAM_BUFFER;
    site.struct_size = (uint32_t)sizeof site;
    site.kind = LUD_SITE_EMBEDDING;
    site.layer = -1;
    site.groups = 1;
    site.name = name;
    site.d_in = rows;
    site.d_out = columns;
    site.weight = lud_fresh_param(a, g, name, "weight", lud_dims2(rows, columns), &spec);
    return a->embedding(g, &site, ids);
}

/* LAYER_NORM over the last axis with fresh "<name>.weight" (ones) and "<name>.bias" (zeros). */
static inline lud_t lud_fresh_norm(const lud_graph_api *a, lud_graph *g, const char *name, lud_t x, float eps) {
    lud_initial ones = lud_initial_of(LUD_INITIAL_ONES), zeros = lud_initial_of(LUD_INITIAL_ZEROS);
    int64_t c = lud_width_of(a, g, x);
    lud_param_spec w = lud_initial_spec(&ones, c, c), b = lud_initial_spec(&zeros, c, c);
    lud_t weight = lud_fresh_param(a, g, name, "weight", lud_dims1(c), &w);
    return lud_layer_norm(a, g, x, weight, lud_fresh_param(a, g, name, "bias", lud_dims1(c), &b), eps);
}

#ifdef __cplusplus
}
#endif
#endif
