/* SPDX-License-Identifier: Apache-2.0
 * docs/config.md is what the schema tables print. With --print: writes that text to stdout. */
#include "markdown.h"

#include <check.h>

int main(int argc, char **argv) {
    ludc_buf want = {0}, got = {0};
    lud_error err = LUDC_ERROR_INIT;
    schema_markdown(&want);
    CHECK(!want.failed);
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        fwrite(want.ptr, 1, want.len, stdout);
        ludc_buf_free(&want);
        return 0;
    }
    const char *root = getenv("LUDWIG_TEST_SOURCE_DIR");
    char *path = ludc_path_join(root ? root : ".", "docs/config.md");
    CHECK_OK(ludc_file_read(path, &got, &err), err);
    CHECK_TEXT(got.ptr, want.ptr);
    ludc_free(path);
    ludc_buf_free(&got);
    ludc_buf_free(&want);
    return check_done();
}
