/* SPDX-License-Identifier: Apache-2.0
 * The combiners that make sequences, sequence_concat and transformer: values by plain loops on both backends, gradients
 * against differences, a row alone gives its bits, wrong inputs are named. Three rows; texts of 2, 0 and 3 tokens. */
#include "net.h"

#include <math.h>

enum { S = 3, T = 5, CT = 3, CA = 2, CB = 1, H = 4, D = 2, INNER = 3, MAX_IN = 3 };
static const char *const devices[] = {"reference", "cpu"};
static const int32_t offsets[S + 1] = {0, 2, 2, 5}, row_offsets[S + 1] = {0, 1, 2, 3}, row_of[T] = {0, 0, 2, 2, 2};
static const char *const names[MAX_IN] = {"text", "a", "b"};

typedef struct inputs {
    lud_seq seq;
    lud_encoder_out encoded[MAX_IN];
    lud_combiner_in in[MAX_IN];
    const lud_combiner_in *list[MAX_IN];
    int32_t s;
    float text[T * CT], a[S * CA], b[S * CB];
} inputs;

/* Input `text` has tokens; a and b have rows. */
static void make_inputs(net *n, inputs *x, int64_t rows) {
    const int32_t t = net_extent(n, offsets[rows]), e_s = net_extent(n, rows), o = net_extent(n, rows + 1);
    net_pattern(x->text, T * CT, 1), net_pattern(x->a, S * CA, 2), net_pattern(x->b, S * CB, 3);
    x->s = e_s;
    x->seq = (lud_seq){.struct_size = sizeof x->seq,
                       .t_extent = t,
                       .s_extent = e_s,
                       .seg_offsets = net_ints(n, "offsets", o, 0, offsets)};
    const lud_t row_start = net_ints(n, "row_offsets", o, 0, row_offsets), of = net_ints(n, "row_of", t, 0, row_of);
    for (int i = 0; i < MAX_IN; i++) {
        x->encoded[i] = (lud_encoder_out){.struct_size = sizeof x->encoded[i]};
        x->in[i] = (lud_combiner_in){.struct_size = sizeof x->in[i],
                                     .feature = names[i],
                                     .seq = &x->seq,
                                     .encoded = &x->encoded[i],
                                     .row_offsets = row_start,
                                     .row_of_token = i ? 0 : of};
        x->list[i] = &x->in[i];
    }
    x->encoded[0].tokens = net_reals(n, "text", t, CT, x->text);
    x->encoded[1].rows = net_reals(n, "a", e_s, CA, x->a);
    x->encoded[2].rows = net_reals(n, "b", e_s, CB, x->b);
}

/* ---- sequence_concat ---- */
enum { ALL = CT + CA + CB };

static void joined_at(const inputs *x, int t, float out[ALL]) {
    for (int c = 0; c < CT; c++)
        out[c] = x->text[t * CT + c];
    for (int c = 0; c < CA; c++)
        out[CT + c] = x->a[row_of[t] * CA + c];
    out[CT + CA] = x->b[row_of[t]];
}

static void reduce(const inputs *x, const char *word, float *want) {
    for (int s = 0; s < S; s++)
        for (int c = 0; c < ALL; c++) {
            double sum = 0, most = -INFINITY;
            float last = 0;
            for (int t = offsets[s]; t < offsets[s + 1]; t++) {
                float y[ALL];
                joined_at(x, t, y);
                last = y[c], sum += (double)last, most = fmax(most, (double)last);
            }
            const int count = offsets[s + 1] - offsets[s];
            float *out = &want[s * ALL + c];
            *out = (float)sum;
            if (strcmp(word, "mean") == 0) *out = (float)(sum / (count ? count : 1));
            if (strcmp(word, "max") == 0) *out = count ? (float)most : 0;
            if (strcmp(word, "last") == 0) *out = last;
        }
}

static void test_sequence_concat(const char *device, const char *word, const char *cfg) {
    net n;
    inputs x;
    float got[S * ALL], want[S * ALL];
    net_open(&n, device, LUD_F32, true);
    make_inputs(&n, &x, S);
    lud_t y = net_combine(&n, "sequence_concat", cfg, x.list, MAX_IN);
    reduce(&x, word, want);
    net_run(&n, y, got, S * ALL);
    CHECK(net_close_to(got, want, S * ALL));
    net_close(&n);
}

