/* SPDX-License-Identifier: Apache-2.0
 * Input and output features of model_type llm: a text in; out a text, or a label that is read off the answer or chosen
 * by its likelihood. All of it is tokenized by the base model's tokenizer. */
#include "schema_tables.h"

static const char input_planned[] = "category|number|binary|set|bag|vector|sequence|date|h3|image|audio|timeseries";

#define TEXT_PREPROCESSING                                                                                             \
    KEY_NUMBER("max_sequence_length", INT OR_NULL, "null", 1, MAX_INT, "cut to this many tokens"),                     \
        PLANNED("tokenizer", "null"), PLANNED("pretrained_model_name_or_path", "null"), PLANNED("vocab_file", "null"), \
        PLANNED("sequence_length", "null"), PLANNED("most_common", "20000"), PLANNED("padding_symbol", "\"<PAD>\""),   \
        PLANNED("unknown_symbol", "\"<UNK>\""), PLANNED("padding", "\"left\""), PLANNED("lowercase", "false"),         \
        PLANNED("missing_value_strategy", "\"fill_with_const\""), PLANNED("fill_value", "\"<UNK>\""),                  \
        PLANNED("ngram_size", "2"), PLANNED("compute_idf", "false")

static const ludc_key input_preprocessing[] = {
    TEXT_PREPROCESSING,
    KEY_BOOL("cache_encoder_embeddings", "false",
             "run the layers that lie below all that is trained once for each text and keep their vectors on disk"),
    PLANNED("prompt", "null"),
    KEY_END,
};

static const ludc_key text_preprocessing[] = {TEXT_PREPROCESSING, PLANNED("cache_encoder_embeddings", "false"),
                                              KEY_END};

#define CATEGORY_PREPROCESSING_PLANNED                                                                                 \
    PLANNED("missing_value_strategy", "\"drop_row\""), PLANNED("fill_value", "\"<UNK>\""),                             \
        PLANNED("lowercase", "false"), PLANNED("most_common", "10000"), PLANNED("cache_encoder_embeddings", "false")

static const ludc_key category_preprocessing[] = {
    KEY_TEXT("vocab", LIST OR_NULL, LUDC_KEY_TEXTS, "null",
             "the labels; null: those of decoder.match, or else of the training rows"),
    KEY_TEXT("fallback_label", TEXT OR_NULL, 0, "\"\"", "label of a generated answer that matches none"),
    CATEGORY_PREPROCESSING_PLANNED,
    KEY_END,
};

#define ANY_EXTRACTOR PLANNED("tokenizer", "\"hf_tokenizer\""), PLANNED("max_new_tokens", "null")

const ludc_key ludc_schema_text_decoder[] = {
    KEY_WORD("type", TEXT, LUDC_KEY_OPEN, NULL, "text_extractor", NULL,
             "or a decoder plugin's name, whose keys are its own"),
    KEY_END,
};

static const ludc_key text_extractor[] = {
    ANY_EXTRACTOR,
    KEY_END,
};

#define CATEGORY_DECODER_PLANNED                                                                                       \
    PLANNED("str2idx", "null"), PLANNED("match_strategy", "\"contains\""), PLANNED("constrain_to_vocabulary", "false")

static const ludc_key category_decoder[] = {
    KEY_WORD("type", TEXT, 0, "\"category_extractor\"", "category_extractor", NULL, "from the answer to a label"),
    KEY_FREE("match", "{label: {type: contains or regex, value}}: the label of the first value that is found in the "
                      "lower case of the generated answer"),
    KEY_TEXT("fallback_label", TEXT OR_NULL, 0, "\"\"", "where preprocessing.fallback_label is empty"),
    KEY_WORD("decoding", TEXT, 0, "\"generate\"", "generate|score", NULL,
             "score: no answer is generated; the label whose tokens, with the end of text, are likeliest after the "
             "prompt; ours"),
    KEY_BOOL("length_normalization", "false", "score: compare log-likelihoods divided by the number of tokens; ours"),
    ANY_EXTRACTOR,
    CATEGORY_DECODER_PLANNED,
    KEY_END,
};

#define LOSS(type_)                                                                                                    \
    PLANNED("type", type_), PLANNED("weight", "1.0"), PLANNED("class_weights", "null"), PLANNED("robust_lambda", "0"), \
        PLANNED("confidence_penalty", "0"), PLANNED("class_similarities", "null"),                                     \
        PLANNED("class_similarities_temperature", "0")

static const ludc_key text_loss[] = {
    LOSS("\"next_token_softmax_cross_entropy\""),
    PLANNED("unique", "false"),
    KEY_END,
};
static const ludc_key category_loss[] = {LOSS("\"softmax_cross_entropy\""), KEY_END};

static const ludc_variant decoders[] = {{"text_extractor", text_extractor}, {NULL, NULL}};

static const ludc_key text[] = {
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", text_preprocessing, "tokens of the answer"),
    KEY_TYPED("decoder", OBJECT | TEXT, 0, "{}", ludc_schema_text_decoder, decoders, "text_extractor",
              "from tokens to the output; a type or a section"),
    KEY_SECTION("loss", OBJECT, 0, "{}", text_loss, "training loss"),
    PLANNED("default_validation_metric", "\"loss\""),
    KEY_END,
};

static const ludc_key category[] = {
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", category_preprocessing, "the labels"),
    KEY_SECTION("decoder", OBJECT, 0, "{}", category_decoder, "from the answer to a label"),
    KEY_SECTION("loss", OBJECT, 0, "{}", category_loss, "of no effect: nothing is trained"),
    KEY_NUMBER("top_k", INT, "3", 1, MAX_INT, "labels that count as a hit in hits_at_k"),
    PLANNED("default_validation_metric", "\"accuracy\""),
    PLANNED("calibration", "false"),
    KEY_END,
};

const ludc_variant ludc_variants_llm_output[] = {{"text", text}, {"category", category}, {NULL, NULL}};

#define INPUT_PLANNED                                                                                                  \
    PLANNED("encoder", "null"), PLANNED("proc_column", "null"), PLANNED("active", "true"), PLANNED("tied", "null")

const ludc_key ludc_schema_input[] = {
    KEY_TEXT("name", TEXT, LUDC_KEY_REQUIRED, NULL, "name; with a prompt template only a label"),
    KEY_WORD("type", TEXT, LUDC_KEY_REQUIRED, NULL, "text", input_planned, "type of the data"),
    KEY_TEXT("column", TEXT, 0, NULL, "column of the data; default: the name"),
    KEY_SECTION("preprocessing", OBJECT, 0, "{}", input_preprocessing, "tokens of the prompt"),
    INPUT_PLANNED,
    KEY_END,
};

#define OUTPUT_PLANNED                                                                                                 \
    PLANNED("proc_column", "null"), PLANNED("active", "true"), PLANNED("reduce_input", "\"sum\""),                     \
        PLANNED("dependencies", "[]"), PLANNED("reduce_dependencies", "\"sum\""),                                      \
        PLANNED("class_similarities", "null")

const ludc_key ludc_schema_output[] = {
    KEY_TEXT("name", TEXT, LUDC_KEY_REQUIRED, NULL, "name, also of the result columns"),
    KEY_WORD("type", TEXT, LUDC_KEY_REQUIRED, NULL, "text|category", "number|binary|set|vector|sequence|timeseries",
             "type of the data"),
    KEY_TEXT("column", TEXT, 0, NULL, "column of the data; default: the name"),
    OUTPUT_PLANNED,
    KEY_END,
};
