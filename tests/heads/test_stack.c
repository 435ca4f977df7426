/* SPDX-License-Identifier: Apache-2.0
 * The fully connected stack (through the dense encoder), the heads and the concat combiner: values by hand, gradients
 * against differences, dropout, residual connections, layer norm. */
#include "net.h"

#include <math.h>

static const char *const devices[] = {"reference", "cpu"};

static lud_seq values_of(lud_t values, int32_t s) {
    return (lud_seq){.struct_size = sizeof(lud_seq), .s_extent = s, .values = values};
}

/* relu(x W^T + b) in two layers. */
static void test_two_layers(const char *device) {
    net n;
    lud_encoder_out out;
    static const float x[] = {1, 2, -1, 0.5f, 0, 0}, w0[] = {1, -1, 0.5f, 0.5f, -2, 1}, b0[] = {0.5f, 0, 1};
    static const float w1[] = {1, 2, 3}, b1[] = {-1};
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, 3);
    const lud_seq seq = values_of(net_reals(&n, "x", s, 2, x), s);
    lud_t y = net_encode(&n, "vector", "dense",
                         "{\"config\": {\"fc_layers\": [{\"output_size\": 3}, {\"output_size\": 1, \"activation\": "
                         "null}]}, \"metadata\": {\"width\": 2}}",
                         &seq, &out);
    net_set(&n, "fc_stack.0.weight", w0, 6);
    net_set(&n, "fc_stack.0.bias", b0, 3);
    net_set(&n, "fc_stack.1.weight", w1, 3);
    net_set(&n, "fc_stack.1.bias", b1, 1);
    /* Rows: (-0.5, 1.5, 1) -> (0, 1.5, 1); (-1, -0.25, 3.5) -> (0, 0, 3.5); (0.5, 0, 1). */
    float got[3];
    static const float want[] = {0 + 3 + 3 - 1, 10.5f - 1, 0.5f + 0 + 3 - 1};
    net_run(&n, y, got, 3);
    CHECK(net_close_to(got, want, 3));
    CHECK(out.tokens == 0);
    net_close(&n);
}

/* Linear, layer norm, tanh, residual where the widths agree: each against a plain loop. */
static void test_norm_and_residual(const char *device) {
    net n;
    enum { S = 2, C = 4 };
    float x[S * C], w[C * C], b[C], gain[C], shift[C], want[S * C], got[S * C];
    net_pattern(x, S * C, 1), net_pattern(w, C * C, 2), net_pattern(b, C, 3);
    net_pattern(gain, C, 4), net_pattern(shift, C, 5);
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, S);
    const lud_combiner_in in = {
        .struct_size = sizeof in, .feature = "x", .encoded = &(lud_encoder_out){.rows = net_reals(&n, "x", s, C, x)}};
    const lud_combiner_in *const list[] = {&in};
    lud_t y = net_combine(&n, "concat",
                          "{\"config\": {\"num_fc_layers\": 1, \"output_size\": 4, \"norm\": \"layer\", "
                          "\"norm_params\": {\"eps\": 0.01}, \"activation\": \"tanh\", \"residual\": true}}",
                          list, 1);
    net_set(&n, "fc_stack.0.weight", w, C * C);
    net_set(&n, "fc_stack.0.bias", b, C);
    net_set(&n, "fc_stack.0.norm.weight", gain, C);
    net_set(&n, "fc_stack.0.norm.bias", shift, C);
    for (int i = 0; i < S; i++) {
        double h[C], mean = 0, variance = 0;
        for (int o = 0; o < C; o++) {
            h[o] = (double)b[o];
            for (int k = 0; k < C; k++)
                h[o] += (double)x[i * C + k] * (double)w[o * C + k];
            mean += h[o] / C;
        }
        for (int o = 0; o < C; o++)
            variance += (h[o] - mean) * (h[o] - mean) / C;
        for (int o = 0; o < C; o++) {
            double z = (h[o] - mean) / sqrt(variance + 0.01) * (double)gain[o] + (double)shift[o];
            want[i * C + o] = (float)((double)x[i * C + o] + tanh(z));
        }
    }
    net_run(&n, y, got, S * C);
    CHECK(net_close_to(got, want, S * C));
    net_close(&n);
}

