/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION and ATTENTION_CACHED: streaming softmax over blocks of keys (Dao et al. 2022), no T x T buffer. Both run
 * the same code on a block of queries; they differ in where keys lie and in what a query's position is. */
#include "attention.h"

/* One thread's buffers. */
typedef struct forward {
    float *q, *out;       /* [rows][D], [rows][dp] */
    float *kt, *v;        /* panels */
    float *s;             /* [rows][KEY_BLOCK] */
    float *m, *l;         /* running maximum and sum of each row */
    float *krows, *vrows; /* [KEY_BLOCK][D]: keys copied out of pages */
    int64_t *pos;         /* position of each query of the block */
} forward;

/* Lays the buffers out from base; returns their size. */
static size_t carve(forward *f, const attn *a, uintptr_t base) {
    size_t used = 0;
    float **slots[] = {&f->q, &f->out, &f->kt, &f->v, &f->s, &f->m, &f->l, &f->krows, &f->vrows};
    int64_t sizes[] = {a->rows_max * a->d, a->rows_max * a->dp,     KEY_BLOCK * a->d,
                       KEY_BLOCK * a->dp,  a->rows_max * KEY_BLOCK, a->rows_max,
                       a->rows_max,        KEY_BLOCK * a->d,        KEY_BLOCK * a->d};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *slots[i] = (float *)(base + used);
        used += (size_t)cpu_round_up(sizes[i] * (int64_t)sizeof(float), CPU_LINE);
    }
    f->pos = (int64_t *)(base + used);
    return used + (size_t)a->qb * sizeof(int64_t);
}

void FN(attention_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    attn a = attn_of(w, s, (int)s->op->n_in - 1);
    forward f;
    need->scratch += carve(&f, &a, 0);
    need->loops = 2;
}

/* vf_max loses a NaN that -INFINITY follows. */
static bool any_nan(const float *s, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (s[i] != s[i]) return true;
    return false;
}

/* One row meets one block of n keys, the first of them `distance` after it, and sees [lo, hi) of them. s: dot products
 * in, probabilities out. */
