/* SPDX-License-Identifier: Apache-2.0
 * Files and folders: atomic writes, what is left after a failure, messages, paths. Works in a folder of its own. */
#include <base.h>
#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static const char *in_folder(const char *name) {
    static char path[32][512];
    static int turn;
    turn = (turn + 1) % 32;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static size_t files_in_folder(void) {
    char **names = NULL;
    size_t n = 0;
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_dir_list(folder, &names, &n, &err), err);
    ludc_dir_list_free(names, n);
    return n;
}

static void check_content(const char *path, const char *want) {
    ludc_buf b = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_file_read(path, &b, &err), err);
    CHECK_TEXT(b.ptr, want);
    ludc_buf_free(&b);
}

static void test_write_and_read(void) {
    lud_error err = LUDC_ERROR_INIT;
    const char *path = in_folder("a.txt");
    CHECK_OK(ludc_file_write(path, "first", 5, &err), err);
    CHECK_OK(ludc_file_write(path, "second", 6, &err), err);
    check_content(path, "second");
    CHECK_OK(ludc_file_copy(path, in_folder("b.txt"), &err), err);
    check_content(in_folder("b.txt"), "second");
    CHECK_OK(ludc_file_write(in_folder("empty"), NULL, 0, &err), err);
    check_content(in_folder("empty"), "");
    ludc_map_file map = {0};
    CHECK_OK(ludc_file_map(path, &map, &err), err);
    CHECK(map.size == 6 && memcmp(map.ptr, "second", 6) == 0);
    ludc_file_unmap(&map);
    CHECK_OK(ludc_file_map(in_folder("empty"), &map, &err), err);
    CHECK_INT(map.size, 0);
    ludc_file_unmap(&map);
    CHECK_INT(files_in_folder(), 3);
}

static void test_writer_is_atomic(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_file_writer *w = NULL, *other = NULL;
    const char *path = in_folder("a.txt");
    CHECK_OK(ludc_file_open_writer(path, &w, &err), err);
    CHECK_OK(ludc_file_open_writer(path, &other, &err), err);
    CHECK_OK(ludc_file_append(w, "new", 3, &err), err);
    check_content(path, "second");
    ludc_file_abort(other);
    CHECK_OK(ludc_file_commit(w, &err), err);
    check_content(path, "new");
    ludc_file_abort(NULL);
    CHECK_INT(files_in_folder(), 3);
}

static void test_messages(void) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_buf b = {0};
    CHECK_INT(ludc_file_read(in_folder("absent"), &b, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "absent") && strstr(err.msg, "No such file"));
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_file_read(folder, &b, &err), LUD_E_IO);
    CHECK(strstr(err.msg, folder) != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_file_write(folder, "x", 1, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "a folder") != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_file_write("/dev/null", "x", 1, &err), LUD_E_IO);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_file_write(in_folder("no/such/file"), "x", 1, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "no/such/file") != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_dir_make(in_folder("a.txt/below"), &err), LUD_E_IO);
    ludc_buf_free(&b);
}

static void test_longest_name(void) {
    lud_error err = LUDC_ERROR_INIT;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    CHECK_OK(ludc_file_write(in_folder(name), "x", 1, &err), err);
    CHECK(unlink(in_folder(name)) == 0);
}

static void test_folders(void) {
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_path_can_make(in_folder("x/y/z"), true, &err), err);
    CHECK_INT(ludc_path_can_make(in_folder("x/y/z"), false, &err), LUD_E_IO);
    CHECK_INT(ludc_path_can_make(in_folder("a.txt/below"), true, &err), LUD_E_IO);
    CHECK(!ludc_path_exists(in_folder("x")));
    err = LUDC_ERROR_INIT;
    lud_status at_root = ludc_path_can_make("/nothing", false, NULL);
    CHECK(at_root == LUD_OK || at_root == LUD_E_IO); /* who runs this? */
    CHECK_OK(ludc_dir_make(in_folder("x/y/z"), &err), err);
    CHECK_OK(ludc_path_can_make(in_folder("x/y/z"), false, &err), err);
    CHECK_OK(ludc_dir_make(in_folder("x/y/z/"), &err), err);
    CHECK(ludc_path_is_dir(in_folder("x/y/z")) && !ludc_path_is_dir(in_folder("a.txt")));
    CHECK_OK(ludc_file_write(in_folder("x/y/f"), "x", 1, &err), err);
    CHECK(symlink(in_folder("a.txt"), in_folder("x/link")) == 0);
    CHECK_OK(ludc_path_rename(in_folder("x/y"), in_folder("x/w"), &err), err);
    CHECK(ludc_path_exists(in_folder("x/w/f")));
    CHECK_OK(ludc_dir_remove(in_folder("x"), &err), err);
    CHECK(!ludc_path_exists(in_folder("x")) && ludc_path_exists(in_folder("a.txt")));
    CHECK_OK(ludc_dir_remove(in_folder("x"), &err), err);
    char **names = NULL;
    size_t n = 0;
    CHECK_OK(ludc_dir_list(folder, &names, &n, &err), err);
    CHECK(n == 3 && strcmp(names[0], "a.txt") == 0 && strcmp(names[2], "empty") == 0);
    ludc_dir_list_free(names, n);
    CHECK_INT(ludc_dir_list(in_folder("nothing"), &names, &n, &err), LUD_E_IO);
}

