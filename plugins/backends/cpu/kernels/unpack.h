/* SPDX-License-Identifier: Apache-2.0
 * Elements of a block of strips (../strips.h) as vectors of fp32: VW rows of one column. `kind` is a constant
 * wherever these are inlined. */
#ifndef CPU_UNPACK_H
#define CPU_UNPACK_H

#include "../strips.h"
#include "vec.h"

/* X(kind, rows) for each kind of strips, and names f_kind_rows in the order of the kinds. */
#define STRIP_KINDS(X, rows) X(BF16, rows) X(F16, rows) X(Q4_0, rows) X(Q4_1, rows) X(Q8_0, rows)
#define STRIP_NAMES(f, rows)                                                                                           \
    { f##_BF16_##rows, f##_F16_##rows, f##_Q4_0_##rows, f##_Q4_1_##rows, f##_Q8_0_##rows }

/* VW integers of 16 bits without sign, of 8 bits with sign. */
#if defined(CPU_ISA_AVX512)
ALWAYS_INLINE vi vi_from_u16(const char *p) {
    return (vi)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p));
}
ALWAYS_INLINE vi vi_from_i8(const char *p) {
    return (vi)_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
}
#elif defined(CPU_ISA_AVX2)
ALWAYS_INLINE vi vi_from_u16(const char *p) {
    return (vi)_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p));
}
ALWAYS_INLINE vi vi_from_i8(const char *p) {
    return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p));
}
#else
ALWAYS_INLINE vi vi_from_u16(const char *p) {
    uint16_t h[VW];
    vi v;
    memcpy(h, p, sizeof h);
    for (int i = 0; i < VW; i++)
        v[i] = h[i];
    return v;
}
ALWAYS_INLINE vi vi_from_i8(const char *p) {
    vi v;
    for (int i = 0; i < VW; i++)
        v[i] = (signed char)p[i];
    return v;
}
#endif

ALWAYS_INLINE vf vf_from_half(const char *p) {
#if defined(CPU_ISA_AVX512)
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
#else
    /* Multiplying by 2^112 rebiases the exponent, exactly; infinities and NaNs keep all ones. */
    vi h = vi_from_u16(p), x = (h & 0x7fff) << 13, special = (vi)((h & 0x7c00) == 0x7c00);
    vi y = vi_bits(vf_bits(x) * 0x1p112f);
    return vf_bits((special & (x | 0x7f800000)) | (~special & y) | (h & 0x8000) << 16);
#endif
}

/* What the elements of a block share, by row. */
typedef struct strip_scale {
    vf d, m;
} strip_scale;

ALWAYS_INLINE strip_scale strip_scale_of(const int kind, const char *block, int64_t lane) {
    strip_scale s = {vf_zero(), vf_zero()};
    if (kind >= STRIPS_Q4_0) s.d = vf_from_half(block + 2 * lane);
    if (kind == STRIPS_Q4_1) s.m = vf_from_half(block + 2 * (STRIP_ROWS + lane));
    return s;
}

/* Nibble i of each lane, less `bias`. */
ALWAYS_INLINE vf strip_nibble(vi q, int i, const int bias) {
    vi w = q >> (4 * i);
#if defined(CPU_ISA_AVX512)
    vf table;
    UNROLL
    for (int j = 0; j < VW; j++)
        table[j] = (float)(j - bias);
    return (vf)_mm512_permutexvar_ps((__m512i)w, (__m512)table); /* looks at the low 4 bits alone */
#else
    return vf_from_int((w & 15) - bias);
#endif
}

/* Column 8 j + i of the block (i < 8), rows lane .. lane + VW - 1. */
ALWAYS_INLINE vf strip_value(const int kind, const char *block, int64_t lane, int64_t j, int i, strip_scale s) {
    const int64_t halves = 2 * STRIP_ROWS, k = 8 * j + i;
    vi q;
    switch (kind) {
    case STRIPS_Q4_0:
        memcpy(&q, block + halves + (j * STRIP_ROWS + lane) * 4, sizeof q);
        return s.d * strip_nibble(q, i, 8);
    case STRIPS_Q4_1:
        memcpy(&q, block + 2 * halves + (j * STRIP_ROWS + lane) * 4, sizeof q);
        return vf_fma(s.d, strip_nibble(q, i, 0), s.m);
    case STRIPS_Q8_0:
        return s.d * vf_from_int(vi_from_i8(block + halves + k * STRIP_ROWS + lane));
    case STRIPS_BF16:
        return vf_bits(vi_from_u16(block + k * halves + 2 * lane) << 16);
    default:
        return vf_from_half(block + k * halves + 2 * lane);
    }
}

#endif
