/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_CACHED, included once for each kind of words (attention_pages.h) by the file that reads and writes those:
 * keys by component (a vector holds one component of VW keys), values by key. A block of BLOCK keys, counted from the
 * first one, has a softmax of its own; blocks are merged in increasing order (as in Flash-Decoding, Dao et al. 2023).
 * So a row's bits depend neither on the queries beside it nor on who computed a block: many queries are shared out by
 * (queries, head), few by (head, block). */
#ifndef CPU_ATTENTION_CACHED_H
#define CPU_ATTENTION_CACHED_H

enum {
    FEW_TOKENS = 16,         /* up to so many the blocks are shared out */
    TILE_R = 6,              /* rows and */
    TILE_V = VW == 8 ? 2 : 4 /* vectors that are summed in registers */
};

static void cached_need(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    cache c = cache_of(w, s);
    room f;
    int64_t rows = CPU_MIN(c.a.t, FEW_TOKENS) * c.a.h, blocks = cpu_ceil_div(c.per * c.z, BLOCK);
    need->scratch += carve(&f, &c, 0);
    need->shared += (size_t)(rows * blocks * c.stride) * sizeof(float);
    need->loops = 3;
}

/* ---- Pages ---- */
static void write_pools(cpu_worker *w, const cpu_step *s, const cache *c, const room *f) {
    enum { GRAIN = 32 };
    const attn *a = &c->a;
    const segments g = {a->seg, a->n_seg, a->t};
    cpu_ranges it = cpu_ranges_start(w, s, 0, a->t, GRAIN);
    while (cpu_ranges_next(&it)) {
        int64_t at = segment_seek(&g, it.begin);
        for (int64_t t = it.begin; t < it.end; t++) {
            at = segment_at(&g, t, at);
            if (!segment_has(&g, at, t)) continue;
            const int64_t p = c->positions[t], page = page_of(w, s, c, at, p);
            if (p >= 0) store_token(w, s, c, f, t, page, p % c->z);
        }
    }
}

/* Keys [j0, j0 + n) of the piece's segment and head, n <= BLOCK. */
static block block_of(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f, int64_t j0,
                      int64_t n) {
    block b = {.j0 = j0, .n = n};
    if (c->z != LANES) {
        copy_block(w, s, c, it, f, &b);
        for (int64_t p = 0; p < BLOCK_PAGES; p++)
            b.page[p] = f->kt + p * c->words * LANES, b.page[BLOCK_PAGES + p] = f->v + p * c->words * LANES;
        return b;
    }
    for (int64_t p = 0; p < BLOCK_PAGES; p++) {
        int64_t page = p * LANES < n ? page_of(w, s, c, it->s, j0 + p * LANES) : 0;
        int64_t at = (page * c->a.g + it->head) * c->words * LANES;
        b.page[p] = c->k + at, b.page[BLOCK_PAGES + p] = c->v + at;
    }
    return b;
}

/* ---- Tiles: each sum is one chain in increasing order ---- */
typedef struct tile {
    const float *a; /* queries [rows][pitch], or weights [rows][BLOCK]: words */
    float *c;       /* scores [rows][BLOCK], or values [rows][stride] */
    const block *b;
    const cache *of;
    int64_t at; /* first key, or component */
} tile;

ALWAYS_INLINE vf set1_word(const float *p) {
    float word;
    memcpy(&word, p, sizeof word);
    return vf_set1(word);
}

ALWAYS_INLINE void tile_zero(vf acc[TILE_R][TILE_V], const int rows, const int nv) {
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < nv; v++)
            acc[r][v] = vf_zero();
    }
}

/* Pages are short, and hardware loses the stream at the end of each: row i of the page that comes AHEAD later. */
ALWAYS_INLINE void look_ahead(const block *b, int64_t page, int64_t i, int64_t width) {
    enum { AHEAD = CPU_MAX(TILE_V * VW / LANES, 1) };
    const float *row = b->page[CPU_MIN(page + AHEAD, 2 * BLOCK_PAGES - 1)] + i * width;
    for (int64_t k = 0; k < width; k += CPU_LINE / (int64_t)sizeof(float))
        __builtin_prefetch(row + k);
}

