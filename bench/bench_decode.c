/* SPDX-License-Identifier: Apache-2.0
 * bench_decode MODEL [tokens] [threads] [precision] [prompt]: greedy decoding at batch 1 behind a prompt of so many
 * tokens, by the model's own programs. A token
 * costs at least the reading of all weights once, so its time is set beside the bandwidth that the same threads reach
 * in this run. */
#include "bench_case.h"
#include "benchmark.h"
#include <generate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WINDOW = 8, READ_BYTES = 512 << 20, READ_PIECE = 1 << 20, READ_AHEAD = 128 };

/* ---- What memory gives ---- */
static volatile uint64_t read_sink;

static void read_pieces(void *arg, int64_t begin, int64_t end) {
    typedef uint64_t words __attribute__((vector_size(64)));
    const words *p = (const words *)arg + begin * (READ_PIECE / 64);
    words sum[4] = {{0}};
    for (int64_t i = 0; i < (end - begin) * (READ_PIECE / 64); i += 4)
        for (int k = 0; k < 4; k++) {
            __builtin_prefetch(p + i + k + READ_AHEAD);
            sum[k] ^= p[i + k];
        }
    read_sink = (sum[0] ^ sum[1] ^ sum[2] ^ sum[3])[0];
}

static double read_rate(const lud_host *host, void *memory, int threads) {
    double t = bench_now(threads);
    host->parallel_for(host->ctx, READ_BYTES / READ_PIECE, 4, read_pieces, memory);
    return (double)READ_BYTES / (bench_now(threads) - t);
}

/* ---- One model ---- */
typedef struct clock_of {
    const lud_host *host;
    void *memory;
    double *at; /* when each token came */
    size_t n;
    int threads;
    double bandwidth;
} clock_of;

/* Bandwidth is measured between windows, so that both see the same machine. */
static lud_status token(void *arg, size_t row, int32_t id) {
    clock_of *c = arg;
    (void)row, (void)id;
    c->at[c->n++] = bench_now(c->threads);
    if (c->n % (4 * WINDOW) == 0) {
        double rate = read_rate(c->host, c->memory, c->threads);
        if (rate > c->bandwidth) c->bandwidth = rate;
    }
    return LUD_OK;
}

/* Seconds a token: the best window of WINDOW tokens. */
static double best_window(const clock_of *c) {
    double best = 1e9;
    for (size_t i = 0; i + WINDOW < c->n; i += WINDOW)
        if ((c->at[i + WINDOW - 1] - c->at[i]) / (WINDOW - 1) < best)
            best = (c->at[i + WINDOW - 1] - c->at[i]) / (WINDOW - 1);
    return best;
}

static lud_status decode(ludc_model *m, int32_t length, int64_t tokens, clock_of *c, lud_error *err) {
    int32_t *ids = ludc_alloc((size_t)length * sizeof *ids);
    if (!ids) return ludc_fail(err, LUD_E_NOMEM, "out of memory");
    for (int32_t i = 0; i < length; i++)
        ids[i] = 100 + 7 * i;
    const ludc_prompt prompt = {.ids = ids, .len = length};
    const ludc_generation greedy = {
        .max_new_tokens = tokens, .min_new_tokens = tokens, .temperature = 1, .top_p = 1, .repetition_penalty = 1};
    ludc_completion out = {.log_prob = 0};
    ludc_generator *d = NULL;
    lud_status status = ludc_generator_new(m, 1, length + tokens, 0, &d, err);
    if (status == LUD_OK) status = ludc_decode(d, &prompt, 1, &greedy, token, c, &out, err);
    ludc_ids_free(&out.ids);
    ludc_generator_free(d);
    ludc_free(ids);
    return status;
}

static lud_status config_of(const char *model, const char *precision, ludc_value **out, lud_error *err) {
    static const char text[] = "{\"model_type\": \"llm\", \"adapter\": null, \"trainer\": {}, \"output_features\": "
                               "[{\"type\": \"text\", \"decoder\": {\"type\": \"text_extractor\"}}], "
                               "\"preprocessing\": {}, \"backend\": {\"device\": \"auto\"}}";
    LUDC_TRY(ludc_json_parse(text, sizeof text - 1, "bench", false, false, out, err));
    bool ok = ludc_value_put(*out, "base_model", ludc_value_str(ludc_str(model))) &&
              ludc_value_put(ludc_value_get(*out, "backend"), "precision", ludc_value_str(ludc_str(precision)));
    return ok ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

static lud_status measure(ludc_host *host, const char *path, int32_t length, int64_t tokens, const char *precision,
                          lud_error *err) {
    const lud_host *table = ludc_host_table(host);
    ludc_value *config = NULL;
    ludc_model *m = NULL;
    clock_of c = {.host = table, .threads = table->threads(table->ctx)};
    double bytes = 0;
    c.memory = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c.memory == MAP_FAILED) c.memory = NULL;
    if (c.memory) (void)madvise(c.memory, READ_BYTES, MADV_HUGEPAGE);
    c.at = ludc_alloc((size_t)tokens * sizeof *c.at);
    lud_status status = c.memory && c.at ? config_of(path, precision, &config, err) : LUD_E_NOMEM;
    if (status == LUD_OK) memset(c.memory, 1, READ_BYTES);
    const ludc_model_spec spec = {.host = host, .config = config};
    if (status == LUD_OK) status = ludc_model_open(&spec, &m, err);
    if (status == LUD_OK) status = bench_weight_bytes(m, &bytes, err);
    if (status == LUD_OK) status = decode(m, length, tokens, &c, err);
    if (status == LUD_OK) {
        double t = best_window(&c);
        printf("%s: %d threads, %.1f MB of weights, %.3f ms a token = %.0f tokens/s, %.1f GB/s of %.1f = %.0f %%\n",
               path, c.threads, bytes * 1e-6, t * 1e3, 1 / t, bytes / t * 1e-9, c.bandwidth * 1e-9,
               100 * bytes / t / c.bandwidth);
    }
    ludc_model_free(m);
    ludc_value_free(config);
    ludc_free(c.at);
    if (c.memory) munmap(c.memory, READ_BYTES);
    return status;
}

int main(int argc, char **argv) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_host *host = NULL;
    char *image = ludc_path_of_image(), *plugins = image ? ludc_path_join(image, "../lib/ludwig/plugins-1") : NULL;
    const char *paths[] = {plugins ? plugins : "."};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = argc > 3 ? atoi(argv[3]) : 0};
    lud_status status =
        argc > 1 ? ludc_model_host_new(&opts, &host, &err)
                 : ludc_fail(&err, LUD_E_INVALID, "usage: bench_decode MODEL [tokens] [threads] [precision] [prompt]");
    const int length = argc > 5 ? atoi(argv[5]) : 16;
    if (status == LUD_OK)
        status = measure(host, argv[1], LUDC_MAX(length, 1), argc > 2 ? atoll(argv[2]) : 256,
                         argc > 4 ? argv[4] : "auto", &err);
    if (status != LUD_OK) fprintf(stderr, "bench_decode: %s\n", err.msg);
    ludc_host_free(host);
    ludc_free(plugins);
    ludc_free(image);
    return status == LUD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
