/* SPDX-License-Identifier: Apache-2.0
 * unicode: character classes, GPT-2's byte map, lossy UTF-8, lower case. utf8proc 2.8 knows Unicode 14: characters
 * added later count as unassigned here, whereas the reference library may know them. */
#include "unicode.h"

#include <utf8proc.h>

bool ludc_is_space(uint32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Other_Alphabetic among symbols (circled letters), and Join_Control: \w, though no letters, marks or digits. */
static bool is_odd_word(uint32_t c) {
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C || c == 0x200D;
}

static bool is_ascii_punct(uint32_t c) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

uint8_t ludc_class_of(uint32_t cp) {
    unsigned c = 0;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        c = LUDC_C_LETTER | LUDC_C_WORD;
        break;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        c = LUDC_C_MARK | LUDC_C_WORD;
        break;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
        c = LUDC_C_NUMBER | LUDC_C_WORD;
        break;
    case UTF8PROC_CATEGORY_NO:
        c = LUDC_C_NUMBER;
        break;
    case UTF8PROC_CATEGORY_PC:
        c = LUDC_C_WORD;
        break;
    default:
        break;
    }
    if (is_ascii_punct(cp) || ludc_is_punct8(cp)) c |= LUDC_C_BERT_PUNCT;
    if (is_odd_word(cp)) c |= LUDC_C_WORD;
    if (ludc_is_space(cp)) c |= LUDC_C_SPACE;
    if (cp == '\r' || cp == '\n') c |= LUDC_C_NEWLINE;
    return (uint8_t)c;
}

void ludc_classes_init(ludc_classes *t) {
    for (uint32_t c = 0; c < LUDC_CLASSES_LOW; c++)
        t->low[c] = ludc_class_of(c);
}

/* Length of the valid character at s, or 0; *bad: length of the maximal invalid part then. */
static size_t valid_char(const unsigned char *s, size_t n, size_t *bad) {
    static const struct {
        uint8_t first, last, lo, hi, len;
    } form[] = {{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    *bad = 1;
    for (size_t k = 0; k < LUDC_COUNT(form); k++) {
        if (s[0] < form[k].first || s[0] > form[k].last) continue;
        for (size_t i = 1; i < form[k].len; i++) {
            uint8_t lo = i == 1 ? form[k].lo : 0x80, hi = i == 1 ? form[k].hi : 0xBF;
            if (i >= n || s[i] < lo || s[i] > hi) return *bad = i, (size_t)0;
        }
        return form[k].len;
    }
    return 0;
}

void ludc_utf8_lossy(const char *s, size_t n, ludc_buf *out) {
    size_t start = 0, bad = 0;
    for (size_t i = 0; i < n;) {
        size_t len = valid_char((const unsigned char *)s + i, n - i, &bad);
        if (len) {
            i += len;
            continue;
        }
        ludc_buf_add(out, s + start, i - start);
        ludc_buf_add(out, "\xEF\xBF\xBD", 3);
        i += bad;
        start = i;
    }
    ludc_buf_add(out, s + start, n - start);
}

static bool maps_to_itself(uint32_t b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD && b <= 0xFF);
}

uint32_t ludc_byte_char(uint8_t byte) {
    if (maps_to_itself(byte)) return byte;
    if (byte <= 0x20) return 0x100U + byte;
    return byte == 0xAD ? 0x143U : 0x121U + byte - 0x7FU;
}

int ludc_char_byte(uint32_t cp) {
    if (cp < 0x100) return maps_to_itself(cp) ? (int)cp : -1;
    if (cp < 0x121) return (int)cp - 0x100;        /* 00-20 */
    if (cp < 0x143) return (int)cp - 0x121 + 0x7F; /* 7F-A0 */
    return cp == 0x143 ? 0xAD : -1;
}

void ludc_lowercase(uint32_t cp, ludc_buf *out) {
    if (cp == 0x130) { /* the only character whose lower case is two */
        ludc_buf_add(out, "i\xCC\x87", 3);
        return;
    }
    char u[4];
    utf8proc_int32_t low = utf8proc_tolower((utf8proc_int32_t)cp);
    ludc_buf_add(out, u, ludc_utf8_encode((uint32_t)low, u));
}
