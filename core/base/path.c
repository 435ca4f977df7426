/* SPDX-License-Identifier: Apache-2.0
 * Paths and folders. Invariant: messages name the path and the cause; removing follows no links. Does not read or write
 * the content of files (file.c). */
#include "base.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool ludc_path_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool ludc_path_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *ludc_path_join(const char *dir, const char *name) {
    ludc_buf b = {0};
    const size_t len = strlen(dir);
    ludc_buf_addf(&b, "%s%s%s", dir, len && dir[len - 1] != '/' ? "/" : "", name);
    if (b.failed) ludc_buf_free(&b);
    return b.ptr;
}

/* Takes "//", "." and ".." out of an absolute path, in place. */
static void normalize(char *path) {
    char *to = path;
    for (const char *from = path; *from;) {
        while (*from == '/')
            from++;
        const size_t n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.') {
            while (to > path && *--to != '/') {
            }
        } else if (n && !(n == 1 && from[0] == '.')) {
            *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
    }
    if (to == path) *to++ = '/';
    *to = '\0';
}

char *ludc_path_absolute(const char *path) {
    char *real = realpath(path, NULL);
    if (real) {
        char *copy = ludc_strdup(real);
        free(real);
        return copy;
    }
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *joined = cwd ? ludc_path_join(cwd, path) : ludc_strdup(path);
    free(cwd);
    if (joined && joined[0] == '/') normalize(joined);
    return joined;
}

lud_status ludc_dir_make(const char *path, lud_error *err) {
    char *copy = ludc_strdup(path);
    if (!copy) return ludc_no_memory(err, NULL);
    lud_status status = LUD_OK;
    for (char *p = copy + 1; status == LUD_OK; p++) {
        const char c = *p;
        if (c != '/' && c != '\0') continue;
        *p = '\0';
        const int why = mkdir(copy, 0777) == 0 ? 0 : errno;
        if (why && !ludc_path_is_dir(copy))
            status = ludc_fail(err, LUD_E_IO, "%s: cannot make the folder: %s", copy, strerror(why));
        *p = c;
        if (c == '\0') break;
    }
    ludc_free(copy);
    return status;
}

lud_status ludc_path_can_make(const char *path, bool parents, lud_error *err) {
    char *folder = ludc_path_absolute(path);
    if (!folder) return ludc_no_memory(err, NULL);
    do {
        char *slash = strrchr(folder, '/');
        if (!slash) break;
        slash[slash == folder] = '\0';
    } while (parents && !ludc_path_exists(folder));
    lud_status status = LUD_OK;
    if (!ludc_path_exists(folder))
        status = ludc_fail(err, LUD_E_IO, "%s: there is no such folder", folder);
    else if (!ludc_path_is_dir(folder))
        status = ludc_fail(err, LUD_E_IO, "%s: this is no folder", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        status = ludc_fail(err, LUD_E_IO, "%s: cannot write to this folder: %s", folder, strerror(errno));
    ludc_free(folder);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ludc_dir_list_free(char **names, size_t n) {
    for (size_t i = 0; i < n; i++)
        ludc_free(names[i]);
    ludc_free(names);
}

static bool push_name(char ***names, size_t *n, size_t *cap, const char *name) {
    if (!ludc_grow(names, *n, cap, sizeof(**names))) return false;
    (*names)[*n] = ludc_strdup(name);
    return (*names)[*n] ? (++*n, true) : false;
}

lud_status ludc_dir_list(const char *path, char ***out, size_t *out_n, lud_error *err) {
    DIR *dir = opendir(path);
    if (!dir) return ludc_fail(err, LUD_E_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    char **names = NULL;
    size_t n = 0, cap = 0;
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) ok = push_name(&names, &n, &cap, e->d_name);
    closedir(dir);
    if (!ok) return ludc_dir_list_free(names, n), ludc_no_memory(err, path);
    if (n) qsort(names, n, sizeof(*names), compare_names);
    *out = names;
    *out_n = n;
    return LUD_OK;
}

lud_status ludc_dir_remove(const char *path, lud_error *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? LUD_OK : ludc_fail(err, LUD_E_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        char **names;
        size_t n;
        LUDC_TRY(ludc_dir_list(path, &names, &n, err));
        lud_status status = LUD_OK;
        for (size_t i = 0; i < n && status == LUD_OK; i++) {
            char *child = ludc_path_join(path, names[i]);
            status = child ? ludc_dir_remove(child, err) : ludc_no_memory(err, NULL);
            ludc_free(child);
        }
        ludc_dir_list_free(names, n);
        LUDC_TRY(status);
    }
    if (remove(path) != 0) return ludc_fail(err, LUD_E_IO, "%s: cannot remove: %s", path, strerror(errno));
    return LUD_OK;
}

/* A rename is durable once its folder is on disk. */
static void sync_folder_of(const char *path) {
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

lud_status ludc_path_rename(const char *from, const char *to, lud_error *err) {
    if (rename(from, to) != 0)
        return ludc_fail(err, LUD_E_IO, "%s: cannot rename to %s: %s", from, to, strerror(errno));
    sync_folder_of(to);
    return LUD_OK;
}

const char *ludc_image_file(void) {
    Dl_info info;
    struct link_map *map = NULL;
    const void *here;
    const char *(*self)(void) = ludc_image_file;
    memcpy(&here, &self, sizeof(here)); /* ISO C has no cast from function to object pointer */
    const bool library = dladdr1(here, &info, (void **)&map, RTLD_DL_LINKMAP) != 0 && map && map->l_name;
    return library && map->l_name[0] ? map->l_name : "/proc/self/exe";
}

char *ludc_path_of_image(void) {
    char *path = ludc_path_absolute(ludc_image_file());
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash) slash[slash == path ? 1 : 0] = '\0';
    return path;
}
