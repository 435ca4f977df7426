/* SPDX-License-Identifier: Apache-2.0
 * cache_encoder_embeddings where an encoder is trained in part: metrics and weights are bit for bit those without it,
 * the cut lies where the config says, a second run computes nothing, a killed one loses nothing that it computed. The
 * models are tiny ones of two layers, written again with four. */
#include "check.h"
#include "support.h"

#include <formats.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANGUAGE, PREDICTIVE };

static const char language_text[] =
    "model_type: llm\n"
    "base_model: '%s'\n"
    "input_features: [{name: text, type: text, preprocessing: {cache_encoder_embeddings: %s}}]\n"
    "output_features: [{name: y, type: text}]\n"
    "preprocessing: {split: {probabilities: [0.7, 0.2, 0.1]}}\n"
    "trainer: {type: finetune, epochs: 3, batch_size: 8, learning_rate: 0.01%s}\n"
    "backend: {type: local, cache_dir: '%s', precision: %s}\n"
    "%s\n";

static const char predictive_text[] =
    "input_features:\n"
    "  - {name: text, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '%s'%s}, "
    "preprocessing: {cache_encoder_embeddings: %s}}\n"
    "%s\n"
    "output_features: [{name: y, type: category}]\n"
    "preprocessing: {split: {probabilities: [0.7, 0.2, 0.1]}}\n"
    "trainer: {epochs: 3, batch_size: 8, learning_rate: 0.01%s}\n"
    "backend: {type: local, cache_dir: '%s', precision: %s}\n";

static const struct {
    int type;
    const char *more;    /* the adapter section; or more of the encoder */
    const char *inputs;  /* PREDICTIVE: more inputs */
    const char *trainer; /* more of it */
    const char *says;    /* in the log of a run with the cache */
} cases[] = {
    {LANGUAGE, "adapter: {type: lora, r: 2, dropout: 0.3, layers_to_transform: [2, 3]}", "", "",
     "layers 0 to 1 of 4 of "},
    {LANGUAGE, "adapter: {type: lora, r: 2, dropout: 0.0, layers_to_transform: 3}", "", "", "layers 0 to 2 of 4 of "},
    {LANGUAGE, "adapter: {type: lora, r: 2, dropout: 0.3}", "",
     ", layers_to_freeze_regex: 'layers[.]0[.]'", /* dropout */
     "no layer lies below 'dropout', which is random"},
    {LANGUAGE, "adapter: {type: lora, r: 2, dropout: 0.0}", "", ", layers_to_freeze_regex: 'layers[.]0[.]'",
     "layers 0 to 0 of 4 of "},
    {LANGUAGE, "adapter: {type: lora, r: 2, dropout: 0.0}", "", "", "no layer lies below 'model.layers.0."},
    {LANGUAGE, "", "", ", layers_to_freeze_regex: 'embed|layers[.][01][.]'", "layers 0 to 1 of 4 of "},
    {LANGUAGE, "", "", ", layers_to_freeze_regex: 'layers[.][0-3][.]'",
     "no layer lies below 'model.embed_tokens.weight'"},
    {PREDICTIVE, ", reduce_output: mean, adapter: {type: lora, r: 2, dropout: 0.2, layers_to_transform: [3]}", "", "",
     "layers 0 to 2 of 4 of "},
    {PREDICTIVE, ", reduce_output: cls, trainable: true", "  - {name: again, column: text, type: text, tied: text}",
     ", layers_to_freeze_regex: 'embed|layer[.][01][.]'", "layers 0 to 1 of 4 of "},
    {PREDICTIVE, ", reduce_output: attention", "  - {name: words, type: text, column: text, encoder: {type: embed}}",
     "", "layers 0 to 3 of 4 of "},
    {PREDICTIVE, ", reduce_output: mean, trainable: true", "", "", "no layer lies below"},
    {PREDICTIVE, ", reduce_output: mean",
     "  - {name: words, type: text, column: text, encoder: {type: embed}, preprocessing: {cache_encoder_embeddings: "
     "true}}",
     "", "'words': cache_encoder_embeddings: nothing is kept: it has no base model"},
};

typedef struct world {
    char *dir, *data, *cache, *results, *models[2];
    char run_dir[4096];
    const char *precision;
    ludc_buf log, metrics, weights; /* of the last run */
    int steps;                      /* of the last run; at step kill_at the process ends */
    int kill_at;
} world;

