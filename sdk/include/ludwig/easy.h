/* SPDX-License-Identifier: Apache-2.0
 * The easy layer: short inline helpers over the raw API, so that a plugin reads like the formula it builds. Everything
 * here is a convenience; nothing is part of the ABI. A builder need not check results one by one: the first error
 * poisons the graph, and lud_status_of tells it at the end. */
#ifndef LUDWIG_EASY_H
#define LUDWIG_EASY_H

#include "graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ----------------------------------------------------------------------------------------------- */
/* Fills *err unless it already holds an error (the first writer wins) and returns code. err may be NULL. */
__attribute__((format(printf, 3, 4))) static inline lud_status lud_fail(lud_error *err, lud_status code,
                                                                        const char *fmt, ...) {
    if (err && err->code == LUD_OK) {
        va_list args;
        va_start(args, fmt);
        err->code = code;
        (void)vsnprintf(err->msg, sizeof err->msg, fmt, args);
        va_end(args);
    }
    return code;
}

/* ---- Configuration ---------------------------------------------------------------------------------------- */
/* A member by its exact key, dots and all (GGUF keys hold dots). NULL if absent. */
static inline const lud_cfg *lud_member(const lud_cfg_api *c, const lud_cfg *object, const char *key) {
    size_t n = c->type(object) == LUD_CFG_OBJECT ? c->len(object) : 0, len = strlen(key);
    for (size_t i = 0; i < n; i++) {
        lud_str k = c->key_at(object, i);
        if (k.len == len && memcmp(k.ptr, key, len) == 0) return c->at(object, i);
    }
    return NULL;
}

/* True if the node is there and not null. */
static inline int lud_is_set(const lud_cfg_api *c, const lud_cfg *node) {
    int32_t type = c->type(node);
    return type != LUD_CFG_ABSENT && type != LUD_CFG_NULL;
}

/* Scalars of a member; absent, null or another type: the default. */
static inline int64_t lud_int_of(const lud_cfg_api *c, const lud_cfg *object, const char *key, int64_t dflt) {
    (void)c->get(lud_member(c, object, key), LUD_CFG_INT, &dflt);
    return dflt;
}
static inline double lud_float_of(const lud_cfg_api *c, const lud_cfg *object, const char *key, double dflt) {
    (void)c->get(lud_member(c, object, key), LUD_CFG_FLOAT, &dflt);
    return dflt;
}
static inline int32_t lud_bool_of(const lud_cfg_api *c, const lud_cfg *object, const char *key, int32_t dflt) {
    (void)c->get(lud_member(c, object, key), LUD_CFG_BOOL, &dflt);
    return dflt;
}
static inline lud_str lud_str_of(const lud_cfg_api *c, const lud_cfg *object, const char *key) {
    lud_str s = {"", 0};
    (void)c->get(lud_member(c, object, key), LUD_CFG_STR, &s);
    return s;
}
static inline int lud_str_is(lud_str s, const char *word) {
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}
static inline lud_str lud_text(const char *s) {
    lud_str text = {s, strlen(s)};
    return text;
}

/* ---- Shapes: a negative dimension is an extent ------------------------------------------------------------- */
static inline lud_shape lud_dims1(int64_t a) {
    lud_shape s = {LUD_REAL, 1, {a}};
    return s;
}
static inline lud_shape lud_dims2(int64_t a, int64_t b) {
    lud_shape s = {LUD_REAL, 2, {a, b}};
    return s;
}
static inline lud_shape lud_dims3(int64_t a, int64_t b, int64_t c) {
    lud_shape s = {LUD_REAL, 3, {a, b, c}};
    return s;
}

/* ---- Operations. Names and meaning as in ops.h --------------------------------------------------------------- */
static inline lud_t lud_emit(const lud_graph_api *a, lud_graph *g, uint32_t opcode, const lud_t *in, uint32_t n_in,
                             uint32_t n_out, const void *attr, size_t attr_size) {
    lud_op op;
    memset(&op, 0, sizeof op);
    op.struct_size = (uint32_t)sizeof op;
    op.opcode = opcode;
    op.n_in = n_in;
    op.n_out = n_out;
    op.in = in;
    op.attr = attr;
    op.attr_size = (uint32_t)attr_size;
    return a->emit(g, &op);
}

