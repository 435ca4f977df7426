/* SPDX-License-Identifier: Apache-2.0
 * vectors: a cache of float vectors on disk, found by the content that they were computed from. One file for each set
 * of circumstances (model, tokenizer, pooling ...); one record for each text. Any number of processes may fill a file
 * at once and may be killed at any moment. A cache never stops work: where it cannot be written, a warning says so once
 * and vectors are kept in memory. A handle belongs to one thread. */
#ifndef LUDC_VECTORS_H
#define LUDC_VECTORS_H

#include "content.h"

typedef struct ludc_vectors ludc_vectors;

/* dir/<32 hex digits of key>.vec; key: hash of everything that decides the values but the text. Made when missing. A
 * file of another width, key or version, or one that is no such cache, is an error that names it (LUD_E_IO). */
lud_status ludc_vectors_open(const char *dir, const uint64_t key[2], int64_t width, ludc_vectors **, lud_error *);
void ludc_vectors_close(ludc_vectors *); /* accepts NULL */
/* [width] floats, aligned to 16 bytes, valid until close; NULL: not there, or damaged (then it may be added again). */
const float *ludc_vectors_find(ludc_vectors *, const uint64_t text_key[2]);
/* Appends n vectors, values [n,width], in one write, and those that others have added since come into sight. What is
 * there already is not written again. On return all n are found. */
lud_status ludc_vectors_add(ludc_vectors *, size_t n, const uint64_t (*text_keys)[2], const float *values, lud_error *);
/* Brings into sight what other processes have added. */
lud_status ludc_vectors_refresh(ludc_vectors *, lud_error *);
bool ludc_vectors_saves(const ludc_vectors *); /* false: what is added from now on is kept in memory alone */
size_t ludc_vectors_len(const ludc_vectors *); /* how many there are, damaged ones included */

#endif
