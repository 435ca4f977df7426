/* SPDX-License-Identifier: Apache-2.0
 * Attention over packed segments, its gradient, and attention over a paged cache, over REAL. A query row is one softmax
 * over its keys in increasing order, in double; the paged form goes through the same row function and so gives the same
 * bits. Scratch: the scores of one row, then one head. */

/* Keys (or values) of one segment and one head: rows `stride` apart, whose components are `step` apart; pages: each
 * begins at its own place. */
typedef struct {
    const REAL *base;
    int64_t stride, step;
    const int32_t *pages; /* NULL: one page */
    int64_t page_size, page_stride;
} NAME(keys);

static const REAL *NAME(key)(const NAME(keys) * k, int64_t j) {
    if (!k->pages) return k->base + j * k->stride;
    return k->base + k->pages[j / k->page_size] * k->page_stride + j % k->page_size * k->stride;
}

static double NAME(score)(const lud_attr_attention *a, const REAL *q, const REAL *k, int64_t step, int64_t D) {
    double dot = 0;
    for (int64_t d = 0; d < D; d++)
        dot += (double)q[d] * (double)k[d * step];
    double score = (double)a->scale * dot;
    return a->softcap > 0 ? (double)a->softcap * tanh(score / (double)a->softcap) : score;
}

/* Slope of head h; slopes may be absent. */
static double NAME(slope)(const ref_view *slopes, int64_t h) {
    return slopes->ptr ? (double)((const REAL *)slopes->ptr)[h] : 0.0;
}

/* q[D] of token t over the keys of r -> out[D]; returns lse. Without keys: out = 0, -infinity. */
static double NAME(attention_row)(const lud_attr_attention *a, const REAL *q, const NAME(keys) * k,
                                  const NAME(keys) * v, ref_range r, int64_t t, double slope, int64_t D,
                                  double *scratch, REAL *out) {
    int64_t n = r.hi > r.lo ? r.hi - r.lo : 0;
    double *p = scratch, *acc = scratch + n, top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        p[j] = NAME(score)(a, q, NAME(key)(k, r.lo + j), k->step, D) + slope * (double)(r.lo + j - t);
        if (p[j] > top) top = p[j];
    }
    for (int64_t d = 0; d < D; d++)
        acc[d] = 0;
    for (int64_t j = 0; j < n; j++) {
        double weight = exp(p[j] - top);
        const REAL *value = NAME(key)(v, r.lo + j);
        sum += weight;
        for (int64_t d = 0; d < D; d++)
            acc[d] += weight * (double)value[d * v->step];
    }
    for (int64_t d = 0; d < D; d++)
        out[d] = (REAL)(n > 0 ? acc[d] / sum : 0.0);
    return n > 0 ? top + log(sum) : -INFINITY;
}

/* q[T,H,D], k[T,G,D], v[T,G,D], seg_offsets I32[S+1], slopes[H] or absent -> out[T,H,D], lse[T,H] (may be unwanted). */
lud_status NAME(ref_op_ATTENTION)(const ref_call *c) {
    const lud_attr_attention *a = c->op->attr;
    int64_t T = c->in[0].dim[0], H = c->in[0].dim[1], D = c->in[0].dim[2], G = c->in[1].dim[1];
    const REAL *q = c->in[0].ptr, *k = c->in[1].ptr, *v = c->in[2].ptr;
    const int32_t *seg = c->in[3].ptr;
    REAL *out = c->out[0].ptr, *lse = c->out[1].n ? c->out[1].ptr : NULL;
    lud_status status = ref_check_segments(c, &c->in[3], T);
    if (status != LUD_OK) return status;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = 0;
    for (int64_t i = 0; i < c->out[1].n; i++)
        lse[i] = (REAL)-INFINITY;
    for (int64_t s = 0; s + 1 < c->in[3].n; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++)
            for (int64_t h = 0; h < H; h++) {
                int64_t first = (seg[s] * G + h / (H / G)) * D, row = t * H + h;
                NAME(keys) keys = {k + first, G * D, 1, NULL, 0, 0}, values = {v + first, G * D, 1, NULL, 0, 0};
                ref_range r = ref_attention_range(a, t - seg[s], seg[s + 1] - seg[s]);
                double sum = NAME(attention_row)(a, q + row * D, &keys, &values, r, t - seg[s],
                                                 NAME(slope)(&c->in[4], h), D, c->scratch, out + row * D);
                if (lse) lse[row] = (REAL)sum;
            }
    return LUD_OK;
}

