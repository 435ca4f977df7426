/* SPDX-License-Identifier: Apache-2.0
 * The thread pool: every chunk once, with the promised borders; teams and barriers; nested loops; cores that others
 * keep busy. To be run with the thread sanitizer too: the plain writes below are what the pool must order. */
#include <base.h>
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { MAX_ITEMS = 4096 };

typedef struct job {
    ludc_pool *pool;
    int64_t n, grain;
    int hits[MAX_ITEMS];
    int bad_borders; /* written by the chunk that saw it; read after the loop */
    int sum[64];
    int ranks[64];
} job;

static void hit(void *arg, int64_t begin, int64_t end) {
    job *j = arg;
    if (begin % j->grain != 0 || end != LUDC_MIN(begin + j->grain, j->n)) j->bad_borders = 1;
    for (int64_t i = begin; i < end; i++)
        j->hits[i]++;
}

static void test_for(ludc_pool *pool) {
    static job j;
    const int64_t sizes[] = {0, 1, 2, 7, 64, 1000, MAX_ITEMS}, grains[] = {1, 3, 64, 5000};
    for (size_t a = 0; a < LUDC_COUNT(sizes); a++)
        for (size_t b = 0; b < LUDC_COUNT(grains); b++) {
            j = (job){.n = sizes[a], .grain = grains[b]};
            ludc_pool_for(pool, j.n, j.grain, hit, &j);
            int wrong = j.bad_borders;
            for (int64_t i = 0; i < MAX_ITEMS; i++)
                wrong += j.hits[i] != (i < j.n);
            CHECK_INT(wrong, 0);
        }
}

static void many_small_loops(ludc_pool *pool) {
    static job j;
    j = (job){.n = 8, .grain = 1};
    for (int i = 0; i < 2000; i++)
        ludc_pool_for(pool, j.n, j.grain, hit, &j);
    for (int64_t i = 0; i < j.n; i++)
        CHECK_INT(j.hits[i], 2000);
}

/* Each rank writes its cell; after the barrier every rank reads all cells. */
static void step(void *arg, int32_t rank, int32_t size) {
    job *j = arg;
    j->ranks[rank]++;
    for (int round = 1; round <= 40; round++) {
        j->hits[rank] = round;
        ludc_pool_barrier(j->pool);
        for (int32_t other = 0; other < size; other++)
            j->sum[rank] += j->hits[other] != round;
        ludc_pool_barrier(j->pool);
    }
}

static void test_team(ludc_pool *pool) {
    static job j;
    j = (job){.pool = pool};
    for (int i = 0; i < 10; i++)
        ludc_pool_team(pool, step, &j);
    for (int rank = 0; rank < ludc_pool_size(pool); rank++) {
        CHECK_INT(j.ranks[rank], 10);
        CHECK_INT(j.sum[rank], 0);
    }
}

/* Longer than the threads spin: they must wake from the kernel. */
static void test_sleep(ludc_pool *pool) {
    for (int i = 0; i < 5; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        test_team(pool);
    }
}

static void nested(void *arg, int64_t begin, int64_t end) {
    job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        job inner = {.n = 10, .grain = 3};
        ludc_pool_for(j->pool, inner.n, inner.grain, hit, &inner);
        for (int k = 0; k < 10; k++)
            j->hits[i] += inner.hits[k];
    }
}

static void test_nested(ludc_pool *pool) {
    static job j;
    j = (job){.pool = pool};
    ludc_pool_for(pool, 50, 1, nested, &j);
    for (int i = 0; i < 50; i++)
        CHECK_INT(j.hits[i], 10);
}

static void *loops(void *pool) {
    job *j = calloc(1, sizeof *j);
    j->n = 100, j->grain = 7;
    for (int i = 0; i < 300; i++)
        ludc_pool_for(pool, j->n, j->grain, hit, j);
    const bool ok = !j->bad_borders && j->hits[0] == 300 && j->hits[99] == 300;
    free(j);
    return ok ? pool : NULL;
}

static void test_two_callers(ludc_pool *pool) {
    pthread_t thread;
    void *other = NULL;
    CHECK(pthread_create(&thread, NULL, loops, pool) == 0);
    CHECK(loops(pool) != NULL);
    CHECK(pthread_join(thread, &other) == 0 && other != NULL);
}

