/* SPDX-License-Identifier: Apache-2.0
 * ROPE. Cosines and sines are computed once per token and program run, by the first ROPE step that uses a pair of
 * positions and frequencies (cpu_rope_table), not once per head. The result may lie over the input. */
#include "ops.h"

void FN(rope_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    (void)w, (void)s;
    need->loops = 2;
}

static void fill_table(cpu_worker *w, const cpu_step *s, const cpu_rope_table *table, int64_t tokens) {
    const int32_t *positions = table->positions;
    const float *inv_freq = table->inv_freq;
    cpu_ranges it = cpu_ranges_start(w, s, 0, tokens, 8);
    while (cpu_ranges_next(&it)) {
        for (int64_t t = it.begin; t < it.end; t++) {
            float *cs = table->cs + t * 2 * table->half;
            for (int32_t i = 0; i < table->half; i++) {
                float angle = (float)positions[t] * inv_freq[i];
                cs[i] = cosf(angle) * table->factor;
                cs[table->half + i] = sinf(angle) * table->factor;
            }
        }
    }
    cpu_barrier(w);
}

/* One head, pairs (i, i + half): x and y of length d. */
ALWAYS_INLINE void rotate_halves(const float *x, float *y, const float *cs, int32_t half, float sign) {
    for (int32_t i = 0; i < half; i += VW) {
        int64_t left = half - i;
        vf c = vf_load_upto(cs + i, left), sn = vf_load_upto(cs + half + i, left) * sign;
        vf a = vf_load_upto(x + i, left), b = vf_load_upto(x + half + i, left);
        vf_store_upto(y + i, a * c - b * sn, left);
        vf_store_upto(y + half + i, b * c + a * sn, left);
    }
}

static void rotate_interleaved(const float *x, float *y, const float *cs, int32_t half, float sign) {
    for (int32_t i = 0; i < half; i++) {
        float c = cs[i], sn = cs[half + i] * sign, a = x[2 * i], b = x[2 * i + 1];
        y[2 * i] = a * c - b * sn;
        y[2 * i + 1] = b * c + a * sn;
    }
}

/* x (T,H,D), positions I32 (T), inv_freq (rotary_dim / 2) -> (T,H,D) */
void FN(rope)(cpu_worker *w, const cpu_step *s) {
    const lud_attr_rope *a = s->attr;
    const cpu_rope_table *table = &w->exe->tables[s->table];
    int64_t tokens = cpu_dim(w, &s->in[0], 0), h = cpu_dim(w, &s->in[0], 1), d = cpu_dim(w, &s->in[0], 2);
    float sign = a->inverse ? -1.0f : 1.0f;
    if (table->first_step == s->index || table->first_step == CPU_TABLE_EACH_STEP) fill_table(w, s, table, tokens);
    cpu_ranges it = cpu_ranges_start(w, s, 1, tokens, 16);
    while (cpu_ranges_next(&it)) {
        for (int64_t i = it.begin * h; i < it.end * h; i++) {
            const float *x = cpu_in(s, 0) + i * d, *cs = table->cs + i / h * 2 * table->half;
            float *y = cpu_out(s, 0) + i * d;
            if (a->interleaved)
                rotate_interleaved(x, y, cs, table->half, sign);
            else
                rotate_halves(x, y, cs, table->half, sign);
            if (y != x && d > a->rotary_dim)
                memcpy(y + a->rotary_dim, x + a->rotary_dim, (size_t)(d - a->rotary_dim) * sizeof(float));
        }
    }
}
