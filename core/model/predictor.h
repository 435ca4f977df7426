/* SPDX-License-Identifier: Apache-2.0
 * predictor: a model of `model_type: ecd`. Input features are encoded, text is pooled to one vector per row, a combiner
 * joins them, heads answer. One row of data is one segment of every input, so all features share the extent S.
 * A language model as an encoder is a ludc_model in tower form. */
#ifndef LUDC_PREDICTOR_H
#define LUDC_PREDICTOR_H

#include "model.h"

#include <feature.h>
#include <ludwig/reduce.h>

typedef struct ludc_input {
    const char *name, *type;
    const ludc_value *feature, *metadata; /* of the config; what was learned */
    ludc_value *section;                  /* the encoder section, defaults filled */
    char path[64];                        /* "input_features.0", for messages */
    char *scope;                          /* "input_features.<name>.encoder." */
    int64_t tied;                         /* the input whose encoder this is; -1: its own */
    ludc_model *tower;                    /* text with a base model; NULL: `part` */
    struct ludc_part *part;
    const struct lud_encoder_vt *vt;
    void *self;
    ludc_words *words;    /* text trained from scratch: its vocabulary, built from the data */
    int64_t max_length;   /* tokens of a text */
    int32_t pool;         /* LUD_POOL_*, LUD_REDUCE_ATTENTION; 0: rows as they are, or a sequence */
    bool pooler;          /* cls_pooled: the model's own pooler where it has one */
    bool frozen;          /* nothing below the combiner can be trained: its rows may be cached */
    bool cached;          /* its rows are given instead of computed */
    bool int8;            /* its encoder runs in int8: what computes its rows trains nothing */
    int64_t width;        /* of its rows */
    uint64_t rows_key[2]; /* cached: of all that decides them but the text; 0 until it is known */
} ludc_input;

typedef struct ludc_output {
    const char *name, *type;
    const ludc_value *feature, *metadata;
    ludc_value *section; /* the decoder section, defaults filled */
    char path[64];       /* "output_features.0", for messages */
    char *scope;
    struct ludc_part *part;
    int64_t width;                        /* K: classes, items, elements; 1 for number and binary */
    double weight;                        /* of its loss in the sum */
    double temperature;                   /* its logits are divided by it; 1 unless it was calibrated */
    float *class_weights;                 /* [width], category and set; NULL: all 1 */
    size_t *dependencies, n_dependencies; /* outputs that are computed before, whose hidden rows it sees */
} ludc_output;

typedef struct ludc_predictor {
    ludc_host *host;
    const ludc_value *config;
    const char *config_name;
    ludc_devices own_devices, *devices;
    bool owns_devices, for_training;
    int32_t real;
    uint64_t seed;
    ludc_store *store;
    ludc_input *inputs;
    ludc_output *outputs;
    size_t n_inputs, n_outputs;
    size_t *order; /* outputs so that dependencies come first */
    struct ludc_part *combiner;
    ludc_value *combiner_section;
    ludc_model *current; /* whose encoder is being built */
    bool int8;           /* of the encoder being built */
    bool gated;          /* what int8 does to the inputs was measured */
    int64_t n_parameters, n_trainable;
} ludc_predictor;

typedef struct ludc_predictor_spec {
    ludc_host *host;
    const ludc_value *config;   /* full */
    const char *config_name;    /* for messages; NULL: "<config>" */
    const ludc_value *metadata; /* {feature: {type, width ...}} */
    const char *weights;        /* what training made (a safetensors file), or NULL */
    bool for_training;
    uint64_t seed;
    const ludc_devices *devices; /* test seam */
    int32_t real;                /* LUD_F32 (0) or LUD_F64 */
} ludc_predictor_spec;
/* config and metadata are kept by the caller. Errors as ludc_model_open. */
lud_status ludc_predictor_open(const ludc_predictor_spec *, ludc_predictor **, lud_error *);
void ludc_predictor_free(ludc_predictor *); /* accepts NULL */
/* Every trained parameter by name, into a safetensors file; ludc_predictor_spec.weights reads it. */
lud_status ludc_predictor_save(ludc_predictor *, const char *path, lud_error *);

/* Whether an encoder section names a base model: then its encoder is a tower. */
bool ludc_tower_wanted(const ludc_value *encoder_section);
/* Of a tower: its files, tokenizer, and the config name of its adapter (NULL = none). */
const ludc_base_model *ludc_tower_base(const ludc_model *);
const ludc_tokenizer *ludc_tower_tokenizer(const ludc_model *);
const char *ludc_tower_adapter(const ludc_model *);

/* ---- Rows ---- */
/* Encoded columns of n rows. Text: LISTS of token ids, or REALS [n, width] of cached rows. Targets as lud_decoder_in
 * has them; weights [n] each: 0 where the row has no target, else the class weight. */
typedef struct ludc_task_rows {
    size_t n;
    ludc_column *inputs, *outputs;
    float **weights;
    uint64_t first_row; /* number of the first row, for random keys */
} ludc_task_rows;
lud_status ludc_task_rows_init(ludc_task_rows *, const ludc_predictor *, lud_error *);
void ludc_task_rows_free(ludc_task_rows *, const ludc_predictor *);
/* Longest text of a row over all inputs that are computed, at least 1. */
int64_t ludc_task_row_length(const ludc_predictor *, const ludc_task_rows *, size_t row);

/* ---- Programs ---- */
enum {
    LUDC_TASK_TRAIN,   /* losses and gradients */
    LUDC_TASK_LOSS,    /* losses and predictions */
    LUDC_TASK_PREDICT, /* predictions */
    LUDC_TASK_ENCODE   /* rows of one input */
};
typedef struct ludc_task_run ludc_task_run;
/* At most T tokens per text input and S rows. input: for ENCODE. */
lud_status ludc_task_run_new(ludc_predictor *, int kind, int64_t T, int64_t S, size_t input, ludc_task_run **,
                             lud_error *);
void ludc_task_run_free(ludc_task_run *);
/* ludc_value_key of what ENCODE gives. */
lud_status ludc_task_key(ludc_predictor *, size_t input, uint64_t key[2], lud_error *);
typedef struct ludc_task_result {
    double *loss;   /* [n_outputs], TRAIN and LOSS: += sum of weight * loss; may be NULL */
    float **scores; /* [n_outputs] -> [S, width], LOSS and PREDICT; ENCODE: [0] -> [S, width] */
} ludc_task_result;
/* One micro-batch: rows[n] index into the data. scale [n_outputs]: the cotangent of each loss sum (TRAIN). */
lud_status ludc_task_run_rows(ludc_task_run *, const ludc_task_rows *, const uint32_t *rows, int64_t n, uint64_t epoch,
                              const double *scale, ludc_task_result *, lud_error *);

#endif
