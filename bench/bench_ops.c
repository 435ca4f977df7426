/* SPDX-License-Identifier: Apache-2.0
 * bench_ops [tokens] [threads] [fp32 or bf16] [backend]: ops at the shapes of SmolLM2-135M, against the peak that is
 * measured in the same run, and what one LoRA step (r = 8 on q and v, every token a target) adds up to. */
#include "bench_case.h"
#include "peak.h"
#include <plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { C = 576, F = 1536, H = 9, G = 3, D = 64, V = 49152, R = 8, LAYERS = 30, SEGMENT = 256 };

/* ---- Cases. T tokens; the number after the name is how often a step runs it. ---- */
static const lud_attr_norm norm = {1e-5f, 0};
static const lud_attr_act silu = {LUD_ACT_SILU};
static const lud_attr_rope rope = {D, 0, 0, 1.0f};
static const lud_attr_attention attention = {0.125f, 0, 1, -1, -1, 0};
static const lud_attr_xent xent = {1.0f, 0, 0, LUD_XENT_WANT_DX};
static const lud_attr_scale scale = {2.0f, 0};
static const lud_attr_dropout dropout = {0.05f};
static const lud_attr_none none;

#define ATTR(a) &(a), sizeof(a)

static bench_tensor real1(int64_t a) {
    return (bench_tensor){FILL_REAL, 1, {a}};
}
static bench_tensor real2(int64_t a, int64_t b) {
    return (bench_tensor){FILL_REAL, 2, {a, b}};
}
static bench_tensor real3(int64_t a, int64_t b, int64_t c) {
    return (bench_tensor){FILL_REAL, 3, {a, b, c}};
}
static bench_tensor ints(int32_t fill, int64_t n, int64_t total) {
    return (bench_tensor){fill, 1, {n, total}};
}
static const bench_tensor absent;

static bench_case product(const char *name, uint32_t opcode, int times, int64_t t, int64_t k, int64_t m) {
    bench_case c = bench_product(name, opcode, t, k, m);
    c.per_step = times;
    return c;
}

static void report(const bench_backend *b, const bench_case *c, double peak, double *step, double *linear) {
    double bytes, t = bench_run(b, c, 0.25, &bytes);
    if (t < 0) return;
    printf("%-28s %9.3f ms %8.1f GFLOP/s %5.1f %%  %6.1f GB/s  x %3d = %7.1f ms\n", c->name, t * 1e3,
           c->flop / t * 1e-9, peak > 0 ? c->flop / t * 1e-7 / peak : 0, bytes / t * 1e-9, c->per_step,
           t * 1e3 * c->per_step);
    *step += t * c->per_step;
    if (c->opcode >= LUD_OP_LINEAR && c->opcode <= LUD_OP_LINEAR_GRAD_WEIGHT) *linear += t * c->per_step;
    if (c->opcode == LUD_OP_LINEAR_CROSS_ENTROPY_JOINED) *linear += t * c->per_step;
}

