/* SPDX-License-Identifier: Apache-2.0
 * The allocation seam: zeroed, counted, able to fail on demand; 64-byte aligned from 256 bytes on. Trees are made of
 * nodes and texts below that, for which aligned memory takes longer than all else that is done with them. */
#include "base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64
#define SMALL     256

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

static bool may_take(size_t n) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return !told_to_fail() && n <= PTRDIFF_MAX;
}

void *ludc_alloc_aligned(size_t n, size_t align) {
    void *p = NULL;
    if (!may_take(n) || posix_memalign(&p, LUDC_MAX(align, (size_t)ALIGNMENT), n ? n : 1) != 0) return NULL;
    return memset(p, 0, n);
}

void *ludc_alloc(size_t n) {
    if (n >= SMALL) return ludc_alloc_aligned(n, ALIGNMENT);
    void *p = may_take(n) ? malloc(n ? n : 1) : NULL;
    return p ? memset(p, 0, n) : NULL;
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
