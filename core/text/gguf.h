/* SPDX-License-Identifier: Apache-2.0
 * gguf: what reading and writing share. */
#ifndef LUDC_TEXT_GGUF_H
#define LUDC_TEXT_GGUF_H

#include "internal.h"

/* tokenizer.ggml.token_type */
enum { LUDC_GGUF_NORMAL = 1, LUDC_GGUF_UNKNOWN, LUDC_GGUF_CONTROL, LUDC_GGUF_USER, LUDC_GGUF_UNUSED, LUDC_GGUF_BYTE };

/* ---- The pre-tokenizers that tokenizer.ggml.pre may name (gguf_pre.c) ---- */
typedef struct ludc_gguf_pre {
    const char *json; /* the pre_tokenizer of tokenizer.json */
    bool ignore_merges, add_bos;
} ludc_gguf_pre;

const ludc_gguf_pre *ludc_gguf_pre_find(lud_str name); /* NULL if unknown */

/* ---- Scores in place of merges (gguf_spm.c) ---- */
/* One score a token of the vocabulary; types may be NULL. */
lud_status ludc_gguf_spm_merges(const ludc_load *, const ludc_value *scores, const ludc_value *types, ludc_bpe *);
ludc_value *ludc_gguf_spm_scores(const ludc_bpe *, int64_t n_tokens); /* the caller frees; NULL: no memory */

#endif
