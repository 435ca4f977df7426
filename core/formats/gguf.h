/* SPDX-License-Identifier: Apache-2.0
 * Inside of formats only: a bounds-checked cursor over a mapped GGUF file, and the parts that the reader is made of.
 * Invariant: pos <= size. Every number of the file is checked against what is left of it before it is used. */
#ifndef LUDC_GGUF_H
#define LUDC_GGUF_H

#include "tensors.h"

/* Value types of the format. */
enum {
    LUDC_GGUF_U8,
    LUDC_GGUF_I8,
    LUDC_GGUF_U16,
    LUDC_GGUF_I16,
    LUDC_GGUF_U32,
    LUDC_GGUF_I32,
    LUDC_GGUF_F32,
    LUDC_GGUF_BOOL,
    LUDC_GGUF_STR,
    LUDC_GGUF_ARRAY,
    LUDC_GGUF_U64,
    LUDC_GGUF_I64,
    LUDC_GGUF_F64,
    LUDC_GGUF_TYPES
};

typedef struct ludc_gguf {
    const char *path;
    const uint8_t *ptr;
    uint64_t size, pos;
    uint64_t n_tensors, n_kv;
    uint64_t alignment;
    uint64_t list_items; /* items of all arrays so far */
    ludc_value *metadata;
    lud_error *err;
} ludc_gguf;

/* NULL if fewer than n bytes are left; else the bytes, and the cursor moves on. */
const uint8_t *ludc_gguf_take(ludc_gguf *, uint64_t n);
/* A string (u64 length, bytes), borrowed from the file; `what` is for the message. */
lud_status ludc_gguf_text(ludc_gguf *, const char *what, lud_str *out);
lud_status ludc_gguf_truncated(ludc_gguf *, const char *what);
/* All key-value pairs into metadata; alignment is taken from them. */
lud_status ludc_gguf_read_metadata(ludc_gguf *);
/* What the numbers must mean to each other: vocabulary, head counts, special tokens. */
lud_status ludc_gguf_check(const char *path, const ludc_value *metadata, const ludc_tensors *, lud_error *);

#endif