/* q.k of TILE_V * VW keys. */
ALWAYS_INLINE void score_tile(const tile *t, const int rows) {
    vf acc[TILE_R][TILE_V];
    const float *k[TILE_V];
    UNROLL
    for (int v = 0; v < TILE_V; v++)
        k[v] = t->b->page[(t->at + v * VW) / LANES] + (t->at + v * VW) % LANES;
    tile_zero(acc, rows, TILE_V);
    for (int64_t i = 0; i < t->of->words; i++) {
        vf x[TILE_V];
        for (int64_t p = 0; p < CPU_MAX(TILE_V * VW / LANES, 1); p++)
            look_ahead(t->b, t->at / LANES + p, i, LANES);
        UNROLL
        for (int v = 0; v < TILE_V; v++)
            x[v] = vf_load(k[v] + i * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vf q = set1_word(t->a + r * t->of->pitch + i);
            UNROLL
            for (int v = 0; v < TILE_V; v++)
                acc[r][v] = mul_add(q, x[v], acc[r][v]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < TILE_V; v++)
            vf_store(t->c + r * BLOCK + t->at + v * VW, acc[r][v]);
    }
}

/* nv vectors of components of the weighted values; left: components there. */
ALWAYS_INLINE void value_tile(const tile *t, const int rows, const int nv, int64_t left) {
    vf acc[TILE_R][TILE_V];
    tile_zero(acc, rows, nv);
    const int64_t d = t->of->a.d, lanes = LANES / NUMBERS;
    for (int64_t j = 0; j * NUMBERS < t->b->n; j++) {
        const int64_t page = BLOCK_PAGES + j / lanes;
        const float *value = t->b->page[page] + j % lanes * d + t->at;
        look_ahead(t->b, page, j % lanes, d);
        vf x[TILE_V];
        UNROLL
        for (int v = 0; v < nv; v++) {
            x[v] = nv > 1 ? vf_load(value + v * VW) : vf_load_upto(value, left);
            if (j * NUMBERS + NUMBERS > t->b->n) x[v] = first_number(x[v]); /* no key is there */
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            vf p = set1_word(t->a + r * BLOCK + j);
            UNROLL
            for (int v = 0; v < nv; v++)
                acc[r][v] = mul_add(p, x[v], acc[r][v]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < nv; v++)
            vf_store(t->c + r * t->of->stride + t->at + v * VW, acc[r][v]);
    }
}

ALWAYS_INLINE void scores(tile t, const int rows) {
    for (; t.at < t.b->n; t.at += TILE_V * VW)
        score_tile(&t, rows);
}
ALWAYS_INLINE void values(tile t, const int rows) {
    const int64_t d = t.of->a.d;
    for (; d - t.at >= TILE_V * VW; t.at += TILE_V * VW)
        value_tile(&t, rows, TILE_V, 0);
    for (; t.at < d; t.at += VW)
        value_tile(&t, rows, 1, d - t.at);
}

/* One function per number of rows, so that the sums live in registers. */
typedef void tile_fn(tile);
#define TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define TILE_FNS(rows)                                                                                                 \
    static void scores_##rows(tile t) {                                                                                \
        scores(t, rows);                                                                                               \
    }                                                                                                                  \
    static void values_##rows(tile t) {                                                                                \
        values(t, rows);                                                                                               \
    }
#define SCORES(rows) scores_##rows,
#define VALUES(rows) values_##rows,
TILES(TILE_FNS)
static tile_fn *const scores_of[TILE_R] = {TILES(SCORES)}, *const values_of[TILE_R] = {TILES(VALUES)};

/* ---- One block, one row of it, and all blocks of a row ---- */
/* vf_max loses a NaN that -INFINITY follows. */
static bool any_nan(const float *s, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (s[i] != s[i]) return true;
    return false;
}

/* s [n]: dot products in, of keys the first of which is `distance` behind the query, which sees [lo, hi) of them;
 * weights out; n is rounded up to whole vectors of words. part: maximum and sum. */
