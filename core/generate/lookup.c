/* SPDX-License-Identifier: Apache-2.0
 * Drafts by looking up: what followed the last tokens when they stood in the text before (Saxena 2023, "prompt lookup
 * decoding"; transformers' prompt_lookup_num_tokens). The latest such place counts, of the longest match. */
#include "internal.h"

#include <string.h>

enum { MATCH_MOST = 3, MATCH_LEAST = 2 };

/* The end of the last place before `end` where the `n` ids before `end` stand; 0: none. */
static size_t last_match(const int32_t *ids, size_t end, size_t n) {
    for (size_t at = end - 1; at >= n; at--)
        if (memcmp(ids + at - n, ids + end - n, n * sizeof *ids) == 0) return at;
    return 0;
}

size_t ludc_lookup(const ludc_ids *seen, size_t most, size_t *from) {
    for (size_t n = MATCH_MOST; n >= MATCH_LEAST && most > 0; n--) {
        *from = seen->len > n ? last_match(seen->ptr, seen->len, n) : 0;
        if (*from) return LUDC_MIN(most, seen->len - *from);
    }
    return 0;
}
