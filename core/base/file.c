/* SPDX-License-Identifier: Apache-2.0
 * Files: mapped or whole reads; writes that are a temporary file, fsync and rename, so that a reader sees the old
 * content or the new one and nothing else. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

void ludc_file_unmap(ludc_map_file *file) {
    if (file->ptr) munmap((void *)(uintptr_t)file->ptr, file->size);
    *file = (ludc_map_file){0};
}

lud_status ludc_file_read(const char *path, ludc_buf *out, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    ludc_buf_add(out, file.ptr, file.size);
    ludc_file_unmap(&file);
    return out->failed ? ludc_fail(err, LUD_E_NOMEM, "%s: out of memory", path) : LUD_OK;
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

lud_status ludc_file_open_writer(const char *path, ludc_file_writer **out, lud_error *err) {
    ludc_file_writer *w = ludc_alloc(sizeof(*w));
    ludc_buf temp = {0};
    ludc_buf_addf(&temp, "%s.%ld.tmp", path, (long)getpid());
    char *copy = ludc_strdup(path);
    if (!w || temp.failed || !copy) {
        ludc_free(w);
        ludc_buf_free(&temp);
        ludc_free(copy);
        return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory", path);
    }
    *w = (ludc_file_writer){.path = copy, .temp = temp.ptr, .file = fopen(temp.ptr, "wbe")};
    if (!w->file) {
        const lud_status status = ludc_fail(err, LUD_E_IO, "%s: cannot create: %s", path, strerror(errno));
        writer_free(w);
        return status;
    }
    *out = w;
    return LUD_OK;
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
