/* SPDX-License-Identifier: Apache-2.0
 * model_type ecd: what a user sees for a bad config, word by word, at every level; the defaults of each feature type;
 * and the shapes of config that Ludwig's users write. */
#include <check.h>
#include <config.h>

#define GOOD                                                                                                           \
    "input_features: [{name: x, type: text}]\n"                                                                        \
    "output_features: [{name: y, type: category}]\n"

typedef struct pair {
    const char *text, *want;
} pair;

/* One line below GOOD. */
static const pair lines[] = {
    {"combinr: concat", "c.yaml:3:1: error: unknown key 'combinr' (did you mean 'combiner'?)"},
    {"base_modle: m", "c.yaml:3:1: error: unknown key 'base_modle'"},
    {"combiner: {tpye: concat}", NULL}, /* the combiner's own keys are seen by its plugin only */
    {"combiner: 3", "c.yaml:3:11: error: combiner: must be a string or an object, got 3"},
    {"combiner: {type: 3}", "c.yaml:3:18: error: combiner.type: must be a string, got 3"},
    {"trainer: {epoch: 3}", "c.yaml:3:11: error: trainer: unknown key 'epoch' (did you mean 'epochs'?)"},
    {"trainer: {type: finetune}", "c.yaml:3:11: error: trainer: unknown key 'type'"},
    {"trainer: {encoder_learning_rate: -1}", "c.yaml:3:34: error: trainer.encoder_learning_rate: must be >= 0, got -1"},
    {"trainer: {top_k: 1}", "c.yaml:3:11: error: trainer: unknown key 'top_k' ('top_k' belongs under output_features)"},
    {"trainer: {delta: 1}",
     "c.yaml:3:11: error: trainer: unknown key 'delta' ('delta' belongs under output_features.loss)"},
    {"trainer: {validation_field: x}",
     "c.yaml:3:29: error: trainer.validation_field: 'x' is not an active output, and not combined"},
    {"trainer: {validation_metric: r2}",
     "c.yaml:3:30: error: trainer.validation_metric: 'r2' is no metric of y (category); allowed: accuracy, "
     "accuracy_micro, hits_at_k, roc_auc, loss"},
    {"trainer: {validation_field: combined, validation_metric: accuracy}",
     "c.yaml:3:58: error: trainer.validation_metric: 'accuracy' is no metric of combined (all outputs); allowed: loss"},
    {"trainer: {bucketing_field: x}", "c.yaml:3:11: error: trainer.bucketing_field: known, not available yet"},
    {"trainer: {optimizer: {type: sgd, eps: 1}}",
     "c.yaml:3:34: error: trainer.optimizer.eps: is for type adam or adamw only"},
    {"preprocessing: {split: {type: hash}}", "c.yaml:3:24: error: preprocessing.split: type hash needs 'column'"},
    {"preprocessing: {split: {type: datetime, column: d, probabilities: [1, 0]}}",
     "c.yaml:3:67: error: preprocessing.split.probabilities: must hold 3 numbers, got 2"},
    {"preprocessing: {split: {type: fixed, probabilities: [1, 0, 0]}}",
     "c.yaml:3:38: error: preprocessing.split.probabilities: is for type random, stratify, datetime or hash only"},
    {"preprocessing: {sample_ratio: 0}", "c.yaml:3:31: error: preprocessing.sample_ratio: must be > 0, got 0"},
    {"preprocessing: {sample_ratio: 0.5, sample_size: 10}",
     "c.yaml:3:49: error: preprocessing.sample_size: and sample_ratio are both set; keep one"},
    {"preprocessing: {oversample_minority: 0.5}",
     "c.yaml:3:38: error: preprocessing.oversample_minority: needs one output only, of type binary"},
    {"preprocessing: {oversample_minority: 0.5, undersample_majority: 0.5}",
     "c.yaml:3:38: error: preprocessing.oversample_minority: and undersample_majority are both set; keep one"},
    {"defaults: {text: {encodr: bert}, image: {}, date: {a: 1}, sett: {}}",
     "c.yaml:3:19: error: defaults.text: unknown key 'encodr' (did you mean 'encoder'?)\n"
     "c.yaml:3:45: error: defaults.date: known, not available yet\n"
     "c.yaml:3:59: error: defaults: unknown key 'sett' (did you mean 'set'?)"},
    {"defaults: {category: {preprocessing: {most_common: 0}, loss: {delta: 1}, top_k: 0}}",
     "c.yaml:3:52: error: defaults.category.preprocessing.most_common: must be >= 1, got 0\n"
     "c.yaml:3:63: error: defaults.category.loss: unknown key 'delta' ('delta' belongs under output_features.loss)\n"
     "c.yaml:3:81: error: defaults.category.top_k: must be >= 1, got 0"},
    {"preset: best_quality", "c.yaml:3:1: error: preset: known, not available yet"},
};

