/* SPDX-License-Identifier: Apache-2.0
 * internal: the parts of a tokenizer. A tokenizer is immutable once loaded, but for what ludc_bpe remembers; whatever
 * an encode or decode call writes lives in its ludc_work. Each part has a loader from its node of tokenizer.json and
 * one function that applies it. */
#ifndef LUDC_TEXT_INTERNAL_H
#define LUDC_TEXT_INTERNAL_H

#include "text.h"
#include "unicode.h"

#include <stdatomic.h>

/* ---- Reading tokenizer.json (node.c): typed members, all errors name file and key ---- */
typedef struct ludc_load {
    const char *name; /* of the file, for messages */
    lud_error *err;
} ludc_load;
lud_status ludc_node_bool(const ludc_load *, const ludc_value *, const char *key, bool dflt, bool *out);
lud_status ludc_node_int(const ludc_load *, const ludc_value *, const char *key, int64_t min, int64_t max,
                         int64_t *out);
/* Absent or null: LUD_OK and len 0, ptr NULL. */
lud_status ludc_node_text(const ludc_load *, const ludc_value *, const char *key, lud_str *out);
/* A token: its text, or an object with `content`. */
lud_status ludc_node_token(const ludc_load *, const ludc_value *, const char *key, lud_str *out);
lud_status ludc_node_list(const ludc_load *, const ludc_value *, const char *key, const ludc_value **out);
/* The "type" of a component. `section` is for messages. */
lud_status ludc_node_type(const ludc_load *, const ludc_value *, const char *section, lud_str *out);
/* Calls fn for the component v, or for each of those in its nested Sequences, in order; list: the key of a Sequence's
 * list. LUD_E_NOT_FOUND of fn: it does not know the type, which is refused as below. depth: 0. */
typedef lud_status (*ludc_component_fn)(const ludc_load *, const ludc_value *, lud_str type, void *arg);
lud_status ludc_node_each(const ludc_load *, const ludc_value *v, const char *section, const char *list,
                          const char *const *planned, int depth, ludc_component_fn, void *arg);
/* A copy of the text (of "" for NULL); heap. */
lud_status ludc_node_copy(const ludc_load *, lud_str, char **out, size_t *len);
/* What to answer for a type that is not in the table: one of `planned` (NULL-terminated) is known, not available. */
lud_status ludc_node_refuse(const ludc_load *, const char *section, lud_str type, const char *const *planned);

/* ---- Scratch memory of one call ---- */
typedef struct ludc_scratch {
    void *ptr;
    size_t size;
} ludc_scratch;
void *ludc_scratch_take(ludc_scratch *, size_t n); /* at least n bytes, contents undefined; NULL: out of memory */

/* ---- Patterns (pattern.c): a string, a class of characters, a hand-written scanner or a PCRE2 regex ---- */
/* The first match at or after `at` in s[0..n); false = none. */
typedef bool (*ludc_scan_fn)(const ludc_classes *, const char *s, size_t n, size_t at, size_t *start, size_t *end);
bool ludc_scan_gpt2(const ludc_classes *, const char *, size_t, size_t, size_t *, size_t *);
bool ludc_scan_llama3(const ludc_classes *, const char *, size_t, size_t, size_t *, size_t *);
bool ludc_scan_qwen2(const ludc_classes *, const char *, size_t, size_t, size_t *, size_t *);
bool ludc_scan_words(const ludc_classes *, const char *, size_t, size_t, size_t *, size_t *);
ludc_scan_fn ludc_scan_find(lud_str regex); /* the scanner of a well-known regex, or NULL */

typedef struct ludc_regex ludc_regex; /* a compiled PCRE2 pattern, shared by all calls */
typedef struct ludc_match ludc_match; /* match data of one call */
/* lines: ^ and $ match at every line (Ruby), else at the ends of the text (Python). */
lud_status ludc_regex_new(const ludc_load *, lud_str regex, bool lines, ludc_regex **);
void ludc_regex_free(ludc_regex *);
void ludc_match_free(ludc_match *);
/* *found false: no match. `match` is made on first use. */
lud_status ludc_regex_next(const ludc_regex *, ludc_match **match, const char *s, size_t n, size_t at, bool *found,
                           size_t *start, size_t *end, lud_error *);

