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

static ref_int8_row NAME(int8_row)(const REAL *w, int64_t n) {
    float most = 0, odd = 0;
    for (int64_t k = 0; k < n; k++) {
        most = fmaxf(most, fabsf((float)w[k]));
        odd += (float)w[k] - (float)w[k]; /* NaN where w is not finite */
    }
    const bool some = most >= REF_INT8_TINY && isfinite(most);
    return (ref_int8_row){.d = (some ? most / 127.0f : 0.0f) + odd, .inverse = some ? 127.0f / most : 0.0f};
}

/* What a group of n columns adds to an element. */
static float NAME(int8_group)(const REAL *x, const REAL *w, int64_t n, const ref_int8_row *row) {
    float high = 0, low = 0, odd = 0;
    int64_t sum = 0, of_w = 0;
    for (int64_t k = 0; k < n; k++) {
        high = fmaxf(high, (float)x[k]);
        low = fmaxf(low, -(float)x[k]);
        odd += (float)x[k] - (float)x[k];
    }
    const float span = high + low;
    if (!isfinite(span) || isnan(odd) || isnan(row->d)) return NAN;
    if (span < REF_INT8_TINY) return 0;
    const float inverse = 255.0f / span, zero = rintf(low * inverse);
    for (int64_t k = 0; k < n; k++) {
        const int64_t v = (int64_t)rintf((float)w[k] * row->inverse);
        const float u = fminf(rintf((float)x[k] * inverse) + zero, 255.0f);
        sum += (int64_t)u * v;
        of_w += v;
    }
    return ((float)sum - zero * (float)of_w) * (span / 255.0f);
}

/* Elements of out[T,M] by LUD_OP_INT8, whose definition (ludwig/graph.h) this is, word by word. */
static void NAME(int8_elements)(void *arg, int64_t begin, int64_t end) {
    const NAME(linear_job) *j = arg;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = j->x + i / j->M * j->K, *w = j->w + i % j->M * j->K;
        const ref_int8_row row = NAME(int8_row)(w, j->K);
        float y = 0;
        for (int64_t k = 0; k < j->K; k += LUD_INT8_GROUP) {
            const int64_t n = j->K - k < LUD_INT8_GROUP ? j->K - k : LUD_INT8_GROUP;
            const float part = NAME(int8_group)(x + k, w + k, n, &row);
            y = k ? y + part : part;
        }
        y *= row.d;
        j->out[i] = (REAL)(j->b ? y + (float)j->b[i % j->M] : y);
    }
}

/* x[T,K], w[M,K], b[M] or absent -> x w^T + b, [T,M]. */
lud_status NAME(ref_op_LINEAR)(const ref_call *c) {
    NAME(linear_job) j = {.x = c->in[0].ptr, .w = c->in[1].ptr, .b = c->in[2].ptr, .out = c->out[0].ptr};
    j.T = ref_span(&c->in[0], 0, c->in[0].rank - 1);
    j.M = c->in[1].dim[0];
    j.K = c->in[1].dim[1];
    if (c->op->flags & LUD_OP_INT8) {
        ref_parallel(j.T * j.M, 8, NAME(int8_elements), &j);
        return LUD_OK;
    }
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
