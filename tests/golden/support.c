/* SPDX-License-Identifier: Apache-2.0
 * Finding reference folders and backends, opening models. See golden.h. */
#include "golden.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *find_root(void) {
    const char *shared = getenv("LUDWIG_SHARED"), *source = getenv("LUDWIG_TEST_SOURCE_DIR");
    if (!source) source = ".";
    if (shared) return ludc_path_join(shared, "golden");
    char *beside = ludc_path_join(source, "../shared/golden");
    if (beside && ludc_path_is_dir(beside)) return beside;
    ludc_free(beside);
    return ludc_path_join(source, "tests/golden/data");
}

char *golden_find_model(void) {
    const char *folder = getenv("LUDWIG_MODELS"), *home = getenv("HOME");
    char *dir = folder ? ludc_strdup(folder) : ludc_path_join(home ? home : ".", ".cache/ludwig/models");
    char **names = NULL, *found = NULL;
    size_t n = 0;
    lud_error err = LUDC_ERROR_INIT;
    if (ludc_dir_list(dir, &names, &n, &err) == LUD_OK) {
        for (size_t i = 0; i < n && !found; i++) {
            size_t len = strlen(names[i]);
            bool gguf = len > 5 && strcmp(names[i] + len - 5, ".gguf") == 0;
            if (gguf && strstr(names[i], "SmolLM2-135M")) found = ludc_path_join(dir, names[i]);
        }
        ludc_dir_list_free(names, n);
    }
    ludc_free(dir);
    return found;
}

void golden_init(golden *g) {
    lud_error err = LUDC_ERROR_INIT;
    const char *binary = getenv("LUDWIG_TEST_BINARY_DIR");
    char *plugins = ludc_path_join(binary ? binary : ".", "lib/ludwig/plugins-1");
    const char *paths[] = {plugins};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1};
    *g = (golden){.root = find_root()};
    if (ludc_model_host_new(&opts, &g->host, &err) != LUD_OK) {
        fprintf(stderr, "FAILED %s\n", err.msg);
        exit(EXIT_FAILURE);
    }
    ludc_free(plugins);
}

void golden_free(golden *g) {
    ludc_host_free(g->host);
    ludc_free(g->root);
}

char *golden_path(const golden *g, const char *a, const char *b) {
    char *first = ludc_path_join(g->root, a), *path = ludc_path_join(first, b);
    ludc_free(first);
    return path;
}

void golden_each(golden *g, const char *kind, void (*fn)(golden *, const char *name, const char *dir)) {
    lud_error err = LUDC_ERROR_INIT;
    char **names = NULL, *root = ludc_path_join(g->root, kind);
    size_t n = 0;
    if (ludc_dir_list(root, &names, &n, &err) != LUD_OK) golden_fail(g, "%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        char *dir = ludc_path_join(root, names[i]);
        if (ludc_path_is_dir(dir)) fn(g, names[i], dir);
        ludc_free(dir);
    }
    ludc_dir_list_free(names, n);
    ludc_free(root);
}

void golden_backends(const golden *g, const char *names[9]) {
    const ludc_component *all = NULL;
    size_t n = ludc_host_components(g->host, &all), found = 0;
    for (size_t i = 0; i < n && found < 8; i++) {
        ludc_devices devices = {0};
        lud_error err = LUDC_ERROR_INIT;
        if (all[i].c->kind != LUD_KIND_BACKEND || all[i].shadowed) continue;
        const char *name = all[i].c->config_name;
        if (ludc_devices_open(g->host, ludc_str(name), &devices, &err) != LUD_OK) {
            printf("skip backend %s: %s\n", name, err.msg);
            continue;
        }
        ludc_devices_close(&devices);
        names[found++] = name;
    }
    names[found] = NULL;
}

char *golden_temp_dir(void) {
    const char *base = getenv("TMPDIR");
    char *path = ludc_path_join(base ? base : "/tmp", "ludwig-golden-XXXXXX");
    return mkdtemp(path) ? path : NULL;
}

void golden_fail(golden *g, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fputs("FAILED ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    g->failures++;
}

int golden_done(const golden *g, const char *test) {
    printf("%s: %d cases, largest relative error %.3g, %d failed\n", test, g->cases, g->worst, g->failures);
    if (g->cases == 0 && g->failures == 0) return GOLDEN_SKIP;
    return g->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static lud_status make_config(const char *base, const char *device, int64_t longest, ludc_value **out, lud_error *err) {
    static const char text[] =
        "{\"model_type\": \"llm\", \"adapter\": null, \"trainer\": {\"optimizer\": "
        "{\"type\": \"adamw\"}}, \"output_features\": [{\"type\": \"text\", \"decoder\": "
        "{\"type\": \"text_extractor\"}}], \"preprocessing\": {}, \"backend\": {\"precision\": \"fp32\"}}";
    LUDC_TRY(ludc_json_parse(text, sizeof text - 1, "<test>", false, false, out, err));
    bool ok = ludc_value_put(*out, "base_model", ludc_value_str(ludc_str(base))) &&
              ludc_value_put(ludc_value_get(*out, "backend"), "device", ludc_value_str(ludc_str(device)));
    ludc_value *preprocessing = ludc_value_get(*out, "preprocessing");
    if (longest) ok = ok && ludc_value_put(preprocessing, "global_max_sequence_length", ludc_value_int(longest));
    return ok ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
}

lud_status golden_open(golden *g, const char *base, const char *adapter_dir, const char *device, bool training,
                       int64_t longest, golden_model *out, lud_error *err) {
    *out = (golden_model){0};
    LUDC_TRY(make_config(base, device, longest, &out->config, err));
    const ludc_model_spec spec = {
        .host = g->host, .config = out->config, .adapter_dir = adapter_dir, .for_training = training, .seed = 1};
    lud_status status = ludc_model_open(&spec, &out->model, err);
    if (status != LUD_OK) golden_close(out);
    return status;
}

lud_status golden_open_tiny(golden *g, golden_model *out, lud_error *err) {
    char *path = golden_path(g, "tiny", "llama");
    const lud_status status = golden_open(g, path, NULL, "cpu", false, 0, out, err);
    ludc_free(path);
    return status;
}

void golden_close(golden_model *m) {
    ludc_model_free(m->model);
    ludc_value_free(m->config);
    *m = (golden_model){0};
}
