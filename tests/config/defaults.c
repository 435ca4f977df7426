/* SPDX-License-Identifier: Apache-2.0
 * The full tree: defaults, words resolved, shorthands, overrides; filling it again changes nothing. */
#include <check.h>
#include <config.h>

#define GOOD                                                                                                           \
    "model_type: llm\nbase_model: m\ninput_features: [{name: x, type: text}]\n"                                        \
    "output_features: [{name: y, type: text}]\n"

static lud_status parse(const char *text, const char *const *sets, size_t n, ludc_config *c, lud_error *err) {
    *c = (ludc_config){0};
    *err = LUDC_ERROR_INIT;
    return ludc_config_parse(text, strlen(text), "c.yaml", sets, n, c, err);
}

/* The value at `path` of the full tree, as JSON. */
static void check_full(const char *text, const char *path, const char *want) {
    lud_error err;
    ludc_config c;
    ludc_buf json = {0};
    CHECK_OK(parse(text, NULL, 0, &c, &err), err);
    const ludc_value *v = c.full ? ludc_value_find(c.full, path) : NULL;
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(v ? json.ptr : "absent", want);
    ludc_buf_free(&json);
    ludc_config_free(&c);
}

static void test_defaults(void) {
    check_full(GOOD, "trainer.type", "\"none\"");
    check_full(GOOD, "trainer.learning_rate", "0.0002");
    check_full(GOOD, "trainer.epochs", "3");
    check_full(GOOD, "trainer.batch_size", "1");
    check_full(GOOD, "trainer.eval_batch_size", "2");
    check_full(GOOD, "trainer.gradient_accumulation_steps", "1");
    check_full(GOOD, "trainer.effective_batch_size", "1");
    check_full(GOOD, "trainer.optimizer.betas", "[0.9, 0.999]");
    check_full(GOOD, "trainer.optimizer.momentum", "absent");
    check_full(GOOD, "trainer.gradient_clipping.clipglobalnorm", "0.5");
    check_full(GOOD, "trainer.validation_field", "\"y\"");
    check_full(GOOD, "input_features.0.column", "\"x\"");
    check_full(GOOD, "preprocessing.split", "{\"type\": \"random\", \"probabilities\": [0.7, 0.1, 0.2]}");
    check_full(GOOD, "adapter", "null");
    check_full(GOOD, "generation.max_new_tokens", "null");
    check_full(GOOD, "backend.device", "\"auto\"");
    check_full(GOOD, "random_seed", "42");
    check_full(GOOD "trainer:\n", "trainer.epochs", "3");
}

static void test_resolved(void) {
    check_full(GOOD "trainer: {batch_size: auto, effective_batch_size: 8}", "trainer.gradient_accumulation_steps", "8");
    check_full(GOOD "trainer: {batch_size: 4, gradient_accumulation_steps: 2}", "trainer.effective_batch_size", "8");
    check_full(GOOD "trainer: {eval_batch_size: null}", "trainer.eval_batch_size", "2");
    check_full(GOOD "trainer: {optimizer: sgd}", "trainer.optimizer.momentum", "0.0");
    check_full(GOOD "trainer: {should_shuffle: no}", "trainer.should_shuffle", "false");
    check_full(GOOD "trainer: {type: finetune}\nadapter: lora", "adapter.r", "8");
    check_full(GOOD "trainer: {type: finetune}\nadapter: {type: lora, r: 4}", "adapter.alpha", "8");
    check_full(GOOD, "output_features.0.decoder.type", "\"text_extractor\"");
    check_full("model_type: llm\nbase_model: m\ninput_features: [{name: x, type: text}]\n"
               "output_features: [{name: y, type: text, decoder: {type: somebody's, smoothing: 0.5}}]\n",
               "output_features.0.decoder", "{\"type\": \"somebody's\", \"smoothing\": 0.5}");
    check_full(GOOD "trainer: {type: finetune}\nadapter: {type: mine, knobs: {a: 1}}", "adapter",
               "{\"type\": \"mine\", \"pretrained_adapter_weights\": null, \"postprocessor\": "
               "{\"merge_adapter_into_base_model\": false, \"progressbar\": false}, \"knobs\": {\"a\": 1}}");
    check_full(GOOD "preprocessing: {global_max_sequence_length: 64}", "generation.max_new_tokens", "64");
    check_full(GOOD "preprocessing: {global_max_sequence_length: 16}", "generation.max_new_tokens", "32");
    check_full(GOOD "preprocessing: {split: {type: fixed}}", "preprocessing.split",
               "{\"type\": \"fixed\", \"column\": \"split\"}");
    check_full(GOOD "prompt: {task: sum}", "prompt.template",
               "\"SAMPLE INPUT: {__sample__}\\n\\nUSER: Complete the following task: {__task__}\\n\\nASSISTANT:\\n\"");
    check_full(GOOD "hyperopt: null\nquantization: null\ngeneration: {num_beams: 1, typical_p: 1}",
               "generation.num_beams", "1");
}

