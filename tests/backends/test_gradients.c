/* SPDX-License-Identifier: Apache-2.0
 * Every derivative of core/graph against finite differences, in double on the reference backend: each op case whose op
 * has one, with a random cotangent; once alone and once squared, so that the cotangent depends on the result (the loss
 * then takes its separate form) and has two readers. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <graph.h>
#include <math.h>

/* Relative to the largest element of the gradient. Differences of fourth order at step 1e-4 are good to about 1e-11. */
static const double tolerance = 1e-6, step = 1e-4;
enum { SAMPLES = 16 };

static const uint32_t differentiable[] = {
    LUD_OP_ADD,
    LUD_OP_MUL,
    LUD_OP_SCALE,
    LUD_OP_ACT,
    LUD_OP_GLU,
    LUD_OP_SUM_TO,
    LUD_OP_RESHAPE,
    LUD_OP_SLICE,
    LUD_OP_LINEAR,
    LUD_OP_EMBEDDING,
    LUD_OP_GATHER_ROWS,
    LUD_OP_SCATTER_ADD_ROWS,
    LUD_OP_CONCAT,
    LUD_OP_ROW_SUM,
    LUD_OP_ROW_SPREAD,
    LUD_OP_RMS_NORM,
    LUD_OP_LAYER_NORM,
    LUD_OP_ROPE,
    LUD_OP_ATTENTION,
    LUD_OP_SEGMENT_POOL,
    LUD_OP_SEGMENT_ATTEND,
    LUD_OP_SEGMENT_UNFOLD,
    LUD_OP_DROPOUT,
    LUD_OP_CROSS_ENTROPY,
    LUD_OP_SUMSQ,
    LUD_OP_ELEMENT_LOSS,
    LUD_OP_LINEAR_CROSS_ENTROPY,
};

typedef struct rig {
    ludc_host *host;
    ludc_devices devices;
    ludc_store *store;
} rig;

/* One case as a graph: forward alone, or with the gradients of its inputs. */
typedef struct built {
    lud_graph *graph;
    ludc_program *program;
    lud_t in[CASE_MAX_IN], y, dy, dx[CASE_MAX_IN];
} built;

/* A case under test. */
typedef struct subject {
    rig *rig;
    const op_case *c;
    bool squared;
    int64_t extents[CASE_EXTENTS];
    op_data data;   /* inputs */
    op_array y, dy; /* result and cotangent */
    built forward, backward;
} subject;

static bool wants_gradient(const op_case *c, uint32_t i) {
    const case_tensor *t = &c->in[i];
    if (c->opcode == LUD_OP_ELEMENT_LOSS && i == 1) return false; /* targets */
    return t->dtype == LUD_REAL && t->fill != CASE_ABSENT && t->fill != CASE_FREQ && t->fill != CASE_LIST;
}

static bool is_subject(const op_case *c) {
    if (c->out[0].dtype != LUD_REAL) return false;
    if (c->opcode == LUD_OP_SEGMENT_POOL && c->in[0].fill == CASE_GRID) return false; /* ties have no derivative */
    for (size_t i = 0; i < LUDC_COUNT(differentiable); i++)
        if (differentiable[i] == c->opcode) return true;
    return false;
}

/* ---- Building ---- */

static lud_t emit(lud_graph *g, uint32_t opcode, const op_case *c, const lud_t *in) {
    lud_op op = {.struct_size = sizeof(op),
                 .opcode = opcode,
                 .n_in = op_case_n_in(opcode),
                 .n_out = op_case_n_out(opcode),
                 .in = in};
    if (c) {
        op.attr = c->attr;
        op.attr_size = c->attr_size;
        op.stream = c->stream;
    }
    return ludc_graph_api()->emit(g, &op);
}

static lud_t make_input(lud_graph *g, const case_tensor *t, const char *name) {
    lud_shape shape = {.dtype = t->dtype, .rank = t->rank};
    for (int32_t i = 0; i < t->rank; i++)
        shape.dim[i] = t->dim[i];
    return ludc_graph_input(g, name, &shape);
}

static void build_forward(const subject *s, built *b) {
    char name[16];
    for (int e = 1; e < CASE_EXTENTS; e++)
        ludc_graph_extent(b->graph, s->extents[e] + 2);
    for (uint32_t i = 0; i < CASE_MAX_IN; i++) {
        if (s->c->in[i].fill == CASE_ABSENT) continue;
        snprintf(name, sizeof(name), "in%u", i);
        b->in[i] = make_input(b->graph, &s->c->in[i], name);
    }
    b->y = emit(b->graph, s->c->opcode, s->c, b->in);
    if (s->squared) b->y = emit(b->graph, LUD_OP_MUL, NULL, (const lud_t[]){b->y, b->y});
}

