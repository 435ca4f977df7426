/* SPDX-License-Identifier: Apache-2.0
 * ludwig benchmark: peaks, matrix products, a LoRA step, embedding and decoding of one model, each in fp32 and in bf16
 * where the device has it. Every figure is the best of several runs; shares count the products alone. */
#include "benchmark.h"
#include "bench_case.h"
#include <config.h>
#include <generate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <train.h>
#include <unistd.h>

enum { ROWS = 4, LENGTH = 256, STEPS = 4, SHORT = 32, TOKENS = 1024, PROMPT = 16, WINDOW = 8, NEW = 6 * WINDOW };

typedef struct bench {
    ludc_host *host;
    const char *model;
    bench_report *r;
    int bf16;
    ludc_model *m;
    ludc_config config;
    int64_t head, body; /* parameters in products: of the head, of the rest */
} bench;

/* The row of that name; a new one is zero. */
static bench_figure *figure(bench_report *r, const char *what, const char *unit) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->figures[i].what, what) == 0) return &r->figures[i];
    bench_figure *f = &r->figures[LUDC_MIN(r->n, LUDC_COUNT(r->figures) - 1)];
    r->n = LUDC_MIN(r->n + 1, LUDC_COUNT(r->figures));
    *f = (bench_figure){.unit = unit};
    snprintf(f->what, sizeof f->what, "%s", what);
    return f;
}

static double peak_of(const bench_report *r, int bf16) {
    return bf16 ? r->peaks.bf16 : r->peaks.fp32;
}

/* From now on the peak memory is that of what follows, where the kernel allows it. */
static void forget_peak_memory(void) {
    FILE *f = fopen("/proc/self/clear_refs", "we");
    if (f && fputs("5", f) >= 0) fflush(f);
    if (f) fclose(f);
}

static void record(bench *b, const char *what, const char *unit, double rate, double work, double peak) {
    bench_figure *f = figure(b->r, what, unit);
    f->rate[b->bf16] = rate;
    f->share[b->bf16] = peak > 0 ? rate * work / peak : 0;
    f->mib[b->bf16] = (double)ludc_peak_rss() / (1 << 20);
}

/* ---- Matrix products of SmolLM2's shapes ---- */
static const struct {
    const char *name;
    int64_t k, m; /* inputs, outputs */
} shapes[] = {{"q, o", 576, 576}, {"k, v", 576, 192}, {"gate, up", 576, 1536}, {"down", 1536, 576}};

static lud_status products(bench *b, const ludc_devices *d) {
    const bench_backend backend = {
        .vt = d->primary.vt, .dev = d->primary.dev, .ids_below = 1, .threads = b->r->threads, .bf16 = b->bf16 != 0};
    for (size_t i = 0; i < 2 * LUDC_COUNT(shapes); i++) {
        const bool forward = i % 2 == 0;
        const int64_t k = shapes[i / 2].k, m = shapes[i / 2].m;
        const bench_case c =
            bench_product(shapes[i / 2].name, forward ? LUD_OP_LINEAR : LUD_OP_LINEAR_GRAD_INPUT, TOKENS, k, m);
        char what[64];
        double bytes, seconds = bench_run(&backend, &c, 0.1, &bytes);
        if (seconds <= 0) return LUD_E_INTERNAL; /* it has said why */
        snprintf(what, sizeof what, "%s %dx%dx%d %s", forward ? "product" : "input gradient", TOKENS, (int)k, (int)m,
                 c.name);
        record(b, what, "GFLOP/s", 1e-9 * c.flop / seconds, 1e9, peak_of(b->r, b->bf16));
    }
    return LUD_OK;
}

/* ---- Work of a model ---- */
static int32_t id_of(const bench *b, int64_t i) {
    return (int32_t)(lud_mix64((uint64_t)i) % (uint64_t)ludc_model_info_of(b->m)->vocab_size);
}

/* Time of the best step, by the events of the training loop; of decoding, of the best window of tokens. */
typedef struct steps {
    double last, best;
    int64_t tokens;
} steps;
static void on_step(void *arg, const ludc_train_progress *p) {
    steps *s = arg;
    const double now = ludc_now();
    if (p->step > 1) s->best = LUDC_MIN(s->best, now - s->last);
    s->last = now;
}

