/* SPDX-License-Identifier: Apache-2.0
 * The memory plan: on random graphs no live tensor is overwritten (simulated on the compiled program, and by comparing
 * with a program in which every tensor keeps its own memory); in-place use really happens and saves memory. */
#include "rig.h"

#define ROWS     4
#define WIDTH    8
#define ELEMENTS (ROWS * WIDTH)
#define MOST     160

/* ---- Simulation: who owns each byte of the arena ---- */

static lud_t owner[1 << 16]; /* by 64 bytes of the arena */

static lud_t base_of(const lud_program *p, lud_t t) {
    return p->tensors[t]->alias_of ? p->tensors[t]->alias_of : t;
}

static bool in_arena(const lud_tensor *t) {
    return (t->role == LUD_ROLE_TEMP || t->role == LUD_ROLE_OUTPUT) && t->bytes > 0;
}

static void own(const lud_tensor *t, lud_t id) {
    for (uint64_t at = t->offset / 64; at < (t->offset + t->bytes + 63) / 64; at++)
        owner[at] = id;
}

static bool owns(const lud_tensor *t, lud_t id) {
    for (uint64_t at = t->offset / 64; at < (t->offset + t->bytes + 63) / 64; at++)
        if (owner[at] != id) return false;
    return true;
}

static bool overlap(const lud_tensor *a, const lud_tensor *b) {
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* A result may lie exactly on an input of its own op (elementwise), never across it, and never on another result. */
static void check_op(const lud_program *p, uint32_t at) {
    const lud_op *op = p->ops[at];
    for (uint32_t k = 0; k < op->n_out; k++) {
        const lud_tensor *out = p->tensors[p->first_result[at] + k];
        if (!in_arena(out)) continue;
        CHECK_INT(out->offset % 64, 0);
        CHECK(out->offset + out->bytes <= p->bufs[out->buf]->size);
        for (uint32_t i = 0; i < op->n_in; i++) {
            const lud_tensor *in = op->in[i] ? p->tensors[op->in[i]] : NULL;
            if (in && in_arena(in) && overlap(in, out)) CHECK(in->offset == out->offset && in->bytes == out->bytes);
        }
        for (uint32_t j = 0; j < k; j++) {
            const lud_tensor *other = p->tensors[p->first_result[at] + j];
            CHECK(!in_arena(other) || !overlap(other, out));
        }
    }
}

static void simulate(void *arg, const lud_program *p) {
    uint32_t *overlays = arg;
    memset(owner, 0, sizeof owner);
    for (uint32_t at = 0; at < p->n_ops; at++) {
        const lud_op *op = p->ops[at];
        for (uint32_t i = 0; i < op->n_in; i++) {
            const lud_tensor *in = op->in[i] ? p->tensors[op->in[i]] : NULL;
            if (in && in_arena(in)) CHECK(owns(in, base_of(p, op->in[i])));
        }
        check_op(p, at);
        for (uint32_t k = 0; k < op->n_out; k++) {
            lud_t id = p->first_result[at] + k;
            if (!in_arena(p->tensors[id])) continue;
            *overlays += owner[p->tensors[id]->offset / 64] != 0;
            own(p->tensors[id], base_of(p, id));
        }
    }
    for (lud_t t = 1; t < p->n_tensors; t++)
        if (p->tensors[t]->role == LUD_ROLE_OUTPUT) CHECK(owns(p->tensors[t], base_of(p, t)));
}

/* ---- Random graphs over tensors of one shape, their views included ---- */

typedef struct random_graph {
    lud_graph *g;
    lud_t input, positions, freq, t[MOST];
    int n;
    uint64_t key;
} random_graph;

static uint32_t draw(random_graph *r, uint32_t n) {
    r->key = lud_mix64(r->key);
    return (uint32_t)(r->key >> 33) % n;
}

/* Recent tensors more often, so that most die early. */
static lud_t pick(random_graph *r) {
    int back = (int)draw(r, draw(r, 4) ? 3 : 30);
    return r->t[LUDC_MAX(r->n - 1 - back, 0)];
}

static lud_t view(random_graph *r, lud_t x) {
    const lud_attr_shape flat = {.rank = 1, .dim = {ELEMENTS}}, back = {.rank = 2, .dim = {ROWS, WIDTH}};
    lud_t f = OP(r->g, RESHAPE, &flat, x);
    return OP(r->g, RESHAPE, &back, draw(r, 2) ? f : OP(r->g, ADD, NULL, f, f));
}

static lud_t rotate(random_graph *r, lud_t x) {
    const lud_attr_shape heads = {.rank = 3, .dim = {ROWS, 2, WIDTH / 2}}, back = {.rank = 2, .dim = {ROWS, WIDTH}};
    const lud_attr_rope rope = {.rotary_dim = 4, .attention_factor = 1};
    lud_t h = OP(r->g, RESHAPE, &heads, x);
    return OP(r->g, RESHAPE, &back, OP(r->g, ROPE, &rope, h, r->positions, r->freq));
}

static void grow(random_graph *r) {
    const lud_attr_scale half = {.mul = 0.5f, .add = 0.25f};
    const lud_attr_act silu = {.act = LUD_ACT_SILU};
    const lud_attr_norm norm = {.eps = 1e-3f};
    lud_t a = pick(r), b = pick(r), y = 0;
    switch (draw(r, 10)) {
    case 0:
        y = OP(r->g, ADD, NULL, a, b);
        break;
    case 1:
        y = OP(r->g, MUL, NULL, a, b);
        break;
    case 2:
        y = OP(r->g, SCALE, &half, a);
        break;
    case 3:
        y = OP(r->g, ACT, &silu, a);
        break;
    case 4:
        y = OP(r->g, ACT_GRAD, &silu, a, b);
        break;
    case 5:
        y = OP(r->g, GLU_GRAD, &silu, a, b, pick(r)) + draw(r, 2);
        break;
    case 6:
        y = OP(r->g, RMS_NORM, &norm, a, 0);
        break;
    case 7: {
        lud_t n = OP(r->g, RMS_NORM, &norm, a, 0);
        y = OP(r->g, RMS_NORM_GRAD, &norm, a, 0, n + 1, b);
        break;
    }
    case 8:
        y = view(r, a);
        break;
    default:
        y = rotate(r, a);
        break;
    }
    r->t[r->n++] = y;
}

static random_graph make_random(rig *r, uint64_t seed) {
    random_graph x = {.g = rig_graph(r, NULL), .key = seed};
    const lud_shape s = rig_shape(LUD_REAL, 2, ROWS, WIDTH, 0), rows = rig_shape(LUD_I32, 1, ROWS, 0, 0);
    const lud_shape two = rig_shape(LUD_REAL, 1, 2, 0, 0);
    const float freq[2] = {1, 0.1f};
    const int32_t positions[ROWS] = {0, 1, 2, 3};
    x.input = x.t[x.n++] = ludc_graph_input(x.g, "x", &s);
    x.positions = ludc_graph_api()->constant(x.g, "positions", &rows, positions);
    x.freq = ludc_graph_api()->constant(x.g, "freq", &two, freq);
    while (x.n < 60)
        grow(&x);
    CHECK_OK(ludc_graph_api()->status(x.g, &r->err), r->err);
    return x;
}

static void run_program(rig *r, const random_graph *x, ludc_program *p, lud_t root, float *y) {
    float in[ELEMENTS];
    const int64_t none[1] = {0};
    rig_pattern(in, ELEMENTS, 5);
    CHECK_OK(ludc_program_write(p, x->input, in, sizeof in, &r->err), r->err);
    CHECK_OK(ludc_program_run(p, none, 1, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, root, y, ELEMENTS * sizeof *y, &r->err), r->err);
}

static void test_random(uint64_t seed, uint32_t *overlays) {
    rig r;
    ludc_program *tight = NULL, *loose = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    random_graph x = make_random(&r, seed);
    const lud_t roots[] = {x.t[59], x.t[58], x.t[25]};
    rig_on_compile(simulate, overlays);
    CHECK_OK(ludc_program_new(x.g, roots, 3, &r.devices, r.store, &tight, &r.err), r.err);
    CHECK_OK(ludc_program_new(x.g, x.t, 60, &r.devices, r.store, &loose, &r.err), r.err);
    for (int i = 0; tight && loose && i < 3; i++) {
        float y[ELEMENTS], z[ELEMENTS];
        run_program(&r, &x, tight, roots[i], y);
        run_program(&r, &x, loose, roots[i], z);
        CHECK(memcmp(y, z, sizeof y) == 0);
    }
    if (tight && loose) CHECK(ludc_program_stat(tight).arena_bytes < ludc_program_stat(loose).arena_bytes);
    ludc_program_free(tight);
    ludc_program_free(loose);
    ludc_graph_free(x.g);
    rig_close(&r);
}

/* The last tensor of a random graph, computed on the rig's kind of device. */
static bool on_device(uint64_t seed, int mode, float *y) {
    rig r;
    ludc_program *p = NULL;
    if (!rig_open(&r, mode, LUD_F32)) return false;
    random_graph x = make_random(&r, seed);
    lud_t root = x.t[59];
    CHECK_OK(ludc_program_new(x.g, &root, 1, &r.devices, r.store, &p, &r.err), r.err);
    for (int i = 0; p && i < 2; i++) /* twice: the second run finds the first one's leavings */
        run_program(&r, &x, p, root, y);
    ludc_program_free(p);
    ludc_graph_free(x.g);
    rig_close(&r);
    return p != NULL;
}

/* Cut between two devices, with and without common memory, and with a refusal in the run: the same bits. */
static void test_partition(uint64_t seed) {
    float want[ELEMENTS], got[ELEMENTS];
    if (!on_device(seed, RIG_REFERENCE, want)) return;
    for (int mode = RIG_ADD_ONLY; mode <= RIG_LIES; mode++) {
        CHECK(on_device(seed, mode, got));
        CHECK(memcmp(got, want, sizeof got) == 0);
    }
}

/* A chain of elementwise operations lives in one block. */
static void test_chain(void) {
    rig r;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    lud_graph *g = rig_graph(&r, NULL);
    const lud_attr_scale half = {.mul = 0.5f};
    const lud_shape s = rig_shape(LUD_REAL, 2, ROWS, WIDTH, 0);
    lud_t x = ludc_graph_input(g, "x", &s);
    for (int i = 0; i < 12; i++)
        x = OP(g, SCALE, &half, x);
    CHECK_OK(ludc_program_new(g, &x, 1, &r.devices, r.store, &p, &r.err), r.err);
    if (p) CHECK_INT(ludc_program_stat(p).arena_bytes, ELEMENTS * sizeof(float));
    ludc_program_free(p);
    ludc_graph_free(g);
    rig_close(&r);
}

/* Every allocation that building can make may fail: an error comes out, nothing leaks or crashes. */
static void test_out_of_memory(void) {
    rig r;
    bool done = false;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    for (int64_t n = 0; n < 4000 && !done; n++) {
        ludc_program *p = NULL;
        lud_error err = LUDC_ERROR_INIT;
        const ludc_graph_opts opts = {.store = r.store, .real = LUD_F32};
        const lud_attr_scale half = {.mul = 0.5f};
        const lud_shape s = rig_shape(LUD_REAL, 2, ROWS, WIDTH, 0), b = rig_shape(LUD_REAL, 1, WIDTH, 0, 0);
        const float table[WIDTH] = {1};
        ludc_alloc_fail_after(n, false);
        lud_graph *g = ludc_graph_new(&opts, &err);
        lud_status status = g ? LUD_OK : LUD_E_NOMEM;
        if (g) {
            lud_t x = ludc_graph_input(g, "x", &s), c = ludc_graph_api()->constant(g, "c", &b, table);
            lud_t y = OP(g, SCALE, &half, OP(g, ADD, NULL, x, c)), dx;
            status = ludc_graph_gradients(g, y, y, &x, 1, &dx, &err);
            if (status == LUD_OK) status = ludc_program_new(g, &dx, 1, &r.devices, r.store, &p, &err);
        }
        ludc_alloc_fail_after(-1, false);
        done = status == LUD_OK && n > 10;
        if (status != LUD_OK) CHECK(err.msg[0] != 0);
        if (status != LUD_OK) CHECK(p == NULL);
        ludc_program_free(p);
        ludc_graph_free(g);
    }
    CHECK(done);
    rig_close(&r);
}

int main(void) {
    uint32_t overlays = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        test_random(seed, &overlays);
    CHECK(overlays > 100);
    ludc_log_set(NULL, NULL, LUD_LOG_ERROR);
    for (uint64_t seed = 100; seed < 110; seed++)
        test_partition(seed);
    test_chain();
    test_out_of_memory();
    return check_done();
}
