/* SPDX-License-Identifier: Apache-2.0
 * Input and output features of model_type llm: text only, tokenized by the base model's tokenizer. */
#include "schema_tables.h"

static const char *const text_only[] = {"text", NULL};
static const char *const input_planned[] = {"category", "number", "binary", "set",   "bag",        "vector", "sequence",
                                            "date",     "h3",     "image",  "audio", "timeseries", NULL};
static const char *const output_planned[] = {"category", "number",   "binary",     "set",
                                             "vector",   "sequence", "timeseries", NULL};

#define TEXT_PREPROCESSING                                                                                             \
    KEY_NUMBER("max_sequence_length", LUDC_T_INT | LUDC_T_NULL, "null", 1, MAX_INT, "cut to this many tokens"),        \
        KEY_PLANNED("tokenizer", "null", "the base model's is used"),                                                  \
        KEY_PLANNED("pretrained_model_name_or_path", "null", "model of the tokenizer"),                                \
        KEY_PLANNED("vocab_file", "null", "words of the tokenizer"),                                                   \
        KEY_PLANNED("sequence_length", "null", "pad to this many tokens"),                                             \
        KEY_PLANNED("most_common", "20000", "size of a vocabulary made from the data"),                                \
        KEY_PLANNED("padding_symbol", "\"<PAD>\"", "the tokenizer's is used"),                                         \
        KEY_PLANNED("unknown_symbol", "\"<UNK>\"", "the tokenizer's is used"),                                         \
        KEY_PLANNED("padding", "\"left\"", "side of the padding; rows are packed, not padded"),                        \
        KEY_PLANNED("lowercase", "false", "lower case first"),                                                         \
        KEY_PLANNED("missing_value_strategy", "\"fill_with_const\"", "what an empty cell becomes"),                    \
        KEY_PLANNED("fill_value", "\"<UNK>\"", "what an empty cell is filled with"),                                   \
        KEY_PLANNED("ngram_size", "2", "of ngram tokenizers"),                                                         \
        KEY_PLANNED("compute_idf", "false", "of tf_idf encoders"),                                                     \
        KEY_PLANNED("cache_encoder_embeddings", "false", "of frozen encoders")

static const ludc_key input_preprocessing[] = {
    TEXT_PREPROCESSING,
    KEY_PLANNED("prompt", "null", "prompt of one feature"),
    KEY_END,
};

static const ludc_key output_preprocessing[] = {
    TEXT_PREPROCESSING,
    KEY_PLANNED("vocab", "null", "category output: the labels"),
    KEY_PLANNED("fallback_label", "null", "category output: label of an answer that matches none"),
    KEY_END,
};

static const char *const extractors[] = {"text_extractor", NULL}, *const extractors_planned[] = {"category_extractor",
                                                                                                 NULL};

const ludc_key ludc_schema_text_decoder[] = {
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_OPEN, NULL, extractors, extractors_planned,
             "or a decoder plugin's name, whose keys are its own"),
    KEY_END,
};

static const ludc_key text_extractor[] = {
    KEY_PLANNED("tokenizer", "\"hf_tokenizer\"", "the base model's is used"),
    KEY_PLANNED("max_new_tokens", "null", "longest answer: see generation"),
    KEY_PLANNED("match", "null", "category output: label by what the answer contains"),
    KEY_PLANNED("fallback_label", "null", "category output: label of an answer that matches none"),
    KEY_PLANNED("str2idx", "null", "category output: numbers of the labels"),
    KEY_PLANNED("match_strategy", "null", "category output: how labels are matched"),
    KEY_PLANNED("constrain_to_vocabulary", "false", "category output: generate labels only"),
    KEY_END,
};

static const ludc_key loss[] = {
    KEY_PLANNED("type", "\"next_token_softmax_cross_entropy\"", "what is minimised, over the answer's tokens"),
    KEY_PLANNED("weight", "1.0", "factor of the loss"),
    KEY_PLANNED("class_weights", "null", "weights by class"),
    KEY_PLANNED("robust_lambda", "0", "robust loss"),
    KEY_PLANNED("confidence_penalty", "0", "penalty on confidence"),
    KEY_PLANNED("class_similarities", "null", "similarity of classes"),
    KEY_PLANNED("class_similarities_temperature", "0", "temperature of the similarities"),
    KEY_PLANNED("unique", "false", "count each token once"),
    KEY_END,
};

static const ludc_variant decoders[] = {{"text_extractor", text_extractor}, {NULL, NULL}};

const ludc_key ludc_schema_input[] = {
    KEY_TEXT("name", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, "name; with a prompt template only a label"),
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, text_only, input_planned, "type of the data"),
    KEY_TEXT("column", LUDC_T_STR, 0, NULL, "column of the data; default: the name"),
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", input_preprocessing, "tokens of the prompt"),
    KEY_PLANNED("encoder", "null", "the base model is the encoder"),
    KEY_PLANNED("proc_column", "null", "internal to Ludwig"),
    KEY_PLANNED("active", "true", "false leaves the feature out"),
    KEY_PLANNED("tied", "null", "share the encoder of another feature"),
    KEY_END,
};

const ludc_key ludc_schema_output[] = {
    KEY_TEXT("name", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, "name, also of the result columns"),
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, text_only, output_planned, "type of the data"),
    KEY_TEXT("column", LUDC_T_STR, 0, NULL, "column of the data; default: the name"),
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", output_preprocessing, "tokens of the answer"),
    KEY_TYPED("decoder", LUDC_T_OBJECT | LUDC_T_STR, 0, "{}", ludc_schema_text_decoder, decoders, "text_extractor",
              "from tokens to the output; a type or a section"),
    KEY_SECTION("loss", LUDC_T_OBJECT, 0, "{}", loss, "training loss"),
    KEY_PLANNED("proc_column", "null", "internal to Ludwig"),
    KEY_PLANNED("active", "true", "false leaves the feature out"),
    KEY_PLANNED("reduce_input", "\"sum\"", "of model_type ecd"),
    KEY_PLANNED("dependencies", "[]", "outputs that this one depends on"),
    KEY_PLANNED("reduce_dependencies", "\"sum\"", "how they are joined"),
    KEY_PLANNED("default_validation_metric", "\"loss\"", "metric that picks the best model: see trainer"),
    KEY_PLANNED("class_similarities", "null", "similarity of classes"),
    KEY_END,
};
