/* SPDX-License-Identifier: Apache-2.0
 * Greedy generation of a real model from its GGUF: every prompt of generate.json gives the reference's own ids of the
 * prompt, its new ids and their text; all prompts decoded side by side, and each alone; without and with drafts. */
#include "golden.h"

#include <config.h>
#include <generate.h>
#include <stdio.h>
#include <string.h>

enum { LOOKUP = 10 };

typedef struct entry {
    ludc_ids prompt, want; /* want ends with an end-of-text token if the reference met one */
    lud_str text, want_text;
    ludc_ids got;
} entry;

typedef struct cases {
    golden *g;
    ludc_model *model;
    entry *list;
    size_t n;
    int64_t longest, most_new; /* tokens: of the longest prompt, of the longest answer */
} cases;

static bool read_ids(const ludc_value *list, ludc_ids *out) {
    for (size_t i = 0; list && i < list->len; i++)
        if (list->items[i]->type != LUD_CFG_INT || !ludc_ids_push(out, (int32_t)list->items[i]->u.i)) return false;
    return out->len > 0;
}

static bool read_cases(cases *c, const ludc_value *json) {
    c->n = json->type == LUD_CFG_LIST ? json->len : 0;
    c->list = ludc_alloc(c->n * sizeof *c->list);
    for (size_t i = 0; i < c->n; i++) {
        entry *e = &c->list[i];
        const ludc_value *v = json->items[i];
        if (!read_ids(ludc_value_get(v, "prompt_ids"), &e->prompt) ||
            !read_ids(ludc_value_get(v, "greedy_ids"), &e->want))
            return false;
        e->text = ludc_get_str(v, "prompt", LUDC_STR(""));
        e->want_text = ludc_get_str(v, "text", LUDC_STR(""));
        c->longest = LUDC_MAX(c->longest, (int64_t)e->prompt.len);
        c->most_new = LUDC_MAX(c->most_new, (int64_t)e->want.len);
    }
    return c->n > 0;
}

static void free_cases(cases *c) {
    for (size_t i = 0; c->list && i < c->n; i++) {
        ludc_ids_free(&c->list[i].prompt);
        ludc_ids_free(&c->list[i].want);
        ludc_ids_free(&c->list[i].got);
    }
    ludc_free(c->list);
}

static void take_exact(golden *g, bool same, const char *how, size_t i, const char *what) {
    g->cases++;
    if (!same) golden_fail(g, "prompt %zu, %s: another %s", i, how, what);
}

static bool same_ids(const ludc_ids *a, const ludc_ids *b, size_t n) {
    return a->len >= n && b->len >= n && memcmp(a->ptr, b->ptr, n * sizeof *a->ptr) == 0;
}

static void check_prompts(cases *c) {
    for (size_t i = 0; i < c->n; i++) {
        entry *e = &c->list[i];
        lud_error err = LUDC_ERROR_INIT;
        ludc_ids ids = {0};
        if (ludc_tokenizer_encode(ludc_model_info_of(c->model)->tokenizer, e->text, true, &ids, &err) != LUD_OK)
            golden_fail(c->g, "prompt %zu: %s", i, err.msg);
        take_exact(c->g, ids.len == e->prompt.len && same_ids(&ids, &e->prompt, ids.len), "encoded", i, "list of ids");
        ludc_ids_free(&ids);
    }
}

static lud_status keep(void *arg, size_t row, int32_t id) {
    entry *first = arg;
    return ludc_ids_push(&first[row].got, id) ? LUD_OK : LUD_E_NOMEM;
}

/* Decodes list[first .. first + n) in one batch of n. */
static void decode(cases *c, size_t first, size_t n, int64_t max_new, int64_t lookup) {
    const ludc_generation greedy = {
        .max_new_tokens = max_new, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .lookup = lookup};
    lud_error err = LUDC_ERROR_INIT;
    ludc_generator *d = NULL;
    entry *e = c->list + first;
    ludc_prompt *prompts = ludc_alloc(n * sizeof *prompts);
    ludc_completion *out = ludc_alloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        e[i].got.len = 0;
        prompts[i] = (ludc_prompt){.ids = e[i].prompt.ptr, .len = (int32_t)e[i].prompt.len, .row = first + i};
    }
    lud_status status = ludc_generator_new(c->model, (int64_t)n, c->longest + max_new, lookup, &d, &err);
    if (status == LUD_OK) status = ludc_decode(d, prompts, n, &greedy, keep, e, out, &err);
    if (status != LUD_OK) golden_fail(c->g, "%s", err.msg);
    for (size_t i = 0; i < n; i++)
        ludc_ids_free(&out[i].ids);
    ludc_generator_free(d);
    ludc_free(prompts);
    ludc_free(out);
}

static void check_answer(cases *c, size_t i, const char *how) {
    const entry *e = &c->list[i];
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    take_exact(c->g, same_ids(&e->got, &e->want, e->want.len), how, i, "list of ids");
    size_t n = LUDC_MIN(e->got.len, e->want.len); /* beside longer answers, a row may go on */
    if (ludc_tokenizer_decode(ludc_model_info_of(c->model)->tokenizer, e->got.ptr, n, true, &text, &err) != LUD_OK)
        golden_fail(c->g, "prompt %zu: %s", i, err.msg);
    take_exact(c->g, ludc_str_same((lud_str){text.ptr ? text.ptr : "", text.len}, e->want_text), how, i, "text");
    ludc_buf_free(&text);
}

static void check_generation(golden *g, const char *gguf, const char *path) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *json = NULL;
    golden_model m = {0};
    cases c = {.g = g};
    lud_status status = ludc_json_load(path, &json, &err);
    if (status == LUD_OK && !read_cases(&c, json)) status = ludc_fail(&err, LUD_E_DATA, "%s: odd contents", path);
    if (status == LUD_OK) status = golden_open(g, gguf, NULL, "auto", false, 0, &m, &err);
    if (status == LUD_OK) {
        c.model = m.model;
        check_prompts(&c);
        for (int64_t lookup = 0; lookup <= LOOKUP; lookup += LOOKUP) {
            decode(&c, 0, c.n, c.most_new, lookup);
            for (size_t i = 0; i < c.n; i++)
                check_answer(&c, i, lookup ? "in one batch, looked up" : "in one batch");
            for (size_t i = 0; i < c.n; i++) {
                decode(&c, i, 1, (int64_t)c.list[i].want.len, lookup);
                check_answer(&c, i, lookup ? "alone, looked up" : "alone");
            }
        }
    } else {
        golden_fail(g, "%s", err.msg);
    }
    golden_close(&m);
    free_cases(&c);
    ludc_value_free(json);
}

int main(void) {
    golden g;
    char *gguf = golden_find_model();
    golden_init(&g);
    char *path = golden_path(&g, "smollm2", "generate.json");
    if (!gguf || !ludc_path_exists(path))
        printf("skip: %s\n", gguf ? "no generate.json of smollm2" : "no SmolLM2-135M*.gguf in LUDWIG_MODELS");
    else
        check_generation(&g, gguf, path);
    int code = golden_done(&g, "golden_generate");
    golden_free(&g);
    ludc_free(path);
    ludc_free(gguf);
    return code;
}
