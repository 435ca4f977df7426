/* SPDX-License-Identifier: Apache-2.0
 * Prediction and evaluation of text outputs, free generation, and the calls for all kinds of output. */
#include "internal.h"

#include <string.h>

/* ---- Tables of predictions ---- */
static lud_status token_texts(const ludc_tokenizer *tok, const ludc_ids *ids, ludc_buf *out, lud_error *err) {
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    ludc_buf one = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < ids->len && status == LUD_OK; i++) {
        ludc_buf_clear(&one);
        status = ludc_tokenizer_decode(tok, &ids->ptr[i], 1, false, &one, err);
        if (status == LUD_OK && !ludc_value_push(list, ludc_value_str((lud_str){one.ptr ? one.ptr : "", one.len})))
            status = ludc_no_memory(err, NULL);
    }
    if (status == LUD_OK) status = ludc_value_to_json(list, -1, out);
    ludc_buf_free(&one);
    ludc_value_free(list);
    return status;
}

static lud_str view(const ludc_buf *b) {
    return (lud_str){b->ptr ? b->ptr : "", b->len};
}

static lud_status add_answer(lud_model *m, const ludc_completion *c, ludc_table *out, lud_error *err) {
    const ludc_tokenizer *tok = ludc_model_info_of(m->model)->tokenizer;
    ludc_buf cells[3] = {{0}};
    lud_status status = token_texts(tok, &c->ids, &cells[0], err);
    if (status == LUD_OK) status = ludc_tokenizer_decode(tok, c->ids.ptr, c->ids.len, true, &cells[1], err);
    ludc_buf_addf(&cells[2], "%.9g", c->log_prob);
    const lud_str row[3] = {view(&cells[0]), view(&cells[1]), view(&cells[2])};
    if (status == LUD_OK) status = ludc_table_add(out, row, err);
    for (size_t i = 0; i < 3; i++)
        ludc_buf_free(&cells[i]);
    return status;
}

static lud_status answers_table(lud_model *m, const ludc_replies *a, ludc_table **out, lud_error *err) {
    static const char *const endings[3] = {"predictions", "response", "probability"};
    const lud_str feature = ludc_feature_name(m->config.full, true);
    ludc_buf names[3] = {{0}};
    const char *columns[3];
    for (size_t i = 0; i < 3; i++) {
        ludc_buf_addf(&names[i], "%.*s_%s", LUDC_ARG(feature), endings[i]);
        columns[i] = names[i].ptr;
    }
    ludc_table *t = ludc_table_new(columns, 3);
    lud_status status = t ? LUD_OK : ludc_no_memory(err, NULL);
    for (size_t i = 0; i < a->n && status == LUD_OK; i++)
        status = add_answer(m, &a->completions[i], t, err);
    for (size_t i = 0; i < 3; i++)
        ludc_buf_free(&names[i]);
    if (status == LUD_OK) return *out = t, LUD_OK;
    ludc_table_free(t);
    return status;
}

/* ---- Metrics ---- */
static lud_status exact_match(const lud_model *m, const ludc_prompter *p, const ludc_view *v, const ludc_replies *a,
                              ludc_value *metrics, lud_error *err) {
    uint64_t hits = 0;
    ludc_buf text = {0};
    for (size_t i = 0; i < v->n; i++) {
        const ludc_ids *ids = &a->completions[i].ids;
        ludc_buf_clear(&text);
        const lud_status status =
            ludc_tokenizer_decode(ludc_model_info_of(m->model)->tokenizer, ids->ptr, ids->len, true, &text, err);
        if (status != LUD_OK) return ludc_buf_free(&text), status;
        hits += ludc_str_same(ludc_str_trim(view(&text)), ludc_str_trim(ludc_prompter_target(p, ludc_view_row(v, i))));
    }
    ludc_buf_free(&text);
    double low, high;
    ludc_wilson(hits, v->n, &low, &high);
    ludc_value_put(metrics, "exact_match", ludc_value_float((double)hits / (double)v->n));
    ludc_value_put(metrics, "exact_match_low", ludc_value_float(low));
    ludc_value_put(metrics, "exact_match_high", ludc_value_float(high));
    ludc_value_put(metrics, "rows", ludc_value_int((int64_t)v->n));
    return LUD_OK;
}

