/* SPDX-License-Identifier: Apache-2.0
 * A model folder of SmolLM2-135M's shape whose values are random: as much work as the real one, nothing to fetch. */
#include "benchmark.h"
#include <formats.h>
#include <stdio.h>
#include <string.h>

enum { LAYERS = 30, WIDTH = 576, KEYS = 192, INNER = 1536, WORDS = 49152, TENSORS = 2 + 9 * LAYERS };

static const char config[] =
    "{\"model_type\": \"llama\", \"hidden_size\": 576, \"intermediate_size\": 1536, \"num_hidden_layers\": 30, "
    "\"num_attention_heads\": 9, \"num_key_value_heads\": 3, \"vocab_size\": 49152, \"max_position_embeddings\": 8192, "
    "\"rms_norm_eps\": 1e-5, \"rope_theta\": 100000, \"tie_word_embeddings\": true, \"hidden_act\": \"silu\"}";
/* Nothing is tokenized, but a model has a tokenizer. */
static const char tokenizer[] = "{\"added_tokens\": [], \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"a\", "
                                "\"max_input_chars_per_word\": 9, \"vocab\": {\"a\": 0}}}";

static const struct {
    const char *name;
    int64_t out, in; /* in 0: a vector of ones */
} layer[] = {
    {"input_layernorm", WIDTH, 0},     {"self_attn.q_proj", WIDTH, WIDTH}, {"self_attn.k_proj", KEYS, WIDTH},
    {"self_attn.v_proj", KEYS, WIDTH}, {"self_attn.o_proj", WIDTH, WIDTH}, {"post_attention_layernorm", WIDTH, 0},
    {"mlp.gate_proj", INNER, WIDTH},   {"mlp.up_proj", INNER, WIDTH},      {"mlp.down_proj", WIDTH, INNER}};

static void describe(ludc_save_tensor *t, char (*names)[64], const float *random, const float *ones) {
    int n = 0;
    snprintf(names[n], sizeof *names, "model.embed_tokens.weight");
    t[n++] = (ludc_save_tensor){.rank = 2, .dim = {WORDS, WIDTH}, .data = random};
    snprintf(names[n], sizeof *names, "model.norm.weight");
    t[n++] = (ludc_save_tensor){.rank = 1, .dim = {WIDTH}, .data = ones};
    for (int l = 0; l < LAYERS; l++) {
        for (size_t i = 0; i < LUDC_COUNT(layer); i++, n++) {
            snprintf(names[n], sizeof *names, "model.layers.%d.%s.weight", l, layer[i].name);
            t[n] = (ludc_save_tensor){.rank = layer[i].in ? 2 : 1, .dim = {layer[i].out, layer[i].in}};
            t[n].data = layer[i].in ? random + l * WIDTH : ones;
        }
    }
    for (n = 0; n < TENSORS; n++)
        t[n].name = names[n], t[n].dtype = LUDC_BF16;
}

static lud_status write_text(const char *dir, const char *name, const char *text, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    lud_status status = path ? ludc_file_write(path, text, strlen(text), err) : LUD_E_NOMEM;
    ludc_free(path);
    return status;
}

lud_status bench_random_model(const char *dir, lud_error *err) {
    const int64_t n = (int64_t)WORDS * WIDTH;
    float *random = ludc_alloc((size_t)n * sizeof *random), ones[WIDTH];
    ludc_save_tensor *tensors = ludc_alloc(TENSORS * sizeof *tensors);
    char(*names)[64] = ludc_alloc(TENSORS * sizeof *names), *path = ludc_path_join(dir, "model.safetensors");
    lud_status status = random && tensors && names && path ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    for (int64_t i = 0; status == LUD_OK && i < n; i++)
        random[i] = 0.1f * (lud_uniform(7, (uint32_t)i) - 0.5f);
    for (int i = 0; i < WIDTH; i++)
        ones[i] = 1.0f;
    if (status == LUD_OK) describe(tensors, names, random, ones);
    if (status == LUD_OK) status = ludc_safetensors_save(path, tensors, TENSORS, err);
    if (status == LUD_OK) status = write_text(dir, "config.json", config, err);
    if (status == LUD_OK) status = write_text(dir, "tokenizer.json", tokenizer, err);
    ludc_free(random);
    ludc_free(tensors);
    ludc_free(names);
    ludc_free(path);
    return status;
}
