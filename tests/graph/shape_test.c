/* SPDX-License-Identifier: Apache-2.0
 * Shape rules, extents, names and errors of graph building. Needs no backend: the store is never given values. */
#include <check.h>
#include <graph.h>
#include <stdarg.h>

static ludc_devices no_devices;

typedef struct bench {
    ludc_store *store;
    lud_graph *g;
    lud_error err;
    const lud_graph_api *api;
} bench;

static void open_bench(bench *b) {
    *b = (bench){.err = LUDC_ERROR_INIT, .api = ludc_graph_api()};
    b->store = ludc_store_new(&no_devices, LUD_F32);
    const ludc_graph_opts opts = {.store = b->store, .real = LUD_F32, .training = true};
    b->g = ludc_graph_new(&opts, &b->err);
    CHECK(b->g != NULL);
}

static void close_bench(bench *b) {
    ludc_graph_free(b->g);
    ludc_store_free(b->store);
}

static lud_t input(bench *b, int32_t dtype, int32_t rank, int64_t d0, int64_t d1, int64_t d2) {
    const lud_shape s = {.dtype = dtype, .rank = rank, .dim = {d0, d1, d2}};
    return ludc_graph_input(b->g, "x", &s);
}

static lud_t emit(bench *b, uint32_t opcode, const void *attr, const lud_t *in) {
    const ludc_op_info *info = ludc_op_find(opcode);
    const lud_op op = {.struct_size = sizeof op,
                       .opcode = opcode,
                       .n_in = info->n_in,
                       .n_out = info->n_out,
                       .attr_size = attr ? info->attr_size : 0,
                       .in = in,
                       .attr = attr};
    return b->api->emit(b->g, &op);
}
#define EMIT(b, name, attr, ...) emit((b), LUD_OP_##name, (attr), (const lud_t[9]){__VA_ARGS__})

static void check_shape(bench *b, lud_t t, int32_t dtype, int32_t rank, int64_t d0, int64_t d1, int64_t d2) {
    const int64_t want[3] = {d0, d1, d2};
    lud_shape s = {0};
    CHECK_OK(b->api->status(b->g, &b->err), b->err);
    CHECK_INT(b->api->shape_of(b->g, t, &s), LUD_OK);
    CHECK_INT(s.dtype, dtype);
    CHECK_INT(s.rank, rank);
    for (int32_t d = 0; d < LUDC_MIN(rank, 3); d++)
        CHECK_INT(s.dim[d], want[d]);
}

/* The graph is poisoned and its message holds every one of the words. */
static void check_error(bench *b, const char *words, ...) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK(b->api->status(b->g, &err) != LUD_OK);
    va_list args;
    va_start(args, words);
    for (const char *w = words; w; w = va_arg(args, const char *)) {
        bool found = strstr(err.msg, w) != NULL;
        if (!found) fprintf(stderr, "message '%s' lacks '%s'\n", err.msg, w);
        CHECK(found);
    }
    va_end(args);
}

static void test_results(void) {
    bench b;
    open_bench(&b);
    int32_t T = ludc_graph_extent(b.g, 100), S = ludc_graph_extent(b.g, 11);
    lud_t x = input(&b, LUD_REAL, 2, -T, 8, 0), w = input(&b, LUD_REAL, 2, 5, 8, 0);
    lud_t bias = input(&b, LUD_REAL, 1, 5, 0, 0);
    lud_t y = EMIT(&b, LINEAR, NULL, x, w, bias);
    check_shape(&b, y, LUD_REAL, 2, -T, 5, 0);
    check_shape(&b, EMIT(&b, LINEAR, NULL, x, w, 0), LUD_REAL, 2, -T, 5, 0);
    check_shape(&b, EMIT(&b, LINEAR_GRAD_INPUT, NULL, y, w), LUD_REAL, 2, -T, 8, 0);
    check_shape(&b, EMIT(&b, LINEAR_GRAD_WEIGHT, NULL, x, y), LUD_REAL, 2, 5, 8, 0);
    check_shape(&b, EMIT(&b, ADD, NULL, y, bias), LUD_REAL, 2, -T, 5, 0);
    lud_attr_norm norm = {.eps = 1e-5f};
    lud_t n = EMIT(&b, RMS_NORM, &norm, x, 0);
    check_shape(&b, n, LUD_REAL, 2, -T, 8, 0);
    check_shape(&b, n + 1, LUD_REAL, 1, -T, 0, 0);
    lud_attr_shape heads = {.rank = 3, .dim = {-T, 2, 4}};
    lud_t q = EMIT(&b, RESHAPE, &heads, x), seg = input(&b, LUD_I32, 1, -S, 0, 0);
    check_shape(&b, q, LUD_REAL, 3, -T, 2, 4);
    lud_attr_attention att = {.scale = 1, .causal = 1, .left = -1, .right = -1, .cache_slot = -1};
    lud_t a = EMIT(&b, ATTENTION, &att, q, q, q, seg);
    check_shape(&b, a + 1, LUD_REAL, 2, -T, 2, 0);
    lud_t target = input(&b, LUD_I32, 1, -T, 0, 0), g = input(&b, LUD_REAL, 1, -T, 0, 0);
    lud_attr_xent xent = {.logit_scale = 1, .want = LUD_XENT_WANT_DX};
    lud_t joined = EMIT(&b, LINEAR_CROSS_ENTROPY_JOINED, &xent, x, w, bias, target, g);
    check_shape(&b, joined + 1, LUD_I32, 1, -T, 0, 0);
    check_shape(&b, joined + 2, LUD_REAL, 2, -T, 8, 0);
    check_shape(&b, joined + 3, LUD_REAL, 1, 0, 0, 0);
    lud_attr_rows rows = {.rows = -S};
    check_shape(&b, EMIT(&b, SCATTER_ADD_ROWS, &rows, x, target), LUD_REAL, 2, -S, 8, 0);
    close_bench(&b);
}

