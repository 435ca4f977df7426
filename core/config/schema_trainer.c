/* SPDX-License-Identifier: Apache-2.0
 * The trainer section. Ours: learning_rate 2e-4 and epochs 3, where Ludwig's finetune has 1e-3 and 100. */
#include "schema_tables.h"

static const char *const no_words[] = {NULL, NULL}, *const auto_only[] = {"auto", NULL};
static const char *const types[] = {"none", "finetune", NULL};
static const char *const types_planned[] = {"dpo", "kto", "orpo", "grpo", NULL};
static const char *const optimizers[] = {"adam", "adamw", "sgd", NULL};
static const char *const optimizers_planned[] = {"lbfgs",
                                                 "adamax",
                                                 "nadam",
                                                 "adadelta",
                                                 "adagrad",
                                                 "rmsprop",
                                                 "sgd_8bit",
                                                 "adam_8bit",
                                                 "adamw_8bit",
                                                 "paged_adam",
                                                 "paged_adam_8bit",
                                                 "paged_adamw",
                                                 "lamb",
                                                 "paged_adamw_8bit",
                                                 "lamb_8bit",
                                                 "adagrad_8bit",
                                                 "lars",
                                                 "lars_8bit",
                                                 "lion",
                                                 "lion_8bit",
                                                 "paged_lion",
                                                 "paged_lion_8bit",
                                                 "rmsprop_8bit",
                                                 "radam",
                                                 "adafactor",
                                                 "muon",
                                                 "soap",
                                                 "schedule_free_adamw",
                                                 NULL};
static const char *const decays[] = {"linear", "exponential", "cosine", NULL};
static const char *const decays_planned[] = {"one_cycle", "inverse_sqrt", "polynomial", "wsd", NULL};
static const char *const eval_splits[] = {"training", "validation", NULL}, *const eval_splits_planned[] = {"test",
                                                                                                           NULL};
static const char *const metrics[] = {"loss", "token_accuracy", "next_token_perplexity", NULL};
static const char *const metrics_planned[] = {"sequence_accuracy", "perplexity",      "bleu", "rouge",
                                              "word_error_rate",   "char_error_rate", NULL};
static const char *const plateau_metrics[] = {"loss", NULL};

static const ludc_key adam[] = {
    KEY_NUMBERS("betas", LUDC_T_LIST, "[0.9, 0.999]", 0, 0.999999999, "decay of both averages"),
    KEY_NUMBER("eps", LUDC_T_FLOAT, "1e-08", POSITIVE, 1, "added to the divisor"),
    KEY_PLANNED("amsgrad", "false", "largest second average"),
    KEY_END,
};

static const ludc_key sgd[] = {
    KEY_NUMBER("momentum", LUDC_T_FLOAT, "0.0", 0, 0.999999999, "share of the last update"),
    KEY_BOOL("nesterov", "false", "look ahead"),
    KEY_PLANNED("dampening", "0.0", "dampening of momentum"),
    KEY_END,
};

static const ludc_variant optimizer_types[] = {{"adam or adamw", adam}, {"sgd", sgd}, {NULL, NULL}};

static const ludc_key optimizer[] = {
    KEY_WORD("type", LUDC_T_STR, 0, NULL, optimizers, optimizers_planned, "update rule"),
    KEY_NUMBER("weight_decay", LUDC_T_FLOAT, "0.0", 0, 1000, "pull to zero; adamw: apart from the gradient"),
    KEY_END,
};

static const ludc_key clipping[] = {
    KEY_NUMBER("clipglobalnorm", LUDC_T_FLOAT | LUDC_T_NULL, "0.5", POSITIVE, NO_LIMIT, "longest gradient"),
    KEY_NUMBER("clipnorm", LUDC_T_FLOAT | LUDC_T_NULL, "null", POSITIVE, NO_LIMIT, "the same; the smaller one counts"),
    KEY_NUMBER("clipvalue", LUDC_T_FLOAT | LUDC_T_NULL, "null", POSITIVE, NO_LIMIT,
               "largest component of the gradient, after the norms"),
    KEY_END,
};