typedef struct ludc_pattern {
    char *text; /* a plain string to find, or NULL */
    size_t len;
    uint8_t classes; /* one character of any of these, or 0 */
    ludc_scan_fn scan;
    ludc_regex *regex;
} ludc_pattern;
/* {"String": s} or {"Regex": s}, or a bare string. */
lud_status ludc_pattern_load(const ludc_load *, const ludc_value *, ludc_pattern *);
lud_status ludc_pattern_literal(const ludc_load *, lud_str, ludc_pattern *);
void ludc_pattern_free(ludc_pattern *);

typedef struct ludc_find {
    const ludc_classes *classes;
    ludc_match **match;
    lud_error *err;
} ludc_find;
/* Calls fn for the matches (true) and the gaps between them (false), in order, over all of s. */
typedef lud_status (*ludc_segment_fn)(void *arg, size_t start, size_t end, bool is_match);
lud_status ludc_pattern_each(const ludc_pattern *, const ludc_find *, const char *s, size_t n, ludc_segment_fn,
                             void *arg);
/* Appends s with every match replaced. */
lud_status ludc_pattern_replace(const ludc_pattern *, const ludc_find *, lud_str s, lud_str content, ludc_buf *out);

/* ---- Normalizer (normalizer.c): a list of steps ---- */
enum {
    LUDC_NORM_FORM,
    LUDC_NORM_LOWER,
    LUDC_NORM_STRIP,
    LUDC_NORM_ACCENTS,
    LUDC_NORM_REPLACE,
    LUDC_NORM_PREPEND,
    LUDC_NORM_BYTES,
    LUDC_NORM_CLEAN,
    LUDC_NORM_FOLD,
    LUDC_NORM_NMT,
    LUDC_NORM_CHARSMAP
};
typedef struct ludc_charsmap ludc_charsmap; /* charsmap.c */
typedef struct ludc_norm_step {
    int kind;
    bool a, b; /* FORM: composed, compat. STRIP: left, right. CLEAN: controls, Chinese. FOLD: accents, case */
    ludc_pattern pattern;
    char *content;
    size_t content_len;
    ludc_charsmap *charsmap;
} ludc_norm_step;
typedef struct ludc_normalizer {
    ludc_norm_step *steps;
    size_t n;
} ludc_normalizer;
lud_status ludc_normalizer_load(const ludc_load *, const ludc_value *, ludc_normalizer *);
void ludc_normalizer_free(ludc_normalizer *);
/* The two halves of BertNormalizer (normalizer_bert.c) append their result; false: out of memory. */
bool ludc_bert_clean(lud_str, bool controls, bool chinese, ludc_buf *out);
bool ludc_bert_fold(lud_str, bool accents, bool lower, ludc_buf *out);
lud_status ludc_charsmap_load(const ludc_load *, lud_str base64, ludc_charsmap **);
void ludc_charsmap_free(ludc_charsmap *);
bool ludc_charsmap_apply(const ludc_charsmap *, lud_str, ludc_buf *out); /* appends; false: out of memory */
/* The result lies in `in` or in one of the two buffers. */
lud_status ludc_normalizer_apply(const ludc_normalizer *, const ludc_find *, lud_str in, ludc_buf bufs[2],
                                 lud_str *out);

/* ---- Pre-tokenizer (pretokenizer.c): a list of primitive stages, applied to a piece depth first ---- */
enum { LUDC_PRE_PREFIX, LUDC_PRE_SPLIT, LUDC_PRE_REPLACE, LUDC_PRE_BYTES };
enum { LUDC_SPLIT_REMOVED, LUDC_SPLIT_ISOLATED, LUDC_SPLIT_PREVIOUS, LUDC_SPLIT_NEXT, LUDC_SPLIT_CONTIGUOUS };
typedef struct ludc_pre_stage {
    int kind, behavior;
    bool invert;
    bool only_first; /* PREFIX: only the piece at the start of the text */
    ludc_pattern pattern;
    char content[8]; /* PREFIX, REPLACE: one character */
    size_t content_len;
} ludc_pre_stage;
#define LUDC_PRE_MAX 24 /* stages: bounds the recursion and the buffers of a call */
typedef struct ludc_pretokenizer {
    ludc_pre_stage stages[LUDC_PRE_MAX];
    size_t n;
} ludc_pretokenizer;
lud_status ludc_pretokenizer_load(const ludc_load *, const ludc_value *, ludc_pretokenizer *);
void ludc_pretokenizer_free(ludc_pretokenizer *);