/* What is kept is doubled, and some is dropped; without training all is kept. */
static void test_dropout(const char *device, bool training) {
    net n;
    enum { S = 8, K = 16 };
    float x[S], got[S * K];
    int32_t keys[2 * S], positions[S] = {0};
    lud_encoder_out out;
    for (int i = 0; i < S; i++)
        x[i] = 1, keys[2 * i] = i, keys[2 * i + 1] = 7;
    net_open(&n, device, LUD_F32, training);
    int32_t s = net_extent(&n, S);
    ludc_graph_set_rows(n.g, s, net_ints(&n, "keys", s, 2, keys), net_ints(&n, "positions", s, 0, positions));
    const lud_seq seq = values_of(net_reals(&n, "x", s, 1, x), s);
    lud_t y = net_encode(&n, "number", "dense",
                         "{\"config\": {\"output_size\": 16, \"dropout\": 0.5, \"use_bias\": false, "
                         "\"weights_initializer\": \"ones\"}, \"metadata\": {\"width\": 1}}",
                         &seq, &out);
    float ones[K];
    for (int i = 0; i < K; i++)
        ones[i] = 1;
    net_set(&n, "fc_stack.0.weight", ones, K);
    net_run(&n, y, got, S * K);
    int kept = 0, wrong = 0;
    for (int i = 0; i < S * K; i++) {
        kept += got[i] != 0;
        wrong += got[i] != 0 && got[i] != (training ? 2.0f : 1.0f);
    }
    CHECK_INT(wrong, 0);
    CHECK(training ? kept > 40 && kept < 90 : kept == S * K);
    net_close(&n);
}

static void test_heads(const char *device) {
    static const float x[] = {1, 2, -1, 3}, w[] = {1, 0, 0, 1, 2, -1}, b[] = {0.5f, 0, -1};
    static const float want[] = {1.5f, 2, -1, -0.5f, 3, -6};
    static const char *const kind[][2] = {{"category", "classifier"}, {"set", "classifier"}};
    float got[6];
    for (int i = 0; i < 2; i++) {
        net n;
        net_open(&n, device, LUD_F32, true);
        int32_t rows = net_extent(&n, 2);
        lud_t hidden = net_reals(&n, "x", rows, 2, x);
        lud_t y =
            net_decode(&n, kind[i][0], kind[i][1], "{\"config\": {}, \"metadata\": {\"width\": 3}}", hidden, rows);
        net_set(&n, "dense.weight", w, 6);
        net_set(&n, "dense.bias", b, 3);
        net_run(&n, y, got, 6);
        CHECK(net_close_to(got, want, 6));
        net_close(&n);
    }
    static const char *const scalar[] = {"number", "binary"};
    for (int i = 0; i < 2; i++) {
        static const float weight[] = {-1, -1}, sum[] = {-3, -2};
        net n;
        net_open(&n, device, LUD_F32, true);
        int32_t rows = net_extent(&n, 2);
        lud_t hidden = net_reals(&n, "x", rows, 2, x);
        lud_t y = net_decode(&n, scalar[i], "regressor", "{\"config\": {\"use_bias\": false}}", hidden, rows);
        net_set(&n, "dense.weight", weight, 2);
        CHECK_INT(ludc_store_len(n.store), 1);
        net_run(&n, y, got, 2);
        CHECK(net_close_to(got, sum, 2));
        net_close(&n);
    }
}

