/* SPDX-License-Identifier: Apache-2.0
 * Products of rounded factors inside a step: rounds what is not rounded yet into the step's shared memory, then
 * multiplies (bf16.h). A few rows are rounded by each thread for itself: that is cheaper than waiting. */
#include "bf16.h"
#include "ops.h"

enum { FEW_ROWS = 16, GRAIN = 32 };

static bf16_factor left_of(const gemm *g) {
    return (bf16_factor){
        .x = g->a, .ld = g->a_col == 1 ? g->a_row : g->a_col, .n = g->rows, .k = g->k, .by_k = g->a_col != 1};
}
static bf16_factor right_of(const gemm *g) {
    return (bf16_factor){.x = g->b, .ld = g->ldb, .n = g->n, .k = g->k, .by_k = !g->b_rows};
}

static void round_shared(cpu_worker *w, const cpu_step *s, uint32_t number, const bf16_factor *f, uint16_t *out,
                         bool panels) {
    cpu_ranges it = cpu_ranges_start(w, s, number, f->n, GRAIN);
    while (cpu_ranges_next(&it))
        (panels ? w->bf16->panels : w->bf16->rows)(out, f, it.begin, it.end);
}

static size_t left_bytes(int64_t rows, int64_t k) {
    return (size_t)cpu_round_up((int64_t)bf16_rows_bytes(rows, k), CPU_LINE);
}

size_t FN(bf16_room)(int64_t rows, int64_t n, int64_t k, const bf16_parts *p) {
    return (p->left ? 0 : left_bytes(rows, k)) + (p->panels || p->strips ? 0 : bf16_panels_bytes(n, k));
}

/* A few rows, then the panels that a piece makes. */
size_t FN(bf16_scratch)(int64_t k) {
    return left_bytes(FEW_ROWS, k) + bf16_panels_bytes(BF16_N, BF16_K) * BF16_SIDE;
}

/* Rounds what the parts lack. */
static void complete(cpu_worker *w, const cpu_step *s, uint32_t number, const gemm *g, bf16_parts *p) {
    uint16_t *a = (uint16_t *)(void *)p->room;
    uint16_t *b = (uint16_t *)(void *)(p->room + (p->left ? 0 : left_bytes(g->rows, g->k)));
    bf16_factor left = left_of(g), right = right_of(g);
    bool round_left = !p->left && !s->rounded, round_right = !p->panels && !g->strips;
    if (round_left) round_shared(w, s, number, &left, a, false);
    if (round_right) round_shared(w, s, number + 1, &right, b, true);
    if (round_left || round_right) cpu_barrier(w);
    if (!p->left) p->left = a, p->lda = bf16_ld(g->k);
    if (round_right) p->panels = b;
}

static void complete_alone(cpu_worker *w, const gemm *g, bf16_parts *p) {
    uint16_t *a = (uint16_t *)(void *)w->scratch;
    bf16_factor left = left_of(g);
    w->bf16->rows(a, &left, 0, g->rows);
    p->left = a, p->lda = bf16_ld(g->k);
}

static bf16_weight weight_of(const gemm *g) {
    return (bf16_weight){.strips = g->b,
                         .rows = g->b_rows ? g->n : g->k,
                         .cols = g->b_rows ? g->k : g->n,
                         .kind = g->strips,
                         .by_k = !g->b_rows};
}

void FN(bf16_shared)(cpu_worker *w, const cpu_step *s, uint32_t number, const gemm *g, bf16_parts p) {
    bool ready = p.panels || g->strips;
    if (g->rows <= FEW_ROWS && ready && !p.left)
        complete_alone(w, g, &p);
    else
        complete(w, s, number, g, &p);
    const bf16_product product = {.a = p.left,
                                  .panels = p.panels,
                                  .weight = weight_of(g),
                                  .made = (uint16_t *)(void *)(w->scratch + left_bytes(FEW_ROWS, g->k)),
                                  .c = g->c,
                                  .bias = g->bias,
                                  .lda = p.lda,
                                  .ldc = g->ldc,
                                  .rows = g->rows,
                                  .n = g->n,
                                  .k = g->k,
                                  .accumulate = g->accumulate};
    if (g->strips && g->b_rows && g->rows <= CPU_FEW_ROWS)
        w->bf16->strips(w, &product);
    else
        w->bf16->product(w, s, number + 2, &product);
}

void FN(bf16_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    bool weight = s->op->opcode == LUD_OP_LINEAR_GRAD_WEIGHT;
    int64_t k = cpu_cols(w, &s->in[0]), t = cpu_rows(w, &s->in[0]), n = cpu_cols(w, &s->out[0]);
    bf16_parts parts = {.strips = !weight && cpu_weight_strips(&s->in[1])};
    if (!weight) parts.panels = cpu_weight_panels(&s->in[1], CPU_STORAGE_BF16, s->op->opcode == LUD_OP_LINEAR);
    need->shared += weight ? FN(bf16_room)(cpu_dim(w, &s->out[0], 0), k, t, &parts) : FN(bf16_room)(t, n, k, &parts);
    need->scratch = CPU_MAX(need->scratch, FN(bf16_scratch)(k));
    need->loops = BF16_LOOPS;
    need->rounds = parts.panels || parts.strips ? CPU_ROUNDS_BF16 : CPU_ROUNDS_NOTHING;
}
