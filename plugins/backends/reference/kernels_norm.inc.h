/* SPDX-License-Identifier: Apache-2.0
 * RMS norm, layer norm and rotary positions over REAL, row by row, in double. Results are overwritten; those of one
 * row's size may overlay an input: a row's sums are complete before its first element is written. */

/* The factor of column k: w[k] + offset, or 1 without w. */
static double NAME(norm_factor)(const ref_call *c, int64_t k) {
    const lud_attr_norm *a = c->op->attr;
    const REAL *w = c->in[1].ptr;
    return w ? (double)w[k] + (double)a->weight_offset : 1.0;
}

/* x[...,C], w[C] or absent -> y[...,C], r[...]; either result may be unwanted. */
lud_status NAME(ref_op_RMS_NORM)(const ref_call *c) {
    const lud_attr_norm *a = c->op->attr;
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    REAL *y = c->out[0].ptr, *r = c->out[1].ptr;
    for (int64_t t = 0; t < rows; t++) {
        const REAL *x = (const REAL *)c->in[0].ptr + t * C;
        double scale = 1.0 / sqrt(NAME(dot)(x, x, C) / (double)C + (double)a->eps);
        if (c->out[0].n > 0)
            for (int64_t k = 0; k < C; k++)
                y[t * C + k] = (REAL)((double)x[k] * scale * NAME(norm_factor)(c, k));
        if (c->out[1].n > 0) r[t] = (REAL)scale;
    }
    return LUD_OK;
}

/* x[...,C], w[C] or absent, r[...], dy[...,C] -> dx: r (g - n mean(g n)) with n = x r and g = dy * factor. */
lud_status NAME(ref_op_RMS_NORM_GRAD)(const ref_call *c) {
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    for (int64_t t = 0; t < rows; t++) {
        const REAL *x = (const REAL *)c->in[0].ptr + t * C, *dy = (const REAL *)c->in[3].ptr + t * C;
        REAL *dx = (REAL *)c->out[0].ptr + t * C;
        double r = (double)((const REAL *)c->in[2].ptr)[t], mean = 0;
        for (int64_t k = 0; k < C; k++)
            mean += (double)dy[k] * NAME(norm_factor)(c, k) * (double)x[k] * r / (double)C;
        for (int64_t k = 0; k < C; k++)
            dx[k] = (REAL)(r * ((double)dy[k] * NAME(norm_factor)(c, k) - (double)x[k] * r * mean));
    }
    return LUD_OK;
}

/* x[...,C], r[...], dy[...,C] -> dw[C]: sum of dy x r over the rows, in increasing order. */
lud_status NAME(ref_op_RMS_NORM_GRAD_WEIGHT)(const ref_call *c) {
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    const REAL *x = c->in[0].ptr, *r = c->in[1].ptr, *dy = c->in[2].ptr;
    REAL *dw = c->out[0].ptr;
    for (int64_t k = 0; k < C; k++) {
        double sum = 0;
        for (int64_t t = 0; t < rows; t++)
            sum += (double)dy[t * C + k] * (double)x[t * C + k] * (double)r[t];
        dw[k] = (REAL)sum;
    }
    return LUD_OK;
}

/* x[...,C], w[C] or absent, b[C] or absent -> y[...,C], mean[...], rstd[...]; each may be unwanted. */
lud_status NAME(ref_op_LAYER_NORM)(const ref_call *c) {
    const lud_attr_norm *a = c->op->attr;
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    const REAL *w = c->in[1].ptr, *b = c->in[2].ptr;
    for (int64_t t = 0; t < rows; t++) {
        const REAL *x = (const REAL *)c->in[0].ptr + t * C;
        REAL *y = (REAL *)c->out[0].ptr + t * C;
        double mean = 0, variance = 0;
        for (int64_t k = 0; k < C; k++)
            mean += (double)x[k] / (double)C;
        for (int64_t k = 0; k < C; k++)
            variance += ((double)x[k] - mean) * ((double)x[k] - mean) / (double)C;
        double rstd = 1.0 / sqrt(variance + (double)a->eps);
        for (int64_t k = 0; c->out[0].n > 0 && k < C; k++)
            y[k] = (REAL)(((double)x[k] - mean) * rstd * (w ? (double)w[k] : 1.0) + (b ? (double)b[k] : 0.0));
        if (c->out[1].n > 0) ((REAL *)c->out[1].ptr)[t] = (REAL)mean;
        if (c->out[2].n > 0) ((REAL *)c->out[2].ptr)[t] = (REAL)rstd;
    }
    return LUD_OK;
}

