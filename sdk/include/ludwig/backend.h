/* SPDX-License-Identifier: Apache-2.0
 * A backend runs planned programs on a device. It may refuse any operation: that one then runs on the fallback
 * device. Tensors are dense and row-major; core has planned where each lies. */
#ifndef LUDWIG_BACKEND_H
#define LUDWIG_BACKEND_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lud_buf {
    void *handle;
    size_t size;
    void *host_ptr; /* the memory itself if the host may touch it, else NULL */
} lud_buf;          /* FROZEN */

enum { LUD_DEVICE_REFERENCE = 1, LUD_DEVICE_CPU = 2, LUD_DEVICE_INTEGRATED = 3, LUD_DEVICE_DISCRETE = 4 };
/* ROW_INVARIANT: keeps the row rule of ops.h. UNIFIED_MEMORY: every buffer has a host_ptr. COMPLETE: every opcode.
 * BF16: ops flagged LUD_OP_BF16 are faster for it; `precision: auto` flags them on such a device alone.
 * INT8: runs LINEAR as LUD_OP_INT8 says where the weight has LUD_USE_INT8. FILE_WEIGHTS: weight_new is also offered
 * weights as files store them. */
enum {
    LUD_CAP_ROW_INVARIANT = 1,
    LUD_CAP_UNIFIED_MEMORY = 2,
    LUD_CAP_COMPLETE = 4,
    LUD_CAP_BF16 = 8,
    LUD_CAP_FILE_WEIGHTS = 16,
    LUD_CAP_INT8 = 32
};

/* score: 1-99 within its type; core adds the band of the type. 0 = cannot be used, and `why` says why. */
typedef struct lud_device {
    uint32_t struct_size;
    int32_t type, score;
    uint32_t caps;
    uint64_t mem_total, mem_free, align, max_alloc;
    char id[32], name[64], why[128];
} lud_device;

enum {
    LUD_ROLE_TEMP,
    LUD_ROLE_PARAM,
    LUD_ROLE_GRAD,
    LUD_ROLE_STATE,
    LUD_ROLE_INPUT,
    LUD_ROLE_OUTPUT,
    LUD_ROLE_CONST,
    LUD_ROLE_KV
};
/* How the elements lie. PLAIN: one after the other, of the tensor's dtype. >= 0x10000: private to the backend that made
 * it. The others, with GGUF's numbers, cut each row into blocks of 32 elements; dtype is F32, what they stand for. `d`
 * and `m` are IEEE halves, element j of 16 is in the low nibble of byte j and element j + 16 in its high one.
 *   Q4_0   d, 16 bytes       d * (nibble - 8)
 *   Q4_1   d, m, 16 bytes    d * nibble + m
 *   Q8_0   d, 32 int8        d * byte */
enum { LUD_STORAGE_PLAIN = 0, LUD_STORAGE_Q4_0 = 2, LUD_STORAGE_Q4_1 = 3, LUD_STORAGE_Q8_0 = 8 };

/* dtype is resolved (never LUD_REAL). dim[0] < 0: extent. `stride` in elements. The tensor's first byte is at
 * bufs[buf] + offset; `bytes` is its size at the extents' maxima. alias_of: shares the memory of that tensor. */
typedef struct lud_tensor {
    uint32_t struct_size;
    int32_t dtype, storage, role, rank;
    uint32_t buf, alias_of, reserved;
    int64_t dim[8], stride[8];
    uint64_t offset, bytes;
} lud_tensor;

/* A planned program, or a slice of one. ops[i] has the results first_result[i] + k; ids index `tensors` (entry 0 is
 * NULL). extent_max[e] for e in 1..n_extents-1. Everything stays valid until exe_free. */
typedef struct lud_program {
    uint32_t struct_size, n_ops, n_tensors, n_bufs, n_extents, reserved;
    const lud_op *const *ops;
    const lud_t *first_result;
    const lud_tensor *const *tensors;
    lud_buf *const *bufs;
    const int64_t *extent_max;
} lud_program;

/* What a weight is used for: FORWARD (LINEAR), INPUT_GRAD (LINEAR_GRAD_INPUT), ROWS (EMBEDDING). BF16, INT8:
 * every product that reads it has that flag; ROWS stay exact. */
enum {
    LUD_USE_FORWARD = 1,
    LUD_USE_INPUT_GRAD = 2,
    LUD_USE_ROWS = 4,
    LUD_USE_OTHER = 8,
    LUD_USE_BF16 = 16,
    LUD_USE_INT8 = 32
};

typedef struct lud_backend_vt {
    uint32_t struct_size, reserved;
    lud_status (*probe)(lud_host_ctx *, uint32_t i, lud_device *, lud_error *); /* LUD_E_NOT_FOUND ends the list */
    lud_status (*open)(lud_host_ctx *, uint32_t i, void **dev, lud_error *);
    void (*close)(void *dev); /* accepts NULL */
    /* Memory aligned to at least 64 bytes. Not zeroed. */
    lud_status (*buf_new)(void *dev, size_t size, lud_buf *, lud_error *);
    void (*buf_free)(void *dev, lud_buf *); /* accepts a zeroed lud_buf */
    lud_status (*upload)(void *dev, lud_buf *, size_t off, const void *src, size_t n, lud_error *);
    lud_status (*download)(void *dev, const lud_buf *, size_t off, void *dst, size_t n, lud_error *);
    /* Pure, [any]. in[i] NULL for an absent input. */
    int32_t (*supports_op)(void *dev, const lud_op *, const lud_tensor *const *in, const lud_tensor *const *out);
    /* Optional. Makes the device copy of a frozen weight in the layout that the kernels want. `host` is row-major, of
     * the tensor's dtype, and outlives a weight that is PLAIN or has ROWS; else it lasts for the call. A backend with
     * UNIFIED_MEMORY may wrap it without copying (buf->handle NULL, host_ptr = host). NULL slot: buf_new + upload. With
     * FILE_WEIGHTS it may come in a Q storage, or as BF16 or F16, and then `host` lasts for the call only. An answer of
     * UNSUPPORTED, or a PLAIN *storage, brings the same weight as fp32. Results are fp32 all the same. */
    lud_status (*weight_new)(void *dev, const lud_tensor *, const void *host, uint32_t uses, lud_buf *,
                             int32_t *storage, lud_error *);
    lud_status (*compile)(void *dev, const lud_program *, void **exe, lud_error *);
    /* extents[e] is the true size of extent e in this run. On failure *bad_op is the op's index in the program. */
    lud_status (*run)(void *dev, void *exe, const int64_t *extents, uint32_t *bad_op, lud_error *); /* may enqueue */
    void (*exe_free)(void *dev, void *exe);
    lud_status (*sync)(void *dev, lud_error *);
} lud_backend_vt;

#ifdef __cplusplus
}
#endif
#endif
