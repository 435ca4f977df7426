/* SPDX-License-Identifier: Apache-2.0
 * The combiners beside concat and the projector: values by hand on both backends, gradients against differences. */
#include "net.h"

#include <math.h>

static const char *const devices[] = {"reference", "cpu"};

typedef struct two_inputs {
    lud_encoder_out encoded[2];
    lud_combiner_in in[2];
    const lud_combiner_in *list[2];
} two_inputs;

static void two_of(two_inputs *t, lud_t a, lud_t b) {
    t->encoded[0] = (lud_encoder_out){.struct_size = sizeof t->encoded[0], .rows = a};
    t->encoded[1] = (lud_encoder_out){.struct_size = sizeof t->encoded[1], .rows = b};
    t->in[0] = (lud_combiner_in){.struct_size = sizeof t->in[0], .feature = "a", .encoded = &t->encoded[0]};
    t->in[1] = (lud_combiner_in){.struct_size = sizeof t->in[1], .feature = "b", .encoded = &t->encoded[1]};
    t->list[0] = &t->in[0], t->list[1] = &t->in[1];
}

/* Mean of two projections; the stack is a residual layer of zeros without norm: it adds relu(0) = 0. */
static void test_project_aggregate(const char *device) {
    net n;
    two_inputs t;
    static const float a[] = {1, 2}, b[] = {1, 0, 0, 1}, wa[] = {2, -1}, wb[] = {1, 2, 3, 4}, ba[] = {1, 1},
                       bb[] = {0, 3};
    static const float zeros[4] = {0};
    static const float want[] = {(2 + 1 + 1) / 2.0f, (-1 + 1 + 3 + 3) / 2.0f, (4 + 1 + 2) / 2.0f,
                                 (-2 + 1 + 4 + 3) / 2.0f};
    float got[4];
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, 2);
    two_of(&t, net_reals(&n, "a", s, 1, a), net_reals(&n, "b", s, 2, b));
    lud_t y = net_combine(&n, "project_aggregate",
                          "{\"config\": {\"projection_size\": 2, \"output_size\": 2, \"num_fc_layers\": 1, \"norm\": "
                          "null}}",
                          t.list, 2);
    net_set(&n, "projectors.0.weight", wa, 2), net_set(&n, "projectors.0.bias", ba, 2);
    net_set(&n, "projectors.1.weight", wb, 4), net_set(&n, "projectors.1.bias", bb, 2);
    net_set(&n, "fc_stack.0.weight", zeros, 4), net_set(&n, "fc_stack.0.bias", zeros, 2);
    net_run(&n, y, got, 4);
    CHECK(net_close_to(got, want, 4));
    net_close(&n);
}

/* [e1.e2, e1*e2, |e1-e2|, (e1 W).e2] with e = x as the layers are the identity without activation. */
static void test_comparator(const char *device) {
    net n;
    two_inputs t;
    static const float a[] = {1, 2, -3, 0}, b[] = {2, -1, -3, 5}, eye[] = {1, 0, 0, 1}, zeros[2] = {0};
    static const float w[] = {1, 10, 100, 1000}; /* (x w^T)_o = sum of w[o][i] x_i */
    static const float want[] = {0, 2, -2, 1, 3, (1 + 20) * 2 + (100 + 2000) * -1, 9, 9, 0, 0, 5, -3 * -3 + -300 * 5};
    float got[12];
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, 2);
    two_of(&t, net_reals(&n, "a", s, 2, a), net_reals(&n, "b", s, 2, b));
    lud_t y = net_combine(&n, "comparator",
                          "{\"config\": {\"entity_1\": [\"a\"], \"entity_2\": [\"b\"], \"output_size\": 2, "
                          "\"activation\": null}}",
                          t.list, 2);
    net_set(&n, "e1_fc_stack.0.weight", eye, 4), net_set(&n, "e1_fc_stack.0.bias", zeros, 2);
    net_set(&n, "e2_fc_stack.0.weight", eye, 4), net_set(&n, "e2_fc_stack.0.bias", zeros, 2);
    net_set(&n, "bilinear_weights", w, 4);
    CHECK(!ludc_store_at(n.store, (size_t)ludc_store_index(n.store, LUDC_STR("bilinear_weights")))->trainable);
    net_run(&n, y, got, 12);
    CHECK(net_close_to(got, want, 12));
    net_close(&n);
}

