/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_CACHED in fp32. */
#define NUMBERS 1
#include "attention_pages.h"

ALWAYS_INLINE vf mul_add(vf a, vf b, vf c) {
    return vf_fma(a, b, c);
}
ALWAYS_INLINE void put_weights(float *to, const vf p[NUMBERS]) {
    vf_store(to, p[0]);
}
ALWAYS_INLINE vf first_number(vf words) {
    return words;
}

static void read_queries(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f) {
    (void)w;
    attn_rows_read(&c->a, it, cpu_in(s, 0), f->q);
}

static void store_token(cpu_worker *w, const cpu_step *s, const cache *c, const room *f, int64_t t, int64_t page,
                        int64_t slot) {
    const int64_t g = c->a.g, d = c->a.d;
    (void)w, (void)f;
    for (int64_t head = 0; head < g; head++) {
        const int64_t from = (t * g + head) * d, to = (page * g + head) * d * c->z;
        float *k = (float *)s->in[6].ptr + to + slot;
        for (int64_t i = 0; i < d; i++)
            k[i * c->z] = cpu_in(s, 1)[from + i];
        memcpy((float *)s->in[7].ptr + to + slot * d, cpu_in(s, 2) + from, (size_t)d * sizeof(float));
    }
}

/* Keys are turned where pages have one key and so are rows. */
static void copy_block(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f,
                       const block *b) {
    const int64_t d = c->a.d, whole = c->z == 1 && d % VW == 0 ? b->n / VW * VW : 0; /* keys that are turned */
    const float *row[VW];
    for (int64_t j = 0; j < b->n; j++) {
        const int64_t slot = (b->j0 + j) % c->z, page = page_of(w, s, c, it->s, b->j0 + j);
        const int64_t at = (page * c->a.g + it->head) * d * c->z;
        float *kt = f->kt + j / LANES * d * LANES;
        memcpy(f->v + j * d, c->v + at + slot * d, (size_t)d * sizeof(float));
        row[j % VW] = c->k + at;
        if (j < whole && j % VW == VW - 1) turn_keys(row, d, kt + j % LANES - (VW - 1));
        for (int64_t i = 0; i < d && j >= whole; i++)
            kt[i * LANES + j % LANES] = c->k[at + i * c->z + slot];
    }
}

#include "attention_cached.h"

void FN(attention_cached_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    cached_need(w, s, need);
}
/* q, k, v, seg_offsets, positions (T), page_table (S,P), k_pool (B,G,D,Z), v_pool (B,G,Z,D), slopes -> out (T,H,D) */
void FN(attention_cached)(cpu_worker *w, const cpu_step *s) {
    cached(w, s);
}
