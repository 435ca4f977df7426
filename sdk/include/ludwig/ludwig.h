/* SPDX-License-Identifier: Apache-2.0
 * The C API of libludwig: everything that the command line does goes through it. [main] unless said otherwise: a
 * session and its models belong to one thread. Paths and text are UTF-8. Functions return LUD_OK or a status with
 * *err filled (what, where, next step); outputs are then untouched. */
#ifndef LUDWIG_LUDWIG_H
#define LUDWIG_LUDWIG_H

#include "lud.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lud_session lud_session; /* loaded plugins and threads */
typedef struct lud_model lud_model;

LUD_EXPORT const char *lud_version(void);
/* Exit status of the program for a status: 0 ok, 1 other, 2 usage or config, 3 data, 4 plugin, 5 file, 6 diverged,
 * 7 hub, 8 out of memory, 70 internal, 130 interrupted. */
LUD_EXPORT int lud_exit_code(lud_status);

/* Where a long call stands. Rates are of real tokens (there is no padding), or of rows; 0 = not known yet. */
typedef struct lud_progress {
    uint32_t struct_size;
    const char *phase;   /* "train", "evaluate", "generate", "encode", "download" */
    int64_t done, total; /* optimizer steps, or rows, or megabytes */
    double loss, learning_rate, per_second, eta_seconds;
    const char *unit; /* of per_second: "tok", "rows" or "MB" */
} lud_progress;

/* One metric of one output feature ("combined": of the sum of all losses) on the three splits; NaN: not measured.
 * Text: loss = mean negative log-likelihood (nats) over target tokens; perplexity = exp(loss); next_token_perplexity =
 * mean over rows of exp(mean nll of the row). Others by Ludwig's names. FROZEN */
typedef struct lud_metric {
    const char *feature, *name;
    double training, validation, test;
} lud_metric;

typedef struct lud_evaluation {
    uint32_t struct_size;
    int32_t improved; /* the validation metric got better: this is the best model so far */
    int64_t step, epoch;
    const lud_metric *metrics; /* by feature, in the order of the config */
    uint64_t n_metrics;
} lud_evaluation;

/* What a program may want to show. All may be NULL; called on the thread that called lud_model_*. */
typedef struct lud_events {
    uint32_t struct_size, reserved;
    void *arg;
    void (*log)(void *arg, int32_t level, const char *text); /* LUD_LOG_*, one line without its newline */
    void (*progress)(void *arg, const lud_progress *);
    void (*evaluated)(void *arg, const lud_evaluation *);
} lud_events;

typedef struct lud_session_opts {
    uint32_t struct_size;
    int32_t threads;                 /* <= 0: LUDWIG_THREADS or all usable cores */
    const char *const *plugin_paths; /* searched first */
    uint64_t n_plugin_paths;
    const lud_events *events; /* kept by the caller while the session lives; NULL: log lines go to stderr */
    int32_t log_level;        /* lowest LUD_LOG_* that is passed on */
} lud_session_opts;
LUD_EXPORT lud_status lud_session_open(const lud_session_opts *, lud_session **, lud_error *);
LUD_EXPORT void lud_session_close(lud_session *); /* accepts NULL; models of it must be freed before */
/* The plugins, appended through sink. format 0: a line per component; 1: JSON; 2: also candidates that were not taken,
 * with path and reason. */
LUD_EXPORT lud_status lud_plugin_list(lud_session *, int32_t format, lud_status (*sink)(void *, lud_str), void *arg,
                                      lud_error *);
LUD_EXPORT lud_status lud_plugin_check(lud_session *, const char *path, lud_status (*sink)(void *, lud_str), void *arg,
                                       lud_error *);

/* Fetches a repository, or one file of it, into the cache that the Python client uses too: org/name[@revision],
 * hf://[datasets/]org/name[@revision][/file]; passes the folder or file on. Of a model only the files that are read are
 * fetched. What lud_model_* is given (base models, adapters, -m, data) is fetched by itself. */
LUD_EXPORT lud_status lud_hub_download(lud_session *, const char *reference, lud_status (*sink)(void *, lud_str path),
                                       void *arg, lud_error *);

/* A config by path or as text (one of them NULL), with overrides "a.b=c". */
typedef struct lud_config_source {
    uint32_t struct_size;
    const char *path, *text;
    const char *const *sets;
    uint64_t n_sets;
} lud_config_source;
/* Checks a config and renders it with every default filled, as JSON. Needs no plugins and reads no model. */
LUD_EXPORT lud_status lud_config_render(const lud_config_source *, lud_status (*sink)(void *, lud_str), void *arg,
                                        lud_error *);

LUD_EXPORT lud_status lud_model_create(lud_session *, const lud_config_source *, lud_model **, lud_error *);
/* A run folder, its model/ folder, or a repository (hf://org/name[@revision], org/name). The process that loads need
 * not be the one that trained. */
LUD_EXPORT lud_status lud_model_load(lud_session *, const char *path, lud_model **, lud_error *);
LUD_EXPORT void lud_model_free(lud_model *); /* accepts NULL */

typedef struct lud_data_source {
    uint32_t struct_size;
    const char *dataset;                                  /* split by the config, or */
    const char *training_set, *validation_set, *test_set; /* given apart */
    const char *format;                                   /* NULL: by extension */
} lud_data_source;

