/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION: streaming softmax over blocks of keys (Dao et al. 2022), no T x T buffer. */
#include "attention.h"

/* One thread's buffers. */
typedef struct forward {
    float *q, *out; /* [rows][D], [rows][dp] */
    float *kt, *v;  /* panels */
    float *s;       /* [rows][KEY_BLOCK] */
    float *m, *l;   /* running maximum and sum of each row */
} forward;

/* Lays the buffers out from base; returns their size. */
static size_t carve(forward *f, const attn *a, uintptr_t base) {
    void *const slots[] = {&f->q, &f->out, &f->kt, &f->v, &f->s, &f->m, &f->l};
    int64_t sizes[] = {a->rows_max * a->d,      a->rows_max * a->dp, KEY_BLOCK * a->d, KEY_BLOCK * a->dp,
                       a->rows_max * KEY_BLOCK, a->rows_max,         a->rows_max};
    return attn_carve(base, sizeof sizes / sizeof sizes[0], slots, sizes, sizeof(float));
}

void FN(attention_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    attn a = attn_of(w, s, 4);
    forward f;
    need->scratch += carve(&f, &a, 0);
    need->loops = 1;
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

/* f->q is filled; k, v: the segment's first row of the head. Leaves sums and unscaled results in f. */
static void attend(const attn *a, const attn_item *it, const forward *f, const float *k, const float *v) {
    int64_t rows = (it->q1 - it->q0) * a->r, ld = a->g * a->d;
    int64_t lo = attn_lo(a, it->q0), hi = attn_hi(a, it->q1 - 1, it->len);
    memset(f->out, 0, (size_t)(rows * a->dp) * sizeof(float));
    for (int64_t i = 0; i < rows; i++)
        f->m[i] = -INFINITY, f->l[i] = 0.0f;
    for (int64_t j0 = lo / KEY_BLOCK * KEY_BLOCK; j0 < hi; j0 += KEY_BLOCK) {
        int64_t n = CPU_MIN(hi - j0, KEY_BLOCK), np = cpu_round_up(n, PN);
        FN(gemm_pack_rows)(f->kt, k + j0 * ld, ld, n, a->d);
        FN(gemm_pack_cols)(f->v, v + j0 * ld, ld, a->d, n);
        attn_dots(a, it, f->q, f->kt, f->s, j0, n);
        for (int64_t i = 0; i < rows; i++) {
            int64_t t = it->q0 + i / a->r;
            soften(a, attn_slope(a, it, i), j0 - t, f->s + i * KEY_BLOCK, np, attn_lo(a, t) - j0,
                   CPU_MIN(attn_hi(a, t, it->len) - j0, n), &f->m[i], &f->l[i], f->out + i * a->dp);
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
        int64_t first = (it.first * a.g + it.head) * a.d;
        attend(&a, &it, &f, cpu_in(s, 1) + first, cpu_in(s, 2) + first);
        finish(&a, &it, &f, cpu_out(s, 0), lse);
    }
}
