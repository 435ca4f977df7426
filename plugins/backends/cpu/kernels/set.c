/* SPDX-License-Identifier: Apache-2.0
 * The table of kernels of one instruction set: opcode -> function. */
#include "ops.h"

#define CPU_NEED_gemm_need             FN(gemm_need)
#define CPU_NEED_rope_need             FN(rope_need)
#define CPU_NEED_attention_need        FN(attention_need)
#define CPU_NEED_attention_cached_need FN(attention_cached_need)
#define CPU_NEED_attention_grad_need   FN(attention_grad_need)
#define CPU_NEED_linear_xent_need      FN(linear_xent_need)
#define CPU_NEED_sumsq_need            FN(sumsq_need)
#define CPU_NEED_0                     NULL

static const cpu_kernel kernels[] = {
#define CPU_KERNEL(name, fn, need_fn) {.opcode = LUD_OP_##name, .run = FN(fn), .need = CPU_NEED_##need_fn},
    CPU_KERNEL_MAP(CPU_KERNEL)
#undef CPU_KERNEL
};

/* Own kernels of AVX2 and AVX-512 are twice as fast as it at products of a step's sizes. */
#if defined(CPU_ISA_AVX2) || defined(CPU_ISA_AVX512)
enum { USES_BLAS = false };
#else
enum { USES_BLAS = true };
#endif

extern const cpu_kernel_set FN(kernel_set);
const cpu_kernel_set FN(kernel_set) = {.isa = CPU_ISA_NAME,
                                       .kernels = kernels,
                                       .n = sizeof kernels / sizeof kernels[0],
                                       .panel = PN,
                                       .pack = FN(gemm_pack),
                                       .int8 = FN(int8_panel),
                                       .int8_pack = FN(int8_pack),
                                       .blas = USES_BLAS};
