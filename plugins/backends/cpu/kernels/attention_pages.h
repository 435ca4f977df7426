/* SPDX-License-Identifier: Apache-2.0
 * The pages of keys and values that ATTENTION_CACHED reads, and one thread's buffers. Both are words of 32 bits that
 * hold NUMBERS numbers each, 1 in fp32 or 2 in bf16: of a key neighbours in D, of values those of two keys. A page of
 * LANES keys is for each head keys [D / NUMBERS][LANES] and values [LANES / NUMBERS][D] of such words. */
#ifndef CPU_ATTENTION_PAGES_H
#define CPU_ATTENTION_PAGES_H

#include "attention.h"
#include "bf16.h"
#include "transpose.h"

enum {
    LANES = 32,  /* keys of a page that is read where it lies */
    BLOCK = 128, /* keys */
    BLOCK_PAGES = BLOCK / LANES
};

typedef struct cache {
    attn a;
    const float *k, *v; /* words */
    const int32_t *table, *positions;
    int64_t z, per, pages; /* keys of a page, pages of a segment, pages in all */
    int64_t words, pitch;  /* of a key; from one query's to the next one's */
    int64_t stride;        /* floats of a part: maximum, sum, from VW on the weighted values */
} cache;

static cache cache_of(const cpu_worker *w, const cpu_step *s) {
    cache c = {.a = attn_of(w, s, 8),
               .k = cpu_in(s, 6),
               .v = cpu_in(s, 7),
               .positions = cpu_in_i32(s, 4),
               .table = cpu_in_i32(s, 5),
               .z = cpu_dim(w, &s->in[6], 3),
               .per = cpu_dim(w, &s->in[5], 1),
               .pages = cpu_dim(w, &s->in[6], 0)};
    c.words = c.a.d / NUMBERS;
    c.pitch = NUMBERS == 1 ? c.a.d : bf16_ld(c.a.d) / NUMBERS;
    c.stride = VW + cpu_round_up(c.a.d, VW);
    return c;
}

/* One thread's buffers. */
typedef struct room {
    float *q;      /* [rows][pitch] */
    float *s;      /* [rows][BLOCK] scores, then weights in words */
    float *part;   /* [rows][stride] of a block */
    float *total;  /* the same of all blocks */
    float *kt, *v; /* a block copied out of pages of another size */
    float *fresh;  /* [G][pitch]: a new token's keys or values, rounded */
    int64_t *pos;  /* position of each query */
} room;

static size_t carve(room *f, const cache *c, uintptr_t base) {
    const int64_t rows = c->a.rows_max, block = BLOCK * c->words;
    void *const slots[] = {&f->q, &f->s, &f->part, &f->total, &f->kt, &f->v, &f->fresh};
    int64_t sizes[] = {rows * c->pitch, rows * BLOCK, rows * c->stride, rows * c->stride,
                       block,           block,        c->a.g * c->pitch};
    const size_t used = attn_carve(base, sizeof sizes / sizeof sizes[0], slots, sizes, sizeof(float));
    f->pos = (int64_t *)(base + used);
    return used + (size_t)c->a.qb * sizeof(int64_t);
}

/* The page of a position; page 0 if the table is wrong, and then the step fails. */
static int64_t page_of(cpu_worker *w, const cpu_step *s, const cache *c, int64_t segment, int64_t position) {
    int64_t entry = position / c->z, page = -1;
    if (position >= 0 && entry < c->per) page = c->table[segment * c->per + entry];
    if (page >= 0 && page < c->pages) return page;
    cpu_fail(w, s, "position %lld of segment %lld has no page (entry %lld, page %lld of %lld)", (long long)position,
             (long long)segment, (long long)entry, (long long)page, (long long)c->pages);
    return 0;
}

/* A block of keys. Pages in the order in which they are read: keys, then values. */
typedef struct block {
    const float *page[2 * BLOCK_PAGES];
    int64_t j0, n;
} block;

/* Words of VW keys, which are rows, into a page of keys. */
static void turn_keys(const float *const row[VW], int64_t words, float *page) {
    for (int64_t i = 0; i < words; i += VW) {
        vf square[VW];
        UNROLL
        for (int t = 0; t < VW; t++)
            square[t] = vf_load(row[t] + i);
        transpose(square);
        for (int t = 0; t < VW; t++)
            vf_store(page + (i + t) * LANES, square[t]);
    }
}

#endif
