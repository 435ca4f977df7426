/* SPDX-License-Identifier: Apache-2.0
 * The opened device: host, kernels, and the scratch memory that its programs share (one runs at a time). */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include "cpu.h"

typedef struct cpu_memory {
    char *ptr;
    size_t size;
} cpu_memory;

typedef struct cpu_slab cpu_slab; /* memory.c */
typedef struct cpu_dev {
    const lud_host *host;
    lud_host_ctx *ctx;
    const lud_team_api *team; /* NULL: one thread */
    const cpu_kernel_set *set;
    const cpu_kernel *by_opcode[64];
    cpu_blas blas;
    const cpu_bf16 *bf16; /* NULL: this processor has none */
    cpu_int8_panel *int8;
    int32_t threads;
    cpu_slab *slabs;            /* the newest first; weights lie in them */
    cpu_memory scratch, shared; /* grow at compile; scratch is cut into `threads` equal parts */
} cpu_dev;

const lud_host *cpu_host(void);          /* plugin.c: what init received */
extern const lud_backend_vt cpu_backend; /* device.c */

lud_status cpu_fail_status(lud_error *, lud_status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* isa.c: fails if LUDWIG_CPU names no level of kernels. */
lud_status cpu_level_check(lud_error *);

/* memory.c. Large: mmap with huge pages, 2 MiB aligned, untouched; small: the host's. NULL if out of memory. */
void *cpu_memory_new(const lud_host *, size_t);
void cpu_memory_free(const lud_host *, void *, size_t);
/* Of any size on huge pages; buf_memory_free accepts both sorts, and NULL. */
void *cpu_weight_memory_new(cpu_dev *, size_t);
void cpu_buf_memory_free(cpu_dev *, void *, size_t);

/* weights.c */
lud_status cpu_weight_new(void *dev, const lud_tensor *, const void *host, uint32_t uses, lud_buf *, int32_t *storage,
                          lud_error *);

/* strips.c: of a weight as its file stores it. The kind (strips.h) is 0 where there is none for it. */
int32_t cpu_strips_kind(const lud_tensor *);
size_t cpu_strips_bytes(const lud_tensor *);
void cpu_strips_make(const cpu_dev *, const lud_tensor *, const void *host, void *out);

/* program.c */
lud_status cpu_compile(void *dev, const lud_program *, void **exe, lud_error *);
lud_status cpu_run(void *dev, void *exe, const int64_t *extents, uint32_t *bad_op, lud_error *);
void cpu_exe_free(void *dev, void *exe);

#endif
