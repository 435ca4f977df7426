/* SPDX-License-Identifier: Apache-2.0
 * bench_peak [threads]: the peaks of this machine as one JSON object, for compare.py. */
#include "peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const int threads = argc > 1 ? atoi(argv[1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    const bench_peaks p = bench_measure_peaks(threads);
    printf("{\"threads\": %d, \"fp32\": %.4g, \"bf16\": %.4g, \"int8\": %.4g, \"read\": %.4g}\n", threads, p.fp32,
           p.bf16, p.int8, p.read);
    return 0;
}
