/* SPDX-License-Identifier: Apache-2.0
 * LINEAR_CROSS_ENTROPY, its gradient and the joined form: chunks of rows, whose logits lie in scratch shared by the
 * threads; never N x V. The gradient of the logits replaces them in place. */
#include "bf16.h"
#include "ops.h"

/* Logits in scratch: at most CHUNK_BYTES, CHUNK_ROWS rows; rows apart by a distance that spreads over cache sets. */
enum { CHUNK_ROWS = 256, CHUNK_ROWS_MIN = 32, CHUNK_BYTES = 56 << 20 };
/* Numbers of the loops of a chunk. */
enum { LOGITS = 0, ROWS = LOGITS + BF16_LOOPS, DX, DW = DX + BF16_LOOPS, DB = DW + BF16_LOOPS, LOOPS };

typedef struct head {
    lud_attr_xent a;
    const float *x, *w, *b, *g;
    const int32_t *target;
    float *nll, *dx, *dw, *db; /* NULL: not wanted */
    int32_t *argmax;
    int64_t n, c, v, ld, chunk;
    int32_t strips; /* of w */
    float *logits;
    char *room; /* behind them, for rounded factors */
} head;

static int64_t logits_ld(int64_t v) {
    return cpu_round_up(v, 1024) + 400;
}
static int64_t chunk_of(int64_t v) {
    int64_t rows = CHUNK_BYTES / (logits_ld(v) * (int64_t)sizeof(float));
    return CPU_MIN(CPU_MAX(rows / 12 * 12, CHUNK_ROWS_MIN), CHUNK_ROWS);
}

static size_t logits_bytes(int64_t rows, int64_t v) {
    return (size_t)(rows * logits_ld(v)) * sizeof(float);
}

/* The largest room that a product of the head asks for. */
static size_t room_of(const cpu_step *s, int64_t rows, int64_t v, int64_t c) {
    int32_t want = ((const lud_attr_xent *)s->attr)->want;
    const bool strips = cpu_weight_strips(&s->in[1]);
    bf16_parts forward = {.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, true), .strips = strips};
    bf16_parts grad = {.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, false), .strips = strips}, weight = {0};
    size_t room = FN(bf16_room)(rows, v, c, &forward);
    if (want & LUD_XENT_WANT_DX) room = CPU_MAX(room, FN(bf16_room)(rows, c, v, &grad));
    return want & LUD_XENT_WANT_DW ? CPU_MAX(room, FN(bf16_room)(v, c, rows, &weight)) : room;
}

void FN(linear_xent_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    int64_t n = cpu_dim(w, &s->in[0], 0), v = cpu_dim(w, &s->in[1], 0), c = cpu_dim(w, &s->in[1], 1);
    int64_t chunk = CPU_MIN(n, chunk_of(v));
    need->scratch += PACK_FLOATS * sizeof(float);
    need->shared = logits_bytes(chunk, v);
    if (s->bf16) need->shared += room_of(s, chunk, v, c), need->scratch += FN(bf16_scratch)(CPU_MAX(v, c));
    need->loops = (uint32_t)(LOOPS * CPU_MAX(cpu_ceil_div(n, chunk_of(v)), 1));
}

static void *wanted(cpu_worker *w, const cpu_step *s, uint32_t i) {
    return i < s->op->n_out && cpu_count(w, &s->out[i]) > 0 ? s->out[i].ptr : NULL;
}

/* stats, grads: index of the first result of that kind, or -1. */
static head head_of(cpu_worker *w, const cpu_step *s, int stats, int grads) {
    head h = {.a = *(const lud_attr_xent *)s->attr,
              .x = cpu_in(s, 0),
              .w = cpu_weight_rows(&s->in[1]),
              .b = cpu_count(w, &s->in[2]) ? cpu_in(s, 2) : NULL,
              .target = cpu_in_i32(s, 3),
              .g = cpu_in(s, 4),
              .n = cpu_dim(w, &s->in[0], 0),
              .c = cpu_dim(w, &s->in[1], 1),
              .v = cpu_dim(w, &s->in[1], 0),
              .strips = cpu_weight_strips(&s->in[1]),
              .logits = (float *)(void *)w->shared};
    if (h.a.logit_scale == 0.0f) h.a.logit_scale = 1.0f;
    h.ld = logits_ld(h.v), h.chunk = chunk_of(h.v);
    h.room = w->shared + logits_bytes(CPU_MIN(h.chunk, h.n), h.v);
    if (stats >= 0) h.nll = wanted(w, s, (uint32_t)stats), h.argmax = wanted(w, s, (uint32_t)stats + 1);
    if (grads >= 0) {
        h.dx = h.a.want & LUD_XENT_WANT_DX ? wanted(w, s, (uint32_t)grads) : NULL;
        h.dw = h.a.want & LUD_XENT_WANT_DW ? wanted(w, s, (uint32_t)grads + 1) : NULL;
        h.db = h.a.want & LUD_XENT_WANT_DB ? wanted(w, s, (uint32_t)grads + 2) : NULL;
    }
    return h;
}

