/* SPDX-License-Identifier: Apache-2.0
 * What the tests of heads, combiners and encoders share: a host with the built plugins, and a net: one graph whose
 * parts are components opened by name, with its inputs' data, run on one backend. */
#ifndef TESTS_HEADS_NET_H
#define TESTS_HEADS_NET_H

#include <check.h>
#include <ludwig/combiner.h>
#include <ludwig/fc.h>
#include <model.h>

enum { NET_MAX = 24 };

typedef struct net_input {
    lud_t t;
    int32_t extent; /* rows; 0: fixed_rows */
    int64_t fixed_rows, columns;
    const float *reals;
    const int32_t *ints;
} net_input;

typedef struct net_part {
    const lud_component *component;
    void *self;
    ludc_value *cfg;
} net_part;

typedef struct net {
    ludc_host *host;
    ludc_devices devices;
    ludc_store *store;
    ludc_program *program;
    lud_graph *g;
    int32_t real;
    int64_t extent[NET_MAX];
    size_t n_extents, n_inputs, n_parts;
    net_input inputs[NET_MAX];
    net_part parts[NET_MAX];
    lud_error err;
} net;

ludc_host *net_host(void);
/* Frees the host; the exit status of what was checked in net.c. */
int net_done(void);

/* An empty graph on a backend ("reference", "cpu"); every parameter is trainable. */
void net_open(net *, const char *device, int32_t real, bool training);
void net_close(net *);
int32_t net_extent(net *, int64_t size);
/* Inputs of `extent` rows; columns 0: a vector. The data is borrowed. */
lud_t net_reals(net *, const char *name, int32_t extent, int64_t columns, const float *data);
lud_t net_ints(net *, const char *name, int32_t extent, int64_t columns, const int32_t *data);
/* Opens a component with cfg, JSON text of its children; NULL and net.err if it refuses. */
const net_part *net_part_open(net *, int32_t kind, const char *feature, const char *name, const char *cfg);
/* The part's tensors, 0 after a failed CHECK. */
lud_t net_encode(net *, const char *feature, const char *name, const char *cfg, const lud_seq *, lud_encoder_out *);
lud_t net_decode(net *, const char *feature, const char *name, const char *cfg, lud_t hidden, int32_t n_extent);
lud_t net_combine(net *, const char *name, const char *cfg, const lud_combiner_in *const *in, uint32_t n);
/* Values of a parameter, after the graph is built and before it runs. What is not set gets a fixed pattern. */
void net_set(net *, const char *param, const float *values, int64_t count);
/* Runs the graph and reads root, `count` elements. One root per net. */
void net_run(net *, lud_t root, float *out, size_t count);
/* The net must be LUD_F64. Largest difference between the gradients of sum(c * root), c fixed, by the backward pass and
 * by differences, relative to 1 + |gradient|, over all parameters; in *n how many elements were compared. */
double net_gradient_error(net *, lud_t root, int32_t extent, int64_t columns, size_t *n);
void net_pattern(float *out, int64_t n, uint64_t key); /* in [-1, 1) */
/* True if all are within 1e-5 (1 + |want|); prints the first that is not. */
bool net_close_to(const float *got, const float *want, size_t n);

#endif
