/* SPDX-License-Identifier: Apache-2.0
 * gguf_pre: what the names in tokenizer.ggml.pre mean, as pre-tokenizers of tokenizer.json. The regexes are those that
 * llama.cpp runs for the name; it applies a list of them one after the other, each isolating its matches. A name is
 * listed only if its regexes are known here: a guess would give other ids than the model was trained with. */
#include "gguf.h"

#define BYTES(regex) "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" regex "}"
#define SPLIT(regex)                                                                                                   \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define SEQUENCE(stages) "{\"type\":\"Sequence\",\"pretokenizers\":[" stages "]}"
#define DIGITS           "{\"type\":\"Digits\",\"individual_digits\":true}"

#define GPT2_REGEX "'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+"
#define LLAMA3_REGEX(digits)                                                                                           \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" digits                                     \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

static const ludc_gguf_pre gpt2 = {.json = BYTES("true")};
static const ludc_gguf_pre smollm = {.json = SEQUENCE(DIGITS "," BYTES("true"))};
static const ludc_gguf_pre llama3 = {
    .json = SEQUENCE(SPLIT(LLAMA3_REGEX("\\\\p{N}{1,3}")) "," BYTES("false")), .ignore_merges = true, .add_bos = true};
static const ludc_gguf_pre dbrx = {.json = SEQUENCE(SPLIT(LLAMA3_REGEX("\\\\p{N}{1,3}")) "," BYTES("false"))};
static const ludc_gguf_pre qwen2 = {.json = SEQUENCE(SPLIT(LLAMA3_REGEX("\\\\p{N}")) "," BYTES("false"))};
static const ludc_gguf_pre plain = {
    .json = SEQUENCE(SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|]+") "," SPLIT(GPT2_REGEX) "," SPLIT(
        "\\\\p{N}+") "," SPLIT("[0-9][0-9][0-9]") "," BYTES("false"))};
static const ludc_gguf_pre falcon = {.json = SEQUENCE(SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|`]+") "," SPLIT(
                                         GPT2_REGEX) "," SPLIT("[0-9][0-9][0-9]") "," BYTES("false"))};

const ludc_gguf_pre *ludc_gguf_pre_find(lud_str name) {
    static const struct {
        const char *name;
        const ludc_gguf_pre *pre;
    } known[] = {{"default", &plain},    {"gpt-2", &gpt2},       {"gpt2", &gpt2},         {"phi-2", &gpt2},
                 {"mpt", &gpt2},         {"olmo", &gpt2},        {"jais", &gpt2},         {"trillion", &gpt2},
                 {"jina-es", &gpt2},     {"jina-de", &gpt2},     {"jina-v2-es", &gpt2},   {"jina-v2-de", &gpt2},
                 {"smollm", &smollm},    {"starcoder", &smollm}, {"refact", &smollm},     {"command-r", &smollm},
                 {"codeshell", &smollm}, {"exaone", &smollm},    {"minerva-7b", &smollm}, {"llama3", &llama3},
                 {"llama-v3", &llama3},  {"llama-bpe", &llama3}, {"dbrx", &dbrx},         {"smaug-bpe", &dbrx},
                 {"qwen2", &qwen2},      {"stablelm2", &qwen2},  {"hunyuan", &qwen2},     {"deepseek-r1-qwen", &qwen2},
                 {"falcon", &falcon}};
    for (size_t k = 0; k < LUDC_COUNT(known); k++)
        if (ludc_str_eq(name, known[k].name)) return known[k].pre;
    return NULL;
}
