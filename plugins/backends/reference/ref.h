/* SPDX-License-Identifier: Apache-2.0
 * What the files of the reference backend share: a call of a kernel, the scalar functions, errors.
 * A kernel sees true sizes only; it writes every element of its results (accumulating is done by ACC alone), reads the
 * inputs of an element or row before it writes that element or row (a result may overlay an input of its own size), and
 * computes row t from row t alone. Shapes were checked by core when the op was emitted; values of ids were not. */
#ifndef REF_H
#define REF_H

#include <ludwig/backend.h>

enum { REF_MAX_IN = 9, REF_MAX_OUT = 5 };

/* A tensor with the true sizes of this run. Absent: ptr NULL, n 0. Not asked for: n 0. */
typedef struct ref_view {
    void *ptr;
    int64_t n; /* elements */
    int64_t dim[8];
    int32_t dtype, rank;
} ref_view;

typedef struct ref_call {
    const lud_op *op;
    double *scratch; /* as many as ref_scratch_size told for this op */
    lud_error *err;
    ref_view in[REF_MAX_IN];
    ref_view out[REF_MAX_OUT];
} ref_call;

typedef lud_status (*ref_kernel)(const ref_call *);

#define REF_DECLARE(name, code, n_in, n_out, attr)                                                                     \
    lud_status ref_op_##name##_f32(const ref_call *);                                                                  \
    lud_status ref_op_##name##_f64(const ref_call *);
LUD_OP_MAP(REF_DECLARE)
#undef REF_DECLARE

/* ---- plugin.c ---- */
extern const lud_backend_vt ref_backend;
const lud_host *ref_host(void); /* set once by init */
/* Fills *err unless it already holds an error; returns code. */
lud_status ref_fail(lud_error *err, lud_status code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* parallel_for of the host; few items stay on the caller. Chunks never change what a kernel computes. */
void ref_parallel(int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t), void *arg);

/* ---- device.c ---- */
lud_status ref_probe(lud_host_ctx *, uint32_t i, lud_device *, lud_error *);
lud_status ref_open(lud_host_ctx *, uint32_t i, void **dev, lud_error *);
void ref_close(void *dev);
lud_status ref_buf_new(void *dev, size_t size, lud_buf *, lud_error *);
void ref_buf_free(void *dev, lud_buf *);
lud_status ref_upload(void *dev, lud_buf *, size_t off, const void *src, size_t n, lud_error *);
lud_status ref_download(void *dev, const lud_buf *, size_t off, void *dst, size_t n, lud_error *);
lud_status ref_weight_new(void *dev, const lud_tensor *, const void *host, uint32_t uses, lud_buf *, int32_t *storage,
                          lud_error *);
lud_status ref_sync(void *dev, lud_error *);

/* ---- exec.c ---- */
int32_t ref_supports_op(void *dev, const lud_op *, const lud_tensor *const *in, const lud_tensor *const *out);
lud_status ref_compile(void *dev, const lud_program *, void **exe, lud_error *);
lud_status ref_run(void *dev, void *exe, const int64_t *extents, uint32_t *bad_op, lud_error *);
void ref_exe_free(void *dev, void *exe);

/* ---- scalar.c: what does not depend on the element type; all in double ---- */
double ref_act(int32_t act, double x);
double ref_act_grad(int32_t act, double x);
/* ELEMENT_LOSS of one element, and its derivative by p. */
double ref_loss(const lud_attr_loss *, double p, double t);
double ref_loss_grad(const lud_attr_loss *, double p, double t);
uint32_t ref_bf16(float x); /* its bits, rounded to nearest, ties to even */
size_t ref_dtype_size(int32_t dtype);
/* LUD_OK if 0 <= id[i] < bound for all i; `what` names them in the message. */
lud_status ref_check_ids(const ref_call *, const ref_view *ids, int64_t bound, const char *what);
/* Non-decreasing offsets within 0..T. Tokens of no segment attend to nothing. */
lud_status ref_check_segments(const ref_call *, const ref_view *offsets, int64_t tokens);
/* The same, and there is one segment for each row of `rows`. */
lud_status ref_check_pooled(const ref_call *, const ref_view *offsets, int64_t tokens, const ref_view *rows);

typedef struct ref_range {
    int64_t lo, hi; /* keys lo <= j < hi, counted in the segment */
} ref_range;
/* Keys that token t of a segment of len tokens may see. */
ref_range ref_attention_range(const lud_attr_attention *, int64_t t, int64_t len);

typedef struct ref_xent_sum {
    double nll, lse;
    int32_t argmax;
} ref_xent_sum;
/* z[V] holds logits; becomes the scaled and capped z. */
ref_xent_sum ref_xent_row(const lud_attr_xent *, double *z, int64_t v, int32_t target);
/* z[V] as ref_xent_row left it; becomes g * d nll / d logits. */
void ref_xent_row_grad(const lud_attr_xent *, double *z, int64_t v, int32_t target, double lse, double g);

/* Product of dims [from, to). */
static inline int64_t ref_span(const ref_view *v, int32_t from, int32_t to) {
    int64_t n = 1;
    for (int32_t i = from; i < to; i++)
        n *= v->dim[i];
    return n;
}

#endif
