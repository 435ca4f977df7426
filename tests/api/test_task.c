/* SPDX-License-Identifier: Apache-2.0
 * The life of a predictive model behind the C API: trained twice, evaluated, saved, loaded, asked for predictions. Then
 * the same with allocations that fail: each call fails with a message or works, and nothing leaks (under a sanitizer).
 */
#include "check.h"
#include "support.h"

#include <base.h>
#include <unistd.h>

static const char config_text[] =
    "input_features:\n"
    "  - {name: text, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '%s', "
    "reduce_output: mean}, preprocessing: {cache_encoder_embeddings: true}}\n"
    "  - {name: words, type: text, encoder: {type: embed, embedding_size: 4}}\n"
    "  - {name: n, type: number}\n"
    "  - {name: tags, type: set}\n"
    "output_features:\n"
    "  - {name: y, type: category, calibration: true, loss: {class_weights: {r: 1, g: 2, b: 3}}}\n"
    "  - {name: z, type: number, dependencies: [y]}\n"
    "combiner: {type: concat, num_fc_layers: 1, output_size: 4}\n"
    "preprocessing: {sample_ratio: 0.9}\n"
    "trainer: {epochs: 2, batch_size: 8}\n"
    "backend: {type: local, cache_dir: '%s/cache'}\n";

typedef struct world {
    char *dir, *config, *data, *results, *saved, *out;
} world;

static void make_world(world *w) {
    static const char *const labels[] = {"r", "g", "b"};
    char *model = api_source("tests/golden/data/encoders/electra"), template[] = "/tmp/ludwig-api-XXXXXX";
    ludc_buf text = {0}, rows = {0};
    lud_error err = LUDC_ERROR_INIT;
    w->dir = ludc_strdup(mkdtemp(template));
    w->config = api_file(w->dir, "config.yaml");
    w->data = api_file(w->dir, "data.csv");
    w->results = api_file(w->dir, "results");
    w->saved = api_file(w->dir, "saved");
    w->out = api_file(w->dir, "out.csv");
    ludc_buf_addf(&text, config_text, model, w->dir);
    ludc_buf_adds(&rows, "text,words,n,tags,y,z\n");
    for (int i = 0; i < 40; i++)
        ludc_buf_addf(&rows, "text %d,a %s,%d,%s x%d,%s,%d\n", i % 5, labels[i % 3], i * 7 % 11, labels[i % 3], i % 2,
                      labels[i % 3], i % 3);
    CHECK_OK(ludc_file_write(w->config, text.ptr, text.len, &err), err);
    CHECK_OK(ludc_file_write(w->data, rows.ptr, rows.len, &err), err);
    ludc_buf_free(&text);
    ludc_buf_free(&rows);
    ludc_free(model);
}

static void free_world(world *w) {
    char **const all[] = {&w->dir, &w->config, &w->data, &w->results, &w->saved, &w->out};
    (void)ludc_dir_remove(w->dir, NULL);
    for (size_t i = 0; i < LUDC_COUNT(all); i++)
        ludc_free(*all[i]);
}

static lud_status count_text(void *arg, lud_str text) {
    *(size_t *)arg += text.len;
    return LUD_OK;
}

static void ignore_log(void *arg, int32_t level, const char *text) {
    (void)arg, (void)level, (void)text;
}

static lud_status open_session(lud_session **s, lud_error *err) {
    static const lud_events events = {.struct_size = sizeof events, .log = ignore_log};
    return api_session(&events, 1, s, err);
}

static lud_status train(const world *w, lud_model *m, lud_error *err) {
    static lud_train_result result;
    const lud_train_opts opts = {.struct_size = sizeof opts,
                                 .data = {.struct_size = sizeof opts.data, .dataset = w->data},
                                 .output_directory = w->results,
                                 .evaluate_test = 1};
    return lud_model_train(m, &opts, &result, err);
}

static lud_predict_opts all_rows(const world *w) {
    return (lud_predict_opts){.struct_size = sizeof(lud_predict_opts),
                              .data = {.struct_size = sizeof(lud_data_source), .dataset = w->data},
                              .output_path = w->out};
}

static lud_status create(const world *w, lud_session *s, lud_model **m, lud_error *err) {
    const lud_config_source source = {.struct_size = sizeof source, .path = w->config};
    return lud_model_create(s, &source, m, err);
}

static void test_life(const world *w) {
    lud_error err = LUDC_ERROR_INIT;
    lud_session *s = NULL;
    lud_model *m = NULL, *again = NULL;
    size_t n = 0;
    const lud_predict_opts opts = all_rows(w);
    CHECK_OK(open_session(&s, &err), err);
    CHECK_OK(create(w, s, &m, &err), err);
    CHECK_INT(lud_model_predict(m, &opts, &err), LUD_E_INVALID); /* never trained */
    err = (lud_error)LUDC_ERROR_INIT;
    CHECK_OK(train(w, m, &err), err);
    CHECK_OK(train(w, m, &err), err);
    CHECK_OK(lud_model_evaluate(m, &opts, count_text, &n, &err), err);
    CHECK(n > 100);
    CHECK_OK(lud_model_save(m, w->saved, &err), err);
    CHECK_INT(lud_model_save(m, w->saved, &err), LUD_E_IO); /* it is there already */
    err = (lud_error)LUDC_ERROR_INIT;
    lud_model_free(m);
    CHECK_OK(lud_model_load(s, w->saved, &again, &err), err);
    CHECK_OK(lud_model_predict(again, &opts, &err), err);
    CHECK_OK(train(w, again, &err), err);
    lud_model_free(again);
    lud_session_close(s);
}

/* Everything once, until something fails. */
static lud_status whole_run(const world *w, lud_session *s, lud_error *err) {
    lud_model *m = NULL;
    size_t n = 0;
    const lud_predict_opts opts = all_rows(w);
    lud_status status = create(w, s, &m, err);
    if (status == LUD_OK) status = train(w, m, err);
    lud_model_free(m);
    m = NULL;
    if (status == LUD_OK) status = lud_model_load(s, w->saved, &m, err);
    if (status == LUD_OK) status = lud_model_evaluate(m, &opts, count_text, &n, err);
    lud_model_free(m);
    return status;
}

static void test_out_of_memory(const world *w, bool persistent, int64_t step) {
    lud_session *s = NULL;
    lud_error err = LUDC_ERROR_INIT;
    int failed = 0;
    CHECK_OK(open_session(&s, &err), err);
    const uint64_t before = ludc_alloc_count();
    CHECK_OK(whole_run(w, s, &err), err);
    const int64_t total = (int64_t)(ludc_alloc_count() - before);
    for (int64_t n = 0; n < total; n += n < 40 ? 1 : step) {
        err = (lud_error)LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, persistent);
        const lud_status status = whole_run(w, s, &err);
        ludc_alloc_fail_after(-1, false);
        failed += status != LUD_OK;
        CHECK(status == LUD_OK || err.msg[0] != '\0');
        if (status != LUD_OK && err.code != LUD_E_NOMEM)
            fprintf(stderr, "allocation %lld: %s\n", (long long)n, err.msg);
        (void)ludc_dir_remove(w->results, NULL);
    }
    printf("%lld allocations, %d runs failed\n", (long long)total, failed);
    CHECK(failed > 50);
    lud_session_close(s);
}

int main(void) {
    world w;
    make_world(&w);
    test_life(&w);
    test_out_of_memory(&w, false, 293);
    test_out_of_memory(&w, true, 1009);
    free_world(&w);
    return check_done();
}
