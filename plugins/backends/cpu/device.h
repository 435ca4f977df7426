/* SPDX-License-Identifier: Apache-2.0
 * The opened device: host, kernels, and the scratch memory that its programs share (one runs at a time). */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include "cpu.h"

typedef struct cpu_memory {
    char *ptr;
    size_t size;
} cpu_memory;

typedef struct cpu_dev {
    const lud_host *host;
    lud_host_ctx *ctx;
    const lud_team_api *team; /* NULL: one thread */
    const cpu_kernel_set *set;
    const cpu_kernel *by_opcode[64];
    cpu_blas blas;
    const cpu_bf16 *bf16; /* NULL: this processor has none */
    int32_t threads;
    cpu_memory scratch, shared; /* grow at compile; scratch is cut into `threads` equal parts */
} cpu_dev;

const lud_host *cpu_host(void);          /* plugin.c: what init received */
extern const lud_backend_vt cpu_backend; /* device.c */

lud_status cpu_fail_status(lud_error *, lud_status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Large: mmap with huge pages, 2 MiB aligned, untouched; small: the host's. NULL if out of memory. */
void *cpu_memory_new(const lud_host *, size_t);
void cpu_memory_free(const lud_host *, void *, size_t);

/* weights.c */
lud_status cpu_weight_new(void *dev, const lud_tensor *, const void *host, uint32_t uses, lud_buf *, int32_t *storage,
                          lud_error *);

/* program.c */
lud_status cpu_compile(void *dev, const lud_program *, void **exe, lud_error *);
lud_status cpu_run(void *dev, void *exe, const int64_t *extents, uint32_t *bad_op, lud_error *);
void cpu_exe_free(void *dev, void *exe);

#endif
