/* SPDX-License-Identifier: Apache-2.0
 * The file format of a cache of vectors, and its index. */
#ifndef LUDC_VECTORS_INTERNAL_H
#define LUDC_VECTORS_INTERNAL_H

#include "vectors.h"

/* A file is one header, then records of one size, a multiple of 16. All in the byte order of the machine: read with
 * another one, the version is wrong. */
typedef struct ludc_vectors_header {
    char magic[8];
    uint32_t version, zero;
    int64_t width;
    uint64_t key[2];
    uint64_t checksum; /* XXH3 of the bytes before it */
    uint8_t rest[16];
} ludc_vectors_header;

typedef struct ludc_vector_record {
    uint64_t checksum; /* XXH3 of key and values */
    uint64_t zero;
    uint64_t key[2];
    float values[]; /* [width], then zeros */
} ludc_vector_record;

/* Open addressing over keys that are hashes already. */
enum { LUDC_VECTOR_UNCHECKED, LUDC_VECTOR_GOOD, LUDC_VECTOR_DAMAGED };
typedef struct ludc_vector_entry {
    uint64_t key[2];
    const ludc_vector_record *record; /* NULL = free; in a mapping of the file or in memory */
    int32_t state;
} ludc_vector_entry;
typedef struct ludc_vector_index {
    ludc_vector_entry *entries;
    size_t cap, len; /* cap is 0 or a power of two, at most 2/3 full */
} ludc_vector_index;
/* A later record of a key takes the place of the earlier one. False if memory is out. */
bool ludc_vector_index_put(ludc_vector_index *, const ludc_vector_record *);
ludc_vector_entry *ludc_vector_index_find(const ludc_vector_index *, const uint64_t key[2]); /* NULL: none */

#endif
