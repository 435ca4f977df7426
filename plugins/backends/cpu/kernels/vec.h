/* SPDX-License-Identifier: Apache-2.0
 * Vectors of floats for one instruction set: VW lanes, chosen by the compiler flags of the file that includes this.
 * Arithmetic is the compiler's (a * b + c is never contracted: -ffp-contract=off); a fused multiply-add is written
 * vf_fma and is a real FMA wherever the instruction set has one. Lane sums add in a fixed tree. */
#ifndef CPU_VEC_H
#define CPU_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(CPU_ISA_AVX512)
#include <immintrin.h>
#define CPU_ISA_SUFFIX avx512
#define CPU_ISA_NAME   "AVX-512"
enum { VW = 16 };
#elif defined(CPU_ISA_AVX2)
#include <immintrin.h>
#define CPU_ISA_SUFFIX avx2
#define CPU_ISA_NAME   "AVX2+FMA"
enum { VW = 8 };
#else
#define CPU_ISA_SUFFIX portable
#if defined(__aarch64__)
#include <arm_neon.h>
#define CPU_ISA_NAME "NEON"
#else
#define CPU_ISA_NAME "portable C"
#endif
#ifdef CPU_PORTABLE_LANES /* tests of wide code paths on narrow processors */
enum { VW = CPU_PORTABLE_LANES };
#else
enum { VW = 4 };
#endif
#endif

/* Names of functions that exist once per instruction set. */
#define CPU_PASTE_(a, b) cpu_##a##_##b
#define CPU_PASTE(a, b)  CPU_PASTE_(a, b)
#define FN(name)         CPU_PASTE(name, CPU_ISA_SUFFIX)

