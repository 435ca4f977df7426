/* SPDX-License-Identifier: Apache-2.0
 * memory: the one seam through which core allocates. Invariant: blocks are 64-byte aligned and zeroed, and every
 * request is counted and can be made to fail, so that tests reach each out-of-memory path. Not a pool: it frees to
 * libc. */
#include "base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN     64
#define HUGE_PAGE ((size_t)2 << 20)
#define OFF       INT64_MIN

static _Atomic uint64_t total;
static _Atomic int64_t fail_in = OFF; /* allocations that still succeed */
static atomic_bool fail_on;

void ludc_alloc_fail_after(int64_t n, bool persistent) {
    atomic_store(&fail_on, persistent);
    atomic_store(&fail_in, n < 0 ? OFF : n);
}

uint64_t ludc_alloc_count(void) {
    return atomic_load_explicit(&total, memory_order_relaxed);
}

static bool must_fail(void) {
    atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
    if (atomic_load_explicit(&fail_in, memory_order_relaxed) == OFF) return false;
    int64_t left = atomic_fetch_sub(&fail_in, 1);
    if (left > 0) return false;
    if (left == 0) return true;
    if (atomic_load(&fail_on)) return true;
    atomic_store(&fail_in, OFF);
    return false;
}

void *ludc_alloc(size_t n) {
    void *p = NULL;
    if (must_fail() || posix_memalign(&p, ALIGN, n ? n : 1) != 0) return NULL;
    memset(p, 0, n ? n : 1);
    return p;
}

void *ludc_realloc(void *p, size_t old_n, size_t n) {
    void *q = NULL;
    if (must_fail() || posix_memalign(&q, ALIGN, n ? n : 1) != 0) return NULL;
    size_t keep = p ? LUDC_MIN(old_n, n) : 0;
    if (keep) memcpy(q, p, keep);
    memset((char *)q + keep, 0, n - keep);
    free(p);
    return q;
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

static size_t whole_pages(size_t n) {
    return (LUDC_MAX(n, (size_t)1) + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

void *ludc_arena_map(size_t n) {
    if (must_fail() || n > SIZE_MAX - 2 * HUGE_PAGE) return NULL;
    size_t size = whole_pages(n), all = size + HUGE_PAGE;
    char *raw = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return NULL;
    size_t head = (HUGE_PAGE - (uintptr_t)raw % HUGE_PAGE) % HUGE_PAGE;
    if (head) munmap(raw, head);
    if (all - head > size) munmap(raw + head + size, all - head - size);
    /* Only advice: without huge pages the arena is slower, not wrong. */
    (void)madvise(raw + head, size, MADV_HUGEPAGE);
    return raw + head;
}

void ludc_arena_unmap(void *p, size_t n) {
    if (p) munmap(p, whole_pages(n));
}
