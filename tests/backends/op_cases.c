/* SPDX-License-Identifier: Apache-2.0
 * The table: at least one row per opcode, and rows for each form that ludwig/ops.h allows. Sizes are odd, cross the
 * usual block sizes (8, 16, 64, 128) or are 1, so that every edge of a kernel is met. To add a form, add a row. */
#include "op_cases.h"

#define ROWS      CASE_ROWS
#define DIMS(...) .rank = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}
#define R(...)                                                                                                         \
    { .fill = CASE_UNIFORM, DIMS(__VA_ARGS__) } /* real input */
#define RX(factor, ...)                                                                                                \
    { .fill = CASE_UNIFORM, DIMS(__VA_ARGS__), .arg = (factor) }
#define F(kind, ...)                                                                                                   \
    { .fill = (kind), DIMS(__VA_ARGS__) } /* real input of some kind */
#define I(kind, bound, ...)                                                                                            \
    { .dtype = LUD_I32, .fill = (kind), .arg = (bound), DIMS(__VA_ARGS__) }
#define FWD(result, ...)                                                                                               \
    { .fill = CASE_FORWARD, .arg = (result), DIMS(__VA_ARGS__) }
#define POOL(source, ...)                                                                                              \
    { .fill = CASE_POOL, .arg = (source), DIMS(__VA_ARGS__) }
#define O(...)                                                                                                         \
    { .fill = CASE_RESULT, DIMS(__VA_ARGS__) } /* real result */
#define OI(...)                                                                                                        \
    { .dtype = LUD_I32, .fill = CASE_RESULT, DIMS(__VA_ARGS__) }
#define NONE                                                                                                           \
    { .fill = CASE_RESULT, DIMS(0) } /* unwanted result */
#define ABSENT                                                                                                         \
    { .fill = CASE_ABSENT }
#define ATTR(type, ...) .attr = &(const type){__VA_ARGS__}, .attr_size = sizeof(type)

#define SEG       I(CASE_SEGMENT, 0, CASE_OFFSETS)
#define POS       I(CASE_POSITION, 4096, ROWS)
#define ID(bound) I(CASE_ID, bound, ROWS)
#define KEYS      I(CASE_KEY, 0, ROWS, 2)

#define ACT_CASES(name, act)                                                                                           \
    {                                                                                                                  \
        "act " name,         LUD_OP_ACT, .overlays = "00", ATTR(lud_attr_act, act), .in = {RX(5, ROWS, 13)},           \
        .out = {O(ROWS, 13)}},                                                                                         \
        {"act_grad " name,                                                                                             \
         LUD_OP_ACT_GRAD,                                                                                              \
         .overlays = "00 01",                                                                                          \
         ATTR(lud_attr_act, act),                                                                                      \
         .in = {RX(5, ROWS, 13), R(ROWS, 13)},                                                                         \
         .out = {O(ROWS, 13)}},                                                                                        \
        {"glu " name, LUD_OP_GLU, ATTR(lud_attr_act, act), .in = {RX(5, ROWS, 19), R(ROWS, 19)},                       \
         .out = {O(ROWS, 19)}},                                                                                        \
    {                                                                                                                  \
        "glu_grad " name, LUD_OP_GLU_GRAD, .overlays = "00 02 11 12 0011", ATTR(lud_attr_act, act),                    \
                                           .in = {RX(5, ROWS, 19), R(ROWS, 19), R(ROWS, 19)}, .out = {                 \
                                               O(ROWS, 19),                                                            \
                                               O(ROWS, 19)                                                             \
                                           }                                                                           \
    }

static const float slopes_list[] = {0.5f, 0.0625f, 0.0f, 0.25f, 0.00390625f, -0.125f};
#define NO_SLOPES(H) ABSENT
#define SLOPES(H)    F(CASE_LIST, H)

/* H query heads, G key heads, D head size; lud_attr_attention follows. ATTENTION and its gradient. */
#define ATTENTION_CASES(name, H, G, D, ...) SLOPED_CASES(name, NO_SLOPES, H, G, D, __VA_ARGS__)
#define SLOPED_CASES(name, slopes, H, G, D, ...)                                                                       \
    {"attention " name,                                                                                                \
     LUD_OP_ATTENTION,                                                                                                 \
     CASE_WHOLE,                                                                                                       \
     .seed = 32,                                                                                                       \
     .list = slopes_list,                                                                                              \
     ATTR(lud_attr_attention, __VA_ARGS__),                                                                            \
     .in = {RX(2, ROWS, H, D), RX(2, ROWS, G, D), R(ROWS, G, D), SEG, slopes(H)},                                      \
     .out = {O(ROWS, H, D), O(ROWS, H)}},                                                                              \
    {                                                                                                                  \
        "attention_grad " name, LUD_OP_ATTENTION_GRAD, CASE_WHOLE,                                                     \
            .seed = 32, .list = slopes_list, ATTR(lud_attr_attention, __VA_ARGS__), .forward = LUD_OP_ATTENTION,       \
            .forward_in = "01237", .in = {RX(2, ROWS, H, D),  RX(2, ROWS, G, D), R(ROWS, G, D), SEG,                   \
                                          FWD(0, ROWS, H, D), FWD(1, ROWS, H),   R(ROWS, H, D), slopes(H)},            \
            .out = {                                                                                                   \
                O(ROWS, H, D),                                                                                         \
                O(ROWS, G, D),                                                                                         \
                O(ROWS, G, D)                                                                                          \
            }                                                                                                          \
    }