/* Features alone: {inputs} or {outputs} take the place of the others. */
static const pair inputs[] = {
    {"{nam: x, type: text}", "c.yaml:1:18: error: input_features.0: missing required key 'name': name\n"
                             "c.yaml:1:19: error: input_features.0: unknown key 'nam' (did you mean 'name'?)"},
    {"{name: x, type: txt}", "c.yaml:1:34: error: input_features.0.type: 'txt' is not an allowed word (did you mean "
                             "'text'?); allowed: text, number, category, binary, set, bag, vector"},
    {"{name: x, type: image, preprocessing: {height: 3}}",
     "c.yaml:1:34: error: input_features.0.type: 'image' is known, not available yet"},
    {"{name: y, type: number}", "c.yaml:2:26: error: output_features.0.name: 'y' is the name of input_features.0 too"},
    {"{name: a, type: number}, {name: a, type: text}",
     "c.yaml:1:50: error: input_features.1.name: 'a' is the name of input_features.0 too"},
    {"{name: x, type: text, active: false}", "c.yaml:1:17: error: input_features: needs at least one active feature"},
    {"{name: x, type: text, decoder: {}}", "c.yaml:1:40: error: input_features.0: unknown key 'decoder' ('decoder' "
                                           "belongs under output_features)"},
    {"{name: x, type: number, preprocessing: {tokenizer: space}}",
     "c.yaml:1:58: error: input_features.0.preprocessing: unknown key 'tokenizer' (it is for features of another "
     "type)"},
    {"{name: x, type: number, preprocessing: {normalisation: zscore}}",
     "c.yaml:1:58: error: input_features.0.preprocessing: unknown key 'normalisation' (did you mean 'normalization'?)"},
    {"{name: x, type: number, preprocessing: {normalization: z}}",
     "c.yaml:1:73: error: input_features.0.preprocessing.normalization: 'z' is not an allowed word; allowed: zscore, "
     "minmax, log1p, iq"},
    {"{name: x, type: category, preprocessing: {missing_value_strategy: fill_with_mean}}",
     "c.yaml:1:84: error: input_features.0.preprocessing.missing_value_strategy: 'fill_with_mean' is not an allowed "
     "word; allowed: fill_with_const, fill_with_mode, bfill, ffill, drop_row"},
    {"{name: x, type: text, preprocessing: {tokenizer: french_lemmatize}}",
     "c.yaml:1:67: error: input_features.0.preprocessing.tokenizer: 'french_lemmatize' is known, not available yet"},
    {"{name: x, type: text, preprocessing: {ngram_size: 3}}",
     "c.yaml:1:56: error: input_features.0.preprocessing.ngram_size: known, not available yet"},
    {"{name: x, type: text, encoder: {type: bert, trainable: maybe}}",
     "c.yaml:1:73: error: input_features.0.encoder.trainable: must be true or false, got 'maybe'"},
    {"{name: x, type: text, encoder: {type: bert, reduce_output: means}}",
     "c.yaml:1:77: error: input_features.0.encoder.reduce_output: 'means' is not an allowed word (did you mean "
     "'mean'?); allowed: sum, mean, avg, max, last, cls, cls_pooled, attention"},
    {"{name: x, type: text, encoder: {type: bert, reduce_output: concat}}",
     "c.yaml:1:77: error: input_features.0.encoder.reduce_output: 'concat' is known, not available yet"},
    {"{name: x, type: text, encoder: {type: bert, quantization: {bits: 4}, pretrained_kwargs: {a: 1}}}",
     "c.yaml:1:62: error: input_features.0.encoder.quantization: known, not available yet\n"
     "c.yaml:1:87: error: input_features.0.encoder.pretrained_kwargs: known, not available yet"},
    {"{name: x, type: text, encoder: {type: llm}}",
     "c.yaml:1:49: error: input_features.0.encoder: type llm needs 'base_model': a model folder, a GGUF file or a hub "
     "id"},
    {"{name: x, type: text, encoder: {type: bert, base_model: m}}",
     "c.yaml:1:74: error: input_features.0.encoder.base_model: is for type llm only"},
    {"{name: x, type: text, encoder: auto_transformer}",
     "c.yaml:1:49: error: input_features.0.encoder: type auto_transformer needs 'pretrained_model_name_or_path'"},
    {"{name: x, type: text, encoder: {type: bert, adapter: {type: lora, rr: 1, dropout: 2, rank_pattern: {q: 0}}}}",
     "c.yaml:1:84: error: input_features.0.encoder.adapter: unknown key 'rr' (did you mean 'r'?)\n"
     "c.yaml:1:100: error: input_features.0.encoder.adapter.dropout: must be <= 0.999, got 2\n"
     "c.yaml:1:117: error: input_features.0.encoder.adapter.rank_pattern: 'q' must be an integer >= 1"},
    {"{name: a, type: text, tied: b}, {name: b, type: number, tied: y}",
     "c.yaml:1:46: error: input_features.0.tied: must be the name of an input of the same type\n"
     "c.yaml:1:80: error: input_features.1.tied: must be the name of another active input"},
    {"{name: a, type: text, tied: a}",
     "c.yaml:1:46: error: input_features.0.tied: must be the name of another active input"},
    {"{name: a, type: bag, tied: b}, {name: b, type: bag, tied: c}, {name: c, type: bag}",
     "c.yaml:1:45: error: input_features.0.tied: must be the name of an input that is not tied itself"},
    {"{name: x, type: vector, preprocessing: {vector_size: 0}}",
     "c.yaml:1:71: error: input_features.0.preprocessing.vector_size: must be >= 1, got 0"},
};

