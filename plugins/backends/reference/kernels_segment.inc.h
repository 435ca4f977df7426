/* SPDX-License-Identifier: Apache-2.0
 * Operations over whole segments: pooling, pooling weighted by scores, windows, over REAL. Sums are in double, tokens
 * in increasing order. Results are overwritten; tokens of no segment get 0. */

/* One column of one segment of len > 0 tokens, C apart. *index: the token of the maximum. */
static double NAME(pool)(int32_t kind, const REAL *x, int64_t len, int64_t C, int32_t *index) {
    double sum = 0;
    *index = 0;
    for (int64_t t = 0; t < len; t++) {
        double v = (double)x[t * C], top = (double)x[*index * C];
        sum += v;
        if (v > top || (v != v && top == top)) *index = (int32_t)t; /* NaN is larger than everything */
    }
    switch (kind) {
    case LUD_POOL_MEAN:
        return sum / (double)len;
    case LUD_POOL_SUM:
        return sum;
    case LUD_POOL_MAX:
        return (double)x[*index * C];
    default:
        return (double)x[kind == LUD_POOL_FIRST ? 0 : (len - 1) * C];
    }
}

/* x[T,C], seg_offsets I32[S+1] -> y[S,C], index I32[S,C] (MAX). */
lud_status NAME(ref_op_SEGMENT_POOL)(const ref_call *c) {
    const lud_attr_pool *a = c->op->attr;
    const int32_t *seg = c->in[1].ptr;
    int64_t S = c->out[0].dim[0], C = c->in[0].dim[1];
    lud_status status = ref_check_pooled(c, &c->in[1], c->in[0].dim[0], &c->out[0]);
    for (int64_t i = 0; status == LUD_OK && i < S * C; i++) {
        int64_t first = seg[i / C], len = seg[i / C + 1] - first;
        int32_t index = 0;
        double y = len > 0 ? NAME(pool)(a->kind, (const REAL *)c->in[0].ptr + first * C + i % C, len, C, &index) : 0.0;
        ((REAL *)c->out[0].ptr)[i] = (REAL)y;
        if (c->out[1].n > 0) ((int32_t *)c->out[1].ptr)[i] = index;
    }
    return status;
}

/* dy[S,C], index I32[S,C] or absent, seg_offsets I32[S+1] -> dx[T,C]. */
lud_status NAME(ref_op_SEGMENT_POOL_GRAD)(const ref_call *c) {
    const lud_attr_pool *a = c->op->attr;
    const REAL *dy = c->in[0].ptr;
    const int32_t *index = c->in[1].ptr, *seg = c->in[2].ptr;
    REAL *dx = c->out[0].ptr;
    int64_t S = c->in[0].dim[0], C = c->in[0].dim[1];
    lud_status status = ref_check_pooled(c, &c->in[2], c->out[0].dim[0], &c->in[0]);
    if (status != LUD_OK) return status;
    memset(dx, 0, (size_t)c->out[0].n * sizeof(REAL));
    for (int64_t i = 0; i < S * C; i++) {
        int64_t first = seg[i / C], len = seg[i / C + 1] - first;
        for (int64_t t = 0; t < len; t++) {
            bool chosen = a->kind == LUD_POOL_MAX     ? t == index[i]
                          : a->kind == LUD_POOL_FIRST ? t == 0
                          : a->kind == LUD_POOL_LAST  ? t == len - 1
                                                      : true;
            double share = a->kind == LUD_POOL_MEAN ? 1.0 / (double)len : 1.0;
            if (chosen) dx[(first + t) * C + i % C] = (REAL)((double)dy[i] * share);
        }
    }
    return LUD_OK;
}

/* score[n] -> w[n], their softmax. */
static void NAME(softmax)(const REAL *score, int64_t n, REAL *w) {
    double top = -INFINITY, sum = 0;
    for (int64_t t = 0; t < n; t++)
        if ((double)score[t] > top) top = (double)score[t];
    for (int64_t t = 0; t < n; t++)
        sum += exp((double)score[t] - top);
    for (int64_t t = 0; t < n; t++)
        w[t] = (REAL)(exp((double)score[t] - top) / sum);
}

