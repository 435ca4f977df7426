/* SPDX-License-Identifier: Apache-2.0
 * Scored decoding against brute force: every prompt with every answer run as a whole, without a cache. On each small
 * causal model, and on SmolLM2 where it is: short and long prompts, one token and many, answers that begin alike or are
 * the beginning of others. A row alone gives the same bits as among others. */
#include "golden.h"

#include <generate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PROMPTS = 48 };

typedef struct cases {
    golden *g;
    const char *what;
    ludc_model *model;
    ludc_prompt prompts[PROMPTS];
    ludc_ids ids[PROMPTS], answers[16];
    size_t n, n_answers;
} cases;

static void cases_free(cases *c) {
    for (size_t i = 0; i < PROMPTS; i++)
        ludc_ids_free(&c->ids[i]);
    for (size_t k = 0; k < LUDC_COUNT(c->answers); k++)
        ludc_ids_free(&c->answers[k]);
}

static void add_prompt(cases *c, const ludc_ids *ids) {
    c->ids[c->n] = *ids;
    c->prompts[c->n++] = (ludc_prompt){.ids = ids->ptr, .len = (int32_t)ids->len};
}

static double nll(const float *logits, int64_t vocab, int32_t id) {
    double top = (double)logits[0], sum = 0;
    for (int64_t i = 1; i < vocab; i++)
        top = fmax(top, (double)logits[i]);
    for (int64_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - top);
    return top + log(sum) - (double)logits[id];
}

static double brute_force(cases *c, size_t prompt, size_t answer) {
    enum { MAX = 1024 };
    static int32_t ids[MAX], positions[MAX], rows[MAX];
    const ludc_prompt *p = &c->prompts[prompt];
    const ludc_ids *a = &c->answers[answer];
    const int64_t n = (int64_t)a->len, vocab = ludc_model_info_of(c->model)->vocab_size, T = p->len + n - 1;
    const int32_t seg[2] = {0, (int32_t)T};
    const ludc_run_caps caps = {.T = T, .S = 1, .N = n};
    const ludc_run_tokens t = {
        .T = T, .S = 1, .N = n, .ids = ids, .positions = positions, .seg_offsets = seg, .rows = rows};
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL;
    float *logits = ludc_alloc((size_t)(n * vocab) * sizeof *logits);
    double sum = 0;
    for (int64_t i = 0; i < T; i++) {
        ids[i] = i < p->len ? p->ids[i] : a->ptr[i - p->len];
        positions[i] = (int32_t)i;
    }
    for (int64_t i = 0; i < n; i++)
        rows[i] = p->len - 1 + (int32_t)i;
    lud_status status = ludc_run_new(c->model, LUDC_RUN_LOGITS, &caps, &run, &err);
    if (status == LUD_OK) status = ludc_run_logits(run, &t, logits, &err);
    for (int64_t i = 0; i < n && status == LUD_OK; i++)
        sum -= nll(logits + i * vocab, vocab, a->ptr[i]);
    if (status != LUD_OK) golden_fail(c->g, "%s: %s", c->what, err.msg);
    ludc_run_free(run);
    ludc_free(logits);
    return sum;
}

static size_t best(const double *v, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[at]) at = i;
    return at;
}

static void compare(cases *c, const double *got, size_t row) {
    double want[16];
    char what[160];
    snprintf(what, sizeof what, "%s, prompt %zu of %d tokens", c->what, row, c->prompts[row].len);
    for (size_t k = 0; k < c->n_answers; k++) {
        want[k] = brute_force(c, row, k);
        golden_take(c->g, what, fabs(got[k] - want[k]) / fmax(1, fabs(want[k])), 1e-4);
    }
    if (best(got, c->n_answers) != best(want, c->n_answers)) golden_fail(c->g, "%s: another answer is best", what);
}

static void check(cases *c, size_t every) {
    double all[PROMPTS * 16], alone[16];
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_score(c->model, c->prompts, c->n, c->answers, c->n_answers, NULL, NULL, all, &err) != LUD_OK)
        return golden_fail(c->g, "%s: %s", c->what, err.msg);
    for (size_t i = 0; i < c->n; i += every) {
        const double *got = all + i * c->n_answers;
        compare(c, got, i);
        if (ludc_score(c->model, &c->prompts[i], 1, c->answers, c->n_answers, NULL, NULL, alone, &err) != LUD_OK)
            golden_fail(c->g, "%s: %s", c->what, err.msg);
        if (memcmp(alone, got, c->n_answers * sizeof *alone) != 0)
            golden_fail(c->g, "%s: prompt %zu alone gives other bits", c->what, i);
    }
}

