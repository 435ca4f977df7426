/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/hub share. */
#ifndef LUDC_HUB_INTERNAL_H
#define LUDC_HUB_INTERNAL_H

#include <config.h>
#include <hub.h>
#include <stdatomic.h>

/* ---- Settings (settings.c): the environment variables of the Python client ---- */
typedef struct ludc_hub_settings {
    char *cache;    /* folder of cached repositories, absolute */
    char *endpoint; /* NULL: the hub's own */
    char *token;    /* NULL: none. Never printed, never in a value tree */
    bool offline, no_symlinks, allow_http;
    double connect_timeout, read_timeout; /* seconds */
} ludc_hub_settings;
lud_status ludc_hub_settings_read(ludc_hub_settings *, lud_error *);
void ludc_hub_settings_free(ludc_hub_settings *); /* wipes the token */

struct ludc_hub {
    ludc_hub_opts opts;
    ludc_hub_settings settings;
    double backoff; /* seconds before the second attempt without progress; doubled from then on */
};

/* ---- Hashes (hash.c): SHA-256 of the content, or git's SHA-1 of a blob ---- */
typedef struct ludc_digest ludc_digest;
/* hex_len 64 or 40: which one; size is known before for git's. NULL: out of memory. */
ludc_digest *ludc_digest_new(size_t hex_len, uint64_t size);
void ludc_digest_add(ludc_digest *, const void *bytes, size_t n);
void ludc_digest_end(ludc_digest *, char hex[65]); /* frees it */
void ludc_digest_free(ludc_digest *);              /* accepts NULL */
bool ludc_is_hex(const char *s, size_t n);         /* n lower-case hex digits, then the end */

/* ---- One opened instance of a hub plugin, and calling it again (link.c) ---- */
typedef struct ludc_hub_link {
    const lud_hub_vt *vt;
    void *self;
    ludc_value *cfg; /* lives as long as the instance */
} ludc_hub_link;
lud_status ludc_hub_link_open(ludc_hub *, const char *hub, ludc_hub_link *, lud_error *); /* [main] */
void ludc_hub_link_close(ludc_hub_link *);                                                /* accepts a zeroed one */
/* After a failed call: whether to call again, having waited. failures counts those without progress, this one
 * included; stop (may be NULL) ends the wait. Clears *err and *fault if true. */
bool ludc_hub_again(const ludc_hub *, const char *what, int failures, int limit, const atomic_bool *stop,
                    lud_hub_fault *, lud_error *);
lud_hub_ref ludc_hub_plain(const ludc_hub_ref *, const char *revision); /* as the plugin sees it; borrows */

/* ---- The files of a commit (listing.c) ---- */
typedef struct ludc_hub_entry {
    char *path;
    uint64_t size;
    char hash[65]; /* "" : only known to be cached */
    bool wanted;
} ludc_hub_entry;
typedef struct ludc_hub_listing {
    ludc_hub_entry *entries;
    size_t n, cap;
    bool exact; /* all files of the commit; else only those that are cached */
} ludc_hub_listing;
/* What is wrong with the name is logged; the file is left out. */
lud_status ludc_hub_listing_add(ludc_hub_listing *, lud_str path, uint64_t size, const char *hash, lud_error *);
void ludc_hub_listing_free(ludc_hub_listing *);
ludc_hub_entry *ludc_hub_listing_find(const ludc_hub_listing *, const char *path);
/* Asks the hub. Fills commit and listing. */
lud_status ludc_hub_list(ludc_hub *, const ludc_hub_link *, const ludc_hub_ref *, int attempts, char commit[65],
                         ludc_hub_listing *, int32_t *fault, lud_error *);

/* ---- Which files are needed (select.c) ---- */
/* Marks what is needed of the commit, but for the shards that an index names. A reference without a path, of a model:
 * the files that Ludwig reads; of data: all. Fails if the file that the path names is not there. */
lud_status ludc_hub_select(const ludc_hub_ref *, ludc_hub_listing *, lud_error *);
/* Reads the index in the snapshot folder, if one was marked, and marks the shards. Fails where one is not listed. */
lud_status ludc_hub_select_shards(const char *snapshot, ludc_hub_listing *, lud_error *);

/* ---- The cache (cache.c). Folder: that of one repository. ---- */
char *ludc_hub_folder(const ludc_hub *, const ludc_hub_ref *);                                 /* heap */
char *ludc_hub_path(const char *folder, const char *part, const char *name, const char *more); /* heap; more: or NULL */
bool ludc_hub_ref_read(const char *folder, const char *revision, char commit[65]);
lud_status ludc_hub_ref_write(const char *folder, const char *revision, const char *commit, lud_error *);
/* The kept listing of a commit, or what its snapshot folder holds; n = 0 if there is nothing. */
lud_status ludc_hub_tree_read(const char *folder, const char *commit, ludc_hub_listing *, lud_error *);
lud_status ludc_hub_tree_write(const char *folder, const char *commit, const ludc_hub_listing *, lud_error *);
/* Whether a file is in the snapshot with its size. */
bool ludc_hub_have(const char *folder, const char *commit, const ludc_hub_entry *);
/* Puts a whole blob into the snapshot. */
lud_status ludc_hub_place(const ludc_hub *, const char *folder, const char *commit, const ludc_hub_entry *,
                          lud_error *);
lud_status ludc_hub_no_exist(const char *folder, const char *commit, const char *path, lud_error *);
/* Tags the cache folder as a cache, once. */
void ludc_hub_tag_cache(const ludc_hub *);

/* ---- One file (transfer.c) and many (download.c) ---- */
typedef struct ludc_hub_job {
    ludc_hub *hub;
    const ludc_hub_ref *ref;
    const char *folder, *commit;
    _Atomic uint64_t done; /* bytes on disk of those that were not cached */
    atomic_bool stop;      /* another file failed */
} ludc_hub_job;
lud_status ludc_hub_transfer(ludc_hub_job *, const ludc_hub_link *, const ludc_hub_entry *, lud_error *);
/* All that is marked and not cached; several at once. */
lud_status ludc_hub_download(ludc_hub *, const ludc_hub_ref *, const char *folder, const char *commit,
                             const ludc_hub_listing *, lud_error *);

#endif
