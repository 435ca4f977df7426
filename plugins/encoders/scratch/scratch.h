/* SPDX-License-Identifier: Apache-2.0
 * Inside of the scratch plugin: one instance of any of its encoders, and what the files share. Not seen outside. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <ludwig/block.h>
#include <ludwig/encoder.h>
#include <ludwig/fc.h>

enum { SCRATCH_MAX_CONV = 32 };

typedef struct scratch_conv {
    int64_t filters;
    int32_t size; /* tokens that a filter sees */
    int32_t activation, use_bias;
    float dropout;
} scratch_conv;

typedef struct scratch {
    lud_host_ctx *ctx;
    int64_t vocab_size; /* 0: not known yet */
    int64_t max_length; /* of a text, in tokens */
    int64_t embedding_size;
    int32_t trained; /* the embeddings */
    float dropout;
    lud_initial initial;
    int32_t pool; /* LUD_POOL_* before the stack */
    lud_fc fc;
    int32_t n_conv; /* parallel_cnn */
    scratch_conv conv[SCRATCH_MAX_CONV];
    int64_t layers;    /* blocks */
    lud_blocks blocks; /* transformer */
} scratch;

extern const lud_host *scratch_host;
extern const lud_graph_api *scratch_graph;

/* ---- plugin.c ---- */
/* The slot `open`; read fills the instance from the encoder section. */
lud_status scratch_open(lud_host_ctx *, const lud_cfg *, void **self, void (*read)(scratch *, lud_section *),
                        lud_error *);
void scratch_close(void *self);
/* The slot `info`, given the width of the vectors. */
lud_status scratch_facts(const scratch *, int64_t width, lud_cfg_out *, lud_error *);
/* The graph's state; if it is sound, x becomes the encoder's tokens, or through the stack its rows. */
lud_status scratch_finish(const scratch *, lud_graph *, lud_t x, int pooled, lud_encoder_out *, lud_error *);

/* ---- embed.c: the table of the vocabulary ---- */
void scratch_read_embedding(scratch *, lud_section *, int32_t initial_rule);
lud_t scratch_embed(const scratch *, lud_graph *, lud_t ids);
/* The smaller of embedding_size and the vocabulary. */
int64_t scratch_embedding_width(const scratch *);
/* The stack after pooling, by reduce_output; without layers, or if that is null, core pools. */
void scratch_read_stack(scratch *, lud_section *, const lud_fc_form *, const char *reduce_output);

#define SCRATCH_KEYS_EMBEDDING(initial, dropout)                                                                       \
    LUD_KEY_INT("embedding_size", 256, 1, 1048576, "columns of the table, at most as many as there are words"),        \
        LUD_KEY_BOOL("embeddings_trainable", true, "train the table"),                                                 \
        LUD_KEY_BOOL("embeddings_on_cpu", false, "has no effect"),                                                     \
        LUD_KEY("pretrained_embeddings", "\"null\"", "null", "", "not available yet"),                                 \
        LUD_KEY_WORD("representation", "\"dense\"", "\"dense\"", "a trained table"),                                   \
        LUD_KEY_INITIAL("weights_initializer", initial, "how weights start"),                                          \
        LUD_KEY_DROPOUT("dropout", dropout, "share of elements that training drops")
#define SCRATCH_KEY_REDUCE(dflt)                                                                                       \
    LUD_KEY_WORD("reduce_output", dflt, "\"sum\", \"mean\", \"avg\", \"max\", \"last\"", "one vector of all tokens")

extern const lud_component scratch_embed_component, scratch_cnn_component, scratch_transformer_component;

#endif
