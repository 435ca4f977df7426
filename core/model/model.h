/* SPDX-License-Identifier: Apache-2.0
 * model: base model + encoder + decoder + adapters put together; programs over packed batches; save and load weights.
 * Names no architecture: everything comes from components found in the registry. */
#ifndef LUDC_MODEL_H
#define LUDC_MODEL_H

#include <data.h>
#include <formats.h>
#include <ludwig/decoder.h>
#include <text.h>

typedef struct ludc_model ludc_model;

/* A host with core's services registered and its plugins loaded. */
lud_status ludc_model_host_new(const ludc_host_opts *, ludc_host **, lud_error *);

typedef struct ludc_model_spec {
    ludc_host *host;          /* with the services graph and weights registered, and loaded */
    const ludc_value *config; /* full config, kept by the caller while the model lives */
    const char *base_model;   /* overrides config.base_model (a full fine-tuned folder), or NULL */
    const char *adapter_dir; /* PEFT folder whose adapter and values are taken, or NULL: config.adapter, fresh values */
    bool for_training;       /* false: nothing is trainable, no gradients or states are made */
    uint64_t seed;           /* initial values of new parameters */
    const ludc_devices *devices; /* test seam: given devices instead of config.backend.device; NULL = open by config */
    int32_t real;                /* LUD_F32 (0 means that) or LUD_F64 (tests) */
} ludc_model_spec;

/* Opens devices, base model, tokenizer, encoder (by model_type), decoder and adapter, builds once to declare all
 * parameters, fills them, seals the store. Errors: LUD_E_ABI names a component that is missing and the searched folders
 * (exit 4), LUD_E_IO a file (5), LUD_E_INVALID the config (2), e.g. an adapter that matched no site. */
lud_status ludc_model_open(const ludc_model_spec *, ludc_model **, lud_error *);
void ludc_model_free(ludc_model *); /* accepts NULL */

typedef struct ludc_model_info {
    const ludc_base_model *base;
    const ludc_tokenizer *tokenizer;
    const ludc_devices *devices;
    const char *encoder_name, *decoder_name, *adapter_name; /* config names; adapter NULL = none */
    int64_t width, layers, vocab_size, max_positions;
    int64_t n_parameters, n_trainable;
    bool causal;
    int32_t eos_ids[8], n_eos; /* every id that ends a text: generation_config, config, tokenizer */
    int32_t bos_id, pad_id;
} ludc_model_info;
const ludc_model_info *ludc_model_info_of(const ludc_model *);
ludc_store *ludc_model_store(ludc_model *);

/* ---- Programs ---- */
enum {
    LUDC_RUN_TRAIN,  /* loss and gradients (ACC into the flat gradients); dropout on */
    LUDC_RUN_LOSS,   /* loss and argmax only */
    LUDC_RUN_LOGITS, /* pred [N,V] at chosen rows, no cache */
    LUDC_RUN_DECODE, /* pred [N,V] at chosen rows over a paged key/value cache */
    LUDC_RUN_ENCODE  /* the encoder alone; with an open prefix that much of it */
};
typedef struct ludc_run_caps {
    int64_t T, S, N;                               /* maxima of packed tokens, segments, chosen rows */
    int64_t page_size, pages_per_segment, n_pages; /* LUDC_RUN_DECODE */
    bool hidden; /* tests: marked tensors (embeddings, every layer) and the final hidden states are roots */
} ludc_run_caps;
typedef struct ludc_run ludc_run; /* a compiled program of a model; freed before the model */
lud_status ludc_run_new(ludc_model *, int kind, const ludc_run_caps *, ludc_run **, lud_error *);
void ludc_run_free(ludc_run *);
ludc_program_stats ludc_run_stat(const ludc_run *);

/* TRAIN and LOSS over one micro-batch. loss_scale is the cotangent of the loss sum (1 / the target tokens of the whole
 * effective batch). Results may be NULL: loss_sum = sum of weight * nll; weight_sum; row_loss[N]; argmax[N]. */
typedef struct ludc_run_result {
    double loss_sum, weight_sum;
    float *row_loss; /* caller's memory, N floats, or NULL */
    int32_t *argmax; /* caller's memory, N ids, or NULL */
} ludc_run_result;
lud_status ludc_run_batch(ludc_run *, const ludc_batch *, float loss_scale, ludc_run_result *, lud_error *);