static void test_comparator_names(void) {
    static const struct {
        const char *cfg, *says;
    } cases[] = {
        {"{\"config\": {\"entity_1\": [\"a\"], \"entity_2\": [\"c\"]}}", "'b' is in neither"},
        {"{\"config\": {\"entity_1\": [\"a\", \"b\"], \"entity_2\": [\"c\"]}}", "combiner.entity_2: 'c' is no input"},
        {"{\"config\": {\"entity_1\": [\"a\", 3], \"entity_2\": [\"b\"]}}", "combiner.entity_1: '' is no input"},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        net n;
        two_inputs t;
        lud_t out = 0;
        net_open(&n, "reference", LUD_F32, true);
        int32_t s = net_extent(&n, 1);
        two_of(&t, net_reals(&n, "a", s, 1, NULL), net_reals(&n, "b", s, 1, NULL));
        const net_part *part = net_part_open(&n, LUD_KIND_COMBINER, NULL, "comparator", cases[i].cfg);
        CHECK(part != NULL);
        const lud_combiner_vt *vt = part->component->vtable;
        CHECK_INT(vt->build(part->self, n.g, t.list, 2, &out, &n.err), LUD_E_INVALID);
        CHECK(strstr(n.err.msg, cases[i].says) != NULL);
        net_close(&n);
    }
}

/* x W^T, then tanh * 4, then cut to [-1, 2]: inside the range nothing changes. */
static void test_projector(const char *device) {
    net n;
    static const float x[] = {-10, 10, 0.1f, 0}, one[] = {1, 2}, zeros[2] = {0};
    float got[8], want[8];
    net_open(&n, device, LUD_F32, true);
    int32_t rows = net_extent(&n, 4);
    lud_t y = net_decode(&n, "vector", "projector",
                         "{\"config\": {\"activation\": \"tanh\", \"multiplier\": 4, \"clip\": [-1, 2]}, "
                         "\"metadata\": {\"width\": 2}}",
                         net_reals(&n, "x", rows, 1, x), rows);
    net_set(&n, "dense.weight", one, 2);
    net_set(&n, "dense.bias", zeros, 2);
    for (int i = 0; i < 8; i++)
        want[i] = fminf(2, fmaxf(-1, 4 * tanhf(x[i / 2] * one[i % 2])));
    net_run(&n, y, got, 8);
    CHECK(net_close_to(got, want, 8));
    net_close(&n);
}

static void test_gradients(const char *name, const char *cfg, int64_t width, size_t parameters) {
    net n;
    two_inputs t;
    float a[6], b[9];
    size_t compared;
    net_pattern(a, 6, 21), net_pattern(b, 9, 22);
    net_open(&n, "reference", LUD_F64, true);
    int32_t s = net_extent(&n, 3);
    two_of(&t, net_reals(&n, "a", s, 2, a), net_reals(&n, "b", s, 3, b));
    lud_t y = net_combine(&n, name, cfg, t.list, 2);
    CHECK(net_gradient_error(&n, y, s, width, &compared) < 1e-5);
    CHECK_INT(compared, parameters);
    net_close(&n);
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        test_project_aggregate(devices[i]);
        test_comparator(devices[i]);
        test_projector(devices[i]);
    }
    test_comparator_names();
    test_gradients("project_aggregate",
                   "{\"config\": {\"projection_size\": 4, \"output_size\": 4, \"activation\": \"gelu\"}}", 4,
                   (2 + 3 + 2) * 4 + 2 * (16 + 3 * 4));
    test_gradients("comparator",
                   "{\"config\": {\"entity_1\": [\"a\"], \"entity_2\": [\"b\"], \"output_size\": 3, "
                   "\"activation\": \"tanh\"}}",
                   8, 2 * 3 + 3 + 3 * 3 + 3);
    return net_done() | check_done();
}
