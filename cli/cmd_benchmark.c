/* SPDX-License-Identifier: Apache-2.0
 * ludwig benchmark: what this machine reaches, as one table, or as JSON. */
#include "cli.h"

#include <benchmark.h>

#define TEXT 32

static const char *number(char out[TEXT], const char *format, double x, const char *unit) {
    out[0] = '\0';
    if (x > 0) snprintf(out, TEXT, format, x, unit);
    return out;
}

static void print_table(const bench_report *r) {
    static const char *const heads[] = {"", "fp32", "of the peak", "bf16", "of the peak", "memory"};
    char text[32][5][TEXT], title[320];
    const char *cells[32][6] = {
        {"peak, multiply-add", number(text[0][0], "%.0f %s", 1e-9 * r->peaks.fp32, "GFLOP/s"), "",
         number(text[0][1], "%.0f %s", 1e-9 * r->peaks.bf16, "GFLOP/s"), "", ""},
        {"peak, reading memory", number(text[1][0], "%.1f %s", 1e-9 * r->peaks.read, "GB/s"), "", "", "", ""}};
    for (size_t i = 0; i < r->n; i++) {
        const bench_figure *f = &r->figures[i];
        const char **row = cells[i + 2];
        char(*t)[TEXT] = text[i + 2];
        row[0] = f->what;
        for (int k = 0; k < 2; k++) {
            row[1 + 2 * k] = number(t[2 * k], "%.1f %s", f->rate[k], f->unit);
            row[2 + 2 * k] = number(t[2 * k + 1], "%.1f %s", 100 * f->share[k], "%");
        }
        row[5] = number(t[4], "%.0f %s", f->mib[0] > f->mib[1] ? f->mib[0] : f->mib[1], "MiB");
    }
    snprintf(title, sizeof title, "%s, %d threads", r->device, r->threads);
    const report_table table = {.title = title, .heads = heads, .n_columns = 6};
    report_table_print(stdout, &table, &cells[0][0], r->n + 2);
}

static void print_json(const bench_report *r) {
    static const char *const precisions[] = {"fp32", "bf16"};
    printf("{\"threads\": %d, \"busy_cores\": %.2f, \"peaks\": {\"fp32\": %.4g, \"bf16\": %.4g, \"read\": %.4g},\n"
           " \"figures\": [",
           r->threads, r->busy, r->peaks.fp32, r->peaks.bf16, r->peaks.read);
    const char *comma = "";
    for (size_t i = 0; i < 2 * r->n; i++) {
        const bench_figure *f = &r->figures[i / 2];
        const size_t k = i % 2;
        if (f->rate[k] <= 0) continue;
        printf("%s\n  {\"what\": \"%s\", \"precision\": \"%s\", \"rate\": %.5g, \"unit\": \"%s\", \"share\": %.4g, "
               "\"mib\": %.1f}",
               comma, f->what, precisions[k], f->rate[k], f->unit, f->share[k], f->mib[k]);
        comma = ",";
    }
    printf("]}\n");
}

lud_status cmd_benchmark(const cli_options *o, lud_error *err) {
    uint64_t threads;
    static bench_report r;
    if (!cli_number("threads", o->threads, 0, &threads) || threads > 1024) return LUD_E_INVALID;
    const ludc_host_opts opts = {
        .plugin_paths = o->plugin_paths, .n_plugin_paths = o->n_plugin_paths, .threads = (int)threads};
    const lud_status status = bench_everything(&opts, o->model_path, &r, err);
    if (status != LUD_OK) return status;
    if (o->json)
        print_json(&r);
    else
        print_table(&r);
    if (r.busy > 0.15)
        fprintf(stderr, "warning: other processes kept %.1f cores busy meanwhile: the figures are too low\n", r.busy);
    return LUD_OK;
}
