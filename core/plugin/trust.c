/* SPDX-License-Identifier: Apache-2.0
 * Loading a plugin is running its code: a file that others could have changed is refused. LUDWIG_PLUGIN_TRUST names a
 * folder below which this check is left out (containers, shared file systems). */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_trusted_folder(const char *path) {
    const char *env = getauxval(AT_SECURE) ? NULL : getenv("LUDWIG_PLUGIN_TRUST");
    char *trusted = env && env[0] == '/' ? ludc_path_absolute(env) : NULL;
    const size_t n = trusted ? strlen(trusted) : 0;
    const bool below =
        n && strncmp(path, trusted, n) == 0 && (path[n] == '/' || path[n] == '\0' || trusted[n - 1] == '/');
    ludc_free(trusted);
    return below;
}

static char *distrust_one(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) return ludc_text("cannot be examined");
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return ludc_text("%s belongs to another user (LUDWIG_PLUGIN_TRUST=<folder> allows it)", path);
    const bool sticky_root = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) && st.st_uid == 0;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !sticky_root && !(st.st_gid == 0 && !(st.st_mode & S_IWOTH)))
        return ludc_text("%s can be written by others (chmod go-w, or LUDWIG_PLUGIN_TRUST=<folder>)", path);
    return NULL;
}

char *ludc_distrust(const char *path) {
    if (is_trusted_folder(path)) return NULL;
    char *copy = ludc_strdup(path);
    char *reason = copy ? distrust_one(copy) : ludc_text("out of memory");
    while (copy && !reason) {
        char *slash = strrchr(copy, '/');
        if (!slash) break;
        const bool root = slash == copy;
        slash[root ? 1 : 0] = '\0';
        reason = distrust_one(copy);
        if (root) break;
    }
    ludc_free(copy);
    return reason;
}
