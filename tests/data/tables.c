/* SPDX-License-Identifier: Apache-2.0
 * Tables: what each format reads as, the words of each refusal, writing and reading back, {__sample__}. */
#include <check.h>
#include <data.h>
#include <unistd.h>

static char path_buffer[512];

static const char *path_of(const char *name) {
    const char *dir = getenv("LUDWIG_TEST_BINARY_DIR");
    snprintf(path_buffer, sizeof path_buffer, "%s/data_tables_%d.%s", dir ? dir : ".", (int)getpid(), name);
    return path_buffer;
}

static lud_status read_bytes(const char *ext, const char *bytes, size_t n, ludc_table **t, lud_error *err) {
    const char *path = path_of(ext);
    *err = LUDC_ERROR_INIT;
    *t = NULL;
    CHECK_OK(ludc_file_write(path, bytes, n, err), *err);
    lud_status status = ludc_table_read(path, NULL, t, err);
    unlink(path);
    return status;
}

/* The table as "a|b / 1|2", null cells as "~". */
static void check_table(const char *ext, const char *bytes, const char *want) {
    lud_error err;
    ludc_table *t;
    ludc_buf got = {0};
    CHECK_OK(read_bytes(ext, bytes, strlen(bytes), &t, &err), err);
    for (size_t row = 0; t && row <= ludc_table_rows(t); row++) {
        for (size_t i = 0; i < ludc_table_columns(t); i++) {
            lud_str cell = row ? ludc_table_cell(t, row - 1, i) : ludc_table_column_name(t, i);
            ludc_buf_adds(&got, i ? "|" : row ? " / " : "");
            ludc_buf_add(&got, cell.ptr ? cell.ptr : "~", cell.ptr ? cell.len : 1);
        }
    }
    CHECK_TEXT(got.ptr, want);
    ludc_buf_free(&got);
    ludc_table_free(t);
}

/* `want` is the message after the path. */
static void check_refused(const char *ext, const char *bytes, size_t n, const char *want) {
    lud_error err;
    ludc_table *t;
    CHECK_INT(read_bytes(ext, bytes, n, &t, &err), LUD_E_DATA);
    CHECK(t == NULL);
    size_t path = strlen(path_of(ext));
    CHECK(strncmp(err.msg, path_of(ext), path) == 0);
    CHECK_TEXT(strlen(err.msg) > path ? err.msg + path : err.msg, want);
}

static void test_csv(void) {
    check_table("csv", "a,b\n1,2\n", "a|b / 1|2");
    check_table("csv", "a,b\n1,2", "a|b / 1|2");
    check_table("csv",
                "\xEF\xBB\xBF"
                "a,b\r\n1,2\r\n",
                "a|b / 1|2");
    check_table("csv", "a,b\n\"x,\"\"y\"\"\nz\",\n", "a|b / x,\"y\"\nz|");
    check_table("csv", "a,b\n\n1,2\n\n", "a|b / 1|2");
    check_table("csv", "a\n\nx\n", "a /  / x");
    check_table("csv", "a,b\n x , y\"z \n", "a|b /  x | y\"z ");
    check_table("csv", "\"a,1\",b\n\"\",\"\"\n", "a,1|b / |");
    check_table("csv", "\"a \"\"1\"\"\",b\"\"\n\"\"\"\",\"\"\n", "a \"1\"|b\"\" / \"|");
    check_table("csv", "a,b\r\n\"1\",\"2\"\r\n\"3\",\r", "a|b / 1|2 / 3|");
    check_table("tsv", "a\tb\n1,2\t\"x\ty\"\n", "a|b / 1,2|x\ty");
    check_table("dat", "a\tb\n1\t2\n", "a|b / 1|2");
}

static void test_records(void) {
    check_table("json", "[{\"a\": \"x\", \"b\": 1}, {\"b\": null, \"c\": [1, {\"d\": true}]}]",
                "a|b|c / x|1|~ / ~|~|[1, {\"d\": true}]");
    check_table("jsonl", "{\"a\": 1.5}\n\n{\"a\": false}\r\n", "a / 1.5 / false");
    check_table("dat", "[{\"a\": 1}]", "a / 1");
    check_table("dat", "{\"a\": 1}\n", "a / 1");
}

#define REFUSED(ext, bytes, want) check_refused(ext, bytes, sizeof(bytes) - 1, want)

