/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/model share: the model itself, its sites, and the graph builder. A model's sites and
 * parameters are fixed when ludc_model_open returns. Not included outside this folder. */
#ifndef LUDC_MODEL_INTERNAL_H
#define LUDC_MODEL_INTERNAL_H

#include "model.h"

#include <ludwig/adapter.h>
#include <ludwig/easy.h>

/* An object over borrowed children: what a component's open() receives. Lives as long as the instance. */
typedef struct ludc_view {
    ludc_value root;
    lud_str keys[4];
    ludc_value *items[4];
} ludc_view;
void ludc_view_add(ludc_view *, const char *key, const ludc_value *child); /* a NULL child is left out */

/* One instance of a component. */
typedef struct ludc_part {
    const lud_component *component;
    const void *vtable;
    const lud_inst *inst;
    void *self;
    ludc_view view;
} ludc_part;

/* ---- expression.c: Python's regular expressions ---- */
typedef struct ludc_expression ludc_expression;
/* "section.key" is for messages. anchored: a match begins where the text begins. */
lud_status ludc_expression_new(const char *section, const char *key, lud_str text, bool anchored, ludc_expression **,
                               lud_error *);
void ludc_expression_free(ludc_expression *); /* accepts NULL */
/* whole: up to the text's end. *group (or NULL) receives the number in the group named idx. */
bool ludc_expression_match(const ludc_expression *, lud_str text, bool whole, int64_t *group);

/* ---- targets.c: which modules an adapter wraps (PEFT's rules) ---- */
typedef struct ludc_targets ludc_targets;
/* From the `adapter` section; defaults: target modules of the encoder where the section names none. */
lud_status ludc_targets_new(const ludc_value *section, ludc_targets **, lud_error *);
void ludc_targets_free(ludc_targets *);
bool ludc_targets_match(const ludc_targets *, lud_str module, int32_t site_kind);
/* What core resolved for a matched module: {r, alpha} with the patterns applied; heap. */
ludc_value *ludc_targets_cfg(const ludc_targets *, lud_str module);

/* ---- sites.c ---- */
typedef struct ludc_site {
    char *name;
    lud_site site; /* name as above; weight and bias 0; cfg as below */
    bool matched;
    ludc_value *cfg;
} ludc_site;

/* A base model with what is built over it. As a tower of a predictor (tower.c) it has no decoder, lives in the
 * predictor's store under `scope`, and `config` is the encoder section. */
struct ludc_model {
    ludc_host *host;
    const ludc_value *config;
    const char *scope;           /* before every parameter's name; "" for a language model */
    bool is_tower, trainable;    /* trainable: without an adapter, the base model's own parameters are trained */
    char *base_path;             /* as the user wrote it, or the name of a repository */
    char base_revision[65];      /* its commit; "" = none */
    ludc_value *adapter;         /* the `adapter` section with resolved target_modules; NULL = none */
    ludc_value *decoder_section; /* with the defaults of its plugin; NULL = text_extractor */
    ludc_value *tensor_names;    /* names in the base model's files */
    ludc_devices own_devices;
    bool owns_devices;
    ludc_devices *devices;
    ludc_base_model *base;
    ludc_tokenizer *tokenizer;
    ludc_part encoder_part, decoder_part, adapter_part;
    const lud_encoder_vt *encoder; /* shorthands of the parts' vtables */
    const lud_decoder_vt *decoder;
    const lud_adapter_vt *adapter_vt; /* NULL = no adapter */
    ludc_store *store;
    ludc_targets *targets;
    ludc_expression *frozen; /* names that are not trained; NULL = none */
    ludc_site *sites;
    size_t n_sites, cap_sites;
    ludc_map *site_index, *own_params; /* own_params: what the adapter declared */
    int in_adapter;                    /* depth of apply() calls under way */
    bool for_training, collecting;
    int32_t real;
    uint64_t seed;
    struct ludc_prefix *prefix; /* open while it trains, if there is one */
    ludc_model_info info;
};

/* The site of that name, or NULL. */
ludc_site *ludc_site_find(const ludc_model *, lud_str name);
/* Builds once without adapter, collects every site and matches them; fails if an adapter matches none. */
lud_status ludc_sites_collect(ludc_model *, lud_error *);
void ludc_sites_free(ludc_model *);
extern const ludc_graph_hooks ludc_model_hooks; /* without arg, which is the model */
/* The name as the encoder knows it: without the scope. NULL: a parameter of somebody else. */
const char *ludc_param_relative(const ludc_model *, const char *param);
/* All by relative name. Whether the adapter declared this parameter; whether it is trained though it is the base
 * model's; whether it belongs to a wrapped site; whether the trainer's expression freezes it (freeze.c). */
