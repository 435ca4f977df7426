/* SPDX-License-Identifier: Apache-2.0
 * Character classes, normal forms and GPT-2's byte alphabet. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static int class_of(uint32_t cp) {
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return LUDC_CH_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return LUDC_CH_NUMBER;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return LUDC_CH_SPACE;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return LUDC_CH_MARK;
    default:
        return LUDC_CH_OTHER;
    }
}

int ludc_char_class(uint32_t cp) {
    if (cp < 0x80) {
        if ((cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z')) return LUDC_CH_LETTER;
        if (cp >= '0' && cp <= '9') return LUDC_CH_NUMBER;
        return cp == ' ' || (cp >= 9 && cp <= 13) ? LUDC_CH_SPACE : LUDC_CH_OTHER;
    }
    return cp == 0x85 ? LUDC_CH_SPACE : class_of(cp);
}

bool ludc_char_is_punctuation(uint32_t cp) {
    if (cp < 0x80) return cp > 32 && cp < 127 && ludc_char_class(cp) == LUDC_CH_OTHER;
    const utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

static bool stands_for_itself(unsigned b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

uint32_t ludc_byte_char(uint8_t byte) {
    if (stands_for_itself(byte)) return byte;
    uint32_t next = 0x100;
    for (unsigned b = 0; b < byte; b++)
        next += !stands_for_itself(b);
    return next;
}

int ludc_char_byte(uint32_t cp) {
    if (cp < 0x100) return stands_for_itself(cp) ? (int)cp : -1;
    uint32_t next = 0x100;
    for (unsigned b = 0; b < 0x100; b++)
        if (!stands_for_itself(b) && next++ == cp) return (int)b;
    return -1;
}

static lud_status map_text(lud_str in, int options, ludc_buf *out, lud_error *err) {
    utf8proc_uint8_t *mapped = NULL;
    const utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)in.ptr, (utf8proc_ssize_t)in.len, &mapped, (utf8proc_option_t)options);
    if (n < 0) return ludc_fail(err, LUD_E_DATA, "text: %s", utf8proc_errmsg(n));
    ludc_buf_add(out, mapped, (size_t)n);
    free(mapped);
    return LUD_OK;
}

lud_status ludc_unicode_normalize(const char *form, lud_str in, ludc_buf *out, lud_error *err) {
    const int compat = form[2] == 'K' ? UTF8PROC_COMPAT : 0;
    const int shape = form[strlen(form) - 1] == 'C' ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    return map_text(in, UTF8PROC_STABLE | compat | shape, out, err);
}

lud_status ludc_unicode_lower(lud_str in, ludc_buf *out, lud_error *err) {
    (void)err;
    for (size_t i = 0; i < in.len;) {
        uint32_t cp;
        char bytes[4];
        i += ludc_utf8_decode(in.ptr + i, in.len - i, &cp);
        if (cp == 0x130) {
            ludc_buf_add(out, "i\xCC\x87", 3); /* the one letter whose lower case is two characters */
            continue;
        }
        ludc_buf_add(out, bytes, ludc_utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), bytes));
    }
    return LUD_OK;
}

/* Bytes of the longest prefix that could begin a character (Unicode 3.9, "maximal subpart"). */
static size_t broken_part(const uint8_t *p, size_t n) {
    if (p[0] < 0xC2 || p[0] > 0xF4) return 1;
    const size_t want = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    size_t i = 1;
    for (; i < want && i < n && (p[i] & 0xC0) == 0x80; i++) {
        const bool low = i == 1 && ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90));
        const bool high = i == 1 && ((p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F));
        if (low || high) break;
    }
    return i;
}

void ludc_utf8_lossy(lud_str in, ludc_buf *out) {
    for (size_t i = 0; i < in.len;) {
        uint32_t cp;
        const size_t used = ludc_utf8_decode(in.ptr + i, in.len - i, &cp);
        if (cp == 0xFFFD && used == 1) {
            ludc_buf_add(out, "\xEF\xBF\xBD", 3);
            i += broken_part((const uint8_t *)in.ptr + i, in.len - i);
        } else {
            ludc_buf_add(out, in.ptr + i, used);
            i += used;
        }
    }
}
