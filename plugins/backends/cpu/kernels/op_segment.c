/* SPDX-License-Identifier: Apache-2.0
 * SEGMENT_POOL, SEGMENT_UNFOLD and their gradients. A column of a segment adds its tokens in increasing order, in the
 * blocks of column_sums; gradients are row by row. Tokens of no segment get 0. */
#include "segments.h"

enum { POOL_COLUMNS = 256 }; /* columns in a piece of work: a multiple of VW */

static vi index_load(const int32_t *p, int64_t left) {
    vi v = {0};
    memcpy(&v, p, (size_t)CPU_MIN(left, VW) * sizeof *p);
    return v;
}

/* Largest element of each column, the first of equal ones; NaN is larger than everything. */
static void pool_max(const float *x, int64_t len, int64_t c, int64_t j0, int64_t j1, float *y, int32_t *index) {
    for (int64_t j = j0; j < j1; j += VW) {
        int64_t left = j1 - j;
        vf top = vf_load_upto(x + j, left);
        vi at = {0};
        for (int64_t t = 1; t < len; t++) {
            vf v = vf_load_upto(x + t * c + j, left);
            vi more = (vi)(v > top) | ((vi)(v != v) & (vi)(top == top));
            top = vf_select(more, v, top);
            at = (more & (int32_t)t) | (~more & at);
        }
        vf_store_upto(y + j, top, left);
        memcpy(index + j, &at, (size_t)CPU_MIN(left, VW) * sizeof *index);
    }
}

/* Columns [j0, j1) of one segment of len > 0 tokens. */
static void pool(int32_t kind, const float *x, int64_t len, int64_t c, int64_t j0, int64_t j1, float *y,
                 int32_t *index) {
    if (kind == LUD_POOL_MAX) {
        pool_max(x, len, c, j0, j1, y, index);
    } else if (kind == LUD_POOL_FIRST || kind == LUD_POOL_LAST) {
        const float *row = x + (kind == LUD_POOL_FIRST ? 0 : (len - 1) * c);
        memcpy(y + j0, row + j0, (size_t)(j1 - j0) * sizeof(float));
    } else {
        FN(column_sums)(x, len, c, j0, j1, y, false);
        for (int64_t j = j0; kind == LUD_POOL_MEAN && j < j1; j++)
            y[j] /= (float)len;
    }
}

/* x (T,C), seg_offsets (S+1) -> y (S,C), index I32 (S,C) for MAX */
void FN(segment_pool)(cpu_worker *w, const cpu_step *s) {
    int32_t kind = ((const lud_attr_pool *)s->attr)->kind;
    int64_t c = cpu_dim(w, &s->in[0], 1), blocks = cpu_ceil_div(c, POOL_COLUMNS);
    segments g;
    if (!segments_of(w, s, 1, cpu_dim(w, &s->in[0], 0), &s->out[0], &g)) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.n * blocks, segment_grain(&g, CPU_MIN(c, POOL_COLUMNS)));
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin; i < it.end; i++) {
            int64_t at = i / blocks, j0 = i % blocks * POOL_COLUMNS, j1 = CPU_MIN(j0 + POOL_COLUMNS, c);
            int64_t first = g.offsets[at], len = g.offsets[at + 1] - first;
            float *y = cpu_out(s, 0) + at * c;
            int32_t *index = kind == LUD_POOL_MAX ? (int32_t *)s->out[1].ptr + at * c : NULL;
            if (len > 0) {
                pool(kind, cpu_in(s, 0) + first * c, len, c, j0, j1, y, index);
                continue;
            }
            memset(y + j0, 0, (size_t)(j1 - j0) * sizeof(float));
            if (index) memset(index + j0, 0, (size_t)(j1 - j0) * sizeof *index);
        }
    }
}

/* Row t of len of a segment: dy where it was taken. */
static void pool_grad_row(int32_t kind, const float *dy, const int32_t *index, int64_t t, int64_t len, float *dx,
                          int64_t c) {
    bool none = (kind == LUD_POOL_FIRST && t != 0) || (kind == LUD_POOL_LAST && t != len - 1);
    for (int64_t j = 0; j < c; j += VW) {
        vf d = none ? vf_zero() : vf_load_upto(dy + j, c - j);
        if (kind == LUD_POOL_MEAN) d = d / (float)len;
        if (kind == LUD_POOL_MAX) d = vf_select((vi)(index_load(index + j, c - j) == (int32_t)t), d, vf_zero());
        vf_store_upto(dx + j, d, c - j);
    }
}

