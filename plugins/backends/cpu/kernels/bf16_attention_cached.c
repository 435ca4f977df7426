/* SPDX-License-Identifier: Apache-2.0
 * ATTENTION_CACHED with rounded factors: queries, keys, values and weights are bf16 in products, all else is fp32. The
 * pools hold half of what they have room for: words of attention_pages.h, or, where a page has not LANES keys, rows of
 * bf16 for keys and values alike. D is even. */
#define NUMBERS 2
#include "attention_pages.h"

ALWAYS_INLINE vf mul_add(vf a, vf b, vf c) {
    return (vf)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
}
ALWAYS_INLINE void put_weights(float *to, const vf p[NUMBERS]) {
    const __m512bh both = _mm512_cvtne2ps_pbh((__m512)p[1], (__m512)p[0]);
    memcpy(to, &both, sizeof both);
}
ALWAYS_INLINE vf first_number(vf words) {
    return vf_bits(vi_bits(words) & 0xffff);
}

static void read_queries(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f) {
    const attn *a = &c->a;
    for (int64_t q = it->q0; q < it->q1; q++) {
        const bf16_factor x = {
            .x = cpu_in(s, 0) + ((it->first + q) * a->h + it->head * a->r) * a->d, .ld = a->d, .n = a->r, .k = a->d};
        w->bf16->rows((uint16_t *)(void *)(f->q + (q - it->q0) * a->r * c->pitch), &x, 0, a->r);
    }
}

/* Keys or values of token t, rounded, into f->fresh. */
static void round_token(cpu_worker *w, const cache *c, const float *x, const room *f, int64_t t) {
    const attn *a = &c->a;
    const bf16_factor factor = {.x = x + t * a->g * a->d, .ld = a->d, .n = a->g, .k = a->d};
    w->bf16->rows((uint16_t *)(void *)f->fresh, &factor, 0, a->g);
}

static uint16_t *pool_at(const cpu_ref *pool, const cache *c, int64_t page, int64_t head) {
    return (uint16_t *)pool->ptr + (page * c->a.g + head) * c->a.d * c->z;
}

static void store_token(cpu_worker *w, const cpu_step *s, const cache *c, const room *f, int64_t t, int64_t page,
                        int64_t slot) {
    const int64_t d = c->a.d;
    for (int in = 1; in <= 2; in++) {
        round_token(w, c, cpu_in(s, in), f, t);
        for (int64_t head = 0; head < c->a.g; head++) {
            const uint16_t *x = (const uint16_t *)(const void *)(f->fresh + head * c->pitch);
            uint16_t *to = pool_at(&s->in[in + 5], c, page, head);
            if (c->z != LANES)
                memcpy(to + slot * d, x, (size_t)d * sizeof *x);
            else if (in == 1)
                for (int64_t i = 0; i < d; i += NUMBERS)
                    memcpy(to + i * LANES + slot * NUMBERS, x + i, NUMBERS * sizeof *x);
            else
                for (int64_t i = 0; i < d; i++)
                    to[(slot / NUMBERS * d + i) * NUMBERS + slot % NUMBERS] = x[i];
        }
    }
}

/* Values of two keys into words. */
static void weave_values(const uint16_t *lo, const uint16_t *hi, int64_t d, float *words) {
    for (int64_t i = 0; i < d; i += VW) {
        const __mmask16 mask = (__mmask16)((1u << CPU_MIN(d - i, VW)) - 1);
        const __m512i l = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, lo + i));
        const __m512i h = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, hi + i));
        _mm512_mask_storeu_epi32(words + i, mask, _mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
    }
}

static void copy_block(cpu_worker *w, const cpu_step *s, const cache *c, const attn_item *it, const room *f,
                       const block *b) {
    const int64_t d = c->a.d, whole = c->words % VW == 0 ? b->n / VW * VW : 0; /* keys that are turned */
    const float *row[VW];
    const uint16_t *values[NUMBERS] = {0};
    for (int64_t j = 0; j < b->n; j++) {
        const int64_t slot = (b->j0 + j) % c->z, page = page_of(w, s, c, it->s, b->j0 + j);
        float *kt = f->kt + j / LANES * c->words * LANES + j % LANES;
        row[j % VW] = (const float *)(const void *)(pool_at(&s->in[6], c, page, it->head) + slot * d);
        if (j < whole && j % VW == VW - 1) turn_keys(row, c->words, kt - (VW - 1));
        for (int64_t i = 0; i < c->words && j >= whole; i++)
            memcpy(kt + i * LANES, row[j % VW] + i, sizeof *kt);
        values[j % NUMBERS] = pool_at(&s->in[7], c, page, it->head) + slot * d;
        if (j % NUMBERS == 1 || j == b->n - 1) weave_values(values[0], values[j % NUMBERS], d, f->v + j / NUMBERS * d);
    }
}

#include "attention_cached.h"

void FN(bf16_attention_cached_need)(const cpu_worker *w, const cpu_step *s, cpu_need *need) {
    cached_need(w, s, need);
}
void FN(bf16_attention_cached)(cpu_worker *w, const cpu_step *s) {
    cached(w, s);
}
