/* SPDX-License-Identifier: Apache-2.0
 * Normalizer steps. */
#include "internal.h"

#include <string.h>

static lud_str strip(lud_str s, bool left, bool right) {
    uint32_t cp;
    while (left && s.len) {
        const size_t used = ludc_utf8_decode(s.ptr, s.len, &cp);
        if (ludc_char_class(cp) != LUDC_CH_SPACE) break;
        s.ptr += used;
        s.len -= used;
    }
    while (right && s.len) {
        size_t i = s.len - 1;
        while (i > 0 && ((uint8_t)s.ptr[i] & 0xC0) == 0x80)
            i--;
        ludc_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (ludc_char_class(cp) != LUDC_CH_SPACE) break;
        s.len = i;
    }
    return s;
}

static void replace(lud_str in, const ludc_step *step, ludc_buf *out) {
    size_t plain = 0;
    for (size_t i = 0; step->from_len && i + step->from_len <= in.len;) {
        if (memcmp(in.ptr + i, step->from, step->from_len) != 0) {
            i++;
            continue;
        }
        ludc_buf_add(out, in.ptr + plain, i - plain);
        ludc_buf_add(out, step->to, step->to_len);
        plain = i += step->from_len;
    }
    ludc_buf_add(out, in.ptr + plain, in.len - plain);
}

static lud_status apply(const ludc_step *step, lud_str in, ludc_buf *out, lud_error *err) {
    switch (step->kind) {
    case LUDC_N_UNICODE:
        return ludc_unicode_normalize(step->from, in, out, err);
    case LUDC_N_LOWERCASE:
        return ludc_unicode_lower(in, out, err);
    case LUDC_N_STRIP:
        in = strip(in, step->left, step->right);
        ludc_buf_add(out, in.ptr, in.len);
        return LUD_OK;
    case LUDC_N_REPLACE:
        replace(in, step, out);
        return LUD_OK;
    default:
        if (in.len) ludc_buf_add(out, step->to, step->to_len);
        ludc_buf_add(out, in.ptr, in.len);
        return LUD_OK;
    }
}

lud_status ludc_normalize(const ludc_steps *steps, lud_str in, ludc_buf *out, lud_error *err) {
    ludc_buf a = {0}, b = {0};
    ludc_buf_add(&a, in.ptr, in.len);
    lud_status status = LUD_OK;
    for (size_t i = 0; i < steps->len && status == LUD_OK; i++) {
        ludc_buf_clear(&b);
        status = apply(&steps->ptr[i], (lud_str){a.ptr, a.len}, &b, err);
        const ludc_buf swap = a;
        a = b;
        b = swap;
    }
    ludc_buf_add(out, a.ptr, a.len);
    if (status == LUD_OK && (a.failed || b.failed || out->failed))
        status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    ludc_buf_free(&a);
    ludc_buf_free(&b);
    return status;
}