/* x[...,C], w[C] or absent, mean[...], rstd[...], dy[...,C] -> dx: rstd (g - mean(g) - n mean(g n)) with
 * n = (x - mean) rstd and g = dy w. */
lud_status NAME(ref_op_LAYER_NORM_GRAD)(const ref_call *c) {
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    const REAL *w = c->in[1].ptr;
    for (int64_t t = 0; t < rows; t++) {
        const REAL *x = (const REAL *)c->in[0].ptr + t * C, *dy = (const REAL *)c->in[4].ptr + t * C;
        REAL *dx = (REAL *)c->out[0].ptr + t * C;
        double mean = (double)((const REAL *)c->in[2].ptr)[t], rstd = (double)((const REAL *)c->in[3].ptr)[t];
        double sum_g = 0, sum_gn = 0;
        for (int64_t k = 0; k < C; k++) {
            double g = (double)dy[k] * (w ? (double)w[k] : 1.0);
            sum_g += g / (double)C;
            sum_gn += g * ((double)x[k] - mean) * rstd / (double)C;
        }
        for (int64_t k = 0; k < C; k++) {
            double g = (double)dy[k] * (w ? (double)w[k] : 1.0);
            dx[k] = (REAL)(rstd * (g - sum_g - ((double)x[k] - mean) * rstd * sum_gn));
        }
    }
    return LUD_OK;
}

/* x[...,C], mean[...], rstd[...], dy[...,C] -> dw[C], db[C]: sums over the rows, in increasing order. */
lud_status NAME(ref_op_LAYER_NORM_GRAD_WEIGHT)(const ref_call *c) {
    int64_t C = c->in[0].dim[c->in[0].rank - 1], rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    const REAL *x = c->in[0].ptr, *mean = c->in[1].ptr, *rstd = c->in[2].ptr, *dy = c->in[3].ptr;
    for (int64_t k = 0; k < C; k++) {
        double dw = 0, db = 0;
        for (int64_t t = 0; t < rows; t++) {
            dw += (double)dy[t * C + k] * ((double)x[t * C + k] - (double)mean[t]) * (double)rstd[t];
            db += (double)dy[t * C + k];
        }
        if (c->out[0].n > 0) ((REAL *)c->out[0].ptr)[k] = (REAL)dw;
        if (c->out[1].n > 0) ((REAL *)c->out[1].ptr)[k] = (REAL)db;
    }
    return LUD_OK;
}

/* One head: the pair (i, j) for each frequency, read before it is written; the rest is copied. */
static void NAME(rope_head)(const lud_attr_rope *a, const REAL *inv_freq, int32_t position, const REAL *x, REAL *out,
                            int64_t D) {
    int64_t half = a->rotary_dim / 2;
    for (int64_t i = 0; i < half; i++) {
        int64_t first = a->interleaved ? 2 * i : i, second = a->interleaved ? 2 * i + 1 : i + half;
        float angle = (float)position * (float)inv_freq[i]; /* fp32, as every implementation rotates */
        double cosine = cos((double)angle) * (double)a->attention_factor;
        double sine = sin((double)angle) * (double)a->attention_factor * (a->inverse ? -1.0 : 1.0);
        double x1 = (double)x[first], x2 = (double)x[second];
        out[first] = (REAL)(x1 * cosine - x2 * sine);
        out[second] = (REAL)(x2 * cosine + x1 * sine);
    }
    for (int64_t k = 2 * half; k < D; k++)
        out[k] = x[k];
}

/* x[T,H,D], positions I32[T], inv_freq[rotary_dim / 2] -> [T,H,D]. */
lud_status NAME(ref_op_ROPE)(const ref_call *c) {
    const int32_t *positions = c->in[1].ptr;
    int64_t T = c->in[0].dim[0], H = c->in[0].dim[1], D = c->in[0].dim[2];
    for (int64_t i = 0; i < T * H; i++)
        NAME(rope_head)
    (c->op->attr, c->in[2].ptr, positions[i / H], (const REAL *)c->in[0].ptr + i * D, (REAL *)c->out[0].ptr + i * D, D);
    return LUD_OK;
}