bool ludc_param_is_adapters(const ludc_model *, const char *param);
bool ludc_param_base_trains(const ludc_model *, const char *param);
bool ludc_param_site_matched(const ludc_model *, const char *param);
bool ludc_param_frozen(const ludc_model *, const char *param);

/* ---- freeze.c ---- */
/* Reads trainer.layers_to_freeze_regex of the whole config. */
lud_status ludc_freeze_open(ludc_model *, const ludc_value *config, lud_error *);
typedef struct ludc_freeze {
    bool tuned; /* one of the models is trained */
    size_t n_frozen, n_others, n_trained;
    ludc_buf others; /* some names that it does not match */
} ludc_freeze;
/* Counts the model's declared parameters. */
void ludc_freeze_count(const ludc_model *, ludc_freeze *);
/* Says what was frozen over all models, and fails where nothing is left to train. Frees what was counted. */
lud_status ludc_freeze_report(const ludc_value *config, ludc_freeze *, lud_error *);

/* ---- parts.c: finding and opening components ---- */
lud_status ludc_part_open(ludc_host *, ludc_part *, const lud_component *, lud_error *);
void ludc_part_close(ludc_part *);
lud_status ludc_parts_open(ludc_model *, const char *adapter_dir, lud_error *);
void ludc_parts_close(ludc_model *);

/* ---- open.c ---- */
/* States that the trainer's optimizer keeps per trainable value. */
int ludc_model_optimizer_states(const ludc_value *config);
/* What a language model and a tower have in common: base model, tokenizer, components, facts. */
lud_status ludc_model_open_base(ludc_model *, const char *base_model, const char *adapter_dir, lud_error *);

/* ---- build.c: the one forward definition of every program ---- */
typedef struct ludc_built {
    lud_graph *g;
    int32_t e_t, e_s, e_offsets, e_n; /* extents of T, S, S + 1, N; 0 = not there */
    lud_t ids, positions, seg_offsets, row_keys, page_table, rows, targets, weights, loss_scale; /* inputs */
    lud_t prefix; /* input: what the frozen prefix gives; 0 = it is computed */
    lud_t tokens, pred, row_loss, row_weight, argmax;
} ludc_built;
/* kind: LUDC_RUN_*. Forward and, for TRAIN with `backward`, gradients. The caller frees out->g, also on failure. */
lud_status ludc_model_build(ludc_model *, ludc_store *, int kind, const ludc_run_caps *, bool backward, ludc_built *out,
                            lud_error *);

/* ---- params.c, adapter_file.c ---- */
lud_status ludc_params_fill(ludc_model *, const char *adapter_dir, lud_error *);
/* Initial values of a parameter that no file provides, keyed by its name. */
/* The values of the tensor of that name in a file, which must have the parameter's shape. */
lud_status ludc_param_take(ludc_store *, size_t index, const ludc_tensors *, const char *path, const char *tensor,
                           lud_error *);
lud_status ludc_param_fresh(ludc_store *, size_t index, uint64_t seed, lud_error *);
/* config.adapter, or (dir not NULL) the folder's adapter_config.json -> m->adapter and *component; both NULL if there
 * is none. */
lud_status ludc_adapter_section(ludc_model *, const char *dir, const lud_component **, lud_error *);
/* Values of every adapter parameter from adapter_model.safetensors. */
lud_status ludc_adapter_load(ludc_model *, const char *dir, lud_error *);
/* Key of a trained parameter in adapter_model.safetensors; heap. */
lud_status ludc_adapter_key(const ludc_model *, const char *param, char **key, lud_error *);

/* ---- merge.c ---- */
/* Weight (and bias) of a matched site with the adapter folded in. w holds the base weight, b the bias or is NULL. */
lud_status ludc_site_merge(ludc_model *, const ludc_site *, float *w, float *b, lud_error *);
/* Number of the site's own parameter "weight" or "bias"; -1: it has none. */
int64_t ludc_site_param(const ludc_model *, const ludc_site *, const char *suffix);

#endif
