/* SPDX-License-Identifier: Apache-2.0
 * Text encoders trained from scratch: convolutions and the transformer against plain loops on both backends, gradients
 * against differences, what info tells. Three texts of 4, 0 and 3 tokens. */
#include "net.h"

#include <math.h>

enum { T = 7, S = 3, V = 9 };
static const char *const devices[] = {"reference", "cpu"};
static const int32_t ids[T] = {3, 1, 8, 3, 0, 5, 5}, positions[T] = {0, 1, 2, 3, 0, 1, 2},
                     offsets[S + 1] = {0, 4, 4, 7};

static lud_seq texts(net *n, int32_t *s) {
    int32_t t = net_extent(n, T), o;
    *s = net_extent(n, S);
    o = net_extent(n, S + 1);
    return (lud_seq){.struct_size = sizeof(lud_seq),
                     .t_extent = t,
                     .s_extent = *s,
                     .ids = net_ints(n, "ids", t, 0, ids),
                     .positions = net_ints(n, "positions", t, 0, positions),
                     .seg_offsets = net_ints(n, "offsets", o, 0, offsets)};
}

#define CFG(config) "{\"config\": " config ", \"metadata\": {\"type\": \"text\", \"vocab_size\": 9}}"

static void test_embed(const char *device) {
    net n;
    lud_encoder_out out;
    int32_t s;
    float table[V * 2], got[T * 2], want[T * 2];
    net_pattern(table, V * 2, 1);
    net_open(&n, device, LUD_F32, true);
    const lud_seq seq = texts(&n, &s);
    lud_t y = net_encode(&n, "text", "embed", CFG("{\"embedding_size\": 2}"), &seq, &out);
    CHECK(out.rows == 0 && out.tokens == y);
    net_set(&n, "embeddings.weight", table, V * 2);
    for (int i = 0; i < T * 2; i++)
        want[i] = table[ids[i / 2] * 2 + i % 2];
    net_run(&n, y, got, T * 2);
    CHECK(net_close_to(got, want, T * 2));
    net_close(&n);
}

/* relu(sum over the window of the segment) in one channel at one token. */
static double conv_at(const float *x, int c, int size, const float *w, const float *b, int out, int t, int from,
                      int to) {
    double sum = (double)b[out];
    for (int k = 0; k < size; k++) {
        int at = t - (size - 1) / 2 + k;
        for (int i = 0; at >= from && at < to && i < c; i++)
            sum += (double)x[ids[at] * c + i] * (double)w[(out * size + k) * c + i];
    }
    return fmax(sum, 0);
}

/* Filters of 2 and 5 tokens, two each, the largest of each text; no layers after them but one that is the identity. */
static void test_cnn(const char *device, const char *reduce, bool mean) {
    net n;
    lud_encoder_out out;
    int32_t s;
    enum { C = 3, F = 2, W = 4 };
    static const int size[2] = {2, 5};
    float table[V * C], w0[F * 2 * C], w1[F * 5 * C], b[F], eye[W * W] = {0}, zeros[W] = {0}, got[S * W],
                                                                    want[S * W] = {0};
    char cfg[400];
    net_pattern(table, V * C, 1), net_pattern(w0, F * 2 * C, 2), net_pattern(w1, F * 5 * C, 3), net_pattern(b, F, 4);
    const float *const w[2] = {w0, w1};
    snprintf(
        cfg, sizeof cfg,
        CFG("{\"embedding_size\": 3, \"num_filters\": 2, \"conv_layers\": [{\"filter_size\": 2}, {\"filter_size\": "
            "5}], \"reduce_output\": \"%s\", \"fc_layers\": [{\"output_size\": 4, \"activation\": null}]}"),
        reduce);
    net_open(&n, device, LUD_F32, true);
    const lud_seq seq = texts(&n, &s);
    lud_t y = net_encode(&n, "text", "parallel_cnn", cfg, &seq, &out);
    CHECK(out.rows == y && out.tokens == 0);
    for (int i = 0; i < W; i++)
        eye[i * W + i] = 1;
    net_set(&n, "embeddings.weight", table, V * C);
    net_set(&n, "conv.0.weight", w0, F * 2 * C), net_set(&n, "conv.0.bias", b, F);
    net_set(&n, "conv.1.weight", w1, F * 5 * C), net_set(&n, "conv.1.bias", b, F);
    net_set(&n, "fc_stack.0.weight", eye, W * W), net_set(&n, "fc_stack.0.bias", zeros, W);
    for (int g = 0; g < S; g++) {
        for (int o = 0; o < W; o++) {
            double all = 0;
            for (int t = offsets[g]; t < offsets[g + 1]; t++) {
                double x = conv_at(table, C, size[o / F], w[o / F], b, o % F, t, offsets[g], offsets[g + 1]);
                all = mean ? all + x / (offsets[g + 1] - offsets[g]) : fmax(all, x);
            }
            want[g * W + o] = (float)all;
        }
    }
    net_run(&n, y, got, S * W);
    CHECK(net_close_to(got, want, S * W));
    net_close(&n);
}

