/* SPDX-License-Identifier: Apache-2.0
 * What a person sees of a run, on stderr. */
#ifndef LUDWIG_REPORT_H
#define LUDWIG_REPORT_H

#include <ludwig/ludwig.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- Progress (progress.c) ---- */
enum { REPORT_NONE, REPORT_PLAIN, REPORT_BAR };
typedef struct report_progress {
    int mode;
    bool open; /* a bar stands on the current line */
    double last;
} report_progress;
void report_progress_init(report_progress *, int mode); /* mode < 0: bar on a terminal, else plain */
void report_progress_show(report_progress *, const lud_progress *);
void report_progress_end(report_progress *); /* leaves the line, before other output */

/* ---- Tables (table.c) ---- */
typedef struct report_table {
    const char *title;
    const char *const *heads; /* n_columns of them, or NULL */
    size_t n_columns;
} report_table;
/* cells: n_rows * n_columns texts; a NULL cell is blank. */
void report_table_print(FILE *, const report_table *, const char *const *cells, size_t n_rows);
void report_evaluation(FILE *, const lud_evaluation *);
void report_training(FILE *, const lud_train_result *);

#endif
