/* SPDX-License-Identifier: Apache-2.0
 * One pool of threads. A job is one function run by every thread (the caller is rank 0); parallel loops hand out chunks
 * by an atomic counter inside such a job, so what a chunk computes never depends on who takes it. Waiting spins for a
 * short while, then sleeps on a futex. Where another process takes a core, the thread that is waited for may be off it
 * for a whole tick of the scheduler (4 ms), which leaves it there while a core idles for less: so a thread that waits
 * for one that does not run gives it its own core, and queues for another itself. */
#include "base.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPIN_SECONDS 40e-6  /* a sleeping thread takes about as long to wake up */
#define LATE_SECONDS 120e-6 /* at a barrier: what interrupts a thread of a quiet machine is over by then */
#define NAP_NS       300000 /* asleep at a barrier: how often to look whether the others run */
#define JOB_SECONDS  400e-6 /* what may lie between two jobs: choosing a token between two runs */
#define MAX_THREADS  256

/* Where a thread of the team may run. AWAY: not to be touched, outside of a job. MOVING: somebody decides just now. */
enum { AWAY, HOME /* as ever */, GONE /* to another core, by itself */, CALLED /* to the core of another */, MOVING };

typedef struct worker {
    _Alignas(64) atomic_uint at; /* the barrier that it came to */
    atomic_int place;
    pthread_t thread; /* for who made it */
    pthread_t self;   /* for the others, unless AWAY */
    cpu_set_t cores;  /* at HOME; known while GONE or CALLED */
    ludc_pool *pool;
    int32_t rank;
} worker;

static _Thread_local int32_t own_rank; /* inside a job */

struct ludc_pool {
    int size;
    worker workers[MAX_THREADS];
    void (*fn)(void *, int32_t, int32_t);
    void *arg;
    atomic_uint job;      /* grows by one per job; workers wait for it to change */
    atomic_uint arrived;  /* at the barrier */
    atomic_uint phase;    /* of the barrier */
    atomic_uint sleepers; /* threads that may wait in the kernel */
    atomic_bool busy;     /* a job runs */
    atomic_bool stop;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool changes_soon(atomic_uint *word, unsigned old, double patience) {
    const double begin = ludc_now();
    for (double waited = 0; waited < patience; waited = ludc_now() - begin) {
        for (int i = 0; i < 32; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != old) return true;
            relax();
        }
    }
    return false;
}

/* Until the word is changed, or so long. */
static void sleep_on(ludc_pool *p, atomic_uint *word, unsigned old, const struct timespec *longest) {
    atomic_fetch_add(&p->sleepers, 1);
    if (atomic_load(word) == old) syscall(SYS_futex, (unsigned *)word, FUTEX_WAIT_PRIVATE, old, longest, NULL, 0);
    atomic_fetch_sub(&p->sleepers, 1);
}

static void wait_job(ludc_pool *p, unsigned seen) {
    const double begin = ludc_now();
    while (!changes_soon(&p->job, seen, SPIN_SECONDS)) {
        if (ludc_now() - begin > JOB_SECONDS)
            sleep_on(p, &p->job, seen, NULL);
        else
            sched_yield();
    }
}

/* After a sequentially consistent change of the word: a thread that is not yet counted here sees the new value before
 * it sleeps. */
