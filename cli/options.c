/* SPDX-License-Identifier: Apache-2.0
 * One table of options, Ludwig's spellings; words may be joined by '_' or '-'. Options may stand before or after the
 * command. */
#include "cli.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT, FLAG, LIST };

typedef struct option {
    const char *name, *brief; /* --name; brief: "-c" */
    int kind;
    size_t at, count_at; /* offsets in cli_options */
    const char *argument, *doc;
} option;

#define AT(field) offsetof(cli_options, field)
static const option options[] = {
    {"config", "-c", TEXT, AT(config), 0, "FILE", "config, JSON or YAML"},
    {"config_str", "-cs", TEXT, AT(config_str), 0, "TEXT", "config as text"},
    {"set", NULL, LIST, AT(sets), AT(n_sets), "A.B=C", "override one key of the config; repeatable"},
    {"dataset", NULL, TEXT, AT(dataset), 0, "FILE", "data: csv, tsv, json, jsonl"},
    {"training_set", NULL, TEXT, AT(training_set), 0, "FILE", "training data, split by hand"},
    {"validation_set", NULL, TEXT, AT(validation_set), 0, "FILE", "validation data"},
    {"test_set", NULL, TEXT, AT(test_set), 0, "FILE", "test data"},
    {"data_format", NULL, TEXT, AT(data_format), 0, "NAME", "auto, csv, tsv, json, jsonl"},
    {"output_directory", "-od", TEXT, AT(output_directory), 0, "DIR", "where results go (results)"},
    {"experiment_name", NULL, TEXT, AT(experiment_name), 0, "NAME", "first part of the run folder's name"},
    {"model_name", NULL, TEXT, AT(model_name), 0, "NAME", "second part of it"},
    {"model_path", "-m", TEXT, AT(model_path), 0, "DIR", "a run folder, its model/, or org/name of a hub"},
    {"random_seed", "-rs", TEXT, AT(random_seed), 0, "N", "seed of everything random (the config's, 42)"},
    {"k_fold", "-kf", TEXT, AT(k_fold), 0, "N", "experiment: cross-validation with N folds"},
    {"skip_save_k_fold_split_indices", "-skfsi", FLAG, AT(skip_save_k_fold_split_indices), 0, NULL,
     "no kfold_split_indices.json"},
    {"skip_save_processed_input", "-sspi", FLAG, AT(skip_save_processed_input), 0, NULL,
     "preprocessed rows are not kept in the cache"},
    {"split", "-s", TEXT, AT(split), 0, "NAME", "full, training, validation, test"},
    {"output", "-o", TEXT, AT(output), 0, "FILE", "predictions, the rendered config, or what is exported"},
    {"generation_config", "-gc", TEXT, AT(generation), 0, "JSON", "over the config's generation section"},
    {"prompt", "-p", TEXT, AT(prompt), 0, "TEXT", "prompt; without it stdin is read"},
    {"format", NULL, TEXT, AT(format), 0, "NAME", "export: peft, merged, gguf, gguf_adapter"},
    {"type", NULL, TEXT, AT(type), 0, "NAME", "export: F32, F16, BF16; gguf: Q8_0, Q4_0 too"},
    {"repo_id", "-r", TEXT, AT(repo_id), 0, "ORG/NAME", "upload: the repository"},
    {"repo_type", NULL, TEXT, AT(repo_type), 0, "NAME", "upload: model, dataset, space"},
    {"private", NULL, FLAG, AT(private_repo), 0, NULL, "upload: a new repository is private"},
    {"commit_message", NULL, TEXT, AT(commit_message), 0, "TEXT", "upload: one line"},
    {"commit_description", NULL, TEXT, AT(commit_description), 0, "TEXT", "upload: more lines"},
    {"dry_run", NULL, FLAG, AT(dry_run), 0, NULL, "upload: only list what would be sent"},
    {"limit", NULL, TEXT, AT(limit), 0, "N", "at most so many rows"},
    {"plugin_path", NULL, LIST, AT(plugin_paths), AT(n_plugin_paths), "PATH", "plugin file or folder; repeatable"},
    {"threads", NULL, TEXT, AT(threads), 0, "N", "threads (all usable cores)"},
    {"progress", NULL, TEXT, AT(progress), 0, "MODE", "auto, bar, plain, none"},
    {"logging_level", "-l", TEXT, AT(logging_level), 0, "NAME", "debug, info, warning, error"},
    {"verbose", "-v", FLAG, AT(verbose), 0, NULL, "more"},
    {"json", NULL, FLAG, AT(json), 0, NULL, "JSON on stdout"},
    {"quiet", "-q", FLAG, AT(quiet), 0, NULL, "errors only"},
    {"help", "-h", FLAG, AT(help), 0, NULL, "this text"},
};

