/* SPDX-License-Identifier: Apache-2.0
 * What a predictive graph is made of: tokens pooled into rows, dropout keyed by rows beside dropout keyed by tokens,
 * losses of rows, positions with an offset; and what these operations refuse. */
#include "rig.h"
#include <ludwig/easy.h>

enum { TOKENS = 6, ROWS = 3, WIDTH = 8, WRONG_CALLS = 13 };

typedef struct net {
    lud_graph *g;
    int32_t t, s, offsets;
    lud_t x, seg, keys, positions, row_keys, row_positions;
    lud_t pooled, dropped, loss, dx;
} net;

static lud_t input(lud_graph *g, const char *name, int32_t dtype, int64_t rows, int64_t width) {
    const lud_shape s = rig_shape(dtype, width ? 2 : 1, rows, width, 0);
    return ludc_graph_input(g, name, &s);
}

/* loss[S] = mean over the columns of huber(dropout(pool(dropout(x))), 0), and its gradient by x. */
static net build(rig *r) {
    const lud_graph_api *api = ludc_graph_api();
    net n = {.g = rig_graph(r, NULL)};
    n.t = ludc_graph_extent(n.g, TOKENS);
    n.s = ludc_graph_extent(n.g, ROWS);
    n.offsets = ludc_graph_extent(n.g, ROWS + 1);
    n.x = input(n.g, "x", LUD_REAL, -n.t, WIDTH);
    n.seg = input(n.g, "seg_offsets", LUD_I32, -n.offsets, 0);
    n.keys = input(n.g, "keys", LUD_I32, -n.t, 2);
    n.positions = input(n.g, "positions", LUD_I32, -n.t, 0);
    n.row_keys = input(n.g, "row_keys", LUD_I32, -n.s, 2);
    n.row_positions = input(n.g, "row_positions", LUD_I32, -n.s, 0);
    ludc_graph_set_seq(n.g, n.keys, n.positions, n.seg, 0);
    ludc_graph_set_rows(n.g, n.s, n.row_keys, n.row_positions);
    lud_t h = api->dropout(n.g, n.x, 0.25f);
    n.pooled = lud_segment_pool(api, n.g, h, n.seg, n.s, LUD_POOL_MEAN);
    n.dropped = api->dropout(n.g, n.pooled, 0.5f);
    lud_t zero = lud_scale(api, n.g, n.dropped, 0, 0);
    n.loss = lud_row_mean(api, n.g, lud_element_loss(api, n.g, n.dropped, zero, LUD_LOSS_SQUARED, 0, 0));
    lud_t ones = lud_scale(api, n.g, n.loss, 0, 1);
    CHECK_OK(ludc_graph_gradients(n.g, n.loss, ones, &n.x, 1, &n.dx, &r->err), r->err);
    CHECK_OK(api->status(n.g, &r->err), r->err);
    return n;
}

typedef struct result {
    float pooled[ROWS * WIDTH], dropped[ROWS * WIDTH], loss[ROWS], dx[TOKENS * WIDTH];
} result;

/* Segments [from, to) of three with 2, 1 and 3 tokens; what a row is keyed by goes with it. */
static void run(rig *r, ludc_program *p, const net *n, int from, int to, result *out) {
    static const int32_t offsets[] = {0, 2, 3, 6}, position[] = {0, 1, 0, 0, 1, 2}, zeros[ROWS] = {0};
    float x[TOKENS * WIDTH];
    int32_t seg[ROWS + 1], keys[TOKENS * 2], row_keys[ROWS * 2];
    int64_t first = offsets[from], tokens = offsets[to] - first, rows = to - from;
    const int64_t extents[4] = {0, tokens, rows, rows + 1};
    rig_pattern(x, TOKENS * WIDTH, 3);
    for (int s = from; s <= to; s++)
        seg[s - from] = (int32_t)(offsets[s] - first);
    for (int s = 0; s < ROWS; s++) {
        for (int t = offsets[s]; t < offsets[s + 1]; t++)
            keys[2 * t] = 100 + s, keys[2 * t + 1] = 7;
        row_keys[2 * s] = 100 + s, row_keys[2 * s + 1] = 7;
    }
    size_t t = (size_t)tokens, s = (size_t)rows;
    CHECK_OK(ludc_program_write(p, n->x, x + first * WIDTH, t * WIDTH * 4, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->seg, seg, (s + 1) * 4, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->keys, keys + 2 * first, t * 8, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->positions, position + first, t * 4, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->row_keys, row_keys + 2 * from, s * 8, &r->err), r->err);
    CHECK_OK(ludc_program_write(p, n->row_positions, zeros, s * 4, &r->err), r->err);
    CHECK_OK(ludc_program_run(p, extents, 4, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->pooled, out->pooled, s * WIDTH * 4, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->dropped, out->dropped, s * WIDTH * 4, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->loss, out->loss, s * 4, &r->err), r->err);
    CHECK_OK(ludc_program_read(p, n->dx, out->dx, t * WIDTH * 4, &r->err), r->err);
}

