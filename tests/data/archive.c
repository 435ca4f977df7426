/* SPDX-License-Identifier: Apache-2.0
 * Archives: what is put is taken again; cut, flipped, longer or of another key: not there; written by two at once; old
 * ones go, others stay; no place to write to; columns and rows of token ids, also from parts that are none. */
#include <archive.h>
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const uint64_t key[2] = {0x0123456789abcdef, 0xfedcba9876543210};
static char dir[128], path[256];
static int warnings;

static void count_warnings(void *arg, int32_t level, const char *text) {
    (void)arg, (void)text;
    warnings += level >= LUD_LOG_WARN;
}

static void new_dir(void) {
    snprintf(dir, sizeof(dir), "/tmp/ludwig-archive-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/0123456789abcdeffedcba9876543210.rows", dir);
}

static void drop_dir(void) {
    CHECK_INT(ludc_dir_remove(dir, NULL), LUD_OK);
}

static ludc_archive_writer *create(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_archive_writer *w = NULL;
    CHECK_OK(ludc_archive_create(dir, key, &w, &err), err);
    return w;
}

static void commit(ludc_archive_writer *w) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_archive_commit(w, &err), err);
}

static void put_texts(const char *const *texts, size_t n) {
    ludc_archive_writer *w = create();
    for (size_t i = 0; i < n; i++)
        ludc_archive_put(w, texts[i], strlen(texts[i]), NULL);
    commit(w);
}

static bool is_there(void) {
    ludc_archive *a = ludc_archive_open(dir, key);
    ludc_archive_close(a);
    return a != NULL;
}

static const char *const texts[] = {"", "a", "sixteen bytes ...", "", "0123456789abcdef"};

static void test_parts(void) {
    const void *p;
    size_t n;
    new_dir();
    CHECK(!is_there());
    CHECK_INT(warnings, 0);
    put_texts(texts, LUDC_COUNT(texts));
    ludc_archive *a = ludc_archive_open(dir, key);
    CHECK(a != NULL);
    for (size_t i = 0; a && i < LUDC_COUNT(texts); i++) {
        CHECK(ludc_archive_next(a, &p, &n));
        CHECK((uintptr_t)p % 16 == 0 && n == strlen(texts[i]) && memcmp(p, texts[i], n) == 0);
    }
    CHECK(a && !ludc_archive_next(a, &p, &n));
    ludc_archive_close(a);
    put_texts(texts, 0);
    a = ludc_archive_open(dir, key);
    CHECK(a && !ludc_archive_next(a, &p, &n));
    ludc_archive_close(a);
    CHECK(ludc_archive_open(dir, (const uint64_t[2]){1, 2}) == NULL);
    drop_dir();
}

/* More than the blocks in which it is hashed. */
static void test_large(void) {
    const size_t size = (9 << 20) + 5;
    uint8_t *bytes = ludc_alloc(size);
    const void *p;
    size_t n;
    new_dir();
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)lud_mix64(i / 8);
    ludc_archive_writer *w = create();
    ludc_archive_put(w, bytes, size, NULL);
    commit(w);
    ludc_archive *a = ludc_archive_open(dir, key);
    CHECK(a && ludc_archive_next(a, &p, &n) && n == size && memcmp(p, bytes, size) == 0);
    ludc_archive_close(a);
    ludc_free(bytes);
    drop_dir();
}

