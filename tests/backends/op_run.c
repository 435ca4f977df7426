/* SPDX-License-Identifier: Apache-2.0
 * Builds the one-op program of a case in one arena (weights apart), uploads, runs, downloads, checks what must not have
 * changed. Conversion between the host's doubles and the program's type happens here alone. */
#include "op_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDS = 1 + CASE_MAX_IN + CASE_MAX_OUT, ALIGN = 256, ROOM = 3 };

typedef struct one_op {
    const op_backend *backend;
    const op_case *c;
    const op_data *inputs;
    op_how how;
    int64_t extents[CASE_EXTENTS], extent_max[CASE_EXTENTS];
    lud_op op;
    lud_t in_ids[CASE_MAX_IN], first_result[1];
    lud_tensor tensors[IDS];
    const lud_tensor *table[IDS];
    lud_buf bufs[1 + CASE_MAX_IN]; /* the arena, then the weights */
    lud_buf *buf_table[1 + CASE_MAX_IN];
    void *weights[CASE_MAX_IN]; /* in the program's type; they outlive the device's copies */
    const lud_op *ops[1];
    lud_program program;
    size_t arena;
    void *exe;
} one_op;

static lud_status fail(lud_error *err, lud_status code, const char *what, const op_case *c) {
    if (err->code != LUD_OK) return code;
    err->code = code;
    snprintf(err->msg, sizeof(err->msg), "%s: %s", c->name, what);
    return code;
}

static bool array_new(op_array *a, int32_t dtype, int64_t n) {
    a->n = n;
    a->bytes = (size_t)n * (dtype == LUD_I32 ? sizeof(int32_t) : sizeof(double));
    a->data = calloc(1, a->bytes + 1);
    return a->data != NULL;
}

void op_data_free(op_data *d) {
    for (int i = 0; i < CASE_MAX_IN; i++)
        free(d->in[i].data);
    for (int i = 0; i < CASE_MAX_OUT; i++)
        free(d->out[i].data);
    *d = (op_data){0};
}

/* ---- Inputs ---- */

/* The case whose results are the FORWARD inputs of c. */
static op_case forward_case(const op_case *c) {
    op_case f = {.name = c->name, .opcode = c->forward, .unit = c->unit, .attr = c->attr, .attr_size = c->attr_size};
    for (size_t i = 0; c->forward_in[i]; i++)
        if (c->forward_in[i] != '-') f.in[i] = c->in[c->forward_in[i] - '0'];
    for (uint32_t k = 0; k < op_case_n_out(f.opcode); k++)
        f.out[k] = (case_tensor){.fill = CASE_RESULT, .rank = 1};
    for (int i = 0; i < CASE_MAX_IN; i++)
        if (c->in[i].fill == CASE_FORWARD) f.out[(int)c->in[i].arg] = c->in[i];
    return f;
}

static lud_status run_forward(const op_backend *oracle, const op_case *c, op_batch batch, op_data *d, lud_error *err) {
    op_case f = forward_case(c);
    op_data from = {0}, to = {0};
    for (size_t i = 0; c->forward_in[i]; i++)
        if (c->forward_in[i] != '-') from.in[i] = d->in[c->forward_in[i] - '0'];
    lud_status status = op_run(oracle, &f, batch, (op_how){.dtype = LUD_F64}, &from, &to, err);
    for (int i = 0; status == LUD_OK && i < CASE_MAX_IN; i++) {
        if (c->in[i].fill != CASE_FORWARD) continue;
        const double *value = to.out[(int)c->in[i].arg].data;
        for (int64_t k = 0; k < d->in[i].n; k++)
            ((double *)d->in[i].data)[k] = (double)(float)value[k];
    }
    op_data_free(&to);
    return status;
}

lud_status op_data_make(const op_backend *oracle, const op_case *c, op_batch batch, op_data *d, lud_error *err) {
    int64_t extents[CASE_EXTENTS];
    *d = (op_data){0};
    op_batch_extents(c, batch, extents);
    for (uint32_t i = 0; i < CASE_MAX_IN; i++) {
        if (c->in[i].fill == CASE_ABSENT) continue;
        if (!array_new(&d->in[i], c->in[i].dtype, op_tensor_count(&c->in[i], extents)))
            return fail(err, LUD_E_NOMEM, "no memory for the inputs", c);
        if (c->in[i].fill != CASE_FORWARD) op_case_fill(c, i, batch, d->in[i].data);
    }
    return c->forward ? run_forward(oracle, c, batch, d, err) : LUD_OK;
}

