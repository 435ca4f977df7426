/* SPDX-License-Identifier: Apache-2.0
 * The program: picks the command, turns a status into an exit code. */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    lud_status (*run)(const cli_options *, lud_error *);
} commands[] = {
    {"train", cmd_train},       {"experiment", cmd_experiment}, {"predict", cmd_predict},
    {"evaluate", cmd_evaluate}, {"generate", cmd_generate},     {"render_config", cmd_render_config},
    {"export", cmd_export},     {"upload", cmd_upload},         {"download", cmd_download},
    {"plugin", cmd_plugin},     {"benchmark", cmd_benchmark},
};

static void on_signal(int signal_number) {
    (void)signal_number;
    lud_interrupt();
}

static void handle_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static char *join(int argc, char **argv) {
    size_t n = 1;
    for (int i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    char *line = calloc(n, 1);
    for (int i = 0; line && i < argc; i++) {
        if (i) strcat(line, " ");
        strcat(line, argv[i]);
    }
    return line;
}

static int run(const char *name, cli_options *o) {
    lud_error err = {.struct_size = sizeof(err)};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) != 0) continue;
        if (o->help) return cli_help(stdout, name), 0;
        const lud_status status = commands[i].run(o, &err);
        if (status != LUD_OK && err.msg[0])
            fprintf(stderr, "%s%s\n", strstr(err.msg, "error: ") ? "" : "error: ", err.msg);
        return lud_exit_code(status);
    }
    fprintf(stderr, "error: unknown command '%s'\n\n", name);
    cli_help(stderr, NULL);
    return 2;
}

int main(int argc, char **argv) {
    cli_options o = {0};
    const char *command = NULL;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--version") == 0) return printf("ludwig %s\n", lud_version()) < 0;
    if (!cli_parse(argc, argv, &o, &command)) return 2;
    if (!command) {
        cli_help(o.help ? stdout : stderr, NULL);
        return o.help ? 0 : 2;
    }
    handle_signals();
    char *line = join(argc, argv);
    o.command_line = line;
    const int code = run(command, &o);
    free(line);
    return code;
}
