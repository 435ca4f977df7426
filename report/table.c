/* SPDX-License-Identifier: Apache-2.0
 * Boxed tables in ASCII: metrics of an evaluation, the training report. */
#include "report.h"

#include <math.h>
#include <string.h>

#define MAX_COLUMNS 8

static size_t width_of(const char *s) {
    size_t n = 0;
    for (; s && *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void rule(FILE *f, const size_t *widths, size_t n) {
    for (size_t i = 0; i < n; i++) {
        fputc('+', f);
        for (size_t k = 0; k < widths[i] + 2; k++)
            fputc('-', f);
    }
    fputs("+\n", f);
}

static void line(FILE *f, const char *const *cells, const size_t *widths, size_t n) {
    for (size_t i = 0; i < n; i++)
        fprintf(f, "| %s%*s ", cells[i] ? cells[i] : "", (int)(widths[i] - width_of(cells[i])), "");
    fputs("|\n", f);
}

void report_table_print(FILE *f, const report_table *t, const char *const *cells, size_t n_rows) {
    size_t widths[MAX_COLUMNS] = {0};
    const size_t n = t->n_columns < MAX_COLUMNS ? t->n_columns : MAX_COLUMNS;
    for (size_t i = 0; i < n; i++) {
        widths[i] = t->heads ? width_of(t->heads[i]) : 0;
        for (size_t row = 0; row < n_rows; row++) {
            const size_t w = width_of(cells[row * n + i]);
            widths[i] = w > widths[i] ? w : widths[i];
        }
    }
    if (t->title) fprintf(f, "\n%s\n", t->title);
    rule(f, widths, n);
    if (t->heads) {
        line(f, t->heads, widths, n);
        rule(f, widths, n);
    }
    for (size_t row = 0; row < n_rows; row++)
        line(f, cells + row * n, widths, n);
    rule(f, widths, n);
}

#define TEXT 32

static void value(char out[TEXT], double x) {
    out[0] = '\0';
    if (isfinite(x)) snprintf(out, TEXT, "%.4f", x);
}

/* One table per feature: its metrics are neighbours. */
static uint64_t one_feature(FILE *f, const lud_evaluation *e, uint64_t from) {
    enum { ROWS = 32 };
    static const char *const heads[] = {"", "training", "validation", "test"};
    char text[ROWS][3][TEXT], title[320];
    const char *cells[ROWS][4], *feature = e->metrics[from].feature;
    size_t n = 0;
    for (; from < e->n_metrics && strcmp(e->metrics[from].feature, feature) == 0; from++) {
        const lud_metric *m = &e->metrics[from];
        const double splits[] = {m->training, m->validation, m->test};
        if (n == ROWS) continue;
        cells[n][0] = m->name;
        for (size_t i = 0; i < 3; i++) {
            value(text[n][i], splits[i]);
            cells[n][i + 1] = text[n][i];
        }
        n++;
    }
    snprintf(title, sizeof(title), "%s, step %lld, epoch %lld%s", feature, (long long)e->step, (long long)e->epoch,
             e->improved ? " (best so far)" : "");
    const report_table t = {.title = title, .heads = heads, .n_columns = 4};
    report_table_print(f, &t, &cells[0][0], n);
    return from;
}

/* `combined` says something new only where several outputs are summed. */
void report_evaluation(FILE *f, const lud_evaluation *e) {
    size_t features = 0;
    for (uint64_t i = 0; i < e->n_metrics; i++)
        features += i == 0 || strcmp(e->metrics[i].feature, e->metrics[i - 1].feature) != 0;
    for (uint64_t i = 0; i < e->n_metrics;) {
        if (features == 2 && strcmp(e->metrics[i].feature, "combined") == 0) break;
        i = one_feature(f, e, i);
    }
}

void report_training(FILE *f, const lud_train_result *r) {
    char label[2][128], text[8][288];
    snprintf(label[0], sizeof(label[0]), "Best model's validation %s", r->validation_metric);
    snprintf(label[1], sizeof(label[1]), "Best model's test %s", r->validation_metric);
    snprintf(text[0], sizeof(text[0]), "%s", r->feature);
    snprintf(text[1], sizeof(text[1]), "%s", r->validation_metric);
    snprintf(text[2], sizeof(text[2]), "%lld", (long long)r->best_step);
    snprintf(text[3], sizeof(text[3]), "%lld", (long long)r->best_epoch);
    snprintf(text[4], sizeof(text[4]), "-");
    snprintf(text[5], sizeof(text[5]), "-");
    if (isfinite(r->best_validation)) snprintf(text[4], sizeof(text[4]), "%.6f", r->best_validation);
    if (isfinite(r->best_test)) snprintf(text[5], sizeof(text[5]), "%.6f", r->best_test);
    snprintf(text[6], sizeof(text[6]), "%.0f", r->seconds > 0 ? (double)r->tokens / r->seconds : 0.0);
    snprintf(text[7], sizeof(text[7]), "%.0f MiB", (double)r->peak_rss_bytes / (1 << 20));
    const char *const cells[][2] = {
        {"Validation feature", text[0]},
        {"Validation metric", text[1]},
        {"Best model step", text[2]},
        {"Best model epoch", text[3]},
        {label[0], text[4]},
        {label[1], text[5]},
        {strcmp(r->unit, "rows") == 0 ? "Rows per second" : "Real tokens per second", text[6]},
        {"Peak memory", text[7]},
    };
    const report_table t = {.title = "TRAINING REPORT", .n_columns = 2};
    report_table_print(f, &t, &cells[0][0], sizeof(cells) / sizeof(cells[0]));
    fprintf(f, "\n%s: %s\nSaved to: %s\n", r->interrupted ? "Interrupted" : "Finished", r->experiment, r->run_dir);
}