static void soften(const attn *a, float slope, int64_t distance, float *s, int64_t n, int64_t lo, int64_t hi,
                   float *part) {
    vf top = vf_set1(-INFINITY), sum = vf_zero();
    for (int64_t i = 0; i < n; i += VW) {
        vf z = attn_score(a->at, vf_load(s + i));
        if (slope != 0.0f) z += attn_bias(slope, distance + i);
        if (i < lo || i + VW > hi) z = vf_select(attn_mask(i, lo, hi), z, vf_set1(-INFINITY));
        top = vf_max(top, z);
        vf_store(s + i, z);
    }
    part[0] = vf_hmax(top);
    part[1] = 0.0f;
    if (part[0] == -INFINITY && !any_nan(s, n)) {
        memset(s, 0, (size_t)n * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i += NUMBERS * VW) {
        vf p[NUMBERS];
        UNROLL
        for (int k = 0; k < NUMBERS; k++)
            p[k] = vf_exp(vf_load(s + i + k * VW) - part[0]), sum += p[k];
        put_weights(s + i / NUMBERS, p);
    }
    part[1] = vf_sum(sum);
}

/* Adds the part of one block to what the blocks before it gave; a sum of 0: none of its keys is seen. */
static void merge(const cache *c, const float *part, float *total) {
    if (part[1] == 0.0f) return;
    float top = CPU_MAX(total[0], part[0]);
    vf old = vf_exp(vf_set1(total[0] - top)), new = vf_exp(vf_set1(part[0] - top));
    total[0] = top;
    total[1] = total[1] * old[0] + part[1] * new[0];
    for (int64_t i = VW; i < c->stride; i += VW)
        vf_store(total + i, vf_fma(vf_load(part + i), new, vf_load(total + i) * old));
}

static void begin(const cache *c, float *total) {
    memset(total, 0, (size_t)c->stride * sizeof(float));
    total[0] = -INFINITY;
}

static void finish(const cache *c, const float *total, float *out) {
    float scale = total[1] > 0.0f ? 1.0f / total[1] : (total[1] == 0.0f ? 0.0f : total[1]);
    for (int64_t i = 0; i < c->a.d; i += VW)
        vf_store_upto(out + i, vf_load(total + VW + i) * scale, c->a.d - i);
}

/* Keys [lo, hi) that some query of the piece sees. */
typedef struct seen {
    int64_t lo, hi;
} seen;

static seen look(const cache *c, const attn_item *it, int64_t *pos) {
    seen all = {c->per * c->z, 0};
    for (int64_t q = it->q0; q < it->q1; q++) {
        int64_t p = CPU_MIN(CPU_MAX(c->positions[it->first + q], 0), c->per * c->z - 1);
        all.lo = CPU_MIN(all.lo, attn_lo(&c->a, p));
        all.hi = CPU_MAX(all.hi, p + 1);
        if (pos) pos[q - it->q0] = p;
    }
    return all;
}

/* The piece's rows over the keys of block j0; f->q and f->pos are filled. f->part: result. */
static void one_block(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f, int64_t j0,
                      int64_t hi) {
    const attn *a = &c->a;
    const int64_t rows = (it->q1 - it->q0) * a->r;
    const block b = block_of(w, s, c, it, f, j0, CPU_MIN(hi - j0, BLOCK));
    for (int64_t i = 0, n; i < rows; i += n) {
        n = CPU_MIN(rows - i, TILE_R);
        tile t = {.a = f->q + i * c->pitch, .c = f->s + i * BLOCK, .b = &b, .of = c};
        scores_of[n - 1](t);
        for (int64_t r = i; r < i + n; r++) {
            int64_t p = f->pos[r / a->r];
            soften(a, attn_slope(a, it, r), j0 - p, f->s + r * BLOCK, cpu_round_up(b.n, NUMBERS * VW),
                   attn_lo(a, p) - j0, CPU_MIN(p + 1 - j0, b.n), f->part + r * c->stride);
        }
        t = (tile){.a = f->s + i * BLOCK, .c = f->part + i * c->stride + VW, .b = &b, .of = c};
        values_of[n - 1](t);
    }
}

static int64_t out_row(const attn *a, const attn_item *it, int64_t row) {
    return (it->first + it->q0 + row / a->r) * a->h + it->head * a->r + row % a->r;
}

/* ---- Many queries: a piece is a block of queries and a head ---- */
static void by_queries(cpu_worker *w, const cpu_step *s, const cache *c, const room *f) {
    const attn *a = &c->a;
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 1, attn_pieces_all(a, false));
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        attn_item it = attn_seek(a, &cursor, i, false);
        const int64_t rows = (it.q1 - it.q0) * a->r;
        const seen all = look(c, &it, f->pos);
        read_queries(w, s, c, &it, f);
        for (int64_t r = 0; r < rows; r++)
            begin(c, f->total + r * c->stride);
        for (int64_t j0 = all.lo / BLOCK * BLOCK; j0 < all.hi; j0 += BLOCK) {
            one_block(w, s, c, &it, f, j0, all.hi);
            for (int64_t r = 0; r < rows; r++)
                merge(c, f->part + r * c->stride, f->total + r * c->stride);
        }
        for (int64_t r = 0; r < rows; r++)
            finish(c, f->total + r * c->stride, cpu_out(s, 0) + out_row(a, &it, r) * a->d);
    }
}

