/* SPDX-License-Identifier: Apache-2.0
 * What a plain YAML scalar means: null, true/false, integers, reals (1e-5 is one), else text. yes, no, on and off stay
 * text here; where a boolean is due they are taken as one (validate.c). Numbers with a leading zero stay text, for
 * readers disagree on them. */
#include "config_internal.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER = 64 };

static bool one_of(lud_str s, const char *const *words) {
    for (; *words; words++)
        if (ludc_str_eq(s, *words)) return true;
    return false;
}

static size_t digits(const char *s) {
    size_t n = 0;
    while (isdigit((unsigned char)s[n]) || (s[n] == '_' && n && isdigit((unsigned char)s[n + 1])))
        n++;
    return n;
}

/* [0-9]* [. [0-9]*] [e [+-] [0-9]+] with at least one digit; *integer: nothing but digits. */
static bool is_decimal(const char *s, bool *integer) {
    size_t whole = digits(s), fraction = 0;
    const char *p = s + whole;
    *integer = *p == 0;
    if (*p == '.') fraction = digits(++p), p += fraction;
    if (whole + fraction == 0) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        size_t exponent = digits(p);
        if (!exponent) return false;
        p += exponent;
    }
    return *p == 0;
}

static void drop_underscores(char *s) {
    char *to = s;
    for (; *s; s++)
        if (*s != '_') *to++ = *s;
    *to = 0;
}

static ludc_value *based_integer(const char *s, bool negative) {
    int base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : s[1] == 'b' ? 2 : 0;
    if (s[0] != '0' || !base || !isxdigit((unsigned char)s[2])) return NULL;
    char *end;
    long long value = strtoll(s + 2, &end, base);
    return *end || value == INT64_MAX ? NULL : ludc_value_int(negative ? -value : value);
}

static ludc_value *number(lud_str s, bool *finite) {
    char text[MAX_NUMBER + 1];
    if (s.len > MAX_NUMBER || memchr(s.ptr, 0, s.len)) return NULL;
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    bool sign = *text == '-' || *text == '+', integer;
    const char *body = text + sign;
    if (!is_decimal(body, &integer)) return based_integer(body, *text == '-');
    if (*body == '0' && isdigit((unsigned char)body[1])) return NULL;
    drop_underscores(text);
    double real = strtod(text, NULL);
    *finite = isfinite(real);
    if (integer && fabs(real) < 9.2e18) return ludc_value_int(strtoll(text, NULL, 10));
    return ludc_value_float(real);
}

ludc_value *ludc_yaml_scalar(lud_str s, bool *finite) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const odd[] = {".inf",  ".Inf", ".INF", "+.inf", "-.inf", "-.Inf",
                                      "-.INF", ".nan", ".NaN", ".NAN",  NULL};
    *finite = true;
    if (one_of(s, nulls)) return ludc_value_new(LUD_CFG_NULL);
    if (one_of(s, trues)) return ludc_value_bool(true);
    if (one_of(s, falses)) return ludc_value_bool(false);
    *finite = !one_of(s, odd);
    if (!*finite) return NULL;
    ludc_value *v = s.len && (isdigit((unsigned char)s.ptr[0]) || strchr("+-.", s.ptr[0])) ? number(s, finite) : NULL;
    return v ? v : ludc_value_str(s);
}
