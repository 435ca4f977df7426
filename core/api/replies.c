/* SPDX-License-Identifier: Apache-2.0
 * Rows are asked: their prompts, and what the model generates for them, in batches. */
#include "internal.h"

#include <string.h>

/* Rows decoded side by side. */
#define BATCH_ROWS 16

void ludc_replies_free(ludc_replies *a) {
    for (size_t i = 0; i < a->n; i++) {
        if (a->prompts) ludc_ids_free(&a->prompts[i]);
        if (a->completions) ludc_ids_free(&a->completions[i].ids);
    }
    ludc_free(a->prompts);
    ludc_free(a->views);
    ludc_free(a->completions);
    *a = (ludc_replies){0};
}

typedef struct counter {
    const lud_session *session;
    size_t done, total;
    uint64_t tokens;
    double begin;
    const ludc_model_info *info;
    int64_t max_new;
    int64_t *made; /* tokens of each row */
} counter;

static lud_status count_token(void *arg, size_t row, int32_t id) {
    counter *c = arg;
    c->tokens++;
    if (++c->made[row] < c->max_new && !ludc_ends_text(c->info, id)) return LUD_OK;
    c->done++;
    ludc_session_show(c->session, "generate", "tok", (double)c->done, (double)c->total, (double)c->tokens, c->begin);
    return LUD_OK;
}

lud_status ludc_generation_of(const lud_model *m, const char *over_text, ludc_generation *g, lud_error *err) {
    ludc_value *over = NULL;
    if (over_text) LUDC_TRY(ludc_json_parse(over_text, strlen(over_text), "generation", false, false, &over, err));
    const lud_status status = ludc_generation_read(ludc_value_get(m->config.full, "generation"), over, g, err);
    ludc_value_free(over);
    g->seed = m->seed;
    return status;
}

lud_status ludc_replies_ask(ludc_prompter *p, const ludc_view *v, ludc_replies *a, lud_error *err) {
    a->n = v->n;
    a->prompts = ludc_alloc(v->n * sizeof(*a->prompts));
    a->views = ludc_alloc(v->n * sizeof(*a->views));
    if (!a->prompts || !a->views) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", v->n);
    for (size_t i = 0; i < v->n; i++) {
        const size_t row = ludc_view_row(v, i);
        LUDC_TRY(ludc_prompter_ids(p, row, &a->prompts[i], err));
        a->views[i] = (ludc_prompt){.ids = a->prompts[i].ptr, .len = (int32_t)a->prompts[i].len, .row = row};
        a->longest = LUDC_MAX(a->longest, (int64_t)a->prompts[i].len);
    }
    return LUD_OK;
}

static lud_status decode_all(lud_model *m, ludc_replies *a, const ludc_generation *g, lud_error *err) {
    ludc_generator *d = NULL;
    counter c = {.session = m->session,
                 .total = a->n,
                 .begin = ludc_now(),
                 .info = ludc_model_info_of(m->model),
                 .max_new = g->max_new_tokens,
                 .made = ludc_alloc(a->n * sizeof(*c.made))};
    lud_status status = c.made ? LUD_OK : ludc_no_memory(err, NULL);
    if (status == LUD_OK)
        status = ludc_generator_new(m->model, (int64_t)LUDC_MIN(a->n, BATCH_ROWS), a->longest + g->max_new_tokens,
                                    g->lookup, &d, err);
    if (status == LUD_OK) status = ludc_decode(d, a->views, a->n, g, count_token, &c, a->completions, err);
    ludc_generator_free(d);
    ludc_free(c.made);
    return status;
}

lud_status ludc_replies_generate(lud_model *m, const char *generation, ludc_replies *a, lud_error *err) {
    ludc_generation g;
    LUDC_TRY(ludc_generation_of(m, generation, &g, err));
    a->completions = ludc_alloc(a->n * sizeof(*a->completions));
    if (!a->completions) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu rows", a->n);
    return decode_all(m, a, &g, err);
}
