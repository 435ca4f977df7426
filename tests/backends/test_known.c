/* SPDX-License-Identifier: Apache-2.0
 * The oracle itself: small results of the reference backend in double against known_values.inc.h, which a script
 * computes from the formulas. The sweep compares backends with the reference; only this test says that it is right. */
#include "backend_set.h"
#include <base.h>
#include <check.h>
#include <math.h>

#include "known_values.inc.h"

/* Summation order only. */
static const double tolerance = 1e-12;

#define DIMS(...) .rank = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}
#define R(...)                                                                                                         \
    { .fill = CASE_UNIFORM, DIMS(__VA_ARGS__) }
#define I(...)                                                                                                         \
    { .dtype = LUD_I32, .fill = CASE_ID, DIMS(__VA_ARGS__) }
#define O(...)                                                                                                         \
    { .fill = CASE_RESULT, DIMS(__VA_ARGS__) }
#define OI(...)                                                                                                        \
    { .dtype = LUD_I32, .fill = CASE_RESULT, DIMS(__VA_ARGS__) }
#define ATTR(type, ...) .attr = &(const type){__VA_ARGS__}, .attr_size = sizeof(type)

static const op_backend *reference;

/* Runs c on these inputs (double or int32_t); all results, then all changed inputs, are appended to out. */
static void run(const op_case *c, const void *const *inputs, double *out) {
    static const int64_t extents[CASE_EXTENTS];
    op_data in = {0}, got = {0};
    lud_error err = LUDC_ERROR_INIT;
    for (int i = 0; i < CASE_MAX_IN; i++) {
        if (c->in[i].fill == CASE_ABSENT) continue;
        in.in[i].n = op_tensor_count(&c->in[i], extents);
        in.in[i].bytes = (size_t)in.in[i].n * (c->in[i].dtype == LUD_I32 ? sizeof(int32_t) : sizeof(double));
        in.in[i].data = (void *)(uintptr_t)inputs[i];
    }
    lud_status status = op_run(reference, c, (op_batch){0}, (op_how){.dtype = LUD_F64}, &in, &got, &err);
    CHECK_OK(status, err);
    for (int k = 0; k < CASE_MAX_OUT; k++)
        for (int64_t j = 0; j < got.out[k].n; j++)
            *out++ = c->out[k].dtype == LUD_I32 ? ((int32_t *)got.out[k].data)[j] : ((double *)got.out[k].data)[j];
    for (int i = 0; i < CASE_MAX_IN; i++)
        for (int64_t j = 0; j < got.in[i].n; j++)
            *out++ = ((double *)got.in[i].data)[j];
    op_data_free(&got);
}

static void check_values(const char *what, const double *got, const double *want, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool close = fabs(got[i] - want[i]) <= tolerance * fmax(1.0, fabs(want[i]));
        CHECK(close);
        if (!close) fprintf(stderr, "  %s, value %zu: got %.17g, want %.17g\n", what, i, got[i], want[i]);
    }
}

#define RUN_AND_CHECK(c, want, ...)                                                                                    \
    do {                                                                                                               \
        double got_[64] = {0};                                                                                         \
        run(&(c), (const void *const[CASE_MAX_IN]){__VA_ARGS__}, got_);                                                \
        check_values((c).name, got_, want, LUDC_COUNT(want));                                                          \
    } while (0)

static void test_activations(void) {
    static const double *const want[] = {known_GELU_ERF, known_GELU_TANH,  known_RELU, known_RELU2,
                                         known_SILU,     known_QUICK_GELU, known_TANH, known_SIGMOID};
    for (int32_t act = LUD_ACT_GELU_ERF; act <= LUD_ACT_SIGMOID; act++) {
        lud_attr_act attr = {act};
        double got[8] = {0};
        op_case c = {"act", LUD_OP_ACT, .attr = &attr, .attr_size = sizeof(attr), .in = {R(7)}, .out = {O(7)}};
        run(&c, (const void *const[CASE_MAX_IN]){known_x}, got);
        check_values("act", got, want[act - 1], LUDC_COUNT(known_x));
    }
}

