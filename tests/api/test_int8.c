/* SPDX-License-Identifier: Apache-2.0
 * backend.precision int8 behind the C API: a frozen encoder's vectors are made in int8 and cached apart from others; a
 * model with outliers that int8 cannot hold is found out and runs as with auto, to the bit; where a text stays a
 * sequence, or the encoder is trained, nothing is quantized. */
#include "check.h"
#include "support.h"

#include <formats.h>
#include <unistd.h>

static const char config_text[] =
    "input_features:\n"
    "  - {name: text, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '%s', %s}, "
    "preprocessing: {cache_encoder_embeddings: true}}\n"
    "output_features: [{name: y, type: category}]\n"
    "preprocessing: {split: {probabilities: [0.8, 0.1, 0.1]}}\n"
    "trainer: {epochs: 2, batch_size: 8}\n"
    "backend: {type: local, cache_dir: '%s', precision: %s}\n"
    "combiner: {type: %s}\n";

typedef struct world {
    char *dir, *data, *cache, *results, *out, *plain, *outliers;
    ludc_buf log, table; /* of the last run: what it said, its predictions */
} world;

/* ---- A model with outliers: a hidden unit of each layer is always 3000, and nobody reads it ---- */
static void spoil(const char *name, float *x, int64_t count, int64_t cols) {
    const bool down = strstr(name, ".output.dense.weight") && !strstr(name, "attention");
    for (int64_t i = 0; i < count; i++) {
        if (strstr(name, "intermediate.dense.weight")) x[i] *= 10.0f;
        if (down) x[i] = i % cols == 0 ? 0.0f : x[i] * 10.0f;
    }
    if (strstr(name, "intermediate.dense.bias")) x[0] = 3000.0f;
}

static void spoil_weights(const char *from, const char *to) {
    ludc_tensors *file = NULL;
    ludc_save_tensor list[128];
    size_t n = 0;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_safetensors_open(from, &file, &err), err);
    for (size_t i = 0; file && i < ludc_tensors_len(file) && n < LUDC_COUNT(list); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(file, i);
        float *values = ludc_alloc((size_t)t->count * sizeof *values);
        CHECK_OK(ludc_tensor_to_f32(t, 0, t->count, values, &err), err);
        spoil(t->name, values, t->count, t->dim[t->rank - 1]);
        list[n] = (ludc_save_tensor){.name = t->name, .dtype = LUDC_F32, .rank = t->rank, .data = values};
        memcpy(list[n++].dim, t->dim, sizeof t->dim);
    }
    CHECK_OK(ludc_safetensors_save(to, list, n, &err), err);
    for (size_t i = 0; i < n; i++)
        ludc_free((float *)list[i].data);
    ludc_tensors_free(file);
}

static bool spoil_file(const char *name, const char *from, const char *to) {
    if (strcmp(name, "model.safetensors") != 0) return false;
    spoil_weights(from, to);
    return true;
}

static void make_world(world *w) {
    char template[] = "/tmp/ludwig-int8-XXXXXX";
    ludc_buf rows = {0};
    lud_error err = LUDC_ERROR_INIT;
    *w = (world){.dir = ludc_strdup(mkdtemp(template))};
    w->data = api_file(w->dir, "data.csv");
    w->cache = api_file(w->dir, "cache");
    w->results = api_file(w->dir, "results");
    w->out = api_file(w->dir, "out.csv");
    w->outliers = api_file(w->dir, "outliers");
    w->plain = api_source("tests/golden/data/encoders/electra");
    CHECK_OK(api_copy_model(w->plain, w->outliers, spoil_file, &err), err);
    ludc_buf_adds(&rows, "text,y\n");
    for (int i = 0; i < 90; i++) /* some more than once, one empty, one not in ASCII */
        ludc_buf_addf(&rows, "%s %.*s,%s\n",
                      i == 7       ? ""
                      : i % 9 == 8 ? "gr\u00fc\u00df"
                                   : "a text",
                      i % 30, i == 7 ? "" : "of letters and some more of them", i % 3 ? "yes" : "no");
    CHECK_OK(ludc_file_write(w->data, rows.ptr, rows.len, &err), err);
    ludc_buf_free(&rows);
}

static void free_world(world *w) {
    char **const all[] = {&w->dir, &w->data, &w->cache, &w->results, &w->out, &w->plain, &w->outliers};
    (void)ludc_dir_remove(w->dir, NULL);
    for (size_t i = 0; i < LUDC_COUNT(all); i++)
        ludc_free(*all[i]);
    ludc_buf_free(&w->log);
    ludc_buf_free(&w->table);
}

