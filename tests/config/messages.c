/* SPDX-License-Identifier: Apache-2.0
 * What a user sees for a bad config, word by word. A case of `lines` is one line below a good config; a case of `whole`
 * is all of the text. Excerpts of the source are left out of the comparison but for test_excerpt. */
#include <check.h>
#include <config.h>

#define GOOD                                                                                                           \
    "model_type: llm\nbase_model: m\ninput_features: [{name: x, type: text}]\n"                                        \
    "output_features: [{name: y, type: text}]\n"

typedef struct bad {
    const char *text, *want;
} bad;

static const bad lines[] = {
    {"triner: {type: finetune}", "c.yaml:5:1: error: unknown section 'triner' (did you mean 'trainer'?)"},
    {"trainer: {batch_sise: 2}", "c.yaml:5:11: error: trainer: unknown key 'batch_sise' (did you mean 'batch_size'?)"},
    {"training: {type: finetune}", "c.yaml:5:1: error: unknown section 'training' (it is called 'trainer')"},
    {"r: 8", "c.yaml:5:1: error: unknown key 'r' ('r' belongs under adapter)"},
    {"epochs: 3", "c.yaml:5:1: error: unknown key 'epochs' ('epochs' belongs under trainer)"},
    {"warmup_fraction: 0.1", "c.yaml:5:1: error: unknown key 'warmup_fraction' ('warmup_fraction' belongs under "
                             "trainer.learning_rate_scheduler)"},
    {"zzz: 1", "c.yaml:5:1: error: unknown key 'zzz'"},
    {"trainer: {epochs: three}", "c.yaml:5:19: error: trainer.epochs: must be an integer, got 'three'"},
    {"trainer: {epochs: 1.5}", "c.yaml:5:19: error: trainer.epochs: must be an integer, got 1.5"},
    {"trainer: {epochs: 0}", "c.yaml:5:19: error: trainer.epochs: must be >= 1, got 0"},
    {"trainer: {epochs: 99999999999}", "c.yaml:5:19: error: trainer.epochs: must be <= 2147483647, got 99999999999"},
    {"trainer: {learning_rate: -1}", "c.yaml:5:26: error: trainer.learning_rate: must be >= 0, got -1"},
    {"trainer: {learning_rate: auto}", "c.yaml:5:26: error: trainer.learning_rate: 'auto' is known, not available yet"},
    {"trainer: {learning_rate: fast}",
     "c.yaml:5:26: error: trainer.learning_rate: 'fast' is not an allowed word and no number"},
    {"trainer: {learning_rate: .nan}", "c.yaml:5:26: error: a config holds finite numbers only, got .nan"},
    {"trainer: {type: finetun}", "c.yaml:5:17: error: trainer.type: 'finetun' is not an allowed word (did you mean "
                                 "'finetune'?); allowed: none, finetune"},
    {"trainer: {type: dpo}", "c.yaml:5:17: error: trainer.type: 'dpo' is known, not available yet"},
    {"trainer: {batch_size: automatic}",
     "c.yaml:5:23: error: trainer.batch_size: 'automatic' is not an allowed word and no number; allowed: auto"},
    {"trainer: {batch_size: 2, effective_batch_size: 5}",
     "c.yaml:5:48: error: trainer.effective_batch_size: is 5, but batch_size * gradient_accumulation_steps is 2 * 2"},
    {"trainer: {batch_size: 2, gradient_accumulation_steps: 2, effective_batch_size: 8}",
     "c.yaml:5:80: error: trainer.effective_batch_size: is 8, but batch_size * gradient_accumulation_steps is 2 * 2"},
    {"trainer: {optimizer: {type: paged_adam}}",
     "c.yaml:5:29: error: trainer.optimizer.type: 'paged_adam' is known, not available yet"},
    {"trainer: {optimizer: {type: adamm}}", "c.yaml:5:29: error: trainer.optimizer.type: 'adamm' is not an allowed "
                                            "word (did you mean 'adam'?); allowed: adam, adamw, sgd"},
    {"trainer: {optimizer: {type: sgd, betas: [0.9, 0.9]}}",
     "c.yaml:5:34: error: trainer.optimizer.betas: is for type adam or adamw only"},
    {"trainer: {optimizer: {momentum: 0.9}}", "c.yaml:5:23: error: trainer.optimizer.momentum: is for type sgd only"},
    {"trainer: {optimizer: {type: sgd, nesterov: true}}",
     "c.yaml:5:44: error: trainer.optimizer.nesterov: needs momentum > 0"},
    {"trainer: {optimizer: {betas: [0.9]}}", "c.yaml:5:30: error: trainer.optimizer.betas: must hold 2 numbers, got 1"},
    {"trainer: {optimizer: {betas: [0.9, 1.0]}}",
     "c.yaml:5:36: error: trainer.optimizer.betas.1: must be <= 0.999999999, got 1"},
    {"trainer: {optimizer: {betas: [0.9, x]}}",
     "c.yaml:5:36: error: trainer.optimizer.betas.1: must be a number, got 'x'"},
    {"trainer: {optimizer: {lr: 1}}",
     "c.yaml:5:23: error: trainer.optimizer: unknown key 'lr' (it is called 'trainer.learning_rate')"},
    {"trainer: {optimizer: 7}", "c.yaml:5:22: error: trainer.optimizer: must be a string or an object, got 7"},
    {"trainer: {optimizer: lion}", "c.yaml:5:22: error: trainer.optimizer: 'lion' is known, not available yet"},
    {"trainer: {optimizer: {eps: 0}}", "c.yaml:5:28: error: trainer.optimizer.eps: must be > 0, got 0"},
    {"trainer: {gradient_clipping: {clipvalue: 0}}",
     "c.yaml:5:42: error: trainer.gradient_clipping.clipvalue: must be > 0, got 0"},
    {"trainer: {gradient_clipping: {clipvalue: [1.0]}}",
     "c.yaml:5:42: error: trainer.gradient_clipping.clipvalue: must be a number or null, got a list of 1"},
    {"trainer: {gradient_clipping: 1.0}", "c.yaml:5:30: error: trainer.gradient_clipping: must be an object, got 1"},
    {"trainer: {learning_rate_scheduler: {decay: cosin}}",
     "c.yaml:5:44: error: trainer.learning_rate_scheduler.decay: 'cosin' is not an allowed word (did you mean "
     "'cosine'?); allowed: linear, exponential, cosine"},
    {"trainer: {learning_rate_scheduler: {decay: wsd}}",
     "c.yaml:5:44: error: trainer.learning_rate_scheduler.decay: 'wsd' is known, not available yet"},
    {"trainer: {learning_rate_scheduler: {warmup_fraction: 1.5}}",
     "c.yaml:5:54: error: trainer.learning_rate_scheduler.warmup_fraction: must be <= 1, got 1.5"},
    {"trainer: {learning_rate_scheduler: {warmup_fraction: 0.1, warmup_evaluations: 1}}",
     "c.yaml:5:79: error: trainer.learning_rate_scheduler.warmup_evaluations: and warmup_fraction are both set; keep "
     "one"},
    {"trainer: {steps_per_checkpoint: 10, checkpoints_per_epoch: 2}",
     "c.yaml:5:60: error: trainer.checkpoints_per_epoch: and steps_per_checkpoint are both set; keep one"},
    {"trainer: {should_shuffle: maybe}",
     "c.yaml:5:27: error: trainer.should_shuffle: must be true or false, got 'maybe'"},
    {"trainer: {should_shuffle: 1}", "c.yaml:5:27: error: trainer.should_shuffle: must be true or false, got 1"},
    {"trainer: {validation_field: other}",
     "c.yaml:5:29: error: trainer.validation_field: 'other' is not an output feature; allowed: y, combined"},
    {"trainer: {validation_metric: bleu}",
     "c.yaml:5:30: error: trainer.validation_metric: 'bleu' is known, not available yet"},
    {"trainer: {use_mixed_precision: true}",
     "c.yaml:5:11: error: trainer.use_mixed_precision: known, not available yet"},
    {"trainer: [1, 2]", "c.yaml:5:10: error: trainer: must be an object, got a list of 2"},
    {"trainer: finetune", "c.yaml:5:10: error: trainer: must be an object, got 'finetune'"},
    {"adapter: {r: 8}",
     "c.yaml:5:10: error: adapter: missing required key 'type': lora, or the name of another adapter plugin\n"
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights"},
    {"adapter: lora",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights"},
    {"adapter: {type: lora, r: 0}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:26: error: adapter.r: must be >= 1, got 0"},
    {"adapter: {type: lora, alhpa: 16}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:23: error: adapter: unknown key 'alhpa' (did you mean 'alpha'?)"},
    {"adapter: {type: lora, lora_alpha: 16}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:23: error: adapter: unknown key 'lora_alpha' (it is called 'alpha')"},
    {"adapter: {type: lora, dropout: 1}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:32: error: adapter.dropout: must be <= 0.999, got 1"},
    {"adapter: {type: lora, bias_type: some}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:34: error: adapter.bias_type: 'some' is not an allowed word; allowed: none, all, lora_only"},
    {"adapter: {type: lora, use_dora: true}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:23: error: adapter.use_dora: known, not available yet"},
    {"adapter: {type: lora, init_lora_weights: pissa}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:42: error: adapter.init_lora_weights: 'pissa' is known, not available yet"},
    {"adapter: {type: lora, target_modules: [q_proj, 3]}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:48: error: adapter.target_modules.1: must be a string, got 3"},
    {"adapter: {type: lora, rank_pattern: {q_proj: x}}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:37: error: adapter.rank_pattern: 'q_proj' must be an integer >= 1"},
    {"adapter: {type: lora, postprocessor: {merge: true}}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:39: error: adapter.postprocessor: unknown key 'merge'"},
    {"adapter: {type: ia3, postprocessor: {progresbar: true}}",
     "c.yaml:5:10: error: adapter: needs trainer.type finetune (it is none), or adapter.pretrained_adapter_weights\n"
     "c.yaml:5:38: error: adapter.postprocessor: unknown key 'progresbar' (did you mean 'progressbar'?)"},
    {"quantization: {bits: 4}", "c.yaml:5:1: error: quantization: known, not available yet"},
    {"model_parameters: {neftune_noise_alpha: 5}",
     "c.yaml:5:20: error: model_parameters.neftune_noise_alpha: known, not available yet"},
    {"model_parameters: {rope_scaling: {rope_type: linear, factor: 2}}",
     "c.yaml:5:20: error: model_parameters.rope_scaling: known, not available yet"},
    {"hyperopt: {goal: minimize}", "c.yaml:5:1: error: hyperopt: known, not available yet"},
    {"generation: {max_new_tokens: 0}", "c.yaml:5:30: error: generation.max_new_tokens: must be >= 1, got 0"},
    {"generation: {max_new_tokens: 8, min_new_tokens: 9}",
     "c.yaml:5:49: error: generation.min_new_tokens: is 9, more than max_new_tokens (8)"},
    {"generation: {top_p: 0}", "c.yaml:5:21: error: generation.top_p: must be > 0, got 0"},
    {"generation: {top_p: 1.1}", "c.yaml:5:21: error: generation.top_p: must be <= 1, got 1.1"},
    {"generation: {temperature: hot}", "c.yaml:5:27: error: generation.temperature: must be a number, got 'hot'"},
    {"generation: {num_beams: 4}", "c.yaml:5:14: error: generation.num_beams: known, not available yet"},
    {"generation: {top_kk: 4}", "c.yaml:5:14: error: generation: unknown key 'top_kk' (did you mean 'top_k'?)"},
    {"prompt: {template: \"no column\"}",
     "c.yaml:5:20: error: prompt.template: must name at least one column as {column}, or {__sample__}"},
    {"prompt: {template: \"{x} {y}\"}",
     "c.yaml:5:20: error: prompt.template: must not name the output column, that is the answer"},
    {"prompt: {template: \"{x} {__task__}\"}",
     "c.yaml:5:20: error: prompt.template: names {__task__}, but prompt.task is not set"},
    {"prompt: {template: \"{x}\", task: sum}",
     "c.yaml:5:20: error: prompt.template: prompt.task is set, so {__task__} must be in it"},
    {"prompt: {template: \"{x} {__context__}\"}",
     "c.yaml:5:20: error: prompt.template: names {__context__}, but prompt.retrieval.type is not set"},
    {"prompt: {template: \"{x\"}",
     "c.yaml:5:20: error: prompt.template: unbalanced '{' or '}'; write {column} for a column, {{ and }} for braces"},
    {"prompt: {template: \"a } {x}\"}",
     "c.yaml:5:20: error: prompt.template: unbalanced '{' or '}'; write {column} for a column, {{ and }} for braces"},
    {"prompt: {template: \"{} {x}\"}",
     "c.yaml:5:20: error: prompt.template: unbalanced '{' or '}'; write {column} for a column, {{ and }} for braces"},
    {"prompt: {template: 3}", "c.yaml:5:20: error: prompt.template: must be a string or null, got 3"},
    {"prompt: {retrieval: {type: random, k: 3}}",
     "c.yaml:5:21: error: prompt.retrieval: needs prompt.template or prompt.task"},
    {"prompt: {task: t, retrieval: {type: random}}",
     "c.yaml:5:30: error: prompt.retrieval: needs 'k', the number of examples, >= 1"},
    {"prompt: {template: \"{x}\", retrieval: {type: random, k: 1}}",
     "c.yaml:5:20: error: prompt.template: prompt.retrieval is set, so {__context__} must be in it"},
    {"prompt: {task: t, retrieval: {type: semantic, k: 3, model_name: m}}",
     "c.yaml:5:37: error: prompt.retrieval.type: 'semantic' is known, not available yet\n"
     "c.yaml:5:53: error: prompt.retrieval.model_name: known, not available yet"},
    {"preprocessing: {split: {type: hash}}",
     "c.yaml:5:31: error: preprocessing.split.type: 'hash' is known, not available yet"},
    {"preprocessing: {split: {type: randm}}", "c.yaml:5:31: error: preprocessing.split.type: 'randm' is not an allowed "
                                              "word (did you mean 'random'?); allowed: random, fixed, stratify"},
    {"preprocessing: {split: {probabilities: [0.5, 0.5]}}",
     "c.yaml:5:40: error: preprocessing.split.probabilities: must hold 3 numbers, got 2"},
    {"preprocessing: {split: {probabilities: [0, 0.5, 0.5]}}",
     "c.yaml:5:40: error: preprocessing.split.probabilities: the share of training rows must be > 0"},
    {"preprocessing: {split: {probabilities: [0.5, -1, 0.5]}}",
     "c.yaml:5:46: error: preprocessing.split.probabilities.1: must be >= 0, got -1"},
    {"preprocessing: {split: {probabilities: 0.5}}",
     "c.yaml:5:40: error: preprocessing.split.probabilities: must be a list, got 0.5"},
    {"preprocessing: {split: {type: stratify}}",
     "c.yaml:5:24: error: preprocessing.split: type stratify needs 'column'"},
    {"preprocessing: {split: {type: fixed, probabilities: [1, 0, 0]}}",
     "c.yaml:5:38: error: preprocessing.split.probabilities: is for type random or stratify only"},
    {"preprocessing: {split: {column: y}}",
     "c.yaml:5:25: error: preprocessing.split.column: is for type fixed or stratify only"},
    {"preprocessing: {split_probabilities: [0.7, 0.1, 0.2]}",
     "c.yaml:5:17: error: preprocessing: unknown key 'split_probabilities' (it is called 'split.probabilities')"},
    {"preprocessing: {sample_ratio: 0.5}", "c.yaml:5:17: error: preprocessing.sample_ratio: known, not available yet"},
    {"preprocessing: {global_max_sequence_length: 1}",
     "c.yaml:5:45: error: preprocessing.global_max_sequence_length: must be >= 2, got 1"},
    {"backend: {type: ray}", "c.yaml:5:17: error: backend.type: 'ray' is known, not available yet"},
    {"backend: ray", "c.yaml:5:10: error: backend: 'ray' is known, not available yet"},
    {"backend: {precision: fp16}", "c.yaml:5:22: error: backend.precision: 'fp16' is known, not available yet"},
    {"backend: {device: 3}", "c.yaml:5:19: error: backend.device: must be a string, got 3"},
    {"random_seed: -1", "c.yaml:5:14: error: random_seed: must be >= 0, got -1"},
    {"random_seed: 1e3", "c.yaml:5:14: error: random_seed: must be an integer, got 1000"},
    {"ludwig_version: 0.10", "c.yaml:5:17: error: ludwig_version: must be a string or null, got 0.1"},
    {"base_modle: x", "c.yaml:5:1: error: unknown key 'base_modle' (did you mean 'base_model'?)"},
    {"\"\": 1", "c.yaml:5:1: error: unknown key ''"},
};

static const bad whole[] = {
    {"", "c.yaml:1:1: error: the text holds no value"},
    {"model_type: llm\n",
     "c.yaml:1:1: error: missing required key 'base_model': a model folder, a GGUF file or a hub id\n"
     "c.yaml:1:1: error: missing required key 'input_features': exactly one, of type text\n"
     "c.yaml:1:1: error: missing required key 'output_features': exactly one, of type text or category"},
    {"model_type: ecd\n"
     "input_features: []\n"
     "output_features: []\n",
     "c.yaml:2:17: error: input_features: needs at least one feature\n"
     "c.yaml:3:18: error: output_features: needs at least one feature"},
    {"[1]\n", "c.yaml: error: a config must be an object (key: value ...)"},
    {"model_type: lm\n"
     "base_model: m\n",
     "c.yaml:1:1: error: missing required key 'input_features': exactly one, of type text\n"
     "c.yaml:1:1: error: missing required key 'output_features': exactly one, of type text or category\n"
     "c.yaml:1:13: error: model_type: 'lm' is not an allowed word (did you mean 'llm'?); allowed: ecd, llm"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: []\n"
     "output_features: [{name: y, type: text}]\n",
     "c.yaml:3:17: error: input_features: model_type llm takes exactly one feature, got 0"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x}]\n"
     "output_features: [{name: y, type: text}]\n",
     "c.yaml:3:18: error: input_features.0: missing required key 'type': type of the data"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x, type: image}]\n"
     "output_features: [{name: y, type: numerical}]\n",
     "c.yaml:3:34: error: input_features.0.type: 'image' is known, not available yet\n"
     "c.yaml:4:35: error: output_features.0.type: 'numerical' is not an allowed word; allowed: text, category"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x, type: text}, {name: z, type: text}]\n"
     "output_features: [{name: x, type: text}]\n",
     "c.yaml:3:17: error: input_features: model_type llm takes exactly one feature, got 2\n"
     "c.yaml:4:26: error: output_features.0.name: 'x' is the name of the input feature too"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [x]\n"
     "output_features: [{nmae: y, type: text}]\n",
     "c.yaml:3:18: error: input_features.0: must be an object, got 'x'\n"
     "c.yaml:4:19: error: output_features.0: missing required key 'name': name, also of the result columns\n"
     "c.yaml:4:20: error: output_features.0: unknown key 'nmae' (did you mean 'name'?)"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x, type: text}]\n"
     "output_features: [{name: y, type: text, decoder: {type: text_extracter, mine: 1}}]\n",
     "c.yaml:4:57: error: output_features.0.decoder.type: 'text_extracter' is not an allowed word (did you mean "
     "'text_extractor'?); allowed: text_extractor"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x, type: text}]\n"
     "output_features: [{name: y, type: text, decoder: {tokeniser: x}}]\n",
     "c.yaml:4:51: error: output_features.0.decoder: unknown key 'tokeniser' (did you mean 'tokenizer'?)"},
    {"model_type: llm\n"
     "base_model: m\n"
     "input_features: [{name: x, type: text}]\n"
     "output_features: [{name: y, type: text, decoder: category_extractor}]\n",
     "c.yaml:4:50: error: output_features.0.decoder.type: category_extractor is for outputs of type category"},
    {"base_model: m\n"
     "input_features: [{name: x, type: text, encoder: {type: bert}}]\n"
     "output_features: [{name: y, type: text, loss: {weight: 2}}]\n",
     "c.yaml:1:1: error: missing required key 'model_type': kind of model; without it: ecd\n"
     "c.yaml:2:40: error: input_features.0.encoder: known, not available yet\n"
     "c.yaml:3:48: error: output_features.0.loss.weight: known, not available yet"},
    {"model_type: llm\n"
     "model_name: m\n"
     "input_features: [{name: x, type: text, preprocessing: {max_sequence_length: 0}}]\n"
     "output_features: {name: y, type: text}\n",
     "c.yaml:1:1: error: missing required key 'base_model': a model folder, a GGUF file or a hub id\n"
     "c.yaml:2:1: error: unknown key 'model_name' (it is called 'base_model')\n"
     "c.yaml:3:77: error: input_features.0.preprocessing.max_sequence_length: must be >= 1, got 0\n"
     "c.yaml:4:18: error: output_features: must be a list, got an object"},
    {"model_type: llm\n"
     "base_model: \"a\\0b\"\n"
     "input_features: [{name: x, type: text}]\n"
     "output_features: [{name: y, type: text}]\n",
     "c.yaml:2:13: error: base_model: holds a NUL character"},
    {"input_features: []\n"
     "output_features: []\n"
     "combinr: {type: concat}\n",
     "c.yaml:1:17: error: input_features: needs at least one feature\n"
     "c.yaml:2:18: error: output_features: needs at least one feature\n"
     "c.yaml:3:1: error: unknown section 'combinr' (did you mean 'combiner'?)"},
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

