/* SPDX-License-Identifier: Apache-2.0
 * Building graphs: what encoder, decoder and adapter plugins call. A graph is built by one thread. An error poisons it:
 * later calls return 0, and `status` tells the first error; check once at the end. Building is pure: the same
 * instance emits the same graph every time. */
#ifndef LUDWIG_GRAPH_H
#define LUDWIG_GRAPH_H

#include "lud.h"
#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t lud_t; /* tensor id in a graph; 0 = none */

/* Plugins write LUD_REAL for every float; core picks the type. Ids, positions, offsets, indices: LUD_I32. */
enum { LUD_REAL, LUD_F32, LUD_BF16, LUD_F16, LUD_I32, LUD_U8, LUD_F64 };

/* dim[i] < 0 is extent number -dim[i], a size that varies from run to run; only dim 0 may be one. FROZEN */
typedef struct lud_shape {
    int32_t dtype, rank;
    int64_t dim[8];
} lud_shape;

/* lud_op.flags; a backend may ignore them.
 * BF16, for the LINEAR family: the product may round its two factors to bf16 (to nearest, ties to even); it sums in
 * fp32. ATTENTION, its gradient and ATTENTION_CACHED: the products inside may, and the pools may keep what is rounded;
 * core sets it there. INT8, for LINEAR with a frozen weight, takes precedence: the product may be made of integers, and
 * then it is exactly this, in fp32, every operation rounded by itself, rint to nearest with ties to even. Row m of w:
 * d = max |w| / 127,  v = rint(w * (127 / max |w|)). Row t of x, in groups of LUD_INT8_GROUP columns from the first: hi
 * = max(0, x), lo = max(0, -x), span = hi + lo, s = span / 255,  z = rint(lo * (255 / span)),  u = min(rint(x * (255 /
 * span)) + z, 255). y = d * (the sum over groups, first to last, of (sum u v - z * sum v) * s) + b. The integers stay
 * below 2^24. A maximum or span below 2^-100 counts as 0, and so do its s, d, z, u and v. A row of x, or of w, with an
 * infinity or a NaN gives NaN, and so does one with a group of infinite span. */
enum { LUD_OP_BF16 = 1, LUD_OP_INT8 = 2 };
enum { LUD_INT8_GROUP = 128 };

/* One operation. Result k has the id (first result) + k. `attr` is copied at emit. `stream` keys random numbers;
 * 0 lets core derive it from the scope and the op's number in it. */
typedef struct lud_op {
    uint32_t struct_size, opcode, n_in, n_out, flags, attr_size;
    const lud_t *in;
    const void *attr;
    uint64_t stream;
} lud_op;

enum { LUD_SITE_LINEAR = 0, LUD_SITE_EMBEDDING = 1, LUD_SITE_VOCAB = 2 };

/* One linear map (or embedding table) that an adapter may wrap = one module of the model.
 * name: module path in current transformers from the causal-LM root, "model.layers.3.self_attn.q_proj". */
typedef struct lud_site {
    uint32_t struct_size;
    int32_t kind, layer, groups; /* layer -1: outside the layers; groups 1 */
    const char *name;
    lud_t weight, bias; /* weight [d_out, d_in]; bias [d_out] or 0 */
    int64_t d_in, d_out;
    const lud_cfg *cfg; /* set by core for adapters: what matched this site (adapter.h) */
} lud_site;

/* BUFFER: saved with the model, never trained. */
enum { LUD_PARAM_BUFFER = 1, LUD_PARAM_STATE = 2, LUD_PARAM_NO_DECAY = 4, LUD_PARAM_KEEP_F32 = 8 };
/* Initial values of a parameter that no file provides. UNIFORM: [a, b). NORMAL: mean a, deviation b. CONSTANT: a.
 * KAIMING_UNIFORM: uniform in +-sqrt(6 / ((1 + a^2) fan_in)), fan_in = last dimension (He et al. 2015). */
enum { LUD_INIT_NONE, LUD_INIT_CONSTANT, LUD_INIT_UNIFORM, LUD_INIT_NORMAL, LUD_INIT_KAIMING_UNIFORM };
typedef struct lud_param_spec {
    uint32_t struct_size, flags;
    int32_t init;
    float a, b, lr_scale; /* lr_scale 0 means 1 */
} lud_param_spec;

typedef struct lud_xent {
    uint32_t struct_size;
    float logit_scale, softcap, smoothing; /* scale 0 means 1; softcap 0 = none */
} lud_xent;

enum { LUD_MARK_EMBEDDINGS = 1, LUD_MARK_LAYER = 2 };

#define LUD_SERVICE_GRAPH "lud.graph/1"
typedef struct lud_graph_api {
    uint32_t struct_size, reserved;
    uint32_t (*op_version)(const lud_graph *, uint32_t opcode); /* 0 = this host lacks it */
    /* A parameter by its name relative to the current scope. A known name returns the same tensor; with another
     * shape it is an error. spec NULL: comes from the model's files, LUD_INIT_NONE. */
    lud_t (*param)(lud_graph *, const char *name, const lud_shape *, const lud_param_spec *);
    /* A table known at build time; `data` is float[] for LUD_REAL and int32_t[] for LUD_I32, copied. */
    lud_t (*constant)(lud_graph *, const char *name, const lud_shape *, const void *data);
    /* Appends an operation, checks arity, attribute size and shapes; returns its first result. */
    lud_t (*emit)(lud_graph *, const lud_op *);
    /* y = x w^T + b through the adapters that match the site. Every linear map of a model goes through here. */
    lud_t (*linear)(lud_graph *, const lud_site *, lud_t x);
    lud_t (*embedding)(lud_graph *, const lud_site *, lud_t ids);
    /* LINEAR_CROSS_ENTROPY of the site's map, through the adapters: nll[N]; the id after it is argmax[N] I32. If an
     * adapter matches the site, core emits logits and CROSS_ENTROPY instead. */
    lud_t (*linear_xent)(lud_graph *, const lud_site *, lud_t x, lud_t target, const lud_xent *);
    /* Dropout keyed by row, position and channel; returns x itself when the graph is not for training or p = 0. */
    lud_t (*dropout)(lud_graph *, lud_t x, float p);
    /* Names x (identity): where embeddings enter, what leaves layer `layer`. Returns x. */
    lud_t (*mark)(lud_graph *, int32_t kind, int32_t layer, lud_t x);
    int32_t (*extent_scaled)(lud_graph *, int32_t extent, int32_t factor); /* new extent number, 0 on error */
    lud_status (*shape_of)(const lud_graph *, lud_t, lud_shape *out);
    lud_status (*status)(const lud_graph *, lud_error *); /* the sticky first error, or LUD_OK */
    /* Poisons the graph: an error of the plugin's own. */
    void (*fail)(lud_graph *, lud_status, const char *message);
} lud_graph_api;

#ifdef __cplusplus
}
#endif
#endif
