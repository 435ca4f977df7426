/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION with rounded factors: q, k, v and the probabilities are bf16 in products, all else is fp32. Streaming
 * softmax (Dao et al. 2022) over blocks of KEYS keys counted from the segment's first; keys and values are rounded
 * once: into the step's shared memory, or, where one piece alone reads them, by that piece. A piece is a block of
 * queries of one head. */
#include "attention.h"
#include "bf16.h"

enum { KEYS = 64, QUERIES = 64 };

/* Rounded keys (as columns, [panel of keys][D]) and values ([block of keys][panel of D][key]) of each segment and head.
 * Segment s has the slots of BF16_N keys from first / BF16_N + s on: as many as it needs, wherever it begins. */
typedef struct rounded {
    uint16_t *k, *v;
    int64_t k_slot, v_slot; /* numbers in a slot */
} rounded;

typedef struct forward {
    uint16_t *k, *v; /* one block of KEYS, as in `rounded` */
    uint16_t *q, *p; /* [QUERIES][bf16_ld(D)], [QUERIES][KEYS] */
    float *s, *out;  /* [QUERIES][KEYS], [QUERIES][dp] */
    float *m, *l;    /* running maximum of each row, and its sum in VW lanes */
} forward;

static size_t carve(forward *f, const attn *a, uintptr_t base) {
    const int64_t f32 = sizeof(float), sizes[] = {(int64_t)bf16_panels_bytes(KEYS, a->d),
                                                  (int64_t)sizeof(uint16_t) * KEYS * a->dp,
                                                  (int64_t)bf16_rows_bytes(QUERIES, a->d),
                                                  (int64_t)sizeof(uint16_t) * QUERIES * KEYS,
                                                  f32 * QUERIES * KEYS,
                                                  f32 * QUERIES * a->dp,
                                                  f32 * QUERIES,
                                                  f32 * QUERIES * VW};
    void *const slots[] = {&f->k, &f->v, &f->q, &f->p, &f->s, &f->out, &f->m, &f->l};
    return attn_carve(base, sizeof sizes / sizeof sizes[0], slots, sizes, 1);
}

/* Lays out the shared memory; returns its size. */
static size_t share(rounded *r, const attn *a, char *base) {
    int64_t slots = (a->t / BF16_N + a->n_seg) * a->g;
    r->k_slot = (int64_t)bf16_panels_bytes(BF16_N, a->d) / (int64_t)sizeof(uint16_t);
    r->v_slot = BF16_N * a->dp;
    r->k = (uint16_t *)(void *)base;
    r->v = r->k + slots * r->k_slot;
    return (size_t)(slots * (r->k_slot + r->v_slot)) * sizeof(uint16_t);
}

static int64_t slot_of(const attn *a, int64_t s, int64_t group) {
    int64_t first = a->seg[s], len = a->seg[s + 1] - first;
    return (first / BF16_N + s) * a->g + group * cpu_ceil_div(len, BF16_N);
}

/* Pieces are those of query heads, in blocks of QUERIES. */
static attn pieces_of(const attn *a) {
    attn p = *a;
    p.g = a->h, p.qb = QUERIES;
    return p;
}

void FN(bf16_attention_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    attn a = attn_of(w, s, 4);
    forward f;
    rounded r;
    need->scratch += carve(&f, &a, 0);
    need->shared += share(&r, &a, NULL);
    need->loops = 2;
}

static void round_keys(cpu_worker *w, const cpu_step *s, const attn *a, int64_t at, int64_t group, uint16_t *out) {
    int64_t first = a->seg[at], len = a->seg[at + 1] - first;
    bf16_factor f = {.x = cpu_in(s, 1) + (first * a->g + group) * a->d, .ld = a->g * a->d, .n = len, .k = a->d};
    w->bf16->panels(out, &f, 0, len);
}

static void round_values(cpu_worker *w, const cpu_step *s, const attn *a, int64_t at, int64_t group, uint16_t *out) {
    int64_t ld = a->g * a->d, first = a->seg[at], len = a->seg[at + 1] - first;
    const float *x = cpu_in(s, 2) + (first * a->g + group) * a->d;
    for (int64_t j = 0; j < len; j += KEYS) {
        bf16_factor f = {.x = x + j * ld, .ld = ld, .n = a->d, .k = CPU_MIN(len - j, KEYS), .by_k = true};
        w->bf16->panels(out + j * a->dp, &f, 0, a->d);
    }
}

