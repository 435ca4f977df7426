/* SPDX-License-Identifier: Apache-2.0
 * An upload to a folder: the new state grows beside it as .name.upload, what stays is linked over from the old one, and
 * commit exchanges the two. A program that has the old files open keeps them. One upload at a time: the growing folder
 * is locked, and one that a killed program left is emptied. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

typedef struct upload {
    char target[PATH_MAX], temp[PATH_MAX];
    int lock; /* the folder temp, opened */
    size_t n_files;
    uint8_t block[BLOCK];
} upload;

static lud_status io_fail(lud_hub_fault *fault, lud_error *err, const char *path, const char *what) {
    return local_fail(fault, LUD_HUB_FATAL, err, path, what, errno);
}

static int join(char out[PATH_MAX], const char *dir, const char *name) {
    const int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    if (n >= 0 && n < PATH_MAX) return 1;
    errno = ENAMETOOLONG;
    return 0;
}

/* All folders above path, from its first '/' after `from` on. */
static int make_parents(const char *path, size_t from) {
    char part[PATH_MAX];
    for (const char *s = strchr(path + from, '/'); s; s = strchr(s + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(s - path), path);
        if (part[0] && mkdir(part, 0777) != 0 && errno != EEXIST) return 0;
    }
    return 1;
}

/* ---- Trees ---- */
static int remove_tree(const char *path, int keep_root) {
    char *const paths[] = {(char *)path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int ok = walk != NULL;
    for (FTSENT *e = NULL; ok && (e = fts_read(walk));) {
        if (e->fts_info == FTS_D || (e->fts_level == FTS_ROOTLEVEL && keep_root)) continue;
        ok = (e->fts_info == FTS_DP ? rmdir(e->fts_path) : unlink(e->fts_path)) == 0;
    }
    if (walk) (void)fts_close(walk);
    return ok;
}

/* Links into temp what target has and temp has not. */
static lud_status keep_others(const upload *u, lud_hub_fault *fault, lud_error *err) {
    char *const paths[] = {(char *)u->target, NULL};
    char to[PATH_MAX];
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    struct stat st;
    int ok = walk && stat(u->target, &st) == 0 && fchmod(u->lock, st.st_mode & 07777) == 0;
    for (FTSENT *e = NULL; ok && (e = fts_read(walk));) {
        const int unread = e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS;
        errno = e->fts_errno;
        ok = !unread;
        if (unread || e->fts_level == FTS_ROOTLEVEL || e->fts_info == FTS_DP) continue;
        ok = join(to, u->temp, e->fts_path + strlen(u->target) + 1) &&
             ((e->fts_info == FTS_D ? mkdir(to, e->fts_statp->st_mode & 0777) : link(e->fts_path, to)) == 0 ||
              errno == EEXIST);
    }
    const lud_status status = ok ? LUD_OK : io_fail(fault, err, u->target, "what stays cannot be linked");
    if (walk) (void)fts_close(walk);
    return status;
}

/* ---- Begin ---- */
/* Where the content is, whatever links lead there: the folder beside it must be on the same file system. */
static lud_status find_target(upload *u, const lud_hub_ref *ref, lud_hub_fault *fault, lud_error *err) {
    char path[PATH_MAX], *real;
    struct stat st;
    const lud_status status = local_path(ref, path, fault, err);
    if (status != LUD_OK) return status;
    if (!make_parents(path, 0)) return io_fail(fault, err, path, "cannot be made");
    real = realpath(path, NULL);
    (void)snprintf(u->target, sizeof(u->target), "%s", real ? real : path);
    free(real);
    errno = ENOTDIR;
    if (stat(u->target, &st) == 0 && !S_ISDIR(st.st_mode)) return io_fail(fault, err, u->target, "cannot be replaced");
    const char *slash = strrchr(u->target, '/');
    const int n = snprintf(u->temp, sizeof(u->temp), "%.*s/.%s.upload", (int)(slash - u->target), u->target, slash + 1);
    errno = ENAMETOOLONG;
    return n > 0 && (size_t)n < sizeof(u->temp) ? LUD_OK : io_fail(fault, err, u->target, "cannot be made");
}

/* Another upload may be at work in it, or have made it the target between open and flock. */
static lud_status take_temp(upload *u, int private_repo, lud_hub_fault *fault, lud_error *err) {
    struct stat mine, there;
    if (mkdir(u->temp, private_repo ? 0700 : 0777) != 0 && errno != EEXIST)
        return io_fail(fault, err, u->temp, "cannot be made");
    u->lock = open(u->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (u->lock < 0) return io_fail(fault, err, u->temp, "cannot be opened");
    if (flock(u->lock, LOCK_EX | LOCK_NB) != 0 || fstat(u->lock, &mine) != 0 || stat(u->temp, &there) != 0 ||
        mine.st_ino != there.st_ino)
        return local_fail(fault, LUD_HUB_RETRY, err, u->target, "another upload is under way", 0);
    return remove_tree(u->temp, 1) ? LUD_OK : io_fail(fault, err, u->temp, "cannot be emptied");
}

static void release(upload *u) {
    if (u->lock >= 0) (void)close(u->lock);
    local_host->free(local_host->ctx, u);
}

lud_status local_begin(void *self, const lud_hub_ref *ref, const lud_hub_commit *what, void **out, lud_hub_fault *fault,
                       lud_error *err) {
    (void)self;
    if (what->parent) return local_fail(fault, LUD_HUB_FATAL, err, ref->repo, "folders have no commits", 0);
    upload *u = local_host->alloc(local_host->ctx, sizeof(*u), _Alignof(upload));
    if (!u) return fault->kind = LUD_HUB_FATAL, lud_fail(err, LUD_E_NOMEM, "local: out of memory");
    u->lock = -1;
    u->n_files = 0;
    lud_status status = find_target(u, ref, fault, err);
    if (status == LUD_OK) status = take_temp(u, what->private_repo, fault, err);
    if (status == LUD_OK)
        *out = u;
    else
        release(u);
    return status;
}

void local_abort(void *self, void *upload_) {
    upload *u = upload_;
    (void)self;
    if (!u) return;
    (void)remove_tree(u->temp, 0);
    release(u);
}

/* ---- Add ---- */
/* Whether the file at path has this content. *status: of reading the source. */
static int is_same(upload *u, const lud_hub_source *s, const char *path, lud_status *status, lud_error *err) {
    struct stat st;
    uint8_t there[4096];
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int same = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->size;
    for (uint64_t at = 0; same && at < s->size;) {
        const size_t n = s->size - at < sizeof(there) ? (size_t)(s->size - at) : sizeof(there);
        *status = s->read(s->arg, at, u->block, n, err);
        same = *status == LUD_OK && read(fd, there, n) == (ssize_t)n && memcmp(u->block, there, n) == 0;
        at += n;
    }
    if (fd >= 0) (void)close(fd);
    return same;
}

static lud_status copy(upload *u, const lud_hub_source *s, const char *path, int fd, lud_hub_fault *fault,
                       lud_error *err) {
    for (uint64_t at = 0; at < s->size;) {
        const size_t n = s->size - at < BLOCK ? (size_t)(s->size - at) : BLOCK;
        const lud_status status = s->read(s->arg, at, u->block, n, err);
        if (status != LUD_OK) return status;
        for (size_t done = 0; done < n;) {
            const ssize_t wrote = write(fd, u->block + done, n - done);
            if (wrote < 0 && errno != EINTR) return io_fail(fault, err, path, "cannot be written");
            done += wrote > 0 ? (size_t)wrote : 0;
        }
        at += n;
    }
    return fsync(fd) == 0 ? LUD_OK : io_fail(fault, err, path, "cannot be written");
}

lud_status local_add(void *self, void *upload_, const lud_hub_source *s, uint64_t *sent, lud_hub_fault *fault,
                     lud_error *err) {
    upload *u = upload_;
    char path[PATH_MAX];
    lud_status status = LUD_OK;
    (void)self;
    fault->kind = LUD_HUB_FATAL;
    if (join(path, u->target, s->path) && is_same(u, s, path, &status, err)) return LUD_OK;
    if (status != LUD_OK) return status;
    if (!join(path, u->temp, s->path) || !make_parents(path, strlen(u->temp) + 1))
        return io_fail(fault, err, path, "cannot be made");
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return io_fail(fault, err, path, "cannot be written");
    status = copy(u, s, path, fd, fault, err);
    (void)close(fd);
    if (status == LUD_OK) {
        *sent = s->size;
        u->n_files++;
    }
    return status;
}

/* ---- Commit ---- */
/* Afterwards temp holds the old state, or nothing. */
static int exchange(const upload *u) {
    return renameat2(AT_FDCWD, u->temp, AT_FDCWD, u->target, RENAME_EXCHANGE) == 0 ||
           (errno == ENOENT && rename(u->temp, u->target) == 0);
}

lud_status local_commit(void *self, void *upload_, char commit[65], lud_status (*url)(void *, lud_str), void *arg,
                        lud_hub_fault *fault, lud_error *err) {
    upload *u = upload_;
    struct stat st;
    lud_status status = LUD_OK;
    fault->kind = LUD_HUB_FATAL;
    if (u->n_files && stat(u->target, &st) == 0) status = keep_others(u, fault, err);
    if (status == LUD_OK && u->n_files && !exchange(u)) status = io_fail(fault, err, u->target, "cannot be replaced");
    commit[0] = '\0';
    if (status == LUD_OK && url) status = url(arg, lud_text(u->target));
    if (status == LUD_OK) local_abort(self, u); /* the old state */
    return status;
}
