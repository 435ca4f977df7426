/* SPDX-License-Identifier: Apache-2.0
 * clock: elapsed time and peak memory of this process, for reports. Never an input of a computation. */
#include "base.h"

#include <sys/resource.h>
#include <time.h>

double ludc_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t ludc_peak_rss(void) {
    struct rusage use;
    return getrusage(RUSAGE_SELF, &use) == 0 ? (uint64_t)use.ru_maxrss * 1024u : 0; /* Linux counts KiB */
}
