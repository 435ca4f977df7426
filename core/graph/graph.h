/* SPDX-License-Identifier: Apache-2.0
 * graph: building, shape rules, vector-Jacobian products, pruning, memory plan, partition over devices, execution.
 *
 * Life of a program: ludc_graph_new -> inputs and plugin builders emit the forward part -> ludc_graph_backward ->
 * ludc_program_new (prune to the roots, plan, compile) -> write inputs, run, read outputs, any number of times.
 * Extents: a program is planned once for the maximum of each extent; each run passes the true values. */
#ifndef LUDC_GRAPH_H
#define LUDC_GRAPH_H

#include <config.h>
#include <ludwig/adapter.h>
#include <ludwig/backend.h>
#include <ludwig/graph.h>

/* ---- Op table (ops.c): one row per opcode ---- */
typedef struct ludc_op_info {
    const char *name;
    uint32_t opcode, n_in, n_out, attr_size;
} ludc_op_info;
const ludc_op_info *ludc_op_find(uint32_t opcode); /* NULL if unknown */
size_t ludc_op_count(void);
const ludc_op_info *ludc_op_at(size_t i);
const lud_graph_api *ludc_graph_api(void); /* service "lud.graph/1" */

/* ---- Devices (device.c) ---- */
typedef struct ludc_device {
    const lud_backend_vt *vt;
    const lud_component *component;
    void *dev;
    lud_device info;
} ludc_device;
/* The chosen device and where refused ops run. fallback may be the primary itself (reference). */
typedef struct ludc_devices {
    ludc_device primary, fallback;
    bool bf16;        /* products of programs on it may round their factors; false until set_precision */
    bool bf16_always; /* "bf16" was said: also where that is not for speed */
    bool int8;        /* frozen encoders of predictors may quantize them where nothing is trained */
    char why[256];    /* one line: which device was taken and why */
    uint64_t told;    /* opcodes (bits) whose fallback was logged */
} ludc_devices;
/* word: "auto", a backend's config name, or "name:1". auto: best score; a named one that cannot be used is an error
 * that says why. */
lud_status ludc_devices_open(ludc_host *, lud_str word, ludc_devices *, lud_error *);
void ludc_devices_close(ludc_devices *);
/* word: "auto" (bf16 where the device is faster with it), "fp32", "bf16" (fp32 with a warning where it is not), "int8"
 * (auto, and int8 where the device has it; a warning where it does not). */
void ludc_devices_set_precision(ludc_devices *, lud_str word);

/* ---- Parameter store (store.c): values of parameters, shared by all programs of a model ---- */
typedef struct ludc_store ludc_store;
typedef struct ludc_param {
    const char *name;
    lud_shape shape; /* float parameters have dtype LUD_REAL */
    lud_param_spec spec;
    bool trainable;
    bool filled;         /* has values */
    int64_t count;       /* elements */
    int64_t flat_offset; /* trainable: first element in the flat buffers */
} ludc_param;
ludc_store *ludc_store_new(const ludc_devices *, int32_t real /* LUD_F32 or LUD_F64 */);
void ludc_store_free(ludc_store *);
/* Idempotent by name; another shape is an error. Returns the index, -1 on error. */
int64_t ludc_store_declare(ludc_store *, const char *name, const lud_shape *, const lud_param_spec *, bool trainable,
                           lud_error *);
size_t ludc_store_len(const ludc_store *);
const ludc_param *ludc_store_at(const ludc_store *, size_t i);
int64_t ludc_store_index(const ludc_store *, lud_str name); /* -1 if unknown */
/* Values that are made when they are asked for. `stored` (NULL where stored_bytes is 0) gives them as a file has them,
 * described by dtype and storage as in lud_tensor: where they lie, or in *own, which the caller frees; NULL: no memory.
 * `release`: they were read there. */