static const ludc_key scheduler[] = {
    KEY_WORD("decay", LUDC_T_STR | LUDC_T_NULL, 0, "null", decays, decays_planned, "how the learning rate falls"),
    KEY_NUMBER("decay_rate", LUDC_T_FLOAT, "0.96", POSITIVE, 1, "exponential: factor per decay_steps"),
    KEY_NUMBER("decay_steps", LUDC_T_INT, "10000", 1, MAX_INT, "exponential: steps per factor"),
    KEY_BOOL("staircase", "false", "exponential: whole factors only"),
    KEY_NUMBER("warmup_evaluations", LUDC_T_FLOAT, "0", 0, MAX_INT, "warm up over this many evaluations"),
    KEY_NUMBER("warmup_fraction", LUDC_T_FLOAT, "0.0", 0, 1, "warm up over this share of all steps"),
    KEY_NUMBER("reduce_on_plateau", LUDC_T_INT, "0", 0, MAX_INT, "reduce at most this often when the loss stays"),
    KEY_NUMBER("reduce_on_plateau_patience", LUDC_T_INT, "10", 1, MAX_INT, "evaluations to wait"),
    KEY_NUMBER("reduce_on_plateau_rate", LUDC_T_FLOAT, "0.1", POSITIVE, 1, "factor of a reduction"),
    KEY_WORD("reduce_eval_metric", LUDC_T_STR, 0, "\"loss\"", plateau_metrics, metrics_planned, "what has to improve"),
    KEY_WORD("reduce_eval_split", LUDC_T_STR, 0, "\"training\"", eval_splits, eval_splits_planned, "on which rows"),
    KEY_NUMBER("t_0", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "cosine: steps to the first restart"),
    KEY_NUMBER("t_mult", LUDC_T_INT, "1", 1, 1000, "cosine: each restart comes later by this factor"),
    KEY_NUMBER("eta_min", LUDC_T_FLOAT, "0.0", 0, 1000, "cosine: lowest learning rate"),
    KEY_END,
};

/* What both model types have. */
#define STEPS                                                                                                          \
    KEY_NUMBER("train_steps", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "optimizer steps, instead of epochs"),     \
        KEY_NUMBER_OR_WORD("gradient_accumulation_steps", LUDC_T_INT | LUDC_T_STR, "\"auto\"", 1, 1048576, auto_only,  \
                           NULL, "micro-batches per optimizer step; auto: 1, or what effective_batch_size asks for"),  \
        KEY_NUMBER_OR_WORD("effective_batch_size", LUDC_T_INT | LUDC_T_STR, "\"auto\"", 1, MAX_INT, auto_only, NULL,   \
                           "rows per optimizer step; auto: batch_size * gradient_accumulation_steps"),                 \
        KEY_TYPED("optimizer", LUDC_T_OBJECT | LUDC_T_STR, 0, "{}", optimizer, optimizer_types, "adam",                \
                  "update rule; a type or a section"),                                                                 \
        KEY_SECTION("gradient_clipping", LUDC_T_OBJECT, 0, "{}", clipping, "bounds on the gradient"),                  \
        KEY_SECTION("learning_rate_scheduler", LUDC_T_OBJECT, 0, "{}", scheduler, "the learning rate over time"),      \
        KEY_NUMBER("early_stop", LUDC_T_INT, "5", -1, MAX_INT,                                                         \
                   "stop after this many evaluations without gain; -1: never"),                                        \
        KEY_NUMBER("steps_per_checkpoint", LUDC_T_INT, "0", 0, MAX_INT, "steps between evaluations; 0: by epoch"),     \
        KEY_NUMBER("checkpoints_per_epoch", LUDC_T_INT, "0", 0, MAX_INT, "evaluations per epoch; 0: one"),             \
        KEY_NUMBER("eval_steps", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT,                                         \
                   "at most this many batches per evaluation"),                                                        \
        KEY_BOOL("evaluate_training_set", "false", "measure the training rows too"),                                   \
        KEY_BOOL("skip_all_evaluation", "false", "measure nothing"),                                                   \
        KEY_TEXT("layers_to_freeze_regex", LUDC_T_STR | LUDC_T_NULL, 0, "null",                                        \
                 "regular expression over names: parameters of base models, adapters that are not trained"),           \
        KEY_BOOL("should_shuffle", "true", "another order in each epoch")