static void run_cases(const bench_backend *b, int64_t T, double peak) {
    double causal = 0.5 * (double)T * (double)(T < SEGMENT ? T : SEGMENT) * H * D;
    int64_t S = (T + SEGMENT - 1) / SEGMENT;
    const bench_case cases[] = {
        product("q, o 576 -> 576", LUD_OP_LINEAR, 2 * LAYERS, T, C, C),
        product("k, v 576 -> 192", LUD_OP_LINEAR, 2 * LAYERS, T, C, G * D),
        product("gate, up 576 -> 1536", LUD_OP_LINEAR, 2 * LAYERS, T, C, F),
        product("down 1536 -> 576", LUD_OP_LINEAR, LAYERS, T, F, C),
        product("lora A 576 -> 8", LUD_OP_LINEAR, 2 * LAYERS, T, C, R),
        product("lora B 8 -> 576", LUD_OP_LINEAR, 2 * LAYERS, T, R, C),
        product("d 576 -> 576", LUD_OP_LINEAR_GRAD_INPUT, 2 * LAYERS, T, C, C),
        product("d 576 -> 192", LUD_OP_LINEAR_GRAD_INPUT, 2 * LAYERS, T, C, G * D),
        product("d 576 -> 1536", LUD_OP_LINEAR_GRAD_INPUT, 2 * LAYERS, T, C, F),
        product("d 1536 -> 576", LUD_OP_LINEAR_GRAD_INPUT, LAYERS, T, F, C),
        product("d lora A", LUD_OP_LINEAR_GRAD_INPUT, 2 * LAYERS, T, C, R),
        product("d lora B", LUD_OP_LINEAR_GRAD_INPUT, 2 * LAYERS, T, R, C),
        product("dw lora A", LUD_OP_LINEAR_GRAD_WEIGHT, 2 * LAYERS, T, C, R),
        product("dw lora B", LUD_OP_LINEAR_GRAD_WEIGHT, 2 * LAYERS, T, R, C),
        product("dw 576 -> 1536 (full)", LUD_OP_LINEAR_GRAD_WEIGHT, 0, T, C, F),
        product("dw 576 -> 576 (full)", LUD_OP_LINEAR_GRAD_WEIGHT, 0, T, C, C),
        {"head, joined",
         LUD_OP_LINEAR_CROSS_ENTROPY_JOINED,
         1,
         4.0 * (double)T * C * V,
         ATTR(xent),
         5,
         5,
         {real2(T, C), real2(V, C), absent, ints(FILL_IDS, T, 0), real1(T)},
         {real1(T), ints(FILL_IDS, T, 0), real2(T, C), real1(0), real1(0)}},
        {"head, forward",
         LUD_OP_LINEAR_CROSS_ENTROPY,
         0,
         2.0 * (double)T * C * V,
         ATTR(xent),
         4,
         2,
         {real2(T, C), real2(V, C), absent, ints(FILL_IDS, T, 0)},
         {real1(T), ints(FILL_IDS, T, 0)}},
        {"attention",
         LUD_OP_ATTENTION,
         LAYERS,
         4.0 * causal,
         ATTR(attention),
         5,
         2,
         {real3(T, H, D), real3(T, G, D), real3(T, G, D), ints(FILL_SEGMENTS, S + 1, T)},
         {real3(T, H, D), real2(T, H)}},
        {"attention grad",
         LUD_OP_ATTENTION_GRAD,
         LAYERS,
         10.0 * causal,
         ATTR(attention),
         8,
         3,
         {real3(T, H, D), real3(T, G, D), real3(T, G, D), ints(FILL_SEGMENTS, S + 1, T), real3(T, H, D), real2(T, H),
          real3(T, H, D)},
         {real3(T, H, D), real3(T, G, D), real3(T, G, D)}},
        {"rms norm",
         LUD_OP_RMS_NORM,
         2 * LAYERS + 1,
         0,
         ATTR(norm),
         2,
         2,
         {real2(T, C), real1(C)},
         {real2(T, C), real1(T)}},
        {"rms norm grad",
         LUD_OP_RMS_NORM_GRAD,
         2 * LAYERS + 1,
         0,
         ATTR(norm),
         4,
         1,
         {real2(T, C), real1(C), real1(T), real2(T, C)},
         {real2(T, C)}},
        {"rope q (first use)",
         LUD_OP_ROPE,
         1,
         0,
         ATTR(rope),
         3,
         1,
         {real3(T, H, D), ints(FILL_POSITIONS, T, 0), real1(D / 2)},
         {real3(T, H, D)}},
        {"silu glu", LUD_OP_GLU, LAYERS, 0, ATTR(silu), 2, 1, {real2(T, F), real2(T, F)}, {real2(T, F)}},
        {"silu glu grad",
         LUD_OP_GLU_GRAD,
         LAYERS,
         0,
         ATTR(silu),
         3,
         2,
         {real2(T, F), real2(T, F), real2(T, F)},
         {real2(T, F), real2(T, F)}},
        {"add 576", LUD_OP_ADD, 9 * LAYERS, 0, ATTR(none), 2, 1, {real2(T, C), real2(T, C)}, {real2(T, C)}},
        {"scale 576", LUD_OP_SCALE, 4 * LAYERS, 0, ATTR(scale), 1, 1, {real2(T, C)}, {real2(T, C)}},
        {"dropout 576",
         LUD_OP_DROPOUT,
         0,
         0,
         ATTR(dropout),
         3,
         1,
         {real2(T, C), {FILL_KEYS, 2, {T, 2}}, ints(FILL_POSITIONS, T, 0)},
         {real2(T, C)}},
        {"embedding", LUD_OP_EMBEDDING, 1, 0, ATTR(none), 2, 1, {real2(V, C), ints(FILL_IDS, T, 0)}, {real2(T, C)}},
        {"adam 460 k",
         LUD_OP_ADAM_STEP,
         1,
         0,
         ATTR(none),
         5,
         1,
         {real1(460800), real1(460800), real1(460800), real1(460800), real1(8)},
         {real1(460800)}},
    };
    double step = 0, linear = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        report(b, &cases[i], peak, &step, &linear);
    printf("sum: %.0f ms a step of %lld tokens = %.0f tokens/s; %.1f %% outside matrix products and head\n", step * 1e3,
           (long long)T, (double)T / step, 100 * (step - linear) / step);
}