static void check_set(const char *set, const char *path, const char *want) {
    lud_error err;
    ludc_config c;
    ludc_buf json = {0};
    CHECK_OK(parse(GOOD "adapter: lora\ntrainer: {type: finetune}\n", &set, 1, &c, &err), err);
    const ludc_value *v = c.full ? ludc_value_find(c.full, path) : NULL;
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(v ? json.ptr : "absent", want);
    CHECK(!v || v->line >= 0);
    ludc_buf_free(&json);
    ludc_config_free(&c);
}

static void check_bad_set(const char *set, const char *want) {
    lud_error err;
    ludc_config c;
    CHECK_INT(parse(GOOD, &set, 1, &c, &err), LUD_E_INVALID);
    CHECK_TEXT(err.msg, want);
}

static void test_sets(void) {
    check_set("trainer.epochs=7", "trainer.epochs", "7");
    check_set("trainer.learning_rate=1e-5", "trainer.learning_rate", "1e-05");
    check_set("adapter.r=16", "adapter.alpha", "32");
    check_set("adapter=null", "adapter", "null");
    check_set("adapter=", "adapter", "null");
    check_set("adapter.target_modules=[q_proj, v_proj]", "adapter.target_modules", "[\"q_proj\", \"v_proj\"]");
    check_set("generation={top_k: 3}", "generation.top_k", "3");
    check_set("trainer.learning_rate_scheduler.decay=cosine", "trainer.learning_rate_scheduler.decay", "\"cosine\"");
    check_set("input_features.0.column=text", "input_features.0.column", "\"text\"");
    check_set("base_model=a=b", "base_model", "\"a=b\"");
    check_bad_set("trainer.epochs", "--set trainer.epochs: want KEY.PATH=VALUE, such as trainer.epochs=3");
    check_bad_set("=3", "--set =3: want KEY.PATH=VALUE, such as trainer.epochs=3");
    check_bad_set("input_features.3.name=x", "--set input_features.3.name=x: there is no such place in the config");
    check_bad_set("trainer.epochs=0", "--set trainer.epochs=0: error: trainer.epochs: must be >= 1, got 0");
    check_bad_set("trainer.epoch=1",
                  "--set trainer.epoch=1: error: trainer: unknown key 'epoch' (did you mean 'epochs'?)");
}

/* render_config of a rendered config is the same config. */
static void check_stable(const char *text) {
    lud_error err;
    ludc_config a, b;
    ludc_buf json = {0};
    CHECK_OK(parse(text, NULL, 0, &a, &err), err);
    CHECK_INT(ludc_value_to_json(a.full, 1, &json), LUD_OK);
    CHECK_OK(parse(json.ptr, NULL, 0, &b, &err), err);
    CHECK(b.full && ludc_value_equal(a.full, b.full));
    ludc_buf_free(&json);
    ludc_config_free(&a);
    ludc_config_free(&b);
}

static void test_stable(void) {
    check_stable(GOOD);
    check_stable(GOOD "trainer: {type: finetune, batch_size: auto, effective_batch_size: 16, optimizer: sgd}\n"
                      "adapter: {type: lora, r: 4, rank_pattern: {q_proj: 2}}\nprompt: {task: sum}\nbackend: local\n");
    check_stable(GOOD "trainer: {type: finetune}\nadapter: {type: mine, knob: 3}\n"
                      "preprocessing: {split: {type: stratify, column: y}, global_max_sequence_length: 77}\n");
}

/* Every allocation fails once: an error, no leak (the sanitizer build sees those). */
static void test_no_memory(void) {
    const char *text = GOOD "trainer: {type: finetune, epochs: 0}\nadapter: lora\n", *set = "trainer.epochs=1";
    for (int64_t n = 0; n < 20000; n += n < 400 ? 1 : 17) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_config c = {0};
        ludc_alloc_fail_after(n, true);
        lud_status status = ludc_config_parse(text, strlen(text), "c.yaml", &set, 1, &c, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status != LUD_OK || c.full);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM || status == LUD_E_INVALID);
        ludc_config_free(&c);
        if (status == LUD_OK) return;
    }
    CHECK(false); /* never enough memory */
}

int main(void) {
    test_defaults();
    test_resolved();
    test_sets();
    test_stable();
    test_no_memory();
    return check_done();
}
