/* SPDX-License-Identifier: Apache-2.0
 * The table of differences: one row per member of the family, with the defaults of keys that a config may leave out
 * (configuration_<type>.py of transformers 5.23). The only place that knows an architecture or a module by name. */
#include "gpt.h"

static const char *const c_attn[] = {"c_attn", NULL};
static const char *const c_attn_c_proj[] = {"c_attn", "mlp.c_proj", NULL};
static const char *const qkv[] = {"query_key_value", NULL};
static const char *const qkv_down[] = {"query_key_value", "dense_4h_to_h", NULL};
static const char *const qkv_mlp_down[] = {"query_key_value", "mlp.dense_4h_to_h", NULL};
static const char *const q_v[] = {"q_proj", "v_proj", NULL};
static const char *const q_k_fc2[] = {"q_proj", "k_proj", "fc2", NULL};
static const char *const q_v_fc2[] = {"q_proj", "v_proj", "fc2", NULL};
static const char *const q_v_fc1_fc2[] = {"q_proj", "v_proj", "fc1", "fc2", NULL};
static const char *const opt_all[] = {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", NULL};

static const arch table[] = {
    {.model_type = "gpt2",
     .flags = ARCH_TRANSPOSED | ARCH_SCALE_KEYS,
     .keys = {.width = "n_embd",
              .layers = "n_layer",
              .heads = "n_head",
              .ffn = "n_inner",
              .act = "activation_function",
              .eps = "layer_norm_epsilon",
              .positions = "n_positions"},
     .names = {.root = "transformer.",
               .words = "transformer.wte",
               .positions = "transformer.wpe",
               .final_norm = "transformer.ln_f",
               .layers = "transformer.h",
               .qkv = "attn.c_attn",
               .attn_out = "attn.c_proj",
               .attn_norm = "ln_1",
               .up = "mlp.c_fc",
               .down = "mlp.c_proj",
               .ffn_norm = "ln_2"},
     .act = "gelu_new",
     .max_positions = 1024,
     .tie = 1,
     .lora_targets = c_attn,
     .ia3_targets = c_attn_c_proj},
    {.model_type = "gpt_neox",
     .flags = ARCH_QKV_BY_HEAD | ARCH_ROPE | ARCH_PARALLEL_KEY,
     .keys = {.ffn = "intermediate_size",
              .act = "hidden_act",
              .eps = "layer_norm_eps",
              .theta = "rotary_emb_base",
              .rotary_part = "rotary_pct"},
     .names = {.root = "gpt_neox.",
               .words = "gpt_neox.embed_in",
               .final_norm = "gpt_neox.final_layer_norm",
               .head_file = "embed_out",
               .layers = "gpt_neox.layers",
               .qkv = "attention.query_key_value",
               .attn_out = "attention.dense",
               .attn_norm = "input_layernorm",
               .up = "mlp.dense_h_to_4h",
               .down = "mlp.dense_4h_to_h",
               .ffn_norm = "post_attention_layernorm"},
     .act = "gelu",
     .max_positions = 2048,
     .rotary_part = 0.25,
     .lora_targets = qkv,
     .ia3_targets = qkv_down},
    {.model_type = "opt",
     .flags = ARCH_OPT_KEYS,
     .keys = {.ffn = "ffn_dim", .act = "activation_function"},
     .names = {.root = "model.",
               .words = "model.decoder.embed_tokens",
               .positions = "model.decoder.embed_positions",
               .project_in = "model.decoder.project_in",
               .project_out = "model.decoder.project_out",
               .final_norm = "model.decoder.final_layer_norm",
               .layers = "model.decoder.layers",
               .query = "self_attn.q_proj",
               .key = "self_attn.k_proj",
               .value = "self_attn.v_proj",
               .attn_out = "self_attn.out_proj",
               .attn_norm = "self_attn_layer_norm",
               .up = "fc1",
               .down = "fc2",
               .ffn_norm = "final_layer_norm"},
     .act = "relu",
     .max_positions = 2048,
     .first_position = 2,
     .tie = 1,
     .lora_targets = q_v,
     .ia3_targets = q_k_fc2,
     .adalora_targets = opt_all},
    /* Any length would do; 2048 is what the models were trained with. */
    {.model_type = "bloom",
     .flags = ARCH_QKV_BY_HEAD | ARCH_ALIBI | ARCH_RESIDUAL_KEY,
     .keys = {.width = "n_embed",
              .layers = "n_layer",
              .heads = "n_head",
              .eps = "layer_norm_epsilon",
              .positions = "seq_length"},
     .names = {.root = "transformer.",
               .words = "transformer.word_embeddings",
               .embed_norm = "transformer.word_embeddings_layernorm",
               .final_norm = "transformer.ln_f",
               .layers = "transformer.h",
               .qkv = "self_attention.query_key_value",
               .attn_out = "self_attention.dense",
               .attn_norm = "input_layernorm",
               .up = "mlp.dense_h_to_4h",
               .down = "mlp.dense_4h_to_h",
               .ffn_norm = "post_attention_layernorm"},
     .act = "gelu_new",
     .max_positions = 2048,
     .tie = 1,
     .lora_targets = qkv,
     .ia3_targets = qkv_mlp_down},
    {.model_type = "phi",
     .flags = ARCH_ROPE | ARCH_PARALLEL | ARCH_HEAD_BIAS | ARCH_QK_NORM_KEY,
     .keys = {.ffn = "intermediate_size", .act = "hidden_act", .eps = "layer_norm_eps"},
     .names = {.root = "model.",
               .words = "model.embed_tokens",
               .final_norm = "model.final_layernorm",
               .layers = "model.layers",
               .query = "self_attn.q_proj",
               .key = "self_attn.k_proj",
               .value = "self_attn.v_proj",
               .query_norm = "self_attn.q_layernorm",
               .key_norm = "self_attn.k_layernorm",
               .attn_out = "self_attn.dense",
               .attn_norm = "input_layernorm",
               .up = "mlp.fc1",
               .down = "mlp.fc2"},
     .act = "gelu_new",
     .max_positions = 2048,
     .rotary_part = 0.5,
     .lora_targets = q_v_fc1_fc2,
     .ia3_targets = q_v_fc2},
};
enum { N_ROWS = sizeof table / sizeof table[0] };

const char *const arch_words[] = {"gpt2", "gpt_neox", "opt", "bloom", "phi", NULL};

const arch *arch_of(lud_str model_type) {
    for (size_t i = 0; i < N_ROWS; i++) {
        if (lud_str_is(model_type, table[i].model_type)) return &table[i];
    }
    return NULL;
}