ALWAYS_INLINE void soften(const attn *a, float slope, int64_t distance, float *s, int64_t n, int64_t lo, int64_t hi,
                          float *m, float *l, float *out) {
    vf top = vf_set1(-INFINITY), sum = vf_zero();
    bool whole = lo <= 0 && hi >= KEY_BLOCK;
    for (int64_t i = 0; i < n; i += VW) {
        vf z = attn_score(a->at, vf_load(s + i));
        if (slope != 0.0f) z += attn_bias(slope, distance + i);
        if (!whole) z = vf_select(attn_mask(i, lo, hi), z, vf_set1(-INFINITY));
        top = vf_max(top, z);
        vf_store(s + i, z);
    }
    float now = vf_hmax(top);
    now = now > *m ? now : *m;
    if (lo >= hi || (now == -INFINITY && !any_nan(s, n))) {
        memset(s, 0, (size_t)n * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i += VW) {
        vf p = vf_exp(vf_load(s + i) - now);
        sum += p;
        vf_store(s + i, p);
    }
    if (now != *m) {
        float shrink = vf_exp(vf_set1(*m - now))[0];
        *l *= shrink;
        for (int64_t i = 0; i < a->dp; i += VW)
            vf_store(out + i, vf_load(out + i) * shrink);
    }
    *l += vf_sum(sum);
    *m = now;
}

/* Keys and values of [j0, j0 + n) of the piece's segment; ld is the distance of their rows. */
typedef struct key_rows {
    const float *k, *v;
    int64_t ld;
} key_rows;
typedef key_rows (*key_source)(cpu_worker *, const cpu_step *, const attn *, const attn_item *, const forward *,
                               int64_t j0, int64_t n);

/* f->q and f->pos are filled; len: keys of the segment. Leaves sums and unscaled results in f. */
static void attend(cpu_worker *w, const cpu_step *st, const attn *a, const attn_item *it, const forward *f, int64_t len,
                   key_source source) {
    int64_t queries = it->q1 - it->q0, rows = queries * a->r, lo = len, hi = 0;
    for (int64_t q = 0; q < queries; q++) {
        lo = CPU_MIN(lo, attn_lo(a, f->pos[q]));
        hi = CPU_MAX(hi, attn_hi(a, f->pos[q], len));
    }
    memset(f->out, 0, (size_t)(rows * a->dp) * sizeof(float));
    for (int64_t i = 0; i < rows; i++)
        f->m[i] = -INFINITY, f->l[i] = 0.0f;
    for (int64_t j0 = lo / KEY_BLOCK * KEY_BLOCK; j0 < hi; j0 += KEY_BLOCK) {
        int64_t n = CPU_MIN(hi - j0, KEY_BLOCK), np = cpu_round_up(n, PN);
        key_rows keys = source(w, st, a, it, f, j0, n);
        FN(gemm_pack_rows)(f->kt, keys.k, keys.ld, n, a->d);
        FN(gemm_pack_cols)(f->v, keys.v, keys.ld, a->d, n);
        FN(gemm_packed)(f->q, a->d, 1, f->kt, f->s, KEY_BLOCK, NULL, rows, np, a->d, false);
        for (int64_t i = 0; i < rows; i++) {
            int64_t t = f->pos[i / a->r];
            soften(a, attn_slope(a, it, i), j0 - t, f->s + i * KEY_BLOCK, np, attn_lo(a, t) - j0,
                   CPU_MIN(attn_hi(a, t, len) - j0, n), &f->m[i], &f->l[i], f->out + i * a->dp);
        }
        FN(gemm_packed)(f->s, KEY_BLOCK, 1, f->v, f->out, a->dp, NULL, rows, a->dp, n, true);
    }
}

/* out (T,H,D) and, unless NULL, lse (T,H) of the piece's rows. */
static void finish(const attn *a, const attn_item *it, const forward *f, float *out, float *lse) {
    for (int64_t i = 0; i < (it->q1 - it->q0) * a->r; i++) {
        int64_t row = (it->first + it->q0 + i / a->r) * a->h + it->head * a->r + i % a->r;
        float scale = f->l[i] > 0.0f ? 1.0f / f->l[i] : (f->l[i] == 0.0f ? 0.0f : f->l[i]);
        for (int64_t j = 0; j < a->d; j += VW)
            vf_store_upto(out + row * a->d + j, vf_load(f->out + i * a->dp + j) * scale, a->d - j);
        if (lse) lse[row] = f->l[i] == 0.0f ? -INFINITY : f->m[i] + logf(f->l[i]);
    }
}

/* ---- ATTENTION ---- */
static key_rows keys_of_segment(cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const forward *f,
                                int64_t j0, int64_t n) {
    (void)w, (void)f, (void)n;
    int64_t at = ((it->first + j0) * a->g + it->head) * a->d;
    return (key_rows){cpu_in(s, 1) + at, cpu_in(s, 2) + at, a->g * a->d};
}

/* q (T,H,D), k, v (T,G,D), seg_offsets (S+1), slopes (H) or absent -> out (T,H,D), lse (T,H) */
void FN(attention)(cpu_worker *w, const cpu_step *s) {
    attn a = attn_of(w, s, 4);
    if (!segments_ok(w, s, a.seg, a.n_seg, a.t)) return;
    float *lse = cpu_count(w, &s->out[1]) ? cpu_out(s, 1) : NULL;
    forward f;
    carve(&f, &a, (uintptr_t)w->scratch);
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 0, attn_pieces_all(&a, false));
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        attn_item it = attn_seek(&a, &cursor, i, false);
        attn_rows_read(&a, &it, cpu_in(s, 0), f.q);
        for (int64_t q = it.q0; q < it.q1; q++)
            f.pos[q - it.q0] = q;
        attend(w, s, &a, &it, &f, it.len, keys_of_segment);
        finish(&a, &it, &f, cpu_out(s, 0), lse);
    }
}

/* ---- ATTENTION_CACHED ---- */
/* Page and slot of a position: element offset of row (page, slot, head 0) in a pool, -1 if the table is wrong. */
static int64_t pool_row(cpu_worker *w, const cpu_step *s, const attn *a, int64_t segment, int64_t position) {
    int64_t z = cpu_dim(w, &s->in[6], 1), per = cpu_dim(w, &s->in[5], 1), pages = cpu_dim(w, &s->in[6], 0);
    int64_t entry = position / z, page = -1;
    if (position >= 0 && entry < per) page = cpu_in_i32(s, 5)[segment * per + entry];
    if (page >= 0 && page < pages) return (page * z + position % z) * a->g * a->d;
    cpu_fail(w, s, "position %lld of segment %lld has no page (entry %lld, page %lld of %lld)", (long long)position,
             (long long)segment, (long long)entry, (long long)page, (long long)pages);
    return -1;
}

