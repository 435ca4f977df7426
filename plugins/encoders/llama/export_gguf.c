/* SPDX-License-Identifier: Apache-2.0
 * The metadata that llama.cpp reads a model of the family by. What a GGUF cannot say is refused, never approximated; a
 * sliding window that llama.cpp does not know shortens the context instead, because rows within it do not feel it. */
#include "llama.h"

typedef struct keys {
    const llama *m;
    lud_cfg_out *out;
    int failed;
} keys;

static const char *key_of(const keys *k, const char *name, char text[128]) {
    (void)snprintf(text, 128, "%s.%s", k->m->arch->gguf, name);
    return text;
}

static void put_int(keys *k, const char *name, int64_t v) {
    char key[128];
    k->failed |= llama_host->cfg->set_int(k->out, key_of(k, name, key), v) != LUD_OK;
}

static void put_float(keys *k, const char *name, double v) {
    char key[128];
    k->failed |= llama_host->cfg->set_float(k->out, key_of(k, name, key), v) != LUD_OK;
}

lud_status llama_gguf_no_place(const llama *m, const char *what, lud_error *err) {
    return lud_fail(err, LUD_E_UNSUPPORTED,
                    "a GGUF of the architecture '%s' cannot say %s of this %s; export it as merged instead",
                    m->arch->gguf, what, m->arch->model_type);
}

/* llama.cpp knows which layers go without rope: every fourth. */
static int no_rope_fits(const llama *m) {
    for (int64_t i = 0; i < m->layers; i++) {
        int wanted = (m->arch->flags & ARCH_NO_ROPE_LAYERS) && (i + 1) % 4 == 0;
        if (wanted != ((m->layer_flags[i] & LAYER_NO_ROPE) != 0)) return 0;
    }
    return 1;
}

static lud_status check(const llama *m, lud_error *err) {
    const arch *a = m->arch;
    llama usual = {.arch = a};
    lud_status status = llama_read_act(&usual, lud_text(a->act), err);
    if (status != LUD_OK) return status;
    if (m->act != usual.act) return llama_gguf_no_place(m, "the activation function", err);
    if (!no_rope_fits(m)) return llama_gguf_no_place(m, "which layers have no rope", err);
    if ((a->flags & ARCH_QUERY_SCALAR) && m->query_scalar != llama_gguf_query_scalar(m))
        return llama_gguf_no_place(m, "query_pre_attn_scalar", err);
    if ((a->attn_softcap != 0.0 && m->attn_softcap == 0.0f) || (a->final_softcap != 0.0 && m->final_softcap == 0.0f))
        return llama_gguf_no_place(m, "that there is no soft cap", err);
    return LUD_OK;
}

/* The period p by which every layer slides but each p-th; 0: there is none that the reader takes. */
static int64_t window_period(const llama *m) {
    int64_t last = m->arch->flags & ARCH_ROPE_BY_TYPE ? m->layers + 1 : 0;
    for (int64_t p = m->arch->window_period, tried = 0; tried <= last; p = ++tried) {
        int64_t i = 0;
        while (p > 0 && i < m->layers && ((m->layer_flags[i] & LAYER_SLIDING) != 0) == ((i + 1) % p != 0))
            i++;
        if (p > 0 && i == m->layers) return p;
    }
    return 0;
}

static lud_status put_window(keys *k, lud_error *err) {
    const llama *m = k->m;
    int64_t context = m->max_positions;
    if (m->arch->flags & ARCH_WINDOW_PERIOD) {
        int64_t period = m->window > 0 ? window_period(m) : m->arch->window_period;
        if (period == 0) return llama_gguf_no_place(m, "which layers slide", err);
        put_int(k, "attention.sliding_window", m->window > 0 ? m->window : context);
        if (period != m->arch->window_period) put_int(k, "attention.sliding_window_pattern", period);
    } else {
        for (int64_t i = 0; i < m->layers; i++) {
            if ((m->layer_flags[i] & LAYER_SLIDING) && m->window < context) context = m->window;
        }
    }
    if (context < m->max_positions) {
        llama_host->log(llama_host->ctx, LUD_LOG_WARN,
                        "GGUF: its reader knows no sliding window here: the context length is the window's");
    }
    put_int(k, "context_length", context);
    return LUD_OK;
}

static void put_sizes(keys *k) {
    const llama *m = k->m;
    put_int(k, "vocab_size", m->vocab);
    put_int(k, "embedding_length", m->width);
    put_int(k, "block_count", m->layers);
    put_int(k, "feed_forward_length", m->ffn);
    put_int(k, "attention.head_count", m->heads);
    put_int(k, "attention.head_count_kv", m->kv_heads);
    put_int(k, "attention.key_length", m->head_dim);
    put_int(k, "attention.value_length", m->head_dim);
    put_float(k, "attention.layer_norm_rms_epsilon", (double)m->eps);
}

lud_status llama_gguf_config(void *self, lud_cfg_out *out, lud_error *err) {
    const llama *m = self;
    keys k = {m, out, 0};
    lud_status status = check(m, err);
    if (status != LUD_OK) return status;
    k.failed = llama_host->cfg->set_str(out, "general.architecture", lud_text(m->arch->gguf)) != LUD_OK;
    put_sizes(&k);
    status = llama_gguf_put_rope(m, out, err);
    if (status == LUD_OK) status = put_window(&k, err);
    if (m->attn_softcap != 0.0f) put_float(&k, "attn_logit_softcapping", (double)m->attn_softcap);
    if (m->final_softcap != 0.0f) put_float(&k, "final_logit_softcapping", (double)m->final_softcap);
    if (status != LUD_OK) return status;
    return k.failed ? lud_fail(err, LUD_E_NOMEM, "llama: out of memory writing GGUF metadata") : LUD_OK;
}
