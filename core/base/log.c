/* SPDX-License-Identifier: Apache-2.0
 * One log line at a time, to stderr or to the sink of the embedding program. */
#include "base.h"

#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ludc_log_fn sink;
static void *sink_arg;
static int32_t least = LUD_LOG_INFO;

void ludc_log_set(ludc_log_fn fn, void *arg, int32_t min_level) {
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_arg = arg;
    least = min_level;
    pthread_mutex_unlock(&lock);
}

void ludc_log(int32_t level, const char *fmt, ...) {
    static const char *const names[] = {"debug: ", "", "warning: ", "error: "};
    va_list args;
    va_start(args, fmt);
    char line[2048];
    const int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    const ludc_log_fn fn = sink;
    void *arg = sink_arg;
    const bool wanted = n >= 0 && level >= least;
    pthread_mutex_unlock(&lock);
    /* Outside of the lock: a sink may log itself. */
    if (wanted && fn)
        fn(arg, level, line);
    else if (wanted)
        fprintf(stderr, "%s%s\n", names[level & 3], line);
}
