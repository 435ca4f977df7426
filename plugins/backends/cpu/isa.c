/* SPDX-License-Identifier: Apache-2.0
 * Chooses the kernels that this processor can run. Baseline code: asks CPUID (which includes the operating system's
 * support) and touches nothing else. LUDWIG_CPU_ISA=portable|avx2|avx512 can only lower the choice (for tests). */
#include "cpu.h"
#include <stdlib.h>

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

const cpu_kernel_set *cpu_kernel_set_choose(void) {
    const char *limit = getenv("LUDWIG_CPU_ISA");
    bool portable = limit && strcmp(limit, "portable") == 0, avx2 = limit && strcmp(limit, "avx2") == 0;
    (void)avx2;
#ifdef CPU_HAVE_X86_KERNELS
    __builtin_cpu_init();
    if (!portable && !avx2 && can_avx512()) return &cpu_kernel_set_avx512;
    if (!portable && can_avx2()) return &cpu_kernel_set_avx2;
#endif
    (void)portable;
    return &cpu_kernel_set_portable;
}

cpu_int8_panel *cpu_int8_choose(void) {
    const cpu_kernel_set *set = cpu_kernel_set_choose();
#ifdef CPU_HAVE_X86_KERNELS
    bool wide = set == &cpu_kernel_set_avx512;
    if (wide && !getenv("LUDWIG_CPU_ISA") && __builtin_cpu_supports("avx512vnni")) return cpu_int8_panel_vnni;
#endif
    return set->int8;
}

const cpu_bf16 *cpu_bf16_choose(void) {
#ifdef CPU_HAVE_X86_KERNELS
    bool wide = cpu_kernel_set_choose() == &cpu_kernel_set_avx512;
    if (wide && !getenv("LUDWIG_CPU_ISA") && __builtin_cpu_supports("avx512bf16")) return &cpu_bf16_avx512;
#endif
    return NULL;
}