static inline lud_t lud_add(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t y) {
    lud_t in[2] = {x, y};
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_ADD, in, 2, 1, &none, sizeof none);
}
static inline lud_t lud_mul(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t y) {
    lud_t in[2] = {x, y};
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_MUL, in, 2, 1, &none, sizeof none);
}
/* mul * x + add; x itself where that changes nothing. */
static inline lud_t lud_scale(const lud_graph_api *a, lud_graph *g, lud_t x, float mul, float add) {
    lud_attr_scale attr = {mul, add};
    if (mul == 1.0f && add == 0.0f) return x;
    return lud_emit(a, g, LUD_OP_SCALE, &x, 1, 1, &attr, sizeof attr);
}
static inline lud_t lud_act(const lud_graph_api *a, lud_graph *g, lud_t x, int32_t act) {
    lud_attr_act attr = {act};
    return lud_emit(a, g, LUD_OP_ACT, &x, 1, 1, &attr, sizeof attr);
}
/* act(gate) * up */
static inline lud_t lud_glu(const lud_graph_api *a, lud_graph *g, lud_t gate, lud_t up, int32_t act) {
    lud_t in[2] = {gate, up};
    lud_attr_act attr = {act};
    return lud_emit(a, g, LUD_OP_GLU, in, 2, 1, &attr, sizeof attr);
}
static inline lud_t lud_reshape(const lud_graph_api *a, lud_graph *g, lud_t x, lud_shape shape) {
    lud_attr_shape attr;
    memset(&attr, 0, sizeof attr);
    attr.rank = shape.rank;
    memcpy(attr.dim, shape.dim, sizeof attr.dim);
    return lud_emit(a, g, LUD_OP_RESHAPE, &x, 1, 1, &attr, sizeof attr);
}
/* Columns [start, start + len) of `total` columns. */
static inline lud_t lud_slice(const lud_graph_api *a, lud_graph *g, lud_t x, int64_t start, int64_t len,
                              int64_t total) {
    lud_attr_slice attr = {start, len, total};
    return lud_emit(a, g, LUD_OP_SLICE, &x, 1, 1, &attr, sizeof attr);
}
static inline lud_t lud_gather_rows(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t index) {
    lud_t in[2] = {x, index};
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_GATHER_ROWS, in, 2, 1, &none, sizeof none);
}
/* a [...,M] and b [...,N] beside each other: [...,M+N]. */
static inline lud_t lud_concat(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t y) {
    lud_t in[2] = {x, y};
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_CONCAT, in, 2, 1, &none, sizeof none);
}
/* Over the last axis: [...,K] -> [...]. */
static inline lud_t lud_row_sum(const lud_graph_api *a, lud_graph *g, lud_t x) {
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_ROW_SUM, &x, 1, 1, &none, sizeof none);
}
static inline lud_t lud_row_mean(const lud_graph_api *a, lud_graph *g, lud_t x) {
    lud_shape s;
    if (a->shape_of(g, x, &s) != LUD_OK || s.rank < 2) return lud_row_sum(a, g, x); /* which says what is wrong */
    return lud_scale(a, g, lud_row_sum(a, g, x), 1.0f / (float)s.dim[s.rank - 1], 0.0f);
}
/* Each element of x [...] repeated: [...,width]. */
static inline lud_t lud_row_spread(const lud_graph_api *a, lud_graph *g, lud_t x, int64_t width) {
    lud_attr_width attr = {width};
    return lud_emit(a, g, LUD_OP_ROW_SPREAD, &x, 1, 1, &attr, sizeof attr);
}
/* Sum of all elements. */
static inline lud_t lud_sum(const lud_graph_api *a, lud_graph *g, lud_t x) {
    lud_attr_shape attr;
    memset(&attr, 0, sizeof attr);
    attr.rank = 1;
    attr.dim[0] = 1;
    return lud_emit(a, g, LUD_OP_SUM_TO, &x, 1, 1, &attr, sizeof attr);
}
/* The bare map x w^T + b without adapters: for an adapter's own parameters. b may be 0. */
static inline lud_t lud_linear_raw(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t w, lud_t b) {
    lud_t in[3] = {x, w, b};
    lud_attr_none none = {0};
    return lud_emit(a, g, LUD_OP_LINEAR, in, 3, 1, &none, sizeof none);
}
static inline lud_t lud_rms_norm(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t w, float eps, float offset) {
    lud_t in[2] = {x, w};
    lud_attr_norm attr = {eps, offset};
    return lud_emit(a, g, LUD_OP_RMS_NORM, in, 2, 2, &attr, sizeof attr);
}
/* w and b may be 0. */
static inline lud_t lud_layer_norm(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t w, lud_t b, float eps) {
    lud_t in[3] = {x, w, b};
    lud_attr_norm attr = {eps, 0};
    return lud_emit(a, g, LUD_OP_LAYER_NORM, in, 3, 3, &attr, sizeof attr);
}
/* x [T,H,D]: the first rotary_dim components of each head, halves paired as in transformers. */
static inline lud_t lud_rope(const lud_graph_api *a, lud_graph *g, lud_t x, lud_t positions, lud_t inv_freq,
                             int32_t rotary_dim, float attention_factor) {
    lud_t in[3] = {x, positions, inv_freq};
    lud_attr_rope attr;
    memset(&attr, 0, sizeof attr);
    attr.rotary_dim = rotary_dim;
    attr.attention_factor = attention_factor;
    return lud_emit(a, g, LUD_OP_ROPE, in, 3, 1, &attr, sizeof attr);
}
static inline lud_t lud_attention(const lud_graph_api *a, lud_graph *g, lud_t q, lud_t k, lud_t v, lud_t seg_offsets,
                                  const lud_attr_attention *attr) {
    lud_t in[5] = {q, k, v, seg_offsets, 0};
    return lud_emit(a, g, LUD_OP_ATTENTION, in, 5, 2, attr, sizeof *attr);
}
/* With a bias that grows with the distance of a key: slopes [H] (bloom). */
static inline lud_t lud_attention_alibi(const lud_graph_api *a, lud_graph *g, lud_t q, lud_t k, lud_t v,
                                        lud_t seg_offsets, lud_t slopes, const lud_attr_attention *attr) {
    lud_t in[5] = {q, k, v, seg_offsets, slopes};
    return lud_emit(a, g, LUD_OP_ATTENTION, in, 5, 2, attr, sizeof *attr);
}