/* One piece alone reads the segment's keys. */
static bool is_short(const attn *a, int64_t at) {
    return a->seg[at + 1] - a->seg[at] <= CPU_MIN(QUERIES, KEYS) && a->h == a->g;
}

/* Of n small pieces many are taken at once: the counter is far away. */
static int64_t grain_of(const cpu_worker *w, int64_t n) {
    return CPU_MAX(n / (64 * w->size), 1);
}

static void round_shared(cpu_worker *w, const cpu_step *s, const attn *a, const rounded *r) {
    int64_t n = a->n_seg * a->g * 2;
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, grain_of(w, n));
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin; i < it.end; i++) {
            int64_t at = i / 2 / a->g, group = i / 2 % a->g;
            if (is_short(a, at)) continue;
            if (i % 2 == 0)
                round_keys(w, s, a, at, group, r->k + slot_of(a, at, group) * r->k_slot);
            else
                round_values(w, s, a, at, group, r->v + slot_of(a, at, group) * r->v_slot);
        }
    }
}

/* One row meets one block of `keys` keys, the first of them `distance` after it, and sees [lo, hi) of them. first: it
 * is the row's first block, and out holds nothing. */
ALWAYS_INLINE void soften(const attn *a, const int keys, float slope, int64_t distance, const float *s, uint16_t *p,
                          int64_t lo, int64_t hi, bool first, float *m, float *l, float *out) {
    vf z[KEYS / VW], top = vf_set1(-INFINITY), sum = first ? vf_zero() : vf_load(l);
    UNROLL
    for (int i = 0; i < keys / VW; i++) {
        z[i] = attn_score(a->at, vf_load(s + i * VW));
        if (slope != 0.0f) z[i] += attn_bias(slope, distance + i * VW);
        if (lo > 0 || hi < keys) z[i] = vf_select(attn_mask(i * VW, lo, hi), z[i], vf_set1(-INFINITY));
        top = vf_max(top, z[i]);
    }
    float before = first ? -INFINITY : *m, now = vf_hmax(top);
    now = now > before ? now : before;
    if (!first && now != before) {
        float shrink = vf_exp(vf_set1(before - now))[0];
        sum *= shrink;
        for (int64_t i = 0; i < a->dp; i += VW)
            vf_store(out + i, vf_load(out + i) * shrink);
    }
    float base = now == -INFINITY ? 0.0f : now; /* it sees nothing yet */
    UNROLL
    for (int i = 0; i < keys / VW; i += 2) {
        vf e = vf_exp(z[i] - base), o = vf_exp(z[i + 1] - base);
        __m512bh both = _mm512_cvtne2ps_pbh((__m512)o, (__m512)e);
        memcpy(p + i * VW, &both, sizeof both);
        sum += e, sum += o;
    }
    vf_store(l, sum);
    *m = now;
}

/* All rows of a block meet n keys from j0 on. */
static void soften_block(const attn *a, const attn_item *it, const forward *f, int64_t j0, int64_t n, bool first) {
    float slope = a->slopes ? a->slopes[it->head] : 0.0f;
    for (int64_t i = 0; i < it->q1 - it->q0; i++) {
        int64_t t = it->q0 + i, lo = attn_lo(a, t) - j0, hi = CPU_MIN(attn_hi(a, t, it->len) - j0, n);
        const float *s = f->s + i * KEYS;
        uint16_t *p = f->p + i * KEYS;
        float *m = f->m + i, *l = f->l + i * VW, *out = f->out + i * a->dp;
        if (n <= BF16_N)
            soften(a, BF16_N, slope, j0 - t, s, p, lo, hi, first, m, l, out);
        else
            soften(a, KEYS, slope, j0 - t, s, p, lo, hi, first, m, l, out);
    }
}

/* Dot products of the block's rows with n keys from j0 on; a panel that no row before `r0` sees is left out there. */
static void scores(const cpu_worker *w, const attn *a, const attn_item *it, const forward *f, const uint16_t *k,
                   int64_t j0, int64_t n) {
    int64_t rows = it->q1 - it->q0, panel = (int64_t)bf16_panels_bytes(BF16_N, a->d) / (int64_t)sizeof(uint16_t);
    for (int64_t j = 0; j < n; j += BF16_N) {
        int64_t r0 = a->at->causal ? CPU_MIN(CPU_MAX(j0 + j - it->q0, 0), rows) : 0;
        const bf16_product p = {.a = f->q + r0 * bf16_ld(a->d),
                                .panels = k + (j0 + j) / BF16_N * panel,
                                .c = f->s + r0 * KEYS + j,
                                .lda = bf16_ld(a->d),
                                .ldc = KEYS,
                                .rows = rows - r0,
                                .n = BF16_N,
                                .k = a->d};
        w->bf16->product_alone(&p);
    }
}

