/* SPDX-License-Identifier: Apache-2.0
 * What a model tells about itself: facts for core, and the complete config.json. A model that came with a config.json
 * hands out its own; one from GGUF metadata gets one that transformers 4 and 5 both read. */
#include "llama.h"

/* Writes of one object; the first failure sticks. */
typedef struct writer {
    const lud_cfg_api *c;
    lud_cfg_out *out;
    int failed;
} writer;

static void put_int(writer *w, const char *key, int64_t v) {
    w->failed |= w->c->set_int(w->out, key, v) != LUD_OK;
}
static void put_float(writer *w, const char *key, double v) {
    w->failed |= w->c->set_float(w->out, key, v) != LUD_OK;
}
static void put_bool(writer *w, const char *key, int v) {
    w->failed |= w->c->set_bool(w->out, key, v) != LUD_OK;
}
static void put_str(writer *w, const char *key, const char *v) {
    w->failed |= w->c->set_str(w->out, key, lud_text(v)) != LUD_OK;
}
/* Negative: null. */
static void put_id(writer *w, const char *key, int64_t v) {
    if (v >= 0)
        put_int(w, key, v);
    else
        w->failed |= w->c->set_null(w->out, key) != LUD_OK;
}

lud_status llama_info(void *self, lud_cfg_out *out, lud_error *err) {
    const llama *m = self;
    writer w = {llama_host->cfg, out, 0};
    int64_t rows = m->max_positions;
    for (int i = 0; i < 2; i++) {
        if (m->rope[i].max_rows > 0 && m->rope[i].max_rows < rows) rows = m->rope[i].max_rows;
        if (m->rope[i].max_rows > m->max_positions) rows = m->rope[i].max_rows; /* dynamic scaling */
    }
    put_int(&w, "width", m->width);
    put_int(&w, "layers", m->layers);
    put_int(&w, "vocab_size", m->vocab);
    put_int(&w, "max_positions", rows);
    put_bool(&w, "causal", 1);
    put_str(&w, "tokenizer", "model");
    return w.failed ? lud_fail(err, LUD_E_NOMEM, "llama: out of memory") : LUD_OK;
}

/* ---- config.json of a GGUF ------------------------------------------------------------------------------------ */
static void write_rope_node(writer *w, const char *key, const rope_params *p) {
    writer node = {w->c, w->c->set_object(w->out, key), 0};
    if (!node.out) {
        w->failed = 1;
        return;
    }
    w->failed |= w->c->set_str(node.out, "rope_type", p->type) != LUD_OK;
    put_float(&node, "rope_theta", p->theta);
    if (p->partial != 1.0) put_float(&node, "partial_rotary_factor", p->partial);
    if (p->factor > 0.0) put_float(&node, "factor", p->factor);
    if (p->attention_factor > 0.0) put_float(&node, "attention_factor", p->attention_factor);
    if (p->beta_fast > 0.0) put_float(&node, "beta_fast", p->beta_fast);
    if (p->beta_slow > 0.0) put_float(&node, "beta_slow", p->beta_slow);
    if (lud_str_is(p->type, "yarn") || lud_str_is(p->type, "longrope"))
        put_int(&node, "original_max_position_embeddings", (int64_t)p->original_max);
    if (p->short_factor) node.failed |= w->c->set_copy(node.out, "short_factor", p->short_factor) != LUD_OK;
    if (p->long_factor) node.failed |= w->c->set_copy(node.out, "long_factor", p->long_factor) != LUD_OK;
    w->failed |= node.failed;
}

/* The old scaling key is written only where there is a scaling: transformers 4 reads it, 5 reads rope_parameters. */
static void write_rope(const llama *m, writer *w) {
    const rope_params *p = &m->rope_params[ROPE_FULL];
    put_float(w, "rope_theta", p->theta);
    if (m->arch->flags & ARCH_ROPE_BY_TYPE) {
        put_float(w, "rope_local_base_freq", m->rope_params[ROPE_SLIDING].theta);
        writer node = {w->c, w->c->set_object(w->out, "rope_parameters"), 0};
        w->failed |= !node.out;
        if (!node.out) return;
        write_rope_node(&node, "full_attention", p);
        write_rope_node(&node, "sliding_attention", &m->rope_params[ROPE_SLIDING]);
        w->failed |= node.failed;
        return;
    }
    write_rope_node(w, "rope_parameters", p);
    if (!lud_str_is(p->type, "default")) write_rope_node(w, "rope_scaling", p);
}

