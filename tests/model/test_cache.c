/* SPDX-License-Identifier: Apache-2.0
 * Decoding over the cache, on the cpu backend, behind more keys than a block of them: a token has the same bits however
 * its text was cut into runs and its cache into pages, with any number of threads, and nearly those of a program
 * without a cache. */
#include "check.h"
#include "golden.h"

#include <config.h>
#include <model.h>
#include <stdlib.h>

enum { V = 160, T = 300, LAST = 5, PAGES = T };

static int32_t ids[T], positions[T], rows[LAST], pages[PAGES];

/* Logits of the LAST tokens. page_size 0: no cache, all at once. */
static void logits_of(ludc_model *m, int64_t page_size, const int64_t *cuts, float *logits) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_run *run = NULL;
    const int64_t per = page_size ? (T + page_size - 1) / page_size : 0;
    const ludc_run_caps caps = {
        .T = T, .S = 1, .N = LAST, .page_size = page_size, .pages_per_segment = per, .n_pages = per};
    for (int64_t p = 0; p < per; p++)
        pages[p] = (int32_t)(per - 1 - p);
    CHECK_OK(ludc_run_new(m, page_size ? LUDC_RUN_DECODE : LUDC_RUN_LOGITS, &caps, &run, &err), err);
    for (int64_t at = 0, k = 0, done = 0; run && at < T; k++) {
        const int64_t n = cuts[k] && at + cuts[k] < T ? cuts[k] : T - at;
        const int32_t offsets[2] = {0, (int32_t)n};
        ludc_run_tokens r = {n, 1, 0, ids + at, positions + at, offsets, rows, pages};
        for (int64_t t = at; t < at + n; t++)
            if (t >= T - LAST) rows[r.N++] = (int32_t)(t - at);
        CHECK_OK(ludc_run_logits(run, &r, logits + done * V, &err), err);
        done += r.N;
        at += n;
    }
    ludc_run_free(run);
}

/* worst: by how much the logits may differ from those without a cache. first: what one thread gives. */
static void test_cuts(ludc_model *m, int threads, double worst, float *first) {
    static const int64_t page_sizes[] = {32, 1, 10, 64};
    static const int64_t cuts[][T + 1] = {
        {0}, {1, 2, 16, 17, 1, 128, 0}, {129, 127, 1, 3, 7, 13, 1, 0}, {294, 1, 1, 4}};
    static float whole[LAST * V], got[LAST * V];
    logits_of(m, 0, cuts[0], whole);
    if (threads == 1) logits_of(m, page_sizes[0], cuts[0], first);
    CHECK(golden_max(first, LAST * V) > 0 && golden_error(first, whole, LAST * V) < worst);
    for (size_t p = 0; p < LUDC_COUNT(page_sizes); p++)
        for (size_t c = 0; c < LUDC_COUNT(cuts); c++) {
            memset(got, 0, sizeof got);
            logits_of(m, page_sizes[p], cuts[c], got);
            CHECK(memcmp(got, first, sizeof got) == 0);
        }
}

/* bf16 without a cache is another order of sums, of rounded probabilities. */
static void test_bf16(golden *g, golden_model *m, int threads) {
    static float first[LAST * V];
    lud_error err = LUDC_ERROR_INIT;
    const ludc_model_spec spec = {.host = g->host, .config = m->config, .seed = 1};
    ludc_model *rounded = NULL;
    CHECK(ludc_value_put(ludc_value_get(m->config, "backend"), "precision", ludc_value_str(LUDC_STR("bf16"))));
    CHECK_OK(ludc_model_open(&spec, &rounded, &err), err);
    if (rounded) test_cuts(rounded, threads, 2e-2, first);
    ludc_model_free(rounded);
}

static void test_threads(int threads) {
    static float first[LAST * V];
    golden g;
    golden_model m = {0};
    lud_error err = LUDC_ERROR_INIT;
    const char number[] = {(char)('0' + threads), 0};
    setenv("LUDWIG_THREADS", number, 1);
    golden_init(&g);
    CHECK_OK(golden_open_tiny(&g, &m, &err), err);
    if (m.model) test_cuts(m.model, threads, 1e-5, first);
    if (m.model) test_bf16(&g, &m, threads);
    golden_close(&m);
    golden_free(&g);
}

int main(void) {
    for (int32_t i = 0; i < T; i++)
        ids[i] = (i * 37 + i / 11) % V, positions[i] = i;
    for (int threads = 1; threads <= 4; threads++)
        test_threads(threads);
    return check_done();
}
