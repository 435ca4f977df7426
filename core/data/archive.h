/* SPDX-License-Identifier: Apache-2.0
 * archive: parts (strings of bytes) one after the other in a file of a cache folder, named by a key of all that decides
 * them. It appears whole or not at all and is read through a mapping, in the order in which it was written; any number
 * of processes may write and read the same one. Made for preprocessed rows, which are put and taken here too. */
#ifndef LUDC_ARCHIVE_H
#define LUDC_ARCHIVE_H

#include "content.h"
#include "feature.h"

typedef struct ludc_archive_writer ludc_archive_writer;
/* dir/<32 hex digits of key>.rows; the folder is made when missing, and files of it that nobody has read for 30 days
 * are removed. */
lud_status ludc_archive_create(const char *dir, const uint64_t key[2], ludc_archive_writer **, lud_error *);
/* from: the mapped file that the bytes lie in, whose pages are let go as they are written; or NULL. The first failure
 * is kept and comes out of commit. */
void ludc_archive_put(ludc_archive_writer *, const void *p, size_t n, const ludc_map_file *from);
lud_status ludc_archive_commit(ludc_archive_writer *, lud_error *); /* frees the writer, also on failure */

typedef struct ludc_archive ludc_archive;
/* Checked from end to end. NULL: not there; or damaged, which is said. */
ludc_archive *ludc_archive_open(const char *dir, const uint64_t key[2]);
/* The next part, aligned to 16 bytes, in place until close; false: there is none. */
bool ludc_archive_next(ludc_archive *, const void **p, size_t *n);
void ludc_archive_close(ludc_archive *); /* accepts NULL */

/* Taken ones lie in the archive, which must outlive them. false: not what was put there; out is empty. */
void ludc_column_put(ludc_archive_writer *, const ludc_column *);
bool ludc_column_take(ludc_archive *, ludc_column *out);
void ludc_rows_put(ludc_archive_writer *, const ludc_rows *);
bool ludc_rows_take(ludc_archive *, ludc_rows *out);

#endif