/* The sequence alone, and wherever it stands its vector comes first. */
static void test_order(void) {
    for (uint32_t count = 1; count <= 2; count++) {
        net n;
        inputs x;
        float got[S * (CT + CA)], want[S * ALL];
        const uint32_t width = count == 1 ? CT : CT + CA;
        net_open(&n, "reference", LUD_F32, false);
        make_inputs(&n, &x, S);
        const lud_combiner_in *list[] = {x.list[count == 1 ? 0 : 1], x.list[0]};
        lud_t y =
            net_combine(&n, "sequence_concat", "{\"config\": {\"main_sequence_feature\": \"text\"}}", list, count);
        reduce(&x, "sum", want);
        net_run(&n, y, got, S * width);
        for (uint32_t s = 0; s < S; s++)
            CHECK(net_close_to(got + s * width, want + s * ALL, width));
        net_close(&n);
    }
}

/* ---- transformer ---- */
typedef struct weights {
    float pa[H * CA], pb[H * CB], map[4][H * H], b[H], fc1[INNER * H], fc2[H * INNER];
} weights;

static void linear_at(const float *w, const float *b, int k, int m, const double *x, double *y) {
    for (int o = 0; o < m; o++) {
        y[o] = (double)b[o];
        for (int i = 0; i < k; i++)
            y[o] += x[i] * (double)w[o * k + i];
    }
}

static void norm_at(double *x) {
    double mean = 0, var = 0;
    for (int i = 0; i < H; i++)
        mean += x[i] / H;
    for (int i = 0; i < H; i++)
        var += (x[i] - mean) * (x[i] - mean) / H;
    for (int i = 0; i < H; i++)
        x[i] = (x[i] - mean) / sqrt(var + 1e-6);
}

/* What the two steps of one row give step `at`. */
static void attention_at(const weights *m, double x[2][H], int at, double *out) {
    double q[H], k[2][H], v[2][H], mixed[H];
    linear_at(m->map[0], m->b, H, H, x[at], q);
    for (int i = 0; i < 2; i++)
        linear_at(m->map[1], m->b, H, H, x[i], k[i]), linear_at(m->map[2], m->b, H, H, x[i], v[i]);
    for (int h = 0; h < H; h += D) {
        double score[2], sum = 0;
        for (int i = 0; i < 2; i++) {
            double dot = 0;
            for (int d = h; d < h + D; d++)
                dot += q[d] * k[i][d];
            sum += score[i] = exp(dot / sqrt(D));
        }
        for (int d = h; d < h + D; d++)
            mixed[d] = (score[0] * v[0][d] + score[1] * v[1][d]) / sum;
    }
    linear_at(m->map[3], m->b, H, H, mixed, out);
}

/* One row's steps a and b through one block: out [2,H]. */
static void row_at(const weights *m, const inputs *in, int s, double out[2][H]) {
    double x[2][H], wide[2] = {(double)in->a[s * CA], (double)in->a[s * CA + 1]}, narrow = (double)in->b[s];
    linear_at(m->pa, m->b, CA, H, wide, x[0]);
    linear_at(m->pb, m->b, CB, H, &narrow, x[1]);
    for (int i = 0; i < 2; i++) {
        double y[H], inner[INNER];
        attention_at(m, x, i, out[i]);
        for (int c = 0; c < H; c++)
            out[i][c] += x[i][c];
        norm_at(out[i]);
        linear_at(m->fc1, m->b, H, INNER, out[i], inner);
        for (int c = 0; c < INNER; c++)
            inner[c] = fmax(inner[c], 0);
        linear_at(m->fc2, m->b, INNER, H, inner, y);
        for (int c = 0; c < H; c++)
            out[i][c] += y[c];
        norm_at(out[i]);
    }
}

static void set_weights(net *n, const weights *m) {
    static const char *const maps[] = {"query", "key", "value", "combine"};
    const float ones[H] = {1, 1, 1, 1}, zeros[H] = {0};
    net_set(n, "projectors.0.weight", m->pa, H * CA), net_set(n, "projectors.0.bias", m->b, H);
    net_set(n, "projectors.1.weight", m->pb, H * CB), net_set(n, "projectors.1.bias", m->b, H);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "layers.0.%s.weight", maps[i]), net_set(n, name, m->map[i], H * H);
        snprintf(name, sizeof name, "layers.0.%s.bias", maps[i]), net_set(n, name, m->b, H);
    }
    net_set(n, "layers.0.fc1.weight", m->fc1, INNER * H), net_set(n, "layers.0.fc1.bias", m->b, INNER);
    net_set(n, "layers.0.fc2.weight", m->fc2, INNER * H), net_set(n, "layers.0.fc2.bias", m->b, H);
    net_set(n, "layers.0.norm1.weight", ones, H), net_set(n, "layers.0.norm1.bias", zeros, H);
    net_set(n, "layers.0.norm2.weight", ones, H), net_set(n, "layers.0.norm2.bias", zeros, H);
}

