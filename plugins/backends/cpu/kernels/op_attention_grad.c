/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_GRAD: probabilities are recomputed from lse, block by block; keys are packed once for all queries. A piece
 * is one (segment, key/value head), so dk and dv have one writer and add query rows in increasing order; dq adds key
 * blocks in increasing order. */
#include "attention.h"

typedef struct backward {
    float *q, *dout, *dq; /* [rows][D] */
    float *qp, *doutp;    /* the same as panels over D */
    float *kt, *vt, *kp;  /* of the whole segment, by block: keys, values as columns; keys as rows; panels */
    float *p, *ds;        /* [rows][KEY_BLOCK] */
    float *lse, *delta;   /* [rows] */
} backward;

/* Lays the buffers out from base; returns their size. */
static size_t carve(backward *b, const attn *a, uintptr_t base) {
    void *const slots[] = {&b->q,  &b->dout, &b->dq, &b->qp, &b->doutp, &b->kt,
                           &b->vt, &b->kp,   &b->p,  &b->ds, &b->lse,   &b->delta};
    int64_t row = a->rows_max, len = cpu_round_up(a->t, KEY_BLOCK),
            sizes[] = {row * a->d, row * a->d,  row * a->d,      row * a->dp,     row * a->dp, len * a->d,
                       len * a->d, len * a->dp, row * KEY_BLOCK, row * KEY_BLOCK, row,         row};
    return attn_carve(base, sizeof sizes / sizeof sizes[0], slots, sizes, sizeof(float));
}

void FN(attention_grad_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    attn a = attn_of(w, s, 7);
    backward b;
    need->scratch += carve(&b, &a, 0);
    need->loops = 1;
}

/* Reads a block of queries: q, dout, lse, and delta = sum over D of out * dout. */
static void read_queries(const cpu_step *s, const attn *a, const attn_item *it, const backward *b) {
    int64_t rows = (it->q1 - it->q0) * a->r;
    memset(b->dq, 0, (size_t)(rows * a->d) * sizeof(float));
    attn_rows_read(a, it, cpu_in(s, 0), b->q);
    attn_rows_read(a, it, cpu_in(s, 6), b->dout);
    FN(gemm_pack_cols)(b->qp, b->q, a->d, a->d, rows);
    FN(gemm_pack_cols)(b->doutp, b->dout, a->d, a->d, rows);
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = (it->first + it->q0 + i / a->r) * a->h + it->head * a->r + i % a->r;
        const float *out = cpu_in(s, 4) + row * a->d;
        vf sum = vf_zero();
        for (int64_t j = 0; j < a->d; j += VW)
            sum = vf_fma(vf_load_upto(out + j, a->d - j), vf_load_upto(b->dout + i * a->d + j, a->d - j), sum);
        b->delta[i] = vf_sum(sum);
        b->lse[i] = cpu_in(s, 5)[row];
    }
}

static void write_queries(const cpu_step *s, const attn *a, const attn_item *it, const backward *b) {
    for (int64_t q = it->q0; q < it->q1; q++)
        memcpy(cpu_out(s, 0) + ((it->first + q) * a->h + it->head * a->r) * a->d, b->dq + (q - it->q0) * a->r * a->d,
               (size_t)(a->r * a->d) * sizeof(float));
}

/* p: dot products in, probabilities out; ds: d p in, d (dot product) out. The row sees keys [lo, hi) of n, the first of
 * them `distance` after it. */
