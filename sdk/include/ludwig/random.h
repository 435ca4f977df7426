/* SPDX-License-Identifier: Apache-2.0
 * Counter-based random numbers: a value is a pure function of its key, so that recomputation, packing, micro-batches
 * and threads cannot change it. The mixer is the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
#ifndef LUDWIG_RANDOM_H
#define LUDWIG_RANDOM_H

#include <stdint.h>

static inline uint64_t lud_mix64(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Key of one data row in one epoch. Core passes it per token as `row_keys`: I32 [T,2], low word first. */
static inline uint64_t lud_row_key(uint64_t seed, uint64_t epoch, uint64_t row) {
    return lud_mix64(lud_mix64(lud_mix64(seed) ^ epoch) ^ row);
}

/* Key of one token of that row in one random stream (an op's `stream`). */
static inline uint64_t lud_token_key(uint64_t row_key, uint32_t position, uint64_t stream) {
    return lud_mix64(lud_mix64(row_key ^ stream) ^ position);
}

/* 24 random bits of channel c, as a float in [0, 1). DROPOUT keeps an element where this is >= p. */
static inline float lud_uniform(uint64_t token_key, uint32_t c) {
    return (float)(lud_mix64(token_key ^ c) >> 40) * (1.0f / 16777216.0f);
}

#endif
