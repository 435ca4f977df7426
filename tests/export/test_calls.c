/* SPDX-License-Identifier: Apache-2.0
 * lud_model_export as a program calls it: every format of a trained run, what it says to wrong words, and that nothing
 * is left behind where it fails. */
#include "check.h"
#include "golden.h"

#include <ludwig/ludwig.h>
#include <stdio.h>
#include <unistd.h>

static const char language[] = "model_type: llm\nbase_model: '%s'\n"
                               "input_features: [{name: question, type: text}]\n"
                               "output_features: [{name: answer, type: text}]\n"
                               "adapter: %s\n"
                               "trainer: {type: finetune, train_steps: 3, batch_size: 4, learning_rate: 0.05, "
                               "skip_all_evaluation: true}\n";
static const char predictive[] = "input_features:\n"
                                 "  - {name: question, type: text, encoder: {type: auto_transformer, "
                                 "pretrained_model_name_or_path: '%s', trainable: true, adapter: %s}}\n"
                                 "output_features: [{name: answer, type: category}]\n"
                                 "trainer: {epochs: 1, batch_size: 4, learning_rate: 0.01}\n";
static const char tabular[] = "input_features: [{name: question, type: category}]\n"
                              "output_features: [{name: answer, type: category}]\n"
                              "trainer: {epochs: 1, batch_size: 4}\n# %s %s\n";

static golden g;
static char *temp;
static lud_session *session;

static char *in(const char *name) {
    return ludc_path_join(temp, name);
}

static lud_model *trained(const char *form, const char *base, const char *adapter, const char *name) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    lud_model *m = NULL, *loaded = NULL;
    static lud_train_result result = {.struct_size = sizeof result};
    char *data = in("data.csv");
    ludc_buf_addf(&text, form, base, adapter);
    const lud_config_source source = {.struct_size = sizeof source, .text = text.ptr};
    const lud_train_opts opts = {.struct_size = sizeof opts,
                                 .data = {.struct_size = sizeof opts.data, .training_set = data},
                                 .output_directory = temp,
                                 .model_name = name};
    CHECK_OK(lud_model_create(session, &source, &m, &err), err);
    if (m) CHECK_OK(lud_model_train(m, &opts, &result, &err), err);
    lud_model_free(m);
    CHECK_OK(lud_model_load(session, result.run_dir, &loaded, &err), err);
    ludc_buf_free(&text);
    ludc_free(data);
    return loaded;
}

static void call(lud_model *m, const char *format, const char *type, const char *name, lud_status want,
                 const char *word) {
    lud_error err = LUDC_ERROR_INIT;
    char *out = in(name);
    const lud_export_opts opts = {.struct_size = sizeof opts, .format = format, .output = out, .type = type};
    const lud_status got = lud_model_export(m, &opts, &err);
    ludc_buf left = {0};
    if (got != want) fprintf(stderr, "%s %s: %s\n", format, name, err.msg);
    CHECK_INT(got, want);
    CHECK(!word || strstr(err.msg, word));
    CHECK(got != LUD_OK || ludc_path_exists(out));
    for (int k = 0; k < 2; k++) {
        ludc_buf_clear(&left);
        ludc_buf_addf(&left, "%s.partial%s", out, k ? ".gguf" : "");
        CHECK(!ludc_path_exists(left.ptr));
    }
    ludc_buf_free(&left);
    ludc_free(out);
}