static void test_norm_and_rope(void) {
    static const int32_t position[] = {3};
    const op_case norm = {"rms_norm", LUD_OP_RMS_NORM, ATTR(lud_attr_norm, 0.0009765625f, 1.0f), .in = {R(1, 4), R(4)},
                          .out = {O(1, 4), O(1)}};
    const op_case half = {"rope, halves", LUD_OP_ROPE, ATTR(lud_attr_rope, 4, 0, 0, 1.0f),
                          .in = {R(1, 1, 5), I(1), R(2)}, .out = {O(1, 1, 5)}};
    const op_case pairs = {"rope, pairs", LUD_OP_ROPE, ATTR(lud_attr_rope, 4, 1, 0, 1.25f),
                           .in = {R(1, 1, 5), I(1), R(2)}, .out = {O(1, 1, 5)}};
    const op_case layer = {"layer_norm", LUD_OP_LAYER_NORM, ATTR(lud_attr_norm, 0.0009765625f, 0),
                           .in = {R(1, 4), R(4), R(4)}, .out = {O(1, 4), O(1), O(1)}};
    RUN_AND_CHECK(norm, known_norm, known_norm_x, known_norm_w);
    RUN_AND_CHECK(layer, known_layer_norm, known_norm_x, known_norm_w, known_norm_b);
    RUN_AND_CHECK(half, known_rope_half, known_head, position, known_freq);
    RUN_AND_CHECK(pairs, known_rope_pairs, known_head, position, known_freq);
}

#define ATTENTION_CASE(name, ...)                                                                                      \
    {                                                                                                                  \
        name, LUD_OP_ATTENTION, ATTR(lud_attr_attention, __VA_ARGS__),                                                 \
            .in = {R(3, 4, 2), R(3, 2, 2), R(3, 2, 2), I(2)}, .out = {                                                 \
                O(3, 4, 2),                                                                                            \
                O(3, 4)                                                                                                \
            }                                                                                                          \
    }

static void test_attention(void) {
    static const int32_t offsets[] = {0, 3};
    const op_case plain = ATTENTION_CASE("attention", 1.5f, 0, 1, -1, -1, -1);
    const op_case capped = ATTENTION_CASE("attention, capped, window", 1.5f, 0.5f, 1, 1, -1, -1);
    const op_case both = ATTENTION_CASE("attention, both ways", 1.5f, 0, 0, -1, -1, -1);
    op_case alibi = ATTENTION_CASE("attention, alibi", 1.5f, 0.5f, 1, -1, -1, -1);
    alibi.in[4] = (case_tensor)R(4);
    RUN_AND_CHECK(alibi, known_attention_alibi, known_q, known_k, known_v, offsets, known_slopes);
    RUN_AND_CHECK(plain, known_attention, known_q, known_k, known_v, offsets);
    RUN_AND_CHECK(capped, known_attention_capped, known_q, known_k, known_v, offsets);
    RUN_AND_CHECK(both, known_attention_both, known_q, known_k, known_v, offsets);
}

/* Segments of 2, 0 and 3 rows. */
static void test_segments(void) {
    static const int32_t offsets[] = {0, 2, 2, 5};
    static const double want[5][12] = {{2, -3, 0, 0, 2, 10.0 / 3},
                                       {4, -6, 0, 0, 6, 10},
                                       {3, -2, 0, 0, 5, 8, /* index: lowest on ties */ 1, 0, 0, 0, 1, 0},
                                       {1, -2, 0, 0, -1, 8},
                                       {3, -4, 0, 0, 2, -6}};
    for (int32_t kind = LUD_POOL_MEAN; kind <= LUD_POOL_LAST; kind++) {
        double got[12] = {0};
        op_case pool = {"segment_pool", LUD_OP_SEGMENT_POOL, ATTR(lud_attr_pool, 3, kind, 0), .in = {R(5, 2), I(4)},
                        .out = {O(3, 2), OI(0)}};
        if (kind == LUD_POOL_MAX) pool.out[1] = (case_tensor)OI(3, 2);
        run(&pool, (const void *const[CASE_MAX_IN]){known_rows, offsets}, got);
        check_values("segment_pool", got, want[kind - 1], 12);
    }
    const op_case attend = {"segment_attend", LUD_OP_SEGMENT_ATTEND, ATTR(lud_attr_rows, 3),
                            .in = {R(5, 2), R(5), I(4)}, .out = {O(3, 2), O(5)}};
    const op_case unfold = {"segment_unfold", LUD_OP_SEGMENT_UNFOLD, ATTR(lud_attr_window, 1, 2), .in = {R(5, 2), I(4)},
                            .out = {O(5, 8)}};
    RUN_AND_CHECK(attend, known_attend, known_rows, known_scores, offsets);
    RUN_AND_CHECK(unfold, known_unfold, known_rows, offsets);
}

