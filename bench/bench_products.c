/* SPDX-License-Identifier: Apache-2.0
 * bench_products [threads] [fp32, bf16 or int8]: the matrix products of SmolLM2-135M and MiniLM-L6, forward and but
 * for int8 input gradient, at 256 and 1024 rows, as shares of the peak measured in the same run, and their geometric
 * mean. */
#include "bench_case.h"
#include "peak.h"
#include <math.h>
#include <plugin.h>
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

static bench_case product(uint32_t opcode, const shape *s, int64_t t) {
    static const lud_attr_none none;
    bool forward = opcode == LUD_OP_LINEAR;
    return (bench_case){.name = s->model,
                        .opcode = opcode,
                        .flop = 2.0 * (double)(t * s->k * s->m),
                        .attr = &none,
                        .attr_size = sizeof none,
                        .n_in = forward ? 3 : 2,
                        .n_out = 1,
                        .in = {{FILL_REAL, 2, {t, forward ? s->k : s->m}}, {FILL_REAL, 2, {s->m, s->k}}},
                        .out = {{FILL_REAL, 2, {t, forward ? s->m : s->k}}}};
}

static void run_all(const bench_backend *b, double peak) {
    double log_sum = 0;
    int n = 0;
    for (int64_t t = 256; t <= 1024; t *= 4) {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            for (uint32_t opcode = LUD_OP_LINEAR; opcode <= (b->int8 ? LUD_OP_LINEAR : LUD_OP_LINEAR_GRAD_INPUT);
                 opcode++) {
                bench_case c = product(opcode, &shapes[i], t);
                double bytes, rate = c.flop / bench_run(b, &c, 0.3, &bytes) * 1e-9;
                printf("%-18s %4lld x %4lld x %4lld  %-10s %7.1f GFLOP/s  %5.1f %%\n", c.name, (long long)t,
                       (long long)shapes[i].k, (long long)shapes[i].m,
                       opcode == LUD_OP_LINEAR ? "forward" : "input grad", rate, 100 * rate / peak);
                log_sum += log(rate / peak), n++;
            }
        }
    }
    printf("geometric mean %.1f %% of %.0f GFLOP/s\n", 100 * exp(log_sum / n), peak);
}

static double peak_of(const bench_backend *b) {
    const bench_peaks p = bench_measure_peaks(b->threads);
    if (b->int8 && p.int8 > 0) return 1e-9 * p.int8;
    return 1e-9 * (b->bf16 && p.bf16 > 0 ? p.bf16 : p.fp32);
}

static lud_status run(int threads, const char *precision, const char *plugin, lud_error *err) {
    ludc_host *host = NULL;
    const lud_component *c;
    bench_backend b = {.segment = 256,
                       .ids_below = 1000,
                       .bf16 = strcmp(precision, "bf16") == 0,
                       .int8 = strcmp(precision, "int8") == 0};
    ludc_host_opts opts = {.plugin_paths = &plugin, .n_plugin_paths = 1, .threads = threads};
    LUDC_TRY(ludc_host_new(&opts, &host, err));
    const lud_host *table = ludc_host_table(host);
    lud_status st = ludc_host_load(host, err);
    if (st == LUD_OK) st = ludc_host_find(host, LUD_KIND_BACKEND, NULL, (lud_str){"cpu", 3}, &c, err);
    if (st == LUD_OK) b.vt = c->vtable, st = b.vt->open(table->ctx, 0, &b.dev, err);
    if (st == LUD_OK) {
        b.threads = table->threads(table->ctx);
        run_all(&b, peak_of(&b));
        b.vt->close(b.dev);
    }
    ludc_host_free(host);
    return st;
}

int main(int argc, char **argv) {
    lud_error err = LUDC_ERROR_INIT;
    char *image = ludc_path_of_image(),
         *plugins = image ? ludc_path_join(image, "../lib/ludwig/plugins-1/cpu.so") : NULL;
    lud_status st = run(argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? argv[2] : "fp32", plugins ? plugins : ".", &err);
    if (st != LUD_OK) fprintf(stderr, "bench_products: %s\n", err.msg);
    ludc_free(plugins);
    ludc_free(image);
    return st == LUD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