static lud_status lora_step(bench *b, lud_error *err) {
    const ludc_value *trainer = ludc_value_get(b->config.full, "trainer");
    const ludc_train_events events = {.arg = &(steps){.best = 1e9}, .progress = on_step};
    ludc_rows splits[LUDC_N_SPLITS] = {0};
    ludc_trainee trainee = {0};
    ludc_train_state state;
    int32_t ids[LENGTH];
    const int64_t longest = ludc_model_info_of(b->m)->max_positions, length = LUDC_MIN(LENGTH, longest);
    lud_status status = LUD_OK;
    for (int64_t row = 0; status == LUD_OK && row < ROWS; row++) {
        for (int64_t i = 0; i < length; i++)
            ids[i] = id_of(b, row * LENGTH + i);
        status = ludc_rows_add(splits, ids, 1, ids + 1, (size_t)length - 1, (uint64_t)row, LENGTH, err);
    }
    if (status == LUD_OK) status = ludc_rows_end(splits, err);
    if (status == LUD_OK) status = ludc_language_trainee(b->m, trainer, LUDC_STR("b"), splits, 1, &trainee, err);
    if (status == LUD_OK) status = ludc_train(&trainee, trainer, 1, &events, &state, err);
    const double rate = (double)(ROWS * length) / ((steps *)events.arg)->best;
    if (status == LUD_OK)
        record(b, "LoRA step, 4 rows of 256 tokens", "tok/s", rate, 4.0 * (double)(b->body + b->head),
               peak_of(b->r, b->bf16));
    if (trainee.free) trainee.free(trainee.self);
    ludc_rows_free(splits);
    return status;
}

static lud_status embed(bench *b, lud_error *err) {
    enum { TEXTS = TOKENS / SHORT };
    static int32_t ids[TOKENS], positions[TOKENS], offsets[TEXTS + 1];
    const ludc_run_caps caps = {.T = TOKENS, .S = TEXTS, .N = 1};
    const ludc_run_tokens t = {.T = TOKENS, .S = TEXTS, .ids = ids, .positions = positions, .seg_offsets = offsets};
    double best = 1e9;
    ludc_run *run = NULL;
    for (int i = 0; i < TOKENS; i++)
        ids[i] = id_of(b, i), positions[i] = i % SHORT, offsets[i / SHORT + 1] = i + 1;
    lud_status status = ludc_run_new(b->m, LUDC_RUN_LOGITS, &caps, &run, err);
    for (int i = 0; status == LUD_OK && i < STEPS; i++) {
        const double begin = ludc_now();
        status = ludc_run_logits(run, &t, NULL, err);
        best = LUDC_MIN(best, ludc_now() - begin);
    }
    ludc_run_free(run);
    if (status == LUD_OK)
        record(b, "embedding, texts of 32 tokens", "tok/s", TOKENS / best, 2.0 * (double)b->body,
               peak_of(b->r, b->bf16));
    return status;
}

static lud_status on_token(void *arg, size_t row, int32_t id) {
    steps *s = arg;
    (void)row, (void)id;
    if (s->tokens % WINDOW == 0) on_step(s, &(ludc_train_progress){.step = s->tokens / WINDOW + 1});
    s->tokens++;
    return LUD_OK;
}

lud_status bench_weight_bytes(ludc_model *m, double *bytes, lud_error *err) {
    const ludc_run_caps caps = {.T = 1, .S = 1, .N = 1, .page_size = 32, .pages_per_segment = 1, .n_pages = 1};
    ludc_run *run = NULL;
    LUDC_TRY(ludc_run_new(m, LUDC_RUN_DECODE, &caps, &run, err));
    *bytes = (double)ludc_run_stat(run).weight_bytes;
    ludc_run_free(run);
    return LUD_OK;
}

/* A token reads every weight once. */
static lud_status decode(bench *b, lud_error *err) {
    const ludc_generation greedy = {
        .max_new_tokens = NEW, .min_new_tokens = NEW, .temperature = 1, .top_p = 1, .repetition_penalty = 1};
    int32_t ids[PROMPT];
    steps s = {.best = 1e9};
    ludc_generator *g = NULL;
    double bytes = 0;
    ludc_completion out = {0};
    for (int i = 0; i < PROMPT; i++)
        ids[i] = id_of(b, i);
    const ludc_prompt prompt = {.ids = ids, .len = PROMPT};
    lud_status status = ludc_generator_new(b->m, 1, PROMPT + NEW, 0, &g, err);
    if (status == LUD_OK) status = ludc_decode(g, &prompt, 1, &greedy, on_token, &s, &out, err);
    if (status == LUD_OK) status = bench_weight_bytes(b->m, &bytes, err);
    if (status == LUD_OK) record(b, "decoding, one text", "tok/s", WINDOW / s.best, bytes, b->r->peaks.read);
    ludc_ids_free(&out.ids);
    ludc_generator_free(g);
    return status;
}

/* ---- All of it ---- */
/* A model with tied embeddings multiplies by its only table of words; another one has a second. */
static void count_parameters(bench *b) {
    const ludc_model_info *info = ludc_model_info_of(b->m);
    const ludc_store *store = ludc_model_store(b->m);
    b->head = info->vocab_size * info->width;
    b->body = info->n_parameters;
    for (size_t i = 0; i < ludc_store_len(store); i++)
        b->body -= ludc_store_at(store, i)->count == b->head ? b->head : 0;
}