static void test_losses(void) {
    static const double *const want[] = {known_loss_SQUARED, known_loss_ABSOLUTE, known_loss_PERCENTAGE,
                                         known_loss_HUBER,   known_loss_BINARY,   known_loss_FOCAL};
    static const float a[] = {0, 0, 0.375f, 0.75f, 2.5f, 0.25f};
    for (int32_t kind = LUD_LOSS_SQUARED; kind <= LUD_LOSS_FOCAL; kind++) {
        double got[7] = {0};
        op_case c = {"element_loss", LUD_OP_ELEMENT_LOSS, ATTR(lud_attr_loss, kind, a[kind - 1], 1.5f),
                     .in = {R(7), R(7)}, .out = {O(7)}};
        run(&c, (const void *const[CASE_MAX_IN]){known_x, known_targets}, got);
        check_values("element_loss", got, want[kind - 1], 7);
    }
}

static void test_cross_entropy(void) {
    static const int32_t target[] = {3};
    const op_case plain = {"cross_entropy", LUD_OP_CROSS_ENTROPY, ATTR(lud_attr_xent, 1, 0, 0, 0),
                           .in = {R(1, 5), I(1)}, .out = {O(1), OI(1)}};
    const op_case smooth = {"cross_entropy, smooth", LUD_OP_CROSS_ENTROPY, ATTR(lud_attr_xent, 0.75f, 2.0f, 0.125f, 0),
                            .in = {R(1, 5), I(1)}, .out = {O(1), OI(1)}};
    double got[2];
    RUN_AND_CHECK(plain, known_nll, known_logits, target);
    RUN_AND_CHECK(smooth, known_nll_smooth, known_logits, target);
    run(&plain, (const void *const[CASE_MAX_IN]){known_logits, target}, got);
    CHECK_INT(got[1], 2);
}

/* Three steps from 1.5 with gradients 0.5, -0.25, 1; state: parameter, then the optimizer's. */
static void check_optimizer(const op_case *c, uint32_t n_states, double scalars[8], bool counts, const double *want) {
    static const double grads[] = {1.0, -0.5, 2.0}; /* s[1] halves them */
    double state[3] = {1.5, 0, 0};
    for (int t = 0; t < 3; t++) {
        const void *in[CASE_MAX_IN] = {&state[0], &grads[t], &state[1], &state[2]};
        double now[3];
        if (counts) scalars[7] = t + 1;
        in[1 + n_states + 1] = scalars;
        run(c, in, now);
        memcpy(state, now, (1 + n_states) * sizeof(double));
    }
    check_values(c->name, state, want, 1 + n_states);
}

static void test_optimizers(void) {
    static const op_case sgd = {
        "sgd", LUD_OP_SGD_STEP, .in_place = true, .changed = 1u << 2, .in = {R(1), R(1), R(1), R(8)}, .out = {O(1)}};
    static const op_case adam = {"adam",
                                 LUD_OP_ADAM_STEP,
                                 .in_place = true,
                                 .changed = 1u << 2 | 1u << 3,
                                 .in = {R(1), R(1), R(1), R(1), R(8)},
                                 .out = {O(1)}};
    check_optimizer(&sgd, 1, (double[8]){0.125, 0.5, 0.25, 0, 0.75, 0, 0, 0}, false, known_sgd);
    check_optimizer(&sgd, 1, (double[8]){0.125, 0.5, 0.25, 0, 0.75, 0, 0, 1}, false, known_nesterov);
    check_optimizer(&adam, 2, (double[8]){0.125, 0.5, 0.25, 0, 0.75, 0.875, 0.0009765625, 0}, true, known_adam);
    check_optimizer(&adam, 2, (double[8]){0.125, 0.5, 0.25, 1, 0.75, 0.875, 0.0009765625, 0}, true, known_adamw);
}

static void test_dropout(void) {
    static const int32_t key[] = {0x76543210, (int32_t)0xFEDCBA98u}, position[] = {9};
    const op_case c = {
        "dropout",        LUD_OP_DROPOUT, .stream = 77, ATTR(lud_attr_dropout, 0.25f), .in = {R(1, 16), I(1, 2), I(1)},
        .out = {O(1, 16)}};
    double ones[16];
    for (int i = 0; i < 16; i++)
        ones[i] = 1;
    RUN_AND_CHECK(c, known_dropout, ones, key, position);
}

int main(void) {
    backend_set set;
    lud_error err = LUDC_ERROR_INIT;
    lud_status status = backend_set_open(1, &set, &err);
    CHECK_OK(status, err);
    if (status != LUD_OK) return check_done();
    reference = set.oracle;
    test_activations();
    test_norm_and_rope();
    test_attention();
    test_segments();
    test_losses();
    test_cross_entropy();
    test_optimizers();
    test_dropout();
    backend_set_close(&set);
    return check_done();
}