enum { PAGES = 1999, PAGE_SIZE = 10, WIDE_PAGE = 32, TABLE = 7 };

/* The same over a cache: all tokens new, and most of them cached. The data is that of ATTENTION_CASES. Z: keys of a
 * page. */
#define CACHED_CASES(name, slopes, Z, H, G, D, ...)                                                                    \
    CACHED_CASE("cached whole " name, CASE_WHOLE, slopes, Z, H, G, D, __VA_ARGS__),                                    \
        CACHED_CASE("cached last " name, CASE_DECODE, slopes, Z, H, G, D, __VA_ARGS__)
#define CACHED_CASE(name, unit, slopes, Z, H, G, D, ...)                                                               \
    {                                                                                                                  \
        name, LUD_OP_ATTENTION_CACHED, unit, .seed = 32, .list = slopes_list, .changed = 1u << 6 | 1u << 7,            \
                                             ATTR(lud_attr_attention, __VA_ARGS__),                                    \
                                             .in = {RX(2, ROWS, H, D),                                                 \
                                                    RX(2, ROWS, G, D),                                                 \
                                                    R(ROWS, G, D),                                                     \
                                                    SEG,                                                               \
                                                    POS,                                                               \
                                                    I(CASE_PAGE, 0, CASE_UNITS, TABLE),                                \
                                                    POOL(1, PAGES, G, D, Z),                                           \
                                                    POOL(2, PAGES, G, Z, D),                                           \
                                                    slopes(H)},                                                        \
                                             .out = {                                                                  \
                                                 O(ROWS, H, D)                                                         \
                                             }                                                                         \
    }

/* V classes, C width; lud_attr_xent follows. Every form of cross entropy, once over grid data where ties are common. */
#define XENT_CASES(name, V, C, ...)                                                                                    \
    {"cross_entropy " name, LUD_OP_CROSS_ENTROPY, ATTR(lud_attr_xent, __VA_ARGS__), .in = {RX(8, ROWS, V), ID(V)},     \
     .out = {O(ROWS), OI(ROWS)}},                                                                                      \
        {"cross_entropy ties " name, LUD_OP_CROSS_ENTROPY, ATTR(lud_attr_xent, __VA_ARGS__),                           \
         .in = {F(CASE_GRID, ROWS, V), ID(V)}, .out = {O(ROWS), OI(ROWS)}},                                            \
        {"cross_entropy_grad " name, LUD_OP_CROSS_ENTROPY_GRAD, ATTR(lud_attr_xent, __VA_ARGS__),                      \
         .in = {RX(8, ROWS, V), ID(V), R(ROWS)}, .out = {O(ROWS, V)}},                                                 \
        {"linear_xent " name, LUD_OP_LINEAR_CROSS_ENTROPY, ATTR(lud_attr_xent, __VA_ARGS__),                           \
         .in = {R(ROWS, C), R(V, C), R(V), ID(V)}, .out = {O(ROWS), OI(ROWS)}},                                        \
    {                                                                                                                  \
        "linear_xent ties " name, LUD_OP_LINEAR_CROSS_ENTROPY, ATTR(lud_attr_xent, __VA_ARGS__),                       \
            .in = {F(CASE_GRID, ROWS, C), F(CASE_GRID, V, C), ABSENT, ID(V)}, .out = {                                 \
                O(ROWS),                                                                                               \
                OI(ROWS)                                                                                               \
            }                                                                                                          \
    }

/* attr.want decides which results exist. */
#define XENT_GRAD_CASES(name, V, C, bias, dx, dw, db, ...)                                                             \
    {"linear_xent_grad " name, LUD_OP_LINEAR_CROSS_ENTROPY_GRAD, ATTR(lud_attr_xent, __VA_ARGS__),                     \
     .in = {R(ROWS, C), R(V, C), bias, ID(V), R(ROWS)}, .out = {dx, dw, db}},                                          \
    {                                                                                                                  \
        "linear_xent_joined " name, LUD_OP_LINEAR_CROSS_ENTROPY_JOINED, ATTR(lud_attr_xent, __VA_ARGS__),              \
            .in = {R(ROWS, C), R(V, C), bias, ID(V), R(ROWS)}, .out = {                                                \
                O(ROWS),                                                                                               \
                OI(ROWS),                                                                                              \
                dx,                                                                                                    \
                dw,                                                                                                    \
                db                                                                                                     \
            }                                                                                                          \
    }

