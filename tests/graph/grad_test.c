/* SPDX-License-Identifier: Apache-2.0
 * The backward pass: only needed work is emitted, shared parameters add up, the joined cross-entropy equals the
 * separate operations, dropout is undone with its own mask. Gradients of single operations: tests/backends. */
#include "rig.h"
#include <math.h>

static const lud_attr_norm norm_attr = {.eps = 1e-5f};

typedef struct model {
    lud_graph *g;
    lud_t ids, target, weight, loss;
    int32_t T;
} model;

static const lud_shape *shape1(int32_t dtype, int64_t n) {
    static lud_shape s;
    s = rig_shape(dtype, 1, n, 0, 0);
    return &s;
}

static void begin(rig *r, model *m, const ludc_graph_hooks *hooks) {
    *m = (model){.g = rig_graph(r, hooks)};
    m->T = ludc_graph_extent(m->g, 6);
    m->ids = ludc_graph_input(m->g, "ids", shape1(LUD_I32, -m->T));
    m->target = ludc_graph_input(m->g, "target", shape1(LUD_I32, -m->T));
    m->weight = ludc_graph_input(m->g, "weight", shape1(LUD_REAL, -m->T));
}

static lud_t linear(rig *r, model *m, const char *name, int64_t out, int64_t in, lud_t x) {
    return OP(m->g, LINEAR, NULL, x, rig_param(r, m->g, name, out, in), 0);
}

/* x + W x with a low-rank pair beside W when `pair`. */
static lud_t layer(rig *r, model *m, int number, bool pair, lud_t x) {
    char name[32];
    snprintf(name, sizeof name, "norm.%d", number);
    lud_t h = OP(m->g, RMS_NORM, &norm_attr, x, rig_param(r, m->g, name, 4, 0));
    snprintf(name, sizeof name, "w.%d", number);
    lud_t y = linear(r, m, name, 4, 4, h);
    if (pair) {
        snprintf(name, sizeof name, "t.A.%d", number);
        lud_t a = linear(r, m, name, 2, 4, h);
        snprintf(name, sizeof name, "t.B.%d", number);
        y = OP(m->g, ADD, NULL, y, linear(r, m, name, 4, 2, a));
    }
    return OP(m->g, ADD, NULL, x, y);
}

static void lora_model(rig *r, model *m, bool first, bool second) {
    begin(r, m, rig_trains());
    lud_t x = OP(m->g, EMBEDDING, NULL, rig_param(r, m->g, "table", 7, 4), m->ids);
    x = layer(r, m, 1, second, layer(r, m, 0, first, x));
    const lud_attr_xent xent = {.logit_scale = 1};
    m->loss = OP(m->g, LINEAR_CROSS_ENTROPY, &xent, x, rig_param(r, m->g, "head", 7, 4), 0, m->target);
    CHECK_OK(ludc_graph_backward(m->g, m->loss, m->weight, &r->err), r->err);
}

static rig_census compile_census(rig *r, model *m, ludc_program **p) {
    rig_census c = {0};
    rig_on_compile(rig_count, &c);
    CHECK_OK(ludc_store_seal(r->store, 0, &r->err), r->err);
    CHECK_OK(ludc_program_new(m->g, &m->loss, 1, &r->devices, r->store, p, &r->err), r->err);
    return c;
}

/* Low-rank pairs in both layers: frozen maps get no weight gradient, and below the lowest pair nothing is computed. */
static void test_pruning(void) {
    rig r;
    model m;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    lora_model(&r, &m, true, true);
    rig_census c = compile_census(&r, &m, &p);
    CHECK_INT(c.count[LUD_OP_ACC], 4);
    CHECK_INT(c.count[LUD_OP_LINEAR_GRAD_WEIGHT], 4);
    /* Layer 1: w, A, B; layer 0: B alone, as nothing below A's input trains. */
    CHECK_INT(c.count[LUD_OP_LINEAR_GRAD_INPUT], 4);
    CHECK_INT(c.count[LUD_OP_RMS_NORM_GRAD], 1);
    CHECK_INT(c.count[LUD_OP_RMS_NORM_GRAD_WEIGHT], 0);
    CHECK_INT(c.count[LUD_OP_EMBEDDING_GRAD], 0);
    CHECK_INT(c.count[LUD_OP_LINEAR_CROSS_ENTROPY], 0);
    CHECK_INT(c.count[LUD_OP_LINEAR_CROSS_ENTROPY_JOINED], 1);
    CHECK_INT(c.count[LUD_OP_LINEAR_CROSS_ENTROPY_GRAD], 0);
    ludc_program_free(p);
    ludc_graph_free(m.g);
    rig_close(&r);
}