static const pair outputs[] = {
    {"{name: y, type: text}", "c.yaml:2:35: error: output_features.0.type: 'text' is known, not available yet"},
    {"{name: y, type: number, top_k: 2}", "c.yaml:2:43: error: output_features.0.top_k: is for type category only"},
    {"{name: y, type: category, threshold: 0.5}",
     "c.yaml:2:45: error: output_features.0.threshold: is for type binary or set only"},
    {"{name: y, type: category, top_k: 0}", "c.yaml:2:52: error: output_features.0.top_k: must be >= 1, got 0"},
    {"{name: y, type: set, threshold: 1.5}", "c.yaml:2:51: error: output_features.0.threshold: must be <= 1, got 1.5"},
    {"{name: y, type: number, clip: [1]}",
     "c.yaml:2:49: error: output_features.0.clip: must hold 2 numbers, the lowest and the highest prediction"},
    {"{name: y, type: number, clip: [1, -1]}",
     "c.yaml:2:49: error: output_features.0.clip: the lowest prediction is above the highest"},
    {"{name: y, type: number, loss: {type: softmax_cross_entropy}}",
     "c.yaml:2:56: error: output_features.0.loss.type: 'softmax_cross_entropy' is not an allowed word; allowed: "
     "mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, huber"},
    {"{name: y, type: number, loss: {type: root_mean_squared_error}}",
     "c.yaml:2:56: error: output_features.0.loss.type: 'root_mean_squared_error' is known, not available yet"},
    {"{name: y, type: number, loss: {delta: 1}}",
     "c.yaml:2:50: error: output_features.0.loss.delta: is for type huber only"},
    {"{name: y, type: number, loss: {wieght: 1}}",
     "c.yaml:2:50: error: output_features.0.loss: unknown key 'wieght' (did you mean 'weight'?)"},
    {"{name: y, type: number, loss: {type: huber, delta: 0}}",
     "c.yaml:2:70: error: output_features.0.loss.delta: must be > 0, got 0"},
    {"{name: y, type: category, loss: {class_weights: [1, x]}}",
     "c.yaml:2:71: error: output_features.0.loss.class_weights.1: must be a number, got 'x'"},
    {"{name: y, type: category, loss: {class_weights: {a: 1, b: -2}}}",
     "c.yaml:2:67: error: output_features.0.loss.class_weights: every weight must be a number >= 0"},
    {"{name: y, type: category, loss: {robust_lambda: 1, label_smoothing: 1}}",
     "c.yaml:2:52: error: output_features.0.loss.robust_lambda: known, not available yet\n"
     "c.yaml:2:87: error: output_features.0.loss.label_smoothing: must be <= 0.999999999, got 1"},
    {"{name: y, type: binary, decoder: {fc_norm: batch, fc_layers: [{outputsize: 3, activation: rleu}]}}",
     "c.yaml:2:62: error: output_features.0.decoder.fc_norm: 'batch' is known, not available yet\n"
     "c.yaml:2:82: error: output_features.0.decoder.fc_layers.0: unknown key 'outputsize' (did you mean "
     "'output_size'?)\n"
     "c.yaml:2:109: error: output_features.0.decoder.fc_layers.0.activation: 'rleu' is not an allowed word (did you "
     "mean 'relu'?); allowed: relu, gelu, silu, swish, tanh, sigmoid"},
    {"{name: y, type: binary, num_fc_layers: 2}",
     "c.yaml:2:43: error: output_features.0: unknown key 'num_fc_layers' ('num_fc_layers' belongs under "
     "output_features.decoder)"},
    {"{name: y, type: set, default_validation_metric: accuracy}",
     "c.yaml:2:67: error: output_features.0.default_validation_metric: 'accuracy' is not an allowed word; allowed: "
     "jaccard, loss"},
    {"{name: y, type: number, dependencies: [z]}",
     "c.yaml:2:57: error: output_features.0.dependencies: 'z' is not another active output"},
    {"{name: y, type: number, dependencies: [x]}",
     "c.yaml:2:57: error: output_features.0.dependencies: 'x' is not another active output"},
    {"{name: y, type: number, dependencies: [y]}",
     "c.yaml:2:57: error: output_features.0.dependencies: 'y' is not another active output"},
    {"{name: y, type: number, dependencies: [3]}",
     "c.yaml:2:58: error: output_features.0.dependencies.0: must be a string, got 3"},
    {"{name: y, type: number}, {name: a, type: binary, dependencies: [b]}, {name: b, type: set, dependencies: [y, a]}",
     "c.yaml:2:82: error: output_features.1.dependencies: outputs depend on each other in a circle"},
    {"{name: y, type: vector, softmax: true}",
     "c.yaml:2:43: error: output_features.0.softmax: known, not available yet"},
};

