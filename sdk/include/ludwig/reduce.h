/* SPDX-License-Identifier: Apache-2.0
 * One vector of a sequence: the words of Ludwig's reduce_output and what each of them builds. Used by core after the
 * encoders of texts and by combiners that make sequences. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_REDUCE_H
#define LUDWIG_REDUCE_H

#include "fresh.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LUD_REDUCE_ATTENTION = -1 }; /* beside LUD_POOL_*: trained */

/* LUD_POOL_* or LUD_REDUCE_ATTENTION of the word at `key`; absent: dflt; null: 0. */
static inline int32_t lud_read_reduce(lud_section *s, const char *key, int32_t dflt) {
    static const char *const words[] = {"sum", "mean", "avg", "max", "last", "attention", NULL};
    static const int32_t kinds[] = {LUD_POOL_SUM, LUD_POOL_MEAN, LUD_POOL_MEAN,
                                    LUD_POOL_MAX, LUD_POOL_LAST, LUD_REDUCE_ATTENTION};
    const lud_cfg *node = lud_member(s->c, s->node, key);
    if (s->c->type(node) == LUD_CFG_ABSENT) return dflt;
    int word = s->c->type(node) == LUD_CFG_NULL ? -1 : lud_section_word_of(s, node, key, words);
    return word < 0 ? 0 : kinds[word];
}
/* The same key in a config_schema; more: further words, each with a comma before it. */
#define LUD_KEY_REDUCE(dflt, more, doc)                                                                                \
    LUD_KEY_WORD("reduce_output", dflt, "\"sum\", \"mean\", \"avg\", \"max\", \"last\", \"attention\"" more, doc)

/* A learned query: softmax over the segment of v . tanh(W x + b) (Ludwig's FeedForwardAttentionReducer). */
static inline lud_t lud_reduce_attention(const lud_graph_api *a, lud_graph *g, lud_t tokens, lud_t seg_offsets,
                                         int32_t s_extent) {
    enum { HIDDEN = 256 };
    const lud_dense_init dense = lud_dense_default();
    lud_shape shape;
    lud_t h = lud_dense(a, g, "reduce.fc1", tokens, HIDDEN, &dense);
    lud_t score = lud_dense(a, g, "reduce.fc2", lud_act(a, g, h, LUD_ACT_TANH), 1, &dense);
    memset(&shape, 0, sizeof shape);
    (void)a->shape_of(g, score, &shape);
    score = lud_reshape(a, g, score, lud_dims1(shape.dim[0]));
    return lud_segment_attend(a, g, tokens, score, seg_offsets, s_extent);
}

/* tokens [T,C] -> [S,C]; kind as lud_read_reduce gives it, not 0. */
static inline lud_t lud_reduce(const lud_graph_api *a, lud_graph *g, int32_t kind, lud_t tokens, lud_t seg_offsets,
                               int32_t s_extent) {
    if (kind == LUD_REDUCE_ATTENTION) return lud_reduce_attention(a, g, tokens, seg_offsets, s_extent);
    return lud_segment_pool(a, g, tokens, seg_offsets, s_extent, kind);
}

#ifdef __cplusplus
}
#endif
#endif
