/* SPDX-License-Identifier: Apache-2.0
 * Whole tokenizers of encoder models, small ones, against the tokenizers library: ids and decoded text of every case in
 * cases.json (written by make_cases.py) must come out exactly. */
#include "support.h"

static bool same_ids(const ludc_ids *got, const ludc_value *want) {
    bool same = want && want->type == LUD_CFG_LIST && want->len == got->len;
    for (size_t i = 0; same && i < got->len; i++)
        same = want->items[i]->type == LUD_CFG_INT && want->items[i]->u.i == got->ptr[i];
    return same;
}

static void check_case(const ludc_tokenizer *t, lud_str name, lud_str text, const ludc_value *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_ids ids = {0};
    ludc_buf out = {0};
    CHECK_OK(ludc_tokenizer_encode(t, text, true, &ids, &err), err);
    CHECK_OK(ludc_tokenizer_decode(t, ids.ptr, ids.len, false, &out, &err), err);
    bool ok = want->len == 2 && same_ids(&ids, want->items[0]) && want->items[1]->type == LUD_CFG_STR &&
              ludc_str_same((lud_str){out.ptr, out.len}, want->items[1]->u.s);
    CHECK(ok);
    if (!ok) {
        fprintf(stderr, "%.*s: '%.*s' gives", (int)name.len, name.ptr, (int)text.len, text.ptr);
        for (size_t i = 0; i < ids.len; i++)
            fprintf(stderr, " %d", (int)ids.ptr[i]);
        fprintf(stderr, " and '%s'\n", out.ptr ? out.ptr : "");
    }
    ludc_ids_free(&ids);
    ludc_buf_free(&out);
}

static size_t check_tokenizer(lud_str name, const ludc_value *made, const ludc_value *texts) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf json = {0};
    ludc_tokenizer *t = NULL;
    const ludc_value *cases = ludc_value_get(made, "cases");
    CHECK_OK(ludc_value_to_json(ludc_value_get(made, "tokenizer"), -1, &json), err);
    CHECK_OK(ludc_tokenizer_from_json(json.ptr, json.len, "cases.json", NULL, &t, &err), err);
    CHECK_INT(cases->len, texts->len);
    for (size_t i = 0; t && i < cases->len; i++)
        check_case(t, name, texts->items[i]->u.s, cases->items[i]);
    ludc_tokenizer_free(t);
    ludc_buf_free(&json);
    return cases->len;
}

int main(void) {
    ludc_value *all = cases_read();
    const ludc_value *texts = ludc_value_get(all, "texts");
    size_t n = 0;
    for (size_t i = 0; texts && i < all->len; i++) {
        if (all->items[i] != texts) n += check_tokenizer(all->keys[i], all->items[i], texts);
    }
    printf("%zu cases\n", n);
    CHECK(n > 250);
    ludc_value_free(all);
    return check_done();
}
