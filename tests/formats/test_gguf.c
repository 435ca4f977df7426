/* SPDX-License-Identifier: Apache-2.0
 * GGUF: every rule of the reader on a file built for it, metadata of every type, random mutations, each allocation
 * failing in turn, and the real model of LUDWIG_MODELS if it is there. */
#include "files.h"

#include <check.h>
#include <formats.h>
#include <math.h>

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARRAY, U64, I64, F64 };

static void put_text(ludc_buf *b, const char *s) {
    put_le(b, strlen(s), 8);
    ludc_buf_adds(b, s);
}

static void put_head(ludc_buf *b, uint32_t version, uint64_t tensors, uint64_t kv) {
    ludc_buf_adds(b, "GGUF");
    put_le(b, version, 4);
    put_le(b, tensors, 8);
    put_le(b, kv, 8);
}

static void put_key(ludc_buf *b, const char *key, uint32_t type) {
    put_text(b, key);
    put_le(b, type, 4);
}

static void put_u32(ludc_buf *b, const char *key, uint64_t v) {
    put_key(b, key, U32);
    put_le(b, v, 4);
}

static void put_array(ludc_buf *b, const char *key, uint32_t type, uint64_t n) {
    put_key(b, key, ARRAY);
    put_le(b, type, 4);
    put_le(b, n, 8);
}

static void put_words(ludc_buf *b, const char *key, const char *const *words, size_t n) {
    put_array(b, key, STR, n);
    for (size_t i = 0; i < n; i++)
        put_text(b, words[i]);
}

static void put_tensor(ludc_buf *b, const char *name, uint32_t rank, const uint64_t *dim, uint32_t type, uint64_t at) {
    put_text(b, name);
    put_le(b, rank, 4);
    for (uint32_t i = 0; i < rank; i++)
        put_le(b, dim[i], 8);
    put_le(b, type, 4);
    put_le(b, at, 8);
}

static void put_data(ludc_buf *b, size_t alignment, size_t n) {
    while (b->len % alignment)
        put_le(b, 0, 1);
    for (size_t i = 0; i < n; i++)
        put_le(b, i * 7, 1);
}

/* ---- Files, one per rule ---- */

#define DIMS(...) ((const uint64_t[]){__VA_ARGS__})

static void one_tensor(ludc_buf *b, uint32_t rank, const uint64_t *dim, uint32_t type, uint64_t at, size_t data) {
    put_head(b, 3, 1, 0);
    put_tensor(b, "w", rank, dim, type, at);
    put_data(b, 32, data);
}

static void two_tensors(ludc_buf *b, uint64_t second, size_t data) {
    put_head(b, 2, 2, 0);
    put_tensor(b, "a", 1, DIMS(3), 0, 0);
    put_tensor(b, "b", 2, DIMS(32, 2), 3, second);
    put_data(b, 32, data);
}

