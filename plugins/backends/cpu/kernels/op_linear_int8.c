/* SPDX-License-Identifier: Apache-2.0
 * LINEAR in int8 (int8.h): quantizes rows of x into the step's shared memory, then multiplies; and the quantized form
 * of a weight. A few rows are quantized by each thread for itself: that is cheaper than waiting. */
#include "int8.h"
#include "ops.h"

enum { FEW_ROWS = 16, GRAIN = 16, ROWS_MAX = 128, LONG = 4096 };

/* VW integers as bytes; they are within 0..255, or nobody reads them. */
ALWAYS_INLINE void store_bytes(uint8_t *out, vi q) {
#if defined(CPU_ISA_AVX512)
    _mm_storeu_si128((void *)out, _mm512_cvtepi32_epi8((__m512i)q));
#else
    UNROLL
    for (int i = 0; i < VW; i++)
        out[i] = (uint8_t)q[i];
#endif
}

ALWAYS_INLINE vi vi_upto(vi q, int32_t most) {
    vi over = (vi)(q > most);
    return (over & most) | (~over & q);
}

/* odd becomes NaN where x is. */
ALWAYS_INLINE void quantize_group(uint8_t *q, float *step, const float *x, vf *odd) {
    vf high = vf_zero(), fall = vf_zero();
    UNROLL
    for (int k = 0; k < INT8_GROUP; k += VW) {
        vf v = vf_load(x + k);
        high = vf_max(v, high);
        fall = vf_max(-v, fall);
        *odd += v - v;
    }
    const float top = vf_hmax(high), low = vf_hmax(fall), span = top + low;
    const bool some = span >= INT8_TINY && span < INFINITY;
    const float inverse = some ? 255.0f / span : 0.0f;
    const vi zero = vi_round(vf_set1(some ? low * inverse : 0.0f));
    step[0] = some ? span / 255.0f : span < INFINITY ? 0.0f : NAN;
    step[1] = vf_from_int(zero)[0];
    UNROLL
    for (int k = 0; k < INT8_GROUP; k += VW)
        store_bytes(q + k, vi_upto(vi_round(vf_load(x + k) * vf_set1(inverse)) + zero, 255));
}

static void quantize_rows(void *out, int64_t rows, const float *x, int64_t k, int64_t begin, int64_t end) {
    const int64_t groups = int8_groups(k), whole = k / INT8_GROUP * INT8_GROUP;
    float last[INT8_GROUP] = {0}; /* zeros behind a group that is not whole change nothing of it */
    for (int64_t t = begin; t < end; t++) {
        uint8_t *q = (uint8_t *)out + t * int8_ld(k);
        float *steps = int8_steps(out, rows, k) + t * groups * 2;
        vf odd = vf_zero();
        for (int64_t i = 0; i < whole; i += INT8_GROUP)
            quantize_group(q + i, steps + i / INT8_GROUP * 2, x + t * k + i, &odd);
        if (whole < k) {
            memcpy(last, x + t * k + whole, (size_t)(k - whole) * sizeof *last);
            quantize_group(q + whole, steps + (groups - 1) * 2, last, &odd);
        }
        steps[0] += vf_sum(odd);
    }
}

/* Pieces as in bf16_gemm.c. */
static void multiply(cpu_worker *w, const cpu_step *s, uint32_t number, const cpu_int8_product *p) {
    int64_t panels = int8_panels(p->n), chunks = CPU_MAX(cpu_ceil_div(p->rows, ROWS_MAX), 1);
    if (p->rows >= FEW_ROWS * w->size) chunks = cpu_round_up(chunks, w->size);
    int64_t chunk = cpu_ceil_div(p->rows, chunks), group = p->k > LONG ? panels : 1;
    cpu_loop loop = cpu_loop_start(w, s, number, p->rows > 0 ? chunks * cpu_ceil_div(panels, group) : 0);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t t0 = i % chunks * chunk, j0 = i / chunks * group;
        for (int64_t j = j0; t0 < p->rows && j < CPU_MIN(j0 + group, panels); j++)
            w->int8(p, t0, CPU_MIN(t0 + chunk, p->rows), j);
    }
}