/* Drops the indented lines. */
static void without_excerpts(char *text) {
    char *to = text;
    for (char *line = text; *line;) {
        size_t n = strcspn(line, "\n"), all = n + (line[n] == '\n');
        if (strncmp(line, "    ", 4) != 0) {
            memmove(to, line, all);
            to += all;
        }
        line += all;
    }
    *to = 0;
    if (to > text && to[-1] == '\n') to[-1] = 0;
}

static void check_text(const char *text, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    lud_status status = ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err);
    CHECK_INT(status, want ? LUD_E_INVALID : LUD_OK);
    without_excerpts(err.msg);
    if (want) CHECK_TEXT(err.msg, want);
    ludc_config_free(&c);
}

static void test_messages(void) {
    char text[1024];
    for (size_t i = 0; i < LUDC_COUNT(lines); i++) {
        snprintf(text, sizeof text, "%s%s\n", GOOD, lines[i].text);
        check_text(text, lines[i].want);
    }
    for (size_t i = 0; i < LUDC_COUNT(inputs); i++) {
        snprintf(text, sizeof text, "input_features: [%s]\noutput_features: [{name: y, type: category}]\n",
                 inputs[i].text);
        check_text(text, inputs[i].want);
    }
    for (size_t i = 0; i < LUDC_COUNT(outputs); i++) {
        snprintf(text, sizeof text, "input_features: [{name: x, type: text}]\noutput_features: [%s]\n",
                 outputs[i].text);
        check_text(text, outputs[i].want);
    }
    check_text("input_features: 3\noutput_features: [{name: y, type: set}]\n",
               "c.yaml:1:17: error: input_features: must be a list, got 3");
    check_text("model_type: ecd\n", "c.yaml:1:1: error: missing required key 'input_features': columns to predict "
                                    "from, at least one\n"
                                    "c.yaml:1:1: error: missing required key 'output_features': columns to predict, at "
                                    "least one");
}

