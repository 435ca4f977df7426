/* SPDX-License-Identifier: Apache-2.0
 * Private types of the cpu backend, shared by the baseline part (plugin.c, device.c, program.c, blas.c, isa.c) and by
 * the kernels, which are compiled once per instruction set (kernels/).
 *
 * Execution: all threads of the host's team walk the same list of steps. A step hands out numbered pieces of work
 * (cpu_loop); the borders of the pieces may depend on the number of threads, the bits of the results never do. */
#ifndef CPU_H
#define CPU_H

#include <ludwig/backend.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { CPU_MAX_IN = 9, CPU_MAX_OUT = 5, CPU_LINE = 64 };
enum { CPU_FEW_ROWS = 4 }; /* up to so many rows a product reads the weight as one stream, without panels */
#define CPU_MIN(a, b) ((a) < (b) ? (a) : (b))
#define CPU_MAX(a, b) ((a) > (b) ? (a) : (b))

/* ---- OpenBLAS, opened at run time (blas.c). sgemm is NULL if there is none. ---- */
typedef struct cpu_blas {
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                  int ldb, float beta, float *c, int ldc);
    char name[48];
} cpu_blas;
void cpu_blas_open(cpu_blas *);

/* ---- Frozen weights (weights.c) ---- */
/* Storages of our own: the tensor's memory begins with a cpu_weight. Numbers are this plugin's; any will do. */
enum { CPU_STORAGE_F32 = 0x10000, CPU_STORAGE_BF16, CPU_STORAGE_INT8, CPU_STORAGE_STRIPS };
typedef struct cpu_weight {
    const void *rows;           /* row-major, as the host has it, NULL: not kept; or strips */
    const void *forward, *grad; /* panels of w^T and of w; NULL: not asked for */
    int32_t strips;             /* the kind of strips (strips.h), 0: fp32 */
} cpu_weight;

typedef struct cpu_bf16 cpu_bf16;      /* kernels/bf16.h */
const cpu_bf16 *cpu_bf16_choose(void); /* isa.c: NULL if this processor has no such products */

typedef struct cpu_int8_product cpu_int8_product; /* kernels/int8.h */
/* Rows [t0, t1) of the product with one panel of the weight. */
typedef void cpu_int8_panel(const cpu_int8_product *, int64_t t0, int64_t t1, int64_t panel);
cpu_int8_panel *cpu_int8_choose(void); /* isa.c */

/* ---- Steps ---- */
/* A tensor of a step with its address, bound at compile. t NULL: absent. */
typedef struct cpu_ref {
    void *ptr;
    const lud_tensor *t;
    size_t bytes; /* in memory that threads share */
} cpu_ref;

typedef struct cpu_step cpu_step;
typedef struct cpu_exe cpu_exe;
/* A counter of work pieces, alone in its cache line. */
typedef struct cpu_counter {
    _Alignas(CPU_LINE) atomic_llong next;
} cpu_counter;

/* One thread inside a run. */
typedef struct cpu_worker {
    cpu_exe *exe;
    const int64_t *extents;
    char *scratch; /* this thread's own */
    char *shared;  /* for all threads of one step */
    const cpu_blas *blas;
    const cpu_bf16 *bf16;
    cpu_int8_panel *int8;
    int32_t rank, size; /* 0 of 1 while a step runs on one thread */
} cpu_worker;

typedef void (*cpu_op_fn)(cpu_worker *, const cpu_step *);

/* How a step leaves its first input at the start of `shared`, for later ones that read the same. */
enum { CPU_ROUNDS_NOTHING, CPU_ROUNDS_BF16, CPU_ROUNDS_INT8 };

/* What a step needs beside its tensors, at the extents' maxima. loops: how many cpu_loop it starts at most. */
typedef struct cpu_need {
    size_t scratch, shared;
    uint32_t loops;
    int32_t rounds; /* CPU_ROUNDS_* */
} cpu_need;

