/* SPDX-License-Identifier: Apache-2.0
 * The best of several short windows: another process can only make a window worse. */
#include "peak.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { WINDOWS = 40, LOOPS = 1000000, MAX_THREADS = 64, READ_BYTES = 128 << 20 };

static volatile float sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Each returns the operations or bytes that one call did. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double fma_512(void) {
    __m512 a[12], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
    for (int i = 0; i < 12; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int k = 0; k < LOOPS; k++)
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            a[i] = _mm512_fmadd_ps(a[i], x, y);
    for (int i = 1; i < 12; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    sink = _mm512_cvtss_f32(a[0]);
    return (double)LOOPS * 12 * 2 * 16;
}
__attribute__((target("avx2,fma"))) static double fma_256(void) {
    __m256 a[12], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
    for (int i = 0; i < 12; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (int k = 0; k < LOOPS; k++)
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            a[i] = _mm256_fmadd_ps(a[i], x, y);
    for (int i = 1; i < 12; i++)
        a[0] = _mm256_add_ps(a[0], a[i]);
    sink = _mm256_cvtss_f32(a[0]);
    return (double)LOOPS * 12 * 2 * 8;
}
__attribute__((target("avx512f,avx512bf16"))) static double dot_bf16(void) {
    __m512 a[12];
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
    for (int i = 0; i < 12; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int k = 0; k < LOOPS; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            a[i] = _mm512_dpbf16_ps(a[i], x, x);
        __asm__ volatile("" : "+v"(x)); /* x stays a variable */
    }
    for (int i = 1; i < 12; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    sink = _mm512_cvtss_f32(a[0]);
    return (double)LOOPS * 12 * 4 * 16;
}
__attribute__((target("avx512f,avx512vnni"))) static double dot_int8(void) {
    __m512i a[12], x = _mm512_set1_epi8(1);
    for (int i = 0; i < 12; i++)
        a[i] = _mm512_set1_epi32(i);
    for (int k = 0; k < LOOPS; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            a[i] = _mm512_dpbusd_epi32(a[i], x, x);
        __asm__ volatile("" : "+v"(x));
    }
    for (int i = 1; i < 12; i++)
        a[0] = _mm512_add_epi32(a[0], a[i]);
    sink = (float)_mm512_reduce_add_epi32(a[0]);
    return (double)LOOPS * 12 * 8 * 16;
}
static double fp32(void) {
    return __builtin_cpu_supports("avx512f") ? fma_512() : fma_256();
}
static double bf16(void) {
    return __builtin_cpu_supports("avx512bf16") ? dot_bf16() : 0;
}
static double int8(void) {
    return __builtin_cpu_supports("avx512vnni") ? dot_int8() : 0;
}
#else
static double fp32(void) {
#if defined(__aarch64__)
    float32x4_t a[24], x = vdupq_n_f32(0.999f), y = vdupq_n_f32(1e-3f);
    for (int i = 0; i < 24; i++)
        a[i] = vdupq_n_f32((float)i);
    for (int k = 0; k < LOOPS; k++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++)
            a[i] = vfmaq_f32(y, a[i], x);
    for (int i = 1; i < 24; i++)
        a[0] = vaddq_f32(a[0], a[i]);
    sink = vgetq_lane_f32(a[0], 0);
    return (double)LOOPS * 24 * 2 * 4;
#else
    return 0;
#endif
}
static double bf16(void) {
    return 0;
}
static double int8(void) {
    return 0;
}
#endif

typedef struct reader {
    const uint64_t *from;
    uint64_t sum;
} reader;
static double read_memory(reader *r) {
    uint64_t s[8] = {0};
    for (size_t i = 0; i < READ_BYTES / sizeof *r->from; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += r->from[i + (size_t)k];
    for (int k = 0; k < 8; k++)
        r->sum += s[k];
    return READ_BYTES;
}

typedef struct rank {
    double (*kernel)(void); /* NULL: read memory */
    reader memory;
    pthread_barrier_t *barrier;
    double done, begin, end;
} rank;
static void *work(void *arg) {
    rank *r = arg;
    pthread_barrier_wait(r->barrier);
    r->begin = now();
    r->done = r->kernel ? r->kernel() : read_memory(&r->memory);
    r->end = now();
    return NULL;
}

/* Work per second from the first thread's begin to the last one's end. */
static double window(rank *ranks, int threads) {
    pthread_t ids[MAX_THREADS];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++)
        ranks[i].barrier = &barrier;
    for (int i = 1; i < threads; i++)
        pthread_create(&ids[i], NULL, work, &ranks[i]);
    work(&ranks[0]);
    double done = ranks[0].done, begin = ranks[0].begin, end = ranks[0].end;
    for (int i = 1; i < threads; i++) {
        pthread_join(ids[i], NULL);
        done += ranks[i].done;
        begin = ranks[i].begin < begin ? ranks[i].begin : begin;
        end = ranks[i].end > end ? ranks[i].end : end;
    }
    pthread_barrier_destroy(&barrier);
    return done / (end - begin);
}

/* memory: NULL, or READ_BYTES for each thread. */
static double best(double (*kernel)(void), const char *memory, int threads) {
    double top = 0;
    for (int w = 0; w < WINDOWS; w++) {
        rank ranks[MAX_THREADS];
        for (int i = 0; i < threads; i++) {
            const void *from = memory ? memory + (size_t)i * READ_BYTES : NULL;
            ranks[i] = (rank){.kernel = kernel, .memory.from = from};
        }
        const double rate = window(ranks, threads);
        sink = (float)ranks[0].memory.sum;
        top = rate > top ? rate : top;
    }
    return top;
}

static int clamp(int threads) {
    return threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

double bench_measure_read(int threads) {
    const int n = clamp(threads);
    const size_t size = (size_t)n * READ_BYTES;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    madvise(memory, size, MADV_HUGEPAGE);
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    const double rate = best(NULL, memory, n);
    munmap(memory, size);
    return rate;
}

bench_peaks bench_measure_peaks(int threads) {
    const int n = clamp(threads);
    return (bench_peaks){best(fp32, NULL, n), best(bf16, NULL, n), best(int8, NULL, n), bench_measure_read(n)};
}
