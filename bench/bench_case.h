/* SPDX-License-Identifier: Apache-2.0
 * One op as a program of its own on an opened backend: tensors from a short text, data made up, timed. */
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include <ludwig/backend.h>
#include <stdbool.h>

enum { BENCH_MAX_TENSORS = 13 };

/* How an I32 input is filled. */
enum { FILL_REAL, FILL_IDS, FILL_POSITIONS, FILL_SEGMENTS, FILL_KEYS, FILL_PAGES };

typedef struct bench_tensor {
    int32_t fill, rank; /* rank 0: absent */
    int64_t dim[4];
} bench_tensor;

typedef struct bench_case {
    const char *name;
    uint32_t opcode;
    int per_step; /* how often in one LoRA training step */
    double flop;  /* of one run */
    const void *attr;
    uint32_t attr_size, n_in, n_out;
    bench_tensor in[9], out[5];
} bench_case;

typedef struct bench_backend {
    struct ludc_host *host;
    const lud_backend_vt *vt;
    void *dev;
    int64_t segment; /* tokens in a segment */
    int64_t ids_below;
    int threads;
    bool bf16, int8; /* flag the products that may be rounded, the LINEAR that may be quantized */
} bench_backend;

/* LINEAR or one of its gradients, of a weight [m, k] over t rows. */
bench_case bench_product(const char *name, uint32_t opcode, int64_t t, int64_t k, int64_t m);

/* Fills host, vt, dev and threads (0: all processors). Close also what did not open. */
lud_status bench_open(bench_backend *, const char *name, int threads, lud_error *);
void bench_close(bench_backend *);

/* Seconds: processor time of a single thread, so that a busy machine does not count, else the wall's. */
double bench_now(int threads);

/* Best seconds of several runs; < 0 on failure (reason on stderr). *bytes: size of all tensors. */
double bench_run(const bench_backend *, const bench_case *, double budget_seconds, double *bytes);

#endif
