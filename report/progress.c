/* SPDX-License-Identifier: Apache-2.0
 * One line on a terminal, drawn four times a second; a plain line every two seconds elsewhere. */
#include "report.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define CELLS 20

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void report_progress_init(report_progress *r, int mode) {
    *r = (report_progress){.mode = mode};
    if (mode < 0) r->mode = isatty(STDERR_FILENO) ? REPORT_BAR : REPORT_PLAIN;
}

void report_progress_end(report_progress *r) {
    if (r->open) fputc('\n', stderr);
    r->open = false;
}

static void eta_text(double seconds, char out[16]) {
    const unsigned s = seconds > 0 && seconds < 1e6 ? (unsigned)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, 16, "%u:%02u:%02u", s / 3600 % 1000, s / 60 % 60, s % 60);
    else
        snprintf(out, 16, "%02u:%02u", s / 60 % 60, s % 60);
}

static void numbers(const lud_progress *p, char *out, size_t size) {
    char eta[16];
    eta_text(p->eta_seconds, eta);
    const int percent = p->total > 0 ? (int)(100 * p->done / p->total) : 0;
    int n = snprintf(out, size, "%lld/%lld %d%%", (long long)p->done, (long long)p->total, percent);
    if (p->learning_rate > 0 && n > 0)
        n += snprintf(out + n, size - (size_t)n, " | loss %.4f | lr %.2g", p->loss, p->learning_rate);
    if (n > 0) snprintf(out + n, size - (size_t)n, " | %.0f %s/s | eta %s", p->per_second, p->unit, eta);
}

void report_progress_show(report_progress *r, const lud_progress *p) {
    const double t = now();
    const bool last = p->done >= p->total;
    if (r->mode == REPORT_NONE || (!last && t - r->last < (r->mode == REPORT_BAR ? 0.25 : 2.0))) return;
    r->last = t;
    char text[160];
    numbers(p, text, sizeof(text));
    if (r->mode == REPORT_PLAIN) {
        fprintf(stderr, "%s %s\n", p->phase, text);
        return;
    }
    char bar[CELLS + 1];
    const int full = p->total > 0 ? (int)(CELLS * p->done / p->total) : 0;
    for (int i = 0; i < CELLS; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[CELLS] = '\0';
    fprintf(stderr, "\r%s [%s] %s\033[K", p->phase, bar, text);
    fflush(stderr);
    r->open = true;
    if (last) report_progress_end(r);
}
