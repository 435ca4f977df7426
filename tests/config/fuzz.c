/* SPDX-License-Identifier: Apache-2.0
 * Mutated configs, from a fixed seed: no crash, and success or a message. */
#include <check.h>
#include <config.h>

static const char *const seeds[] = {
    "{\"model_type\": \"llm\", \"base_model\": \"m\", \"input_features\": [{\"name\": \"x\", \"type\": \"text\"}], "
    "\"output_features\": [{\"name\": \"y\", \"type\": \"text\"}], \"adapter\": {\"type\": \"lora\", \"r\": 8}, "
    "\"trainer\": {\"type\": \"finetune\", \"optimizer\": {\"betas\": [0.9, 0.99]}, \"epochs\": 1e2}}",
    "model_type: llm\nbase_model: &m 'a'\ninput_features:\n  - name: x\n    type: text\noutput_features: [{name: y, "
    "type: text, preprocessing: {max_sequence_length: 0x10}}]\nprompt:\n  template: |\n    {x:.2f} {{a}} {__task__}\n"
    "  task: *m\ntrainer: {type: finetune, batch_size: auto, learning_rate: 1e-5}\npreprocessing: {split: {type: "
    "fixed, column: s}}\nadapter: !!str lora\n",
    "input_features: [{name: x, type: text, tied: z, encoder: {type: bert, adapter: {type: lora, rank_pattern: {q: "
    "1}}}, "
    "preprocessing: {cache_encoder_embeddings: true}}, {name: z, type: number}]\noutput_features: [{name: y, type: "
    "set, "
    "dependencies: [w]}, {name: w, type: number, clip: [0, 1], loss: huber, dependencies: [y]}]\ndefaults: {text: "
    "{encoder: bert}, set: {loss: {class_weights: {a: 1}}}}\ntrainer: {validation_field: w}\n",
};
static const char schema[] =
    "{\"properties\": {\"a\": {\"type\": [\"integer\", \"null\"], \"minimum\": 1, \"default\": 2}, \"b\": {\"enum\": "
    "[\"x\", null]}, \"c\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {\"d\": {}}}}}}";
static const char bytes[] = "{}[]:,\"'\\&*!|>-#\n\t 0123456789.eE+_\0\xFF\xC3\xA9~?%@`";
static const char *const sets[] = {"trainer.epochs=3", "adapter.r={a: 1}"};

static size_t mutate(char *text, size_t n, size_t cap, uint64_t key) {
    uint64_t times = 1 + lud_mix64(key) % 6;
    for (uint64_t t = 0; t < times; t++) {
        uint64_t r = lud_mix64(key + 1 + t);
        size_t at = n ? (size_t)(r >> 8) % n : 0, len = 1 + (size_t)(r >> 40) % 12;
        if (r % 4 == 0 && n) {
            text[at] = bytes[(r >> 32) % (sizeof bytes - 1)];
        } else if (r % 4 == 1 && at + len <= n) {
            memmove(text + at, text + at + len, n - at - len);
            n -= len;
        } else if (r % 4 == 2 && n + len <= cap && at + len <= n) {
            memmove(text + at + len, text + at, n - at);
            n += len;
        } else if (n + 1 <= cap) {
            memmove(text + at + 1, text + at, n - at);
            text[at] = bytes[(r >> 32) % (sizeof bytes - 1)];
            n++;
        }
    }
    return n;
}

static bool run(const char *seed, uint64_t i) {
    enum { CAP = 2048 };
    size_t n = strlen(seed);
    char *text = malloc(CAP); /* of its own, so that a read past the end is seen */
    if (!text || n > CAP) abort();
    memcpy(text, seed, n);
    n = mutate(text, n, CAP, i * 1000003);
    char *exact = malloc(n + !n);
    if (!exact) abort();
    memcpy(exact, text, n);
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    lud_status status = ludc_config_parse(exact, n, i % 3 ? "<config>" : "c.json", sets, i % 5 == 0 ? 2 : 0, &c, &err);
    bool ok = status == LUD_OK ? c.full != NULL : status == LUD_E_INVALID && err.msg[0];
    ludc_config_free(&c);
    free(exact);
    free(text);
    return ok;
}

/* A plugin's schema is read, or it is the plugin's mistake. */
static bool run_schema(uint64_t i) {
    char text[1024] = "";
    memcpy(text, schema, sizeof schema);
    text[mutate(text, sizeof schema - 1, sizeof text - 1, i * 1000033)] = 0;
    lud_component c = {.kind = LUD_KIND_COMBINER, .config_name = "mine", .config_schema = text};
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = ludc_component_check(NULL, &c, &err);
    return status == LUD_OK || (status == LUD_E_ABI && err.msg[0]);
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    const char *times = getenv("LUDWIG_FUZZ_RUNS");
    uint64_t n = times ? strtoull(times, NULL, 10) : 4000;
    for (uint64_t i = 0; i < n; i++)
        CHECK(run(seeds[i % LUDC_COUNT(seeds)], i) && run_schema(i));
    return check_done();
}
