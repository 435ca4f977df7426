/* SPDX-License-Identifier: Apache-2.0
 * Output features of model_type ecd: what all have, and by type preprocessing, decoder, loss and metrics. */
#include "schema_tables.h"

static const char *const types[] = {"category", "binary", "number", "set", "vector", NULL};
static const char *const types_planned[] = {"text",  "sequence", "timeseries", "category_distribution",
                                            "image", "anomaly",  NULL};
static const char *const reductions[] = {"sum", "mean", "avg", "max", "last", "concat", "attention", NULL};
static const char *const activations[] = {"relu", "gelu", "silu", "swish", "tanh", "sigmoid", NULL};
static const char *const activations_planned[] = {"elu", "leakyRelu", "logSigmoid", "softmax", NULL};
static const char *const initializers[] = {"xavier_uniform",  "xavier_normal",
                                           "kaiming_uniform", "kaiming_normal",
                                           "uniform",         "normal",
                                           "zeros",           "ones",
                                           "constant",        NULL};
static const char *const bias_initializers[] = {"zeros", "ones", "constant", "uniform", "normal", NULL};
static const char *const initializers_planned[] = {"eye", "dirac", "identity", "orthogonal", "sparse", NULL};
static const char *const norms[] = {"layer", NULL}, *const norms_planned[] = {"batch", "ghost", NULL};
static const char *const category_metrics[] = {"accuracy", "accuracy_micro", "hits_at_k", "roc_auc", "loss", NULL};
static const char *const binary_metrics[] = {"roc_auc",     "accuracy", "precision", "recall",
                                             "specificity", "f1",       "loss",      NULL};
static const char *const number_metrics[] = {"mean_squared_error",
                                             "mean_absolute_error",
                                             "mean_absolute_percentage_error",
                                             "root_mean_squared_error",
                                             "X"
                                             "loss",
                                             NULL};
static const char *const set_metrics[] = {"jaccard", "loss", NULL};

static const ludc_key norm_params[] = {
    KEY_NUMBER("eps", LUDC_T_FLOAT, NULL, POSITIVE, 1, "added to the variance; 1e-5"),
    KEY_END,
};

/* prefix "fc_": the default of all layers; "": of one layer, absent if it is that. */
#define LAYER(prefix, size, bias, activation_, dropout_, norm, weights, biases, params)                                \
    KEY_NUMBER(prefix "output_size", LUDC_T_INT, size, 1, MAX_INT, "width of a layer"),                                \
        KEY_BOOL(prefix "use_bias", bias, "add a bias"),                                                               \
        KEY_WORD(prefix "activation", LUDC_T_STR | LUDC_T_NULL, 0, activation_, activations, activations_planned,      \
                 "function after a layer; null: none"),                                                                \
        KEY_NUMBER(prefix "dropout", LUDC_T_FLOAT, dropout_, 0, 0.999, "dropout after a layer"),                       \
        KEY_WORD(prefix "norm", LUDC_T_STR | LUDC_T_NULL, 0, norm, norms, norms_planned,                               \
                 "norm before the activation"),                                                                        \
        KEY_WORD(prefix "weights_initializer", LUDC_T_STR | LUDC_T_OBJECT, 0, weights, initializers,                   \
                 initializers_planned,                                                                                 \
                 "first values of the weights: a word, or {type: word, a, b | mean, std | val}"),                      \
        KEY_WORD(prefix "bias_initializer", LUDC_T_STR | LUDC_T_OBJECT, 0, biases, bias_initializers,                  \
                 initializers_planned, "first values of the biases"),                                                  \
        KEY_SECTION(prefix "norm_params", LUDC_T_OBJECT | LUDC_T_NULL, 0, params, norm_params, "of the norm")

static const ludc_key layer[] = {LAYER("", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), KEY_END};

const ludc_key ludc_schema_decoder[] = {
    KEY_TEXT("type", LUDC_T_STR, 0, NULL, "a decoder plugin's name; keys that are not listed here are its own"),
    KEY_NUMBER("num_fc_layers", LUDC_T_INT, "0", 0, 64, "layers before the decoder"),
    KEY_SECTION("fc_layers", LUDC_T_LIST | LUDC_T_NULL, 0, "null", layer,
                "the layers one by one, instead of num_fc_layers; what a layer leaves out is as below"),
    LAYER("fc_", "256", "true", "\"relu\"", "0.0", "null", "\"xavier_uniform\"", "\"zeros\"", "null"),
    KEY_END,
};