static void test_extents(void) {
    bench b;
    open_bench(&b);
    int32_t T = ludc_graph_extent(b.g, 6), U = ludc_graph_extent(b.g, 6);
    int32_t T4 = b.api->extent_scaled(b.g, T, 4);
    CHECK_INT(b.api->extent_scaled(b.g, T, 4), T4);
    CHECK_INT(b.api->extent_scaled(b.g, T, 1), T);
    CHECK_INT(b.api->extent_scaled(b.g, b.api->extent_scaled(b.g, T, 2), 2), T4);
    lud_t x = input(&b, LUD_REAL, 2, -T, 8, 0);
    lud_attr_shape flat = {.rank = 2, .dim = {-T4, 2}};
    check_shape(&b, EMIT(&b, RESHAPE, &flat, x), LUD_REAL, 2, -T4, 2, 0);
    lud_t y = input(&b, LUD_REAL, 2, -U, 8, 0);
    CHECK_INT(EMIT(&b, ADD, NULL, x, y), 0); /* equal maxima are not enough */
    check_error(&b, "ADD", "extent 1", "extent 2", (char *)NULL);
    close_bench(&b);
}

static void test_reshape_error(void) {
    bench b;
    open_bench(&b);
    int32_t T = ludc_graph_extent(b.g, 6);
    lud_t x = input(&b, LUD_REAL, 2, -T, 8, 0);
    ludc_graph_scope_push(b.g, "encoder.text.");
    lud_attr_shape fixed = {.rank = 2, .dim = {6, 8}};
    CHECK_INT(EMIT(&b, RESHAPE, &fixed, x), 0);
    check_error(&b, "encoder.text.", "RESHAPE", "real[extent 1, 8]", "real[6, 8]", (char *)NULL);
    CHECK_INT(EMIT(&b, ADD, NULL, x, x), 0); /* sticky: later calls do nothing */
    check_error(&b, "RESHAPE", (char *)NULL);
    close_bench(&b);
}

