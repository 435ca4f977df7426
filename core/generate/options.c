/* SPDX-License-Identifier: Apache-2.0
 * The `generation` section, and an object of a single call laid over it. */
#include "internal.h"

static const char *const names[] = {
    "max_new_tokens", "min_new_tokens", "temperature",        "top_k",
    "top_p",          "do_sample",      "repetition_penalty", "prompt_lookup_num_tokens"};
enum { LOOKUP_MOST = 64 };

static lud_status check_names(const ludc_value *over, lud_error *err) {
    for (size_t i = 0; over && i < over->len; i++) {
        size_t k = 0;
        while (k < LUDC_COUNT(names) && !ludc_str_eq(over->keys[i], names[k]))
            k++;
        if (k < LUDC_COUNT(names)) continue;
        const char *near = ludc_nearest(over->keys[i], names, LUDC_COUNT(names));
        return ludc_fail(err, LUD_E_INVALID, "generation: unknown key '%.*s'%s%s%s", (int)over->keys[i].len,
                         over->keys[i].ptr, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    return LUD_OK;
}

static const ludc_value *pick(const ludc_value *section, const ludc_value *over, const char *key) {
    const ludc_value *v = ludc_value_get(over, key);
    return v ? v : ludc_value_get(section, key);
}

static double number(const ludc_value *v, double dflt) {
    return ludc_is_null(v) ? dflt : v->type == LUD_CFG_INT ? (double)v->u.i : v->type == LUD_CFG_FLOAT ? v->u.f : dflt;
}

lud_status ludc_generation_read(const ludc_value *section, const ludc_value *over, ludc_generation *out,
                                lud_error *err) {
    if (over && over->type != LUD_CFG_OBJECT)
        return ludc_fail(err, LUD_E_INVALID, "generation: want a JSON object such as {\"max_new_tokens\": 16}");
    LUDC_TRY(check_names(over, err));
    const ludc_value *sample = pick(section, over, "do_sample");
    const ludc_generation g = {
        .max_new_tokens = (int64_t)number(pick(section, over, "max_new_tokens"), 32),
        .min_new_tokens = (int64_t)number(pick(section, over, "min_new_tokens"), 0),
        .do_sample = sample && sample->type == LUD_CFG_BOOL ? sample->u.b != 0 : true,
        .temperature = number(pick(section, over, "temperature"), 0.1),
        .top_k = (int64_t)number(pick(section, over, "top_k"), 50),
        .top_p = number(pick(section, over, "top_p"), 1.0),
        .repetition_penalty = number(pick(section, over, "repetition_penalty"), 1.0),
        .lookup = (int64_t)number(pick(section, over, "prompt_lookup_num_tokens"), 0),
        .seed = 42,
    };
    if (g.max_new_tokens < 1 || g.max_new_tokens > 1 << 20)
        return ludc_fail(err, LUD_E_INVALID, "generation.max_new_tokens: got %lld, want 1 to %d",
                         (long long)g.max_new_tokens, 1 << 20);
    if (!(g.temperature >= 0) || !(g.top_p > 0 && g.top_p <= 1) || !(g.repetition_penalty > 0) || g.top_k < 0)
        return ludc_fail(err, LUD_E_INVALID,
                         "generation: want temperature >= 0, 0 < top_p <= 1, top_k >= 0, "
                         "repetition_penalty > 0");
    if (g.lookup < 0 || g.lookup > LOOKUP_MOST)
        return ludc_fail(err, LUD_E_INVALID, "generation.prompt_lookup_num_tokens: got %lld, want null, or 1 to %d",
                         (long long)g.lookup, LOOKUP_MOST);
    *out = g;
    return LUD_OK;
}