/* ---- Models of four layers, and rows ---- */
/* A copy under the name of two layers further up; heap. NULL: it lies in no layer. */
static char *name_above(const char *name) {
    const char *at = strstr(name, "layers.");
    if (!at) at = strstr(name, "layer.");
    const size_t digit = at ? (size_t)(strchr(at, '.') + 1 - name) : 0;
    char *copy = at ? ludc_strdup(name) : NULL;
    if (copy) copy[digit] = (char)(copy[digit] + 2);
    return copy;
}

static void deepen_weights(const char *from, const char *to) {
    ludc_tensors *file = NULL;
    ludc_save_tensor list[256];
    size_t n = 0;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_safetensors_open(from, &file, &err), err);
    for (size_t i = 0; file && i < ludc_tensors_len(file); i++) {
        const ludc_file_tensor *t = ludc_tensors_at(file, i);
        ludc_save_tensor s = {.name = ludc_strdup(t->name), .dtype = LUDC_F32, .rank = t->rank};
        float *values = ludc_alloc((size_t)t->count * sizeof *values);
        memcpy(s.dim, t->dim, sizeof s.dim);
        CHECK_OK(ludc_tensor_to_f32(t, 0, t->count, values, &err), err);
        s.data = values;
        list[n++] = s;
        char *above = name_above(t->name);
        if (!above) continue;
        list[n] = s;
        list[n++].name = above;
    }
    CHECK_OK(ludc_safetensors_save(to, list, n, &err), err);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || list[i].data != list[i - 1].data) ludc_free((float *)list[i].data);
        ludc_free((char *)list[i].name);
    }
    ludc_tensors_free(file);
}

static bool deepen_file(const char *name, const char *from, const char *to) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf text = {0};
    if (strcmp(name, "model.safetensors") == 0) {
        deepen_weights(from, to);
        return true;
    }
    if (strcmp(name, "config.json") != 0) return false;
    CHECK_OK(ludc_file_read(from, &text, &err), err);
    char *layers = strstr(text.ptr, "\"num_hidden_layers\": 2");
    if (layers) layers[strlen("\"num_hidden_layers\": ")] = '4';
    CHECK_OK(ludc_file_write(to, text.ptr, text.len, &err), err);
    ludc_buf_free(&text);
    return true;
}

static char *deepen(const char *dir, const char *from, const char *name) {
    char *folder = api_source(from), *made = api_file(dir, name);
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(api_copy_model(folder, made, deepen_file, &err), err);
    ludc_free(folder);
    return made;
}

static void make_world(world *w) {
    char template[] = "/tmp/ludwig-prefix-XXXXXX";
    ludc_buf rows = {0};
    lud_error err = LUDC_ERROR_INIT;
    *w = (world){.dir = ludc_strdup(mkdtemp(template)), .precision = "auto"};
    w->data = api_file(w->dir, "data.csv");
    w->cache = api_file(w->dir, "cache");
    w->results = api_file(w->dir, "results");
    w->models[LANGUAGE] = deepen(w->dir, "tests/golden/data/tiny/llama", "llama");
    w->models[PREDICTIVE] = deepen(w->dir, "tests/golden/data/encoders/electra", "electra");
    ludc_buf_adds(&rows, "text,y\n");
    for (int i = 0; i < 30; i++) /* some more than once, one empty, one not in ASCII */
        ludc_buf_addf(&rows, "%s%.*s,%s\n",
                      i % 9 == 8   ? ""
                      : i % 9 == 7 ? "gr\u00fc\u00df "
                                   : "a text ",
                      i % 9 == 8 ? 0 : i % 9, "of nine letters", i % 3 ? "yes" : "no");
    CHECK_OK(ludc_file_write(w->data, rows.ptr, rows.len, &err), err);
    ludc_buf_free(&rows);
}

static void free_world(world *w) {
    char **const all[] = {&w->dir, &w->data, &w->cache, &w->results, &w->models[0], &w->models[1]};
    ludc_buf *const bufs[] = {&w->log, &w->metrics, &w->weights};
    (void)ludc_dir_remove(w->dir, NULL);
    for (size_t i = 0; i < LUDC_COUNT(all); i++)
        ludc_free(*all[i]);
    for (size_t i = 0; i < LUDC_COUNT(bufs); i++)
        ludc_buf_free(bufs[i]);
}

/* ---- A run ---- */
static void take_log(void *arg, int32_t level, const char *text) {
    world *w = arg;
    (void)level;
    ludc_buf_addf(&w->log, "%s\n", text);
}

