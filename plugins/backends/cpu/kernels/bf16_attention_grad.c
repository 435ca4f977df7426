/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_GRAD with rounded factors. Scores are computed with keys as rows: so probabilities and their derivatives
 * lie as the products for dv and dk want them, and lse and delta are vectors. A piece is one (segment, key/value head),
 * so dk and dv have one writer and add heads and queries in increasing order; dq adds key blocks in that order. */
#include "attention.h"
#include "bf16.h"

enum { KEYS = 64, QUERIES = 64 };

/* One thread's buffers; lengths are those of the longest segment there can be. */
typedef struct backward {
    uint16_t *k, *v;              /* rows */
    uint16_t *k_cols;             /* [block of keys][panel of D][key] */
    uint16_t *q, *dout;           /* [panel of queries][D] */
    uint16_t *q_cols, *dout_cols; /* [block of queries][panel of D][query] */
    uint16_t *p, *ds, *ds_rows;   /* [KEYS][QUERIES] twice, [QUERIES][bf16_ld(KEYS)] */
    float *s, *dp;                /* [KEYS][QUERIES]: scores, then their derivatives; derivatives of probabilities */
    float *lse, *delta;           /* of each query */
} backward;

static size_t carve(backward *b, const attn *a, uintptr_t base) {
    int64_t len = cpu_round_up(a->t, KEYS);
    const int64_t f32 = sizeof(float), b16 = sizeof(uint16_t), square = KEYS * QUERIES;
    const int64_t rows = (int64_t)bf16_rows_bytes(len, a->d), panels = (int64_t)bf16_panels_bytes(len, a->d);
    const int64_t cols = len * a->dp * b16, line = len * f32;
    const int64_t sizes[] = {
        rows,         rows,         cols,         panels,       panels,
        cols,         cols,         square * b16, square * b16, (int64_t)bf16_rows_bytes(QUERIES, KEYS),
        square * f32, square * f32, line,         line};
    void *const slots[] = {&b->k, &b->v,  &b->k_cols,  &b->q, &b->dout, &b->q_cols, &b->dout_cols,
                           &b->p, &b->ds, &b->ds_rows, &b->s, &b->dp,   &b->lse,    &b->delta};
    return attn_carve(base, sizeof sizes / sizeof sizes[0], slots, sizes, 1);
}

void FN(bf16_attention_grad_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    attn a = attn_of(w, s, 7);
    backward b;
    need->scratch += carve(&b, &a, 0);
    need->loops = 1;
}

/* Blocks of KEYS (= QUERIES) rows of x as panels over D. */
static void round_cols(const cpu_worker *w, const attn *a, const float *x, int64_t ld, int64_t len, uint16_t *out) {
    for (int64_t t = 0; t < len; t += KEYS) {
        bf16_factor f = {.x = x + t * ld, .ld = ld, .n = a->d, .k = CPU_MIN(len - t, KEYS), .by_k = true};
        w->bf16->panels(out + t * a->dp, &f, 0, a->d);
    }
}

static void round_keys(const cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const backward *b) {
    int64_t ld = a->g * a->d, at = it->first * ld + it->head * a->d;
    bf16_factor k = {.x = cpu_in(s, 1) + at, .ld = ld, .n = it->len, .k = a->d}, v = k;
    v.x = cpu_in(s, 2) + at;
    w->bf16->rows(b->k, &k, 0, it->len);
    w->bf16->rows(b->v, &v, 0, it->len);
    round_cols(w, a, k.x, ld, it->len, b->k_cols);
}

/* The queries of one head: both roundings, lse, and delta = sum over D of out * dout. */
static void round_queries(const cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, int64_t head,
                          const backward *b) {
    int64_t ld = a->h * a->d, at = it->first * ld + head * a->d;
    bf16_factor q = {.x = cpu_in(s, 0) + at, .ld = ld, .n = it->len, .k = a->d}, dout = q;
    dout.x = cpu_in(s, 6) + at;
    w->bf16->panels(b->q, &q, 0, it->len);
    w->bf16->panels(b->dout, &dout, 0, it->len);
    round_cols(w, a, q.x, ld, it->len, b->q_cols);
    round_cols(w, a, dout.x, ld, it->len, b->dout_cols);
    for (int64_t t = 0; t < it->len; t++) {
        const float *out = cpu_in(s, 4) + at + t * ld;
        vf sum = vf_zero();
        for (int64_t j = 0; j < a->d; j += VW)
            sum = vf_fma(vf_load_upto(out + j, a->d - j), vf_load_upto(dout.x + t * ld + j, a->d - j), sum);
        b->delta[t] = vf_sum(sum);
        float lse = cpu_in(s, 5)[(it->first + t) * a->h + head];
        b->lse[t] = lse == -INFINITY ? INFINITY : lse; /* it saw nothing: probabilities of 0 */
    }
}

