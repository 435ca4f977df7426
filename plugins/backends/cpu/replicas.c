/* SPDX-License-Identifier: Apache-2.0
 * Small steps of a run of few rows, as in decoding: every thread runs them for itself and keeps the results, so nobody
 * waits for another one's norm, rotation or sum, and what the next product reads is in its own cache. All threads
 * compute the same bits. Barriers are left behind what is shared out alone: products and attention. */
#include "program.h"

enum { FEW_ELEMENTS = 32768, NO_SLOT = -1, SLOTS = 64 };
/* A result has at most FEW_ELEMENTS; the lines beside keep slots out of each other's sets of the caches. */
static const size_t slot_bytes = FEW_ELEMENTS * sizeof(float) + CPU_LINE * 5;

typedef struct maker {
    cpu_job *job;
    const lud_program *p;
    uint32_t *last; /* by tensor: 1 + the last step that reads it, 0: none */
    int8_t *slot;   /* by tensor: where it lies in a thread's room, or NO_SLOT */
    int32_t slots;
} maker;

static lud_t base_of(const lud_program *p, lud_t id) {
    return p->tensors[id] && p->tensors[id]->alias_of ? p->tensors[id]->alias_of : id;
}

static bool is_temporary(const lud_program *p, lud_t id) {
    return p->tensors[id] && p->tensors[id]->role == LUD_ROLE_TEMP && base_of(p, id) == id;
}

/* A slice of a program may leave temporaries to another one; a program of one slice makes all that there are. */
static bool is_whole(const lud_program *p) {
    uint32_t there = 0, made = 0;
    for (lud_t t = 1; t < p->n_tensors; t++)
        there += is_temporary(p, t);
    for (uint32_t i = 0; i < p->n_ops; i++)
        for (uint32_t k = 0; k < p->ops[i]->n_out; k++)
            made += is_temporary(p, p->first_result[i] + k);
    return there == made;
}

/* ---- Which steps ---- */
/* Small where every extent is 1; its results are read inside this program alone, and it needs nothing but a thread. */
static bool can_replicate(const cpu_job *job, const cpu_worker *ones, const cpu_step *s) {
    const lud_program *p = job->exe.program;
    const bool plain = s->plain && !s->accumulates && !s->never_solo;
    if (!plain || cpu_cost(ones, s) >= CPU_SOLO_ELEMENTS) return false;
    for (uint32_t k = 0; k < s->op->n_out; k++)
        if (s->out[k].t && !is_temporary(p, p->first_result[s->index] + k)) return false;
    for (uint32_t k = 0; k < s->op->n_in; k++)
        if (cpu_writes_input(s, k)) return false;
    return true;
}

/* ROPE steps share tables: all of them, or none. */
static void choose(const cpu_job *job, const cpu_worker *ones, cpu_step *steps) {
    bool ropes = true;
    for (uint32_t i = 0; i < job->exe.n_steps; i++) {
        steps[i].replicated = can_replicate(job, ones, &steps[i]);
        ropes &= steps[i].replicated || steps[i].op->opcode != LUD_OP_ROPE;
    }
    for (uint32_t i = 0; i < job->exe.n_steps; i++)
        if (!ropes && steps[i].op->opcode == LUD_OP_ROPE) steps[i].replicated = false;
}

/* ---- Where their results lie: a slot until the last step that reads it ---- */
static void find_last(maker *m, const cpu_step *steps) {
    for (uint32_t i = 0; i < m->job->exe.n_steps; i++)
        for (uint32_t k = 0; k < steps[i].op->n_in; k++)
            m->last[base_of(m->p, steps[i].op->in[k])] = i + 1;
}

static bool give_slots(maker *m, const cpu_step *steps) {
    uint32_t until[SLOTS] = {0}; /* the slot is taken up to this step */
    for (lud_t t = 0; t < m->p->n_tensors; t++)
        m->slot[t] = NO_SLOT;
    for (uint32_t i = 0; i < m->job->exe.n_steps; i++) {
        for (uint32_t k = 0; k < steps[i].op->n_out && steps[i].replicated; k++) {
            const lud_t t = m->p->first_result[steps[i].index] + k;
            int32_t at = 0;
            while (at < SLOTS && until[at] > i)
                at++;
            if (at == SLOTS) return false;
            m->slot[t] = (int8_t)at;
            until[at] = m->last[t] > i ? m->last[t] : i + 1;
            m->slots = at + 1 > m->slots ? at + 1 : m->slots;
        }
    }
    return true;
}

/* A step that changes its input in place would change one thread's copy. */
static bool writes_replica(const maker *m, const cpu_step *steps) {
    for (uint32_t i = 0; i < m->job->exe.n_steps; i++)
        for (uint32_t k = 0; k < steps[i].op->n_in; k++)
            if (cpu_writes_input(&steps[i], k) && m->slot[base_of(m->p, steps[i].op->in[k])] != NO_SLOT) return true;
    return false;
}