static void good_v2(ludc_buf *b) {
    two_tensors(b, 32, 32 + 40);
}
static void good_scalar(ludc_buf *b) {
    one_tensor(b, 0, NULL, 0, 0, 4);
}
static void good_empty(ludc_buf *b) {
    put_head(b, 3, 0, 0);
}
static void good_alignment(ludc_buf *b) {
    put_head(b, 3, 2, 1);
    put_u32(b, "general.alignment", 64);
    put_tensor(b, "a", 1, DIMS(1), 0, 0);
    put_tensor(b, "b", 1, DIMS(1), 0, 64);
    put_data(b, 64, 68);
}
static void file_23_bytes(ludc_buf *b) {
    put_head(b, 3, 0, 0);
    b->len--;
}
static void magic(ludc_buf *b) {
    put_head(b, 3, 0, 0);
    b->ptr[3] = 'f';
}
static void version_1(ludc_buf *b) {
    put_head(b, 1, 0, 0);
}
static void version_4(ludc_buf *b) {
    put_head(b, 4, 0, 0);
}
static void big_endian(ludc_buf *b) {
    put_head(b, 3u << 24, 0, 0);
}
static void tensor_count(ludc_buf *b) {
    put_head(b, 3, 2, 0);
    put_data(b, 1, 47);
}
static void tensor_count_huge(ludc_buf *b) {
    put_head(b, 3, UINT64_MAX / 8, 0);
}
static void kv_count(ludc_buf *b) {
    put_head(b, 3, 0, 2);
    put_data(b, 1, 25);
}
static void kv_count_huge(ludc_buf *b) {
    put_head(b, 3, 0, UINT64_MAX / 4);
}
static void text_beyond_end(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "k", STR);
    put_le(b, 9, 8);
    put_data(b, 1, 8);
}
static void text_2_64(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "k", STR);
    put_le(b, UINT64_MAX, 8);
}
static void key_empty(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_u32(b, "", 1);
}
static void key_long(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_le(b, 65536, 8);
    put_data(b, 1, 65536 + 8);
}
static void key_control(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_u32(b, "a\nb", 1);
}
static void key_twice(ludc_buf *b) {
    put_head(b, 3, 0, 2);
    put_u32(b, "k", 1);
    put_u32(b, "k", 1);
}
static void type_unknown(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "k", 13);
    put_data(b, 1, 16);
}
static void number_beyond_end(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "k", U64);
    put_le(b, 0, 4);
}
static void bool_2(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "k", BOOL);
    put_le(b, 2, 1);
}
static void array_huge(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_array(b, "k", U8, 1ull << 63);
}
static void array_of_texts(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_array(b, "k", STR, 3);
    put_data(b, 1, 23);
}
static void array_of_arrays(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_array(b, "k", ARRAY, 1);
    put_data(b, 1, 32);
}
static void array_type(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_array(b, "k", 99, 1);
    put_data(b, 1, 32);
}
static void array_items(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_array(b, "k", U8, (1u << 22) + 1);
    for (int i = 0; i < 33; i++) { /* 33 * 2^17 > 2^22 */
        char zeros[4096] = {0};
        for (int k = 0; k < 32; k++)
            ludc_buf_add(b, zeros, sizeof zeros);
    }
}
static void alignment_of(ludc_buf *b, uint64_t v) {
    put_head(b, 3, 0, 1);
    put_u32(b, "general.alignment", v);
}
static void alignment_0(ludc_buf *b) {
    alignment_of(b, 0);
}
static void alignment_4(ludc_buf *b) {
    alignment_of(b, 4);
}
static void alignment_48(ludc_buf *b) {
    alignment_of(b, 48);
}
static void alignment_2_31(ludc_buf *b) {
    alignment_of(b, 1u << 31);
}
static void alignment_type(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "general.alignment", U64);
    put_le(b, 32, 8);
}
static void alignment_text(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "general.alignment", STR);
    put_text(b, "32");
}
static void name_empty(ludc_buf *b) {
    put_head(b, 3, 1, 0);
    put_tensor(b, "", 1, DIMS(1), 0, 0);
    put_data(b, 32, 4);
}
static void name_64(ludc_buf *b) {
    put_head(b, 3, 1, 0);
    put_tensor(b, "0123456789012345678901234567890123456789012345678901234567890123", 1, DIMS(1), 0, 0);
    put_data(b, 32, 4);
}
static void name_twice(ludc_buf *b) {
    put_head(b, 3, 2, 0);
    put_tensor(b, "w", 1, DIMS(1), 0, 0);
    put_tensor(b, "w", 1, DIMS(1), 0, 32);
    put_data(b, 32, 64);
}
static void five_dims(ludc_buf *b) {
    one_tensor(b, 5, DIMS(1, 1, 1, 1, 1), 0, 0, 4);
}
static void dim_zero(ludc_buf *b) {
    one_tensor(b, 2, DIMS(4, 0), 0, 0, 4);
}
static void dim_negative(ludc_buf *b) {
    one_tensor(b, 1, DIMS(UINT64_MAX), 0, 0, 4);
}
static void product(ludc_buf *b) {
    one_tensor(b, 4, DIMS(1ull << 42, 1ull << 42, 1, 1), 0, 0, 4);
}
static void bytes_wrap(ludc_buf *b) {
    one_tensor(b, 2, DIMS(1ull << 31, 1ull << 31), 28, 0, 4);
}
static void type_removed(ludc_buf *b) {
    one_tensor(b, 1, DIMS(32), 4, 0, 64);
}
static void type_not_read(ludc_buf *b) {
    one_tensor(b, 1, DIMS(256), 12, 0, 256);
}
static void type_999(ludc_buf *b) {
    one_tensor(b, 1, DIMS(32), 999, 0, 64);
}
static void type_negative(ludc_buf *b) {
    one_tensor(b, 1, DIMS(32), UINT32_MAX, 0, 64);
}
static void block(ludc_buf *b) {
    one_tensor(b, 2, DIMS(16, 2), 2, 0, 64);
}
static void offset_odd(ludc_buf *b) {
    one_tensor(b, 1, DIMS(1), 0, 4, 64);
}
static void offset_first(ludc_buf *b) {
    one_tensor(b, 1, DIMS(1), 0, 32, 64);
}
static void overlap(ludc_buf *b) {
    two_tensors(b, 0, 128);
}
static void hole(ludc_buf *b) {
    two_tensors(b, 64, 128);
}
static void pad_wraps(ludc_buf *b) {
    one_tensor(b, 2, DIMS((1ull << 61) - 1, 2), 0, 0, 4);
}
static void sum_wraps(ludc_buf *b) {
    put_head(b, 3, 3, 0);
    put_tensor(b, "a", 1, DIMS(1ull << 61), 0, 0);
    put_tensor(b, "b", 1, DIMS(1ull << 61), 0, 1ull << 63);
    put_tensor(b, "c", 1, DIMS(1), 0, 0);
    put_data(b, 32, 4);
}
static void data_short(ludc_buf *b) {
    two_tensors(b, 32, 32 + 39);
}
static void no_data(ludc_buf *b) {
    one_tensor(b, 1, DIMS(1ull << 40), 24, 0, 0);
}
static void table_cut(ludc_buf *b) {
    put_head(b, 3, 1, 0);
    put_tensor(b, "w012345678", 1, DIMS(1), 0, 0);
    b->len -= 1;
}