/* roots: y, or the gradients of the inputs that want one. */
static lud_status build_backward(const subject *s, built *b, lud_t *roots, size_t *n_roots, lud_error *err) {
    lud_t wrt[CASE_MAX_IN];
    size_t n = 0;
    b->dy = make_input(b->graph, &s->c->out[0], "dy");
    for (uint32_t i = 0; i < CASE_MAX_IN; i++)
        if (wants_gradient(s->c, i)) wrt[n++] = b->in[i];
    LUDC_TRY(ludc_graph_gradients(b->graph, b->y, b->dy, wrt, n, roots, err));
    *n_roots = n;
    n = 0;
    for (uint32_t i = 0; i < CASE_MAX_IN; i++)
        if (wants_gradient(s->c, i)) b->dx[i] = roots[n++];
    for (size_t i = 0; i < n; i++)
        if (roots[i] == 0) return ludc_fail(err, LUD_E_INTERNAL, "input has no gradient");
    return LUD_OK;
}

static lud_status build(const subject *s, bool gradients, built *b, lud_error *err) {
    lud_t roots[CASE_MAX_IN + 1] = {0};
    size_t n_roots = 1;
    ludc_graph_opts opts = {.store = s->rig->store, .real = LUD_F64};
    *b = (built){0};
    b->graph = ludc_graph_new(&opts, err);
    if (!b->graph) return err->code;
    build_forward(s, b);
    roots[0] = b->y;
    LUDC_TRY(ludc_graph_api()->status(b->graph, err));
    if (gradients) LUDC_TRY(build_backward(s, b, roots, &n_roots, err));
    return ludc_program_new(b->graph, roots, n_roots, &s->rig->devices, s->rig->store, &b->program, err);
}

static void built_free(built *b) {
    ludc_program_free(b->program);
    ludc_graph_free(b->graph);
    *b = (built){0};
}

static lud_status write_inputs(const subject *s, const built *b, lud_error *err) {
    for (uint32_t i = 0; i < CASE_MAX_IN; i++)
        if (b->in[i]) LUDC_TRY(ludc_program_write(b->program, b->in[i], s->data.in[i].data, s->data.in[i].bytes, err));
    return b->dy ? ludc_program_write(b->program, b->dy, s->dy.data, s->dy.bytes, err) : LUD_OK;
}

/* ---- Differences ---- */

/* Loss sum(y dy) with input i moved by h along `direction`; the input's values are restored. */
static double loss_at(subject *s, uint32_t i, const double *direction, double h, lud_error *err) {
    const op_array *x = &s->data.in[i];
    double *moved = malloc(x->bytes + 1), sum = NAN;
    lud_status status = moved ? LUD_OK : LUD_E_NOMEM;
    for (int64_t k = 0; status == LUD_OK && k < x->n; k++)
        moved[k] = ((const double *)x->data)[k] + h * direction[k];
    if (status == LUD_OK) status = ludc_program_write(s->forward.program, s->forward.in[i], moved, x->bytes, err);
    if (status == LUD_OK) status = ludc_program_run(s->forward.program, s->extents, CASE_EXTENTS, err);
    if (status == LUD_OK) status = ludc_program_read(s->forward.program, s->forward.y, s->y.data, s->y.bytes, err);
    if (status == LUD_OK) status = ludc_program_write(s->forward.program, s->forward.in[i], x->data, x->bytes, err);
    if (status == LUD_OK) {
        sum = 0;
        for (int64_t k = 0; k < s->y.n; k++)
            sum += ((const double *)s->y.data)[k] * ((const double *)s->dy.data)[k];
    }
    CHECK_OK(status, *err);
    free(moved);
    return sum;
}

/* Central difference of fourth order. */
static double difference(subject *s, uint32_t i, const double *direction, lud_error *err) {
    double near = loss_at(s, i, direction, step, err) - loss_at(s, i, direction, -step, err);
    double far = loss_at(s, i, direction, 2 * step, err) - loss_at(s, i, direction, -2 * step, err);
    return (8 * near - far) / (12 * step);
}

static double random_value(uint64_t key, uint64_t i) {
    return (double)(lud_mix64(lud_mix64(key) ^ i) >> 11) / 4503599627370496.0 - 1.0;
}

static void compare(const subject *s, uint32_t i, const char *what, double got, double want, double scale) {
    bool close = fabs(got - want) <= tolerance * fmax(scale, fabs(want));
    CHECK(close);
    if (!close)
        fprintf(stderr, "  %s%s, input %u, %s: derivative %.12g, difference %.12g\n", s->c->name,
                s->squared ? " squared" : "", i, what, got, want);
}

