/* SPDX-License-Identifier: Apache-2.0
 * Helpers of text encoders whose models lie in Hugging Face folders: words of config.json, names in the files,
 * frequency tables. Inline and no part of the ABI, like easy.h. */
#ifndef LUDWIG_HF_H
#define LUDWIG_HF_H

#include "easy.h"
#include "encoder.h"

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* LUD_ACT_* of an activation's word (transformers/activations.py), 0 if it is not known. */
static inline int32_t lud_hf_act(lud_str word) {
    static const struct {
        const char *word;
        int32_t act;
    } acts[] = {
        {"gelu", LUD_ACT_GELU_ERF},      {"gelu_python", LUD_ACT_GELU_ERF},
        {"gelu_new", LUD_ACT_GELU_TANH}, {"gelu_pytorch_tanh", LUD_ACT_GELU_TANH},
        {"relu", LUD_ACT_RELU},          {"gelu_fast", LUD_ACT_GELU_TANH},
        {"relu2", LUD_ACT_RELU2},        {"gelu_accurate", LUD_ACT_GELU_TANH},
        {"silu", LUD_ACT_SILU},          {"quick_gelu", LUD_ACT_QUICK_GELU},
        {"swish", LUD_ACT_SILU},         {"tanh", LUD_ACT_TANH},
        {"sigmoid", LUD_ACT_SIGMOID},
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (lud_str_is(word, acts[i].word)) return acts[i].act;
    }
    return 0;
}

/* An integer under the model's own key (may be NULL), else under the common one (attribute_map of transformers:
 * "n_embd" and "hidden_size"). Null counts as absent. Held within 2^40, so that the caller can add and subtract before
 * it checks. */
static inline int64_t lud_hf_int(const lud_cfg_api *c, const lud_cfg *model, const char *key, const char *common,
                                 int64_t dflt) {
    const int64_t most = (int64_t)1 << 40;
    int64_t v = lud_int_of(c, model, common, dflt);
    if (key) v = lud_int_of(c, model, key, v);
    return v > most ? most : v < -most ? -most : v;
}

/* Whether `names`, the list of tensors in the files, holds "<prefix><name>". */
static inline int lud_hf_has(const lud_cfg_api *c, const lud_cfg *names, const char *prefix, const char *name) {
    size_t n = c->type(names) == LUD_CFG_LIST ? c->len(names) : 0, head = strlen(prefix), tail = strlen(name);
    for (size_t i = 0; i < n; i++) {
        lud_str s = {"", 0};
        (void)c->get(c->at(names, i), LUD_CFG_STR, &s);
        if (s.len == head + tail && memcmp(s.ptr, prefix, head) == 0 && memcmp(s.ptr + head, name, tail) == 0) return 1;
    }
    return 0;
}

/* A source of one step, handed to the sink of lud_encoder_vt.sources. */
static inline lud_status lud_hf_give(lud_status (*sink)(void *, const lud_source *), void *arg, int32_t op,
                                     const char *file_name) {
    lud_source s;
    memset(&s, 0, sizeof s);
    s.struct_size = (uint32_t)sizeof s;
    s.op = op;
    s.file_name = file_name;
    return sink(arg, &s);
}

/* The slot hf_config of a model that came with a config.json: that file, as it was read. */
static inline lud_status lud_hf_copy_config(const lud_cfg_api *c, const lud_cfg *model, lud_cfg_out *out,
                                            lud_error *err) {
    for (size_t i = 0; i < c->len(model); i++) {
        if (c->set_copy(out, c->key_at(model, i).ptr, c->at(model, i)) != LUD_OK)
            return lud_fail(err, LUD_E_NOMEM, "out of memory copying config.json");
    }
    return LUD_OK;
}

/* Rotary frequencies theta^(-2i/dim), in fp32 and in the order of transformers; out has dim / 2 elements. */
static inline void lud_hf_inv_freq(double theta, int64_t dim, float *out) {
    for (int64_t i = 0; i < dim / 2; i++)
        out[i] = 1.0f / powf((float)theta, (float)(2 * i) / (float)dim);
}

#ifdef __cplusplus
}
#endif
#endif