/* ---- Vocabulary (vocab.c): text <-> id; sized once, before the first add ---- */
typedef struct ludc_vocab_slot {
    uint32_t hash, at, len; /* text at pool + at */
    int32_t id;             /* -1 = empty */
} ludc_vocab_slot;
typedef struct ludc_vocab {
    char *pool;
    size_t pool_len;
    ludc_vocab_slot *slots;
    uint32_t mask;
    uint32_t (*texts)[2]; /* by id: position plus one, length; 0 = no such id */
    int32_t n_ids;        /* highest id + 1 */
    size_t len;
} ludc_vocab;
bool ludc_vocab_init(ludc_vocab *, size_t count, size_t bytes, int32_t n_ids);
void ludc_vocab_free(ludc_vocab *);
void ludc_vocab_add(ludc_vocab *, lud_str, int32_t id);  /* the first id of a text is the one that `find` answers */
int32_t ludc_vocab_find(const ludc_vocab *, lud_str);    /* -1 if there is none */
lud_str ludc_vocab_text(const ludc_vocab *, int32_t id); /* len 0, ptr NULL if there is none */
void ludc_vocab_byte_ids(const ludc_vocab *, int32_t out[256]); /* of "<0xNN>", -1 if there is none */

/* ---- BPE model (bpe.c, bpe_load.c) ---- */
typedef struct ludc_merge {
    uint64_t key; /* left << 32 | right, plus one; 0 = empty */
    uint32_t rank;
    int32_t id;
} ludc_merge;
typedef struct ludc_bpe {
    const ludc_vocab *vocab;
    ludc_merge *table;
    uint64_t mask;
    int32_t (*pairs)[2]; /* by rank */
    size_t n_merges;
    bool ignore_merges, byte_fallback, fuse_unk;
    char *prefix, *suffix; /* NULL = none */
    size_t prefix_len, suffix_len;
    int32_t unk;           /* -1 = none: such characters are dropped; -2 = named, but not in the vocabulary */
    int32_t byte_id[256];  /* "<0xNN>" */
    int32_t low_id[0x200]; /* characters below U+0200, where there is neither prefix nor suffix */
    atomic_bool *whole;    /* by id: the text of this token was found to encode to just this token */
} ludc_bpe;
typedef struct ludc_bpe_work {
    ludc_scratch ids, links, heap;
    ludc_buf symbol;
} ludc_bpe_work;
lud_status ludc_bpe_load(const ludc_load *, const ludc_value *model, const ludc_vocab *, ludc_bpe *);
/* The parts, for vocabularies that do not come as JSON: options, then vocabulary, then merges, then finish. */
lud_status ludc_bpe_options(const ludc_load *, const ludc_value *model, const ludc_vocab *, ludc_bpe *);
lud_status ludc_bpe_merges_init(const ludc_load *, ludc_bpe *, size_t n);
lud_status ludc_bpe_merge_add(const ludc_load *, ludc_bpe *, lud_str left, lud_str right);
lud_status ludc_bpe_finish(const ludc_load *, ludc_bpe *);
void ludc_bpe_free(ludc_bpe *);
void ludc_bpe_work_free(ludc_bpe_work *);
/* Appends the ids of one word. */
lud_status ludc_bpe_encode(const ludc_bpe *, ludc_bpe_work *, lud_str word, ludc_ids *out, lud_error *);

