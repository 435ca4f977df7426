/* SPDX-License-Identifier: Apache-2.0
 * The items of a set or bag cell: a JSON list, or Ludwig's tokenizers space (at blanks), comma (at commas, blanks
 * around them dropped) and space_punct (words, and every other character for itself). Empty items are none. */
#include "feature_internal.h"

#include <config.h>

/* Ranges of characters beyond ASCII that are no letters or digits; a table of what texts hold, not of all of Unicode.
 */
static const struct {
    uint32_t first, last;
} marks[] = {{0x00A1, 0x00A9}, {0x00AB, 0x00B1}, {0x00B4, 0x00B4},  {0x00B6, 0x00B8}, {0x00BB, 0x00BB},
             {0x00BF, 0x00BF}, {0x00D7, 0x00D7}, {0x00F7, 0x00F7},  {0x2010, 0x2027}, {0x2030, 0x205E},
             {0x20A0, 0x20CF}, {0x2190, 0x245F}, {0x2500, 0x2BFF},  {0x2E00, 0x2E7F}, {0x3001, 0x3003},
             {0x3008, 0x3020}, {0xFE10, 0xFE6F}, {0xFF01, 0xFF0F},  {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40},
             {0xFF5B, 0xFF65}, {0xFFFC, 0xFFFD}, {0x1F000, 0x1FAFF}};

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_word(uint32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
    for (size_t i = 0; i < LUDC_COUNT(marks); i++)
        if (c >= marks[i].first && c <= marks[i].last) return false;
    return !is_space(c);
}

static lud_status item(ludc_item_fn fn, void *arg, lud_str text, size_t begin, size_t end) {
    const lud_str s = ludc_str_trim((lud_str){text.ptr + begin, end - begin});
    return s.len ? fn(arg, s) : LUD_OK;
}

static lud_status plain_items(lud_str text, int how, ludc_item_fn fn, void *arg) {
    size_t begin = 0;
    for (size_t i = 0, used; i < text.len; i += used) {
        uint32_t c;
        used = ludc_utf8_decode(text.ptr + i, text.len - i, &c);
        const bool alone = how == LUDC_SPLIT_SPACE_PUNCT && !is_word(c) && !is_space(c);
        if (how == LUDC_SPLIT_COMMA ? c != ',' : !alone && !is_space(c)) continue;
        LUDC_TRY(item(fn, arg, text, begin, i));
        if (alone) LUDC_TRY(item(fn, arg, text, i, i + used));
        begin = i + used;
    }
    return item(fn, arg, text, begin, text.len);
}

static lud_status list_items(const ludc_value *list, ludc_item_fn fn, void *arg) {
    ludc_buf json = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < list->len && status == LUD_OK; i++) {
        const ludc_value *v = list->items[i];
        ludc_buf_clear(&json);
        if (v->type == LUD_CFG_STR)
            status = item(fn, arg, v->u.s, 0, v->u.s.len);
        else if (!ludc_is_null(v) && (status = ludc_value_to_json(v, -1, &json)) == LUD_OK)
            status = fn(arg, (lud_str){json.ptr, json.len});
    }
    ludc_buf_free(&json);
    return status;
}

lud_status ludc_items(lud_str text, int how, ludc_item_fn fn, void *arg) {
    ludc_value *list = NULL;
    text = ludc_str_trim(text);
    if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        ludc_json_parse(text.ptr, text.len, "", false, true, &list, NULL); /* no list: a text like another */
    const lud_status status = list ? list_items(list, fn, arg) : plain_items(text, how, fn, arg);
    ludc_value_free(list);
    return status;
}

static uint32_t lower(uint32_t c) {
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7)) return c + 32;
    if ((c >= 0x0391 && c <= 0x03AB && c != 0x03A2) || (c >= 0x0410 && c <= 0x042F)) return c + 32;
    if (c >= 0x0400 && c <= 0x040F) return c + 80;
    if (c == 0x0178) return 0xFF;
    /* Pairs of Latin Extended-A and Cyrillic: the capital is even, in two stretches odd. */
    const bool odd = (c >= 0x0139 && c <= 0x0148) || (c >= 0x0179 && c <= 0x017E);
    const bool pair = (c >= 0x0100 && c <= 0x0177 && c != 0x0130 && c != 0x0131 && c != 0x0138) || odd ||
                      (c >= 0x0460 && c <= 0x0481) || (c >= 0x048A && c <= 0x04BF);
    return pair && (c & 1) == odd ? c + 1 : c;
}

void ludc_lower(lud_str s, ludc_buf *out) {
    ludc_buf_add(out, "", 0);
    for (size_t i = 0, used; i < s.len; i += used) {
        uint32_t c;
        char bytes[4];
        used = ludc_utf8_decode(s.ptr + i, s.len - i, &c);
        ludc_buf_add(out, bytes, ludc_utf8_encode(lower(c), bytes));
    }
}