/* Values at paths of the full tree, as JSON. */
static void check_full(const char *text, const char *path, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    ludc_buf json = {0};
    CHECK_OK(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err), err);
    const ludc_value *v = c.full ? ludc_value_find(c.full, path) : NULL;
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(v ? json.ptr : "absent", want);
    ludc_buf_free(&json);
    ludc_config_free(&c);
}

#define ALL                                                                                                            \
    "input_features:\n- {name: t, type: text}\n- {name: n, type: number}\n- {name: c, type: category}\n"               \
    "- {name: b, type: binary}\n- {name: s, type: set}\n- {name: g, type: bag}\n- {name: v, type: vector}\n"           \
    "output_features:\n- {name: C, type: category}\n- {name: B, type: binary}\n- {name: N, type: number}\n"            \
    "- {name: S, type: set}\n- {name: V, type: vector}\n"

static void test_types(void) {
    static const char *const encoders[] = {"parallel_cnn", "passthrough", "dense", "passthrough",
                                           "embed",        "embed",       "dense"};
    static const char *const decoders[] = {"classifier", "regressor", "regressor", "classifier", "projector"};
    static const char *const losses[] = {"softmax_cross_entropy", "binary_weighted_cross_entropy", "mean_squared_error",
                                         "sigmoid_cross_entropy", "mean_squared_error"};
    static const char *const metrics[] = {"accuracy", "roc_auc", "mean_squared_error", "jaccard", "mean_squared_error"};
    char path[80], want[80];
    for (size_t i = 0; i < LUDC_COUNT(encoders); i++) {
        snprintf(path, sizeof path, "input_features.%zu.encoder.type", i);
        snprintf(want, sizeof want, "\"%s\"", encoders[i]);
        check_full(ALL, path, want);
    }
    for (size_t i = 0; i < LUDC_COUNT(decoders); i++) {
        snprintf(path, sizeof path, "output_features.%zu.decoder.type", i);
        snprintf(want, sizeof want, "\"%s\"", decoders[i]);
        check_full(ALL, path, want);
        snprintf(path, sizeof path, "output_features.%zu.loss.type", i);
        snprintf(want, sizeof want, "\"%s\"", losses[i]);
        check_full(ALL, path, want);
        snprintf(path, sizeof path, "output_features.%zu.default_validation_metric", i);
        snprintf(want, sizeof want, "\"%s\"", metrics[i]);
        check_full(ALL, path, want);
        snprintf(path, sizeof path, "output_features.%zu.preprocessing.missing_value_strategy", i);
        check_full(ALL, path, "\"drop_row\"");
    }
    check_full(ALL, "input_features.1.preprocessing.normalization", "\"zscore\"");
    check_full(ALL, "output_features.2.preprocessing.normalization", "null");
    check_full(ALL, "input_features.3.preprocessing.missing_value_strategy", "\"fill_with_false\"");
    check_full(ALL, "combiner", "{\"type\": \"concat\"}");
    check_full(ALL, "model_type", "\"ecd\"");
}

static void test_trainer(void) {
    check_full(GOOD, "trainer.learning_rate", "0.001");
    check_full(GOOD, "trainer.epochs", "100");
    check_full(GOOD, "trainer.batch_size", "\"auto\"");
    check_full(GOOD, "trainer.eval_batch_size", "null");
    check_full(GOOD, "trainer.effective_batch_size", "\"auto\"");
    check_full(GOOD "trainer: {batch_size: 4}", "trainer.eval_batch_size", "4");
    check_full(GOOD "trainer: {batch_size: 4}", "trainer.effective_batch_size", "4");
    check_full(GOOD "trainer: {batch_size: 4, effective_batch_size: 12}", "trainer.gradient_accumulation_steps", "3");
    check_full(GOOD, "trainer.validation_field", "\"y\"");
    check_full(GOOD, "trainer.validation_metric", "\"accuracy\"");
    check_full(GOOD "trainer: {validation_field: combined}", "trainer.validation_metric", "\"loss\"");
    check_full(GOOD "trainer: {learning_rate: auto}", "trainer.learning_rate", "0.0001");
    check_full(ALL "trainer: {validation_field: S}", "trainer.validation_metric", "\"jaccard\"");
    check_full("input_features: [{name: x, type: number}]\noutput_features: [{name: y, type: set, active: false}, "
               "{name: z, type: set}]\ntrainer: {learning_rate: auto}\n",
               "trainer.validation_field", "\"z\"");
}

