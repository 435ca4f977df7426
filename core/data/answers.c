/* SPDX-License-Identifier: Apache-2.0
 * Prediction columns of one output feature. Each type says its columns once: the same walk writes names or values. */
#include "answers.h"

#include <string.h>

int64_t ludc_answer_class(const float *scores, int64_t width) {
    int64_t best = 0;
    for (int64_t k = 1; k < width; k++)
        if (scores[k] > scores[best]) best = k;
    return best;
}

float ludc_answer_threshold(const ludc_value *feature) {
    return (float)ludc_get_float(feature, "threshold", 0.5);
}

typedef struct writer {
    const ludc_value *feature, *labels; /* labels: a list of `width` texts; NULL: this type has none */
    const float *scores;                /* NULL: names are written */
    int64_t width;
    ludc_cells *out;
} writer;

/* A binary feature without labels of its own. */
static const lud_str binary_labels[2] = {{"False", 5}, {"True", 4}};

static lud_str label_of(const writer *w, int64_t k) {
    return w->labels ? w->labels->items[k]->u.s : binary_labels[k];
}

/* Starts the column <name>_<ending>[_<label>]: true if its value is to be added now; else its name was. */
static bool column(writer *w, const char *ending, const lud_str *label) {
    if (w->scores) return true;
    const lud_str name = ludc_get_text(w->feature, "name");
    ludc_buf *text = &w->out->text;
    ludc_buf_add(text, name.ptr, name.len);
    ludc_buf_addf(text, "_%s%s", ending, label ? "_" : "");
    if (label) ludc_buf_add(text, label->ptr, label->len);
    ludc_cells_end(w->out);
    return false;
}

static void put_text(writer *w, lud_str s) {
    ludc_buf_add(&w->out->text, s.ptr, s.len);
    ludc_cells_end(w->out);
}

static void put_float(writer *w, float x) {
    ludc_json_float(x, &w->out->text);
    ludc_cells_end(w->out);
}

static void separate(writer *w, bool *first) {
    ludc_buf_adds(&w->out->text, *first ? "[" : ", ");
    *first = false;
}

static void close_list(writer *w, bool empty) {
    ludc_buf_adds(&w->out->text, empty ? "[]" : "]");
    ludc_cells_end(w->out);
}

static void put_list(writer *w, const float *x, int64_t n) {
    bool first = true;
    for (int64_t i = 0; i < n; i++) {
        separate(w, &first);
        ludc_json_float(x[i], &w->out->text);
    }
    close_list(w, first);
}

/* The class after `last` when they are sorted by score, best first, equal ones in their own order; last < 0: the
 * best of all. */
static int64_t next_best(const float *scores, int64_t width, int64_t last) {
    int64_t best = -1;
    for (int64_t k = 0; k < width; k++) {
        if (last >= 0 && (scores[k] > scores[last] || (scores[k] == scores[last] && k <= last))) continue;
        if (best < 0 || scores[k] > scores[best]) best = k;
    }
    return best;
}

static void put_top(writer *w, int64_t top_k) {
    bool first = true;
    int64_t k = -1;
    for (int64_t i = 0; i < top_k && (k = next_best(w->scores, w->width, k)) >= 0; i++) {
        separate(w, &first);
        ludc_json_str(label_of(w, k), &w->out->text);
    }
    close_list(w, first);
}

/* The columns of probabilities p [n] of labels, one of which is true. */
static void put_probabilities(writer *w, const float *p, int64_t n) {
    if (column(w, "probabilities", NULL)) put_list(w, p, n);
    if (column(w, "probability", NULL)) put_float(w, p[ludc_answer_class(p, n)]);
    for (int64_t k = 0; k < n; k++) {
        const lud_str label = label_of(w, k);
        if (column(w, "probabilities", &label)) put_float(w, p[k]);
    }
}

static void put_category(writer *w) {
    const int64_t top_k = LUDC_MIN(ludc_get_int(w->feature, "top_k", 3), w->width);
    if (column(w, "predictions", NULL)) put_text(w, label_of(w, ludc_answer_class(w->scores, w->width)));
    put_probabilities(w, w->scores, w->width);
    if (top_k > 1 && column(w, "predictions_top_k", NULL)) put_top(w, top_k);
}

