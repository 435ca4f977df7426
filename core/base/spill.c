/* SPDX-License-Identifier: Apache-2.0
 * Bytes that may be more than memory should hold: past a limit they go to a file without a name in TMPDIR, which is
 * mapped when all is there. The system takes the file back with the process, however that ends. */
#include "base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HELD = 8 << 20 };

static lud_status fail(lud_error *err, const char *what) {
    const char *dir = getenv("TMPDIR");
    return ludc_fail(err, LUD_E_IO, "%s: cannot %s a temporary file: %s (TMPDIR names the folder)",
                     dir && *dir ? dir : "/tmp", what, strerror(errno));
}

static lud_status open_file(ludc_spill *s, lud_error *err) {
    const char *dir = getenv("TMPDIR");
    char *path = ludc_path_join(dir && *dir ? dir : "/tmp", "ludwig-XXXXXX");
    if (!path) return ludc_no_memory(err, NULL);
    const int fd = mkstemp(path);
    if (fd >= 0) (void)unlink(path);
    ludc_free(path);
    if (fd < 0) return fail(err, "create");
    s->file = fd + 1;
    return LUD_OK;
}

static lud_status write_held(ludc_spill *s, lud_error *err) {
    if (!s->file) LUDC_TRY(open_file(s, err));
    for (size_t done = 0; done < s->held.len;) {
        const ssize_t n = write(s->file - 1, s->held.ptr + done, s->held.len - done);
        if (n < 0 && errno != EINTR) return fail(err, "write");
        if (n > 0) done += (size_t)n;
    }
    s->written += s->held.len;
    ludc_buf_clear(&s->held);
    return LUD_OK;
}

lud_status ludc_spill_add(ludc_spill *s, const void *bytes, size_t n, lud_error *err) {
    ludc_buf_add(&s->held, bytes, n);
    if (s->held.failed) return ludc_no_memory(err, NULL);
    return s->held.len < HELD ? LUD_OK : write_held(s, err);
}

lud_status ludc_spill_end(ludc_spill *s, ludc_map_file *out, lud_error *err) {
    *out = (ludc_map_file){0};
    if (!s->file) return LUD_OK;
    LUDC_TRY(write_held(s, err));
    void *p = mmap(NULL, s->written, PROT_READ, MAP_SHARED, s->file - 1, 0);
    if (p == MAP_FAILED) return fail(err, "map");
    *out = (ludc_map_file){.ptr = p, .size = s->written};
    ludc_spill_free(s);
    return LUD_OK;
}

void ludc_spill_free(ludc_spill *s) {
    if (s->file) close(s->file - 1);
    ludc_buf_free(&s->held);
    *s = (ludc_spill){0};
}
