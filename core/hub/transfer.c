/* SPDX-License-Identifier: Apache-2.0
 * One file from the hub into the cache. Bytes are appended to blobs/<hash>.incomplete under the lock that the Python
 * client takes; a cut transfer goes on behind them, in this process or a later one. The blob gets its name only when
 * its size and its hash are right, so a blob that is there is whole. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 6 }; /* without progress */

typedef struct part {
    ludc_hub_job *job;
    const ludc_hub_entry *entry;
    const char *path;
    int fd;
    uint64_t have; /* bytes on disk, all of them hashed */
    ludc_digest *hash;
    lud_error *err;
} part;

/* ---- The lock ---- */
static lud_status take_lock(int fd, const ludc_hub_job *job, const char *name, lud_error *err) {
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return LUD_OK; /* a file system without locks: they are a courtesy */
        if (ludc_cancel_requested() || atomic_load(&job->stop)) return ludc_fail(err, LUD_E_CANCELLED, "interrupted");
        if (waited == 20) ludc_log(LUD_LOG_INFO, "hub: another process is fetching %s; waiting", name);
        const struct timespec nap = {.tv_nsec = 100000000};
        nanosleep(&nap, NULL);
    }
    return LUD_OK;
}

static lud_status open_lock(const ludc_hub_job *job, const ludc_hub_entry *e, int *fd, lud_error *err) {
    const char *name = strrchr(job->folder, '/') + 1;
    ludc_buf path = {0};
    ludc_buf_addf(&path, "%.*s.locks/%s", (int)(name - job->folder), job->folder, name);
    lud_status status = path.failed ? LUD_OK : ludc_dir_make(path.ptr, err);
    ludc_buf_addf(&path, "/%s.lock", e->hash);
    if (path.failed) status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) {
        *fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        status = *fd < 0 ? ludc_fail(err, LUD_E_IO, "%s: cannot open: %s", path.ptr, strerror(errno))
                         : take_lock(*fd, job, e->path, err);
    }
    ludc_buf_free(&path);
    return status;
}

/* ---- The part that is there ---- */
static lud_status part_fail(const part *p) {
    return ludc_fail(p->err, LUD_E_IO, "%s: %s", p->path, strerror(errno));
}

static lud_status restart(part *p) {
    ludc_digest_free(p->hash);
    p->hash = ludc_digest_new(strlen(p->entry->hash), p->entry->size);
    atomic_fetch_sub(&p->job->done, p->have);
    p->have = 0;
    if (!p->hash) return ludc_fail(p->err, LUD_E_NOMEM, "out of memory");
    return ftruncate(p->fd, 0) == 0 && lseek(p->fd, 0, SEEK_SET) == 0 ? LUD_OK : part_fail(p);
}

/* Hashes what an earlier attempt has left; leaves the file's position behind it. */
static lud_status take_up(part *p) {
    struct stat st;
    if (fstat(p->fd, &st) != 0) return part_fail(p);
    if ((uint64_t)st.st_size > p->entry->size) return restart(p);
    p->hash = ludc_digest_new(strlen(p->entry->hash), p->entry->size);
    const size_t size = (size_t)1 << 20;
    uint8_t *block = ludc_alloc(size);
    lud_status status = p->hash && block ? LUD_OK : ludc_fail(p->err, LUD_E_NOMEM, "out of memory");
    for (ssize_t n = 1; status == LUD_OK && n > 0;) {
        n = read(p->fd, block, size);
        if (n < 0) status = part_fail(p);
        if (n > 0) ludc_digest_add(p->hash, block, (size_t)n), p->have += (uint64_t)n;
    }
    ludc_free(block);
    atomic_fetch_add(&p->job->done, p->have);
    return status;
}