/* Threads that keep all cores busy, so that those of a team are late, and given cores, again and again. */
typedef struct crowd {
    ludc_pool *pool;
    atomic_bool stop;
    cpu_set_t allowed;
    int round[64], wrong[64], outside[64], restored[64];
} crowd;

static void *spin(void *arg) {
    crowd *c = arg;
    for (volatile int i = 0; !atomic_load(&c->stop); i++) {
    }
    return NULL;
}

static bool within(const cpu_set_t *set, const cpu_set_t *allowed) {
    cpu_set_t both;
    CPU_AND(&both, set, allowed);
    return CPU_EQUAL(&both, set);
}

static void crowded(void *arg, int32_t rank, int32_t size) {
    crowd *c = arg;
    cpu_set_t now;
    for (int i = 1; i <= 30; i++) {
        for (volatile int k = 0; k < 20000 * (rank + 1); k++) {
        }
        c->round[rank] = i;
        c->outside[rank] += sched_getaffinity(0, sizeof now, &now) != 0 || !within(&now, &c->allowed);
        ludc_pool_barrier(c->pool);
        for (int32_t other = 0; other < size; other++)
            c->wrong[rank] += c->round[other] != i;
        ludc_pool_barrier(c->pool);
    }
}

static void own_cores(void *arg, int32_t rank, int32_t size) {
    crowd *c = arg;
    cpu_set_t now;
    (void)size;
    for (int i = 0; i < 200; i++) { /* it may have been given another's core just now */
        ludc_pool_barrier(c->pool);
        c->restored[rank] |= sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &c->allowed);
    }
}

static void test_crowd(int threads, int hogs) {
    static crowd c;
    c = (crowd){.pool = ludc_pool_new(threads)};
    pthread_t hog[8];
    CHECK(sched_getaffinity(0, sizeof c.allowed, &c.allowed) == 0);
    for (int i = 0; i < hogs; i++)
        CHECK(pthread_create(&hog[i], NULL, spin, &c) == 0);
    for (int i = 0; i < 2; i++) {
        cpu_set_t after;
        ludc_pool_team(c.pool, crowded, &c);
        CHECK(sched_getaffinity(0, sizeof after, &after) == 0 && CPU_EQUAL(&after, &c.allowed));
    }
    atomic_store(&c.stop, true);
    for (int i = 0; i < hogs; i++)
        pthread_join(hog[i], NULL);
    ludc_pool_team(c.pool, own_cores, &c);
    for (int rank = 0; rank < threads; rank++) {
        CHECK_INT(c.wrong[rank], 0);
        CHECK_INT(c.outside[rank], 0);
        CHECK(c.restored[rank]);
    }
    ludc_pool_free(c.pool);
}

/* What the process may use is never widened, even by threads that make room for each other. */
static void test_crowd_on_one_core(void) {
    cpu_set_t all, one;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    size_t core = 0;
    while (!CPU_ISSET(core, &all))
        core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    test_crowd(2, 1);
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

int main(void) {
    for (int threads = 1; threads <= 4; threads++) {
        ludc_pool *pool = ludc_pool_new(threads);
        CHECK_INT(ludc_pool_size(pool), threads);
        test_for(pool);
        many_small_loops(pool);
        test_team(pool);
        test_sleep(pool);
        test_nested(pool);
        test_two_callers(pool);
        ludc_pool_free(pool);
    }
    test_crowd(2, 2);
    test_crowd(3, 4);
    test_crowd_on_one_core();
    setenv("LUDWIG_THREADS", "3", 1);
    ludc_pool *pool = ludc_pool_new(0);
    CHECK_INT(ludc_pool_size(pool), 3);
    ludc_pool_free(pool);
    unsetenv("LUDWIG_THREADS");
    pool = ludc_pool_new(0);
    CHECK(ludc_pool_size(pool) >= 1);
    ludc_pool_free(pool);
    ludc_pool_free(NULL);
    ludc_alloc_fail_after(0, true);
    CHECK(ludc_pool_new(2) == NULL);
    ludc_alloc_fail_after(-1, false);
    return check_done();
}