struct cpu_step {
    const lud_op *op;
    const void *attr;
    cpu_op_fn fn;
    cpu_ref in[CPU_MAX_IN], out[CPU_MAX_OUT];
    uint32_t index;
    int32_t conflict;  /* last earlier step whose memory this one must not run beside, -1 = none */
    uint32_t counter;  /* first counter of this step */
    uint32_t table;    /* ROPE: index of its table of cosines and sines */
    bool cheap_inputs; /* cost is that of the results alone: row look-ups */
    bool exponentials; /* an element costs as much as several */
    bool accumulates;  /* adds to its result instead of overwriting it */
    bool never_solo;
    bool plain;      /* needs no memory beside its tensors */
    bool replicated; /* every thread runs it for itself (replicas.c) */
    bool bf16;       /* may and can round its factors (kernels/bf16.h) */
    bool int8;       /* may and can quantize them (kernels/int8.h) */
    bool rounded;    /* an earlier step left its first input, rounded, in `shared` */
};

/* Cosines and sines of one (positions, frequencies) pair, shared by all ROPE steps of a program. */
#define CPU_TABLE_EACH_STEP UINT32_MAX
typedef struct cpu_rope_table {
    const void *positions, *inv_freq;
    uint32_t first_step; /* the step that fills it; CPU_TABLE_EACH_STEP if values may change between steps */
    int32_t half;
    float factor;
    float *cs; /* [T, 2, half]: cosines, then sines */
} cpu_rope_table;

struct cpu_exe {
    void *dev;
    const lud_program *program;
    cpu_step *steps;
    cpu_counter *counters;
    cpu_rope_table *tables;
    const int64_t *extents; /* of the run in progress */
    uint32_t n_steps, n_counters, n_tables;
    atomic_uint bad_op; /* lowest failing step of the run, UINT32_MAX = none */
    atomic_flag message_lock;
    char message[256];
};

/* ---- Kernel sets (kernels/set.c, one per instruction set) ---- */
typedef struct cpu_kernel {
    uint32_t opcode;
    cpu_op_fn run;
    /* Adds to *need; may be NULL for steps without scratch and with one loop. w has the extents' maxima. */
    void (*need)(const cpu_worker *w, const cpu_step *, cpu_need *);
} cpu_kernel;
typedef struct cpu_kernel_set {
    const char *isa;
    const cpu_kernel *kernels;
    size_t n;
    /* Panels of a frozen fp32 weight (kernels/gemm.h): how wide one is; packs rows [n0, n1) of w (n,k). */
    int64_t panel;
    void (*pack)(float *panels, const float *w, int64_t n, int64_t k, int64_t n0, int64_t n1);
    /* The int8 product, and one panel of such a weight (kernels/int8.h). */
    cpu_int8_panel *int8;
    void (*int8_pack)(void *room, const float *w, int64_t n, int64_t k, int64_t panel);
    bool blas; /* OpenBLAS is faster at weight gradients */
} cpu_kernel_set;
const cpu_kernel_set *cpu_kernel_set_choose(void); /* isa.c: the best that this processor can run */

