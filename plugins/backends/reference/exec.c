/* SPDX-License-Identifier: Apache-2.0
 * Compiling and running programs: one kernel per op from a table made of LUD_OP_MAP, so that an opcode without a kernel
 * does not link. An executable borrows the program, whose tables core keeps alive; it owns the scratch doubles. */
#include "ref.h"
#include <stdbool.h>
#include <string.h>

typedef struct op_row {
    uint32_t opcode, n_in, n_out, attr_size;
    const char *name;
    ref_kernel f32, f64;
} op_row;

static const op_row op_rows[] = {
#define REF_ROW(name, code, n_in, n_out, attr)                                                                         \
    {code,                                                                                                             \
     n_in,                                                                                                             \
     n_out,                                                                                                            \
     _Generic((attr){0}, lud_attr_none : 0, default                                                                    \
              : sizeof(attr)),                                                                                         \
     #name,                                                                                                            \
     ref_op_##name##_f32,                                                                                              \
     ref_op_##name##_f64},
    LUD_OP_MAP(REF_ROW)
#undef REF_ROW
};

typedef struct ref_exe {
    const lud_program *program;
    ref_kernel *kernels; /* one per op */
    double *scratch;     /* the most that one op needs */
} ref_exe;

static const op_row *find_row(uint32_t opcode) {
    for (size_t i = 0; i < sizeof(op_rows) / sizeof(op_rows[0]); i++)
        if (op_rows[i].opcode == opcode) return &op_rows[i];
    return NULL;
}

static bool is_real(int32_t dtype) {
    return dtype == LUD_F32 || dtype == LUD_F64;
}

/* The op's real type: 0 if its tensors mix types or storages, LUD_F32 if it has integers only. */
static int32_t op_dtype(const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    int32_t dtype = 0;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const lud_tensor *t = i < op->n_in ? in[i] : out[i - op->n_in];
        if (!t || t->dtype == LUD_I32) continue;
        if (!is_real(t->dtype) || t->storage != LUD_STORAGE_PLAIN || (dtype != 0 && dtype != t->dtype)) return 0;
        dtype = t->dtype;
    }
    return dtype ? dtype : LUD_F32;
}

static bool knows_act(const lud_op *op) {
    if (op->opcode != LUD_OP_ACT && op->opcode != LUD_OP_ACT_GRAD && op->opcode != LUD_OP_GLU &&
        op->opcode != LUD_OP_GLU_GRAD)
        return true;
    int32_t act = ((const lud_attr_act *)op->attr)->act;
    return act >= LUD_ACT_GELU_ERF && act <= LUD_ACT_SIGMOID;
}

/* NULL if this backend cannot run the op. */
static ref_kernel find_kernel(const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    const op_row *row = find_row(op->opcode);
    if (!row || op->n_in != row->n_in || op->n_out != row->n_out) return NULL;
    if (row->attr_size > 0 && (!op->attr || op->attr_size < row->attr_size)) return NULL;
    if (!knows_act(op)) return NULL;
    switch (op_dtype(op, in, out)) {
    case LUD_F32:
        return row->f32;
    case LUD_F64:
        return row->f64;
    default:
        return NULL;
    }
}

int32_t ref_supports_op(void *dev, const lud_op *op, const lud_tensor *const *in, const lud_tensor *const *out) {
    (void)dev;
    return find_kernel(op, in, out) != NULL;
}

static int64_t true_dim(int64_t dim, const int64_t *extents) {
    return dim < 0 ? extents[-dim] : dim;
}

/* Doubles of scratch: a row of scores and a head for attention, a row of logits and of x for cross entropy. */
static int64_t scratch_size(const lud_program *p, const lud_op *op) {
    const lud_tensor *a = op->in[0] ? p->tensors[op->in[0]] : NULL;
    const lud_tensor *b = op->n_in > 1 && op->in[1] ? p->tensors[op->in[1]] : NULL;
    switch (op->opcode) {
    case LUD_OP_ATTENTION:
    case LUD_OP_ATTENTION_GRAD:
        return true_dim(a->dim[0], p->extent_max) + a->dim[2];
    case LUD_OP_ATTENTION_CACHED:
        return p->tensors[op->in[5]]->dim[1] * p->tensors[op->in[6]]->dim[3] + a->dim[2];
    case LUD_OP_CROSS_ENTROPY:
    case LUD_OP_CROSS_ENTROPY_GRAD:
        return a->dim[1];
    case LUD_OP_LINEAR_CROSS_ENTROPY:
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
        return true_dim(b->dim[0], p->extent_max);
    default:
        return 0;
    }
}

