/* SPDX-License-Identifier: Apache-2.0
 * Files: mapped or whole reads; writes that are a temporary file, fsync and rename, so that a reader sees the old
 * content or the new one and nothing else. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_for_read(const char *path, struct stat *st, lud_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        ludc_fail(err, LUD_E_IO, "%s: cannot open: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) return fd;
    ludc_fail(err, LUD_E_IO, "%s: not a regular file", path);
    close(fd);
    return -1;
}

lud_status ludc_file_map(const char *path, ludc_map_file *out, lud_error *err) {
    struct stat st;
    const int fd = open_for_read(path, &st, err);
    if (fd < 0) return LUD_E_IO;
    ludc_map_file file = {.size = (size_t)st.st_size};
    if (file.size) {
        void *p = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            close(fd);
            return ludc_fail(err, LUD_E_IO, "%s: cannot map %zu bytes: %s", path, file.size, strerror(errno));
        }
        file.ptr = p;
    }
    close(fd);
    *out = file;
    return LUD_OK;
}

void ludc_file_release(const ludc_map_file *file) {
    const uintptr_t in_page = (uintptr_t)file->ptr % (uintptr_t)sysconf(_SC_PAGESIZE);
    if (file->ptr) (void)madvise((void *)((uintptr_t)file->ptr - in_page), file->size + in_page, MADV_DONTNEED);
}

void ludc_file_unmap(ludc_map_file *file) {
    if (file->ptr) munmap((void *)(uintptr_t)file->ptr, file->size);
    *file = (ludc_map_file){0};
}

lud_status ludc_file_read(const char *path, ludc_buf *out, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    ludc_buf_add(out, file.ptr, file.size);
    ludc_file_unmap(&file);
    return out->failed ? ludc_no_memory(err, path) : LUD_OK;
}

struct ludc_file_writer {
    char *path, *temp;
    FILE *file;
};

static void writer_free(ludc_file_writer *w) {
    if (!w) return;
    if (w->file) fclose(w->file);
    ludc_free(w->path);
    ludc_free(w->temp);
    ludc_free(w);
}

/* A new file beside `path`; its short name fits wherever the name of `path` does. */
static lud_status open_temp(ludc_file_writer *w, lud_error *err) {
    const char *slash = strrchr(w->path, '/');
    const int folder = slash ? (int)(slash + 1 - w->path) : 0;
    for (int attempt = 0; attempt < 1000; attempt++) {
        static atomic_uint serial;
        ludc_buf temp = {0};
        ludc_buf_addf(&temp, "%.*s.%ld-%u.tmp", folder, w->path, (long)getpid(), atomic_fetch_add(&serial, 1));
        ludc_free(w->temp);
        w->temp = temp.ptr;
        if (temp.failed) return ludc_no_memory(err, w->path);
        w->file = fopen(w->temp, "wbxe");
        if (w->file) return LUD_OK;
        if (errno != EEXIST) break;
    }
    return ludc_fail(err, LUD_E_IO, "%s: cannot create: %s", w->path, strerror(errno));
}

/* A rename would put a plain file in the place of a device or a folder. */
static lud_status refuse_special(const char *path, lud_error *err) {
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode)) return LUD_OK;
    return ludc_fail(err, LUD_E_IO, "%s: cannot write: it is %s", path,
                     S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
}

lud_status ludc_file_open_writer(const char *path, ludc_file_writer **out, lud_error *err) {
    LUDC_TRY(refuse_special(path, err));
    ludc_file_writer *w = ludc_alloc(sizeof(*w));
    if (w) w->path = ludc_strdup(path);
    const lud_status status = w && w->path ? open_temp(w, err) : ludc_no_memory(err, path);
    if (status == LUD_OK) return *out = w, LUD_OK;
    writer_free(w);
    return status;
}

lud_status ludc_file_append(ludc_file_writer *w, const void *bytes, size_t n, lud_error *err) {
    if (n && fwrite(bytes, 1, n, w->file) != n)
        return ludc_fail(err, LUD_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    return LUD_OK;
}

void ludc_file_abort(ludc_file_writer *w) {
    if (!w) return;
    (void)unlink(w->temp);
    writer_free(w);
}

lud_status ludc_file_commit(ludc_file_writer *w, lud_error *err) {
    lud_status status = LUD_OK;
    if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0)
        status = ludc_fail(err, LUD_E_IO, "%s: cannot write: %s", w->path, strerror(errno));
    if (status == LUD_OK) status = ludc_path_rename(w->temp, w->path, err);
    if (status != LUD_OK) (void)unlink(w->temp);
    writer_free(w);
    return status;
}

lud_status ludc_file_write(const char *path, const void *bytes, size_t n, lud_error *err) {
    ludc_file_writer *w = NULL;
    LUDC_TRY(ludc_file_open_writer(path, &w, err));
    const lud_status status = ludc_file_append(w, bytes, n, err);
    if (status == LUD_OK) return ludc_file_commit(w, err);
    ludc_file_abort(w);
    return status;
}

lud_status ludc_file_copy(const char *from, const char *to, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(from, &file, err));
    const lud_status status = ludc_file_write(to, file.ptr, file.size, err);
    ludc_file_unmap(&file);
    return status;
}
