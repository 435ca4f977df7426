/* SPDX-License-Identifier: Apache-2.0
 * Keyed random numbers and permutations: pure functions of their key. */
#include "base.h"

#include <math.h>

#define ROUNDS 6

static uint64_t feistel(uint64_t key, unsigned half_bits, uint64_t x) {
    const uint64_t mask = ((uint64_t)1 << half_bits) - 1;
    uint64_t left = x >> half_bits, right = x & mask;
    for (uint64_t r = 0; r < ROUNDS; r++) {
        const uint64_t next = left ^ (lud_mix64(lud_mix64(key ^ r) ^ right) & mask);
        left = right;
        right = next;
    }
    return left << half_bits | right;
}

/* A Feistel network permutes the next power of four; walking its cycle until the value is below n permutes 0..n-1
 * (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). */
uint64_t ludc_permute(uint64_t key, uint64_t n, uint64_t i) {
    unsigned half_bits = 1;
    while (half_bits < 32 && ((uint64_t)1 << (2 * half_bits)) < n)
        half_bits++;
    if (n < 2) return 0;
    i %= n; /* the cycle of a value below n comes back below n */
    do
        i = feistel(key, half_bits, i);
    while (i >= n);
    return i;
}

double ludc_random_uniform(uint64_t key, uint64_t i) {
    return (double)(lud_mix64(lud_mix64(key) ^ i) >> 11) * 0x1.0p-53;
}

/* Box and Muller 1958. */
double ludc_random_normal(uint64_t key, uint64_t i) {
    const double u = 1.0 - ludc_random_uniform(key, 2 * i), v = ludc_random_uniform(key, 2 * i + 1);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

uint64_t ludc_key_of_name(uint64_t seed, lud_str name) {
    return lud_mix64(lud_mix64(seed) ^ ludc_hash(name.ptr, name.len));
}