/* ---- Conversion ---- */

static size_t element_size(int32_t dtype) {
    return dtype == LUD_F64 ? 8 : 4;
}

static void to_program(const op_array *a, int32_t dtype, void *out) {
    if (dtype != LUD_F32) {
        memcpy(out, a->data, a->bytes);
        return;
    }
    for (int64_t i = 0; i < a->n; i++)
        ((float *)out)[i] = (float)((const double *)a->data)[i];
}

static void from_program(const void *in, int32_t dtype, op_array *a) {
    if (dtype != LUD_F32) {
        memcpy(a->data, in, a->bytes);
        return;
    }
    for (int64_t i = 0; i < a->n; i++)
        ((double *)a->data)[i] = (double)((const float *)in)[i];
}

/* ---- The program ---- */

static uint32_t weight_uses(const op_case *c, uint32_t i) {
    switch (c->opcode) {
    case LUD_OP_LINEAR:
    case LUD_OP_LINEAR_CROSS_ENTROPY:
        return i == 1 ? LUD_USE_FORWARD : 0;
    case LUD_OP_LINEAR_GRAD_INPUT:
        return i == 1 ? LUD_USE_INPUT_GRAD : 0;
    case LUD_OP_LINEAR_CROSS_ENTROPY_GRAD:
    case LUD_OP_LINEAR_CROSS_ENTROPY_JOINED:
        return i == 1 ? LUD_USE_FORWARD | LUD_USE_INPUT_GRAD : 0;
    case LUD_OP_EMBEDDING:
        return i == 0 ? LUD_USE_ROWS : 0;
    default:
        return 0;
    }
}

bool op_case_has_weight(const op_case *c) {
    return weight_uses(c, 0) || weight_uses(c, 1);
}

static int32_t role_of(const op_case *c, bool is_input, const case_tensor *t) {
    if (!is_input) return LUD_ROLE_OUTPUT;
    if (t->fill == CASE_POOL) return LUD_ROLE_KV;
    bool moves = op_tensor_by_row(t) || op_tensor_by_unit(t) || t->dtype == LUD_I32 || c->in_place;
    return moves ? LUD_ROLE_INPUT : LUD_ROLE_PARAM;
}

static void describe(one_op *p, lud_t id, bool is_input, const case_tensor *t) {
    lud_tensor *d = &p->tensors[id];
    *d = (lud_tensor){.struct_size = sizeof(*d), .role = role_of(p->c, is_input, t), .rank = t->rank};
    d->dtype = t->dtype == LUD_I32 ? LUD_I32 : p->how.dtype;
    int64_t stride = 1;
    for (int32_t i = t->rank - 1; i >= 0; i--) {
        d->dim[i] = t->dim[i];
        d->stride[i] = stride;
        stride *= t->dim[i];
    }
    d->bytes = (uint64_t)op_tensor_count(t, p->extent_max) * element_size(d->dtype);
    p->table[id] = d;
}

static void place_in_arena(one_op *p, lud_t id) {
    p->tensors[id].offset = p->arena;
    p->arena += (p->tensors[id].bytes + ALIGN - 1) / ALIGN * ALIGN + ALIGN;
}

/* The input whose memory result k takes, or -1. */
static int lies_over(const one_op *p, uint32_t k) {
    const char *pairs = p->how.overlay ? p->how.overlay : "";
    if (k == 0 && p->c->in_place) return 0;
    for (size_t i = 0; pairs[i] && pairs[i + 1]; i += 2)
        if ((uint32_t)(pairs[i] - '0') == k) return pairs[i + 1] - '0';
    return -1;
}

