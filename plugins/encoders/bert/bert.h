/* SPDX-License-Identifier: Apache-2.0
 * Inside of the bert plugin. `arch` is a row of the table of differences, `bert` one model with every number resolved.
 * Only arch.c knows names of architectures and of modules; the rest asks for them. Not seen outside the plugin. */
#ifndef BERT_H
#define BERT_H

#include <ludwig/hf.h>

enum {
    ARCH_POSITIONS_AFTER_PAD = 1 << 0, /* the first position is row pad_token_id + 1 of the table */
    ARCH_PROJECT_ALWAYS = 1 << 1,      /* embeddings are projected even where the sizes agree */
    ARCH_ROPE = 1 << 2,                /* rotary positions; some layers see a window only */
    ARCH_PRE_NORM = 1 << 3,            /* x + f(norm(x)) with a norm at the end; layer 0 attends to x itself */
    ARCH_GATED = 1 << 4,               /* `up` is twice as wide: what goes through the activation, and its factor */
    ARCH_BIAS_KEYS = 1 << 5            /* norm_bias, attention_bias, mlp_bias in the config; else there are biases */
};

/* Keys of config.json beside the common ones; NULL: it has only the common one. The shares that training drops of the
 * embeddings, of an attention's and of a feed-forward's output (gated: of what goes into `down`); NULL: it drops none.
 */
typedef struct keys {
    const char *width, *layers, *heads, *ffn, *act, *eps;
    const char *drop_embed, *drop_attn, *drop_ffn;
} keys;

/* Module paths in transformers from the AutoModel root; those below `layers` relative to their layer. NULL: none. */
typedef struct names {
    const char *words, *positions, *types, *embed_norm, *project, *final_norm, *pooler;
    const char *layers, *inner; /* "<layers>.<n>", or "<layers>.<group>.<inner>.<n>" with shared layers */
    const char *qkv;            /* one map for the three below */
    const char *query, *key, *value;
    const char *attn_out, *attn_norm;
    const char *up, *down, *ffn_norm;
} names;

typedef struct arch {
    const char *model_type;
    const char *prefix; /* of the encoder in files of a whole model: "bert." */
    uint32_t flags;
    const keys *keys;
    const names *names;
    const char *act; /* defaults of a config's keys */
    double eps, dropout;
    int64_t max_positions;
    const char *const *lora_targets, *const *ia3_targets, *const *adalora_targets; /* NULL: PEFT has none */
} arch;

extern const char *const arch_words[]; /* every model_type, NULL-terminated */
const arch *arch_of(lud_str model_type);

enum { MAX_HEAD_SIZE = 1 << 12 };

typedef struct bert {
    lud_host_ctx *ctx;
    const arch *arch;
    const lud_cfg *model, *tensors; /* config.json; names in the files */
    int64_t width, embed, layers, heads, head_dim, ffn, vocab, types;
    int64_t positions, first_position; /* rows of the table of positions; row of a segment's first token */
    int64_t groups, inner;             /* ALBERT: groups of layers that share parameters, layers in each */
    int64_t window;                    /* reach of a local layer to each side */
    double theta[2];                   /* rotary base of global and local layers */
    float eps, drop_embed, drop_attn, drop_ffn;
    int32_t act;
    int norm_bias, attn_bias, ffn_bias;
} bert;

extern const lud_host *bert_host;
extern const lud_graph_api *bert_graph;

/* config.c */
lud_status bert_read_config(bert *m, lud_error *);
int bert_is_local(const bert *m, int64_t layer);

/* build.c, names.c: slots of lud_encoder_vt */
lud_status bert_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *err);
lud_status bert_sources(void *self, const char *scheme, const char *param,
                        lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err);
lud_status bert_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                        lud_error *err);

/* names.c: the name under which the files hold a parameter; false: they do not. */
int bert_find_tensor(const bert *m, const char *param, char *out, size_t cap);

#endif
