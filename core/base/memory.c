/* SPDX-License-Identifier: Apache-2.0
 * The allocation seam: 64-byte aligned, zeroed, counted, able to fail on demand. */
#include "base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

static atomic_uint_fast64_t allocations;
static atomic_int_fast64_t fail_countdown = -1;
static atomic_bool fail_forever;

uint64_t ludc_alloc_count(void) {
    return atomic_load(&allocations);
}

void ludc_alloc_fail_after(int64_t n, bool persistent) {
    atomic_store(&fail_forever, persistent);
    atomic_store(&fail_countdown, n);
}

static bool told_to_fail(void) {
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0) return false;
    const int64_t left = atomic_fetch_sub(&fail_countdown, 1);
    if (left > 0) return false;
    if (atomic_load(&fail_forever)) atomic_store(&fail_countdown, 0);
    return left == 0;
}

void *ludc_alloc_aligned(size_t n, size_t align) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    if (told_to_fail() || n > PTRDIFF_MAX) return NULL;
    void *p = NULL;
    if (posix_memalign(&p, LUDC_MAX(align, (size_t)ALIGNMENT), n ? n : 1) != 0) return NULL;
    memset(p, 0, n);
    return p;
}

void *ludc_alloc(size_t n) {
    return ludc_alloc_aligned(n, ALIGNMENT);
}

void *ludc_realloc(void *p, size_t old_n, size_t n) {
    void *q = ludc_alloc(n);
    if (!q) return NULL;
    if (p) memcpy(q, p, LUDC_MIN(old_n, n));
    ludc_free(p);
    return q;
}

bool ludc_grow(void *list, size_t len, size_t *cap, size_t item_size) {
    if (len < *cap) return true;
    const size_t more = LUDC_MAX(2 * *cap, (size_t)16);
    void *items;
    memcpy(&items, list, sizeof(items));
    items = ludc_realloc(items, len * item_size, more * item_size);
    if (!items) return false;
    memcpy(list, &items, sizeof(items));
    *cap = more;
    return true;
}

void ludc_free(void *p) {
    free(p);
}

char *ludc_strndup(const char *s, size_t n) {
    char *copy = n < SIZE_MAX ? ludc_alloc(n + 1) : NULL;
    if (copy && n) memcpy(copy, s, n);
    return copy;
}

char *ludc_strdup(const char *s) {
    return ludc_strndup(s, strlen(s));
}
