/* SPDX-License-Identifier: Apache-2.0
 * gguf: the table of pre-tokenizers that tokenizer.ggml.pre may name. */
#ifndef LUDC_TEXT_GGUF_H
#define LUDC_TEXT_GGUF_H

#include "internal.h"

typedef struct ludc_gguf_pre {
    const char *json; /* the pre_tokenizer of tokenizer.json */
    bool ignore_merges, add_bos;
} ludc_gguf_pre;

const ludc_gguf_pre *ludc_gguf_pre_find(lud_str name); /* NULL if unknown */

#endif