/* ---- Trie over bytes (trie.c) ---- */
/* Node 0 is the root. An edge is child << 36 | node << 8 | byte, 0 = empty, found by hash (open addressing). */
typedef struct ludc_trie {
    uint64_t *edges, mask;
    int32_t *ids; /* by node: the id of the text that ends there, or -1 */
    size_t n, cap;
} ludc_trie;
bool ludc_trie_init(ludc_trie *, const ludc_vocab *); /* all texts of a vocabulary with the ids that `find` gives */
void ludc_trie_free(ludc_trie *);
/* The node behind one more byte, 0 if there is none. */
static inline uint32_t ludc_trie_next(const ludc_trie *t, uint32_t node, char byte) {
    uint64_t key = (uint64_t)node << 8 | (unsigned char)byte;
    for (uint64_t i = (key * 0x9E3779B97F4A7C15U) >> 32;; i++) {
        uint64_t edge = t->edges[i & t->mask];
        if (edge == 0 || (edge & 0xFFFFFFFFFU) == key) return (uint32_t)(edge >> 36);
    }
}

/* ---- WordPiece model (wordpiece.c) ---- */
typedef struct ludc_wordpiece {
    const ludc_vocab *vocab;
    ludc_trie trie;
    uint32_t inside; /* where pieces within a word begin: the node behind the prefix */
    bool has_inside; /* some piece begins with the prefix */
    size_t max_chars;
    int32_t unk; /* -2: not in the vocabulary */
} ludc_wordpiece;
lud_status ludc_wordpiece_load(const ludc_load *, const ludc_value *model, const ludc_vocab *, ludc_wordpiece *);
void ludc_wordpiece_free(ludc_wordpiece *);
lud_status ludc_wordpiece_encode(const ludc_wordpiece *, lud_str word, ludc_ids *out, lud_error *);

/* ---- Unigram model (unigram.c) ---- */
typedef struct ludc_unigram {
    const ludc_vocab *vocab;
    ludc_trie trie;
    double *scores, unk_score; /* scores by id */
    int32_t unk;               /* -1 = none: text that needs it is an error */
    bool byte_fallback;
    int32_t byte_id[256];
} ludc_unigram;
lud_status ludc_unigram_load(const ludc_load *, const ludc_value *model, ludc_vocab *, ludc_unigram *); /* vocab too */
void ludc_unigram_free(ludc_unigram *);
lud_status ludc_unigram_encode(const ludc_unigram *, ludc_scratch *, lud_str word, ludc_ids *out, lud_error *);

/* ---- Added tokens (added.c) ---- */
typedef struct ludc_added_token {
    char *text;
    size_t len;
    char *pattern; /* text, normalized if `normalized` */
    size_t pattern_len;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
} ludc_added_token;
typedef struct ludc_added_index { /* patterns in byte order, found by narrowing a range */
    const ludc_added_token **sorted;
    size_t n;
    uint32_t first[257]; /* range of the patterns that start with this byte */
} ludc_added_index;
typedef struct ludc_added {
    ludc_added_token *tokens;
    size_t n;
    ludc_map *by_text, *by_id; /* to the token's number; the key of by_id is the id's four bytes */
    ludc_added_index raw, normalized;
    int32_t n_ids; /* highest id + 1 */
} ludc_added;
lud_status ludc_added_load(const ludc_load *, const ludc_value *list, const ludc_vocab *, ludc_added *);
/* Patterns need the normalizer: called after it is loaded. */
lud_status ludc_added_index_all(ludc_added *, const ludc_normalizer *, const ludc_find *);
void ludc_added_free(ludc_added *);
const ludc_added_token *ludc_added_by_id(const ludc_added *, int32_t id); /* NULL if there is none */
/* Cuts s at the tokens of one index: fn(arg, start, end, token or NULL). */
typedef lud_status (*ludc_added_fn)(void *arg, size_t start, size_t end, const ludc_added_token *);
lud_status ludc_added_split(const ludc_added_index *, const ludc_classes *, const char *s, size_t n, ludc_added_fn,
                            void *arg);

/* ---- Post-processor (post.c): ids before and after the text ---- */
typedef struct ludc_post {
    ludc_ids before, after;
} ludc_post;
lud_status ludc_post_load(const ludc_load *, const ludc_value *, ludc_post *);
void ludc_post_free(ludc_post *);

