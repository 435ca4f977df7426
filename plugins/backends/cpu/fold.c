/* SPDX-License-Identifier: Apache-2.0
 * Sums that need no step of their own: a result that is only ever added to something is added there by the step that
 * makes it. So are gradients of weights that micro-batches sum, the parts of a cotangent, and what an adapter adds. */
#include "program.h"

enum { MANY_READERS = UINT32_MAX, NEAR = 16, ONE_BLOCK = 256 };

/* 1 + the step that reads a tensor. */
static void find_readers(const cpu_exe *exe, uint32_t *reader) {
    for (uint32_t i = 0; i < exe->n_steps; i++)
        for (uint32_t k = 0; k < exe->steps[i].op->n_in; k++) {
            uint32_t *r = &reader[exe->steps[i].op->in[k]];
            *r = *r ? MANY_READERS : i + 1;
        }
}

/* Steps that can add to what lies where their result goes. A forward product only where that gives the bits of a sum of
 * its own, since other programs may lie otherwise: one block of K, which gemm.h adds at once. */
static bool can_add(const cpu_step *s) {
    switch (s->op->opcode) {
    case LUD_OP_LINEAR:
        return !s->int8 && !s->in[2].t && s->in[1].t->storage == LUD_STORAGE_PLAIN && s->in[1].t->dim[1] <= ONE_BLOCK;
    case LUD_OP_LINEAR_GRAD_INPUT:
    case LUD_OP_LINEAR_GRAD_WEIGHT:
    case LUD_OP_RMS_NORM_GRAD:
    case LUD_OP_SUM_TO:
        return true;
    default:
        return false;
    }
}

/* The input of a sum that it is written over; -1: it lies elsewhere. */
static int32_t grows(const cpu_step *sum) {
    if (sum->op->opcode == LUD_OP_ACC) return 0;
    for (int32_t i = 0; sum->op->opcode == LUD_OP_ADD && i < 2; i++)
        if (sum->in[i].ptr == sum->out[0].ptr && sum->in[i].bytes == sum->out[0].bytes) return i;
    return -1;
}

/* The step that makes what the sum adds, if it may do so itself: nothing before the sum needs the old value. */
static cpu_step *maker(const cpu_exe *exe, const uint32_t *reader, cpu_step *sum) {
    const int32_t to = grows(sum);
    if (to < 0 || sum->out[0].t->dtype != LUD_F32) return NULL;
    const cpu_ref *part = &sum->in[1 - to];
    const uint32_t n = sum->index > NEAR ? sum->index - NEAR : 0;
    if (reader[sum->op->in[1 - to]] != sum->index + 1 || part->t->role != LUD_ROLE_TEMP ||
        part->bytes != sum->in[to].bytes)
        return NULL;
    for (uint32_t i = sum->index; i-- > n;) {
        cpu_step *s = &exe->steps[i];
        const bool made = s->fn && exe->program->first_result[i] == sum->op->in[1 - to];
        if (made && can_add(s) && !s->accumulates && !cpu_touches(s, &sum->in[to])) return s;
        if (made || (s->fn && cpu_touches(s, &sum->in[to]))) return NULL;
    }
    return NULL;
}

void cpu_fold_sums(cpu_exe *exe, uint32_t *reader) {
    const bool all = !cpu_decodes(exe->program); /* else replicas.c finds results by their tensors */
    uint32_t n = 0;
    find_readers(exe, reader);
    for (uint32_t i = 0; i < exe->n_steps; i++) {
        cpu_step *sum = &exe->steps[i], *made = maker(exe, reader, sum);
        if (!made || !(all || sum->op->opcode == LUD_OP_ACC)) continue;
        made->out[0] = sum->in[grows(sum)];
        made->accumulates = true;
        sum->fn = NULL;
    }
    for (uint32_t i = 0; i < exe->n_steps; i++)
        if (exe->steps[i].fn) exe->steps[n++] = exe->steps[i];
    exe->n_steps = n;
}
