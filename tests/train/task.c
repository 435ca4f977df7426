/* SPDX-License-Identifier: Apache-2.0
 * See task.h. */
#include "task.h"

#include <config.h>
#include <stdlib.h>

#define CONFIG                                                                                                         \
    "input_features:\n"                                                                                                \
    "  - {name: a, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '%s', reduce_output: " \
    "mean%s}}\n"                                                                                                       \
    "  - {name: b, type: text, encoder: {type: auto_transformer, pretrained_model_name_or_path: '%s', reduce_output: " \
    "attention%s}%s}\n"                                                                                                \
    "  - {name: n, type: number, encoder: {type: dense, output_size: 5, activation: tanh}}\n"                          \
    "  - {name: c, type: category, encoder: {type: dense, embedding_size: 3}}\n"                                       \
    "output_features:\n"                                                                                               \
    "  - {name: z, type: number, dependencies: [y], loss: {type: huber, weight: 0.5}}\n"                               \
    "  - {name: y, type: category, calibration: true, loss: {class_weights: [1, 2, 0.5]},\n"                           \
    "     decoder: {num_fc_layers: 1, fc_output_size: 6, fc_activation: tanh}}\n"                                      \
    "combiner: {type: concat, num_fc_layers: 1, output_size: 7, activation: tanh, norm: layer, dropout: 0.1}\n"        \
    "trainer: {batch_size: 4, epochs: 2, learning_rate: 0.01}\n"                                                       \
    "backend: {type: local, device: %s}\n"

static const char metadata_text[] =
    "{\"a\": {\"type\": \"text\", \"width\": 1}, \"b\": {\"type\": \"text\", \"width\": 1},"
    " \"n\": {\"type\": \"number\", \"width\": 1}, \"c\": {\"type\": \"category\", \"width\": 4},"
    " \"z\": {\"type\": \"number\", \"width\": 1},"
    " \"y\": {\"type\": \"category\", \"width\": 3, \"idx2str\": [\"r\", \"g\", \"b\"]}}";

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void fill_text(ludc_column *c, uint32_t *state) {
    c->kind = LUDC_COLUMN_LISTS;
    c->offsets = ludc_alloc((TASK_ROWS + 1) * sizeof *c->offsets);
    c->ids = ludc_alloc(TASK_ROWS * 9 * sizeof *c->ids);
    for (size_t i = 0; i < TASK_ROWS; i++) {
        c->offsets[i + 1] = c->offsets[i] + 1 + next(state) % 9;
        for (int64_t t = c->offsets[i]; t < c->offsets[i + 1]; t++)
            c->ids[t] = (int32_t)(5 + next(state) % 150);
    }
}

static void fill(ludc_column *c, int kind, uint32_t classes, uint32_t *state) {
    c->kind = kind;
    if (kind == LUDC_COLUMN_IDS) c->ids = ludc_alloc(TASK_ROWS * sizeof *c->ids);
    if (kind == LUDC_COLUMN_REALS) c->reals = ludc_alloc(TASK_ROWS * sizeof *c->reals);
    for (size_t i = 0; i < TASK_ROWS; i++) {
        if (c->ids) c->ids[i] = (int32_t)(next(state) % classes);
        if (c->reals) c->reals[i] = (float)next(state) / 32768.0f - 1.0f;
    }
}

static lud_status make_rows(task *t, lud_error *err) {
    static const float class_weights[TASK_CLASSES] = {1, 2, 0.5f};
    uint32_t state = 7;
    LUDC_TRY(ludc_task_rows_init(&t->rows, t->p, err));
    t->rows.n = TASK_ROWS;
    t->rows.first_row = 100;
    fill_text(&t->rows.inputs[0], &state);
    fill_text(&t->rows.inputs[1], &state);
    fill(&t->rows.inputs[2], LUDC_COLUMN_REALS, 0, &state);
    fill(&t->rows.inputs[3], LUDC_COLUMN_IDS, 4, &state);
    fill(&t->rows.outputs[0], LUDC_COLUMN_REALS, 0, &state);
    fill(&t->rows.outputs[1], LUDC_COLUMN_IDS, TASK_CLASSES, &state);
    for (size_t i = 0; i < 4; i++) {
        t->rows.inputs[i].rows = TASK_ROWS;
        t->rows.inputs[i].width = 1;
    }
    for (size_t k = 0; k < 2; k++) {
        t->rows.outputs[k].rows = TASK_ROWS;
        t->rows.outputs[k].width = 1;
        t->rows.weights[k] = ludc_alloc(TASK_ROWS * sizeof(float));
    }
    for (size_t i = 0; i < TASK_ROWS; i++) {
        t->rows.weights[0][i] = i == 7 ? 0.0f : 1.0f;
        t->rows.weights[1][i] = i == 3 ? 0.0f : class_weights[t->rows.outputs[1].ids[i]];
    }
    return LUD_OK;
}

static lud_status open_all(const golden *g, const char *text, size_t n, int32_t real, const char *weights, task *t,
                           lud_error *err) {
    LUDC_TRY(ludc_config_parse(text, n, "task.yaml", NULL, 0, &t->config, err));
    LUDC_TRY(ludc_json_parse(metadata_text, sizeof metadata_text - 1, "metadata", false, false, &t->metadata, err));
    const ludc_predictor_spec spec = {.host = g->host,
                                      .config = t->config.full,
                                      .metadata = t->metadata,
                                      .weights = weights,
                                      .for_training = true,
                                      .seed = 11,
                                      .real = real};
    LUDC_TRY(ludc_predictor_open(&spec, &t->p, err));
    return make_rows(t, err);
}

lud_status task_open(const golden *g, const char *encoder, const char *how, const char *second, const char *device,
                     int32_t real, const char *weights, task *t, lud_error *err) {
    ludc_buf text = {0};
    ludc_buf_addf(&text, CONFIG, encoder, how, encoder, how, second, device);
    *t = (task){0};
    const lud_status status = text.failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory")
                                          : open_all(g, text.ptr, text.len, real, weights, t, err);
    ludc_buf_free(&text);
    if (status != LUD_OK) task_close(t);
    return status;
}

void task_close(task *t) {
    if (t->p) ludc_task_rows_free(&t->rows, t->p);
    ludc_predictor_free(t->p);
    ludc_value_free(t->metadata);
    ludc_config_free(&t->config);
    *t = (task){0};
}

char *task_encoder(void) {
    const char *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    return ludc_path_join(source ? source : ".", "tests/golden/data/encoders/electra");
}