#define NORM_CASES(name, C, w, offset)                                                                                 \
    {"rms_norm " name, LUD_OP_RMS_NORM, ATTR(lud_attr_norm, 1e-5f, offset), .in = {R(ROWS, C), w},                     \
     .out = {O(ROWS, C), O(ROWS)}},                                                                                    \
    {                                                                                                                  \
        "rms_norm_grad " name, LUD_OP_RMS_NORM_GRAD, .overlays = "00 03", ATTR(lud_attr_norm, 1e-5f, offset),          \
                                                     .forward = LUD_OP_RMS_NORM, .forward_in = "01",                   \
                                                     .in = {R(ROWS, C), w, FWD(1, ROWS), R(ROWS, C)}, .out = {         \
                                                         O(ROWS, C)                                                    \
                                                     }                                                                 \
    }

#define LAYER_NORM_CASES(name, C, w, b)                                                                                \
    {"layer_norm " name,       LUD_OP_LAYER_NORM,                                                                      \
     .overlays = "00",         ATTR(lud_attr_norm, 1e-5f, 0),                                                          \
     .in = {R(ROWS, C), w, b}, .out = {O(ROWS, C), O(ROWS), O(ROWS)}},                                                 \
        {"layer_norm_grad " name,                                                                                      \
         LUD_OP_LAYER_NORM_GRAD,                                                                                       \
         .overlays = "00 04",                                                                                          \
         ATTR(lud_attr_norm, 1e-5f, 0),                                                                                \
         .forward = LUD_OP_LAYER_NORM,                                                                                 \
         .forward_in = "01-",                                                                                          \
         .in = {R(ROWS, C), w, FWD(1, ROWS), FWD(2, ROWS), R(ROWS, C)},                                                \
         .out = {O(ROWS, C)}},                                                                                         \
    {                                                                                                                  \
        "layer_norm_grad_weight " name, LUD_OP_LAYER_NORM_GRAD_WEIGHT, ATTR(lud_attr_norm, 1e-5f, 0),                  \
            .forward = LUD_OP_LAYER_NORM, .forward_in = "0--",                                                         \
            .in = {R(ROWS, C), FWD(1, ROWS), FWD(2, ROWS), R(ROWS, C)}, .out = {                                       \
                O(C),                                                                                                  \
                O(C)                                                                                                   \
            }                                                                                                          \
    }

#define ROPE_CASE(name, H, D, rotary, interleaved, inverse, factor)                                                    \
    {                                                                                                                  \
        "rope " name, LUD_OP_ROPE, .overlays = "00", ATTR(lud_attr_rope, rotary, interleaved, inverse, factor),        \
                                   .in = {R(ROWS, H, D), POS, F(CASE_FREQ, (rotary) / 2)}, .out = {                    \
                                       O(ROWS, H, D)                                                                   \
                                   }                                                                                   \
    }

#define LINEAR_CASES(name, K, M, bias)                                                                                 \
    {"linear " name, LUD_OP_LINEAR, .in = {R(ROWS, K), R(M, K), bias}, .out = {O(ROWS, M)}},                           \
        {"linear_grad_input " name, LUD_OP_LINEAR_GRAD_INPUT, .in = {R(ROWS, M), R(M, K)}, .out = {O(ROWS, K)}}, {     \
        "linear_grad_weight " name, LUD_OP_LINEAR_GRAD_WEIGHT, .in = {R(ROWS, K), R(ROWS, M)}, .out = { O(M, K) }      \
    }

#define UNITS CASE_UNITS

/* kind of pooling, width; index_in and index_out: the tokens that the maximum chose */
#define POOL_CASES(name, kind, fill, C, index_in, index_out)                                                           \
    {"segment_pool " name,                                                                                             \
     LUD_OP_SEGMENT_POOL,                                                                                              \
     CASE_WHOLE,                                                                                                       \
     ATTR(lud_attr_pool, UNITS, kind, 0),                                                                              \
     .in = {F(fill, ROWS, C), SEG},                                                                                    \
     .out = {O(UNITS, C), index_out(C)}},                                                                              \
    {                                                                                                                  \
        "segment_pool_grad " name, LUD_OP_SEGMENT_POOL_GRAD, CASE_WHOLE, ATTR(lud_attr_pool, ROWS, kind, 0),           \
            .in = {R(UNITS, C), index_in(C), SEG}, .out = {                                                            \
                O(ROWS, C)                                                                                             \
            }                                                                                                          \
    }
#define NO_INDEX_IN(C)  ABSENT
#define NO_INDEX_OUT(C) NONE
#define INDEX_IN(C)     I(CASE_ID, 40, UNITS, C)
#define INDEX_OUT(C)    OI(UNITS, C)

