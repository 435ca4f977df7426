/* SPDX-License-Identifier: Apache-2.0
 * log: one line of text to the sink. Invariant: the sink is called outside of the lock, so it may log itself. The sink
 * and its level are the only state. Does not format times or colours: the program does. */
#include "base.h"

#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ludc_log_fn sink;
static void *sink_arg;
static int32_t lowest = LUD_LOG_INFO;

void ludc_log_set(ludc_log_fn fn, void *arg, int32_t min_level) {
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_arg = arg;
    lowest = min_level;
    pthread_mutex_unlock(&lock);
}

static void to_stderr(void *arg, int32_t level, const char *text) {
    (void)arg;
    static const char *const names[] = {"debug: ", "", "warning: ", "error: "};
    fprintf(stderr, "%s%s\n", names[LUDC_MIN(LUDC_MAX(level, 0), 3)], text);
}

void ludc_log(int32_t level, const char *fmt, ...) {
    pthread_mutex_lock(&lock);
    ludc_log_fn fn = sink ? sink : to_stderr;
    void *arg = sink_arg;
    bool wanted = level >= lowest;
    pthread_mutex_unlock(&lock);
    if (!wanted) return;
    char text[4096];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0) text[0] = '\0';
    va_end(args);
    fn(arg, level, text);
}
