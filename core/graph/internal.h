/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/graph share: the graph's storage, the shape-rule record, the derivative record, helpers.
 * Invariant: tensor ids only grow; a node's results have consecutive ids. Not included outside this folder. */
#ifndef LUDC_GRAPH_INTERNAL_H
#define LUDC_GRAPH_INTERNAL_H

#include "graph.h"

#define LUDC_MAX_IN  9
#define LUDC_MAX_OUT 5
/* More elements than this is a mistake in a shape; keeps every byte count far from overflow. */
#define LUDC_MAX_COUNT ((int64_t)1 << 48)

/* Where a tensor's value comes from. VOID: an id that cannot be read (lse of a cached attention). */
enum {
    LUDC_SRC_OP,
    LUDC_SRC_INPUT,
    LUDC_SRC_CONST,
    LUDC_SRC_PARAM,
    LUDC_SRC_GRAD,
    LUDC_SRC_KV,
    LUDC_SRC_FLAT,
    LUDC_SRC_VOID
};

typedef union ludc_attr {
    lud_attr_scale scale;
    lud_attr_act act;
    lud_attr_shape shape;
    lud_attr_slice slice;
    lud_attr_rows rows;
    lud_attr_width width;
    lud_attr_norm norm;
    lud_attr_rope rope;
    lud_attr_attention attention;
    lud_attr_pool pool;
    lud_attr_window window;
    lud_attr_xent xent;
    lud_attr_loss loss;
    lud_attr_dropout dropout;
} ludc_attr;

typedef struct ludc_node {
    uint32_t opcode, n_in, n_out, flags, attr_size;
    lud_t in[LUDC_MAX_IN], first;
    uint64_t stream;
    ludc_attr attr;
} ludc_node;

typedef struct ludc_gtensor {
    lud_shape shape; /* dtype resolved */
    int32_t source;  /* LUDC_SRC_* */
    int32_t which;   /* FLAT: LUDC_FLAT_* */
    int64_t index;   /* OP: node; PARAM, GRAD: store index; CONST: its number; FLAT: first element */
    bool trained;    /* a trainable parameter or dropout reaches it */
    lud_t replaced;  /* programs read this tensor instead (joined cross-entropy); 0 = none */
    lud_t again;     /* the same for the backward pass: computed anew, or kept as bf16; 0 = none */
} ludc_gtensor;

typedef struct ludc_gparam {
    int64_t index;      /* in the store */
    lud_t tensor, grad; /* grad: the newest alias of the gradient; 0 before backward */
    bool trainable;
} ludc_gparam;

typedef struct ludc_gconst {
    char *name;
    void *data;
    size_t bytes;
    lud_t tensor;
} ludc_gconst;

typedef struct ludc_gextent {
    int64_t max;
    int32_t base; /* own number, or the extent that this one is a multiple of */
    int64_t factor;
} ludc_gextent;

typedef struct ludc_gmark {
    int32_t kind, layer;
    lud_t tensor;
} ludc_gmark;

struct lud_graph {
    ludc_store *store;
    ludc_graph_opts opts;
    ludc_graph_hooks hooks;
    ludc_node *nodes;
    ludc_gtensor *tensors; /* [0] unused */
    ludc_gparam *params;
    ludc_gconst *consts;
    ludc_gextent *extents; /* [0] unused */
    ludc_gmark *marks;
    int32_t *slots; /* cache slots in use */
    char **input_names;
    uint32_t n_nodes, n_tensors, n_params, n_consts, n_extents, n_marks, n_slots, n_inputs, n_scopes;
    uint32_t cap_nodes, cap_tensors, cap_params, cap_consts, cap_extents, cap_marks, cap_slots, cap_inputs, cap_scopes;
    ludc_map *param_by_name, *streams; /* full name -> index in params; scope -> random ops so far */
    ludc_buf scope;
    size_t *scope_len; /* length of the scope before each push */
    lud_t seq_keys, seq_positions, seq_offsets, page_table;
    lud_t row_keys, row_positions;
    int32_t row_extent;
    lud_error err;
};

/* ---- ops.c ---- */
bool ludc_op_plain(uint32_t opcode);        /* has no attribute */
uint32_t ludc_op_optional(uint32_t opcode); /* mask of inputs that may be 0 */
uint32_t ludc_op_writes(uint32_t opcode);   /* mask of inputs that are changed in place */
int ludc_op_alias(uint32_t opcode);         /* input whose memory result 0 is, or -1 */
/* Mask of inputs whose memory result k may take over when they die at this op and have its shape. */
uint32_t ludc_op_overlay(uint32_t opcode, uint32_t k);
uint32_t ludc_op_use(uint32_t opcode, uint32_t input, const ludc_attr *); /* LUD_USE_* of a weight read there */

/* ---- shape.c ---- */
typedef struct ludc_infer {
    const lud_graph *g;
    const ludc_node *op;
    const lud_shape *in[LUDC_MAX_IN]; /* NULL if absent */
    lud_shape out[LUDC_MAX_OUT];
    char why[320];
} ludc_infer;
bool ludc_infer_shapes(ludc_infer *); /* false: `why` says what is wrong */
bool ludc_shape_valid(const lud_graph *, const lud_shape *, char *why, size_t cap);
bool ludc_shape_same(const lud_shape *, const lud_shape *);
/* Elements: the extents' maxima (graph_count) or true sizes (extents given). */
int64_t ludc_shape_count(const lud_shape *, const int64_t *extents);
int64_t ludc_graph_count(const lud_graph *, const lud_shape *);
size_t ludc_dtype_size(int32_t dtype); /* 0 if no tensor may have it */
void ludc_shape_text(const lud_shape *, char *out, size_t cap);

