/* SPDX-License-Identifier: Apache-2.0
 * A configuration tree as JSON text. */
#include "card.h"

bool hf_is_word(lud_str s) {
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0;
}

/* Trees of configs are of bounded depth: core reads them with a limit. */
static json_t *convert(const lud_cfg_api *c, const lud_cfg *v) {
    int32_t b = 0;
    int64_t i = 0;
    double f = 0;
    lud_str s = {"", 0};
    json_t *out;
    switch (c->type(v)) {
    case LUD_CFG_BOOL:
        (void)c->get(v, LUD_CFG_BOOL, &b);
        return json_boolean(b);
    case LUD_CFG_INT:
        (void)c->get(v, LUD_CFG_INT, &i);
        return json_integer(i);
    case LUD_CFG_FLOAT:
        (void)c->get(v, LUD_CFG_FLOAT, &f);
        return json_real(f);
    case LUD_CFG_STR:
        (void)c->get(v, LUD_CFG_STR, &s);
        return json_stringn(s.ptr, s.len);
    case LUD_CFG_LIST:
        out = json_array();
        for (size_t k = 0; k < c->len(v); k++)
            json_array_append_new(out, convert(c, c->at(v, k)));
        return out;
    case LUD_CFG_OBJECT:
        out = json_object();
        for (size_t k = 0; k < c->len(v); k++)
            json_object_setn_new(out, c->key_at(v, k).ptr, c->key_at(v, k).len, convert(c, c->at(v, k)));
        return out;
    default:
        return json_null();
    }
}

char *hf_cfg_dump(const lud_cfg_api *c, const lud_cfg *v) {
    json_t *root = convert(c, v);
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(root);
    return text;
}