/* Sanitizers put checks around every access: loops stay loops there, or the compiler is busy for minutes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALWAYS_INLINE static inline
#define UNROLL
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#endif

typedef float vf __attribute__((vector_size(VW * 4)));
typedef int32_t vi __attribute__((vector_size(VW * 4)));

ALWAYS_INLINE vf vf_load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
ALWAYS_INLINE void vf_store(float *p, vf v) {
    memcpy(p, &v, sizeof v);
}
/* The first n lanes, the rest zero. 0 <= n <= VW */
#if defined(CPU_ISA_AVX512)
ALWAYS_INLINE vf vf_load_n(const float *p, int64_t n) {
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, int64_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#else
ALWAYS_INLINE vf vf_load_n(const float *p, int64_t n) {
    float t[VW] = {0};
    for (int64_t i = 0; i < n; i++)
        t[i] = p[i];
    return vf_load(t);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, int64_t n) {
    float t[VW];
    vf_store(t, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = t[i];
}
#endif
/* Full or partial by what is left. */
ALWAYS_INLINE vf vf_load_upto(const float *p, int64_t left) {
    return left >= VW ? vf_load(p) : vf_load_n(p, left);
}
ALWAYS_INLINE void vf_store_upto(float *p, vf v, int64_t left) {
    if (left >= VW)
        vf_store(p, v);
    else
        vf_store_n(p, v, left);
}

ALWAYS_INLINE vf vf_bits(vi v) {
    vf r;
    memcpy(&r, &v, sizeof r);
    return r;
}
ALWAYS_INLINE vi vi_bits(vf v) {
    vi r;
    memcpy(&r, &v, sizeof r);
    return r;
}

#if defined(CPU_ISA_AVX512)
ALWAYS_INLINE vf vf_set1(float x) {
    return (vf)_mm512_set1_ps(x);
}
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) {
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
ALWAYS_INLINE vf vf_min(vf a, vf b) {
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}
ALWAYS_INLINE vf vf_max(vf a, vf b) {
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}
ALWAYS_INLINE vf vf_sqrt(vf a) {
    return (vf)_mm512_sqrt_ps((__m512)a);
}
ALWAYS_INLINE vi vi_round(vf a) {
    return (vi)_mm512_cvtps_epi32((__m512)a);
}
ALWAYS_INLINE vf vf_from_int(vi a) {
    return (vf)_mm512_cvtepi32_ps((__m512i)a);
}
#elif defined(CPU_ISA_AVX2)
ALWAYS_INLINE vf vf_set1(float x) {
    return (vf)_mm256_set1_ps(x);
}
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) {
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
ALWAYS_INLINE vf vf_min(vf a, vf b) {
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}
ALWAYS_INLINE vf vf_max(vf a, vf b) {
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}
ALWAYS_INLINE vf vf_sqrt(vf a) {
    return (vf)_mm256_sqrt_ps((__m256)a);
}
ALWAYS_INLINE vi vi_round(vf a) {
    return (vi)_mm256_cvtps_epi32((__m256)a);
}
ALWAYS_INLINE vf vf_from_int(vi a) {
    return (vf)_mm256_cvtepi32_ps((__m256i)a);
}
#else
ALWAYS_INLINE vf vf_set1(float x) {
    vf v;
    for (int i = 0; i < VW; i++)
        v[i] = x;
    return v;
}
#if defined(__aarch64__) && !defined(CPU_PORTABLE_LANES)
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) {
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
#else
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) {
    return a * b + c;
}
#endif
/* As the x86 instructions: the second operand if the first is not smaller (larger), so that a NaN in it passes. */
ALWAYS_INLINE vf vf_pick(vi mask, vf a, vf b) {
    return vf_bits((mask & vi_bits(a)) | (~mask & vi_bits(b)));
}
ALWAYS_INLINE vf vf_min(vf a, vf b) {
    return vf_pick(a < b, a, b);
}
ALWAYS_INLINE vf vf_max(vf a, vf b) {
    return vf_pick(a > b, a, b);
}
ALWAYS_INLINE vf vf_sqrt(vf a) {
    for (int i = 0; i < VW; i++)
        a[i] = sqrtf(a[i]);
    return a;
}
/* Nearest integer for |a| < 2^22: the mantissa's low bits after adding 1.5 * 2^23. */
ALWAYS_INLINE vi vi_round(vf a) {
    return vi_bits(a + 12582912.0f) - 0x4B400000;
}
ALWAYS_INLINE vf vf_from_int(vi a) {
    return __builtin_convertvector(a, vf);
}
#endif

ALWAYS_INLINE vf vf_zero(void) {
    return vf_set1(0.0f);
}
/* mask lanes are all ones or all zeros (the result of a comparison). */
ALWAYS_INLINE vf vf_select(vi mask, vf yes, vf no) {
    return vf_bits((mask & vi_bits(yes)) | (~mask & vi_bits(no)));
}
/* 0, 1, 2 ... */
ALWAYS_INLINE vi vi_lanes(void) {
    vi lane;
    for (int j = 0; j < VW; j++)
        lane[j] = j;
    return lane;
}
/* All ones in the first n lanes, all if n >= VW. */
ALWAYS_INLINE vi vi_first(int64_t n) {
    return (vi)(vi_lanes() < (int32_t)(n < VW ? n : VW));
}
ALWAYS_INLINE vf vf_abs(vf a) {
    return vf_bits(vi_bits(a) & 0x7FFFFFFF);
}

#if defined(CPU_ISA_AVX512)
ALWAYS_INLINE float vf_sum(vf v) { /* the tree below */
    return _mm512_reduce_add_ps((__m512)v);
}
ALWAYS_INLINE float vf_hmax(vf v) {
    return _mm512_reduce_max_ps((__m512)v);
}
ALWAYS_INLINE bool vi_any(vi mask) {
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
}
#else
ALWAYS_INLINE float vf_sum(vf v) {
    float t[VW];
    vf_store(t, v);
    for (int n = VW / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            t[i] += t[i + n];
    return t[0];
}
ALWAYS_INLINE float vf_hmax(vf v) {
    float t[VW], m;
    vf_store(t, v);
    m = t[0];
    for (int i = 1; i < VW; i++)
        m = t[i] > m ? t[i] : m;
    return m;
}
ALWAYS_INLINE bool vi_any(vi mask) {
    int32_t any = 0;
    for (int j = 0; j < VW; j++)
        any |= mask[j];
    return any != 0;
}
#endif

#endif