#define TRANSFORMER(more)                                                                                              \
    "{\"config\": {\"hidden_size\": 4, \"num_heads\": 2, \"transformer_output_size\": 3, \"dropout\": 0" more "}}"

static void test_transformer(const char *device, const char *word, const char *cfg) {
    net n;
    inputs x;
    weights m;
    const bool concat = strcmp(word, "concat") == 0, mean = strcmp(word, "mean") == 0;
    const size_t width = concat ? 2 * H : H;
    float got[S * 2 * H], want[S * 2 * H];
    net_pattern((float *)&m, sizeof m / 4, 5);
    net_open(&n, device, LUD_F32, true);
    make_inputs(&n, &x, S);
    lud_t y = net_combine(&n, "transformer", cfg, x.list + 1, 2);
    set_weights(&n, &m);
    for (int s = 0; s < S; s++) {
        double out[2][H];
        row_at(&m, &x, s, out);
        for (size_t c = 0; c < width; c++)
            want[(size_t)s * width + c] =
                (float)(concat ? out[c / H][c % H] : (out[0][c] + out[1][c]) / (mean ? 2 : 1));
    }
    net_run(&n, y, got, S * width);
    CHECK(net_close_to(got, want, S * width));
    net_close(&n);
}

/* ---- Both ---- */
static void run_rows(const char *name, const char *cfg, uint32_t first, uint32_t count, int64_t rows, float *out,
                     size_t width) {
    net n;
    inputs x;
    net_open(&n, "cpu", LUD_F32, false);
    make_inputs(&n, &x, rows);
    lud_t y = net_combine(&n, name, cfg, x.list + first, count);
    net_run(&n, y, out, (size_t)rows * width);
    net_close(&n);
}

/* The first row alone has the bits that it has among others. */
static void test_row_alone(const char *name, const char *cfg, uint32_t first, uint32_t count, size_t width) {
    float all[S * 64], one[64];
    run_rows(name, cfg, first, count, S, all, width);
    run_rows(name, cfg, first, count, 1, one, width);
    CHECK(memcmp(all, one, width * sizeof *one) == 0);
}

static void test_gradients(const char *name, const char *cfg, uint32_t first, uint32_t count, int64_t width,
                           size_t parameters) {
    net n;
    inputs x;
    size_t compared;
    lud_encoder_out embedded = {.struct_size = sizeof embedded};
    static const int32_t ids[T] = {1, 0, 2, 1, 2};
    net_open(&n, "reference", LUD_F64, true);
    make_inputs(&n, &x, S);
    /* A text whose tokens are trained, and a number that goes through a map. */
    x.seq.ids = net_ints(&n, "ids", x.seq.t_extent, 0, ids);
    x.encoded[0].tokens =
        net_encode(&n, "text", "embed", "{\"config\": {\"embedding_size\": 2}, \"metadata\": {\"vocab_size\": 3}}",
                   &x.seq, &embedded);
    x.encoded[2].rows =
        net_encode(&n, "vector", "dense",
                   "{\"config\": {\"output_size\": 2, \"activation\": \"tanh\"}, \"metadata\": "
                   "{\"width\": 2}}",
                   &(lud_seq){.struct_size = sizeof(lud_seq), .s_extent = x.s, .values = x.encoded[1].rows}, &embedded);
    ludc_graph_scope_push(n.g, "combiner."); /* the encoder has an fc_stack of its own */
    lud_t y = net_combine(&n, name, cfg, x.list + first, count);
    ludc_graph_scope_pop(n.g);
    CHECK(net_gradient_error(&n, y, x.s, width, &compared) < 2e-5);
    CHECK_INT(compared, parameters);
    net_close(&n);
}

