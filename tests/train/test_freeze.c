/* SPDX-License-Identifier: Apache-2.0
 * trainer.layers_to_freeze_regex: what matches keeps its bits through training, what does not changes; a saved
 * predictor holds no frozen value and comes back bit for bit; an expression that leaves nothing to train is refused. */
#include <check.h>
#include <config.h>
#include <train.h>
#include <unistd.h>

enum { ROWS = 8, TOKENS = 5 };
static const int32_t some_ids[TOKENS] = {5, 9, 17, 23, 31};

static ludc_host *host;
static char *models; /* tests/golden/data */

static ludc_value *parse(const char *json) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(json, strlen(json), "<test>", false, false, &v, &err), err);
    return v;
}

/* ---- Values of a store before and after ---- */
static float **values_of(ludc_store *store) {
    float **all = ludc_alloc(ludc_store_len(store) * sizeof *all);
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < ludc_store_len(store); i++) {
        all[i] = ludc_alloc((size_t)ludc_store_at(store, i)->count * sizeof **all);
        CHECK_OK(ludc_store_get(store, i, all[i], &err), err);
    }
    return all;
}

static void values_free(float **all, size_t n) {
    for (size_t i = 0; i < n; i++)
        ludc_free(all[i]);
    ludc_free(all);
}

static bool same(const ludc_store *store, size_t i, float *const *a, float *const *b) {
    return memcmp(a[i], b[i], (size_t)ludc_store_at(store, i)->count * sizeof **a) == 0;
}

/* Frozen are the names with `word` in them. Their bits stay; all others change, but for words that no row has. */
static void check_values(ludc_store *store, float *const *before, float *const *after, const char *word) {
    size_t n_frozen = 0;
    for (size_t i = 0; i < ludc_store_len(store); i++) {
        const ludc_param *p = ludc_store_at(store, i);
        const bool frozen = strstr(p->name, word) != NULL;
        n_frozen += frozen;
        CHECK_INT(p->trainable, !frozen);
        CHECK_INT(same(store, i, before, after), frozen);
        if (same(store, i, before, after) != frozen) fprintf(stderr, "%s\n", p->name);
    }
    CHECK(n_frozen > 3 && n_frozen < ludc_store_len(store));
}

/* ---- A language model ---- */
static lud_status open_language(const char *adapter, const char *expression, ludc_value **config, ludc_model **m,
                                lud_error *err) {
    ludc_buf text = {0};
    ludc_buf_addf(&text,
                  "{\"base_model\": \"%s/tiny/llama\", \"adapter\": %s, \"backend\": {\"device\": \"reference\"},"
                  "\"trainer\": {\"epochs\": 2, \"batch_size\": 4, \"learning_rate\": 0.01, \"early_stop\": -1,"
                  "\"optimizer\": {\"type\": \"adamw\"}, \"layers_to_freeze_regex\": \"%s\"}}",
                  models, adapter, expression);
    *config = parse(text.ptr);
    ludc_buf_free(&text);
    const ludc_model_spec spec = {.host = host, .config = *config, .for_training = true, .seed = 7};
    return ludc_model_open(&spec, m, err);
}