static void write_pools(cpu_worker *w, const cpu_step *s, const attn *a) {
    size_t bytes = (size_t)(a->g * a->d) * sizeof(float);
    cpu_loop loop = cpu_loop_start(w, s, 0, a->n_seg);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        for (int64_t t = a->seg[i]; t < a->seg[i + 1]; t++) {
            int64_t row = pool_row(w, s, a, i, cpu_in_i32(s, 4)[t]);
            if (row < 0) continue;
            memcpy((float *)s->in[6].ptr + row, cpu_in(s, 1) + t * a->g * a->d, bytes);
            memcpy((float *)s->in[7].ptr + row, cpu_in(s, 2) + t * a->g * a->d, bytes);
        }
    }
}

/* Where [j0, j0 + n) lies if its pages follow each other in the pools, else -1. */
static int64_t one_run(cpu_worker *w, const cpu_step *s, const attn *a, int64_t segment, int64_t j0, int64_t n) {
    int64_t z = cpu_dim(w, &s->in[6], 1), first = pool_row(w, s, a, segment, j0);
    for (int64_t j = z - j0 % z; j < n && first >= 0; j += z)
        if (pool_row(w, s, a, segment, j0 + j) != first + j * a->g * a->d) return -1;
    return first;
}

/* Rows of one head are too short for the hardware to run ahead of. */
static void fetch_rows(const float *rows, int64_t ld, int64_t n, int64_t d) {
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < d; i += CPU_LINE / (int64_t)sizeof(float))
            __builtin_prefetch(rows + j * ld + i);
}

static key_rows keys_of_pages(cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const forward *f,
                              int64_t j0, int64_t n) {
    const float *k = cpu_in(s, 6) + it->head * a->d, *v = cpu_in(s, 7) + it->head * a->d;
    size_t bytes = (size_t)a->d * sizeof(float);
    int64_t run = one_run(w, s, a, it->s, j0, n), ld = a->g * a->d;
    if (run >= 0) {
        fetch_rows(k + run + KEY_BLOCK * ld, ld, KEY_BLOCK, a->d);
        fetch_rows(v + run + KEY_BLOCK * ld, ld, KEY_BLOCK, a->d);
        return (key_rows){k + run, v + run, ld};
    }
    for (int64_t j = 0; j < n; j++) {
        int64_t row = pool_row(w, s, a, it->s, j0 + j);
        if (row < 0) {
            memset(f->krows + j * a->d, 0, bytes);
            memset(f->vrows + j * a->d, 0, bytes);
            continue;
        }
        memcpy(f->krows + j * a->d, k + row, bytes);
        memcpy(f->vrows + j * a->d, v + row, bytes);
    }
    return (key_rows){f->krows, f->vrows, a->d};
}

/* q, k, v, seg_offsets, positions (T), page_table (S,P), k_pool, v_pool (B,Z,G,D), slopes -> out (T,H,D) */
void FN(attention_cached)(cpu_worker *w, const cpu_step *s) {
    attn a = attn_of(w, s, 8);
    int64_t capacity = cpu_dim(w, &s->in[5], 1) * cpu_dim(w, &s->in[6], 1);
    if (!segments_ok(w, s, a.seg, a.n_seg, a.t)) return;
    write_pools(w, s, &a);
    cpu_barrier(w);
    lud_attr_attention causal = *a.at;
    causal.causal = 1;
    a.at = &causal;
    forward f;
    carve(&f, &a, (uintptr_t)w->scratch);
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 1, attn_pieces_all(&a, false));
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        attn_item it = attn_seek(&a, &cursor, i, false);
        attn_rows_read(&a, &it, cpu_in(s, 0), f.q);
        for (int64_t q = it.q0; q < it.q1; q++) {
            int64_t p = cpu_in_i32(s, 4)[it.first + q];
            f.pos[q - it.q0] = CPU_MIN(CPU_MAX(p, 0), capacity - 1);
        }
        attend(w, s, &a, &it, &f, capacity, keys_of_pages);
        finish(&a, &it, &f, cpu_out(s, 0), NULL);
    }
}