static void take_metrics(void *arg, const lud_evaluation *e) {
    world *w = arg;
    for (uint64_t i = 0; i < e->n_metrics; i++)
        ludc_buf_addf(&w->metrics, "%s.%s %a %a %a\n", e->metrics[i].feature, e->metrics[i].name,
                      e->metrics[i].training, e->metrics[i].validation, e->metrics[i].test);
}

static void count_steps(void *arg, const lud_progress *p) {
    world *w = arg;
    if (strcmp(p->phase, "train") == 0 && ++w->steps == w->kill_at) _exit(9);
}

static lud_status open_session(world *w, lud_events *events, lud_session **s, lud_error *err) {
    *events = (lud_events){
        .struct_size = sizeof *events, .arg = w, .log = take_log, .progress = count_steps, .evaluated = take_metrics};
    return api_session(events, 1, s, err);
}

static void read_weights(world *w, int type, const char *more) {
    const char *name = type == PREDICTIVE ? "model/model_weights/model.safetensors"
                       : *more            ? "model/model_weights/adapter_model.safetensors"
                                          : "model/model_weights/model.safetensors";
    lud_error err = LUDC_ERROR_INIT;
    char *path = api_file(w->run_dir, name);
    CHECK_OK(ludc_file_read(path, &w->weights, &err), err);
    ludc_free(path);
}

static void clear(world *w) {
    ludc_buf_free(&w->log);
    ludc_buf_free(&w->metrics);
    ludc_buf_free(&w->weights);
    w->log = w->metrics = w->weights = (ludc_buf){0};
    w->steps = 0;
}

static lud_status run_in(world *w, lud_session *s, size_t number, bool cached, lud_error *err) {
    static lud_train_result result;
    const char *more = cases[number].more, *inputs = cases[number].inputs, *trainer = cases[number].trainer;
    const char *word = cached ? "true" : "false", *model = w->models[cases[number].type];
    ludc_buf text = {0};
    lud_model *m = NULL;
    if (cases[number].type == LANGUAGE)
        ludc_buf_addf(&text, language_text, model, word, trainer, w->cache, w->precision, more);
    else
        ludc_buf_addf(&text, predictive_text, model, more, word, inputs, trainer, w->cache, w->precision);
    const lud_config_source source = {.struct_size = sizeof source, .text = text.ptr};
    const lud_train_opts opts = {.struct_size = sizeof opts,
                                 .data = {.struct_size = sizeof opts.data, .dataset = w->data},
                                 .output_directory = w->results};
    lud_status status = text.failed ? ludc_fail(err, LUD_E_NOMEM, "no config") : lud_model_create(s, &source, &m, err);
    if (status == LUD_OK) status = lud_model_train(m, &opts, &result, err);
    if (status == LUD_OK) memcpy(w->run_dir, result.run_dir, sizeof w->run_dir);
    lud_model_free(m);
    ludc_buf_free(&text);
    return status;
}

static void run(world *w, size_t number, bool cached) {
    lud_error err = LUDC_ERROR_INIT;
    lud_events events;
    lud_session *s = NULL;
    clear(w);
    CHECK_OK(open_session(w, &events, &s, &err), err);
    CHECK_OK(run_in(w, s, number, cached, &err), err);
    read_weights(w, cases[number].type, cases[number].more);
    (void)ludc_dir_remove(w->results, NULL);
    lud_session_close(s);
}

static void check_says(const world *w, const char *text) {
    const bool found = w->log.ptr && strstr(w->log.ptr, text);
    CHECK(found);
    if (!found) fprintf(stderr, "not in the log: %s\n%s\n", text, w->log.ptr ? w->log.ptr : "");
}

/* The number before a word of the last line about the prefix; -1: there is none. */
static long long number_before(const world *w, const char *word) {
    const char *line = w->log.ptr, *last = NULL, *at;
    while (line && (line = strstr(line, "frozen prefix: ")))
        last = line++;
    at = last ? strstr(last, word) : NULL;
    if (!at) return -1;
    for (at -= 2; at > last && at[-1] >= '0' && at[-1] <= '9';)
        at--;
    return strtoll(at, NULL, 10);
}

