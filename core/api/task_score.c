/* SPDX-License-Identifier: Apache-2.0
 * What a predictive model says of rows: predictions, one line each, metrics, or both from the same scores. A table is
 * read in chunks, so that the number of its rows does not matter to memory. */
#include "internal.h"

#include <answers.h>

enum { CHUNK = 32768 };

typedef struct scoring {
    lud_model *m;
    ludc_scorer *scorer;
    ludc_tally *tally; /* NULL: no metrics */
    ludc_cells cells;
    ludc_table_writer *file; /* NULL: no predictions */
} scoring;

static lud_status scoring_open(scoring *s, const char *path, bool metrics, lud_error *err) {
    const ludc_predictor *p = s->m->predictor;
    if (metrics) LUDC_TRY(ludc_tally_new(p, &s->tally, err));
    for (size_t k = 0; k < p->n_outputs; k++)
        LUDC_TRY(ludc_answers_columns(p->outputs[k].feature, p->outputs[k].metadata, &s->cells, err));
    return path ? ludc_table_writer_open(path, ludc_cells_list(&s->cells), s->cells.len, &s->file, err) : LUD_OK;
}

/* The file appears once the metrics are there. */
static lud_status scoring_close(scoring *s, lud_status status, ludc_value **metrics, lud_error *err) {
    ludc_scorer_free(s->scorer);
    ludc_cells_free(&s->cells);
    if (status == LUD_OK && s->tally)
        status = ludc_tally_end(s->tally, true, metrics, err);
    else
        ludc_tally_free(s->tally);
    if (status == LUD_OK && s->file) return ludc_table_writer_commit(s->file, err);
    ludc_table_writer_abort(s->file);
    return status;
}

static lud_status write_row(scoring *s, size_t row, float *const *scores, lud_error *err) {
    const ludc_predictor *p = s->m->predictor;
    ludc_cells_clear(&s->cells);
    for (size_t k = 0; k < p->n_outputs; k++) {
        const ludc_output *o = &p->outputs[k];
        LUDC_TRY(
            ludc_answers_row(o->feature, o->metadata, scores[k] + row * (size_t)o->width, o->width, &s->cells, err));
    }
    return ludc_table_writer_add(s->file, ludc_cells_list(&s->cells), err);
}

static lud_status take_part(void *arg, const ludc_task_rows *d, size_t first, size_t n, float *const *scores,
                            lud_error *err) {
    scoring *s = arg;
    if (s->tally) LUDC_TRY(ludc_tally_take(s->tally, d, first, n, scores, err));
    for (size_t row = 0; s->file && row < n; row++)
        LUDC_TRY(write_row(s, row, scores, err));
    return LUD_OK;
}

/* The scorer is planned for the longest row so far. */
static lud_status scoring_add(scoring *s, const ludc_task_rows *d, lud_error *err) {
    if (s->scorer && !ludc_scorer_holds(s->scorer, d)) {
        ludc_scorer_free(s->scorer);
        s->scorer = NULL;
    }
    if (!s->scorer) LUDC_TRY(ludc_scorer_new(s->m->predictor, s->tally != NULL, &d, 1, &s->scorer, err));
    return ludc_scorer_each(s->scorer, d, d->n, s->tally ? ludc_tally_loss(s->tally) : NULL, take_part, s, err);
}

lud_status ludc_task_score(lud_model *m, const ludc_task_rows *d, const char *path, ludc_value **metrics,
                           lud_error *err) {
    scoring s = {.m = m};
    lud_status status = scoring_open(&s, path, metrics != NULL, err);
    if (status == LUD_OK) status = scoring_add(&s, d, err);
    return scoring_close(&s, status, metrics, err);
}

/* ---- Tables ---- */
static lud_status add_chunk(scoring *s, const ludc_view *v, const uint32_t *rows, size_t n, ludc_task_notes *notes,
                            size_t *scored, lud_error *err) {
    ludc_task_rows d = {0}, *list[1] = {&d};
    LUDC_TRY(ludc_task_rows_read(s->m, v, rows, n, s->tally != NULL, notes, &d, err));
    lud_status status = ludc_task_embed(s->m, list, 1, err);
    if (status == LUD_OK && d.n) status = scoring_add(s, &d, err);
    *scored += d.n;
    ludc_task_rows_free(&d, s->m->predictor);
    return status;
}

static lud_status add_view(scoring *s, const ludc_view *v, lud_error *err) {
    ludc_task_notes notes = {0};
    size_t scored = 0;
    uint32_t *rows = ludc_alloc(CHUNK * sizeof(*rows));
    lud_status status = rows ? LUD_OK : ludc_no_memory(err, NULL);
    for (size_t i = 0; i < v->n && status == LUD_OK; i += CHUNK) {
        const size_t n = LUDC_MIN((size_t)CHUNK, v->n - i);
        for (size_t k = 0; k < n; k++)
            rows[k] = (uint32_t)ludc_view_row(v, i + k);
        status = add_chunk(s, v, rows, n, &notes, &scored, err);
    }
    ludc_free(rows);
    ludc_task_notes_say(&notes, s->m->predictor, v, NULL);
    if (status == LUD_OK && scored == 0) return ludc_fail(err, LUD_E_DATA, "%s: no row has a target", v->path);
    return status;
}

lud_status ludc_task_score_table(lud_model *m, const lud_predict_opts *o, ludc_value **metrics, lud_error *err) {
    ludc_dataset d = {0};
    ludc_view v = {0};
    scoring s = {.m = m};
    LUDC_TRY(ludc_task_ready(m, false, err));
    LUDC_TRY(ludc_dataset_open(m, &o->data, ludc_wants_split(o), &d, err));
    lud_status status = ludc_dataset_pick(&d, o, &v, err);
    if (status == LUD_OK) status = scoring_open(&s, o->output_path, metrics != NULL, err);
    if (status == LUD_OK) status = add_view(&s, &v, err);
    ludc_dataset_free(&d);
    return scoring_close(&s, status, metrics, err);
}
