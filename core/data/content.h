/* SPDX-License-Identifier: Apache-2.0
 * content: keys of what a cache on disk holds, made from the content that it comes from. XXH3 of 128 bits: for keys,
 * never against an attacker. */
#ifndef LUDC_CONTENT_H
#define LUDC_CONTENT_H

#include <base.h>

void ludc_hash128(const void *p, size_t n, uint64_t out[2]);
/* Mixes one more thing into a key; begin with zeros. */
void ludc_key_mix(uint64_t key[2], const void *p, size_t n);
void ludc_key_text(uint64_t key[2], lud_str);
/* What is in the file now; of a large one a few MiB at a time are in memory. */
lud_status ludc_key_file(uint64_t key[2], const char *path, lud_error *);

#endif
