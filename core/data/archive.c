/* SPDX-License-Identifier: Apache-2.0
 * The file of an archive: a header, each part behind its length and filled up to 16 bytes, then an end mark with the
 * checksum of all parts. Bytes are hashed in blocks, each seeded with what came before it, so that neither writing nor
 * checking needs a large file in memory. */
#include "archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { VERSION = 1, BLOCK = 4 << 20, ALIGN = 16, KEPT_DAYS = 30, NAME_LEN = 32 + 5 };
#define END UINT64_MAX

typedef struct header {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t key[2];
} header;

static header header_of(const uint64_t key[2]) {
    return (header){"LUDROWS", VERSION, 0x01020304, {key[0], key[1]}};
}

static char *path_of(const char *dir, const uint64_t key[2]) {
    char name[NAME_LEN + 1];
    snprintf(name, sizeof(name), "%016llx%016llx.rows", (unsigned long long)key[0], (unsigned long long)key[1]);
    return ludc_path_join(dir, name);
}

static size_t filling(uint64_t n) {
    return (size_t)((ALIGN - n % ALIGN) % ALIGN);
}

static uint64_t hash_on(uint64_t hash, const void *p, size_t n) {
    return XXH3_64bits_withSeed(p, n, hash);
}

/* ---- Writing ---- */
struct ludc_archive_writer {
    ludc_file_writer *file;
    uint64_t hash;
    lud_status status;
    lud_error why;
};

/* A name of ours, or a file of ours that its writer, killed, left unfinished. */
static bool is_ours(const char *name) {
    const size_t n = strlen(name);
    return (n == NAME_LEN && strcmp(name + 32, ".rows") == 0 && strspn(name, "0123456789abcdef") == 32) ||
           (n > 5 && name[0] == '.' && strspn(name + 1, "0123456789-") == n - 5 && strcmp(name + n - 4, ".tmp") == 0);
}

static void remove_old(const char *dir) {
    char **names = NULL;
    size_t n = 0;
    if (ludc_dir_list(dir, &names, &n, NULL) != LUD_OK) return;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        char *path = is_ours(names[i]) ? ludc_path_join(dir, names[i]) : NULL;
        if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > KEPT_DAYS * 86400)
            (void)unlink(path);
        ludc_free(path);
    }
    ludc_dir_list_free(names, n);
}

static void append(ludc_archive_writer *w, const void *p, size_t n) {
    if (w->status != LUD_OK) return;
    w->hash = hash_on(w->hash, p, n);
    w->status = ludc_file_append(w->file, p, n, &w->why);
}

lud_status ludc_archive_create(const char *dir, const uint64_t key[2], ludc_archive_writer **out, lud_error *err) {
    const header h = header_of(key);
    LUDC_TRY(ludc_dir_make(dir, err));
    remove_old(dir);
    char *path = path_of(dir, key);
    ludc_archive_writer *w = path ? ludc_alloc(sizeof(*w)) : NULL;
    if (w) w->why = LUDC_ERROR_INIT;
    lud_status status = w ? ludc_file_open_writer(path, &w->file, err) : ludc_no_memory(err, dir);
    ludc_free(path);
    if (status != LUD_OK) return ludc_free(w), status;
    append(w, &h, sizeof(h));
    *out = w;
    return LUD_OK;
}

void ludc_archive_put(ludc_archive_writer *w, const void *p, size_t n, const ludc_map_file *from) {
    static const uint8_t zeros[ALIGN];
    append(w, (const uint64_t[2]){n, 0}, ALIGN);
    for (size_t at = 0; at < n; at += BLOCK) {
        append(w, (const uint8_t *)p + at, LUDC_MIN((size_t)BLOCK, n - at));
        if (from) ludc_file_release(from);
    }
    if (filling(n)) append(w, zeros, filling(n));
}

lud_status ludc_archive_commit(ludc_archive_writer *w, lud_error *err) {
    const uint64_t end[2] = {END, w->hash};
    append(w, end, sizeof(end));
    lud_status status = w->status;
    if (status == LUD_OK) {
        status = ludc_file_commit(w->file, err);
    } else {
        ludc_fail(err, status, "%s", w->why.msg);
        ludc_file_abort(w->file);
    }
    ludc_free(w);
    return status;
}

/* ---- Reading ---- */
struct ludc_archive {
    ludc_map_file file;
    size_t at;
};

/* The length of the part at *at, which is moved behind it; END at the end mark or where the file is none. */
static uint64_t part_length(const ludc_map_file *f, size_t *at) {
    uint64_t n;
    if (f->size - *at < ALIGN) return END;
    memcpy(&n, f->ptr + *at, sizeof(n));
    *at += ALIGN;
    return n <= f->size - *at && filling(n) <= f->size - *at - n ? n : END;
}

static bool is_whole(const ludc_map_file *f, const header *want) {
    size_t at = sizeof(*want);
    uint64_t hash, n, end;
    if (f->size < sizeof(*want) || memcmp(f->ptr, want, sizeof(*want)) != 0) return false;
    for (hash = hash_on(0, want, sizeof(*want)); (n = part_length(f, &at)) != END;) {
        hash = hash_on(hash, f->ptr + at - ALIGN, ALIGN);
        for (uint64_t done = 0; done < n; done += BLOCK) {
            hash = hash_on(hash, f->ptr + at + done, (size_t)LUDC_MIN((uint64_t)BLOCK, n - done));
            ludc_file_release(f);
        }
        at += n;
        if (filling(n)) hash = hash_on(hash, f->ptr + at, filling(n));
        at += filling(n);
    }
    if (at != f->size) return false;
    memcpy(&end, f->ptr + at - sizeof(end), sizeof(end));
    return end == hash;
}

ludc_archive *ludc_archive_open(const char *dir, const uint64_t key[2]) {
    const header want = header_of(key);
    lud_error why = LUDC_ERROR_INIT;
    char *path = path_of(dir, key);
    ludc_archive *a = path && ludc_path_exists(path) ? ludc_alloc(sizeof(*a)) : NULL;
    bool good = false;
    if (a && ludc_file_map(path, &a->file, &why) != LUD_OK)
        ludc_log(LUD_LOG_WARN, "%s; it is made again", why.msg);
    else if (a && !(good = is_whole(&a->file, &want)))
        ludc_log(LUD_LOG_WARN, "%s: damaged; it is made again", path);
    if (good) (void)utimensat(AT_FDCWD, path, NULL, 0); /* it was of use today */
    ludc_free(path);
    if (good) return a->at = sizeof(want), a;
    ludc_archive_close(a);
    return NULL;
}

bool ludc_archive_next(ludc_archive *a, const void **p, size_t *n) {
    const uint64_t len = part_length(&a->file, &a->at);
    if (len == END) return false;
    *p = a->file.ptr + a->at;
    *n = (size_t)len;
    a->at += (size_t)len + filling(len);
    return true;
}

void ludc_archive_close(ludc_archive *a) {
    if (!a) return;
    ludc_file_unmap(&a->file);
    ludc_free(a);
}