static lud_status measure(const lud_model *m, const ludc_prompter *p, const ludc_view *v, const ludc_replies *a,
                          const ludc_metrics *losses, ludc_value **out, lud_error *err) {
    ludc_value *of_feature = ludc_metrics_value(losses);
    const lud_status status = exact_match(m, p, v, a, of_feature, err);
    *out = ludc_metrics_tree(ludc_feature_name(m->config.full, true), of_feature, losses->loss);
    return *out ? status : ludc_no_memory(err, NULL);
}

static lud_status losses_of(lud_model *m, ludc_prompter *p, const ludc_view *v, ludc_metrics *out, lud_error *err) {
    ludc_rows rows = {0};
    lud_status status = ludc_prompter_rows(p, v->rows, v->n, 0, &rows, err);
    if (status == LUD_OK) status = ludc_evaluate_rows(m->model, &rows, out, err);
    ludc_rows_free(&rows);
    return status;
}

static lud_status answer(lud_model *m, ludc_prompter *p, const ludc_view *v, const char *generation, ludc_replies *a,
                         ludc_value **metrics, lud_error *err) {
    ludc_metrics losses = {0};
    if (metrics) LUDC_TRY(losses_of(m, p, v, &losses, err));
    LUDC_TRY(ludc_replies_ask(p, v, a, err));
    LUDC_TRY(ludc_replies_generate(m, generation, a, err));
    return metrics ? measure(m, p, v, a, &losses, metrics, err) : LUD_OK;
}

lud_status ludc_language_split(lud_model *m, const ludc_dataset *d, const lud_predict_opts *o, ludc_value **metrics,
                               ludc_table **predictions, lud_error *err) {
    if (ludc_is_category(m)) return ludc_category_split(m, d, o, metrics, predictions, err);
    ludc_view v;
    ludc_prompter *p = NULL;
    ludc_replies a = {0};
    const ludc_view training = ludc_dataset_split(d, &o->data, LUDC_TRAIN);
    LUDC_TRY(ludc_dataset_pick(d, o, &v, err));
    LUDC_TRY(ludc_prompter_new(m, &v, &training, metrics != NULL, &p, err));
    lud_status status = answer(m, p, &v, o->generation, &a, metrics, err);
    if (status == LUD_OK) status = answers_table(m, &a, predictions, err);
    ludc_replies_free(&a);
    ludc_prompter_free(p);
    return status;
}

/* ---- The calls ---- */
/* Examples in the prompt, and labels that no config names, come from the training rows. */
static bool divided(const lud_model *m, const lud_predict_opts *o) {
    const ludc_value *c = m->config.full;
    return ludc_wants_split(o) || !ludc_is_null(ludc_value_find(c, "prompt.retrieval.type")) ||
           (ludc_is_category(m) && ludc_is_null(ludc_value_find(c, "output_features.0.preprocessing.vocab")) &&
            ludc_is_null(ludc_value_find(c, "output_features.0.decoder.match")));
}

/* Said before any work. */
static lud_status check_output(const lud_predict_opts *o, lud_error *err) {
    if (!o->output_path) return LUD_OK;
    LUDC_TRY(ludc_table_can_write(o->output_path, err));
    return ludc_path_can_make(o->output_path, false, err);
}

static lud_status language_table(lud_model *m, const lud_predict_opts *o, ludc_value **metrics, lud_error *err) {
    ludc_dataset d = {0};
    ludc_table *predictions = NULL;
    LUDC_TRY(ludc_model_ready(m, false, err));
    LUDC_TRY(ludc_dataset_open(m, &o->data, divided(m, o), &d, err));
    lud_status status = ludc_language_split(m, &d, o, metrics, &predictions, err);
    if (status == LUD_OK && o->output_path) status = ludc_table_write(predictions, o->output_path, err);
    ludc_table_free(predictions);
    ludc_dataset_free(&d);
    return status;
}

LUD_EXPORT lud_status lud_model_predict(lud_model *m, const lud_predict_opts *o, lud_error *err) {
    LUDC_TRY(check_output(o, err));
    return (ludc_is_predictive(m) ? ludc_task_score_table : language_table)(m, o, NULL, err);
}