/* ---- Tests ---- */
static bool same(const ludc_buf *a, const ludc_buf *b) {
    return a->len > 0 && a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

static void test_equal(world *w, size_t number) {
    const bool cut = strstr(cases[number].says, " of 4 of ") != NULL;
    run(w, number, false);
    ludc_buf metrics = w->metrics, weights = w->weights;
    w->metrics = w->weights = (ludc_buf){0};
    (void)ludc_dir_remove(w->cache, NULL);
    for (int again = 0; again < 2; again++) {
        run(w, number, true);
        check_says(w, cases[number].says);
        CHECK(same(&weights, &w->weights));
        CHECK(same(&metrics, &w->metrics));
        if (cut && !again) CHECK(number_before(w, "computed") > 0);
        if (cut && !again) CHECK(number_before(w, "from the cache") > number_before(w, "computed"));
        if (cut && again) CHECK_INT(number_before(w, "computed"), 0);
    }
    ludc_buf_free(&metrics);
    ludc_buf_free(&weights);
}

/* A run that is killed after its first step: the next one finds what it computed, and ends as one undisturbed. */
static void test_killed(world *w) {
    (void)ludc_dir_remove(w->cache, NULL);
    run(w, 0, true);
    const long long all = number_before(w, "computed");
    ludc_buf weights = w->weights;
    w->weights = (ludc_buf){0};
    (void)ludc_dir_remove(w->cache, NULL);
    fflush(NULL);
    const pid_t child = fork();
    int how = 0;
    if (child == 0) {
        w->kill_at = 1;
        run(w, 0, true);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &how, 0) == child);
    CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 9);
    run(w, 0, true);
    CHECK(number_before(w, "computed") > 0 && number_before(w, "computed") < all);
    CHECK(same(&weights, &w->weights));
    ludc_buf_free(&weights);
}

/* A folder that cannot be made: nothing is kept, and nothing is wrong. */
static void test_nowhere(world *w, size_t number) {
    lud_error err = LUDC_ERROR_INIT;
    (void)ludc_dir_remove(w->cache, NULL);
    run(w, number, true);
    const long long all = number_before(w, "computed");
    ludc_buf weights = w->weights;
    w->weights = (ludc_buf){0};
    (void)ludc_dir_remove(w->cache, NULL);
    CHECK_OK(ludc_file_write(w->cache, "x", 1, &err), err);
    run(w, number, true);
    check_says(w, "cannot be written");
    check_says(w, "(0.0 MB written)");
    CHECK(all > 0 && number_before(w, "computed") > 3 * all); /* three epochs */
    CHECK(same(&weights, &w->weights));
    (void)unlink(w->cache);
    ludc_buf_free(&weights);
}

/* Products in fp32 and in bf16 (where the processor has them) give different values: they share none. */
static void test_precision(world *w) {
    (void)ludc_dir_remove(w->cache, NULL);
    run(w, 0, true);
    w->precision = "fp32";
    run(w, 0, true);
    ludc_buf weights = w->weights;
    w->weights = (ludc_buf){0};
    run(w, 0, false);
    CHECK(same(&weights, &w->weights));
    w->precision = "auto";
    ludc_buf_free(&weights);
}

/* Each failing allocation ends the run with a message or does not matter; nothing leaks (under a sanitizer). */
static void test_out_of_memory(world *w, size_t number) {
    lud_error err = LUDC_ERROR_INIT;
    lud_events events;
    lud_session *s = NULL;
    CHECK_OK(open_session(w, &events, &s, &err), err);
    (void)ludc_dir_remove(w->cache, NULL);
    const uint64_t before = ludc_alloc_count();
    CHECK_OK(run_in(w, s, number, true, &err), err);
    const int64_t total = (int64_t)(ludc_alloc_count() - before), step = LUDC_MAX(total / 60, 1);
    for (int64_t n = 0; n < total; n += step) {
        err = (lud_error)LUDC_ERROR_INIT;
        clear(w);
        (void)ludc_dir_remove(w->cache, NULL);
        (void)ludc_dir_remove(w->results, NULL);
        ludc_alloc_fail_after(n, false);
        const lud_status status = run_in(w, s, number, true, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || err.msg[0] != '\0');
    }
    lud_session_close(s);
}

int main(void) {
    world w;
    make_world(&w);
    for (size_t i = 0; i < LUDC_COUNT(cases); i++)
        test_equal(&w, i);
    test_killed(&w);
    test_precision(&w);
    test_nowhere(&w, 0);
    test_nowhere(&w, 8);
    test_out_of_memory(&w, 0);
    test_out_of_memory(&w, 7);
    free_world(&w);
    return check_done();
}
