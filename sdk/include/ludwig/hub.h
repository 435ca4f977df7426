/* SPDX-License-Identifier: Apache-2.0
 * A hub holds repositories of files: it resolves a reference to one commit, streams files, takes uploads. Core owns
 * everything else: the cache on disk, resuming, hashing, checking of names, retries, progress, and the user's token.
 * Every slot blocks, does one attempt (redirects included), asks host->cancelled while it waits, and may be called on
 * any one thread at a time; for parallel transfers core opens several instances. [worker] */
#ifndef LUDWIG_HUB_H
#define LUDWIG_HUB_H

#include "lud.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LUD_REPO_MODEL, LUD_REPO_DATASET, LUD_REPO_SPACE };

/* A repository at a revision. The strings are checked by core and live during the call. */
typedef struct lud_hub_ref {
    uint32_t struct_size;
    int32_t type;         /* LUD_REPO_* */
    const char *repo;     /* "org/name" or "name" */
    const char *revision; /* branch, tag or commit; never empty */
} lud_hub_ref;

/* One file of a commit. hash: 64 lower-case hex digits = SHA-256 of the content; 40 = SHA-1 of "blob <size>\0" and the
 * content, as git has it. Core checks it, and names the cached file by it. The strings live during the callback;
 * core checks path. */
typedef struct lud_hub_file {
    uint32_t struct_size, reserved;
    lud_str path; /* '/' between folders */
    uint64_t size;
    const char *hash;
} lud_hub_file;

/* What a failed slot says beside its status and lud_error: whether core may call it again as it is.
 *  FATAL        no
 *  RETRY        yes, after `wait` seconds if that is above 0, else after core's own back-off; whatever the reason:
 *               cut or slow connection, 408, 429, 500, 502, 503, 504, an expired link
 *  UNREACHABLE  the same, and no answer came at all: core may go on with what is cached
 *  RANGE        fetch: nothing is there from `offset` on; core begins anew
 *  NOT_FOUND    no such repository, revision or file; `lud_error` says which
 *  DENIED       the token is missing or may not do this; `lud_error` says what to do */
enum { LUD_HUB_FATAL, LUD_HUB_RETRY, LUD_HUB_UNREACHABLE, LUD_HUB_RANGE, LUD_HUB_NOT_FOUND, LUD_HUB_DENIED };
typedef struct lud_hub_fault {
    uint32_t struct_size;
    int32_t kind; /* LUD_HUB_* */
    double wait;
} lud_hub_fault;

/* An upload: what its one commit is to say. NULL text = none. */
typedef struct lud_hub_commit {
    uint32_t struct_size;
    int32_t private_repo; /* of a repository that begin makes; one that exists stays as it is */
    const char *message;  /* one line, never NULL */
    const char *description;
    const char *parent; /* commit that the revision must still be at; else the upload fails */
} lud_hub_commit;

/* One file to upload; path is checked by core. The strings live during the call. */
typedef struct lud_hub_source {
    uint32_t struct_size, reserved;
    const char *path;
    uint64_t size;
    const char *sha256, *git_sha1; /* lower-case hex of the content, as in lud_hub_file */
    /* Fills buf with n bytes from `offset` on; any order, any number of times, during the call only. It counts progress
     * and fails when the user interrupts. */
    lud_status (*read)(void *arg, uint64_t offset, void *buf, size_t n, lud_error *);
    void *arg;
} lud_hub_source;

typedef struct lud_hub_vt {
    uint32_t struct_size, reserved;
    /* cfg child `config`: endpoint (string, without a closing '/'; absent: the hub's own), connect_timeout and
     * read_timeout (seconds, number), allow_http (bool: also to other machines), user_agent (string). No secret is ever
     * in it. */
    const lud_inst *inst;
    /* Optional. The user's token, once after open. It is kept in memory only, never logged, never in an error, and sent
     * to the endpoint's own origin (scheme, host, port) alone. */
    lud_status (*authorize)(void *self, lud_str token, lud_error *);
    /* resolve and fetch: both, unless there is `folder`. commit receives the name of the commit that ref is now,
     * NUL-terminated: 40 or 64 lower-case hex digits. file is called once per file of it, in any order; its failure
     * ends the call with its status. Both are borrowed. */
    lud_status (*resolve)(void *self, const lud_hub_ref *ref, char commit[65],
                          lud_status (*file)(void *arg, const lud_hub_file *), void *arg, lud_hub_fault *, lud_error *);
    /* The bytes of one file at ref->revision (a commit) from `offset` to its end, in order, through sink. Bytes that
     * the other side sends before `offset` are skipped here. A sink's failure ends the call with its status and FATAL.
     * What was passed on before a failure stays valid: core goes on behind it. */
    lud_status (*fetch)(void *self, const lud_hub_ref *ref, const char *path, uint64_t offset,
                        lud_status (*sink)(void *arg, const void *bytes, size_t n), void *arg, lud_hub_fault *,
                        lud_error *);
    /* Optional. A hub whose repositories lie on this machine passes the repository's folder on, and core reads it where
     * it is; resolve and fetch are then not called. dir lives during the callback. */
    lud_status (*folder)(void *self, const lud_hub_ref *ref, lud_status (*found)(void *arg, const char *dir), void *arg,
                         lud_hub_fault *, lud_error *);

    /* Uploads; all four or none. begin makes the repository if there is none; *upload is then closed by exactly one
     * successful commit, or by abort. Nothing shows on the hub before commit. */
    lud_status (*begin)(void *self, const lud_hub_ref *ref, const lud_hub_commit *, void **upload, lud_hub_fault *,
                        lud_error *);
    /* Transfers one file, or keeps it for commit if it is small; does nothing if the hub has the same content at this
     * path. *sent receives the number of bytes that had to go over the wire now or will with commit. After RETRY core
     * may call it again with the same file. */
    lud_status (*add)(void *self, void *upload, const lud_hub_source *, uint64_t *sent, lud_hub_fault *, lud_error *);
    /* One commit of everything that was added; where nothing differs, none is made. commit receives the commit that the
     * revision is at; url (optional) the address for people. RETRY is only said if the commit was surely not made. */
    lud_status (*commit)(void *self, void *upload, char commit[65], lud_status (*url)(void *arg, lud_str), void *arg,
                         lud_hub_fault *, lud_error *);
    void (*abort)(void *self, void *upload); /* accepts NULL */

    /* Optional. Files that this hub wants beside an uploaded model, such as a page about it, passed on through file.
     * facts: {repo, ludwig_version, kind ("adapter", "model", "predictive"), base_model, config, metadata, and where
     * the run has them: description, training_statistics, test_statistics}, all as their files hold them, without
     * places on the user's machine. Nothing is asked for over the network. */
    lud_status (*describe)(void *self, const lud_cfg *facts,
                           lud_status (*file)(void *arg, lud_str path, lud_str content), void *arg, lud_error *);
} lud_hub_vt;

#ifdef __cplusplus
}
#endif
#endif
