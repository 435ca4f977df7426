/* SPDX-License-Identifier: Apache-2.0
 * words: how a text is cut by Ludwig's simple tokenizers. */
#ifndef LUDC_TEXT_WORDS_H
#define LUDC_TEXT_WORDS_H

#include "text.h"

/* Calls fn for each word of valid UTF-8 text; false: fn said so, the rest was left out. */
typedef bool (*ludc_word_fn)(void *arg, lud_str word);
typedef bool (*ludc_cut_fn)(lud_str text, ludc_word_fn, void *arg);
/* The tokenizer of a name; NULL fills an error that lists them. */
ludc_cut_fn ludc_cut_find(lud_str name, lud_error *);
lud_str ludc_cut_strip(lud_str); /* without white space at both ends, as Python's str.strip */

#endif
