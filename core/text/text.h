/* SPDX-License-Identifier: Apache-2.0
 * text: tokenizers (tokenizer.json and GGUF metadata), prompt templates, labels in answers. Text is (pointer, length).
 */
#ifndef LUDC_TEXT_H
#define LUDC_TEXT_H

#include <graph.h>

typedef struct ludc_tokenizer ludc_tokenizer; /* immutable after load: encode and decode are [any] */

/* A growable list of token ids. Zero-initialised is empty. */
typedef struct ludc_ids {
    int32_t *ptr;
    size_t len, cap;
} ludc_ids;
bool ludc_ids_push(ludc_ids *, int32_t id);
void ludc_ids_free(ludc_ids *);

/* tokenizer.json text; config = tokenizer_config.json or NULL (names of the special tokens). Unknown component types
 * are errors. Hostile input: every size, id and merge is checked. */
lud_status ludc_tokenizer_from_json(const char *text, size_t n, const char *name, const ludc_value *config,
                                    ludc_tokenizer **, lud_error *);
/* vocab.txt of a BERT: one token a line; the rest (do_lower_case, strip_accents, tokenize_chinese_chars, names of the
 * special tokens) from tokenizer_config.json or, where config is NULL or silent, as in BertTokenizer. */
lud_status ludc_tokenizer_from_vocab_txt(const char *text, size_t n, const char *name, const ludc_value *config,
                                         ludc_tokenizer **, lud_error *);
/* A model's folder: its tokenizer.json, or else its vocab.txt. */
lud_status ludc_tokenizer_open(const char *dir, const ludc_value *config, ludc_tokenizer **, lud_error *);
/* GGUF metadata as a value tree ("tokenizer.ggml.tokens" ... are top-level keys with dots in them, reached by
 * ludc_value_get). Models: "gpt2" (byte-level BPE) with the pre-tokenizer that tokenizer.ggml.pre names, "llama"
 * (SentencePiece). */
lud_status ludc_tokenizer_from_gguf(const ludc_value *metadata, ludc_tokenizer **, lud_error *);
/* Back into such metadata, for a vocabulary of n rows: tokens, merges or scores, special ids, chat template, the name
 * of the pre-tokenizer. ends: ids that end a text. Of BPE only: LUD_E_UNSUPPORTED says what does not fit. */
lud_status ludc_tokenizer_to_gguf(const ludc_tokenizer *, int64_t n, const int32_t *ends, int32_t n_ends,
                                  ludc_value *metadata, lud_error *);
void ludc_tokenizer_free(ludc_tokenizer *);

/* Appends ids. add_special: with the post-processor's BOS, EOS ... The file's own truncation and padding are ignored.
 */
lud_status ludc_tokenizer_encode(const ludc_tokenizer *, lud_str text, bool add_special, ludc_ids *out, lud_error *);
/* Appends text. skip_special: special tokens are left out. Invalid UTF-8 becomes U+FFFD. */
lud_status ludc_tokenizer_decode(const ludc_tokenizer *, const int32_t *ids, size_t n, bool skip_special, ludc_buf *out,
                                 lud_error *);
int32_t ludc_tokenizer_vocab(const ludc_tokenizer *);             /* highest id + 1 */
int32_t ludc_tokenizer_id(const ludc_tokenizer *, lud_str token); /* -1 if there is none */
lud_str ludc_tokenizer_token(const ludc_tokenizer *, int32_t id); /* the vocabulary entry as stored; len 0 if none */
typedef struct ludc_special_ids {
    int32_t bos, eos, pad, unk, cls, sep;
} ludc_special_ids; /* -1 = none */
ludc_special_ids ludc_tokenizer_special(const ludc_tokenizer *);
/* Text of tokenizer.json (rebuilt for a GGUF, with the pre-tokenizer that it names) and of tokenizer_config.json
 * (chat template kept). */
lud_status ludc_tokenizer_to_json(const ludc_tokenizer *, ludc_buf *out, lud_error *);
lud_status ludc_tokenizer_config_json(const ludc_tokenizer *, ludc_buf *out, lud_error *);
/* All that these texts are made of, without making them: for a key. LUD_OK or LUD_E_NOMEM. */
lud_status ludc_tokenizer_bytes(const ludc_tokenizer *, void (*fn)(void *arg, const void *p, size_t n), void *arg);

/* ---- Words of a text feature (words.c): Ludwig's simple tokenizers with a vocabulary learned from the data ---- */
typedef struct ludc_words ludc_words; /* immutable after finish or read: encode is [any] */
/* Options are the keys of a text feature's preprocessing: tokenizer (space_punct, space, characters, underscore, comma,
 * untokenized, stripped), lowercase, most_common, vocab_file (its words instead of learned ones), padding_symbol,
 * unknown_symbol. What is absent, or the whole (NULL), is as in Ludwig. */
lud_status ludc_words_new(const ludc_value *preprocessing, ludc_words **, lud_error *);
lud_status ludc_words_learn(ludc_words *, lud_str text, lud_error *);
/* After the last text: most frequent first, of equal ones the one seen first, behind <EOS> <SOS> <PAD> <UNK>. */
lud_status ludc_words_finish(ludc_words *, lud_error *);
void ludc_words_free(ludc_words *);
/* Appends ids; add_special: <SOS> before and <EOS> after. */
lud_status ludc_words_encode(const ludc_words *, lud_str text, bool add_special, ludc_ids *out, lud_error *);
int32_t ludc_words_count(const ludc_words *);
/* The members idx2str, tokenizer, lowercase, padding_symbol, unknown_symbol of a JSON object, and back from them. */
lud_status ludc_words_write(const ludc_words *, ludc_value *metadata, lud_error *);
lud_status ludc_words_read(const ludc_value *metadata, ludc_words **, lud_error *);

/* ---- Labels in answers (matcher.c), by the rules of Ludwig's category_extractor ---- */
typedef struct ludc_matcher ludc_matcher;
/* match: {label: {type: contains or regex, value}} of a checked config, kept by the caller. A regex that does not
 * compile: LUD_E_INVALID. */
lud_status ludc_matcher_new(const ludc_value *match, ludc_matcher **, lud_error *);
void ludc_matcher_free(ludc_matcher *); /* accepts NULL */
/* The first entry of `match` whose value is found in the lower case of the answer; -1: none. */
lud_status ludc_matcher_find(ludc_matcher *, lud_str answer, int64_t *entry, lud_error *);

/* ---- Prompt templates (template.c): "{column}", "{column:.2f}", "{__task__}", "{__sample__}", "{{" and "}}" ---- */
typedef struct ludc_template ludc_template;
/* Parsed and checked once; errors name the position. */
lud_status ludc_template_parse(lud_str text, ludc_template **, lud_error *);
void ludc_template_free(ludc_template *);
size_t ludc_template_fields(const ludc_template *);
lud_str ludc_template_field(const ludc_template *, size_t i); /* field names in order of appearance */
/* lookup answers a field's value; false = no such field: an error that names it. Format specs are of the float kind
 * (as Python's: [[fill]align][sign][0][width][,][.precision][f|e|g|%]). */
lud_status ludc_template_render(const ludc_template *, bool (*lookup)(void *, lud_str field, lud_str *value), void *arg,
                                ludc_buf *out, lud_error *);

#endif