/* ---- Helpers of program.c for the kernels ---- */
void cpu_barrier(cpu_worker *); /* all threads of the team; nothing while a step runs alone */
/* Records that a step found bad data. The run goes on (kernels stay inside memory) and fails at its end. */
void cpu_fail(cpu_worker *, const cpu_step *, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- Shapes ---- */
static inline int64_t cpu_dim(const cpu_worker *w, const cpu_ref *r, int32_t i) {
    int64_t d = r->t->dim[i];
    return d < 0 ? w->extents[-d] : d;
}
static inline int64_t cpu_dims(const cpu_worker *w, const cpu_ref *r, int32_t from, int32_t to) {
    int64_t n = 1;
    for (int32_t i = from; i < to; i++)
        n *= cpu_dim(w, r, i);
    return n;
}
/* Number of elements; 0 if absent. */
static inline int64_t cpu_count(const cpu_worker *w, const cpu_ref *r) {
    return r->t ? cpu_dims(w, r, 0, r->t->rank) : 0;
}
/* Product of all dimensions but the last, and the last. */
static inline int64_t cpu_rows(const cpu_worker *w, const cpu_ref *r) {
    return cpu_dims(w, r, 0, r->t->rank - 1);
}
static inline int64_t cpu_cols(const cpu_worker *w, const cpu_ref *r) {
    return r->t->rank > 0 ? cpu_dim(w, r, r->t->rank - 1) : 1;
}
static inline const float *cpu_in(const cpu_step *s, int i) {
    return s->in[i].ptr;
}
static inline const int32_t *cpu_in_i32(const cpu_step *s, int i) {
    return s->in[i].ptr;
}
static inline float *cpu_out(const cpu_step *s, int i) {
    return s->out[i].ptr;
}
/* A weight in rows or strips, and which strips; its panels of that storage, NULL if it has none. */
static inline const float *cpu_weight_rows(const cpu_ref *r) {
    return r->t->storage == LUD_STORAGE_PLAIN ? r->ptr : ((const cpu_weight *)r->ptr)->rows;
}
static inline int32_t cpu_weight_strips(const cpu_ref *r) {
    return r->t->storage == LUD_STORAGE_PLAIN ? 0 : ((const cpu_weight *)r->ptr)->strips;
}
static inline const void *cpu_weight_panels(const cpu_ref *r, int32_t storage, bool forward) {
    const cpu_weight *w = r->t->storage == storage ? r->ptr : NULL;
    return !w ? NULL : forward ? w->forward : w->grad;
}
static inline int64_t cpu_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}
static inline int64_t cpu_round_up(int64_t a, int64_t b) {
    return (a + b - 1) / b * b;
}

/* ---- Sharing out work: pieces 0..n-1, each taken by one thread. Every thread of the step starts the same loops. ----
 */
typedef struct cpu_loop {
    atomic_llong
        *shared; /* pieces taken from the front; above 32 bits, from the back. NULL: one thread, counts in `own` */
    int64_t own, n;
    bool back;
} cpu_loop;

static inline cpu_loop cpu_loop_start(const cpu_worker *w, const cpu_step *s, uint32_t number, int64_t n) {
    atomic_llong *c = w->size > 1 ? &w->exe->counters[s->counter + number].next : NULL;
    return (cpu_loop){.shared = c, .own = 0, .n = n};
}
/* In increasing order, or decreasing from the back. */
static inline bool cpu_loop_next(cpu_loop *l, int64_t *i) {
    if (!l->shared) return *i = l->own++, *i < l->n;
    int64_t taken = atomic_fetch_add_explicit(l->shared, l->back ? (int64_t)1 << 32 : 1, memory_order_relaxed);
    int64_t front = taken & UINT32_MAX, back = taken >> 32;
    *i = l->back ? l->n - 1 - back : front;
    return front + back < l->n;
}

/* A range [begin, end) of `n` items in pieces of `grain`. Threads of odd rank begin at the back, so that every step
 * finds most of the same rows in the same core's cache. */
typedef struct cpu_ranges {
    cpu_loop loop;
    int64_t n, grain, begin, end;
} cpu_ranges;
static inline cpu_ranges cpu_ranges_start(const cpu_worker *w, const cpu_step *s, uint32_t number, int64_t n,
                                          int64_t grain) {
    grain = CPU_MAX(grain, 1);
    cpu_ranges r = {.loop = cpu_loop_start(w, s, number, cpu_ceil_div(n, grain)), .n = n, .grain = grain};
    r.loop.back = w->rank & 1;
    return r;
}
static inline bool cpu_ranges_next(cpu_ranges *r) {
    int64_t i;
    if (!cpu_loop_next(&r->loop, &i)) return false;
    r->begin = i * r->grain;
    r->end = CPU_MIN(r->begin + r->grain, r->n);
    return true;
}

#endif
