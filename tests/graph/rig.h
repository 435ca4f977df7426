/* SPDX-License-Identifier: Apache-2.0
 * What the graph tests share: the reference backend through a plugin host, and a backend around it that refuses
 * operations, keeps its memory apart, or breaks its promise; also a record of the last program it compiled. */
#ifndef TESTS_GRAPH_RIG_H
#define TESTS_GRAPH_RIG_H

#include <check.h>
#include <graph.h>

enum {
    RIG_REFERENCE, /* the reference backend itself */
    RIG_WATCH,     /* passes everything on; `on_compile` sees the program */
    RIG_ADD_ONLY,  /* supports ADD alone, shares the host's memory */
    RIG_APART,     /* supports ADD alone, memory of its own */
    RIG_LIES       /* claims everything, refuses MUL in the run */
};

typedef struct rig {
    ludc_host *host;
    ludc_devices devices;
    ludc_store *store;
    int32_t real;
    lud_error err;
} rig;

/* False (after a message) if the reference plugin cannot be opened. */
bool rig_open(rig *, int mode, int32_t real);
void rig_close(rig *);
void rig_on_compile(void (*fn)(void *arg, const lud_program *), void *arg);

/* A graph over the rig's store; hooks may be NULL. */
lud_graph *rig_graph(rig *, const ludc_graph_hooks *);
/* Hooks that train every parameter whose name begins with "t.". */
const ludc_graph_hooks *rig_trains(void);

lud_shape rig_shape(int32_t dtype, int32_t rank, int64_t a, int64_t b, int64_t c);
lud_t rig_emit(lud_graph *, uint32_t opcode, const void *attr, const lud_t *in);
#define OP(g, name, attr, ...) rig_emit((g), LUD_OP_##name, (attr), (const lud_t[9]){__VA_ARGS__})
/* A parameter filled with a fixed pattern. */
lud_t rig_param(rig *, lud_graph *, const char *name, int64_t rows, int64_t columns);
void rig_pattern(float *out, int64_t n, uint64_t key); /* in [-1, 1) */

/* How many ops of the compiled program have this opcode; see rig_on_compile. */
typedef struct rig_census {
    uint32_t count[64], total;
} rig_census;
void rig_count(void *census, const lud_program *);

#endif
