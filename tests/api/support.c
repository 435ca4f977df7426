/* SPDX-License-Identifier: Apache-2.0
 * See support.h. */
#include "support.h"

#include <base.h>
#include <stdlib.h>

char *api_file(const char *dir, const char *name) {
    char *path = ludc_path_join(dir, name);
    if (!path) exit(EXIT_FAILURE);
    return path;
}

static char *below(const char *variable, const char *name) {
    const char *dir = getenv(variable);
    return api_file(dir ? dir : ".", name);
}

char *api_source(const char *name) {
    return below("LUDWIG_TEST_SOURCE_DIR", name);
}

lud_status api_session(const lud_events *events, int threads, lud_session **s, lud_error *err) {
    char *plugins = below("LUDWIG_TEST_BINARY_DIR", "lib/ludwig/plugins-1");
    const char *const paths[] = {plugins};
    const lud_session_opts opts = {.struct_size = sizeof opts,
                                   .threads = threads,
                                   .plugin_paths = paths,
                                   .n_plugin_paths = 1,
                                   .events = events,
                                   .log_level = LUD_LOG_INFO};
    const lud_status status = lud_session_open(&opts, s, err);
    ludc_free(plugins);
    return status;
}

lud_status api_copy_model(const char *from, const char *to,
                          bool (*change)(const char *name, const char *from, const char *to), lud_error *err) {
    static const char *const files[] = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"};
    lud_status status = ludc_dir_make(to, err);
    for (size_t i = 0; status == LUD_OK && i < LUDC_COUNT(files); i++) {
        char *in = api_file(from, files[i]), *out = api_file(to, files[i]);
        if (!change(files[i], in, out)) status = ludc_file_copy(in, out, err);
        ludc_free(in);
        ludc_free(out);
    }
    return status;
}