void FN(linear_int8)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_dim(w, &s->in[1], 0), k = cpu_dim(w, &s->in[1], 1), rows = cpu_rows(w, &s->out[0]);
    const bool alone = rows <= FEW_ROWS;
    char *x = alone ? w->scratch : w->shared;
    if (alone) {
        quantize_rows(x, rows, cpu_in(s, 0), k, 0, rows);
    } else if (!s->rounded) {
        cpu_ranges it = cpu_ranges_start(w, s, 0, rows, GRAIN);
        while (cpu_ranges_next(&it))
            quantize_rows(x, rows, cpu_in(s, 0), k, it.begin, it.end);
        cpu_barrier(w);
    }
    const cpu_int8_product p = {.x = (const uint8_t *)x,
                                .steps = int8_steps(x, rows, k),
                                .weight = cpu_weight_panels(&s->in[1], CPU_STORAGE_INT8, true),
                                .bias = cpu_in(s, 2),
                                .c = cpu_out(s, 0),
                                .rows = rows,
                                .n = n,
                                .k = k};
    multiply(w, s, 1, &p);
}

void FN(int8_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    int64_t k = cpu_cols(w, &s->in[0]);
    need->shared += int8_rows_bytes(cpu_rows(w, &s->in[0]), k);
    need->scratch = CPU_MAX(need->scratch, int8_rows_bytes(FEW_ROWS, k));
    need->loops = 2;
    need->rounds = CPU_ROUNDS_INT8;
}

/* ---- The weight ---- */
ALWAYS_INLINE float scale_of(const float *x, int64_t k, float *inverse) {
    vf most = vf_zero(), odd = vf_zero();
    for (int64_t i = 0; i < k; i += VW) {
        vf v = vf_load_upto(x + i, k - i);
        most = vf_max(vf_abs(v), most);
        odd += v - v;
    }
    const float top = vf_hmax(most);
    const bool some = top >= INT8_TINY && top < INFINITY;
    *inverse = some ? 127.0f / top : 0.0f;
    return (some ? top / 127.0f : 0.0f) + vf_sum(odd);
}

/* Row `row` of the weight, its column in the panel: `lane`. */
static void pack_row(int8_t *panel, float *sums, int64_t lane, const float *x, int64_t k, float inverse) {
    for (int64_t i = 0; i < k; i += VW) {
        vi q = vi_round(vf_load_upto(x + i, k - i) * vf_set1(inverse));
        int32_t sum = 0;
        for (int64_t j = 0; j < VW && i + j < k; j++) {
            const int8_t byte = (int8_t)q[j];
            panel[(i + j) / INT8_QUAD * INT8_QUAD * INT8_N + lane * INT8_QUAD + (i + j) % INT8_QUAD] = byte;
            sum += byte;
        }
        sums[i / INT8_GROUP * INT8_N + lane] += (float)sum; /* an integer: exact */
    }
}

void FN(int8_pack)(void *room, const float *w, int64_t n, int64_t k, int64_t panel) {
    int8_t *out = (int8_t *)room + panel * int8_panel_bytes(k);
    float *floats = (float *)(void *)((char *)room + int8_panels(n) * int8_panel_bytes(k));
    float *sums = floats + panel * int8_groups(k) * INT8_N;
    float *scales = floats + int8_panels(n) * int8_groups(k) * INT8_N + panel * INT8_N;
    memset(out, 0, (size_t)int8_panel_bytes(k));
    memset(sums, 0, (size_t)(int8_groups(k) * INT8_N) * sizeof *sums);
    memset(scales, 0, INT8_N * sizeof *scales);
    for (int64_t i = 0; i < CPU_MIN(n - panel * INT8_N, INT8_N); i++) {
        const float *row = w + (panel * INT8_N + i) * k;
        float inverse;
        scales[i] = scale_of(row, k, &inverse);
        pack_row(out, sums, i, row, k, inverse);
    }
}
