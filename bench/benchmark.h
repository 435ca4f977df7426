/* SPDX-License-Identifier: Apache-2.0
 * What `ludwig benchmark` measures: our side alone, on any machine, without a download. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include "peak.h"
#include <model.h>

/* One kind of work. [0] fp32, [1] bf16; 0: not measured. share: of the peak. */
typedef struct bench_figure {
    char what[64];
    const char *unit;
    double rate[2], share[2], mib[2];
} bench_figure;

typedef struct bench_report {
    char device[256];
    int threads;
    bench_peaks peaks;
    double busy; /* cores that other processes kept busy meanwhile */
    bench_figure figures[24];
    size_t n;
} bench_report;

/* model: a folder or a GGUF file; NULL: one of SmolLM2-135M's shape with random values, in TMPDIR while it runs. */
lud_status bench_everything(const ludc_host_opts *, const char *model, bench_report *, lud_error *);
/* What one token of decoding reads of weights. */
lud_status bench_weight_bytes(ludc_model *, double *bytes, lud_error *);
/* The same model in the folder `dir`, which exists (random_model.c). */
lud_status bench_random_model(const char *dir, lud_error *);

#endif