/* dy (S,C), index (S,C) or absent, seg_offsets (S+1) -> dx (T,C) */
void FN(segment_pool_grad)(cpu_worker *w, const cpu_step *s) {
    int32_t kind = ((const lud_attr_pool *)s->attr)->kind;
    int64_t c = cpu_dim(w, &s->out[0], 1);
    segments g;
    if (!segments_of(w, s, 2, cpu_dim(w, &s->out[0], 0), &s->in[0], &g)) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.tokens, ELEMENT_GRAIN / CPU_MAX(c, 1));
    while (cpu_ranges_next(&it)) {
        int64_t at = segment_seek(&g, it.begin);
        for (int64_t t = it.begin; t < it.end; t++) {
            float *dx = cpu_out(s, 0) + t * c;
            at = segment_at(&g, t, at);
            if (segment_has(&g, at, t))
                pool_grad_row(kind, cpu_in(s, 0) + at * c, kind == LUD_POOL_MAX ? cpu_in_i32(s, 1) + at * c : NULL,
                              t - g.offsets[at], g.offsets[at + 1] - g.offsets[at], dx, c);
            else
                memset(dx, 0, (size_t)c * sizeof(float));
        }
    }
}

/* x (T,C), seg_offsets (S+1) -> (T,rows,C), rows = left + 1 + right */
void FN(segment_unfold)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_window *a = s->attr;
    int64_t c = cpu_dim(w, &s->in[0], 1), rows = (int64_t)a->left + 1 + a->right;
    segments g;
    if (!segments_of(w, s, 1, cpu_dim(w, &s->in[0], 0), NULL, &g)) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.tokens, ELEMENT_GRAIN / CPU_MAX(c * rows, 1));
    while (cpu_ranges_next(&it)) {
        int64_t at = segment_seek(&g, it.begin);
        for (int64_t t = it.begin; t < it.end; t++) {
            float *out = cpu_out(s, 0) + t * rows * c;
            at = segment_at(&g, t, at);
            bool inside = segment_has(&g, at, t);
            int64_t lo = inside ? CPU_MAX(t - a->left, g.offsets[at]) : t;
            int64_t hi = inside ? CPU_MIN(t + a->right + 1, g.offsets[at + 1]) : t, before = lo - (t - a->left);
            memset(out, 0, (size_t)(before * c) * sizeof(float));
            memcpy(out + before * c, cpu_in(s, 0) + lo * c, (size_t)((hi - lo) * c) * sizeof(float));
            memset(out + (before + hi - lo) * c, 0, (size_t)((rows - before - hi + lo) * c) * sizeof(float));
        }
    }
}

/* dy (T,rows,C), seg_offsets (S+1) -> dx (T,C): a token adds its places in increasing row of the window */
void FN(segment_unfold_grad)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_window *a = s->attr;
    int64_t c = cpu_dim(w, &s->out[0], 1), rows = (int64_t)a->left + 1 + a->right;
    segments g;
    if (!segments_of(w, s, 1, cpu_dim(w, &s->out[0], 0), NULL, &g)) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, g.tokens, ELEMENT_GRAIN / CPU_MAX(c * rows, 1));
    while (cpu_ranges_next(&it)) {
        int64_t at = segment_seek(&g, it.begin);
        for (int64_t t = it.begin; t < it.end; t++) {
            at = segment_at(&g, t, at);
            bool inside = segment_has(&g, at, t); /* row r of token t + left - r holds t */
            int64_t r0 = inside ? CPU_MAX(t + a->left - g.offsets[at + 1] + 1, 0) : 0;
            int64_t r1 = inside ? CPU_MIN(t + a->left - g.offsets[at] + 1, rows) : 0;
            for (int64_t j = 0; j < c; j += VW) {
                vf sum = vf_zero();
                for (int64_t r = r0; r < r1; r++)
                    sum += vf_load_upto(cpu_in(s, 0) + ((t + a->left - r) * rows + r) * c + j, c - j);
                vf_store_upto(cpu_out(s, 0) + t * c + j, sum, c - j);
            }
        }
    }
}
