/* SPDX-License-Identifier: Apache-2.0
 * Rules of a category output of model_type llm: which labels there are and how an answer names them. */
#include "config_internal.h"

#define FEATURE "output_features.0"

static bool in_list(const ludc_value *list, lud_str label) {
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i]->type == LUD_CFG_STR && ludc_str_same(list->items[i]->u.s, label)) return true;
    return false;
}

/* One entry of decoder.match; v has positions. */
static void check_entry(const ludc_value *v, lud_str label, ludc_at at, ludc_diag *d) {
    const lud_str type = ludc_get_str(v, "type", (lud_str){0});
    const int n = (int)LUDC_MIN(label.len, (size_t)80);
    bool known = v->type == LUD_CFG_OBJECT && v->len == 2 && ludc_get_str(v, "value", (lud_str){0}).ptr != NULL;
    if (ludc_str_eq(type, "json_schema")) {
        ludc_diag_add(d, at, FEATURE ".decoder.match: '%.*s' is of type json_schema: known, not available yet", n,
                      label.ptr);
    } else if (!known || !(ludc_str_eq(type, "contains") || ludc_str_eq(type, "regex"))) {
        ludc_diag_add(d, at, FEATURE ".decoder.match: '%.*s' must be {type: contains or regex, value: a string}", n,
                      label.ptr);
    }
}

static void check_match(const ludc_value *user, const ludc_value *vocab, ludc_diag *d) {
    const ludc_value *match = ludc_value_find(user, FEATURE ".decoder.match");
    if (ludc_is_null(match)) return;
    if (match->type != LUD_CFG_OBJECT || match->len == 0) {
        ludc_diag_add(d, ludc_at_value(match), FEATURE ".decoder.match: must be an object: {label: {type, value}}");
        return;
    }
    for (size_t i = 0; i < match->len; i++) {
        const lud_str label = match->keys[i];
        check_entry(match->items[i], label, ludc_at_key(match, i), d);
        if (vocab && !in_list(vocab, label))
            ludc_diag_add(d, ludc_at_key(match, i), FEATURE ".decoder.match: '%.*s' is not in preprocessing.vocab",
                          LUDC_ARG_CUT(label, 80));
    }
}

void ludc_check_labels(const ludc_value *user, const ludc_value *full, ludc_diag *d) {
    if (!ludc_str_eq(ludc_get_str(full, FEATURE ".type", (lud_str){0}), "category")) {
        if (ludc_str_eq(ludc_get_str(full, FEATURE ".decoder.type", (lud_str){0}), "category_extractor"))
            ludc_diag_rule(d, user, FEATURE ".decoder.type", "category_extractor is for outputs of type category");
        return;
    }
    const ludc_value *vocab = ludc_value_find(full, FEATURE ".preprocessing.vocab");
    if (!vocab || vocab->type != LUD_CFG_LIST) vocab = NULL;
    if (vocab && vocab->len == 0) ludc_diag_rule(d, user, FEATURE ".preprocessing.vocab", "holds no label");
    check_match(user, vocab, d);
    if (ludc_str_eq(ludc_get_str(full, FEATURE ".decoder.decoding", (lud_str){0}), "generate") &&
        ludc_is_null(ludc_value_find(full, FEATURE ".decoder.match")))
        ludc_diag_rule(d, user, FEATURE ".decoder", "needs 'match', how an answer names a label; or decoding: score");
    if (!ludc_str_eq(ludc_get_str(full, "trainer.type", LUDC_STR("none")), "none"))
        ludc_diag_rule(d, user, "trainer.type",
                       "an output of type category is not trained here: set it to none, or use an output "
                       "of type text, or model_type ecd");
}