static void write_raw(const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

static void test_damage(void) {
    ludc_buf good = {0};
    lud_error err = LUDC_ERROR_INIT;
    new_dir();
    put_texts(texts, LUDC_COUNT(texts));
    CHECK_OK(ludc_file_read(path, &good, &err), err);
    warnings = 0;
    for (size_t n = 0; n < good.len; n++) {
        write_raw(good.ptr, n);
        CHECK(!is_there());
    }
    for (size_t i = 0; i < good.len; i++) {
        const char kept = good.ptr[i];
        good.ptr[i] = (char)(kept ^ (1 << i % 8));
        write_raw(good.ptr, good.len);
        CHECK(!is_there() || (i >= good.len - 16 && i < good.len - 8)); /* a mark of the end looks in many ways */
        good.ptr[i] = kept;
    }
    CHECK(warnings > (int)good.len); /* each is said */
    ludc_buf_adds(&good, "more");
    write_raw(good.ptr, good.len);
    CHECK(!is_there());
    put_texts(texts, 1);
    CHECK(is_there());
    ludc_buf_free(&good);
    drop_dir();
}

static void test_two_writers(void) {
    new_dir();
    const pid_t child = fork();
    for (int i = 0; i < 20; i++) {
        put_texts(texts, child ? 3 : 5);
        CHECK(is_there());
    }
    if (child == 0) _exit(check_failures);
    int rc = -1;
    CHECK(waitpid(child, &rc, 0) == child && rc == 0);
    CHECK(is_there());
    drop_dir();
}

static void touch(const char *name, time_t days_ago) {
    char file[300];
    const struct timespec then[2] = {{.tv_sec = time(NULL) - days_ago * 86400},
                                     {.tv_sec = time(NULL) - days_ago * 86400}};
    snprintf(file, sizeof(file), "%s/%s", dir, name);
    if (!ludc_path_exists(file)) CHECK_INT(ludc_file_write(file, "x", 1, NULL), LUD_OK);
    CHECK_INT(utimensat(AT_FDCWD, file, then, 0), 0);
}

static bool there(const char *name) {
    char file[300];
    snprintf(file, sizeof(file), "%s/%s", dir, name);
    return ludc_path_exists(file);
}

static void test_old_ones(void) {
    static const char old[] = "00000000000000000000000000000000.rows", used[] = "00000000000000000000000000000001.rows",
                      *const others[] = {"00000000000000000000000000000000.vec", "my notes.rows", ".mine.tmp"};
    new_dir();
    touch(old, 31);
    touch(used, 29);
    touch(".12-3.tmp", 31);
    for (size_t i = 0; i < LUDC_COUNT(others); i++)
        touch(others[i], 1000);
    put_texts(texts, 1);
    touch("0123456789abcdeffedcba9876543210.rows", 1000);
    CHECK(is_there()); /* and so it is new again */
    ludc_archive_writer *w = create();
    CHECK(is_there());
    commit(w);
    CHECK(!there(old) && !there(".12-3.tmp") && there(used));
    for (size_t i = 0; i < LUDC_COUNT(others); i++)
        CHECK(there(others[i]));
    drop_dir();
}

static void test_no_place(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_archive_writer *w = NULL;
    new_dir();
    touch("file", 0);
    char file[300];
    snprintf(file, sizeof(file), "%s/file", dir);
    CHECK_INT(ludc_archive_create(file, key, &w, &err), LUD_E_IO);
    CHECK(w == NULL && strstr(err.msg, file));
    CHECK(ludc_archive_open(file, key) == NULL);
    CHECK_INT(mkdir(path, 0755), 0); /* a folder in its place */
    warnings = 0;
    CHECK(!is_there());
    CHECK_INT(warnings, 1);
    err = (lud_error)LUDC_ERROR_INIT;
    CHECK_INT(ludc_archive_create(dir, key, &w, &err), LUD_E_IO);
    drop_dir();
}

/* ---- Columns and rows ---- */
static bool same_column(const ludc_column *a, const ludc_column *b) {
    const size_t n = a->rows, n_ids = a->kind == LUDC_COLUMN_LISTS ? (size_t)a->offsets[n] : n;
    if (a->kind != b->kind || n != b->rows || a->width != b->width || !a->missing != !b->missing) return false;
    if (a->missing && memcmp(a->missing, b->missing, n) != 0) return false;
    if (a->kind == LUDC_COLUMN_REALS) return memcmp(a->reals, b->reals, n * (size_t)a->width * sizeof(float)) == 0;
    if (a->kind == LUDC_COLUMN_LISTS && memcmp(a->offsets, b->offsets, (n + 1) * sizeof(int64_t)) != 0) return false;
    return n_ids == 0 || memcmp(a->ids, b->ids, n_ids * sizeof(int32_t)) == 0;
}

static void test_columns(void) {
    float reals[] = {1, 2, 3, 4, 5, 6};
    int32_t ids[] = {7, 8, 9};
    int64_t offsets[] = {0, 2, 2, 3}, empty[] = {0, 0};
    uint8_t missing[] = {0, 1, 0};
    const ludc_column columns[] = {
        {.kind = LUDC_COLUMN_IDS, .rows = 3, .width = 1, .ids = ids, .missing = missing},
        {.kind = LUDC_COLUMN_REALS, .rows = 3, .width = 2, .reals = reals},
        {.kind = LUDC_COLUMN_LISTS, .rows = 3, .width = 1, .ids = ids, .offsets = offsets},
        {.kind = LUDC_COLUMN_LISTS, .rows = 1, .width = 1, .offsets = empty},
    };
    new_dir();
    ludc_archive_writer *w = create();
    for (size_t i = 0; i < LUDC_COUNT(columns); i++)
        ludc_column_put(w, &columns[i]);
    commit(w);
    ludc_archive *a = ludc_archive_open(dir, key);
    for (size_t i = 0; a && i < LUDC_COUNT(columns); i++) {
        ludc_column c;
        CHECK(ludc_column_take(a, &c) && same_column(&columns[i], &c));
        ludc_column_free(&c);
    }
    ludc_column c;
    CHECK(a && !ludc_column_take(a, &c) && !c.ids && c.rows == 0);
    ludc_archive_close(a);
    drop_dir();
}

static void test_rows(size_t n) {
    int32_t ids[64];
    ludc_rows rows = {0}, got;
    lud_error err = LUDC_ERROR_INIT;
    new_dir();
    for (size_t i = 0; i < LUDC_COUNT(ids); i++)
        ids[i] = (int32_t)i * 3;
    for (uint64_t i = 0; i < n; i++)
        CHECK_OK(ludc_rows_add(&rows, ids, i % 5, ids + i % 32, i % 7, 1000 - i, 8, &err), err);
    CHECK_OK(ludc_rows_end(&rows, &err), err);
    ludc_archive_writer *w = create();
    ludc_rows_put(w, &rows);
    commit(w);
    ludc_archive *a = ludc_archive_open(dir, key);
    CHECK(a && ludc_rows_take(a, &got));
    CHECK(got.len == n && got.tokens == rows.tokens && got.target_tokens == rows.target_tokens);
    CHECK(got.truncated == rows.truncated && got.without_target == rows.without_target);
    for (size_t i = 0; i < got.len; i++) {
        const ludc_row *x = &rows.ptr[i], *y = &got.ptr[i];
        CHECK(x->len == y->len && x->prompt_len == y->prompt_len && x->row == y->row);
        CHECK(x->len == 0 || memcmp(x->ids, y->ids, (size_t)x->len * sizeof(*x->ids)) == 0);
    }
    ludc_rows_free(&got);
    ludc_archive_close(a);
    ludc_rows_free(&rows);
    drop_dir();
}

/* Whole archives whose parts are noise, with small numbers where lengths stand: refused or sound, never beyond. */
static void test_noise(void) {
    new_dir();
    for (uint64_t seed = 0; seed < 120; seed++) {
        int64_t words[64];
        ludc_archive_writer *w = create();
        for (size_t part = 0; part < 8; part++) {
            for (size_t i = 0; i < LUDC_COUNT(words); i++)
                words[i] = (int64_t)(lud_mix64(seed * 1000 + part * 100 + i) % (seed % 3 ? 4 : UINT64_MAX));
            const size_t sizes[] = {sizeof(words) * 5 / 64, 0, 4, 8, 12, 16, 24, 100};
            ludc_archive_put(w, words, part ? sizes[lud_mix64(seed + part) % 8] : sizes[0], NULL);
        }
        commit(w);
        for (int kind = 0; kind < 2; kind++) {
            ludc_archive *a = ludc_archive_open(dir, key);
            ludc_column c = {0};
            ludc_rows r = {0};
            int64_t sum = 0;
            if (a && kind == 0 && ludc_column_take(a, &c))
                for (size_t i = 0; i < c.rows; i++)
                    sum += c.kind == LUDC_COLUMN_LISTS ? c.offsets[i + 1] : c.ids ? c.ids[i] : (int64_t)c.reals[i] / 2;
            if (a && kind == 1 && ludc_rows_take(a, &r))
                for (size_t i = 0; i < r.len; i++)
                    sum += r.ptr[i].len ? r.ptr[i].ids[r.ptr[i].len - 1] : 0;
            CHECK(a != NULL && sum != 1);
            ludc_column_free(&c);
            ludc_rows_free(&r);
            ludc_archive_close(a);
        }
    }
    drop_dir();
}

static void test_out_of_memory(void) {
    new_dir();
    for (int64_t n = 0; n < 20; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_archive_writer *w = NULL;
        ludc_archive *a;
        ludc_alloc_fail_after(n, true);
        lud_status status = ludc_archive_create(dir, key, &w, &err);
        if (status == LUD_OK) status = ludc_archive_commit(w, &err);
        a = ludc_archive_open(dir, key);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || err.msg[0]);
        ludc_archive_close(a);
    }
    CHECK(is_there());
    drop_dir();
}

int main(void) {
    ludc_log_set(count_warnings, NULL, LUD_LOG_INFO);
    test_parts();
    test_large();
    test_damage();
    test_two_writers();
    test_old_ones();
    test_no_place();
    test_columns();
    test_rows(0);
    test_rows(1);
    test_rows(500);
    test_noise();
    test_out_of_memory();
    return check_done();
}