static void check_heap_text(char *got, const char *want) {
    CHECK_TEXT(got, want);
    ludc_free(got);
}

static void test_paths(void) {
    check_heap_text(ludc_path_join("a", "b"), "a/b");
    check_heap_text(ludc_path_join("a/", "b"), "a/b");
    check_heap_text(ludc_path_join("", "b"), "b");
    check_heap_text(ludc_path_absolute("/no//such/./x/../y/"), "/no/such/y");
    check_heap_text(ludc_path_absolute("/../no-such"), "/no-such");
    check_heap_text(ludc_path_absolute("/.."), "/");
    char *here = ludc_path_absolute("no-such-file"), *image = ludc_path_of_image();
    CHECK(here && here[0] == '/');
    CHECK(image && image[0] == '/' && ludc_path_is_dir(image));
    ludc_free(here);
    ludc_free(image);
}

static lud_status write_copy_list(lud_error *err) {
    char **names = NULL;
    size_t n = 0;
    ludc_buf b = {0};
    lud_status status = ludc_file_write(in_folder("oom"), "text", 4, err);
    if (status == LUD_OK) status = ludc_file_read(in_folder("oom"), &b, err);
    if (status == LUD_OK) status = ludc_dir_make(in_folder("oom-folder"), err);
    if (status == LUD_OK) status = ludc_dir_list(folder, &names, &n, err);
    if (status == LUD_OK) status = ludc_dir_remove(in_folder("oom-folder"), err);
    ludc_dir_list_free(names, n);
    ludc_buf_free(&b);
    return status;
}

static void test_out_of_memory(void) {
    int failures = 0;
    lud_status status = LUD_E_NOMEM;
    for (int64_t after = 0; after < 40; after++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(after, false);
        status = write_copy_list(&err);
        failures += status != LUD_OK;
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || (status == LUD_E_NOMEM && err.code == status && err.msg[0]));
        unlink(in_folder("oom"));
        rmdir(in_folder("oom-folder"));
        CHECK_INT(files_in_folder(), 3);
    }
    CHECK(status == LUD_OK && failures > 8);
}

/* `n` bytes in pieces, each byte the number of its piece. */
static void check_spill(size_t pieces, bool file) {
    static char piece[3 << 20];
    ludc_spill s = {0};
    ludc_map_file map = {0};
    lud_error err = LUDC_ERROR_INIT;
    for (size_t i = 0; i < pieces; i++) {
        memset(piece, (int)i, sizeof piece);
        CHECK_OK(ludc_spill_add(&s, piece, sizeof piece, &err), err);
    }
    CHECK_OK(ludc_spill_end(&s, &map, &err), err);
    CHECK(file ? map.ptr && !s.held.ptr && map.size == pieces * sizeof piece : !map.ptr);
    const char *all = file ? (const char *)map.ptr : s.held.ptr;
    for (size_t i = 0; i < pieces; i++) {
        memset(piece, (int)i, sizeof piece);
        CHECK(memcmp(all + i * sizeof piece, piece, sizeof piece) == 0);
        ludc_file_release(&map);
    }
    ludc_file_unmap(&map);
    ludc_spill_free(&s);
}

static void test_spill(void) {
    setenv("TMPDIR", folder, 1);
    check_spill(0, false);
    check_spill(2, false);
    check_spill(3, true);
    check_spill(7, true);
    CHECK_INT(files_in_folder(), 0);
    setenv("TMPDIR", in_folder("missing"), 1);
    static const char piece[9 << 20];
    ludc_spill s = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_spill_add(&s, piece, sizeof piece, &err), LUD_E_IO);
    CHECK(strstr(err.msg, "missing: cannot create a temporary file") != NULL);
    ludc_spill_free(&s);
    unsetenv("TMPDIR");
}

int main(void) {
    const char *base = getenv("LUDWIG_TEST_BINARY_DIR");
    lud_error err = LUDC_ERROR_INIT;
    snprintf(folder, sizeof folder, "%s/test_file.%ld", base ? base : "/tmp", (long)getpid());
    CHECK_OK(ludc_dir_make(folder, &err), err);
    test_spill();
    test_write_and_read();
    test_writer_is_atomic();
    test_messages();
    test_longest_name();
    test_folders();
    test_paths();
    test_out_of_memory();
    CHECK_OK(ludc_dir_remove(folder, &err), err);
    return check_done();
}
