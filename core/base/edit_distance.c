/* SPDX-License-Identifier: Apache-2.0
 * edit_distance: which known word did the user mean? Damerau-Levenshtein distance with adjacent transpositions counted
 * once (optimal string alignment), over bytes. Words beyond MAX_WORD are never near anything. */
#include "base.h"

#include <string.h>

#define MAX_WORD 128

int ludc_edit_distance(lud_str a, lud_str b) {
    if (a.len > MAX_WORD || b.len > MAX_WORD) return ludc_str_same(a, b) ? 0 : INT32_MAX;
    int rows[3][MAX_WORD + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        before[j] = last[j] = row[j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            int change = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = LUDC_MIN(change, LUDC_MIN(last[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped) row[j] = LUDC_MIN(row[j], before[j - 2] + 1);
        }
        int *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

const char *ludc_nearest(lud_str word, const char *const *names, size_t n) {
    const char *best = NULL;
    int limit = word.len < 5 ? 1 : 2;
    for (size_t i = 0; i < n; i++) {
        int distance = names[i] ? ludc_edit_distance(word, ludc_str(names[i])) : INT32_MAX;
        if (distance > limit) continue;
        best = names[i];
        limit = distance - 1;
    }
    return best;
}