/* Only the upper layer trains: the backward pass does not enter the lower one. */
static void test_stop(void) {
    rig r;
    model m;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    lora_model(&r, &m, false, true);
    rig_census c = compile_census(&r, &m, &p);
    CHECK_INT(c.count[LUD_OP_ACC], 2);
    CHECK_INT(c.count[LUD_OP_LINEAR_GRAD_INPUT], 1);
    CHECK_INT(c.count[LUD_OP_RMS_NORM_GRAD], 0);
    ludc_program_free(p);
    ludc_graph_free(m.g);
    rig_close(&r);
}

/* Nothing trains: backward emits nothing, and the plain loss stays. */
static void test_nothing_trains(void) {
    rig r;
    model m;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    lora_model(&r, &m, false, false);
    rig_census c = compile_census(&r, &m, &p);
    CHECK_INT(c.count[LUD_OP_LINEAR_CROSS_ENTROPY], 1);
    CHECK_INT(c.total, 8);
    ludc_program_free(p);
    ludc_graph_free(m.g);
    rig_close(&r);
}

static const int32_t some_ids[6] = {3, 1, 6, 3, 0, 2}, some_targets[6] = {1, 6, 3, 0, 2, 5};

static void run_model(rig *r, ludc_program *p, const model *m, int64_t n) {
    const float weight[6] = {1, 0.5f, 2, 1, 0, 0.25f};
    const int64_t extents[2] = {0, n};
    CHECK_OK(ludc_program_write(p, m->ids, some_ids, (size_t)n * 4, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, m->target, some_targets, (size_t)n * 4, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, m->weight, weight, (size_t)n * 4, &r->err), r->err);
    CHECK_OK(ludc_program_run(p, extents, 2, &r->err), r->err);
}

/* How the losses are formed in the comparisons below. */
enum { JOINED, SEPARATE, LOGITS };

/* Table and head are one parameter (tied) or two; flat gradients in out. */
static size_t tied_gradients(int form, bool tied, float *loss, float *out) {
    rig r;
    model m;
    ludc_program *p = NULL;
    size_t n = 0;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return 0;
    begin(&r, &m, rig_trains());
    lud_t table = rig_param(&r, m.g, "t.table", 7, 4), head = tied ? table : rig_param(&r, m.g, "t.head", 7, 4);
    if (!tied) { /* the same values */
        float values[28];
        ludc_store_get(r.store, 0, values, &r.err);
        ludc_store_set(r.store, 1, values, &r.err);
    }
    lud_t bias = rig_param(&r, m.g, "t.bias", 7, 0);
    const lud_attr_xent xent = {.logit_scale = 0.5f, .softcap = 3, .smoothing = 0.1f};
    lud_t x = OP(m.g, EMBEDDING, NULL, table, m.ids), dy = m.weight;
    m.loss = form == LOGITS ? OP(m.g, CROSS_ENTROPY, &xent, OP(m.g, LINEAR, NULL, x, head, bias), m.target)
                            : OP(m.g, LINEAR_CROSS_ENTROPY, &xent, x, head, bias, m.target);
    const lud_attr_scale one = {.mul = 0, .add = 1};
    if (form == SEPARATE) dy = OP(m.g, MUL, NULL, dy, OP(m.g, SCALE, &one, m.loss)); /* depends on the loss */
    CHECK_OK(ludc_graph_backward(m.g, m.loss, dy, &r.err), r.err);
    compile_census(&r, &m, &p);
    if (p) {
        n = (size_t)ludc_store_flat_len(r.store);
        run_model(&r, p, &m, 5);
        CHECK_OK(ludc_program_read(p, m.loss, loss, 20, &r.err), r.err);
        CHECK_OK(ludc_store_flat_read(r.store, LUDC_FLAT_GRADS, out, &r.err), r.err);
        run_model(&r, p, &m, 5); /* a second micro-batch adds */
        float twice[96];
        CHECK_OK(ludc_store_flat_read(r.store, LUDC_FLAT_GRADS, twice, &r.err), r.err);
        for (size_t i = 0; i < n; i++)
            CHECK(fabsf(twice[i] - 2 * out[i]) <= 1e-5f * (1 + fabsf(out[i])));
    }
    ludc_program_free(p);
    ludc_graph_free(m.g);
    rig_close(&r);
    return n;
}

