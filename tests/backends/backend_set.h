/* SPDX-License-Identifier: Apache-2.0
 * Every device of every backend that the test build has: those in the build's plugin folder and those that
 * LUDWIG_TEST_PLUGINS names (files or folders, ':' between), loaded through ludc_host as the program does it. */
#ifndef BACKEND_SET_H
#define BACKEND_SET_H

#include "op_run.h"
#include <plugin.h>

enum { SET_MAX = 16 };

typedef struct backend_set {
    ludc_host *host;
    op_backend all[SET_MAX];
    uint32_t n;
    const op_backend *oracle; /* the reference backend */
} backend_set;

lud_status backend_set_open(int threads, backend_set *, lud_error *);
void backend_set_close(backend_set *);
/* A host with those plugins and nothing opened. */
lud_status backend_host_new(int threads, ludc_host **, lud_error *);

#endif
