/* SPDX-License-Identifier: Apache-2.0
 * What this processor can do at best, measured: multiply-add loops in registers, reading of memory. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

/* All with `threads` threads. Operations per second (a multiply-add counts two), bytes per second; 0: not there. */
typedef struct bench_peaks {
    double fp32, bf16, int8, read;
} bench_peaks;
bench_peaks bench_measure_peaks(int threads);
double bench_measure_read(int threads); /* that of reading alone */

#endif