/* One random direction through all elements, then single elements. */
static void check_input(subject *s, uint32_t i, const double *dx, lud_error *err) {
    int64_t n = s->data.in[i].n;
    double *direction = calloc((size_t)n + 1, sizeof(*direction)), along = 0, scale = 1e-6;
    CHECK(direction != NULL);
    if (!direction) return;
    for (int64_t k = 0; k < n; k++) {
        direction[k] = random_value(i + 99, (uint64_t)k);
        along += direction[k] * dx[k];
        scale = fmax(scale, fabs(dx[k]));
    }
    compare(s, i, "a direction", along, difference(s, i, direction, err), scale);
    memset(direction, 0, (size_t)n * sizeof(*direction));
    for (int64_t sample = 0; sample < LUDC_MIN(n, SAMPLES); sample++) {
        int64_t k = n <= SAMPLES ? sample : (int64_t)(lud_mix64((uint64_t)sample) % (uint64_t)n);
        char what[32];
        snprintf(what, sizeof(what), "element %lld", (long long)k);
        direction[k] = 1;
        compare(s, i, what, dx[k], difference(s, i, direction, err), scale);
        direction[k] = 0;
    }
    free(direction);
}

/* ---- One case ---- */

static lud_status make_data(subject *s, op_batch batch, lud_error *err) {
    LUDC_TRY(op_data_make(NULL, s->c, batch, &s->data, err));
    s->y.n = s->dy.n = op_tensor_count(&s->c->out[0], s->extents);
    s->y.bytes = s->dy.bytes = (size_t)s->y.n * sizeof(double);
    s->y.data = calloc(1, s->y.bytes + 1);
    s->dy.data = calloc(1, s->dy.bytes + 1);
    if (!s->y.data || !s->dy.data) return ludc_fail(err, LUD_E_NOMEM, "no memory for results");
    for (int64_t k = 0; k < s->dy.n; k++)
        ((double *)s->dy.data)[k] = random_value(7, (uint64_t)k);
    return LUD_OK;
}

static lud_status run_subject(subject *s, lud_error *err) {
    LUDC_TRY(build(s, false, &s->forward, err));
    LUDC_TRY(build(s, true, &s->backward, err));
    LUDC_TRY(write_inputs(s, &s->forward, err));
    LUDC_TRY(write_inputs(s, &s->backward, err));
    LUDC_TRY(ludc_program_run(s->backward.program, s->extents, CASE_EXTENTS, err));
    for (uint32_t i = 0; i < CASE_MAX_IN; i++) {
        if (!wants_gradient(s->c, i)) continue;
        double *dx = calloc(1, s->data.in[i].bytes + 1);
        if (!dx) return ludc_fail(err, LUD_E_NOMEM, "no memory for a gradient");
        lud_status status = ludc_program_read(s->backward.program, s->backward.dx[i], dx, s->data.in[i].bytes, err);
        if (status == LUD_OK) check_input(s, i, dx, err);
        free(dx);
        LUDC_TRY(status);
    }
    return LUD_OK;
}

static void check_case(rig *r, const op_case *c, op_batch batch, bool squared) {
    subject s = {.rig = r, .c = c, .squared = squared};
    lud_error err = LUDC_ERROR_INIT;
    op_batch_extents(c, batch, s.extents);
    lud_status status = make_data(&s, batch, &err);
    if (status == LUD_OK) status = run_subject(&s, &err);
    CHECK_OK(status, err);
    if (status != LUD_OK)
        fprintf(stderr, "  %s%s, %lld units\n", c->name, squared ? " squared" : "", (long long)batch.n);
    built_free(&s.backward);
    built_free(&s.forward);
    free(s.y.data);
    free(s.dy.data);
    op_data_free(&s.data);
}

/* Units 3, 10, 1, 0 as segments: 32, 0, 17 and 1 tokens. No unit at all: no row, or no target token. */
static void test_cases(rig *r) {
    static const int64_t ids[] = {3, 10, 1, 0};
    for (size_t i = 0; i < op_case_count(); i++) {
        if (!is_subject(op_case_at(i))) continue;
        check_case(r, op_case_at(i), (op_batch){4, ids}, false);
        check_case(r, op_case_at(i), (op_batch){4, ids}, true);
        check_case(r, op_case_at(i), (op_batch){0, ids}, false);
    }
}

static void test_every_derivative_has_a_case(void) {
    for (size_t k = 0; k < LUDC_COUNT(differentiable); k++) {
        bool found = false;
        for (size_t i = 0; i < op_case_count(); i++)
            found = found || (op_case_at(i)->opcode == differentiable[k] && is_subject(op_case_at(i)));
        CHECK(found);
    }
}

int main(void) {
    rig r = {0};
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = backend_host_new(1, &r.host, &err);
    if (status == LUD_OK) status = ludc_devices_open(r.host, LUDC_STR("reference"), &r.devices, &err);
    if (status == LUD_OK) {
        r.store = ludc_store_new(&r.devices, LUD_F64);
        if (!r.store) status = LUD_E_NOMEM;
    }
    CHECK_OK(status, err);
    test_every_derivative_has_a_case();
    if (status == LUD_OK) test_cases(&r);
    ludc_store_free(r.store);
    ludc_devices_close(&r.devices);
    ludc_host_free(r.host);
    return check_done();
}
