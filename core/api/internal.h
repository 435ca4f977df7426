/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/api share. */
#ifndef LUDC_API_INTERNAL_H
#define LUDC_API_INTERNAL_H

#include <archive.h>
#include <generate.h>
#include <hub.h>
#include <ludwig/ludwig.h>
#include <train.h>

struct lud_session {
    ludc_host *host;
    const lud_events *events;
    ludc_hub *hub;      /* opened when a repository is first named; or NULL */
    double fetch_begin; /* time */
    const char *fetch_phase;
};

struct lud_model {
    lud_session *session;
    ludc_config config;
    ludc_model *model;         /* a language model, opened when first needed; or */
    ludc_predictor *predictor; /* a predictive one (model_type ecd) */
    bool for_training;
    ludc_value *located;  /* config.full with places on disk where it names repositories; NULL: not looked up yet */
    char *base_model;     /* overrides the config's: a full fine-tuned folder; or NULL */
    char *adapter_dir;    /* PEFT folder of a saved model; or NULL */
    ludc_value *metadata; /* predictive: what was learned of each feature */
    char *weights;        /* predictive: file of a saved model's trained values; or NULL */
    uint64_t seed;
    int32_t k_fold, fold; /* cross-validation: the fold that is the test split now, of k_fold; 0 = none */
};

/* Tells how far a phase is: items done, what was worked on (tokens, MB), since when. */
void ludc_session_show(const lud_session *, const char *phase, const char *unit, double done, double total,
                       double amount, double begin);
bool ludc_is_predictive(const lud_model *);
const ludc_devices *ludc_model_devices(const lud_model *);

lud_status ludc_config_open(const lud_config_source *, ludc_config *, lud_error *); /* config.c */
/* Opens the inner model if it is not, or not for what is wanted. */
lud_status ludc_model_ready(lud_model *, bool for_training, lud_error *);
void ludc_model_close(lud_model *);        /* the inner model */
char *ludc_model_folder(const char *path); /* `path` itself if it is a model folder, else its model/ folder; heap */

/* ---- Repositories (hub.c) ---- */
/* *path: heap, or NULL if the text names a place on this machine. Data needs a scheme (hf://...). */
lud_status ludc_session_hub(lud_session *, const char *phase, ludc_hub **out, lud_error *);
lud_status ludc_session_locate(lud_session *, const char *text, char **path, lud_error *);
lud_status ludc_session_locate_data(lud_session *, const char *text, char **path, lud_error *);
/* Fetches what the config names, once; fills `located` and fixes the commits in config.full. */
lud_status ludc_model_locate(lud_model *, lud_error *);
/* Whether this key of config.full names a repository that was fetched. */
bool ludc_model_is_fetched(const lud_model *, const char *dotted);

/* ---- Data (dataset.c) ---- */
/* The columns and template that a config names, looked up in one table. */
typedef struct ludc_dataset {
    ludc_table *tables[LUDC_N_SPLITS]; /* given apart: one each; else only [0] */
    ludc_split split;                  /* rows of tables[0], when not given apart */
    bool apart;
} ludc_dataset;
/* divided: one table has its rows split as the config says; else they are taken as they are (split "full"). */
lud_status ludc_dataset_open(const lud_model *, const lud_data_source *, bool divided, ludc_dataset *, lud_error *);
bool ludc_wants_split(const lud_predict_opts *);
void ludc_dataset_free(ludc_dataset *);

/* Rows of a table: one split, or all. */
typedef struct ludc_view {
    const ludc_table *table; /* NULL: there is no such split */
    const char *path;
    const uint32_t *rows; /* NULL: the first n */
    size_t n;
} ludc_view;
ludc_view ludc_dataset_split(const ludc_dataset *, const lud_data_source *, int split);
/* What opts.split and opts.limit name; an error if there is no row. */
lud_status ludc_dataset_pick(const ludc_dataset *, const lud_predict_opts *, ludc_view *, lud_error *);
size_t ludc_view_row(const ludc_view *, size_t i);

/* How a row becomes text: the prompt's template, the input and output columns, examples of the training rows. */
typedef struct ludc_prompter ludc_prompter;
lud_status ludc_prompter_new(const lud_model *, const ludc_view *, const ludc_view *training, bool need_target,
                             ludc_prompter **, lud_error *);