LUD_EXPORT lud_status lud_model_evaluate(lud_model *m, const lud_predict_opts *o,
                                         lud_status (*sink)(void *, lud_str json), void *arg, lud_error *err) {
    ludc_value *metrics = NULL;
    ludc_buf text = {0};
    LUDC_TRY(check_output(o, err));
    lud_status status = (ludc_is_predictive(m) ? ludc_task_score_table : language_table)(m, o, &metrics, err);
    if (status == LUD_OK && o->output_directory) status = ludc_dir_make(o->output_directory, err);
    if (status == LUD_OK && o->output_directory)
        status = ludc_json_write(o->output_directory, "test_statistics.json", metrics, err);
    if (status == LUD_OK && ludc_value_to_json(metrics, 2, &text) != LUD_OK) status = ludc_no_memory(err, "evaluation");
    if (status == LUD_OK && sink) status = sink(arg, view(&text));
    ludc_buf_free(&text);
    ludc_value_free(metrics);
    return status;
}

/* Streams whole characters: a token may end inside of one. */
typedef struct stream {
    const lud_model *model;
    lud_status (*on_text)(void *, lud_str);
    void *arg;
    ludc_ids ids;
    ludc_buf text;
    size_t sent;
    int64_t n;           /* tokens so far, the ending one included */
    double begin, first; /* when the prompt was given, when the first token came */
    lud_error err;
} stream;

static lud_status stream_token(void *arg, size_t row, int32_t id) {
    (void)row;
    stream *s = arg;
    const ludc_model_info *info = ludc_model_info_of(s->model->model);
    if (s->n++ == 0) s->first = ludc_now();
    if (ludc_ends_text(info, id)) return LUD_OK;
    if (!ludc_ids_push(&s->ids, id)) return LUD_E_NOMEM;
    ludc_buf_clear(&s->text);
    LUDC_TRY(ludc_tokenizer_decode(info->tokenizer, s->ids.ptr, s->ids.len, true, &s->text, &s->err));
    static const char unfinished[] = "\xEF\xBF\xBD";
    size_t ready = s->text.len;
    while (ready >= s->sent + 3 && memcmp(s->text.ptr + ready - 3, unfinished, 3) == 0)
        ready -= 3;
    if (ready <= s->sent) return LUD_OK;
    const lud_str fresh = {s->text.ptr + s->sent, ready - s->sent};
    s->sent = ready;
    return s->on_text(s->arg, fresh);
}

static void tell_speed(const stream *s, size_t n_prompt) {
    const double prompt = s->first - s->begin, rest = ludc_now() - s->first;
    if (s->n < 2 || prompt <= 0 || rest <= 0) return;
    ludc_log(LUD_LOG_INFO, "prompt: %zu tokens, %.1f tokens/s; then %lld tokens, %.1f tokens/s", n_prompt,
             (double)n_prompt / prompt, (long long)(s->n - 1), (double)(s->n - 1) / rest);
}

LUD_EXPORT lud_status lud_model_generate(lud_model *m, lud_str prompt, const char *generation,
                                         lud_status (*on_text)(void *, lud_str), void *arg, lud_error *err) {
    ludc_generation g;
    if (ludc_is_predictive(m))
        return ludc_fail(err, LUD_E_INVALID, "a model of model_type ecd has heads and writes no text: use predict");
    LUDC_TRY(ludc_model_ready(m, false, err));
    LUDC_TRY(ludc_generation_of(m, generation, &g, err));
    stream s = {.model = m, .on_text = on_text, .arg = arg, .err = LUDC_ERROR_INIT};
    ludc_ids ids = {0};
    ludc_completion completion = {0};
    ludc_generator *d = NULL;
    lud_status status = ludc_tokenizer_encode(ludc_model_info_of(m->model)->tokenizer, prompt, true, &ids, err);
    if (status == LUD_OK)
        status = ludc_generator_new(m->model, 1, (int64_t)ids.len + g.max_new_tokens, g.lookup, &d, err);
    const ludc_prompt one = {.ids = ids.ptr, .len = (int32_t)ids.len};
    s.begin = ludc_now();
    if (status == LUD_OK) status = ludc_decode(d, &one, 1, &g, stream_token, &s, &completion, err);
    if (status == LUD_OK && s.text.len > s.sent)
        status = on_text(arg, (lud_str){s.text.ptr + s.sent, s.text.len - s.sent});
    if (status == LUD_OK) tell_speed(&s, ids.len);
    ludc_generator_free(d);
    ludc_ids_free(&completion.ids);
    ludc_ids_free(&ids);
    ludc_ids_free(&s.ids);
    ludc_buf_free(&s.text);
    return status;
}