typedef struct {
    const REAL *q, *k, *v, *out, *lse, *dout;
    REAL *dq, *dk, *dv; /* NULL: unwanted */
    int64_t H, G, D;
} NAME(attention_grad_job);

/* Query row t of a segment that begins at token `first`: overwrites dq of the row, adds to dk and dv (in REAL). */
static void NAME(attention_grad_row)(const lud_attr_attention *a, const NAME(attention_grad_job) * j, int64_t first,
                                     int64_t t, int64_t h, ref_range r, double slope, double *dq) {
    int64_t D = j->D, row = (first + t) * j->H + h;
    const REAL *q = j->q + row * D, *dout = j->dout + row * D;
    double delta = NAME(dot)(dout, j->out + row * D, D);
    for (int64_t d = 0; d < D; d++)
        dq[d] = 0;
    for (int64_t i = r.lo; i < r.hi; i++) {
        int64_t at = ((first + i) * j->G + h / (j->H / j->G)) * D;
        double score = NAME(score)(a, q, j->k + at, 1, D),
               p = exp(score + slope * (double)(i - t) - (double)j->lse[row]);
        double ds = p * (NAME(dot)(dout, j->v + at, D) - delta) * (double)a->scale;
        if (a->softcap > 0) ds *= 1.0 - (score / (double)a->softcap) * (score / (double)a->softcap);
        for (int64_t d = 0; d < D; d++) {
            dq[d] += ds * (double)j->k[at + d];
            if (j->dk) j->dk[at + d] = (REAL)((double)j->dk[at + d] + ds * (double)q[d]);
            if (j->dv) j->dv[at + d] = (REAL)((double)j->dv[at + d] + p * (double)dout[d]);
        }
    }
    for (int64_t d = 0; j->dq && d < D; d++)
        j->dq[row * D + d] = (REAL)dq[d];
}

/* q, k, v, seg_offsets, out, lse, dout, slopes -> dq[T,H,D], dk[T,G,D], dv[T,G,D]; each may be unwanted. */
lud_status NAME(ref_op_ATTENTION_GRAD)(const ref_call *c) {
    const lud_attr_attention *a = c->op->attr;
    const int32_t *seg = c->in[3].ptr;
    lud_status status = ref_check_segments(c, &c->in[3], c->in[0].dim[0]);
    if (status != LUD_OK) return status;
    NAME(attention_grad_job)
    j = {c->in[0].ptr, c->in[1].ptr,         c->in[2].ptr,         c->in[4].ptr,        c->in[5].ptr,
         c->in[6].ptr, .H = c->in[0].dim[1], .G = c->in[1].dim[1], .D = c->in[0].dim[2]};
    REAL **result[3] = {&j.dq, &j.dk, &j.dv};
    for (int i = 0; i < 3; i++) {
        if (c->out[i].n == 0) continue;
        *result[i] = c->out[i].ptr;
        memset(c->out[i].ptr, 0, (size_t)c->out[i].n * sizeof(REAL));
    }
    for (int64_t s = 0; s + 1 < c->in[3].n; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++)
            for (int64_t h = 0; h < j.H; h++) {
                ref_range r = ref_attention_range(a, t - seg[s], seg[s + 1] - seg[s]);
                NAME(attention_grad_row)(a, &j, seg[s], t - seg[s], h, r, NAME(slope)(&c->in[7], h), c->scratch);
            }
    return LUD_OK;
}