static void lay_out(one_op *p) {
    uint32_t n_in = op_case_n_in(p->c->opcode), n_out = op_case_n_out(p->c->opcode);
    for (uint32_t i = 0; i < n_in; i++) {
        if (p->c->in[i].fill == CASE_ABSENT) continue;
        p->in_ids[i] = 1 + i;
        describe(p, 1 + i, true, &p->c->in[i]);
        if (p->how.frozen && weight_uses(p->c, i))
            p->tensors[1 + i].buf = 1 + i;
        else
            place_in_arena(p, 1 + i);
    }
    p->first_result[0] = 1 + n_in;
    for (uint32_t k = 0; k < n_out; k++) {
        lud_t id = 1 + n_in + k;
        int over = lies_over(p, k);
        describe(p, id, false, &p->c->out[k]);
        if (over < 0)
            place_in_arena(p, id);
        else
            p->tensors[id].offset = p->tensors[1 + over].offset;
        if (p->c->in_place && k == 0) p->tensors[id].alias_of = 1;
    }
    static const lud_attr_none none;
    p->op = (lud_op){.struct_size = sizeof(lud_op),
                     .opcode = p->c->opcode,
                     .n_in = n_in,
                     .n_out = n_out,
                     .flags = (p->how.bf16 ? LUD_OP_BF16 : 0u) | (p->how.int8 ? LUD_OP_INT8 : 0u),
                     .attr_size = p->c->attr ? p->c->attr_size : (uint32_t)sizeof(none),
                     .in = p->in_ids,
                     .attr = p->c->attr ? p->c->attr : &none,
                     .stream = p->c->stream};
    p->ops[0] = &p->op;
    for (int i = 0; i <= CASE_MAX_IN; i++)
        p->buf_table[i] = &p->bufs[i];
    p->program = (lud_program){.struct_size = sizeof(lud_program),
                               .n_ops = 1,
                               .n_tensors = 1 + n_in + n_out,
                               .n_bufs = 1 + CASE_MAX_IN,
                               .n_extents = CASE_EXTENTS,
                               .ops = p->ops,
                               .first_result = p->first_result,
                               .tensors = p->table,
                               .bufs = p->buf_table,
                               .extent_max = p->extent_max};
}

static uint32_t uses_of(const one_op *p, uint32_t i) {
    return weight_uses(p->c, i) | (p->how.bf16 ? LUD_USE_BF16 : 0u) | (p->how.int8 ? LUD_USE_INT8 : 0u);
}

static lud_status make_stored(one_op *p, uint32_t i, lud_error *err) {
    const op_stored *s = p->how.stored;
    lud_tensor *t = &p->tensors[1 + i], given = *t;
    given.dtype = s->dtype;
    given.storage = s->storage;
    given.bytes = s->bytes;
    uint32_t uses = uses_of(p, i);
    return p->backend->vt->weight_new(p->backend->dev, &given, s->data, uses, &p->bufs[1 + i], &t->storage, err);
}

static lud_status make_weight(one_op *p, uint32_t i, lud_error *err) {
    const op_backend *b = p->backend;
    lud_tensor *t = &p->tensors[1 + i];
    if (p->how.stored) return make_stored(p, i, err);
    p->weights[i] = malloc(t->bytes + 1);
    if (!p->weights[i]) return fail(err, LUD_E_NOMEM, "no memory for a weight", p->c);
    to_program(&p->inputs->in[i], t->dtype, p->weights[i]);
    uint32_t uses = uses_of(p, i);
    if (LUD_HAS(b->vt, lud_backend_vt, weight_new))
        return b->vt->weight_new(b->dev, t, p->weights[i], uses, &p->bufs[1 + i], &t->storage, err);
    lud_status status = b->vt->buf_new(b->dev, t->bytes, &p->bufs[1 + i], err);
    return status == LUD_OK ? b->vt->upload(b->dev, &p->bufs[1 + i], 0, p->weights[i], t->bytes, err) : status;
}

/* The whole arena is written at once: NaN wherever no input lies. */
static lud_status upload_inputs(one_op *p, lud_error *err) {
    char *host = malloc(p->arena + 1);
    if (!host) return fail(err, LUD_E_NOMEM, "no memory for the arena", p->c);
    memset(host, 0xff, p->arena);
    for (uint32_t i = 0; i < p->op.n_in; i++)
        if (p->in_ids[i] && p->tensors[1 + i].buf == 0)
            to_program(&p->inputs->in[i], p->tensors[1 + i].dtype, host + p->tensors[1 + i].offset);
    lud_status status = p->backend->vt->upload(p->backend->dev, &p->bufs[0], 0, host, p->arena, err);
    free(host);
    return status;
}