static void test_refusals(void) {
    REFUSED("csv", "", ": the dataset is empty (no header line)");
    REFUSED("csv", "a,b\n", ": the dataset is empty (no data row)");
    REFUSED("csv", "a,b\n1,2\n1,2,3\n", ":3: 3 fields, the header has 2 (quote fields that hold ',')");
    REFUSED("csv", "a,b,c,d\n1,\"\n\n\",3\n", ":2: 3 fields, the header has 4 (quote fields that hold ',')");
    REFUSED("csv", "a,b\n1,2\n\"3,4\n5,6\n", ":3: a field opens with a quote that is never closed");
    REFUSED("csv", "a,b\n\"1\"x,2\n", ":2: text after the closing quote of a field (double a quote inside one)");
    REFUSED("csv", "a,b\n\"1\"\rx,2\n", ":2: text after the closing quote of a field (double a quote inside one)");
    REFUSED("csv", "a,b\n1,2\n\xFF,2\n", ":3: not valid UTF-8 (convert the file first)");
    REFUSED("csv", "a\xFF,b\n1,2\n", ":1: not valid UTF-8 (convert the file first)");
    REFUSED("csv", "a,a\n1,2\n", ":1: the column 'a' occurs twice");
    REFUSED("json", "{\"a\": 1}", ": want a list of objects");
    REFUSED("json", "[1]", ": record 1 is not an object");
    REFUSED("json", "[]", ": the dataset is empty (no data row)");
    lud_error err;
    ludc_table *t;
    CHECK_INT(read_bytes("jsonl", "{\"a\": 1}\n{\"a\": \n", 17, &t, &err), LUD_E_DATA);
    CHECK(strstr(err.msg, "line 2") != NULL);
    err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_table_read("/nonexistent/x.csv", NULL, &t, &err), LUD_E_DATA);
    CHECK(strstr(err.msg, "/nonexistent/x.csv") != NULL);
}

static void test_need(void) {
    const char *columns[] = {"instruction", "output"};
    ludc_table *t = ludc_table_new(columns, 2);
    lud_error err = LUDC_ERROR_INIT;
    size_t at = 7;
    CHECK_OK(ludc_table_need(t, "d.csv", LUDC_STR("output"), &at, &err), err);
    CHECK_INT(at, 1);
    CHECK_INT(ludc_table_need(t, "d.csv", LUDC_STR("ouput"), &at, &err), LUD_E_DATA);
    CHECK_TEXT(err.msg, "d.csv: no column 'ouput' (did you mean 'output'?); there is: instruction, output");
    ludc_table_free(t);
}

static void check_round_trip(const char *ext) {
    const char *columns[] = {"a", "b \"q\", c"};
    const lud_str rows[3][2] = {{LUDC_STR("plain"), LUDC_STR("with, comma\tand tab")},
                                {LUDC_STR("line\nend\r\n"), LUDC_STR("\"quoted\" \xC3\xA9")},
                                {LUDC_STR(" edges "), LUDC_STR("last")}};
    lud_error err = LUDC_ERROR_INIT;
    ludc_table *t = ludc_table_new(columns, 2), *back = NULL;
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(ludc_table_add(t, rows[i], &err), err);
    CHECK_OK(ludc_table_write(t, path_of(ext), &err), err);
    CHECK_OK(ludc_table_read(path_of(ext), NULL, &back, &err), err);
    unlink(path_of(ext));
    CHECK(back && ludc_table_rows(back) == 3 && ludc_table_columns(back) == 2);
    for (size_t i = 0; back && i < 6; i++)
        CHECK(ludc_str_same(ludc_table_cell(back, i / 2, i % 2), rows[i / 2][i % 2]));
    ludc_table_free(t);
    ludc_table_free(back);
}

static void check_number(lud_str cell, const char *format, size_t row) {
    char want[64];
    CHECK_INT(cell.len, snprintf(want, sizeof want, format, row, row % 10));
    CHECK(memcmp(cell.ptr, want, cell.len) == 0);
}

/* More rows than a block of the index has, more bytes than stay in memory; read in another order, and texts that are
 * kept while other rows are read. */