static void of_language(const char *base) {
    lud_model *m = trained(language, base, "{type: lora, r: 4}", "lora");
    call(m, "peft", NULL, "peft", LUD_OK, NULL);
    call(m, "merged", NULL, "merged", LUD_OK, NULL);
    call(m, "Merged", "bf16", "deep/er/merged", LUD_OK, NULL);
    call(m, "gguf", NULL, "f16.gguf", LUD_OK, NULL);
    call(m, "gguf", "q8_0", "new/q8.gguf", LUD_OK, NULL);
    call(m, "gguf", "Q4_0", "q4.gguf", LUD_OK, NULL);
    call(m, "gguf_adapter", NULL, "adapter.gguf", LUD_OK, NULL);
    call(m, "gguf", NULL, "f16.gguf", LUD_E_IO, "exists already");
    call(m, "onnx", NULL, "x", LUD_E_INVALID, "peft, merged, gguf, gguf_adapter");
    call(m, NULL, NULL, "x", LUD_E_INVALID, "format");
    call(m, "gguf", "Q4_K", "x", LUD_E_INVALID, "Q8_0, Q4_0");
    call(m, "merged", "Q4_0", "x", LUD_E_INVALID, "merged is not written as Q4_0");
    call(m, "peft", "F16", "x", LUD_E_INVALID, "peft is not written as F16");
    call(m, "merged", NULL, "", LUD_E_IO, "exists already");
    lud_model_free(m);
    m = trained(language, base, "null", "full");
    call(m, "merged", NULL, "full", LUD_OK, NULL);
    call(m, "gguf", "F32", "full.gguf", LUD_OK, NULL);
    call(m, "peft", NULL, "x", LUD_E_INVALID, "no adapter");
    call(m, "gguf_adapter", NULL, "x", LUD_E_INVALID, "no adapter");
    lud_model_free(m);
}

/* adapter.postprocessor: the run itself holds merged weights, and is a model without an adapter from then on. */
static void of_merged_run(const char *base) {
    lud_model *m =
        trained(language, base, "{type: lora, r: 4, postprocessor: {merge_adapter_into_base_model: true}}", "merged");
    char *weights = in("experiment_merged/model/model_weights/model.safetensors");
    CHECK(ludc_path_exists(weights));
    ludc_free(weights);
    call(m, "gguf", "F32", "merged_run.gguf", LUD_OK, NULL);
    call(m, "peft", NULL, "x", LUD_E_INVALID, "no adapter");
    lud_model_free(m);
}

static void of_predictive(const char *base) {
    lud_model *m = trained(predictive, base, "{type: lora, r: 4, target_modules: [query, value]}", "encoder");
    call(m, "peft", NULL, "encoder_peft", LUD_OK, NULL);
    call(m, "merged", NULL, "encoder", LUD_OK, NULL);
    call(m, "gguf", NULL, "x", LUD_E_UNSUPPORTED, "peft or merged");
    lud_model_free(m);
    m = trained(tabular, "", "", "tabular");
    call(m, "merged", NULL, "x", LUD_E_INVALID, "no encoder");
    lud_model_free(m);
}

static void ignore_log(void *arg, int32_t level, const char *text) {
    (void)arg, (void)level, (void)text;
}

int main(void) {
    static const lud_events events = {.struct_size = sizeof events, .log = ignore_log};
    static const char rows[] =
        "question,answer\none,yes\ntwo,no\nthree,yes\nfour,no\nfive,yes\nsix,no\nseven,yes\neight,no\n";
    const char *binary = getenv("LUDWIG_TEST_BINARY_DIR"), *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    lud_error err = LUDC_ERROR_INIT;
    golden_init(&g);
    temp = golden_temp_dir();
    char *data = in("data.csv"), *plugins = ludc_path_join(binary ? binary : ".", "lib/ludwig/plugins-1");
    char *llama = golden_path(&g, "tiny", "llama"),
         *electra = ludc_path_join(source ? source : ".", "tests/golden/data/encoders/electra");
    const char *paths[] = {plugins};
    const lud_session_opts opts = {
        .struct_size = sizeof opts, .plugin_paths = paths, .n_plugin_paths = 1, .threads = 2, .events = &events};
    CHECK_OK(ludc_file_write(data, rows, sizeof rows - 1, &err), err);
    CHECK_OK(lud_session_open(&opts, &session, &err), err);
    of_language(llama);
    of_merged_run(llama);
    of_predictive(electra);
    lud_session_close(session);
    (void)ludc_dir_remove(temp, NULL);
    ludc_free(temp), ludc_free(data), ludc_free(plugins), ludc_free(llama), ludc_free(electra);
    golden_free(&g);
    return check_done();
}
