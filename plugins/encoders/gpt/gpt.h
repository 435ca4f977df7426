/* SPDX-License-Identifier: Apache-2.0
 * Inside of the gpt plugin. `arch` is a row of the table of differences, `gpt` one model with every number resolved.
 * Only arch.c knows names of architectures and of modules; the rest asks for them. Not seen outside the plugin. */
#ifndef GPT_H
#define GPT_H

#include <ludwig/hf.h>

enum {
    ARCH_TRANSPOSED = 1 << 0,   /* files hold the weights of linear maps as [in, out] */
    ARCH_QKV_BY_HEAD = 1 << 1,  /* rows of the fused q, k, v are [heads, 3, head_dim], else [3, heads, head_dim] */
    ARCH_ROPE = 1 << 2,         /* the first part of each head is rotated */
    ARCH_PARALLEL = 1 << 3,     /* x + attention(norm(x)) + feed_forward(norm(x)) */
    ARCH_PARALLEL_KEY = 1 << 4, /* the same, unless use_parallel_residual says no */
    ARCH_HEAD_BIAS = 1 << 5,    /* the output projection has a bias */
    ARCH_SCALE_KEYS = 1 << 6,   /* scale_attn_weights, scale_attn_by_inverse_layer_idx */
    ARCH_OPT_KEYS = 1 << 7,     /* do_layer_norm_before, enable_bias and the like */
    ARCH_QK_NORM_KEY = 1 << 8,  /* qk_layernorm */
    ARCH_ALIBI = 1 << 9,        /* positions are biases of the scores, a slope for each head */
    ARCH_RESIDUAL_KEY = 1 << 10 /* apply_residual_connection_post_layernorm */
};

/* Keys of config.json beside the common ones; NULL: it has only the common one. */
typedef struct keys {
    const char *width, *layers, *heads, *ffn, *act, *eps, *positions, *theta, *rotary_part;
} keys;

/* Module paths in transformers from the causal model's root; those below `layers` relative to "<layers>.<n>". NULL:
 * none. */
typedef struct names {
    const char *root; /* what files of a model without head leave out: "transformer." */
    const char *words, *positions, *embed_norm, *project_in, *project_out, *final_norm;
    const char *head_file; /* the output projection in files, where that is not "lm_head" */
    const char *layers;
    const char *qkv; /* one map for the three below */
    const char *query, *key, *value, *query_norm, *key_norm;
    const char *attn_out, *attn_norm;
    const char *up, *down, *ffn_norm; /* no ffn_norm: both branches take attn_norm */
} names;

typedef struct arch {
    const char *model_type;
    uint32_t flags;
    keys keys;
    names names;
    const char *act; /* defaults of a config's keys */
    int64_t max_positions;
    int64_t first_position; /* row of a segment's first token in the table of positions */
    double rotary_part;
    int tie;
    const char *const *lora_targets, *const *ia3_targets, *const *adalora_targets; /* NULL: PEFT has none */
} arch;

extern const char *const arch_words[]; /* every model_type, NULL-terminated */
const arch *arch_of(lud_str model_type);

enum { MAX_HEADS = 1 << 12, MAX_HEAD_SIZE = 1 << 12 };

typedef struct gpt {
    lud_host_ctx *ctx;
    const arch *arch;
    const lud_cfg *model, *tensors; /* config.json; names in the files */
    int64_t width, embed, layers, heads, kv_heads, head_dim, ffn, vocab, max_positions, rotary_dim;
    double theta;
    float eps;
    int32_t act;
    int tie, parallel, post_norm, final_norm, norm_affine, attn_bias, ffn_bias, qk_norm;
    int normed_residual;       /* BLOOM: the residual is taken after the norm */
    int unscaled, layer_scale; /* GPT-2: scores not divided by sqrt(head_dim), but by the layer's number */
} gpt;

extern const lud_host *gpt_host;
extern const lud_graph_api *gpt_graph;

/* config.c */
lud_status gpt_read_config(gpt *m, lud_error *);

/* build.c, names.c: slots of lud_encoder_vt */
lud_status gpt_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err);
lud_status gpt_sources(void *self, const char *scheme, const char *param,
                       lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err);
lud_status gpt_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                       lud_error *err);

#endif