/* ---- Decoder (decoder.c) ---- */
enum {
    LUDC_DEC_BYTES,
    LUDC_DEC_WORDPIECE,
    LUDC_DEC_METASPACE,
    LUDC_DEC_FALLBACK,
    LUDC_DEC_FUSE,
    LUDC_DEC_STRIP,
    LUDC_DEC_REPLACE,
    LUDC_DEC_SUFFIX
};
typedef struct ludc_dec_step {
    int kind;
    bool flag;          /* WORDPIECE: cleanup. METASPACE: the first token keeps its blanks */
    size_t start, stop; /* STRIP: at most so many at each end */
    ludc_pattern pattern;
    char *content; /* WORDPIECE: prefix. METASPACE, STRIP: one character. REPLACE: content. SUFFIX: suffix */
    size_t content_len;
} ludc_dec_step;
typedef struct ludc_decoder {
    ludc_dec_step *steps;
    size_t n;
    bool set; /* false: tokens are joined by blanks */
} ludc_decoder;
/* A list of texts in one buffer. */
typedef struct ludc_pieces {
    ludc_buf text;
    size_t *end;
    size_t n, cap;
    bool failed;
} ludc_pieces;
void ludc_pieces_push(ludc_pieces *, lud_str); /* also ends what was added to `text` since the last push */
void ludc_pieces_clear(ludc_pieces *);
void ludc_pieces_free(ludc_pieces *);
lud_str ludc_pieces_at(const ludc_pieces *, size_t i);
lud_status ludc_decoder_load(const ludc_load *, const ludc_value *, ludc_decoder *);
void ludc_decoder_free(ludc_decoder *);
lud_status ludc_decoder_apply(const ludc_decoder *, const ludc_find *, ludc_pieces *tokens, ludc_buf *out);

/* ---- The whole ---- */
enum { LUDC_MODEL_BPE, LUDC_MODEL_WORDPIECE, LUDC_MODEL_UNIGRAM };
struct ludc_tokenizer {
    ludc_classes classes;
    ludc_normalizer normalizer;
    ludc_pretokenizer pre;
    ludc_vocab vocab; /* of the model */
    int model;        /* LUDC_MODEL_* : one of the next */
    ludc_bpe bpe;
    ludc_wordpiece wordpiece;
    ludc_unigram unigram;
    ludc_added added;
    ludc_post post;
    ludc_decoder decoder;
    ludc_special_ids special;
    char *json; /* the file's own text; NULL: `skeleton` is all of it but vocabulary and merges (GGUF, vocab.txt) */
    size_t json_len;
    ludc_value *skeleton, *config; /* config: tokenizer_config.json, or NULL */
};
/* All parts but the model; the model's vocabulary is loaded already. (load.c) */
lud_status ludc_tokenizer_load_parts(const ludc_load *, const ludc_value *root, ludc_tokenizer *);
/* Special ids by tok->config and by what the parts have. */
lud_status ludc_tokenizer_load_special(const ludc_load *, ludc_tokenizer *);

/* What one encode call writes. */
typedef struct ludc_work {
    const ludc_tokenizer *tok;
    ludc_ids *out;
    ludc_find find;
    ludc_match *match;
    ludc_buf norm[2];
    ludc_scratch stage[LUDC_PRE_MAX];
    ludc_buf replaced[LUDC_PRE_MAX];
    ludc_bpe_work bpe;
    ludc_scratch unigram;
} ludc_work;
/* A part of the text on its way through the stages; `first`: it lies at the very start of the text. */
typedef struct ludc_piece {
    const char *ptr;
    size_t len;
    bool first;
} ludc_piece;
lud_status ludc_pretokenizer_run(ludc_work *, size_t stage, ludc_piece); /* ends in ludc_subwords_encode */

/* ---- Any model (model.c) ---- */
/* Vocabulary and model from the root of tokenizer.json. */
lud_status ludc_subwords_load(const ludc_load *, const ludc_value *root, ludc_tokenizer *);
void ludc_subwords_free(ludc_tokenizer *);
lud_status ludc_subwords_encode(ludc_work *, lud_str word); /* appends the ids of one word */
/* The id of the member unk_token (absent: dflt): -1 = none, -2 = named, but not in the vocabulary. */
lud_status ludc_subwords_unk(const ludc_load *, const ludc_value *model, lud_str dflt, const ludc_vocab *,
                             int32_t *out);
int32_t ludc_subwords_unk_id(const ludc_tokenizer *);       /* -1 if there is none */
lud_status ludc_subwords_no_unk(lud_error *, lud_str part); /* the error of a text that needs the missing unk_token */

#endif
