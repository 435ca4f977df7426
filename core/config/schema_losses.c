/* SPDX-License-Identifier: Apache-2.0
 * The loss section of an output of model_type ecd: which losses an output type has, and the keys of each. */
#include "schema_tables.h"

static const char *const category_losses[] = {"softmax_cross_entropy", NULL};
static const char *const category_planned[] = {"corn",          "focal_loss",        "poly_loss",     "sparsemax_loss",
                                               "entmax15_loss", "entropic_open_set", "objectosphere", NULL};
static const char *const binary_losses[] = {"binary_weighted_cross_entropy", "focal_loss", NULL};
static const char *const binary_planned[] = {"entropic_open_set", "objectosphere", NULL};
static const char *const number_losses[] = {"mean_squared_error", "mean_absolute_error",
                                            "mean_absolute_percentage_error", "huber", NULL};
static const char *const number_planned[] = {"root_mean_squared_error", "root_mean_squared_percentage_error", NULL};
static const char *const set_losses[] = {"sigmoid_cross_entropy", NULL};
static const char *const vector_planned[] = {"softmax_cross_entropy", "nt_xent", NULL};

#define CLASS_WEIGHTS                                                                                                  \
    KEY_NUMBERS("class_weights", LUDC_T_LIST | LUDC_T_OBJECT | LUDC_T_NULL, "null", 0, NO_LIMIT,                       \
                "a weight for each class: {class: weight}, or a list in the order of the metadata")
#define NOISY_LABELS                                                                                                   \
    KEY_PLANNED("robust_lambda", "0", "robust loss"), KEY_PLANNED("confidence_penalty", "0", "penalty on confidence")

static const ludc_key softmax[] = {
    CLASS_WEIGHTS,
    KEY_NUMBER("label_smoothing", LUDC_T_FLOAT, "0.0", 0, 0.999999999,
               "share of the target that all classes get alike; ours"),
    NOISY_LABELS,
    KEY_PLANNED("class_similarities", "null", "similarity of classes"),
    KEY_PLANNED("class_similarities_temperature", "0", "temperature of the similarities"),
    KEY_END,
};

static const ludc_key binary[] = {
    KEY_NUMBER("positive_class_weight", LUDC_T_FLOAT | LUDC_T_NULL, "null", 0, NO_LIMIT,
               "weight of the rows that are true; null: 1"),
    NOISY_LABELS,
    KEY_END,
};

static const ludc_key focal[] = {
    KEY_NUMBER("alpha", LUDC_T_FLOAT, "0.25", 0, 1, "share of the rows that are true"),
    KEY_NUMBER("gamma", LUDC_T_FLOAT, "2.0", 0, 1000, "how much less rows count that are right already"),
    KEY_END,
};

static const ludc_key huber[] = {
    KEY_NUMBER("delta", LUDC_T_FLOAT, "1.0", POSITIVE, NO_LIMIT, "squared below, absolute above this error"),
    KEY_END,
};

static const ludc_key sigmoid[] = {CLASS_WEIGHTS, KEY_END};

#define ERRORS "mean_squared_error, mean_absolute_error or mean_absolute_percentage_error"
const ludc_variant ludc_variants_category_loss[] = {{"softmax_cross_entropy", softmax}, {NULL, NULL}},
                   ludc_variants_binary_loss[] = {{"binary_weighted_cross_entropy", binary},
                                                  {"focal_loss", focal},
                                                  {NULL, NULL}},
                   ludc_variants_number_loss[] = {{ERRORS, ludc_schema_no_keys}, {"huber", huber}, {NULL, NULL}},
                   ludc_variants_set_loss[] = {{"sigmoid_cross_entropy", sigmoid}, {NULL, NULL}};

#define LOSS(words, planned)                                                                                           \
    KEY_WORD("type", LUDC_T_STR, 0, NULL, words, planned, "what is minimised"),                                        \
        KEY_NUMBER("weight", LUDC_T_FLOAT, "1.0", 0, NO_LIMIT, "factor in the sum over the outputs"), KEY_END

const ludc_key ludc_schema_category_loss[] = {LOSS(category_losses, category_planned)},
               ludc_schema_binary_loss[] = {LOSS(binary_losses, binary_planned)},
               ludc_schema_number_loss[] = {LOSS(number_losses, number_planned)},
               ludc_schema_set_loss[] = {LOSS(set_losses, NULL)},
               ludc_schema_vector_loss[] = {LOSS(number_losses, vector_planned)};
