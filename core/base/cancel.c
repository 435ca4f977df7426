/* SPDX-License-Identifier: Apache-2.0
 * Cancellation requests, set by a signal handler and polled everywhere; and the two clocks of a process. */
#include "base.h"

#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

static atomic_int requests;

void ludc_cancel_request(void) {
    atomic_fetch_add(&requests, 1);
}

void ludc_cancel_clear(void) {
    atomic_store(&requests, 0);
}

int ludc_cancel_requested(void) {
    return atomic_load(&requests);
}

double ludc_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t ludc_peak_rss(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}