typedef struct ludc_values {
    void *arg;
    lud_status (*reals)(void *arg, float *out, lud_error *);
    const void *(*stored)(void *arg, void **own);
    void (*release)(void *arg);
    void (*free)(void *arg);
    size_t stored_bytes;
    int32_t dtype, storage;
} ludc_values;
/* Values as fp32 on the host. set_borrow keeps the pointer (a mapped file). set_lazy takes arg, also on failure. */
lud_status ludc_store_set(ludc_store *, size_t i, const float *values, lud_error *);
lud_status ludc_store_set_borrow(ludc_store *, size_t i, const float *values, lud_error *);
lud_status ludc_store_set_lazy(ludc_store *, size_t i, const ludc_values *, lud_error *);
lud_status ludc_store_get(ludc_store *, size_t i, float *out, lud_error *); /* current value (downloads trainables) */
/* Lays all trainable parameters out in one flat buffer each of values, gradients and n_states optimizer states on the
 * primary device, in declaration order, and uploads values. Called once, after all are declared and filled. Each
 * parameter begins on a multiple of 16 elements; the pads between are 0. The store must be freed before its devices,
 * after its programs. */
lud_status ludc_store_seal(ludc_store *, int n_states, lud_error *);
int64_t ludc_store_flat_len(const ludc_store *);
enum { LUDC_FLAT_VALUES, LUDC_FLAT_GRADS, LUDC_FLAT_STATE0, LUDC_FLAT_STATE1 };
lud_status ludc_store_flat_read(ludc_store *, int which, float *out, lud_error *);
lud_status ludc_store_flat_write(ludc_store *, int which, const float *in, lud_error *);
lud_status ludc_store_flat_zero(ludc_store *, int which, lud_error *);
/* The store as the SDK's lud_weights (a lud_weights is a ludc_store). */
const lud_weights_api *ludc_weights_api(void);
/* Names of that service are relative to the scope, which the caller keeps until it is set again; "" is none. */
void ludc_store_weights_scope(ludc_store *, const char *scope);

/* ---- Graphs (graph.c, shape.c, vjp.c) ---- */
/* What core's model layer hooks into building. All may be NULL. */
typedef struct ludc_graph_hooks {
    void *arg;
    /* The map of a site through its adapters; next(next_arg, x) is the plain map. */
    lud_t (*site)(void *arg, lud_graph *, const lud_site *, lud_t x, lud_t (*next)(void *, lud_t), void *next_arg);
    /* Whether an adapter matches the site (then linear_xent emits logits). */
    bool (*wraps)(void *arg, const lud_site *);
    /* Whether a parameter is trainable. NULL: none is. */
    bool (*trains)(void *arg, const char *param);
    /* Factor on the learning rate of a parameter beside its own lr_scale. NULL: 1. */
    float (*lr_scale)(void *arg, const char *param);
    /* Whether a tensor gets its dropout; trained: a trainable parameter or dropout reaches it. NULL: all do. */
    bool (*drops)(void *arg, bool trained);
    /* Whether the map of a site, if frozen, is flagged LUD_OP_INT8. NULL: none is. */
    bool (*int8)(void *arg, const lud_site *);
} ludc_graph_hooks;

typedef struct ludc_graph_opts {
    ludc_store *store; /* parameters are declared here */
    int32_t real;      /* LUD_F32 or LUD_F64 */
    bool training;     /* dropout is emitted */
    bool bf16;         /* LUD_OP_BF16 counts: sites, and ops that a plugin flags, may round their factors */
    bool cached;       /* ATTENTION with a cache_slot becomes ATTENTION_CACHED over the pools below */
    int64_t page_size, n_pages, pages_per_segment; /* cached only */
    const ludc_graph_hooks *hooks;
} ludc_graph_opts;

lud_graph *ludc_graph_new(const ludc_graph_opts *, lud_error *); /* NULL on error */
void ludc_graph_free(lud_graph *);
int32_t ludc_graph_extent(lud_graph *, int64_t max); /* new extent number (from 1), 0 on error */
lud_t ludc_graph_input(lud_graph *, const char *name, const lud_shape *);
/* A named scope for parameter names and random streams, e.g. "encoder.text."; "" for causal models. */
void ludc_graph_scope_push(lud_graph *, const char *scope);
void ludc_graph_scope_pop(lud_graph *);
/* Tells the graph which sequence is current, for dropout's keys (T tokens) and for the gathered rows (N rows, may be
 * 0s until known). In cached graphs page_table is the input that core made. */