/* ---- A run: trained, saved, loaded, asked ---- */
static void take_log(void *arg, int32_t level, const char *text) {
    world *w = arg;
    (void)level;
    ludc_buf_addf(&w->log, "%s\n", text);
}

static lud_status train_and_ask(world *w, lud_session *s, const char *config, lud_error *err) {
    static lud_train_result result;
    lud_model *m = NULL, *again = NULL;
    const lud_config_source source = {.struct_size = sizeof source, .text = config};
    const lud_train_opts opts = {.struct_size = sizeof opts,
                                 .data = {.struct_size = sizeof opts.data, .dataset = w->data},
                                 .output_directory = w->results};
    const lud_predict_opts ask = {
        .struct_size = sizeof ask, .data = {.struct_size = sizeof ask.data, .dataset = w->data}, .output_path = w->out};
    lud_status status = lud_model_create(s, &source, &m, err);
    if (status == LUD_OK) status = lud_model_train(m, &opts, &result, err);
    if (status == LUD_OK) ludc_buf_adds(&w->log, "ASKED\n");
    if (status == LUD_OK) status = lud_model_load(s, result.run_dir, &again, err);
    if (status == LUD_OK) status = lud_model_predict(again, &ask, err);
    lud_model_free(m);
    lud_model_free(again);
    return status;
}

static void run(world *w, const char *model, const char *encoder, const char *precision) {
    const lud_events events = {.struct_size = sizeof events, .arg = w, .log = take_log};
    lud_error err = LUDC_ERROR_INIT;
    lud_session *s = NULL;
    ludc_buf config = {0};
    ludc_buf_clear(&w->log);
    ludc_buf_clear(&w->table);
    const char *combiner = strstr(encoder, "null") ? "sequence_concat" : "concat";
    ludc_buf_addf(&config, config_text, model, encoder, w->cache, precision, combiner);
    CHECK_OK(api_session(&events, 1, &s, &err), err);
    CHECK_OK(train_and_ask(w, s, config.ptr, &err), err);
    CHECK_OK(ludc_file_read(w->out, &w->table, &err), err);
    (void)ludc_dir_remove(w->results, NULL);
    lud_session_close(s);
    ludc_buf_free(&config);
}

static void check_says(const world *w, const char *text, bool before, bool after) {
    const char *asked = strstr(w->log.ptr, "ASKED"), *first = strstr(w->log.ptr, text);
    const bool right = (first && first < asked) == before && (strstr(asked, text) != NULL) == after;
    CHECK(right);
    if (!right) fprintf(stderr, "'%s' is not where it should be in the log:\n%s\n", text, w->log.ptr);
}

/* ---- Tests ---- */
static const char taken[] = "int8: input 'text': cosine with ", refused[] = "at worst, which is below 0.99";

static void test_taken(world *w) {
    run(w, w->plain, "reduce_output: mean", "int8");
    check_says(w, taken, true, false); /* and kept with the model */
    check_says(w, refused, false, false);
    check_says(w, " 0 from the cache, ", true, false);
    run(w, w->plain, "reduce_output: mean", "auto"); /* other vectors: none of those is used */
    check_says(w, taken, false, false);
    check_says(w, " 0 from the cache, ", true, false);
    run(w, w->plain, "reduce_output: mean", "int8");
    check_says(w, taken, false, false); /* what is kept was measured when it was made */
    check_says(w, " 0 encoded in", true, false);
}

static void test_refused(world *w) {
    run(w, w->outliers, "reduce_output: mean", "auto");
    ludc_buf table = w->table;
    w->table = (ludc_buf){0};
    run(w, w->outliers, "reduce_output: mean", "int8");
    check_says(w, refused, true, false);
    check_says(w, " 0 encoded in", true, false);
    CHECK(table.len > 0 && table.len == w->table.len && memcmp(table.ptr, w->table.ptr, table.len) == 0);
    ludc_buf_free(&table);
}

/* An encoder that is trained is quantized once it is asked; a sequence never. */
static void test_untouched(world *w) {
    run(w, w->plain, "reduce_output: mean, adapter: {type: lora, r: 2}", "int8");
    check_says(w, taken, false, true);
    run(w, w->plain, "reduce_output: null", "int8");
    check_says(w, "int8: input", false, false);
}

int main(void) {
    world w;
    make_world(&w);
    test_taken(&w);
    test_refused(&w);
    test_untouched(&w);
    free_world(&w);
    return check_done();
}