static void check_bad(const char *text, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    CHECK_INT(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err), LUD_E_INVALID);
    CHECK(c.user == NULL && c.full == NULL && c.name == NULL);
    without_excerpts(err.msg);
    CHECK_TEXT(err.msg, want);
    ludc_config_free(&c);
}

static void test_excerpt(void) {
    const char *text = GOOD "trainer:\n  epochs: 0\n  batch_sise: 2\n";
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    CHECK_INT(ludc_config_parse(text, strlen(text), "c.yaml", NULL, 0, &c, &err), LUD_E_INVALID);
    CHECK_TEXT(err.msg, "c.yaml:6:11: error: trainer.epochs: must be >= 1, got 0\n      epochs: 0\n              ^\n"
                        "c.yaml:7:3: error: trainer: unknown key 'batch_sise' (did you mean 'batch_size'?)\n"
                        "      batch_sise: 2\n      ^");
}

/* More errors than the record holds: excerpts go first, then the last messages are counted. */
static void test_many(void) {
    ludc_buf text = {0};
    ludc_buf_adds(&text, GOOD "trainer:\n");
    for (int i = 0; i < 50; i++)
        ludc_buf_addf(&text, "  some_rather_long_unknown_key_number_%d: 1\n", i);
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    CHECK_INT(ludc_config_parse(text.ptr, text.len, "c.yaml", NULL, 0, &c, &err), LUD_E_INVALID);
    CHECK(strncmp(err.msg, "c.yaml:6:3: error: trainer: unknown key 'some_rather_long_unknown_key_number_0'\n", 80) ==
          0);
    CHECK(strstr(err.msg, "\nc.yaml: 30 more errors") != NULL);
    ludc_buf_free(&text);
}

static void test_json(void) {
    const char *text = "{\"model_type\": \"llm\",\n \"base_model\": \"m\",\n \"triner\": {}}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_config c = {0};
    CHECK_INT(ludc_config_parse(text, strlen(text), "c.json", NULL, 0, &c, &err), LUD_E_INVALID);
    without_excerpts(err.msg);
    CHECK_TEXT(err.msg,
               "c.json:1:1: error: missing required key 'input_features': exactly one, of type text\n"
               "c.json:1:1: error: missing required key 'output_features': exactly one, of type text or category\n"
               "c.json:3:2: error: unknown section 'triner' (did you mean 'trainer'?)");
}

int main(void) {
    for (size_t i = 0; i < LUDC_COUNT(lines); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s\n", GOOD, lines[i].text);
        check_bad(text, lines[i].want);
    }
    for (size_t i = 0; i < LUDC_COUNT(whole); i++)
        check_bad(whole[i].text, whole[i].want);
    test_excerpt();
    test_many();
    test_json();
    return check_done();
}
