/* SPDX-License-Identifier: Apache-2.0
 * Moving rows and columns: EMBEDDING, GATHER_ROWS, SCATTER_ADD_ROWS (= EMBEDDING_GRAD), SLICE, SLICE_GRAD,
 * CONCAT, PACK, UNPACK, RESHAPE. An index outside its table fails the run and touches no memory. Elements are 4 bytes,
 * float or I32.
 */
#include "ops.h"

static void look_up(cpu_worker *w, const cpu_step *s, const cpu_ref *table, const int32_t *index) {
    int64_t n = cpu_dim(w, &s->out[0], 0), rows = cpu_dim(w, table, 0);
    int64_t c = cpu_dims(w, table, 1, table->t->rank);
    const char *src = (const char *)cpu_weight_rows(table);
    char *dst = s->out[0].ptr;
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, CPU_MAX(ELEMENT_GRAIN / CPU_MAX(c, 1), 1));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            if (index[t] < 0 || index[t] >= rows)
                cpu_fail(w, s, "index %d of row %lld is not in [0, %lld)", index[t], (long long)t, (long long)rows);
            else if (cpu_weight_strips(table))
                FN(strips_row)((float *)(void *)(dst + t * c * 4), table, index[t]);
            else
                memcpy(dst + t * c * 4, src + index[t] * c * 4, (size_t)c * 4);
        }
    }
}

/* w (V,C), ids I32 (T) -> (T,C) */
void FN(embedding)(cpu_worker *w, const cpu_step *s) {
    look_up(w, s, &s->in[0], cpu_in_i32(s, 1));
}
/* x (T,...), index I32 (N) -> (N,...) */
void FN(gather_rows)(cpu_worker *w, const cpu_step *s) {
    look_up(w, s, &s->in[0], cpu_in_i32(s, 1));
}

/* dy (N,...), index I32 (N) -> (rows,...): zeros, then row index[n] += dy[n] in increasing n. Threads share out the
 * columns, so that each element has one writer. Overwrites. */
void FN(scatter_add_rows)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_dim(w, &s->in[0], 0), rows = cpu_dim(w, &s->out[0], 0);
    int64_t c = cpu_dims(w, &s->out[0], 1, s->out[0].t->rank);
    const int32_t *index = cpu_in_i32(s, 1);
    cpu_ranges it = cpu_ranges_start(w, s, 0, c, CPU_MAX(cpu_round_up(cpu_ceil_div(c, w->size), 16), 64));
    while (cpu_ranges_next(&it)) {
        int64_t width = it.end - it.begin;
        for (int64_t r = 0; r < rows; r++)
            memset(cpu_out(s, 0) + r * c + it.begin, 0, (size_t)width * sizeof(float));
        for (int64_t t = 0; t < n; t++) {
            if (index[t] < 0 || index[t] >= rows) {
                cpu_fail(w, s, "index %d of row %lld is not in [0, %lld)", index[t], (long long)t, (long long)rows);
                continue;
            }
            const float *src = cpu_in(s, 0) + t * c + it.begin;
            float *dst = cpu_out(s, 0) + index[t] * c + it.begin;
            for (int64_t i = 0; i < width; i++)
                dst[i] += src[i];
        }
    }
}

/* x (N,C) -> columns [start, start + len) */
void FN(slice)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_slice *a = s->attr;
    int64_t n = cpu_rows(w, &s->in[0]), c = cpu_cols(w, &s->in[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, CPU_MAX(ELEMENT_GRAIN / CPU_MAX(a->len, 1), 1));
    while (cpu_ranges_next(&it))
        for (int64_t t = it.begin; t < it.end; t++)
            memcpy(cpu_out(s, 0) + t * a->len, cpu_in(s, 0) + t * c + a->start, (size_t)a->len * sizeof(float));
}

/* dy (N,len) -> (N,total), zero outside [start, start + len). Overwrites. */
void FN(slice_grad)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_slice *a = s->attr;
    int64_t n = cpu_rows(w, &s->out[0]), c = cpu_cols(w, &s->out[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, CPU_MAX(ELEMENT_GRAIN / CPU_MAX(c, 1), 1));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            float *dst = cpu_out(s, 0) + t * c;
            memset(dst, 0, (size_t)c * sizeof(float));
            memcpy(dst + a->start, cpu_in(s, 0) + t * a->len, (size_t)a->len * sizeof(float));
        }
    }
}

/* a (N,A), b (N,B) -> (N,A+B) */
void FN(concat)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), a = cpu_cols(w, &s->in[0]), b = cpu_cols(w, &s->in[1]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, ELEMENT_GRAIN / (a + b));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            float *dst = cpu_out(s, 0) + t * (a + b);
            memcpy(dst, cpu_in(s, 0) + t * a, (size_t)a * sizeof(float));
            memcpy(dst + a, cpu_in(s, 1) + t * b, (size_t)b * sizeof(float));
        }
    }
}

/* The bits of bf16 in the upper half; a NaN may not become an infinity. */
ALWAYS_INLINE vi rounded(vf x) {
    vi bits = vi_bits(x), up = bits + 0x7fff + (bits >> 16 & 1);
    return vi_bits(vf_select(x != x, vf_bits(bits | 0x400000), vf_bits(up))) & (int32_t)0xffff0000;
}

/* x (N,K) -> words (N,K/2) */
void FN(pack)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->out[0]), half = cpu_cols(w, &s->out[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, CPU_MAX(ELEMENT_GRAIN / half, 1));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            const float *x = cpu_in(s, 0) + t * 2 * half;
            float *out = cpu_out(s, 0) + t * half;
            for (int64_t i = 0; i < half; i += VW) {
                vi low = rounded(vf_load_upto(x + i, half - i)), high = rounded(vf_load_upto(x + half + i, half - i));
                vf_store_upto(out + i, vf_bits((low >> 16 & 0xffff) | high), half - i);
            }
        }
    }
}

/* words (N,K/2) -> (N,K) */
void FN(unpack)(cpu_worker *w, const cpu_step *s) {
    int64_t n = cpu_rows(w, &s->in[0]), half = cpu_cols(w, &s->in[0]);
    cpu_ranges it = cpu_ranges_start(w, s, 0, n, CPU_MAX(ELEMENT_GRAIN / half, 1));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            float *out = cpu_out(s, 0) + t * 2 * half;
            for (int64_t i = 0; i < half; i += VW) {
                vi word = vi_bits(vf_load_upto(cpu_in(s, 0) + t * half + i, half - i));
                vf_store_upto(out + i, vf_bits(word << 16), half - i);
                vf_store_upto(out + half + i, vf_bits(word & (int32_t)0xffff0000), half - i);
            }
        }
    }
}

/* A view: nothing to do where core laid the result over the input, else a copy. */
void FN(reshape)(cpu_worker *w, const cpu_step *s) {
    if (s->in[0].ptr == s->out[0].ptr) return;
    cpu_ranges it = cpu_ranges_start(w, s, 0, cpu_count(w, &s->out[0]), ELEMENT_GRAIN);
    while (cpu_ranges_next(&it))
        memcpy(cpu_out(s, 0) + it.begin, cpu_in(s, 0) + it.begin, (size_t)(it.end - it.begin) * sizeof(float));
}
