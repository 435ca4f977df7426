/* SPDX-License-Identifier: Apache-2.0
 * The passes over a config, in order: parse, overrides, validation, defaults, rules. All messages of the last three
 * are reported together. */
#include "config_internal.h"
#include <stdio.h>
#include <string.h>

static bool is_yaml(const char *text, size_t n, const char *name) {
    if (ludc_str_ends(ludc_str(name), ".yaml") || ludc_str_ends(ludc_str(name), ".yml")) return true;
    size_t i = 0;
    while (i < n && memchr(" \t\r\n\xEF\xBB\xBF", text[i], 7))
        i++;
    return i == n || text[i] != '{';
}

/* Text in braces may be JSON or a YAML flow mapping; if it is neither, the JSON message is the better one. */
static lud_status parse(const char *text, size_t n, const char *name, ludc_value **out, lud_error *err) {
    if (is_yaml(text, n, name)) return ludc_yaml_parse(text, n, name, out, err);
    lud_error first = LUDC_ERROR_INIT, second = LUDC_ERROR_INIT;
    lud_status status = ludc_json_parse(text, n, name, true, false, out, &first);
    if (status != LUD_E_INVALID) return status == LUD_OK ? status : ludc_fail(err, status, "%s", first.msg);
    if (!ludc_str_ends(ludc_str(name), ".json") && ludc_yaml_parse(text, n, name, out, &second) == LUD_OK)
        return LUD_OK;
    return ludc_fail(err, status, "%s", first.msg);
}

/* ecd, as in Ludwig; a config that only names a base model or a prompt is meant as llm. */
static bool is_ecd(const ludc_value *user) {
    if (ludc_value_get(user, "model_type")) return ludc_str_eq(ludc_get_str(user, "model_type", (lud_str){0}), "ecd");
    return !ludc_value_get(user, "base_model") && !ludc_value_get(user, "prompt");
}

static lud_status check(ludc_config *c, ludc_diag *diag, lud_error *err) {
    bool ecd = is_ecd(c->user);
    ludc_key root = {.section = ludc_schema_root(ecd ? "ecd" : "llm")};
    ludc_validate(c->user, &root, "", diag);
    ludc_value *merged = ecd ? ludc_merge_defaults(c->user) : NULL;
    if (ecd && !merged) diag->failed = true;
    c->full = ludc_fill(merged ? merged : c->user, &root);
    ludc_value_free(merged);
    if (!c->full || !(ecd ? ludc_fill_ecd : ludc_fill_dynamic)(c->full)) diag->failed = true;
    if (!diag->failed) (ecd ? ludc_check_ecd : ludc_check_rules)(c->user, c->full, diag);
    return ludc_diag_report(diag, err);
}

static lud_status read(ludc_config *c, const char *text, size_t n, const char *const *sets, size_t n_sets,
                       lud_error *err) {
    LUDC_TRY(parse(text, n, c->name, &c->user, err));
    if (c->user->type != LUD_CFG_OBJECT)
        return ludc_fail(err, LUD_E_INVALID, "%s: error: a config must be an object (key: value ...)", c->name);
    LUDC_TRY(ludc_apply_sets(c->user, sets, n_sets, err));
    ludc_diag diag = {.name = c->name, .text = text, .n = n, .sets = sets};
    LUDC_TRY(check(c, &diag, err));
    ludc_clear_marks(c->user);
    ludc_clear_marks(c->full);
    return LUD_OK;
}

lud_status ludc_config_parse(const char *text, size_t n, const char *name, const char *const *sets, size_t n_sets,
                             ludc_config *out, lud_error *err) {
    ludc_config c = {.name = ludc_strdup(name)};
    if (!c.name) return ludc_no_memory(err, name);
    lud_status status = read(&c, text, n, sets, n_sets, err);
    if (status == LUD_OK) return *out = c, LUD_OK;
    ludc_config_free(&c);
    return status;
}

lud_status ludc_config_load(const char *path, const char *const *sets, size_t n_sets, ludc_config *out,
                            lud_error *err) {
    ludc_buf text = {0};
    LUDC_TRY(ludc_file_read(path, &text, err));
    lud_status status = ludc_config_parse(text.ptr ? text.ptr : "", text.len, path, sets, n_sets, out, err);
    ludc_buf_free(&text);
    return status;
}

void ludc_config_free(ludc_config *c) {
    ludc_value_free(c->user);
    ludc_value_free(c->full);
    ludc_free(c->name);
    *c = (ludc_config){0};
}
