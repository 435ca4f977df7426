/* SPDX-License-Identifier: Apache-2.0
 * Where parameters lie in files, and which modules adapters wrap by default. Parameters carry the names of
 * transformers, so that "hf" files need no mapping; GGUF names come from the table below. */
#include "llama.h"

#include <stdlib.h>

typedef struct pair {
    const char *hf, *gguf;
} pair;

static const pair outside[] = {
    {"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}};
static const pair common[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},      {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},      {"self_attn.o_proj", "attn_output"}, {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"}, {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},       {"mlp.gate_up_proj", "ffn_up"},
};
static const pair plain_norms[] = {{"post_attention_layernorm", "ffn_norm"}};
static const pair sandwich_norms[] = {{"post_attention_layernorm", "post_attention_norm"},
                                      {"pre_feedforward_layernorm", "ffn_norm"},
                                      {"post_feedforward_layernorm", "post_ffw_norm"}};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *find(const pair *pairs, size_t n, const char *module, size_t len) {
    for (size_t i = 0; i < n; i++) {
        if (strlen(pairs[i].hf) == len && memcmp(pairs[i].hf, module, len) == 0) return pairs[i].gguf;
    }
    return NULL;
}

static const char *find_in_layer(const llama *m, const char *module, size_t len) {
    const char *name = find(common, COUNT(common), module, len);
    if (name) return name;
    if (m->arch->flags & ARCH_SANDWICH) return find(sandwich_norms, COUNT(sandwich_norms), module, len);
    return find(plain_norms, COUNT(plain_norms), module, len);
}

/* "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight"; false if the name is none of ours. */
static int gguf_name(const llama *m, const char *param, char *out, size_t cap) {
    static const char prefix[] = "model.layers.";
    const char *suffix = strrchr(param, '.'), *name;
    int n = -1;
    if (!suffix) return 0;
    if (strncmp(param, prefix, sizeof prefix - 1) != 0) {
        name = find(outside, COUNT(outside), param, (size_t)(suffix - param));
        if (name) n = snprintf(out, cap, "%s%s", name, suffix);
    } else {
        char *end = NULL;
        long layer = strtol(param + sizeof prefix - 1, &end, 10);
        if (!end || *end != '.' || end + 1 >= suffix) return 0;
        name = find_in_layer(m, end + 1, (size_t)(suffix - end - 1));
        if (name) n = snprintf(out, cap, "blk.%ld.%s%s", layer, name, suffix);
    }
    return n > 0 && (size_t)n < cap;
}

static lud_status give(lud_status (*sink)(void *, const lud_source *), void *arg, int32_t op, const char *name,
                       int64_t a) {
    lud_source s = {.struct_size = sizeof s, .op = op, .file_name = name, .a = a};
    return sink(arg, &s);
}

/* Heads of the rows of this parameter that the GGUF converter interleaved, 0 = none. */
static int64_t permuted_heads(const llama *m, const char *param) {
    if (!(m->arch->flags & ARCH_GGUF_PERMUTED)) return 0;
    if (strstr(param, ".self_attn.q_proj.")) return m->heads;
    return strstr(param, ".self_attn.k_proj.") ? m->kv_heads : 0;
}

static int is_norm(const char *param) {
    size_t n = strlen(param);
    return (n >= 11 && strcmp(param + n - 11, "norm.weight") == 0);
}

static lud_status gguf_sources(const llama *m, const char *param, lud_status (*sink)(void *, const lud_source *),
                               void *arg, lud_error *err) {
    char name[128];
    if (!gguf_name(m, param, name, sizeof name)) {
        return lud_fail(err, LUD_E_NOT_FOUND, "llama: no GGUF tensor is known for the parameter '%s'", param);
    }
    lud_status status = give(sink, arg, LUD_SOURCE_COPY, name, 0);
    int64_t heads = permuted_heads(m, param);
    if (status == LUD_OK && heads) status = give(sink, arg, LUD_SOURCE_ROPE_ROWS, NULL, heads);
    if (status == LUD_OK && (m->arch->flags & ARCH_NORM_OFFSET) && is_norm(param)) {
        status = give(sink, arg, LUD_SOURCE_ADD, NULL, -1);
    }
    return status;
}

lud_status llama_sources(void *self, const char *scheme, const char *param,
                         lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err) {
    const llama *m = self;
    if (m->tie && strcmp(param, "lm_head.weight") == 0) param = "model.embed_tokens.weight";
    if (strcmp(scheme, "gguf") == 0) return gguf_sources(m, param, sink, arg, err);
    if (strcmp(scheme, "hf") == 0) return give(sink, arg, LUD_SOURCE_COPY, param, 0);
    return lud_fail(err, LUD_E_UNSUPPORTED, "llama: files of the scheme '%s' are not known", scheme);
}

lud_status llama_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                         lud_error *err) {
    const llama *m = self;
    const char *const *list = strcmp(peft_type, "IA3") == 0 ? m->arch->ia3_targets : m->arch->lora_targets;
    if (!list) {
        return lud_fail(err, LUD_E_NOT_FOUND, "%s has no default target modules for %s: set adapter.target_modules",
                        m->arch->model_type, peft_type);
    }
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && list[i]; i++)
        status = sink(arg, list[i]);
    return status;
}