/* ---- What metadata mean ---- */

static const char *const words[] = {"<unk>", "a", "b", "ab", "<0x0A>"};

static void vocabulary(ludc_buf *b, uint64_t more) {
    put_head(b, 3, 0, 1 + more);
    put_words(b, "tokenizer.ggml.tokens", words, 5);
}
static void put_types(ludc_buf *b, size_t n, uint32_t last) {
    put_array(b, "tokenizer.ggml.token_type", I32, n);
    for (size_t i = 0; i < n; i++)
        put_le(b, i + 1 == n ? last : 1, 4);
}
static void good_vocabulary(ludc_buf *b) {
    vocabulary(b, 3);
    put_types(b, 5, 6);
    put_words(b, "tokenizer.ggml.merges", (const char *const[]){"a b"}, 1);
    put_u32(b, "tokenizer.ggml.bos_token_id", 4);
}
static void types_short(ludc_buf *b) {
    vocabulary(b, 1);
    put_types(b, 4, 1);
}
static void types_text(ludc_buf *b) {
    vocabulary(b, 1);
    put_words(b, "tokenizer.ggml.token_type", words, 5);
}
static void scores_short(ludc_buf *b) {
    vocabulary(b, 1);
    put_array(b, "tokenizer.ggml.scores", F32, 1);
    put_le(b, 0, 4);
}
static void scores_u8(ludc_buf *b) {
    vocabulary(b, 1);
    put_array(b, "tokenizer.ggml.scores", U8, 5);
    put_le(b, 0, 5);
}
static void tokens_text(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_key(b, "tokenizer.ggml.tokens", STR);
    put_text(b, "a");
}
static void id_beyond(ludc_buf *b) {
    vocabulary(b, 1);
    put_u32(b, "tokenizer.ggml.eos_token_id", 5);
}
static void id_negative(ludc_buf *b) {
    vocabulary(b, 1);
    put_key(b, "tokenizer.ggml.padding_token_id", I32);
    put_le(b, UINT32_MAX, 4);
}
static void id_text(ludc_buf *b) {
    vocabulary(b, 1);
    put_key(b, "tokenizer.ggml.seperator_token_id", STR);
    put_text(b, "1");
}
static void byte_token(ludc_buf *b, const char *token) {
    put_head(b, 3, 0, 2);
    put_words(b, "tokenizer.ggml.tokens", &token, 1);
    put_types(b, 1, 6);
}
static void byte_minus(ludc_buf *b) {
    byte_token(b, "<0x-1>");
}
static void byte_three(ludc_buf *b) {
    byte_token(b, "<0x100>");
}
static void byte_g(ludc_buf *b) {
    byte_token(b, "<0xAG>");
}
static void arch_numbers(ludc_buf *b, uint64_t blocks, uint64_t width, uint64_t heads, uint64_t kv) {
    put_head(b, 3, 0, 5);
    put_key(b, "general.architecture", STR);
    put_text(b, "llama");
    put_u32(b, "llama.block_count", blocks);
    put_u32(b, "llama.embedding_length", width);
    put_u32(b, "llama.attention.head_count", heads);
    put_u32(b, "llama.attention.head_count_kv", kv);
}
static void good_numbers(ludc_buf *b) {
    arch_numbers(b, 10000, 576, 9, 3);
}
static void blocks_many(ludc_buf *b) {
    arch_numbers(b, 10001, 576, 9, 3);
}
static void heads_zero(ludc_buf *b) {
    arch_numbers(b, 1, 576, 0, 3);
}
static void kv_zero(ludc_buf *b) {
    arch_numbers(b, 1, 576, 9, 0);
}
static void heads_width(ludc_buf *b) {
    arch_numbers(b, 1, 577, 9, 3);
}
static void heads_kv(ludc_buf *b) {
    arch_numbers(b, 1, 576, 9, 4);
}
static void arch_number(ludc_buf *b) {
    put_head(b, 3, 0, 1);
    put_u32(b, "general.architecture", 1);
}
static void embedding(ludc_buf *b, uint64_t rows, uint64_t width) {
    put_head(b, 3, 1, 3);
    put_key(b, "general.architecture", STR);
    put_text(b, "x");
    put_u32(b, "x.embedding_length", 4);
    put_words(b, "tokenizer.ggml.tokens", words, 5);
    put_tensor(b, "token_embd.weight", 2, DIMS(width, rows), 0, 0);
    put_data(b, 32, 256);
}
static void good_embedding(ludc_buf *b) {
    embedding(b, 5, 4);
}
static void embedding_rows(ludc_buf *b) {
    embedding(b, 4, 4);
}
static void embedding_width(ludc_buf *b) {
    embedding(b, 5, 8);
}

