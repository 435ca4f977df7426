/* SPDX-License-Identifier: Apache-2.0
 * Running programs: results, extents, views, inputs and roots, fallback to another device, a backend that breaks its
 * promise, shared weights, cached attention, and that a run allocates nothing. */
#include "rig.h"

static const lud_attr_scale twice = {.mul = 2, .add = 1};

/* y = (2 (x w^T) + 1) * x2 + x2 over T rows of 3, and the same through a view; all of the ops but ADD may fall back. */
typedef struct net {
    lud_graph *g;
    lud_t x, x2, y, flat;
} net;

static net build_net(rig *r) {
    net n = {.g = rig_graph(r, NULL)};
    int32_t T = ludc_graph_extent(n.g, 5);
    const lud_shape in = rig_shape(LUD_REAL, 2, -T, 2, 0), in2 = rig_shape(LUD_REAL, 2, -T, 3, 0);
    n.x = ludc_graph_input(n.g, "x", &in);
    n.x2 = ludc_graph_input(n.g, "x2", &in2);
    lud_t w = rig_param(r, n.g, "w", 3, 2);
    lud_t y = OP(n.g, SCALE, &twice, OP(n.g, LINEAR, NULL, n.x, w, 0));
    y = OP(n.g, ADD, NULL, OP(n.g, MUL, NULL, y, n.x2), n.x2);
    int32_t T3 = ludc_graph_api()->extent_scaled(n.g, T, 3);
    const lud_attr_shape flat = {.rank = 1, .dim = {-T3}};
    n.y = y;
    n.flat = OP(n.g, SCALE, &twice, OP(n.g, RESHAPE, &flat, y));
    CHECK_OK(ludc_graph_api()->status(n.g, &r->err), r->err);
    return n;
}

static void want_net(rig *r, const float *x, const float *x2, int rows, float *y) {
    float w[6];
    CHECK_OK(ludc_store_get(r->store, 0, w, &r->err), r->err);
    for (int t = 0; t < rows; t++)
        for (int m = 0; m < 3; m++) {
            float dot = x[2 * t] * w[2 * m] + x[2 * t + 1] * w[2 * m + 1];
            y[3 * t + m] = (2 * dot + 1) * x2[3 * t + m] + x2[3 * t + m];
        }
}

static void check_near(const float *got, const float *want, int n) {
    for (int i = 0; i < n; i++) {
        float d = got[i] - want[i];
        CHECK(d < 1e-5f && d > -1e-5f);
    }
}

static void run_rows(rig *r, ludc_program *p, const net *n, int rows) {
    float x[10], x2[15], y[15], want[15], flat[15];
    const int64_t extents[2] = {0, rows};
    rig_pattern(x, 2 * rows, (uint64_t)rows);
    rig_pattern(x2, 3 * rows, 7);
    CHECK_OK(ludc_program_write(p, n->x, x, (size_t)rows * 8, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->x2, x2, (size_t)rows * 12, &r->err), r->err);
    CHECK_OK(ludc_program_run(p, extents, 2, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->y, y, (size_t)rows * 12, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->flat, flat, (size_t)rows * 12, &r->err), r->err);
    want_net(r, x, x2, rows, want);
    check_near(y, want, 3 * rows);
    for (int i = 0; i < 3 * rows; i++)
        want[i] = 2 * want[i] + 1;
    check_near(flat, want, 3 * rows);
}

static void test_mode(int mode, uint32_t want_fallback) {
    rig r;
    ludc_program *p = NULL;
    if (!rig_open(&r, mode, LUD_F32)) return;
    net n = build_net(&r);
    const lud_t roots[] = {n.y, n.flat};
    CHECK_OK(ludc_program_new(n.g, roots, 2, &r.devices, r.store, &p, &r.err), r.err);
    ludc_graph_free(n.g); /* the program must not need it */
    if (p) {
        CHECK_INT(ludc_program_stat(p).n_ops, 5);
        CHECK_INT(ludc_program_stat(p).n_fallback_ops, want_fallback);
        run_rows(&r, p, &n, 5);
        run_rows(&r, p, &n, 2);
        if (mode == RIG_LIES) CHECK_INT(ludc_program_stat(p).n_fallback_ops, 1);
        uint64_t before = ludc_alloc_count();
        run_rows(&r, p, &n, 4);
        CHECK_INT(ludc_alloc_count() - before, 0);
    }
    ludc_program_free(p);
    rig_close(&r);
}