/* ---- Few queries: a piece is one block of a segment's keys and a head; parts [block][T * H][stride] are shared ----
 */
static int64_t n_blocks(const seen *k) {
    return cpu_ceil_div(k->hi, BLOCK) - k->lo / BLOCK;
}

static void by_blocks(cpu_worker *w, const cpu_step *s, const cache *c, const room *f, float *parts) {
    const attn *a = &c->a;
    const int64_t items = attn_pieces_all(a, false);
    attn_cursor cursor = {0};
    int64_t at = 0, before = 0; /* the item, pieces of the items before it */
    cpu_loop loop = cpu_loop_start(w, s, 1, INT64_MAX);
    for (int64_t i; at < items && cpu_loop_next(&loop, &i);) {
        attn_item it;
        seen all = {0, 0};
        for (; at < items; before += n_blocks(&all), at++) {
            it = attn_seek(a, &cursor, at, false);
            all = look(c, &it, f->pos);
            if (i - before < n_blocks(&all)) break;
        }
        if (at == items) return;
        const int64_t j0 = (all.lo / BLOCK + i - before) * BLOCK;
        read_queries(w, s, c, &it, f);
        one_block(w, s, c, &it, f, j0, all.hi);
        for (int64_t r = 0; r < (it.q1 - it.q0) * a->r; r++)
            memcpy(parts + (j0 / BLOCK * a->t * a->h + out_row(a, &it, r)) * c->stride, f->part + r * c->stride,
                   (size_t)c->stride * sizeof(float));
    }
}

static void merge_blocks(cpu_worker *w, const cpu_step *s, const cache *c, const room *f, const float *parts) {
    const attn *a = &c->a;
    attn_cursor cursor = {0};
    cpu_loop loop = cpu_loop_start(w, s, 2, attn_pieces_all(a, false));
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        attn_item it = attn_seek(a, &cursor, i, false);
        const seen all = look(c, &it, NULL);
        for (int64_t r = 0; r < (it.q1 - it.q0) * a->r; r++) {
            begin(c, f->total);
            for (int64_t b = all.lo / BLOCK; b * BLOCK < all.hi; b++)
                merge(c, parts + (b * a->t * a->h + out_row(a, &it, r)) * c->stride, f->total);
            finish(c, f->total, cpu_out(s, 0) + out_row(a, &it, r) * a->d);
        }
    }
}

static void cached(cpu_worker *w, const cpu_step *s) {
    cache c = cache_of(w, s);
    room f;
    if (!segments_ok(w, s, c.a.seg, c.a.n_seg, c.a.t)) return;
    carve(&f, &c, (uintptr_t)w->scratch);
    write_pools(w, s, &c, &f);
    cpu_barrier(w);
    if (c.a.t > FEW_TOKENS) {
        by_queries(w, s, &c, &f);
        return;
    }
    float *parts = (float *)(void *)w->shared;
    by_blocks(w, s, &c, &f, parts);
    cpu_barrier(w);
    merge_blocks(w, s, &c, &f, parts);
}

#endif
