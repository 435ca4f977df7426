/* SPDX-License-Identifier: Apache-2.0
 * The cache of vectors: found again, damaged, torn, killed, filled by two processes at once, without a disk to write
 * to. Vector i is made from i alone, so that any process can tell whether what it finds is right. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vectors.h>

#define WIDTH  5 /* 32 + 20 bytes, padded to 64 */
#define HEADER 64
#define RECORD 64

static const uint64_t file_key[2] = {0x0123456789abcdef, 0xfedcba9876543210};
static char dir[128], path[256];

static void new_dir(void) {
    snprintf(dir, sizeof(dir), "/tmp/ludwig-vectors-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/0123456789abcdeffedcba9876543210.vec", dir);
}

static void drop_dir(void) {
    CHECK_INT(ludc_dir_remove(dir, NULL), LUD_OK);
}

static void key_of(uint64_t i, uint64_t key[2]) {
    ludc_hash128(&i, sizeof(i), key);
}

static void vector_of(uint64_t i, float *x) {
    for (int k = 0; k < WIDTH; k++)
        x[k] = (float)(i * 8 + (uint64_t)k);
}

static ludc_vectors *open_cache(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_vectors *v = NULL;
    CHECK_OK(ludc_vectors_open(dir, file_key, WIDTH, &v, &err), err);
    return v;
}

static lud_status add(ludc_vectors *v, uint64_t first, size_t n, lud_error *err) {
    static uint64_t keys[1000][2];
    static float values[1000][WIDTH];
    for (size_t i = 0; i < n; i++) {
        key_of(first + i, keys[i]);
        vector_of(first + i, values[i]);
    }
    return ludc_vectors_add(v, n, (const uint64_t(*)[2])keys, values[0], err);
}

static void add_ok(ludc_vectors *v, uint64_t first, size_t n) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(add(v, first, n, &err), err);
}

/* 1: found and right; 0: not there; -1: wrong. */
static int look(ludc_vectors *v, uint64_t i) {
    uint64_t key[2];
    float want[WIDTH];
    key_of(i, key);
    vector_of(i, want);
    const float *got = ludc_vectors_find(v, key);
    if (!got) return 0;
    return (uintptr_t)got % 16 == 0 && memcmp(got, want, sizeof(want)) == 0 ? 1 : -1;
}

static size_t count_found(ludc_vectors *v, uint64_t n) {
    size_t found = 0;
    for (uint64_t i = 0; i < n; i++) {
        const int there = look(v, i);
        CHECK(there >= 0);
        found += there > 0;
    }
    return found;
}

static size_t file_size(void) {
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void flip(size_t at) {
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    CHECK(pread(fd, &byte, 1, (off_t)at) == 1);
    byte ^= 0x10;
    CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
    close(fd);
}

static void test_found_again(void) {
    new_dir();
    ludc_vectors *v = open_cache();
    CHECK_INT(look(v, 0), 0);
    add_ok(v, 0, 0);
    CHECK_INT(file_size(), HEADER);
    add_ok(v, 0, 3);
    add_ok(v, 2, 4);
    CHECK_INT(count_found(v, 10), 6);
    CHECK_INT(ludc_vectors_len(v), 6);
    CHECK_INT(file_size(), HEADER + 6 * RECORD);
    ludc_vectors_close(v);
    v = open_cache();
    CHECK_INT(count_found(v, 10), 6);
    ludc_vectors_close(v);
    ludc_vectors_close(NULL);
    drop_dir();
}

/* Enough for several mappings; the first vector stays where it is. */
static void test_growth(void) {
    new_dir();
    ludc_vectors *v = open_cache();
    uint64_t key[2];
    key_of(0, key);
    add_ok(v, 0, 1);
    const float *first = ludc_vectors_find(v, key);
    for (uint64_t i = 1; i < 40000; i += 1000)
        add_ok(v, i, 1000);
    CHECK(ludc_vectors_find(v, key) == first && count_found(v, 40000) == 40000);
    ludc_vectors_close(v);
    v = open_cache();
    CHECK_INT(count_found(v, 40000), 40000);
    ludc_vectors_close(v);
    drop_dir();
}

static void check_refused(int64_t width, const char *want) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_vectors *v = NULL;
    CHECK(ludc_vectors_open(dir, file_key, width, &v, &err) == LUD_E_IO && !v);
    CHECK(strncmp(err.msg, path, strlen(path)) == 0);
    CHECK_TEXT(err.msg + strlen(path), want);
}