#define ENCODER(e)                                                                                                     \
    "input_features: [{name: x, type: text, encoder: " e "}]\noutput_features: [{name: y, type: binary}]\n"            \
    "trainer: {learning_rate: auto}\n"

static void test_encoder(void) {
    check_full(ENCODER("bert"), "input_features.0.encoder.type", "\"bert\"");
    check_full(ENCODER("bert"), "input_features.0.encoder.trainable", "absent");
    check_full(ENCODER("bert"), "input_features.0.encoder.reduce_output", "absent");
    check_full(ENCODER("{type: mine, knob: [1, 2]}"), "input_features.0.encoder.knob", "[1, 2]");
    check_full(ENCODER("{type: bert, adapter: lora}"), "input_features.0.encoder.adapter.alpha", "16");
    check_full(ENCODER("{type: bert, adapter: {type: ours, s: 1}}"), "input_features.0.encoder.adapter.s", "1");
    check_full(ENCODER("{type: bert, pretrained_model_name_or_path: m}"), "trainer.learning_rate", "2e-05");
    check_full(ENCODER("{type: llm, base_model: m, adapter: lora}"), "trainer.learning_rate", "1e-05");
    check_full(ENCODER("{type: bert, pretrained_model_name_or_path: m, trainable: true}"), "trainer.learning_rate",
               "1e-05");
}

static void test_merged(void) {
    const char *text = ALL "- {name: k, type: category, loss: {label_smoothing: 0.2}, top_k: 5}\n"
                           "defaults:\n  text: {preprocessing: {lowercase: true}, encoder: {type: mine, knob: 7}}\n"
                           "  category: {encoder: {type: onehot}, top_k: 2, loss: {weight: 3, label_smoothing: 0.1}, "
                           "preprocessing: {most_common: 9}}\n";
    check_full(text, "defaults", "absent");
    check_full(text, "input_features.0.preprocessing.lowercase", "true");
    check_full(text, "input_features.0.encoder.knob", "7");
    check_full(text, "input_features.2.encoder.type", "\"onehot\"");
    check_full(text, "input_features.2.preprocessing.most_common", "9");
    check_full(text, "input_features.2.loss", "absent");
    check_full(text, "output_features.0.top_k", "2");
    check_full(text, "output_features.0.preprocessing.most_common", "9");
    check_full(text, "output_features.0.encoder", "absent");
    check_full(text, "output_features.5.top_k", "5");
    check_full(text, "output_features.5.loss.weight", "3");
    check_full(text, "output_features.5.loss.label_smoothing", "0.2");
    text = ENCODER("other") "defaults: {text: {encoder: {type: mine, knob: 7}}}";
    check_full(text, "input_features.0.encoder.knob", "absent");
    text = ENCODER("mine") "defaults: {text: {encoder: {type: mine, knob: 7}}}";
    check_full(text, "input_features.0.encoder.knob", "7");
    text = ENCODER("{trainable: true}") "defaults: {text: {encoder: mine}}";
    check_full(text, "input_features.0.encoder.trainable", "true");
}

