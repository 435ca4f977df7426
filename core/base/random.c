/* SPDX-License-Identifier: Apache-2.0
 * random: keyed random numbers. Invariant: every result is a pure function of its arguments; there is no generator
 * state. The permutation is a Feistel network over an even number of bits with cycle walking (Black and Rogaway 2002),
 * its round function the mixer of ludwig/random.h. Not for cryptography. */
#include "base.h"

#include <math.h>

#define ROUNDS 6

static uint64_t feistel(uint64_t key, unsigned half_bits, uint64_t x) {
    uint64_t mask = (UINT64_C(1) << half_bits) - 1, left = x >> half_bits, right = x & mask;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t next = left ^ (lud_mix64(lud_mix64(key ^ round) ^ right) & mask);
        left = right;
        right = next;
    }
    return left << half_bits | right;
}

uint64_t ludc_permute(uint64_t key, uint64_t n, uint64_t i) {
    if (n < 2) return 0;
    unsigned half_bits = 1;
    while (half_bits < 32 && (n - 1) >> (2 * half_bits))
        half_bits++;
    uint64_t x = i % n;
    /* A permutation of the whole domain: walking its cycle from x < n comes back below n, at the latest at x itself. */
    do
        x = feistel(key, half_bits, x);
    while (x >= n);
    return x;
}

double ludc_random_uniform(uint64_t key, uint64_t i) {
    return (double)(lud_mix64(lud_mix64(key) ^ i) >> 11) * 0x1p-53;
}

/* Box and Muller 1958; 1 - u keeps the logarithm's argument above zero. */
double ludc_random_normal(uint64_t key, uint64_t i) {
    const double two_pi = 6.283185307179586476925;
    double u = 1.0 - ludc_random_uniform(key, 2 * i), v = ludc_random_uniform(key, 2 * i + 1);
    return sqrt(-2.0 * log(u)) * cos(two_pi * v);
}

uint64_t ludc_key_of_name(uint64_t seed, lud_str name) {
    return lud_mix64(lud_mix64(seed) ^ ludc_hash(name.ptr, name.len));
}
