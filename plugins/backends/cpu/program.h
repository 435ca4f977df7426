/* SPDX-License-Identifier: Apache-2.0
 * A compiled program (program.c), and the steps that every thread runs for itself (replicas.c). */
#ifndef CPU_PROGRAM_H
#define CPU_PROGRAM_H

#include "device.h"

/* Who runs a step of the run in progress, and whether the threads meet before it. */
enum { CPU_BY_ALL, CPU_BY_ONE, CPU_BY_EACH };
typedef struct cpu_layout {
    uint8_t who, barrier;
    uint16_t ahead; /* at a barrier: 1 + how many steps on a product streams its weight, 0: none */
} cpu_layout;

/* How long runs of one layout take: the team's, and on one thread. Where another process takes a core, the threads of a
 * short run wait for each other for most of the time. */
typedef struct cpu_pace {
    double seconds[2]; /* moving averages, 0: not known */
    uint32_t runs;
} cpu_pace;

/* The steps once more for each thread: results of `replicated` ones lie in its own part of `room`. NULL: there are
 * none. */
typedef struct cpu_replicas {
    cpu_step *steps; /* [threads][n_steps] */
    cpu_memory room;
} cpu_replicas;

typedef struct cpu_job { /* exe with what only programs need */
    cpu_exe exe;
    cpu_layout *layout;
    int64_t *extents;      /* that layout was made for */
    const cpu_step *steps; /* of rank 0 in that layout, those of the next rank `stride` steps behind */
    uint32_t stride;
    bool laid_out, any_parallel;
    cpu_pace pace;
    size_t scratch_each;
    cpu_replicas replicas;
} cpu_job;

/* Elements that a step touches, as a measure of its time. */
int64_t cpu_cost(const cpu_worker *, const cpu_step *);
enum { CPU_SOLO_ELEMENTS = 12288 }; /* below this a step is cheaper than waking the others */

/* Runs of few rows are those of programs that read a key/value cache. */
bool cpu_decodes(const lud_program *);

void *cpu_zeroed(const cpu_dev *, size_t); /* the host's memory; NULL: there is none */

/* Whether a step reads or writes memory of r. A thread's own memory counts as none. */
bool cpu_touches(const cpu_step *, const cpu_ref *r);

/* Inputs that a step changes in place. */
bool cpu_writes_input(const cpu_step *, uint32_t i);

/* The last step before i that it must not run beside. shared: steps that use the memory for all threads. */
int32_t cpu_conflict(const cpu_exe *, const cpu_step *steps, const bool *shared, uint32_t i);

/* fold.c: of bound steps. reader: room for each tensor, zeroed. */
void cpu_fold_sums(cpu_exe *, uint32_t *reader);

/* replicas.c. make: after the steps are bound and measured; leaves none where they would be of no use. */
lud_status cpu_replicas_make(cpu_dev *, cpu_job *, const bool *shared, lud_error *);
void cpu_replicas_free(cpu_dev *, cpu_job *);
/* Whether a run of these extents is one of few rows. */
bool cpu_replicas_fit(const cpu_job *, const cpu_worker *);

#endif
