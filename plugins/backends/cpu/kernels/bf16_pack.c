/* SPDX-License-Identifier: Apache-2.0
 * Rounds factors to bf16 in the layouts of bf16.h. The unit is a block of 16 x 32: sixteen vectors, each holding 16
 * pairs of neighbours in k; a transpose turns pairs of one i into pairs of one k, where the layout wants that. */
#include "bf16.h"
#include "transpose.h"

enum { I = VW, K = 2 * VW };

typedef struct piece {
    const float *at; /* x(0, 0) */
    int64_t ld;
    int64_t i, k; /* how many exist, at most I and K */
} piece;

ALWAYS_INLINE vf load_some(const float *p, int64_t n) {
    uint32_t mask = n >= VW ? 0xffffu : n > 0 ? (1u << n) - 1 : 0;
    return (vf)_mm512_maskz_loadu_ps((__mmask16)mask, p);
}

/* r[i] lane p = the pair (2p, 2p + 1) of row i. */
ALWAYS_INLINE void load_pairs_of_i(const piece *x, vf r[VW]) {
    UNROLL
    for (int i = 0; i < I; i++) {
        const float *p = x->at + i * x->ld;
        r[i] = vf_zero();
        if (i < x->i) r[i] = (vf)_mm512_cvtne2ps_pbh((__m512)load_some(p + VW, x->k - VW), (__m512)load_some(p, x->k));
    }
}

/* r[p] lane i = the pair (2p, 2p + 1) of column i. */
ALWAYS_INLINE void load_pairs_of_k(const piece *x, vf r[VW]) {
    const __m512i weave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    UNROLL
    for (int p = 0; p < VW; p++) {
        const float *at = x->at + 2 * p * x->ld;
        vf lo = vf_zero(), hi = vf_zero();
        if (2 * p < x->k) lo = load_some(at, x->i);
        if (2 * p + 1 < x->k) hi = load_some(at + x->ld, x->i);
        __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)hi, (__m512)lo);
        r[p] = (vf)_mm512_permutexvar_epi16(weave, both);
    }
}

ALWAYS_INLINE piece piece_of(const bf16_factor *f, int64_t i, int64_t k) {
    const float *at = f->x + (f->by_k ? k * f->ld + i : i * f->ld + k);
    return (piece){at, f->ld, CPU_MIN(f->n - i, I), CPU_MIN(f->k - k, K)};
}

static void row(uint16_t *out, const float *x, int64_t n) {
    for (int64_t k = 0; k < n; k += K) {
        __m512bh pairs =
            _mm512_cvtne2ps_pbh((__m512)load_some(x + k + VW, n - k - VW), (__m512)load_some(x + k, n - k));
        memcpy(out + k, &pairs, sizeof pairs);
    }
}

static void rows(uint16_t *out, const bf16_factor *f, int64_t i0, int64_t i1) {
    int64_t ld = bf16_ld(f->k);
    for (int64_t i = i0; i < i1 && !f->by_k; i++)
        row(out + i * ld, f->x + i * f->ld, f->k);
    for (int64_t i = i0; i < i1 && f->by_k; i += I) {
        for (int64_t k = 0; k < f->k; k += K) {
            vf r[VW];
            piece x = piece_of(f, i, k);
            load_pairs_of_k(&x, r);
            transpose(r);
            for (int64_t j = 0; j < x.i; j++)
                memcpy(out + (i + j) * ld + k, &r[j], sizeof r[j]);
        }
    }
}

static void panels(uint16_t *out, const bf16_factor *f, int64_t i0, int64_t i1) {
    int64_t pairs = cpu_ceil_div(f->k, BF16_PAIR);
    for (int64_t i = i0; i < cpu_round_up(i1, BF16_N); i += I) {
        uint16_t *panel = out + i / BF16_N * BF16_N * pairs * BF16_PAIR + i % BF16_N * BF16_PAIR;
        for (int64_t k = 0; k < f->k; k += K) {
            vf r[VW];
            piece x = piece_of(f, i, k);
            if (f->by_k) {
                load_pairs_of_k(&x, r);
            } else {
                load_pairs_of_i(&x, r);
                transpose(r);
            }
            for (int64_t p = 0; p < VW && k / 2 + p < pairs; p++)
                memcpy(panel + (k / 2 + p) * BF16_N * BF16_PAIR, &r[p], sizeof r[p]);
        }
    }
}

void FN(bf16_product)(cpu_worker *, const cpu_step *, uint32_t number, const bf16_product *);
void FN(bf16_product_alone)(const bf16_product *);
void FN(bf16_strips)(const cpu_worker *, const bf16_product *);
void FN(bf16_strips_panel)(uint16_t *out, const bf16_weight *, int64_t panel, int64_t k0, int64_t k1);
void FN(bf16_attention)(cpu_worker *, const cpu_step *);
void FN(bf16_attention_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(bf16_attention_grad)(cpu_worker *, const cpu_step *);
void FN(bf16_attention_grad_need)(const cpu_worker *, const cpu_step *, cpu_need *);
void FN(bf16_attention_cached)(cpu_worker *, const cpu_step *);
void FN(bf16_attention_cached_need)(const cpu_worker *, const cpu_step *, cpu_need *);

extern const cpu_bf16 FN(bf16);
const cpu_bf16 FN(bf16) = {
    .rows = rows,
    .panels = panels,
    .product = FN(bf16_product),
    .product_alone = FN(bf16_product_alone),
    .strips = FN(bf16_strips),
    .strips_panel = FN(bf16_strips_panel),
    .attention = {LUD_OP_ATTENTION, FN(bf16_attention), FN(bf16_attention_need)},
    .attention_grad = {LUD_OP_ATTENTION_GRAD, FN(bf16_attention_grad), FN(bf16_attention_grad_need)},
    .attention_cached = {LUD_OP_ATTENTION_CACHED, FN(bf16_attention_cached), FN(bf16_attention_cached_need)},
};
