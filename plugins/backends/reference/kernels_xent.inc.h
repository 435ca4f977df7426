/* SPDX-License-Identifier: Apache-2.0
 * Cross entropy of logits, and of a linear map without a tensor of N x V, over REAL. One row at a time: its V logits in
 * double in scratch, its sums in double; only dw and db add over rows, in increasing order and in REAL. Results are
 * overwritten; a result of shape [0] is unwanted. */

/* logits[N,V], target I32[N] -> nll[N], argmax I32[N]. */
lud_status NAME(ref_op_CROSS_ENTROPY)(const ref_call *c) {
    int64_t N = c->in[0].dim[0], V = c->in[0].dim[1];
    const int32_t *target = c->in[1].ptr;
    lud_status status = ref_check_ids(c, &c->in[1], V, "target");
    if (status != LUD_OK) return status;
    for (int64_t n = 0; n < N; n++) {
        for (int64_t v = 0; v < V; v++)
            c->scratch[v] = (double)((const REAL *)c->in[0].ptr)[n * V + v];
        ref_xent_sum row = ref_xent_row(c->op->attr, c->scratch, V, target[n]);
        if (c->out[0].n) ((REAL *)c->out[0].ptr)[n] = (REAL)row.nll;
        if (c->out[1].n) ((int32_t *)c->out[1].ptr)[n] = row.argmax;
    }
    return LUD_OK;
}

/* logits[N,V], target I32[N], g[N] -> dlogits[N,V]. */
lud_status NAME(ref_op_CROSS_ENTROPY_GRAD)(const ref_call *c) {
    int64_t N = c->in[0].dim[0], V = c->in[0].dim[1];
    const int32_t *target = c->in[1].ptr;
    const REAL *g = c->in[2].ptr;
    lud_status status = ref_check_ids(c, &c->in[1], V, "target");
    if (status != LUD_OK) return status;
    for (int64_t n = 0; n < N; n++) {
        for (int64_t v = 0; v < V; v++)
            c->scratch[v] = (double)((const REAL *)c->in[0].ptr)[n * V + v];
        ref_xent_sum row = ref_xent_row(c->op->attr, c->scratch, V, target[n]);
        ref_xent_row_grad(c->op->attr, c->scratch, V, target[n], row.lse, (double)g[n]);
        for (int64_t v = 0; v < V; v++)
            ((REAL *)c->out[0].ptr)[n * V + v] = (REAL)c->scratch[v];
    }
    return LUD_OK;
}

/* One row of x and what becomes of it. */
typedef struct {
    const REAL *x, *w, *b;
    REAL *dx, *dw, *db; /* NULL: unwanted */
    double *z;          /* V: logits, then their gradient */
    int64_t V, C;
} NAME(xent_job);

static void NAME(xent_logits)(void *arg, int64_t begin, int64_t end) {
    const NAME(xent_job) *j = arg;
    for (int64_t v = begin; v < end; v++)
        j->z[v] = NAME(dot)(j->x, j->w + v * j->C, j->C) + (j->b ? (double)j->b[v] : 0.0);
}

/* Items: blocks of columns of dx. */
static void NAME(xent_dx)(void *arg, int64_t begin, int64_t end) {
    const NAME(xent_job) *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t c0 = i * LINEAR_BLOCK, width = j->C - c0 < LINEAR_BLOCK ? j->C - c0 : LINEAR_BLOCK;
        double sum[LINEAR_BLOCK] = {0};
        for (int64_t v = 0; v < j->V; v++)
            for (int64_t k = 0; k < width; k++)
                sum[k] += j->z[v] * (double)j->w[v * j->C + c0 + k];
        for (int64_t k = 0; k < width; k++)
            j->dx[c0 + k] = (REAL)sum[k];
    }
}

/* Adds to rows [begin, end) of dw and db. */
static void NAME(xent_dw)(void *arg, int64_t begin, int64_t end) {
    const NAME(xent_job) *j = arg;
    for (int64_t v = begin; v < end; v++) {
        for (int64_t k = 0; j->dw && k < j->C; k++)
            j->dw[v * j->C + k] = (REAL)((double)j->dw[v * j->C + k] + j->z[v] * (double)j->x[k]);
        if (j->db) j->db[v] = (REAL)((double)j->db[v] + j->z[v]);
    }
}

/* What the three forms have in common: x[N,C], w[V,C], b[V] or absent, target I32[N], g[N] (NULL: no gradients). */
static lud_status NAME(linear_xent)(const ref_call *c, const REAL *g, const ref_view *nll, const ref_view *argmax,
                                    const ref_view *dx, const ref_view *dw, const ref_view *db) {
    int64_t N = c->in[0].dim[0];
    const int32_t *target = c->in[3].ptr;
    NAME(xent_job)
    j = {.w = c->in[1].ptr, .b = c->in[2].ptr, .z = c->scratch, .V = c->in[1].dim[0], .C = c->in[1].dim[1]};
    lud_status status = ref_check_ids(c, &c->in[3], j.V, "target");
    if (status != LUD_OK) return status;
    if (dw && dw->n) j.dw = memset(dw->ptr, 0, (size_t)dw->n * sizeof(REAL));
    if (db && db->n) j.db = memset(db->ptr, 0, (size_t)db->n * sizeof(REAL));
    for (int64_t n = 0; n < N; n++) {
        j.x = (const REAL *)c->in[0].ptr + n * j.C;
        ref_parallel(j.V, 256, NAME(xent_logits), &j);
        ref_xent_sum row = ref_xent_row(c->op->attr, j.z, j.V, target[n]);
        if (nll && nll->n) ((REAL *)nll->ptr)[n] = (REAL)row.nll;
        if (argmax && argmax->n) ((int32_t *)argmax->ptr)[n] = row.argmax;
        if (!g) continue;
        ref_xent_row_grad(c->op->attr, j.z, j.V, target[n], row.lse, (double)g[n]);
        j.dx = dx->n ? (REAL *)dx->ptr + n * j.C : NULL;
        if (j.dx) ref_parallel(NAME(tiles)(j.C, LINEAR_BLOCK), 1, NAME(xent_dx), &j);
        if (j.dw || j.db) ref_parallel(j.V, 256, NAME(xent_dw), &j);
    }
    return LUD_OK;
}

/* x, w, b, target -> nll[N], argmax I32[N]. */
lud_status NAME(ref_op_LINEAR_CROSS_ENTROPY)(const ref_call *c) {
    return NAME(linear_xent)(c, NULL, &c->out[0], &c->out[1], NULL, NULL, NULL);
}

/* x, w, b, target, g -> dx[N,C], dw[V,C], db[V]. */
lud_status NAME(ref_op_LINEAR_CROSS_ENTROPY_GRAD)(const ref_call *c) {
    return NAME(linear_xent)(c, c->in[4].ptr, NULL, NULL, &c->out[0], &c->out[1], &c->out[2]);
}

/* x, w, b, target, g -> nll[N], argmax I32[N], dx[N,C], dw[V,C], db[V]. */
lud_status NAME(ref_op_LINEAR_CROSS_ENTROPY_JOINED)(const ref_call *c) {
    return NAME(linear_xent)(c, c->in[4].ptr, &c->out[0], &c->out[1], &c->out[2], &c->out[3], &c->out[4]);
}
