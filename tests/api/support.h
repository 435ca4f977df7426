/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the C API share: places, a session with the plugins of this build, a changed copy of a model. */
#ifndef TESTS_API_SUPPORT_H
#define TESTS_API_SUPPORT_H

#include <ludwig/ludwig.h>
#include <stdbool.h>

/* Heap; without memory the process ends. */
char *api_file(const char *dir, const char *name);
char *api_source(const char *name); /* in the source tree */

lud_status api_session(const lud_events *, int threads, lud_session **, lud_error *);

/* Copies a model folder; change writes a file of that name itself, or returns false: it is copied as it is. */
lud_status api_copy_model(const char *from, const char *to,
                          bool (*change)(const char *name, const char *from, const char *to), lud_error *);

#endif
