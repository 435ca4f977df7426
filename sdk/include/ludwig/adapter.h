/* SPDX-License-Identifier: Apache-2.0
 * An adapter wraps sites (linear maps) of a base model with few trainable parameters. Core decides which sites match
 * (target_modules and the rest of PEFT's rules) and calls `apply` there; all slots but inst and apply may be NULL. */
#ifndef LUDWIG_ADAPTER_H
#define LUDWIG_ADAPTER_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values of parameters on the host, fp32, by full name. [main] */
#define LUD_SERVICE_WEIGHTS "lud.weights/1"
typedef struct lud_weights_api {
    uint32_t struct_size, reserved;
    /* Borrowed until the next call; NULL if unknown. *n receives the number of elements. */
    const float *(*get)(lud_weights *, const char *param, int64_t *n);
    lud_status (*set)(lud_weights *, const char *param, const float *values, int64_t n, lud_error *);
} lud_weights_api;

enum { LUD_CONFIG_SAVE = 0, LUD_CONFIG_LOAD = 1 };

typedef struct lud_adapter_vt {
    uint32_t struct_size, reserved;
    const lud_inst *inst; /* cfg child `config` = the `adapter` section, defaults filled */
    /* The site's output with the adapter: next(next_arg, x) is the layer below (the base map, or the next adapter).
     * site->cfg holds what core resolved for this site: r, alpha (int or float; rank_pattern, alpha_pattern applied).
     * New parameters are named after the site: "<site>.lora_A.weight". [main] */
    lud_t (*apply)(void *self, lud_graph *, const lud_site *, lud_t x, lud_t (*next)(void *, lud_t), void *next_arg);
    /* Nonzero if this base parameter is to be trained too; `site_matched`: it belongs to a wrapped site. [main] */
    int32_t (*trains)(void *self, const char *base_param, int32_t site_matched);
    lud_t (*penalty)(void *self, lud_graph *);
    lud_status (*update)(void *self, lud_graph *, lud_t step_scalars, lud_error *);
    lud_status (*init)(void *self, const lud_site *, lud_weights *, lud_error *);
    /* Key of one trained parameter in PEFT's adapter_model.safetensors. [main] */
    lud_status (*file_key)(void *self, const char *param, int32_t site_matched, char *key, size_t cap, lud_error *);
    /* adapter_config.json. SAVE: in = the `adapter` section, out = PEFT's keys. LOAD: in = adapter_config.json, out =
     * `adapter` section; an unknown PEFT key that is set to something is an error, null/false/empty is ignored. */
    lud_status (*config)(void *self, int32_t direction, const lud_cfg *in, lud_cfg_out *out, lud_error *);
    /* w [d_out,d_in] and b [d_out] (or NULL) of the site are changed in place. NULL slot: core runs the site's graph
     * on the unit rows: W' = f(I) - f(0), b' = f(0). [main] */
    lud_status (*merge)(void *self, const lud_site *, lud_weights *, float *w, float *b, lud_error *);
    const char *peft_type; /* "LORA"; how core finds this adapter for an adapter_config.json; NULL = none */
} lud_adapter_vt;

#ifdef __cplusplus
}
#endif
#endif