#define STEPS_PLANNED                                                                                                  \
    KEY_PLANNED("regularization_type", "\"l2\"", "penalty on weights; see optimizer.weight_decay"),                    \
        KEY_PLANNED("regularization_lambda", "0.0", "factor of the penalty"),                                          \
        KEY_PLANNED("max_batch_size", "1099511627776", "largest automatic batch size"),                                \
        KEY_PLANNED("increase_batch_size_on_plateau", "0", "grow the batch when the loss stays"),                      \
        KEY_PLANNED("increase_batch_size_on_plateau_patience", "5", "evaluations to wait"),                            \
        KEY_PLANNED("increase_batch_size_on_plateau_rate", "2.0", "factor of an increase"),                            \
        KEY_PLANNED("increase_batch_size_eval_metric", "\"loss\"", "what has to improve"),                             \
        KEY_PLANNED("increase_batch_size_eval_split", "\"training\"", "on which rows"),                                \
        KEY_PLANNED("learning_rate_scaling", "\"linear\"", "learning rate by number of workers"),                      \
        KEY_PLANNED("bucketing_field", "null", "group rows of like length; rows are packed"),                          \
        KEY_PLANNED("compile", "false", "of torch"),                                                                   \
        KEY_PLANNED("enable_gradient_checkpointing", "false", "recompute instead of keeping activations"),             \
        KEY_PLANNED("enable_profiling", "false", "of torch"), KEY_PLANNED("profiler", "{}", "of torch")

const ludc_key ludc_schema_trainer[] = {
    KEY_WORD("type", LUDC_T_STR, 0, "\"none\"", types, types_planned, "none: the model is used as it is"),
    KEY_NUMBER_OR_WORD("learning_rate", LUDC_T_FLOAT | LUDC_T_STR, "0.0002", 0, 1000, no_words, auto_only,
                       "peak learning rate; ours"),
    KEY_NUMBER("epochs", LUDC_T_INT, "3", 1, MAX_INT, "passes over the training rows; ours"),
    KEY_NUMBER_OR_WORD("batch_size", LUDC_T_INT | LUDC_T_STR, "1", 1, 1048576, auto_only, NULL,
                       "rows of a micro-batch; auto: 1"),
    KEY_NUMBER_OR_WORD("eval_batch_size", LUDC_T_INT | LUDC_T_STR | LUDC_T_NULL, "2", 1, 1048576, auto_only, NULL,
                       "rows at a time in an evaluation; auto, null: 2"),
    STEPS,
    KEY_TEXT("validation_field", LUDC_T_STR | LUDC_T_NULL, 0, "null",
             "output that picks the best model; null: the one"),
    KEY_WORD("validation_metric", LUDC_T_STR | LUDC_T_NULL, 0, "null", metrics, metrics_planned,
             "metric that picks the best model; null: loss"),
    KEY_PLANNED("base_learning_rate", "0.0", "of adaption prompts"),
    KEY_PLANNED("use_mixed_precision", "false", "half precision"),
    STEPS_PLANNED,
    KEY_PLANNED("packing", "false", "rows are always packed, without a change of the result"),
    KEY_PLANNED("packing_max_sequences_per_pack", "8", "of packing"),
    KEY_END,
};

const ludc_key ludc_schema_ecd_trainer[] = {
    KEY_NUMBER_OR_WORD("learning_rate", LUDC_T_FLOAT | LUDC_T_STR, "0.001", 0, 1000, auto_only, NULL,
                       "peak learning rate; auto: 0.001 without text, else 1e-5 for a trained encoder that names a "
                       "pretrained model, 2e-5 for a frozen one, 1e-4 for none"),
    KEY_NUMBER("encoder_learning_rate", LUDC_T_FLOAT | LUDC_T_NULL, "null", 0, 1000,
               "peak learning rate of encoders and adapters; null: learning_rate; ours"),
    KEY_NUMBER("epochs", LUDC_T_INT, "100", 1, MAX_INT, "passes over the training rows"),
    KEY_NUMBER_OR_WORD("batch_size", LUDC_T_INT | LUDC_T_STR, "\"auto\"", 1, 1048576, auto_only, NULL,
                       "rows of a micro-batch; auto: a power of two up to 128 that leaves 20 steps in an epoch; ours"),
    KEY_NUMBER_OR_WORD("eval_batch_size", LUDC_T_INT | LUDC_T_STR | LUDC_T_NULL, "null", 1, 1048576, auto_only, NULL,
                       "rows at a time in an evaluation; auto, null: batch_size"),
    STEPS,
    KEY_TEXT("validation_field", LUDC_T_STR | LUDC_T_NULL, 0, "null",
             "output that picks the best model, or combined; null: the first"),
    KEY_TEXT("validation_metric", LUDC_T_STR | LUDC_T_NULL, 0, "null",
             "metric that picks the best model; null: the output's default_validation_metric"),
    KEY_BOOL("use_mixed_precision", "false", "taken as backend.precision auto"),
    STEPS_PLANNED,
    KEY_END,
};