/* LOGITS and DECODE. T tokens in S segments; rows[N] = indices into T whose logits are wanted; logits [N, vocab].
 * positions: absolute, i.e. for DECODE they say where the new tokens stand in the cache. page_table [S,
 * pages_per_segment] (DECODE only). */
typedef struct ludc_run_tokens {
    int64_t T, S, N;
    const int32_t *ids, *positions, *seg_offsets, *rows, *page_table;
} ludc_run_tokens;
lud_status ludc_run_logits(ludc_run *, const ludc_run_tokens *, float *logits, lud_error *);
/* After a run with caps.hidden: layer -1 = embeddings, 0.. = output of a layer, INT32_MAX = after the final norm.
 * out [T, width]. LUD_E_NOT_FOUND if there is none. */
lud_status ludc_run_hidden(ludc_run *, int32_t layer, float *out, lud_error *);

/* ---- The frozen prefix (prefix.c) ---- */
/* Where the lower layers are not trained, programs made from now on read what these layers give from a cache in `dir`,
 * which is filled as texts come. Says in the log which layers those are, or why there are none. */
lud_status ludc_prefix_open(ludc_model *, const char *dir, lud_error *);
typedef struct ludc_prefix_counts {
    uint64_t taken, computed, bytes; /* tokens, tokens, of those computed */
} ludc_prefix_counts;
/* After the programs that were made with it. All 0 if there is none. */
ludc_prefix_counts ludc_prefix_close(ludc_model *);
/* Hash of all that decides the value of a tensor beside the inputs: computation, parameters, the device and its code.
 */
lud_status ludc_value_key(const lud_graph *, lud_t, ludc_host *, const ludc_devices *, uint64_t key[2], lud_error *);

/* ---- Saving ---- */
/* Into `dir` (made new; the caller renames), both with tokenizer.json, tokenizer_config.json and README.md:
 * what was trained as a PEFT folder (adapter_config.json, adapter_model.safetensors), */
lud_status ludc_model_save_adapter(ludc_model *, const char *dir, lud_error *);
/* the whole model, an adapter merged, as a Hugging Face folder (config.json, model*.safetensors,
 * generation_config.json); dtype LUDC_F32, LUDC_F16 or LUDC_BF16. */
lud_status ludc_model_save_folder(ludc_model *, const char *dir, int32_t dtype, lud_error *);
/* The merged model as one GGUF; dtype LUDC_F32, F16, BF16, Q8_0 or Q4_0: vectors stay F32, in Q4_0 tables along the
 * vocabulary are Q8_0, and rows that are no whole blocks F16. name: general.name. */
lud_status ludc_model_save_gguf(ludc_model *, const char *path, const char *name, int32_t dtype, lud_error *);
/* The adapter as llama.cpp loads it beside its base (LoRA only). */
lud_status ludc_model_save_gguf_adapter(ludc_model *, const char *path, const char *name, lud_error *);
/* Gives `plain`, the same base model without an adapter, the merged values of the model rounded as a file of that type
 * holds them. */
lud_status ludc_model_take_rounded(ludc_model *plain, ludc_model *, bool gguf, int32_t dtype, lud_error *);

/* ---- Whether two models are one (probe.c) ---- */
enum { LUDC_PROBES = 8 };
typedef struct ludc_probe {
    ludc_ids ids[LUDC_PROBES];
    float *logits; /* [2 * LUDC_PROBES, vocab] behind the first tokens of a prompt and behind all */
    int64_t vocab;
} ludc_probe;
/* *p is zeroed by the caller, who frees it, also on failure. */
lud_status ludc_probe_take(ludc_model *, ludc_probe *p, lud_error *);
void ludc_probe_free(ludc_probe *);
/* Equal tokens, and logits apart by at most `limit` of their spread (root of squares, about the mean); *worst is raised
 * to the largest such distance. LUD_E_INTERNAL says what differs. */
lud_status ludc_probe_compare(const ludc_probe *want, const ludc_probe *got, double limit, double *worst, lud_error *);
/* The merged weight of one site [d_out, d_in] (tests and merging). out has d_out * d_in elements. */
lud_status ludc_model_merged(ludc_model *, const char *site, float *out, lud_error *);

#endif