static void check_values(const result *got) {
    int dropped = 0;
    for (int s = 0; s < ROWS; s++) {
        float mean = 0;
        for (int k = 0; k < WIDTH; k++) {
            float pooled = got->pooled[s * WIDTH + k], d = got->dropped[s * WIDTH + k];
            CHECK(d == 0 || d == 2 * pooled);
            dropped += d == 0;
            mean += d * d / WIDTH;
        }
        CHECK(got->loss[s] - mean < 1e-6f && mean - got->loss[s] < 1e-6f);
    }
    CHECK(dropped > 4 && dropped < 20);
}

/* A row alone gives the bits that it gives in the batch: masks, losses, gradients. */
static void test_rows(void) {
    rig r;
    ludc_program *p = NULL;
    result all, one;
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    net n = build(&r);
    const lud_t roots[] = {n.pooled, n.dropped, n.loss, n.dx};
    CHECK_OK(ludc_program_new(n.g, roots, 4, &r.devices, r.store, &p, &r.err), r.err);
    if (p) {
        run(&r, p, &n, 0, 3, &all);
        check_values(&all);
        run(&r, p, &n, 2, 3, &one);
        CHECK(memcmp(one.dropped, all.dropped + 2 * WIDTH, WIDTH * 4) == 0);
        CHECK(memcmp(one.loss, all.loss + 2, 4) == 0);
        CHECK(memcmp(one.dx, all.dx + 3 * WIDTH, 3 * WIDTH * 4) == 0);
        run(&r, p, &n, 1, 1, &one); /* no row at all */
    }
    ludc_program_free(p);
    ludc_graph_free(n.g);
    rig_close(&r);
}

/* OPT and RoBERTa add 2 to every position. */
static void test_position_offset(void) {
    rig r;
    ludc_program *p = NULL;
    const int32_t two = 2, in[TOKENS] = {0, 1, 2, 0, 1, 0};
    const lud_shape one = rig_shape(LUD_I32, 1, 1, 0, 0);
    int32_t out[TOKENS] = {0};
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    const lud_graph_api *api = ludc_graph_api();
    lud_graph *g = rig_graph(&r, NULL);
    const int64_t extents[2] = {0, TOKENS};
    lud_t x = input(g, "positions", LUD_I32, -ludc_graph_extent(g, TOKENS), 0);
    lud_t y = lud_add(api, g, x, api->constant(g, "offset", &one, &two));
    CHECK_OK(ludc_program_new(g, &y, 1, &r.devices, r.store, &p, &r.err), r.err);
    if (p) {
        CHECK_OK(ludc_program_write(p, x, in, sizeof in, &r.err), r.err);
        CHECK_OK(ludc_program_run(p, extents, 2, &r.err), r.err);
        CHECK_OK(ludc_program_read(p, y, out, sizeof out, &r.err), r.err);
    }
    for (int i = 0; i < TOKENS; i++)
        CHECK_INT(out[i], in[i] + 2);
    ludc_program_free(p);
    ludc_graph_free(g);
    rig_close(&r);
}

