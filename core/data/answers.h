/* SPDX-License-Identifier: Apache-2.0
 * answers: what the activated scores of one row say, as the prediction columns of Ludwig.
 * Metrics and columns read scores with the same functions, so that a row counted as right is also printed as right. */
#ifndef LUDC_ANSWERS_H
#define LUDC_ANSWERS_H

#include <data.h>

/* Class of the highest score; the first of equal ones. */
int64_t ludc_answer_class(const float *scores, int64_t width);
/* A binary or set score is a yes from here on: feature.threshold, 0.5 if absent. */
float ludc_answer_threshold(const ludc_value *feature);

/* Texts in a row: names of columns, or cells. Zero-initialised is empty; `failed` is sticky, check once. */
typedef struct ludc_cells {
    ludc_buf text;
    size_t *ends;
    lud_str *views;
    size_t len, cap;
    bool failed;
} ludc_cells;
void ludc_cells_end(ludc_cells *); /* what was added to `text` since the last end is one cell */
/* len cells for ludc_table_add, each with a closing NUL; valid until the next change. */
const lud_str *ludc_cells_list(ludc_cells *);
ludc_table *ludc_cells_table(ludc_cells *); /* an empty table with these columns; NULL: out of memory */
void ludc_cells_clear(ludc_cells *);        /* keeps the memory */
void ludc_cells_free(ludc_cells *);

/* Append the columns of one output feature, and the cells of one row in the same order. feature: its section of the
 * config (name, type, top_k, threshold); metadata: its part of training_set_metadata (width, idx2str, bool2str); scores
 * [width]
 * as ludc_scores has them. Columns are <name>_predictions and, by type, _probabilities (a JSON list), _probability (the
 * highest), _probabilities_<class>, _predictions_top_k (a JSON list of classes, best first). Nothing is kept between
 * two rows: a caller may write each one as soon as it is there. */
lud_status ludc_answers_columns(const ludc_value *feature, const ludc_value *metadata, ludc_cells *, lud_error *);
lud_status ludc_answers_row(const ludc_value *feature, const ludc_value *metadata, const float *scores, int64_t width,
                            ludc_cells *, lud_error *);

#endif
