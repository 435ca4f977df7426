/* SPDX-License-Identifier: Apache-2.0
 * Opening a session from options: where log lines, progress and tables go. */
#include "cli.h"

#include <string.h>

static void on_log(void *arg, int32_t level, const char *text) {
    cli_session *s = arg;
    static const char *const marks[] = {"debug: ", "", "warning: ", "error: "};
    report_progress_end(&s->progress);
    fprintf(stderr, "%s%s\n", marks[level & 3], text);
}

static void on_progress(void *arg, const lud_progress *p) {
    cli_session *s = arg;
    report_progress_show(&s->progress, p);
}

static void on_evaluated(void *arg, const lud_evaluation *e) {
    cli_session *s = arg;
    report_progress_end(&s->progress);
    if (!s->quiet) report_evaluation(stderr, e);
}

static int progress_mode(const cli_options *o) {
    static const char *const names[] = {"none", "plain", "bar"};
    for (int i = 0; o->progress && i < 3; i++)
        if (strcmp(o->progress, names[i]) == 0) return i;
    return o->quiet ? REPORT_NONE : -1;
}

static int32_t log_level(const cli_options *o) {
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (int32_t i = 0; o->logging_level && i < 4; i++)
        if (strcmp(o->logging_level, names[i]) == 0) return i;
    return o->quiet ? LUD_LOG_ERROR : o->verbose ? LUD_LOG_DEBUG : LUD_LOG_INFO;
}

lud_status cli_open(cli_session *s, const cli_options *o, lud_error *err) {
    uint64_t threads;
    memset(s, 0, sizeof(*s));
    if (!cli_number("threads", o->threads, 0, &threads) || threads > 1024) return LUD_E_INVALID;
    report_progress_init(&s->progress, progress_mode(o));
    s->quiet = o->quiet;
    s->events = (lud_events){
        .struct_size = sizeof(s->events), .arg = s, .log = on_log, .progress = on_progress, .evaluated = on_evaluated};
    const lud_session_opts opts = {.struct_size = sizeof(opts),
                                   .threads = (int32_t)threads,
                                   .plugin_paths = o->plugin_paths,
                                   .n_plugin_paths = o->n_plugin_paths,
                                   .events = &s->events,
                                   .log_level = log_level(o)};
    return lud_session_open(&opts, &s->session, err);
}

void cli_close(cli_session *s) {
    report_progress_end(&s->progress);
    lud_session_close(s->session);
}

bool cli_config_source(const cli_options *o, lud_config_source *out) {
    *out = (lud_config_source){
        .struct_size = sizeof(*out), .path = o->config, .text = o->config_str, .sets = o->sets, .n_sets = o->n_sets};
    if (!o->config == !o->config_str) fprintf(stderr, "error: give a config: --config FILE or --config_str TEXT\n");
    return !o->config != !o->config_str;
}

lud_status cli_open_model(const cli_options *o, cli_session *s, lud_model **out, lud_error *err) {
    if (o->model_path) return lud_model_load(s->session, o->model_path, out, err);
    lud_config_source source;
    if (!o->config && !o->config_str)
        fprintf(stderr, "error: give a model: --model_path DIR (a run folder), or --config FILE for a base model\n");
    else if (cli_config_source(o, &source))
        return lud_model_create(s->session, &source, out, err);
    return LUD_E_INVALID;
}

lud_data_source cli_data(const cli_options *o) {
    return (lud_data_source){.struct_size = sizeof(lud_data_source),
                             .dataset = o->dataset,
                             .training_set = o->training_set,
                             .validation_set = o->validation_set,
                             .test_set = o->test_set,
                             .format = o->data_format};
}

lud_status cli_print(void *unused, lud_str text) {
    (void)unused;
    return fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0 ? LUD_OK : LUD_E_IO;
}