static bool same_name(const char *word, size_t n, const char *name) {
    size_t i = 0;
    for (; i < n && name[i]; i++)
        if (word[i] != name[i] && !(word[i] == '-' && name[i] == '_')) return false;
    return i == n && !name[i];
}

static const option *find(const char *arg, const char **value) {
    *value = NULL;
    if (arg[1] == '-') {
        const char *word = arg + 2, *equals = strchr(word, '=');
        const size_t n = equals ? (size_t)(equals - word) : strlen(word);
        *value = equals ? equals + 1 : NULL;
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
            if (same_name(word, n, options[i].name)) return &options[i];
        return NULL;
    }
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].brief && strcmp(arg, options[i].brief) == 0) return &options[i];
    return NULL;
}

static bool store(cli_options *out, const option *o, const char *value) {
    char *base = (char *)out;
    if (o->kind == FLAG) {
        *(bool *)(base + o->at) = true;
        return true;
    }
    if (o->kind == TEXT) {
        *(const char **)(base + o->at) = value;
        return true;
    }
    size_t *n = (size_t *)(base + o->count_at);
    if (*n == CLI_MAX_LIST) {
        fprintf(stderr, "error: --%s is given more than %d times\n", o->name, CLI_MAX_LIST);
        return false;
    }
    ((const char **)(base + o->at))[(*n)++] = value;
    return true;
}

static bool take_word(cli_options *out, const char *word, const char **command) {
    if (!*command) {
        *command = word;
        return true;
    }
    if (out->n_rest == CLI_MAX_LIST) {
        fprintf(stderr, "error: too many arguments\n");
        return false;
    }
    out->rest[out->n_rest++] = word;
    return true;
}

bool cli_parse(int argc, char **argv, cli_options *out, const char **command) {
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (argv[i][0] != '-' || !argv[i][1]) {
            if (!take_word(out, argv[i], command)) return false;
            continue;
        }
        const option *o = find(argv[i], &value);
        if (!o) {
            fprintf(stderr, "error: unknown option '%s' (ludwig --help lists them)\n", argv[i]);
            return false;
        }
        if (o->kind != FLAG && !value && i + 1 == argc) {
            fprintf(stderr, "error: option '%s' needs a value: %s\n", argv[i], o->argument);
            return false;
        }
        if (o->kind != FLAG && !value) value = argv[++i];
        if (!store(out, o, value)) return false;
    }
    return true;
}

bool cli_number(const char *name, const char *text, uint64_t dflt, uint64_t *out) {
    *out = dflt;
    if (!text) return true;
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    if (text[0] == '-' || end == text || *end || errno) {
        fprintf(stderr, "error: --%s: '%s' is not a whole number\n", name, text);
        return false;
    }
    *out = n;
    return true;
}

void cli_help(FILE *f, const char *command) {
    static const char *const commands[][2] = {
        {"train", "train a model: -c CONFIG --dataset DATA"},
        {"experiment", "train, then evaluate on the test split"},
        {"evaluate", "metrics of a saved model: -m RUN --dataset DATA"},
        {"predict", "answers of a saved model to a file: -m RUN --dataset DATA -o FILE"},
        {"generate", "text from one prompt: -m RUN -p TEXT, or -c CONFIG for a base model"},
        {"export", "a model for transformers, peft or llama.cpp: -m RUN --format NAME -o FOLDER_OR_FILE"},
        {"upload", "hf_hub|local -r ORG/NAME -m RUN: a run to a hub, with a page about it"},
        {"render_config", "the config with every default filled: -c CONFIG"},
        {"download", "a repository into the cache: org/name, hf://org/name[@revision][/FILE]"},
        {"benchmark", "the speed of this machine, [-m MODEL] [--json]: needs nothing, takes half a minute"},
        {"plugin", "list [-v] [--json], check FILE"},
    };
    fprintf(f, "usage: ludwig %s [options]\n\n", command ? command : "COMMAND");
    for (size_t i = 0; !command && i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(f, "  %-14s %s\n", commands[i][0], commands[i][1]);
    fprintf(f, "%soptions:\n", command ? "" : "\n");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%s--%s %s", options[i].brief ? options[i].brief : "",
                 options[i].brief ? ", " : "", options[i].name, options[i].argument ? options[i].argument : "");
        fprintf(f, "  %-32s %s\n", left, options[i].doc);
    }
}