/* What Ludwig's users write; {name, keys that are not built yet}. */
static const pair whole[] = {
    {"input_features: [{name: r, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: M, "
     "trainable: true, adapter: lora}}]\noutput_features: [{name: s, type: category}]\n"
     "trainer: {batch_size: 4, epochs: 3, gradient_accumulation_steps: 8}\n",
     NULL},
    {"input_features: [{name: d, type: text, encoder: {type: bert, reduce_output: mean, pretrained_model_name_or_path: "
     "E, trainable: false}, preprocessing: {cache_encoder_embeddings: true}}]\n"
     "output_features: [{name: c, type: category}]\ncombiner: {type: concat, num_fc_layers: 2}\n"
     "trainer: {epochs: 30, learning_rate: 0.00002, optimizer: {type: adamw}, batch_size: auto}\n",
     NULL},
    {"input_features: [{name: d, type: text, encoder: {type: bert, pretrained_model_name_or_path: E, trainable: "
     "true}}]\noutput_features: [{name: c, type: category}]\ntrainer: {epochs: 3, learning_rate: 0.00001, "
     "use_mixed_precision: true, learning_rate_scheduler: {decay: linear, warmup_fraction: 0.2}, batch_size: 32}\n",
     NULL},
    {"input_features:\n  - {name: p, type: number, preprocessing: {normalization: log1p, missing_value_strategy: "
     "fill_with_mean}}\n  - {name: b, type: category, encoder: {type: dense, embedding_size: 16}}\n"
     "  - {name: i, type: binary}\noutput_features:\n  - {name: d, type: category, loss: {type: "
     "softmax_cross_entropy, weight: 1.0, class_weights: null}, top_k: 3}\n  - {name: r, type: number, decoder: {type: "
     "regressor, num_fc_layers: 1}, loss: {type: mean_absolute_error, weight: 0.5}, dependencies: [d]}\n"
     "combiner: {type: concat, num_fc_layers: 1, output_size: 128, dropout: 0.1}\npreprocessing: {split: {type: "
     "stratify, column: d, probabilities: [0.8, 0.1, 0.1]}}\ntrainer: {epochs: 10, early_stop: 3, validation_field: "
     "d, validation_metric: accuracy, batch_size: 64}\n",
     NULL},
    {"input_features: [{name: t, type: text, encoder: {type: llm, base_model: M, adapter: {type: lora, r: 8, dropout: "
     "0.1}, quantization: {bits: 4}}}]\noutput_features: [{name: c, type: category}]\ntrainer: {epochs: 3, optimizer: "
     "{type: paged_adam}, learning_rate: 0.0002, batch_size: 8}\n",
     "c.yaml:1:119: error: input_features.0.encoder.quantization: known, not available yet\n"
     "c.yaml:3:40: error: trainer.optimizer.type: 'paged_adam' is known, not available yet"},
    {"input_features: [{name: t, type: text, preprocessing: {max_sequence_length: 64, tokenizer: space_punct, "
     "lowercase: true}, encoder: {type: parallel_cnn, embedding_size: 64}}]\noutput_features:\n  - {name: g, type: "
     "set, threshold: 0.4}\n  - {name: u, type: binary, loss: {type: binary_weighted_cross_entropy, "
     "positive_class_weight: 3.0}, calibration: true}\npreprocessing: {sample_ratio: 0.8, split: {type: hash, column: "
     "t}}\n",
     NULL},
};

/* The full tree is a config again, and means the same. */
static void check_stable(const char *text) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_config a = {0}, b = {0};
    ludc_buf json = {0};
    CHECK_OK(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &a, &err), err);
    CHECK_INT(ludc_value_to_json(a.full, 1, &json), LUD_OK);
    CHECK_OK(ludc_config_parse(json.ptr, json.len, "c.json", NULL, 0, &b, &err), err);
    CHECK(b.full && ludc_value_equal(a.full, b.full));
    ludc_buf_free(&json);
    ludc_config_free(&a);
    ludc_config_free(&b);
}

static void test_whole(void) {
    for (size_t i = 0; i < LUDC_COUNT(whole); i++) {
        check_text(whole[i].text, whole[i].want);
        if (!whole[i].want) check_stable(whole[i].text);
    }
    check_stable(ALL);
}

/* Every allocation fails once: an error, no leak (the sanitizer build sees those). */
static void test_no_memory(void) {
    const char *text = "input_features: [{name: x, type: text, encoder: {adapter: lora}, tied: q}]\n"
                       "output_features: [{name: y, type: set, dependencies: [y]}]\n"
                       "defaults: {text: {encoder: {type: a, b: 1}}, set: {loss: {weight: 2}}}\n";
    for (int64_t n = 0; n < 20000; n += n < 300 ? 1 : 23) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_config c = {0};
        ludc_alloc_fail_after(n, true);
        lud_status status = ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_E_NOMEM || status == LUD_E_INVALID);
        if (status == LUD_E_INVALID) return;
    }
    CHECK(false); /* never enough memory */
}

int main(void) {
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    test_messages();
    test_types();
    test_trainer();
    test_encoder();
    test_merged();
    test_whole();
    test_no_memory();
    return check_done();
}
