/* SPDX-License-Identifier: Apache-2.0
 * A cache of vectors: one append-only file, read through mappings, written in whole batches under a lock.
 * A process that is killed leaves at most a torn tail, which the next writer cuts off; a wrong checksum hides one
 * record and nothing else. Mappings reach beyond the end of the file and are kept until close, so that a vector never
 * moves. */
#include "vectors_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define VERSION   1
#define MAX_WIDTH ((int64_t)1 << 24)
#define MAX_MAPS  64 /* each is at least twice as long as the one before it */

static const char magic[8] = "LUDVECS";

/* Records that have no place on disk. */
typedef struct batch {
    struct batch *next;
    _Alignas(16) uint8_t bytes[];
} batch;

struct ludc_vectors {
    char *path;
    int fd; /* -1: there is no file */
    bool saves, told_unsaved, told_damaged;
    size_t checked_size, record_size; /* bytes of key and values; of a record */
    struct {
        void *ptr;
        size_t size;
    } maps[MAX_MAPS]; /* the last one reaches farthest */
    size_t n_maps;
    size_t indexed; /* bytes of the file that the index covers */
    batch *unsaved;
    ludc_vector_index index;
};

static uint64_t checksum_of(const ludc_vectors *v, const ludc_vector_record *r) {
    return XXH3_64bits(r->key, v->checked_size);
}

static void stop_saving(ludc_vectors *v, const char *cause) {
    if (!v->told_unsaved)
        ludc_log(LUD_LOG_WARN, "%s: cannot be written: %s; vectors are kept in memory and not saved", v->path, cause);
    v->told_unsaved = true;
    v->saves = false;
}

void ludc_vectors_close(ludc_vectors *v) {
    if (!v) return;
    for (size_t i = 0; i < v->n_maps; i++)
        munmap(v->maps[i].ptr, v->maps[i].size);
    if (v->fd >= 0) close(v->fd);
    while (v->unsaved) {
        batch *next = v->unsaved->next;
        ludc_free(v->unsaved);
        v->unsaved = next;
    }
    ludc_free(v->index.entries);
    ludc_free(v->path);
    ludc_free(v);
}

bool ludc_vectors_saves(const ludc_vectors *v) {
    return v->saves;
}

size_t ludc_vectors_len(const ludc_vectors *v) {
    return v->index.len;
}