#define ATTEND_CASES(name, C)                                                                                          \
    {"segment_attend " name,                                                                                           \
     LUD_OP_SEGMENT_ATTEND,                                                                                            \
     CASE_WHOLE,                                                                                                       \
     ATTR(lud_attr_rows, UNITS),                                                                                       \
     .in = {R(ROWS, C), RX(8, ROWS), SEG},                                                                             \
     .out = {O(UNITS, C), O(ROWS)}},                                                                                   \
    {                                                                                                                  \
        "segment_attend_grad " name, LUD_OP_SEGMENT_ATTEND_GRAD, CASE_WHOLE,                                           \
            .in = {R(ROWS, C), F(CASE_POSITIVE, ROWS), R(UNITS, C), SEG, R(UNITS, C)}, .out = {                        \
                O(ROWS, C),                                                                                            \
                O(ROWS)                                                                                                \
            }                                                                                                          \
    }

#define UNFOLD_CASES(name, C, left, right)                                                                             \
    {"segment_unfold " name,                                                                                           \
     LUD_OP_SEGMENT_UNFOLD,                                                                                            \
     CASE_WHOLE,                                                                                                       \
     ATTR(lud_attr_window, left, right),                                                                               \
     .in = {R(ROWS, C), SEG},                                                                                          \
     .out = {O(ROWS, C * ((left) + 1 + (right)))}},                                                                    \
    {                                                                                                                  \
        "segment_unfold_grad " name, LUD_OP_SEGMENT_UNFOLD_GRAD, CASE_WHOLE, ATTR(lud_attr_window, left, right),       \
            .in = {R(ROWS, C * ((left) + 1 + (right))), SEG}, .out = {                                                 \
                O(ROWS, C)                                                                                             \
            }                                                                                                          \
    }

#define LOSS_CASES(name, target, ...)                                                                                  \
    {"element_loss " name,                                                                                             \
     LUD_OP_ELEMENT_LOSS,                                                                                              \
     .overlays = "00 01",                                                                                              \
     ATTR(lud_attr_loss, __VA_ARGS__),                                                                                 \
     .in = {RX(5, ROWS, 13), target},                                                                                  \
     .out = {O(ROWS, 13)}},                                                                                            \
    {                                                                                                                  \
        "element_loss_grad " name, LUD_OP_ELEMENT_LOSS_GRAD, .overlays = "00 01 02", ATTR(lud_attr_loss, __VA_ARGS__), \
                                                             .in = {RX(5, ROWS, 13), target, R(ROWS, 13)}, .out = {    \
                                                                 O(ROWS, 13)                                           \
                                                             }                                                         \
    }

/* learning rate, gradient factor, decay, decoupled, beta1 or momentum, beta2, epsilon, step or nesterov */
#define SGD_CASE(name, velocity, states, ...)                                                                          \
    {                                                                                                                  \
        "sgd " name, LUD_OP_SGD_STEP, .in_place = true, .changed = states, .list = (const float[]){__VA_ARGS__},       \
                                      .in = {R(1003), R(1003), velocity, F(CASE_LIST, 8)}, .out = {                    \
                                          O(1003)                                                                      \
                                      }                                                                                \
    }
#define ADAM_CASE(name, ...)                                                                                           \
    {                                                                                                                  \
        "adam " name, LUD_OP_ADAM_STEP,                                                                                \
            .in_place = true, .changed = 1u << 2 | 1u << 3, .list = (const float[]){__VA_ARGS__},                      \
            .in = {R(1003), R(1003), R(1003), F(CASE_POSITIVE, 1003), F(CASE_LIST, 8)}, .out = {                       \
                O(1003)                                                                                                \
            }                                                                                                          \
    }

