/* SPDX-License-Identifier: Apache-2.0
 * A training step allocates nothing, neither in core nor in a backend: calls of malloc and of core's seam are counted
 * between step 3 and step 10, for an adapter, a whole language model, and a predictive model of large batches. */
#include "check.h"
#include "support.h"

#include <base.h>
#include <stdatomic.h>
#include <unistd.h>

enum { FROM = 3, TO = 10, ROWS = 2200 };

/* ---- The C library's allocator, counted; the sanitizers bring one of their own ---- */
#define PUBLIC __attribute__((visibility("default"))) /* so that libraries call these too */
static atomic_ullong mallocs;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
PUBLIC void *malloc(size_t n) {
    atomic_fetch_add(&mallocs, 1);
    return __libc_malloc(n);
}
PUBLIC void *calloc(size_t n, size_t size) {
    atomic_fetch_add(&mallocs, 1);
    return __libc_calloc(n, size);
}
PUBLIC void *realloc(void *p, size_t n) {
    atomic_fetch_add(&mallocs, 1);
    return __libc_realloc(p, n);
}
PUBLIC int posix_memalign(void **p, size_t align, size_t n) {
    atomic_fetch_add(&mallocs, 1);
    void *got = __libc_memalign(align, n);
    if (got) *p = got;
    return got ? 0 : 12; /* ENOMEM */
}
#define COUNTED 1
#else
#define COUNTED 0
#endif

static uint64_t allocations(void) {
    return ludc_alloc_count() + atomic_load(&mallocs);
}

/* ---- A run, watched ---- */
typedef struct watch {
    uint64_t at_from, at_to;
    int64_t steps;
} watch;

static void on_progress(void *arg, const lud_progress *p) {
    watch *w = arg;
    if (strcmp(p->phase, "train") != 0) return;
    w->steps = p->done;
    if (p->done == FROM) w->at_from = allocations();
    if (p->done == TO) w->at_to = allocations();
}
static void ignore_log(void *arg, int32_t level, const char *text) {
    (void)arg, (void)level, (void)text;
}

static lud_status train(const char *dir, const char *config, watch *w, lud_error *err) {
    static lud_train_result result;
    const lud_events events = {.struct_size = sizeof events, .arg = w, .log = ignore_log, .progress = on_progress};
    char *data = api_file(dir, "data.csv"), *results = api_file(dir, "results");
    const lud_config_source source = {.struct_size = sizeof source, .text = config};
    const lud_train_opts run = {.struct_size = sizeof run,
                                .data = {.struct_size = sizeof run.data, .dataset = data},
                                .output_directory = results};
    lud_session *s = NULL;
    lud_model *m = NULL;
    lud_status status = api_session(&events, 2, &s, err);
    if (status == LUD_OK) status = lud_model_create(s, &source, &m, err);
    if (status == LUD_OK) status = lud_model_train(m, &run, &result, err);
    lud_model_free(m);
    lud_session_close(s);
    ludc_free(data);
    ludc_free(results);
    return status;
}

static void check(const char *dir, const char *what, const char *config) {
    watch w = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(train(dir, config, &w, &err), err);
    CHECK(w.steps >= TO && w.at_from > 0);
    CHECK_INT(w.at_to - w.at_from, 0);
    printf("%s: %llu allocations in steps %d to %d of %lld\n", what, (unsigned long long)(w.at_to - w.at_from),
           FROM + 1, TO, (long long)w.steps);
}

static void make_data(const char *dir) {
    ludc_buf rows = {0};
    lud_error err = LUDC_ERROR_INIT;
    char *path = ludc_path_join(dir, "data.csv");
    ludc_buf_adds(&rows, "question,answer,n,label\n");
    for (int i = 0; i < ROWS; i++)
        ludc_buf_addf(&rows, "what is %d%s,it is %d,%d,%s\n", i, i % 3 ? "" : " in other words", i % 97, i % 7,
                      i % 2 ? "odd" : "even");
    CHECK_OK(ludc_file_write(path, rows.ptr, rows.len, &err), err);
    ludc_buf_free(&rows);
    ludc_free(path);
}

static void language(const char *dir, const char *source, const char *adapter, const char *trainer) {
    ludc_buf config = {0};
    ludc_buf_addf(&config,
                  "model_type: llm\nbase_model: %s/tests/golden/data/tiny/llama\nadapter: %s\n"
                  "input_features: [{name: question, type: text}]\noutput_features: [{name: answer, type: text}]\n"
                  "trainer: {type: finetune, epochs: 1, learning_rate: 0.001, %s}\n",
                  source, adapter, trainer);
    check(dir, adapter, config.ptr);
    ludc_buf_free(&config);
}

/* 160 rows a batch: more than the C library sorts without memory. */
static void predictive(const char *dir, const char *source) {
    ludc_buf config = {0};
    ludc_buf_addf(
        &config,
        "input_features:\n  - {name: question, type: text, encoder: {type: auto_transformer, trainable: true, "
        "pretrained_model_name_or_path: %s/tests/golden/data/encoders/electra}}\n  - {name: n, type: number}\n"
        "output_features: [{name: label, type: category}]\n"
        "trainer: {epochs: 2, batch_size: 160}\n",
        source);
    check(dir, "predictive", config.ptr);
    ludc_buf_free(&config);
}

int main(void) {
    char dir[] = "/tmp/ludwig-allocations-XXXXXX";
    const char *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    if (!mkdtemp(dir)) return EXIT_FAILURE;
    setenv("HOME", dir, 1);
    make_data(dir);
    source = source ? source : ".";
    language(dir, source, "{type: lora, dropout: 0.1}", "batch_size: 100");
    language(
        dir, source, "null",
        "batch_size: 40, gradient_accumulation_steps: 2, gradient_clipping: {clipvalue: 0.5, clipglobalnorm: 1.0}");
    predictive(dir, source);
    CHECK(!COUNTED || atomic_load(&mallocs) > ludc_alloc_count()); /* the counters above are those that are called */
    (void)ludc_dir_remove(dir, NULL);
    return check_done();
}