void ludc_prompter_free(ludc_prompter *);
lud_status ludc_prompter_text(ludc_prompter *, size_t row, ludc_buf *out, lud_error *);
/* Token ids of the prompt as training and generation use them. */
lud_status ludc_prompter_ids(ludc_prompter *, size_t row, ludc_ids *out, lud_error *);
lud_str ludc_prompter_target(const ludc_prompter *, size_t row);
/* Tokens of an answer: no special ones but the end of text behind it. */
lud_status ludc_prompter_target_ids(const ludc_prompter *, lud_str target, ludc_ids *out, lud_error *);
/* Prompt and target tokens of `rows` (n of them; NULL = the first n rows). first_row numbers the global rows. */
lud_status ludc_prompter_rows(ludc_prompter *, const uint32_t *rows, size_t n, uint64_t first_row, ludc_rows *out,
                              lud_error *);

lud_str ludc_feature_name(const ludc_value *config, bool output);
lud_str ludc_feature_column(const ludc_value *config, bool output);

/* ---- Examples of prompt.retrieval (examples.c) ---- */
typedef struct ludc_examples {
    const ludc_table *asked; /* the table of the rows that they are for */
    ludc_view training;
    size_t columns[2]; /* of the training table: input, output */
    int64_t k;         /* 0: none */
    uint64_t seed;
} ludc_examples;
/* Reads the section; an error if there are too few training rows. */
lud_status ludc_examples_init(const lud_model *, const ludc_table *asked, const ludc_view *training, ludc_examples *,
                              lud_error *);
/* Appends a JSON list of k training rows drawn for this row, which is not among them. */
void ludc_examples_put(const ludc_examples *, size_t row, ludc_buf *out);

/* ---- Replies to rows (replies.c). Zero-initialised is empty. ---- */
typedef struct ludc_replies {
    ludc_ids *prompts;
    ludc_prompt *views;
    ludc_completion *completions; /* NULL: not generated */
    size_t n;
    int64_t longest; /* tokens of a prompt */
} ludc_replies;
lud_status ludc_replies_ask(ludc_prompter *, const ludc_view *, ludc_replies *, lud_error *); /* makes the prompts */
/* generation: JSON object over the config's section, or NULL. */
lud_status ludc_replies_generate(lud_model *, const char *generation, ludc_replies *, lud_error *);
void ludc_replies_free(ludc_replies *);
lud_status ludc_generation_of(const lud_model *, const char *over, ludc_generation *, lud_error *);

/* ---- Category outputs of language models (category.c) ---- */
bool ludc_is_category(const lud_model *);
/* metrics: NULL = predict, the target may be absent. */
lud_status ludc_category_split(lud_model *, const ludc_dataset *, const lud_predict_opts *, ludc_value **metrics,
                               ludc_table **predictions, lud_error *);

/* ---- Statistics (statistics.c) ---- */
/* Rows of a table of metrics, by feature; *n of them; heap (names are borrowed from the trees). NULL: out of memory. */
lud_metric *ludc_public_metrics(const ludc_evaluation *, size_t *n);
/* Wilson's score interval at 95 % (Wilson 1927, JASA 22): low and high for `hits` of `n`. */
void ludc_wilson(uint64_t hits, uint64_t n, double *low, double *high);

/* ---- Preprocessed rows on disk (rows_cache.c) ---- */
/* backend.cache_dir, or the folder of that kind of cache below ~/.cache/ludwig; heap. */
char *ludc_cache_folder(const lud_model *, const char *kind);
/* What one training reads and keeps of its data. The cache never stops work: where it cannot be written, that is said
 * once. */
typedef struct ludc_rows_cache {
    lud_model *m;
    const lud_train_opts *opts;
    char *dir;         /* NULL: there is no cache */
    uint64_t key[2];   /* of the data and of the config */
    uint64_t stamp[2]; /* of the data files as they were then */
    bool saves;
    ludc_archive *archive; /* what was found last; rows may lie in it */
} ludc_rows_cache;
void ludc_rows_cache_open(lud_model *, const lud_train_opts *, ludc_rows_cache *);
void ludc_rows_cache_close(ludc_rows_cache *); /* after the rows are freed */
/* Each finds what an equal training kept (false: make it), or keeps it. Metadata: those of the model. */
bool ludc_rows_cache_metadata(ludc_rows_cache *);
void ludc_rows_cache_keep_metadata(ludc_rows_cache *);
bool ludc_rows_cache_task(ludc_rows_cache *, ludc_task_rows rows[LUDC_N_SPLITS]); /* of the open predictor */
/* said: the warnings of reading, repeated when the rows are found. */
void ludc_rows_cache_keep_task(ludc_rows_cache *, const ludc_task_rows rows[LUDC_N_SPLITS], const ludc_buf *said);
bool ludc_rows_cache_language(ludc_rows_cache *, ludc_rows rows[LUDC_N_SPLITS]); /* of the open model */
void ludc_rows_cache_keep_language(ludc_rows_cache *, const ludc_rows rows[LUDC_N_SPLITS]);

