/* SPDX-License-Identifier: Apache-2.0
 * Category output of a language model, without training: one of the labels for each row, read off a generated answer or
 * the likeliest one; prediction columns and metrics as of every category. Labels come first that can be answered (of
 * the config, or of the training rows), then the fallback, then those that rows to be evaluated have besides. */
#include <answers.h>
#include <math.h>
#include <string.h>
#include <task_metrics.h>

#include "internal.h"

typedef struct work {
    lud_model *m;
    const ludc_value *feature, *decoder; /* sections of the config */
    bool scored;
    ludc_view v;
    ludc_prompter *p;
    ludc_replies a;
    ludc_value *metadata, *labels; /* {idx2str, width}; labels: idx2str in it */
    ludc_map *index;               /* of the labels */
    size_t n_answers;              /* labels that can be scored */
    int64_t fallback;
    ludc_matcher *matcher; /* generate */
    ludc_ids *answers;     /* score: [n_answers] tokens */
    double *log_probs;     /* score: [n, n_answers] */
    int32_t *targets;      /* evaluate: [n], -1 = none */
    float *scores;         /* [n, labels] */
    ludc_buf said;         /* of one row: the answer, or the log-likelihoods */
    ludc_cells cells;
    ludc_table *table;
    size_t unmatched; /* generate: answers that match no label */
    double loss;      /* score: sum over rows with a target */
    double begin;     /* of the scoring */
} work;

bool ludc_is_category(const lud_model *m) {
    return ludc_text_is(m->config.full, "output_features.0.type", "category");
}

static void work_free(work *w) {
    for (size_t k = 0; w->answers && k < w->n_answers; k++)
        ludc_ids_free(&w->answers[k]);
    ludc_prompter_free(w->p);
    ludc_replies_free(&w->a);
    ludc_value_free(w->metadata);
    ludc_map_free(w->index);
    ludc_matcher_free(w->matcher);
    ludc_free(w->answers);
    ludc_free(w->log_probs);
    ludc_free(w->targets);
    ludc_free(w->scores);
    ludc_buf_free(&w->said);
    ludc_cells_free(&w->cells);
    ludc_table_free(w->table);
}

/* ---- Labels ---- */
static lud_status add_label(work *w, lud_str label, int64_t *id, lud_error *err) {
    if (ludc_map_get(w->index, label, id)) return LUD_OK;
    *id = (int64_t)w->labels->len;
    if (!ludc_map_put(w->index, label, *id) || !ludc_value_push(w->labels, ludc_value_str(label)))
        return ludc_no_memory(err, NULL);
    return LUD_OK;
}

/* From the vocabulary, else the keys of match, else the training rows, most frequent first. */
static lud_status add_answers(work *w, const ludc_view *training, lud_error *err) {
    const ludc_value *vocab = ludc_value_find(w->feature, "preprocessing.vocab"),
                     *match = ludc_value_get(w->decoder, "match");
    ludc_value *learned = NULL;
    int64_t id;
    if (ludc_is_null(vocab) && ludc_is_null(match)) {
        if (!training->table)
            return ludc_fail(err, LUD_E_DATA,
                             "the labels are not known: give preprocessing.vocab of the output, or --training_set too");
        LUDC_TRY(ludc_feature_fit(w->feature, true, training->table, training->path, training->rows, training->n,
                                  &learned, err));
        vocab = ludc_value_get(learned, "idx2str");
    }
    const bool listed = !ludc_is_null(vocab);
    const size_t n = listed ? vocab->len : match->len;
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++)
        status = add_label(w, listed ? vocab->items[i]->u.s : match->keys[i], &id, err);
    ludc_value_free(learned);
    w->n_answers = w->labels->len;
    if (status == LUD_OK && w->n_answers < n)
        return ludc_fail(err, LUD_E_INVALID, "preprocessing.vocab: a label is there twice");
    return status;
}

static lud_status open_labels(work *w, const ludc_view *training, lud_error *err) {
    w->metadata = ludc_value_new(LUD_CFG_OBJECT);
    w->index = ludc_map_new(64);
    if (!w->metadata || !w->index || !ludc_value_put(w->metadata, "idx2str", ludc_value_new(LUD_CFG_LIST)))
        return ludc_no_memory(err, NULL);
    w->labels = ludc_value_get(w->metadata, "idx2str");
    LUDC_TRY(add_answers(w, training, err));
    if (w->scored) return LUD_OK;
    lud_str fallback = ludc_get_text(w->feature, "preprocessing.fallback_label");
    if (!fallback.len) fallback = ludc_get_text(w->decoder, "fallback_label");
    LUDC_TRY(add_label(w, fallback, &w->fallback, err));
    return ludc_matcher_new(ludc_value_get(w->decoder, "match"), &w->matcher, err);
}