/* ---- The copies ---- */
static void move(const maker *m, cpu_ref *r, lud_t id, char *room) {
    const int8_t slot = m->slot[base_of(m->p, id)];
    if (r->t && slot != NO_SLOT) *r = (cpu_ref){.ptr = room + (size_t)slot * slot_bytes, .t = r->t, .bytes = 0};
}

static void copy_steps(const maker *m, int32_t rank, char *room) {
    cpu_exe *exe = &m->job->exe;
    cpu_step *to = m->job->replicas.steps + (size_t)rank * exe->n_steps;
    if (rank > 0) memcpy(to, m->job->replicas.steps, exe->n_steps * sizeof *to); /* before it moves */
    for (uint32_t i = 0; i < exe->n_steps; i++) {
        for (uint32_t k = 0; k < to[i].op->n_in; k++)
            move(m, &to[i].in[k], to[i].op->in[k], room);
        for (uint32_t k = 0; k < to[i].op->n_out && to[i].replicated; k++)
            move(m, &to[i].out[k], m->p->first_result[to[i].index] + k, room);
        if (to[i].op->opcode == LUD_OP_ROPE && to[i].replicated) to[i].table += (uint32_t)(rank + 1) * exe->n_tables;
    }
}

/* Each thread's tables of cosines and sines, behind its slots. */
static size_t table_bytes(const cpu_exe *exe) {
    return exe->n_tables * FEW_ELEMENTS * sizeof(float);
}
static void place_tables(cpu_exe *exe, int32_t rank, char *room) {
    for (uint32_t t = 0; t < exe->n_tables; t++) {
        cpu_rope_table *own = &exe->tables[(uint32_t)(rank + 1) * exe->n_tables + t];
        *own = exe->tables[t];
        own->cs = (float *)(void *)(room + t * FEW_ELEMENTS * sizeof(float));
    }
}

static lud_status fill(cpu_dev *dev, maker *m, const bool *shared, lud_error *err) {
    cpu_exe *exe = &m->job->exe;
    cpu_replicas *r = &m->job->replicas;
    const size_t slots = (size_t)m->slots * slot_bytes, each = slots + table_bytes(exe);
    r->room.size = each * (size_t)dev->threads;
    r->room.ptr = cpu_memory_new(dev->host, r->room.size);
    if (!r->room.ptr)
        return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for %zu bytes of replicas", r->room.size);
    for (int32_t rank = dev->threads; rank-- > 0;) {
        char *room = r->room.ptr + (size_t)rank * each;
        copy_steps(m, rank, room);
        place_tables(exe, rank, room + slots);
    }
    for (uint32_t i = 0; i < exe->n_steps; i++)
        r->steps[i].conflict = cpu_conflict(exe, r->steps, shared, i);
    return LUD_OK;
}

lud_status cpu_replicas_make(cpu_dev *dev, cpu_job *job, const bool *shared, lud_error *err) {
    const lud_program *p = job->exe.program;
    if (dev->threads == 1 || !cpu_decodes(p) || !is_whole(p)) return LUD_OK;
    maker m = {.job = job, .p = p};
    int64_t *extents = cpu_zeroed(dev, p->n_extents * sizeof *extents);
    m.last = cpu_zeroed(dev, p->n_tensors * sizeof *m.last);
    m.slot = cpu_zeroed(dev, p->n_tensors * sizeof *m.slot);
    cpu_step *steps = cpu_zeroed(dev, (size_t)dev->threads * job->exe.n_steps * sizeof *steps);
    lud_status st = extents && m.last && m.slot && steps ? LUD_OK : LUD_E_NOMEM;
    if (st == LUD_OK) {
        for (uint32_t e = 0; e < p->n_extents; e++)
            extents[e] = 1;
        job->replicas.steps = steps;
        memcpy(steps, job->exe.steps, job->exe.n_steps * sizeof *steps);
        choose(job, &(cpu_worker){.exe = &job->exe, .extents = extents}, steps);
        find_last(&m, steps);
        const bool good = give_slots(&m, steps) && m.slots > 0 && !writes_replica(&m, steps);
        if (good) st = fill(dev, &m, shared, err);
        if (!good || st != LUD_OK) cpu_replicas_free(dev, job);
        steps = NULL;
    }
    void *parts[] = {extents, m.last, m.slot, steps};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        dev->host->free(dev->ctx, parts[i]);
    return st;
}

void cpu_replicas_free(cpu_dev *dev, cpu_job *job) {
    cpu_memory_free(dev->host, job->replicas.room.ptr, job->replicas.room.size);
    dev->host->free(dev->ctx, job->replicas.steps);
    job->replicas = (cpu_replicas){0};
}

bool cpu_replicas_fit(const cpu_job *job, const cpu_worker *w) {
    if (!job->replicas.steps) return false;
    for (uint32_t i = 0; i < job->exe.n_steps; i++)
        if (job->replicas.steps[i].replicated && cpu_cost(w, &job->replicas.steps[i]) > FEW_ELEMENTS) return false;
    return true;
}
