/* SPDX-License-Identifier: Apache-2.0
 * What the processor can do: the rate of multiply-adds that stay in registers. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <ludwig/lud.h>
#include <stdbool.h>

/* GFLOP/s of so many threads; bf16: of products of bf16 pairs, where there are any. 0: unknown. */
double bench_peak(const lud_host *, int threads, bool bf16);

#endif