#define BY_TYPE(preprocessing, decoder_, loss_, losses, loss_type, metrics, metric)                                    \
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", preprocessing, "from cells to targets"),                      \
        KEY_TYPED("decoder", LUDC_T_OBJECT | LUDC_T_STR, LUDC_KEY_OPEN, "{}", ludc_schema_decoder, NULL, decoder_,     \
                  "from the combiner's vector to predictions; a type or a section"),                                   \
        KEY_TYPED("loss", LUDC_T_OBJECT, 0, "{}", loss_, losses, loss_type, "training loss"),                          \
        KEY_WORD("default_validation_metric", LUDC_T_STR, 0, metric, metrics, NULL,                                    \
                 "metric of trainer.validation_metric null")
#define CALIBRATION   KEY_BOOL("calibration", "false", "fit a temperature of the probabilities after training")
#define THRESHOLD(of) KEY_NUMBER("threshold", LUDC_T_FLOAT, "0.5", 0, 1, "smallest probability of " of)

const ludc_key ludc_schema_category_output[] = {
    BY_TYPE(ludc_schema_category_out, "classifier", ludc_schema_category_loss, ludc_variants_category_loss,
            "softmax_cross_entropy", category_metrics, "\"accuracy\""),
    KEY_NUMBER("top_k", LUDC_T_INT, "3", 1, MAX_INT, "classes that count as a hit in hits_at_k"),
    CALIBRATION,
    KEY_END,
};

const ludc_key ludc_schema_binary_output[] = {
    BY_TYPE(ludc_schema_binary_out, "regressor", ludc_schema_binary_loss, ludc_variants_binary_loss,
            "binary_weighted_cross_entropy", binary_metrics, "\"roc_auc\""),
    THRESHOLD("true"),
    CALIBRATION,
    KEY_END,
};

const ludc_key ludc_schema_number_output[] = {
    BY_TYPE(ludc_schema_number_out, "regressor", ludc_schema_number_loss, ludc_variants_number_loss,
            "mean_squared_error", number_metrics, "\"mean_squared_error\""),
    KEY_NUMBERS("clip", LUDC_T_LIST | LUDC_T_NULL, "null", -NO_LIMIT, NO_LIMIT, "[lowest, highest] prediction"),
    KEY_END,
};

const ludc_key ludc_schema_set_output[] = {
    BY_TYPE(ludc_schema_set_out, "classifier", ludc_schema_set_loss, ludc_variants_set_loss, "sigmoid_cross_entropy",
            set_metrics, "\"jaccard\""),
    THRESHOLD("an item of the set"),
    KEY_END,
};

const ludc_key ludc_schema_vector_output[] = {
    BY_TYPE(ludc_schema_vector_out, "projector", ludc_schema_vector_loss, ludc_variants_number_loss,
            "mean_squared_error", number_metrics, "\"mean_squared_error\""),
    KEY_NUMBER("vector_size", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "numbers of a cell; null: from the data"),
    KEY_PLANNED("softmax", "false", "predictions that sum to 1"),
    KEY_END,
};

const ludc_variant ludc_variants_output[] = {
    {"category", ludc_schema_category_output}, {"binary", ludc_schema_binary_output},
    {"number", ludc_schema_number_output},     {"set", ludc_schema_set_output},
    {"vector", ludc_schema_vector_output},     {NULL, NULL}};

const ludc_key ludc_schema_ecd_output[] = {
    KEY_TEXT("name", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, "name, also of the result columns"),
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, types, types_planned, "type of the data"),
    KEY_TEXT("column", LUDC_T_STR, 0, NULL, "column of the data; default: the name"),
    KEY_BOOL("active", "true", "false leaves the feature out"),
    KEY_TEXT("dependencies", LUDC_T_LIST, LUDC_KEY_TEXTS, "[]",
             "outputs whose last hidden vectors are appended to this one's input"),
    KEY_WORD("reduce_dependencies", LUDC_T_STR | LUDC_T_NULL, 0, "\"sum\"", reductions, NULL,
             "of no effect: there is one vector a row"),
    KEY_WORD("reduce_input", LUDC_T_STR | LUDC_T_NULL, 0, "\"sum\"", reductions, NULL,
             "of no effect: there is one vector a row"),
    KEY_PLANNED("proc_column", "null", "internal to Ludwig"),
    KEY_PLANNED("input_size", "null", "internal to Ludwig"),
    KEY_PLANNED("num_classes", "null", "internal to Ludwig"),
    KEY_END,
};
