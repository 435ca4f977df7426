/* SPDX-License-Identifier: Apache-2.0
 * Kernels that move rows: they copy bytes, so I32 goes the same way as REAL. Only SCATTER_ADD_ROWS and EMBEDDING_GRAD
 * add, in increasing row order and in REAL. Every result is overwritten. Ids are checked before anything is written. */

/* A view: usually the same memory already. */
lud_status NAME(ref_op_RESHAPE)(const ref_call *c) {
    if (c->out[0].n > 0 && c->out[0].ptr != c->in[0].ptr)
        memmove(c->out[0].ptr, c->in[0].ptr, (size_t)c->out[0].n * ref_dtype_size(c->out[0].dtype));
    return LUD_OK;
}

/* x[..., W] -> out[..., len]. */
lud_status NAME(ref_op_SLICE)(const ref_call *c) {
    const lud_attr_slice *a = c->op->attr;
    int64_t width = c->in[0].dim[c->in[0].rank - 1];
    int64_t rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    int64_t size = (int64_t)ref_dtype_size(c->in[0].dtype);
    const char *x = c->in[0].ptr;
    char *out = c->out[0].ptr;
    for (int64_t t = 0; t < rows; t++)
        memcpy(out + t * a->len * size, x + (t * width + a->start) * size, (size_t)(a->len * size));
    return LUD_OK;
}

/* dy[..., len] -> out[..., total]: zero outside the slice. */
lud_status NAME(ref_op_SLICE_GRAD)(const ref_call *c) {
    const lud_attr_slice *a = c->op->attr;
    int64_t width = c->in[0].dim[c->in[0].rank - 1];
    int64_t rows = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    const REAL *dy = c->in[0].ptr;
    REAL *out = c->out[0].ptr;
    memset(out, 0, (size_t)c->out[0].n * sizeof(REAL));
    for (int64_t t = 0; t < rows; t++)
        memcpy(out + t * a->total + a->start, dy + t * width, (size_t)width * sizeof(REAL));
    return LUD_OK;
}

/* Halves of a row side by side in 32 bits, as bf16. */
lud_status NAME(ref_op_PACK)(const ref_call *c) {
    int64_t half = c->out[0].dim[c->out[0].rank - 1];
    const REAL *x = c->in[0].ptr;
    uint32_t *out = c->out[0].ptr;
    for (int64_t i = 0; i < c->out[0].n; i++) {
        const REAL *row = x + i / half * 2 * half + i % half;
        out[i] = ref_bf16((float)row[0]) | ref_bf16((float)row[half]) << 16;
    }
    return LUD_OK;
}

lud_status NAME(ref_op_UNPACK)(const ref_call *c) {
    int64_t half = c->in[0].dim[c->in[0].rank - 1];
    const uint32_t *x = c->in[0].ptr;
    for (int64_t i = 0; i < c->in[0].n; i++) {
        REAL *row = (REAL *)c->out[0].ptr + i / half * 2 * half + i % half;
        uint32_t bits[2] = {x[i] << 16, x[i] & 0xffff0000u};
        float value[2];
        memcpy(value, bits, sizeof bits);
        row[0] = (REAL)value[0], row[half] = (REAL)value[1];
    }
    return LUD_OK;
}

/* a[...,M], b[...,N] -> [...,M+N]. */
lud_status NAME(ref_op_CONCAT)(const ref_call *c) {
    int64_t rows = ref_span(&c->in[0], 0, c->in[0].rank - 1), width = c->out[0].dim[c->out[0].rank - 1], at = 0;
    for (int i = 0; i < 2; i++) {
        int64_t part = c->in[i].dim[c->in[i].rank - 1];
        for (int64_t t = 0; t < rows; t++)
            memcpy((REAL *)c->out[0].ptr + t * width + at, (const REAL *)c->in[i].ptr + t * part,
                   (size_t)part * sizeof(REAL));
        at += part;
    }
    return LUD_OK;
}

/* out[n,...] = x[index[n],...]. */
static lud_status NAME(gather)(const ref_call *c, const ref_view *x, const ref_view *index, const char *what) {
    lud_status status = ref_check_ids(c, index, x->dim[0], what);
    if (status != LUD_OK) return status;
    const int32_t *id = index->ptr;
    size_t row = (size_t)ref_span(x, 1, x->rank) * ref_dtype_size(x->dtype);
    for (int64_t n = 0; n < index->n; n++)
        memcpy((char *)c->out[0].ptr + (size_t)n * row, (const char *)x->ptr + (size_t)id[n] * row, row);
    return LUD_OK;
}

/* out[rows, width] = 0, then out[index[n]] += dy[n] in increasing n. */
static lud_status NAME(scatter_add)(const ref_call *c, const char *what) {
    const ref_view *dy = &c->in[0], *out = &c->out[0];
    lud_status status = ref_check_ids(c, &c->in[1], out->dim[0], what);
    if (status != LUD_OK) return status;
    const int32_t *id = c->in[1].ptr;
    int64_t width = ref_span(out, 1, out->rank);
    REAL *to = out->ptr;
    memset(to, 0, (size_t)out->n * sizeof(REAL));
    for (int64_t n = 0; n < c->in[1].n; n++) {
        const REAL *from = (const REAL *)dy->ptr + n * width;
        for (int64_t k = 0; k < width; k++)
            to[id[n] * width + k] += from[k];
    }
    return LUD_OK;
}

/* x[T,...], index I32[N] -> [N,...]. */
lud_status NAME(ref_op_GATHER_ROWS)(const ref_call *c) {
    return NAME(gather)(c, &c->in[0], &c->in[1], "row index");
}

/* dy[N,...], index I32[N] -> [rows,...]. */
lud_status NAME(ref_op_SCATTER_ADD_ROWS)(const ref_call *c) {
    return NAME(scatter_add)(c, "row index");
}

/* w[V,C], ids I32[T] -> [T,C]. */
lud_status NAME(ref_op_EMBEDDING)(const ref_call *c) {
    return NAME(gather)(c, &c->in[0], &c->in[1], "token id");
}

/* dy[T,C], ids I32[T] -> [V,C]. */
lud_status NAME(ref_op_EMBEDDING_GRAD)(const ref_call *c) {
    return NAME(scatter_add)(c, "token id");
}
