/* SPDX-License-Identifier: Apache-2.0
 * DROPOUT: the mask is a hash of (row key, position, stream, channel), see random.h; bit-exact with lud_uniform.
 * lud_uniform < p compares a multiple of 2^-24, so it is done on the 24 bits themselves. */
#include "ops.h"
#include <ludwig/random.h>

static uint64_t key_of(const int32_t *row_keys, int64_t t) {
    return (uint64_t)(uint32_t)row_keys[2 * t] | (uint64_t)(uint32_t)row_keys[2 * t + 1] << 32;
}

/* x (T,...), row_keys I32 (T,2), positions I32 (T) -> y; y may lie over x */
void FN(dropout)(cpu_worker *w, const cpu_step *s) {
    float p = ((const lud_attr_dropout *)s->attr)->p;
    int64_t rows = cpu_dim(w, &s->in[0], 0), c = cpu_dims(w, &s->in[0], 1, s->in[0].t->rank);
    float keep = p < 1.0f ? 1.0f / (1.0f - p) : 0.0f;
    uint64_t limit = (uint64_t)ceil((double)p * 16777216.0);
    cpu_ranges it = cpu_ranges_start(w, s, 0, rows, CPU_MAX(4096 / CPU_MAX(c, 1), 1));
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            uint64_t key = lud_token_key(key_of(cpu_in_i32(s, 1), t), (uint32_t)cpu_in_i32(s, 2)[t], s->op->stream);
            const float *x = cpu_in(s, 0) + t * c;
            float *y = cpu_out(s, 0) + t * c;
            for (int64_t i = 0; i < c; i++)
                y[i] = lud_mix64(key ^ (uint32_t)i) >> 40 >= limit ? x[i] * keep : 0.0f;
        }
    }
}