static void train_language(const char *adapter) {
    ludc_value *config = NULL;
    ludc_model *m = NULL;
    ludc_rows rows[LUDC_N_SPLITS] = {{0}};
    ludc_trainee t;
    ludc_train_state state;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(open_language(adapter, "layers\\\\.0\\\\.", &config, &m, &err), err);
    if (!m) return;
    const ludc_value *trainer = ludc_value_get(config, "trainer");
    for (uint64_t i = 0; i < ROWS; i++)
        CHECK_OK(ludc_rows_add(&rows[0], some_ids, 2, some_ids + 2, TOKENS - 2, i, 64, &err), err);
    CHECK_OK(ludc_rows_end(&rows[0], &err), err);
    ludc_store *store = ludc_model_store(m);
    float **before = values_of(store);
    CHECK_OK(ludc_language_trainee(m, trainer, LUDC_STR("answer"), rows, 7, &t, &err), err);
    CHECK_OK(ludc_train(&t, trainer, 7, NULL, &state, &err), err);
    float **after = values_of(store);
    if (adapter[0] == 'n') check_values(store, before, after, "layers.0.");
    for (size_t i = 0; i < ludc_store_len(store); i++) {
        const char *name = ludc_store_at(store, i)->name;
        const bool lora = strstr(name, "lora") != NULL, frozen = strstr(name, "layers.0.") != NULL;
        if (adapter[0] != 'n') CHECK_INT(same(store, i, before, after), frozen || !lora);
    }
    values_free(before, ludc_store_len(store));
    values_free(after, ludc_store_len(store));
    t.free(t.self);
    ludc_rows_free(&rows[0]);
    ludc_model_free(m);
    ludc_value_free(config);
}

static void expect(const char *expression, lud_status want, const char *words) {
    ludc_value *config = NULL;
    ludc_model *m = NULL;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(open_language("null", expression, &config, &m, &err), want);
    if (words) CHECK(strstr(err.msg, words) != NULL);
    ludc_model_free(m);
    ludc_value_free(config);
}

/* ---- A predictor with a trained encoder ---- */
static ludc_predictor *open_predictor(const ludc_config *config, const ludc_value *metadata, const char *weights,
                                      bool for_training) {
    ludc_predictor *p = NULL;
    lud_error err = LUDC_ERROR_INIT;
    const ludc_predictor_spec spec = {.host = host,
                                      .config = config->full,
                                      .metadata = metadata,
                                      .weights = weights,
                                      .for_training = for_training,
                                      .seed = 7};
    CHECK_OK(ludc_predictor_open(&spec, &p, &err), err);
    return p;
}

static void fill_rows(const ludc_predictor *p, ludc_task_rows *d) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_task_rows_init(d, p, &err), err);
    d->n = ROWS;
    d->inputs[0] = (ludc_column){.kind = LUDC_COLUMN_LISTS, .rows = ROWS, .width = 1};
    d->inputs[0].ids = ludc_alloc(ROWS * TOKENS * sizeof(int32_t));
    d->inputs[0].offsets = ludc_alloc((ROWS + 1) * sizeof(int64_t));
    d->outputs[0] = (ludc_column){.kind = LUDC_COLUMN_IDS, .rows = ROWS, .width = 1};
    d->outputs[0].ids = ludc_alloc(ROWS * sizeof(int32_t));
    d->weights[0] = ludc_alloc(ROWS * sizeof(float));
    for (int32_t i = 0; i < ROWS; i++) {
        memcpy(d->inputs[0].ids + i * TOKENS, some_ids, sizeof some_ids);
        d->inputs[0].ids[i * TOKENS] += i;
        d->inputs[0].offsets[i + 1] = (i + 1) * TOKENS;
        d->outputs[0].ids[i] = i % 2;
        d->weights[0][i] = 1.0f;
    }
}

static void saved_and_back(ludc_predictor *p, const ludc_config *config, const ludc_value *metadata,
                           float *const *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_tensors *file = NULL;
    char path[] = "/tmp/freezeXXXXXX";
    CHECK(mkstemp(path) >= 0);
    CHECK_OK(ludc_predictor_save(p, path, &err), err);
    CHECK_OK(ludc_safetensors_open(path, &file, &err), err);
    size_t n_saved = 0;
    for (size_t i = 0; i < ludc_store_len(p->store); i++)
        n_saved += ludc_store_at(p->store, i)->trainable;
    CHECK_INT(ludc_tensors_len(file), n_saved);
    ludc_tensors_free(file);
    for (int training = 0; training < 2; training++) {
        ludc_predictor *again = open_predictor(config, metadata, path, training);
        float **got = values_of(again->store);
        for (size_t i = 0; i < ludc_store_len(p->store); i++)
            CHECK(same(p->store, i, got, want));
        values_free(got, ludc_store_len(again->store));
        ludc_predictor_free(again);
    }
    unlink(path);
}

