/* SPDX-License-Identifier: Apache-2.0
 * hub: repositories of models and data by name. The cache on disk is the one of the Python client, byte for byte, so
 * that both find what the other has fetched. Names, hashes, resuming, retries and the token are handled here; the
 * network is a plugin's (ludwig/hub.h). */
#ifndef LUDC_HUB_H
#define LUDC_HUB_H

#include <ludwig/hub.h>
#include <plugin.h>

#define LUDC_HUB_DEFAULT "hf" /* the hub of a plain "org/name", and the one that HF_TOKEN and HF_ENDPOINT belong to */

/* ---- References (ref.c) ----
 * hub://[models/|datasets/|spaces/]org/name[@revision][/path], or plain org/name[@revision]. In a revision "%2F" stands
 * for '/'; refs/pr/1 and refs/convert/x may be written as they are. */
typedef struct ludc_hub_ref {
    char hub[16]; /* config name of the plugin */
    int32_t type; /* LUD_REPO_* */
    char repo[200], revision[256];
    char path[1025]; /* one file; "" = the repository */
} ludc_hub_ref;
lud_status ludc_hub_ref_parse(const char *text, ludc_hub_ref *out, lud_error *);
/* Whether a text that names a model means a hub: it has a scheme, or it is org/name and nothing on disk
 * has that name, nor (without a revision) a folder that of its owner. */
bool ludc_hub_is_ref(const char *text);
void ludc_hub_ref_text(const ludc_hub_ref *, ludc_buf *out); /* the shortest that parses to the same */
/* What is wrong with the name of a file from outside, or NULL: it must stay inside the folder it is put in, on every
 * system, and be safe to print (names.c). */
const char *ludc_hub_name_fault(lud_str path);

/* ---- Fetching (hub.c) ---- */
typedef struct ludc_hub ludc_hub;
typedef struct ludc_hub_opts {
    ludc_host *host;
    /* Bytes of this fetch so far and in all, some times a second, on the thread that called. May be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
} ludc_hub_opts;
/* Reads the environment (settings.c). No plugin is touched before something must be asked for. */
lud_status ludc_hub_open(const ludc_hub_opts *, ludc_hub **, lud_error *);
void ludc_hub_close(ludc_hub *); /* accepts NULL */
/* The repository's folder, or the file that ref->path names, on this machine; fetched where it is not cached. Of a
 * model only the files that are read are fetched. *path is heap; commit: what the revision is now ("" if the hub's
 * repositories lie on this machine). Failures: LUD_E_HUB, LUD_E_INVALID, LUD_E_IO (disk), LUD_E_ABI (no such plugin),
 * LUD_E_CANCELLED. */
lud_status ludc_hub_get(ludc_hub *, const ludc_hub_ref *, char **path, char commit[65], lud_error *);

/* ---- Uploading (upload.c) ---- */
typedef struct ludc_hub_item {
    const char *path; /* in the repository */
    const char *file; /* on this machine; NULL: `bytes` */
    const char *bytes;
    size_t n;
} ludc_hub_item;
typedef struct ludc_hub_pushed {
    uint64_t sent;   /* bytes that had to go over the wire */
    char commit[65]; /* what the revision is now */
    ludc_buf url;    /* for people; the caller frees */
} ludc_hub_pushed;
/* One commit of all items; the repository is made if there is none. Fails whole: LUD_E_HUB, LUD_E_INVALID (a name),
 * LUD_E_IO, LUD_E_UNSUPPORTED (a hub without uploads), LUD_E_CANCELLED. *out is zeroed by the caller. */
lud_status ludc_hub_put(ludc_hub *, const ludc_hub_ref *, const ludc_hub_item *, size_t n, const lud_hub_commit *,
                        ludc_hub_pushed *out, lud_error *);
/* Files that the hub wants beside a model, made of facts about it (lud_hub_vt.describe). Asks nobody. */
lud_status ludc_hub_describe(ludc_hub *, const ludc_hub_ref *, const ludc_value *facts,
                             lud_status (*file)(void *, lud_str path, lud_str content), void *arg, lud_error *);
lud_status ludc_hub_hash(const char *path, char sha256[65], lud_error *);

#endif