static void write_window(const llama *m, writer *w) {
    uint32_t f = m->arch->flags;
    if (!(f & (ARCH_WINDOW_ALL | ARCH_WINDOW_LATE | ARCH_WINDOW_PERIOD | ARCH_WINDOW_NOROPE))) return;
    put_id(w, "sliding_window", m->window > 0 ? m->window : -1);
    if (f & (ARCH_WINDOW_LATE | ARCH_WINDOW_NOROPE)) put_bool(w, "use_sliding_window", 0);
    if (f & ARCH_WINDOW_ALL) return;
    lud_cfg_out *types = w->c->set_list(w->out, "layer_types");
    w->failed |= !types;
    for (int64_t i = 0; types && i < m->layers; i++) {
        const char *word = m->layer_flags[i] & LAYER_SLIDING ? "sliding_attention" : "full_attention";
        w->failed |= w->c->set_str(types, NULL, lud_text(word)) != LUD_OK;
    }
}

static void write_switches(const llama *m, writer *w) {
    uint32_t f = m->arch->flags;
    if (f & ARCH_BIAS_KEYS) put_bool(w, "attention_bias", m->qkv_bias);
    if ((f & ARCH_BIAS_KEYS) && !(f & ARCH_NORM_OFFSET)) put_bool(w, "mlp_bias", m->mlp_bias);
    if (f & ARCH_QUERY_SCALAR) put_float(w, "query_pre_attn_scalar", m->query_scalar);
    if (f & ARCH_ATTN_SOFTCAP) put_float(w, "attn_logit_softcapping", (double)m->attn_softcap);
    if ((f & ARCH_FINAL_SOFTCAP) && m->final_softcap != 0.0f) {
        put_float(w, "final_logit_softcapping", (double)m->final_softcap);
    }
    if (!(f & ARCH_NO_ROPE_LAYERS)) return;
    lud_cfg_out *list = w->c->set_list(w->out, "no_rope_layers");
    w->failed |= !list;
    for (int64_t i = 0; list && i < m->layers; i++) {
        w->failed |= w->c->set_int(list, NULL, !(m->layer_flags[i] & LAYER_NO_ROPE)) != LUD_OK;
    }
}

static void write_ids(const llama *m, writer *w) {
    const lud_cfg_api *c = llama_host->cfg;
    put_id(w, "bos_token_id", lud_int_of(c, m->gguf, "tokenizer.ggml.bos_token_id", -1));
    put_id(w, "eos_token_id", lud_int_of(c, m->gguf, "tokenizer.ggml.eos_token_id", -1));
    put_id(w, "pad_token_id", lud_int_of(c, m->gguf, "tokenizer.ggml.padding_token_id", -1));
}

static void write_sizes(const llama *m, writer *w) {
    put_int(w, "hidden_size", m->width);
    put_int(w, "intermediate_size", m->ffn);
    put_int(w, "num_hidden_layers", m->layers);
    put_int(w, "num_attention_heads", m->heads);
    put_int(w, "num_key_value_heads", m->kv_heads);
    put_int(w, "head_dim", m->head_dim);
    put_int(w, "vocab_size", m->vocab);
    put_int(w, "max_position_embeddings", m->max_positions);
    put_float(w, "rms_norm_eps", (double)m->eps);
    put_str(w, m->arch->act_key, m->arch->act);
    put_float(w, "initializer_range", 0.02);
    put_float(w, "attention_dropout", 0.0);
}

static lud_status copy_own(const llama *m, lud_cfg_out *out, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    for (size_t i = 0; i < c->len(m->model); i++) {
        lud_str key = c->key_at(m->model, i);
        if (c->set_copy(out, key.ptr, c->at(m->model, i)) != LUD_OK) {
            return lud_fail(err, LUD_E_NOMEM, "llama: out of memory copying config.json");
        }
    }
    return LUD_OK;
}

lud_status llama_hf_config(void *self, lud_cfg_out *out, lud_error *err) {
    const llama *m = self;
    if (llama_host->cfg->type(m->model) == LUD_CFG_OBJECT) return copy_own(m, out, err);
    writer w = {llama_host->cfg, out, 0};
    lud_cfg_out *list = w.c->set_list(out, "architectures");
    w.failed |= !list || w.c->set_str(list, NULL, lud_text(m->arch->architecture)) != LUD_OK;
    put_str(&w, "model_type", m->arch->model_type);
    put_str(&w, "dtype", "float32");
    put_str(&w, "torch_dtype", "float32");
    put_bool(&w, "tie_word_embeddings", m->tie);
    put_bool(&w, "use_cache", 1);
    write_sizes(m, &w);
    write_rope(m, &w);
    write_window(m, &w);
    write_switches(m, &w);
    write_ids(m, &w);
    return w.failed ? lud_fail(err, LUD_E_NOMEM, "llama: out of memory writing config.json") : LUD_OK;
}