static lud_status prepare(one_op *p, lud_error *err) {
    const lud_backend_vt *vt = p->backend->vt;
    const lud_tensor *in[CASE_MAX_IN] = {0}, *out[CASE_MAX_OUT] = {0};
    lud_status status = vt->buf_new(p->backend->dev, p->arena + 1, &p->bufs[0], err);
    for (uint32_t i = 0; i < p->op.n_in && status == LUD_OK; i++) {
        in[i] = p->in_ids[i] ? &p->tensors[1 + i] : NULL;
        if (in[i] && in[i]->buf > 0) status = make_weight(p, i, err);
    }
    for (uint32_t k = 0; k < p->op.n_out; k++)
        out[k] = &p->tensors[p->first_result[0] + k];
    if (status != LUD_OK) return status;
    if (!vt->supports_op(p->backend->dev, &p->op, in, out)) return LUD_E_UNSUPPORTED;
    status = upload_inputs(p, err);
    return status == LUD_OK ? vt->compile(p->backend->dev, &p->program, &p->exe, err) : status;
}

/* ---- Reading back ---- */

static lud_status read_tensor(const one_op *p, const char *arena, lud_t id, const case_tensor *t, op_array *out,
                              lud_error *err) {
    if (!array_new(out, t->dtype, op_tensor_count(t, p->extents)))
        return fail(err, LUD_E_NOMEM, "no memory for a result", p->c);
    from_program(arena + p->tensors[id].offset, p->tensors[id].dtype, out);
    return LUD_OK;
}

static bool overlaid(const one_op *p, uint32_t i) {
    for (uint32_t k = 0; k < p->op.n_out; k++)
        if (lies_over(p, k) == (int)i) return true;
    return false;
}

static lud_status read_inputs(const one_op *p, const char *arena, op_data *results, lud_error *err) {
    for (uint32_t i = 0; i < p->op.n_in; i++) {
        if (!p->in_ids[i] || p->tensors[1 + i].buf > 0 || overlaid(p, i)) continue;
        op_array *a = &results->in[i];
        lud_status status = read_tensor(p, arena, 1 + i, &p->c->in[i], a, err);
        if (status != LUD_OK) return status;
        if (p->c->changed & 1u << i) continue;
        bool same = memcmp(a->data, p->inputs->in[i].data, a->bytes) == 0;
        free(a->data);
        *a = (op_array){0};
        if (!same) return fail(err, LUD_E_INTERNAL, "an input was written", p->c);
    }
    return LUD_OK;
}

static lud_status read_back(const one_op *p, op_data *results, lud_error *err) {
    char *arena = malloc(p->arena + 1);
    if (!arena) return fail(err, LUD_E_NOMEM, "no memory for the arena", p->c);
    lud_status status = p->backend->vt->download(p->backend->dev, &p->bufs[0], 0, arena, p->arena, err);
    for (uint32_t k = 0; k < p->op.n_out && status == LUD_OK; k++)
        status = read_tensor(p, arena, p->first_result[0] + k, &p->c->out[k], &results->out[k], err);
    if (status == LUD_OK) status = read_inputs(p, arena, results, err);
    free(arena);
    return status;
}

static void release(one_op *p) {
    const op_backend *b = p->backend;
    if (p->exe) b->vt->exe_free(b->dev, p->exe);
    for (int i = 0; i <= CASE_MAX_IN; i++)
        b->vt->buf_free(b->dev, &p->bufs[i]);
    for (int i = 0; i < CASE_MAX_IN; i++)
        free(p->weights[i]);
}

lud_status op_run(const op_backend *b, const op_case *c, op_batch batch, op_how how, const op_data *inputs,
                  op_data *results, lud_error *err) {
    one_op p = {.backend = b, .c = c, .inputs = inputs, .how = how};
    uint32_t bad_op = 0;
    *results = (op_data){0};
    op_batch_extents(c, batch, p.extents);
    for (int e = 1; e < CASE_EXTENTS; e++)
        p.extent_max[e] = p.extents[e] + ROOM;
    lay_out(&p);
    lud_status status = prepare(&p, err);
    if (status == LUD_OK) status = b->vt->run(b->dev, p.exe, p.extents, &bad_op, err);
    if (status == LUD_OK) status = b->vt->sync(b->dev, err);
    if (status == LUD_OK) status = read_back(&p, results, err);
    if (status != LUD_OK) op_data_free(results);
    release(&p);
    return status;
}