void ludc_graph_set_seq(lud_graph *, lud_t row_keys, lud_t positions, lud_t seg_offsets, lud_t page_table);
void ludc_graph_set_rows(lud_graph *, int32_t n_extent, lud_t row_keys, lud_t positions);
lud_t ludc_graph_marked(const lud_graph *, int32_t kind, int32_t layer); /* the newest one; 0 if none */
/* Emits the derivative graph: for each trainable parameter that `y` depends on, ACC into its gradient, with dy the
 * cotangent of y. Frozen parts get none; the backward pass stops below the lowest trainable parameter. */
lud_status ludc_graph_backward(lud_graph *, lud_t y, lud_t dy, lud_error *);
/* For tests: gradients of y with respect to any tensors (inputs); out[i] = 0 if there is no path. */
lud_status ludc_graph_gradients(lud_graph *, lud_t y, lud_t dy, const lud_t *wrt, size_t n, lud_t *out, lud_error *);
uint64_t ludc_graph_hash(const lud_graph *); /* equal for equal builds */

/* ---- Cuts (cut.c) ---- */
/* The highest layer that an encoder marked with nothing trainable and nothing random below it: its marked tensor, 0 if
 * there is none. *first: what is trained or random first (a parameter's name, or "dropout"); NULL: nothing. */
lud_t ludc_graph_frozen_layer(const lud_graph *, int32_t *layer, const char **first);
/* Programs read a new input instead of t, which is then computed no more. Returns the input. */
lud_t ludc_graph_give(lud_graph *, lud_t t, const char *name);
/* Tells all bytes that decide the value of t beside inputs: operations, parameters, constants. Nothing below t is
 * trainable. False: out of memory, or values that cannot be had. */
typedef void ludc_graph_sink(void *arg, const void *bytes, size_t n);
bool ludc_graph_tell(const lud_graph *, lud_t t, ludc_graph_sink *, void *arg);

/* ---- Programs (plan.c, program.c) ---- */
typedef struct ludc_program ludc_program;
typedef struct ludc_program_stats {
    uint32_t n_ops, n_fallback_ops;
    uint64_t arena_bytes, weight_bytes, kv_bytes;
} ludc_program_stats;
/* Prunes to the roots (and to ACC and in-place results emitted by backward or by optimizer builders), plans, compiles.
 * Keeps what it needs of the graph; the graph may be freed afterwards. Roots can be read after each run. */
lud_status ludc_program_new(const lud_graph *, const lud_t *roots, size_t n_roots, ludc_devices *, ludc_store *,
                            ludc_program **, lud_error *);
void ludc_program_free(ludc_program *);
ludc_program_stats ludc_program_stat(const ludc_program *);
/* Host data of an input (true size), before run. An input that pruning removed is accepted and ignored. */
lud_status ludc_program_write(ludc_program *, lud_t input, const void *data, size_t bytes, lud_error *);
/* Where an input lies, to be filled in place before run; NULL if the host cannot touch it. */
void *ludc_program_input(const ludc_program *, lud_t input);
/* True extents: extents[e], e from 1 (n_extents counts entry 0, as in lud_program); multiples made by extent_scaled are
 * computed from their base and need no entry. 0 is a valid size. No allocation happens in here. */
lud_status ludc_program_run(ludc_program *, const int64_t *extents, size_t n_extents, lud_error *);
lud_status ludc_program_read(ludc_program *, lud_t root, void *out, size_t bytes, lud_error *);
/* KV pools of a cached program live in it; zero on creation. */

/* The optimizer over the flat buffers (optimizer.c): SUMSQ and *_STEP as programs of their own. */
typedef struct ludc_optimizer ludc_optimizer;
enum { LUDC_OPT_SGD, LUDC_OPT_ADAM, LUDC_OPT_ADAMW };
lud_status ludc_optimizer_new(ludc_devices *, ludc_store *, int kind, bool momentum, ludc_optimizer **, lud_error *);
void ludc_optimizer_free(ludc_optimizer *);
int ludc_optimizer_states(int kind, bool momentum); /* how many states seal must make: 0, 1 or 2 */
lud_status ludc_optimizer_grad_norm(ludc_optimizer *, double *norm, lud_error *);
/* scalars as s[8] of SGD_STEP / ADAM_STEP. Parameters flagged NO_DECAY get decay 0; lr_scale multiplies s[0]. */
lud_status ludc_optimizer_step(ludc_optimizer *, const float scalars[8], lud_error *);

#endif