/* tokens [T,C] -> [S,C], kind LUD_POOL_*. */
static inline lud_t lud_segment_pool(const lud_graph_api *a, lud_graph *g, lud_t tokens, lud_t seg_offsets,
                                     int32_t s_extent, int32_t kind) {
    lud_t in[2] = {tokens, seg_offsets};
    lud_attr_pool attr = {-(int64_t)s_extent, kind, 0};
    return lud_emit(a, g, LUD_OP_SEGMENT_POOL, in, 2, 2, &attr, sizeof attr);
}
/* tokens [T,C] weighted by the softmax of score [T] in each segment -> [S,C]. */
static inline lud_t lud_segment_attend(const lud_graph_api *a, lud_graph *g, lud_t tokens, lud_t score,
                                       lud_t seg_offsets, int32_t s_extent) {
    lud_t in[3] = {tokens, score, seg_offsets};
    lud_attr_rows attr = {-(int64_t)s_extent};
    return lud_emit(a, g, LUD_OP_SEGMENT_ATTEND, in, 3, 2, &attr, sizeof attr);
}
/* Each token with its neighbours: [T,C] -> [T,(left+1+right)*C]. */
static inline lud_t lud_segment_unfold(const lud_graph_api *a, lud_graph *g, lud_t tokens, lud_t seg_offsets,
                                       int32_t left, int32_t right) {
    lud_t in[2] = {tokens, seg_offsets};
    lud_attr_window attr = {left, right};
    return lud_emit(a, g, LUD_OP_SEGMENT_UNFOLD, in, 2, 1, &attr, sizeof attr);
}
/* Elementwise loss, kind LUD_LOSS_*; p and q are its attributes a and b. */
static inline lud_t lud_element_loss(const lud_graph_api *a, lud_graph *g, lud_t pred, lud_t target, int32_t kind,
                                     float p, float q) {
    lud_t in[2] = {pred, target};
    lud_attr_loss attr = {kind, p, q};
    return lud_emit(a, g, LUD_OP_ELEMENT_LOSS, in, 2, 1, &attr, sizeof attr);
}

/* ---- Parameters and sites ------------------------------------------------------------------------------------ */
/* The parameter "<name>.<suffix>" of a model file. */
static inline lud_t lud_param_of(const lud_graph_api *a, lud_graph *g, const char *name, const char *suffix,
                                 lud_shape shape) {
    char full[256];
    int n = snprintf(full, sizeof full, "%s.%s", name, suffix);
    if (n < 0 || (size_t)n >= sizeof full) {
        a->fail(g, LUD_E_INVALID, "a parameter's name is longer than 255 bytes");
        return 0;
    }
    return a->param(g, full, &shape, NULL);
}
/* A site with its weight [d_out, d_in] and, if asked for, bias [d_out]. `name` must outlive the site. */
static inline lud_site lud_make_site(const lud_graph_api *a, lud_graph *g, const char *name, int32_t kind,
                                     int32_t layer, int64_t d_in, int64_t d_out, int with_bias) {
    lud_site site;
    memset(&site, 0, sizeof site);
    site.struct_size = (uint32_t)sizeof site;
    site.kind = kind;
    site.layer = layer;
    site.groups = 1;
    site.name = name;
    site.d_in = d_in;
    site.d_out = d_out;
    site.weight = lud_param_of(a, g, name, "weight", lud_dims2(d_out, d_in));
    if (with_bias) site.bias = lud_param_of(a, g, name, "bias", lud_dims1(d_out));
    return site;
}
/* x through the linear map `name` (and its adapters), parameters declared on the way. */
static inline lud_t lud_linear(const lud_graph_api *a, lud_graph *g, const char *name, int32_t layer, lud_t x,
                               int64_t d_in, int64_t d_out, int with_bias) {
    lud_site site = lud_make_site(a, g, name, LUD_SITE_LINEAR, layer, d_in, d_out, with_bias);
    return a->linear(g, &site, x);
}

/* The graph's first error in the form a slot returns. */
static inline lud_status lud_status_of(const lud_graph_api *a, const lud_graph *g, lud_error *err) {
    return a->status(g, err);
}

#ifdef __cplusplus
}
#endif
#endif
