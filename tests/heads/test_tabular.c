/* SPDX-License-Identifier: Apache-2.0
 * Encoders of columns: values by hand on both backends, tables that are not trained, gradients against differences. */
#include "net.h"

#include <math.h>

static const char *const devices[] = {"reference", "cpu"};

static void test_passthrough(const char *device) {
    net n;
    lud_encoder_out out;
    static const float x[] = {1.5f, -2, 0, 3, 4, 5};
    float got[6];
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, 2);
    lud_t values = net_reals(&n, "x", s, 3, x);
    const lud_seq seq = {.struct_size = sizeof seq, .s_extent = s, .values = values};
    CHECK_INT(net_encode(&n, "vector", "passthrough", "{\"metadata\": {\"width\": 3}}", &seq, &out), values);
    lud_t y = lud_scale(ludc_graph_api(), n.g, out.rows, 1, 1);
    static const float want[] = {2.5f, -1, 1, 4, 5, 6};
    net_run(&n, y, got, 6);
    CHECK(net_close_to(got, want, 6));
    net_close(&n);
}

/* The id, its one-hot vector, its row of the table. */
static void test_category(const char *device, const char *name, const char *config, int64_t width, const float *table,
                          const float *want) {
    net n;
    lud_encoder_out out;
    static const int32_t ids[] = {2, 0, 2, 1};
    char cfg[200];
    float got[16];
    snprintf(cfg, sizeof cfg, "{\"config\": %s, \"metadata\": {\"type\": \"category\", \"width\": 3}}", config);
    net_open(&n, device, LUD_F32, true);
    int32_t s = net_extent(&n, 4);
    const lud_seq seq = {.struct_size = sizeof seq, .s_extent = s, .ids = net_ints(&n, "ids", s, 0, ids)};
    lud_t y = net_encode(&n, "category", name, cfg, &seq, &out);
    if (table) net_set(&n, "embeddings.weight", table, 3 * width);
    net_run(&n, y, got, (size_t)(4 * width));
    CHECK(net_close_to(got, want, (size_t)(4 * width)));
    CHECK(out.tokens == 0);
    net_close(&n);
}

static void test_categories(const char *device) {
    static const float ids[] = {2, 0, 2, 1}, hot[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0};
    static const float table[] = {1, 2, 3, 4, 5, 6}, rows[] = {5, 6, 1, 2, 5, 6, 3, 4};
    test_category(device, "passthrough", "{}", 1, NULL, ids);
    test_category(device, "onehot", "{}", 3, NULL, hot);
    test_category(device, "sparse", "{}", 3, NULL, hot);
    test_category(device, "dense", "{\"embedding_size\": 2}", 2, table, rows);
}

/* The table has at most as many columns as the feature has classes; frozen, it is no trainable parameter. */
static void test_table(void) {
    static const struct {
        const char *feature, *name, *config;
        int64_t columns;
        bool trained;
        float a, b;
    } cases[] = {
        {"category", "dense", "{}", 7, true, -1, 1},
        {"category", "dense", "{\"embedding_size\": 4, \"embeddings_trainable\": false}", 4, false, -1, 1},
        {"category", "dense", "{\"embedding_initializer\": {\"type\": \"uniform\", \"a\": -2, \"b\": 3}}", 7, true, -2,
         3},
        {"set", "embed", "{\"embedding_size\": 4}", 4, true, -0.7385f, 0.7385f},
        {"bag", "embed", "{\"force_embedding_size\": true}", 50, true, -0.3244f, 0.3244f},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        net n;
        lud_encoder_out out;
        char cfg[200];
        static const int32_t ids[] = {0}, offsets[] = {0, 1};
        snprintf(cfg, sizeof cfg, "{\"config\": %s, \"metadata\": {\"width\": 7}}", cases[i].config);
        net_open(&n, "reference", LUD_F32, true);
        int32_t s = net_extent(&n, 1), o = net_extent(&n, 2);
        const lud_seq seq = {.struct_size = sizeof seq,
                             .t_extent = s,
                             .s_extent = s,
                             .ids = net_ints(&n, "ids", s, 0, ids),
                             .seg_offsets = net_ints(&n, "offsets", o, 0, offsets)};
        net_encode(&n, cases[i].feature, cases[i].name, cfg, &seq, &out);
        const ludc_param *p = ludc_store_at(n.store, 0);
        CHECK_TEXT(p->name, "embeddings.weight");
        CHECK_INT(p->shape.dim[1], cases[i].columns);
        CHECK_INT(p->trainable, cases[i].trained);
        CHECK_INT(p->spec.init, LUD_INIT_UNIFORM);
        CHECK(fabsf(p->spec.a - cases[i].a) < 1e-4f && fabsf(p->spec.b - cases[i].b) < 1e-4f);
        net_close(&n);
    }
}

/* Sums of rows; an item of a bag counts each time; an empty set is 0. Then one layer. */
static void test_bag(const char *device) {
    net n;
    lud_encoder_out out;
    static const int32_t ids[] = {0, 2, 1, 1, 1}, offsets[] = {0, 2, 2, 5};
    static const float table[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 0, 0, 1, -1, 1}, b[] = {1, 0, 0};
    static const float want[] = {7, 8, 2, 1, 0, 0, 10, 12, 3};
    float got[9];
    net_open(&n, device, LUD_F32, true);
    int32_t t = net_extent(&n, 5), s = net_extent(&n, 3), o = net_extent(&n, 4);
    const lud_seq seq = {.struct_size = sizeof seq,
                         .t_extent = t,
                         .s_extent = s,
                         .ids = net_ints(&n, "ids", t, 0, ids),
                         .seg_offsets = net_ints(&n, "offsets", o, 0, offsets)};
    lud_t y = net_encode(&n, "bag", "embed",
                         "{\"config\": {\"embedding_size\": 2, \"num_fc_layers\": 1, \"output_size\": 3}, "
                         "\"metadata\": {\"width\": 3}}",
                         &seq, &out);
    net_set(&n, "embeddings.weight", table, 6);
    net_set(&n, "fc_stack.0.weight", w, 6);
    net_set(&n, "fc_stack.0.bias", b, 3);
    net_run(&n, y, got, 9);
    CHECK(net_close_to(got, want, 9));
    net_close(&n);
}

static void test_bag_gradients(void) {
    net n;
    lud_encoder_out out;
    size_t compared;
    static const int32_t ids[] = {0, 2, 1, 1, 4}, offsets[] = {0, 2, 2, 5};
    net_open(&n, "reference", LUD_F64, true);
    int32_t t = net_extent(&n, 5), s = net_extent(&n, 3), o = net_extent(&n, 4);
    const lud_seq seq = {.struct_size = sizeof seq,
                         .t_extent = t,
                         .s_extent = s,
                         .ids = net_ints(&n, "ids", t, 0, ids),
                         .seg_offsets = net_ints(&n, "offsets", o, 0, offsets)};
    lud_t y = net_encode(&n, "set", "embed",
                         "{\"config\": {\"embedding_size\": 3, \"num_fc_layers\": 1, \"output_size\": 2, "
                         "\"activation\": \"tanh\"}, \"metadata\": {\"width\": 5}}",
                         &seq, &out);
    CHECK(net_gradient_error(&n, y, s, 2, &compared) < 1e-5);
    CHECK_INT(compared, 15 + 6 + 2);
    net_close(&n);
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        test_passthrough(devices[i]);
        test_categories(devices[i]);
        test_bag(devices[i]);
    }
    test_table();
    test_bag_gradients();
    return net_done() | check_done();
}