static void check_close(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        CHECK(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(b[i])));
}

static void test_cross_entropy_forms(void) {
    float loss[3][5], grad[3][96];
    size_t n = tied_gradients(JOINED, true, loss[0], grad[0]);
    CHECK_INT(n, 48); /* 28 and 7, each padded to 16 */
    CHECK_INT(tied_gradients(SEPARATE, true, loss[1], grad[1]), n);
    CHECK_INT(tied_gradients(LOGITS, true, loss[2], grad[2]), n);
    for (int form = 1; form < 3; form++) {
        check_close(loss[form], loss[0], 5);
        check_close(grad[form], grad[0], n);
    }
    float untied[96], untied_loss[5];
    CHECK_INT(tied_gradients(JOINED, false, untied_loss, untied), 32 + 32 + 16);
    for (size_t i = 0; i < 28; i++)
        CHECK(fabsf(untied[i] + untied[32 + i] - grad[0][i]) <= 1e-5f);
    check_close(untied + 64, grad[0] + 32, 7);
}

/* d/dx sum(dropout(x)) is the mask over 1 - p: equal to dropout of ones. */
static void test_dropout(void) {
    rig r;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    lud_graph *g = rig_graph(&r, NULL);
    const lud_shape s = rig_shape(LUD_REAL, 2, 4, 16, 0), k = rig_shape(LUD_I32, 2, 4, 2, 0);
    lud_t x = ludc_graph_input(g, "x", &s), ones = ludc_graph_input(g, "ones", &s);
    lud_t keys = ludc_graph_input(g, "keys", &k), pos = ludc_graph_input(g, "pos", shape1(LUD_I32, 4)), dx = 0;
    ludc_graph_set_seq(g, keys, pos, 0, 0);
    const lud_graph_api *api = ludc_graph_api();
    CHECK_INT(api->dropout(g, x, 0), x);
    lud_t y = api->dropout(g, x, 0.5f), z = api->dropout(g, x, 0.5f);
    CHECK_OK(ludc_graph_gradients(g, y, ones, &x, 1, &dx, &r.err), r.err);
    const lud_t roots[] = {y, z, dx};
    CHECK_OK(ludc_program_new(g, roots, 3, &r.devices, r.store, &p, &r.err), r.err);
    float one[64], got[3][64];
    int differ = 0, kept = 0;
    const int32_t key[8] = {1, 2, 3, 4, 5, 6, 7, 8}, position[4] = {0, 1, 2, 3};
    const int64_t none[1] = {0};
    for (int i = 0; i < 64; i++)
        one[i] = 1;
    ludc_program_write(p, x, one, sizeof one, &r.err);
    ludc_program_write(p, ones, one, sizeof one, &r.err);
    ludc_program_write(p, keys, key, sizeof key, &r.err);
    ludc_program_write(p, pos, position, sizeof position, &r.err);
    CHECK_OK(ludc_program_run(p, none, 1, &r.err), r.err);
    for (int i = 0; i < 3; i++)
        CHECK_OK(ludc_program_read(p, roots[i], got[i], sizeof got[i], &r.err), r.err);
    CHECK(memcmp(got[0], got[2], sizeof got[0]) == 0);
    for (int i = 0; i < 64; i++) {
        differ += got[0][i] != got[1][i]; /* another dropout of the scope: another mask */
        kept += got[0][i] == 2;
    }
    CHECK(differ > 10 && kept > 16 && kept < 48);
    ludc_program_free(p);
    ludc_graph_free(g);
    rig_close(&r);
}

static void test_no_derivative(void) {
    rig r;
    lud_error err = LUDC_ERROR_INIT;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    lud_graph *g = rig_graph(&r, NULL);
    const lud_shape s = rig_shape(LUD_REAL, 2, 4, 16, 0);
    lud_t x = ludc_graph_input(g, "x", &s), dx;
    const lud_attr_act relu = {.act = LUD_ACT_RELU};
    lud_t y = OP(g, ACT_GRAD, &relu, x, x);
    CHECK_INT(ludc_graph_gradients(g, y, x, &x, 1, &dx, &err), LUD_E_UNSUPPORTED);
    CHECK(strstr(err.msg, "ACT_GRAD") != NULL);
    ludc_graph_free(g);
    rig_close(&r);
}

int main(void) {
    test_pruning();
    test_stop();
    test_nothing_trains();
    test_cross_entropy_forms();
    test_dropout();
    test_no_derivative();
    return check_done();
}
