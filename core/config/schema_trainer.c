/* SPDX-License-Identifier: Apache-2.0
 * The trainer section. Ours: learning_rate 2e-4 and epochs 3, where Ludwig's finetune has 1e-3 and 100. */
#include "schema_tables.h"

static const char auto_only[] = "auto";
static const char types[] = "none|finetune";
static const char optimizers_planned[] =
    "lbfgs|adamax|nadam|adadelta|adagrad|rmsprop|sgd_8bit|adam_8bit|adamw_8bit|paged_adam|paged_adam_8bit|paged_adamw|"
    "lamb|paged_adamw_8bit|lamb_8bit|adagrad_8bit|lars|lars_8bit|lion|lion_8bit|paged_lion|paged_lion_8bit|rmsprop_"
    "8bit|radam|adafactor|muon|soap|schedule_free_adamw";
static const char metrics_planned[] = "sequence_accuracy|perplexity|bleu|rouge|word_error_rate|char_error_rate";

static const ludc_key adam[] = {
    KEY_NUMBERS("betas", LIST, "[0.9, 0.999]", 0, 0.999999999, "decay of both averages"),
    KEY_NUMBER("eps", REAL, "1e-08", POSITIVE, 1, "added to the divisor"),
    PLANNED("amsgrad", "false"),
    KEY_END,
};

static const ludc_key sgd[] = {
    KEY_NUMBER("momentum", REAL, "0.0", 0, 0.999999999, "share of the last update"),
    KEY_BOOL("nesterov", "false", "look ahead"),
    PLANNED("dampening", "0.0"),
    KEY_END,
};

static const ludc_variant optimizer_types[] = {{"adam|adamw", adam}, {"sgd", sgd}, {NULL, NULL}};

static const ludc_key optimizer[] = {
    KEY_WORD("type", TEXT, 0, NULL, "adam|adamw|sgd", optimizers_planned, "update rule"),
    KEY_NUMBER("weight_decay", REAL, "0.0", 0, 1000, "pull to zero; adamw: apart from the gradient"),
    KEY_END,
};

static const ludc_key clipping[] = {
    KEY_NUMBER("clipglobalnorm", REAL OR_NULL, "0.5", POSITIVE, NO_LIMIT, "longest gradient"),
    KEY_NUMBER("clipnorm", REAL OR_NULL, "null", POSITIVE, NO_LIMIT, "the same; the smaller one counts"),
    KEY_NUMBER("clipvalue", REAL OR_NULL, "null", POSITIVE, NO_LIMIT,
               "largest component of the gradient, after the norms"),
    KEY_END,
};

static const ludc_key scheduler[] = {
    KEY_WORD("decay", TEXT OR_NULL, 0, "null", "linear|exponential|cosine", "one_cycle|inverse_sqrt|polynomial|wsd",
             "how the learning rate falls"),
    KEY_NUMBER("decay_rate", REAL, "0.96", POSITIVE, 1, "exponential: factor per decay_steps"),
    KEY_NUMBER("decay_steps", INT, "10000", 1, MAX_INT, "exponential: steps per factor"),
    KEY_BOOL("staircase", "false", "exponential: whole factors only"),
    KEY_NUMBER("warmup_evaluations", REAL, "0", 0, MAX_INT, "warm up over this many evaluations"),
    KEY_NUMBER("warmup_fraction", REAL, "0.0", 0, 1, "warm up over this share of all steps"),
    KEY_NUMBER("reduce_on_plateau", INT, "0", 0, MAX_INT, "reduce at most this often when the loss stays"),
    KEY_NUMBER("reduce_on_plateau_patience", INT, "10", 1, MAX_INT, "evaluations to wait"),
    KEY_NUMBER("reduce_on_plateau_rate", REAL, "0.1", POSITIVE, 1, "factor of a reduction"),
    KEY_WORD("reduce_eval_metric", TEXT, 0, "\"loss\"", "loss", metrics_planned, "what has to improve"),
    KEY_WORD("reduce_eval_split", TEXT, 0, "\"training\"", "training|validation", "test", "on which rows"),
    KEY_NUMBER("t_0", INT OR_NULL, "null", 1, MAX_INT, "cosine: steps to the first restart"),
    KEY_NUMBER("t_mult", INT, "1", 1, 1000, "cosine: each restart comes later by this factor"),
    KEY_NUMBER("eta_min", REAL, "0.0", 0, 1000, "cosine: lowest learning rate"),
    KEY_END,
};

