/* SPDX-License-Identifier: Apache-2.0
 * The page of a model and what it is made with. */
#ifndef HF_CARD_H
#define HF_CARD_H

#include "client.h"

#include <stdlib.h>

/* The slot `describe`. */
lud_status hf_describe(void *self, const lud_cfg *facts, lud_status (*file)(void *, lud_str path, lud_str content),
                       void *arg, lud_error *);

/* cfg_json.c */
bool hf_is_word(lud_str);                                /* letters, digits, '_' and '-' */
char *hf_cfg_dump(const lud_cfg_api *, const lud_cfg *); /* indented JSON, from malloc; NULL: no memory */

/* templates/handler.py, made part of the plugin when it is built */
extern const unsigned char hf_handler[];
extern const size_t hf_handler_len;

#endif