/* What a query sees: keys at distances [low, high] from it. */
typedef struct window {
    int32_t low, high;
} window;

static window window_of(const lud_attr_attention *at) {
    int32_t high = at->right >= 0 ? at->right : INT32_MAX;
    return (window){at->left >= 0 ? -at->left : INT32_MIN, at->causal ? CPU_MIN(high, 0) : high};
}

/* A key, `distance` after the first query, against a vector of queries of which `left` exist: probabilities, and
 * derivatives of the dot products. */
ALWAYS_INLINE void soften_grad(const attn *a, const window *see, bool whole, float slope, int32_t distance,
                               int64_t left, const float *lse, const float *delta, float *s, const float *dp, vf *p,
                               vf *ds) {
    vf z = attn_score(a->at, vf_load(s)), from = vf_load(lse);
    vi apart = distance - vi_lanes();
    vf e = vf_exp(slope != 0.0f ? z + slope * vf_from_int(apart) - from : z - from);
    vf d = e * (vf_load(dp) - vf_load(delta)) * a->at->scale;
    if (a->at->softcap > 0.0f) {
        vf c = z / a->at->softcap;
        d = d * (1.0f - c * c);
    }
    if (!whole) {
        vi seen = (vi)(apart >= see->low) & (vi)(apart <= see->high) & vi_first(left);
        e = vf_select(seen, e, vf_zero());
        d = vf_select(seen, d, vf_zero());
    }
    vf_store(s, d);
    *p = e, *ds = d;
}

ALWAYS_INLINE void store_rounded(uint16_t *out, vf low, vf high) {
    __m512bh both = _mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
    memcpy(out, &both, sizeof both);
}

/* n keys from j0 on, m queries from q0 on. */
typedef struct block {
    int64_t j0, n, q0, m, head;
} block;

/* s and dp of a block: a query panel meets the keys up to its last query only, where that is all it sees. */
static void scores(const cpu_worker *w, const attn *a, const backward *b, const block *x) {
    int64_t ld = bf16_ld(a->d), panel = (int64_t)bf16_panels_bytes(BF16_N, a->d) / (int64_t)sizeof(uint16_t);
    for (int64_t q = 0; q < x->m; q += BF16_N) {
        int64_t end = a->at->causal ? x->q0 + q + BF16_N - x->j0 : x->n, at = (x->q0 + q) / BF16_N * panel;
        bf16_product p = {.a = b->k + x->j0 * ld,
                          .panels = b->q + at,
                          .c = b->s + q,
                          .lda = ld,
                          .ldc = QUERIES,
                          .rows = CPU_MIN(CPU_MAX(end, 0), x->n),
                          .n = BF16_N,
                          .k = a->d};
        w->bf16->product_alone(&p);
        p.a = b->v + x->j0 * ld, p.panels = b->dout + at, p.c = b->dp + q;
        w->bf16->product_alone(&p);
    }
}

static void soften_block(const attn *a, const backward *b, const block *x) {
    window see = window_of(a->at);
    float slope = a->slopes ? a->slopes[x->head] : 0.0f;
    int64_t nearest = x->j0 - x->q0 - (x->m - 1), farthest = x->j0 + x->n - 1 - x->q0;
    for (int64_t q = 0; q < x->m; q += BF16_N) {
        const float *lse = b->lse + x->q0 + q, *delta = b->delta + x->q0 + q;
        bool whole = nearest >= see.low && farthest <= see.high && x->m - q >= BF16_N;
        for (int64_t j = 0; j < x->n; j++) {
            int64_t at = j * QUERIES + q, distance = x->j0 + j - x->q0 - q, left = x->m - q;
            vf p[2], ds[2];
            UNROLL
            for (int i = 0; i < 2; i++)
                soften_grad(a, &see, whole, slope, (int32_t)(distance - i * VW), CPU_MAX(left - i * VW, 0),
                            lse + i * VW, delta + i * VW, b->s + at + i * VW, b->dp + at + i * VW, &p[i], &ds[i]);
            store_rounded(b->p + at, p[0], p[1]);
            store_rounded(b->ds + at, ds[0], ds[1]);
        }
    }
}