static void test_refusals(void) {
    new_dir();
    ludc_vectors_close(open_cache());
    check_refused(7, ": vectors of width 5, want 7; delete it");
    flip(8);
    check_refused(WIDTH, ": a cache of version 17, want 1; delete it");
    flip(8), flip(16);
    check_refused(WIDTH, ": its header is damaged; delete it");
    flip(16), flip(0);
    check_refused(WIDTH, ": not a cache of vectors; delete it or choose another folder");
    CHECK(truncate(path, 5) == 0);
    check_refused(WIDTH, ": not a cache of vectors; delete it or choose another folder");
    unlink(path);
    CHECK(mkdir(path, 0700) == 0);
    check_refused(WIDTH, ": not a regular file");
    CHECK(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    check_refused(WIDTH, ": not a regular file");
    unlink(path);
    const uint64_t other[2] = {1, 2};
    lud_error err = LUDC_ERROR_INIT;
    ludc_vectors *v = NULL;
    CHECK_OK(ludc_vectors_open(dir, other, WIDTH, &v, &err), err);
    ludc_vectors_close(v);
    char name[256];
    snprintf(name, sizeof(name), "%s/00000000000000010000000000000002.vec", dir);
    CHECK(rename(name, path) == 0);
    check_refused(WIDTH, ": the cache of another key (was it renamed?); delete it");
    CHECK_INT(ludc_vectors_open(dir, file_key, 0, &v, &err), LUD_E_INVALID);
    drop_dir();
}

static int warnings;
static void count_warning(void *arg, int32_t level, const char *text) {
    (void)arg, (void)text;
    warnings += level == LUD_LOG_WARN;
}

/* A flipped byte of key, values or checksum hides one vector, until it is added again. */
static void test_flipped(void) {
    for (size_t at = 0; at < RECORD; at += 3) {
        if ((at >= 8 && at < 16) || at >= 32 + WIDTH * sizeof(float)) continue; /* room between, not used */
        new_dir();
        ludc_vectors *v = open_cache();
        add_ok(v, 0, 5);
        ludc_vectors_close(v);
        flip(HEADER + 2 * RECORD + at);
        v = open_cache();
        CHECK_INT(count_found(v, 5), 4);
        CHECK_INT(look(v, 2), 0);
        add_ok(v, 0, 5);
        CHECK_INT(count_found(v, 5), 5);
        CHECK_INT(file_size(), HEADER + 6 * RECORD);
        ludc_vectors_close(v);
        v = open_cache();
        CHECK_INT(count_found(v, 5), 5);
        ludc_vectors_close(v);
        drop_dir();
    }
    CHECK(warnings > 0);
}

static void test_torn(void) {
    for (size_t cut = 1; cut <= HEADER + 2 * RECORD; cut += 7) {
        new_dir();
        ludc_vectors *v = open_cache();
        add_ok(v, 0, 2);
        ludc_vectors_close(v);
        const size_t left = HEADER + 2 * RECORD - cut, whole = left < HEADER ? 0 : (left - HEADER) / RECORD;
        CHECK(truncate(path, (off_t)left) == 0);
        v = open_cache();
        CHECK_INT(count_found(v, 2), whole);
        CHECK_INT(file_size(), HEADER + whole * RECORD);
        add_ok(v, 0, 4);
        CHECK_INT(count_found(v, 4), 4);
        ludc_vectors_close(v);
        v = open_cache();
        CHECK_INT(count_found(v, 4), 4);
        ludc_vectors_close(v);
        drop_dir();
    }
}

/* Another process is killed in the middle of a write while this one has the file open. */
static void test_torn_by_another(void) {
    new_dir();
    ludc_vectors *v = open_cache(), *other = open_cache();
    add_ok(v, 0, 2);
    CHECK_INT(count_found(other, 2), 0);
    CHECK_INT(ludc_vectors_refresh(other, NULL), LUD_OK);
    CHECK_INT(count_found(other, 2), 2);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(write(fd, "torn", 4) == 4);
    close(fd);
    add_ok(other, 2, 1);
    add_ok(v, 3, 1);
    CHECK_INT(count_found(v, 4), 4);
    CHECK_INT(file_size(), HEADER + 4 * RECORD);
    CHECK(truncate(path, HEADER) == 0);
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(add(v, 9, 1, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "cut while in use") != NULL);
    ludc_vectors_close(v);
    ludc_vectors_close(other);
    drop_dir();
}

static pid_t fill_from(uint64_t first, int64_t step, size_t batches, size_t n) {
    const pid_t child = fork();
    if (child != 0) return child;
    ludc_vectors *v = open_cache();
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; v && i < batches; i++)
        if (add(v, first + (uint64_t)((int64_t)i * step), n, &err) != LUD_OK) _exit(1);
    const bool all = v && count_found(v, batches * n) == batches * n;
    ludc_vectors_close(v);
    _exit(all && !check_failures ? 0 : 1);
}