static lud_status sink(void *arg, const void *bytes, size_t n) {
    part *p = arg;
    if (ludc_cancel_requested() || atomic_load(&p->job->stop)) return ludc_fail(p->err, LUD_E_CANCELLED, "interrupted");
    if (n > p->entry->size - p->have)
        return ludc_fail(p->err, LUD_E_HUB, "hub: '%s' has more than the %llu bytes of the listing", p->entry->path,
                         (unsigned long long)p->entry->size);
    for (const char *from = bytes; n;) {
        const ssize_t wrote = write(p->fd, from, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return part_fail(p);
        ludc_digest_add(p->hash, from, (size_t)wrote);
        p->have += (uint64_t)wrote;
        atomic_fetch_add(&p->job->done, (uint64_t)wrote);
        from += wrote;
        n -= (size_t)wrote;
    }
    return LUD_OK;
}

/* ---- Transfer ---- */
/* Until all bytes are there, whatever cuts the way. */
static lud_status fill(part *p, const ludc_hub_link *link) {
    const lud_hub_ref plain = ludc_hub_plain(p->job->ref, p->job->commit);
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    for (int failures = 0; p->have < p->entry->size;) {
        const uint64_t before = p->have;
        lud_status status = link->vt->fetch(link->self, &plain, p->entry->path, p->have, sink, p, &fault, p->err);
        if (status == LUD_OK && p->have == p->entry->size) break;
        if (status == LUD_OK) { /* ended early, in good order */
            fault.kind = LUD_HUB_RETRY;
            status = ludc_fail(p->err, LUD_E_HUB, "'%s' ended after %llu of %llu bytes", p->entry->path,
                               (unsigned long long)p->have, (unsigned long long)p->entry->size);
        }
        failures = p->have > before ? 0 : failures + 1;
        if (fault.kind == LUD_HUB_RANGE && before > 0) {
            *p->err = LUDC_ERROR_INIT;
            status = restart(p);
            fault.kind = LUD_HUB_RETRY;
            if (status != LUD_OK) return status;
        }
        if (!ludc_hub_again(p->job->hub, p->entry->path, failures, ATTEMPTS, &p->job->stop, &fault, p->err))
            return ludc_fail(p->err, status, "hub: '%s': %s", p->entry->path, ludc_status_text(status));
    }
    return LUD_OK;
}

static lud_status finish(part *p, const char *blob) {
    if (fsync(p->fd) != 0) return part_fail(p);
    return ludc_path_rename(p->path, blob, p->err);
}

/* A wrong hash means damage on the way, or in the part of an earlier attempt: once more from the beginning. */
static lud_status fetch_blob(part *p, const ludc_hub_link *link, const char *blob) {
    LUDC_TRY(take_up(p));
    for (int round = 0; round < 2; round++) {
        char got[65];
        LUDC_TRY(fill(p, link));
        ludc_digest_end(p->hash, got);
        p->hash = NULL;
        if (strcmp(got, p->entry->hash) == 0) return finish(p, blob);
        ludc_log(LUD_LOG_WARN, "hub: '%s' came damaged; fetching it again", p->entry->path);
        LUDC_TRY(restart(p));
    }
    (void)unlink(p->path);
    return ludc_fail(p->err, LUD_E_HUB, "hub: '%s' came damaged twice: its hash is not %s; try again later",
                     p->entry->path, p->entry->hash);
}

static lud_status transfer_locked(ludc_hub_job *job, const ludc_hub_link *link, const ludc_hub_entry *e,
                                  const char *blob, lud_error *err) {
    struct stat st;
    if (stat(blob, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->size) {
        atomic_fetch_add(&job->done, e->size);
        return LUD_OK;
    }
    ludc_buf path = {0};
    ludc_buf_addf(&path, "%s.incomplete", blob);
    part p = {.job = job, .entry = e, .path = path.ptr, .fd = -1, .err = err};
    lud_status status = path.failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
    if (status == LUD_OK) {
        p.fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        status = p.fd < 0 ? part_fail(&p) : fetch_blob(&p, link, blob);
    }
    ludc_digest_free(p.hash);
    if (p.fd >= 0) close(p.fd);
    ludc_buf_free(&path);
    return status;
}

lud_status ludc_hub_transfer(ludc_hub_job *job, const ludc_hub_link *link, const ludc_hub_entry *e, lud_error *err) {
    char *blob = ludc_hub_path(job->folder, "blobs", e->hash, NULL);
    int lock = -1;
    lud_status status = blob ? open_lock(job, e, &lock, err) : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = transfer_locked(job, link, e, blob, err);
    if (status == LUD_OK) status = ludc_hub_place(job->hub, job->folder, job->commit, e, err);
    if (lock >= 0) close(lock);
    ludc_free(blob);
    return status;
}
