/* SPDX-License-Identifier: Apache-2.0
 * Expressions of a config over names of modules and parameters. They are Python's: PCRE2. They are bounded in match
 * work, since configs come from strangers. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "internal.h"

#include <pcre2.h>

lud_status ludc_expression_new(const char *section, const char *key, lud_str text, bool anchored, ludc_expression **out,
                               lud_error *err) {
    const uint32_t options = anchored ? PCRE2_UTF | PCRE2_ANCHORED : PCRE2_UTF;
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, &at, NULL);
    if (!re) {
        PCRE2_UCHAR why[128] = "";
        (void)pcre2_get_error_message(code, why, sizeof why);
        return ludc_fail(err, LUD_E_INVALID, "%s.%s: the expression '%.*s' is wrong at character %zu: %s", section, key,
                         LUDC_ARG_CUT(text, 200), (size_t)at, (const char *)why);
    }
    *out = (ludc_expression *)re;
    return LUD_OK;
}

void ludc_expression_free(ludc_expression *p) {
    pcre2_code_free((pcre2_code *)p);
}

bool ludc_expression_match(const ludc_expression *p, lud_str text, bool whole, int64_t *group) {
    const pcre2_code *re = (const pcre2_code *)p;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    bool found = false;
    if (data && limits) {
        (void)pcre2_set_match_limit(limits, 100000);
        uint32_t options = whole ? PCRE2_ENDANCHORED : 0;
        int rc = pcre2_match(re, (PCRE2_SPTR)text.ptr, text.len, 0, options, data, limits);
        found = rc >= 0;
        const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(data);
        int n = found && group ? pcre2_substring_number_from_name(re, (PCRE2_SPTR) "idx") : 0;
        if (n > 0 && ov[2 * n] != PCRE2_UNSET) {
            *group = 0;
            for (PCRE2_SIZE i = ov[2 * n]; i < ov[2 * n + 1] && *group < 1000000; i++)
                *group = *group * 10 + (text.ptr[i] - '0');
        }
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    return found;
}