/* ---- graph.c ---- */
bool ludc_vec_grow(void *slot, uint32_t *cap, uint32_t need, size_t elem);
lud_t ludc_graph_fail(lud_graph *, lud_status, const char *fmt, ...) LUDC_PRINTF(3, 4); /* returns 0 */
lud_t ludc_graph_tensor(lud_graph *, const lud_shape *, int32_t source, int64_t index);
lud_t ludc_graph_emit(lud_graph *, const lud_op *);
lud_t ludc_graph_emit_op(lud_graph *, uint32_t opcode, uint32_t flags, const void *attr, uint64_t stream,
                         const lud_t *in);
#define LUDC_EMIT(g, name, attr, ...) LUDC_EMIT_FLAGS(g, 0, name, attr, __VA_ARGS__)
#define LUDC_EMIT_FLAGS(g, flags, name, attr, ...)                                                                     \
    ludc_graph_emit_op((g), LUD_OP_##name, (flags), (attr), 0, (const lud_t[LUDC_MAX_IN]){__VA_ARGS__})
lud_t ludc_graph_resolve(const lud_graph *, lud_t); /* follows `replaced` */
/* A range of one of the store's flat buffers (optimizer). */
lud_t ludc_graph_flat(lud_graph *, int which, int64_t first, int64_t count);

/* ---- leaf.c ---- */
lud_t ludc_graph_param(lud_graph *, const char *name, const lud_shape *, const lud_param_spec *);
lud_t ludc_graph_constant(lud_graph *, const char *name, const lud_shape *, const void *data);
lud_t ludc_graph_pool(lud_graph *, int64_t n_groups, int64_t rows, int64_t cols);

/* ---- store.c, store_flat.c, store_weight.c ---- */
typedef struct ludc_weight ludc_weight;
struct ludc_weight {
    ludc_weight *next;
    lud_buf buf;
    uint32_t uses;
    int32_t storage, side;
};

typedef struct ludc_store_param {
    ludc_param pub;
    char *name;
    float *own;        /* values that the store copied */
    const float *host; /* own, or borrowed; NULL while only `lazy` knows them */
    ludc_values lazy;  /* reals NULL: none */
    double *wide;      /* the same as doubles, where a F64 weight needs them */
    ludc_weight *weights;
} ludc_store_param;

struct ludc_store {
    const ludc_devices *devices;
    ludc_store_param **params;
    uint32_t n_params, cap_params;
    ludc_map *by_name;
    int32_t real;
    bool sealed;
    int n_states;
    int64_t flat_len;
    lud_buf flat[4];           /* by LUDC_FLAT_*, on the primary device */
    float *scratch;            /* what the SDK's weights service lends */
    const char *weights_scope; /* before the names it is asked for; NULL = "" */
};

/* side 0: the primary device, 1: the fallback. */
const ludc_device *ludc_side(const ludc_devices *, int side);
lud_status ludc_buf_write(const ludc_device *, lud_buf *, size_t off, const void *src, size_t n, lud_error *);
lud_status ludc_buf_read(const ludc_device *, const lud_buf *, size_t off, void *dst, size_t n, lud_error *);
lud_status ludc_buf_zero(const ludc_device *, lud_buf *, lud_error *);
/* Elements [first, first + n) of a flat buffer as fp32. */
lud_status ludc_flat_put(ludc_store *, int which, int64_t first, const float *in, int64_t n, lud_error *);
lud_status ludc_flat_take(ludc_store *, int which, int64_t first, float *out, int64_t n, lud_error *);
void ludc_store_drop(ludc_store_param *); /* the host's values, and where they come from */
/* The fp32 values on the host, made if need be. */
lud_status ludc_store_reals(ludc_store_param *, const float **out, lud_error *);
/* The device copy of a frozen parameter that serves these uses; owned by the store. */
lud_status ludc_store_weight(ludc_store *, size_t i, int side, uint32_t uses, ludc_weight **out, lud_error *);
void ludc_store_weights_free(ludc_store *, ludc_store_param *);

/* ---- vjp*.c ---- */
typedef struct ludc_vjp {
    lud_graph *g;
    ludc_node op; /* a copy: emitting moves the graph's arrays */
    uint32_t node;
    lud_t dy[LUDC_MAX_OUT]; /* cotangents of the results, 0 = none */
    bool need[LUDC_MAX_IN];
    lud_t dx[LUDC_MAX_IN]; /* filled by the rule */
} ludc_vjp;
typedef void (*ludc_vjp_rule)(ludc_vjp *);
ludc_vjp_rule ludc_vjp_basic(uint32_t opcode);
ludc_vjp_rule ludc_vjp_neural(uint32_t opcode);
ludc_vjp_rule ludc_vjp_segment(uint32_t opcode);
/* Stand-ins of a tensor that a derivative reads (vjp_keep.c): as computed anew, of a weight's gradient's input; as kept
 * in bf16. The tensor itself where neither saves memory. */
lud_t ludc_vjp_again(lud_graph *, lud_t);
lud_t ludc_vjp_kept(lud_graph *, lud_t);
/* Poisons the graph: the op's side result `name` may not be differentiated. */
void ludc_vjp_side_result(ludc_vjp *, const char *name);
/* Whether the value of t depends on the results of a node, as programs will read it. */
bool ludc_graph_depends(lud_graph *, lud_t t, uint32_t node);

#endif
