/* SPDX-License-Identifier: Apache-2.0
 * Blocks of a transformer that is trained from scratch: attention over the whole segment and a feed-forward pair, each
 * with dropout, residual and layer norm after it (Vaswani et al. 2017, arXiv 1706.03762, as Ludwig has it). Used by the
 * text encoder and by combiners. Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_BLOCK_H
#define LUDWIG_BLOCK_H

#include "fresh.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lud_blocks {
    int64_t layers, hidden, heads, inner; /* inner: width inside the feed-forward pair */
    float dropout;
} lud_blocks;

#define LUD_KEYS_BLOCKS                                                                                                \
    LUD_KEY_INT("num_layers", 1, 1, 1024, "blocks"), LUD_KEY_INT("hidden_size", 256, 1, 1048576, "width of a block"),  \
        LUD_KEY_INT("num_heads", 8, 1, 1048576, "heads of the attention, a divisor of hidden_size"),                   \
        LUD_KEY_INT("transformer_output_size", 256, 1, 1048576, "width inside the feed-forward pair")

/* These keys, and `dropout`. */
static inline void lud_read_blocks(lud_section *s, lud_blocks *b) {
    b->dropout = lud_section_dropout(s, "dropout", 0.1);
    b->layers = lud_section_int(s, "num_layers", 1, 1, 1024);
    b->hidden = lud_section_int(s, "hidden_size", 256, 1, 1 << 20);
    b->heads = lud_section_int(s, "num_heads", 8, 1, 1 << 20);
    b->inner = lud_section_int(s, "transformer_output_size", 256, 1, 1 << 20);
    if (s->status == LUD_OK && b->hidden % b->heads != 0) {
        lud_section_fail(s, "num_heads", "got %lld, want a divisor of hidden_size %lld", (long long)b->heads,
                         (long long)b->hidden);
    }
}

/* What is attended: segments of x, and the shape [rows, ...] of x in which dropout finds the keys of its rows. */
typedef struct lud_block_seq {
    lud_t seg_offsets;
    lud_shape shape, keyed; /* of x: [T, hidden] both, but where the rows of x are no tokens */
} lud_block_seq;

/* A linear map of block `layer`; starts as torch's own. */
static inline lud_t lud_block_map(const lud_graph_api *a, lud_graph *g, int64_t layer, const char *part, lud_t x,
                                  int64_t width) {
    const lud_dense_init init = lud_dense_torch();
    char name[64];
    (void)snprintf(name, sizeof name, "layers.%lld.%s", (long long)layer, part);
    return lud_dense(a, g, name, x, width, &init);
}

static inline lud_t lud_block_attend(const lud_graph_api *a, lud_graph *g, const lud_blocks *b,
                                     const lud_block_seq *seq, int64_t layer, lud_t x) {
    static const char *const parts[] = {"query", "key", "value"};
    const int64_t d = b->hidden / b->heads;
    lud_attr_attention attr;
    lud_t qkv[3];
    memset(&attr, 0, sizeof attr);
    attr.scale = 1.0f / sqrtf((float)d);
    attr.left = attr.right = attr.cache_slot = -1;
    for (int i = 0; i < 3; i++) {
        lud_t y = lud_block_map(a, g, layer, parts[i], x, b->hidden);
        qkv[i] = lud_reshape(a, g, y, lud_dims3(seq->shape.dim[0], b->heads, d));
    }
    lud_t y = lud_attention(a, g, qkv[0], qkv[1], qkv[2], seq->seg_offsets, &attr);
    return lud_block_map(a, g, layer, "combine", lud_reshape(a, g, y, seq->shape), b->hidden);
}

/* norm(x + dropout(y)) */
static inline lud_t lud_block_join(const lud_graph_api *a, lud_graph *g, const lud_blocks *b, const lud_block_seq *seq,
                                   int64_t layer, const char *part, lud_t x, lud_t y) {
    const int keyed = seq->keyed.dim[0] == seq->shape.dim[0];
    char name[64];
    (void)snprintf(name, sizeof name, "layers.%lld.%s", (long long)layer, part);
    if (!keyed) y = lud_reshape(a, g, y, seq->keyed);
    y = a->dropout(g, y, b->dropout);
    if (!keyed) y = lud_reshape(a, g, y, seq->shape);
    return lud_fresh_norm(a, g, name, lud_add(a, g, x, y), 1e-6f);
}

/* x [T, hidden] through all blocks; parameters "layers.0.query.weight" ... */
static inline lud_t lud_build_blocks(const lud_graph_api *a, lud_graph *g, const lud_blocks *b,
                                     const lud_block_seq *seq, lud_t x) {
    for (int64_t i = 0; i < b->layers; i++) {
        x = lud_block_join(a, g, b, seq, i, "norm1", x, lud_block_attend(a, g, b, seq, i, x));
        lud_t y = lud_act(a, g, lud_block_map(a, g, i, "fc1", x, b->inner), LUD_ACT_RELU);
        x = lud_block_join(a, g, b, seq, i, "norm2", x, lud_block_map(a, g, i, "fc2", y, b->hidden));
    }
    return x;
}

#ifdef __cplusplus
}
#endif
#endif