static void wake_all(ludc_pool *p, atomic_uint *word) {
    if (atomic_load(&p->sleepers) == 0) return;
    syscall(SYS_futex, (unsigned *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* ---- Cores ---- */
/* A thread's clock goes on while it is on a core, and only then. */
static bool runs(const worker *w) {
    clockid_t id;
    struct timespec a, b;
    if (pthread_getcpuclockid(w->self, &id) != 0 || clock_gettime(id, &a) != 0 || clock_gettime(id, &b) != 0)
        return true;
    return a.tv_nsec != b.tv_nsec || a.tv_sec != b.tv_sec;
}

/* False: another one has it, or it is not to be touched. */
static bool claim(worker *w, int *place) {
    *place = atomic_load(&w->place);
    return *place != AWAY && *place != MOVING && atomic_compare_exchange_strong(&w->place, place, MOVING);
}

static bool learn_cores(worker *w, int place) {
    return place != HOME || pthread_getaffinity_np(w->self, sizeof w->cores, &w->cores) == 0;
}

/* A thread that is in the queue of another core changes over at once. False: it stays where it is. */
static bool call_here(worker *w, size_t core) {
    int place;
    if (!claim(w, &place)) return false;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(core, &here);
    const bool comes = place != CALLED && !runs(w) && learn_cores(w, place) && CPU_ISSET(core, &w->cores) &&
                       pthread_setaffinity_np(w->self, sizeof here, &here) == 0;
    atomic_store(&w->place, comes ? CALLED : place);
    return comes;
}

/* The thread itself: it may run where it did before, and stays where it is. The one that has it may be waiting for this
 * core. */
static void settle(worker *w, int as) {
    for (int place; (place = atomic_load(&w->place)) != as;) {
        if (!claim(w, &place)) {
            sched_yield();
            continue;
        }
        if (place != HOME) pthread_setaffinity_np(w->self, sizeof w->cores, &w->cores);
        atomic_store(&w->place, as);
    }
}

/* To the queue of any other core. Not MOVING meanwhile: the thread may be waited for, and called, before it runs. */
static void go_elsewhere(worker *w, size_t core) {
    int place;
    if (!claim(w, &place)) return;
    const bool known = learn_cores(w, place);
    cpu_set_t others = w->cores;
    CPU_CLR(core, &others);
    atomic_store(&w->place, known ? GONE : place);
    if (known) pthread_setaffinity_np(w->self, sizeof others, &others); /* refuses an empty set */
    settle(w, HOME);
}

static void enter(worker *w) {
    own_rank = w->rank;
    w->self = pthread_self();
    atomic_store(&w->place, HOME);
}

/* The first that has not come to the barrier gets this core if it has none. */
static bool make_room(ludc_pool *p, unsigned phase) {
    const int core = sched_getcpu();
    for (int i = 1; i < p->size && core >= 0; i++) {
        worker *w = &p->workers[(own_rank + i) % p->size];
        if (atomic_load(&w->at) == phase + 1) continue;
        if (!call_here(w, (size_t)core)) return false;
        go_elsewhere(&p->workers[own_rank], (size_t)core);
        return true;
    }
    return false;
}

static void wait_team(ludc_pool *p, unsigned phase) {
    const struct timespec nap = {.tv_nsec = NAP_NS};
    while (!changes_soon(&p->phase, phase, LATE_SECONDS))
        if (!make_room(p, phase)) sleep_on(p, &p->phase, phase, &nap);
}

/* The last one to come to the barrier opens it. */
static bool came_last(ludc_pool *p, unsigned phase) {
    worker *w = &p->workers[own_rank];
    settle(w, HOME);
    atomic_store_explicit(&w->at, phase + 1, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) + 1 < (unsigned)p->size) return false;
    atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
    atomic_fetch_add(&p->phase, 1);
    wake_all(p, &p->phase);
    return true;
}

/* ---- Jobs ---- */
static void *work(void *arg) {
    worker *w = arg;
    ludc_pool *p = w->pool;
    enter(w);
    for (unsigned seen = 0;;) {
        wait_job(p, seen);
        seen = atomic_load_explicit(&p->job, memory_order_acquire);
        if (atomic_load(&p->stop)) break;
        p->fn(p->arg, w->rank, p->size);
        came_last(p, atomic_load_explicit(&p->phase, memory_order_acquire)); /* nothing to wait for but a job */
    }
    settle(w, AWAY);
    return NULL;
}

/* Threads beyond the quota of a container would stop each other for whole scheduling periods. */
static int quota_cores(void) {
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    long quota = 0, period = 0;
    const bool limited = f && fscanf(f, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0;
    if (f) fclose(f);
    return limited ? (int)LUDC_MIN((quota + period - 1) / period, MAX_THREADS) : MAX_THREADS;
}

static int usable_cores(void) {
    cpu_set_t set;
    const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return LUDC_MIN(cores, quota_cores());
}

static int wanted_threads(int threads) {
    const char *env = getenv("LUDWIG_THREADS");
    if (threads <= 0 && env) threads = atoi(env);
    if (threads <= 0) threads = usable_cores();
    return LUDC_MIN(LUDC_MAX(threads, 1), MAX_THREADS);
}

/* Signals are for the threads of the program. */
static int start(worker *w) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

ludc_pool *ludc_pool_new(int threads) {
    ludc_pool *p = ludc_alloc(sizeof(*p));
    if (!p) return NULL;
    const int want = wanted_threads(threads);
    p->size = want;
    for (int i = 1; i < want; i++) {
        p->workers[i] = (worker){.pool = p, .rank = i};
        if (start(&p->workers[i]) == 0) continue;
        p->size = i; /* fewer threads are enough */
        break;
    }
    return p;
}

void ludc_pool_free(ludc_pool *p) {
    if (!p) return;
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->job, 1);
    wake_all(p, &p->job);
    for (int i = 1; i < p->size; i++)
        pthread_join(p->workers[i].thread, NULL);
    ludc_free(p);
}

int ludc_pool_size(const ludc_pool *p) {
    return p->size;
}

static void run_job(ludc_pool *p, void (*fn)(void *, int32_t, int32_t), void *arg) {
    p->fn = fn;
    p->arg = arg;
    const int32_t rank_before = own_rank; /* in another pool */
    enter(&p->workers[0]);
    atomic_fetch_add(&p->job, 1);
    wake_all(p, &p->job);
    fn(arg, 0, p->size);
    ludc_pool_barrier(p);
    settle(&p->workers[0], AWAY);
    own_rank = rank_before;
}

void ludc_pool_team(ludc_pool *p, void (*fn)(void *, int32_t, int32_t), void *arg) {
    if (p->size == 1) {
        fn(arg, 0, 1);
        return;
    }
    atomic_store(&p->busy, true);
    run_job(p, fn, arg);
    atomic_store(&p->busy, false);
}

void ludc_pool_barrier(ludc_pool *p) {
    if (p->size == 1) return;
    const unsigned phase = atomic_load_explicit(&p->phase, memory_order_acquire);
    if (!came_last(p, phase)) wait_team(p, phase);
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
    /* A loop inside of a job, or from a second thread, runs here alone: the chunks are the same. */
    if (n <= l.grain || p->size == 1 || atomic_exchange(&p->busy, true)) {
        take_chunks(&l, 0, 1);
        return;
    }
    run_job(p, take_chunks, &l);
    atomic_store(&p->busy, false);
}