/* Positions, and the pages that token t of segment s reads and writes, lie inside the table and the pools. */
static lud_status NAME(check_pages)(const ref_call *c, int64_t s, int64_t t) {
    const lud_attr_attention *a = c->op->attr;
    int64_t P = c->in[5].dim[1], B = c->in[6].dim[0], Z = c->in[6].dim[3];
    int64_t position = ((const int32_t *)c->in[4].ptr)[t];
    const int32_t *pages = (const int32_t *)c->in[5].ptr + s * P;
    if (position < 0 || position >= P * Z)
        return ref_fail(c->err, LUD_E_INVALID,
                        "reference: ATTENTION_CACHED: token %lld has position %lld, room is %lld", (long long)t,
                        (long long)position, (long long)(P * Z));
    for (int64_t page = ref_attention_range(a, position, position + 1).lo / Z; page <= position / Z; page++)
        if (pages[page] < 0 || pages[page] >= B)
            return ref_fail(c->err, LUD_E_INVALID,
                            "reference: ATTENTION_CACHED: page %lld of segment %lld is %d, "
                            "must be 0 to %lld",
                            (long long)page, (long long)s, (int)pages[page], (long long)B - 1);
    return LUD_OK;
}

/* q[T,H,D], k[T,G,D], v[T,G,D], seg_offsets I32[S+1], positions I32[T], page_table I32[S,P], k_pool[B,G,D,Z],
 * v_pool[B,G,Z,D] (both changed), slopes[H] or absent -> out[T,H,D]. All tokens are stored before the first one
 * attends. */
lud_status NAME(ref_op_ATTENTION_CACHED)(const ref_call *c) {
    const lud_attr_attention *a = c->op->attr;
    int64_t H = c->in[0].dim[1], D = c->in[0].dim[2], G = c->in[1].dim[1], P = c->in[5].dim[1], Z = c->in[6].dim[3];
    const int32_t *seg = c->in[3].ptr, *positions = c->in[4].ptr, *table = c->in[5].ptr;
    REAL *k_pool = c->in[6].ptr, *v_pool = c->in[7].ptr, *out = c->out[0].ptr;
    lud_status status = ref_check_segments(c, &c->in[3], c->in[0].dim[0]);
    for (int64_t s = 0; s + 1 < c->in[3].n; s++)
        for (int64_t t = seg[s]; status == LUD_OK && t < seg[s + 1]; t++)
            status = NAME(check_pages)(c, s, t);
    if (status != LUD_OK) return status;
    for (int64_t s = 0; s + 1 < c->in[3].n; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++) {
            int64_t page = (int64_t)table[s * P + positions[t] / Z] * G * D * Z, slot = positions[t] % Z;
            for (int64_t i = 0; i < G * D; i++) {
                k_pool[page + i * Z + slot] = ((const REAL *)c->in[1].ptr)[t * G * D + i];
                v_pool[page + (i / D * Z + slot) * D + i % D] = ((const REAL *)c->in[2].ptr)[t * G * D + i];
            }
        }
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = 0;
    for (int64_t s = 0; s + 1 < c->in[3].n; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++)
            for (int64_t h = 0; h < H; h++) {
                int64_t group = h / (H / G) * D * Z, row = (t * H + h) * D;
                NAME(keys) keys = {k_pool + group, 1, Z, table + s * P, Z, G * D * Z};
                NAME(keys) values = {v_pool + group, D, 1, table + s * P, Z, G * D * Z};
                ref_range r = ref_attention_range(a, positions[t], positions[t] + 1);
                NAME(attention_row)
                (a, (const REAL *)c->in[0].ptr + row, &keys, &values, r, positions[t], NAME(slope)(&c->in[8], h), D,
                 c->scratch, out + row);
            }
    return LUD_OK;
}
