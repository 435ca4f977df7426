/* SPDX-License-Identifier: Apache-2.0
 * Drafts (prompt_lookup_num_tokens): where they come from, and that they change no token: greedily, sampled, alone, in
 * a batch, with any number of them. */
#include "check.h"
#include "golden.h"

#include <config.h>
#include <generate.h>
#include <internal.h>

enum { V = 160, PROMPTS = 5, PROMPT = 24, NEW = 33 };

/* ---- Places ---- */
static void expect(const int32_t *list, size_t n, size_t most, size_t want, size_t want_from) {
    int32_t copy[16];
    memcpy(copy, list, n * sizeof *list);
    const ludc_ids seen = {.ptr = copy, .len = n};
    size_t from = 0;
    CHECK_INT(ludc_lookup(&seen, most, &from), want);
    if (want) CHECK_INT(from, want_from);
}

static void test_places(void) {
    const int32_t twice[] = {1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}, pair[] = {7, 2, 3, 9, 8, 2, 3}, same[] = {4, 4, 4, 4};
    expect(twice, 0, 8, 0, 0);
    expect(twice, 1, 8, 0, 0);
    expect(twice, 2, 8, 0, 0);
    expect(twice, 4, 8, 0, 0);
    expect(twice, 11, 0, 0, 0);
    expect(twice, 11, 8, 4, 7); /* the latest place, to the end of what is seen */
    expect(twice, 11, 2, 2, 7);
    expect(pair, 7, 8, 4, 3); /* three do not match, two do */
    expect(same, 4, 8, 1, 3); /* a place may lie over the end */
}

/* ---- Texts ---- */
static int32_t prompts[PROMPTS][PROMPT];
static ludc_ids texts[2][PROMPTS]; /* without, with */

static void generate(ludc_model *m, ludc_generation g, int64_t batch, ludc_ids *out) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_generator *d = NULL;
    ludc_prompt views[PROMPTS];
    ludc_completion done[PROMPTS] = {0};
    for (int32_t i = 0; i < PROMPTS; i++)
        views[i] = (ludc_prompt){.ids = prompts[i], .len = PROMPT - 3 * i, .row = (uint64_t)i};
    CHECK_OK(ludc_generator_new(m, batch, PROMPT + NEW, g.lookup, &d, &err), err);
    if (d) CHECK_OK(ludc_decode(d, views, PROMPTS, &g, NULL, NULL, done, &err), err);
    for (size_t i = 0; i < PROMPTS; i++)
        out[i] = done[i].ids;
    ludc_generator_free(d);
}

static void check_same(ludc_model *m, ludc_generation g, int64_t batch, int64_t lookup) {
    generate(m, g, batch, texts[0]);
    g.lookup = lookup;
    generate(m, g, batch, texts[1]);
    for (size_t i = 0; i < PROMPTS; i++) {
        const ludc_ids *a = &texts[0][i], *b = &texts[1][i];
        CHECK(a->len > 0 && a->len == b->len && memcmp(a->ptr, b->ptr, a->len * sizeof *a->ptr) == 0);
        ludc_ids_free(&texts[0][i]);
        ludc_ids_free(&texts[1][i]);
    }
}

static void test_texts(ludc_model *m) {
    static const int64_t lookups[] = {1, 3, 10, 64};
    const ludc_generation greedy = {
        .max_new_tokens = NEW, .min_new_tokens = NEW / 2, .temperature = 1, .top_p = 1, .repetition_penalty = 1};
    ludc_generation sampled = greedy, penalty = greedy;
    sampled.do_sample = true, sampled.temperature = 0.2, sampled.top_k = 5, sampled.seed = 11;
    penalty.repetition_penalty = 1.1;
    for (int32_t i = 0; i < PROMPTS; i++)
        for (int32_t k = 0; k < PROMPT; k++)
            prompts[i][k] = (i * 31 + k % (4 + i) * 7 + 3) % V;
    for (size_t k = 0; k < LUDC_COUNT(lookups); k++)
        for (int64_t batch = 1; batch <= PROMPTS; batch += 2) {
            check_same(m, greedy, batch, lookups[k]);
            check_same(m, sampled, batch, lookups[k]);
            check_same(m, penalty, batch, lookups[k]);
        }
}

int main(void) {
    golden g;
    golden_model m = {0};
    lud_error err = LUDC_ERROR_INIT;
    test_places();
    golden_init(&g);
    CHECK_OK(golden_open_tiny(&g, &m, &err), err);
    if (m.model) test_texts(m.model);
    golden_close(&m);
    golden_free(&g);
    return check_done();
}