/* The panels of the piece's keys and values. */
static void panels_of(cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const rounded *r,
                      const forward *f, const uint16_t **k, const uint16_t **v) {
    int64_t group = it->head / a->r, slot = slot_of(a, it->s, group);
    *k = r->k + slot * r->k_slot, *v = r->v + slot * r->v_slot;
    if (!is_short(a, it->s)) return;
    round_keys(w, s, a, it->s, group, f->k);
    round_values(w, s, a, it->s, group, f->v);
    *k = f->k, *v = f->v;
}

static void attend(cpu_worker *w, const cpu_step *s, const attn *a, const attn_item *it, const rounded *r,
                   const forward *f) {
    int64_t rows = it->q1 - it->q0;
    int64_t lo = attn_lo(a, it->q0), hi = attn_hi(a, it->q1 - 1, it->len), begin = lo / KEYS * KEYS;
    const uint16_t *k, *v;
    panels_of(w, s, a, it, r, f, &k, &v);
    bf16_factor q = {
        .x = cpu_in(s, 0) + ((it->first + it->q0) * a->h + it->head) * a->d, .ld = a->h * a->d, .n = rows, .k = a->d};
    w->bf16->rows(f->q, &q, 0, rows);
    for (int64_t j0 = begin; j0 < hi; j0 += KEYS) {
        int64_t n = CPU_MIN(it->len - j0, KEYS);
        scores(w, a, it, f, k, j0, n);
        soften_block(a, it, f, j0, n, j0 == begin);
        const bf16_product p = {.a = f->p,
                                .panels = v + j0 * a->dp,
                                .c = f->out,
                                .lda = KEYS,
                                .ldc = a->dp,
                                .rows = rows,
                                .n = a->dp,
                                .k = n,
                                .accumulate = j0 != begin};
        w->bf16->product_alone(&p);
    }
}

/* A row that sees no key at all gives zeros. */
static void finish(const attn *a, const attn_item *it, const forward *f, float *out, float *lse) {
    int64_t rows = it->q1 - it->q0, first = (it->first + it->q0) * a->h + it->head;
    float sums[QUERIES] = {0};
    for (int64_t i = 0; i < rows; i++) {
        float l = sums[i] = vf_sum(vf_load(f->l + i * VW)), scale = l > 0.0f ? 1.0f / l : l;
        for (int64_t j = 0; j < a->d; j += VW)
            vf_store_upto(out + (first + i * a->h) * a->d + j, vf_load(f->out + i * a->dp + j) * scale, a->d - j);
    }
    for (int64_t i = 0; lse && i < rows; i += VW) {
        vf l = vf_load(sums + i), log = vf_load(f->m + i) + vf_log(l);
        log = vf_select(l == 0.0f, vf_set1(-INFINITY), vf_select(l > 0.0f, log, l));
        for (int64_t j = 0; j < CPU_MIN(rows - i, VW); j++)
            lse[first + (i + j) * a->h] = log[j];
    }
}

void FN(bf16_attention)(cpu_worker *w, const cpu_step *s) {
    attn a = attn_of(w, s, 4), pieces = pieces_of(&a);
    if (!segments_ok(w, s, a.seg, a.n_seg, a.t)) return;
    float *lse = cpu_count(w, &s->out[1]) ? cpu_out(s, 1) : NULL;
    rounded r;
    forward f;
    share(&r, &a, w->shared);
    carve(&f, &a, (uintptr_t)w->scratch);
    round_shared(w, s, &a, &r);
    cpu_barrier(w);
    attn_cursor cursor = {0};
    int64_t n = attn_pieces_all(&pieces, false), grain = grain_of(w, n);
    cpu_loop loop = cpu_loop_start(w, s, 1, cpu_ceil_div(n, grain));
    for (int64_t begin; cpu_loop_next(&loop, &begin);) {
        for (int64_t i = begin * grain; i < CPU_MIN((begin + 1) * grain, n); i++) {
            attn_item it = attn_seek(&pieces, &cursor, i, false);
            attend(w, s, &a, &it, &r, &f);
            finish(&a, &it, &f, cpu_out(s, 0), lse);
        }
    }
}
