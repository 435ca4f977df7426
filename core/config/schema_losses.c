/* SPDX-License-Identifier: Apache-2.0
 * The loss section of an output of model_type ecd: which losses an output type has, and the keys of each. */
#include "schema_tables.h"

static const char category_planned[] =
    "corn|focal_loss|poly_loss|sparsemax_loss|entmax15_loss|entropic_open_set|objectosphere";
static const char number_losses[] = "mean_squared_error|mean_absolute_error|mean_absolute_percentage_error|huber";

#define CLASS_WEIGHTS                                                                                                  \
    KEY_NUMBERS("class_weights", LIST | OBJECT OR_NULL, "null", 0, NO_LIMIT,                                           \
                "a weight for each class: {class: weight}, or a list in the order of the metadata")
#define NOISY_LABELS PLANNED("robust_lambda", "0"), PLANNED("confidence_penalty", "0")

static const ludc_key softmax[] = {
    CLASS_WEIGHTS,
    KEY_NUMBER("label_smoothing", REAL, "0.0", 0, 0.999999999, "share of the target that all classes get alike; ours"),
    NOISY_LABELS,
    PLANNED("class_similarities", "null"),
    PLANNED("class_similarities_temperature", "0"),
    KEY_END,
};

static const ludc_key binary[] = {
    KEY_NUMBER("positive_class_weight", REAL OR_NULL, "null", 0, NO_LIMIT, "weight of the rows that are true; null: 1"),
    NOISY_LABELS,
    KEY_END,
};

static const ludc_key focal[] = {
    KEY_NUMBER("alpha", REAL, "0.25", 0, 1, "share of the rows that are true"),
    KEY_NUMBER("gamma", REAL, "2.0", 0, 1000, "how much less rows count that are right already"),
    KEY_END,
};

static const ludc_key huber[] = {
    KEY_NUMBER("delta", REAL, "1.0", POSITIVE, NO_LIMIT, "squared below, absolute above this error"),
    KEY_END,
};

static const ludc_key sigmoid[] = {CLASS_WEIGHTS, KEY_END};

#define ERRORS "mean_squared_error|mean_absolute_error|mean_absolute_percentage_error"
const ludc_variant ludc_variants_category_loss[] = {{"softmax_cross_entropy", softmax}, {NULL, NULL}},
                   ludc_variants_binary_loss[] = {{"binary_weighted_cross_entropy", binary},
                                                  {"focal_loss", focal},
                                                  {NULL, NULL}},
                   ludc_variants_number_loss[] = {{ERRORS, ludc_schema_no_keys}, {"huber", huber}, {NULL, NULL}},
                   ludc_variants_set_loss[] = {{"sigmoid_cross_entropy", sigmoid}, {NULL, NULL}};

#define LOSS(words, planned)                                                                                           \
    KEY_WORD("type", TEXT, 0, NULL, words, planned, "what is minimised"),                                              \
        KEY_NUMBER("weight", REAL, "1.0", 0, NO_LIMIT, "factor in the sum over the outputs"), KEY_END

const ludc_key ludc_schema_category_loss[] = {LOSS("softmax_cross_entropy", category_planned)},
               ludc_schema_binary_loss[] = {LOSS("binary_weighted_cross_entropy|focal_loss",
                                                 "entropic_open_set|objectosphere")},
               ludc_schema_number_loss[] = {LOSS(number_losses,
                                                 "root_mean_squared_error|root_mean_squared_percentage_error")},
               ludc_schema_set_loss[] = {LOSS("sigmoid_cross_entropy", NULL)},
               ludc_schema_vector_loss[] = {LOSS(number_losses, "softmax_cross_entropy|nt_xent")};
