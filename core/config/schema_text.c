/* SPDX-License-Identifier: Apache-2.0
 * Text as an input of model_type ecd: how it becomes tokens, and the keys that core reads of any text encoder. All
 * other keys of an encoder section are the encoder's own (component.c). */
#include "schema_tables.h"

static const char tokenizers[] = "space|space_punct|characters|underscore|comma|untokenized|stripped|hf_tokenizer";
#define LANGUAGE(name)                                                                                                 \
    "|" name "_tokenize|" name "_tokenize_filter|" name "_tokenize_remove_stopwords|" name "_lemmatize|" name          \
    "_lemmatize_filter|" name "_lemmatize_remove_stopwords"
static const char tokenizers_planned[] = "json|ngram|sentencepiece|clip|gpt2bpe|bert" LANGUAGE("english")
    LANGUAGE("italian") LANGUAGE("spanish") LANGUAGE("german") LANGUAGE("french") LANGUAGE("portuguese")
        LANGUAGE("dutch") LANGUAGE("greek") LANGUAGE("norwegian") LANGUAGE("lithuanian") LANGUAGE("danish")
            LANGUAGE("polish") LANGUAGE("romanian") LANGUAGE("japanese") LANGUAGE("chinese") LANGUAGE("multi");

#define TEXT_PLANNED                                                                                                   \
    PLANNED("sequence_length", "null"), PLANNED("padding", "\"right\""), PLANNED("ngram_size", "2"),                   \
        PLANNED("compute_idf", "false"), PLANNED("prompt", "null")

const ludc_key ludc_schema_text[] = {
    KEY_WORD("tokenizer", TEXT, 0, "\"space_punct\"", tokenizers, tokenizers_planned,
             "words of encoders that learn their vocabulary from the data; a pretrained model brings its own"),
    KEY_TEXT("pretrained_model_name_or_path", TEXT OR_NULL, 0, "null",
             "hf_tokenizer: folder or hub id of the tokenizer"),
    KEY_NUMBER("max_sequence_length", INT OR_NULL, "256", 1, MAX_INT,
               "cut to this many tokens; null: the encoder's longest"),
    KEY_NUMBER("most_common", INT, "20000", 1, MAX_INT, "size of a vocabulary made from the data"),
    KEY_TEXT("vocab_file", TEXT OR_NULL, 0, "null", "file with a word a line, instead of the data's"),
    KEY_TEXT("padding_symbol", TEXT, 0, "\"<PAD>\"", "name of the padding in the vocabulary"),
    KEY_TEXT("unknown_symbol", TEXT, 0, "\"<UNK>\"", "name of what is not in the vocabulary"),
    KEY_BOOL("lowercase", "false", "lower case first"),
    KEY_WORD("missing_value_strategy", TEXT, 0, "\"fill_with_const\"",
             "fill_with_const|fill_with_mode|bfill|ffill|drop_row", NULL, "what an empty cell becomes"),
    KEY_TEXT("fill_value", TEXT, 0, "\"<UNK>\"", "fill_with_const: what an empty cell is filled with"),
    KEY_BOOL(
        "cache_encoder_embeddings", "false",
        "run a frozen encoder, or the layers of it that lie below all that is trained, once for each text and keep "
        "the vectors on disk"),
    TEXT_PLANNED,
    KEY_END,
};

#define TEXT_ENCODER_PLANNED                                                                                           \
    PLANNED("quantization", "null"), PLANNED("pretrained_kwargs", "null"),                                             \
        PLANNED("saved_weights_in_checkpoint", "false"), PLANNED("skip", "false")

const ludc_key ludc_schema_text_encoder[] = {
    KEY_TEXT("type", TEXT, 0, NULL,
             "an encoder plugin's name; auto_transformer: the one for pretrained_model_name_or_path; llm: the one for "
             "base_model"),
    KEY_TEXT("pretrained_model_name_or_path", TEXT OR_NULL, LUDC_KEY_LATE, "null", "a model folder or a hub id"),
    KEY_TEXT("base_model", TEXT OR_NULL, LUDC_KEY_LATE, "null", "type llm: a model folder, a GGUF file or a hub id"),
    {.name = "use_pretrained",
     .types = BOOL,
     .flags = LUDC_KEY_LATE,
     .dflt = "true",
     .min = 1,
     .max = 0,
     .doc = "false: begin with random weights"},
    {.name = "trainable",
     .types = BOOL,
     .flags = LUDC_KEY_LATE,
     .dflt = "false",
     .min = 1,
     .max = 0,
     .doc = "train the encoder; with an adapter, that is trained anyway"},
    KEY_TYPED("adapter", OBJECT | TEXT OR_NULL, 0, "null", ludc_schema_adapter, ludc_variants_adapter, NULL,
              "trained instead of the encoder; a type or a section"),
    KEY_WORD("reduce_output", TEXT OR_NULL, LUDC_KEY_LATE, "\"sum\"", "sum|mean|avg|max|last|cls|cls_pooled|attention",
             "concat",
             "one vector of a text's tokens; cls: the first token's, cls_pooled: the encoder's pooler; null: none, for "
             "combiners that read tokens"),
    KEY_NUMBER("max_sequence_length", INT OR_NULL, "null", 1, MAX_INT,
               "longest text; null: preprocessing.max_sequence_length"),
    KEY_SECTION("model_parameters", OBJECT OR_NULL, 0, "null", ludc_schema_model_parameters, "changes to the model"),
    TEXT_ENCODER_PLANNED,
    KEY_END,
};
