/* SPDX-License-Identifier: Apache-2.0
 * Loops over 24 independent accumulators, best of several short windows. */
#include "bench_peak.h"
#include "bench_case.h"
#if defined(__x86_64__)
#include <immintrin.h>

enum { CHAINS = 24, STEPS = 1000000 };

#define PEAK_LOOP(name, isa, type, zero, step)                                                                         \
    __attribute__((target(isa))) static float name(void) {                                                             \
        type a[CHAINS];                                                                                                \
        for (int i = 0; i < CHAINS; i++)                                                                               \
            a[i] = zero;                                                                                               \
        for (int k = 0; k < STEPS; k++)                                                                                \
            _Pragma("GCC unroll 24") for (int i = 0; i < CHAINS; i++) a[i] = step;                                     \
        float sum = 0;                                                                                                 \
        for (int i = 0; i < CHAINS; i++)                                                                               \
            sum += ((const float *)&a[i])[0];                                                                          \
        return sum;                                                                                                    \
    }
PEAK_LOOP(fma_512, "avx512f", __m512, _mm512_setzero_ps(),
          _mm512_fmadd_ps(a[i], _mm512_set1_ps(0.999f), _mm512_set1_ps(1e-3f)))
PEAK_LOOP(fma_256, "avx2,fma", __m256, _mm256_setzero_ps(),
          _mm256_fmadd_ps(a[i], _mm256_set1_ps(0.999f), _mm256_set1_ps(1e-3f)))
PEAK_LOOP(bf16_512, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(),
          _mm512_dpbf16_ps(a[i], (__m512bh)_mm512_set1_epi32(0x3f803f80), (__m512bh)_mm512_set1_epi32(0x3c003c00)))

static volatile float sink;
static double one_window(bool bf16) {
    if (bf16 && __builtin_cpu_supports("avx512bf16")) {
        sink = bf16_512();
        return (double)STEPS * CHAINS * 64;
    }
    bool wide = __builtin_cpu_supports("avx512f");
    sink = wide ? fma_512() : fma_256();
    return (double)STEPS * CHAINS * (wide ? 32 : 16);
}
#else
static double one_window(bool bf16) {
    (void)bf16;
    return 0;
}
#endif

static void all_threads(void *arg, int64_t begin, int64_t end) {
    (void)begin, (void)end;
    one_window(*(const bool *)arg);
}

double bench_peak(const lud_host *host, int threads, bool bf16) {
    double best = 0;
    for (int i = 0; i < 15; i++) {
        double flop = one_window(bf16) * threads, t = bench_now(threads);
        host->parallel_for(host->ctx, threads, 1, all_threads, &bf16);
        t = bench_now(threads) - t;
        if (flop / t > best) best = flop / t;
    }
    return best * 1e-9;
}