/* Without reduce_output there are tokens and no stack; by default there are rows of 256. */
static void test_cnn_shapes(void) {
    static const struct {
        const char *cfg;
        bool rows;
        int64_t width, parameters;
    } cases[] = {
        {CFG("{}"), true, 256, 1 + 4 * 2 + 2 * 2},
        {CFG("{\"reduce_output\": null}"), false, 1024, 1 + 4 * 2},
        {CFG("{\"num_conv_layers\": 2, \"num_filters\": 5, \"use_bias\": false, \"num_fc_layers\": 1}"), true, 256,
         1 + 2 + 1},
        {CFG("{\"num_conv_layers\": 1, \"num_filters\": 5, \"num_fc_layers\": 0}"), false, 5, 1 + 2},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        net n;
        lud_encoder_out out;
        int32_t s;
        net_open(&n, "reference", LUD_F32, true);
        const lud_seq seq = texts(&n, &s);
        lud_t y = net_encode(&n, "text", "parallel_cnn", cases[i].cfg, &seq, &out);
        CHECK_INT(out.rows != 0, cases[i].rows);
        CHECK_INT(lud_width_of(ludc_graph_api(), n.g, y), cases[i].width);
        CHECK_INT(ludc_store_len(n.store), cases[i].parameters);
        const net_part *part = &n.parts[0];
        const lud_encoder_vt *vt = part->component->vtable;
        ludc_value *facts = ludc_value_new(LUD_CFG_OBJECT);
        CHECK_OK(vt->info(part->self, (lud_cfg_out *)facts, &n.err), n.err);
        CHECK_INT(ludc_get_int(facts, "width", 0), cases[i].width);
        CHECK_INT(ludc_get_int(facts, "vocab_size", 0), V);
        CHECK_INT(ludc_get_int(facts, "max_positions", 0), 256);
        CHECK(ludc_str_eq(ludc_get_str(facts, "tokenizer", LUDC_STR("")), "vocabulary"));
        ludc_value_free(facts);
        net_close(&n);
    }
}

/* ---- The transformer in plain loops ---- */
enum { H = 4, HEADS = 2, D = H / HEADS, INNER = 3 };

static void linear_at(const float *w, const float *b, int in, int out, const double *x, double *y) {
    for (int o = 0; o < out; o++) {
        y[o] = (double)b[o];
        for (int i = 0; i < in; i++)
            y[o] += (double)w[o * in + i] * x[i];
    }
}

static void norm_at(double *x) {
    double mean = 0, variance = 0;
    for (int i = 0; i < H; i++)
        mean += x[i] / H;
    for (int i = 0; i < H; i++)
        variance += (x[i] - mean) * (x[i] - mean) / H;
    for (int i = 0; i < H; i++)
        x[i] = (x[i] - mean) / sqrt(variance + 1e-6);
}

typedef struct weights {
    float table[V * H], where[8 * H], map[4][H * H], fc1[INNER * H], fc2[H * INNER], b[H];
} weights;

static void attend_at(const double q[H], double (*k)[H], double (*v)[H], int from, int to, double out[H]) {
    for (int h = 0; h < HEADS; h++) {
        double sum = 0;
        for (int i = 0; i < D; i++)
            out[h * D + i] = 0;
        for (int j = from; j < to; j++) {
            double score = 0;
            for (int i = 0; i < D; i++)
                score += q[h * D + i] * k[j][h * D + i];
            score = exp(score / sqrt(D));
            sum += score;
            for (int i = 0; i < D; i++)
                out[h * D + i] += score * v[j][h * D + i];
        }
        for (int i = 0; i < D; i++)
            out[h * D + i] /= sum;
    }
}

static void transformer(const weights *m, float *out) {
    double x[T][H], q[T][H], k[T][H], v[T][H];
    for (int t = 0; t < T; t++) {
        for (int i = 0; i < H; i++)
            x[t][i] = (double)m->table[ids[t] * H + i] + (double)m->where[positions[t] * H + i];
        linear_at(m->map[0], m->b, H, H, x[t], q[t]);
        linear_at(m->map[1], m->b, H, H, x[t], k[t]);
        linear_at(m->map[2], m->b, H, H, x[t], v[t]);
    }
    for (int t = 0; t < T; t++) {
        double a[H], y[H], inner[INNER];
        int from = t < 4 ? 0 : 4, to = t < 4 ? 4 : T;
        attend_at(q[t], k, v, from, to, a);
        linear_at(m->map[3], m->b, H, H, a, y);
        for (int i = 0; i < H; i++)
            y[i] += x[t][i];
        norm_at(y);
        linear_at(m->fc1, m->b, H, INNER, y, inner);
        for (int i = 0; i < INNER; i++)
            inner[i] = fmax(inner[i], 0);
        linear_at(m->fc2, m->b, INNER, H, inner, a);
        for (int i = 0; i < H; i++)
            y[i] += a[i];
        norm_at(y);
        for (int i = 0; i < H; i++)
            out[t * H + i] = (float)y[i];
    }
}