/* ---- Training (train.c, kfold.c) ---- */
/* One training; lud_model_train without k_fold. */
lud_status ludc_train_once(lud_model *, const lud_train_opts *, lud_train_result *, lud_error *);
lud_status ludc_kfold_train(lud_model *, const lud_train_opts *, lud_train_result *, lud_error *);
/* The loop over a trainee, then the run folder. */
lud_status ludc_train_and_save(lud_model *, ludc_trainee *, const lud_train_opts *, uint64_t dropped_rows,
                               uint64_t truncated_rows, lud_train_result *, lud_error *);

/* ---- Predictive models (task*.c) ---- */
/* Opens the predictor by metadata and weights, if it is not open for what is wanted. */
lud_status ludc_task_ready(lud_model *, bool for_training, lud_error *);
void ludc_task_metadata_set(lud_model *, ludc_value *); /* takes it; the predictor is closed */
/* What training learned of each feature; LUD_E_IO if it does not fit the config. path: for the message. */
lud_status ludc_task_metadata_check(const lud_model *, const ludc_value *, const char *path, lud_error *);
lud_status ludc_task_train(lud_model *, const lud_train_opts *, lud_train_result *, lud_error *);
/* Metrics with their details (NULL: none, then no target is needed), and predictions where a path is given. */
lud_status ludc_task_score(lud_model *, const ludc_task_rows *, const char *path, ludc_value **metrics, lud_error *);
lud_status ludc_task_score_table(lud_model *, const lud_predict_opts *, ludc_value **metrics, lud_error *);
/* Paths of base models made absolute in a copy of the config: a run folder works from anywhere. */
void ludc_task_absolute(const lud_model *, ludc_value *config);
lud_status ludc_task_weights_write(lud_model *, const char *dir, lud_error *);
/* Columns of metadata learned from the training rows; rows NULL: all. */
lud_status ludc_task_fit(lud_model *, const ludc_table *, const char *path, const uint32_t *rows, size_t n,
                         lud_error *);
/* What is to be said of a view once all its parts are read. Zero-initialised is empty. */
typedef struct ludc_task_notes {
    ludc_odd *odd;        /* [inputs, then outputs]; of a text: those that were cut */
    size_t rows, dropped; /* read; left out of them */
} ludc_task_notes;
/* Then it is empty. The warnings go into `said` too, unless that is NULL: for ludc_task_warn, which says them again. */
void ludc_task_notes_say(ludc_task_notes *, const ludc_predictor *, const ludc_view *, ludc_buf *said);
void ludc_task_warn(const char *lines, size_t n);
/* Rows of a view's table encoded for the open predictor. targets: their columns must be there. Rows to be dropped are
 * left out. */
lud_status ludc_task_rows_read(lud_model *, const ludc_view *, const uint32_t *rows, size_t n, bool targets,
                               ludc_task_notes *, ludc_task_rows *out, lud_error *);
/* What reading does last: ids and widths fit the model, or LUD_E_IO; the weights of the targets. */
lud_status ludc_task_rows_settle(const ludc_predictor *, bool targets, ludc_task_rows *, lud_error *);
/* Replaces the token lists of cached inputs by vectors: from the cache on disk, computed where they are not there. */
lud_status ludc_task_embed(lud_model *, ludc_task_rows *const *data, size_t n_data, lud_error *);

/* ---- The frozen prefix (prefix.c) ---- */
/* Around the life of a trainee of the open inner model. */
lud_status ludc_prefix_begin(lud_model *, lud_error *);
void ludc_prefix_end(lud_model *);

/* ---- Run folders (run_folder.c) ---- */
typedef struct ludc_run_record {
    const lud_train_opts *opts;
    const ludc_train_state *state;
    const ludc_evaluation *evaluations;
    size_t n_evaluations;
    uint64_t dropped_rows, truncated_rows;
    const size_t *n_rows; /* [LUDC_N_SPLITS] */
} ludc_run_record;
/* Before the work: whether it can be made. */
lud_status ludc_run_folder_check(const lud_train_opts *, lud_error *);
/* Writes <output_directory>/<experiment>_<model>[_N]: everything under a temporary name, then one rename. */
lud_status ludc_run_folder_write(lud_model *, const ludc_run_record *, lud_train_result *, lud_error *);
/* model_hyperparameters.json, training_set_metadata.json, model_weights/ into an existing folder. */
lud_status ludc_model_folder_write(lud_model *, const char *dir, lud_error *);
lud_status ludc_json_write(const char *dir, const char *name, const ludc_value *, lud_error *);

/* Predictions of one split, and metrics (NULL: none, the target may be absent), of a language model (predict.c). */
lud_status ludc_language_split(lud_model *, const ludc_dataset *, const lud_predict_opts *, ludc_value **metrics,
                               ludc_table **predictions, lud_error *);

#endif