ALWAYS_INLINE void soften_grad(const attn *a, float slope, int64_t distance, float *p, float *ds, int64_t n, int64_t lo,
                               int64_t hi, float lse, float delta) {
    bool whole = lo <= 0 && hi >= n;
    if (lo >= hi || lse == -INFINITY) {
        memset(p, 0, (size_t)n * sizeof(float));
        memset(ds, 0, (size_t)n * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i += VW) {
        vf z = attn_score(a->at, vf_load(p + i));
        vf e = vf_exp(slope != 0.0f ? z + attn_bias(slope, distance + i) - lse : z - lse);
        vf d = e * (vf_load(ds + i) - delta) * a->at->scale;
        if (a->at->softcap > 0.0f) {
            vf c = z / a->at->softcap;
            d = d * (1.0f - c * c);
        }
        if (!whole) { /* what the row does not see was not computed: anything may stand there */
            const vi sees = attn_mask(i, lo, hi);
            e = vf_select(sees, e, vf_zero());
            d = vf_select(sees, d, vf_zero());
        }
        vf_store(p + i, e);
        vf_store(ds + i, d);
    }
}

/* Keys [j0, j0 + n) against the block of queries `it`. */
static void pair(const cpu_step *s, const attn *a, const attn_item *it, const backward *b, int64_t j0, int64_t n) {
    int64_t rows = (it->q1 - it->q0) * a->r, np = cpu_round_up(n, PN), ld = a->g * a->d;
    int64_t at = (it->first + j0) * ld + it->head * a->d;
    attn_dots(a, it, b->q, b->kt + j0 * a->d, b->p, j0, n);
    attn_dots(a, it, b->dout, b->vt + j0 * a->d, b->ds, j0, n);
    for (int64_t i = 0; i < rows; i++) {
        int64_t t = it->q0 + i / a->r;
        soften_grad(a, attn_slope(a, it, i), j0 - t, b->p + i * KEY_BLOCK, b->ds + i * KEY_BLOCK, np,
                    attn_lo(a, t) - j0, CPU_MIN(attn_hi(a, t, it->len) - j0, n), b->lse[i], b->delta[i]);
    }
    FN(gemm_packed)(b->ds, KEY_BLOCK, 1, b->kp + j0 * a->dp, b->dq, a->d, NULL, rows, a->d, n, true);
    FN(gemm_packed)(b->ds, 1, KEY_BLOCK, b->qp, cpu_out(s, 1) + at, ld, NULL, n, a->d, rows, true);
    FN(gemm_packed)(b->p, 1, KEY_BLOCK, b->doutp, cpu_out(s, 2) + at, ld, NULL, n, a->d, rows, true);
}

static void pack_keys(const cpu_step *s, const attn *a, const attn_item *it, const backward *b) {
    int64_t ld = a->g * a->d;
    for (int64_t t = it->first; t < it->first + it->len; t++) {
        memset(cpu_out(s, 1) + t * ld + it->head * a->d, 0, (size_t)a->d * sizeof(float));
        memset(cpu_out(s, 2) + t * ld + it->head * a->d, 0, (size_t)a->d * sizeof(float));
    }
    for (int64_t j0 = 0; j0 < it->len; j0 += KEY_BLOCK) {
        int64_t n = CPU_MIN(it->len - j0, KEY_BLOCK), at = (it->first + j0) * ld + it->head * a->d;
        FN(gemm_pack_rows)(b->kt + j0 * a->d, cpu_in(s, 1) + at, ld, n, a->d);
        FN(gemm_pack_rows)(b->vt + j0 * a->d, cpu_in(s, 2) + at, ld, n, a->d);
        FN(gemm_pack_cols)(b->kp + j0 * a->dp, cpu_in(s, 1) + at, ld, a->d, n);
    }
}

static void segment_head(const cpu_step *s, const attn *a, attn_item it, const backward *b) {
    int64_t len = it.len;
    pack_keys(s, a, &it, b);
    for (it.q0 = 0; it.q0 < len; it.q0 += a->qb) {
        it.q1 = CPU_MIN(it.q0 + a->qb, len);
        read_queries(s, a, &it, b);
        int64_t j1 = attn_hi(a, it.q1 - 1, len);
        for (int64_t j0 = attn_lo(a, it.q0) / KEY_BLOCK * KEY_BLOCK; j0 < j1; j0 += KEY_BLOCK)
            pair(s, a, &it, b, j0, CPU_MIN(len - j0, KEY_BLOCK));
        write_queries(s, a, &it, b);
    }
}

/* q, k, v, seg_offsets, out, lse, dout, slopes or absent -> dq (T,H,D), dk, dv (T,G,D). All overwrite. */
void FN(attention_grad)(cpu_worker *w, const cpu_step *s) {
    attn a = attn_of(w, s, 7);
    if (!segments_ok(w, s, a.seg, a.n_seg, a.t)) return;
    backward b;
    carve(&b, &a, (uintptr_t)w->scratch);
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 0, attn_pieces_all(&a, true));
    for (int64_t i; cpu_loop_next(&loop, &i);)
        segment_head(s, &a, attn_seek(&a, &cursor, i, true), &b);
}