static lud_status with_model(bench *b, bool adapter, lud_status (*work)(bench *, lud_error *), lud_error *err) {
    ludc_buf text = {0};
    forget_peak_memory();
    ludc_buf_adds(&text, "{model_type: llm, base_model: ");
    ludc_json_str(ludc_str(b->model), &text);
    ludc_buf_addf(&text,
                  ", adapter: %s, backend: {precision: %s}, input_features: [{name: a, type: text}], output_features: "
                  "[{name: b, type: text}], trainer: {type: finetune, batch_size: %d, train_steps: %d, "
                  "skip_all_evaluation: true}}",
                  adapter ? "{type: lora, r: 8}" : "null", b->bf16 ? "bf16" : "fp32", ROWS, STEPS);
    lud_status status = text.failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory")
                                    : ludc_config_parse(text.ptr, text.len, "<benchmark>", NULL, 0, &b->config, err);
    const ludc_model_spec spec = {.host = b->host, .config = b->config.full, .for_training = adapter, .seed = 1};
    if (status == LUD_OK) status = ludc_model_open(&spec, &b->m, err);
    if (status == LUD_OK) count_parameters(b);
    if (status == LUD_OK) status = work(b, err);
    if (status == LUD_OK && ludc_cancel_requested()) status = ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    ludc_model_free(b->m);
    b->m = NULL;
    ludc_config_free(&b->config);
    ludc_buf_free(&text);
    return status;
}

static lud_status one_precision(bench *b, const ludc_devices *d, lud_error *err) {
    forget_peak_memory();
    LUDC_TRY(products(b, d));
    LUDC_TRY(with_model(b, false, embed, err));
    LUDC_TRY(with_model(b, true, lora_step, err));
    if (b->bf16) return LUD_OK; /* one row of products waits for memory */
    /* What memory gives changes from second to second where others share it. */
    b->r->peaks.read = LUDC_MAX(b->r->peaks.read, bench_measure_read(b->r->threads));
    return with_model(b, false, decode, err);
}

static lud_status measure(bench *b, lud_error *err) {
    ludc_devices d;
    LUDC_TRY(ludc_devices_open(b->host, LUDC_STR("auto"), &d, err));
    const lud_host *table = ludc_host_table(b->host);
    b->r->threads = table->threads(table->ctx);
    snprintf(b->r->device, sizeof b->r->device, "%s", d.why);
    b->r->peaks = bench_measure_peaks(b->r->threads);
    lud_status status = one_precision(b, &d, err);
    b->bf16 = 1;
    if (status == LUD_OK && d.primary.info.caps & LUD_CAP_BF16) status = one_precision(b, &d, err);
    ludc_devices_close(&d);
    return status;
}

/* Seconds of processor time of the whole machine less our own. */
static double others_time(void) {
    unsigned long long t[8] = {0}, sum = 0;
    struct rusage own;
    FILE *f = fopen("/proc/stat", "re");
    int n = f ? fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
                       &t[6], &t[7])
              : 0;
    if (f) fclose(f);
    for (int i = 0; i < n; i++)
        sum += i == 3 || i == 4 ? 0 : t[i]; /* idle, waiting */
    getrusage(RUSAGE_SELF, &own);
    return (double)sum / (double)sysconf(_SC_CLK_TCK) - (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) -
           1e-6 * (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec);
}

lud_status bench_everything(const ludc_host_opts *opts, const char *model, bench_report *r, lud_error *err) {
    const char *tmp = getenv("TMPDIR");
    char *dir = NULL;
    bench b = {.model = model, .r = r};
    *r = (bench_report){.n = 0};
    const double begin = ludc_now(), others = others_time();
    lud_status status = ludc_model_host_new(opts, &b.host, err);
    if (status == LUD_OK && !model) {
        dir = ludc_path_join(tmp && tmp[0] ? tmp : "/tmp", "ludwig-benchmark-XXXXXX");
        if (!dir || !mkdtemp(dir)) status = ludc_fail(err, LUD_E_IO, "%s: cannot make a folder", dir ? dir : "TMPDIR");
        b.model = dir;
        if (status == LUD_OK) status = bench_random_model(dir, err);
    }
    if (status == LUD_OK) status = measure(&b, err);
    r->busy = LUDC_MAX(0.0, (others_time() - others) / (ludc_now() - begin));
    if (dir) (void)ludc_dir_remove(dir, NULL);
    ludc_free(dir);
    ludc_host_free(b.host);
    return status;
}
