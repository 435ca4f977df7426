/* SPDX-License-Identifier: Apache-2.0
 * The table of kernels of one instruction set: opcode -> function. */
#include "ops.h"

#define CPU_NEED_gemm_need           FN(gemm_need)
#define CPU_NEED_rope_need           FN(rope_need)
#define CPU_NEED_attention_need      FN(attention_need)
#define CPU_NEED_attention_grad_need FN(attention_grad_need)
#define CPU_NEED_linear_xent_need    FN(linear_xent_need)
#define CPU_NEED_sumsq_need          FN(sumsq_need)
#define CPU_NEED_0                   NULL

static const cpu_kernel kernels[] = {
#define CPU_KERNEL(name, fn, need_fn) {.opcode = LUD_OP_##name, .run = FN(fn), .need = CPU_NEED_##need_fn},
    CPU_KERNEL_MAP(CPU_KERNEL)
#undef CPU_KERNEL
};

extern const cpu_kernel_set FN(kernel_set);
const cpu_kernel_set FN(kernel_set) = {
    CPU_ISA_NAME, kernels, sizeof kernels / sizeof kernels[0], PN, FN(gemm_pack), FN(int8_panel), FN(int8_pack)};