/* What both model types have. */
#define STEPS                                                                                                          \
    KEY_NUMBER("train_steps", INT OR_NULL, "null", 1, MAX_INT, "optimizer steps, instead of epochs"),                  \
        KEY_NUMBER_OR_WORD("gradient_accumulation_steps", INT | TEXT, "\"auto\"", 1, 1048576, auto_only, NULL,         \
                           "micro-batches per optimizer step; auto: 1, or what effective_batch_size asks for"),        \
        KEY_NUMBER_OR_WORD("effective_batch_size", INT | TEXT, "\"auto\"", 1, MAX_INT, auto_only, NULL,                \
                           "rows per optimizer step; auto: batch_size * gradient_accumulation_steps"),                 \
        KEY_TYPED("optimizer", OBJECT | TEXT, 0, "{}", optimizer, optimizer_types, "adam",                             \
                  "update rule; a type or a section"),                                                                 \
        KEY_SECTION("gradient_clipping", OBJECT, 0, "{}", clipping, "bounds on the gradient"),                         \
        KEY_SECTION("learning_rate_scheduler", OBJECT, 0, "{}", scheduler, "the learning rate over time"),             \
        KEY_NUMBER("early_stop", INT, "5", -1, MAX_INT, "stop after this many evaluations without gain; -1: never"),   \
        KEY_NUMBER("steps_per_checkpoint", INT, "0", 0, MAX_INT, "steps between evaluations; 0: by epoch"),            \
        KEY_NUMBER("checkpoints_per_epoch", INT, "0", 0, MAX_INT, "evaluations per epoch; 0: one"),                    \
        KEY_NUMBER("eval_steps", INT OR_NULL, "null", 1, MAX_INT, "at most this many batches per evaluation"),         \
        KEY_BOOL("evaluate_training_set", "false", "measure the training rows too"),                                   \
        KEY_BOOL("skip_all_evaluation", "false", "measure nothing"),                                                   \
        KEY_TEXT("layers_to_freeze_regex", TEXT OR_NULL, 0, "null",                                                    \
                 "regular expression over names: parameters of base models, adapters that are not trained"),           \
        KEY_BOOL("should_shuffle", "true", "another order in each epoch")

#define STEPS_PLANNED                                                                                                  \
    PLANNED("regularization_type", "\"l2\""), PLANNED("regularization_lambda", "0.0"),                                 \
        PLANNED("max_batch_size", "1099511627776"), PLANNED("increase_batch_size_on_plateau", "0"),                    \
        PLANNED("increase_batch_size_on_plateau_patience", "5"),                                                       \
        PLANNED("increase_batch_size_on_plateau_rate", "2.0"), PLANNED("increase_batch_size_eval_metric", "\"loss\""), \
        PLANNED("increase_batch_size_eval_split", "\"training\""), PLANNED("learning_rate_scaling", "\"linear\""),     \
        PLANNED("bucketing_field", "null"), PLANNED("compile", "false"),                                               \
        PLANNED("enable_gradient_checkpointing", "false"), PLANNED("enable_profiling", "false"),                       \
        PLANNED("profiler", "{}")

#define TRAINER_PLANNED                                                                                                \
    PLANNED("base_learning_rate", "0.0"), PLANNED("use_mixed_precision", "false"), PLANNED("packing", "false"),        \
        PLANNED("packing_max_sequences_per_pack", "8")

const ludc_key ludc_schema_trainer[] = {
    KEY_WORD("type", TEXT, 0, "\"none\"", types, "dpo|kto|orpo|grpo", "none: the model is used as it is"),
    KEY_NUMBER_OR_WORD("learning_rate", REAL | TEXT, "0.0002", 0, 1000, "", auto_only, "peak learning rate; ours"),
    KEY_NUMBER("epochs", INT, "3", 1, MAX_INT, "passes over the training rows; ours"),
    KEY_NUMBER_OR_WORD("batch_size", INT | TEXT, "1", 1, 1048576, auto_only, NULL, "rows of a micro-batch; auto: 1"),
    KEY_NUMBER_OR_WORD("eval_batch_size", INT | TEXT OR_NULL, "2", 1, 1048576, auto_only, NULL,
                       "rows at a time in an evaluation; auto, null: 2"),
    STEPS,
    KEY_TEXT("validation_field", TEXT OR_NULL, 0, "null", "output that picks the best model; null: the one"),
    KEY_WORD("validation_metric", TEXT OR_NULL, 0, "null", "loss|token_accuracy|next_token_perplexity", metrics_planned,
             "metric that picks the best model; null: loss"),
    STEPS_PLANNED,
    TRAINER_PLANNED,
    KEY_END,
};

const ludc_key ludc_schema_ecd_trainer[] = {
    KEY_NUMBER_OR_WORD("learning_rate", REAL | TEXT, "0.001", 0, 1000, auto_only, NULL,
                       "peak learning rate; auto: 0.001 without text, else 1e-5 for a trained encoder that names a "
                       "pretrained model, 2e-5 for a frozen one, 1e-4 for none"),
    KEY_NUMBER("encoder_learning_rate", REAL OR_NULL, "null", 0, 1000,
               "peak learning rate of encoders and adapters; null: learning_rate; ours"),
    KEY_NUMBER("epochs", INT, "100", 1, MAX_INT, "passes over the training rows"),
    KEY_NUMBER_OR_WORD("batch_size", INT | TEXT, "\"auto\"", 1, 1048576, auto_only, NULL,
                       "rows of a micro-batch; auto: a power of two up to 128 that leaves 20 steps in an epoch; ours"),
    KEY_NUMBER_OR_WORD("eval_batch_size", INT | TEXT OR_NULL, "null", 1, 1048576, auto_only, NULL,
                       "rows at a time in an evaluation; auto, null: batch_size"),
    STEPS,
    KEY_TEXT("validation_field", TEXT OR_NULL, 0, "null",
             "output that picks the best model, or combined; null: the first"),
    KEY_TEXT("validation_metric", TEXT OR_NULL, 0, "null",
             "metric that picks the best model; null: the output's default_validation_metric"),
    KEY_BOOL("use_mixed_precision", "false", "taken as backend.precision auto"),
    STEPS_PLANNED,
    KEY_END,
};