static const struct {
    void (*build)(ludc_buf *);
    const char *name, *refusal; /* NULL = accepted */
} rules[] = {
    {good_v2, "version 2, two tensors", NULL},
    {good_scalar, "0 dimensions", NULL},
    {good_empty, "nothing in it", NULL},
    {good_alignment, "alignment 64", NULL},
    {good_vocabulary, "vocabulary", NULL},
    {good_numbers, "sane numbers", NULL},
    {good_embedding, "embedding fits", NULL},
    {file_23_bytes, "file under 24 bytes", "at least 24 bytes"},
    {magic, "magic", "does not begin with 'GGUF'"},
    {version_1, "version 1", "version 1"},
    {version_4, "version 4", "version 4"},
    {big_endian, "big-endian", "big-endian"},
    {tensor_count, "G1 tensor count", "claims 2 tensors"},
    {tensor_count_huge, "G1 tensor count near 2^64", "tensors, more than fit"},
    {kv_count, "G1 kv count", "claims 2 metadata entries"},
    {kv_count_huge, "G1 kv count near 2^64", "entries, more than fit"},
    {text_beyond_end, "G2 string beyond the end", "truncated"},
    {text_2_64, "G2 string of 2^64 - 1", "at most 2^30"},
    {key_empty, "key of 0 bytes", "1 to 65535"},
    {key_long, "key of 65536 bytes", "1 to 65535"},
    {key_control, "control character in a key", "plain UTF-8"},
    {key_twice, "G9 key twice", "'k' is there twice"},
    {type_unknown, "value type 13", "unknown type 13"},
    {number_beyond_end, "number beyond the end", "truncated"},
    {bool_2, "bool of 2", "neither 0 nor 1"},
    {array_huge, "G3 array of 2^63", "claims 9223372036854775808 items"},
    {array_of_texts, "G3 strings need 8 bytes each", "claims 3 items"},
    {array_of_arrays, "array of arrays", "type 9"},
    {array_type, "array of an unknown type", "type 99"},
    {array_items, "more items than a model has", "more than 4194304 items"},
    {alignment_0, "G6 alignment 0", "power of two"},
    {alignment_4, "G6 alignment 4", "power of two"},
    {alignment_48, "G6 alignment 48", "power of two"},
    {alignment_2_31, "G6 alignment 2^31", "power of two"},
    {alignment_type, "G6 alignment as u64", "must be a u32"},
    {alignment_text, "G6 alignment as text", "must be a u32"},
    {name_empty, "tensor name of 0 bytes", "1 to 63 bytes"},
    {name_64, "tensor name of 64 bytes", "1 to 63 bytes"},
    {name_twice, "G9 tensor twice", "'w' is there twice"},
    {five_dims, "5 dimensions", "more than 4"},
    {dim_zero, "dimension 0", "dimension is 0"},
    {dim_negative, "dimension 2^64 - 1", "beyond 2^63"},
    {product, "G5 product wraps", "shape overflows"},
    {bytes_wrap, "G5 bytes wrap", "size overflows"},
    {type_removed, "removed type 4", "type unknown (4)"},
    {type_not_read, "type Q4_K names tensor and type", "tensor 'w' has type Q4_K (12)"},
    {type_999, "type 999", "type unknown (999)"},
    {type_negative, "type 2^32 - 1", "type unknown (4294967295)"},
    {block, "row of half a block", "whole blocks"},
    {offset_odd, "offset not aligned", "not aligned"},
    {offset_first, "hole at the start", "overlap or hole"},
    {overlap, "overlap", "overlap or hole"},
    {hole, "hole", "overlap or hole"},
    {pad_wraps, "G5 padded size wraps", "overflows"},
    {sum_wraps, "G5 sum of sizes wraps", "overflows"},
    {data_short, "data one byte short", "truncated: tensor 'b'"},
    {no_data, "dimensions larger than the data", "truncated: tensor 'w'"},
    {table_cut, "cut in the tensor table", "truncated"},
    {types_short, "vocabulary arrays of different length", "has 4 items, the vocabulary has 5"},
    {types_text, "G4 token types as text", "right type"},
    {scores_short, "scores of different length", "has 1 items"},
    {scores_u8, "G4 scores as u8", "right type"},
    {tokens_text, "G4 tokens no array", "right type"},
    {id_beyond, "G8 token id = vocabulary size", "eos_token_id is no id"},
    {id_negative, "G8 token id -1", "padding_token_id is no id"},
    {id_text, "G8 token id as text", "seperator_token_id is no id"},
    {byte_minus, "G7 <0x-1>", "'<0x-1>' is a byte token"},
    {byte_three, "G7 <0x100>", "'<0x100>' is a byte token"},
    {byte_g, "G7 <0xAG>", "'<0xAG>' is a byte token"},
    {blocks_many, "block_count beyond 10^4", "block_count must be"},
    {heads_zero, "head_count 0", "head_count must be"},
    {kv_zero, "head_count_kv 0", "head_count_kv must be"},
    {heads_width, "heads do not divide the width", "does not divide by 9"},
    {heads_kv, "kv heads do not divide the heads", "cannot be shared by 4"},
    {arch_number, "architecture no text", "must be a string"},
    {embedding_rows, "G8 embedding rows", "4 rows of 4"},
    {embedding_width, "embedding width", "5 rows of 8"},
};

