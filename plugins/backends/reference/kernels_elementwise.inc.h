/* SPDX-License-Identifier: Apache-2.0
 * Elementwise kernels over REAL, sums over leading dimensions and over the last. Every result is overwritten. An
 * element's inputs are read before it is written, so results may overlay inputs of the same size. Arithmetic is in
 * double. */

/* a[n], b[m] with m dividing n (equal, trailing dimensions, or one element) -> out[n]. I32 too. */
lud_status NAME(ref_op_ADD)(const ref_call *c) {
    int64_t m = c->in[1].n;
    if (c->in[0].dtype == LUD_I32) {
        const int32_t *a = c->in[0].ptr, *b = c->in[1].ptr;
        int32_t *out = c->out[0].ptr;
        for (int64_t i = 0; i < c->out[0].n; i++)
            out[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i % m]); /* wraps */
        return LUD_OK;
    }
    const REAL *a = c->in[0].ptr, *b = c->in[1].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = a[i] + b[i % m];
    return LUD_OK;
}

/* As ADD, without I32. */
lud_status NAME(ref_op_MUL)(const ref_call *c) {
    const REAL *a = c->in[0].ptr, *b = c->in[1].ptr;
    REAL *out = c->out[0].ptr;
    int64_t m = c->in[1].n;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = a[i] * b[i % m];
    return LUD_OK;
}

lud_status NAME(ref_op_SCALE)(const ref_call *c) {
    const lud_attr_scale *a = c->op->attr;
    const REAL *x = c->in[0].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = (REAL)((double)a->mul * (double)x[i] + (double)a->add);
    return LUD_OK;
}

lud_status NAME(ref_op_ACT)(const ref_call *c) {
    const lud_attr_act *a = c->op->attr;
    const REAL *x = c->in[0].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = (REAL)ref_act(a->act, (double)x[i]);
    return LUD_OK;
}

lud_status NAME(ref_op_ACT_GRAD)(const ref_call *c) {
    const lud_attr_act *a = c->op->attr;
    const REAL *x = c->in[0].ptr, *dy = c->in[1].ptr;
    REAL *dx = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        dx[i] = (REAL)((double)dy[i] * ref_act_grad(a->act, (double)x[i]));
    return LUD_OK;
}

lud_status NAME(ref_op_GLU)(const ref_call *c) {
    const lud_attr_act *a = c->op->attr;
    const REAL *gate = c->in[0].ptr, *up = c->in[1].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = (REAL)(ref_act(a->act, (double)gate[i]) * (double)up[i]);
    return LUD_OK;
}

/* Either result may be unwanted. */
lud_status NAME(ref_op_GLU_GRAD)(const ref_call *c) {
    const lud_attr_act *a = c->op->attr;
    const REAL *gate = c->in[0].ptr, *up = c->in[1].ptr, *dy = c->in[2].ptr;
    REAL *dgate = c->out[0].n ? c->out[0].ptr : NULL, *dup = c->out[1].n ? c->out[1].ptr : NULL;
    for (int64_t i = 0; i < c->in[2].n; i++) {
        double g = (double)gate[i], u = (double)up[i], d = (double)dy[i];
        if (dgate) dgate[i] = (REAL)(d * u * ref_act_grad(a->act, g));
        if (dup) dup[i] = (REAL)(d * ref_act(a->act, g));
    }
    return LUD_OK;
}

/* x[n] -> out[m], m dividing n: out[j] = sum over i of x[i * m + j], rows in increasing order. */
lud_status NAME(ref_op_SUM_TO)(const ref_call *c) {
    enum { BLOCK = 64 };
    const REAL *x = c->in[0].ptr;
    REAL *out = c->out[0].ptr;
    int64_t n = c->in[0].n, m = c->out[0].n;
    for (int64_t j = 0; j < m; j += BLOCK) {
        double sum[BLOCK] = {0};
        int64_t width = m - j < BLOCK ? m - j : BLOCK;
        for (int64_t row = 0; row < n; row += m)
            for (int64_t k = 0; k < width; k++)
                sum[k] += (double)x[row + j + k];
        for (int64_t k = 0; k < width; k++)
            out[j + k] = (REAL)sum[k];
    }
    return LUD_OK;
}

/* x[...,K] -> [...]. */
lud_status NAME(ref_op_ROW_SUM)(const ref_call *c) {
    int64_t width = c->in[0].dim[c->in[0].rank - 1];
    for (int64_t t = 0; t < c->out[0].n; t++) {
        double sum = 0;
        for (int64_t k = 0; k < width; k++)
            sum += (double)((const REAL *)c->in[0].ptr)[t * width + k];
        ((REAL *)c->out[0].ptr)[t] = (REAL)sum;
    }
    return LUD_OK;
}

/* x[...] -> [...,width]. */
lud_status NAME(ref_op_ROW_SPREAD)(const ref_call *c) {
    int64_t width = ((const lud_attr_width *)c->op->attr)->width;
    for (int64_t i = 0; i < c->out[0].n; i++)
        ((REAL *)c->out[0].ptr)[i] = ((const REAL *)c->in[0].ptr)[i / width];
    return LUD_OK;
}

lud_status NAME(ref_op_ELEMENT_LOSS)(const ref_call *c) {
    const REAL *pred = c->in[0].ptr, *target = c->in[1].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = (REAL)ref_loss(c->op->attr, (double)pred[i], (double)target[i]);
    return LUD_OK;
}

lud_status NAME(ref_op_ELEMENT_LOSS_GRAD)(const ref_call *c) {
    const REAL *pred = c->in[0].ptr, *target = c->in[1].ptr, *dy = c->in[2].ptr;
    REAL *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++)
        out[i] = (REAL)((double)dy[i] * ref_loss_grad(c->op->attr, (double)pred[i], (double)target[i]));
    return LUD_OK;
}

/* x[T,...], row_keys I32[T,2], positions I32[T]. */
lud_status NAME(ref_op_DROPOUT)(const ref_call *c) {
    const lud_attr_dropout *a = c->op->attr;
    const REAL *x = c->in[0].ptr;
    const int32_t *keys = c->in[1].ptr, *positions = c->in[2].ptr;
    REAL *out = c->out[0].ptr;
    int64_t rows = c->in[0].dim[0], width = ref_span(&c->in[0], 1, c->in[0].rank);
    for (int64_t t = 0; t < rows; t++) {
        uint64_t row_key = (uint64_t)(uint32_t)keys[2 * t] | (uint64_t)(uint32_t)keys[2 * t + 1] << 32;
        uint64_t key = lud_token_key(row_key, (uint32_t)positions[t], c->op->stream);
        for (int64_t k = 0; k < width; k++) {
            double kept = (double)x[t * width + k] / (1.0 - (double)a->p);
            out[t * width + k] = lud_uniform(key, (uint32_t)k) >= a->p ? (REAL)kept : (REAL)0;
        }
    }
    return LUD_OK;
}
