/* SPDX-License-Identifier: Apache-2.0
 * One pool of threads. A job is one function run by every thread (the caller is rank 0); parallel loops hand out chunks
 * by an atomic counter inside such a job, so what a chunk computes never depends on who takes it. Waiting spins for a
 * short while, then sleeps on a futex. */
#include "base.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS       4000 /* about 20-50 us */
#define MAX_THREADS 256

typedef struct worker {
    pthread_t thread;
    ludc_pool *pool;
    int32_t rank;
} worker;

struct ludc_pool {
    int size;
    worker workers[MAX_THREADS];
    void (*fn)(void *, int32_t, int32_t);
    void *arg;
    atomic_uint job;     /* grows by one per job; workers wait for it to change */
    atomic_uint done;    /* workers that finished the current job */
    atomic_uint arrived; /* at the barrier */
    atomic_uint phase;   /* of the barrier */
    atomic_bool stop;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void wait_change(atomic_uint *word, unsigned old) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old) return;
        relax();
    }
    while (atomic_load_explicit(word, memory_order_acquire) == old)
        syscall(SYS_futex, (unsigned *)word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

static void wake_all(atomic_uint *word) {
    syscall(SYS_futex, (unsigned *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *work(void *arg) {
    worker *w = arg;
    ludc_pool *p = w->pool;
    for (unsigned seen = 0;;) {
        wait_change(&p->job, seen);
        seen = atomic_load_explicit(&p->job, memory_order_acquire);
        if (atomic_load(&p->stop)) return NULL;
        p->fn(p->arg, w->rank, p->size);
        if (atomic_fetch_add_explicit(&p->done, 1, memory_order_acq_rel) + 1 == (unsigned)p->size - 1)
            wake_all(&p->done);
    }
}

static int wanted_threads(int threads) {
    const char *env = getenv("LUDWIG_THREADS");
    if (threads <= 0 && env) threads = atoi(env);
    cpu_set_t set;
    if (threads <= 0) threads = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return LUDC_MIN(LUDC_MAX(threads, 1), MAX_THREADS);
}

ludc_pool *ludc_pool_new(int threads) {
    ludc_pool *p = ludc_alloc(sizeof(*p));
    if (!p) return NULL;
    const int want = wanted_threads(threads);
    p->size = want;
    for (int i = 1; i < want; i++) {
        p->workers[i] = (worker){.pool = p, .rank = i};
        if (pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i]) == 0) continue;
        p->size = i; /* fewer threads are enough */
        break;
    }
    return p;
}

void ludc_pool_free(ludc_pool *p) {
    if (!p) return;
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->job, 1);
    wake_all(&p->job);
    for (int i = 1; i < p->size; i++)
        pthread_join(p->workers[i].thread, NULL);
    ludc_free(p);
}

int ludc_pool_size(const ludc_pool *p) {
    return p->size;
}

void ludc_pool_team(ludc_pool *p, void (*fn)(void *, int32_t, int32_t), void *arg) {
    if (p->size == 1) {
        fn(arg, 0, 1);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    atomic_store(&p->done, 0);
    atomic_fetch_add_explicit(&p->job, 1, memory_order_acq_rel);
    wake_all(&p->job);
    fn(arg, 0, p->size);
    for (unsigned seen; (seen = atomic_load_explicit(&p->done, memory_order_acquire)) != (unsigned)p->size - 1;)
        wait_change(&p->done, seen);
}

void ludc_pool_barrier(ludc_pool *p) {
    const unsigned phase = atomic_load_explicit(&p->phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) + 1 < (unsigned)p->size) {
        wait_change(&p->phase, phase);
        return;
    }
    atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->phase, 1, memory_order_acq_rel);
    wake_all(&p->phase);
}

typedef struct loop {
    atomic_int_fast64_t next;
    int64_t n, grain;
    void (*fn)(void *, int64_t, int64_t);
    void *arg;
} loop;

static void take_chunks(void *arg, int32_t rank, int32_t size) {
    (void)rank, (void)size;
    loop *l = arg;
    for (int64_t begin; (begin = atomic_fetch_add_explicit(&l->next, l->grain, memory_order_relaxed)) < l->n;)
        l->fn(l->arg, begin, LUDC_MIN(begin + l->grain, l->n));
}

void ludc_pool_for(ludc_pool *p, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t), void *arg) {
    loop l = {.n = n, .grain = LUDC_MAX(grain, 1), .fn = fn, .arg = arg};
    if (n <= l.grain || p->size == 1)
        take_chunks(&l, 0, 1);
    else
        ludc_pool_team(p, take_chunks, &l);
}