static void test_rules(void) {
    for (size_t i = 0; i < LUDC_COUNT(rules); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tensors *set = NULL;
        ludc_buf b = {0};
        rules[i].build(&b);
        lud_status s = ludc_gguf_open(files_put("case.gguf", b.ptr, b.len), &set, &err);
        ludc_buf_free(&b);
        bool kept = rules[i].refusal ? s == LUD_E_IO && strstr(err.msg, rules[i].refusal) != NULL : s == LUD_OK;
        if (!kept) fprintf(stderr, "rule '%s': status %d, message '%s'\n", rules[i].name, s, err.msg);
        CHECK(kept);
        ludc_tensors_free(set);
    }
}

/* ---- Values ---- */

static void put_every_type(ludc_buf *b) {
    put_head(b, 3, 1, 14);
    for (uint32_t type = 0; type <= F64; type++) {
        static const int width[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
        char key[16];
        snprintf(key, sizeof key, "k.%u", type);
        if (type == ARRAY) {
            put_array(b, key, I16, 2);
            put_le(b, 0xfffe0001u, 4);
        } else {
            put_key(b, key, type);
            if (type == STR) put_text(b, "text");
            if (type == F32) put_le(b, 0x3fc00000u, 4);
            if (type == F64) put_le(b, 0x3ff8000000000000u, 8);
            if (type == BOOL) put_le(b, 1, 1);
            if (type != STR && type != F32 && type != F64 && type != BOOL) put_le(b, UINT64_MAX - 1, width[type]);
        }
    }
    put_key(b, "a.empty", ARRAY);
    put_le(b, STR, 4);
    put_le(b, 0, 8);
    put_tensor(b, "w", 2, DIMS(3, 2), 0, 0);
    put_data(b, 32, 24);
}

static void test_values(void) {
    static const int64_t want[] = {254, -2, 65534, -2, 4294967294, -2};
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    ludc_buf b = {0};
    put_every_type(&b);
    CHECK_OK(ludc_gguf_open(files_put("types.gguf", b.ptr, b.len), &set, &err), err);
    ludc_buf_free(&b);
    if (!set) return;
    const ludc_value *m = ludc_tensors_metadata(set);
    for (uint32_t type = 0; type <= I32; type++) {
        char key[16];
        snprintf(key, sizeof key, "k.%u", type);
        const ludc_value *v = ludc_value_get(m, key);
        CHECK(v && v->type == LUD_CFG_INT && v->u.i == want[type]);
    }
    const ludc_value *big = ludc_value_get(m, "k.10"), *list = ludc_value_get(m, "k.9");
    CHECK(ludc_value_get(m, "k.6")->u.f == 1.5 && ludc_value_get(m, "k.12")->u.f == 1.5);
    CHECK(ludc_value_get(m, "k.7")->type == LUD_CFG_BOOL && ludc_value_get(m, "k.7")->u.b == 1);
    CHECK(ludc_str_eq(ludc_value_get(m, "k.8")->u.s, "text"));
    CHECK(big->type == LUD_CFG_FLOAT && fabs(big->u.f / 0x1p64 - 1.0) < 1e-12);
    CHECK(ludc_value_get(m, "k.11")->u.i == -2);
    CHECK(list->len == 2 && list->items[0]->u.i == 1 && list->items[1]->u.i == -2);
    CHECK(ludc_value_get(m, "a.empty")->len == 0);
    const ludc_file_tensor *t = ludc_tensors_find(set, LUDC_STR("w"));
    CHECK(t && t->rank == 2 && t->dim[0] == 2 && t->dim[1] == 3 && t->count == 6);
    CHECK_TEXT(ludc_tensors_scheme(set), "gguf");
    ludc_tensors_free(set);
}

/* ---- Abuse ---- */

static void put_small_model(ludc_buf *b) {
    put_head(b, 3, 3, 8);
    put_key(b, "general.architecture", STR);
    put_text(b, "x");
    put_u32(b, "general.alignment", 32);
    put_u32(b, "x.embedding_length", 32);
    put_u32(b, "x.attention.head_count", 4);
    put_words(b, "tokenizer.ggml.tokens", words, 5);
    put_types(b, 5, 6);
    put_words(b, "tokenizer.ggml.merges", (const char *const[]){"a b"}, 1);
    put_u32(b, "tokenizer.ggml.bos_token_id", 4);
    put_tensor(b, "token_embd.weight", 2, DIMS(32, 5), 3, 0);
    put_tensor(b, "f", 1, DIMS(7), 0, 128);
    put_tensor(b, "q8", 2, DIMS(64, 2), 8, 160);
    put_data(b, 32, 160 + 136);
}

static void read_everything(const ludc_tensors *set) {
    float x[32];
    ludc_buf json = {0};
    (void)ludc_value_to_json(ludc_tensors_metadata(set), -1, &json);
    ludc_buf_free(&json);
    for (size_t i = 0; i < ludc_tensors_len(set); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(set, i);
        lud_error err = LUDC_ERROR_INIT;
        for (int64_t k = 0; k + 32 <= t->count; k += 32)
            CHECK(ludc_tensor_to_f32(t, k, 32, x, &err) == LUD_OK);
        volatile uint8_t last = t->bytes ? t->data[t->bytes - 1] : 0;
        (void)last;
    }
}

static void test_mutations(void) {
    int accepted = 0;
    for (uint64_t seed = 1; seed <= 8000; seed++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tensors *set = NULL;
        ludc_buf b = {0};
        put_small_model(&b);
        files_mutate(&b, seed);
        lud_status s = ludc_gguf_open(files_put("mutant", b.ptr, b.len), &set, &err);
        ludc_buf_free(&b);
        if (s == LUD_OK) read_everything(set), accepted++;
        CHECK(s == LUD_OK || (s == LUD_E_IO && err.msg[0]));
        ludc_tensors_free(set);
    }
    printf("mutations: %d of 8000 accepted\n", accepted);
    CHECK(accepted > 0 && accepted < 8000);
}

static void test_every_truncation(void) {
    ludc_buf b = {0};
    put_small_model(&b);
    for (size_t n = 0; n < b.len; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_tensors *set = NULL;
        CHECK(ludc_gguf_open(files_put("cut", b.ptr, n), &set, &err) == LUD_E_IO && strstr(err.msg, "cut"));
    }
    ludc_buf_free(&b);
}

static void test_out_of_memory(void) {
    ludc_buf b = {0};
    put_small_model(&b);
    const char *path = files_put("oom.gguf", b.ptr, b.len);
    ludc_buf_free(&b);
    for (int persistent = 0; persistent < 2; persistent++) {
        int64_t k = 0;
        for (;; k++) {
            lud_error err = LUDC_ERROR_INIT;
            ludc_tensors *set = NULL;
            ludc_alloc_fail_after(k, persistent != 0);
            lud_status s = ludc_gguf_open(path, &set, &err);
            ludc_alloc_fail_after(-1, false);
            ludc_tensors_free(set);
            if (s == LUD_OK) break;
            CHECK_INT(s, LUD_E_NOMEM);
        }
        CHECK(k > 30);
    }
}

/* 30,000 keys and 30,000 tensors: nothing may be quadratic. */
static void test_many(void) {
    enum { N = 30000 };
    ludc_buf b = {0};
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    char name[16];
    put_head(&b, 3, N, N);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "k%d", i);
        put_u32(&b, name, 1);
    }
    for (uint64_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "t%d", (int)i);
        put_tensor(&b, name, 1, DIMS(8), 24, i * 32);
    }
    put_data(&b, 32, (size_t)N * 32);
    double start = ludc_now();
    CHECK_OK(ludc_gguf_open(files_put("many.gguf", b.ptr, b.len), &set, &err), err);
    printf("30000 keys and tensors: %.2f s\n", ludc_now() - start);
    CHECK(ludc_now() - start < 10.0);
    ludc_tensors_free(set);
    ludc_buf_free(&b);
}

