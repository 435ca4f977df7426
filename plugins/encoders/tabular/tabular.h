/* SPDX-License-Identifier: Apache-2.0
 * Inside of the tabular plugin: one instance of any of its encoders, and what the files share. Not seen outside. */
#ifndef TABULAR_H
#define TABULAR_H

#include <ludwig/encoder.h>
#include <ludwig/fc.h>

typedef struct tabular {
    lud_host_ctx *ctx;
    int64_t width;           /* metadata: classes of a category, items of a set, elements of a vector, else 1 */
    int64_t embedding_size;  /* columns of the table */
    int32_t sparse, trained; /* the table is the identity; it is trained */
    float dropout;
    lud_initial initial;
    lud_fc fc;
} tabular;

extern const lud_host *tabular_host;
extern const lud_graph_api *tabular_graph;

/* ---- plugin.c ---- */
/* The slot `open`; read fills the instance from the encoder section. */
lud_status tabular_open(lud_host_ctx *, const lud_cfg *, void **self, void (*read)(tabular *, lud_section *),
                        lud_error *);
void tabular_close(void *self);

/* ---- category.c: the table of a vocabulary ---- */
/* Its keys: size, dropout, whether it is trained or the identity. */
void tabular_read_table(tabular *, lud_section *);
/* Rows of the table for ids I32 [T]. */
lud_t tabular_embed(const tabular *, lud_graph *, lud_t ids);

/* The keys of tabular_read_table in a config_schema. */
#define TABULAR_KEYS_TABLE                                                                                             \
    LUD_KEY_INT("embedding_size", 50, 1, 1048576, "columns of the table, at most as many as there are words"),         \
        LUD_KEY_BOOL("embeddings_trainable", true, "train the table"),                                                 \
        LUD_KEY_BOOL("embeddings_on_cpu", false, "has no effect"),                                                     \
        LUD_KEY("pretrained_embeddings", "\"null\"", "null", "", "not available yet")

extern const lud_component tabular_passthrough, tabular_dense;
extern const lud_component tabular_category_passthrough, tabular_category_dense, tabular_sparse, tabular_onehot;
extern const lud_component tabular_bag;

#endif
