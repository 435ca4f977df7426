/* SPDX-License-Identifier: Apache-2.0
 * PEFT's rules of matching, by tables: which modules a section wraps, and with which rank and alpha. */
#include "check.h"
#include "internal.h"

#include <config.h>

static ludc_targets *make(const char *section, ludc_value **json, lud_error *err) {
    ludc_targets *t = NULL;
    *json = NULL;
    if (ludc_json_parse(section, strlen(section), "<test>", false, false, json, err) != LUD_OK) return NULL;
    return ludc_targets_new(*json, &t, err) == LUD_OK ? t : NULL;
}

static const struct {
    const char *section, *module;
    int32_t kind;
    bool want;
} matches[] = {
    {"{\"target_modules\": [\"q_proj\"]}", "model.layers.3.self_attn.q_proj", LUD_SITE_LINEAR, true},
    {"{\"target_modules\": [\"q_proj\"]}", "model.layers.3.self_attn.xq_proj", LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"self_attn.q_proj\"]}", "model.layers.3.self_attn.q_proj", LUD_SITE_LINEAR, true},
    {"{\"target_modules\": [\"lm_head\"]}", "lm_head", LUD_SITE_VOCAB, true},
    {"{\"target_modules\": \"all-linear\"}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR, true},
    {"{\"target_modules\": \"all-linear\"}", "lm_head", LUD_SITE_VOCAB, false},
    {"{\"target_modules\": \".*\\\\.[13]\\\\..*_proj\"}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR, true},
    {"{\"target_modules\": \".*\\\\.[13]\\\\..*_proj\"}", "model.layers.2.mlp.up_proj", LUD_SITE_LINEAR, false},
    {"{\"target_modules\": \"up_proj\"}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR, false},
    {"{\"target_modules\": \".*up\"}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"up_proj\"], \"exclude_modules\": [\"3.mlp.up_proj\"]}", "model.layers.3.mlp.up_proj",
     LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"up_proj\"], \"exclude_modules\": \".*3.*\"}", "model.layers.2.mlp.up_proj",
     LUD_SITE_LINEAR, true},
    {"{\"target_modules\": [\"up_proj\"], \"exclude_modules\": \".*3.*\"}", "model.layers.3.mlp.up_proj",
     LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"up_proj\"], \"layers_to_transform\": 3}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR,
     true},
    {"{\"target_modules\": [\"up_proj\"], \"layers_to_transform\": [0, 2]}", "model.layers.3.mlp.up_proj",
     LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"up_proj\"], \"layers_to_transform\": [0, 12], \"layers_pattern\": \"layers\"}",
     "model.layers.12.mlp.up_proj", LUD_SITE_LINEAR, true},
    {"{\"target_modules\": [\"up_proj\"], \"layers_to_transform\": [0, 12], \"layers_pattern\": [\"h\"]}",
     "model.layers.12.mlp.up_proj", LUD_SITE_LINEAR, false},
    {"{\"target_modules\": [\"up_proj\"], \"layers_to_transform\": []}", "model.layers.3.mlp.up_proj", LUD_SITE_LINEAR,
     true},
};

static const char *const wrong[] = {"{}",
                                    "{\"target_modules\": null}",
                                    "{\"target_modules\": 3}",
                                    "{\"target_modules\": [3]}",
                                    "{\"target_modules\": \"(\"}",
                                    "{\"target_modules\": [\"a\"], \"exclude_modules\": \"[\"}",
                                    "{\"target_modules\": [\"a\"], \"rank_pattern\": []}",
                                    "{\"target_modules\": [\"a\"], \"rank_pattern\": {\"b\": \"c\"}}",
                                    "{\"target_modules\": [\"a\"], \"alpha_pattern\": {\"*\": 1}}",
                                    "{\"target_modules\": [\"a\"], \"layers_to_transform\": \"3\"}"};

static void patterns(void) {
    static const char section[] = "{\"target_modules\": [\"a\"], \"r\": 8, \"alpha\": null, \"rank_pattern\": "
                                  "{\"up_proj\": 2, \"layers.[01].mlp.*\": 4}, \"alpha_pattern\": {\"x|up_proj\": 12}}";
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *json = NULL;
    ludc_targets *t = make(section, &json, &err);
    CHECK(t != NULL);
    ludc_value *up = ludc_targets_cfg(t, LUDC_STR("model.layers.1.mlp.up_proj"));
    ludc_value *down = ludc_targets_cfg(t, LUDC_STR("model.layers.1.mlp.down_proj"));
    ludc_value *other = ludc_targets_cfg(t, LUDC_STR("model.layers.2.mlp.down_proj"));
    CHECK_INT(ludc_get_int(up, "r", 0), 2);
    CHECK_INT(ludc_get_int(up, "alpha", 0), 12);
    CHECK_INT(ludc_get_int(down, "r", 0), 4);
    CHECK_INT(ludc_get_int(other, "r", 0), 8);
    CHECK(ludc_value_get(other, "alpha") == NULL);
    ludc_value_free(up);
    ludc_value_free(down);
    ludc_value_free(other);
    ludc_targets_free(t);
    ludc_value_free(json);
}

/* An expression made to run for ever is cut off and does not match. */
static void hostile(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *json = NULL;
    ludc_targets *t = make("{\"target_modules\": \"(a*)*(a*)*(a*)*b\"}", &json, &err);
    CHECK(t != NULL);
    CHECK(!ludc_targets_match(t, LUDC_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), LUD_SITE_LINEAR));
    ludc_targets_free(t);
    ludc_value_free(json);
}

int main(void) {
    for (size_t i = 0; i < LUDC_COUNT(matches); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *json = NULL;
        ludc_targets *t = make(matches[i].section, &json, &err);
        if (!t || ludc_targets_match(t, ludc_str(matches[i].module), matches[i].kind) != matches[i].want) {
            fprintf(stderr, "%s on %s: want %d %s\n", matches[i].section, matches[i].module, matches[i].want, err.msg);
            check_failures++;
        }
        check_count++;
        ludc_targets_free(t);
        ludc_value_free(json);
    }
    for (size_t i = 0; i < LUDC_COUNT(wrong); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *json = NULL;
        ludc_targets *t = make(wrong[i], &json, &err);
        CHECK(t == NULL && err.code == LUD_E_INVALID && strstr(err.msg, "adapter."));
        ludc_targets_free(t);
        ludc_value_free(json);
    }
    patterns();
    hostile();
    return check_done();
}
