/* SPDX-License-Identifier: Apache-2.0
 * Output features of model_type ecd: what all have, and by type preprocessing, decoder, loss and metrics. */
#include "schema_tables.h"

static const char reductions[] = "sum|mean|avg|max|last|concat|attention";
static const char initializers[] =
    "xavier_uniform|xavier_normal|kaiming_uniform|kaiming_normal|uniform|normal|zeros|ones|constant";
static const char initializers_planned[] = "eye|dirac|identity|orthogonal|sparse";
static const char number_metrics[] =
    "mean_squared_error|mean_absolute_error|mean_absolute_percentage_error|root_mean_squared_error|loss";

static const ludc_key norm_params[] = {
    KEY_NUMBER("eps", REAL, NULL, POSITIVE, 1, "added to the variance; 1e-5"),
    KEY_END,
};

/* prefix "fc_": the default of all layers; "": of one layer, absent if it is that. */
#define LAYER(prefix, size, bias, activation_, dropout_, norm, weights, biases, params)                                \
    KEY_NUMBER(prefix "output_size", INT, size, 1, MAX_INT, "width of a layer"),                                       \
        KEY_BOOL(prefix "use_bias", bias, "add a bias"),                                                               \
        KEY_WORD(prefix "activation", TEXT OR_NULL, 0, activation_, "relu|gelu|silu|swish|tanh|sigmoid",               \
                 "elu|leakyRelu|logSigmoid|softmax", "function after a layer; null: none"),                            \
        KEY_NUMBER(prefix "dropout", REAL, dropout_, 0, 0.999, "dropout after a layer"),                               \
        KEY_WORD(prefix "norm", TEXT OR_NULL, 0, norm, "layer", "batch|ghost", "norm before the activation"),          \
        KEY_WORD(prefix "weights_initializer", TEXT | OBJECT, 0, weights, initializers, initializers_planned,          \
                 "first values of the weights: a word, or {type: word, a, b | mean, std | val}"),                      \
        KEY_WORD(prefix "bias_initializer", TEXT | OBJECT, 0, biases, "zeros|ones|constant|uniform|normal",            \
                 initializers_planned, "first values of the biases"),                                                  \
        KEY_SECTION(prefix "norm_params", OBJECT OR_NULL, 0, params, norm_params, "of the norm")

static const ludc_key layer[] = {LAYER("", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), KEY_END};

const ludc_key ludc_schema_decoder[] = {
    KEY_TEXT("type", TEXT, 0, NULL, "a decoder plugin's name; keys that are not listed here are its own"),
    KEY_NUMBER("num_fc_layers", INT, "0", 0, 64, "layers before the decoder"),
    KEY_SECTION("fc_layers", LIST OR_NULL, 0, "null", layer,
                "the layers one by one, instead of num_fc_layers; what a layer leaves out is as below"),
    LAYER("fc_", "256", "true", "\"relu\"", "0.0", "null", "\"xavier_uniform\"", "\"zeros\"", "null"),
    KEY_END,
};

#define BY_TYPE(preprocessing, decoder_, loss_, losses, loss_type, metrics, metric)                                    \
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", preprocessing, "from cells to targets"),                             \
        KEY_TYPED("decoder", OBJECT | TEXT, LUDC_KEY_OPEN, "{}", ludc_schema_decoder, NULL, decoder_,                  \
                  "from the combiner's vector to predictions; a type or a section"),                                   \
        KEY_TYPED("loss", OBJECT, 0, "{}", loss_, losses, loss_type, "training loss"),                                 \
        KEY_WORD("default_validation_metric", TEXT, 0, metric, metrics, NULL,                                          \
                 "metric of trainer.validation_metric null")
#define CALIBRATION   KEY_BOOL("calibration", "false", "fit a temperature of the probabilities after training")
#define THRESHOLD(of) KEY_NUMBER("threshold", REAL, "0.5", 0, 1, "smallest probability of " of)

const ludc_key ludc_schema_category_output[] = {
    BY_TYPE(ludc_schema_category_out, "classifier", ludc_schema_category_loss, ludc_variants_category_loss,
            "softmax_cross_entropy", "accuracy|accuracy_micro|hits_at_k|roc_auc|loss", "\"accuracy\""),
    KEY_NUMBER("top_k", INT, "3", 1, MAX_INT, "classes that count as a hit in hits_at_k"),
    CALIBRATION,
    KEY_END,
};

const ludc_key ludc_schema_binary_output[] = {
    BY_TYPE(ludc_schema_binary_out, "regressor", ludc_schema_binary_loss, ludc_variants_binary_loss,
            "binary_weighted_cross_entropy", "roc_auc|accuracy|precision|recall|specificity|f1|loss", "\"roc_auc\""),
    THRESHOLD("true"),
    CALIBRATION,
    KEY_END,
};

const ludc_key ludc_schema_number_output[] = {
    BY_TYPE(ludc_schema_number_out, "regressor", ludc_schema_number_loss, ludc_variants_number_loss,
            "mean_squared_error", number_metrics, "\"mean_squared_error\""),
    KEY_NUMBERS("clip", LIST OR_NULL, "null", -NO_LIMIT, NO_LIMIT, "[lowest, highest] prediction"),
    KEY_END,
};

const ludc_key ludc_schema_set_output[] = {
    BY_TYPE(ludc_schema_set_out, "classifier", ludc_schema_set_loss, ludc_variants_set_loss, "sigmoid_cross_entropy",
            "jaccard|loss", "\"jaccard\""),
    THRESHOLD("an item of the set"),
    KEY_END,
};

const ludc_key ludc_schema_vector_output[] = {
    BY_TYPE(ludc_schema_vector_out, "projector", ludc_schema_vector_loss, ludc_variants_number_loss,
            "mean_squared_error", number_metrics, "\"mean_squared_error\""),
    KEY_NUMBER("vector_size", INT OR_NULL, "null", 1, MAX_INT, "numbers of a cell; null: from the data"),
    PLANNED("softmax", "false"),
    KEY_END,
};

const ludc_variant ludc_variants_output[] = {
    {"category", ludc_schema_category_output}, {"binary", ludc_schema_binary_output},
    {"number", ludc_schema_number_output},     {"set", ludc_schema_set_output},
    {"vector", ludc_schema_vector_output},     {NULL, NULL}};

#define ECD_OUTPUT_PLANNED PLANNED("proc_column", "null"), PLANNED("input_size", "null"), PLANNED("num_classes", "null")

const ludc_key ludc_schema_ecd_output[] = {
    KEY_TEXT("name", TEXT, LUDC_KEY_REQUIRED, NULL, "name, also of the result columns"),
    KEY_WORD("type", TEXT, LUDC_KEY_REQUIRED, NULL, "category|binary|number|set|vector",
             "text|sequence|timeseries|category_distribution|image|anomaly", "type of the data"),
    KEY_TEXT("column", TEXT, 0, NULL, "column of the data; default: the name"),
    KEY_BOOL("active", "true", "false leaves the feature out"),
    KEY_TEXT("dependencies", LIST, LUDC_KEY_TEXTS, "[]",
             "outputs whose last hidden vectors are appended to this one's input"),
    KEY_WORD("reduce_dependencies", TEXT OR_NULL, 0, "\"sum\"", reductions, NULL,
             "of no effect: there is one vector a row"),
    KEY_WORD("reduce_input", TEXT OR_NULL, 0, "\"sum\"", reductions, NULL, "of no effect: there is one vector a row"),
    ECD_OUTPUT_PLANNED,
    KEY_END,
};