static void test_usage_errors(void) {
    rig r;
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    net n = build_net(&r);
    CHECK_OK(ludc_program_new(n.g, &n.y, 1, &r.devices, r.store, &p, &r.err), r.err);
    float x[20] = {0};
    lud_error e1 = LUDC_ERROR_INIT, e2 = LUDC_ERROR_INIT, e3 = LUDC_ERROR_INIT, e4 = LUDC_ERROR_INIT;
    const int64_t too_many[2] = {0, 6};
    CHECK_INT(ludc_program_write(p, n.x, x, 44, &e1), LUD_E_INVALID);
    CHECK_INT(ludc_program_write(p, n.y, x, 4, NULL), LUD_E_INVALID);
    CHECK_INT(ludc_program_run(p, too_many, 2, &e2), LUD_E_INVALID);
    CHECK(strstr(e2.msg, "extent 1 is 6, not in 0..5") != NULL);
    CHECK_INT(ludc_program_run(p, too_many, 1, &e3), LUD_E_INVALID);
    CHECK_INT(ludc_program_read(p, n.flat, x, 4, &e4), LUD_E_INVALID);
    ludc_program_free(p);
    ludc_graph_free(n.g);
    rig_close(&r);
}

/* Two programs of one model share the weight; a frozen weight without values is an error that names it. */
static void test_weights(void) {
    rig r;
    ludc_program *p = NULL, *q = NULL;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    net n = build_net(&r);
    CHECK_OK(ludc_program_new(n.g, &n.y, 1, &r.devices, r.store, &p, &r.err), r.err);
    CHECK_OK(ludc_program_new(n.g, &n.flat, 1, &r.devices, r.store, &q, &r.err), r.err);
    CHECK_INT(ludc_program_stat(p).weight_bytes, 24);
    const float w[6] = {0};
    CHECK_INT(ludc_store_set(r.store, 0, w, NULL), LUD_E_INVALID); /* programs hold its device copy */
    ludc_program_free(p);
    ludc_program_free(q);
    lud_error err = LUDC_ERROR_INIT;
    const lud_shape s = rig_shape(LUD_REAL, 1, 3, 0, 0);
    lud_t empty = ludc_graph_api()->param(n.g, "nowhere", &s, NULL);
    lud_t y = OP(n.g, ADD, NULL, n.x2, empty);
    p = NULL;
    CHECK(ludc_program_new(n.g, &y, 1, &r.devices, r.store, &p, &err) != LUD_OK);
    CHECK(p == NULL && strstr(err.msg, "'nowhere' has no values") != NULL);
    ludc_graph_free(n.g);
    rig_close(&r);
}

static lud_graph *cached_graph(rig *r, bool cached, lud_t in[4], lud_t *out) {
    const ludc_graph_opts opts = {
        .store = r->store, .real = LUD_F32, .cached = cached, .page_size = 2, .n_pages = 4, .pages_per_segment = 4};
    lud_graph *g = ludc_graph_new(&opts, &r->err);
    int32_t T = ludc_graph_extent(g, 6), S1 = ludc_graph_extent(g, 2), S = ludc_graph_extent(g, 1);
    const lud_shape q = rig_shape(LUD_REAL, 3, -T, 1, 4), seg = rig_shape(LUD_I32, 1, -S1, 0, 0);
    const lud_shape pos = rig_shape(LUD_I32, 1, -T, 0, 0), pages = rig_shape(LUD_I32, 2, -S, 4, 0);
    in[0] = ludc_graph_input(g, "q", &q);
    in[1] = ludc_graph_input(g, "seg", &seg);
    in[2] = ludc_graph_input(g, "pos", &pos);
    in[3] = ludc_graph_input(g, "pages", &pages);
    ludc_graph_set_seq(g, 0, in[2], in[1], cached ? in[3] : 0);
    const lud_attr_attention a = {.scale = 0.5f, .causal = 1, .left = -1, .right = -1, .cache_slot = 0};
    *out = OP(g, ATTENTION, &a, in[0], in[0], in[0], in[1]);
    CHECK_OK(ludc_graph_api()->status(g, &r->err), r->err);
    return g;
}