/* dv += p dout, dk += ds q, dq += ds^T k */
static void add_block(const cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const backward *b,
                      const block *x) {
    int64_t ld = a->g * a->d, key = (it->first + x->j0) * ld + it->head * a->d;
    bf16_product p = {.a = b->p,
                      .panels = b->dout_cols + x->q0 * a->dp,
                      .c = cpu_out(s, 2) + key,
                      .lda = QUERIES,
                      .ldc = ld,
                      .rows = x->n,
                      .n = a->d,
                      .k = x->m,
                      .accumulate = true};
    w->bf16->product_alone(&p);
    p.a = b->ds, p.panels = b->q_cols + x->q0 * a->dp, p.c = cpu_out(s, 1) + key;
    w->bf16->product_alone(&p);
    bf16_factor ds = {.x = b->s, .ld = QUERIES, .n = x->m, .k = x->n, .by_k = true};
    w->bf16->rows(b->ds_rows, &ds, 0, x->m);
    p.a = b->ds_rows, p.lda = bf16_ld(x->n), p.panels = b->k_cols + x->j0 * a->dp;
    p.c = cpu_out(s, 0) + ((it->first + x->q0) * a->h + x->head) * a->d, p.ldc = a->h * a->d;
    p.rows = x->m, p.k = x->n;
    w->bf16->product_alone(&p);
}

/* Queries that see some key of [j0, j1): [*from, *to). */
static void queries_of(const attn *a, int64_t len, int64_t j0, int64_t j1, int64_t *from, int64_t *to) {
    window see = window_of(a->at);
    *from = CPU_MAX(j0 - see.high, 0);
    *to = see.low > INT32_MIN ? CPU_MIN(len, j1 - see.low) : len;
}

static void clear(const cpu_step *s, const attn *a, const attn_item *it) {
    int64_t ld = a->g * a->d;
    for (int64_t t = it->first; t < it->first + it->len; t++) {
        memset(cpu_out(s, 0) + (t * a->h + it->head * a->r) * a->d, 0, (size_t)(a->r * a->d) * sizeof(float));
        memset(cpu_out(s, 1) + t * ld + it->head * a->d, 0, (size_t)a->d * sizeof(float));
        memset(cpu_out(s, 2) + t * ld + it->head * a->d, 0, (size_t)a->d * sizeof(float));
    }
}

static void segment_head(const cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it,
                         const backward *b) {
    clear(s, a, it);
    round_keys(w, s, a, it, b);
    for (int64_t head = it->head * a->r; head < (it->head + 1) * a->r; head++) {
        round_queries(w, s, a, it, head, b);
        for (int64_t j0 = 0; j0 < it->len; j0 += KEYS) {
            int64_t n = CPU_MIN(it->len - j0, KEYS), from, to;
            queries_of(a, it->len, j0, j0 + n, &from, &to);
            for (int64_t q0 = from / QUERIES * QUERIES; q0 < to; q0 += QUERIES) {
                const block x = {.j0 = j0, .n = n, .q0 = q0, .m = CPU_MIN(it->len - q0, QUERIES), .head = head};
                scores(w, a, b, &x);
                soften_block(a, b, &x);
                add_block(w, s, a, it, b, &x);
            }
        }
    }
}

void FN(bf16_attention_grad)(cpu_worker *w, const cpu_step *s) {
    attn a = attn_of(w, s, 7);
    if (!segments_ok(w, s, a.seg, a.n_seg, a.t)) return;
    backward b;
    carve(&b, &a, (uintptr_t)w->scratch);
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 0, attn_pieces_all(&a, true));
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        attn_item it = attn_seek(&a, &cursor, i, true);
        segment_head(w, s, &a, &it, &b);
    }
}
