/* SPDX-License-Identifier: Apache-2.0
 * Mutated tables, from a fixed seed: no crash; a table or a message. Earns its keep under the sanitizers. */
#include <check.h>
#include <data.h>
#include <unistd.h>

static const char *const seeds[] = {"a,b,c\n1,\"x \"\"y\"\",\n2\",3\n4,5,6\r\n", "a\tb\n1\t\"q\"\n",
                                    "[{\"a\": 1, \"b\": \"x\\u0000y\"}, {\"c\": [1, {\"d\": null}]}]",
                                    "{\"a\": 1}\n{\"b\": 2.5e3}\n"};
static const char *const formats[] = {"csv", "tsv", "json", "jsonl"};
static const char bytes[] = ",\"\n\r\t{}[]: 01eax\0\xFF\xC3\xEF\\";

static size_t mutate(char *text, size_t n, size_t cap, uint64_t key) {
    for (uint64_t t = 0; t <= lud_mix64(key) % 5; t++) {
        uint64_t r = lud_mix64(key + 1 + t);
        size_t at = n ? (size_t)(r >> 8) % n : 0;
        if (r % 3 == 0 && n) {
            text[at] = bytes[(r >> 32) % (sizeof bytes - 1)];
        } else if (r % 3 == 1 && n) {
            memmove(text + at, text + at + 1, n - at - 1);
            n--;
        } else if (n < cap) {
            memmove(text + at + 1, text + at, n - at);
            text[at] = bytes[(r >> 32) % (sizeof bytes - 1)];
            n++;
        }
    }
    return n;
}

static void touch(const ludc_table *t) {
    for (size_t row = 0; row < ludc_table_rows(t); row++)
        for (size_t i = 0; i < ludc_table_columns(t); i++) {
            lud_str cell = ludc_table_cell(t, row, i);
            CHECK(!cell.ptr || ludc_utf8_valid(cell.ptr, cell.len));
        }
}

int main(void) {
    char path[512], text[512];
    const char *dir = getenv("LUDWIG_TEST_BINARY_DIR"), *times = getenv("LUDWIG_FUZZ_RUNS");
    snprintf(path, sizeof path, "%s/data_fuzz_%d", dir ? dir : ".", (int)getpid());
    uint64_t n_runs = times ? strtoull(times, NULL, 10) : 1500;
    for (uint64_t i = 0; i < n_runs; i++) {
        size_t k = i % LUDC_COUNT(seeds), n = strlen(seeds[k]);
        memcpy(text, seeds[k], n);
        n = mutate(text, n, sizeof text, i * 7919);
        FILE *f = fopen(path, "wb"); /* without the fsync of ludc_file_write */
        if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0) abort();
        ludc_table *t = NULL;
        lud_error err = LUDC_ERROR_INIT;
        lud_status status = ludc_table_read(path, i % 7 ? formats[k] : NULL, &t, &err);
        CHECK(status == LUD_OK ? t != NULL : status == LUD_E_DATA && err.msg[0]);
        if (t) touch(t);
        ludc_table_free(t);
    }
    unlink(path);
    return check_done();
}
