/* SPDX-License-Identifier: Apache-2.0
 * The parts of a tokenizer, shared by the files of core/text. */
#ifndef LUDC_TEXT_INTERNAL_H
#define LUDC_TEXT_INTERNAL_H

#include <text.h>

/* ---- Character classes (unicode.c) ---- */
enum { LUDC_CH_OTHER, LUDC_CH_LETTER, LUDC_CH_NUMBER, LUDC_CH_SPACE, LUDC_CH_MARK };
int ludc_char_class(uint32_t cp);
bool ludc_char_is_punctuation(uint32_t cp);
/* GPT-2's printable stand-in of a byte, and back (-1: not one). */
uint32_t ludc_byte_char(uint8_t byte);
int ludc_char_byte(uint32_t cp);
/* Unicode normalization: form is "NFC", "NFD", "NFKC" or "NFKD". */
lud_status ludc_unicode_normalize(const char *form, lud_str in, ludc_buf *out, lud_error *);
lud_status ludc_unicode_lower(lud_str in, ludc_buf *out, lud_error *);
void ludc_utf8_lossy(lud_str in, ludc_buf *out); /* each maximal invalid part becomes one U+FFFD */

/* ---- Pieces: spans of a text ---- */
typedef struct ludc_piece {
    size_t begin, len;
    int32_t id; /* >= 0: an added token */
} ludc_piece;
typedef struct ludc_pieces {
    ludc_buf text;
    ludc_piece *ptr;
    size_t len, cap;
    bool failed;
} ludc_pieces;
void ludc_pieces_add(ludc_pieces *, size_t begin, size_t len, int32_t id);
void ludc_pieces_free(ludc_pieces *);

/* ---- Added tokens (added.c) ---- */
typedef struct ludc_added {
    char *content;
    size_t len;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
} ludc_added;
typedef struct ludc_added_set {
    ludc_added *ptr; /* longest first */
    size_t len, cap;
    bool first_byte[2][256]; /* [normalized] */
} ludc_added_set;
bool ludc_added_add(ludc_added_set *, ludc_added); /* copies the content */
void ludc_added_ready(ludc_added_set *);
void ludc_added_free(ludc_added_set *);
const ludc_added *ludc_added_find(const ludc_added_set *, int32_t id);
/* Appends to out, whose text must already hold `text`: spans between matches with id -1, matches with their id. */
void ludc_added_split(const ludc_added_set *, bool normalized, const char *text, size_t begin, size_t end,
                      ludc_pieces *out);

/* ---- Normalizer and pre-tokenizer steps ---- */
enum { LUDC_N_UNICODE, LUDC_N_LOWERCASE, LUDC_N_STRIP, LUDC_N_REPLACE, LUDC_N_PREPEND };
enum {
    LUDC_P_BYTE_LEVEL,
    LUDC_P_SCAN,
    LUDC_P_DIGITS,
    LUDC_P_WHITESPACE_SPLIT,
    LUDC_P_PUNCTUATION,
    LUDC_P_METASPACE,
    LUDC_P_SPLIT_STRING
};
enum { LUDC_SCAN_GPT2, LUDC_SCAN_LLAMA3, LUDC_SCAN_QWEN2 };
enum { LUDC_B_REMOVED, LUDC_B_ISOLATED, LUDC_B_PREVIOUS, LUDC_B_NEXT, LUDC_B_CONTIGUOUS };
enum { LUDC_D_BYTE_LEVEL, LUDC_D_REPLACE, LUDC_D_BYTE_FALLBACK, LUDC_D_FUSE, LUDC_D_STRIP, LUDC_D_METASPACE };
typedef struct ludc_step {
    int kind;
    int scan, behavior;       /* pre-tokenizers */
    bool left, right;         /* strip; first/always of a metaspace in `left` */
    bool prefix_space, regex; /* byte level */
    bool individual;          /* digits */
    char *from, *to;          /* replace, prepend, form, replacement */
    size_t from_len, to_len;
    int64_t start, stop; /* decoder strip */
} ludc_step;
typedef struct ludc_steps {
    ludc_step *ptr;
    size_t len, cap;
} ludc_steps;
bool ludc_steps_add(ludc_steps *, const ludc_step *); /* takes from and to */
void ludc_steps_free(ludc_steps *);
lud_status ludc_normalize(const ludc_steps *, lud_str in, ludc_buf *out, lud_error *);
/* Splits the pieces of `io` step by step. */
lud_status ludc_pretokenize(const ludc_steps *, ludc_pieces *io, ludc_pieces *scratch, lud_error *);
/* Length of the next word of a known pattern at s (n > 0 bytes left); always > 0. */
size_t ludc_scan_word(int scan, const char *s, size_t n);

/* ---- Byte-pair encoding (bpe.c) ---- */
typedef struct ludc_bpe {
    ludc_map *vocab;
    int32_t byte_id[256];     /* id of the byte's stand-in, -1 = none */
    int32_t fallback_id[256]; /* id of <0xNN>, -1 = none */
    uint64_t *merge_key;      /* open addressing: left << 32 | right; UINT64_MAX = free */
    uint64_t *merge_value;    /* rank << 32 | new id */
    size_t merge_cap, n_merges;
    int32_t unk;
    bool byte_level, ignore_merges, byte_fallback, fuse_unk;
} ludc_bpe;
lud_status ludc_bpe_reserve(ludc_bpe *, size_t n_merges, lud_error *);
lud_status ludc_bpe_add_merge(ludc_bpe *, lud_str left, lud_str right, lud_error *);
void ludc_bpe_ready(ludc_bpe *);
lud_status ludc_bpe_encode(const ludc_bpe *, lud_str word, ludc_ids *out, lud_error *);
void ludc_bpe_free(ludc_bpe *);

struct ludc_tokenizer {
    ludc_steps normalizer, pretokenizer, decoder;
    ludc_added_set added;
    ludc_bpe bpe;
    ludc_ids prefix, suffix; /* of the post-processor */
    lud_str *tokens;         /* by id; text lives in token_text */
    int32_t n_tokens;
    ludc_special_ids special;
    ludc_buf json, config; /* as they are written out */
};
lud_status ludc_tokenizer_set_token(ludc_tokenizer *, int32_t id, lud_str text, lud_error *);
int ludc_scan_of_regex(lud_str regex); /* -1: not one of the known patterns */
/* The pre-tokenizer that a GGUF names, as tokenizer.json's value; NULL if the name is unknown. */
ludc_value *ludc_gguf_pretokenizer(lud_str pre, bool *ignore_merges);
lud_status ludc_tokenizer_read(const ludc_value *root, const char *name, const ludc_value *config, ludc_tokenizer **,
                               lud_error *);

#endif
