/* SPDX-License-Identifier: Apache-2.0
 * Linear maps over REAL, summed in double: the reference is the oracle, so its sums are better than those it judges.
 * Every element is one sum in an order that depends on K, M or T alone; tiles only choose who computes it and when, so
 * that a block of w stays in cache. Results are overwritten. */

/* sum of a[i] b[i]: eight partial sums, then their sum; the order depends on n alone. */
static double NAME(dot)(const REAL *a, const REAL *b, int64_t n) {
    double lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += (double)a[i + j] * (double)b[i + j];
    for (; i < n; i++)
        lane[i % 8] += (double)a[i] * (double)b[i];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

typedef struct {
    const REAL *x, *w, *dy, *b;
    REAL *out;
    int64_t T, K, M;
} NAME(linear_job);

enum { LINEAR_ROWS = 16, LINEAR_COLS = 32, LINEAR_BLOCK = 128 };

static int64_t NAME(tiles)(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

/* Tiles of LINEAR_ROWS x LINEAR_COLS elements of out[T,M]. */
static void NAME(linear_tiles)(void *arg, int64_t begin, int64_t end) {
    const NAME(linear_job) *j = arg;
    int64_t across = NAME(tiles)(j->T, LINEAR_ROWS);
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t t0 = tile % across * LINEAR_ROWS, m0 = tile / across * LINEAR_COLS;
        for (int64_t t = t0; t < t0 + LINEAR_ROWS && t < j->T; t++)
            for (int64_t m = m0; m < m0 + LINEAR_COLS && m < j->M; m++) {
                double y = NAME(dot)(j->x + t * j->K, j->w + m * j->K, j->K);
                j->out[t * j->M + m] = (REAL)(j->b ? y + (double)j->b[m] : y);
            }
    }
}

/* x[T,K], w[M,K], b[M] or absent -> x w^T + b, [T,M]. */
lud_status NAME(ref_op_LINEAR)(const ref_call *c) {
    NAME(linear_job) j = {.x = c->in[0].ptr, .w = c->in[1].ptr, .b = c->in[2].ptr, .out = c->out[0].ptr};
    j.T = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    j.M = c->in[1].dim[0];
    j.K = c->in[1].dim[1];
    ref_parallel(NAME(tiles)(j.T, LINEAR_ROWS) * NAME(tiles)(j.M, LINEAR_COLS), 1, NAME(linear_tiles), &j);
    return LUD_OK;
}

/* Items: one block of columns of one row of out[T,K]; rows of one block follow each other. */
static void NAME(grad_input_blocks)(void *arg, int64_t begin, int64_t end) {
    const NAME(linear_job) *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t t = i % j->T, k0 = i / j->T * LINEAR_BLOCK;
        int64_t width = j->K - k0 < LINEAR_BLOCK ? j->K - k0 : LINEAR_BLOCK;
        double sum[LINEAR_BLOCK] = {0};
        for (int64_t m = 0; m < j->M; m++)
            for (int64_t k = 0; k < width; k++)
                sum[k] += (double)j->dy[t * j->M + m] * (double)j->w[m * j->K + k0 + k];
        for (int64_t k = 0; k < width; k++)
            j->out[t * j->K + k0 + k] = (REAL)sum[k];
    }
}

/* dy[T,M], w[M,K] -> dy w, [T,K]. */
lud_status NAME(ref_op_LINEAR_GRAD_INPUT)(const ref_call *c) {
    NAME(linear_job) j = {.dy = c->in[0].ptr, .w = c->in[1].ptr, .out = c->out[0].ptr};
    j.T = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    j.M = c->in[1].dim[0];
    j.K = c->in[1].dim[1];
    ref_parallel(j.T * NAME(tiles)(j.K, LINEAR_BLOCK), 8, NAME(grad_input_blocks), &j);
    return LUD_OK;
}

/* Items: one block of columns of one row of out[M,K]. */
static void NAME(grad_weight_blocks)(void *arg, int64_t begin, int64_t end) {
    const NAME(linear_job) *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t m = i % j->M, k0 = i / j->M * LINEAR_BLOCK;
        int64_t width = j->K - k0 < LINEAR_BLOCK ? j->K - k0 : LINEAR_BLOCK;
        double sum[LINEAR_BLOCK] = {0};
        for (int64_t t = 0; t < j->T; t++)
            for (int64_t k = 0; k < width; k++)
                sum[k] += (double)j->dy[t * j->M + m] * (double)j->x[t * j->K + k0 + k];
        for (int64_t k = 0; k < width; k++)
            j->out[m * j->K + k0 + k] = (REAL)sum[k];
    }
}

/* x[T,K], dy[T,M] -> dy^T x, [M,K], rows in increasing order. */
lud_status NAME(ref_op_LINEAR_GRAD_WEIGHT)(const ref_call *c) {
    NAME(linear_job) j = {.x = c->in[0].ptr, .dy = c->in[1].ptr, .out = c->out[0].ptr};
    j.T = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    j.M = c->out[0].dim[0];
    j.K = c->out[0].dim[1];
    ref_parallel(j.M * NAME(tiles)(j.K, LINEAR_BLOCK), 8, NAME(grad_weight_blocks), &j);
    return LUD_OK;
}
