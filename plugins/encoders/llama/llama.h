/* SPDX-License-Identifier: Apache-2.0
 * Inside of the llama plugin. `arch` is a row of the table of differences, `llama` one model with every number
 * resolved. Only arch.c knows names of architectures; the rest asks for flags. Not seen outside the plugin. */
#ifndef LLAMA_H
#define LLAMA_H

#include <ludwig/easy.h>
#include <ludwig/encoder.h>

enum {
    ARCH_QKV_BIAS = 1 << 0,          /* q, k, v always have a bias, o has none */
    ARCH_BIAS_KEYS = 1 << 1,         /* attention_bias (q, k, v, o) and mlp_bias in the config */
    ARCH_QK_NORM = 1 << 2,           /* RMS norm of q and k per head */
    ARCH_NORM_OFFSET = 1 << 3,       /* norms multiply by 1 + w; GGUF stores 1 + w */
    ARCH_EMBED_SCALE = 1 << 4,       /* embeddings times sqrt(width) */
    ARCH_SANDWICH = 1 << 5,          /* norms before and after attention and feed-forward */
    ARCH_FUSED = 1 << 6,             /* qkv_proj and gate_up_proj in one piece */
    ARCH_QUERY_SCALAR = 1 << 7,      /* score scale query_pre_attn_scalar^-1/2 instead of head_dim^-1/2 */
    ARCH_ATTN_SOFTCAP = 1 << 8,      /* attn_logit_softcapping */
    ARCH_FINAL_SOFTCAP = 1 << 9,     /* final_logit_softcapping */
    ARCH_WINDOW_ALL = 1 << 10,       /* sliding_window holds for every layer */
    ARCH_WINDOW_LATE = 1 << 11,      /* use_sliding_window, from layer max_window_layers on */
    ARCH_WINDOW_PERIOD = 1 << 12,    /* every sliding_window_pattern-th layer is full */
    ARCH_WINDOW_NOROPE = 1 << 13,    /* layers without rope slide, if use_sliding_window */
    ARCH_ROPE_BY_TYPE = 1 << 14,     /* sliding layers have their own rope parameters */
    ARCH_NO_ROPE_LAYERS = 1 << 15,   /* no_rope_layers */
    ARCH_GGUF_PERMUTED = 1 << 16,    /* GGUF rows of q and k are interleaved */
    ARCH_GELU_IS_TANH = 1 << 17,     /* the word "gelu" means the tanh form */
    ARCH_YARN_IS_LONGROPE = 1 << 18, /* rope types "su" and "yarn" of old configs mean longrope */
    ARCH_GGUF_ROPE_FREQS = 1 << 19   /* llama.cpp divides the frequencies by the tensor rope_freqs, if it is there */
};

typedef struct arch {
    const char *model_type;   /* config.json */
    const char *gguf;         /* general.architecture; the first row that has it reads such files */
    const char *architecture; /* config.json "architectures" */
    uint32_t flags;
    const char *act_key; /* "hidden_act" or "hidden_activation" */
    const char *act;     /* its default */
    double rms_norm_eps, rope_theta, query_scalar, attn_softcap, final_softcap;
    int64_t head_dim;                                     /* default; 0 = width / heads */
    int64_t kv_heads;                                     /* default; 0 = heads */
    int64_t max_positions, sliding_window;                /* defaults; window 0 = none */
    int64_t window_period;                                /* default of sliding_window_pattern */
    int64_t bos, eos, pad;                                /* defaults, -1 = none */
    int tie;                                              /* default of tie_word_embeddings */
    const char *const *lora_targets, *const *ia3_targets; /* NULL-terminated */
} arch;

const arch *arch_of_model_type(lud_str model_type);
const arch *arch_of_gguf(lud_str architecture);
extern const char *const arch_words[]; /* every model_type and GGUF architecture, NULL-terminated */

/* One rope table: the first `dim` components of a head are rotated. */
typedef struct rope {
    int32_t dim;
    float attention_factor;
    float *inv_freq;  /* dim / 2 */
    int64_t max_rows; /* longest row for which this table is right; 0 = any */
} rope;

/* Rope parameters as configs tell them. */
typedef struct rope_params {
    lud_str type;
    double theta, partial, factor, original_max, low_freq, high_freq, beta_fast, beta_slow;
    double attention_factor, mscale, mscale_all_dim; /* 0 = not given */
    int truncate;
    const lud_cfg *short_factor, *long_factor; /* lists */
} rope_params;

enum { LAYER_SLIDING = 1, LAYER_NO_ROPE = 2 };
enum { ROPE_FULL, ROPE_SLIDING };

typedef struct llama {
    lud_host_ctx *ctx;
    const arch *arch;
    const lud_cfg *model, *gguf, *tensors; /* tensors: names in the file, or NULL */
    int64_t width, layers, heads, kv_heads, head_dim, ffn, vocab, max_positions, window;
    int64_t row_limit; /* longest row that the user asked for; 0 = not said */
    float eps, attn_softcap, final_softcap;
    double query_scalar;
    int32_t act;
    int tie, qkv_bias, o_bias, mlp_bias;
    uint8_t *layer_flags; /* [layers] */
    rope_params rope_params[2];
    rope rope[2];
} llama;

extern const lud_host *llama_host;
extern const lud_graph_api *llama_graph;

/* config_hf.c, config_gguf.c: fill every number of m but the rope tables. */
lud_status llama_read_hf(llama *m, lud_error *);
lud_status llama_read_gguf(llama *m, lud_error *);
double llama_gguf_query_scalar(const llama *m); /* what a GGUF's reader takes for query_pre_attn_scalar */
/* Values under "<architecture>.<name>". */
const lud_cfg *llama_meta(const llama *m, const char *name);
int64_t llama_meta_int(const llama *m, const char *name, int64_t dflt);
double llama_meta_float(const llama *m, const char *name, double dflt);
/* Shared by both: checks of the numbers read so far, and the memory of layer_flags. */
lud_status llama_check(llama *m, lud_error *);
lud_status llama_new_layer_flags(llama *m, lud_error *);
lud_status llama_read_act(llama *m, lud_str word, lud_error *);

/* rope.c: the table for rows of at most m->row_limit tokens. */
lud_status llama_make_rope(const llama *m, const rope_params *p, rope *out, lud_error *);

/* build.c */
lud_status llama_build(void *self, lud_graph *g, const lud_seq *in, lud_encoder_out *out, lud_error *);

/* names.c: slots `sources` and `adapter_targets` */
lud_status llama_sources(void *self, const char *scheme, const char *param,
                         lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *);
lud_status llama_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                         lud_error *);

/* export.c: slots `info` and `hf_config` */
lud_status llama_info(void *self, lud_cfg_out *out, lud_error *);
lud_status llama_hf_config(void *self, lud_cfg_out *out, lud_error *);

/* rope_gguf.c: the rope parameters of GGUF metadata, in and out. put: what has no place there is LUD_E_UNSUPPORTED. */
lud_status llama_gguf_read_rope(llama *m, lud_error *);
lud_status llama_gguf_put_rope(const llama *m, lud_cfg_out *, lud_error *);

/* export_gguf.c: slot `gguf_config` */
lud_status llama_gguf_config(void *self, lud_cfg_out *out, lud_error *);
lud_status llama_gguf_no_place(const llama *m, const char *what, lud_error *);

#endif