static void test_transformer(const char *device) {
    static const char *const maps[] = {"query", "key", "value", "combine"};
    net n;
    lud_encoder_out out;
    int32_t s;
    weights m;
    float got[T * H], want[T * H], ones[H] = {1, 1, 1, 1}, zeros[H] = {0};
    net_pattern((float *)&m, sizeof m / 4, 9);
    net_open(&n, device, LUD_F32, false);
    const lud_seq seq = texts(&n, &s);
    lud_t y = net_encode(&n, "text", "transformer",
                         CFG("{\"embedding_size\": 4, \"hidden_size\": 4, \"num_heads\": 2, "
                             "\"transformer_output_size\": 3, \"max_sequence_length\": 8}"),
                         &seq, &out);
    CHECK(out.rows == 0 && out.tokens == y);
    net_set(&n, "embeddings.weight", m.table, V * H), net_set(&n, "positions.weight", m.where, 8 * H);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "layers.0.%s.weight", maps[i]), net_set(&n, name, m.map[i], H * H);
        snprintf(name, sizeof name, "layers.0.%s.bias", maps[i]), net_set(&n, name, m.b, H);
    }
    net_set(&n, "layers.0.fc1.weight", m.fc1, INNER * H), net_set(&n, "layers.0.fc1.bias", m.b, INNER);
    net_set(&n, "layers.0.fc2.weight", m.fc2, INNER * H), net_set(&n, "layers.0.fc2.bias", m.b, H);
    net_set(&n, "layers.0.norm1.weight", ones, H), net_set(&n, "layers.0.norm1.bias", zeros, H);
    net_set(&n, "layers.0.norm2.weight", ones, H), net_set(&n, "layers.0.norm2.bias", zeros, H);
    transformer(&m, want);
    net_run(&n, y, got, T * H);
    CHECK(net_close_to(got, want, T * H));
    net_close(&n);
}

static void test_gradients(const char *name, const char *cfg, int64_t width, size_t parameters) {
    net n;
    lud_encoder_out out;
    int32_t s;
    size_t compared;
    net_open(&n, "reference", LUD_F64, true);
    const lud_seq seq = texts(&n, &s);
    lud_t y = net_encode(&n, "text", name, cfg, &seq, &out);
    CHECK(net_gradient_error(&n, y, s, width, &compared) < 2e-5);
    CHECK_INT(compared, parameters);
    net_close(&n);
}

/* Known only when the vocabulary is made: an instance opened before that tells its tokenizer, and does not build. */
static void test_without_vocabulary(void) {
    net n;
    lud_encoder_out out = {.struct_size = sizeof out};
    int32_t s;
    net_open(&n, "reference", LUD_F32, true);
    const lud_seq seq = texts(&n, &s);
    const net_part *part = net_part_open(&n, LUD_KIND_ENCODER, "text", "parallel_cnn", "{\"config\": {}}");
    CHECK(part != NULL);
    const lud_encoder_vt *vt = part->component->vtable;
    CHECK_INT(vt->build(part->self, n.g, &seq, &out, &n.err), LUD_E_INVALID);
    CHECK(strstr(n.err.msg, "metadata.vocab_size") != NULL);
    net_close(&n);
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        test_embed(devices[i]);
        test_cnn(devices[i], "max", false);
        test_cnn(devices[i], "avg", true);
        test_transformer(devices[i]);
    }
    test_cnn_shapes();
    test_without_vocabulary();
    test_gradients("parallel_cnn",
                   CFG("{\"embedding_size\": 3, \"num_filters\": 2, \"activation\": \"tanh\", \"reduce_output\": "
                       "\"max\", \"num_fc_layers\": 1, \"output_size\": 2}"),
                   2, V * 3 + (2 + 3 + 4 + 5) * 3 * 2 + 4 * 2 + 8 * 2 + 2);
    test_gradients(
        "transformer",
        CFG("{\"embedding_size\": 3, \"hidden_size\": 4, \"num_heads\": 2, \"num_layers\": 2, \"dropout\": 0, "
            "\"transformer_output_size\": 3, \"max_sequence_length\": 5, \"num_fc_layers\": 1, "
            "\"output_size\": 2, \"fc_activation\": \"gelu\"}"),
        2, V * 3 + 5 * 3 + 3 * 4 + 4 + 2 * (4 * 20 + 15 + 16 + 4 * 4) + 10);
    return net_done() | check_done();
}