static void logits_of(cpu_worker *w, const cpu_step *s, const head *h, uint32_t loop, int64_t t0, int64_t rows) {
    gemm g = {.a = h->x + t0 * h->c,
              .a_row = h->c,
              .a_col = 1,
              .b = h->w,
              .panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_F32, true),
              .ldb = h->c,
              .b_rows = true,
              .strips = h->strips,
              .c = h->logits,
              .ldc = h->ld,
              .bias = h->b,
              .rows = rows,
              .n = h->v,
              .k = h->c};
    if (s->bf16) FN(bf16_shared)
    (w, s, loop, &g, (bf16_parts){.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, true), .room = h->room});
    else FN(gemm_shared)(w, s, loop, &g);
    cpu_barrier(w);
}

/* The gradient of a row of logits, rounded over the row itself, where nothing but dx reads it. */
static bool in_place(const cpu_step *s, const head *h) {
    return s->bf16 && h->dx && !h->dw && !h->db;
}

static void rows_of(cpu_worker *w, const cpu_step *s, const head *h, uint32_t number, int64_t t0, int64_t rows) {
    bool grads = h->dx || h->dw || h->db;
    cpu_loop loop = cpu_loop_start(w, s, number, rows);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        float *z = h->logits + i * h->ld;
        int32_t target = h->target[t0 + i];
        if (!FN(xent_target_ok)(w, s, t0 + i, target, h->v)) continue;
        xent_row r = FN(xent_forward)(&h->a, z, h->v, target);
        if (h->nll) h->nll[t0 + i] = r.nll;
        if (h->argmax) h->argmax[t0 + i] = r.argmax;
        if (grads) FN(xent_backward)(&h->a, z, h->v, target, r, h->g[t0 + i], z);
        if (in_place(s, h))
            w->bf16->rows((uint16_t *)(void *)z, &(bf16_factor){.x = z, .ld = h->ld, .n = 1, .k = h->v}, 0, 1);
    }
    cpu_barrier(w);
}

/* dx overwrites; dw and db overwrite with the first chunk and accumulate the others, in increasing order of rows. */
static void grads_of(cpu_worker *w, const cpu_step *s, const head *h, uint32_t loop, int64_t t0, int64_t rows) {
    gemm dx = {.a = h->logits,
               .a_row = h->ld,
               .a_col = 1,
               .b = h->w,
               .ldb = h->c,
               .strips = h->strips,
               .c = h->dx + (h->dx ? t0 * h->c : 0),
               .ldc = h->c,
               .rows = rows,
               .n = h->c,
               .k = h->v};
    bf16_parts parts = {
        .panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, false), .lda = 2 * h->ld, .room = h->room};
    if (in_place(s, h)) parts.left = (const uint16_t *)(const void *)h->logits;
    if (h->dx && s->bf16)
        FN(bf16_shared)(w, s, loop + DX, &dx, parts);
    else if (h->dx)
        FN(gemm_shared)(w, s, loop + DX, &dx);
    if (h->dx && h->dw && s->bf16) cpu_barrier(w); /* one room */
    grad_weight dw = {.x = h->x + t0 * h->c,
                      .dy = h->logits,
                      .ld_dy = h->ld,
                      .dw = h->dw,
                      .room = h->room,
                      .t = rows,
                      .m = h->v,
                      .k = h->c,
                      .accumulate = t0 > 0};
    if (h->dw) FN(grad_weight)(w, s, loop + DW, &dw);
    if (h->db) {
        cpu_ranges it = cpu_ranges_start(w, s, loop + DB, h->v, 1024);
        while (cpu_ranges_next(&it))
            FN(column_sums)(h->logits, rows, h->ld, it.begin, it.end, h->db, t0 > 0);
    }
    cpu_barrier(w);
}

static void run(cpu_worker *w, const cpu_step *s, const head *h) {
    uint32_t loop = 0;
    bool zero = h->n == 0 && w->rank == 0; /* no chunk will write them */
    if (zero && h->dw) memset(h->dw, 0, (size_t)(h->v * h->c) * sizeof(float));
    if (zero && h->db) memset(h->db, 0, (size_t)h->v * sizeof(float));
    for (int64_t t = 0; t < h->n; t += h->chunk, loop += LOOPS) {
        int64_t rows = CPU_MIN(h->chunk, h->n - t);
        logits_of(w, s, h, loop + LOGITS, t, rows);
        rows_of(w, s, h, loop + ROWS, t, rows);
        if (h->dx || h->dw || h->db) grads_of(w, s, h, loop, t, rows);
    }
}

/* x (N,C), w (V,C), b (V) or absent, target (N) -> nll (N), argmax (N) */
void FN(linear_xent)(cpu_worker *w, const cpu_step *s) {
    head h = head_of(w, s, 0, -1);
    run(w, s, &h);
}
/* x, w, b, target, g (N) -> dx (N,C), dw (V,C), db (V) */
void FN(linear_xent_grad)(cpu_worker *w, const cpu_step *s) {
    head h = head_of(w, s, -1, 0);
    run(w, s, &h);
}
/* x, w, b, target, g -> nll, argmax, dx, dw, db */
void FN(linear_xent_joined)(cpu_worker *w, const cpu_step *s) {
    head h = head_of(w, s, 0, 2);
    run(w, s, &h);
}