/* What is refused: an empty prompt, a token that the model does not know. */
static void check_refused(cases *c) {
    double out[16];
    lud_error err = LUDC_ERROR_INIT;
    const ludc_prompt empty = {0};
    int32_t unknown[] = {INT32_MAX};
    const ludc_ids odd = {.ptr = unknown, .len = 1};
    c->g->cases++;
    if (ludc_score(c->model, &empty, 1, c->answers, c->n_answers, NULL, NULL, out, &err) != LUD_E_INVALID ||
        ludc_score(c->model, c->prompts, 1, &odd, 1, NULL, NULL, out, &err) != LUD_E_INVALID)
        golden_fail(c->g, "%s: bad input is not refused", c->what);
}

static void make_small(cases *c) {
    static const int32_t answers[][5] = {{5, 6, 7, 1},    {5, 6, 1}, {5, 6, 7},      {9, 1},
                                         {5, 6, 7, 8, 1}, {1},       {9, 9, 9, 9, 9}};
    static const size_t length[] = {4, 3, 3, 2, 5, 1, 5};
    const ludc_model_info *info = ludc_model_info_of(c->model);
    const size_t room = info->max_positions > 0 ? (size_t)LUDC_MIN(info->max_positions - 5, 40) : 40;
    uint32_t random = 1;
    for (size_t i = 0; i < PROMPTS; i++) {
        ludc_ids ids = {0};
        for (size_t k = 0; k < 1 + i % room; k++) {
            random = random * 1664525u + 1013904223u;
            ludc_ids_push(&ids, (int32_t)((random >> 8) % (uint32_t)info->vocab_size));
        }
        add_prompt(c, &ids);
    }
    for (; c->n_answers < LUDC_COUNT(answers); c->n_answers++)
        for (size_t i = 0; i < length[c->n_answers]; i++)
            ludc_ids_push(&c->answers[c->n_answers], answers[c->n_answers][i]);
}

static void small(golden *g, const char *name, const char *dir) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *reference = NULL;
    const char *backends[9];
    char *path = ludc_path_join(dir, "reference.safetensors");
    const bool causal = ludc_safetensors_open(path, &reference, &err) == LUD_OK &&
                        ludc_tensors_find(reference, LUDC_STR("logits")) != NULL;
    golden_backends(g, backends);
    for (size_t i = 0; causal && backends[i]; i++) {
        golden_model m = {0};
        char what[128];
        snprintf(what, sizeof what, "%s on %s", name, backends[i]);
        if (golden_open(g, dir, NULL, backends[i], false, 0, &m, &err) == LUD_OK) {
            cases c = {.g = g, .what = what, .model = m.model};
            make_small(&c);
            check(&c, 5);
            check_refused(&c);
            cases_free(&c);
        } else {
            printf("skip %s: %s\n", what, err.msg);
            err = (lud_error)LUDC_ERROR_INIT;
        }
        golden_close(&m);
    }
    ludc_tensors_free(reference);
    ludc_free(path);
}

static void encode(cases *c, const char *text, bool special, ludc_ids *out) {
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_tokenizer_encode(ludc_model_info_of(c->model)->tokenizer, ludc_str(text), special, out, &err) != LUD_OK)
        golden_fail(c->g, "%s", err.msg);
}

static void real(golden *g, const char *gguf) {
    static const char *const labels[] = {"negative", "neutral", "positive", "positively", "not positive", "lost_card"};
    lud_error err = LUDC_ERROR_INIT;
    golden_model m = {0};
    if (golden_open(g, gguf, NULL, "auto", false, 0, &m, &err) != LUD_OK) return golden_fail(g, "%s", err.msg);
    cases c = {.g = g, .what = "SmolLM2", .model = m.model};
    for (size_t i = 0; i < 3; i++) { /* the last one is longer than a run */
        ludc_ids ids = {0};
        for (size_t k = 0; k < (i < 2 ? 1 + i * 4 : 45); k++)
            encode(&c, "The film is a delight from its first scene on.\n", k == 0, &ids);
        encode(&c, "Sentiment (negative, neutral or positive):\n", false, &ids);
        add_prompt(&c, &ids);
    }
    for (; c.n_answers < LUDC_COUNT(labels); c.n_answers++) {
        encode(&c, labels[c.n_answers], false, &c.answers[c.n_answers]);
        ludc_ids_push(&c.answers[c.n_answers], ludc_model_info_of(m.model)->eos_ids[0]);
    }
    check(&c, 1);
    cases_free(&c);
    golden_close(&m);
}

int main(void) {
    golden g;
    char *gguf = golden_find_model();
    golden_init(&g);
    golden_each(&g, "tiny", small);
    if (gguf)
        real(&g, gguf);
    else
        printf("skip: no SmolLM2-135M*.gguf in LUDWIG_MODELS\n");
    int code = golden_done(&g, "golden_score");
    golden_free(&g);
    ludc_free(gguf);
    return code;
}
