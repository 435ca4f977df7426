/* SPDX-License-Identifier: Apache-2.0
 * What the files of an upload share: one that is under way, and requests with a body. */
#ifndef HF_UPLOAD_H
#define HF_UPLOAD_H

#include "client.h"

#include <stdlib.h>

enum { MAX_SMALL = 50 << 20 }; /* bytes of a file inside the commit's body */

typedef struct upload {
    hf_client *client;
    int32_t type;
    char repo[256], revision[256], head[65]; /* head: the commit at the beginning */
    hf_text lines;                           /* the body of the commit, NDJSON */
    size_t n_files;                          /* that differ from what is there */
} upload;

void hf_add_base64(hf_text *, const uint8_t *bytes, size_t n);
/* Appends the value as JSON and lets go of it; a NULL value is a failure. */
void hf_text_take_json(hf_text *, json_t *);
lud_status hf_post(hf_client *, const hf_text *url, const char *const *headers, hf_text *body, bool anonymous,
                   const char *subject, hf_answer *, lud_hub_fault *, lud_error *);

/* ---- lfs.c ---- */
/* The content into the hub's store, if it is not there. */
lud_status hf_lfs_send(upload *, const lud_hub_source *, uint64_t *sent, lud_hub_fault *, lud_error *);

/* ---- The slots (upload.c) ---- */
lud_status hf_begin(void *self, const lud_hub_ref *, const lud_hub_commit *, void **out, lud_hub_fault *, lud_error *);
lud_status hf_add(void *self, void *upload, const lud_hub_source *, uint64_t *sent, lud_hub_fault *, lud_error *);
lud_status hf_commit(void *self, void *upload, char commit[65], lud_status (*url)(void *, lud_str), void *arg,
                     lud_hub_fault *, lud_error *);
void hf_abort(void *self, void *upload);

#endif
