/* SPDX-License-Identifier: Apache-2.0
 * What the files of this plugin share. */
#ifndef LOCAL_H
#define LOCAL_H

#include <limits.h>
#include <ludwig/easy.h>
#include <ludwig/hub.h>
#include <stdlib.h>
#include <sys/stat.h>

extern const lud_host *local_host;

/* <root>/[datasets/|spaces/]org/name of the reference, whether it is there or not. */
lud_status local_path(const lud_hub_ref *, char out[PATH_MAX], lud_hub_fault *, lud_error *);
/* Of an operation on path that failed; errno_ 0: what is all there is to say. */
lud_status local_fail(lud_hub_fault *, int32_t kind, lud_error *, const char *path, const char *what, int errno_);

/* ---- The slots of an upload (upload.c) ---- */
lud_status local_begin(void *self, const lud_hub_ref *, const lud_hub_commit *, void **out, lud_hub_fault *,
                       lud_error *);
lud_status local_add(void *self, void *upload, const lud_hub_source *, uint64_t *sent, lud_hub_fault *, lud_error *);
lud_status local_commit(void *self, void *upload, char commit[65], lud_status (*url)(void *, lud_str), void *arg,
                        lud_hub_fault *, lud_error *);
void local_abort(void *self, void *upload);

#endif
