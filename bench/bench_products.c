/* SPDX-License-Identifier: Apache-2.0
 * bench_products [threads] [fp32, bf16 or int8]: the matrix products of SmolLM2-135M and MiniLM-L6, forward and input
 * gradient, at 256 and 1024 rows, as shares of the peak measured in the same run, and their geometric mean; then the
 * head with its loss, forward and backward in one. int8: forward alone. */
#include "bench_case.h"
#include "peak.h"
#include <base.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    const char *model;
    int64_t k, m; /* inputs, outputs */
} shape;
static const shape shapes[] = {{"SmolLM2 q, o", 576, 576},      {"SmolLM2 k, v", 576, 192},
                               {"SmolLM2 gate, up", 576, 1536}, {"SmolLM2 down", 1536, 576},
                               {"MiniLM q, k, v, o", 384, 384}, {"MiniLM up", 384, 1536},
                               {"MiniLM down", 1536, 384}};

enum { C = 576, V = 49152 }; /* SmolLM2's head */

static bench_case head(int64_t t) {
    static const lud_attr_xent xent = {1.0f, 0, 0, LUD_XENT_WANT_DX};
    return (bench_case){
        .name = "SmolLM2 head, loss",
        .opcode = LUD_OP_LINEAR_CROSS_ENTROPY_JOINED,
        .flop = 4.0 * (double)(t * C * V),
        .attr = &xent,
        .attr_size = sizeof xent,
        .n_in = 5,
        .n_out = 5,
        .in = {{FILL_REAL, 2, {t, C}}, {FILL_REAL, 2, {V, C}}, {0}, {FILL_IDS, 1, {t, 0}}, {FILL_REAL, 1, {t}}},
        .out = {{FILL_REAL, 1, {t}},
                {FILL_IDS, 1, {t, 0}},
                {FILL_REAL, 2, {t, C}},
                {FILL_REAL, 1, {0}},
                {FILL_REAL, 1, {0}}}};
}

/* As a share of the peak. */
static double run_one(const bench_backend *b, const bench_case *c, const int64_t size[3], const char *what,
                      double seconds, double peak) {
    double bytes, rate = c->flop / bench_run(b, c, seconds, &bytes) * 1e-9;
    printf("%-18s %4lld x %4lld x %4lld  %-10s %7.1f GFLOP/s  %5.1f %%\n", c->name, (long long)size[0],
           (long long)size[1], (long long)size[2], what, rate, 100 * rate / peak);
    return rate / peak;
}

static double peak_of(const bench_backend *b) {
    const bench_peaks p = bench_measure_peaks(b->threads);
    if (b->int8 && p.int8 > 0) return 1e-9 * p.int8;
    return 1e-9 * (b->bf16 && p.bf16 > 0 ? p.bf16 : p.fp32);
}

static void run_all(const bench_backend *b, double peak) {
    double log_sum = 0;
    int n = 0;
    for (int64_t t = 256; t <= 1024; t *= 4) {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            for (uint32_t opcode = LUD_OP_LINEAR; opcode <= (b->int8 ? LUD_OP_LINEAR : LUD_OP_LINEAR_GRAD_INPUT);
                 opcode++) {
                const bench_case c = bench_product(shapes[i].model, opcode, t, shapes[i].k, shapes[i].m);
                const int64_t size[3] = {t, shapes[i].k, shapes[i].m};
                const char *what = opcode == LUD_OP_LINEAR ? "forward" : "input grad";
                log_sum += log(run_one(b, &c, size, what, 0.3, peak)), n++;
            }
        }
    }
    printf("geometric mean %.1f %% of %.0f GFLOP/s\n", 100 * exp(log_sum / n), peak);
    for (int64_t t = 256; t <= 1024 && !b->int8; t *= 4) {
        bench_case c = head(t);
        run_one(b, &c, (const int64_t[]){t, C, V}, "both", 2, peak);
    }
}

int main(int argc, char **argv) {
    lud_error err = LUDC_ERROR_INIT;
    const char *precision = argc > 2 ? argv[2] : "fp32";
    bench_backend b = {
        .segment = 256, .ids_below = V, .bf16 = strcmp(precision, "bf16") == 0, .int8 = strcmp(precision, "int8") == 0};
    lud_status st = bench_open(&b, "cpu", argc > 1 ? atoi(argv[1]) : 0, &err);
    if (st == LUD_OK)
        run_all(&b, peak_of(&b));
    else
        fprintf(stderr, "bench_products: %s\n", err.msg);
    bench_close(&b);
    return st == LUD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
