/* SPDX-License-Identifier: Apache-2.0
 * Chooses the kernels that this processor can run. Baseline code: asks CPUID (which includes the operating system's
 * support) and touches nothing else. LUDWIG_CPU can only lower the choice: to kernels of that level, or below. */
#include "device.h"
#include <stdlib.h>

static const char *const levels[] = {"portable", "avx2", "avx512"};
enum { PORTABLE, AVX2, AVX512, N_LEVELS };

extern const cpu_kernel_set cpu_kernel_set_portable;
#ifdef CPU_HAVE_X86_KERNELS
extern const cpu_kernel_set cpu_kernel_set_avx2, cpu_kernel_set_avx512;
extern const cpu_bf16 cpu_bf16_avx512;
extern cpu_int8_panel cpu_int8_panel_vnni;

static bool can_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool can_avx512(void) {
    return can_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

/* The level that LUDWIG_CPU names; N_LEVELS: no limit, -1: no such level. */
static int limit(void) {
    const char *word = getenv("LUDWIG_CPU");
    if (!word || !word[0]) return N_LEVELS;
    for (int i = 0; i < N_LEVELS; i++)
        if (strcmp(word, levels[i]) == 0) return i;
    return -1;
}

lud_status cpu_level_check(lud_error *err) {
    if (limit() >= 0) return LUD_OK;
    return cpu_fail_status(err, LUD_E_INVALID, "cpu: LUDWIG_CPU is '%.40s'; it can be %s, %s or %s, or not be set",
                           getenv("LUDWIG_CPU"), levels[PORTABLE], levels[AVX2], levels[AVX512]);
}

const cpu_kernel_set *cpu_kernel_set_choose(void) {
#ifdef CPU_HAVE_X86_KERNELS
    __builtin_cpu_init();
    if (limit() >= AVX512 && can_avx512()) return &cpu_kernel_set_avx512;
    if (limit() >= AVX2 && can_avx2()) return &cpu_kernel_set_avx2;
#endif
    return &cpu_kernel_set_portable;
}

cpu_int8_panel *cpu_int8_choose(void) {
    const cpu_kernel_set *set = cpu_kernel_set_choose();
#ifdef CPU_HAVE_X86_KERNELS
    bool wide = set == &cpu_kernel_set_avx512;
    if (wide && limit() == N_LEVELS && __builtin_cpu_supports("avx512vnni")) return cpu_int8_panel_vnni;
#endif
    return set->int8;
}

const cpu_bf16 *cpu_bf16_choose(void) {
#ifdef CPU_HAVE_X86_KERNELS
    bool wide = cpu_kernel_set_choose() == &cpu_kernel_set_avx512;
    if (wide && limit() == N_LEVELS && __builtin_cpu_supports("avx512bf16")) return &cpu_bf16_avx512;
#endif
    return NULL;
}
