/* SPDX-License-Identifier: Apache-2.0
 * One distribution to one token, in the order of transformers' logits processors: repetition penalty, minimal length,
 * temperature, top-k, top-p. Ties go to the lowest id, so that greedy decoding is exact. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef float lanes __attribute__((vector_size(16)));
typedef uint32_t lane_bits __attribute__((vector_size(16)));
typedef double wide_lanes __attribute__((vector_size(32)));
enum { LANES = 4, CHAINS = 4 };

static float greatest(const float *x, int64_t n) {
    const float low = -INFINITY;
    lanes top[CHAINS] = {{low, low, low, low}, {low, low, low, low}, {low, low, low, low}, {low, low, low, low}};
    int64_t i = 0;
    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES) {
        for (int c = 0; c < CHAINS; c++) {
            lanes v;
            memcpy(&v, x + i + c * LANES, sizeof v);
            const lane_bits more = (lane_bits)(v > top[c]);
            top[c] = (lanes)(((lane_bits)v & more) | ((lane_bits)top[c] & ~more));
        }
    }
    float best = low;
    for (; i < n; i++)
        best = x[i] > best ? x[i] : best;
    for (int c = 0; c < CHAINS * LANES; c++)
        best = top[c / LANES][c % LANES] > best ? top[c / LANES][c % LANES] : best;
    return best;
}

/* 0 where nothing is a number. */
static int64_t argmax(const float *logits, int64_t vocab) {
    const float top = greatest(logits, vocab);
    for (int64_t i = 0; i < vocab; i++)
        if (logits[i] == top) return i;
    return 0;
}

/* e^x for x <= 0 to 1e-7, by Cephes' polynomial: calls of expf would take longer than a small model's layer. Adding
 * 1.5 * 2^23 rounds to the nearest integer. */
static lanes exp_falling(lanes x) {
    const lane_bits tiny = (lane_bits)(x < -87.0f);
    x = (lanes)(((lane_bits)x & ~tiny) | ((lane_bits)(lanes){-87.0f, -87.0f, -87.0f, -87.0f} & tiny));
    const lanes shifted = x * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    const lanes r = x - n * 0.693359375f + n * 2.12194440e-4f;
    lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * (lanes)(((lane_bits)shifted + 127) << 23);
}

double ludc_log_sum_exp(const float *logits, int64_t vocab) {
    const float top = greatest(logits, vocab);
    const int64_t whole = vocab / LANES * LANES;
    wide_lanes sum = {0};
    lanes x;
    for (int64_t i = 0; i < whole; i += LANES) {
        memcpy(&x, logits + i, sizeof x);
        sum += __builtin_convertvector(exp_falling(x - top), wide_lanes);
    }
    for (int64_t i = whole; i < vocab; i++)
        sum[0] += exp((double)logits[i] - (double)top);
    return (double)top + log(sum[0] + sum[1] + sum[2] + sum[3]);
}

static bool better(ludc_candidate a, ludc_candidate b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

static int by_logit(const void *a, const void *b) {
    return better(*(const ludc_candidate *)a, *(const ludc_candidate *)b) ? -1 : 1;
}

/* The k best ids in order. k is small beside the vocabulary, so most ids fail the first comparison. */
static int64_t best_of(const float *logits, int64_t vocab, int64_t k, ludc_candidate *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < vocab; i++) {
        const ludc_candidate c = {.logit = logits[i], .id = (int32_t)i};
        if (c.logit == -INFINITY || (n == k && !better(c, out[n - 1]))) continue;
        int64_t at = n < k ? n++ : n - 1;
        for (; at > 0 && better(c, out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = c;
    }
    return n;
}

static int64_t all_sorted(const float *logits, int64_t vocab, ludc_candidate *out) {
    for (int64_t i = 0; i < vocab; i++)
        out[i] = (ludc_candidate){.logit = logits[i], .id = (int32_t)i};
    qsort(out, (size_t)vocab, sizeof(*out), by_logit);
    return vocab;
}

/* Draws from the smallest head of the candidates whose probability reaches top_p (Holtzman et al. 2019, arXiv
 * 1904.09751). */
static int32_t draw(const ludc_candidate *c, int64_t n, double top_p, double u) {
    const double top = (double)c[0].logit;
    double total = 0.0, kept = 0.0;
    for (int64_t i = 0; i < n; i++)
        total += exp((double)c[i].logit - top);
    int64_t m = 0;
    while (m < n && (m == 0 || kept < top_p * total))
        kept += exp((double)c[m++].logit - top);
    double left = u * kept;
    for (int64_t i = 0; i < m; i++) {
        left -= exp((double)c[i].logit - top);
        if (left < 0) return c[i].id;
    }
    return c[m - 1].id;
}

/* The repetition penalty reads the original logit, so an id seen twice is penalised once (Keskar et al. 2019, arXiv
 * 1909.05858). */
static void bend(const ludc_generation *g, const float *logits, int64_t vocab, const ludc_ids *seen, int64_t n_new,
                 const int32_t *banned, int32_t n_banned, float *bent) {
    const float penalty = (float)g->repetition_penalty;
    memcpy(bent, logits, (size_t)vocab * sizeof(*bent));
    for (size_t i = 0; penalty != 1.0f && i < seen->len; i++) {
        const int32_t id = seen->ptr[i];
        if (id < vocab) bent[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
    for (int32_t i = 0; n_new < g->min_new_tokens && i < n_banned; i++)
        if (banned[i] < vocab) bent[banned[i]] = -INFINITY;
}

static bool holds(const int32_t *ids, int32_t n, int32_t id) {
    for (int32_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

int32_t ludc_sample(const ludc_generation *g, const float *logits, int64_t vocab, const ludc_ids *seen, int64_t n_new,
                    const int32_t *banned, int32_t n_banned, uint64_t row, const ludc_sample_scratch *scratch,
                    double *log_prob) {
    const bool greedy = !g->do_sample || g->temperature == 0.0;
    int32_t id = greedy && g->repetition_penalty == 1.0 ? (int32_t)argmax(logits, vocab) : -1;
    if (id < 0 || (n_new < g->min_new_tokens && holds(banned, n_banned, id)))
        bend(g, logits, vocab, seen, n_new, banned, n_banned, scratch->logits), id = -1;
    if (greedy && id < 0) id = (int32_t)argmax(scratch->logits, vocab);
    if (!greedy) {
        for (int64_t i = 0; i < vocab; i++)
            scratch->logits[i] /= (float)g->temperature;
        const int64_t n = g->top_k > 0 ? best_of(scratch->logits, vocab, LUDC_MIN(g->top_k, vocab), scratch->candidates)
                                       : all_sorted(scratch->logits, vocab, scratch->candidates);
        id = draw(scratch->candidates, n, g->top_p, ludc_random_uniform(lud_row_key(g->seed, 0, row), (uint64_t)n_new));
    }
    *log_prob = (double)logits[id] - ludc_log_sum_exp(logits, vocab);
    return id;
}
