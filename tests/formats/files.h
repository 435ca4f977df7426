/* SPDX-License-Identifier: Apache-2.0
 * For tests of formats: a temporary folder, files written without ceremony, little-endian bytes, random mutations. */
#ifndef TESTS_FORMATS_FILES_H
#define TESTS_FORMATS_FILES_H

#include <base.h>
#include <ludwig/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char files_dir[512];

/* In memory where there is such a place: thousands of files are written. */
static inline void files_begin(void) {
    const char *tmp = getenv("TMPDIR");
    if (!tmp && access("/dev/shm", W_OK | X_OK) == 0) tmp = "/dev/shm";
    snprintf(files_dir, sizeof files_dir, "%s/ludwig-formats-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(files_dir)) exit(EXIT_FAILURE);
}

static inline void files_end(void) {
    lud_error err = LUDC_ERROR_INIT;
    (void)ludc_dir_remove(files_dir, &err);
}

/* Path in the folder; valid until the eighth call from now. */
static inline const char *files_path(const char *name) {
    static char paths[8][1024];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", files_dir, name);
    return p;
}

static inline const char *files_put(const char *name, const void *bytes, size_t n) {
    const char *path = files_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || (n && fwrite(bytes, 1, n, f) != n) || fclose(f) != 0) exit(EXIT_FAILURE);
    return path;
}

static inline void put_le(ludc_buf *b, uint64_t v, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        char c = (char)(v >> (8 * i));
        ludc_buf_add(b, &c, 1);
    }
}

/* One to four changes: flipped bits, extreme numbers, cut, repeated or removed stretches. */
static inline void files_mutate(ludc_buf *b, uint64_t seed) {
    static const uint64_t extreme[] = {0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 1ull << 62, INT64_MAX, UINT64_MAX};
    uint64_t r = lud_mix64(seed);
    for (uint64_t k = 0; k <= r % 4 && b->len > 0; k++) {
        uint64_t x = lud_mix64(seed * 31 + k + 1), at = x % b->len, how = (x >> 40) % 8;
        size_t left = b->len - at;
        if (how < 3) {
            b->ptr[at] = (char)(b->ptr[at] ^ (1 << ((x >> 50) % 8)));
        } else if (how < 6) {
            uint64_t v = extreme[(x >> 50) % LUDC_COUNT(extreme)];
            memcpy(b->ptr + at, &v, LUDC_MIN(left, how == 3 ? (size_t)8 : how == 4 ? 4 : 1));
        } else if (how == 6) {
            b->len = at;
        } else {
            size_t n = LUDC_MIN(left, (size_t)(1 + (x >> 50) % 16));
            memmove(b->ptr + at, b->ptr + at + n, left - n);
            b->len -= n;
        }
    }
}

#endif
