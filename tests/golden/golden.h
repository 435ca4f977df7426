/* SPDX-License-Identifier: Apache-2.0
 * Support of the golden tests: where reference values lie, rows of a reference file, opening a model on one backend,
 * and the rules of comparison. Paths and contents are discovered, never listed. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <model.h>

#define GOLDEN_SKIP 77

/* ---- support.c ---- */
typedef struct golden {
    ludc_host *host;
    char *root; /* <shared>/golden or the copy in the source tree */
    int failures, cases;
    double worst; /* largest relative error of all cases */
} golden;
void golden_init(golden *); /* exits with a message if there are no plugins */
void golden_free(golden *);
char *golden_path(const golden *, const char *a, const char *b); /* root/a/b; heap */
/* Calls fn for each folder below root/kind, sorted. */
void golden_each(golden *, const char *kind, void (*fn)(golden *, const char *name, const char *dir));
/* Config names of the backends that can be opened; NULL-terminated, at most 8. */
void golden_backends(const golden *, const char *names[9]);
/* The GGUF file of SmolLM2-135M; heap, NULL if LUDWIG_MODELS has none. */
char *golden_find_model(void);
/* A folder in the system's place for temporary files; heap. */
char *golden_temp_dir(void);
int golden_done(const golden *, const char *test);
void golden_fail(golden *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

typedef struct golden_model {
    ludc_value *config;
    ludc_model *model;
} golden_model;
/* adapter_dir may be NULL; longest: tokens of the longest row (0 = not said). */
lud_status golden_open(golden *, const char *base, const char *adapter_dir, const char *device, bool training,
                       int64_t longest, golden_model *, lud_error *);
/* The tiny llama on the cpu backend. */
lud_status golden_open_tiny(golden *, golden_model *, lud_error *);
void golden_close(golden_model *);

/* ---- rows.c: unpadded rows of a reference file in one packed batch ---- */
typedef struct golden_rows {
    ludc_batch batch;
    int32_t *all_rows; /* 0..T-1 */
    size_t *padded;    /* [T] index of each token's row in the padded tensors */
    int64_t longest;
} golden_rows;
lud_status golden_rows_read(const ludc_tensors *reference, golden_rows *, lud_error *);
void golden_rows_free(golden_rows *);
ludc_run_tokens golden_tokens(const golden_rows *);

/* ---- encoder.c: an encoder alone, without head and tokenizer ---- */
typedef struct golden_encoder {
    ludc_base_model *base;
    ludc_value *cfg;
    const lud_encoder_vt *vt;
    void *self;
    ludc_devices devices;
    bool has_devices;
    ludc_store *store;
    ludc_program *program;
    int64_t width; /* of a token's vector */
    int32_t e_t, e_s, e_offsets;
    lud_t ids, type_ids, positions, seg_offsets, cotangent; /* inputs */
    lud_t tokens, rows;                                     /* roots; rows 0 = no pooler */
} golden_encoder;
enum { GOLDEN_TRAINS = 1, GOLDEN_TYPE_IDS = 2 };
/* The encoder of the model folder `dir` for batches of the size of `rows`. GOLDEN_TRAINS: every parameter that the
 * tokens depend on is trained. GOLDEN_TYPE_IDS: the graph has the input type_ids. */
lud_status golden_encoder_open(golden *, const char *dir, const char *backend, const golden_rows *, int flags,
                               golden_encoder *, lud_error *);
/* cotangent [T, width] of the tokens, where it trains; tokens [T, width] and rows [S, width] are read back (NULL: not
 * wanted). */
lud_status golden_encoder_run(golden_encoder *, const golden_rows *, const float *cotangent, float *tokens, float *rows,
                              lud_error *);
void golden_encoder_close(golden_encoder *);

/* ---- compare.c ---- */
/* Floats of a tensor of the file; heap, NULL if there is none. */
float *golden_floats(const ludc_tensors *, const char *name, int64_t *n);
/* max |got - want| / max |want| over the rows of the batch; want is padded, of `width` columns. */
double golden_row_error(const golden_rows *, const float *got, const float *want, int64_t width);
double golden_error(const float *got, const float *want, int64_t n);
double golden_max(const float *v, int64_t n);
void golden_take(golden *, const char *what, double error, double limit); /* one case */
/* Logits and hidden states of the reference. */
void golden_forward(golden *, const char *name, ludc_model *, const golden_rows *, const ludc_tensors *reference,
                    const char *logits_key, bool hidden);
/* Every grad.* of the reference against the gradients `flat` of the store. */
void golden_gradients(golden *, const char *name, ludc_store *, const float *flat, const ludc_base_model *,
                      const ludc_tensors *reference);
/* Loss and gradients. */
void golden_backward(golden *, const char *name, ludc_model *, const golden_rows *, const ludc_tensors *reference);

#endif