static void test_two_processes(void) {
    new_dir();
    enum { BATCHES = 30, N = 25 };
    const pid_t up = fill_from(0, N, BATCHES, N), down = fill_from((BATCHES - 1) * N, -N, BATCHES, N);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK(waitpid(i ? up : down, &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ludc_vectors *v = open_cache();
    CHECK_INT(count_found(v, BATCHES * N), BATCHES * N);
    CHECK_INT(file_size(), HEADER + BATCHES * N * RECORD); /* nothing twice */
    ludc_vectors_close(v);
    drop_dir();
}

static void test_killed(void) {
    new_dir();
    size_t last = 0;
    for (unsigned round = 0; round < 20; round++) {
        const pid_t child = fill_from(last, 37, 100000, 37);
        usleep(500 + round * 700);
        kill(child, SIGKILL);
        CHECK(waitpid(child, NULL, 0) == child);
        ludc_vectors *v = open_cache();
        const size_t found = ludc_vectors_len(v);
        CHECK(found >= last && count_found(v, found) == found);
        CHECK_INT(file_size(), HEADER + found * RECORD);
        last = found;
        ludc_vectors_close(v);
    }
    CHECK(last > 0);
    drop_dir();
}

/* In a process without the rights of root. */
static void unsaved(bool with_file) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
    warnings = 0;
    ludc_vectors *v = open_cache();
    CHECK_INT(count_found(v, 9), with_file ? 3 : 0);
    add_ok(v, 2, 3);
    add_ok(v, 5, 2);
    CHECK_INT(count_found(v, 9), with_file ? 7 : 5);
    CHECK_INT(ludc_vectors_refresh(v, NULL), LUD_OK);
    ludc_vectors_close(v);
    CHECK_INT(warnings, 1);
    _exit(check_failures ? 1 : 0);
}

static void test_read_only(void) {
    for (int with_file = 0; with_file < 2; with_file++) {
        new_dir();
        if (with_file) {
            ludc_vectors *v = open_cache();
            add_ok(v, 0, 3);
            ludc_vectors_close(v);
            chmod(path, 0444);
        }
        chmod(dir, 0555);
        const size_t size = file_size();
        const pid_t child = fork();
        if (child == 0) unsaved(with_file);
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK_INT(file_size(), size);
        chmod(dir, 0755);
        drop_dir();
    }
}

/* The folder cannot be made: its parent is a file. */
static void test_no_folder(void) {
    new_dir();
    CHECK_INT(ludc_file_write(path, "x", 1, NULL), LUD_OK);
    const size_t parent = strlen(dir);
    memcpy(dir, path, strlen(path) + 1);
    warnings = 0;
    ludc_vectors *v = open_cache();
    add_ok(v, 0, 3);
    CHECK_INT(count_found(v, 4), 3);
    CHECK_INT(warnings, 1);
    ludc_vectors_close(v);
    dir[parent] = '\0';
    drop_dir();
}

static void test_disk_full(void) {
    new_dir();
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {HEADER + 4 * RECORD + 10, HEADER + 4 * RECORD + 10};
        signal(SIGXFSZ, SIG_IGN);
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        warnings = 0;
        ludc_vectors *v = open_cache();
        add_ok(v, 0, 3);
        add_ok(v, 3, 5);
        add_ok(v, 8, 1);
        CHECK_INT(count_found(v, 9), 9);
        CHECK_INT(warnings, 1);
        ludc_vectors_close(v);
        _exit(check_failures ? 1 : 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(file_size(), HEADER + 3 * RECORD);
    drop_dir();
}

static void test_no_memory(void) {
    lud_status status = LUD_E_NOMEM;
    for (int64_t n = 0; status == LUD_E_NOMEM && n < 1000; n++) {
        new_dir();
        lud_error err = LUDC_ERROR_INIT;
        ludc_vectors *v = NULL;
        ludc_alloc_fail_after(n, false);
        status = ludc_vectors_open(dir, file_key, WIDTH, &v, &err);
        if (status == LUD_OK) status = add(v, 0, 64, &err);
        ludc_alloc_fail_after(-1, false);
        if (v && status == LUD_OK) CHECK_INT(count_found(v, 64), 64);
        if (v && status != LUD_OK) add_ok(v, 0, 64);
        ludc_vectors_close(v);
        drop_dir();
    }
    CHECK_INT(status, LUD_OK);
}

/* Whatever a file holds, what is found is right. */
static void test_hostile(void) {
    for (uint64_t round = 0; round < 120; round++) {
        new_dir();
        ludc_vectors *v = open_cache();
        add_ok(v, 0, 20);
        ludc_vectors_close(v);
        uint8_t bytes[HEADER + 20 * RECORD];
        ludc_buf file = {0};
        CHECK_INT(ludc_file_read(path, &file, NULL), LUD_OK);
        memcpy(bytes, file.ptr, sizeof(bytes));
        ludc_buf_free(&file);
        const size_t changes = 1 + (size_t)(ludc_random_uniform(round, 0) * 40);
        for (size_t i = 0; i < changes; i++) {
            const size_t from = round % 3 ? HEADER : 0;
            const size_t at = from + (size_t)(ludc_random_uniform(round, 2 * i + 1) * (double)(sizeof(bytes) - from));
            bytes[at] = (uint8_t)(ludc_random_uniform(round, 2 * i + 2) * 256);
        }
        const size_t size = round % 2 ? sizeof(bytes) : (size_t)(ludc_random_uniform(round, 99) * sizeof(bytes));
        CHECK_INT(ludc_file_write(path, bytes, size, NULL), LUD_OK);
        v = NULL;
        if (ludc_vectors_open(dir, file_key, WIDTH, &v, NULL) == LUD_OK) {
            CHECK(count_found(v, 20) <= 20);
            add_ok(v, 0, 20);
            CHECK_INT(count_found(v, 20), 20);
        }
        ludc_vectors_close(v);
        drop_dir();
    }
}

/* XXH3_128bits of nothing, as its authors print it. */
static void test_hash(void) {
    uint64_t h[2];
    ludc_hash128("", 0, h);
    CHECK(h[1] == 0x99aa06d3014798d8 && h[0] == 0x6001c324468d497f);
}

int main(void) {
    ludc_log_set(count_warning, NULL, LUD_LOG_WARN);
    test_hash();
    test_found_again();
    test_growth();
    test_refusals();
    test_flipped();
    test_torn();
    test_torn_by_another();
    test_two_processes();
    test_killed();
    test_read_only();
    test_no_folder();
    test_disk_full();
    test_no_memory();
    test_hostile();
    return check_done();
}