static void test_many_rows(void) {
    enum { ROWS = 150000 };
    static const char *const quoted[] = {"%zu \"%zu\" and more, of some length, so that they are many",
                                         "%zu \"\"%zu\"\" and more, of some length, so that they are many"};
    lud_error err = LUDC_ERROR_INIT;
    ludc_table *t = NULL;
    FILE *f = fopen(path_of("csv"), "wb");
    fputs("n,text\n", f);
    for (size_t i = 0; i < ROWS; i++) {
        fprintf(f, "%zu,\"", i);
        fprintf(f, quoted[1], i, i % 10);
        fputs(i % 9 ? "\"\n" : "\"\r\n\n", f);
    }
    fclose(f);
    CHECK_OK(ludc_table_read(path_of("csv"), NULL, &t, &err), err);
    unlink(path_of("csv"));
    CHECK_INT(ludc_table_rows(t), ROWS);
    for (size_t i = 0; i < ROWS; i += 3) {
        const size_t row = i % 2 ? i : (size_t)ludc_permute(7, ROWS, i), next = (row + 1) % ROWS;
        const lud_str one = ludc_table_cell(t, row, 1), two = ludc_table_cell(t, next, 1);
        check_number(ludc_table_cell(t, ROWS - 1 - row, 0), "%zu", ROWS - 1 - row);
        check_number(one, quoted[0], row);
        check_number(two, quoted[0], next);
    }
    ludc_table_free(t);
}

static void test_writer(void) {
    const char *const ends[] = {"csv", "jsonl", "json"}, *const want[] = {"a\n", "", "[\n\n]\n"};
    const lud_str name = LUDC_STR("a");
    for (size_t k = 0; k < LUDC_COUNT(ends); k++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_table_writer *w = NULL;
        ludc_buf text = {0};
        CHECK_OK(ludc_table_writer_open(path_of(ends[k]), &name, 1, &w, &err), err);
        CHECK_OK(ludc_table_writer_add(w, &name, &err), err);
        ludc_table_writer_abort(w);
        CHECK(!ludc_path_exists(path_of(ends[k])));
        CHECK_OK(ludc_table_writer_open(path_of(ends[k]), &name, 1, &w, &err), err);
        CHECK_OK(ludc_table_writer_commit(w, &err), err);
        CHECK_OK(ludc_file_read(path_of(ends[k]), &text, &err), err);
        CHECK_TEXT(text.ptr, want[k]);
        unlink(path_of(ends[k]));
        ludc_buf_free(&text);
    }
}

static void test_sample(void) {
    const char *columns[] = {"a", "b"};
    const lud_str row[2] = {LUDC_STR("\"say\" \xC3\xA9\xF0\x9F\x98\x80\n\\ \"hi\""), {0}};
    lud_error err = LUDC_ERROR_INIT;
    ludc_table *t = ludc_table_new(columns, 2);
    ludc_buf out = {0};
    CHECK_OK(ludc_table_add(t, row, &err), err);
    CHECK_OK(ludc_table_sample_cell(t, 0, 0, &out), err);
    CHECK_TEXT(out.ptr, "\\\"say\\\" \\u00e9\\ud83d\\ude00\\n\\\\ \\\"hi\\");
    ludc_buf_clear(&out);
    CHECK_OK(ludc_table_sample_cell(t, 0, 1, &out), err);
    CHECK_TEXT(out.ptr, "null");
    ludc_buf_free(&out);
    ludc_table_free(t);
}

static void test_no_memory(void) {
    const char *names[] = {"csv", "json"}, *texts[] = {"a,b\n1,\"2\"\"\"\n3,4\n", "[{\"a\": 1, \"b\": [2]}]"};
    for (size_t k = 0; k < 2; k++) {
        lud_error err = LUDC_ERROR_INIT;
        CHECK_OK(ludc_file_write(path_of(names[k]), texts[k], strlen(texts[k]), &err), err);
        lud_status status = LUD_E_NOMEM;
        for (int64_t n = 0; n < 500 && status != LUD_OK; n++) {
            ludc_table *t = NULL;
            err = LUDC_ERROR_INIT;
            ludc_alloc_fail_after(n, true);
            status = ludc_table_read(path_of(names[k]), NULL, &t, &err);
            ludc_alloc_fail_after(-1, false);
            CHECK((status == LUD_OK) == (t != NULL));
            ludc_table_free(t);
        }
        CHECK_INT(status, LUD_OK);
        unlink(path_of(names[k]));
    }
}

int main(void) {
    test_csv();
    test_records();
    test_refusals();
    test_need();
    check_round_trip("csv");
    check_round_trip("tsv");
    check_round_trip("json");
    check_round_trip("jsonl");
    test_many_rows();
    test_writer();
    test_sample();
    test_no_memory();
    return check_done();
}