/* One wrong call each; the words must be in the message. */
static void test_errors(void) {
    enum { ARITY, ATTR, MISSING, INNER, TYPE, NORM, HEADS, ROPE, PROB, SLICE, WRITE, CASES };
    static const char *words[CASES] = {[ARITY] = "takes 2 inputs",
                                       [ATTR] = "attribute of 4 bytes",
                                       [MISSING] = "input 1 is missing",
                                       [INNER] = "dimension 1 must be 8",
                                       [TYPE] = "must be real",
                                       [NORM] = "at least 2 axes",
                                       [HEADS] = "do not divide",
                                       [ROPE] = "rotary_dim 6",
                                       [PROB] = "p must be",
                                       [SLICE] = "not inside",
                                       [WRITE] = "changed in place"};
    for (int i = 0; i < CASES; i++) {
        bench b;
        open_bench(&b);
        lud_t x = input(&b, LUD_REAL, 2, 4, 8, 0), w = input(&b, LUD_REAL, 2, 5, 7, 0);
        lud_t ids = input(&b, LUD_I32, 1, 4, 0, 0), v = input(&b, LUD_REAL, 1, 8, 0, 0);
        lud_t q = input(&b, LUD_REAL, 3, 4, 3, 4), k = input(&b, LUD_REAL, 3, 4, 2, 4);
        lud_op op = {.struct_size = sizeof op, .opcode = LUD_OP_ADD, .n_in = 1, .n_out = 1, .in = &x};
        lud_attr_norm norm = {.eps = 1e-5f};
        lud_attr_rope rope = {.rotary_dim = 6, .attention_factor = 1};
        lud_attr_attention att = {.scale = 1, .left = -1, .right = -1, .cache_slot = -1};
        lud_attr_dropout drop = {.p = 1};
        lud_attr_slice slice = {.start = 5, .len = 4};
        lud_shape one = {.dtype = LUD_REAL, .rank = 1, .dim = {1}};
        lud_t frozen = b.api->param(b.g, "p", &one, NULL), r = 1;
        switch (i) {
        case ARITY:
            r = b.api->emit(b.g, &op);
            break;
        case ATTR:
            r = EMIT(&b, ACT, NULL, x);
            break;
        case MISSING:
            r = EMIT(&b, LINEAR, NULL, x, 0, 0);
            break;
        case INNER:
            r = EMIT(&b, LINEAR, NULL, x, w, 0);
            break;
        case TYPE:
            r = EMIT(&b, MUL, NULL, ids, ids);
            break;
        case NORM:
            r = EMIT(&b, RMS_NORM, &norm, v, 0);
            break;
        case HEADS:
            r = EMIT(&b, ATTENTION, &att, q, k, k, ids);
            break;
        case ROPE:
            r = EMIT(&b, ROPE, &rope, q, ids, v);
            break;
        case PROB:
            r = EMIT(&b, DROPOUT, &drop, x, ids, ids);
            break;
        case SLICE:
            r = EMIT(&b, SLICE, &slice, x);
            break;
        case WRITE:
            r = EMIT(&b, ACC, NULL, frozen, frozen);
            break;
        default:
            break;
        }
        CHECK_INT(r, 0);
        check_error(&b, words[i], (char *)NULL);
        close_bench(&b);
    }
}

static void test_names(void) {
    bench b;
    open_bench(&b);
    const lud_shape s = {.dtype = LUD_REAL, .rank = 2, .dim = {3, 4}},
                    other = {.dtype = LUD_REAL, .rank = 1, .dim = {3}};
    lud_t p = b.api->param(b.g, "w", &s, NULL);
    CHECK_INT(b.api->param(b.g, "w", &s, NULL), p);
    ludc_graph_scope_push(b.g, "a.");
    CHECK(b.api->param(b.g, "w", &s, NULL) != p);
    ludc_graph_scope_pop(b.g);
    CHECK_INT(ludc_store_index(b.store, LUDC_STR("a.w")), 1);
    const float table[3] = {1, 2, 3}, table2[3] = {1, 2, 4};
    lud_t c = b.api->constant(b.g, "t", &other, table);
    CHECK_INT(b.api->constant(b.g, "t", &other, table), c);
    CHECK(b.api->constant(b.g, "t", &other, table2) != c);
    CHECK_INT(b.api->mark(b.g, LUD_MARK_LAYER, 2, c), c);
    CHECK_INT(ludc_graph_marked(b.g, LUD_MARK_LAYER, 2), c);
    CHECK_INT(ludc_graph_marked(b.g, LUD_MARK_LAYER, 1), 0);
    CHECK_INT(b.api->param(b.g, "w", &other, NULL), 0);
    check_error(&b, "'w'", "real[3, 4]", "real[3]", (char *)NULL);
    close_bench(&b);
}

static uint64_t hash_of(float p, float table0) {
    bench b;
    open_bench(&b);
    int32_t T = ludc_graph_extent(b.g, 9);
    lud_t x = input(&b, LUD_REAL, 2, -T, 8, 0), keys = input(&b, LUD_I32, 2, -T, 2, 0);
    lud_t positions = input(&b, LUD_I32, 1, -T, 0, 0);
    ludc_graph_set_seq(b.g, keys, positions, 0, 0);
    const lud_shape eight = {.dtype = LUD_REAL, .rank = 1, .dim = {8}};
    const float table[8] = {table0};
    x = EMIT(&b, ADD, NULL, x, b.api->constant(b.g, "c", &eight, table));
    x = b.api->dropout(b.g, x, p);
    x = b.api->dropout(b.g, x, p);
    CHECK_OK(b.api->status(b.g, &b.err), b.err);
    uint64_t h = ludc_graph_hash(b.g);
    close_bench(&b);
    return h;
}

int main(void) {
    test_results();
    test_extents();
    test_reshape_error();
    test_errors();
    test_names();
    CHECK(hash_of(0.5f, 1) == hash_of(0.5f, 1));
    CHECK(hash_of(0.5f, 1) != hash_of(0.25f, 1));
    CHECK(hash_of(0.5f, 1) != hash_of(0.5f, 2));
    CHECK(ludc_op_count() >= 34 && ludc_op_find(999) == NULL);
    return check_done();
}
