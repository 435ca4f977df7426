/* SPDX-License-Identifier: Apache-2.0
 * Segment offsets, read safely: segment s holds the tokens [offsets[s], offsets[s + 1]). */
#ifndef CPU_SEGMENTS_H
#define CPU_SEGMENTS_H

#include "ops.h"

/* Offsets must rise from >= 0 to <= T. Every thread checks the same data and takes the same way. */
ALWAYS_INLINE bool segments_ok(cpu_worker *w, const cpu_step *s, const int32_t *offsets, int64_t n, int64_t tokens) {
    for (int64_t i = 0; i <= n; i++) {
        int64_t low = i ? offsets[i - 1] : 0;
        if (offsets[i] < low || offsets[i] > tokens) {
            cpu_fail(w, s, "segment offset %d at %lld is not in [%lld, %lld]", offsets[i], (long long)i, (long long)low,
                     (long long)tokens);
            return false;
        }
    }
    return n >= 0;
}

typedef struct segments {
    const int32_t *offsets;
    int64_t n, tokens;
} segments;

/* Segments in input i of a step over so many tokens; pooled: a tensor with one row for each of them, or NULL. */
ALWAYS_INLINE bool segments_of(cpu_worker *w, const cpu_step *s, int i, int64_t tokens, const cpu_ref *pooled,
                               segments *out) {
    *out = (segments){cpu_in_i32(s, i), cpu_dim(w, &s->in[i], 0) - 1, tokens};
    if (pooled && cpu_dim(w, pooled, 0) != out->n) {
        cpu_fail(w, s, "%lld segments, but %lld rows", (long long)out->n, (long long)cpu_dim(w, pooled, 0));
        return false;
    }
    return segments_ok(w, s, out->offsets, out->n, tokens);
}

/* The segment of token t, searched from s on; n if it is in none. */
ALWAYS_INLINE int64_t segment_at(const segments *g, int64_t t, int64_t s) {
    while (s < g->n && t >= g->offsets[s + 1])
        s++;
    return s;
}
ALWAYS_INLINE bool segment_has(const segments *g, int64_t s, int64_t t) {
    return s < g->n && t >= g->offsets[s];
}
/* The first segment that ends after token t. */
ALWAYS_INLINE int64_t segment_seek(const segments *g, int64_t t) {
    int64_t low = 0, high = g->n;
    while (low < high) {
        int64_t mid = (low + high) / 2;
        if (g->offsets[mid + 1] > t)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}
/* Segments in a piece of about ELEMENT_GRAIN elements of c columns. */
ALWAYS_INLINE int64_t segment_grain(const segments *g, int64_t c) {
    return CPU_MAX(ELEMENT_GRAIN / CPU_MAX(c * g->tokens / CPU_MAX(g->n, 1), 1), 1);
}

#endif
