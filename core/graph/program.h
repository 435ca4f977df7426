/* SPDX-License-Identifier: Apache-2.0
 * What the files that make and run programs share. Stages: lower (prune, order, number), plan (where temporaries lie),
 * place (which device runs which op, buffers, weights, compile), run. Ids here are the program's own, dense from 1. */
#ifndef LUDC_GRAPH_PROGRAM_H
#define LUDC_GRAPH_PROGRAM_H

#include "internal.h"

/* Fixed buffers of each side; weights follow. */
enum {
    LUDC_BUF_ARENA,
    LUDC_BUF_FLAT,
    LUDC_BUF_CONSTS = LUDC_BUF_FLAT + 4,
    LUDC_BUF_INPUTS,
    LUDC_BUF_KV,
    LUDC_BUF_COUNT
};

typedef struct ludc_ptensor {
    lud_tensor desc; /* without buffer and storage, which differ by side */
    lud_t base;      /* whose memory it is; itself if it has its own */
    int32_t source, which;
    int64_t index;        /* as in the graph's tensor */
    uint32_t first, last; /* of a base: positions of the op that makes it and of the last that reads it or a view */
    uint32_t weight;      /* 1 + number in weights, frozen parameters only */
    bool written;         /* changed in place by some op */
} ludc_ptensor;

typedef struct ludc_pop {
    lud_op op;
    ludc_attr attr;
    lud_t in[LUDC_MAX_IN];
} ludc_pop;

typedef struct ludc_slice {
    uint32_t begin, end; /* ops */
    int side;
    void *exe;
    lud_program desc;
    lud_t *copies; /* bases: n_before to fetch from the primary device, then n_after to send back */
    uint32_t n_before, n_after;
} ludc_slice;

typedef struct ludc_pweight {
    int64_t param;
    uint32_t uses[2];
    uint32_t lacks[2]; /* of LUD_USE_BF16 and INT8: some product that reads it does not have the flag */
} ludc_pweight;

struct ludc_program {
    ludc_devices *devices;
    ludc_store *store;
    int32_t real;
    bool shared;                                     /* both sides use the same buffers */
    uint32_t n_ops, n_tensors, n_extents, n_weights; /* n_tensors, n_extents count the unused entry 0 */
    uint32_t n_graph;                                /* tensors of the graph */
    ludc_pop *ops;
    ludc_ptensor *tensors;
    lud_t *first_result, *local; /* local: graph id -> own id or 0 */
    uint8_t *input_bit;          /* graph id -> is an input */
    const lud_op **op_ptrs;
    ludc_gextent *extents;
    int64_t *extent_max, *extent_now;
    ludc_pweight *weights;
    void *const_data; /* as it lies in the constants' buffer */
    uint64_t bytes[LUDC_BUF_COUNT];
    /* By side. */
    lud_tensor *desc[2];
    const lud_tensor **desc_ptrs[2];
    lud_buf own[2][LUDC_BUF_COUNT], **bufs[2];
    uint8_t *side;   /* of each op */
    uint8_t *forced; /* the primary device refused it in a run */
    ludc_slice *slices;
    uint32_t n_slices;
    ludc_program_stats stats;
};

/* lower.c */
lud_status ludc_program_lower(ludc_program *, const lud_graph *, const lud_t *roots, size_t n_roots, lud_error *);
/* plan.c: offsets of everything in its buffer, and the buffers' sizes. */
lud_status ludc_program_plan(ludc_program *, lud_error *);
/* place.c */
lud_status ludc_program_place(ludc_program *, lud_error *);
/* Moves op `bad` to the fallback; slices begin and end at it afterwards. */
lud_status ludc_program_move(ludc_program *, uint32_t bad, lud_error *);
void ludc_program_unplace(ludc_program *);
/* slice.c */
lud_status ludc_program_slice(ludc_program *, lud_error *);
void ludc_program_unslice(ludc_program *);
int64_t ludc_program_bytes(const ludc_program *, lud_t, const int64_t *extents);

#endif
