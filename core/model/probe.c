/* SPDX-License-Identifier: Apache-2.0
 * What a model says to eight fixed prompts: the logits behind the first tokens of each, and behind all of it. Two
 * models that should be one are compared by it, tokens first, because a wrong tokenizer would hide a right model. */
#include "internal.h"

#include <math.h>
#include <string.h>

static const char *const prompts[LUDC_PROBES] = {
    "The capital of France is",
    "### Instruction:\nWrite a short poem about the sea.\n\n### Response:\n",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "1 + 2 + 3 = 6, and 12 * 34 =",
    "Q: Why don't cats like water? A:",
    "{\"name\": \"Ada\", \"born\": 1815, \"field\":",
    "Once upon a time, in a small village, there lived",
    "I WON'T go there; they're (probably) closed @ 9pm..."};

enum { LONGEST = 48, EARLY = 4, ROWS = 2 * LUDC_PROBES }; /* tokens of a prompt, and of its beginning */

void ludc_probe_free(ludc_probe *p) {
    for (size_t i = 0; i < LUDC_PROBES; i++)
        ludc_free(p->ids[i].ptr);
    ludc_free(p->logits);
    *p = (ludc_probe){0};
}

static lud_status take_tokens(const ludc_model *m, ludc_probe *p, lud_error *err) {
    const size_t limit = (size_t)LUDC_MIN(m->info.max_positions, (int64_t)LONGEST);
    for (size_t i = 0; i < LUDC_PROBES; i++) {
        ludc_ids *ids = &p->ids[i];
        LUDC_TRY(ludc_tokenizer_encode(m->tokenizer, ludc_str(prompts[i]), true, ids, err));
        if (ids->len == 0 && !ludc_ids_push(ids, 0)) return ludc_no_memory(err, NULL);
        ids->len = LUDC_MIN(ids->len, limit);
    }
    return LUD_OK;
}

static lud_status run(ludc_model *m, ludc_probe *p, lud_error *err) {
    int32_t ids[LUDC_PROBES * LONGEST], positions[LUDC_PROBES * LONGEST], offsets[LUDC_PROBES + 1] = {0};
    int32_t rows[ROWS], n = 0;
    for (size_t i = 0; i < LUDC_PROBES; i++) {
        for (size_t k = 0; k < p->ids[i].len; k++, n++) {
            ids[n] = p->ids[i].ptr[k];
            positions[n] = (int32_t)k;
        }
        rows[2 * i] = offsets[i] + LUDC_MIN((int32_t)p->ids[i].len, EARLY) - 1;
        rows[2 * i + 1] = n - 1;
        offsets[i + 1] = n;
    }
    ludc_run *r = NULL;
    const ludc_run_caps caps = {.T = n, .S = LUDC_PROBES, .N = ROWS};
    const ludc_run_tokens tokens = {
        .T = n, .S = LUDC_PROBES, .N = ROWS, .ids = ids, .positions = positions, .seg_offsets = offsets, .rows = rows};
    LUDC_TRY(ludc_run_new(m, LUDC_RUN_LOGITS, &caps, &r, err));
    const lud_status status = ludc_run_logits(r, &tokens, p->logits, err);
    ludc_run_free(r);
    return status;
}

lud_status ludc_probe_take(ludc_model *m, ludc_probe *p, lud_error *err) {
    p->vocab = m->info.vocab_size;
    p->logits = ludc_alloc(ROWS * (size_t)p->vocab * sizeof *p->logits);
    if (!p->logits) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %d rows of logits", ROWS);
    LUDC_TRY(take_tokens(m, p, err));
    const bool bf16 = m->devices->bf16;
    m->devices->bf16 = false; /* rounded factors would drown what is looked for */
    const lud_status status = run(m, p, err);
    m->devices->bf16 = bf16;
    return status;
}

/* ||a - b|| / ||a - mean of a||: 0 where they agree, about 1.4 where they have nothing in common. */
static double distance(const float *a, const float *b, int64_t n) {
    double mean = 0.0, spread = 0.0, apart = 0.0;
    for (int64_t i = 0; i < n; i++)
        mean += (double)a[i] / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)a[i] - (double)b[i], s = (double)a[i] - mean;
        apart += d * d;
        spread += s * s;
    }
    return apart == 0.0 ? 0.0 : sqrt(apart / spread);
}

lud_status ludc_probe_compare(const ludc_probe *want, const ludc_probe *got, double limit, double *worst,
                              lud_error *err) {
    if (want->vocab != got->vocab)
        return ludc_fail(err, LUD_E_INTERNAL, "it has %lld rows of vocabulary, the model %lld", (long long)got->vocab,
                         (long long)want->vocab);
    for (size_t i = 0; i < ROWS; i++) {
        const ludc_ids *a = &want->ids[i / 2], *b = &got->ids[i / 2];
        const size_t n = LUDC_MIN(a->len, b->len);
        const char *prompt = prompts[i / 2];
        if (memcmp(a->ptr, b->ptr, n * sizeof *a->ptr) != 0)
            return ludc_fail(err, LUD_E_INTERNAL, "its tokenizer cuts the prompt '%.20s...' in another way", prompt);
        if (i % 2 && a->len != b->len) continue; /* a shorter context: another last token */
        const int64_t at = (int64_t)i * want->vocab;
        const double d = distance(want->logits + at, got->logits + at, want->vocab);
        if (!(d <= limit))
            return ludc_fail(err, LUD_E_INTERNAL,
                             "its logits after '%.20s...' differ by %.3g of their spread, its number format explains "
                             "%.3g",
                             prompt, d, limit);
        *worst = LUDC_MAX(*worst, d);
    }
    return LUD_OK;
}