/* ---- The real model ---- */

static uint32_t crc32_add(uint32_t crc, const void *bytes, size_t n) {
    static uint32_t table[256];
    for (uint32_t i = 0; table[1] == 0 || i < 256; i++) {
        uint32_t x = i;
        for (int k = 0; k < 8; k++)
            x = x & 1 ? 0xedb88320u ^ (x >> 1) : x >> 1;
        table[i] = x;
    }
    const uint8_t *p = bytes;
    for (crc = ~crc; n; n--, p++)
        crc = table[(crc ^ *p) & 0xff] ^ (crc >> 8);
    return ~crc;
}

static void check_real_values(const ludc_tensors *set) {
    double seconds = 0.0;
    uint32_t crc = 0;
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < ludc_tensors_len(set); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(set, i);
        size_t bytes = (size_t)t->count * sizeof(float);
        float *x = ludc_alloc(bytes);
        if (!x) exit(EXIT_FAILURE);
        double start = ludc_now();
        CHECK_OK(ludc_tensor_to_f32(t, 0, t->count, x, &err), err);
        seconds += ludc_now() - start;
        crc = crc32_add(crc, x, bytes);
        ludc_free(x);
    }
    printf("real model: all values in %.3f s\n", seconds);
    CHECK_INT(crc, 0x79a02f71); /* of all tensors in file order, by gguf-py 0.19 */
}