/* Rows in the order of the features; no layers by default. 0 rows run as well. */
static void test_concat(const char *device, int64_t rows) {
    net n;
    static const float a[] = {1, 2, 3, 4}, b[] = {5, 6}, c[] = {7, 8, 9, 10, 11, 12};
    static const float want[] = {1, 2, 5, 7, 8, 9, 3, 4, 6, 10, 11, 12};
    float got[12] = {0};
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, rows);
    const lud_encoder_out e[] = {{.rows = net_reals(&n, "a", s, 2, a)},
                                 {.rows = net_reals(&n, "b", s, 1, b)},
                                 {.rows = net_reals(&n, "c", s, 3, c)}};
    const lud_combiner_in in[] = {
        {.feature = "a", .encoded = &e[0]}, {.feature = "b", .encoded = &e[1]}, {.feature = "c", .encoded = &e[2]}};
    const lud_combiner_in *const list[] = {&in[0], &in[1], &in[2]};
    lud_t y = net_combine(&n, "concat", "{\"config\": {}}", list, 3);
    net_run(&n, y, got, (size_t)rows * 6);
    CHECK(net_close_to(got, want, (size_t)rows * 6));
    CHECK_INT(ludc_store_len(n.store), 0);
    net_close(&n);
}

static void test_concat_names_the_sequence(void) {
    net n;
    net_open(&n, "reference", LUD_F32, true);
    const lud_encoder_out e = {.tokens = 1};
    const lud_combiner_in in = {.feature = "review", .encoded = &e};
    const lud_combiner_in *const list[] = {&in};
    const net_part *part = net_part_open(&n, LUD_KIND_COMBINER, NULL, "concat", "{}");
    lud_t out = 0;
    CHECK(part != NULL);
    const lud_combiner_vt *vt = part->component->vtable;
    CHECK_INT(vt->build(part->self, n.g, list, 1, &out, &n.err), LUD_E_INVALID);
    CHECK(strstr(n.err.msg, "review") && strstr(n.err.msg, "reduce_output"));
    net_close(&n);
}

/* Two dense encoders, concat with two layers, a classifier. */
static void test_gradients(void) {
    net n;
    float x[12], z[4];
    lud_encoder_out e[2];
    size_t compared;
    net_pattern(x, 12, 11), net_pattern(z, 4, 12);
    net_open(&n, "reference", LUD_F64, true);
    int32_t s = net_extent(&n, 4);
    const lud_seq seq[] = {values_of(net_reals(&n, "x", s, 3, x), s), values_of(net_reals(&n, "z", s, 1, z), s)};
    ludc_graph_scope_push(n.g, "encoder.x.");
    net_encode(&n, "vector", "dense",
               "{\"config\": {\"output_size\": 3, \"norm\": \"layer\", \"activation\": \"gelu\"}, "
               "\"metadata\": {\"width\": 3}}",
               &seq[0], &e[0]);
    ludc_graph_scope_pop(n.g);
    ludc_graph_scope_push(n.g, "encoder.z.");
    net_encode(&n, "number", "dense",
               "{\"config\": {\"output_size\": 2, \"activation\": \"sigmoid\"}, \"metadata\": {\"width\": 1}}", &seq[1],
               &e[1]);
    ludc_graph_scope_pop(n.g);
    const lud_combiner_in in[] = {{.feature = "x", .encoded = &e[0]}, {.feature = "z", .encoded = &e[1]}};
    const lud_combiner_in *const list[] = {&in[0], &in[1]};
    lud_t h = net_combine(&n, "concat",
                          "{\"config\": {\"num_fc_layers\": 2, \"output_size\": 5, \"residual\": true, "
                          "\"activation\": \"silu\"}}",
                          list, 2);
    lud_t y = net_decode(&n, "category", "classifier", "{\"metadata\": {\"width\": 3}}", h, s);
    CHECK(net_gradient_error(&n, y, s, 3, &compared) < 1e-5);
    CHECK_INT(compared, 9 + 3 + 3 + 3 + 2 + 2 + 2 * (25 + 5) + 15 + 3);
    net_close(&n);
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        test_two_layers(devices[i]);
        test_norm_and_residual(devices[i]);
        test_dropout(devices[i], true);
        test_dropout(devices[i], false);
        test_heads(devices[i]);
        test_concat(devices[i], 2);
        test_concat(devices[i], 0);
    }
    test_concat_names_the_sequence();
    test_gradients();
    return net_done() | check_done();
}