static void run_attention(rig *r, ludc_program *p, const lud_t in[4], lud_t out, const float *q, int first, int n,
                          float *y) {
    const int32_t seg[2] = {0, n}, pos[6] = {first, first + 1, first + 2, first + 3, first + 4, first + 5};
    const int32_t pages[4] = {3, 0, 2, 1};
    const int64_t extents[4] = {0, n, 2, 1};
    ludc_program_write(p, in[0], q + 4 * first, (size_t)n * 16, &r->err);
    ludc_program_write(p, in[1], seg, sizeof seg, &r->err);
    ludc_program_write(p, in[2], pos, (size_t)n * 4, &r->err);
    ludc_program_write(p, in[3], pages, sizeof pages, &r->err);
    CHECK_OK(ludc_program_run(p, extents, 4, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, out, y + 4 * first, (size_t)n * 16, &r->err), r->err);
}

/* Cached attention in three steps gives the bits of attention over the whole segment. */
static void test_cached(int mode) {
    rig r;
    ludc_program *whole = NULL, *steps = NULL;
    if (!rig_open(&r, mode, LUD_F32)) return;
    lud_t in[4], in2[4], out, out2;
    float q[24], y[24], z[24];
    rig_pattern(q, 24, 3);
    lud_graph *g = cached_graph(&r, false, in, &out), *c = cached_graph(&r, true, in2, &out2);
    CHECK_OK(ludc_program_new(g, &out, 1, &r.devices, r.store, &whole, &r.err), r.err);
    CHECK_OK(ludc_program_new(c, &out2, 1, &r.devices, r.store, &steps, &r.err), r.err);
    if (whole && steps) {
        CHECK_INT(ludc_program_stat(steps).kv_bytes, 2 * 4 * 2 * 4 * 4);
        run_attention(&r, whole, in, out, q, 0, 6, y);
        run_attention(&r, steps, in2, out2, q, 0, 3, z);
        run_attention(&r, steps, in2, out2, q, 3, 1, z);
        run_attention(&r, steps, in2, out2, q, 4, 2, z);
        CHECK(memcmp(y, z, sizeof y) == 0);
    }
    const lud_attr_attention a = {.scale = 1, .causal = 1, .left = -1, .right = -1, .cache_slot = 0};
    CHECK_INT(OP(c, ATTENTION, &a, in2[0], in2[0], in2[0], in2[1]), 0);
    ludc_program_free(whole);
    ludc_program_free(steps);
    ludc_graph_free(g);
    ludc_graph_free(c);
    rig_close(&r);
}

static int told;
static void count_warnings(void *arg, int32_t level, const char *text) {
    (void)arg;
    told += level == LUD_LOG_WARN && strstr(text, "MUL") != NULL;
}

int main(void) {
    ludc_log_set(count_warnings, NULL, LUD_LOG_INFO);
    test_mode(RIG_REFERENCE, 0);
    test_mode(RIG_WATCH, 0);
    test_mode(RIG_ADD_ONLY, 4);
    test_mode(RIG_APART, 4);
    CHECK_INT(told, 0);
    test_mode(RIG_LIES, 0);
    CHECK_INT(told, 1);
    test_usage_errors();
    test_weights();
    test_cached(RIG_REFERENCE);
    test_cached(RIG_APART);
    return check_done();
}