static const op_case cases[] = {
    {"add", LUD_OP_ADD, .overlays = "00 01", .in = {R(ROWS, 13), R(ROWS, 13)}, .out = {O(ROWS, 13)}},
    {"add trailing", LUD_OP_ADD, .overlays = "00", .in = {R(ROWS, 3, 5), R(3, 5)}, .out = {O(ROWS, 3, 5)}},
    {"add last", LUD_OP_ADD, .overlays = "00", .in = {R(ROWS, 3, 65), R(65)}, .out = {O(ROWS, 3, 65)}},
    {"add one", LUD_OP_ADD, .overlays = "00", .in = {R(ROWS, 5), R(1)}, .out = {O(ROWS, 5)}},
    {"add integers", LUD_OP_ADD, .overlays = "00", .in = {ID(100), ID(7)}, .out = {OI(ROWS)}},
    {"add integers, one", LUD_OP_ADD, .overlays = "00", .in = {ID(100), I(CASE_ID, 7, 1)}, .out = {OI(ROWS)}},
    {"mul", LUD_OP_MUL, .overlays = "00 01", .in = {R(ROWS, 13), R(ROWS, 13)}, .out = {O(ROWS, 13)}},
    {"mul trailing", LUD_OP_MUL, .overlays = "00", .in = {R(ROWS, 3, 5), R(3, 5)}, .out = {O(ROWS, 3, 5)}},
    {"mul last", LUD_OP_MUL, .overlays = "00", .in = {R(ROWS, 3, 65), R(65)}, .out = {O(ROWS, 3, 65)}},
    {"mul one", LUD_OP_MUL, .overlays = "00", .in = {R(ROWS, 5), R(1)}, .out = {O(ROWS, 5)}},
    {"scale", LUD_OP_SCALE, .overlays = "00", ATTR(lud_attr_scale, -1.5f, 0.25f), .in = {R(ROWS, 13)},
     .out = {O(ROWS, 13)}},
    ACT_CASES("gelu erf", LUD_ACT_GELU_ERF),
    ACT_CASES("gelu tanh", LUD_ACT_GELU_TANH),
    ACT_CASES("relu", LUD_ACT_RELU),
    ACT_CASES("relu2", LUD_ACT_RELU2),
    ACT_CASES("silu", LUD_ACT_SILU),
    ACT_CASES("quick gelu", LUD_ACT_QUICK_GELU),
    ACT_CASES("tanh", LUD_ACT_TANH),
    ACT_CASES("sigmoid", LUD_ACT_SIGMOID),
    {"sum_to suffix", LUD_OP_SUM_TO, ATTR(lud_attr_shape, 2, 0, {3, 67}), .in = {R(ROWS, 3, 67)}, .out = {O(3, 67)}},
    {"sum_to last", LUD_OP_SUM_TO, ATTR(lud_attr_shape, 1, 0, {5}), .in = {R(ROWS, 3, 5)}, .out = {O(5)}},
    {"sum_to one", LUD_OP_SUM_TO, ATTR(lud_attr_shape, 1, 0, {1}), .in = {R(ROWS, 5)}, .out = {O(1)}},
    {"reshape", LUD_OP_RESHAPE, ATTR(lud_attr_shape, 3, 0, {ROWS, 3, 5}), .in = {R(ROWS, 15)}, .out = {O(ROWS, 3, 5)}},
    {"slice first", LUD_OP_SLICE, ATTR(lud_attr_slice, 0, 3, 7), .in = {R(ROWS, 7)}, .out = {O(ROWS, 3)}},
    {"slice middle", LUD_OP_SLICE, ATTR(lud_attr_slice, 1, 4, 7), .in = {R(ROWS, 2, 7)}, .out = {O(ROWS, 2, 4)}},
    {"slice all", LUD_OP_SLICE, ATTR(lud_attr_slice, 0, 7, 7), .in = {R(ROWS, 7)}, .out = {O(ROWS, 7)}},
    {"slice_grad", LUD_OP_SLICE_GRAD, ATTR(lud_attr_slice, 2, 4, 7), .in = {R(ROWS, 2, 4)}, .out = {O(ROWS, 2, 7)}},
    {"gather_rows", LUD_OP_GATHER_ROWS, .in = {R(29, 5), ID(29)}, .out = {O(ROWS, 5)}},
    {"gather_rows rank 3", LUD_OP_GATHER_ROWS, .in = {R(29, 3, 2), ID(29)}, .out = {O(ROWS, 3, 2)}},
    {"gather_rows integers", LUD_OP_GATHER_ROWS, .in = {I(CASE_ID, 1000, 29), ID(29)}, .out = {OI(ROWS)}},
    {"scatter_add_rows", LUD_OP_SCATTER_ADD_ROWS, ATTR(lud_attr_rows, 29), .in = {R(ROWS, 5), ID(29)},
     .out = {O(29, 5)}},
    {"pack", LUD_OP_PACK, .in = {RX(9, ROWS, 70)}, .out = {OI(ROWS, 35)}},
    {"pack pairs", LUD_OP_PACK, .in = {R(ROWS, 3, 2)}, .out = {OI(ROWS, 3, 1)}},
    {"unpack", LUD_OP_UNPACK, .in = {I(CASE_ID, 0x3f80, ROWS, 35)}, .out = {O(ROWS, 70)}},
    {"concat", LUD_OP_CONCAT, .in = {R(ROWS, 67), R(ROWS, 5)}, .out = {O(ROWS, 72)}},
    {"concat ones", LUD_OP_CONCAT, .in = {R(ROWS, 1), R(ROWS, 1)}, .out = {O(ROWS, 2)}},
    {"concat rank 3", LUD_OP_CONCAT, .in = {R(ROWS, 3, 2), R(ROWS, 3, 17)}, .out = {O(ROWS, 3, 19)}},
    {"concat rank 1", LUD_OP_CONCAT, .in = {R(7), R(9)}, .out = {O(16)}},
    {"row_sum", LUD_OP_ROW_SUM, .in = {R(ROWS, 67)}, .out = {O(ROWS)}},
    {"row_sum one", LUD_OP_ROW_SUM, .in = {R(ROWS, 1)}, .out = {O(ROWS)}},
    {"row_sum wide", LUD_OP_ROW_SUM, .in = {R(ROWS, 1031)}, .out = {O(ROWS)}},
    {"row_sum rank 3", LUD_OP_ROW_SUM, .in = {R(ROWS, 3, 5)}, .out = {O(ROWS, 3)}},
    {"row_spread", LUD_OP_ROW_SPREAD, ATTR(lud_attr_width, 67), .in = {R(ROWS)}, .out = {O(ROWS, 67)}},
    {"row_spread one", LUD_OP_ROW_SPREAD, ATTR(lud_attr_width, 1), .in = {R(ROWS, 3)}, .out = {O(ROWS, 3, 1)}},
    LINEAR_CASES("1x1", 1, 1, R(1)),
    LINEAR_CASES("3x5", 3, 5, ABSENT),
    LINEAR_CASES("67x131", 67, 131, R(131)),
    LINEAR_CASES("300x17", 300, 17, ABSENT),
    LINEAR_CASES("16x129", 16, 129, R(129)),
    LINEAR_CASES("200x517", 200, 517, R(517)),
    LINEAR_CASES("830x70", 830, 70, ABSENT),
    LINEAR_CASES("40x4130", 40, 4130, ABSENT),
    {"linear_grad_weight many rows", LUD_OP_LINEAR_GRAD_WEIGHT, .in = {R(830, 70), R(830, 110)}, .out = {O(110, 70)}},
    {"embedding", LUD_OP_EMBEDDING, .in = {R(31, 9), ID(31)}, .out = {O(ROWS, 9)}},
    {"embedding_grad", LUD_OP_EMBEDDING_GRAD, ATTR(lud_attr_rows, 31), .in = {R(ROWS, 9), ID(31)}, .out = {O(31, 9)}},
    NORM_CASES("plain", 67, R(67), 0),
    NORM_CASES("offset", 33, R(33), 1),
    NORM_CASES("no weight", 13, ABSENT, 0),
    NORM_CASES("width 1", 1, R(1), 0),
    {"rms_norm heads", LUD_OP_RMS_NORM, ATTR(lud_attr_norm, 1e-6f, 0), .in = {R(ROWS, 3, 16), R(16)},
     .out = {O(ROWS, 3, 16), O(ROWS, 3)}},
    {"rms_norm_grad heads", LUD_OP_RMS_NORM_GRAD, .overlays = "00 03", ATTR(lud_attr_norm, 1e-6f, 0),
     .forward = LUD_OP_RMS_NORM, .forward_in = "01", .in = {R(ROWS, 3, 16), R(16), FWD(1, ROWS, 3), R(ROWS, 3, 16)},
     .out = {O(ROWS, 3, 16)}},
    {"rms_norm_grad_weight", LUD_OP_RMS_NORM_GRAD_WEIGHT, ATTR(lud_attr_norm, 1e-5f, 0), .forward = LUD_OP_RMS_NORM,
     .forward_in = "0-", .in = {R(ROWS, 67), FWD(1, ROWS), R(ROWS, 67)}, .out = {O(67)}},
    {"rms_norm_grad_weight heads", LUD_OP_RMS_NORM_GRAD_WEIGHT, ATTR(lud_attr_norm, 1e-5f, 1),
     .forward = LUD_OP_RMS_NORM, .forward_in = "0-", .in = {R(ROWS, 3, 16), FWD(1, ROWS, 3), R(ROWS, 3, 16)},
     .out = {O(16)}},
    LAYER_NORM_CASES("plain", 67, R(67), R(67)),
    LAYER_NORM_CASES("no bias", 384, R(384), ABSENT),
    LAYER_NORM_CASES("no weight", 13, ABSENT, R(13)),
    LAYER_NORM_CASES("nothing", 32, ABSENT, ABSENT),
    LAYER_NORM_CASES("width 1", 1, R(1), R(1)),
    LAYER_NORM_CASES("width 2", 2, R(2), R(2)),
    {"layer_norm heads", LUD_OP_LAYER_NORM, .overlays = "00", ATTR(lud_attr_norm, 1e-12f, 0),
     .in = {R(ROWS, 3, 16), R(16), R(16)}, .out = {O(ROWS, 3, 16), O(ROWS, 3), O(ROWS, 3)}},
    {"layer_norm_grad heads", LUD_OP_LAYER_NORM_GRAD, .overlays = "00 04", ATTR(lud_attr_norm, 1e-12f, 0),
     .forward = LUD_OP_LAYER_NORM, .forward_in = "01-",
     .in = {R(ROWS, 3, 16), R(16), FWD(1, ROWS, 3), FWD(2, ROWS, 3), R(ROWS, 3, 16)}, .out = {O(ROWS, 3, 16)}},
    ROPE_CASE("full", 3, 16, 16, 0, 0, 1.0f),
    ROPE_CASE("partial", 3, 17, 6, 0, 0, 1.0f),
    ROPE_CASE("interleaved", 2, 8, 8, 1, 0, 1.0f),
    ROPE_CASE("partial interleaved", 2, 11, 6, 1, 0, 1.25f),
    ROPE_CASE("inverse", 3, 16, 16, 0, 1, 1.25f),
    ATTENTION_CASES("plain", 2, 2, 8, .scale = 0.5f, .causal = 1, .left = -1, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("grouped", 6, 2, 9, .scale = 0.5f, .causal = 1, .left = -1, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("one key head", 3, 1, 64, .scale = 0.125f, .causal = 1, .left = -1, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("window", 2, 1, 8, .scale = 0.5f, .causal = 1, .left = 4, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("self only", 2, 1, 8, .scale = 0.5f, .causal = 1, .left = 0, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("softcap", 4, 2, 8, .scale = 0.5f, .softcap = 3.0f, .causal = 1, .left = 20, .right = -1,
                    .cache_slot = -1),
    ATTENTION_CASES("both ways", 2, 2, 5, .scale = 0.5f, .causal = 0, .left = -1, .right = -1, .cache_slot = -1),
    ATTENTION_CASES("both ways, window", 2, 2, 5, .scale = 0.5f, .causal = 0, .left = 2, .right = 3, .cache_slot = -1),
    SLOPED_CASES("alibi", SLOPES, 6, 2, 9, .scale = 0.5f, .causal = 1, .left = -1, .right = -1, .cache_slot = -1),
    SLOPED_CASES("alibi, both ways", SLOPES, 2, 2, 5, .scale = 0.5f, .softcap = 3.0f, .left = 20, .right = 3,
                 .cache_slot = -1),
    CACHED_CASES("alibi", SLOPES, PAGE_SIZE, 6, 2, 9, .scale = 0.5f, .causal = 1, .left = -1, .right = -1,
                 .cache_slot = 0),
    CACHED_CASES("plain", NO_SLOPES, PAGE_SIZE, 2, 2, 8, .scale = 0.5f, .causal = 1, .left = -1, .right = -1,
                 .cache_slot = 0),
    CACHED_CASES("grouped", NO_SLOPES, PAGE_SIZE, 6, 2, 9, .scale = 0.5f, .causal = 1, .left = -1, .right = -1,
                 .cache_slot = 0),
    CACHED_CASES("wide pages", NO_SLOPES, WIDE_PAGE, 7, 1, 33, .scale = 0.5f, .causal = 1, .left = 40, .right = -1,
                 .cache_slot = 0),
    CACHED_CASES("window", NO_SLOPES, PAGE_SIZE, 2, 1, 8, .scale = 0.5f, .causal = 1, .left = 4, .right = -1,
                 .cache_slot = 0),
    CACHED_CASES("softcap", NO_SLOPES, PAGE_SIZE, 4, 2, 8, .scale = 0.5f, .softcap = 3.0f, .causal = 1, .left = 20,
                 .right = -1, .cache_slot = 0),
    POOL_CASES("mean", LUD_POOL_MEAN, CASE_UNIFORM, 67, NO_INDEX_IN, NO_INDEX_OUT),
    POOL_CASES("mean, one column", LUD_POOL_MEAN, CASE_UNIFORM, 1, NO_INDEX_IN, NO_INDEX_OUT),
    POOL_CASES("sum", LUD_POOL_SUM, CASE_UNIFORM, 300, NO_INDEX_IN, NO_INDEX_OUT),
    POOL_CASES("max", LUD_POOL_MAX, CASE_UNIFORM, 67, INDEX_IN, INDEX_OUT),
    POOL_CASES("max, ties", LUD_POOL_MAX, CASE_GRID, 300, INDEX_IN, INDEX_OUT),
    POOL_CASES("max, one column", LUD_POOL_MAX, CASE_UNIFORM, 1, INDEX_IN, INDEX_OUT),
    POOL_CASES("first", LUD_POOL_FIRST, CASE_UNIFORM, 19, NO_INDEX_IN, NO_INDEX_OUT),
    POOL_CASES("last", LUD_POOL_LAST, CASE_UNIFORM, 300, NO_INDEX_IN, NO_INDEX_OUT),
    ATTEND_CASES("wide", 67),
    ATTEND_CASES("one column", 1),
    UNFOLD_CASES("self", 5, 0, 0),
    UNFOLD_CASES("one each side", 67, 1, 1),
    UNFOLD_CASES("before", 3, 2, 0),
    UNFOLD_CASES("uneven", 16, 1, 3),
    UNFOLD_CASES("beyond", 1, 5, 80),
    LOSS_CASES("squared", R(ROWS, 13), LUD_LOSS_SQUARED, 0, 0),
    LOSS_CASES("absolute", R(ROWS, 13), LUD_LOSS_ABSOLUTE, 0, 0),
    LOSS_CASES("percentage", RX(3, ROWS, 13), LUD_LOSS_ABSOLUTE_PERCENTAGE, 0.75f, 0),
    LOSS_CASES("huber", R(ROWS, 13), LUD_LOSS_HUBER, 1.5f, 0),
    LOSS_CASES("binary", F(CASE_BIT, ROWS, 13), LUD_LOSS_BINARY_CROSS_ENTROPY, 1, 0),
    LOSS_CASES("binary, soft, weighted", F(CASE_POSITIVE, ROWS, 13), LUD_LOSS_BINARY_CROSS_ENTROPY, 2.5f, 0),
    LOSS_CASES("focal", F(CASE_BIT, ROWS, 13), LUD_LOSS_FOCAL, 0.25f, 2),
    LOSS_CASES("focal, soft, no alpha", F(CASE_POSITIVE, ROWS, 13), LUD_LOSS_FOCAL, -1, 1.5f),
    LOSS_CASES("focal, gamma below 1", F(CASE_BIT, ROWS, 13), LUD_LOSS_FOCAL, 0.5f, 0.5f),
    LOSS_CASES("focal, gamma 0", F(CASE_BIT, ROWS, 13), LUD_LOSS_FOCAL, 0.5f, 0),
    XENT_CASES("plain", 37, 19, .logit_scale = 1),
    XENT_CASES("smooth", 37, 19, .logit_scale = 1, .smoothing = 0.1f),
    XENT_CASES("capped", 5, 67, .logit_scale = 0.75f, .softcap = 4.0f, .smoothing = 0.2f),
    XENT_CASES("one class", 1, 3, .logit_scale = 1),
    XENT_CASES("many", 1031, 16, .logit_scale = 1),
    XENT_GRAD_CASES("all", 37, 19, R(37), O(ROWS, 19), O(37, 19), O(37), .logit_scale = 1, .want = 7),
    XENT_GRAD_CASES("many", 1031, 67, ABSENT, O(ROWS, 67), O(1031, 67), NONE, .logit_scale = 1, .want = 3),
    XENT_GRAD_CASES("x only", 37, 19, R(37), O(ROWS, 19), NONE, NONE, .logit_scale = 1.5f, .smoothing = 0.1f,
                    .want = 1),
    XENT_GRAD_CASES("w only", 37, 19, ABSENT, NONE, O(37, 19), NONE, .logit_scale = 0.75f, .softcap = 4.0f,
                    .smoothing = 0.1f, .want = 2),
    XENT_GRAD_CASES("bias only", 5, 3, R(5), NONE, NONE, O(5), .logit_scale = 1, .want = 4),
    {"dropout", LUD_OP_DROPOUT, .overlays = "00", .stream = 77, ATTR(lud_attr_dropout, 0.3f),
     .in = {R(ROWS, 13), KEYS, POS}, .out = {O(ROWS, 13)}},
    {"dropout rank 3", LUD_OP_DROPOUT, .overlays = "00", .stream = 0x123456789abcdefu, ATTR(lud_attr_dropout, 0.9f),
     .in = {R(ROWS, 3, 5), KEYS, POS}, .out = {O(ROWS, 3, 5)}},
    {"acc", LUD_OP_ACC, .in_place = true, .in = {R(1003), R(1003)}, .out = {O(1003)}},
    {"acc matrix", LUD_OP_ACC, .in_place = true, .in = {R(7, 9), R(7, 9)}, .out = {O(7, 9)}},
    {"sumsq", LUD_OP_SUMSQ, .in = {R(5003)}, .out = {O(1)}},
    {"sumsq rows", LUD_OP_SUMSQ, .in = {R(ROWS, 3)}, .out = {O(1)}},
    SGD_CASE("plain", ABSENT, 0, 0.5f, 1, 0, 0, 0, 0, 0, 0),
    SGD_CASE("L2, clipped", ABSENT, 0, 0.5f, 0.25f, 0.1f, 0, 0, 0, 0, 0),
    SGD_CASE("momentum", R(1003), 1u << 2, 0.5f, 1, 0.1f, 1, 0.9f, 0, 0, 0),
    SGD_CASE("nesterov", R(1003), 1u << 2, 0.5f, 1, 0.1f, 0, 0.9f, 0, 0, 1),
    ADAM_CASE("first step", 0.5f, 1, 0, 0, 0.9f, 0.999f, 1e-8f, 1),
    ADAM_CASE("decoupled, clipped", 0.5f, 0.25f, 0.1f, 1, 0.9f, 0.95f, 1e-6f, 1000),
    ADAM_CASE("L2", 0.5f, 1, 0.1f, 0, 0.8f, 0.999f, 1e-8f, 17),
};

size_t op_case_count(void) {
    return sizeof(cases) / sizeof(cases[0]);
}

const op_case *op_case_at(size_t i) {
    return &cases[i];
}

uint32_t op_case_n_in(uint32_t opcode) {
    switch (opcode) {
#define CASE_N_IN(name, code, n_in, n_out, attr)                                                                       \
    case code:                                                                                                         \
        return n_in;
        LUD_OP_MAP(CASE_N_IN)
#undef CASE_N_IN
    default:
        return 0;
    }
}

uint32_t op_case_n_out(uint32_t opcode) {
    switch (opcode) {
#define CASE_N_OUT(name, code, n_in, n_out, attr)                                                                      \
    case code:                                                                                                         \
        return n_out;
        LUD_OP_MAP(CASE_N_OUT)
#undef CASE_N_OUT
    default:
        return 0;
    }
}

const char *op_case_op_name(uint32_t opcode) {
    switch (opcode) {
#define CASE_NAME(name, code, n_in, n_out, attr)                                                                       \
    case code:                                                                                                         \
        return #name;
        LUD_OP_MAP(CASE_NAME)
#undef CASE_NAME
    default:
        return "?";
    }
}