/* ---- The file ---- */
static bool lock(int fd, int how) {
    int rc;
    do
        rc = flock(fd, how);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

static bool write_at(int fd, const void *bytes, size_t n, off_t at) {
    for (const uint8_t *p = bytes; n;) {
        const ssize_t done = pwrite(fd, p, n, at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done;
        n -= (size_t)done;
        at += done;
    }
    return true;
}

/* Where the whole records of a file of that size end. */
static size_t end_of_records(const ludc_vectors *v, size_t size) {
    return size - (size - sizeof(ludc_vectors_header)) % v->record_size;
}

static lud_status size_of(const ludc_vectors *v, size_t *size, lud_error *err) {
    struct stat st;
    if (fstat(v->fd, &st) != 0) return ludc_fail(err, LUD_E_IO, "%s: cannot read: %s", v->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return ludc_fail(err, LUD_E_IO, "%s: not a regular file", v->path);
    *size = (size_t)st.st_size;
    return LUD_OK;
}

/* A mapping that covers `size` bytes and as much again: pages after the end come to life as the file grows. */
static lud_status map(ludc_vectors *v, size_t size, lud_error *err) {
    if (v->n_maps && v->maps[v->n_maps - 1].size >= size) return LUD_OK;
    const size_t length = LUDC_MAX(2 * size, (size_t)1 << 20);
    void *p = v->n_maps < MAX_MAPS ? mmap(NULL, length, PROT_READ, MAP_SHARED, v->fd, 0) : MAP_FAILED;
    if (p == MAP_FAILED)
        return ludc_fail(err, LUD_E_IO, "%s: cannot map %zu bytes: %s", v->path, length, strerror(errno));
    v->maps[v->n_maps].ptr = p;
    v->maps[v->n_maps++].size = length;
    return LUD_OK;
}

/* Indexes the whole records that came since the last scan. */
static lud_status scan(ludc_vectors *v, lud_error *err) {
    size_t size;
    LUDC_TRY(size_of(v, &size, err));
    if (size < v->indexed)
        return ludc_fail(err, LUD_E_IO, "%s: it was cut while in use; delete it and start again", v->path);
    const size_t end = end_of_records(v, size);
    LUDC_TRY(map(v, end, err));
    const uint8_t *base = v->maps[v->n_maps - 1].ptr;
    for (; v->indexed < end; v->indexed += v->record_size)
        if (!ludc_vector_index_put(&v->index, (const void *)(base + v->indexed))) return ludc_no_memory(err, v->path);
    return LUD_OK;
}

lud_status ludc_vectors_refresh(ludc_vectors *v, lud_error *err) {
    if (v->fd < 0) return LUD_OK;
    const bool locked = lock(v->fd, LOCK_SH);
    const lud_status status = scan(v, err);
    if (locked) lock(v->fd, LOCK_UN);
    return status;
}

/* What a writer left that was killed, or ran out of disk. After a scan, under the lock. */
static bool cut_tail(const ludc_vectors *v) {
    return ftruncate(v->fd, (off_t)v->indexed) == 0;
}

/* ---- Opening ---- */
static lud_status check_header(const ludc_vectors *v, const ludc_vectors_header *got, const ludc_vectors_header *want,
                               lud_error *err) {
    if (memcmp(got->magic, magic, sizeof(magic)) != 0)
        return ludc_fail(err, LUD_E_IO, "%s: not a cache of vectors; delete it or choose another folder", v->path);
    if (got->version != VERSION)
        return ludc_fail(err, LUD_E_IO, "%s: a cache of version %u, want %d; delete it", v->path, got->version,
                         VERSION);
    if (got->checksum != XXH3_64bits(got, offsetof(ludc_vectors_header, checksum)))
        return ludc_fail(err, LUD_E_IO, "%s: its header is damaged; delete it", v->path);
    if (got->width != want->width)
        return ludc_fail(err, LUD_E_IO, "%s: vectors of width %lld, want %lld; delete it", v->path,
                         (long long)got->width, (long long)want->width);
    if (memcmp(got->key, want->key, sizeof(want->key)) != 0)
        return ludc_fail(err, LUD_E_IO, "%s: the cache of another key (was it renamed?); delete it", v->path);
    return LUD_OK;
}

/* Reads the header, or writes it into a file that is new, or whose maker was killed. Under the lock if v saves. */
static lud_status settle_header(ludc_vectors *v, const ludc_vectors_header *want, lud_error *err) {
    ludc_vectors_header got = {0};
    const ssize_t n = pread(v->fd, &got, sizeof(got), 0);
    if (n < 0) return ludc_fail(err, LUD_E_IO, "%s: cannot read: %s", v->path, strerror(errno));
    if ((size_t)n == sizeof(got) || memcmp(&got, want, (size_t)n) != 0) return check_header(v, &got, want, err);
    if (v->saves && write_at(v->fd, want, sizeof(*want), 0)) return LUD_OK;
    if (v->saves) stop_saving(v, strerror(errno));
    close(v->fd);
    v->fd = -1;
    return LUD_OK;
}

static lud_status open_file(ludc_vectors *v, const ludc_vectors_header *header, lud_error *err) {
    size_t size;
    LUDC_TRY(size_of(v, &size, err));
    if (v->saves && !lock(v->fd, LOCK_EX)) stop_saving(v, strerror(errno));
    const bool locked = v->saves;
    lud_status status = settle_header(v, header, err);
    if (status == LUD_OK && v->fd >= 0) status = scan(v, err);
    if (status == LUD_OK && v->saves && !cut_tail(v)) stop_saving(v, strerror(errno));
    if (locked && v->fd >= 0) lock(v->fd, LOCK_UN);
    return status;
}

/* Opens for writing, else for reading, else goes on without a file. */
static void open_or_do_without(ludc_vectors *v, const char *dir) {
    lud_error why = LUDC_ERROR_INIT;
    const bool there = ludc_dir_make(dir, &why) == LUD_OK;
    v->fd = open(v->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    v->saves = v->fd >= 0;
    if (v->saves) return;
    stop_saving(v, there ? strerror(errno) : why.msg);
    v->fd = open(v->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

lud_status ludc_vectors_open(const char *dir, const uint64_t key[2], int64_t width, ludc_vectors **out,
                             lud_error *err) {
    if (width < 1 || width > MAX_WIDTH)
        return ludc_fail(err, LUD_E_INVALID, "a cache of vectors of width %lld: want 1 to %lld", (long long)width,
                         (long long)MAX_WIDTH);
    ludc_vectors_header header = {.version = VERSION, .width = width, .key = {key[0], key[1]}};
    memcpy(header.magic, magic, sizeof(magic));
    header.checksum = XXH3_64bits(&header, offsetof(ludc_vectors_header, checksum));
    char name[40];
    snprintf(name, sizeof(name), "%016llx%016llx.vec", (unsigned long long)key[0], (unsigned long long)key[1]);
    ludc_vectors *v = ludc_alloc(sizeof(*v));
    if (!v) return ludc_no_memory(err, dir);
    v->fd = -1;
    v->path = ludc_path_join(dir, name);
    v->checked_size = sizeof(uint64_t[2]) + (size_t)width * sizeof(float);
    v->record_size = (offsetof(ludc_vector_record, key) + v->checked_size + 15) / 16 * 16;
    v->indexed = sizeof(header);
    lud_status status = v->path ? LUD_OK : ludc_no_memory(err, dir);
    if (status == LUD_OK) open_or_do_without(v, dir);
    if (status == LUD_OK && v->fd >= 0) status = open_file(v, &header, err);
    if (status == LUD_OK) return *out = v, LUD_OK;
    ludc_vectors_close(v);
    return status;
}

/* ---- Finding and adding ---- */
const float *ludc_vectors_find(ludc_vectors *v, const uint64_t text_key[2]) {
    ludc_vector_entry *e = ludc_vector_index_find(&v->index, text_key);
    if (!e) return NULL;
    if (e->state == LUDC_VECTOR_UNCHECKED)
        e->state = e->record->checksum == checksum_of(v, e->record) ? LUDC_VECTOR_GOOD : LUDC_VECTOR_DAMAGED;
    if (e->state == LUDC_VECTOR_GOOD) return e->record->values;
    if (!v->told_damaged) ludc_log(LUD_LOG_WARN, "%s: damaged vectors are computed again", v->path);
    v->told_damaged = true;
    return NULL;
}

/* Records of those vectors that are not there yet; returns their bytes. */
static size_t fill(ludc_vectors *v, size_t n, const uint64_t (*text_keys)[2], const float *values, uint8_t *out) {
    const size_t value_size = v->checked_size - sizeof(*text_keys);
    uint8_t *at = out;
    for (size_t i = 0; i < n; i++) {
        if (ludc_vectors_find(v, text_keys[i])) continue;
        ludc_vector_record *r = (void *)at;
        memcpy(r->key, text_keys[i], sizeof(r->key));
        memcpy(r->values, (const uint8_t *)values + i * value_size, value_size);
        r->checksum = checksum_of(v, r);
        at += v->record_size;
    }
    return (size_t)(at - out);
}

/* Appends after the last whole record; on failure the file holds no more of them than before. Under the lock. */
static bool append(ludc_vectors *v, const uint8_t *bytes, size_t n) {
    if (cut_tail(v) && write_at(v->fd, bytes, n, (off_t)v->indexed) && fdatasync(v->fd) == 0) return true;
    stop_saving(v, strerror(errno));
    (void)!cut_tail(v); /* else the next writer does */
    return false;
}

static lud_status keep(ludc_vectors *v, batch *b, size_t n, lud_error *err) {
    b->next = v->unsaved;
    v->unsaved = b;
    for (size_t at = 0; at < n; at += v->record_size)
        if (!ludc_vector_index_put(&v->index, (const void *)(b->bytes + at))) return ludc_no_memory(err, v->path);
    return LUD_OK;
}

/* Takes b. */
static lud_status add_batch(ludc_vectors *v, batch *b, size_t n, const uint64_t (*text_keys)[2], const float *values,
                            lud_error *err) {
    lud_status status = v->saves ? scan(v, err) : LUD_OK;
    const size_t bytes = status == LUD_OK ? fill(v, n, text_keys, values, b->bytes) : 0;
    if (bytes && !(v->saves && append(v, b->bytes, bytes))) return keep(v, b, bytes, err);
    ludc_free(b);
    return bytes ? scan(v, err) : status;
}

lud_status ludc_vectors_add(ludc_vectors *v, size_t n, const uint64_t (*text_keys)[2], const float *values,
                            lud_error *err) {
    batch *b = n < SIZE_MAX / 2 / v->record_size ? ludc_alloc(sizeof(*b) + n * v->record_size) : NULL;
    if (!b) return ludc_fail(err, LUD_E_NOMEM, "%s: out of memory for %zu vectors", v->path, n);
    if (v->saves && !lock(v->fd, LOCK_EX)) stop_saving(v, strerror(errno));
    const bool locked = v->saves;
    const lud_status status = add_batch(v, b, n, text_keys, values, err);
    if (locked) lock(v->fd, LOCK_UN);
    return status;
}
