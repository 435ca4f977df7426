/* SPDX-License-Identifier: Apache-2.0
 * What the attention files share. Queries are handled per key/value head in blocks: the rows of a block are
 * (token, head of the group), token first, R = H / G heads to a group. Keys come in blocks of KEY_BLOCK counted from
 * the segment's first key; a row meets its blocks in increasing order, so its bits do not depend on the query block. */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H

#include "segments.h"
#include "vmath.h"

enum { KEY_BLOCK = 64, QUERY_ROWS = 96 };

typedef struct attn {
    const lud_attr_attention *at;
    int64_t t, h, g, d, r; /* tokens, heads, key/value heads, head size, heads per group */
    int64_t dp;            /* d rounded up to whole panels */
    int64_t qb, rows_max;  /* queries and rows in a block */
    const int32_t *seg;
    int64_t n_seg;
    const float *slopes; /* [H] or NULL */
} attn;

/* n buffers one after the other from base, each on lines of its own: pointers[i] is the address of the pointer to one
 * of sizes[i] elements of `unit` bytes. Returns the size of all. */
ALWAYS_INLINE size_t attn_carve(uintptr_t base, size_t n, void *const pointers[], const int64_t sizes[], size_t unit) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const void *buffer = (const void *)(base + used);
        memcpy(pointers[i], &buffer, sizeof buffer);
        used += (size_t)cpu_round_up(sizes[i] * (int64_t)unit, CPU_LINE);
    }
    return used;
}

/* One piece of work: queries [q0, q1) (counted in the segment) of key/value head `head`. */
typedef struct attn_item {
    int64_t first, len; /* segment: first token, tokens */
    int64_t s, q0, q1, head;
} attn_item;

/* Walks the pieces in increasing number. per_segment: one piece for each (segment, head). */
typedef struct attn_cursor {
    int64_t s, before; /* segment, number of pieces before it */
} attn_cursor;

/* slopes: the number of that input. */
ALWAYS_INLINE attn attn_of(const cpu_worker *w, const cpu_step *s, int slopes) {
    attn a = {.at = s->attr,
              .slopes = cpu_in(s, slopes),
              .t = cpu_dim(w, &s->in[0], 0),
              .h = cpu_dim(w, &s->in[0], 1),
              .g = cpu_dim(w, &s->in[1], 1),
              .d = cpu_dim(w, &s->in[0], 2),
              .seg = s->in[3].ptr,
              .n_seg = cpu_dim(w, &s->in[3], 0) - 1};
    a.r = a.g ? a.h / a.g : 1;
    a.dp = cpu_round_up(a.d, PN);
    a.qb = CPU_MAX(QUERY_ROWS / CPU_MAX(a.r, 1), 1);
    a.rows_max = a.qb * a.r;
    return a;
}

ALWAYS_INLINE int64_t attn_pieces(const attn *a, int64_t s, bool per_segment) {
    int64_t len = a->seg[s + 1] - a->seg[s];
    return (per_segment ? len > 0 : cpu_ceil_div(len, a->qb)) * a->g;
}
ALWAYS_INLINE int64_t attn_pieces_all(const attn *a, bool per_segment) {
    int64_t n = 0;
    for (int64_t s = 0; s < a->n_seg; s++)
        n += attn_pieces(a, s, per_segment);
    return n;
}
ALWAYS_INLINE attn_item attn_seek(const attn *a, attn_cursor *c, int64_t i, bool per_segment) {
    while (i - c->before >= attn_pieces(a, c->s, per_segment))
        c->before += attn_pieces(a, c->s++, per_segment);
    int64_t k = i - c->before, len = a->seg[c->s + 1] - a->seg[c->s], q0 = per_segment ? 0 : k / a->g * a->qb;
    return (attn_item){.first = a->seg[c->s],
                       .len = len,
                       .s = c->s,
                       .q0 = q0,
                       .q1 = per_segment ? len : CPU_MIN(q0 + a->qb, len),
                       .head = k % a->g};
}

/* Keys [lo, hi) that query t of a segment of len keys sees. */
ALWAYS_INLINE int64_t attn_lo(const attn *a, int64_t t) {
    return a->at->left >= 0 ? CPU_MAX(t - a->at->left, 0) : 0;
}
ALWAYS_INLINE int64_t attn_hi(const attn *a, int64_t t, int64_t len) {
    int64_t hi = a->at->causal ? CPU_MIN(t + 1, len) : len;
    return a->at->right >= 0 ? CPU_MIN(hi, t + a->at->right + 1) : hi;
}

/* z = soft-capped scale * q.k, for lanes of one row of scores. */
ALWAYS_INLINE vf attn_score(const lud_attr_attention *at, vf dot) {
    vf z = at->scale * dot;
    return at->softcap > 0.0f ? at->softcap * vf_tanh(z / at->softcap) : z;
}
ALWAYS_INLINE float attn_slope(const attn *a, const attn_item *it, int64_t row) {
    return a->slopes ? a->slopes[it->head * a->r + row % a->r] : 0.0f;
}
/* slope times the distance of keys from the query, which the first lane has at `distance`. */
ALWAYS_INLINE vf attn_bias(float slope, int64_t distance) {
    return slope * vf_from_int(vi_lanes() + (int32_t)distance);
}
/* All ones where lo <= lane + i < hi. */
ALWAYS_INLINE vi attn_mask(int64_t i, int64_t lo, int64_t hi) {
    vi lane = vi_lanes() + (int32_t)i;
    return (vi)(lane >= (int32_t)lo) & (vi)(lane < (int32_t)hi);
}

/* Rows of a block out of x (T,H,D): dst [rows][D]. */
ALWAYS_INLINE void attn_rows_read(const attn *a, const attn_item *it, const float *x, float *dst) {
    for (int64_t q = it->q0; q < it->q1; q++)
        memcpy(dst + (q - it->q0) * a->r * a->d, x + ((it->first + q) * a->h + it->head * a->r) * a->d,
               (size_t)(a->r * a->d) * sizeof(float));
}

/* out [rows][KEY_BLOCK]: dot products of a block's rows, x [rows][D], with n keys from j0 on, in panels. Rows that see
 * no key of a panel, the first ones in causal attention without a cache, are left out there. */
ALWAYS_INLINE void attn_dots(const attn *a, const attn_item *it, const float *x, const float *panels, float *out,
                             int64_t j0, int64_t n) {
    int64_t rows = (it->q1 - it->q0) * a->r;
    for (int64_t j = 0; j < n; j += PN) {
        int64_t blind = a->at->causal ? CPU_MIN(CPU_MAX(j0 + j - it->q0, 0) * a->r, rows) : 0;
        FN(gemm_packed)
        (x + blind * a->d, a->d, 1, panels + j * a->d, out + blind * KEY_BLOCK + j, KEY_BLOCK, NULL, rows - blind, PN,
         a->d, false);
    }
}

#endif