static lud_status choose_kernel(const lud_program *p, uint32_t i, ref_kernel *out, lud_error *err) {
    const lud_op *op = p->ops[i];
    const lud_tensor *in[REF_MAX_IN] = {0}, *results[REF_MAX_OUT] = {0};
    if (op->n_in > REF_MAX_IN || op->n_out > REF_MAX_OUT)
        return ref_fail(err, LUD_E_UNSUPPORTED, "reference: op %u has %u inputs and %u results", i, op->n_in,
                        op->n_out);
    for (uint32_t k = 0; k < op->n_in; k++)
        in[k] = op->in[k] ? p->tensors[op->in[k]] : NULL;
    for (uint32_t k = 0; k < op->n_out; k++)
        results[k] = p->tensors[p->first_result[i] + k];
    *out = find_kernel(op, in, results);
    if (*out) return LUD_OK;
    return ref_fail(err, LUD_E_UNSUPPORTED,
                    "reference: op %u with opcode %u: unknown, or not of the arity, attributes or one real type "
                    "(F32 or F64, plain) that ludwig/ops.h gives it",
                    i, op->opcode);
}

lud_status ref_compile(void *dev, const lud_program *program, void **out, lud_error *err) {
    const lud_host *host = ref_host();
    lud_status status = LUD_OK;
    int64_t scratch = 0;
    ref_exe *exe = host->alloc(host->ctx, sizeof(*exe), 64);
    if (!exe) return ref_fail(err, LUD_E_NOMEM, "reference: no memory for a program of %u ops", program->n_ops);
    *exe = (ref_exe){.program = program};
    exe->kernels = host->alloc(host->ctx, (size_t)program->n_ops * sizeof(ref_kernel) + 1, 64);
    if (!exe->kernels) goto no_memory;
    for (uint32_t i = 0; i < program->n_ops && status == LUD_OK; i++) {
        status = choose_kernel(program, i, &exe->kernels[i], err);
        int64_t need = status == LUD_OK ? scratch_size(program, program->ops[i]) : 0;
        if (need > scratch) scratch = need;
    }
    if (status != LUD_OK) goto out;
    exe->scratch = host->alloc(host->ctx, (size_t)scratch * sizeof(double) + 1, 64);
    if (!exe->scratch) goto no_memory;
    *out = exe;
    return LUD_OK;
no_memory:
    status = ref_fail(err, LUD_E_NOMEM, "reference: no memory for a program of %u ops", program->n_ops);
out:
    ref_exe_free(dev, exe);
    return status;
}

void ref_exe_free(void *dev, void *p) {
    (void)dev;
    ref_exe *exe = p;
    const lud_host *host = ref_host();
    if (!exe) return;
    host->free(host->ctx, exe->scratch);
    host->free(host->ctx, exe->kernels);
    host->free(host->ctx, exe);
}

static void make_view(const lud_program *p, lud_t id, const int64_t *extents, ref_view *v) {
    const lud_tensor *t = id ? p->tensors[id] : NULL;
    *v = (ref_view){0};
    if (!t) return;
    v->dtype = t->dtype;
    v->rank = t->rank;
    for (int32_t i = 0; i < t->rank; i++)
        v->dim[i] = true_dim(t->dim[i], extents);
    v->n = ref_span(v, 0, t->rank);
    v->ptr = (char *)p->bufs[t->buf]->host_ptr + t->offset;
}

lud_status ref_run(void *dev, void *p, const int64_t *extents, uint32_t *bad_op, lud_error *err) {
    (void)dev;
    const ref_exe *exe = p;
    const lud_program *program = exe->program;
    const lud_host *host = ref_host();
    ref_call call = {.scratch = exe->scratch, .err = err};
    for (uint32_t i = 0; i < program->n_ops; i++) {
        call.op = program->ops[i];
        for (uint32_t k = 0; k < call.op->n_in; k++)
            make_view(program, call.op->in[k], extents, &call.in[k]);
        for (uint32_t k = 0; k < call.op->n_out; k++)
            make_view(program, program->first_result[i] + k, extents, &call.out[k]);
        lud_status status = exe->kernels[i](&call);
        if (status == LUD_OK && LUD_HAS(host, lud_host, cancelled) && host->cancelled(host->ctx))
            status = ref_fail(err, LUD_E_CANCELLED, "reference: cancelled");
        if (status != LUD_OK) {
            *bad_op = i;
            return status;
        }
    }
    return LUD_OK;
}
