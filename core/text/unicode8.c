/* SPDX-License-Identifier: Apache-2.0
 * unicode8: categories as of Unicode 8. The reference library asks an old table (the crate unicode_categories 0.1.1)
 * for the punctuation, the marks and the control characters of BERT; compared with it over all code points. */
#include "unicode.h"

#include <utf8proc.h>

/* These ranges hold no punctuation, nonspacing mark or format character of Unicode 8, but some of later versions. */
static const uint32_t newer[][2] = {
    {0x61D, 0x61D},     {0x7FD, 0x7FD},     {0x890, 0x8E2},     {0x9FD, 0x9FE},     {0xA76, 0xA76},
    {0xAFA, 0xAFF},     {0xB55, 0xB55},     {0xC04, 0xC3C},     {0xC77, 0xC77},     {0xC84, 0xC84},
    {0xD00, 0xD00},     {0xD3B, 0xD3C},     {0xD81, 0xD81},     {0xEBA, 0xEBA},     {0xECE, 0xECE},
    {0x180F, 0x1886},   {0x1ABF, 0x1ACE},   {0x1B7D, 0x1B7E},   {0x1DF6, 0x1DFB},   {0x2E43, 0x2E5D},
    {0xA82C, 0xA82C},   {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},   {0xA9BD, 0xA9BD},   {0x10D24, 0x10F89},
    {0x11070, 0x11074}, {0x110C2, 0x110CD}, {0x111CF, 0x111CF}, {0x1123E, 0x11241}, {0x1133B, 0x1133B},
    {0x11438, 0x1145E}, {0x11660, 0x1166C}, {0x116B9, 0x116B9}, {0x1182F, 0x11FFF}, {0x12FF1, 0x13455},
    {0x16E97, 0x16F4F}, {0x16FE2, 0x16FE4}, {0x1CF00, 0x1CF46}, {0x1E000, 0x1E4EF}, {0x1E944, 0x1E95F}};

static bool is_newer(uint32_t cp) {
    size_t lo = 0, hi = LUDC_COUNT(newer);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (newer[mid][1] < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < LUDC_COUNT(newer) && cp >= newer[lo][0];
}

bool ludc_is_punct8(uint32_t cp) {
    if (cp == 0x166D || cp == 0x111C9) return true; /* other categories since */
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO && !is_newer(cp);
}

bool ludc_is_nonspacing8(uint32_t cp) {
    if (cp == 0x1734) return true;
    if (cp < 0x300 || cp == 0x111C9) return false;
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_MN && !is_newer(cp);
}

bool ludc_is_other8(uint32_t cp) {
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    if (c == UTF8PROC_CATEGORY_CF) return !is_newer(cp);
    return c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CO;
}