/* x[T,C], score[T], seg_offsets I32[S+1] -> y[S,C], weights[T]. */
lud_status NAME(ref_op_SEGMENT_ATTEND)(const ref_call *c) {
    const REAL *x = c->in[0].ptr, *score = c->in[1].ptr;
    const int32_t *seg = c->in[2].ptr;
    REAL *y = c->out[0].ptr, *w = c->out[1].ptr;
    int64_t S = c->out[0].dim[0], C = c->in[0].dim[1];
    lud_status status = ref_check_pooled(c, &c->in[2], c->in[0].dim[0], &c->out[0]);
    if (status != LUD_OK) return status;
    memset(w, 0, (size_t)c->out[1].n * sizeof(REAL));
    for (int64_t s = 0; s < S; s++)
        NAME(softmax)(score + seg[s], seg[s + 1] - seg[s], w + seg[s]);
    for (int64_t i = 0; i < S * C; i++) {
        double sum = 0;
        for (int64_t t = seg[i / C]; t < seg[i / C + 1]; t++)
            sum += (double)w[t] * (double)x[t * C + i % C];
        y[i] = (REAL)sum;
    }
    return LUD_OK;
}

/* x[T,C], weights[T], y[S,C], seg_offsets I32[S+1], dy[S,C] -> dx[T,C] = weight dy, dscore[T] = weight dy.(x - y). */
lud_status NAME(ref_op_SEGMENT_ATTEND_GRAD)(const ref_call *c) {
    const REAL *x = c->in[0].ptr, *w = c->in[1].ptr, *y = c->in[2].ptr, *dy = c->in[4].ptr;
    const int32_t *seg = c->in[3].ptr;
    REAL *dx = c->out[0].ptr, *dscore = c->out[1].ptr;
    int64_t S = c->in[2].dim[0], C = c->in[0].dim[1];
    lud_status status = ref_check_pooled(c, &c->in[3], c->in[0].dim[0], &c->in[2]);
    if (status != LUD_OK) return status;
    memset(dx, 0, (size_t)c->out[0].n * sizeof(REAL));
    memset(dscore, 0, (size_t)c->out[1].n * sizeof(REAL));
    for (int64_t s = 0; s < S; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++) {
            double sum = 0;
            for (int64_t k = 0; k < C; k++) {
                sum += (double)dy[s * C + k] * ((double)x[t * C + k] - (double)y[s * C + k]);
                dx[t * C + k] = (REAL)((double)w[t] * (double)dy[s * C + k]);
            }
            dscore[t] = (REAL)((double)w[t] * sum);
        }
    return LUD_OK;
}

/* x[T,C], seg_offsets I32[S+1] -> [T,rows,C] with rows = left + 1 + right. */
lud_status NAME(ref_op_SEGMENT_UNFOLD)(const ref_call *c) {
    const lud_attr_window *a = c->op->attr;
    const int32_t *seg = c->in[1].ptr;
    int64_t C = c->in[0].dim[1], rows = (int64_t)a->left + 1 + a->right;
    REAL *out = c->out[0].ptr;
    lud_status status = ref_check_segments(c, &c->in[1], c->in[0].dim[0]);
    if (status != LUD_OK) return status;
    memset(out, 0, (size_t)c->out[0].n * sizeof(REAL));
    for (int64_t s = 0; s + 1 < c->in[1].n; s++)
        for (int64_t t = seg[s]; t < seg[s + 1]; t++)
            for (int64_t r = 0; r < rows; r++) {
                int64_t from = t + r - a->left;
                if (from >= seg[s] && from < seg[s + 1])
                    memcpy(out + (t * rows + r) * C, (const REAL *)c->in[0].ptr + from * C, (size_t)C * sizeof(REAL));
            }
    return LUD_OK;
}

/* dy[T,rows,C], seg_offsets I32[S+1] -> dx[T,C]: each token adds its places, in increasing row of the window. */
lud_status NAME(ref_op_SEGMENT_UNFOLD_GRAD)(const ref_call *c) {
    const lud_attr_window *a = c->op->attr;
    const int32_t *seg = c->in[1].ptr;
    int64_t C = c->out[0].dim[1], rows = (int64_t)a->left + 1 + a->right;
    REAL *dx = c->out[0].ptr;
    lud_status status = ref_check_segments(c, &c->in[1], c->in[0].dim[0]);
    if (status != LUD_OK) return status;
    memset(dx, 0, (size_t)c->out[0].n * sizeof(REAL));
    for (int64_t s = 0; s + 1 < c->in[1].n; s++)
        for (int64_t i = seg[s] * C; i < seg[s + 1] * C; i++) {
            double sum = 0;
            for (int64_t r = 0; r < rows; r++) {
                int64_t from = i / C - (r - a->left);
                if (from >= seg[s] && from < seg[s + 1])
                    sum += (double)((const REAL *)c->in[0].ptr)[(from * rows + r) * C + i % C];
            }
            dx[i] = (REAL)sum;
        }
    return LUD_OK;
}