/* A target that is no answer is a label of its own: such rows count, and count as wrong. */
static lud_status read_targets(work *w, lud_error *err) {
    const size_t known = w->labels->len;
    size_t missing = 0, odd = 0;
    w->targets = ludc_alloc(w->v.n * sizeof(*w->targets));
    if (!w->targets) return ludc_no_memory(err, NULL);
    for (size_t i = 0; i < w->v.n; i++) {
        const lud_str label = ludc_str_trim(ludc_prompter_target(w->p, ludc_view_row(&w->v, i)));
        int64_t id = -1;
        if (label.len) LUDC_TRY(add_label(w, label, &id, err));
        missing += label.len == 0;
        odd += id >= (int64_t)known;
        w->targets[i] = (int32_t)id;
    }
    if (missing) ludc_log(LUD_LOG_WARN, "%s: %zu rows have no label and are not counted", w->v.path, missing);
    if (odd)
        ludc_log(LUD_LOG_WARN, "%s: %zu rows have a label that cannot be answered ('%s' is the first): they are wrong",
                 w->v.path, odd, w->labels->items[known]->u.s.ptr);
    return LUD_OK;
}

/* ---- Answers ---- */
static void show_scored(void *arg, size_t rows) {
    const work *w = arg;
    const double done = (double)rows;
    ludc_session_show(w->m->session, "generate", "rows", done, (double)w->v.n, done, w->begin);
}

/* A label is tokenized as a target of training is: without special tokens, then the end of text. */
static lud_status score(work *w, lud_error *err) {
    w->answers = ludc_alloc(w->n_answers * sizeof(*w->answers));
    w->log_probs = ludc_alloc(w->v.n * w->n_answers * sizeof(*w->log_probs));
    if (!w->answers || !w->log_probs) return ludc_no_memory(err, NULL);
    for (size_t k = 0; k < w->n_answers; k++)
        LUDC_TRY(ludc_prompter_target_ids(w->p, w->labels->items[k]->u.s, &w->answers[k], err));
    w->begin = ludc_now();
    return ludc_score(w->m->model, w->a.views, w->v.n, w->answers, w->n_answers, show_scored, w, w->log_probs, err);
}

/* Probabilities: the softmax over the answers. */
static void fill_scored(work *w, size_t row, float *scores) {
    const double *l = w->log_probs + row * w->n_answers;
    const bool mean = ludc_get_bool(w->decoder, "length_normalization", false);
    double top = -INFINITY, sum = 0;
    for (int pass = 0; pass < 3; pass++)
        for (size_t k = 0; k < w->n_answers; k++) {
            const double x = mean ? l[k] / (double)w->answers[k].len : l[k];
            if (pass == 0) top = fmax(top, x);
            if (pass == 1) sum += exp(x - top);
            if (pass == 2) scores[k] = (float)(exp(x - top) / sum);
            if (pass == 2 && w->targets && w->targets[row] == (int32_t)k) w->loss -= x - top - log(sum);
        }
    if (w->targets && w->targets[row] >= (int32_t)w->n_answers) w->loss = INFINITY;
    for (size_t k = 0; k < w->n_answers; k++)
        ludc_buf_addf(&w->said, "%s%.9g", k ? ", " : "[", l[k]);
    ludc_buf_adds(&w->said, "]");
}

static lud_status fill_generated(work *w, size_t row, float *scores, lud_error *err) {
    const ludc_ids *ids = &w->a.completions[row].ids;
    const ludc_value *match = ludc_value_get(w->decoder, "match");
    const ludc_tokenizer *tokenizer = ludc_model_info_of(w->m->model)->tokenizer;
    int64_t entry, id = w->fallback;
    LUDC_TRY(ludc_tokenizer_decode(tokenizer, ids->ptr, ids->len, true, &w->said, err));
    LUDC_TRY(ludc_matcher_find(w->matcher, (lud_str){w->said.ptr ? w->said.ptr : "", w->said.len}, &entry, err));
    if (entry >= 0) ludc_map_get(w->index, match->keys[entry], &id);
    w->unmatched += entry < 0;
    scores[id] = 1;
    return LUD_OK;
}