static void test_refused(const char *name, const char *cfg, const uint32_t *which, uint32_t count, const char *says) {
    net n;
    inputs x;
    lud_t out = 0;
    const lud_combiner_in *list[MAX_IN];
    net_open(&n, "reference", LUD_F32, true);
    make_inputs(&n, &x, S);
    lud_encoder_out second = x.encoded[0];
    lud_combiner_in title = x.in[0];
    title.feature = "title";
    title.encoded = &second;
    for (uint32_t i = 0; i < count; i++)
        list[i] = which[i] < MAX_IN ? x.list[which[i]] : &title;
    const net_part *part = net_part_open(&n, LUD_KIND_COMBINER, NULL, name, cfg);
    CHECK(part != NULL);
    const lud_combiner_vt *vt = part->component->vtable;
    CHECK_INT(vt->build(part->self, n.g, list, count, &out, &n.err), LUD_E_INVALID);
    CHECK(strstr(n.err.msg, says) != NULL);
    if (!strstr(n.err.msg, says)) fprintf(stderr, "got '%s', want '%s'\n", n.err.msg, says);
    net_close(&n);
}

static void test_all_refused(void) {
    static const uint32_t two_texts[] = {0, 1, 3}, rows[] = {1, 2}, mixed[] = {1, 0};
    test_refused("sequence_concat", "{}", two_texts, 3, "'text' and 'title' are both sequences");
    test_refused("sequence_concat", "{}", rows, 2, "no input feature is a sequence");
    test_refused("sequence_concat", "{\"config\": {\"main_sequence_feature\": \"a\"}}", mixed, 2,
                 "the encoder of 'a' gives one vector per row");
    test_refused("sequence_concat", "{\"config\": {\"main_sequence_feature\": \"c\"}}", mixed, 2,
                 "main_sequence_feature: 'c' is no input feature");
    test_refused("transformer", "{}", mixed, 2, "input feature 'text' gives a sequence");
}

/* A host from before the fields were there. */
static void test_old_host(void) {
    static const char *const both[] = {"sequence_concat", "transformer"};
    for (uint32_t i = 0; i < 2; i++) {
        net n;
        inputs x;
        lud_t out = 0;
        net_open(&n, "reference", LUD_F32, true);
        make_inputs(&n, &x, S);
        x.in[i].struct_size = LUD_SIZEOF_THRU(lud_combiner_in, encoded);
        const net_part *part = net_part_open(&n, LUD_KIND_COMBINER, NULL, both[i], "{}");
        const lud_combiner_vt *vt = part->component->vtable;
        CHECK_INT(vt->build(part->self, n.g, x.list + i, 1, &out, &n.err), LUD_E_ABI);
        net_close(&n);
    }
}

int main(void) {
    enum { BLOCK = 4 * (H * H + H) + (INNER * H + INNER) + (H * INNER + H) + 4 * H, TEXT = 3 * 2, DENSE = 2 * 2 + 2 };
    static const char attention[] = "{\"config\": {\"reduce_output\": \"attention\"}}";
    for (int i = 0; i < 2; i++) {
        test_sequence_concat(devices[i], "sum", "{}");
        test_sequence_concat(devices[i], "sum", "{\"config\": {\"reduce_output\": null}}");
        test_sequence_concat(devices[i], "mean", "{\"config\": {\"reduce_output\": \"mean\"}}");
        test_sequence_concat(devices[i], "max", "{\"config\": {\"reduce_output\": \"max\"}}");
        test_sequence_concat(devices[i], "last", "{\"config\": {\"reduce_output\": \"last\"}}");
        test_transformer(devices[i], "mean", TRANSFORMER(""));
        test_transformer(devices[i], "concat", TRANSFORMER(", \"reduce_output\": \"concat\""));
        test_transformer(devices[i], "sum", TRANSFORMER(", \"reduce_output\": null, \"num_fc_layers\": 2"));
    }
    test_order();
    test_row_alone("sequence_concat", attention, 0, MAX_IN, ALL);
    test_row_alone("transformer", TRANSFORMER(""), 1, 2, H);
    test_row_alone("transformer", TRANSFORMER(", \"reduce_output\": \"attention\", \"num_layers\": 3"), 1, 2, H);
    test_gradients("sequence_concat", "{\"config\": {\"reduce_output\": \"mean\"}}", 0, 3, 2 + CA + 2, TEXT + DENSE);
    test_gradients("sequence_concat", attention, 0, 3, 2 + CA + 2, TEXT + DENSE + 256 * 6 + 256 + 256 + 1);
    test_gradients("transformer",
                   TRANSFORMER(", \"num_layers\": 2, \"num_fc_layers\": 1, \"output_size\": 2, \"fc_activation\": "
                               "\"tanh\""),
                   1, 2, 2, TEXT + DENSE + H * CA + H + H * 2 + H + 2 * BLOCK + 2 * H + 2);
    test_all_refused();
    test_old_host();
    return net_done() | check_done();
}