static void put_binary(writer *w) {
    const float yes = w->scores ? w->scores[0] : 0, pair[2] = {1.0f - yes, yes};
    if (column(w, "predictions", NULL)) put_text(w, label_of(w, yes >= ludc_answer_threshold(w->feature)));
    put_probabilities(w, pair, 2);
}

/* Items from the threshold on: their labels, or their probabilities. */
static void put_items(writer *w, bool labels) {
    const float threshold = ludc_answer_threshold(w->feature);
    bool first = true;
    for (int64_t k = 0; k < w->width; k++) {
        if (!(w->scores[k] >= threshold)) continue;
        separate(w, &first);
        if (labels)
            ludc_json_str(label_of(w, k), &w->out->text);
        else
            ludc_json_float(w->scores[k], &w->out->text);
    }
    close_list(w, first);
}

static void put_set(writer *w) {
    if (column(w, "predictions", NULL)) put_items(w, true);
    if (column(w, "probabilities", NULL)) put_items(w, false);
    if (column(w, "probability", NULL)) put_float(w, w->scores[ludc_answer_class(w->scores, w->width)]);
}

static void put_number(writer *w) {
    if (column(w, "predictions", NULL)) put_float(w, w->scores[0]);
}

static void put_vector(writer *w) {
    if (column(w, "predictions", NULL)) put_list(w, w->scores, w->width);
}

static const struct {
    const char *name;
    void (*put)(writer *);
    const char *labels; /* key of the metadata */
    bool pair;          /* two labels, which may be absent; else one for each score */
} types[] = {{"category", put_category, "idx2str", false},
             {"binary", put_binary, "bool2str", true},
             {"number", put_number, NULL, false},
             {"set", put_set, "idx2str", false},
             {"vector", put_vector, NULL, false}};

/* Metadata may come from a damaged file: what the walk relies on is checked here. */
static bool labels_fit(const ludc_value *labels, int64_t n) {
    if (!labels || labels->type != LUD_CFG_LIST || labels->len != (size_t)n) return false;
    for (size_t i = 0; i < labels->len; i++)
        if (labels->items[i]->type != LUD_CFG_STR) return false;
    return true;
}

static lud_status walk(writer *w, const ludc_value *metadata, lud_error *err) {
    const lud_str name = ludc_get_text(w->feature, "name"), type = ludc_get_text(w->feature, "type");
    size_t t = 0;
    while (t < LUDC_COUNT(types) && !ludc_str_eq(type, types[t].name))
        t++;
    if (t == LUDC_COUNT(types))
        return ludc_fail(err, LUD_E_INTERNAL, "output feature '%.*s': no predictions for the type '%.*s'",
                         LUDC_ARG(name), LUDC_ARG(type));
    const int64_t width = ludc_get_int(metadata, "width", 0);
    if (width < 1 || (w->scores && width != w->width))
        return ludc_fail(err, LUD_E_DATA, "output feature '%.*s': %lld scores a row, its metadata say %lld",
                         LUDC_ARG(name), (long long)w->width, (long long)width);
    w->width = width;
    w->labels = types[t].labels ? ludc_value_get(metadata, types[t].labels) : NULL;
    const int64_t n_labels = types[t].pair ? 2 : width;
    if (types[t].labels && (w->labels || !types[t].pair) && !labels_fit(w->labels, n_labels))
        return ludc_fail(err, LUD_E_DATA, "output feature '%.*s': its metadata need %s, a list of %lld texts",
                         LUDC_ARG(name), types[t].labels, (long long)n_labels);
    types[t].put(w);
    return w->out->failed ? ludc_fail(err, LUD_E_NOMEM, "predictions of '%.*s': out of memory", LUDC_ARG(name))
                          : LUD_OK;
}

lud_status ludc_answers_columns(const ludc_value *feature, const ludc_value *metadata, ludc_cells *out,
                                lud_error *err) {
    return walk(&(writer){.feature = feature, .out = out}, metadata, err);
}

lud_status ludc_answers_row(const ludc_value *feature, const ludc_value *metadata, const float *scores, int64_t width,
                            ludc_cells *out, lud_error *err) {
    return walk(&(writer){.feature = feature, .scores = scores, .width = width, .out = out}, metadata, err);
}
