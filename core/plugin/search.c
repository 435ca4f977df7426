/* SPDX-License-Identifier: Apache-2.0
 * Where plugins are looked for: --plugin-path, LUDWIG_PLUGIN_PATH, the user's folder, the install folder. Never the
 * working directory, no recursion, no meaning in file names. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#define PLUGINS "ludwig/plugins-1"

static lud_status add_folder(ludc_host *h, const char *path, lud_error *err) {
    if (h->n_folders == LUDC_MAX_FOLDERS)
        return ludc_fail(err, LUD_E_INVALID, "more than %d plugin folders", LUDC_MAX_FOLDERS);
    h->folders[h->n_folders] = ludc_path_absolute(path);
    if (!h->folders[h->n_folders]) return ludc_no_memory(err, NULL);
    h->n_folders++;
    return LUD_OK;
}

static lud_status add_joined(ludc_host *h, const char *dir, const char *name, lud_error *err) {
    char *path = ludc_path_join(dir, name);
    const lud_status status = path ? add_folder(h, path, err) : ludc_no_memory(err, NULL);
    ludc_free(path);
    return status;
}

static lud_status add_list(ludc_host *h, const char *list, lud_error *err) {
    while (*list) {
        const size_t n = strcspn(list, ":");
        char *part = ludc_strndup(list, n);
        /* Never the working directory: what is not absolute is passed over. */
        const lud_status status = !part            ? ludc_no_memory(err, NULL)
                                  : part[0] == '/' ? add_folder(h, part, err)
                                                   : LUD_OK;
        ludc_free(part);
        LUDC_TRY(status);
        list += n + (list[n] == ':');
    }
    return LUD_OK;
}

lud_status ludc_search_path_make(ludc_host *h, const ludc_host_opts *opts, lud_error *err) {
    for (size_t i = 0; i < opts->n_plugin_paths; i++) {
        if (!opts->plugin_paths[i][0] || !ludc_path_exists(opts->plugin_paths[i]))
            return ludc_fail(err, LUD_E_ABI, "--plugin-path %s: no such file or folder", opts->plugin_paths[i]);
        LUDC_TRY(add_folder(h, opts->plugin_paths[i], err));
    }
    h->n_named = h->n_folders;
    const bool privileged = getauxval(AT_SECURE) != 0;
    const char *list = privileged ? NULL : getenv("LUDWIG_PLUGIN_PATH");
    const char *data = privileged ? NULL : getenv("XDG_DATA_HOME"), *home = privileged ? NULL : getenv("HOME");
    if (list) LUDC_TRY(add_list(h, list, err));
    if (data && data[0] == '/')
        LUDC_TRY(add_joined(h, data, PLUGINS, err));
    else if (home && home[0] == '/')
        LUDC_TRY(add_joined(h, home, ".local/share/" PLUGINS, err));
    char *image = ludc_path_of_image();
    const lud_status status = image ? add_joined(h, image, "../lib/" PLUGINS, err) : ludc_no_memory(err, NULL);
    ludc_free(image);
    return status;
}

static lud_status add_file(ludc_host *h, const char *path, bool named, lud_error *err) {
    if (!ludc_grow(&h->files, h->n_files, &h->cap_files, sizeof(*h->files))) return ludc_no_memory(err, NULL);
    struct stat st;
    ludc_candidate_file f = {.path = ludc_path_absolute(path), .named = named};
    if (!f.path) return ludc_no_memory(err, NULL);
    if (stat(f.path, &st) != 0 || !S_ISREG(st.st_mode)) f.reason = ludc_text("not a regular file");
    if (!f.reason) f.dev = st.st_dev, f.ino = st.st_ino;
    for (size_t i = 0; !f.reason && i < h->n_files; i++)
        if (h->files[i].dev == f.dev && h->files[i].ino == f.ino) {
            f.reason = ludc_text("the same file as an earlier one");
            f.twice = true;
        }
    h->files[h->n_files++] = f;
    return LUD_OK;
}

static lud_status scan(ludc_host *h, const char *folder, lud_error *err) {
    char **names;
    size_t n;
    lud_status status = LUD_OK;
    lud_error why = LUDC_ERROR_INIT;
    if (ludc_dir_list(folder, &names, &n, &why) != LUD_OK) {
        if (why.code == LUD_E_NOMEM) return ludc_fail(err, why.code, "%s", why.msg);
        ludc_log(LUD_LOG_WARN, "plugins: %s", why.msg);
        return LUD_OK;
    }
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        char *path = ludc_str_ends(ludc_str(names[i]), ".so") ? ludc_path_join(folder, names[i]) : NULL;
        if (path) status = add_file(h, path, false, err);
        ludc_free(path);
    }
    ludc_dir_list_free(names, n);
    return status;
}

lud_status ludc_search(ludc_host *h, lud_error *err) {
    for (size_t i = 0; i < h->n_folders; i++)
        if (ludc_path_is_dir(h->folders[i]))
            LUDC_TRY(scan(h, h->folders[i], err));
        else if (ludc_path_exists(h->folders[i]))
            LUDC_TRY(add_file(h, h->folders[i], i < h->n_named, err));
    return LUD_OK;
}