static void run_decode(const bench_backend *b, double peak) {
    const int64_t T = 1;
    const bench_case cases[] = {
        product("decode q, o", LUD_OP_LINEAR, 2 * LAYERS, T, C, C),
        product("decode k, v", LUD_OP_LINEAR, 2 * LAYERS, T, C, G * D),
        product("decode gate, up", LUD_OP_LINEAR, 2 * LAYERS, T, C, F),
        product("decode down", LUD_OP_LINEAR, LAYERS, T, F, C),
        product("decode head 576 -> 49152", LUD_OP_LINEAR, 1, T, C, V),
        {"decode attention, 256 keys",
         LUD_OP_ATTENTION_CACHED,
         LAYERS,
         4.0 * SEGMENT * H * D,
         ATTR(attention),
         9,
         1,
         {real3(T, H, D),
          real3(T, G, D),
          real3(T, G, D),
          ints(FILL_SEGMENTS, 2, 1),
          ints(FILL_POSITIONS, T, 0),
          {FILL_PAGES, 2, {1, SEGMENT / 32}},
          {FILL_REAL, 4, {SEGMENT / 32, G, D, 32}},
          {FILL_REAL, 4, {SEGMENT / 32, G, 32, D}}},
         {real3(T, H, D)}},
    };
    double step = 0, linear = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        report(b, &cases[i], peak, &step, &linear);
    printf("sum: %.2f ms = %.0f tokens/s at batch 1 (weights of one layer stay in cache here)\n", step * 1e3, 1 / step);
}

int main(int argc, char **argv) {
    lud_error err = LUDC_ERROR_INIT;
    const char *backend = argc > 4 ? argv[4] : "cpu";
    bench_backend b = {.segment = SEGMENT, .ids_below = V, .bf16 = argc > 3 && strcmp(argv[3], "bf16") == 0};
    lud_device info = {.struct_size = sizeof info};
    lud_status st = bench_open(&b, backend, argc > 2 ? atoi(argv[2]) : 0, &err);
    if (st == LUD_OK) st = b.vt->probe(ludc_host_table(b.host)->ctx, 0, &info, &err);
    if (st == LUD_OK) {
        const bench_peaks peaks = bench_measure_peaks(b.threads);
        const double peak = 1e-9 * (b.bf16 && peaks.bf16 > 0 ? peaks.bf16 : peaks.fp32);
        printf("%s (%s), %s, %d threads, peak %.0f GFLOP/s\n", backend, info.name, b.bf16 ? "bf16" : "fp32", b.threads,
               peak);
        run_cases(&b, argc > 1 ? atoll(argv[1]) : 1024, peak);
        run_decode(&b, peak);
    } else {
        fprintf(stderr, "bench_ops: %s\n", err.msg);
    }
    bench_close(&b);
    return st == LUD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
