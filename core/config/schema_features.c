/* SPDX-License-Identifier: Apache-2.0
 * Input and output features of model_type llm: a text in; out a text, or a label that is read off the answer or chosen
 * by its likelihood. All of it is tokenized by the base model's tokenizer. */
#include "schema_tables.h"

static const char *const text_only[] = {"text", NULL}, *const output_types[] = {"text", "category", NULL};
static const char *const text_extractors[] = {"text_extractor", NULL};
static const char *const extractors[] = {"category_extractor", NULL}, *const decodings[] = {"generate", "score", NULL};
static const char *const input_planned[] = {"category", "number", "binary", "set",   "bag",        "vector", "sequence",
                                            "date",     "h3",     "image",  "audio", "timeseries", NULL};
static const char *const output_planned[] = {"number", "binary", "set", "vector", "sequence", "timeseries", NULL};

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
        KEY_PLANNED("compute_idf", "false", "of tf_idf encoders")

static const ludc_key input_preprocessing[] = {
    TEXT_PREPROCESSING,
    KEY_BOOL("cache_encoder_embeddings", "false",
             "run the layers that lie below all that is trained once for each text and keep their vectors on disk"),
    KEY_PLANNED("prompt", "null", "prompt of one feature"),
    KEY_END,
};

static const ludc_key text_preprocessing[] = {
    TEXT_PREPROCESSING, KEY_PLANNED("cache_encoder_embeddings", "false", "of frozen encoders"), KEY_END};

static const ludc_key category_preprocessing[] = {
    KEY_TEXT("vocab", LUDC_T_LIST | LUDC_T_NULL, LUDC_KEY_TEXTS, "null",
             "the labels; null: those of decoder.match, or else of the training rows"),
    KEY_TEXT("fallback_label", LUDC_T_STR | LUDC_T_NULL, 0, "\"\"", "label of a generated answer that matches none"),
    KEY_PLANNED("missing_value_strategy", "\"drop_row\"", "what an empty cell becomes"),
    KEY_PLANNED("fill_value", "\"<UNK>\"", "what an empty cell is filled with"),
    KEY_PLANNED("lowercase", "false", "lower case first"),
    KEY_PLANNED("most_common", "10000", "so many of the commonest labels"),
    KEY_PLANNED("cache_encoder_embeddings", "false", "of frozen encoders"),
    KEY_END,
};

#define ANY_EXTRACTOR                                                                                                  \
    KEY_PLANNED("tokenizer", "\"hf_tokenizer\"", "the base model's is used"),                                          \
        KEY_PLANNED("max_new_tokens", "null", "longest answer: see generation")

const ludc_key ludc_schema_text_decoder[] = {
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_OPEN, NULL, text_extractors, NULL,
             "or a decoder plugin's name, whose keys are its own"),
    KEY_END,
};

static const ludc_key text_extractor[] = {
    ANY_EXTRACTOR,
    KEY_END,
};

static const ludc_key category_decoder[] = {
    KEY_WORD("type", LUDC_T_STR, 0, "\"category_extractor\"", extractors, NULL, "from the answer to a label"),
    KEY_FREE("match", "{label: {type: contains or regex, value}}: the label of the first value that is found in the "
                      "lower case of the generated answer"),
    KEY_TEXT("fallback_label", LUDC_T_STR | LUDC_T_NULL, 0, "\"\"", "where preprocessing.fallback_label is empty"),
    KEY_WORD("decoding", LUDC_T_STR, 0, "\"generate\"", decodings, NULL,
             "score: no answer is generated; the label whose tokens, with the end of text, are likeliest after the "
             "prompt; ours"),
    KEY_BOOL("length_normalization", "false", "score: compare log-likelihoods divided by the number of tokens; ours"),
    ANY_EXTRACTOR,
    KEY_PLANNED("str2idx", "null", "numbers of the labels; internal to Ludwig"),
    KEY_PLANNED("match_strategy", "\"contains\"", "how labels are matched: see match"),
    KEY_PLANNED("constrain_to_vocabulary", "false", "generate labels only: see decoding"),
    KEY_END,
};

#define LOSS(type_)                                                                                                    \
    KEY_PLANNED("type", type_, "what is minimised, over the answer's tokens"),                                         \
        KEY_PLANNED("weight", "1.0", "factor of the loss"), KEY_PLANNED("class_weights", "null", "weights by class"),  \
        KEY_PLANNED("robust_lambda", "0", "robust loss"),                                                              \
        KEY_PLANNED("confidence_penalty", "0", "penalty on confidence"),                                               \
        KEY_PLANNED("class_similarities", "null", "similarity of classes"),                                            \
        KEY_PLANNED("class_similarities_temperature", "0", "temperature of the similarities")

static const ludc_key text_loss[] = {
    LOSS("\"next_token_softmax_cross_entropy\""),
    KEY_PLANNED("unique", "false", "count each token once"),
    KEY_END,
};
static const ludc_key category_loss[] = {LOSS("\"softmax_cross_entropy\""), KEY_END};

static const ludc_variant decoders[] = {{"text_extractor", text_extractor}, {NULL, NULL}};

static const ludc_key text[] = {
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", text_preprocessing, "tokens of the answer"),
    KEY_TYPED("decoder", LUDC_T_OBJECT | LUDC_T_STR, 0, "{}", ludc_schema_text_decoder, decoders, "text_extractor",
              "from tokens to the output; a type or a section"),
    KEY_SECTION("loss", LUDC_T_OBJECT, 0, "{}", text_loss, "training loss"),
    KEY_PLANNED("default_validation_metric", "\"loss\"", "metric that picks the best model: see trainer"),
    KEY_END,
};

static const ludc_key category[] = {
    KEY_SECTION("preprocessing", LUDC_T_OBJECT, 0, "{}", category_preprocessing, "the labels"),
    KEY_SECTION("decoder", LUDC_T_OBJECT, 0, "{}", category_decoder, "from the answer to a label"),
    KEY_SECTION("loss", LUDC_T_OBJECT, 0, "{}", category_loss, "of no effect: nothing is trained"),
    KEY_NUMBER("top_k", LUDC_T_INT, "3", 1, MAX_INT, "labels that count as a hit in hits_at_k"),
    KEY_PLANNED("default_validation_metric", "\"accuracy\"", "of no effect: nothing is trained"),
    KEY_PLANNED("calibration", "false", "fit a temperature of the probabilities"),
    KEY_END,
};

const ludc_variant ludc_variants_llm_output[] = {{"text", text}, {"category", category}, {NULL, NULL}};

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
    KEY_WORD("type", LUDC_T_STR, LUDC_KEY_REQUIRED, NULL, output_types, output_planned, "type of the data"),
    KEY_TEXT("column", LUDC_T_STR, 0, NULL, "column of the data; default: the name"),
    KEY_PLANNED("proc_column", "null", "internal to Ludwig"),
    KEY_PLANNED("active", "true", "false leaves the feature out"),
    KEY_PLANNED("reduce_input", "\"sum\"", "of model_type ecd"),
    KEY_PLANNED("dependencies", "[]", "outputs that this one depends on"),
    KEY_PLANNED("reduce_dependencies", "\"sum\"", "how they are joined"),
    KEY_PLANNED("class_similarities", "null", "similarity of classes"),
    KEY_END,
};