static void train_predictor(void) {
    ludc_buf text = {0};
    ludc_config config = {0};
    ludc_task_rows rows[LUDC_N_SPLITS] = {{0}};
    ludc_trainee t;
    ludc_train_state state;
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *metadata = parse("{\"body\": {\"type\": \"text\"}, \"label\": {\"type\": \"category\", \"width\": 2, "
                                 "\"idx2str\": [\"a\", \"b\"]}}");
    ludc_buf_addf(
        &text,
        "{\"input_features\": [{\"name\": \"body\", \"type\": \"text\", \"encoder\": {\"type\": \"auto_transformer\","
        "\"pretrained_model_name_or_path\": \"%s/encoders/electra\", \"trainable\": true}}],"
        "\"output_features\": [{\"name\": \"label\", \"type\": \"category\"}], \"trainer\": {\"epochs\": 2,"
        "\"batch_size\": 4, \"learning_rate\": 0.01, \"layers_to_freeze_regex\": \"embed|layer.0\"},"
        "\"backend\": {\"device\": \"reference\"}}",
        models);
    CHECK_OK(ludc_config_parse(text.ptr, text.len, "<test>", NULL, 0, &config, &err), err);
    ludc_predictor *p = open_predictor(&config, metadata, NULL, true);
    if (!p) return;
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        CHECK_OK(ludc_task_rows_init(&rows[i], p, &err), err);
    ludc_task_rows_free(&rows[0], p);
    fill_rows(p, &rows[0]);
    const ludc_value *trainer = ludc_value_get(config.full, "trainer");
    float **before = values_of(p->store);
    CHECK_OK(ludc_predictive_trainee(p, trainer, rows, &t, &err), err);
    CHECK_OK(ludc_train(&t, trainer, 7, NULL, &state, &err), err);
    float **after = values_of(p->store);
    for (size_t i = 0; i < ludc_store_len(p->store); i++) {
        const char *name = ludc_store_at(p->store, i)->name;
        const bool frozen = strstr(name, "embed") || strstr(name, "layer.0");
        /* The bias of keys has no gradient: softmax does not see it. */
        if (strstr(name, "key.bias")) continue;
        CHECK_INT(same(p->store, i, before, after), frozen);
    }
    saved_and_back(p, &config, metadata, after);
    values_free(before, ludc_store_len(p->store));
    values_free(after, ludc_store_len(p->store));
    t.free(t.self);
    for (int i = 0; i < LUDC_N_SPLITS; i++)
        ludc_task_rows_free(&rows[i], p);
    ludc_predictor_free(p);
    ludc_config_free(&config);
    ludc_value_free(metadata);
    ludc_buf_free(&text);
}

int main(void) {
    lud_error err = LUDC_ERROR_INIT;
    const char *root = getenv("LUDWIG_TEST_BINARY_DIR"), *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    char *plugins = ludc_path_join(root ? root : ".", "lib/ludwig/plugins-1");
    models = ludc_path_join(source ? source : ".", "tests/golden/data");
    const char *paths[] = {plugins};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1, .threads = 1};
    const lud_status status = ludc_model_host_new(&opts, &host, &err);
    CHECK_OK(status, err);
    if (status == LUD_OK) {
        train_language("null");
        train_language("{\"type\": \"lora\"}");
        train_predictor();
        expect("no_such_name", LUD_OK, NULL);
        expect("", LUD_OK, NULL);
        expect("e", LUD_E_INVALID, "freezes all");
        expect("(", LUD_E_INVALID, "wrong at character 1");
    }
    ludc_host_free(host);
    ludc_free(plugins);
    ludc_free(models);
    return check_done();
}
