/* SPDX-License-Identifier: Apache-2.0
 * What the commands share: parsed options, a session with its events. */
#ifndef LUDWIG_CLI_H
#define LUDWIG_CLI_H

#include <ludwig/ludwig.h>
#include <report.h>
#include <stdbool.h>

#define CLI_MAX_LIST 64

typedef struct cli_options {
    const char *config, *config_str, *dataset, *training_set, *validation_set, *test_set, *data_format;
    const char *output_directory, *experiment_name, *model_name, *model_path, *split, *output, *generation, *prompt;
    const char *format, *type, *repo_id, *repo_type, *commit_message, *commit_description;
    const char *random_seed, *k_fold, *limit, *threads, *progress, *logging_level;
    const char *plugin_paths[CLI_MAX_LIST], *sets[CLI_MAX_LIST], *rest[CLI_MAX_LIST];
    size_t n_plugin_paths, n_sets, n_rest;
    bool private_repo, dry_run, skip_save_k_fold_split_indices, skip_save_processed_input, verbose, json, help, quiet;
    const char *command_line; /* for description.json */
} cli_options;

/* Parses argv after the command and, before it, the options of every command. false: a message was printed. */
bool cli_parse(int argc, char **argv, cli_options *, const char **command);
void cli_help(FILE *, const char *command); /* NULL: the program */
/* A non-negative whole number or the default; false: a message was printed. */
bool cli_number(const char *option, const char *text, uint64_t dflt, uint64_t *out);

typedef struct cli_session {
    lud_session *session;
    lud_events events;
    report_progress progress;
    bool quiet;
} cli_session;
lud_status cli_open(cli_session *, const cli_options *, lud_error *);
void cli_close(cli_session *);
/* The config that -c or -cs names; false: a message was printed. */
bool cli_config_source(const cli_options *, lud_config_source *);
/* A saved model (-m), or a base model as a config describes it (-c). */
lud_status cli_open_model(const cli_options *, cli_session *, lud_model **, lud_error *);
lud_data_source cli_data(const cli_options *);
/* Writes text to stdout: a sink. */
lud_status cli_print(void *unused, lud_str text);

lud_status cmd_train(const cli_options *, lud_error *);
lud_status cmd_experiment(const cli_options *, lud_error *);
lud_status cmd_predict(const cli_options *, lud_error *);
lud_status cmd_evaluate(const cli_options *, lud_error *);
lud_status cmd_generate(const cli_options *, lud_error *);
lud_status cmd_render_config(const cli_options *, lud_error *);
lud_status cmd_upload(const cli_options *, lud_error *);
lud_status cmd_export(const cli_options *, lud_error *);
lud_status cmd_download(const cli_options *, lud_error *);
lud_status cmd_plugin(const cli_options *, lud_error *);
lud_status cmd_benchmark(const cli_options *, lud_error *);

#endif
