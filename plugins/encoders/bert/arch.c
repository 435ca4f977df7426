/* SPDX-License-Identifier: Apache-2.0
 * The table of differences: one row per member of the family, with the defaults of keys that a config may leave out
 * (configuration_<type>.py of transformers 5.23). The only place that knows an architecture or a module by name. */
#include "bert.h"

#define COMMON_KEYS                                                                                                    \
    .ffn = "intermediate_size", .act = "hidden_act", .eps = "layer_norm_eps", .drop_embed = "hidden_dropout_prob",     \
    .drop_attn = "hidden_dropout_prob"
static const keys common_keys = {COMMON_KEYS, .drop_ffn = "hidden_dropout_prob"};
static const keys albert_keys = {COMMON_KEYS};
static const keys distilbert_keys = {.width = "dim",
                                     .layers = "n_layers",
                                     .heads = "n_heads",
                                     .ffn = "hidden_dim",
                                     .act = "activation",
                                     .drop_embed = "dropout",
                                     .drop_ffn = "dropout"};
static const keys modernbert_keys = {.ffn = "intermediate_size",
                                     .act = "hidden_activation",
                                     .eps = "norm_eps",
                                     .drop_embed = "embedding_dropout",
                                     .drop_attn = "attention_dropout",
                                     .drop_ffn = "mlp_dropout"};

static const names bert_names = {.words = "embeddings.word_embeddings",
                                 .positions = "embeddings.position_embeddings",
                                 .types = "embeddings.token_type_embeddings",
                                 .embed_norm = "embeddings.LayerNorm",
                                 .pooler = "pooler.dense",
                                 .layers = "encoder.layer",
                                 .query = "attention.self.query",
                                 .key = "attention.self.key",
                                 .value = "attention.self.value",
                                 .attn_out = "attention.output.dense",
                                 .attn_norm = "attention.output.LayerNorm",
                                 .up = "intermediate.dense",
                                 .down = "output.dense",
                                 .ffn_norm = "output.LayerNorm"};
static const names electra_names = {.words = "embeddings.word_embeddings",
                                    .positions = "embeddings.position_embeddings",
                                    .types = "embeddings.token_type_embeddings",
                                    .embed_norm = "embeddings.LayerNorm",
                                    .project = "embeddings_project",
                                    .layers = "encoder.layer",
                                    .query = "attention.self.query",
                                    .key = "attention.self.key",
                                    .value = "attention.self.value",
                                    .attn_out = "attention.output.dense",
                                    .attn_norm = "attention.output.LayerNorm",
                                    .up = "intermediate.dense",
                                    .down = "output.dense",
                                    .ffn_norm = "output.LayerNorm"};
static const names albert_names = {.words = "embeddings.word_embeddings",
                                   .positions = "embeddings.position_embeddings",
                                   .types = "embeddings.token_type_embeddings",
                                   .embed_norm = "embeddings.LayerNorm",
                                   .project = "encoder.embedding_hidden_mapping_in",
                                   .pooler = "pooler",
                                   .layers = "encoder.albert_layer_groups",
                                   .inner = "albert_layers",
                                   .query = "attention.query",
                                   .key = "attention.key",
                                   .value = "attention.value",
                                   .attn_out = "attention.dense",
                                   .attn_norm = "attention.LayerNorm",
                                   .up = "ffn",
                                   .down = "ffn_output",
                                   .ffn_norm = "full_layer_layer_norm"};
static const names distilbert_names = {.words = "embeddings.word_embeddings",
                                       .positions = "embeddings.position_embeddings",
                                       .embed_norm = "embeddings.LayerNorm",
                                       .layers = "transformer.layer",
                                       .query = "attention.q_lin",
                                       .key = "attention.k_lin",
                                       .value = "attention.v_lin",
                                       .attn_out = "attention.out_lin",
                                       .attn_norm = "sa_layer_norm",
                                       .up = "ffn.lin1",
                                       .down = "ffn.lin2",
                                       .ffn_norm = "output_layer_norm"};
static const names modernbert_names = {.words = "embeddings.tok_embeddings",
                                       .embed_norm = "embeddings.norm",
                                       .final_norm = "final_norm",
                                       .layers = "layers",
                                       .qkv = "attn.Wqkv",
                                       .attn_out = "attn.Wo",
                                       .attn_norm = "attn_norm",
                                       .up = "mlp.Wi",
                                       .down = "mlp.Wo",
                                       .ffn_norm = "mlp_norm"};

static const char *const query_value[] = {"query", "value", NULL};
static const char *const key_value_dense[] = {"key", "value", "output.dense", NULL};
static const char *const all_dense[] = {"query", "key", "value", "dense", NULL};

#define COMMON  .keys = &common_keys, .act = "gelu", .eps = 1e-12, .dropout = 0.1, .max_positions = 512
#define ROBERTA COMMON, .prefix = "roberta.", .flags = ARCH_POSITIONS_AFTER_PAD, .names = &bert_names

static const arch table[] = {
    {.model_type = "bert",
     COMMON,
     .prefix = "bert.",
     .names = &bert_names,
     .lora_targets = query_value,
     .ia3_targets = key_value_dense},
    {.model_type = "roberta",
     ROBERTA,
     .lora_targets = query_value,
     .ia3_targets = key_value_dense,
     .adalora_targets = all_dense},
    {.model_type = "xlm-roberta", ROBERTA, .lora_targets = query_value},
    {.model_type = "camembert", ROBERTA},
    {.model_type = "electra", COMMON, .prefix = "electra.", .names = &electra_names, .lora_targets = query_value},
    {.model_type = "albert",
     .prefix = "albert.",
     .flags = ARCH_PROJECT_ALWAYS,
     .keys = &albert_keys,
     .names = &albert_names,
     .act = "gelu_new",
     .eps = 1e-12,
     .max_positions = 512},
    {.model_type = "distilbert",
     .prefix = "distilbert.",
     .keys = &distilbert_keys,
     .names = &distilbert_names,
     .act = "gelu",
     .eps = 1e-12,
     .dropout = 0.1,
     .max_positions = 512},
    {.model_type = "modernbert",
     .prefix = "model.",
     .flags = ARCH_ROPE | ARCH_PRE_NORM | ARCH_GATED | ARCH_BIAS_KEYS,
     .keys = &modernbert_keys,
     .names = &modernbert_names,
     .act = "gelu",
     .eps = 1e-5,
     .max_positions = 8192},
};
enum { N_ROWS = sizeof table / sizeof table[0] };

const char *const arch_words[] = {"bert",   "roberta",    "xlm-roberta", "camembert", "electra",
                                  "albert", "distilbert", "modernbert",  NULL};

const arch *arch_of(lud_str model_type) {
    for (size_t i = 0; i < N_ROWS; i++) {
        if (lud_str_is(model_type, table[i].model_type)) return &table[i];
    }
    return NULL;
}