static void test_shapes(void) {
    rig r;
    lud_shape s = {0};
    if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
    const lud_graph_api *api = ludc_graph_api();
    lud_graph *g = rig_graph(&r, NULL);
    int32_t T = ludc_graph_extent(g, 9), S = ludc_graph_extent(g, 3);
    lud_t x = input(g, "x", LUD_REAL, -T, 6), seg = input(g, "seg", LUD_I32, 4, 0);
    lud_t score = lud_row_sum(api, g, x), wide = lud_segment_unfold(api, g, x, seg, 2, 1);
    CHECK_OK(api->shape_of(g, wide, &s), r.err);
    CHECK(s.rank == 2 && s.dim[0] == -T && s.dim[1] == 24);
    lud_t rows = lud_segment_attend(api, g, x, score, seg, S);
    CHECK_OK(api->shape_of(g, lud_concat(api, g, rows, rows), &s), r.err);
    CHECK(s.rank == 2 && s.dim[0] == -S && s.dim[1] == 12);
    CHECK_OK(api->shape_of(g, lud_row_spread(api, g, score, 5), &s), r.err);
    CHECK(s.rank == 2 && s.dim[0] == -T && s.dim[1] == 5);
    lud_t max = lud_segment_pool(api, g, x, seg, S, LUD_POOL_MAX);
    CHECK_OK(api->shape_of(g, max + 1, &s), r.err);
    CHECK(s.dtype == LUD_I32 && s.rank == 2 && s.dim[0] == -S && s.dim[1] == 6);
    CHECK_OK(api->shape_of(g, lud_layer_norm(api, g, x, 0, 0, 1e-5f) + 2, &s), r.err);
    CHECK(s.rank == 1 && s.dim[0] == -T);
    CHECK_OK(api->status(g, &r.err), r.err);
    ludc_graph_free(g);
    rig_close(&r);
}

/* One wrong call each; the words must be in the message. */
static lud_t wrong_call(lud_graph *g, int i, const char **words) {
    static const lud_attr_norm norm = {.eps = 1e-5f};
    static const lud_attr_attention att = {.scale = 1, .left = -1, .right = -1, .cache_slot = -1};
    const lud_graph_api *api = ludc_graph_api();
    int32_t S = ludc_graph_extent(g, 3);
    lud_t x = input(g, "x", LUD_REAL, 4, 6), y = input(g, "y", LUD_REAL, 5, 6), v = input(g, "v", LUD_REAL, 6, 0);
    lud_t seg = input(g, "seg", LUD_I32, 4, 0), index = input(g, "index", LUD_I32, 4, 6);
    const lud_shape heads = rig_shape(LUD_REAL, 3, 4, 3, 2);
    lud_t q = ludc_graph_input(g, "q", &heads);
    const lud_attr_pool mean = {.rows = 9, .kind = LUD_POOL_MEAN};
    switch (i) {
    case 0:
        *words = "dimension 0 must be 4";
        return lud_concat(api, g, x, y);
    case 1:
        *words = "at least 2 axes";
        return lud_row_mean(api, g, v);
    case 2:
        *words = "width must be at least 1";
        return lud_row_spread(api, g, v, 0);
    case 3:
        *words = "unknown pooling 9";
        return lud_segment_pool(api, g, x, seg, S, 9);
    case 4:
        *words = "belongs to the maximum";
        return OP(g, SEGMENT_POOL_GRAD, &mean, x, index, seg);
    case 5:
        *words = "extent 77 does not exist";
        return lud_segment_pool(api, g, x, seg, 77, LUD_POOL_MEAN);
    case 6:
        *words = "left and right";
        return lud_segment_unfold(api, g, x, seg, -1, 0);
    case 7:
        *words = "unknown loss 0";
        return lud_element_loss(api, g, x, x, 0, 0, 0);
    case 8:
        *words = "a must be positive";
        return lud_element_loss(api, g, x, x, LUD_LOSS_HUBER, 0, 0);
    case 9:
        *words = "shape of input 0";
        return lud_element_loss(api, g, x, y, LUD_LOSS_SQUARED, 0, 0);
    case 10:
        *words = "dimension 0 must be 3";
        return lud_attention_alibi(api, g, q, q, q, seg, v, &att);
    case 11:
        *words = "dimension 0 must be 4";
        return lud_segment_attend(api, g, x, v, seg, S);
    case 12:
        *words = "must be real of rank 1";
        return OP(g, LAYER_NORM, &norm, x, v, seg);
    default:
        return 1;
    }
}

static void test_errors(void) {
    for (int i = 0; i < WRONG_CALLS; i++) {
        rig r;
        const char *words = "";
        lud_error err = LUDC_ERROR_INIT;
        if (!rig_open(&r, RIG_REFERENCE, LUD_F32)) return;
        lud_graph *g = rig_graph(&r, NULL);
        CHECK_INT(wrong_call(g, i, &words), 0);
        CHECK_INT(ludc_graph_api()->status(g, &err), LUD_E_INVALID);
        bool said = strstr(err.msg, words) != NULL;
        CHECK(said);
        if (!said) fprintf(stderr, "  message '%s' lacks '%s'\n", err.msg, words);
        ludc_graph_free(g);
        rig_close(&r);
    }
}

int main(void) {
    test_rows();
    test_position_offset();
    test_shapes();
    test_errors();
    return check_done();
}