typedef struct lud_train_opts {
    uint32_t struct_size;
    lud_data_source data;
    const char *output_directory; /* NULL: "results" */
    const char *experiment_name;  /* NULL: "experiment" */
    const char *model_name;       /* NULL: "run" */
    uint64_t random_seed;         /* 0: the config's random_seed */
    int32_t evaluate_test;        /* experiment: test_statistics.json and predictions of the test split */
    int32_t skip_save_model;
    const char *command; /* for description.json; NULL = "" */
    int32_t k_fold;      /* 2 or more: cross-validation of `data.dataset`; 0: one training */
    int32_t skip_save_k_fold_split_indices;
    int32_t skip_save_processed_input; /* preprocessed rows are not kept for the next run; what is kept is still used */
} lud_train_opts;
typedef struct lud_train_result {
    uint32_t struct_size;
    int32_t interrupted; /* stopped by lud_interrupt, saved as it was */
    char run_dir[4096];
    char experiment[256];       /* "<experiment>_<model>" */
    char validation_metric[64]; /* "loss", "token_accuracy" ... */
    char feature[256];
    int64_t best_step, best_epoch, steps, epochs;
    double best_validation, best_test; /* that metric of the best model; NaN: not measured */
    uint64_t tokens;                   /* real tokens (or rows: `unit`) trained on */
    char unit[8];                      /* "tok" or "rows" */
    double seconds;                    /* of the training loop */
    uint64_t peak_rss_bytes;
} lud_train_result;
/* Trains, writes the run folder, keeps the best model in `model`. Nothing is left behind on failure. An interrupted run
 * is saved, LUD_OK is returned and result->interrupted is set.
 * k_fold: each of k folds of the rows is the test split of one training on all others, without a validation split, into
 * <output_directory>/fold_<1..k>/; then kfold_training_statistics.json ({fold_<i>: {training, test, fold_eval_stats},
 * overall: {feature: {<metric>_mean, <metric>_std}}}) and kfold_split_indices.json. result: the last fold's, but
 * best_test is the mean. Finished folds stay if a later one fails. */
LUD_EXPORT lud_status lud_model_train(lud_model *, const lud_train_opts *, lud_train_result *, lud_error *);

typedef struct lud_predict_opts {
    uint32_t struct_size;
    lud_data_source data;
    const char *split;            /* "full" (default), "training", "validation", "test" */
    const char *output_path;      /* predictions: .csv, .tsv, .json, .jsonl; NULL: not written */
    const char *output_directory; /* evaluate: test_statistics.json goes here; NULL: not written */
    const char *generation;       /* JSON object over the config's generation section, or NULL */
    int64_t limit;                /* at most so many rows; 0 = all */
} lud_predict_opts;
/* One row per input row. Text: <feature>_predictions, _response, _probability; other outputs as Ludwig names them:
 * _predictions, _probabilities, _probabilities_<class>, _probability. A category of a language model also has _response
 * (the answer), or _log_likelihoods (a JSON list) where labels are scored. The target column may be absent. */
LUD_EXPORT lud_status lud_model_predict(lud_model *, const lud_predict_opts *, lud_error *);
/* Metrics as JSON text through sink: {feature: {loss, perplexity, token_accuracy, ...}, combined: {loss}}; a text
 * output is generated too: exact_match with its Wilson 95 % interval. */
LUD_EXPORT lud_status lud_model_evaluate(lud_model *, const lud_predict_opts *,
                                         lud_status (*sink)(void *, lud_str json), void *arg, lud_error *);

/* Generates from one prompt (raw text: no template). on_text receives whole UTF-8 characters as they come; a status
 * other than LUD_OK stops. generation: JSON object over the config's section, or NULL. */
LUD_EXPORT lud_status lud_model_generate(lud_model *, lud_str prompt, const char *generation,
                                         lud_status (*on_text)(void *, lud_str), void *arg, lud_error *);
/* Writes a model folder (model_hyperparameters.json, model_weights/ ...): what lud_model_load reads. */
LUD_EXPORT lud_status lud_model_save(lud_model *, const char *dir, lud_error *);

typedef struct lud_export_opts {
    uint32_t struct_size, reserved;
    /* "peft": the adapter; "merged": a Hugging Face folder of the whole model; "gguf": one file of it for llama.cpp;
     * "gguf_adapter": a LoRA adapter for llama.cpp. */
    const char *format;
    const char *output; /* a folder or file that is not there yet */
    const char *type;   /* merged: "F32" (default), "F16", "BF16"; gguf: also "Q8_0", "Q4_0", "F16" by default */
} lud_export_opts;
/* Writes the model in a form that transformers, peft or llama.cpp load, opens it again and compares its logits on eight
 * prompts; LUD_E_INTERNAL if they differ by more than the number format explains. A predictive model: its encoder,
 * peft or merged. */
LUD_EXPORT lud_status lud_model_export(lud_model *, const lud_export_opts *, lud_error *);

typedef struct lud_upload_opts {
    uint32_t struct_size;
    int32_t private_repo; /* of a repository that is made */
    int32_t dry_run;      /* nothing is sent: sink receives lines of size and name */
    int32_t reserved;
    const char *repo;                                /* "organization/model" */
    const char *repo_type;                           /* "model" (NULL), "dataset", "space" */
    const char *commit_message, *commit_description; /* NULL: a plain message, none */
} lud_upload_opts;
/* A run folder or its model/ to one commit of a repository that transformers, peft and lud_model_load read; the hub
 * adds a page about it. Either all of it is there, or nothing. sink receives the commit's address and a newline. */
LUD_EXPORT lud_status lud_model_upload(lud_session *, const char *model_path, const lud_upload_opts *,
                                       lud_status (*sink)(void *, lud_str), void *arg, lud_error *);

/* From a signal handler: first call finishes the step and saves, later ones stop at once. [any] */
LUD_EXPORT void lud_interrupt(void);

#ifdef __cplusplus
}
#endif
#endif
