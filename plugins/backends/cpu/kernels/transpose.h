/* SPDX-License-Identifier: Apache-2.0
 * Transposes a square of VW x VW floats in registers. */
#ifndef CPU_TRANSPOSE_H
#define CPU_TRANSPOSE_H

#include "vec.h"

/* In place: r[i] lane j <-> r[j] lane i. */
#if defined(CPU_ISA_AVX2)
ALWAYS_INLINE void transpose(vf r[VW]) {
    __m256 a[8], b[8];
    UNROLL
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_ps((__m256)r[2 * i], (__m256)r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_ps((__m256)r[2 * i], (__m256)r[2 * i + 1]);
    }
    UNROLL
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
        b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xEE);
        b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
        b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xEE);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = (vf)_mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = (vf)_mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}
#else
/* log2(VW) rounds of interleaving the two halves of the set. */
ALWAYS_INLINE void transpose(vf r[VW]) {
    UNROLL
    for (int round = 1; round < VW; round *= 2) {
        vf t[VW];
        UNROLL
        for (int i = 0; i < VW / 2; i++) {
#if defined(CPU_ISA_AVX512)
            const __m512i lo = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            const __m512i hi = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            t[2 * i] = (vf)_mm512_permutex2var_ps((__m512)r[i], lo, (__m512)r[i + VW / 2]);
            t[2 * i + 1] = (vf)_mm512_permutex2var_ps((__m512)r[i], hi, (__m512)r[i + VW / 2]);
#else
            vf a = r[i], b = r[i + VW / 2];
            UNROLL
            for (int j = 0; j < VW / 2; j++) {
                t[2 * i][2 * j] = a[j];
                t[2 * i][2 * j + 1] = b[j];
                t[2 * i + 1][2 * j] = a[j + VW / 2];
                t[2 * i + 1][2 * j + 1] = b[j + VW / 2];
            }
#endif
        }
        memcpy(r, t, sizeof t);
    }
}
#endif

#endif