static void test_real_model(void) {
    const char *models = getenv("LUDWIG_MODELS");
    char path[1024];
    snprintf(path, sizeof path, "%s/SmolLM2-135M-Instruct.Q4_1.gguf", models ? models : "");
    if (!models || !ludc_path_exists(path)) {
        printf("real model: LUDWIG_MODELS has none, skipped\n");
        return;
    }
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *set = NULL;
    double start = ludc_now();
    CHECK_OK(ludc_gguf_open(path, &set, &err), err);
    printf("real model: opened in %.1f ms\n", (ludc_now() - start) * 1e3);
    if (!set) return;
    const ludc_value *m = ludc_tensors_metadata(set);
    CHECK_INT(ludc_tensors_len(set), 272);
    CHECK_INT(m->len, 33);
    CHECK_INT(ludc_value_get(m, "tokenizer.ggml.tokens")->len, 49152);
    CHECK_INT(ludc_value_get(m, "tokenizer.ggml.merges")->len, 48900);
    CHECK_INT(ludc_value_get(m, "llama.attention.head_count_kv")->u.i, 3);
    check_real_values(set);
    ludc_tensors_free(set);
}

int main(void) {
    files_begin();
    test_rules();
    test_values();
    test_mutations();
    test_every_truncation();
    test_out_of_memory();
    test_many();
    test_real_model();
    files_end();
    return check_done();
}