/* ---- Predictions and metrics ---- */
static lud_status write_row(work *w, size_t row, lud_error *err) {
    const int64_t width = (int64_t)w->labels->len;
    float *scores = w->scores + row * (size_t)width;
    ludc_cells_clear(&w->cells);
    ludc_buf_clear(&w->said);
    if (w->scored)
        fill_scored(w, row, scores);
    else
        LUDC_TRY(fill_generated(w, row, scores, err));
    LUDC_TRY(ludc_answers_row(w->feature, w->metadata, scores, width, &w->cells, err));
    ludc_buf_add(&w->cells.text, w->said.ptr, w->said.len);
    ludc_cells_end(&w->cells);
    return w->said.failed || w->cells.failed ? ludc_no_memory(err, NULL)
                                             : ludc_table_add(w->table, ludc_cells_list(&w->cells), err);
}

/* The last column is what the model said: its answer, or the log-likelihood of each label. */
static lud_status write_rows(work *w, lud_error *err) {
    const lud_str name = ludc_feature_name(w->m->config.full, true);
    w->scores = ludc_alloc(w->v.n * w->labels->len * sizeof(*w->scores));
    if (!w->scores || !ludc_value_put(w->metadata, "width", ludc_value_int((int64_t)w->labels->len)))
        return ludc_no_memory(err, NULL);
    LUDC_TRY(ludc_answers_columns(w->feature, w->metadata, &w->cells, err));
    ludc_buf_addf(&w->cells.text, "%.*s_%s", LUDC_ARG(name), w->scored ? "log_likelihoods" : "response");
    ludc_cells_end(&w->cells);
    w->table = ludc_cells_table(&w->cells);
    lud_status status = w->table ? LUD_OK : ludc_no_memory(err, NULL);
    for (size_t i = 0; i < w->v.n && status == LUD_OK; i++)
        status = write_row(w, i, err);
    if (status == LUD_OK && w->unmatched)
        ludc_log(LUD_LOG_WARN, "%zu of %zu answers match no label: '%s' is taken", w->unmatched, w->v.n,
                 w->labels->items[w->fallback]->u.s.ptr);
    return status;
}

static lud_status measure(work *w, ludc_value **out, lud_error *err) {
    const ludc_scores scores = {
        .type = "category", .n = w->v.n, .width = (int64_t)w->labels->len, .scores = w->scores, .ids = w->targets};
    ludc_value *metrics = NULL;
    size_t counted = 0;
    LUDC_TRY(ludc_task_metrics(w->feature, w->metadata, &scores, true, &metrics, err));
    for (size_t i = 0; i < w->v.n; i++)
        counted += w->targets[i] >= 0;
    const double loss = w->scored && counted ? w->loss / (double)counted : (double)NAN;
    bool ok = ludc_value_put(metrics, "rows", ludc_value_int((int64_t)counted));
    if (w->scored)
        ok = ludc_value_put(metrics, "loss", ludc_value_float(loss)) && ok;
    else
        ok = ludc_value_put(metrics, "unmatched", ludc_value_int((int64_t)w->unmatched)) && ok;
    *out = ludc_metrics_tree(ludc_feature_name(w->m->config.full, true), metrics, loss);
    return ok && *out ? LUD_OK : ludc_no_memory(err, NULL);
}

static lud_status run(work *w, const ludc_view *training, const lud_predict_opts *o, ludc_value **metrics,
                      lud_error *err) {
    LUDC_TRY(ludc_prompter_new(w->m, &w->v, training, metrics != NULL, &w->p, err));
    LUDC_TRY(open_labels(w, training, err));
    if (metrics) LUDC_TRY(read_targets(w, err));
    LUDC_TRY(ludc_replies_ask(w->p, &w->v, &w->a, err));
    LUDC_TRY(w->scored ? score(w, err) : ludc_replies_generate(w->m, o->generation, &w->a, err));
    LUDC_TRY(write_rows(w, err));
    return metrics ? measure(w, metrics, err) : LUD_OK;
}

lud_status ludc_category_split(lud_model *m, const ludc_dataset *d, const lud_predict_opts *o, ludc_value **metrics,
                               ludc_table **predictions, lud_error *err) {
    const ludc_value *feature = ludc_value_find(m->config.full, "output_features.0");
    const ludc_view training = ludc_dataset_split(d, &o->data, LUDC_TRAIN);
    work w = {.m = m, .feature = feature, .decoder = ludc_value_get(feature, "decoder")};
    w.scored = ludc_text_is(w.decoder, "decoding", "score");
    LUDC_TRY(ludc_dataset_pick(d, o, &w.v, err));
    const lud_status status = run(&w, &training, o, metrics, err);
    if (status == LUD_OK) *predictions = w.table, w.table = NULL;
    work_free(&w);
    return status;
}
